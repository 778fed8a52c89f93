//go:build duckdb_arrow

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/engine"
	"github.com/gatehouse-tre/gatehouse/infra/sandbox"
)

// binary is gatehouse-engine, built once for all tests. It stands in a folder
// that is closed to others, as an installation of root may.
var binary string

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	if binary = os.Getenv(parentMode); binary != "" { // see TestAWorkerDiesWithItsParent
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "gatehouse-engine")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "gatehouse-engine")
	build := exec.Command("go", "build", "-tags", "duckdb_arrow", "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s\n%v\n", out, err)
		return 1
	}
	return m.Run()
}

// config is for a worker behind every wall.
func config(t *testing.T, role engine.Role) engine.Config {
	t.Helper()
	sockets, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(sockets) })
	walls := sandbox.Walls{Log: func(line string) { t.Log(line) }}
	if os.Geteuid() == 0 {
		walls.UID = sandbox.UserOf(t.Name())
	} else {
		walls.AllowMissing = []sandbox.Layer{sandbox.Cgroup} // whether anybody may make one, the host decides
	}
	return engine.Config{Binary: binary, Role: role, Threads: 2, MemoryMB: 512, Sockets: sockets, Sandbox: walls, Log: t.Output()}
}

func start(t *testing.T, c engine.Config) *engine.Process {
	t.Helper()
	began := time.Now()
	p, err := engine.Start(t.Context(), c)
	if err != nil {
		t.Fatal(describe(err))
	}
	t.Logf("%s: from spawn to ready %v", c.Role, time.Since(began))
	t.Cleanup(func() { p.Close() })
	return p
}

// describe shows a failure with its cause, as an operator would see it.
func describe(err error) string {
	if f := (*egress.EngineFailure)(nil); errors.As(err, &f) {
		return f.Error() + ": " + f.Cause
	}
	return fmt.Sprint(err, " ", errors.Unwrap(err))
}

// text reads rows to their end, one line per row.
func text(t *testing.T, rows array.RecordReader, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(describe(err))
	}
	defer rows.Release()
	var out bytes.Buffer
	for rows.Next() {
		b := rows.RecordBatch()
		for r := range int(b.NumRows()) {
			var line []string
			for _, c := range b.Columns() {
				line = append(line, c.ValueStr(r))
			}
			out.WriteString(strings.Join(line, " ") + "\n")
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(describe(err))
	}
	return out.String()
}

func kindOf(err error) egress.FailureKind {
	if f := (*egress.EngineFailure)(nil); errors.As(err, &f) {
		return f.Kind
	}
	return ""
}

// numbers makes a table of one column.
func numbers(t *testing.T, column string, values ...int64) arrow.RecordBatch {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: column, Type: arrow.PrimitiveTypes.Int64}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues(values, nil)
	batch := b.NewRecordBatch()
	t.Cleanup(batch.Release)
	return batch
}

// publish runs statements in a publish worker that may write to dir.
func publish(t *testing.T, dir string, statements ...string) {
	t.Helper()
	c := config(t, engine.RolePublish)
	c.Write = []string{dir}
	p := engine.Publish{Process: start(t, c)}
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(describe(err))
	}
	if err := p.Exec(t.Context(), statements...); err != nil {
		t.Fatal(describe(err))
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
}

// openVault opens a vault that sees people.parquet in versions, and keeps
// tables of its own in scratch.
func openVault(t *testing.T, versions, scratch string) engine.Vault {
	t.Helper()
	c := config(t, engine.RoleVault)
	c.Read, c.Write = []string{versions}, []string{scratch}
	v := engine.Vault{Process: start(t, c)}
	err := v.Open(t.Context(),
		fmt.Sprintf("CREATE VIEW people AS FROM read_parquet('%s/people.parquet')", versions),
		fmt.Sprintf("ATTACH '%s/tables.duckdb' AS scratch", scratch))
	if err != nil {
		t.Fatal(describe(err))
	}
	return v
}

// samplePeople publishes a small table and gives its folder.
func samplePeople(t *testing.T) string {
	t.Helper()
	versions := t.TempDir()
	publish(t, versions, fmt.Sprintf(
		"COPY (SELECT i AS _unit, ['f', 'm'][1 + i %% 2] AS sex FROM range(1000) r(i)) TO '%s/people.parquet'", versions))
	return versions
}

// slow is a query that would take minutes.
const slow = "SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b"
