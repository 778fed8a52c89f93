package state_test

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/state"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func key(t *testing.T) (note.Signer, note.Verifier) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := journal.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := journal.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return signer, verifier
}

// open gives a database with a real journal, and the journal's folder.
func open(t *testing.T) (*state.DB, string) {
	t.Helper()
	dir := t.TempDir()
	signer, _ := key(t)
	db, err := state.Open(t.Context(), filepath.Join(dir, "state", "gatehouse.db"), state.Options{
		Journal: journal.New(signer, filepath.Join(dir, "journal", "checkpoint")),
		Now:     func() time.Time { return noon },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db, dir
}

func addUser(ctx context.Context, tx *state.Tx, name string) error {
	_, err := tx.SQL().ExecContext(ctx, `INSERT INTO users (name, created) VALUES ($1, $2)`, name, "2026-01-01T00:00:00.000000Z")
	return err
}

func count(t *testing.T, db *state.DB, query string) (n int) {
	t.Helper()
	err := db.View(t.Context(), func(tx *state.Tx) error {
		return tx.SQL().QueryRowContext(t.Context(), query).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestChangeAndEventCommitTogetherOrNotAtAll(t *testing.T) {
	db, _ := open(t)
	ctx := t.Context()
	boom := errors.New("boom")
	failures := map[string]func(*state.Tx) error{
		"the function fails": func(tx *state.Tx) error { return boom },
		"a constraint fails": func(tx *state.Tx) error { return addUser(ctx, tx, "ada") },
	}
	for name, fail := range failures {
		t.Run(name, func(t *testing.T) {
			err := db.Update(ctx, func(tx *state.Tx) error {
				tx.Record(gatehouse.Event{Actor: "system", Action: "user.added", Subject: "ada"})
				if err := addUser(ctx, tx, "ada"); err != nil {
					return err
				}
				return fail(tx)
			})
			if err == nil {
				t.Fatal("no error")
			}
			if gatehouse.CodeOf(err) == gatehouse.CodeJournal {
				t.Errorf("%v, which blames the journal", err)
			}
			if n := count(t, db, `SELECT count(*) FROM users`); n != 0 {
				t.Errorf("%d users after a failed change", n)
			}
			if n := count(t, db, `SELECT count(*) FROM journal_events`); n != 0 {
				t.Errorf("%d events after a failed change", n)
			}
		})
	}
	t.Run("the function panics", func(t *testing.T) {
		func() {
			defer func() { recover() }()
			db.Update(ctx, func(tx *state.Tx) error {
				if err := addUser(ctx, tx, "ada"); err != nil {
					return err
				}
				panic("boom")
			})
		}()
		if n := count(t, db, `SELECT count(*) FROM users`); n != 0 {
			t.Errorf("%d users after a panic", n)
		}
	})
	if err := db.Update(ctx, func(tx *state.Tx) error {
		tx.Record(gatehouse.Event{Actor: "system", Action: "user.added", Subject: "ada"})
		return addUser(ctx, tx, "ada")
	}); err != nil {
		t.Fatal(err)
	}
	if users, events := count(t, db, `SELECT count(*) FROM users`), count(t, db, `SELECT count(*) FROM journal_events`); users != 1 || events != 1 {
		t.Errorf("%d users and %d events, want one of each", users, events)
	}
}

type brokenJournal struct{ append, committed error }

func (b brokenJournal) Append(context.Context, *sql.Tx, []gatehouse.Event) error { return b.append }
func (b brokenJournal) Committed() func() error                                  { return func() error { return b.committed } }

func TestNothingIsKeptThatTheJournalDidNotTake(t *testing.T) {
	for name, o := range map[string]state.Options{
		"no journal":           {},
		"journal fails":        {Journal: brokenJournal{append: errors.New("full")}},
		"checkpoint not saved": {Journal: brokenJournal{committed: errors.New("full")}},
	} {
		t.Run(name, func(t *testing.T) {
			db, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "gatehouse.db"), o)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			err = db.Update(t.Context(), func(tx *state.Tx) error {
				tx.Record(gatehouse.Event{Action: "user.added"})
				return addUser(t.Context(), tx, "ada")
			})
			if gatehouse.CodeOf(err) != gatehouse.CodeJournal {
				t.Errorf("error %v, want %s", err, gatehouse.CodeJournal)
			}
			want := 0
			if name == "checkpoint not saved" {
				want = 1 // the change stands, and its caller hears that the checkpoint does not
			}
			if n := count(t, db, `SELECT count(*) FROM users`); n != want {
				t.Errorf("%d users, want %d", n, want)
			}
		})
	}
}

func TestUnwritableDatabaseFailsClosed(t *testing.T) {
	t.Run("folder cannot be made", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := state.Open(t.Context(), filepath.Join(file, "gatehouse.db"), state.Options{})
		if gatehouse.CodeOf(err) != gatehouse.CodeJournal {
			t.Errorf("error %v, want %s", err, gatehouse.CodeJournal)
		}
	})
	t.Run("not a database", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "gatehouse.db")
		if err := os.WriteFile(file, []byte("this is not a database, however long one looks at it"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := state.Open(t.Context(), file, state.Options{})
		if gatehouse.CodeOf(err) != gatehouse.CodeJournal {
			t.Errorf("error %v, want %s", err, gatehouse.CodeJournal)
		}
	})
	t.Run("disk full in the middle", func(t *testing.T) {
		db, _ := open(t)
		err := db.Update(t.Context(), func(tx *state.Tx) error {
			// The same SQLITE_FULL as a full disk gives.
			if _, err := tx.SQL().ExecContext(t.Context(), `PRAGMA max_page_count = 1`); err != nil {
				return err
			}
			for i := range 10_000 {
				if err := addUser(t.Context(), tx, fmt.Sprint("user", i)); err != nil {
					return err
				}
			}
			return nil
		})
		if gatehouse.CodeOf(err) != gatehouse.CodeJournal {
			t.Errorf("error %v, want %s", err, gatehouse.CodeJournal)
		}
		if n := count(t, db, `SELECT count(*) FROM users`); n != 0 {
			t.Errorf("%d users were kept", n)
		}
	})
}

func TestStateIsPrivate(t *testing.T) {
	_, dir := open(t)
	for path, want := range map[string]os.FileMode{
		"state":                  0o700 | os.ModeDir,
		"state/gatehouse.db":     0o600,
		"state/gatehouse.db-wal": 0o600,
	} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
	}
}

func TestViewCannotWriteOrRecord(t *testing.T) {
	db, _ := open(t)
	if err := db.View(t.Context(), func(tx *state.Tx) error { return addUser(t.Context(), tx, "ada") }); err == nil {
		t.Error("a View wrote")
	}
	if err := db.View(t.Context(), func(tx *state.Tx) error { tx.Record(gatehouse.Event{}); return nil }); err == nil {
		t.Error("a View recorded an event")
	}
}

// Two processes on one folder are two DBs; each has goroutines. Nothing may be
// lost, doubled or left out of the journal.
func TestConcurrentUpdatesAreSerial(t *testing.T) {
	dir := t.TempDir()
	signer, verifier := key(t)
	checkpoint := filepath.Join(dir, "journal", "checkpoint")
	const processes, goroutines, each = 2, 4, 15
	var wg sync.WaitGroup
	for p := range processes {
		db, err := state.Open(t.Context(), filepath.Join(dir, "gatehouse.db"), state.Options{Journal: journal.New(signer, checkpoint)})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for g := range goroutines {
			wg.Go(func() {
				for i := range each {
					err := db.Update(t.Context(), func(tx *state.Tx) error {
						var n int
						if err := tx.SQL().QueryRow(`SELECT count(*) FROM users`).Scan(&n); err != nil {
							return err
						}
						tx.Record(gatehouse.Event{Action: "user.added", Subject: fmt.Sprint(p, g, i)})
						return addUser(t.Context(), tx, fmt.Sprintf("user-%d", n)) // twice the same number breaks the key
					})
					if err != nil {
						t.Error(err)
					}
					if err := db.View(t.Context(), func(tx *state.Tx) error {
						var users, events int
						if err := tx.SQL().QueryRow(`SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM journal_events)`).Scan(&users, &events); err != nil {
							return err
						}
						if users != events {
							t.Errorf("a reader saw %d users and %d events", users, events)
						}
						return nil
					}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		if p == processes-1 {
			wg.Wait()
			if n := count(t, db, `SELECT count(*) FROM users`); n != processes*goroutines*each {
				t.Errorf("%d users, want %d", n, processes*goroutines*each)
			}
			if _, err := journal.Verify(t.Context(), db.Reader(), verifier, checkpoint); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestCancelledUpdateLeavesNothing(t *testing.T) {
	db, _ := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := db.Update(ctx, func(tx *state.Tx) error {
		tx.Record(gatehouse.Event{Action: "user.added"})
		err := addUser(t.Context(), tx, "ada")
		cancel()
		return err
	})
	if gatehouse.CodeOf(err) != gatehouse.CodeCancelled {
		t.Errorf("error %v, want %s", err, gatehouse.CodeCancelled)
	}
	if n := count(t, db, `SELECT count(*) FROM users`); n != 0 {
		t.Errorf("%d users were kept", n)
	}
}
