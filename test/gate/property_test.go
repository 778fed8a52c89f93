package gate

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse-tre/gatehouse"
)

// question is a generated question: groups, one aggregate list, and what plain
// SQL needs to judge it.
type question struct {
	with, from, where string
	keys              []string
	aggs              []string
}

func (q question) sql() string {
	s := q.with + "SELECT " + strings.Join(append(append([]string{}, q.keys...), q.aggs...), ", ") + " FROM " + q.from + " WHERE " + q.where
	if len(q.keys) > 0 {
		s += " GROUP BY " + strings.Join(q.keys, ", ")
	}
	return s
}

// judged adds to the plain question how many people stand behind each group.
func (q question) judged() string {
	keys := append(append([]string{}, q.keys...), q.aggs...)
	s := q.with + "SELECT " + strings.Join(append(keys, "count(DISTINCT t.person_id)"), ", ") + " FROM " + q.from + " WHERE " + q.where
	if len(q.keys) > 0 {
		s += " GROUP BY " + strings.Join(q.keys, ", ")
	}
	return s
}

var conditions = []string{
	"t.sex = 'F'", "t.sex IN ('F', 'M')", "t.birth_year BETWEEN 1950 AND 1980", "t.birth_year > 1990 OR t.region = 'North'", "t.imd_decile <= 3", "t.ethnicity LIKE '%a%'",
	"t.death_month IS NULL", "t.registered_from >= DATE '2000-01-01'", "t.practice_id <> 'P3'", "NOT (t.sex = 'F' AND t.imd_decile = 2)", "t.lsoa > 'E01001100'",
	"year(t.registered_from) % 2 = 0", "coalesce(t.death_month, DATE '2030-01-01') > DATE '2020-01-01'", "t.birth_year + t.imd_decile > 1990", "length(t.region) = 4",
	"date_diff('year', t.registered_from, DATE '2025-01-01') > 20", "upper(t.region) = 'EAST'", "t.imd_decile // 2 = 1", "TRY_CAST(substring(t.lsoa, 2, 3) AS INTEGER) = 10", "true",
	"t.person_id IN (SELECT person_id FROM events WHERE code = '60621009')", "t.person_id NOT IN (SELECT person_id FROM admissions WHERE method = 'emergency')",
	"CASE WHEN t.sex = 'F' THEN t.imd_decile > 5 ELSE t.imd_decile < 4 END",
	"EXISTS (SELECT 1 FROM events x WHERE x.person_id = t.person_id AND x.code = '60621009')", "NOT EXISTS (SELECT 1 FROM admissions x WHERE x.person_id = t.person_id AND x.admitted > t.registered_from + 9000)",
	"(SELECT max(x.date) FROM events x WHERE x.person_id = t.person_id) > DATE '2020-01-01'",
}

var groupKeys = []string{
	"t.sex", "t.region", "t.ethnicity", "t.imd_decile", "t.practice_id", "(t.birth_year // 20) * 20", "t.death_month", "date_trunc('year', t.registered_from)", "year(t.registered_from) // 5",
	"floor(date_diff('day', t.registered_from, DATE '2024-01-01') / 1000)", "date_diff('day', t.registered_from, DATE '2024-06-15') // 3650", "year(t.registered_from + INTERVAL 1 YEAR) // 10",
	"CASE WHEN t.birth_year < 1960 THEN 'old' ELSE 'young' END", "t.death_month IS NOT NULL", "coalesce(t.region, 'none')", "lower(t.sex)",
}

var patientAggs = []string{
	"count(*)", "count(t.death_month)", "count(DISTINCT t.person_id)", "sum(t.imd_decile)", "avg(t.birth_year)", "stddev_samp(t.birth_year)", "var_pop(t.imd_decile)",
	"median(t.birth_year)", "quantile_cont(t.birth_year, 0.25)", "count(*) FILTER (WHERE t.sex = 'F')", "sum(CASE WHEN t.sex = 'F' THEN t.imd_decile ELSE 0 END)", "avg((t.imd_decile > 5)::INT)",
	"sum(2 * t.imd_decile - 1)", "corr(t.birth_year, t.imd_decile)", "regr_slope(t.imd_decile, t.birth_year)", "count_if(t.imd_decile = 1)", "sum((t.death_month IS NOT NULL)::INT)", "avg(2025 - t.birth_year)",
	"sum(3 * (2 * t.imd_decile + 1) - 30)", "avg(1.0 * (t.imd_decile - 5))", "sum(2.5 * t.imd_decile)", "avg(year(t.registered_from) - t.birth_year)", "median(year(t.registered_from) - t.birth_year)",
	"stddev_pop(2 * t.imd_decile + 1)", "covar_samp(t.birth_year, t.imd_decile)", "sum(t.imd_decile * t.birth_year)",
}

// froms give a table t of people with patients' columns; some give more columns
// to aggregate.
var froms = []struct {
	with, from string
	aggs       []string
}{
	{"", "patients t", nil},
	{"", "(SELECT * FROM patients WHERE birth_year > 1940) t", nil},
	{"", "(SELECT * FROM patients UNION ALL SELECT * FROM patients WHERE imd_decile > 3) t", nil},
	{"", "(SELECT *, 'a' AS k FROM patients UNION ALL SELECT *, 'b' FROM patients WHERE sex = 'F') t", []string{"count(*) FILTER (WHERE t.k = 'b')", "avg(t.imd_decile) FILTER (WHERE t.k = 'a')"}},
	{"", "(SELECT * FROM patients WHERE sex = 'F' UNION SELECT * FROM patients WHERE imd_decile < 4) t", nil},
	{"", "(SELECT * FROM patients EXCEPT SELECT * FROM patients WHERE imd_decile = 7) t", nil},
	{"", "(SELECT * FROM patients INTERSECT ALL SELECT * FROM patients WHERE birth_year > 1950) t", nil},
	{"", "patients t JOIN (SELECT person_id, value, code FROM events UNION ALL SELECT person_id, length_of_stay, method FROM admissions) e ON t.person_id = e.person_id", []string{"count(e.value)", "sum(e.value)", "avg(e.value)"}},
	{"", "(SELECT *, (SELECT count(*) FROM admissions x WHERE x.person_id = p.person_id) AS stays FROM patients p) t", nil},
	{"", "patients t JOIN events e ON t.person_id = e.person_id", []string{"count(e.value)", "avg(e.value)", "sum(e.value) FILTER (WHERE e.code = '60621009')"}},
	{"", "patients t LEFT JOIN admissions a USING (person_id)", []string{"count(a.person_id)", "sum(a.length_of_stay)", "avg(a.discharged - a.admitted)", "count(*) FILTER (WHERE a.method = 'emergency')"}},
	{"WITH t AS (SELECT p.*, n FROM patients p JOIN (SELECT person_id, count(*) AS n FROM events GROUP BY person_id) c USING (person_id)) ", "t", nil},
	{"WITH l AS (SELECT person_id, value, row_number() OVER (PARTITION BY person_id ORDER BY date DESC, value) AS r FROM events WHERE code = '271649006'), t AS (SELECT p.*, l.value FROM patients p LEFT JOIN l ON p.person_id = l.person_id AND l.r = 1) ", "t",
		[]string{"avg(value)", "count(value)", "quantile_cont(value, 0.5)"}},
	{"WITH c AS (SELECT person_id, count(*) AS n FROM events WHERE code LIKE '6%' GROUP BY person_id), t AS (SELECT patients.*, c.n FROM patients JOIN c USING (person_id)) ", "t",
		[]string{"avg(n)", "sum(n)", "stddev_samp(n)", "median(n)", "quantile_cont(n, 0.75)", "avg(2 * n + 1)", "count(n)"}},
	{"WITH c AS (SELECT person_id, min(year(date)) AS y, max(date) AS last FROM events GROUP BY person_id), t AS (SELECT patients.*, c.y, c.last FROM patients JOIN c USING (person_id)) ", "t",
		[]string{"avg(y - t.birth_year)", "stddev_samp(y - t.birth_year)", "median(y - t.birth_year)", "avg(1.0 * (y - t.birth_year))", "avg(date_diff('day', t.registered_from, last))", "median(last - t.registered_from)"}},
	{"WITH c AS (SELECT person_id, arg_max(value, date) AS a, arg_min(value, date) AS b FROM events WHERE code = '271649006' GROUP BY person_id), t AS (SELECT patients.*, c.a, c.b FROM patients JOIN c USING (person_id)) ", "t",
		[]string{"avg(a - b)", "stddev_samp(a - b)", "sum(b - a)"}},
	{"WITH c AS (SELECT person_id, arg_max(value, date) AS v FROM events WHERE code = '271649006' AND date > DATE '2012-01-01' GROUP BY person_id), t AS (SELECT patients.*, c.v FROM patients LEFT JOIN c USING (person_id)) ", "t",
		[]string{"avg(v)", "stddev_samp(v)", "median(v)", "count(v)"}},
	{"", "patients t JOIN events e USING (person_id) JOIN codes c ON e.code = c.code", []string{"count(*) FILTER (WHERE c.system = 'SNOMED CT')"}},
	{"WITH m AS (SELECT person_id, max((code = '44054006')::INT) AS dm FROM events GROUP BY person_id), t AS (SELECT patients.*, m.dm FROM patients JOIN m USING (person_id)) ", "t", []string{"sum(dm)", "avg(dm)"}},
}

func drawQuestion(r *rapid.T) question {
	f := rapid.SampledFrom(froms).Draw(r, "from")
	q := question{with: f.with, from: f.from}
	q.where = strings.Join(rapid.SliceOfNDistinct(rapid.SampledFrom(conditions), 1, 2, rapid.ID[string]).Draw(r, "where"), " AND ")
	q.keys = rapid.SliceOfNDistinct(rapid.SampledFrom(groupKeys), 0, 2, rapid.ID[string]).Draw(r, "keys")
	choice := append([]string{}, patientAggs...)
	for _, a := range f.aggs {
		choice = append(choice, a, a, a)
	}
	q.aggs = rapid.SliceOfNDistinct(rapid.SampledFrom(choice), 1, 3, rapid.ID[string]).Draw(r, "aggs")
	return q
}

// What the gate answers means what DuckDB says the question means: every number
// that is not withheld is equal (after rounding), no group of fewer than ten
// people is shown, and none of ten or more is missing.
func TestAnswersMeanWhatTheQuestionMeans(t *testing.T) {
	w := newWorld(t)
	answered := 0
	rapid.Check(t, func(r *rapid.T) {
		q := drawQuestion(r)
		got, err := w.ask(q.sql())
		if err != nil {
			if kind := gatehouse.Public(err).Kind(); kind != gatehouse.KindDenied {
				r.Fatalf("%s\n%v", q.sql(), err)
			}
			if gatehouse.CodeOf(err) == gatehouse.CodeMeasure {
				return // two measures in one question
			}
			r.Fatalf("refused: %s\n%v", q.sql(), err)
		}
		answered++
		compare(r, q, got, w.truth(q.judged()))
	})
	if answered == 0 {
		t.Fatal("nothing was answered")
	}
}

func compare(r *rapid.T, q question, got *result, truth [][]string) {
	keys := len(q.keys)
	want := map[string][]string{}
	for _, row := range truth {
		want[fmt.Sprint(row[:keys])] = row
	}
	shown := map[string]bool{}
	for _, row := range got.rows {
		key := fmt.Sprint(row[:keys])
		plain, ok := want[key]
		if !ok || shown[key] {
			r.Fatalf("%s\nshows a group that is not there, or twice: %s", q.sql(), key)
		}
		shown[key] = true
		people, _ := strconv.Atoi(plain[len(plain)-1])
		for i := keys; i < len(row); i++ {
			if row[i] == "NULL" {
				continue
			}
			if people < 10 {
				r.Fatalf("%s\nshows %s of %d people", q.sql(), row[i], people)
			}
			if !near(row[i], plain[i]) {
				r.Fatalf("%s\ngroup %s: %s = %s, not %s", q.sql(), key, q.aggs[i-keys], row[i], plain[i])
			}
		}
		if keys > 0 && people < 10 {
			r.Fatalf("%s\nshows a group of %d people", q.sql(), people)
		}
	}
	for key, row := range want {
		if people, _ := strconv.Atoi(row[len(row)-1]); people >= 10 && !shown[key] {
			r.Fatalf("%s\nwithholds a group of %d people", q.sql(), people)
		}
	}
}

// nearStep reports whether a quantile is rounded to a step of 1, the coarsest that a
// column of the test world declares.
func nearStep(a, b string) bool {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	return errX == nil && errY == nil && x == math.Trunc(x) && math.Abs(x-y) <= 0.5
}

// near is equality after the policy's rounding: six significant digits, and the
// steps of 0.1 of quantiles.
func near(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	return errX == nil && errY == nil && math.Abs(x-y) <= math.Max(1e-5*math.Abs(y), 0.051)
}
