package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/gatehouse-tre/gatehouse"
)

// Entry is an event with its place in the journal.
type Entry struct {
	Index int64           `json:"index"`
	Event gatehouse.Event `json:"event"`
}

// Filter says which events List gives; empty fields match everything.
type Filter struct {
	Actor, Action, Project, Subject string
	Before                          int64 // only events with a lower index; 0 means all
	Limit                           int   // newest events that match; 0 means all
}

func (f Filter) matches(e gatehouse.Event) bool {
	return (f.Actor == "" || f.Actor == e.Actor) && (f.Action == "" || f.Action == e.Action) &&
		(f.Project == "" || f.Project == e.Project) && (f.Subject == "" || f.Subject == e.Subject)
}

// List gives matching events, newest first. It verifies nothing.
func List(ctx context.Context, db *sql.DB, filter Filter) ([]Entry, error) {
	before := filter.Before
	if before == 0 {
		before = math.MaxInt64
	}
	rows, err := db.QueryContext(ctx, `SELECT idx, event FROM journal_events WHERE idx < $1 ORDER BY idx DESC`, before)
	if err != nil {
		return nil, unreadable(err)
	}
	defer rows.Close()
	var entries []Entry
	for rows.Next() && (filter.Limit == 0 || len(entries) < filter.Limit) {
		var index int64
		var data []byte
		if err := rows.Scan(&index, &data); err != nil {
			return nil, unreadable(err)
		}
		var e gatehouse.Event
		if err := json.Unmarshal(data, &e); err != nil {
			return nil, unreadable(fmt.Errorf("event %d: %w", index, err))
		}
		if filter.matches(e) {
			entries = append(entries, Entry{index, e})
		}
	}
	if err := rows.Err(); err != nil {
		return nil, unreadable(err)
	}
	return entries, nil
}

// Inclusion proves, to anybody who has the journal's public key, that an event
// is in the journal.
type Inclusion struct {
	Index      int64            `json:"index"`
	Event      string           `json:"event"`      // canonical JSON, as it was hashed
	Proof      tlog.RecordProof `json:"proof"`      // RFC 6962 audit path
	Checkpoint string           `json:"checkpoint"` // signed, of a tree that holds the event
}

// Check verifies the proof offline and gives the event.
func (p Inclusion) Check(verifier note.Verifier) (gatehouse.Event, error) {
	var e gatehouse.Event
	c, err := OpenCheckpoint([]byte(p.Checkpoint), verifier)
	if err != nil {
		return e, gatehouse.Errorf(gatehouse.CodeJournal, "The proof's checkpoint is not valid.").Because(err)
	}
	if err := tlog.CheckRecord(p.Proof, c.Size, c.Root, p.Index, tlog.RecordHash([]byte(p.Event))); err != nil {
		return e, gatehouse.Errorf(gatehouse.CodeJournal, "The event is not in the journal that signed the checkpoint.").Because(err)
	}
	if err := json.Unmarshal([]byte(p.Event), &e); err != nil {
		return e, unreadable(err)
	}
	return e, nil
}

// Proof proves that the newest event with this action and subject is in the
// journal, or is CodeNotFound.
func Proof(ctx context.Context, db *sql.DB, action, subject string) (*Inclusion, error) {
	entries, err := List(ctx, db, Filter{Action: action, Subject: subject, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, gatehouse.Errorf(gatehouse.CodeNotFound, "The journal has no such event.")
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, unreadable(err)
	}
	defer tx.Rollback()
	p := &Inclusion{Index: entries[0].Index}
	var size int64
	if err := tx.QueryRowContext(ctx, `SELECT size, note FROM journal_checkpoint WHERE id = 1`).Scan(&size, &p.Checkpoint); err != nil {
		return nil, unreadable(err)
	}
	var data []byte
	if err := tx.QueryRowContext(ctx, `SELECT event FROM journal_events WHERE idx = $1`, p.Index).Scan(&data); err != nil {
		return nil, unreadable(err)
	}
	p.Event = string(data)
	if p.Proof, err = tlog.ProveRecord(size, p.Index, storedHashes(ctx, tx)); err != nil {
		return nil, unreadable(err)
	}
	return p, nil
}

// storedHashes reads hashes of the tree from the database.
func storedHashes(ctx context.Context, tx *sql.Tx) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			var hash []byte
			err := tx.QueryRowContext(ctx, `SELECT hash FROM journal_hashes WHERE idx = $1`, index).Scan(&hash)
			if err != nil {
				return nil, fmt.Errorf("journal: hash %d: %w", index, err)
			}
			if len(hash) != tlog.HashSize {
				return nil, fmt.Errorf("journal: hash %d has the wrong length", index)
			}
			hashes[i] = tlog.Hash(hash)
		}
		return hashes, nil
	})
}

// Check is the quick look at a start: the database's checkpoint must be signed
// by this installation, and its tree must hold everything that the checkpoint
// file covers, or the service must not run (CodeJournal). It reads a few
// hashes, not the events; Verify does that. A file that a crash left behind the
// database, or that is not there yet, is brought up to date.
func (l *Log) Check(ctx context.Context, db *sql.DB, verifier note.Verifier) error {
	file := readCheckpoint(l.file) // before the database, as in Verify
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return unreadable(err)
	}
	defer tx.Rollback()
	r := &Report{}
	newest, err := r.databaseCheckpoint(ctx, tx, verifier)
	if err != nil {
		return unreadable(err)
	}
	var saved *Checkpoint
	if !errors.Is(file.err, fs.ErrNotExist) {
		saved = r.savedCheckpoint(file, verifier, newest)
		switch {
		case saved == nil || newest == nil: // said already
		case saved.Size > newest.Size:
			r.find(newest.Size, "it is missing: the checkpoint file covers %d events, the database %d", saved.Size, newest.Size)
		default:
			if root, err := tlog.TreeHash(saved.Size, storedHashes(ctx, tx)); err != nil || root != saved.Root {
				r.find(-1, "the first %d events are not those that the checkpoint file was signed for", saved.Size)
			}
		}
	}
	if err := r.err(); err != nil || newest.Size == 0 || saved != nil && saved.Size == newest.Size {
		return err
	}
	var text string
	if err := tx.QueryRowContext(ctx, `SELECT note FROM journal_checkpoint WHERE id = 1`).Scan(&text); err != nil {
		return unreadable(err)
	}
	if err := writeFile(l.file, []byte(text)); err != nil {
		return gatehouse.Errorf(gatehouse.CodeJournal, "The journal's checkpoint file cannot be written.").Because(err)
	}
	return nil
}
