package egress

import (
	"context"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gatehouse-tre/gatehouse/egress/plan"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// AskAlone answers a question as Ask does, but judges it by itself: as if nothing
// had been released before, and without keeping anything. What the history costs is
// the difference.
func (g *Gate) AskAlone(ctx context.Context, s *workspaces.Session, sql string) (int64, error) {
	q, err := g.open(ctx, s, sql)
	if err != nil {
		return 0, err
	}
	if err := q.bind(ctx, nil); err != nil {
		return 0, err
	}
	vault, done, err := g.Vaults.Vault(ctx, s)
	if err != nil {
		return 0, err
	}
	defer done()
	lobby, tables := &plan.Printer{Protected: map[*plan.Aggregate]string{}}, map[string]arrow.RecordBatch{}
	defer func() {
		for _, t := range tables {
			t.Release()
		}
	}()
	aggregates, back, public := plan.Frontier(q.stmt.Root)
	for i, agg := range aggregates {
		if err := q.checkPublicJoins(ctx, vault, agg); err != nil {
			return 0, err
		}
		r, err := plan.NewRelease(agg)
		if err != nil {
			return 0, err
		}
		t, _, verdicts, err := judgeRows(ctx, vault, r, q.policy, nil)
		if err != nil {
			return 0, err
		}
		p, err := build(r, q.policy, t, verdicts)
		t.release()
		if err != nil {
			return 0, err
		}
		name := "p" + strconv.Itoa(i)
		tables[name], lobby.Protected[agg] = p.table, name
		if back[agg] {
			if agg.Released, err = literalTable(p.table); err != nil {
				return 0, err
			}
		}
	}
	for _, t := range public {
		if tables[t.Name], err = readAll(ctx, vault, "SELECT * FROM "+t.Source); err != nil {
			return 0, err
		}
	}
	names := make([]string, len(q.bound.Columns))
	for i, c := range q.bound.Columns {
		names[i] = c.Name
	}
	finish, err := lobby.Statement(q.stmt.Root, names)
	if err != nil {
		return 0, err
	}
	made := q.finishInLobby(ctx, tables, finish)
	if made.err != nil {
		return 0, made.err
	}
	defer made.reader.Release()
	rows := int64(0)
	for made.reader.Next() {
		rows += made.reader.RecordBatch().NumRows()
	}
	return rows, made.reader.Err()
}

// Plan takes a statement from text to what the vault would run, and runs none of it.
func (g *Gate) Plan(ctx context.Context, s *workspaces.Session, sql string) error {
	q, err := g.open(ctx, s, sql)
	if err != nil {
		return err
	}
	if err := q.bind(ctx, nil); err != nil {
		return err
	}
	aggregates, _, _ := plan.Frontier(q.stmt.Root)
	for _, agg := range aggregates {
		if _, err := plan.NewRelease(agg); err != nil {
			return err
		}
	}
	return nil
}

// FileDigest is that of the table which a file holds.
var FileDigest = fileDigest
