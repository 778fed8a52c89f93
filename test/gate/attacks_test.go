package gate

import (
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
)

// subtractions are one-question attacks, found in review, that work something
// out of one person by arithmetic over numbers that look harmless, by a weight
// that a condition hid, by repeating the person, by a step or a failure that
// selects without a condition. {1} is a condition that one person meets. Each
// must be refused or give NULL.
var subtractions = []string{
	"SELECT sum(imd_decile) - sum(imd_decile) FILTER (WHERE NOT {1} AND birth_year < 1980) - sum(imd_decile) FILTER (WHERE NOT {1} AND birth_year >= 1980) FROM patients",
	"SELECT sum(imd_decile) - sum(CASE WHEN NOT {1} AND birth_year < 1980 THEN imd_decile WHEN NOT {1} AND birth_year >= 1980 THEN imd_decile ELSE 0 END) FROM patients",
	"SELECT (SELECT sum(imd_decile) FROM patients) - (SELECT sum(imd_decile) FROM patients WHERE NOT {1})",
	"SELECT (SELECT count(*) FROM patients WHERE sex = 'F') - count(*) FROM patients WHERE sex = 'F' AND NOT {1}",
	"SELECT sum(imd_decile * w) - sum(imd_decile * one) FROM patients JOIN (VALUES (0, 1, 1), (1, 1, 2)) v(i, one, w) ON (i = 1) = coalesce({1}, false)",
	"SELECT regr_slope(imd_decile, w) + regr_intercept(imd_decile, w) FROM patients JOIN (VALUES (0, 0), (1, 1)) v(i, w) ON (i = 1) = coalesce({1}, false)",
	"SELECT sum(imd_decile * w) - sum(imd_decile) FROM (SELECT person_id, imd_decile, count(*) AS w FROM patients, (VALUES (1), (2)) v(i) WHERE i = 1 OR {1} GROUP BY 1, 2)",
	"SELECT sum(w) - count(*) FROM (SELECT person_id, count(*) AS w FROM patients p JOIN events e USING (person_id) WHERE {1} OR code = '44054006' GROUP BY 1)",
	"SELECT sum(imd_decile * r) FROM (SELECT imd_decile, row_number() OVER (PARTITION BY person_id ORDER BY CASE WHEN {1} THEN -imd_decile ELSE imd_decile END) AS r FROM patients)",
	"SELECT sum(w) - sum(imd_decile) FROM (SELECT DISTINCT ON (person_id) person_id, imd_decile, birth_year AS w FROM patients ORDER BY person_id, CASE WHEN {1} THEN 1 ELSE 2 END)",
	"SELECT sum(q.w) - count(q.w) FROM patients p LEFT JOIN (SELECT person_id, coalesce(CASE WHEN {1} THEN 1 + imd_decile ELSE 1 END, 0) AS w FROM patients WHERE birth_year > 1950) q USING (person_id)",
	"SELECT count(q.w) - sum(q.w) FROM patients p LEFT JOIN (SELECT person_id, CASE WHEN {1} THEN 0 ELSE 1 END AS w FROM patients WHERE birth_year > 1950) q USING (person_id)",
	"SELECT sum(year(DATE '2000-01-01' + to_days(CASE WHEN {1} THEN 366 * imd_decile ELSE 0 END)) - 1999) FROM patients",
	"SELECT median(imd_decile) FROM patients, (VALUES (0), (1), (2), (3), (4)) a(i), (VALUES (0), (1), (2), (3), (4)) b(j) WHERE (i = 0 AND j = 0) OR {1}",
	"SELECT avg(imd_decile) FROM patients p JOIN (VALUES (0), (0), (0), (1)) v(i) ON i = CASE WHEN {1} THEN 0 ELSE 1 END",
	"SELECT sum(floor(a)) + count(*) FROM patients p JOIN (SELECT person_id, ((birth_year - 2005) * 100 + (imd_decile - 1)) / 1000000.0::DOUBLE AS a FROM patients WHERE {1} OR birth_year < 2000) q USING (person_id)",
	"SELECT sum(imd_decile) - sum(imd_decile + 0 * CAST(CAST((birth_year - 2005) * (birth_year - 2005) - 1 AS UINTEGER) AS BIGINT)) FROM patients",
	"SELECT sum(imd_decile + 0 * CAST(1000000000 - (birth_year - 2005) * (birth_year - 2005) AS DECIMAL(9,0))) FROM patients",
	"SELECT quantile_disc(birth_year * 100 + imd_decile, [0.3, 0.35, 0.4]) FROM patients WHERE practice_id = 'P1'",
	"SELECT quantile_disc(birth_year, [0.500, 0.501]) FROM patients",
	"SELECT sum(0) FILTER (WHERE {1}) FROM patients",
	"SELECT avg(CASE WHEN {1} THEN 0 END) FROM patients",
	"SELECT avg(CASE WHEN birth_year < 1990 THEN imd_decile WHEN {1} THEN 0 END) - avg(CASE WHEN birth_year < 1990 THEN imd_decile END) FROM patients",
	"SELECT count(DISTINCT lsoa) FROM patients",
	"SELECT count(*) FROM patients, (VALUES (0), (1), (2)) a(i), (VALUES (0), (1)) b(j) WHERE {1} AND i + j > 0",
	"SELECT count(*) FROM patients WHERE length(replace(CASE WHEN {1} THEN 'aaa' ELSE '' END, 'a', 'aaaaaaaaaaaa')) > 3",
	"SELECT stddev(CASE WHEN {1} THEN 1e12 * 1e12 * 1e12 * 1e12 ELSE birth_year END) FROM patients",
	"SELECT sum(imd_decile * 1e-30) FROM patients",
	"SELECT count(*) FROM patients WHERE registered_from + imd_decile * 100000000 > DATE '2020-01-01' OR {1}",
	"SELECT count(*) FROM patients WHERE regexp_matches(lsoa, CASE WHEN {1} THEN '(' ELSE 'x' END)",
	"SELECT sum(imd_decile) - 5 * count(*) FROM patients WHERE imd_decile = 5 OR {1}",
	"SELECT sum(birth_year::DOUBLE * imd_decile::DOUBLE) - 5 * sum(birth_year) FROM patients WHERE imd_decile = 5 OR {1}",
	"SELECT regr_intercept(imd_decile, birth_year) + 1926 * regr_slope(imd_decile, birth_year) FROM patients WHERE birth_year = 1950 OR {1}",
	"SELECT regr_avgx(imd_decile, birth_year - 1950) * regr_count(imd_decile, birth_year) + 1950 FROM patients WHERE birth_year = 1950 OR {1}",
	"SELECT count(DISTINCT person_id) - count(DISTINCT person_id) FILTER (WHERE NOT (date_trunc('month', date) = DATE '2015-03-01' OR {1})) FROM events JOIN patients USING (person_id) WHERE NOT {1} OR code = '44054006'",
	"SELECT sum(imd_decile::DOUBLE) - sum(imd_decile::DOUBLE + 0 * year(death_month)::DOUBLE) FROM patients WHERE death_month IS NOT NULL OR {1}",
	"SELECT count(*) - sum(year(death_month)) / avg(year(death_month)) FROM patients WHERE death_month IS NOT NULL OR {1}",
	"SELECT count(*) - regr_count(year(death_month), birth_year) FROM patients WHERE death_month IS NOT NULL OR {1}",
	"SELECT count(*) - count(CASE WHEN death_month IS NOT NULL OR {1} THEN death_month ELSE DATE '2000-01-01' END) FROM patients",
	"SELECT sum(date_sub('year', registered_from, DATE '2020-11-19')) - sum(date_sub('year', registered_from, DATE '2020-11-18')) FROM patients",
	"SELECT sum(round(birth_year, -2)) - 2000 * count(*) FROM patients WHERE birth_year >= 1960 OR {1}",
	"SELECT sum(ceil(value)) - sum(floor(value)) FROM events",
	"SELECT count(*) FROM patients p JOIN events a USING (person_id) JOIN events b USING (person_id) JOIN events c USING (person_id) WHERE {1} OR (p.sex = 'F' AND p.practice_id = 'P1' AND a.date < DATE '2010-06-01' AND a.date = b.date AND b.date = c.date)",
	"SELECT count(*) FROM patients WHERE CASE WHEN {1} THEN registered_from + to_years(8000000) END IS NULL",
	"SELECT count(*) FROM patients WHERE CASE WHEN {1} THEN registered_from + INTERVAL 400000 YEAR END IS NULL",
	"SELECT count(*) FROM patients WHERE CASE WHEN {1} THEN date_diff('microsecond', registered_from, DATE '5000000-01-01') END IS NULL",
	"SELECT count(*) FROM patients WHERE CASE WHEN {1} THEN date_diff('day', registered_from, DATE '5000000-01-01') END IS NULL",
	"SELECT count(*) FROM patients WHERE CASE WHEN {1} THEN substring(lsoa, 5000000000, 1) END IS NULL",
	"SELECT count(*) FROM patients WHERE date_trunc(CASE WHEN {1} THEN 'nothing' ELSE 'year' END, registered_from) IS NULL",
}

func TestNothingIsWorkedOutOfOnePerson(t *testing.T) {
	w := newWorld(t)
	one := w.onePerson()
	for _, sql := range subtractions {
		r, err := w.ask(strings.ReplaceAll(sql, "{1}", one))
		if err != nil {
			if gatehouse.Public(err).Kind() != gatehouse.KindDenied {
				t.Errorf("%s\n%v", sql, err)
			}
			continue
		}
		if len(r.rows) != 1 || r.rows[0][0] != "NULL" {
			t.Errorf("%s\nanswered %v", sql, r.rows)
		}
	}
}

// onePerson is a condition that exactly one person meets.
func (w *world) onePerson() string {
	target := w.truth(`SELECT any_value(sex), birth_year, ethnicity, practice_id FROM patients WHERE sex = 'F' GROUP BY birth_year, ethnicity, practice_id
		HAVING count(*) = 1 ORDER BY 2, 3, 4 LIMIT 1`)[0]
	return "(sex = '" + target[0] + "' AND birth_year = " + target[1] + " AND ethnicity = '" + target[2] + "' AND practice_id = '" + target[3] + "')"
}

// A failure that hangs on one person's value would tell it: arithmetic that
// overflows, roots and logarithms give NULL instead.
func TestNoValueMakesAQuestionFail(t *testing.T) {
	w := newWorld(t)
	one := w.onePerson()
	for _, sql := range []string{
		"SELECT count((2147483647 - (imd_decile - 1)) + 1) FROM patients WHERE imd_decile <> 1 OR {1}",
		"SELECT avg(ln(length_of_stay)) FROM admissions", "SELECT count(*) FROM (SELECT count(*) OVER (PARTITION BY person_id ORDER BY date) AS c FROM events) WHERE c > 3",
		"SELECT count(*) FROM patients JOIN (VALUES (1)) v(i) ON i <= 2147483646 + (CASE WHEN {1} THEN 2 ELSE 1 END)",
		"SELECT count(*) FROM (SELECT row_number() OVER (PARTITION BY person_id, 2147483640 + imd_decile) AS r FROM patients) WHERE r = 1",
		"SELECT count(*) FROM patients WHERE 9223372036854775807 - imd_decile::BIGINT * 1000000000000000000 > 0 AND abs((0 - 2147483647) - imd_decile) > 0 AND birth_year // (imd_decile - 1) > 0 AND birth_year % (imd_decile - 1) = 0",
		"SELECT count(*) FROM patients WHERE CAST(lsoa AS DATE) IS NULL AND TRY_CAST(lsoa AS DOUBLE) IS NULL AND CAST(imd_decile * 100 AS TINYINT) IS NOT NULL",
		"SELECT count(*) FROM patients WHERE sqrt(imd_decile - 5) > 1 OR ln(imd_decile - 5) > 1 OR log10(imd_decile - 10) > 0",
	} {
		if _, err := w.ask(strings.ReplaceAll(sql, "{1}", one)); err != nil {
			t.Errorf("%s\n%v", sql, err)
		}
	}
}

// A total beside its parts gives away a part that is withheld, unless another
// is withheld too: for groups, and for each number of its own.
func TestSubtotalsGiveNothingAway(t *testing.T) {
	w := newWorld(t)
	for _, sql := range []string{
		"SELECT region, count(*) FILTER (WHERE (region <> 'North' AND birth_year < 1980) OR {1}) FROM patients GROUP BY ROLLUP (region)",
		"SELECT region, sum(CASE WHEN region <> 'North' OR {1} THEN imd_decile END) FROM patients GROUP BY GROUPING SETS ((region), ())",
		"SELECT coalesce(sex, 'all') || '', count(*) FROM patients GROUP BY ROLLUP (sex)",
	} {
		r, err := w.ask(strings.ReplaceAll(sql, "{1}", w.onePerson()))
		if err != nil {
			t.Errorf("%s\n%v", sql, err)
			continue
		}
		missing := len(w.truth(strings.ReplaceAll(sql, "{1}", w.onePerson()))) - len(r.rows) // groups that are left out
		for _, row := range r.rows {
			if row[1] == "NULL" {
				missing++
			}
		}
		if missing == 1 {
			t.Errorf("%s\nexactly one number is missing: %v", sql, r.rows)
		}
	}
}

// Names in a workspace table are a researcher's: they never meet the gate's own.
func TestWorkspaceTablesKeepTheirColumnsApart(t *testing.T) {
	w := newWorld(t)
	for _, sql := range []string{
		`CREATE TABLE z AS SELECT person_id, imd_decile AS "_UNIT" FROM patients`, `CREATE TABLE z AS SELECT person_id, imd_decile AS _unit FROM patients`,
		`CREATE TABLE z AS SELECT sex AS "PERSON_ID", imd_decile FROM patients`,
	} {
		if _, err := w.ask(sql); err == nil {
			t.Errorf("made: %s", sql)
		}
	}
	if _, err := w.ask(`CREATE TABLE z AS SELECT person_id, imd_decile AS u, birth_year AS c0, sex AS "odd ""name""; --", CASE WHEN imd_decile = 1 THEN 1000 ELSE 1 END AS w FROM patients`); err != nil {
		t.Fatal(err)
	}
	r, err := w.ask(`SELECT count(DISTINCT person_id), sum(c0), count(*) FILTER (WHERE u = 3), count(*) FILTER (WHERE "odd ""name""; --" = 'F') FROM z`)
	if err != nil {
		t.Fatal(err)
	}
	if want := w.truth(`SELECT count(*), sum(birth_year)::BIGINT, count(*) FILTER (WHERE imd_decile = 3), count(*) FILTER (WHERE sex = 'F') FROM patients`); strings.Join(r.rows[0], " ") != strings.Join(want[0], " ") {
		t.Errorf("%v, not %v", r.rows, want)
	}
	if _, err := w.ask("SELECT sum(w) FROM z"); gatehouse.CodeOf(err) != gatehouse.CodeMeasure {
		t.Errorf("a weight was laundered by a workspace table: %v", err)
	}
}
