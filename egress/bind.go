package egress

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// ddl makes the empty tables for the binder. The unit column is not in them, so
// that no SQL can name it. Of the tables in schemas, of which there may be very many,
// only those are made whose names stand in one of the texts.
func ddl(tables []*plan.Table, texts ...string) []string {
	var out []string
	var schemas []string
	said := strings.ToLower(strings.Join(texts, "\n"))
	for _, t := range tables {
		if t.Schema != "" && !slices.Contains(schemas, t.Schema) {
			schemas = append(schemas, t.Schema)
			out = append(out, "CREATE SCHEMA "+plan.Ident(t.Schema))
		}
		if t.Schema != "" && !strings.Contains(said, t.Bare()) {
			continue
		}
		cols := make([]string, len(t.Columns))
		for i, c := range t.Columns {
			cols[i] = plan.Ident(c.Name) + " " + c.Type
		}
		out = append(out, "CREATE TABLE "+t.Quoted()+" ("+strings.Join(cols, ", ")+")")
	}
	return out
}

// views makes the workspace's views for the binder, all but one. One that no longer
// binds, since what it reads is gone, the binder leaves out.
func (q *question) views(but string) []string {
	var out []string
	for _, t := range q.scratch {
		if t.View == "" || t.Table.Name == but {
			continue
		}
		names := make([]string, len(t.Table.Columns))
		for i, c := range t.Table.Columns {
			names[i] = plan.Ident(c.Name)
		}
		out = append(out, "CREATE VIEW "+plan.Ident(t.Table.Name)+" ("+strings.Join(names, ", ")+") AS "+t.View)
	}
	return out
}

// bindIn binds a statement that may name the workspace's views, but for one.
func (q *question) bindIn(ctx context.Context, sql, but string) (*Bound, error) {
	views := q.views(but)
	schema := append(ddl(q.tables, append(slices.Clone(views), sql)...), views...)
	bound, err := q.gate.bindOnce(ctx, schema, sql)
	if failure := (*EngineFailure)(nil); errors.As(err, &failure) && failure.Kind == FailureLost && ctx.Err() == nil {
		bound, err = q.gate.bindOnce(ctx, schema, sql) // another's statement may have ended the binder
	}
	if err == nil {
		return bound, nil
	}
	if f := (*BindFailure)(nil); errors.As(err, &f) {
		for _, t := range q.scratch {
			if t.View != "" && strings.Contains(f.Message, "View with name "+t.Table.Name+" does not exist") {
				// One that no longer binds can be dropped all the same.
				bound, err := q.gate.bindOnce(ctx, append(schema, "CREATE VIEW "+plan.Ident(t.Table.Name)+" AS SELECT 1"), sql)
				if err == nil && bound.Statement == "DROP" {
					return bound, nil
				}
			}
			if t.View != "" && t.Table.Name != but && strings.Contains(f.Message, "Table with name "+t.Table.Name+" does not exist") {
				return nil, gatehouse.Errorf(gatehouse.CodeBind, "The view %s can no longer be read: a table or column that it reads is gone.", t.Table.Name).
					WithAdvice("Make it anew with CREATE OR REPLACE VIEW, or DROP VIEW it.")
			}
		}
	}
	return nil, bindError(err)
}

// bind binds, reads and checks the statement.
func (q *question) bind(ctx context.Context, params map[string]*plan.Const) error {
	bound, err := q.bindIn(ctx, q.sql, "")
	if err != nil {
		return err
	}
	q.bound = bound
	switch bound.Statement {
	case "SELECT", "CREATE_TABLE", "DROP":
	case "CREATE_VIEW":
		return q.bindView(ctx)
	default:
		return notAnswered(bound.Statement)
	}
	if q.stmt, err = plan.Read(bound.Plan, q.tables, params); err != nil {
		return err
	}
	return plan.Check(q.stmt)
}

// bindView binds the SELECT of a CREATE VIEW by itself, without the view that it
// replaces. A view is checked as the table would be that it could be kept as; what
// is asked of it later is bound with the SELECT in its place.
func (q *question) bindView(ctx context.Context) error {
	stmt, err := plan.ReadView(q.bound.Plan)
	if err != nil {
		return err
	}
	inner, err := q.bindIn(ctx, q.bound.Query, stmt.Create)
	if err != nil {
		return err
	}
	if inner.Statement != "SELECT" {
		return gatehouse.Errorf(gatehouse.CodeStatement, "A view is of one SELECT.").WithAdvice("Write CREATE VIEW name AS SELECT ….")
	}
	read, err := plan.Read(inner.Plan, q.tables, nil)
	if err != nil {
		return err
	}
	if len(read.Params) > 0 {
		return gatehouse.Errorf(gatehouse.CodeStatement, "A view takes no parameters.").WithAdvice("Write the value into the view, or give it in the question.")
	}
	stmt.Root = read.Root
	for _, c := range q.bound.Columns {
		stmt.Names = append(stmt.Names, c.Name)
	}
	q.stmt = stmt
	return plan.Check(stmt)
}

// bindLimit bounds the binding of one statement, which takes milliseconds.
const bindLimit = 3 * time.Second

func (g *Gate) bindOnce(ctx context.Context, ddl []string, sql string) (*Bound, error) {
	ctx, cancel := context.WithTimeout(ctx, bindLimit)
	defer cancel()
	return g.Binder.Bind(ctx, ddl, sql)
}

func bindError(err error) error {
	var f *BindFailure
	if !errors.As(err, &f) {
		return engineError(err, "The statement could not be read.")
	}
	message := strings.TrimSpace(strings.SplitN(f.Message, "\n\nLINE", 2)[0])
	if strings.HasPrefix(message, "Table with name") || strings.HasPrefix(message, "View with name") { // DuckDB proposes its own catalogues
		message, _, _ = strings.Cut(message, "\nDid you mean")
	}
	if f.Syntax {
		return gatehouse.Errorf(gatehouse.CodeSyntax, "%s.", strings.TrimRight(message, ".!"))
	}
	return gatehouse.Errorf(gatehouse.CodeBind, "%s.", strings.TrimRight(message, ".!"))
}
