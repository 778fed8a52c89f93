// Package state keeps what Gatehouse knows of users, projects, workspaces,
// requests and releases in one SQLite database, beside the journal of how it
// came to be so. Each room has a file of its own here that implements the
// interface which its domain declares.
package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// Journal is where events go, in the transaction of the change they tell of.
type Journal interface {
	// Append writes events in order within tx. When it returns nil, the events
	// are kept if and only if tx commits. It is never called by two goroutines
	// of one DB at once.
	Append(ctx context.Context, tx *sql.Tx, events []gatehouse.Event) error

	// Committed tells that the transaction of the last Append has committed, before
	// the next Append. What it gives is run after that, by as many goroutines at
	// once as there are changes; its error is reported to the caller of Update
	// although the change stands.
	Committed() (keep func() error)
}

// Options are what a DB needs from outside.
type Options struct {
	// Journal receives the events. Without one, an Update that records an event
	// fails.
	Journal Journal
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// DB is the state of one installation. Any number of goroutines and processes
// may use it at once: changes happen one after the other, and readers see the
// last committed change without waiting.
type DB struct {
	writer  *sql.DB       // one connection; transactions begin IMMEDIATE
	reader  *sql.DB       // query_only
	inner   *sql.DB       // query_only; for look, whose callers hold one of reader's connections
	turn    chan struct{} // held by the one Update that is under way, from begin to commit
	journal Journal
	now     func() time.Time
}

// Open opens the database at path, making it and its folder if need be, and
// brings its tables up to date.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fault(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fault(err)
	}
	// SQLite would make the file readable by everybody; its WAL inherits the mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fault(err)
	}
	f.Close()

	db := &DB{journal: o.Journal, now: o.Now, turn: make(chan struct{}, 1)}
	if db.now == nil {
		db.now = time.Now
	}
	if db.writer, err = openPrepared(dsn(path, "_txlock", "immediate")); err != nil {
		return nil, fault(err)
	}
	db.writer.SetMaxOpenConns(1)
	if db.reader, err = openPrepared(dsn(path, "_query_only", "1")); err != nil {
		return nil, errors.Join(fault(err), db.Close())
	}
	db.reader.SetMaxOpenConns(8)
	db.reader.SetMaxIdleConns(8)
	if db.inner, err = openPrepared(dsn(path, "_query_only", "1")); err != nil {
		return nil, errors.Join(fault(err), db.Close())
	}
	db.inner.SetMaxOpenConns(4)
	db.inner.SetMaxIdleConns(4)
	if err := migrate(ctx, db.writer, path); err != nil {
		return nil, errors.Join(fault(err), db.Close())
	}
	return db, nil
}

// OpenReader opens the database at path for reading only: nothing is made,
// migrated or changed, so that evidence can be looked at as it is.
func OpenReader(path string) (*sql.DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fault(err)
	}
	q := url.Values{"mode": {"ro"}, "_query_only": {"1"}, "_busy_timeout": {fmt.Sprint(busyTimeout.Milliseconds())}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, fault(err)
	}
	if err := db.Ping(); err != nil {
		return nil, errors.Join(fault(err), db.Close())
	}
	return db, nil
}

// busyTimeout is how long a process waits for another one's transaction.
const busyTimeout = 10 * time.Second

func dsn(path string, extra ...string) string {
	q := url.Values{
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"}, // a commit that was reported survives power loss
		"_foreign_keys": {"1"},
		"_busy_timeout": {fmt.Sprint(busyTimeout.Milliseconds())},
		"_defensive":    {"1"},
		"_dqs":          {"0"},
	}
	for i := 0; i < len(extra); i += 2 {
		q.Set(extra[i], extra[i+1])
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

// Close waits for transactions under way and closes the database.
func (db *DB) Close() error {
	var errs []error
	for _, d := range []*sql.DB{db.inner, db.reader, db.writer} {
		if d != nil {
			errs = append(errs, d.Close())
		}
	}
	return errors.Join(errs...)
}

// Reader gives the database for reading only, as the journal's verifier wants it.
func (db *DB) Reader() *sql.DB { return db.reader }

// Now is the time by the database's clock.
func (db *DB) Now() time.Time { return db.now() }

// Tx is a transaction, valid until the function that received it returns.
type Tx struct {
	sql     *sql.Tx
	now     time.Time
	write   bool
	events  []gatehouse.Event
	notices []gatehouse.Notice
}

// SQL gives the transaction to the files of this package and to tests.
func (tx *Tx) SQL() *sql.Tx { return tx.sql }

// Now is the time at which the transaction began: one instant for everything
// that it changes and records.
func (tx *Tx) Now() time.Time { return tx.now }

// Record adds an event to the journal, to be committed with the transaction. A
// zero time becomes the transaction's.
func (tx *Tx) Record(e gatehouse.Event) {
	if e.Time.IsZero() {
		e.Time = tx.now
	}
	tx.events = append(tx.events, e)
}

// Update runs change in a transaction that sees every earlier change and that
// no other can overlap. If change and the journal succeed, everything is
// durably committed; otherwise nothing is. An error of change is returned as it
// is; a database or journal that cannot be written is CodeJournal. Calling
// Update within Update deadlocks; View within Update sees the state before it.
func (db *DB) Update(ctx context.Context, change func(*Tx) error) error {
	select {
	case db.turn <- struct{}{}:
	case <-ctx.Done():
		return fault(ctx.Err())
	}
	keep, err := db.update(ctx, change)
	if err == nil && keep != nil {
		err = fault(keep())
	}
	return err
}

// update is Update by whoever has the turn, which it gives back. What is left to
// do after that is given.
func (db *DB) update(ctx context.Context, change func(*Tx) error) (keep func() error, err error) {
	defer func() { <-db.turn }()
	sqlTx, err := db.writer.BeginTx(ctx, nil)
	if err != nil {
		return nil, fault(err)
	}
	defer sqlTx.Rollback() // after Commit this does nothing; after a panic it undoes all
	tx := &Tx{sql: sqlTx, now: db.now().UTC(), write: true}
	if err := change(tx); err != nil {
		return nil, classify(err)
	}
	if err := tx.post(ctx); err != nil {
		return nil, classify(err)
	}
	if len(tx.events) > 0 {
		if db.journal == nil {
			return nil, gatehouse.Errorf(gatehouse.CodeJournal, "There is no journal to record this in.")
		}
		if err := db.journal.Append(ctx, sqlTx, tx.events); err != nil {
			return nil, fault(errors.Join(err, ctx.Err()))
		}
	}
	if err := sqlTx.Commit(); err != nil {
		return nil, fault(errors.Join(err, ctx.Err()))
	}
	if len(tx.events) > 0 {
		return db.journal.Committed(), nil
	}
	return nil, nil
}

// View runs read on a snapshot of the last committed state. It changes nothing. A
// View must not wait for another one: there are only so many at once, and all of
// them would wait.
func (db *DB) View(ctx context.Context, read func(*Tx) error) error {
	return db.view(ctx, db.reader, read)
}

// look is a View that may be run within one: it has connections of its own, and
// read asks for nothing but the transaction. Who holds which role is looked up so,
// since permission is asked for in the middle of everything.
func (db *DB) look(ctx context.Context, read func(*Tx) error) error {
	return db.view(ctx, db.inner, read)
}

func (db *DB) view(ctx context.Context, from *sql.DB, read func(*Tx) error) error {
	sqlTx, err := from.BeginTx(ctx, nil)
	if err != nil {
		return fault(err)
	}
	defer sqlTx.Rollback()
	tx := &Tx{sql: sqlTx, now: db.now().UTC()}
	if err := read(tx); err != nil {
		return classify(err)
	}
	if len(tx.events) > 0 || len(tx.notices) > 0 {
		return errors.New("state: an event or a notice was recorded in a View")
	}
	return nil
}
