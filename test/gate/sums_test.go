package gate

import "testing"

// Two values that are the same for everybody but one person, because the people are
// chosen by that, or because they are made so.
func TestValuesThatAgreeTellOfNobody(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	w.together(w.oneWhere("sex = 'F' AND EXISTS (SELECT 1 FROM admissions a WHERE a.person_id = p.person_id AND length_of_stay > 11)"), "", map[string][]string{
		"a value and another":        {"SELECT sum(length_of_stay) FROM admissions JOIN patients USING (person_id) WHERE length_of_stay = imd_decile OR {1}", "SELECT sum(imd_decile) FROM admissions JOIN patients USING (person_id) WHERE length_of_stay = imd_decile OR {1}"},
		"means":                      {"SELECT avg(length_of_stay) FROM admissions JOIN patients USING (person_id) WHERE length_of_stay = imd_decile OR {1}", "SELECT avg(imd_decile) FROM admissions JOIN patients USING (person_id) WHERE length_of_stay = imd_decile OR {1}"},
		"in one question":            {"SELECT sum(length_of_stay), count(*) FROM admissions", "SELECT (SELECT sum(length_of_stay) FROM admissions JOIN patients USING (person_id) WHERE length_of_stay = imd_decile OR {1}) - (SELECT sum(imd_decile) FROM admissions JOIN patients USING (person_id) WHERE length_of_stay = imd_decile OR {1})"},
		"moved":                      {"SELECT sum(imd_decile) FROM patients WHERE birth_year = 1950 + imd_decile OR {1}", "SELECT sum(birth_year) FROM patients WHERE birth_year = 1950 + imd_decile OR {1}"},
		"scaled":                     {"SELECT sum(5 * imd_decile) FROM patients WHERE birth_year = 1940 + 3 * imd_decile OR {1}", "SELECT avg(birth_year) FROM patients WHERE birth_year = 1940 + 3 * imd_decile OR {1}"},
		"after a restart":            {"SELECT sum(imd_decile) FROM patients WHERE birth_year = 1950 + imd_decile OR {1}", "", "SELECT sum(birth_year) FROM patients WHERE birth_year = 1950 + imd_decile OR {1}"},
		"by dates":                   {"SELECT sum(length_of_stay) FROM admissions JOIN patients USING (person_id) WHERE discharged - admitted = 2 * imd_decile OR {1}", "SELECT sum(imd_decile) FROM admissions JOIN patients USING (person_id) WHERE discharged - admitted = 2 * imd_decile OR {1}"},
		"of a computed one":          {"SELECT sum(n) FROM (SELECT person_id, max(length_of_stay) AS n FROM admissions GROUP BY 1) JOIN patients USING (person_id) WHERE n = imd_decile OR {1}", "SELECT sum(imd_decile) FROM (SELECT person_id, max(length_of_stay) AS n FROM admissions GROUP BY 1) JOIN patients USING (person_id) WHERE n = imd_decile OR {1}"},
		"the greatest but for hers":  {"SELECT sum(n) FROM (SELECT person_id, max(value) AS n FROM events WHERE code = '271649006' GROUP BY 1)", "SELECT sum(n) FROM (SELECT person_id, max(value) AS n FROM events JOIN patients USING (person_id) WHERE code = '271649006' AND NOT ({1} AND value >= (SELECT 30)) GROUP BY 1)"},
		"a step that is added":       {"SELECT sum(birth_year) FROM patients WHERE practice_id IN ('P1', 'P2')", "SELECT sum(birth_year + floor((birth_year - 1926) / 100.0)) FROM patients WHERE practice_id IN ('P1', 'P2')"},
		"a step in a multiple":       {"SELECT avg(3 * birth_year) FROM patients WHERE practice_id IN ('P1', 'P2')", "SELECT sum(birth_year - 1900 + floor((birth_year - 1926) / 100.0)) FROM patients WHERE practice_id IN ('P1', 'P2')"},
		"the greatest in steps of 5": {"SELECT sum(n) FROM (SELECT person_id, max(value) AS n FROM events GROUP BY 1)", "SELECT sum(5 * n) FROM (SELECT person_id, max(value) AS n FROM events JOIN patients USING (person_id) WHERE NOT ({1} AND date > DATE '2011-06-01') GROUP BY 1)"},
	})
}

// What one sum has more than another is of people who are all alike, or one of whom
// has most: it would be withheld if it were asked for.
func TestWhatASumHasMoreIsJudged(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	w.together("birth_year = 1950", "", map[string][]string{
		"all alike":           {"SELECT sum(imd_decile) FROM patients", "SELECT sum(imd_decile) FROM patients WHERE NOT (region = 'North' AND imd_decile = 7)"},
		"the other way":       {"SELECT sum(imd_decile) FROM patients WHERE NOT (region = 'North' AND imd_decile = 7)", "SELECT sum(imd_decile) FROM patients"},
		"means":               {"SELECT avg(imd_decile) FROM patients", "SELECT avg(imd_decile) FROM patients WHERE NOT (region = 'North' AND imd_decile = 7)"},
		"multiples":           {"SELECT sum(3 * imd_decile) FROM patients", "SELECT sum(imd_decile) FROM patients WHERE NOT (region = 'North' AND imd_decile = 7)"},
		"moved":               {"SELECT avg(10 - imd_decile) FROM patients", "SELECT sum(imd_decile) FROM patients WHERE NOT (region = 'North' AND imd_decile = 7)"},
		"total and regions":   {"SELECT sum(imd_decile) FROM patients WHERE region <> 'North' OR imd_decile = 7", "SELECT region, sum(imd_decile) FROM patients WHERE region <> 'North' GROUP BY region"},
		"regions and total":   {"SELECT region, sum(imd_decile) FROM patients WHERE region <> 'North' GROUP BY region", "SELECT sum(imd_decile) FROM patients WHERE region <> 'North' OR imd_decile = 7"},
		"nothing":             {"SELECT sum(length_of_stay) FROM admissions", "SELECT sum(length_of_stay) FROM admissions WHERE NOT (length_of_stay = 0 AND method = 'other')"},
		"all alike but a few": {"SELECT sum(imd_decile) FROM patients", "SELECT sum(imd_decile) FROM patients WHERE NOT (region = 'North' AND imd_decile = 7 OR practice_id = 'P1' AND imd_decile = 2 AND birth_year BETWEEN 1940 AND 1943)"},
		"computed":            {"SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY 1)", "SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY 1) WHERE n <> 11"},
		"after a restart":     {"SELECT sum(imd_decile) FROM patients", "", "SELECT sum(imd_decile) FROM patients WHERE NOT (region = 'North' AND imd_decile = 7)"},
	})
	// Others are answered.
	for _, fair := range [][]string{
		{"SELECT sum(imd_decile) FROM patients", "SELECT sum(imd_decile) FROM patients WHERE region <> 'North'", "SELECT avg(imd_decile) FROM patients WHERE sex = 'F'"},
		{"SELECT region, avg(imd_decile) FROM patients GROUP BY region", "SELECT avg(imd_decile) FROM patients", "SELECT avg(birth_year) FROM patients", "SELECT region, avg(birth_year), avg(imd_decile) FROM patients GROUP BY region"},
		{"SELECT method, avg(length_of_stay) FROM admissions GROUP BY 1", "SELECT avg(discharged - admitted) FROM admissions", "SELECT sum(length_of_stay) FROM admissions", "SELECT diagnosis, avg(length_of_stay), stddev(length_of_stay) FROM admissions GROUP BY 1"},
		{"SELECT code, avg(value) FROM events WHERE value IS NOT NULL GROUP BY 1", "SELECT avg(value) FROM events", "SELECT avg(value) FROM events WHERE value < 100", "SELECT avg(value) FROM events WHERE code = '60621009'"},
		{"SELECT avg(n) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY 1)", "SELECT avg(n) FROM (SELECT person_id, count(*) AS n FROM admissions GROUP BY 1)", "SELECT sum(value) FROM events", "SELECT avg(n) FROM (SELECT person_id, count(*) AS n FROM admissions WHERE method <> 'other' GROUP BY 1)"},
	} {
		w.forget()
		if got := answered(w, fair...); got != len(fair) {
			t.Errorf("%d of %d questions are answered: %q", got, len(fair), fair)
		}
	}
}
