package gate

import (
	"strings"
	"sync"
	"testing"
)

// answered asks questions one after the other, and reports how many gave every number.
func answered(w *world, questions ...string) int {
	n := 0
	for _, sql := range questions {
		r, err := w.ask(sql)
		if err != nil {
			continue
		}
		whole := len(r.disclosure.Suppressed) == 0 && len(r.rows) == len(w.truth(sql))
		if whole {
			n++
		}
	}
	return n
}

// What two or three questions would tell together is not answered by all of them.
func TestQuestionsTogetherTellOfNobody(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	one := w.onePerson()
	rows := w.truth("SELECT count(*) FROM events JOIN patients USING (person_id) WHERE " + one)[0][0]
	for name, questions := range map[string][]string{
		"all but one":      {"SELECT sum(imd_decile) FROM patients", "SELECT sum(imd_decile) FROM patients WHERE NOT ({1})"},
		"women but one":    {"SELECT count(*) FROM patients WHERE sex = 'F'", "SELECT count(*) FROM patients WHERE sex = 'F' AND NOT ({1})"},
		"another measure":  {"SELECT sum(imd_decile) FROM patients", "SELECT sum(2 * birth_year + 1) FROM patients WHERE NOT ({1})"},
		"by region":        {"SELECT region, count(*) FROM patients GROUP BY 1", "SELECT region, count(*) FROM patients WHERE NOT ({1}) GROUP BY 1"},
		"distinct people":  {"SELECT count(DISTINCT person_id) FROM events", "SELECT count(DISTINCT e.person_id) FROM events e JOIN patients USING (person_id) WHERE NOT ({1})"},
		"rows of a table":  {"SELECT count(*) FROM events", "SELECT count(*) FROM events JOIN patients USING (person_id) WHERE NOT ({1})"},
		"after a restart":  {"SELECT avg(imd_decile) FROM patients WHERE sex = 'F'", "", "SELECT avg(imd_decile) FROM patients WHERE sex = 'F' AND NOT ({1})"},
		"one of many rows": {"SELECT count(*) FROM events JOIN patients USING (person_id) WHERE value > 0", "SELECT count(*) FROM events JOIN patients USING (person_id) WHERE value > 0 AND NOT ({1} AND value > 60)"},
		"rows and sums": {"SELECT count(*) FROM events",
			"SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY person_id) JOIN patients USING (person_id) WHERE NOT ({1})"},
		"means and rows": {"SELECT avg(n + 1) FROM (SELECT person_id, sum(length_of_stay) AS n FROM admissions GROUP BY person_id) JOIN patients USING (person_id) WHERE sex = 'F' AND NOT ({1})",
			"SELECT sum(length_of_stay) FROM admissions JOIN patients USING (person_id) WHERE sex = 'F'"},
		"people by number of rows": {"SELECT count(*) FROM events JOIN patients USING (person_id) JOIN (SELECT person_id FROM events GROUP BY 1 HAVING count(*) = {n}) USING (person_id)",
			"SELECT n, count(*) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY person_id HAVING count(*) = {n}) JOIN patients USING (person_id) WHERE NOT ({1}) GROUP BY 1"},
		"different values": {"SELECT sum(n) FROM (SELECT person_id, count(DISTINCT code) AS n FROM events GROUP BY person_id)",
			"SELECT sum(n) FROM (SELECT person_id, count(DISTINCT code) AS n FROM events JOIN patients USING (person_id) WHERE NOT (code = '44054006' AND {1}) GROUP BY person_id)"},
		"kept sums": {"SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY person_id)",
			"CREATE OR REPLACE TABLE mine AS SELECT person_id, count(*) - 1 AS n FROM events JOIN patients USING (person_id) WHERE NOT (code = '44054006' AND {1}) GROUP BY person_id",
			"SELECT sum(n) FROM mine"},
		"windows and rows": {"SELECT count(*) FROM events",
			"SELECT sum(n) FROM (SELECT DISTINCT person_id, count(*) OVER (PARTITION BY person_id) AS n FROM events) JOIN patients USING (person_id) WHERE NOT ({1})"},
	} {
		w.forget()
		got, want := 0, 0
		for _, q := range questions {
			if q == "" {
				w.restart()
				continue
			}
			want++
			got += answered(w, strings.NewReplacer("{1}", one, "{n}", rows).Replace(q))
		}
		if got == want {
			t.Errorf("%s: all %d questions are answered", name, want)
		}
		if got == 0 {
			t.Errorf("%s: no question is answered", name)
		}
	}
}

// The rows of an outer join are those of one table and people of the other.
func TestOuterJoinsTellOfNobody(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	her := w.truth(`SELECT any_value(sex), birth_year, ethnicity, practice_id FROM patients p GROUP BY birth_year, ethnicity, practice_id
		HAVING count(*) = 1 AND bool_and(NOT EXISTS (SELECT 1 FROM admissions a WHERE a.person_id = p.person_id)) ORDER BY 2, 3, 4 LIMIT 1`)[0]
	one := "(birth_year = " + her[1] + " AND ethnicity = '" + her[2] + "' AND practice_id = '" + her[3] + "')"
	if got := answered(w, "SELECT count(*) FROM patients p LEFT JOIN admissions a USING (person_id)", "SELECT count(*) FROM admissions",
		"SELECT count(*) FROM patients p WHERE NOT EXISTS (SELECT 1 FROM admissions a WHERE a.person_id = p.person_id) AND NOT "+one); got != 2 {
		t.Errorf("%d of 3 questions are answered", got)
	}
}

// Numbers of rows and of sums made for each person stand beside each other where
// they are of the same rows.
func TestRowsAndTheirSumsAreAnswered(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	questions := []string{
		"SELECT region, count(*) FROM events JOIN patients USING (person_id) GROUP BY 1",
		"SELECT region, avg(n) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY person_id) JOIN patients USING (person_id) GROUP BY 1",
		"SELECT imd_decile, sum(n) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY person_id) JOIN patients USING (person_id) GROUP BY 1",
		"SELECT imd_decile, count(*) FROM events JOIN patients USING (person_id) GROUP BY 1",
	}
	if got := answered(w, questions...); got != len(questions) {
		t.Errorf("%d of %d questions are answered", got, len(questions))
	}
}

// Two questions that are each fine and together a leak cannot both pass, also if
// they are asked at once.
func TestQuestionsAtOnceTellOfNobody(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	one := w.onePerson()
	for range 5 {
		w.forget()
		var wait sync.WaitGroup
		var got [2]int
		for i, q := range []string{"SELECT count(*) FROM patients WHERE sex = 'F'", "SELECT count(*) FROM patients WHERE sex = 'F' AND NOT ({1})"} {
			wait.Add(1)
			go func() {
				defer wait.Done()
				got[i] = answered(w, strings.ReplaceAll(q, "{1}", one))
			}()
		}
		wait.Wait()
		if got[0]+got[1] != 1 {
			t.Errorf("%d of the two questions are answered", got[0]+got[1])
		}
	}
}

// The same question again, and others that are fair, are answered.
func TestAFairSessionIsAnswered(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	for _, q := range []string{
		"SELECT region, count(*), avg(imd_decile) FROM patients GROUP BY 1",
		"SELECT region, count(*) FROM patients GROUP BY 1",
		"SELECT count(*) FROM patients",
		"SELECT count(*), avg(value) FROM events",
		"SELECT count(DISTINCT person_id) FROM events",
	} {
		r, err := w.ask(q)
		if err != nil {
			t.Errorf("%s: %v", q, err)
			continue
		}
		for _, row := range r.rows {
			for i, x := range row {
				if x == "NULL" {
					t.Errorf("%s: %s is withheld", q, r.columns[i])
				}
			}
		}
	}
}
