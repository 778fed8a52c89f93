//go:build duckdb_arrow

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/engine"
)

func TestPublishReadsExtractsAndWritesParquet(t *testing.T) {
	extracts, versions := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(extracts, "people.csv"), []byte("nhs,sex\n1,f\n2,m\n3,f\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := config(t, engine.RolePublish)
	c.Read, c.Write = []string{extracts}, []string{versions}
	p := engine.Publish{Process: start(t, c)}
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(describe(err))
	}
	units := numbers(t, "nhs", 1, 2)
	rows, err := array.NewRecordReader(units.Schema(), []arrow.RecordBatch{units, units})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Release()
	if err := p.Load(t.Context(), "units", rows); err != nil {
		t.Fatal(describe(err))
	}
	err = p.Exec(t.Context(),
		fmt.Sprintf("CREATE TABLE people AS FROM read_csv('%s/people.csv')", extracts),
		fmt.Sprintf("COPY (FROM people WHERE nhs IN (FROM units) ORDER BY nhs) TO '%s/people.parquet'", versions))
	if err != nil {
		t.Fatal(describe(err))
	}
	got, err := p.Query(t.Context(), fmt.Sprintf("SELECT nhs, sex FROM read_parquet('%s/people.parquet')", versions))
	if got, want := text(t, got, err), "1 f\n2 m\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	// What a worker writes belongs to whom the folder belongs to, not to the worker.
	info, err := os.Stat(filepath.Join(versions, "people.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	if owner := int(info.Sys().(*syscall.Stat_t).Uid); owner != os.Geteuid() {
		t.Errorf("the file belongs to %d, want %d", owner, os.Geteuid())
	}
	if err := p.Exec(t.Context(), fmt.Sprintf("COPY units TO '%s/units.parquet'", extracts)); err == nil {
		t.Error("it wrote to the folder of extracts")
	}
	if err := p.Load(t.Context(), "units", rows); err == nil {
		t.Error("a table was loaded twice")
	}
}

// cutShort is rows that end with an error.
type cutShort struct{ array.RecordReader }

func (cutShort) Err() error { return errors.New("the extract is cut off") }

func TestRowsThatEndEarlyMakeNoTable(t *testing.T) {
	p := engine.Publish{Process: start(t, config(t, engine.RolePublish))}
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(describe(err))
	}
	some := numbers(t, "n", make([]int64, 1<<20)...)
	for range 3 {
		rows, err := array.NewRecordReader(some.Schema(), []arrow.RecordBatch{some, some, some})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Load(t.Context(), "t", cutShort{rows}); kindOf(err) != egress.FailureOther || !strings.Contains(describe(err), "cut off") {
			t.Errorf("got %v", describe(err))
		}
		rows.Release()
		until(t, "there is no table", func() bool {
			got, err := p.Query(t.Context(), "SELECT count(*) FROM duckdb_tables()")
			return text(t, got, err) == "0\n"
		})
	}
	until(t, "the name is free again", func() bool { // the engine may still be undoing the last
		rows, err := array.NewRecordReader(some.Schema(), []arrow.RecordBatch{some, some})
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Release()
		return p.Load(t.Context(), "t", rows) == nil
	})
	got, err := p.Query(t.Context(), "SELECT count(*) FROM t")
	if got := text(t, got, err); got != "2097152\n" {
		t.Errorf("got %s", got)
	}
}

func TestVaultAnswersAndKeepsScratchTables(t *testing.T) {
	versions, scratch := samplePeople(t), t.TempDir()
	v := openVault(t, versions, scratch)
	count := "SELECT sex, count(*) FROM people GROUP BY sex ORDER BY sex"
	got, err := v.Query(t.Context(), count)
	if got, want := text(t, got, err), "f 500\nm 500\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := v.Exec(t.Context(), "CREATE TABLE scratch.women AS FROM people WHERE sex = 'f'"); err != nil {
		t.Fatal(describe(err))
	}
	v.Kill() // nothing that Exec confirmed is lost
	v = openVault(t, versions, scratch)
	got, err = v.Query(t.Context(), "SELECT count(*) FROM scratch.women")
	if got, want := text(t, got, err), "500\n"; got != want {
		t.Errorf("after a kill: got %q, want %q", got, want)
	}
	if err := v.Exec(t.Context(), "DROP TABLE scratch.women"); err != nil {
		t.Error(describe(err))
	}
}

// Even SQL that the gate would never print finds the walls closed.
func TestVaultReachesNothingElse(t *testing.T) {
	versions, scratch := samplePeople(t), t.TempDir()
	outside := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(outside, []byte("a\n1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	v := openVault(t, versions, scratch)
	for _, sql := range []string{
		"FROM read_text('/etc/passwd')",
		"FROM read_text('/proc/self/environ')",
		"FROM read_text('/proc/1/maps')",
		"FROM read_blob('/gatehouse-engine')",
		"FROM read_csv('" + outside + "')",
		"FROM glob('/*')",
		"FROM read_text('" + versions + "/../../../../../etc/passwd')",
		"COPY people TO '" + versions + "/copy.parquet'",
		"COPY people TO '/tmp/copy.parquet'",
		"COPY people TO '" + filepath.Dir(outside) + "/copy.parquet'",
		"ATTACH '/tmp/x.duckdb'",
		"SET enable_external_access = true",
		"SET allowed_directories = ['/']",
		"SET memory_limit = '64GB'",
		"SET lock_configuration = false",
		"INSTALL httpfs",
		"LOAD httpfs",
		"FROM read_csv('https://example.org/x.csv')",
	} {
		rows, err := v.Query(t.Context(), sql)
		if err != nil {
			continue
		}
		if rows.Next() && rows.RecordBatch().NumRows() > 0 {
			t.Errorf("%s: it answered", sql)
		}
		rows.Release()
	}
	if left, err := os.ReadDir(versions); err != nil || len(left) != 1 {
		t.Errorf("the version has changed: %v %v", left, err)
	}
	if !v.Alive() {
		t.Error("the vault died of it")
	}
}

func TestVaultIsOpenedOnceAndFirst(t *testing.T) {
	v := engine.Vault{Process: start(t, config(t, engine.RoleVault))}
	if _, err := v.Query(t.Context(), "SELECT 1"); kindOf(err) != egress.FailureOther {
		t.Errorf("a query before Open: got %v", err)
	}
	if err := v.Open(t.Context(), "CREATE VIEW broken AS FROM nothing"); kindOf(err) != egress.FailureOther {
		t.Errorf("a view of nothing: got %v", err)
	}
	if err := v.Open(t.Context()); err != nil {
		t.Errorf("after a failed Open: %s", describe(err))
	}
	if err := v.Open(t.Context()); err == nil {
		t.Error("it was opened twice")
	}
}

func TestFailuresAreClassedAndTellNothing(t *testing.T) {
	c := config(t, engine.RoleVault)
	c.MemoryMB = 100
	v := engine.Vault{Process: start(t, c)}
	if err := v.Open(t.Context(), "CREATE TABLE t AS SELECT 'secret-value' AS a, 9223372036854775807 AS b"); err != nil {
		t.Fatal(describe(err))
	}
	for _, c := range []struct {
		sql  string
		kind egress.FailureKind
	}{
		{"SELECT a::INTEGER FROM t", egress.FailureArithmetic},
		{"SELECT b + b FROM t", egress.FailureArithmetic},
		{"SELECT strptime(a, '%Y') FROM t", egress.FailureArithmetic},
		{"SELECT error(a) FROM t", egress.FailureArithmetic},
		{"SELECT nothing FROM t", egress.FailureOther},
		{"SELECT list(i) FROM range(1000000000) r(i)", egress.FailureMemory},
	} {
		rows, err := v.Query(t.Context(), c.sql)
		if err == nil {
			for rows.Next() {
			}
			err = rows.Err()
			rows.Release()
		}
		if kindOf(err) != c.kind {
			t.Errorf("%s: got %v, want %s", c.sql, describe(err), c.kind)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error tells a value: %v", c.sql, err)
		}
	}
}

// DuckDB does not count all the memory that it takes; the kernel does.
func TestTheKernelsLimitOfMemoryIsTold(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root is sure to have a cgroup here")
	}
	c := config(t, engine.RoleVault)
	c.MemoryMB = 100
	v := engine.Vault{Process: start(t, c)}
	if err := v.Open(t.Context()); err != nil {
		t.Fatal(describe(err))
	}
	if _, err := v.Query(t.Context(), "SELECT length(repeat('x', 1500000000))"); kindOf(err) != egress.FailureMemory {
		t.Errorf("got %v, want memory", describe(err))
	}
	<-v.Done()
}

func TestCancellingInterruptsAtOnce(t *testing.T) {
	v := engine.Vault{Process: start(t, config(t, engine.RoleVault))}
	if err := v.Open(t.Context()); err != nil {
		t.Fatal(describe(err))
	}
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := v.Query(ctx, slow)
		failed <- err
	}()
	waitUntilBusy(t, v.Process)
	began := time.Now()
	cancel()
	if err := <-failed; kindOf(err) != egress.FailureCancelled {
		t.Errorf("got %v, want cancelled", err)
	}
	waitUntilIdle(t, v.Process)
	t.Logf("from cancel to idle: %v", time.Since(began))

	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := v.Query(ctx, slow); kindOf(err) != egress.FailureTime {
		t.Errorf("got %v, want time", err)
	}
	waitUntilIdle(t, v.Process)
	got, err := v.Query(t.Context(), "SELECT 1")
	if got := text(t, got, err); got != "1\n" {
		t.Errorf("afterwards: got %q", got)
	}
}

func TestReleasingEarlyFreesTheEngine(t *testing.T) {
	v := engine.Vault{Process: start(t, config(t, engine.RoleVault))}
	if err := v.Open(t.Context()); err != nil {
		t.Fatal(describe(err))
	}
	rows, err := v.Query(t.Context(), "SELECT i, i * 2 AS j FROM range(5000000) r(i)")
	if err != nil {
		t.Fatal(describe(err))
	}
	if !rows.Next() || rows.RecordBatch().NumRows() < 10_000 {
		t.Errorf("batches are not brought together: %v", rows.RecordBatch())
	}
	rows.Release()
	waitUntilIdle(t, v.Process)
}

func TestAnswersComeWholeAndInOrder(t *testing.T) {
	v := engine.Vault{Process: start(t, config(t, engine.RoleVault))}
	if err := v.Open(t.Context()); err != nil {
		t.Fatal(describe(err))
	}
	rows, err := v.Query(t.Context(), "SELECT i, 'text ' || i AS s, [i] AS l, ['a','b'][1 + i % 2]::ENUM('a','b') AS e FROM range(300000) r(i)")
	if err != nil {
		t.Fatal(describe(err))
	}
	defer rows.Release()
	var n int64
	for rows.Next() {
		b := rows.RecordBatch()
		ids := b.Column(0).(*array.Int64)
		for r := range int(b.NumRows()) {
			if ids.Value(r) != n || b.Column(1).ValueStr(r) != fmt.Sprint("text ", n) || b.Column(3).ValueStr(r) != "ab"[n%2:n%2+1] {
				t.Fatalf("row %d is %d %s %s", n, ids.Value(r), b.Column(1).ValueStr(r), b.Column(3).ValueStr(r))
			}
			n++
		}
	}
	if rows.Err() != nil || n != 300000 {
		t.Errorf("got %d rows, %v", n, rows.Err())
	}
	// An answer without rows has its columns all the same.
	none, err := v.Query(t.Context(), "SELECT 1 AS a, 'x' AS b WHERE false")
	if err != nil {
		t.Fatal(describe(err))
	}
	defer none.Release()
	if none.Next() || none.Err() != nil || none.Schema().NumFields() != 2 {
		t.Errorf("got %v, %v", none.Schema(), none.Err())
	}
}

func TestLobbySeesItsTablesAndNothingElse(t *testing.T) {
	l := engine.Lobby{Process: start(t, config(t, engine.RoleLobby))}
	a, b := numbers(t, "n", 1, 2, 3), numbers(t, "m")
	tables := map[string]arrow.RecordBatch{`odd "name"`: a, "b": b}
	rows, err := l.Run(t.Context(), tables, `SELECT sum(n)::BIGINT, (SELECT count(*) FROM b) FROM "odd ""name"""`)
	if got, want := text(t, rows, err), "6 0\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, sql := range []string{
		"FROM b", // of the query before
		"FROM read_text('/etc/passwd')",
		"FROM glob('/*')",
		"COPY (SELECT 1) TO '/tmp/x.csv'",
		"ATTACH '/tmp/x.duckdb'",
		"SET threads = 8",
		"INSTALL httpfs",
	} {
		rows, err := l.Run(t.Context(), nil, sql)
		if err == nil {
			if rows.Next() {
				t.Errorf("%s: it answered", sql)
			}
			rows.Release()
		}
	}
	if rows, err = l.Run(t.Context(), map[string]arrow.RecordBatch{"b": a}, "SELECT count(*) FROM b"); text(t, rows, err) != "3\n" {
		t.Error("a table kept its earlier rows")
	}
}

func TestARoleOffersItsOwnOperationsOnly(t *testing.T) {
	b := start(t, config(t, engine.RoleBinder))
	if _, err := (engine.Vault{Process: b}).Query(t.Context(), "SELECT 1"); kindOf(err) != egress.FailureOther {
		t.Errorf("a binder that queries: got %v", err)
	}
	if _, err := (engine.Lobby{Process: b}).Run(t.Context(), nil, "SELECT 1"); kindOf(err) != egress.FailureOther {
		t.Errorf("a binder that runs: got %v", err)
	}
	v := start(t, config(t, engine.RoleVault))
	if _, err := (engine.Binder{Process: v}).Bind(t.Context(), nil, "SELECT 1"); kindOf(err) != egress.FailureOther {
		t.Errorf("a vault that binds: got %v", err)
	}
	rows, err := array.NewRecordReader(arrow.NewSchema(nil, nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Release()
	if err := (engine.Publish{Process: v}).Load(t.Context(), "t", rows); kindOf(err) != egress.FailureOther {
		t.Errorf("a vault that loads: got %v", err)
	}
}

func TestBinderRefusesWithoutRunning(t *testing.T) {
	b := engine.Binder{Process: start(t, config(t, engine.RoleBinder))}
	ddl := []string{"CREATE TABLE people(person_id BIGINT, sex VARCHAR)"}
	bound, err := b.Bind(t.Context(), ddl, "SELECT sex, count(*) AS n FROM people GROUP BY sex")
	if err != nil {
		t.Fatal(describe(err))
	}
	if got, want := fmt.Sprint(bound.Statement, bound.Columns), "SELECT[{sex VARCHAR} {n BIGINT}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for sql, want := range map[string]string{
		"SELECT 1; SELECT 2": "MULTIPLE",
		"FROM enable_logging(storage='file', storage_path='/tmp/x')": "TABLE_FUNCTION",
		"FROM query('SELECT 1')":                                     "TABLE_FUNCTION",
		"COPY people TO '/tmp/x'":                                    "COPY",
	} {
		if bound, err := b.Bind(t.Context(), ddl, sql); err != nil || bound.Statement != want || bound.Plan != nil {
			t.Errorf("%s: got %v %v, want %s and no plan", sql, bound, err, want)
		}
	}
	f := (*egress.BindFailure)(nil)
	if _, err := b.Bind(t.Context(), ddl, "SELECT nope FROM people"); !errors.As(err, &f) || f.Syntax || f.Position != 7 {
		t.Errorf("got %#v, want a failure to bind at 7", err)
	}
}
