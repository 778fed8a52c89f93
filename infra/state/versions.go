package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

var _ catalog.RetentionStore = Catalogue{}

// Retain implements catalog.RetentionStore.
func (s Catalogue) Retain(ctx context.Context, change func(catalog.RetentionTx) error) error {
	return s.DB.Update(ctx, func(tx *Tx) error { return change(retentionTx{tx}) })
}

type retentionTx struct{ *Tx }

func (tx retentionTx) texts(ctx context.Context, query string, args ...any) (out []string, err error) {
	rows, err := tx.SQL().QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

func (tx retentionTx) Custodians(ctx context.Context, dataset string) ([]string, error) {
	return tx.texts(ctx, `SELECT user_name FROM custodians WHERE dataset = $1 ORDER BY user_name`, dataset)
}

func (tx retentionTx) Rule(ctx context.Context, dataset string) (*catalog.Rule, error) {
	var r catalog.Rule
	err := tx.SQL().QueryRowContext(ctx, `SELECT keep, days FROM retention_rules WHERE dataset = $1`, dataset).Scan(&r.Keep, &r.Days)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &r, err
}

func (tx retentionTx) SetRule(ctx context.Context, actor, dataset string, r catalog.Rule) error {
	_, err := tx.SQL().ExecContext(ctx, `INSERT INTO retention_rules (dataset, keep, days, actor, made) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (dataset) DO UPDATE SET keep = excluded.keep, days = excluded.days, actor = excluded.actor, made = excluded.made`,
		dataset, r.Keep, r.Days, actor, timeText(tx.Now()))
	return err
}

func (tx retentionTx) Holds(ctx context.Context, dataset string) (out []catalog.Hold, err error) {
	rows, err := tx.SQL().QueryContext(ctx, `SELECT number, reason, actor, since FROM version_holds WHERE dataset = $1 ORDER BY number`, dataset)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var h catalog.Hold
		var since string
		if err := rows.Scan(&h.Number, &h.Reason, &h.Actor, &since); err != nil {
			return nil, err
		}
		if h.Since, err = parseTime(since); err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, rows.Err()
}

func (tx retentionTx) Hold(ctx context.Context, actor, dataset string, number int, reason string) error {
	_, err := tx.SQL().ExecContext(ctx, `INSERT INTO version_holds (dataset, number, reason, actor, since) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (dataset, number) DO UPDATE SET reason = excluded.reason, actor = excluded.actor`, dataset, number, reason, actor, timeText(tx.Now()))
	return err
}

func (tx retentionTx) Lift(ctx context.Context, dataset string, number int) error {
	done, err := tx.SQL().ExecContext(ctx, `DELETE FROM version_holds WHERE dataset = $1 AND number = $2`, dataset, number)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return gatehouse.Errorf(gatehouse.CodeNotFound, "%s@%d is not held.", dataset, number)
}

// Users implements catalog.RetentionTx.
func (tx retentionTx) Users(ctx context.Context, dataset string, number int) ([]string, error) {
	return tx.texts(ctx, `SELECT DISTINCT p.id FROM projects p WHERE (p.state NOT IN ('rejected', 'closed', 'archived') OR p.id LIKE 'catalogue--%') AND (
		EXISTS (SELECT 1 FROM grants g WHERE g.project = p.id AND g.dataset = $1 AND g.version = $2)
		OR EXISTS (SELECT 1 FROM populations o JOIN workspaces w ON w.id = o.workspace WHERE w.project = p.id AND o.dataset = $1 AND o.version = $2)
		OR EXISTS (SELECT 1 FROM decisions d, json_each(d.datasets) j WHERE d.project = p.id AND d.outcome IN ('released', 'suppressed') AND j.value = $3))
		ORDER BY 1`, dataset, number, dataset+"@"+strconv.Itoa(number))
}

func (tx retentionTx) Deleted(ctx context.Context, d catalog.Deletion, s catalog.SignedDeletion) error {
	_, err := tx.SQL().ExecContext(ctx, `INSERT INTO version_deletions (dataset, number, record, signature, deleted) VALUES ($1, $2, $3, $4, $5)`,
		d.Dataset, d.Number, s.Record, s.Signature, timeText(d.Deleted))
	return err
}

func (tx retentionTx) Deletions(ctx context.Context, dataset string) (out []catalog.SignedDeletion, err error) {
	rows, err := tx.SQL().QueryContext(ctx, `SELECT record, signature FROM version_deletions WHERE dataset = $1 ORDER BY number`, dataset)
	if err != nil {
		return nil, fmt.Errorf("state: deletions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var s catalog.SignedDeletion
		if err := rows.Scan(&s.Record, &s.Signature); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
