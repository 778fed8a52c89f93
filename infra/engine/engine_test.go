package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/engine"
)

// binary is gatehouse-engine, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "engine")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // the workers' users must reach it
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binary = filepath.Join(dir, "gatehouse-engine")
	build := exec.Command("go", "build", "-tags", "duckdb_arrow", "-o", binary, "../../cmd/gatehouse-engine")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s\n%v\n", out, err)
		return 1
	}
	return m.Run()
}

// config is for a worker without a sandbox: its walls are tested elsewhere.
func config(t *testing.T, role engine.Role) engine.Config {
	t.Helper()
	sockets, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(sockets) })
	return engine.Config{Binary: binary, Role: role, Threads: 2, MemoryMB: 512, Sockets: sockets, Log: t.Output()}
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
	return err.Error()
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
			for c := range int(b.NumCols()) {
				if c > 0 {
					out.WriteByte(' ')
				}
				out.WriteString(b.Column(c).ValueStr(r))
			}
			out.WriteByte('\n')
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

func numbers(name string, values ...int64) arrow.RecordBatch {
	schema := arrow.NewSchema([]arrow.Field{{Name: name, Type: arrow.PrimitiveTypes.Int64}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues(values, nil)
	return b.NewRecordBatch()
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
	units := numbers("nhs", 1, 2)
	defer units.Release()
	rows, err := array.NewRecordReader(units.Schema(), []arrow.RecordBatch{units})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Release()
	if err := publish.Load(t.Context(), "units", rows); err != nil {
		t.Fatal(describe(err))
	}
	err = publish.Exec(t.Context(),
		fmt.Sprintf("CREATE TABLE people AS FROM read_csv('%s/people.csv')", extracts),
		fmt.Sprintf("COPY (FROM people JOIN units USING (nhs) ORDER BY nhs) TO '%s/people.parquet'", versions))
	if err != nil {
		t.Fatal(describe(err))
	}

	c = config(t, engine.RoleVault)
	c.Read = []string{versions}
	vault := engine.Vault{Process: start(t, c)}
	if err := vault.Open(t.Context(), fmt.Sprintf("CREATE VIEW people AS FROM read_parquet('%s/people.parquet')", versions)); err != nil {
		t.Fatal(describe(err))
	}
	for range 3 {
		began := time.Now()
		got, err := vault.Query(t.Context(), "SELECT sex, count(*) FROM people GROUP BY sex ORDER BY sex")
		if got, want := text(t, got, err), "f 1\nm 1\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		t.Logf("a vault's query: %v", time.Since(began))
	}
}

func TestLobbySeesOnlyItsTables(t *testing.T) {
	lobby := engine.Lobby{Process: start(t, config(t, engine.RoleLobby))}
	table := numbers("n", 1, 2, 3)
	defer table.Release()
	for range 3 {
		began := time.Now()
		rows, err := lobby.Run(t.Context(), map[string]arrow.RecordBatch{"protected": table}, "SELECT sum(n)::BIGINT FROM protected")
		if got, want := text(t, rows, err), "6\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		t.Logf("a lobby's query: %v", time.Since(began))
	}
	if _, err := lobby.Run(t.Context(), nil, "FROM protected"); kindOf(err) != egress.FailureOther {
		t.Errorf("a table of an earlier query: got %v, want a failure", err)
	}
}

func TestBinderBinds(t *testing.T) {
	binder := engine.Binder{Process: start(t, config(t, engine.RoleBinder))}
	ddl := []string{"CREATE TABLE people(person_id BIGINT, sex VARCHAR)"}
	for range 3 {
		began := time.Now()
		bound, err := binder.Bind(t.Context(), ddl, "SELECT sex, count(*) AS n FROM people GROUP BY sex")
		if err != nil {
			t.Fatal(describe(err))
		}
		t.Logf("a bind: %v", time.Since(began))
		if got, want := fmt.Sprint(bound.Statement, bound.Columns), "SELECT[{sex VARCHAR} {n BIGINT}]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	_, err := binder.Bind(context.Background(), ddl, "SELECT nope FROM people")
	if f := (*egress.BindFailure)(nil); !errors.As(err, &f) || f.Syntax || f.Position != 7 {
		t.Errorf("got %#v, want a failure to bind at 7", err)
	}
}
