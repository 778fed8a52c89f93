package gate

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// closed is a vault that nobody may open.
type closed struct{ t *testing.T }

func (c closed) Vault(context.Context, *workspaces.Session) (egress.Vault, func(), error) {
	c.t.Error("the vault was asked")
	return nil, nil, errors.New("closed")
}

// explain asks EXPLAIN GATE with the vault closed, and gives the rows as maps.
func (w *world) explain(sql string, params arrow.RecordBatch) ([]map[string]string, *egress.Disclosure, error) {
	w.Helper()
	open := w.gate.Vaults
	w.gate.Vaults = closed{w.T}
	defer func() { w.gate.Vaults = open }()
	a, err := w.gate.Ask(w.Context(), w.session, sql, params)
	if err != nil {
		return nil, nil, err
	}
	defer a.Reader.Release()
	var rows []map[string]string
	for a.Reader.Next() {
		for _, row := range texts(a.Reader.RecordBatch()) {
			named := map[string]string{}
			for i, f := range a.Schema.Fields() {
				named[f.Name] = row[i]
			}
			rows = append(rows, named)
		}
	}
	return rows, &a.Disclosure, a.Reader.Err()
}

// row finds the one row of a kind whose text holds what is wanted.
func row(t *testing.T, rows []map[string]string, kind, what string) map[string]string {
	t.Helper()
	for _, r := range rows {
		if r["kind"] == kind && strings.Contains(r["what"], what) {
			return r
		}
	}
	t.Fatalf("there is no %s of %q in %v", kind, what, rows)
	return nil
}

func TestExplainGateTellsTheTypedTree(t *testing.T) {
	w := newWorld(t)
	rows, d, err := w.explain("EXPLAIN GATE SELECT region, count(*) AS readings, avg(value) AS mean_hba1c, sum((sex = 'F')::INT) AS women, median(length_of_stay) FROM events JOIN patients USING (person_id) JOIN admissions USING (person_id) "+
		"WHERE code = '1003671000000109' GROUP BY region HAVING avg(value) > 43 ORDER BY readings DESC LIMIT 3;", nil)
	must(t, err)
	if d.Outcome != egress.OutcomeExplained || d.Refused != nil || d.Policy != "sdap@1" {
		t.Errorf("the record says %+v", d)
	}
	if r := row(t, rows, "people", "events JOIN patients"); r["what"] != "events JOIN patients ON events.person_id = patients.person_id" || r["rule"] != "joined on person_id" || r["engine"] != "vault" {
		t.Errorf("the join: %v", r)
	}
	if r := row(t, rows, "protected aggregate", "GROUP BY region"); r["rule"] != "group: 10 people" {
		t.Errorf("the frontier: %v", r)
	}
	for kind, want := range map[string][2]string{
		"mean of a measure":     {"avg(value) AS mean_hba1c", "threshold: 10 people; dominance; difference; 6 significant digits"},
		"quantile of a measure": {"median(length_of_stay)", "threshold: 10 people on each side; dominance; difference; rounded to the column's step of 1"},
	} {
		if r := row(t, rows, kind, want[0]); r["rule"] != want[1] {
			t.Errorf("%s: %v", kind, r)
		}
	}
	row(t, rows, "count of rows", "count(*) AS readings")
	row(t, rows, "count of rows", "sum(sex = 'F') AS women")
	row(t, rows, "people", "code = '1003671000000109'")
	for _, what := range []string{"avg(value) > 43", "ORDER BY count(*) DESC", "LIMIT 3"} {
		if r := row(t, rows, "public", what); r["engine"] != "lobby" {
			t.Errorf("done elsewhere: %v", r)
		}
	}
	last := rows[len(rows)-1]
	if last["kind"] != "answer" || !strings.Contains(last["note"], "Taken apart into 2 aggregations") || last["depth"] != "0" {
		t.Errorf("the end: %v", last)
	}
}

func TestExplainGateNamesTheRefusedPart(t *testing.T) {
	w := newWorld(t)
	for sql, want := range map[string]struct{ code, what, advice string }{
		"SELECT * FROM patients":                                                                        {"GH-204", "the whole SELECT", "Aggregate over people"},
		"SELECT person_id, count(*) FROM events GROUP BY 1":                                             {"GH-204", "the whole SELECT", "Aggregate over people"},
		"SELECT lsoa, count(*) FROM patients GROUP BY 1":                                                {"GH-208", "lsoa", ""},
		"SELECT count(*) FROM patients WHERE md5(region) = 'x' AND sex = 'F'":                           {"GH-205", "md5(region)", ""},
		"SELECT sum(exp(value)) FROM events":                                                            {"GH-205", "exp(value)", ""},
		"SELECT sex, max(birth_year) FROM patients GROUP BY 1":                                          {"GH-206", "max(birth_year)", "quantile_cont"},
		"SELECT count(*) FROM events e JOIN patients p ON e.code = p.region":                            {"GH-207", "events JOIN patients ON events.code = patients.region", "person_id"},
		"SELECT sum(value * value * value) FROM events":                                                 {"GH-209", "sum((value * value) * value)", ""},
		"SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY value) AS r FROM events)":             {"GH-210", "row_number() OVER (ORDER BY value)", "person_id"},
		"SELECT count(*) FROM (SELECT * FROM patients LIMIT 5)":                                         {"GH-211", "LIMIT 5", "Aggregate first"},
		"SELECT count(*) FROM read_csv('/etc/passwd')":                                                  {"GH-212", "TABLE FUNCTION", ""},
		"SELECT count(*) FROM range(5), patients":                                                       {"GH-212", "range(5)", ""},
		"SELECT upper(person_id), count(*) FROM patients GROUP BY 1":                                    {"GH-214", "upper(person_id)", ""},
		"DELETE FROM patients":                                                                          {"GH-203", "DELETE", "SELECT"},
		"EXPLAIN SELECT 1":                                                                              {"GH-203", "EXPLAIN", "EXPLAIN GATE"},
		"CREATE TABLE x AS SELECT sex, count(*) AS n FROM patients GROUP BY 1":                          {"GH-203", "", "by itself"},
		"SELECT " + strings.Repeat("count(*) + ", 21) + "1 FROM patients":                               {"", "", ""},
		"SELECT " + strings.Repeat("(SELECT count(*) FROM patients WHERE imd_decile = 1) + ", 21) + "1": {"GH-215", "", "parts"},
	} {
		rows, d, err := w.explain("EXPLAIN GATE "+sql, nil)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		last := rows[len(rows)-1]
		if want.code == "" {
			if last["kind"] == "refused" {
				t.Errorf("%s: %v", sql, last)
			}
			continue
		}
		if last["kind"] != "refused" || last["rule"] != want.code || !strings.Contains(last["what"], want.what) || !strings.Contains(last["advice"], want.advice) || last["note"] == "NULL" {
			t.Errorf("%s: %v", sql, last)
		}
		if d.Refused == nil || string(d.Refused.Code) != want.code || d.Refused.Sentence != last["note"] {
			t.Errorf("%s: the record says %+v", sql, d.Refused)
		}
		for _, r := range rows[:len(rows)-1] {
			if strings.Contains(sql, "FROM patients") && r["what"] == "patients" && r["kind"] != "people" {
				t.Errorf("%s: a table of people is %v", sql, r)
			}
		}
		// the question itself is refused in the same way, and says where
		_, err = w.ask(sql)
		if e := gatehouse.Public(err); string(e.Code) != want.code || d.Refused.Part != "" && !strings.Contains(e.Message, d.Refused.Part) {
			t.Errorf("%s: explained as %+v, and refused as %v", sql, d.Refused, err)
		}
	}
}

func TestExplainGateOfWhatDoesNotBindIsTheUsualError(t *testing.T) {
	w := newWorld(t)
	for sql, code := range map[string]gatehouse.Code{
		"EXPLAIN GATE SELEC 1": gatehouse.CodeSyntax, "EXPLAIN GATE": gatehouse.CodeSyntax, "EXPLAIN GATE ;": gatehouse.CodeSyntax, "EXPLAIN GATE EXPLAIN GATE SELECT 1": gatehouse.CodeSyntax,
		"EXPLAIN GATE SELECT nothing FROM patients": gatehouse.CodeBind, "EXPLAIN GATE SELECT 1 FROM nowhere": gatehouse.CodeBind,
		"EXPLAIN GATE SELECT count(*) FROM patients WHERE sex = $1": gatehouse.CodeBind, // without its value
	} {
		if _, _, err := w.explain(sql, nil); gatehouse.CodeOf(err) != code {
			t.Errorf("%s: %v", sql, err)
		}
	}
	_, err := w.ask("EXPLAIN SELECT count(*) FROM patients")
	if e := gatehouse.Public(err); e.Code != gatehouse.CodeStatement || !strings.Contains(e.Advice, "EXPLAIN GATE") {
		t.Errorf("plain EXPLAIN: %v", err)
	}
}

// What stands in the journal and in the ledger after an explanation, a refused
// one and one that does not bind.
func TestExplainGateIsJournaledAndReleasesNothing(t *testing.T) {
	w := newWorld(t)
	for _, sql := range []string{"EXPLAIN GATE SELECT count(*) FROM patients", "EXPLAIN GATE SELECT * FROM patients", "EXPLAIN GATE SELEC 1"} {
		_, _, err := w.explain(sql, nil)
		if (err != nil) != strings.Contains(sql, "SELEC 1") {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	w.gate.Close()
	var decisions, ledger, cohorts int
	var actions []string
	must(t, w.state.View(t.Context(), func(tx *state.Tx) error {
		for query, into := range map[string]*int{"SELECT count(*) FROM decisions": &decisions, "SELECT count(*) FROM ledger": &ledger, "SELECT count(*) FROM cohorts": &cohorts} {
			if err := tx.SQL().QueryRowContext(t.Context(), query).Scan(into); err != nil {
				return err
			}
		}
		found, err := tx.SQL().QueryContext(t.Context(), "SELECT CAST(event AS TEXT) FROM journal_events")
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			var event string
			if err := found.Scan(&event); err != nil {
				return err
			}
			actions = append(actions, event)
		}
		return found.Err()
	}))
	if decisions+ledger+cohorts != 0 {
		t.Errorf("%d decisions, %d entries and %d cohorts were kept", decisions, ledger, cohorts)
	}
	all := strings.Join(actions, "\n")
	for action, n := range map[string]int{"query.explained": 2, "query.finished": 2, "query.refused": 1, "query.decided": 0, "SELECT": 0, "GH-204": 1} {
		if strings.Count(all, action) != n {
			t.Errorf("%q stands %d times in the journal:\n%s", action, strings.Count(all, action), all)
		}
	}
}

func TestExplainGateTakesParameters(t *testing.T) {
	w := newWorld(t)
	row1 := parameterRow(t, "F", int64(1950))
	defer row1.Release()
	rows, _, err := w.explain("EXPLAIN GATE SELECT count(*) FROM patients WHERE sex = $1 AND birth_year < $2", row1)
	must(t, err)
	if r := row(t, rows, "people", "WHERE"); r["what"] != "WHERE sex = $1 AND birth_year < $2" {
		t.Errorf("%v", r)
	}
	for _, sql := range []string{"EXPLAIN GATE SELECT count(*) FROM patients WHERE sex = $1 AND birth_year < $2", "EXPLAIN GATE SELECT * FROM patients WHERE sex = $1 AND birth_year < $2",
		"EXPLAIN GATE WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < $2) SELECT count(*) FROM r, patients WHERE sex = $1"} {
		shape, err := w.gate.Describe(t.Context(), w.session, sql)
		if err != nil || shape.Parameters.NumFields() != 2 || shape.Schema.Field(0).Name != "step" || shape.Updates {
			t.Errorf("%s: %+v, %v", sql, shape, err)
		}
	}
	// Values are given by place: the plan may name the second first.
	const twisted = "SELECT count(*) FILTER (WHERE sex = $1) FROM patients WHERE region = $2 AND birth_year < $11 AND imd_decile < $3"
	for _, sql := range []string{twisted, "EXPLAIN GATE " + twisted, "EXPLAIN GATE " + strings.Replace(twisted, "count(*)", "max(birth_year)", 1)} {
		shape, err := w.gate.Describe(t.Context(), w.session, sql)
		must(t, err)
		var names []string
		for _, f := range shape.Parameters.Fields() {
			names = append(names, f.Name)
		}
		if strings.Join(names, " ") != "1 2 3 11" {
			t.Errorf("%s: the parameters are %v", sql, names)
		}
	}
	if _, err := w.gate.Describe(t.Context(), w.session, "EXPLAIN GATE SELEC 1"); gatehouse.CodeOf(err) != gatehouse.CodeSyntax {
		t.Errorf("described: %v", err)
	}
}

// parameterRow is one row of texts and integers.
func parameterRow(t *testing.T, values ...any) arrow.RecordBatch {
	t.Helper()
	var fields []arrow.Field
	var columns []arrow.Array
	for i, v := range values {
		name := string(rune('1' + i))
		switch v := v.(type) {
		case string:
			b := array.NewStringBuilder(memory.DefaultAllocator)
			b.Append(v)
			columns, fields = append(columns, b.NewArray()), append(fields, arrow.Field{Name: name, Type: arrow.BinaryTypes.String})
		case int64:
			b := array.NewInt64Builder(memory.DefaultAllocator)
			b.Append(v)
			columns, fields = append(columns, b.NewArray()), append(fields, arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Int64})
		default:
			t.Fatalf("a parameter of type %T", v)
		}
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, 1)
}

// The example of docs/gate.md is what EXPLAIN GATE says.
func TestTheDocumentedExplanationIsTrue(t *testing.T) {
	w := newWorld(t)
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "gate.md"))
	must(t, err)
	_, after, found := strings.Cut(string(text), "```sql\nEXPLAIN GATE ")
	sql, after, closed := strings.Cut(after, "```")
	if !found || !closed {
		t.Fatal("docs/gate.md has no example of EXPLAIN GATE")
	}
	params := parameterRow(t, "1003671000000109")
	defer params.Release()
	rows, _, err := w.explain("EXPLAIN GATE "+sql, params)
	must(t, err)
	var documented [][]string
	for line := range strings.Lines(strings.TrimLeft(after, "\n")) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.Trim(strings.TrimSpace(cells[i]), "`")
		}
		documented = append(documented, cells)
	}
	if len(documented) != len(rows)+2 {
		t.Fatalf("docs/gate.md shows %d steps of %d:\n%v", len(documented)-2, len(rows), rows)
	}
	for i, cells := range documented[2:] {
		for c, name := range documented[0] {
			begin, _, cut := strings.Cut(cells[c], "…")
			if got := rows[i][name]; got != cells[c] && !(cells[c] == "" && got == "NULL") && !(cut && strings.HasPrefix(got, begin)) {
				t.Errorf("step %d: %s is %q, and docs/gate.md says %q", i+1, name, got, cells[c])
			}
		}
	}
}
