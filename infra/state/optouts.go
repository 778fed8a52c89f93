package state

import (
	"context"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog/optout"
)

// OptOuts keeps checks for opt-outs; it is an optout.Store.
type OptOuts struct{ DB *DB }

var _ optout.Store = OptOuts{}

// Update implements optout.Store.
func (s OptOuts) Update(ctx context.Context, change func(optout.Tx) error) error {
	return s.DB.Update(ctx, func(tx *Tx) error { return change(optOutTx{tx}) })
}

// optOutTx implements optout.Tx.
type optOutTx struct{ *Tx }

// timeOrNone is a time that may not have come.
func timeOrNone(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return timeText(t)
}

func parseTimeOrNone(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return parseTime(s)
}

func (tx optOutTx) Checks(ctx context.Context, dataset string) ([]optout.Check, error) {
	var all []optout.Check
	err := tx.each(ctx, func(scan func(...any) error) error {
		var c optout.Check
		var prepared, sent, settled string
		err := scan(&c.ID, &c.Dataset, &c.List, &c.File, &c.Extracts, &c.State, &c.MessageID, &c.To, &c.Asked, &c.Returned, &c.By, &prepared, &sent, &settled, &c.Reason)
		if err != nil {
			return err
		}
		if c.Prepared, err = parseTime(prepared); err != nil {
			return err
		}
		if c.Sent, err = parseTimeOrNone(sent); err != nil {
			return err
		}
		c.Settled, err = parseTimeOrNone(settled)
		all = append(all, c)
		return err
	}, `SELECT id, dataset, list, file, extracts, state, message, asked_of, asked, returned, by_user, prepared, sent, settled, reason FROM optout_checks
		WHERE dataset = $1 OR $1 = '' ORDER BY prepared DESC, id`, dataset)
	return all, err
}

func (tx optOutTx) AddCheck(ctx context.Context, c optout.Check) error {
	added, err := tx.affects(ctx, `INSERT INTO optout_checks (id, dataset, list, file, extracts, state, message, asked_of, asked, returned, by_user, prepared, sent, settled, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING`,
		c.ID, c.Dataset, c.List, c.File, c.Extracts, string(c.State), c.MessageID, c.To, c.Asked, c.Returned, c.By,
		timeText(c.Prepared), timeOrNone(c.Sent), timeOrNone(c.Settled), c.Reason)
	if err == nil && !added {
		return gatehouse.Errorf(gatehouse.CodeConflict, "A check of %s is open already.", c.Dataset)
	}
	return err
}

func (tx optOutTx) ChangeCheck(ctx context.Context, c optout.Check, from optout.State) error {
	changed, err := tx.affects(ctx, `UPDATE optout_checks SET state = $3, message = $4, returned = $5, sent = $6, settled = $7, reason = $8, asked_of = $9 WHERE id = $1 AND state = $2`,
		c.ID, string(from), string(c.State), c.MessageID, c.Returned, timeOrNone(c.Sent), timeOrNone(c.Settled), c.Reason, c.To)
	if err == nil && !changed {
		return gatehouse.Errorf(gatehouse.CodeConflict, "The check %s is not what it was any more.", c.ID)
	}
	return err
}
