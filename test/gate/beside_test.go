package gate

import "testing"

// A sum of few different values counts how many there are of each: that of two values, and how
// many have one of them but for one person, are of that person.
func TestSumsBesideCountsTellOfNobody(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	const (
		three   = "FROM patients WHERE imd_decile IN (3, 4)"
		fours   = "SELECT count(*) FROM patients WHERE imd_decile = 4 AND NOT {1}"
		several = "FROM patients WHERE imd_decile IN (3, 4, 5)"
	)
	w.together(w.oneWhere("region = 'North' AND sex = 'F' AND imd_decile = 4"), "sex = 'F'", map[string][]string{
		"sum, rows, count":     {"SELECT sum(imd_decile) " + three, "SELECT count(*) " + three, fours},
		"count first":          {fours, "SELECT avg(imd_decile), count(*) " + three},
		"mean of a multiple":   {"SELECT avg(7 - imd_decile / 3), count(*) " + three, fours},
		"after a restart":      {"SELECT sum(imd_decile) " + three, "", "SELECT count(*) " + three, fours},
		"count and restart":    {fours, "", "SELECT sum(imd_decile) " + three},
		"of several, counted":  {"SELECT avg(imd_decile), count(*) " + several, "SELECT count(*) FROM patients WHERE imd_decile = 5", fours},
		"several, by squares":  {"SELECT stddev(imd_decile), avg(imd_decile), count(*) " + several, fours},
		"squares afterwards":   {fours, "SELECT avg(imd_decile), count(*) " + several, "SELECT var_pop(imd_decile) " + several},
		"by region":            {"SELECT region, avg(imd_decile), count(*) " + three + " GROUP BY region", "SELECT count(*) FROM patients WHERE region = 'North' AND imd_decile = 4 AND NOT {1}"},
		"counted by region":    {"SELECT avg(imd_decile) " + three + " AND region = 'North'", "SELECT region, count(*) FROM patients WHERE imd_decile = 4 AND NOT {1} GROUP BY region HAVING region = 'North'"},
		"rows of another sum":  {"SELECT sum(imd_decile) " + three, "SELECT count(*) " + three, "SELECT sum(birth_year), avg(birth_year) FROM patients WHERE imd_decile = 4 AND NOT {1}"},
		"rows of a regression": {"SELECT sum(imd_decile) " + three, "SELECT count(*) " + three, "SELECT regr_count(birth_year, birth_year) FROM patients WHERE imd_decile = 4 AND NOT {1}"},
		"parts of the sum":     {fours, "SELECT region, sum(imd_decile) " + three + " GROUP BY region"},
		"parts of the count":   {"SELECT sum(imd_decile) " + three, "SELECT region, count(*) FROM patients WHERE imd_decile = 4 AND NOT {1} GROUP BY region"},
		"in one question":      {"SELECT count(*) FROM patients", "SELECT sum(imd_decile), count(*), count(*) FILTER (WHERE imd_decile = 4 AND NOT {1}) " + three},
		"a sum of a CASE":      {"SELECT sum(imd_decile) " + three, "SELECT sum(CASE WHEN imd_decile = 4 AND NOT {1} THEN 1 END) FROM patients"},
	})
	stays := func(what string) string {
		return "SELECT " + what + " FROM admissions JOIN patients USING (person_id) WHERE length_of_stay = 4 AND NOT {1}"
	}
	w.together(w.oneWhere("(SELECT bool_or(length_of_stay = 4) FROM admissions a WHERE a.person_id = p.person_id)"), "sex = 'F'", map[string][]string{
		"rows of people":        {"SELECT sum(length_of_stay) FROM admissions WHERE length_of_stay IN (3, 4)", stays("count(*)")},
		"rows, the count first": {stays("count(*)"), "SELECT avg(length_of_stay) FROM admissions WHERE length_of_stay BETWEEN 3 AND 4"},
	})
	readings := func(what, where string) string {
		return "SELECT " + what + " FROM events JOIN patients USING (person_id) WHERE code = '60621009' AND " + where
	}
	w.together(w.oneWhere("(SELECT bool_or(code = '60621009' AND round(value) = 50) FROM events e WHERE e.person_id = p.person_id)"), "sex = 'F'", map[string][]string{
		"rounded values": {readings("avg(round(value)), count(*)", "round(value) IN (50, 51)"), readings("count(*)", "round(value) = 50 AND NOT {1}")},
	})
	for _, fair := range [][]string{
		{"SELECT imd_decile, count(*) FROM patients GROUP BY 1", "SELECT avg(imd_decile), stddev(imd_decile), median(imd_decile) FROM patients", "SELECT region, avg(imd_decile), count(*) FROM patients GROUP BY 1", "SELECT region, imd_decile, count(*) FROM patients GROUP BY ALL"},
		{"SELECT method, avg(length_of_stay), stddev(length_of_stay), count(*) FROM admissions GROUP BY 1", "SELECT CASE WHEN length_of_stay < 3 THEN 'short' WHEN length_of_stay < 10 THEN 'week' ELSE 'long' END, count(*) FROM admissions GROUP BY 1", "SELECT count(*) FROM admissions WHERE length_of_stay > 7", "SELECT diagnosis, method, sum(length_of_stay), count(*) FROM admissions GROUP BY ALL"},
		{"SELECT region, avg(imd_decile), count(*) FROM patients WHERE imd_decile < 3 GROUP BY 1", "SELECT region, count(*) FROM patients WHERE imd_decile = 2 GROUP BY 1", "SELECT region, count(*) FROM patients WHERE imd_decile = 1 GROUP BY 1"},
		{"SELECT practice_id, avg(imd_decile), count(*) FROM patients GROUP BY 1", "SELECT practice_id, birth_year < 1970, count(*) FROM patients GROUP BY ALL", "SELECT ethnicity, avg(birth_year), count(*) FROM patients GROUP BY 1", "SELECT ethnicity, count(*) FROM patients WHERE birth_year < 1980 GROUP BY 1"},
	} {
		w.forget()
		if got := answered(w, fair...); got != len(fair) {
			t.Errorf("%d of %d questions are answered: %q", got, len(fair), fair)
		}
	}
}

// A number computed for each person may be filled up with a literal: by itself it is what it
// would be with a condition.
func TestNumbersOfEachPersonAreFilledUp(t *testing.T) {
	w := newWorld(t)
	for _, sql := range []string{
		"SELECT region, avg(coalesce(n, 0)) FROM patients LEFT JOIN (SELECT person_id, count(*) AS n FROM admissions GROUP BY 1) USING (person_id) GROUP BY region",
		"SELECT region, sum(CASE WHEN n > 1 THEN n ELSE 0 END) FROM patients JOIN (SELECT person_id, count(*) AS n FROM admissions GROUP BY 1) USING (person_id) GROUP BY region",
	} {
		w.answersRight(sql)
	}
	w.remembers = true
	const filled = "FROM patients LEFT JOIN (SELECT person_id, count(*) AS n FROM admissions GROUP BY 1) USING (person_id)"
	w.together(w.oneWhere("(SELECT count(*) FROM admissions a WHERE a.person_id = p.person_id) = 3"), "sex = 'F'", map[string][]string{
		"all but one":       {"SELECT sum(coalesce(n, 0)) " + filled, "SELECT sum(coalesce(n, 0)) " + filled + " WHERE NOT {1}"},
		"filled for one":    {"SELECT sum(coalesce(n, 0)) " + filled, "SELECT avg(CASE WHEN {1} THEN 0 ELSE coalesce(n, 0) END) " + filled},
		"beside the people": {"SELECT sum(coalesce(n, 0)) " + filled, "SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM admissions JOIN patients USING (person_id) WHERE NOT {1} GROUP BY 1)"},
	})
}
