package gate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"pgregory.net/rapid"

	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// identities gives which rows the gate says that a question of one aggregation is made
// of: how often each, and whose.
func (w *world) identities(fail func(string, ...any), sql string) (rows map[uint64]int, unit map[uint64]uint32) {
	w.Helper()
	var ddl []string
	var tables []*plan.Table
	for _, t := range w.session.Mounts[0].Tables {
		tables = append(tables, &plan.Table{Name: t.Name, Public: t.Public, Columns: t.Columns, Source: plan.Ident(t.Name), Once: t.People > 0 && t.Rows == t.People})
		columns := ""
		for i, c := range t.Columns {
			if i > 0 {
				columns += ", "
			}
			columns += plan.Ident(c.Name) + " " + c.Type
		}
		ddl = append(ddl, "CREATE TABLE "+plan.Ident(t.Name)+" ("+columns+")")
	}
	bound, err := w.gate.Binder.Bind(w.Context(), ddl, sql)
	if err != nil {
		fail("%s\n%v", sql, err)
	}
	s, err := plan.Read(bound.Plan, tables, nil)
	if err == nil {
		err = plan.Check(s)
	}
	if err != nil {
		fail("%s\n%v", sql, err)
	}
	found, _, _ := plan.Frontier(s.Root)
	if len(found) != 1 {
		fail("%s\nhas %d aggregations", sql, len(found))
	}
	release, err := plan.NewRelease(found[0])
	if err != nil {
		fail("%s\n%v", sql, err)
	}
	printed, columns := release.Rows("", true, false)
	vault, done, err := w.vaults.Vault(w.Context(), w.session)
	must(w, err)
	defer done()
	reader, err := vault.Query(w.Context(), printed)
	if err != nil {
		fail("%s\n%s\n%v", sql, printed, err)
	}
	defer reader.Release()
	rows, unit = map[uint64]int{}, map[uint64]uint32{}
	for reader.Next() {
		b := reader.RecordBatch()
		units := b.Column(0).(*array.Uint32)
		for i := range int(b.NumRows()) {
			r := uint64(units.Value(i))
			if columns.Row {
				r = b.Column(1).(*array.Uint64).Value(i)
			}
			rows[r]++
			unit[r] = units.Value(i)
		}
	}
	if err := reader.Err(); err != nil {
		fail("%s\n%v", sql, err)
	}
	return rows, unit
}

// The history compares numbers by their rows. So a row has one number in every
// question, and no other row has it: a condition and its opposite, asked in
// questions of their own, part the rows of the question without it, and these are as
// many as plain SQL counts. A row is one person's in all of them.
func TestARowIsTheSameRowInEveryQuestion(t *testing.T) {
	checks(t, 40)
	w := newWorld(t)
	sorts := map[string]int{}
	rapid.Check(t, func(r *rapid.T) {
		q := drawQuestion(r)
		if strings.Contains(q.with+q.from, "UNION") {
			return // has a row as often as its branches do: egress/cohorts_rows_test.go
		}
		q.keys, q.aggs = nil, []string{"count(*)"}
		condition := rapid.SampledFrom(conditions).Draw(r, "part")
		ask := func(where string) (map[uint64]int, map[uint64]uint32, string) {
			part := q
			part.where = where
			rows, unit := w.identities(r.Fatalf, part.sql())
			if n := fmt.Sprint(len(rows)); n != w.truth(part.sql())[0][0] {
				r.Fatalf("%s\n%s different rows, and there are %s", part.sql(), n, w.truth(part.sql())[0][0])
			}
			return rows, unit, part.sql()
		}
		all, owner, sql := ask(q.where)
		for row, n := range all {
			if n > 1 {
				r.Fatalf("%s\nrow %x occurs %d times", sql, row, n)
			}
			switch {
			case row>>63 == 1:
				sorts["made"]++
			case row < 1<<39:
				sorts["people"]++
			default:
				sorts["of a table"]++
			}
		}
		seen := 0
		for _, where := range []string{"coalesce((" + condition + "), false)", "NOT coalesce((" + condition + "), false)"} {
			part, unit, sql := ask("(" + q.where + ") AND " + where)
			for row := range part {
				if all[row] == 0 || owner[row] != unit[row] {
					r.Fatalf("%s\nrow %x of person %d is none of the question without the condition, or of person %d there", sql, row, unit[row], owner[row])
				}
			}
			seen += len(part)
		}
		if seen != len(all) {
			r.Fatalf("%s\nparted by %s there are %d rows, not %d", sql, condition, seen, len(all))
		}
	})
	t.Logf("rows: %v", sorts)
}

// Questions that say the same in other words, over joins, windows and workspace
// tables, are made of the same rows.
func TestTheSameRowsInOtherWords(t *testing.T) {
	w := newWorld(t)
	for _, same := range [][]string{
		{"SELECT count(*) FROM events WHERE code = '60621009'",
			"SELECT count(*) FROM events e JOIN patients USING (person_id) WHERE code = '60621009'",
			"SELECT count(*) FROM patients p JOIN (SELECT person_id AS who, code, value FROM events) e ON e.who = p.person_id WHERE code = '60621009'",
			"SELECT count(*) FROM (SELECT *, row_number() OVER (PARTITION BY person_id ORDER BY date) AS r FROM events) WHERE code = '60621009' AND r > 0",
			"SELECT count(*) FROM events e WHERE code = '60621009' AND EXISTS (SELECT 1 FROM patients p WHERE p.person_id = e.person_id)",
			"WITH e AS (SELECT * FROM events WHERE code = '60621009') SELECT count(*) FROM e"},
		{"SELECT count(*) FROM patients WHERE person_id IN (SELECT person_id FROM events WHERE code = '60621009')",
			"SELECT count(*) FROM (SELECT DISTINCT person_id FROM events WHERE code = '60621009')",
			"SELECT count(*) FROM (SELECT person_id, max(value) AS v FROM events WHERE code = '60621009' GROUP BY person_id)",
			"SELECT count(*) FROM (SELECT DISTINCT ON (person_id) person_id, value FROM events WHERE code = '60621009' ORDER BY person_id, date, value)"},
		{"SELECT count(*) FROM (SELECT DISTINCT person_id, code FROM events)",
			"SELECT count(*) FROM (SELECT person_id, code AS c, count(*) AS n FROM events GROUP BY person_id, code)"},
	} {
		first, _ := w.identities(t.Fatalf, same[0])
		if len(first) == 0 {
			t.Fatalf("%s has no rows", same[0])
		}
		for _, sql := range same[1:] {
			rows, _ := w.identities(t.Fatalf, sql)
			missing := 0
			for row := range first {
				if rows[row] != 1 {
					missing++
				}
			}
			if missing > 0 || len(rows) != len(first) {
				t.Errorf("%s\n%s\n%d of %d rows are not those of the other, which has %d", same[0], sql, missing, len(first), len(rows))
			}
		}
	}
}
