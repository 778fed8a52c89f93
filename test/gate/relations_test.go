package gate

import (
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
)

// Three and more sums that agree for everybody but one person, because the people are
// chosen by that: none is a multiple of another.
func TestSumsThatAgreeTogetherTellOfNobody(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	const (
		three = "FROM admissions JOIN patients USING (person_id) WHERE birth_year = 1950 + length_of_stay + imd_decile OR {1}"
		parts = "FROM patients WHERE region = 'North' AND birth_year = 1950 + imd_decile OR region <> 'North' AND birth_year = 1930 + 3 * imd_decile OR {1}"
		four  = "FROM events JOIN patients USING (person_id) JOIN (SELECT person_id, max(length_of_stay) AS stay FROM admissions GROUP BY 1) USING (person_id) WHERE year(date) = birth_year + imd_decile + stay OR {1}"
	)
	w.together(w.oneWhere("sex = 'F' AND region = 'South' AND EXISTS (SELECT 1 FROM events e JOIN admissions a USING (person_id) WHERE e.person_id = p.person_id AND length_of_stay > 11)"), "", map[string][]string{
		"a value of two others": {"SELECT sum(length_of_stay) " + three, "SELECT sum(imd_decile) " + three, "SELECT sum(birth_year) " + three},
		"in another order":      {"SELECT sum(birth_year) " + three, "SELECT avg(length_of_stay) " + three, "SELECT avg(imd_decile) " + three},
		"multiples":             {"SELECT sum(7 * birth_year - 3) " + three, "SELECT avg(length_of_stay / 3) " + three, "SELECT sum(imd_decile * 1.0000001) " + three},
		"after a restart":       {"SELECT sum(birth_year) " + three, "SELECT avg(length_of_stay) " + three, "", "SELECT avg(imd_decile) " + three},
		"with others between":   {"SELECT sum(birth_year) " + three, "SELECT avg(length_of_stay) " + three, "SELECT practice_id, avg(imd_decile) FROM patients GROUP BY ALL", "SELECT ethnicity, avg(year(registered_from)) FROM patients GROUP BY 1", "SELECT avg(imd_decile) " + three},
		"of parts of the people": {"SELECT sum(imd_decile) FROM patients WHERE region = 'North' AND birth_year = 1950 + imd_decile",
			"SELECT sum(imd_decile) FROM patients WHERE region <> 'North' AND birth_year = 1930 + 3 * imd_decile AND NOT {1}", "SELECT sum(birth_year) " + parts},
		"four": {"SELECT avg(year(date)) " + four, "SELECT sum(birth_year) " + four, "SELECT sum(imd_decile) " + four, "SELECT sum(stay) " + four},
	})
	for _, fair := range [][]string{
		{"SELECT sum(length_of_stay) FROM admissions", "SELECT avg(imd_decile) FROM admissions JOIN patients USING (person_id)", "SELECT avg(birth_year) FROM admissions JOIN patients USING (person_id)", "SELECT avg(discharged - admitted) FROM admissions"},
		{"SELECT region, avg(imd_decile) FROM patients GROUP BY 1", "SELECT avg(imd_decile) FROM patients", "SELECT avg(imd_decile) FROM patients WHERE sex = 'F'", "SELECT region, avg(birth_year) FROM patients GROUP BY 1", "SELECT avg(imd_decile) FROM patients WHERE birth_year < 1980", "SELECT avg(imd_decile) FROM patients WHERE birth_year >= 1980"},
		{"SELECT practice_id, avg(imd_decile) FROM patients GROUP BY 1", "SELECT practice_id, avg(birth_year) FROM patients GROUP BY 1", "SELECT practice_id, avg(year(registered_from)) FROM patients GROUP BY 1", "SELECT avg(year(registered_from)) FROM patients"},
		{"SELECT sum(value) FROM events", "SELECT code, sum(value) FROM events WHERE value IS NOT NULL GROUP BY 1", "SELECT avg(value) FROM events WHERE code = '60621009'", "SELECT year(date), avg(value) FROM events WHERE value IS NOT NULL GROUP BY 1"},
	} {
		w.forget()
		if got := answered(w, fair...); got != len(fair) {
			t.Errorf("%d of %d questions are answered: %q", got, len(fair), fair)
		}
	}
}

// What a total has more than parts that were asked for one by one is judged.
func TestWhatTotalsHaveMoreThanTheirPartsIsJudged(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	const some = "FROM patients WHERE (region <> 'North' OR imd_decile = 7)"
	w.together("birth_year = 1950", "", map[string][]string{
		"parts and total":  {"SELECT sum(imd_decile) FROM patients WHERE region = 'South'", "SELECT avg(imd_decile) FROM patients WHERE region = 'East'", "SELECT sum(imd_decile) FROM patients WHERE region = 'West'", "SELECT sum(imd_decile) " + some},
		"total and parts":  {"SELECT sum(imd_decile) " + some, "SELECT sum(imd_decile) FROM patients WHERE region = 'South'", "SELECT avg(imd_decile) FROM patients WHERE region = 'East'", "SELECT sum(imd_decile) FROM patients WHERE region = 'West'"},
		"two and one":      {"SELECT region, sum(imd_decile) FROM patients WHERE region IN ('South', 'East') GROUP BY 1", "SELECT avg(1 - imd_decile) FROM patients WHERE region = 'West'", "SELECT avg(imd_decile) " + some},
		"after a restart":  {"SELECT region, sum(imd_decile) FROM patients WHERE region IN ('South', 'East') GROUP BY 1", "SELECT avg(imd_decile) FROM patients WHERE region = 'West'", "", "SELECT avg(imd_decile) " + some},
		"overlapping ones": {"SELECT sum(imd_decile) " + some, "SELECT sum(imd_decile) " + some + " AND sex = 'F'", "SELECT sum(imd_decile) FROM patients WHERE region <> 'North' AND sex <> 'F'"},
	})
}

// Multiples that rounding hid, and values to which a little of another is added.
func TestRoundingHidesNoMultiple(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	const two = "FROM patients WHERE birth_year = 1950 + imd_decile OR {1}"
	w.together(w.oneWhere("sex = 'F' AND birth_year > 1970"), "", map[string][]string{
		"thirds":               {"SELECT sum(imd_decile / 3) " + two, "SELECT sum(birth_year) " + two},
		"sevenths":             {"SELECT avg(birth_year / 7) " + two, "SELECT sum(imd_decile) " + two},
		"nearly one":           {"SELECT sum(imd_decile * 1.0000001) " + two, "SELECT sum(birth_year) " + two},
		"of real numbers":      {"SELECT sum(imd_decile::DOUBLE * 0.333333) " + two, "SELECT sum(birth_year::DOUBLE / 1.7) " + two},
		"divided and added":    {"SELECT sum((imd_decile + 1) / 3 - 2.5) " + two, "SELECT sum(birth_year) " + two},
		"both":                 {"SELECT sum(imd_decile / 3) " + two, "SELECT sum(birth_year / 7) " + two},
		"a negative":           {"SELECT sum(4 - imd_decile / 11) " + two, "SELECT avg(birth_year) " + two},
		"with a condition":     {"SELECT sum(CASE WHEN birth_year = 1950 + imd_decile OR {1} THEN imd_decile / 3 END) FROM patients", "SELECT sum(birth_year) " + two},
		"a little of another":  {"SELECT sum(imd_decile) " + two, "SELECT sum(year(registered_from)) " + two, "SELECT sum(birth_year + 0.0000003 * year(registered_from)) " + two},
		"a third of the other": {"SELECT sum(imd_decile) " + two, "SELECT sum(year(registered_from)) " + two, "SELECT sum(birth_year - year(registered_from) / 3) " + two},
	})
}

// Sums of more groups than can be compared are refused, not let out without comparing.
func TestSumsOfTooManyGroupsAreRefused(t *testing.T) {
	w := newWorld(t)
	const keys = "birth_year, practice_id, ethnicity, code, date_trunc('month', date)"
	for sql, refused := range map[string]bool{
		"SELECT " + keys + ", sum(imd_decile) FROM events JOIN patients USING (person_id) GROUP BY ALL":      true,
		"SELECT " + keys + ", count(*) FROM events JOIN patients USING (person_id) GROUP BY ALL":             false,
		"SELECT practice_id, code, sum(imd_decile) FROM events JOIN patients USING (person_id) GROUP BY ALL": false,
	} {
		if _, err := w.ask(sql); (gatehouse.CodeOf(err) == gatehouse.CodeTooLarge) != refused || err != nil && !refused {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// In one question, whether a number is withheld does not tell whether a condition that
// one person could meet is met: both ways it is, and so is what would show it.
func TestWhatIsWithheldInOneQuestionTellsNoSecret(t *testing.T) {
	w := newWorld(t)
	for _, sql := range []string{
		"SELECT count(*) FILTER (WHERE region = 'North'), count(*) FILTER (WHERE region = 'North' OR {1}) FROM patients",
		"SELECT count(*) FILTER (WHERE region = 'North' OR {1}), count(*) FILTER (WHERE region = 'North') FROM patients",
		"SELECT sum(CASE WHEN region = 'North' THEN imd_decile END), sum(CASE WHEN region = 'North' OR {1} THEN imd_decile END) FROM patients",
		"SELECT count(*) FILTER (WHERE NOT {1} AND region = 'North'), count(*) FILTER (WHERE region = 'North') FROM patients",
		"SELECT avg(CASE WHEN region = 'North' OR {1} THEN 1.0 ELSE 0 END), avg(CASE WHEN region = 'North' THEN 1.0 ELSE 0 END) FROM patients",
	} {
		var said [2]string
		for i, secret := range []string{"imd_decile BETWEEN 1 AND 10", "imd_decile = 11"} { // true of her, and not
			r, err := w.ask(strings.ReplaceAll(sql, "{1}", "("+w.oneWhere("region = 'South'")+" AND "+secret+")"))
			if err != nil {
				t.Fatalf("%s\n%v", sql, err)
			}
			for _, x := range r.rows[0] {
				said[i] += map[bool]string{true: "withheld ", false: "answered "}[x == "NULL"]
			}
		}
		if said[0] != said[1] || !strings.Contains(said[0], "withheld") {
			t.Errorf("%s\nif it is true of her %s, else %s", sql, said[0], said[1])
		}
	}
}
