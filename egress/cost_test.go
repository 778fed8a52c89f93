package egress_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/engine"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// costs is a gate with real engines over a published version, and plain DuckDB in
// a process of the same kind over the same Parquet files.
type costs struct {
	testing.TB
	gate     *egress.Gate
	session  *workspaces.Session
	db       *state.DB
	sealer   keys.Sealer
	vaults   *engine.Vaults
	plain    engine.Publish
	plainPID int
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// openCosts makes a gate for a version; one without a folder can be planned for and
// not asked.
func openCosts(t testing.TB, v catalog.Version) *costs {
	ctx, dir := context.Background(), t.TempDir()
	sockets, err := os.MkdirTemp("", "gh")
	ok(t, err)
	t.Cleanup(func() { os.RemoveAll(sockets) })
	binary := filepath.Join(dir, "gatehouse-engine")
	build := exec.Command("go", "build", "-tags", "duckdb_arrow", "-o", binary, "github.com/gatehouse-tre/gatehouse/cmd/gatehouse-engine")
	build.Stderr = os.Stderr
	ok(t, build.Run())
	ok(t, os.MkdirAll(filepath.Join(dir, "workspace", "scratch"), 0o700))
	log, err := os.Create(filepath.Join(dir, "engines.log"))
	ok(t, err)
	t.Cleanup(func() { log.Close() })
	config := func(role engine.Role, memory int) engine.Config {
		return engine.Config{Binary: binary, Role: role, Sockets: sockets, Threads: 2, MemoryMB: memory, Log: log}
	}
	c := &costs{TB: t}
	pool := func(role engine.Role) *engine.Pool {
		p := engine.NewPool(1, func(ctx context.Context) (*engine.Process, error) { return engine.Start(ctx, config(role, 512)) })
		t.Cleanup(func() { p.Close() })
		return p
	}
	_, key, err := ed25519.GenerateKey(nil)
	ok(t, err)
	signer, err := journal.NewSigner(key)
	ok(t, err)
	c.db, err = state.Open(ctx, filepath.Join(dir, "state", "gatehouse.db"), state.Options{Journal: journal.New(signer, filepath.Join(dir, "checkpoint"))})
	ok(t, err)
	t.Cleanup(func() { c.db.Close() })
	c.exec(`INSERT INTO users (name, created) VALUES ('ada', '2026-01-01T00:00:00.000000Z')`,
		`INSERT INTO projects (id, title, purpose, state, policy, opt_out_basis, opt_out_ref, expires, created_by, version) VALUES ('p', 't', 'p', 'active', 'sdap', 'applies', '', '2030-01-01T00:00:00.000000Z', 'ada', 1)`,
		`INSERT INTO workspaces (id, project, opened) VALUES ('w', 'p', '2026-01-01T00:00:00.000000Z')`)
	store, err := keys.Create(filepath.Join(dir, "keys"))
	ok(t, err)
	c.sealer, err = store.Sealer()
	ok(t, err)
	c.vaults = &engine.Vaults{Config: func(string) engine.Config { return config(engine.RoleVault, 4096) }}
	t.Cleanup(func() { c.vaults.Close() })
	c.gate = &egress.Gate{Binder: engine.Binders{Pool: pool(engine.RoleBinder)}, Lobby: engine.Lobbies{Pool: pool(engine.RoleLobby)}, Vaults: c.vaults,
		Ledger: state.Ledger{DB: c.db}, Now: time.Now, TimeLimit: time.Hour, Log: slog.New(slog.NewTextHandler(log, nil))}
	t.Cleanup(c.gate.Close)
	c.forget()
	c.session = &workspaces.Session{Principal: gatehouse.Principal{User: "ada", Session: "tok_test", Workspace: "w"},
		Project:   workspaces.Project{ID: "p", Policy: "sdap", State: workspaces.ProjectActive},
		Workspace: workspaces.Workspace{ID: "w", Project: "p", Folder: filepath.Join(dir, "workspace")},
		Mounts:    []workspaces.Mount{{Version: v, Tables: v.Tables, Complete: true}}}
	if v.Folder == "" {
		return c
	}
	publish := config(engine.RolePublish, 4096)
	publish.Read = []string{v.Folder}
	process, err := engine.Start(ctx, publish)
	ok(t, err)
	t.Cleanup(func() { process.Close() })
	c.plain, c.plainPID = engine.Publish{Process: process}, process.Pid()
	var views []string
	for _, table := range v.Tables {
		columns := "_unit AS person_id, * EXCLUDE (_unit)"
		if table.Public {
			columns = "*"
		}
		var files []string
		for _, f := range table.Files {
			files = append(files, "'"+filepath.Join(v.Folder, f.Path)+"'")
		}
		views = append(views, fmt.Sprintf("CREATE VIEW %s AS SELECT %s FROM read_parquet([%s])", table.Name, columns, strings.Join(files, ", ")))
	}
	ok(t, c.plain.Open(ctx, views...))
	return c
}

func (c *costs) exec(statements ...string) {
	ok(c, c.db.Update(context.Background(), func(tx *state.Tx) error {
		for _, s := range statements {
			if _, err := tx.SQL().ExecContext(context.Background(), s); err != nil {
				return err
			}
		}
		return nil
	}))
}

// forget makes the next question the first.
func (c *costs) forget() {
	c.exec(`DELETE FROM cohorts`, `DELETE FROM answers`)
	c.gate.Histories = &egress.Histories{Ledger: state.Ledger{DB: c.db}, Sealer: c.sealer}
}

// spent is what some work took.
type spent struct {
	Wall float64 `json:"wall"` // ms
	CPU  float64 `json:"cpu"`  // ms, of this process, the vault and plain DuckDB's process
}

func (c *costs) time(work func() error) (s spent, err error) {
	before, at := c.cpu(), time.Now()
	err = work()
	s.Wall = float64(time.Since(at).Microseconds()) / 1000
	s.CPU = c.cpu() - before
	return s, err
}

func (c *costs) cpu() float64 {
	pids := []int{os.Getpid(), c.plainPID}
	for _, pid := range c.vaults.Pids() {
		pids = append(pids, pid)
	}
	return processorTime(c, pids)
}

// processorTime is what processes have used, in ms.
func processorTime(t testing.TB, pids []int) (ms float64) {
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		ok(t, err)
		_, fields, _ := strings.Cut(string(stat), ") ")
		var user, system float64 // in hundredths of a second
		_, err = fmt.Sscan(strings.Join(strings.Fields(fields)[11:13], " "), &user, &system)
		ok(t, err)
		ms += 10 * (user + system)
	}
	return ms
}

func drained(r interface {
	Next() bool
	Err() error
	Release()
}) error {
	defer r.Release()
	for r.Next() {
	}
	return r.Err()
}

// benign is a question of testdata/benign that is asked in one step.
type benign struct{ name, sql string }

func benignQuestions(t testing.TB) []benign {
	var out []benign
	comment := regexp.MustCompile(`(?m)-- .*$`)
	for _, file := range []string{"open.sql", "epidemiology.sql"} {
		text, err := os.ReadFile(filepath.Join("../test/testdata/benign", file))
		ok(t, err)
		for _, q := range strings.Split(string(text), "-- query: ")[1:] {
			name, sql, _ := strings.Cut(q, "\n")
			if !strings.Contains(sql, "-- step") {
				out = append(out, benign{name, strings.TrimSuffix(strings.TrimSpace(comment.ReplaceAllString(sql, "")), ";")})
			}
		}
	}
	return out
}

// cost is what one question took, each time that it was asked.
type cost struct {
	Name    string  `json:"name"`
	Refused string  `json:"refused,omitempty"`
	Plain   []spent `json:"plain"`
	Alone   []spent `json:"alone"`   // judged by itself
	History []spent `json:"history"` // judged against the questions before it in the file
}

// TestCost is not a test but what `make bench-gate` measures with: it asks the
// questions of testdata/benign of the version in GATEHOUSE_COST, in one session after
// the other, and writes what each took there to GATEHOUSE_COST_OUT as JSON.
func TestCost(t *testing.T) {
	folder := os.Getenv("GATEHOUSE_COST")
	if folder == "" {
		t.Skip("GATEHOUSE_COST names no published version")
	}
	raw, err := os.ReadFile(filepath.Join(folder, "manifest.json"))
	ok(t, err)
	var v catalog.Version
	ok(t, json.Unmarshal(raw, &v))
	v.Folder = folder
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 30)) // as the service does
	c := openCosts(t, v)
	repeats := 3
	if n := os.Getenv("GATEHOUSE_COST_REPEATS"); n != "" {
		_, err := fmt.Sscan(n, &repeats)
		ok(t, err)
	}
	only := regexp.MustCompile(os.Getenv("GATEHOUSE_COST_ONLY"))
	var out []*cost
	questions := benignQuestions(t)
	for n := range repeats {
		c.forget()
		i := 0
		for _, q := range questions {
			if !only.MatchString(q.name) {
				continue
			}
			if n == 0 {
				out = append(out, &cost{Name: q.name})
			}
			c.one(out[i], q.sql)
			i++
			written, err := json.MarshalIndent(map[string]any{"questions": out, "memory": memoryPeak(t)}, "", " ")
			ok(t, err)
			ok(t, os.WriteFile(os.Getenv("GATEHOUSE_COST_OUT"), written, 0o644)) // so far
		}
	}
}

// one asks a question each way, the ways in turn so that what else the machine does
// falls on all of them.
func (c *costs) one(to *cost, sql string) {
	ctx := context.Background()
	history, err := c.time(func() error {
		a, err := c.gate.Ask(ctx, c.session, sql, nil)
		if err != nil {
			return err
		}
		return drained(a.Reader)
	})
	if err != nil {
		to.Refused = string(gatehouse.CodeOf(err))
		return
	}
	alone, err := c.time(func() error {
		_, err := c.gate.AskAlone(ctx, c.session, sql)
		return err
	})
	ok(c, err)
	plain, err := c.time(func() error {
		r, err := c.plain.Query(ctx, sql)
		if err != nil {
			return err
		}
		return drained(r)
	})
	ok(c, err)
	to.History, to.Alone, to.Plain = append(to.History, history), append(to.Alone, alone), append(to.Plain, plain)
}

// family are this process and those that it started.
func family(t testing.TB) []int {
	pids := []int{os.Getpid()}
	lists, err := filepath.Glob("/proc/self/task/*/children")
	ok(t, err)
	for _, list := range lists {
		text, _ := os.ReadFile(list) // of a thread that has ended since: none
		for _, field := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(field)
			ok(t, err)
			pids = append(pids, pid)
		}
	}
	return pids
}

// memoryPeak is the most memory that this process had, in MiB: it is the control plane.
func memoryPeak(t testing.TB) int {
	status, err := os.ReadFile("/proc/self/status")
	ok(t, err)
	kB := 0
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	_, err = fmt.Sscan(peak, &kB)
	ok(t, err)
	return kB / 1024
}

// BenchmarkPlan takes the questions of testdata/benign from text to the SQL that a
// vault would run: parsed and bound in the binder, read, checked and printed. Goal:
// 5 ms a question.
func BenchmarkPlan(b *testing.B) {
	c := openCosts(b, catalog.Version{Dataset: "shared_care", Number: 1, Tables: sharedCare()})
	questions := benignQuestions(b)
	var took []float64
	pids := family(b)
	before := processorTime(b, pids)
	for b.Loop() {
		for _, q := range questions {
			at := time.Now()
			err := c.gate.Plan(context.Background(), c.session, q.sql)
			if code := gatehouse.CodeOf(err); err != nil && !refusable[code] {
				b.Fatalf("%s: %v", q.name, err)
			}
			took = append(took, float64(time.Since(at).Microseconds())/1000)
		}
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2], "ms/median")
	b.ReportMetric(took[len(took)*99/100], "ms/p99")
	b.ReportMetric((processorTime(b, pids)-before)/float64(len(took)), "cpu-ms/question")
}

// refusable are the codes with which a question that cannot be answered may be refused.
var refusable = map[gatehouse.Code]bool{gatehouse.CodeMeasure: true, gatehouse.CodeGroupKey: true}

// sharedCare are the tables of the demonstration's dataset.
func sharedCare() []catalog.Table {
	person := catalog.Column{Name: catalog.PersonColumn, Type: "VARCHAR", Class: catalog.ClassPerson}
	columns := func(class catalog.Class, typ, grain string, names ...string) (out []catalog.Column) {
		for _, name := range names {
			out = append(out, catalog.Column{Name: name, Type: typ, Class: class, Grain: grain})
		}
		return out
	}
	const dimension, date, measure, reference = catalog.ClassDimension, catalog.ClassDate, catalog.ClassMeasure, catalog.ClassReference
	return []catalog.Table{
		{Name: "patients", Rows: 1, People: 1, Columns: slices.Concat([]catalog.Column{person}, columns(dimension, "VARCHAR", "", "sex", "ethnicity", "region", "practice_id"),
			columns(catalog.ClassQuasi, "VARCHAR", "", "lsoa"), columns(dimension, "INTEGER", "", "birth_year", "imd_decile"), columns(date, "DATE", "month", "registered_from", "registered_to"),
			columns(dimension, "DATE", "", "death_month"))},
		{Name: "events", Columns: slices.Concat([]catalog.Column{person}, columns(date, "DATE", "month", "date"), columns(dimension, "VARCHAR", "", "code"), columns(measure, "DOUBLE", "0.1", "value"))},
		{Name: "admissions", Columns: slices.Concat([]catalog.Column{person}, columns(date, "DATE", "month", "admitted", "discharged"),
			columns(dimension, "VARCHAR", "", "method", "diagnosis", "procedure", "provider"), columns(measure, "INTEGER", "1", "length_of_stay"))},
		{Name: "social_care", Columns: slices.Concat([]catalog.Column{person}, columns(date, "DATE", "month", "started", "ended"),
			columns(dimension, "VARCHAR", "", "service", "council"), columns(measure, "DOUBLE", "0.25", "hours_per_week"))},
		{Name: "codes", Public: true, Columns: columns(reference, "VARCHAR", "", "code", "system", "term", "codelist")},
	}
}
