package state_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// requestsOf gives a store with a project and one submitted request of one file
// and one vote.
func requestsOf(t *testing.T) (*state.DB, state.Requests, egress.Request) {
	t.Helper()
	db, _ := open(t)
	ctx := t.Context()
	err := state.Workspaces(db).Update(ctx, func(tx workspaces.Tx) error {
		return errors.Join(tx.AddUser(ctx, "ada"), tx.AddProject(ctx, workspaces.Project{
			ID: "p", Title: "T", Purpose: "P", State: workspaces.ProjectActive, Policy: "sdap", OptOutBasis: workspaces.BasisApplies,
			Expires: noon.AddDate(1, 0, 0), CreatedBy: "ada", Version: 1,
			Members: []workspaces.Member{{User: "ada", Role: gatehouse.RoleLead, TrainingUntil: noon.AddDate(1, 0, 0)}},
		}))
	})
	if err != nil {
		t.Fatal(err)
	}
	r := egress.Request{
		ID: "req_1", Project: "p", Title: "T", Context: egress.RequestContext{What: "w"}, State: egress.RequestInReview, Author: "ada", Round: 1, Version: 1,
		Created: noon, Submitted: noon.Add(time.Hour), Insiders: []string{"ada"}, Groups: []egress.OutputGroup{{Name: "g", Context: egress.RequestContext{Dates: "d"}}}, Vetoes: []string{"v"},
	}
	store := state.Requests{DB: db}
	err = store.Update(ctx, func(tx egress.RequestTx) error {
		return errors.Join(
			tx.AddRequest(ctx, r),
			tx.AddFile(ctx, egress.RequestFile{ID: "fil_1", Request: "req_1", Name: "a.csv", Kind: egress.KindOutput, SHA256: strings.Repeat("a", 64), Bytes: 3, Origin: egress.OriginUpload, AddedBy: "ada", Added: noon, Round: 1}),
			tx.AddVote(ctx, "req_1", egress.Vote{File: "fil_1", Checker: "chris", Round: 1, Stage: egress.StageBlind, Verdict: egress.VerdictReject, Comment: "c", Cast: noon}),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	return db, store, r
}

func TestRequestsAreReadAsTheyWereWritten(t *testing.T) {
	_, store, want := requestsOf(t)
	ctx := t.Context()
	release := egress.Release{ID: "rel_1", Request: "req_1", Project: "p", Title: "T", SHA256: strings.Repeat("b", 64), Bytes: 9, Key: "k", Files: []string{"a.csv"}, Released: noon, By: "chloe", Expires: noon.Add(time.Hour)}
	err := store.Update(ctx, func(tx egress.RequestTx) error {
		return errors.Join(tx.AddRelease(ctx, release), tx.AddDownload(ctx, "rel_1", egress.Download{By: "ada", Session: "s", At: noon}))
	})
	if err != nil {
		t.Fatal(err)
	}
	err = store.View(ctx, func(tx egress.RequestReader) error {
		r, err := tx.Request(ctx, "req_1")
		if err != nil {
			return err
		}
		if r.Title != want.Title || r.Context != want.Context || r.State != want.State || !r.Submitted.Equal(want.Submitted) || !r.Concluded.IsZero() ||
			len(r.Insiders) != 1 || r.Release != "rel_1" || len(r.Files) != 1 || !r.Files[0].Removed.IsZero() || len(r.Votes) != 1 || r.Votes[0].Comment != "c" {
			t.Errorf("%+v", r)
		}
		got, err := tx.Release(ctx, "rel_1")
		if err != nil {
			return err
		}
		if got.SHA256 != release.SHA256 || !got.Expires.Equal(release.Expires) || got.Recalled != nil || len(got.Downloads) != 1 || got.Downloads[0].Session != "s" {
			t.Errorf("%+v", got)
		}
		for what, err := range map[string]error{"request": second(tx.Request(ctx, "req_2")), "release": second(tx.Release(ctx, "rel_2")), "project": second(tx.Project(ctx, "q"))} {
			if gatehouse.CodeOf(err) != gatehouse.CodeNotFound {
				t.Errorf("%s: %v", what, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestWhatWasVotedAndDownloadedStays(t *testing.T) {
	db, store, _ := requestsOf(t)
	ctx := t.Context()
	err := store.Update(ctx, func(tx egress.RequestTx) error {
		return errors.Join(
			tx.AddRelease(ctx, egress.Release{ID: "rel_1", Request: "req_1", Project: "p", Released: noon, Expires: noon}),
			tx.AddDownload(ctx, "rel_1", egress.Download{By: "ada", At: noon}))
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`UPDATE request_votes SET verdict = 'approve'`, `DELETE FROM request_votes`,
		`UPDATE release_downloads SET user_name = 'eve'`, `DELETE FROM release_downloads`,
		`DELETE FROM request_files`, `DELETE FROM requests`, `DELETE FROM releases`,
		`INSERT INTO request_votes (request, file, checker, round, stage, verdict, comment, cast_at) VALUES ('req_1', 'fil_1', 'chris', 1, 'blind', 'approve', '', '')`,
		`INSERT INTO releases (id, request, project, title, sha256, bytes, signing_key, files, released, released_by, expires) VALUES ('rel_2', 'req_1', 'p', '', '', 1, '', '[]', '', '', '')`,
		`INSERT INTO request_files (id, request, name, sha256, bytes, origin, decision, report, added_by, added, round) VALUES ('fil_2', 'req_1', 'a.csv', '` + strings.Repeat("c", 64) + `', 1, 'upload', '', '{}', '', '', 1)`,
	} {
		err := db.Update(ctx, func(tx *state.Tx) error {
			_, err := tx.SQL().ExecContext(ctx, statement)
			return err
		})
		if err == nil {
			t.Errorf("accepted: %s", statement)
		}
	}
	if n := count(t, db, `SELECT count(*) FROM request_votes WHERE verdict = 'reject'`); n != 1 {
		t.Errorf("%d votes left", n)
	}
}

func TestTwoChangesCannotFollowTheSameVersion(t *testing.T) {
	_, store, r := requestsOf(t)
	ctx := t.Context()
	r.Version = 2
	save := func() error {
		return store.Update(ctx, func(tx egress.RequestTx) error { return tx.SaveRequest(ctx, r) })
	}
	if err := save(); err != nil {
		t.Fatal(err)
	}
	if err := save(); gatehouse.CodeOf(err) != gatehouse.CodeRequestState {
		t.Errorf("%v", err)
	}
}

func TestEarlierRejectionsAreFoundOnceTheyAreNoSecret(t *testing.T) {
	_, store, r := requestsOf(t)
	ctx := t.Context()
	find := func() map[string][]string {
		var found map[string][]string
		err := store.View(ctx, func(tx egress.RequestReader) (err error) {
			found, err = tx.Rejections(ctx, []string{strings.Repeat("a", 64), strings.Repeat("f", 64)}, "req_2")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if found := find(); len(found) != 0 {
		t.Errorf("a blind review is told: %v", found)
	}
	r.State, r.Version = egress.RequestWithdrawn, 2
	if err := store.Update(ctx, func(tx egress.RequestTx) error { return tx.SaveRequest(ctx, r) }); err != nil {
		t.Fatal(err)
	}
	if found := find(); len(found) != 1 || found[strings.Repeat("a", 64)][0] != "req_1" {
		t.Errorf("%v", found)
	}
}
