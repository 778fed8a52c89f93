package state

import (
	"context"
	"time"

	"github.com/gatehouse-tre/gatehouse/egress"
)

// rows reads the rows of a query about a request; at is where its time goes.
func rows[T any](ctx context.Context, tx requestTx, query, request string, fields func(*T) ([]any, *time.Time)) ([]T, error) {
	var out []T
	err := tx.each(ctx, func(scan func(...any) error) error {
		var row T
		var text string
		to, at := fields(&row)
		err := scan(append(to, &text)...)
		if err == nil {
			*at, err = parseTime(text)
		}
		out = append(out, row)
		return err
	}, query, request)
	return out, err
}

func (tx requestTx) turns(ctx context.Context, request string) ([]egress.Turn, error) {
	return rows(ctx, tx, `SELECT state, at FROM request_turns WHERE request = $1 ORDER BY seq`, request,
		func(t *egress.Turn) ([]any, *time.Time) { return []any{&t.State}, &t.At })
}

func (tx requestTx) messages(ctx context.Context, request string) ([]egress.Message, error) {
	return rows(ctx, tx, `SELECT id, thread, file, author, side, private, round, body, at FROM request_messages WHERE request = $1 ORDER BY seq`, request,
		func(m *egress.Message) ([]any, *time.Time) {
			return []any{&m.ID, &m.Thread, &m.File, &m.Author, &m.Side, &m.Private, &m.Round, &m.Body}, &m.At
		})
}

func (tx requestTx) clearances(ctx context.Context, request string) ([]egress.Clearance, error) {
	return rows(ctx, tx, `SELECT round, dataset, custodian, verdict, reason, at FROM request_clearances WHERE request = $1 ORDER BY seq`, request,
		func(c *egress.Clearance) ([]any, *time.Time) {
			return []any{&c.Round, &c.Dataset, &c.Custodian, &c.Verdict, &c.Reason}, &c.At
		})
}

func (tx requestTx) claims(ctx context.Context, request string) ([]egress.Claim, error) {
	var claims []egress.Claim
	err := tx.each(ctx, func(scan func(...any) error) error {
		var c egress.Claim
		var since, until string
		err := scan(&c.Checker, &since, &until)
		if err == nil {
			c.Since, err = parseTime(since)
		}
		if err == nil {
			c.Until, err = parseTime(until)
		}
		claims = append(claims, c)
		return err
	}, `SELECT checker, since, until FROM request_claims WHERE request = $1 ORDER BY since, checker`, request)
	return claims, err
}

func (tx requestTx) Waiting(ctx context.Context) ([]egress.Request, error) {
	query := `SELECT ` + requestColumns + ` FROM requests r LEFT JOIN releases l ON l.request = r.id WHERE r.state IN (`
	var args []any
	for i, s := range egress.WaitingStates() {
		if i > 0 {
			query += ", "
		}
		args = append(args, string(s))
		query += placeholder(len(args))
	}
	found, err := tx.list(ctx, query+`) ORDER BY r.submitted, r.id`, args...)
	for i := range found {
		if err == nil {
			err = tx.whole(ctx, &found[i])
		}
	}
	return found, err
}

func (tx requestTx) Custodians(ctx context.Context, dataset string) ([]string, error) {
	return workspacesTx(tx).Custodians(ctx, dataset)
}

func (tx requestTx) Vetoes(ctx context.Context) ([]egress.DatasetVeto, error) {
	var vetoes []egress.DatasetVeto
	err := tx.each(ctx, func(scan func(...any) error) error {
		var v egress.DatasetVeto
		var since string
		err := scan(&v.Dataset, &v.By, &since)
		if err == nil {
			v.Since, err = parseTime(since)
		}
		vetoes = append(vetoes, v)
		return err
	}, `SELECT dataset, set_by, since FROM dataset_vetoes ORDER BY dataset`)
	return vetoes, err
}

func (tx requestTx) Uses(ctx context.Context, user, dataset string) (bool, error) {
	found, err := tx.names(ctx, `SELECT g.project FROM grants g JOIN members m ON m.project = g.project WHERE m.user_name = $1 AND g.dataset = $2 LIMIT 1`, user, dataset)
	return len(found) > 0, err
}

func (tx requestTx) AddTurn(ctx context.Context, request string, t egress.Turn) error {
	_, err := tx.sql.ExecContext(ctx, `INSERT INTO request_turns (request, state, at) VALUES ($1, $2, $3)`, request, string(t.State), timeText(t.At))
	return err
}

func (tx requestTx) AddMessage(ctx context.Context, request string, m egress.Message) error {
	_, err := tx.sql.ExecContext(ctx, `INSERT INTO request_messages (id, request, thread, file, author, side, private, round, body, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		m.ID, request, m.Thread, m.File, m.Author, string(m.Side), m.Private, m.Round, m.Body, timeText(m.At))
	return err
}

func (tx requestTx) AddClearance(ctx context.Context, request string, c egress.Clearance) error {
	_, err := tx.sql.ExecContext(ctx, `INSERT INTO request_clearances (request, round, dataset, custodian, verdict, reason, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, request, c.Round, c.Dataset, c.Custodian, string(c.Verdict), c.Reason, timeText(c.At))
	return err
}

func (tx requestTx) SetClaim(ctx context.Context, request string, c egress.Claim) error {
	_, err := tx.sql.ExecContext(ctx, `INSERT INTO request_claims (request, checker, since, until) VALUES ($1, $2, $3, $4)
		ON CONFLICT (request, checker) DO UPDATE SET since = excluded.since, until = excluded.until`,
		request, c.Checker, timeText(c.Since), timeText(c.Until))
	return err
}

func (tx requestTx) DropClaim(ctx context.Context, request, checker string) error {
	_, err := tx.sql.ExecContext(ctx, `DELETE FROM request_claims WHERE request = $1 AND checker = $2`, request, checker)
	return err
}

func (tx requestTx) SetVeto(ctx context.Context, dataset, by string, ask bool) (bool, error) {
	if ask {
		return tx.affects(ctx, `INSERT INTO dataset_vetoes (dataset, set_by, since) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, dataset, by, timeText(tx.now))
	}
	return tx.affects(ctx, `DELETE FROM dataset_vetoes WHERE dataset = $1`, dataset)
}

func (tx requestTx) MarkOverdue(ctx context.Context, request string, round int, state egress.RequestState) (bool, error) {
	return tx.affects(ctx, `INSERT INTO request_overdue (request, round, state, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		request, round, string(state), timeText(tx.now))
}
