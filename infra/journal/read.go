package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

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
	Since, Until                    time.Time // from Since on, and before Until
	Before                          int64     // only events with a lower index; 0 for no bound
	Limit                           int       // newest events that match; 0 means all
}

func (f Filter) matches(e gatehouse.Event) bool {
	return (f.Actor == "" || f.Actor == e.Actor) && (f.Action == "" || f.Action == e.Action) &&
		(f.Project == "" || f.Project == e.Project) && (f.Subject == "" || f.Subject == e.Subject) &&
		(f.Since.IsZero() || !e.Time.Before(f.Since)) && (f.Until.IsZero() || e.Time.Before(f.Until))
}

// members are texts that a matching event's canonical form holds. Others may
// hold them too, in their detail.
func (f Filter) members() ([][]byte, error) {
	var texts [][]byte
	for name, value := range map[string]string{"actor": f.Actor, "action": f.Action, "project": f.Project, "subject": f.Subject} {
		if value == "" {
			continue
		}
		quoted, err := encode(value)
		if err != nil {
			return nil, err
		}
		texts = append(texts, append([]byte(`"`+name+`":`), quoted...))
	}
	return texts, nil
}

// List gives matching events, newest first. It verifies nothing.
func List(ctx context.Context, db *sql.DB, filter Filter) ([]Entry, error) {
	return list(ctx, db, filter, 0)
}

// looked bounds how many events one page looks at.
const looked = 250_000

// Page gives matching events, newest first, of a stretch of the journal, and
// where the next stretch begins: the Before of the next page, or 0 at the
// journal's beginning. A page may be empty and not the last.
func Page(ctx context.Context, db *sql.DB, filter Filter) (entries []Entry, next int64, err error) {
	if filter.Before <= 0 {
		if err := db.QueryRowContext(ctx, `SELECT coalesce(max(idx), -1) + 1 FROM journal_events`).Scan(&filter.Before); err != nil {
			return nil, 0, unreadable(err)
		}
	}
	from := max(0, filter.Before-looked)
	if entries, err = list(ctx, db, filter, from); err != nil {
		return nil, 0, err
	}
	if filter.Limit > 0 && len(entries) == filter.Limit {
		from = entries[len(entries)-1].Index
	}
	return entries, from, nil
}

func list(ctx context.Context, db *sql.DB, filter Filter, from int64) ([]Entry, error) {
	query, args := `SELECT idx, event FROM journal_events WHERE idx >= $1`, []any{from}
	if filter.Before > 0 {
		args = append(args, filter.Before)
		query += fmt.Sprintf(` AND idx < $%d`, len(args))
	}
	members, err := filter.members()
	if err != nil {
		return nil, unreadable(err)
	}
	for _, text := range members {
		args = append(args, text)
		query += fmt.Sprintf(` AND instr(event, $%d) > 0`, len(args))
	}
	rows, err := db.QueryContext(ctx, query+` ORDER BY idx DESC`, args...)
	if err != nil {
		return nil, unreadable(err)
	}
	defer rows.Close()
	var entries []Entry
	for (filter.Limit == 0 || len(entries) < filter.Limit) && rows.Next() {
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
	return ProofAt(ctx, db, entries[0].Index)
}

// ProofAt proves that the event with this index is in the journal, or is
// CodeNotFound.
func ProofAt(ctx context.Context, db *sql.DB, index int64) (*Inclusion, error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, unreadable(err)
	}
	defer tx.Rollback()
	p := &Inclusion{Index: index}
	var size int64
	err = tx.QueryRowContext(ctx, `SELECT size, note FROM journal_checkpoint WHERE id = 1`).Scan(&size, &p.Checkpoint)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (index < 0 || index >= size) {
		return nil, gatehouse.Errorf(gatehouse.CodeNotFound, "The journal has no such event.")
	} else if err != nil {
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

// Consistency proves, to anybody who has the journal's public key and kept an
// older checkpoint, that the journal still begins with what that was signed for.
type Consistency struct {
	From       int64          `json:"from"`       // events of the older checkpoint
	Proof      tlog.TreeProof `json:"proof"`      // RFC 6962 consistency proof
	Checkpoint string         `json:"checkpoint"` // signed, the newest
}

// Check verifies the proof offline against the older checkpoint.
func (c Consistency) Check(older Checkpoint, verifier note.Verifier) error {
	newer, err := OpenCheckpoint([]byte(c.Checkpoint), verifier)
	if err != nil {
		return gatehouse.Errorf(gatehouse.CodeJournal, "The proof's checkpoint is not valid.").Because(err)
	}
	if older.Size != c.From || older.Size < 1 || older.Size > newer.Size || tlog.CheckTree(c.Proof, newer.Size, newer.Root, older.Size, older.Root) != nil {
		return gatehouse.Errorf(gatehouse.CodeJournal, "The journal does not begin with what the older checkpoint was signed for.")
	}
	return nil
}

// ProveConsistency proves that the journal begins with the tree of its first from
// events; CodeNotFound if it never had so many, or none.
func ProveConsistency(ctx context.Context, db *sql.DB, from int64) (*Consistency, error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, unreadable(err)
	}
	defer tx.Rollback()
	c := &Consistency{From: from}
	var size int64
	err = tx.QueryRowContext(ctx, `SELECT size, note FROM journal_checkpoint WHERE id = 1`).Scan(&size, &c.Checkpoint)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (from < 1 || from > size) {
		return nil, gatehouse.Errorf(gatehouse.CodeNotFound, "The journal never had so many events.")
	} else if err != nil {
		return nil, unreadable(err)
	}
	if c.Proof, err = tlog.ProveTree(size, from, storedHashes(ctx, tx)); err != nil {
		return nil, unreadable(err)
	}
	if c.Proof == nil {
		c.Proof = tlog.TreeProof{}
	}
	return c, nil
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
