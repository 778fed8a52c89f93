package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/workspaces"
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

func (tx retentionTx) Recalls(ctx context.Context, dataset string) ([]catalog.Recall, error) {
	return tx.recalls(ctx, dataset)
}

func (tx retentionTx) Recall(ctx context.Context, actor, dataset string, number int, reason string) error {
	_, err := tx.SQL().ExecContext(ctx, `INSERT INTO version_recalls (dataset, number, reason, actor, since) VALUES ($1, $2, $3, $4, $5)`, dataset, number, reason, actor, timeText(tx.Now()))
	return err
}

func (tx retentionTx) Reinstate(ctx context.Context, dataset string, number int) error {
	_, err := tx.SQL().ExecContext(ctx, `DELETE FROM version_recalls WHERE dataset = $1 AND number = $2`, dataset, number)
	return err
}

// Recalls implements workspaces.Tx.
func (tx workspacesTx) Recalls(ctx context.Context, dataset string) ([]catalog.Recall, error) {
	return tx.recalls(ctx, dataset)
}

// Recalled implements catalog.Store.
func (s Catalogue) Recalled(ctx context.Context, dataset string) (out []catalog.Recall, err error) {
	err = s.DB.View(ctx, func(tx *Tx) error {
		out, err = tx.recalls(ctx, dataset)
		return err
	})
	return out, err
}

func (tx *Tx) recalls(ctx context.Context, dataset string) (out []catalog.Recall, err error) {
	err = tx.each(ctx, func(scan func(...any) error) error {
		var r catalog.Recall
		var since string
		if err := scan(&r.Number, &r.Reason, &r.Actor, &since); err != nil {
			return err
		}
		r.Since, err = parseTime(since)
		out = append(out, r)
		return err
	}, `SELECT number, reason, actor, since FROM version_recalls WHERE dataset = $1 ORDER BY number`, dataset)
	return out, err
}

// Users implements catalog.RetentionTx. A question is judged beside what was told to
// projects that share a person with its own, and with those: egress.Histories. What the
// release of a request let out counts for every project on the dataset.
func (tx retentionTx) Users(ctx context.Context, dataset string, number int) ([]string, error) {
	return tx.texts(ctx, `WITH live AS (SELECT id FROM projects WHERE state NOT IN ('rejected', 'closed', 'archived') OR substr(id, 1, length($4)) = $4),
		told AS (SELECT d.project FROM decisions d, json_each(d.datasets) j WHERE d.outcome IN ('released', 'suppressed') AND j.value = $3
			UNION SELECT g.project FROM grants g WHERE g.dataset = $1 AND EXISTS (
				SELECT 1 FROM cohorts c JOIN decisions d ON d.id = c.decision, json_each(d.datasets) j WHERE c.dataset = $1 AND j.value = $3)),
		`+heard+`,
		near AS (SELECT a.project AS one, b.project AS other FROM heard a JOIN heard b ON b.user_name = a.user_name UNION SELECT id, id FROM projects)
		SELECT id FROM live WHERE
			EXISTS (SELECT 1 FROM grants g WHERE g.project = live.id AND g.dataset = $1 AND g.version = $2)
			OR EXISTS (SELECT 1 FROM populations o JOIN workspaces w ON w.id = o.workspace WHERE w.project = live.id AND o.dataset = $1 AND o.version = $2)
			OR EXISTS (SELECT 1 FROM near x JOIN near y ON y.one = x.other JOIN told ON told.project = y.other WHERE x.one = live.id)
		ORDER BY 1`, dataset, number, dataset+"@"+strconv.Itoa(number), workspaces.CataloguePrefix)
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
