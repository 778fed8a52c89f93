package gate

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/engine"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// kept asks for something that answers with nothing.
func (w *world) kept(sql string) {
	w.Helper()
	r, err := w.ask(sql)
	if err != nil {
		w.Fatalf("%s\n%v", sql, err)
	}
	if len(r.rows) > 0 || r.disclosure.Outcome != egress.OutcomeKept {
		w.Errorf("%s\nanswered %v, %s", sql, r.rows, r.disclosure.Outcome)
	}
}

// refused asks for something that is refused with a code, and gives the words.
func (w *world) refused(sql string, code gatehouse.Code) string {
	w.Helper()
	r, err := w.ask(sql)
	if err == nil {
		w.Errorf("%s\nanswered %v", sql, r.rows)
		return ""
	}
	if got := gatehouse.CodeOf(err); got != code {
		w.Errorf("%s\nrefused with %s, not %s: %v", sql, got, code, err)
	}
	return err.Error()
}

// same asks through the gate, and plain SQL of the plain tables; nothing may be withheld.
func (w *world) same(sql, plain string) {
	w.Helper()
	r, err := w.ask(sql)
	if err != nil {
		w.Errorf("%s\n%v", sql, err)
		return
	}
	if got, want := unordered(r.rows), unordered(w.truth(plain)); got != want {
		w.Errorf("%s\n%s\nnot\n%s", sql, got, want)
	}
}

// A view stands for its SELECT, whatever it reads, and is judged like it.
func TestViewsStandForTheirSelect(t *testing.T) {
	w := newWorld(t)
	w.kept("CREATE VIEW women AS SELECT * FROM patients WHERE sex = 'F'")
	w.same("SELECT region, count(*) FROM women GROUP BY 1", "SELECT region, count(*) FROM patients WHERE sex = 'F' GROUP BY 1")
	w.kept("CREATE VIEW contacts (person_id, day, kind) AS SELECT person_id, date, 'event' FROM events UNION ALL SELECT person_id, admitted, 'stay' FROM admissions")
	contacts := "(SELECT person_id, date AS day, 'event' AS kind FROM events UNION ALL SELECT person_id, admitted, 'stay' FROM admissions)"
	w.same("SELECT kind, year(day), count(*) FROM contacts WHERE day >= DATE '2015-01-01' GROUP BY ALL", "SELECT kind, year(day), count(*) FROM "+contacts+" WHERE day >= DATE '2015-01-01' GROUP BY ALL")
	w.kept("CREATE VIEW a_women_contacts AS SELECT c.* FROM contacts c JOIN women USING (person_id)") // first by name, made last
	w.same("SELECT kind, count(DISTINCT person_id) FROM a_women_contacts GROUP BY 1", "SELECT kind, count(DISTINCT person_id) FROM "+contacts+" c JOIN patients USING (person_id) WHERE sex = 'F' GROUP BY 1")
	w.kept("CREATE TABLE kept AS SELECT person_id, kind FROM a_women_contacts")
	w.same("SELECT kind, count(*) FROM kept GROUP BY 1", "SELECT kind, count(*) FROM "+contacts+" c JOIN patients USING (person_id) WHERE sex = 'F' GROUP BY 1")
	one := w.onePerson()
	w.kept("CREATE VIEW single AS SELECT * FROM patients WHERE " + one)
	r, err := w.ask("SELECT count(*) FROM single")
	must(t, err)
	if r.rows[0][0] != "NULL" {
		t.Errorf("a view shows one person: %v", r.rows)
	}
	w.refused("SELECT * FROM women", gatehouse.CodeRowLevel)

	// It is there after the engine and the gate's memory are gone.
	w.vaults.Close()
	again := &engine.Vaults{Config: w.vaults.Config}
	t.Cleanup(func() { again.Close() })
	w.vaults, w.gate.Vaults = again, again
	w.restart()
	w.same("SELECT region, count(*) FROM women GROUP BY 1", "SELECT region, count(*) FROM patients WHERE sex = 'F' GROUP BY 1")
	w.kept("CREATE OR REPLACE VIEW women AS SELECT * FROM patients WHERE sex = 'F' AND imd_decile < 5")
	w.same("SELECT kind, count(DISTINCT person_id) FROM a_women_contacts GROUP BY 1", "SELECT kind, count(DISTINCT person_id) FROM "+contacts+" c JOIN patients USING (person_id) WHERE sex = 'F' AND imd_decile < 5 GROUP BY 1")
	w.kept("CREATE VIEW IF NOT EXISTS women AS SELECT * FROM patients")
	w.same("SELECT count(*) FROM women", "SELECT count(*) FROM patients WHERE sex = 'F' AND imd_decile < 5")

	// Another workspace has none of it.
	mine := w.session.Workspace.ID
	must(t, w.state.Update(t.Context(), func(tx *state.Tx) error {
		_, err := tx.SQL().ExecContext(t.Context(), `INSERT INTO workspaces (id, project, opened) SELECT 'other', project, '2026-01-01T00:00:00.000000Z' FROM workspaces`)
		return err
	}))
	w.session.Workspace.ID = "other"
	w.refused("SELECT count(*) FROM women", gatehouse.CodeBind)
	w.session.Workspace.ID = mine

	w.kept("DROP VIEW women")
	if words := w.refused("SELECT count(*) FROM a_women_contacts", gatehouse.CodeBind); !strings.Contains(words, "a_women_contacts can no longer be read") {
		t.Errorf("a view whose table is gone: %s", words)
	}
	w.same("SELECT count(*) FROM contacts", "SELECT count(*) FROM "+contacts)
	w.kept("DROP VIEW a_women_contacts")
	w.kept("DROP VIEW IF EXISTS women")
}

// A withdrawn person is gone from a view at once.
func TestViewsSeeWithdrawalsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.kept("CREATE VIEW adults AS SELECT person_id, sex FROM patients WHERE birth_year < 2005")
	before, err := w.ask("SELECT count(*) FROM adults")
	must(t, err)
	units := make([]int, 40)
	for i := range units {
		units[i] = i + 1
	}
	w.withdraw(units...)
	after, err := w.ask("SELECT count(*) FROM adults")
	must(t, err)
	want := w.truth("SELECT count(*) FROM patients WHERE birth_year < 2005 AND _unit > 40")
	if after.rows[0][0] != want[0][0] || before.rows[0][0] == after.rows[0][0] {
		t.Errorf("before %v, after %v, not %v", before.rows, after.rows, want)
	}
}

func TestViewsAreRefusedClearly(t *testing.T) {
	w := newWorld(t)
	w.kept("CREATE VIEW v AS SELECT person_id, region FROM patients")
	w.kept("CREATE TABLE t AS SELECT person_id, region FROM patients")
	for sql, code := range map[string]gatehouse.Code{
		"CREATE VIEW v AS SELECT person_id FROM patients":                        gatehouse.CodeBind,
		"CREATE TABLE v AS SELECT person_id FROM patients":                       gatehouse.CodeBind,
		"CREATE OR REPLACE TABLE v AS SELECT person_id FROM patients":            gatehouse.CodeBind,
		"CREATE OR REPLACE VIEW t AS SELECT person_id FROM patients":             gatehouse.CodeBind,
		"CREATE VIEW patients AS SELECT person_id FROM events":                   gatehouse.CodeBind,
		"CREATE OR REPLACE VIEW v AS SELECT * FROM v":                            gatehouse.CodeBind,
		"CREATE VIEW n AS SELECT region, count(*) AS n FROM patients GROUP BY 1": gatehouse.CodeStatement,
		"CREATE VIEW c AS SELECT * FROM codes":                                   gatehouse.CodeStatement,
		"CREATE TEMP VIEW x AS SELECT person_id FROM patients":                   gatehouse.CodeStatement,
		"CREATE VIEW x AS SELECT person_id FROM patients LIMIT 5":                gatehouse.CodeOperator,
		"CREATE VIEW x AS SELECT region AS person_id FROM patients":              gatehouse.CodePersonMixed,
		"CREATE VIEW x AS SELECT person_id AS who FROM patients":                 gatehouse.CodePersonMixed,
		"CREATE VIEW x AS SELECT person_id, 1 AS _unit FROM patients":            gatehouse.CodePersonMixed,
		"CREATE VIEW x AS SELECT person_id FROM patients WHERE birth_year > $1":  gatehouse.CodeBind,
		"CREATE VIEW x AS SELECT person_id FROM patients; DROP TABLE t":          gatehouse.CodeStatement,
		"CREATE VIEW x AS SELECT person_id FROM nothing":                         gatehouse.CodeBind,
		"CREATE VIEW X AS SELECT person_id FROM patients":                        gatehouse.CodeBind,
		"CREATE VIEW x AS FROM read_csv('/etc/passwd')":                          gatehouse.CodeTableFunction,
		"DROP TABLE v":       gatehouse.CodeStatement,
		"DROP VIEW t":        gatehouse.CodeStatement,
		"DROP VIEW patients": gatehouse.CodeStatement,
		"DROP VIEW nothing":  gatehouse.CodeBind,
	} {
		w.refused(sql, code)
	}
	w.same("SELECT count(*) FROM v", "SELECT count(*) FROM patients")
	w.same("SELECT count(*) FROM t", "SELECT count(*) FROM patients")
}

// A withdrawn person is gone from the workspace's own tables before the next
// question, and from their file.
func TestWorkspaceTablesSeeWithdrawalsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.withdraw(people) // so that the workspace has a population of its own
	w.kept("CREATE TABLE adults AS SELECT person_id, sex, birth_year FROM patients WHERE birth_year < 2005")
	before, err := w.ask("SELECT count(*) FROM adults")
	must(t, err)
	units := make([]int, 40)
	for i := range units {
		units[i] = i + 1
	}
	w.withdraw(units...)
	after, err := w.ask("SELECT count(*) FROM adults")
	must(t, err)
	want := w.truth(fmt.Sprintf("SELECT count(*) FROM patients WHERE birth_year < 2005 AND _unit > 40 AND _unit < %d", people))
	if after.rows[0][0] != want[0][0] || before.rows[0][0] == after.rows[0][0] {
		t.Errorf("before %v, after %v, not %v", before.rows, after.rows, want)
	}
	files, err := filepath.Glob(filepath.Join(w.session.Workspace.Folder, "scratch", "*"))
	must(t, err)
	if len(files) != 1 && len(files) != 2 { // the second is the new one's log
		t.Errorf("the scratch folder holds %v", files)
	}
}

// A question that still runs on people who have left is cut, and does not hold up
// the next.
func TestAQuestionOnThoseWhoLeftIsCut(t *testing.T) {
	w := newWorld(t)
	w.withdraw(people)
	w.kept("CREATE TABLE adults AS SELECT person_id, birth_year FROM patients WHERE birth_year < 2005")
	vault, done, err := w.vaults.Vault(t.Context(), w.session)
	must(t, err)
	running := make(chan error, 1)
	go func() {
		defer done()
		r, err := vault.Query(t.Context(), "SELECT sum(a.range * b.range * c.range) FROM range(100000) a, range(100000) b, range(100000) c")
		if err == nil {
			for r.Next() {
			}
			err = r.Err()
			r.Release()
		}
		running <- err
	}()
	old, err := filepath.Glob(filepath.Join(w.session.Workspace.Folder, "scratch", "*.duckdb"))
	must(t, err)
	units := make([]int, 40)
	for i := range units {
		units[i] = i + 1
	}
	w.withdraw(units...)
	// A copy that an earlier death left half done is no obstacle, and not believed.
	must(t, os.WriteFile(filepath.Join(w.session.Workspace.Folder, "scratch", "scratch-0.duckdb.part"), []byte("half a copy"), 0o600))
	must(t, w.vaults.Refresh(t.Context(), w.session))
	if err := <-running; err == nil {
		t.Error("a question of hours ended by itself")
	}
	now, err := filepath.Glob(filepath.Join(w.session.Workspace.Folder, "scratch", "*"))
	must(t, err)
	if len(old) != 1 || len(now) != 1 || now[0] == old[0] {
		t.Errorf("the workspace's tables stood in %v and stand in %v", old, now)
	}
	must(t, w.vaults.Refresh(t.Context(), w.session)) // and again, which changes nothing
	after, err := w.ask("SELECT count(*) FROM adults")
	must(t, err)
	want := w.truth(fmt.Sprintf("SELECT count(*) FROM patients WHERE birth_year < 2005 AND _unit > 40 AND _unit < %d", people))
	if got := after.rows[0][0]; got != want[0][0] {
		t.Errorf("%v people in the table, not %v", got, want[0][0])
	}
}

// A view of another version is cut with the workspace's own; a workspace that is
// forgotten shows nothing, and its tables are gone.
func TestAForgottenWorkspaceIsGone(t *testing.T) {
	w := newWorld(t)
	w.withdraw(people)
	w.kept("CREATE TABLE adults AS SELECT person_id, birth_year FROM patients WHERE birth_year < 2005")
	beside := *w.session
	beside.Beside = "world@0"
	for _, s := range []*workspaces.Session{w.session, &beside} {
		_, done, err := w.vaults.Vault(t.Context(), s)
		must(t, err)
		done()
	}
	if n := len(w.vaults.Pids()); n != 2 {
		t.Fatalf("%d vaults run", n)
	}
	w.withdraw(1)
	must(t, w.vaults.Cut(t.Context(), w.session))
	if left := w.vaults.Pids(); len(left) != 0 {
		t.Errorf("vaults that show who has left: %v", left)
	}
	must(t, w.vaults.Clean(t.Context(), w.session))
	_, done, err := w.vaults.Vault(t.Context(), w.session)
	must(t, err)
	done()
	must(t, w.vaults.Forget(t.Context(), w.session.Workspace))
	left, err := filepath.Glob(filepath.Join(w.session.Workspace.Folder, "scratch", "*"))
	must(t, err)
	if len(left) != 0 || len(w.vaults.Pids()) != 0 {
		t.Errorf("left: %v, %v", left, w.vaults.Pids())
	}
	must(t, w.vaults.Forget(t.Context(), w.session.Workspace))
}
