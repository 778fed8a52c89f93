package gate

import (
	"testing"

	"github.com/gatehouse-tre/gatehouse"
)

// A question does not multiply a person's rows over and over: the time that it
// takes would tell how many one person has.
func TestRowsAreMultipliedTwiceAtMost(t *testing.T) {
	w := newWorld(t)
	for _, sql := range []string{
		"SELECT count(DISTINCT a.person_id) FROM events a JOIN admissions b USING (person_id) WHERE a.date < b.admitted",
		"SELECT count(*) FROM patients p JOIN (SELECT DISTINCT ON (person_id) person_id, date FROM events ORDER BY date) a USING (person_id) JOIN events b USING (person_id) JOIN admissions c USING (person_id) WHERE b.date > a.date",
		"SELECT count(*) FROM events a WHERE EXISTS (SELECT 1 FROM admissions b WHERE b.person_id = a.person_id) AND EXISTS (SELECT 1 FROM admissions c WHERE c.person_id = a.person_id AND c.admitted > a.date)",
	} {
		if _, err := w.ask(sql); err != nil {
			t.Errorf("%s\n%v", sql, err)
		}
	}
	if _, err := w.ask("CREATE TABLE pairs AS SELECT a.person_id, a.date FROM events a JOIN events b USING (person_id)"); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"SELECT count(*) FROM events a JOIN events b USING (person_id) JOIN events c USING (person_id) JOIN events d USING (person_id)",
		"SELECT count(*) FROM (SELECT a.person_id FROM pairs a JOIN admissions b USING (person_id)) x LEFT JOIN admissions c USING (person_id)",
		"SELECT count(*) FROM pairs JOIN pairs b USING (person_id)",
		"SELECT count(*) FROM pairs p WHERE EXISTS (SELECT 1 FROM pairs e WHERE e.person_id = p.person_id AND e.date > p.date)",
		"CREATE TABLE more AS SELECT a.person_id FROM pairs a JOIN pairs b USING (person_id)",
	} {
		if _, err := w.ask(sql); gatehouse.Public(err).Code != gatehouse.CodeJoin {
			t.Errorf("%s\n%v", sql, err)
		}
	}
}
