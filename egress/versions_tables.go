package egress

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-tre/gatehouse/egress/plan"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// remaking makes the workspace's own tables again in another version's vault, by the
// statements that made them here, so that a question that reads them can be asked there.
// Whatever a table holds here, the question is compared by what people add to each
// number, so that it need not be the same as there.
type remaking struct {
	q     *question
	there *workspaces.Session
	vault Vault
	made  map[string]bool // by name; false while it is being made
}

// remade makes what sql reads; done takes it away again.
func (q *question) remade(ctx context.Context, vault Vault, there *workspaces.Session, sql string) (done func(), err error) {
	m := &remaking{q: q, there: there, vault: vault, made: map[string]bool{}}
	done = func() {
		for name := range m.made {
			// What stays is replaced before it is read again, and only takes room until then.
			_ = vault.Exec(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS "+scratchName(name))
		}
	}
	if err := m.read(ctx, sql); err != nil {
		done()
		return nil, err
	}
	return done, nil
}

func scratchName(table string) string { return "scratch.main." + plan.Ident(table) }

// read makes every table of the workspace that sql reads.
func (m *remaking) read(ctx context.Context, sql string) error {
	for _, t := range m.q.scratch {
		if t.View == "" && strings.Contains(sql, scratchName(t.Table.Name)) {
			if err := m.table(ctx, t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *remaking) table(ctx context.Context, t ScratchTable) error {
	name := t.Table.Name
	if done, begun := m.made[name]; done || begun {
		if !done {
			return fmt.Errorf("the workspace's table %s was made of itself", name)
		}
		return nil
	}
	m.made[name] = false
	q := &question{gate: m.q.gate, session: m.there, sql: t.SQL, decision: m.q.decision}
	q.decision.Datasets = nil
	for _, mount := range m.there.Mounts {
		q.decision.Datasets = append(q.decision.Datasets, mount.Version.Name())
	}
	// What was made since, or anew, is not what it was made of.
	q.scratch = slices.DeleteFunc(slices.Clone(m.q.scratch), func(o ScratchTable) bool { return o.Table.Name == name || !o.Made.Before(t.Made) })
	q.tables = tablesOf(m.there, q.scratch)
	if err := q.bind(ctx, nil); err != nil {
		return err
	}
	made := q.madeTable()
	// The question was read as one of a table of this shape.
	if q.stmt.Create != name || q.stmt.View || made.Once != t.Once || made.Repeats != t.Repeats || made.Degree != t.Degree || !slices.Equal(made.Table.Columns, t.Table.Columns) {
		return fmt.Errorf("the workspace's table %s would be another in the other version", name)
	}
	sql, err := q.tableSQL(ctx, m.vault)
	if err != nil {
		return err
	}
	if err := m.read(ctx, sql); err != nil {
		return err
	}
	if err := m.vault.Exec(ctx, "CREATE OR REPLACE TABLE "+scratchName(name)+" AS "+sql); err != nil {
		return vaultError(err)
	}
	m.made[name] = true
	return nil
}
