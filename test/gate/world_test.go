// Package gate tests the gate against real engines: a binder, a vault over
// Parquet and a lobby, with the real state and journal. Answers are compared
// with what the plain database says of the same tables.
package gate

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/engine"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

var engineBinary string

func TestMain(m *testing.M) {
	if plan := os.Getenv(killedEnv); plan != "" {
		os.Exit(answerUntilKilled(plan))
	}
	dir, err := os.MkdirTemp("", "gate")
	if err != nil {
		panic(err)
	}
	engineBinary = filepath.Join(dir, "gatehouse-engine")
	build := exec.Command("go", "build", "-tags", "duckdb_arrow", "-o", engineBinary, "github.com/gatehouse-tre/gatehouse/cmd/gatehouse-engine")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "the engine does not build:", err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// world is a gate over a small dataset, and the same data open to look at.
type world struct {
	*testing.T
	gate    *egress.Gate
	session *workspaces.Session
	plain   engine.Publish // sees the tables with person_id as ordinary columns
	state   *state.DB
	vaults  *engine.Vaults
	sealer  keys.Sealer
	// remembers: questions are judged against those before; else each is the first.
	remembers bool
	left      []int // people who withdrew
}

// people is the number of people of the test world.
const people = 2000

// worldSQL makes the tables: arithmetic stands for chance, so that every run
// sees the same people.
var worldSQL = []string{
	`CREATE TABLE people AS SELECT i::UINTEGER AS _unit, CASE WHEN i % 401 = 0 THEN 'I' WHEN hash(i) % 2 = 0 THEN 'F' ELSE 'M' END AS sex,
		(1925 + hash(i * 7) % 95)::INTEGER AS birth_year, ['white','asian','black','mixed','other','unknown'][1 + (hash(i * 11) % 36 // 6)::INT] AS ethnicity,
		['North','South','East','West'][1 + (hash(i * 13) % 4)::INT] AS region, 'E0100' || (1000 + hash(i * 17) % 200)::VARCHAR AS lsoa,
		(1 + hash(i * 19) % 10)::INTEGER AS imd_decile, 'P' || (hash(i * 23) % 12)::VARCHAR AS practice_id,
		DATE '1990-01-01' + (hash(i * 29) % 10000)::INT AS registered_from, NULL::DATE AS registered_to,
		CASE WHEN hash(i * 31) % 20 = 0 THEN date_trunc('month', DATE '2015-01-01' + (hash(i * 37) % 3000)::INT)::DATE END AS death_month
		FROM range(1, ` + fmt.Sprint(people+1) + `) t(i)`,
	`CREATE TABLE happenings AS SELECT (1 + hash(j * 3) % ` + fmt.Sprint(people) + `)::UINTEGER AS _unit, DATE '2010-01-01' + (hash(j * 5) % 5000)::INT AS date,
		['44054006','38341003','86406008','1003671000000109','60621009','271649006','1324681000000101'][1 + CASE WHEN j % 5000 = 0 THEN 2 ELSE [0,1,3,4,5,6][1 + (hash(j * 41) % 6)::INT] END] AS code, j
		FROM range(1, 20001) t(j)`,
	`CREATE TABLE stays AS SELECT (1 + hash(j * 43) % ` + fmt.Sprint(people) + `)::UINTEGER AS _unit, DATE '2015-01-01' + (hash(j * 47) % 3000)::INT AS admitted,
		['elective','emergency','maternity','other'][1 + (hash(j * 53) % 4)::INT] AS method, ['I219','J441','N183','E119'][1 + (hash(j * 59) % 4)::INT] AS diagnosis,
		(hash(j * 61) % 20)::INTEGER AS length_of_stay FROM range(1, 3001) t(j)`,
}

var exportSQL = map[string]string{
	"patients":   `SELECT * FROM people ORDER BY _unit`,
	"events":     `SELECT _unit, date, code, CASE WHEN code IN ('1003671000000109','60621009','271649006') THEN round(20 + (hash(j * 67) % 1000) / 10.0, 1)::DOUBLE END AS value FROM happenings ORDER BY _unit, date`,
	"admissions": `SELECT _unit, admitted, admitted + length_of_stay AS discharged, method, diagnosis, length_of_stay FROM stays ORDER BY _unit`,
	"codes":      `SELECT * FROM (VALUES ('44054006','SNOMED CT','Type 2 diabetes'),('38341003','SNOMED CT','Hypertension'),('86406008','SNOMED CT','HIV'),('60621009','SNOMED CT','BMI')) v(code, system, term)`,
}

func column(name, typ string, class catalog.Class, grain string) catalog.Column {
	return catalog.Column{Name: name, Type: typ, Class: class, Grain: grain}
}

var person = column("person_id", "VARCHAR", catalog.ClassPerson, "")

var worldTables = []catalog.Table{
	{Name: "patients", Columns: []catalog.Column{person, column("sex", "VARCHAR", catalog.ClassDimension, ""), column("birth_year", "INTEGER", catalog.ClassDimension, ""),
		column("ethnicity", "VARCHAR", catalog.ClassDimension, ""), column("region", "VARCHAR", catalog.ClassDimension, ""), column("lsoa", "VARCHAR", catalog.ClassQuasi, ""),
		column("imd_decile", "INTEGER", catalog.ClassDimension, ""), column("practice_id", "VARCHAR", catalog.ClassDimension, ""), column("registered_from", "DATE", catalog.ClassDate, "month"),
		column("registered_to", "DATE", catalog.ClassDate, "month"), column("death_month", "DATE", catalog.ClassDimension, "")}},
	{Name: "events", Columns: []catalog.Column{person, column("date", "DATE", catalog.ClassDate, "month"), column("code", "VARCHAR", catalog.ClassDimension, ""), column("value", "DOUBLE", catalog.ClassMeasure, "0.1")}},
	{Name: "admissions", Columns: []catalog.Column{person, column("admitted", "DATE", catalog.ClassDate, "month"), column("discharged", "DATE", catalog.ClassDate, "month"),
		column("method", "VARCHAR", catalog.ClassDimension, ""), column("diagnosis", "VARCHAR", catalog.ClassDimension, ""), column("length_of_stay", "INTEGER", catalog.ClassMeasure, "1")}},
	{Name: "codes", Public: true, Columns: []catalog.Column{column("code", "VARCHAR", catalog.ClassReference, ""), column("system", "VARCHAR", catalog.ClassReference, ""), column("term", "VARCHAR", catalog.ClassReference, "")}},
}

// mountedTables are worldTables with their files.
func mountedTables() []catalog.Table {
	tables := slices.Clone(worldTables)
	for i := range tables {
		tables[i].Files = []catalog.File{{Path: tables[i].Name + ".parquet"}}
		if tables[i].Name == "patients" {
			tables[i].Rows, tables[i].People = people, people // as a manifest says of a table with one row per person
		}
	}
	return tables
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx := t.Context()
	dir := t.TempDir()
	version, scratch, sockets := filepath.Join(dir, "version"), filepath.Join(dir, "workspace", "scratch"), shortDir(t)
	for _, d := range []string{version, scratch} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	config := func(role engine.Role) engine.Config {
		return engine.Config{Binary: engineBinary, Role: role, Sockets: sockets, Threads: 2, MemoryMB: 1024, Log: os.Stderr}
	}
	w := &world{T: t}
	publish := config(engine.RolePublish)
	publish.Write = []string{version}
	process, err := engine.Start(ctx, publish)
	must(t, err)
	t.Cleanup(func() { process.Close() })
	w.plain = engine.Publish{Process: process}
	must(t, w.plain.Open(ctx))
	must(t, w.plain.Exec(ctx, worldSQL...))
	mount := workspaces.Mount{Version: catalog.Version{Dataset: "world", Number: 1, Folder: version}, Tables: mountedTables(), Complete: true}
	for _, table := range mount.Tables {
		file := table.Files[0].Path
		must(t, w.plain.Exec(ctx, fmt.Sprintf("COPY (%s) TO '%s' (FORMAT parquet)", exportSQL[table.Name], filepath.Join(version, file))))
		pid := ""
		if !table.Public {
			pid = "'p' || _unit AS person_id, "
		}
		must(t, w.plain.Exec(ctx, fmt.Sprintf("CREATE VIEW %s AS SELECT %s* FROM read_parquet('%s')", table.Name, pid, filepath.Join(version, file))))
	}
	mount.Population = filepath.Join(version, "population.parquet") // everybody
	must(t, w.plain.Exec(ctx, fmt.Sprintf("COPY (SELECT _unit FROM people ORDER BY _unit) TO '%s' (FORMAT parquet)", mount.Population)))
	w.state = newState(t, dir)
	w.vaults = &engine.Vaults{Config: func(string) engine.Config { return config(engine.RoleVault) }}
	pool := func(role engine.Role) *engine.Pool {
		p := engine.NewPool(1, func(ctx context.Context) (*engine.Process, error) { return engine.Start(ctx, config(role)) })
		t.Cleanup(func() { p.Close() })
		return p
	}
	t.Cleanup(func() { w.vaults.Close() })
	store, err := keys.Create(filepath.Join(dir, "keys"))
	must(t, err)
	w.sealer, err = store.Sealer()
	must(t, err)
	w.gate = &egress.Gate{Binder: engine.Binders{Pool: pool(engine.RoleBinder)}, Lobby: engine.Lobbies{Pool: pool(engine.RoleLobby)}, Vaults: w.vaults,
		Ledger: state.Ledger{DB: w.state}, Now: time.Now, Log: slog.New(slog.NewTextHandler(testLog{t}, nil))}
	t.Cleanup(w.gate.Close)
	w.restart()
	w.session = &workspaces.Session{Principal: gatehouse.Principal{User: "ada", Session: "tok_test", Workspace: "w"},
		Project:   workspaces.Project{ID: "p", Policy: "sdap", State: workspaces.ProjectActive},
		Workspace: workspaces.Workspace{ID: "w", Project: "p", Folder: filepath.Join(dir, "workspace")}, Mounts: []workspaces.Mount{mount}}
	return w
}

func shortDir(t *testing.T) string {
	d, err := os.MkdirTemp("", "gh")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(d) })
	return d
}

func newState(t *testing.T, dir string) *state.DB {
	_, key, err := ed25519.GenerateKey(nil)
	must(t, err)
	signer, err := journal.NewSigner(key)
	must(t, err)
	db, err := state.Open(t.Context(), filepath.Join(dir, "state", "gatehouse.db"), state.Options{Journal: journal.New(signer, filepath.Join(dir, "checkpoint"))})
	must(t, err)
	t.Cleanup(func() { db.Close() })
	populate(t, db)
	return db
}

// populate makes the user, the project and the workspace.
func populate(t *testing.T, db *state.DB) {
	must(t, db.Update(t.Context(), func(tx *state.Tx) error {
		for _, q := range []string{
			`INSERT INTO users (name, created) VALUES ('ada', '2026-01-01T00:00:00.000000Z')`,
			`INSERT INTO projects (id, title, purpose, state, policy, opt_out_basis, opt_out_ref, expires, created_by, version) VALUES ('p', 't', 'p', 'active', 'sdap', 'applies', '', '2030-01-01T00:00:00.000000Z', 'ada', 1)`,
			`INSERT INTO workspaces (id, project, opened) VALUES ('w', 'p', '2026-01-01T00:00:00.000000Z')`,
		} {
			if _, err := tx.SQL().ExecContext(t.Context(), q); err != nil {
				return err
			}
		}
		return nil
	}))
}

type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) { l.t.Logf("%s", p); return len(p), nil }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// result is rows of an answer as text, NULL as "NULL".
type result struct {
	disclosure egress.Disclosure
	columns    []string
	rows       [][]string
}

// forget makes the next question the first.
func (w *world) forget() {
	w.Helper()
	must(w, w.state.Update(w.Context(), func(tx *state.Tx) error {
		_, err := tx.SQL().ExecContext(w.Context(), `DELETE FROM cohorts`)
		if err == nil {
			_, err = tx.SQL().ExecContext(w.Context(), `DELETE FROM answers`)
		}
		return err
	}))
	w.restart()
}

// restart lets the gate lose what it has in memory.
func (w *world) restart() {
	w.gate.Histories = &egress.Histories{Ledger: state.Ledger{DB: w.state}, Sealer: w.sealer}
}

// ask asks through the gate.
func (w *world) ask(sql string) (*result, error) {
	w.Helper()
	if !w.remembers {
		w.forget()
	}
	a, err := w.gate.Ask(w.Context(), w.session, sql, nil)
	if err != nil {
		return nil, err
	}
	defer a.Reader.Release()
	r := &result{disclosure: a.Disclosure}
	for _, f := range a.Schema.Fields() {
		r.columns = append(r.columns, f.Name)
	}
	for a.Reader.Next() {
		r.rows = append(r.rows, texts(a.Reader.RecordBatch())...)
	}
	return r, a.Reader.Err()
}

// truth asks the plain tables.
func (w *world) truth(sql string) [][]string {
	w.Helper()
	reader, err := w.plain.Query(w.Context(), sql)
	must(w, err)
	defer reader.Release()
	var rows [][]string
	for reader.Next() {
		rows = append(rows, texts(reader.RecordBatch())...)
	}
	must(w, reader.Err())
	return rows
}

func texts(b arrow.RecordBatch) [][]string {
	rows := make([][]string, b.NumRows())
	for i := range rows {
		for _, c := range b.Columns() {
			if c.IsNull(i) {
				rows[i] = append(rows[i], "NULL")
			} else {
				rows[i] = append(rows[i], c.ValueStr(i))
			}
		}
	}
	return rows
}
