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

func TestPublishWritesParquetThatAVaultReads(t *testing.T) {
	extracts, versions := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(extracts, "people.csv"), []byte("nhs,sex\n1,f\n2,m\n3,f\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := config(t, engine.RolePublish)
	c.Read, c.Write = []string{extracts}, []string{versions}
	publish := engine.Publish{Process: start(t, c)}
	if err := publish.Open(t.Context()); err != nil {
		t.Fatal(describe(err))
	}
	err := publish.Exec(t.Context(),
		fmt.Sprintf("CREATE TABLE people AS FROM read_csv('%s/people.csv')", extracts),
		fmt.Sprintf("COPY (FROM people ORDER BY nhs) TO '%s/people.parquet'", versions))
	if err != nil {
		t.Fatal(describe(err))
	}
	vault, _ := openVault(t, versions)
	got, err := vault.Query(t.Context(), "SELECT sex, count(*) FROM people GROUP BY sex ORDER BY sex")
	if got, want := text(t, got, err), "f 2\nm 1\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// openVault opens a vault on a folder with people.parquet, with a scratch file.
func openVault(t *testing.T, versions string) (engine.Vault, string) {
	t.Helper()
	scratch := t.TempDir()
	c := config(t, engine.RoleVault)
	c.Read, c.Write = []string{versions}, []string{scratch}
	vault := engine.Vault{Process: start(t, c)}
	err := vault.Open(t.Context(),
		fmt.Sprintf("CREATE VIEW people AS FROM read_parquet('%s/people.parquet')", versions),
		fmt.Sprintf("ATTACH '%s/tables.duckdb' AS scratch", scratch))
	if err != nil {
		t.Fatal(describe(err))
	}
	return vault, scratch
}

var _ arrow.RecordBatch
