package gate

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse/egress"
)

// Whether a group was left out hangs on whether few people, or nobody, are in it:
// the record of an answer says the same in both cases.
func TestWhetherGroupsWereLeftOutIsNotSaid(t *testing.T) {
	w := newWorld(t)
	one := strings.Replace(w.onePerson(), "(", "(region = 'North' AND ", 1)
	region := w.truth("SELECT region FROM patients WHERE " + w.onePerson())[0][0]
	one = strings.Replace(one, "'North'", "'"+region+"'", 1)
	record := func(sql string) (string, *result) {
		t.Helper()
		r, err := w.ask(sql)
		must(t, err)
		d := r.disclosure
		d.Decision, d.Decided = "", time.Time{}
		text, err := json.Marshal(d)
		must(t, err)
		return string(text), r
	}
	for _, sql := range []string{
		"SELECT region, count(*) FROM patients WHERE (region <> '" + region + "' AND imd_decile < 6) OR {1} GROUP BY region",
		"SELECT region, imd_decile, count(*), avg(birth_year) FROM patients WHERE region <> '" + region + "' OR {1} GROUP BY ALL",
		"SELECT DISTINCT region FROM patients WHERE region <> '" + region + "' OR {1}",
		"SELECT max(n) FROM (SELECT region, count(*) AS n FROM patients WHERE region <> '" + region + "' OR {1} GROUP BY region)",
		"SELECT count(DISTINCT region) FROM patients WHERE region <> '" + region + "' OR {1}",
	} {
		with, a := record(strings.ReplaceAll(sql, "{1}", one))
		without, b := record(strings.ReplaceAll(sql, "{1}", "false"))
		if with != without {
			t.Errorf("%s\none person more, and the record says\n%s (%d rows)\nrather than\n%s (%d rows)", sql, with, len(a.rows), without, len(b.rows))
		}
		if a.disclosure.Groups != "some" {
			t.Errorf("%s: %+v", sql, a.disclosure)
		}
	}
	// No group at all is seen, and said; whether few or nobody are behind it is not.
	few, _ := record("SELECT region, count(*) FROM patients WHERE " + one + " GROUP BY region")
	nobody, r := record("SELECT region, count(*) FROM patients WHERE birth_year = 1066 GROUP BY region")
	if few != nobody || r.disclosure.Outcome != egress.OutcomeSuppressed || r.disclosure.Explanation == nil || r.disclosure.Explanation.Rules[0].Rule != "group" {
		t.Errorf("of few people the record says\n%s\nand of nobody\n%s", few, nobody)
	}
	// Without groups there is nothing to tell.
	for _, sql := range []string{"SELECT count(*) FROM patients", "SELECT avg(imd_decile) FROM patients WHERE region = 'North'", "SELECT system, count(*) FROM codes GROUP BY 1", "SELECT 1"} {
		if _, r := record(sql); r.disclosure.Groups != "none" || r.disclosure.Outcome != egress.OutcomeReleased || r.disclosure.Explanation != nil {
			t.Errorf("%s: %+v", sql, r.disclosure)
		}
	}
}
