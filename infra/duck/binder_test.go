//go:build duckdb_arrow

package duck_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/duck"
)

var (
	limits = duck.Limits{Threads: 2, MemoryMB: 256}
	people = []string{
		"CREATE TABLE people(person_id BIGINT, sex VARCHAR, birth_year INTEGER, weight DECIMAL(18,3))",
		"CREATE TABLE events(person_id BIGINT, code VARCHAR, at_date DATE)",
	}
)

func newBinder(t *testing.T) *duck.Binder {
	t.Helper()
	b := duck.NewBinder(limits)
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func TestBinderTellsTheKindOfStatement(t *testing.T) {
	b := newBinder(t)
	for _, c := range []struct{ sql, kind string }{
		{"SELECT sex, count(*) FROM people GROUP BY sex", "SELECT"},
		{"SELECT 1;", "SELECT"},
		{"FROM people", "SELECT"},
		{"VALUES (1, 'x')", "SELECT"},
		{"TABLE people", "SELECT"},
		{"-- why\nWITH p AS (FROM people) SELECT count(*) FROM p /* because */ ;;", "SELECT"},
		{"(SELECT 1 AS a) UNION ALL (SELECT 2) ORDER BY a LIMIT 1", "SELECT"},
		{"SELECT * FROM range(10)", "SELECT"},
		{"SELECT * FROM generate_series(1, 3), unnest([1, 2])", "SELECT"},
		{"PIVOT people ON sex IN ('m', 'f') USING count(*) GROUP BY birth_year", "SELECT"},
		{"UNPIVOT people ON birth_year, person_id INTO NAME n VALUE v", "SELECT"},

		{"CREATE TABLE t AS SELECT * FROM people", "CREATE_TABLE"},
		{"create or replace table memory.main.\"t\"\"x\" (a, b) as select 1, 2;", "CREATE_TABLE"},
		{"CREATE TEMP TABLE IF NOT EXISTS t AS FROM people", "CREATE_TABLE"},
		{"CREATE VIEW v(a) AS SELECT sex FROM people", "CREATE_VIEW"},
		{"DROP TABLE people", "DROP"},
		{"DROP VIEW IF EXISTS v CASCADE;", "DROP"},

		{"", "failure"},
		{"-- nothing", "failure"},
		{";;", "failure"},
		{"SELECT 1; SELECT 2", "MULTIPLE"},
		{"SELECT 1; DROP TABLE people", "MULTIPLE"},
		{"CREATE TABLE t AS SELECT 1; DROP TABLE people", "MULTIPLE"},
		{"CREATE TABLE t AS SELECT 1; SELECT 2", "MULTIPLE"},
		{"DROP TABLE people; DROP TABLE events", "DROP_OTHER"},
		{"DROP TABLE people, events", "failure"},
		{"DROP SCHEMA main", "DROP_OTHER"},
		{"PIVOT people ON sex USING count(*)", "PIVOT"},
		{"SELECT * FROM (PIVOT people ON sex USING count(*))", "MULTIPLE"},

		{"CREATE TABLE t(i INTEGER)", "CREATE"},
		{"CREATE MACRO m(a) AS a + 1", "CREATE"},
		{"CREATE MACRO m() AS TABLE FROM people", "CREATE"},
		{"CREATE SECRET s (TYPE http)", "CREATE"},
		{"CREATE TYPE mood AS ENUM ('sad')", "CREATE"},
		{"SUMMARIZE people", "SUMMARIZE"},
		{"DESCRIBE people", "DESCRIBE"},
		{"DESCRIBE SELECT 1", "DESCRIBE"},
		{"SHOW TABLES", "SHOW"},
		{"SHOW ALL TABLES", "SHOW"},
		{"SELECT * FROM (SUMMARIZE people)", "SUMMARIZE"},
		{"SELECT * FROM (DESCRIBE people)", "DESCRIBE"},
		{"CREATE TABLE t AS SELECT * FROM (SHOW TABLES)", "SHOW"},
		{"EXPLAIN SELECT 1", "EXPLAIN"},
		{"EXPLAIN ANALYZE SELECT 1", "EXPLAIN"},
		{"PRAGMA version", "PRAGMA"},
		{"PRAGMA enable_profiling", "PRAGMA"},
		{"COPY people TO '/tmp/gatehouse-test.csv'", "COPY"},
		{"COPY people FROM '/etc/passwd'", "COPY"},
		{"ATTACH '/tmp/gatehouse-test.duckdb'", "ATTACH"},
		{"DETACH memory", "DETACH"},
		{"SET threads = 8", "SET"},
		{"RESET threads", "SET"},
		{"USE main", "SET"},
		{"CALL pragma_version()", "CALL"},
		{"CALL enable_logging(storage = 'file', storage_path = '/tmp/x')", "CALL"},
		{"INSERT INTO people VALUES (1, 'f', 1970, 1)", "INSERT"},
		{"UPDATE people SET sex = 'f'", "UPDATE"},
		{"DELETE FROM people", "DELETE"},
		{"TRUNCATE people", "DELETE"},
		{"MERGE INTO people USING events ON true WHEN MATCHED THEN DELETE", "MERGE"},
		{"ALTER TABLE people ADD COLUMN x INTEGER", "ALTER"},
		{"INSTALL httpfs", "INSTALL"},
		{"LOAD httpfs", "LOAD"},
		{"EXPORT DATABASE '/tmp/gatehouse-test'", "EXPORT"},
		{"IMPORT DATABASE '/tmp/gatehouse-test'", "PRAGMA or IMPORT"},
		{"PREPARE p AS SELECT 1", "PREPARE"},
		{"EXECUTE p", "EXECUTE"},
		{"BEGIN", "TRANSACTION"},
		{"VACUUM", "VACUUM"},
		{"CHECKPOINT", "CALL"},

		{"SELECT * FROM read_text('/etc/passwd')", "TABLE_FUNCTION"},
		{"SELECT * FROM read_csv('/etc/passwd')", "TABLE_FUNCTION"},
		{"SELECT * FROM glob('/*')", "TABLE_FUNCTION"},
		{"SELECT * FROM query('SELECT 1')", "TABLE_FUNCTION"},
		{"SELECT * FROM query_table('people')", "TABLE_FUNCTION"},
		{"SELECT * FROM enable_logging(storage = 'file', storage_path = '/tmp/x')", "TABLE_FUNCTION"},
		{"SELECT 1 WHERE EXISTS (FROM enable_logging(storage = 'file'))", "TABLE_FUNCTION"},
		{"WITH x AS (FROM duckdb_settings()) SELECT * FROM x", "TABLE_FUNCTION"},
		{"SELECT (SELECT count(*) FROM duckdb_functions())", "TABLE_FUNCTION"},
		{"FROM people JOIN LATERAL (FROM sniff_csv('/etc/passwd')) ON true", "TABLE_FUNCTION"},
		{"CREATE TABLE t AS FROM enable_logging(storage = 'file', storage_path = '/tmp/x')", "TABLE_FUNCTION"},
		{"CREATE VIEW t AS FROM read_blob('/etc/passwd')", "TABLE_FUNCTION"},
		{"FROM histogram('people', 'sex')", "TABLE_FUNCTION"},
		{"PIVOT (FROM read_text('/etc/passwd')) ON content IN ('x') USING count(*)", "TABLE_FUNCTION"},
	} {
		bound, err := b.Bind(t.Context(), people, c.sql)
		got := "failure"
		if err == nil {
			got = bound.Statement
		} else if f := (*egress.BindFailure)(nil); !errors.As(err, &f) {
			t.Errorf("%s: %v", c.sql, describe(err))
			continue
		}
		if !strings.Contains(" "+c.kind+" ", " "+got+" ") {
			t.Errorf("%s: got %s (%v), want %s", c.sql, got, err, c.kind)
		}
		if accepted := got == "SELECT" || got == "DROP" || got == "CREATE_TABLE" || got == "CREATE_VIEW"; err == nil && accepted != (bound.Plan != nil) {
			t.Errorf("%s: a plan is given exactly for accepted statements, got %s", c.sql, bound.Plan)
		}
	}
	// Through all of this, nothing was run.
	bound, err := b.Bind(t.Context(), people, "SELECT p.sex, e.code FROM people p JOIN events e USING (person_id)")
	if err != nil || len(bound.Columns) != 2 {
		t.Errorf("the tables are not as they were: %v", err)
	}
	for _, name := range []string{"x", "gatehouse-test", "gatehouse-test.csv", "gatehouse-test.duckdb"} {
		if _, err := os.Stat(filepath.Join("/tmp", name)); name != "x" && err == nil {
			t.Errorf("/tmp/%s was written", name)
		}
	}
}

func TestBinderNamesAndTypesColumns(t *testing.T) {
	b := newBinder(t)
	for _, c := range []struct{ sql, columns string }{
		{"SELECT sex, sex, count(*), avg(weight) AS w, [birth_year] AS l FROM people GROUP BY ALL",
			"[{sex VARCHAR} {sex VARCHAR} {count_star() BIGINT} {w DOUBLE} {l INTEGER[]}]"},
		{"FROM people", "[{person_id BIGINT} {sex VARCHAR} {birth_year INTEGER} {weight DECIMAL(18,3)}]"},
		{"SELECT * EXCLUDE (weight) RENAME (sex AS gender) FROM people", "[{person_id BIGINT} {gender VARCHAR} {birth_year INTEGER}]"},
		{"CREATE TABLE t(a, b) AS SELECT sex, 1.5 FROM people", "[{a VARCHAR} {b DECIMAL(2,1)}]"},
		{"CREATE VIEW t(a) AS SELECT sex, birth_year FROM people", "[{a VARCHAR} {birth_year INTEGER}]"},
		{"CREATE TABLE t AS SELECT sex FROM people", "[{sex VARCHAR}]"},
		{"SELECT count(*) AS n FROM people WHERE birth_year > $1 AND sex = $2", "[{n BIGINT}]"},
	} {
		bound, err := b.Bind(t.Context(), people, c.sql)
		if err != nil {
			t.Errorf("%s: %s", c.sql, describe(err))
			continue
		}
		if got := fmt.Sprint(bound.Columns); got != c.columns {
			t.Errorf("%s:\ngot  %s\nwant %s", c.sql, got, c.columns)
		}
	}
}

// A parameter keeps its place in the plan, with the type that its surroundings
// give it; without such, the statement does not bind, and says what to do.
func TestBinderTypesParameters(t *testing.T) {
	b := newBinder(t)
	bound, err := b.Bind(t.Context(), people, "SELECT count(*) FROM people WHERE birth_year > $1 AND sex = $2")
	if err != nil {
		t.Fatal(describe(err))
	}
	found := map[string]string{}
	var walk func(any)
	walk = func(node any) {
		switch n := node.(type) {
		case []any:
			for _, c := range n {
				walk(c)
			}
		case map[string]any:
			if n["expression_class"] == "BOUND_PARAMETER" {
				found[n["identifier"].(string)] = n["return_type"].(map[string]any)["id"].(string)
			}
			for _, c := range n {
				walk(c)
			}
		}
	}
	var plan any
	if err := json.Unmarshal(bound.Plan, &plan); err != nil {
		t.Fatal(err)
	}
	walk(plan)
	if got, want := fmt.Sprint(found), "map[1:INTEGER 2:VARCHAR]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	_, err = b.Bind(t.Context(), people, "SELECT $1")
	if f := (*egress.BindFailure)(nil); !errors.As(err, &f) || !strings.Contains(f.Message, "cast") {
		t.Errorf("got %v, want the advice to write a cast", err)
	}
	if _, err := b.Bind(t.Context(), people, "SELECT $1::INTEGER AS a"); err != nil {
		t.Errorf("a parameter with a cast: %s", describe(err))
	}
}

func TestBinderSaysWhereItFailed(t *testing.T) {
	b := newBinder(t)
	for _, c := range []struct {
		sql      string
		syntax   bool
		position int
	}{
		{"selec 1", true, 0},
		{"SELECT count(* FROM people", true, 15},
		{"SELECT nope FROM people", false, 7},
		{"SELECT * FROM nothing", false, 14},
		{"CREATE TABLE t AS SELECT nope FROM people", false, 25},
		{"SELECT sex + 1 FROM people WHERE", true, -1},
		{"SELECT * FROM '/etc/passwd'", false, 14},
		{"SELECT * FROM '/etc/passwd.csv'", false, -1},
		{"SELECT * FROM \"x.parquet\"", false, -1},
		{"SELECT 1\x00; DROP TABLE people", true, 8},
		{"SELECT count(*) FROM people WHERE sex = $name AND birth_year = $1", false, -1},
	} {
		_, err := b.Bind(t.Context(), people, c.sql)
		f := (*egress.BindFailure)(nil)
		if !errors.As(err, &f) {
			t.Errorf("%s: got %v, want a failure to bind", c.sql, err)
			continue
		}
		if f.Syntax != c.syntax || f.Position != c.position && c.position >= 0 {
			t.Errorf("%s: got %+v, want syntax %v at %d", c.sql, *f, c.syntax, c.position)
		}
	}
}

// Tables that cannot be made are an error, and the binder goes on.
func TestBinderSurvivesASchemaThatFails(t *testing.T) {
	b := newBinder(t)
	if _, err := b.Bind(t.Context(), []string{"CREATE TABLE t(a NOTHING_KNOWN)"}, "FROM t"); err == nil {
		t.Error("a table of an unknown type was made")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Bind(ended, []string{"CREATE TABLE t(a INTEGER)"}, "FROM t"); err == nil {
		t.Error("a cancelled question was bound")
	}
	if _, err := b.Bind(t.Context(), []string{"CREATE TABLE t(a INTEGER)"}, "FROM t"); err != nil {
		t.Error(describe(err))
	}
}

func TestBinderKeepsSchemasApart(t *testing.T) {
	b := newBinder(t)
	for i := range 100 { // more than it holds
		ddl := []string{fmt.Sprintf("CREATE TABLE t%d(a INTEGER)", i)}
		if _, err := b.Bind(t.Context(), ddl, fmt.Sprintf("FROM t%d", i)); err != nil {
			t.Fatalf("schema %d: %s", i, describe(err))
		}
		if _, err := b.Bind(t.Context(), ddl, fmt.Sprintf("FROM t%d", i-1)); err == nil {
			t.Fatalf("schema %d shows a table of another", i)
		}
	}
	// The same text split otherwise is another ddl.
	if _, err := b.Bind(t.Context(), []string{"CREATE TABLE a(i INTEGER)", ";CREATE TABLE b(i INTEGER)"}, "FROM b"); err != nil {
		t.Error(describe(err))
	}
}

func TestBinderOutlivesHardQuestions(t *testing.T) {
	b := newBinder(t)
	for _, sql := range []string{
		"SELECT " + strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000),
		"SELECT 1" + strings.Repeat(" + 1", 20000),
		"SELECT " + strings.Repeat("-", 1) + strings.Repeat(" NOT", 5000) + " true",
		strings.Repeat("SELECT * FROM (", 500) + "SELECT 1" + strings.Repeat(")", 500),
		"SELECT '" + strings.Repeat("x", 4<<20) + "'",
	} {
		_, err := b.Bind(t.Context(), people, sql)
		if f := (*egress.BindFailure)(nil); err != nil && !errors.As(err, &f) {
			t.Errorf("%.40s…: %s", sql, describe(err))
		}
		if _, err := b.Bind(t.Context(), people, "SELECT count(*) FROM people"); err != nil {
			t.Errorf("after %.40s…: %s", sql, describe(err))
		}
	}
}

// describe shows a failure with its cause, as an operator would see it.
func describe(err error) string {
	if f := (*egress.EngineFailure)(nil); errors.As(err, &f) {
		return f.Error() + ": " + f.Cause
	}
	return fmt.Sprint(err)
}

func TestBinderKnowsOtherCatalogs(t *testing.T) {
	b := newBinder(t)
	ddl := []string{"ATTACH ':memory:' AS scratch", "CREATE TABLE scratch.kept(a INTEGER)"}
	bound, err := b.Bind(t.Context(), ddl, "CREATE TABLE scratch.more AS FROM scratch.kept")
	if err != nil || bound.Statement != "CREATE_TABLE" {
		t.Errorf("got %v, %v", bound, err)
	}
}
