//go:build duckdb_arrow

package duck

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/test/statements"
)

// canary is the folder that the statements of the corpus would write to.
const canary = "/tmp/gatehouse-fuzz"

// FuzzBind holds that whatever text comes, the binder outlives it, runs nothing
// of it, and says of what it accepts the kind that DuckDB's own parser says.
func FuzzBind(f *testing.F) {
	for _, sql := range statements.Real {
		f.Add(sql, []byte{})
	}
	f.Add("", []byte{5, 0, 0, 3})
	f.Add("SELECT \x00", []byte{})
	f.Add("\xff\xfe", []byte{})
	b := NewBinder(Limits{Threads: 1, MemoryMB: 256})
	f.Cleanup(func() { b.Close() })
	tables := append(slices.Clone(statements.Tables), "CREATE TABLE cohort (person_id VARCHAR, first DATE)")
	judge := newJudge(f, tables)
	var before string

	f.Fuzz(func(t *testing.T, text string, changes []byte) {
		sql := statements.Mutate(text, changes)
		if len(sql) > 64<<10 {
			t.Skip()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		bound, err := b.Bind(ctx, tables, sql)
		if failure := (*egress.EngineFailure)(nil); errors.As(err, &failure) && ctx.Err() == nil {
			t.Fatalf("%q\n%s: %s", sql, failure.Kind, failure.Cause)
		}
		if err == nil {
			judge.agree(t, sql, bound)
		}
		now := state(t, b, tables)
		if before == "" {
			before = now
		}
		if now != before {
			t.Fatalf("%q\nchanged the binder's database from\n%s\nto\n%s", sql, before, now)
		}
		if _, err := os.Stat(canary); err == nil {
			t.Fatalf("%q\nwrote to %s", sql, canary)
		}
	})
}

// state is what statements could change of the database that the binder keeps
// for the tables.
func state(t testing.TB, b *Binder, tables []string) string {
	t.Helper()
	s, err := b.schema(t.Context(), tables)
	if err != nil {
		t.Fatal(err)
	}
	stmt, err := s.conn.PrepareContext(t.Context(), `SELECT concat_ws(chr(10), (SELECT string_agg(database_name, ' ' ORDER BY database_name) FROM duckdb_databases()),
		(SELECT string_agg(schema_name, ' ' ORDER BY schema_name) FROM duckdb_schemas()), (SELECT string_agg(sql, ' ' ORDER BY sql) FROM duckdb_tables()),
		(SELECT string_agg(sql, ' ' ORDER BY sql) FROM duckdb_views() WHERE NOT internal), (SELECT string_agg(sequence_name, ' ') FROM duckdb_sequences()),
		(SELECT string_agg(index_name, ' ') FROM duckdb_indexes()), (SELECT string_agg(name, ' ') FROM duckdb_variables()), (SELECT string_agg(name, ' ') FROM duckdb_prepared_statements()),
		(SELECT string_agg(type_name, ' ') FROM duckdb_types() WHERE NOT internal), (SELECT md5(string_agg(name || coalesce(value, ''), ' ' ORDER BY name)) FROM duckdb_settings()),
		(SELECT count(*) FROM patients) + (SELECT count(*) FROM events) + (SELECT count(*) FROM codes) + (SELECT count(*) FROM cohort), $1)`)
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	out, err := texts(t.Context(), stmt, "")
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}

// judge is a database with the same tables that is asked through DuckDB's own
// interface how many statements a text is, and of what type.
type judge struct{ conn mapping.Connection }

func newJudge(f *testing.F, tables []string) *judge {
	var db mapping.Database
	j := &judge{}
	if mapping.Open("", &db) != mapping.StateSuccess || mapping.Connect(db, &j.conn) != mapping.StateSuccess {
		f.Fatal("no database")
	}
	f.Cleanup(func() { mapping.Disconnect(&j.conn); mapping.Close(&db) })
	for _, sql := range slices.Concat(tables, closed) {
		var result mapping.Result
		if mapping.Query(j.conn, sql, &result) != mapping.StateSuccess {
			f.Fatal(sql)
		}
		mapping.DestroyResult(&result)
	}
	return j
}

var accepted = map[string]mapping.StatementType{"SELECT": mapping.StatementTypeSelect, "CREATE_TABLE": mapping.StatementTypeCreate, "CREATE_VIEW": mapping.StatementTypeCreate, "DROP": mapping.StatementTypeDrop}

// agree holds the binder's kind of a statement against DuckDB's.
func (j *judge) agree(t *testing.T, sql string, bound *egress.Bound) {
	t.Helper()
	want, plans := accepted[bound.Statement]
	if plans != (bound.Plan != nil) {
		t.Fatalf("%q\nis %s, with plan: %v", sql, bound.Statement, bound.Plan != nil)
	}
	if !plans {
		return
	}
	var all mapping.ExtractedStatements
	n := mapping.ExtractStatements(j.conn, sql, &all)
	defer mapping.DestroyExtracted(&all)
	if n != 1 {
		t.Fatalf("%q\nis one %s, and to DuckDB %d statements", sql, bound.Statement, n)
	}
	var stmt mapping.PreparedStatement
	if mapping.PrepareExtractedStatement(j.conn, all, 0, &stmt) == mapping.StateSuccess {
		if got := mapping.PreparedStatementType(stmt); got != want {
			t.Fatalf("%q\nis %s, and to DuckDB of type %d", sql, bound.Statement, got)
		}
	}
	mapping.DestroyPrepare(&stmt)
	var out struct {
		Plans []struct {
			Type string `json:"type"`
		} `json:"plans"`
	}
	if err := json.Unmarshal(bound.Plan, &out); err != nil || len(out.Plans) != 1 {
		t.Fatalf("%q\ngives the plan %s", sql, bound.Plan)
	}
	root := strings.TrimPrefix(out.Plans[0].Type, "LOGICAL_")
	switch bound.Statement {
	case "SELECT":
		for _, acts := range []string{"CREATE", "DROP", "INSERT", "DELETE", "UPDATE", "MERGE", "COPY", "ATTACH", "DETACH", "SET", "PRAGMA", "LOAD", "EXPORT", "VACUUM", "ALTER", "TRANSACTION", "EXPLAIN", "PREPARE", "EXECUTE"} {
			if strings.HasPrefix(root, acts) {
				t.Fatalf("%q\nis a SELECT that plans %s", sql, root)
			}
		}
	default:
		if root != bound.Statement {
			t.Fatalf("%q\nis %s and plans %s", sql, bound.Statement, root)
		}
	}
}
