// Package journal is the append-only log of everything that happened, kept as a
// Merkle tree (RFC 6962, golang.org/x/mod/sumdb/tlog) in the state database, so
// that nobody can change, remove or reorder an event without it being found.
// docs/journal-format.md describes the format for those who verify it with
// tools of their own.
package journal

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/gatehouse-tre/gatehouse"
)

// Log appends events. It is what state.Options takes as its Journal.
type Log struct {
	signer note.Signer
	file   string // where the newest checkpoint is written after each commit

	mu        sync.Mutex
	committed tree    // the newest tree that this process knows to be committed
	newest    []byte  // its checkpoint
	pending   *signed // the tree of the transaction under way

	writing sync.Mutex // held while the file is written; before mu
	kept    int64      // events that the file covers, by this process; under writing
}

type signed struct {
	tree tree
	note []byte
}

// New makes a log whose checkpoints are signed by signer and written to file.
func New(signer note.Signer, file string) *Log {
	return &Log{signer: signer, file: file}
}

// tree is the right edge of a Merkle tree: enough to add to it and to know its
// root. Level l holds a hash exactly if bit l of size is set.
type tree struct {
	size int64
	edge [63]tlog.Hash
}

// ReadHashes gives hashes of the right edge; tlog asks for no others.
func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		if t.size>>level&1 == 0 || t.size>>level-1 != n {
			return nil, fmt.Errorf("journal: hash %d is not on the edge of a tree of %d", index, t.size)
		}
		hashes[i] = t.edge[level]
	}
	return hashes, nil
}

// add appends a leaf and returns the hashes to store for it, from
// StoredHashIndex(0, size) on.
func (t *tree) add(leaf tlog.Hash) ([]tlog.Hash, error) {
	hashes, err := tlog.StoredHashesForRecordHash(t.size, leaf, t)
	if err != nil {
		return nil, err
	}
	t.edge[len(hashes)-1] = hashes[len(hashes)-1]
	t.size++
	return hashes, nil
}

func (t *tree) root() (tlog.Hash, error) { return tlog.TreeHash(t.size, t) }

// loadTree reads the right edge of the tree of size events from the database.
func loadTree(ctx context.Context, tx *sql.Tx, size int64) (tree, error) {
	t := tree{size: size}
	for level := range bits.Len64(uint64(size)) {
		if size>>level&1 == 0 {
			continue
		}
		index := tlog.StoredHashIndex(level, size>>level-1)
		var hash []byte
		err := tx.QueryRowContext(ctx, `SELECT hash FROM journal_hashes WHERE idx = $1`, index).Scan(&hash)
		if err == nil && len(hash) != tlog.HashSize {
			err = errors.New("it has the wrong length")
		}
		if err != nil {
			return t, fmt.Errorf("journal: hash %d: %w", index, err)
		}
		t.edge[level] = tlog.Hash(hash)
	}
	return t, nil
}

// Append adds events to the tree within tx and signs the new root.
func (l *Log) Append(ctx context.Context, tx *sql.Tx, events []gatehouse.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = nil
	var size int64
	err := tx.QueryRowContext(ctx, `SELECT size FROM journal_checkpoint WHERE id = 1`).Scan(&size)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	t := l.committed
	if t.size != size { // another process has appended, or this one has just started
		if t, err = loadTree(ctx, tx, size); err != nil {
			return err
		}
	}
	// A context that can end costs a goroutine for each statement.
	ctx = context.WithoutCancel(ctx)
	addEvent, err := tx.PrepareContext(ctx, `INSERT INTO journal_events (idx, event) VALUES ($1, $2)`)
	if err != nil {
		return err
	}
	defer addEvent.Close()
	addHash, err := tx.PrepareContext(ctx, `INSERT INTO journal_hashes (idx, hash) VALUES ($1, $2)`)
	if err != nil {
		return err
	}
	defer addHash.Close()
	for _, event := range events {
		data, err := Canonical(event)
		if err != nil {
			return err
		}
		if _, err := addEvent.ExecContext(ctx, t.size, data); err != nil {
			return err
		}
		index := tlog.StoredHashIndex(0, t.size)
		hashes, err := t.add(tlog.RecordHash(data))
		if err != nil {
			return err
		}
		for i, hash := range hashes {
			if _, err := addHash.ExecContext(ctx, index+int64(i), hash[:]); err != nil {
				return err
			}
		}
	}
	root, err := t.root()
	if err != nil {
		return err
	}
	text, err := signCheckpoint(l.signer, t.size, root)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO journal_checkpoint (id, size, note) VALUES (1, $1, $2)
		ON CONFLICT (id) DO UPDATE SET size = excluded.size, note = excluded.note`, t.size, string(text))
	if err != nil {
		return err
	}
	l.pending = &signed{tree: t, note: text}
	return nil
}

// Committed tells that the transaction of the last Append has committed. What it
// gives writes the checkpoint file, and returns once the file covers that
// transaction: changes that commit while it is written are written together. The
// file may fall behind the database (a crash between commit and write), but is
// never ahead of it: a file that is ahead proves that events were removed.
func (l *Log) Committed() (keep func() error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pending == nil {
		return func() error { return errors.New("journal: nothing was appended") }
	}
	size := l.pending.tree.size
	l.committed, l.newest, l.pending = l.pending.tree, l.pending.note, nil
	return func() error { return l.keep(size) }
}

// keep brings the checkpoint file to the newest commit, unless it covers size
// events already.
func (l *Log) keep(size int64) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.kept >= size {
		return nil
	}
	l.mu.Lock()
	covers, text := l.committed.size, l.newest
	l.mu.Unlock()
	if err := writeFile(l.file, text); err != nil {
		return err
	}
	l.kept = covers
	return nil
}

// writeFile replaces file by one with the given content, never a part of it.
func writeFile(file string, content []byte) error {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it has its name
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}

// canonicalEvent fixes the order of an event's members: alphabetical.
type canonicalEvent struct {
	Action  string            `json:"action"`
	Actor   string            `json:"actor"`
	Detail  map[string]string `json:"detail,omitempty"`
	Project string            `json:"project,omitempty"`
	Subject string            `json:"subject"`
	Time    string            `json:"time"`
}

// Canonical is the one form of an event that is hashed and stored: JSON without
// white space, members in alphabetical order, time in UTC.
func Canonical(e gatehouse.Event) ([]byte, error) {
	return encode(canonicalEvent{
		Action: e.Action, Actor: e.Actor, Detail: e.Detail, Project: e.Project, Subject: e.Subject,
		Time: e.Time.UTC().Format(time.RFC3339Nano),
	})
}

// encode writes JSON in the form of the journal.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
