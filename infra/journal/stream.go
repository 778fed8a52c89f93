package journal

import (
	"context"
	"database/sql"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"
)

// batch is how many rows go from a scan to the tree at a time.
const batch = 1024

// inOrder reads both tables once, each from its beginning to its end and side by
// side, and reports whether everything is exactly as newest and saved were
// signed for. It finds nothing: for what is not in order, walk says what it is.
func (r *Report) inOrder(ctx context.Context, events, hashes *sql.Tx, newest, saved *Checkpoint) (bool, error) {
	group, ctx := errgroup.WithContext(ctx)
	leaves, stored := make(chan []tlog.Hash, 4), make(chan []tlog.Hash, 4)
	group.Go(func() error {
		defer close(leaves)
		return scan(ctx, events, `SELECT idx, event FROM journal_events`, leaves, func(event []byte) (tlog.Hash, bool) { return tlog.RecordHash(event), true })
	})
	group.Go(func() error {
		defer close(stored)
		return scan(ctx, hashes, `SELECT idx, hash FROM journal_hashes`, stored, func(b []byte) (h tlog.Hash, ok bool) {
			return h, len(b) == copy(h[:], b) && len(b) == tlog.HashSize
		})
	})
	ordered := false
	group.Go(func() (err error) {
		ordered, err = r.grow(leaves, stored, newest, saved)
		if !ordered {
			return errApart // ends the scans
		}
		return err
	})
	err := group.Wait()
	if err == errApart {
		return false, nil
	}
	return ordered, err
}

// grow builds the tree of leaves and compares every hash of it with the stored
// ones, which stand in the order in which the tree makes them.
func (r *Report) grow(leaves, stored <-chan []tlog.Hash, newest, saved *Checkpoint) (bool, error) {
	var t tree
	var rest []tlog.Hash
	isNext := func(h tlog.Hash) bool {
		if len(rest) == 0 {
			rest = <-stored // nil once it is closed
		}
		if len(rest) == 0 || rest[0] != h {
			return false
		}
		rest = rest[1:]
		return true
	}
	signed := func() (bool, error) {
		root, err := t.root()
		if err != nil || saved != nil && saved.Size == t.size && saved.Root != root {
			return false, err
		}
		if t.size == newest.Size {
			r.Events, r.Root = t.size, root
			return root == newest.Root, nil
		}
		return true, nil
	}
	if ok, err := signed(); !ok || err != nil {
		return false, err
	}
	for some := range leaves {
		r.watch(t.size, newest.Size)
		for _, leaf := range some {
			level, h := 0, leaf
			for ; t.size>>level&1 == 1; level++ {
				if !isNext(h) {
					return false, nil
				}
				h = tlog.NodeHash(t.edge[level], h)
			}
			if !isNext(h) {
				return false, nil
			}
			t.edge[level] = h
			t.size++
			if saved != nil && saved.Size == t.size || t.size == newest.Size {
				if ok, err := signed(); !ok || err != nil {
					return false, err
				}
			}
		}
	}
	_, more := <-stored
	return t.size == newest.Size && (saved == nil || saved.Size <= t.size) && len(rest) == 0 && !more, nil
}

// errApart is why a scan ends early: the rows are not those of a journal.
var errApart = apart{}

type apart struct{}

func (apart) Error() string { return "the rows are not those of a journal in order" }

// scan gives what hash makes of rows of (index, bytes), which must be numbered
// from 0 in the order in which they stand in the table.
func scan(ctx context.Context, tx *sql.Tx, query string, to chan<- []tlog.Hash, hash func([]byte) (tlog.Hash, bool)) error {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	made := make([]tlog.Hash, 0, batch)
	send := func() error {
		if len(made) == 0 {
			return nil
		}
		select {
		case to <- made:
			made = make([]tlog.Hash, 0, batch)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for next := int64(0); rows.Next(); next++ {
		var index, data any // tampered values may be of any type
		if err := rows.Scan(&index, &data); err != nil {
			return err
		}
		content, isBytes := data.([]byte)
		h, ok := hash(content)
		if index != next || !isBytes || !ok {
			return errApart
		}
		if made = append(made, h); len(made) == batch {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return send()
}

// beside opens a second snapshot of what tx sees. There is none, without an
// error, while events are added all the time.
func beside(ctx context.Context, db *sql.DB, tx *sql.Tx) (*sql.Tx, error) {
	newest := func(tx *sql.Tx) (text string, err error) {
		err = tx.QueryRowContext(ctx, `SELECT coalesce(max(note), '') FROM journal_checkpoint`).Scan(&text)
		return text, err
	}
	want, err := newest(tx)
	if err != nil {
		return nil, err
	}
	other, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	// Every event moves the checkpoint: with the same one, the journal is the same.
	if got, err := newest(other); err != nil || got != want {
		other.Rollback()
		return nil, err
	}
	return other, nil
}
