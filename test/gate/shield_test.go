package gate

import "testing"

// A number that a rule withholds although many people are behind it does not follow
// from those shown beside it: what is missing of a total is never one number.
func TestWhatARuleWithholdsDoesNotFollow(t *testing.T) {
	w := newWorld(t)
	for _, sql := range []string{
		// in the North all are alike
		"SELECT region, sum(imd_decile) FROM patients WHERE region <> 'North' OR imd_decile = 5 GROUP BY ROLLUP (region)",
		"SELECT region, sum(imd_decile), avg(imd_decile), count(*) FROM patients WHERE region <> 'North' OR imd_decile = 5 GROUP BY ROLLUP (region)",
		"SELECT region, sum(3 * imd_decile) FROM patients WHERE region <> 'North' OR imd_decile = 5 GROUP BY CUBE (region)",
		"SELECT region, avg(imd_decile) FROM patients WHERE region <> 'North' OR imd_decile = 5 GROUP BY GROUPING SETS ((region), ())",
		// few of the North add anything
		"SELECT region, sum(CASE WHEN region = 'North' AND birth_year > 1926 THEN 0 ELSE imd_decile END) FROM patients GROUP BY ROLLUP (region)",
		// one person of the North has nearly all
		"SELECT region, sum(length_of_stay) FROM admissions JOIN patients USING (person_id) WHERE region <> 'North' OR length_of_stay = 0 OR (length_of_stay = 19 AND birth_year = 1950) GROUP BY ROLLUP (region)",
	} {
		r, err := w.ask(sql)
		if err != nil {
			t.Errorf("%s\n%v", sql, err)
			continue
		}
		for c := range r.columns {
			missing, north := 0, false
			for _, row := range r.rows {
				if row[c] == "NULL" && c > 0 {
					missing++
					north = north || row[0] == "North"
				}
			}
			if missing == 1 || c == 1 && !north {
				t.Errorf("%s\n%s: %d numbers are missing: %v", sql, r.columns[c], missing, r.rows)
			}
		}
	}
	// A condition and its opposite, and all.
	for _, sql := range []string{
		"SELECT sum(imd_decile), sum(imd_decile) FILTER (WHERE region <> 'North'), sum(imd_decile) FILTER (WHERE region = 'North') FROM patients WHERE region <> 'North' OR imd_decile = 5",
		"SELECT avg(imd_decile) FILTER (WHERE region = 'North'), sum(imd_decile), sum(imd_decile) FILTER (WHERE region <> 'North') FROM patients WHERE region <> 'North' OR imd_decile = 5",
	} {
		r, err := w.ask(sql)
		if err != nil {
			t.Errorf("%s\n%v", sql, err)
			continue
		}
		missing := 0
		for _, x := range r.rows[0] {
			if x == "NULL" {
				missing++
			}
		}
		if missing != 2 {
			t.Errorf("%s\n%v", sql, r.rows)
		}
	}
}
