package journal

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/gatehouse-tre/gatehouse"
)

// Finding is one thing that is wrong with a journal.
type Finding struct {
	Index int64 // the event it is about; -1 for the journal as a whole
	What  string
}

func (f Finding) String() string {
	if f.Index < 0 {
		return f.What
	}
	return fmt.Sprintf("event %d: %s", f.Index, f.What)
}

// Report is what Verify found.
type Report struct {
	Events   int64     // events that the database holds
	Root     tlog.Hash // root of the tree over them
	Saved    int64     // events covered by the checkpoint file; -1 if none was given
	Findings []Finding // in order of index, at most maxFindings
	more     bool
	mistyped bool // a row holds text where bytes should be
	watch    func(done, of int64)
}

const maxFindings = 20

func (r *Report) find(index int64, format string, args ...any) {
	if len(r.Findings) == maxFindings {
		r.more = true
		return
	}
	r.Findings = append(r.Findings, Finding{index, fmt.Sprintf(format, args...)})
}

// err is nil for a journal in order, else CodeJournal with the first findings.
func (r *Report) err() error {
	if len(r.Findings) == 0 {
		return nil
	}
	said := make([]string, 0, 3)
	for _, f := range r.Findings[:min(3, len(r.Findings))] {
		said = append(said, f.String())
	}
	more := ""
	if r.more || len(r.Findings) > len(said) {
		more = "; and more"
	}
	return gatehouse.Errorf(gatehouse.CodeJournal, "The journal does not verify: %s%s.", strings.Join(said, "; "), more).
		WithAdvice("Stop the service, keep a copy of the folder as evidence, and compare with a checkpoint kept elsewhere.")
}

// Verify reads the whole journal in one snapshot of db and finds any event that
// was changed, removed, added or moved, any hash that is not its tree's, and a
// database checkpoint that is missing, forged or of other events. With a
// checkpoint file (""  for none) it also finds events that were cut off the end
// after that checkpoint was written, and a history that was rewritten and signed
// anew. The error is nil exactly if the report has no findings.
//
// What one key signs, whoever holds that key can sign again: keep checkpoint
// files where the service cannot write.
func Verify(ctx context.Context, db *sql.DB, verifier note.Verifier, checkpoint string) (*Report, error) {
	return VerifyWatched(ctx, db, verifier, checkpoint, func(int64, int64) {})
}

// VerifyWatched is Verify, and tells watch now and then how many events it has
// read, of how many.
func VerifyWatched(ctx context.Context, db *sql.DB, verifier note.Verifier, checkpoint string, watch func(done, of int64)) (*Report, error) {
	r := &Report{Saved: -1, watch: watch}
	// Read before the database: events that are added meanwhile must not look as
	// if the file were ahead of it.
	file := readCheckpoint(checkpoint)
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, unreadable(err)
	}
	defer tx.Rollback()

	newest, err := r.databaseCheckpoint(ctx, tx, verifier)
	if err != nil {
		return nil, unreadable(err)
	}
	saved := r.savedCheckpoint(file, verifier, newest)
	if newest != nil && len(r.Findings) == 0 {
		ordered, err := r.quickly(ctx, db, tx, newest, saved)
		if err != nil {
			return nil, unreadable(err)
		}
		if ordered {
			return r, nil
		}
	}
	if err := r.walk(ctx, tx, newest, saved); err != nil {
		return nil, unreadable(err)
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return cmp.Compare(a.Index, b.Index) })
	return r, r.err()
}

// quickly is inOrder with a snapshot for each table, or, if there is but one, not.
func (r *Report) quickly(ctx context.Context, db *sql.DB, tx *sql.Tx, newest, saved *Checkpoint) (bool, error) {
	other, err := beside(ctx, db, tx)
	if err != nil || other == nil {
		return false, err
	}
	defer other.Rollback()
	return r.inOrder(ctx, tx, other, newest, saved)
}

func unreadable(err error) error {
	return gatehouse.Errorf(gatehouse.CodeJournal, "The journal cannot be read.").Because(err)
}

// databaseCheckpoint opens the checkpoint of the database: that of no events if
// it has none, and nil if what it has cannot be trusted.
func (r *Report) databaseCheckpoint(ctx context.Context, tx *sql.Tx, verifier note.Verifier) (*Checkpoint, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, size, note FROM journal_checkpoint`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	empty, _ := tlog.TreeHash(0, nil)
	newest := &Checkpoint{Root: empty}
	n := 0
	for rows.Next() {
		var id, size, text any // tampered values may be of any type
		if err := rows.Scan(&id, &size, &text); err != nil {
			return nil, err
		}
		signed, _ := text.(string)
		c, err := OpenCheckpoint([]byte(signed), verifier)
		newest = &c
		switch {
		case err != nil:
			r.find(-1, "the checkpoint in the database is not valid: %v", err)
			newest = nil
		case id != int64(1) || size != c.Size:
			r.find(-1, "the checkpoint in the database says other than what was signed")
		}
		n++
	}
	if n > 1 {
		r.find(-1, "the database has %d checkpoints", n)
		newest = nil
	}
	return newest, rows.Err()
}

// checkpointFile is what was found where a checkpoint file should be.
type checkpointFile struct {
	given bool
	text  []byte
	err   error
}

func readCheckpoint(path string) checkpointFile {
	if path == "" {
		return checkpointFile{}
	}
	text, err := os.ReadFile(path)
	return checkpointFile{given: true, text: text, err: err}
}

// savedCheckpoint opens the checkpoint of a file, if one was given; nil if there
// is none that can be trusted.
func (r *Report) savedCheckpoint(file checkpointFile, verifier note.Verifier, newest *Checkpoint) *Checkpoint {
	switch {
	case !file.given:
		return nil
	case errors.Is(file.err, fs.ErrNotExist) && newest != nil && newest.Size == 0:
		return nil // no event was ever recorded
	case file.err != nil:
		r.find(-1, "the checkpoint file cannot be read")
		return nil
	}
	c, err := OpenCheckpoint(file.text, verifier)
	if err != nil {
		r.find(-1, "the checkpoint file is not valid: %v", err)
		return nil
	}
	r.Saved = c.Size
	return &c
}

// chunk is how many events are read at a time.
const chunk = 4096

// walk reads events and stored hashes side by side, and builds two trees: one
// of the events and one of the stored leaf hashes. Where they differ, the one
// whose root was signed tells which of the two was changed.
func (r *Report) walk(ctx context.Context, tx *sql.Tx, newest, saved *Checkpoint) error {
	var rows, hashRows int64
	err := tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM journal_events), (SELECT count(*) FROM journal_hashes)`).Scan(&rows, &hashRows)
	if err != nil {
		return err
	}
	r.Events = rows
	size := rows
	if newest != nil {
		size = newest.Size
	}

	var ofEvents, ofLeaves tree
	var apart []difference
	r.Root, _ = tlog.TreeHash(0, nil)
	checkSaved := func() {
		if saved != nil && saved.Size == ofEvents.size && saved.Root != r.Root {
			r.find(-1, "the first %d events are not those that the checkpoint file was signed for", saved.Size)
		}
	}
	checkSaved()
	for first := int64(0); first < size; first += chunk {
		r.watch(first, size)
		end := min(first+chunk, size)
		events, err := r.read(ctx, tx, `SELECT idx, event FROM journal_events WHERE idx >= $1 AND idx < $2`, first, end)
		if err != nil {
			return err
		}
		hashes, err := r.read(ctx, tx, `SELECT idx, hash FROM journal_hashes WHERE idx >= $1 AND idx < $2`,
			tlog.StoredHashIndex(0, first), tlog.StoredHashIndex(0, end))
		if err != nil {
			return err
		}
		for i := first; i < end; i++ {
			index := tlog.StoredHashIndex(0, i)
			leaf, hasLeaf := hashes.hash(index)
			event, hasEvent := events[i]
			record := tlog.RecordHash(event)
			switch {
			case !hasEvent:
				r.find(i, "it is missing")
				record = leaf
			case !hasLeaf:
				r.find(i, "its hash is missing")
				leaf = record
			case record != leaf:
				if len(apart) < maxFindings {
					apart = append(apart, difference{i, record, leaf})
				} else {
					r.more = true
				}
			}
			above, err := ofEvents.add(record)
			if err != nil {
				return err
			}
			aboveLeaves, err := ofLeaves.add(leaf)
			if err != nil {
				return err
			}
			for level := 1; level < len(above); level++ {
				if h, ok := hashes.hash(index + int64(level)); !ok || h != above[level] && h != aboveLeaves[level] {
					r.find(i, "the stored hash of the %d events up to it is missing or was changed", int64(1)<<level)
				}
			}
			if saved != nil && saved.Size == ofEvents.size || ofEvents.size == size {
				if r.Root, err = ofEvents.root(); err != nil {
					return err
				}
				checkSaved()
			}
		}
	}
	rootOfLeaves, err := ofLeaves.root()
	if err != nil {
		return err
	}
	r.explain(apart, newest != nil && newest.Root == rootOfLeaves, newest != nil && newest.Root == r.Root)
	if newest != nil && newest.Root != r.Root && len(r.Findings) == 0 {
		r.find(-1, "the events are not those that the checkpoint in the database was signed for")
	}
	if r.mistyped && len(r.Findings) == 0 {
		r.find(-1, "the database has rows that no journal has")
	}
	if rows > size {
		r.find(size, "there are %d events, the checkpoint in the database covers %d", rows, size)
	}
	if want := tlog.StoredHashCount(size); hashRows != want {
		r.find(-1, "there are %d stored hashes, a journal of %d events has %d", hashRows, size, want)
	}
	if saved != nil && saved.Size > size {
		r.find(size, "it is missing: the checkpoint file covers %d events, the database %d", saved.Size, size)
	}
	return nil
}

// difference is an event whose hash is not the leaf that is stored for it.
type difference struct {
	index        int64
	record, leaf tlog.Hash
}

func (r *Report) explain(apart []difference, leavesSigned, eventsSigned bool) {
	place := make(map[tlog.Hash]int64, len(apart))
	for _, d := range apart {
		place[d.leaf] = d.index
	}
	for _, d := range apart {
		other, moved := place[d.record]
		switch {
		case moved && !eventsSigned:
			r.find(d.index, "event %d stands in its place", other)
		case leavesSigned:
			r.find(d.index, "it was changed")
		case eventsSigned:
			r.find(d.index, "its stored hash was changed")
		default:
			r.find(d.index, "it or its stored hash was changed")
		}
	}
}

// byIndex holds rows of one of the two tables.
type byIndex map[int64][]byte

func (m byIndex) hash(index int64) (h tlog.Hash, ok bool) {
	b, ok := m[index]
	if !ok || len(b) != tlog.HashSize {
		return h, false
	}
	return tlog.Hash(b), true
}

// read reads rows of (index, bytes); what does not look like one is a finding.
func (r *Report) read(ctx context.Context, tx *sql.Tx, query string, first, end int64) (byIndex, error) {
	rows, err := tx.QueryContext(ctx, query, first, end)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	m := make(byIndex, end-first)
	for rows.Next() {
		var index, data any // tampered values may be of any type
		if err := rows.Scan(&index, &data); err != nil {
			return nil, err
		}
		i, isNumber := index.(int64)
		content, isBytes := data.([]byte)
		if text, isText := data.(string); isText {
			// Said at the end, if nothing else is wrong with it.
			content, isBytes, r.mistyped = []byte(text), true, true
		}
		if _, twice := m[i]; !isNumber || !isBytes || twice {
			r.find(-1, "the database has rows that no journal has")
			continue
		}
		m[i] = content
	}
	return m, rows.Err()
}
