package gate

import (
	"fmt"
	"strings"
	"testing"
)

// together asks the questions of each attack one after the other: some are answered,
// and not all of them.
// Where many people stand in place of the one, all are.
func (w *world) together(one, many string, attacks map[string][]string) {
	w.Helper()
	for name, questions := range attacks {
		ask := func(who string) (got, want int) {
			w.forget()
			for _, q := range questions {
				if q == "" {
					w.restart()
					continue
				}
				want++
				got += answered(w, strings.ReplaceAll(q, "{1}", who))
			}
			return got, want
		}
		switch got, want := ask(one); got {
		case want:
			w.Errorf("%s: all %d questions are answered", name, want)
		case 0:
			w.Errorf("%s: no question is answered", name)
		}
		if got, want := ask(many); got < want && many != "" {
			w.Errorf("%s: of many people, %d of %d questions are answered", name, got, want)
		}
	}
}

// oneOfMany is a condition that exactly one person meets, who has as many events.
func (w *world) oneOfMany(events string) string {
	return w.oneWhere("(SELECT count(*) FROM events e WHERE e.person_id = p.person_id) >= " + events + " AND region = 'North' AND sex = 'F'")
}

// oneWhere is a condition that exactly one person meets, of whom another one, on
// patients p, is true.
func (w *world) oneWhere(what string) string {
	her := w.truth(`SELECT any_value(sex), birth_year, ethnicity, practice_id FROM patients p GROUP BY birth_year, ethnicity, practice_id
		HAVING count(*) = 1 AND bool_and(` + what + `) ORDER BY 2, 3, 4 LIMIT 1`)[0]
	return "(sex = '" + her[0] + "' AND birth_year = " + her[1] + " AND ethnicity = '" + her[2] + "' AND practice_id = '" + her[3] + "')"
}

// How many of their rows are chosen is a weight of each person: in one question some
// of their rows, in another as many others, and of one person one more.
func TestHowManyRowsAreChosenIsNoWeight(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	const (
		numbered = "(SELECT e.person_id, e.code, birth_year, sex, ethnicity, practice_id, region, row_number() OVER (PARTITION BY e.person_id ORDER BY date, code, value) AS rn, count(*) OVER (PARTITION BY e.person_id) AS c FROM events e JOIN patients p USING (person_id)) x"
		first    = numbered + " WHERE c >= 8 AND rn <= 1 + birth_year % 3"
		second   = numbered + " WHERE c >= 8 AND rn > 4 AND rn <= 5 + birth_year % 3 + CASE WHEN {1} THEN 1 ELSE 0 END"
	)
	each := func(of string) string {
		return "(SELECT person_id, region, count(*) AS n FROM " + of + " GROUP BY person_id, region)"
	}
	w.together(w.oneOfMany("8"), "sex = 'F'", map[string][]string{
		"sums":                {"SELECT sum(n) FROM " + each(first), "SELECT sum(n) FROM " + each(second)},
		"the other way":       {"SELECT sum(n) FROM " + each(second), "SELECT sum(n) FROM " + each(first)},
		"means":               {"SELECT avg(n) FROM " + each(first), "SELECT avg(n) FROM " + each(second)},
		"a sum and a mean":    {"SELECT sum(n) FROM " + each(first), "SELECT avg(2 * n + 1) FROM " + each(second)},
		"a mean and a sum":    {"SELECT avg(n) FROM " + each(first), "SELECT sum(n) FROM " + each(second)},
		"a sum and its mean":  {"SELECT sum(n) FROM " + each(second), "SELECT avg(n) FROM " + each(second), "SELECT count(*) FROM patients WHERE birth_year % 3 = 1 AND person_id IN (SELECT person_id FROM events GROUP BY 1 HAVING count(*) >= 8)", "SELECT count(*) FROM patients WHERE birth_year % 3 = 2 AND person_id IN (SELECT person_id FROM events GROUP BY 1 HAVING count(*) >= 8)"},
		"spreads":             {"SELECT stddev(n) FROM " + each(first), "SELECT stddev(n) FROM " + each(second)},
		"multiples":           {"SELECT sum(3 * n) FROM " + each(first), "SELECT sum(n - 5) FROM " + each(second)},
		"after a restart":     {"SELECT sum(n) FROM " + each(first), "", "SELECT sum(n) FROM " + each(second)},
		"by region":           {"SELECT region, sum(n) FROM " + each(first) + " GROUP BY region", "SELECT region, sum(n) FROM " + each(second) + " GROUP BY region"},
		"total and regions":   {"SELECT sum(n) FROM " + each(first), "SELECT region, sum(n) FROM " + each(second) + " GROUP BY region"},
		"with a condition":    {"SELECT sum(n) FROM " + each(first) + " WHERE region = 'North'", "SELECT sum(n) FILTER (WHERE region = 'North') FROM " + each(second)},
		"rows and sums":       {"SELECT count(*) FROM " + first, "SELECT sum(n) FROM " + each(second)},
		"sums and rows":       {"SELECT sum(n) FROM " + each(first), "SELECT count(*) FROM " + second},
		"rows":                {"SELECT count(*) FROM " + first, "SELECT count(*) FROM " + second},
		"rows and people":     {"SELECT count(*), count(DISTINCT person_id) FROM " + first, "SELECT sum(n) FROM " + each(second)},
		"a difference":        {"SELECT sum(a.n - b.n) FROM " + each(first) + " a JOIN " + each(numbered+" WHERE c >= 8 AND rn > 4 AND rn <= 6 + birth_year % 2") + " b USING (person_id)", "SELECT sum(n) FROM " + each(second), "SELECT sum(n) FROM " + each(numbered+" WHERE c >= 8 AND rn > 4 AND rn <= 6 + birth_year % 2")},
		"a window":            {"SELECT sum(n) FROM " + each(first), "SELECT sum(n) FROM (SELECT DISTINCT person_id, count(*) OVER (PARTITION BY person_id) AS n FROM " + second + ")"},
		"views":               {"CREATE OR REPLACE VIEW mine AS SELECT person_id, count(*) AS n FROM " + first + " GROUP BY person_id", "SELECT sum(n) FROM mine", "SELECT sum(n) FROM " + each(second)},
		"different values":    {"SELECT sum(n) FROM " + each(first), "SELECT sum(n) FROM (SELECT person_id, count(DISTINCT rn) AS n FROM " + second + " GROUP BY person_id)"},
		"made of conditions":  {"SELECT count(*) FROM patients WHERE person_id IN (SELECT person_id FROM events GROUP BY 1 HAVING count(*) >= 8)", "SELECT count(*) FROM patients WHERE birth_year % 3 = 1 AND person_id IN (SELECT person_id FROM events GROUP BY 1 HAVING count(*) >= 8)", "SELECT count(*) FROM patients WHERE birth_year % 3 = 2 AND person_id IN (SELECT person_id FROM events GROUP BY 1 HAVING count(*) >= 8)", "SELECT sum(n) FROM " + each(second)},
		"and then conditions": {"SELECT sum(n) FROM " + each(second), "SELECT count(*) FROM patients WHERE person_id IN (SELECT person_id FROM events GROUP BY 1 HAVING count(*) >= 8)", "SELECT birth_year % 3, count(*) FROM patients WHERE person_id IN (SELECT person_id FROM events GROUP BY 1 HAVING count(*) >= 8) GROUP BY 1"},
		"by the number":       {"SELECT n, count(*) FROM " + each(first) + " GROUP BY n", "SELECT sum(n) FROM " + each(second)},
		"sums by the number":  {"SELECT sum(n) FROM " + each(second), "SELECT n, count(*) FROM " + each(first) + " GROUP BY n"},
		"a union of rows": {"SELECT count(*) FROM (SELECT person_id FROM " + numbered + " WHERE c >= 8 AND rn = 1 UNION ALL SELECT person_id FROM " + numbered + " WHERE c >= 8 AND rn > 1 AND rn <= 1 + birth_year % 3)",
			"SELECT sum(n) FROM " + each(second)},
		"a union of people": {"SELECT count(*) FROM (SELECT person_id FROM patients UNION ALL SELECT person_id FROM patients WHERE birth_year % 3 > 0 UNION ALL SELECT person_id FROM patients WHERE birth_year % 3 > 1) WHERE person_id IN (SELECT person_id FROM events GROUP BY 1 HAVING count(*) >= 8)",
			"SELECT sum(n) FROM " + each(second)},
		"a union of both": {"SELECT count(*) FROM (SELECT person_id FROM patients UNION ALL SELECT person_id FROM " + numbered + " WHERE c >= 8 AND rn <= birth_year % 3) WHERE person_id IN (SELECT person_id FROM events GROUP BY 1 HAVING count(*) >= 8)",
			"SELECT sum(n) FROM " + each(second)},
		"an outer join": {"SELECT count(*) FROM patients p LEFT JOIN (SELECT person_id FROM " + numbered + " WHERE c >= 8 AND rn <= 1 + birth_year % 3) e USING (person_id) WHERE person_id IN (SELECT person_id FROM events GROUP BY 1 HAVING count(*) >= 8)",
			"SELECT sum(n) FROM " + each(second)},
	})
	series := []string{"SELECT count(*) FROM events JOIN patients USING (person_id) WHERE NOT ({1})"}
	for n := 6; n <= 14; n++ {
		series = append(series, fmt.Sprintf("SELECT count(*) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY 1) WHERE n = %d", n))
	}
	series = append(series, "SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY 1) WHERE n < 6", "SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY 1) WHERE n > 14")
	if got := answered(w, series[1:]...); got != len(series)-1 {
		t.Errorf("%d of a series of %d questions are answered", got, len(series)-1)
	}
	w.together(w.oneOfMany("8"), "", map[string][]string{
		"a series":   series,
		"a subquery": {"SELECT sum(n) FROM " + each(first), "SELECT sum(n) FROM (SELECT person_id, (SELECT count(*) FROM " + second + " AND x.person_id = q.person_id) AS n FROM patients q)"},
	})
}
