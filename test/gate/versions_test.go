package gate

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// published are the versions of the test world.
type published map[int]catalog.Version

func (p published) Version(_ context.Context, dataset string, number int) (catalog.Version, error) {
	v, ok := p[number]
	if !ok || dataset != v.Dataset {
		return v, gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such version.")
	}
	return v, nil
}

// publishNext publishes the tables again, with changes: SELECTs of the table that
// is called before. The world's session stays at the first version.
func (w *world) publishNext(changes map[string]string) workspaces.Mount {
	w.Helper()
	m := w.session.Mounts[0]
	if w.gate.Versions == nil { // as workspaces have it
		m.Population = filepath.Join(m.Version.Folder, "everybody.parquet")
		must(w, w.plain.Exec(w.Context(), fmt.Sprintf("COPY (SELECT i::UINTEGER AS _unit FROM range(1, %d) t(i) ORDER BY i) TO '%s' (FORMAT parquet)", people+1000, m.Population)))
		m.Version.Tables = m.Tables
		w.session.Mounts[0] = m
		w.gate.Versions = published{1: m.Version}
	}
	known := w.gate.Versions.(published)
	next := m
	next.Version.Number = len(known) + 1
	next.Version.Folder = filepath.Join(m.Version.Folder, fmt.Sprint(next.Version.Number)) // where the engine may write
	must(w, os.MkdirAll(next.Version.Folder, 0o755))
	next.Tables = slices.Clone(m.Tables)
	for i := range next.Tables {
		table := &next.Tables[i]
		sql := changes[table.Name]
		if sql == "" {
			sql = "SELECT * FROM before"
		}
		order := ""
		if !table.Public {
			order = " ORDER BY _unit"
		}
		must(w, w.plain.Exec(w.Context(), fmt.Sprintf("COPY (WITH before AS (SELECT * FROM read_parquet('%s')) SELECT * FROM (%s)%s) TO '%s' (FORMAT parquet)",
			filepath.Join(m.Version.Folder, table.Files[0].Path), sql, order, filepath.Join(next.Version.Folder, table.Files[0].Path))))
	}
	next.Version.Tables = next.Tables
	more := maps.Clone(known)
	more[next.Version.Number] = next.Version
	w.gate.Versions = more
	return next
}

// use moves the session to a version.
func (w *world) use(m workspaces.Mount) {
	session := *w.session
	session.Mounts = []workspaces.Mount{m}
	w.session = &session
}

// What changed for one person from one version to the next is not told by asking
// in both: not a row more, not another value, not a condition that they meet now,
// also where something else changed for everybody.
func TestANewVersionTellsOfNobody(t *testing.T) {
	for name, x := range map[string]struct {
		changes       map[string]string
		before, after []string
	}{
		"a row more": {map[string]string{"events": "SELECT * FROM before UNION ALL BY NAME (SELECT * FROM before WHERE _unit = 77 AND code = '60621009' LIMIT 1)"},
			[]string{"SELECT code, count(*) FROM events GROUP BY 1"}, []string{"SELECT count(*) FROM events WHERE code = '60621009'", "SELECT count(*), avg(value) FROM events WHERE code = '60621009'"}},
		"a row less, and others for everybody": {map[string]string{"events": "(SELECT * FROM before EXCEPT ALL SELECT * FROM (SELECT * FROM before WHERE _unit = 77 AND code = '60621009' LIMIT 1)) UNION ALL BY NAME (SELECT DISTINCT ON (_unit) _unit, DATE '2026-01-01' AS date, 'new' AS code FROM before)"},
			[]string{"SELECT count(*) FROM events WHERE code = '60621009'"}, []string{"SELECT count(*) FROM events WHERE code = '60621009'"}},
		"another value": {map[string]string{"patients": "SELECT * REPLACE (CASE WHEN _unit = 77 THEN 99 ELSE imd_decile END AS imd_decile) FROM before"},
			[]string{"SELECT sum(imd_decile) FROM patients", "SELECT region, avg(imd_decile) FROM patients GROUP BY 1"}, []string{"SELECT sum(2 * imd_decile) FROM patients", "SELECT sum(imd_decile) FROM patients WHERE birth_year > 0"}},
		"another value, and another column of everybody": {map[string]string{"patients": "SELECT * REPLACE (CASE WHEN _unit = 77 THEN 99 ELSE imd_decile END AS imd_decile, DATE '2026-01-01' AS registered_to) FROM before"},
			[]string{"SELECT sum(imd_decile) FROM patients"}, []string{"SELECT avg(imd_decile) FROM patients"}},
		"another region": {map[string]string{"patients": "SELECT * REPLACE (CASE WHEN _unit = 77 THEN CASE WHEN region = 'North' THEN 'South' ELSE 'North' END ELSE region END AS region) FROM before"},
			[]string{"SELECT count(*) FROM patients WHERE region = 'North'"}, []string{"SELECT count(*) FROM patients WHERE region = 'North'", "SELECT avg(birth_year) FROM patients WHERE region = 'North'"}},
		"rows by the person": {map[string]string{"events": "SELECT * FROM before UNION ALL BY NAME (SELECT * FROM before WHERE _unit = 77 LIMIT 1)"},
			[]string{"SELECT count(*) FROM events"}, []string{"SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY 1)"}},
		"a median": {map[string]string{"events": "SELECT * REPLACE (CASE WHEN _unit = 77 THEN value + 1 ELSE value END AS value) FROM before"},
			[]string{"SELECT count(value), median(value) FROM events"}, []string{"SELECT median(value) FROM events", "SELECT stddev(value) FROM events"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.remembers = true
			next := w.publishNext(x.changes)
			for _, q := range x.before {
				r, err := w.ask(q)
				must(t, err)
				if len(r.rows) == 0 {
					t.Fatalf("%s: %v", q, r.rows)
				}
			}
			w.use(next)
			for _, restart := range []bool{false, true} {
				if restart {
					w.restart()
				}
				for _, q := range x.after {
					if r, err := w.ask(q); err == nil && wholly(r) {
						t.Errorf("%s is answered: %v", q, r.rows)
					}
				}
			}
		})
	}
}

// A version in which much has changed is answered, and one in which nothing has.
func TestANewVersionIsAnswered(t *testing.T) {
	questions := []string{
		"SELECT region, count(*), avg(imd_decile) FROM patients GROUP BY 1",
		"SELECT count(*), avg(value) FROM events",
		"SELECT method, sum(length_of_stay) FROM admissions GROUP BY 1",
		"SELECT code, count(DISTINCT person_id) FROM events WHERE code IN ('44054006', '60621009') GROUP BY 1",
	}
	for name, changes := range map[string]map[string]string{
		"nothing": nil,
		"much": {
			"patients":   fmt.Sprintf("SELECT * REPLACE (CASE WHEN hash(_unit * 71) %% 5 = 0 THEN 1 + hash(_unit * 73) %% 10 ELSE imd_decile END AS imd_decile) FROM before UNION ALL BY NAME SELECT * REPLACE (_unit + %d AS _unit) FROM before WHERE _unit <= 400", people),
			"events":     fmt.Sprintf("SELECT * FROM before UNION ALL BY NAME SELECT * REPLACE (_unit + %d AS _unit) FROM before WHERE _unit <= 400", people),
			"admissions": "SELECT * FROM before UNION ALL BY NAME SELECT * FROM before WHERE hash(_unit * 79) % 3 = 0",
		},
	} {
		w := newWorld(t)
		w.remembers = true
		next := w.publishNext(changes)
		for i := range next.Tables {
			if next.Tables[i].Name == "patients" && name == "much" {
				next.Tables[i].Rows, next.Tables[i].People = people+400, people+400
			}
		}
		for _, q := range questions {
			if r, err := w.ask(q); err != nil || !wholly(r) {
				t.Errorf("%s: %s: %v before", name, q, err)
			}
		}
		w.use(next)
		for _, q := range questions {
			r, err := w.ask(q)
			must(t, err)
			if !wholly(r) {
				t.Errorf("%s: %s: %v", name, q, r.rows)
			}
		}
	}
}

// wholly reports whether no number is NULL.
func wholly(r *result) bool {
	for _, row := range r.rows {
		if slices.Contains(row, "NULL") {
			return false
		}
	}
	return len(r.rows) > 0
}

// What fails while a question is judged beside another version refuses it: what of it is in
// memory until then is in no ledger.
func TestAFailureBesideAVersionIsARefusal(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	next := w.publishNext(nil)
	for _, x := range []string{"birth_year", "year(registered_from)", "length_of_stay"} {
		if _, err := w.ask("SELECT covar_pop(imd_decile, " + x + ") FROM patients JOIN admissions USING (person_id)"); err != nil {
			t.Fatal(err)
		}
	}
	w.use(next)
	for range 2 {
		_, err := w.ask("SELECT count(*), covar_pop(imd_decile, year(admitted)) FROM patients JOIN admissions USING (person_id)")
		if gatehouse.CodeOf(err) != gatehouse.CodeMeasure {
			t.Fatalf("a fourth product of another version: %v", err)
		}
	}
}

// The workspace's own tables are made in the other version too, to be compared: what
// changed for one person is not told through them, and the rest is answered.
func TestWorkspaceTablesAreComparedWithOtherVersions(t *testing.T) {
	one := map[string]string{"patients": "SELECT * REPLACE (CASE WHEN _unit = 77 THEN 99 ELSE imd_decile END AS imd_decile) FROM before",
		"events": "SELECT * FROM before UNION ALL BY NAME (SELECT * FROM before WHERE _unit = 77 AND code = '60621009' LIMIT 1)"}
	before := []string{"SELECT sum(imd_decile) FROM patients", "SELECT count(*) FROM events WHERE code = '60621009'", "SELECT count(*) FROM events"}
	for name, x := range map[string]struct {
		changes  map[string]string
		make     []string
		ask      string
		answered bool
	}{
		"another has changed":         {one, []string{"CREATE TABLE mine AS SELECT * FROM patients"}, "SELECT avg(birth_year) FROM mine", true},
		"nothing changed, twofold":    {nil, []string{"CREATE TABLE mine AS SELECT person_id, code, value FROM events", "CREATE TABLE more AS SELECT * FROM mine WHERE code = '60621009'"}, "SELECT count(*) FROM more", true},
		"one has a row more":          {one, []string{"CREATE TABLE mine AS SELECT person_id, code, value FROM events", "CREATE TABLE more AS SELECT * FROM mine WHERE code = '60621009'"}, "SELECT count(*) FROM more", false},
		"through a view":              {one, []string{"CREATE TABLE mine AS SELECT * FROM patients", "CREATE VIEW seen AS SELECT imd_decile FROM mine"}, "SELECT sum(imd_decile) FROM seen", false},
		"made of what is gone":        {nil, []string{"CREATE TABLE mine AS SELECT * FROM patients", "CREATE TABLE more AS SELECT * FROM mine", "DROP TABLE mine"}, "SELECT sum(imd_decile) FROM more", false},
		"made of what was replaced":   {nil, []string{"CREATE TABLE mine AS SELECT * FROM patients", "CREATE TABLE more AS SELECT * FROM mine", "CREATE OR REPLACE TABLE mine AS SELECT * FROM patients WHERE birth_year < 0"}, "SELECT sum(imd_decile) FROM more", false},
		"made of itself":              {nil, []string{"CREATE TABLE mine AS SELECT * FROM patients", "CREATE OR REPLACE TABLE mine AS SELECT * FROM mine WHERE birth_year > 0"}, "SELECT sum(imd_decile) FROM mine", false},
		"made of another that is now": {one, []string{"CREATE TABLE mine AS SELECT * FROM patients", "CREATE TABLE more AS SELECT * FROM mine", "CREATE OR REPLACE TABLE mine AS SELECT * FROM patients WHERE sex = 'F'"}, "SELECT sum(imd_decile) FROM more", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.remembers = true
			next := w.publishNext(x.changes)
			for _, q := range before {
				if r, err := w.ask(q); err != nil || !wholly(r) {
					t.Fatalf("%s before: %v", q, err)
				}
			}
			w.use(next)
			for _, q := range x.make {
				_, err := w.ask(q)
				must(t, err)
			}
			for range 2 {
				r, err := w.ask(x.ask)
				if answered := err == nil && wholly(r); answered != x.answered {
					t.Errorf("answered: %v, %v", answered, err)
				}
				w.restart()
			}
		})
	}
}
