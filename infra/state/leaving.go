package state

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// SetLeaving implements workspaces.Tx.
func (tx workspacesTx) SetLeaving(ctx context.Context, l workspaces.Leaving) error {
	if _, err := tx.sql.ExecContext(ctx, `INSERT INTO leaving (dataset, project, policy, document, since, seen) VALUES ($1, $2, $3, $4, $5, $5)
		ON CONFLICT (dataset, project) DO UPDATE SET policy = excluded.policy, document = excluded.document, since = excluded.since, seen = excluded.seen`,
		l.Dataset, l.Project, string(l.Policy), l.Document, timeText(l.Since)); err != nil {
		return err
	}
	return tx.advanceMark(ctx, l.Dataset, l.Project)
}

// Leaving implements workspaces.Tx.
func (tx workspacesTx) Leaving(ctx context.Context, dataset, project string) (workspaces.Leaving, error) {
	l := workspaces.Leaving{Dataset: dataset, Project: project, Policy: workspaces.LeavingRemove}
	var policy, since, seen string
	err := tx.sql.QueryRowContext(ctx, `SELECT policy, document, since, seen FROM leaving WHERE dataset = $1 AND project = $2`, dataset, project).
		Scan(&policy, &l.Document, &since, &seen)
	if errors.Is(err, sql.ErrNoRows) {
		return l, nil
	}
	if err != nil {
		return l, err
	}
	l.Policy = workspaces.LeavingPolicy(policy)
	if l.Since, err = parseTime(since); err != nil {
		return l, err
	}
	l.Seen, err = parseTime(seen)
	return l, err
}

// SeenVersion implements workspaces.Tx.
func (tx workspacesTx) SeenVersion(ctx context.Context, dataset, project string, published time.Time) error {
	done, err := tx.sql.ExecContext(ctx, `UPDATE leaving SET seen = $3 WHERE dataset = $1 AND project = $2 AND seen < $3`, dataset, project, timeText(published))
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return err
	}
	return tx.advanceMark(ctx, dataset, project) // who stays in other workspaces of the project has changed
}

// WithdrawnAfter implements workspaces.Tx.
func (tx workspacesTx) WithdrawnAfter(ctx context.Context, dataset, project string, after time.Time) (*roaring.Bitmap, error) {
	units := roaring.New()
	err := tx.each(ctx, func(scan func(...any) error) error {
		var unit int64
		if err := scan(&unit); err != nil {
			return err
		}
		if unit != int64(uint32(unit)) {
			return errors.New("state: a withdrawn unit is out of range")
		}
		units.Add(uint32(unit))
		return nil
	}, `SELECT unit FROM withdrawals AS w WHERE dataset = $1 AND project = '' AND recorded > $3
		AND NOT EXISTS (SELECT 1 FROM withdrawals WHERE dataset = w.dataset AND project = $2 AND unit = w.unit)`, dataset, project, timeText(after))
	return units, err
}

// beforeAnything makes the withdrawals of those whom a change of the person index
// concerns older than any version: under which unit somebody left must not matter.
func (tx workspacesTx) beforeAnything(ctx context.Context, dataset string, carried []catalog.Carried) error {
	update, err := tx.sql.PrepareContext(ctx, `UPDATE withdrawals SET recorded = $3 WHERE dataset = $1 AND unit = $2 AND recorded > $3`)
	if err != nil {
		return err
	}
	defer update.Close()
	changed := false
	for _, c := range carried {
		for _, units := range [][]uint32{c.From, c.To} {
			for _, unit := range units {
				done, err := update.ExecContext(ctx, dataset, int64(unit), timeText(time.Time{}))
				if err != nil {
					return err
				}
				n, err := done.RowsAffected()
				if err != nil {
					return err
				}
				changed = changed || n > 0
			}
		}
	}
	if !changed {
		return nil
	}
	return tx.advanceMark(ctx, dataset, "")
}
