package gate

import (
	"strings"
	"testing"
)

// Where adding and subtracting would tell of few people, the explanation says what a
// question's numbers are compared with, by its words alone, and what would pass.
func TestDifferenceSaysWhatItComparesWith(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	one := w.onePerson()
	kinds := map[string]string{"subtotals": "subtotals", "conditions": "conditions of its numbers", "branches": "branches of its UNION", "computed": "computed for each person", "before": "answered before"}
	for _, c := range []struct {
		before, sql string
		want        []string
	}{
		{"SELECT count(*) FROM patients WHERE sex = 'F'", "SELECT count(*) FROM patients WHERE sex = 'F' AND NOT {1}", []string{"before"}},
		{"", "SELECT count(*), count(*) FILTER (WHERE NOT {1}) FROM patients", []string{"conditions", "before"}},
		{"", "SELECT region, sum(imd_decile) FROM patients WHERE region <> 'North' OR imd_decile = 5 GROUP BY ROLLUP (region)", []string{"subtotals", "before"}},
		{"SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY 1)", "SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY 1) JOIN patients USING (person_id) WHERE NOT {1}", []string{"computed", "before"}},
		{"SELECT count(*) FROM (SELECT person_id FROM events UNION ALL SELECT person_id FROM admissions)", "SELECT count(*) FROM (SELECT person_id FROM events UNION ALL SELECT person_id FROM admissions) JOIN patients USING (person_id) WHERE NOT {1}", []string{"branches", "before"}},
	} {
		w.forget()
		if c.before != "" {
			_, err := w.ask(c.before)
			must(t, err)
		}
		r, err := w.ask(strings.ReplaceAll(c.sql, "{1}", one))
		must(t, err)
		if r.disclosure.Explanation == nil {
			t.Errorf("%s\nis not explained", c.sql)
			continue
		}
		for _, rule := range r.disclosure.Explanation.Rules {
			if rule.Rule != "difference" {
				continue
			}
			for kind, words := range kinds {
				wanted := false
				for _, k := range c.want {
					wanted = wanted || k == kind
				}
				if strings.Contains(rule.Why, words) != wanted {
					t.Errorf("%s\n%s: %v in %q", c.sql, kind, !wanted, rule.Why)
				}
			}
			if rule.Rewrite == "" {
				t.Errorf("%s\nno rewrite", c.sql)
			}
		}
	}
}
