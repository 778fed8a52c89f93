package state_test

import (
	"slices"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Nobody who has withdrawn comes back by a merge or split: of the datasets of that
// index, of every project whom it concerns, and the mark of each tells that it changed.
func TestWithdrawalsAreCarriedByChangesOfTheIndex(t *testing.T) {
	db, _ := open(t)
	store, ctx := state.Workspaces(db), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(store.Update(ctx, func(tx workspaces.Tx) error {
		for _, w := range []struct {
			dataset, project string
			unit             uint32
		}{{"gp", "", 1}, {"gp", "asthma", 5}, {"gp", "cancer", 9}, {"other", "", 1}} {
			if err := tx.Withdraw(ctx, w.dataset, w.project, []uint32{w.unit}); err != nil {
				return err
			}
		}
		return tx.SetConsents(ctx, workspaces.Consents{Dataset: "gp", Project: "asthma", Units: roaring.BitmapOf(2, 6, 7), Dated: time.Unix(0, 0)})
	}))
	look := func(dataset, project string) (units []uint32, mark int64) {
		must(store.View(ctx, func(tx workspaces.Tx) error {
			left, err := tx.Withdrawn(ctx, dataset, project)
			if err != nil {
				return err
			}
			units = left.ToArray()
			mark, err = tx.WithdrawalMark(ctx, dataset, project)
			return err
		}))
		return units, mark
	}
	// 3 takes in 2, which is what 1 was taken into; 6 is split from 5.
	e := gatehouse.Event{Actor: "carl", Action: "index.merged", Subject: "gp"}
	carried := []catalog.Carried{{From: []uint32{3, 2}, To: []uint32{3, 2}}, {From: []uint32{2, 1}, To: []uint32{2, 1}}, {From: []uint32{5}, To: []uint32{6}}}
	must(state.Catalogue{DB: db}.RecordIndexChange(ctx, []string{"gp"}, e, carried))
	for _, want := range []struct {
		dataset, project string
		units            []uint32
		mark             int64
	}{
		{"gp", "asthma", []uint32{1, 2, 3, 5, 6}, 7}, {"gp", "cancer", []uint32{1, 2, 3, 9}, 4}, {"gp", "", []uint32{1, 2, 3}, 3}, {"other", "", []uint32{1}, 1},
	} {
		if units, mark := look(want.dataset, want.project); !slices.Equal(units, want.units) || mark != want.mark {
			t.Errorf("%s of %q: %v at %d, want %v at %d", want.dataset, want.project, units, mark, want.units, want.mark)
		}
	}
	must(state.Catalogue{DB: db}.RecordIndexChange(ctx, []string{"gp"}, e, carried)) // and again, which changes nothing
	if _, mark := look("gp", "asthma"); mark != 7 {
		t.Errorf("the mark is %d", mark)
	}
	must(store.View(ctx, func(tx workspaces.Tx) error { // whose units moved consent again, or not at all
		c, err := tx.Consents(ctx, "gp", "asthma")
		if err == nil && !slices.Equal(c.Units.ToArray(), []uint32{7}) {
			t.Errorf("consent stands of %v", c.Units)
		}
		return err
	}))
}

// Two who had both withdrawn and are merged may stay in no version: populations that
// show them are out of date, though nobody else is withdrawn.
func TestAChangeOfTheIndexTellsOfThoseWhoStayed(t *testing.T) {
	db, _ := open(t)
	store, ctx := state.Workspaces(db), t.Context()
	mark := func() (mark int64) {
		t.Helper()
		if err := store.View(ctx, func(tx workspaces.Tx) (err error) {
			mark, err = tx.WithdrawalMark(ctx, "gp", "asthma")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return mark
	}
	if err := store.Update(ctx, func(tx workspaces.Tx) error { return tx.Withdraw(ctx, "gp", "", []uint32{1, 2}) }); err != nil {
		t.Fatal(err)
	}
	before := mark()
	e := gatehouse.Event{Actor: "carl", Action: "index.merged", Subject: "gp"}
	carried := []catalog.Carried{{From: []uint32{1, 2}, To: []uint32{1, 2}}}
	for range 2 { // the second time it changes nothing
		if err := (state.Catalogue{DB: db}).RecordIndexChange(ctx, []string{"gp"}, e, carried); err != nil {
			t.Fatal(err)
		}
		if after := mark(); after != before+1 {
			t.Errorf("the mark went from %d to %d", before, after)
		}
	}
}
