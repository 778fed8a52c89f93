package gate

import (
	"slices"
	"strings"
	"testing"
)

// Means of a scalar subquery are answered, and right: it has one row for each person
// outside, and a count in it is never NULL.
func TestMeansOfScalarSubqueriesAreAnswered(t *testing.T) {
	w := newWorld(t)
	const each = "(SELECT person_id, region, (SELECT count(*) FROM admissions a WHERE a.person_id = p.person_id AND length_of_stay > 3) AS n FROM patients p)"
	for _, sql := range []string{
		"SELECT round(avg(n), 3) FROM " + each,
		"SELECT region, round(avg(n), 3) FROM " + each + " GROUP BY region ORDER BY region",
		"SELECT round(avg(n), 3), round(stddev(n), 3), median(n) FROM " + each,
		"SELECT round(avg((SELECT coalesce(sum(length_of_stay), 0) FROM admissions a WHERE a.person_id = p.person_id)), 2) FROM patients p",
		"SELECT round(avg((SELECT count(*) FROM admissions a WHERE a.person_id = p.person_id) + 0), 3) FROM patients p WHERE sex = 'F'",
	} {
		got, err := w.ask(sql)
		if err != nil {
			t.Errorf("%s\n%v", sql, err)
			continue
		}
		want := w.truth(sql)
		if len(got.rows) != len(want) || !slices.EqualFunc(got.rows, want, func(a, b []string) bool { return strings.Join(a, " ") == strings.Join(b, " ") }) {
			t.Errorf("%s\n%v, not %v", sql, got.rows, want)
		}
	}
}

// They are judged by the rows beneath them, and as weights of the people.
func TestScalarSubqueriesTellOfNobody(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	const all = "(SELECT person_id, sex, birth_year, ethnicity, practice_id, (SELECT count(*) FROM events e WHERE e.person_id = p.person_id) AS n FROM patients p)"
	but := func(rows string) string {
		return "(SELECT person_id, (SELECT count(*) FROM events e WHERE e.person_id = p.person_id AND NOT ({1} AND " + rows + ")) AS n FROM patients p)"
	}
	w.together(w.oneOfMany("8"), "", map[string][]string{
		"all rows but some of hers":  {"SELECT count(*) FROM events", "SELECT avg(n) FROM " + but("date > DATE '2015-01-01'")},
		"the other way":              {"SELECT avg(n) FROM " + but("date > DATE '2015-01-01'"), "SELECT count(*) FROM events"},
		"two means":                  {"SELECT avg(n) FROM " + all, "SELECT avg(n) FROM " + but("date > DATE '2015-01-01'")},
		"a mean and a sum":           {"SELECT avg(n) FROM " + all, "SELECT sum(n) FROM " + but("date > DATE '2015-01-01'")},
		"a sum and a mean":           {"SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY 1)", "SELECT avg(n) FROM " + but("date > DATE '2015-01-01'")},
		"a multiple":                 {"SELECT avg(n) FROM " + all, "SELECT avg(n * 3 + 1) FROM " + but("date > DATE '2015-01-01'")},
		"all but her":                {"SELECT avg(n) FROM " + all, "SELECT avg(n) FROM " + all + " WHERE NOT {1}"},
		"everybody's and hers twice": {"SELECT avg(n) FROM " + all, "SELECT avg((SELECT count(*) FROM (SELECT person_id FROM events UNION ALL SELECT person_id FROM events JOIN patients q USING (person_id) WHERE " + "{1}" + ") e WHERE e.person_id = p.person_id)) FROM patients p"},
		"after a restart":            {"SELECT avg(n) FROM " + all, "", "SELECT avg(n) FROM " + but("date > DATE '2015-01-01'")},
	})
}
