package gate

import (
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
)

// Numbers computed for each person, several statistics of one and beside others,
// are answered and right.
func TestNumbersOfEachPersonAreAnswered(t *testing.T) {
	w := newWorld(t)
	for _, sql := range []string{
		"SELECT count(*), avg(n), stddev(n), median(n), quantile_cont(n, [0.1, 0.25, 0.75, 0.9]), sum(n) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY person_id)",
		"SELECT sex, count(*), avg(n), stddev(n), median(n) FROM patients JOIN (SELECT person_id, count(*) AS n FROM events WHERE code LIKE '6%' GROUP BY person_id) USING (person_id) WHERE sex <> 'I' GROUP BY sex",
		"SELECT count(*), avg(n), stddev(n) FROM (SELECT person_id, count(DISTINCT code) AS n FROM events WHERE date BETWEEN DATE '2012-01-01' AND DATE '2016-01-01' GROUP BY person_id)",
		"SELECT region, count(*), avg(n), avg(m), avg(birth_year) FROM patients JOIN (SELECT person_id, count(*) AS n FROM events GROUP BY person_id) USING (person_id) JOIN (SELECT person_id, count(*) AS m FROM admissions GROUP BY person_id) USING (person_id) GROUP BY region",
		"SELECT count(*), count(*) FILTER (WHERE sex = 'F'), avg(n) FROM patients JOIN (SELECT person_id, count(*) AS n FROM events GROUP BY person_id) USING (person_id)",
		"SELECT count(*), count(v), avg(v), stddev(v) FROM (SELECT person_id, arg_max(value, date) AS v FROM events WHERE code = '271649006' GROUP BY person_id)",
	} {
		w.answersRight(sql)
	}
}

// answersRight asks a question that must be answered in whole.
func (w *world) answersRight(sql string) {
	w.Helper()
	r, err := w.ask(sql)
	if err != nil {
		w.Errorf("%s\n%v", sql, err)
		return
	}
	if r.disclosure.Outcome != "released" {
		w.Errorf("%s\nwithheld: %v of %v", sql, r.disclosure.Suppressed, r.rows)
		return
	}
	want := map[string][]string{}
	for _, row := range w.truth(sql) {
		want[row[0]] = row
	}
	for _, row := range r.rows {
		for i, x := range row {
			if strings.HasPrefix(x, "[") { // quantiles
				a, b := strings.Split(strings.Trim(x, "[]"), ","), strings.Split(strings.Trim(want[row[0]][i], "[]"), ",")
				for j := range a {
					if len(a) != len(b) || !near(a[j], b[j]) {
						w.Errorf("%s\n%s, not %s", sql, x, want[row[0]][i])
					}
				}
			} else if len(want[row[0]]) != len(row) || !near(x, want[row[0]][i]) {
				w.Errorf("%s\n%v, not %v", sql, row, want[row[0]])
			}
		}
	}
	if len(r.rows) != len(want) {
		w.Errorf("%s\n%d rows, not %d", sql, len(r.rows), len(want))
	}
}

// What a number computed for each person could hide a condition in: each is refused,
// or its first number withheld.
var hiddenInNumbers = []string{
	// the sum says how large a set is, and a count beside it how large all but one of it
	"SELECT sum(w) - count(*) - count(*) FILTER (WHERE sex = 'F' AND NOT {1}) FROM patients JOIN (SELECT person_id, count(*) AS w FROM (SELECT person_id FROM patients WHERE sex = 'F') f JOIN events USING (person_id) GROUP BY 1) USING (person_id)",
	"SELECT avg(n) - avg(m) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY person_id) JOIN (SELECT person_id, count(*) AS m FROM events JOIN patients USING (person_id) WHERE NOT {1} GROUP BY person_id) USING (person_id)",
	"SELECT avg(n) - avg(m) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY person_id) JOIN (SELECT person_id, count(*) AS m FROM events WHERE date > DATE '2010-01-03' GROUP BY person_id) USING (person_id)",
	"SELECT sum(n), count(q.person_id) FROM patients p JOIN (SELECT person_id, count(*) AS n FROM events GROUP BY person_id) USING (person_id) LEFT JOIN (SELECT person_id FROM patients WHERE NOT {1}) q USING (person_id)",
	"SELECT sum(n), count(*) FROM patients JOIN (SELECT person_id, count(CASE WHEN {1} THEN code END) AS n FROM events JOIN patients USING (person_id) GROUP BY person_id) USING (person_id)",
	"SELECT sum(n), count(*) FROM (SELECT person_id, count(*) AS n FROM events WHERE person_id IN (SELECT person_id FROM patients WHERE {1}) OR code = '44054006' GROUP BY person_id)",
	// two values and a third: how many have each follows from count, mean and spread
	"SELECT stddev(imd_decile), count(*), avg(imd_decile) FROM patients WHERE imd_decile IN (3, 7) OR {1}",
	"SELECT var_pop(n), avg(n), count(*) FROM (SELECT person_id, count(DISTINCT sex) + imd_decile AS n FROM patients WHERE imd_decile IN (3, 7) GROUP BY person_id, imd_decile)",
	"SELECT covar_pop(imd_decile, birth_year), regr_slope(imd_decile, birth_year) FROM patients WHERE birth_year IN (1950, 1951) OR {1}",
}

func TestNumbersOfEachPersonHideNothing(t *testing.T) {
	w := newWorld(t)
	one := w.onePerson()
	for _, sql := range hiddenInNumbers {
		r, err := w.ask(strings.ReplaceAll(sql, "{1}", one))
		if err != nil {
			if gatehouse.Public(err).Kind() != gatehouse.KindDenied || gatehouse.CodeOf(err) == gatehouse.CodeBind {
				t.Errorf("%s\n%v", sql, err)
			}
			continue
		}
		if r.rows[0][0] != "NULL" {
			t.Errorf("%s\nanswered %v", sql, r.rows)
		}
	}
}
