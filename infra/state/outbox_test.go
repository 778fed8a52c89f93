package state_test

import (
	"errors"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/state"
)

func TestANoticeIsKeptWithItsChangeOrNotAtAll(t *testing.T) {
	db, _ := open(t)
	ctx := t.Context()
	n := gatehouse.Notice{Kind: "training.lapses", To: "ada", Project: "asthma", Subject: "asthma", Due: noon}
	boom := errors.New("boom")
	if err := db.Update(ctx, func(tx *state.Tx) error { tx.Notify(n); return boom }); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	if got := count(t, db, `SELECT count(*) FROM notices`); got != 0 {
		t.Errorf("%d notices of a change that failed", got)
	}
	if err := db.View(ctx, func(tx *state.Tx) error { tx.Notify(n); return nil }); err == nil {
		t.Error("a View notified")
	}
	if err := db.Update(ctx, func(tx *state.Tx) error { tx.Notify(n); return addUser(ctx, tx, "ada") }); err != nil {
		t.Fatal(err)
	}
	if got := count(t, db, `SELECT count(*) FROM notices WHERE kind = 'training.lapses' AND user_name = 'ada' AND project = 'asthma' AND spread IS NULL`); got != 1 {
		t.Errorf("%d notices, want 1", got)
	}
}

func TestWhatIsNoIdDoesNotGetIntoANotice(t *testing.T) {
	db, _ := open(t)
	err := db.Update(t.Context(), func(tx *state.Tx) error {
		tx.Notify(gatehouse.Notice{Kind: "request submitted by ada", To: "ada", Project: "Asthma in the North", Subject: "asthma by ward.csv"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := count(t, db, `SELECT count(*) FROM notices WHERE kind = 'notice' AND project = '' AND subject = ''`); got != 1 {
		t.Error("a notice kept text that somebody wrote")
	}
}
