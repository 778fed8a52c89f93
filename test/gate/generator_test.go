package gate

import (
	"cmp"
	"flag"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// checks sets how many questions a property is tried with, unless the command
// line says it: few, so that CI stays fast. A long run: -rapid.checks=3000.
func checks(t *testing.T, n int) {
	f := flag.Lookup("rapid.checks")
	if before := f.Value.String(); before == f.DefValue {
		must(t, f.Value.Set(fmt.Sprint(n)))
		t.Cleanup(func() { must(t, f.Value.Set(before)) })
	}
}

// measure is an aggregate of a generated question, with what plain SQL needs to
// find out by itself who stands behind it.
type measure struct {
	sql   string
	value string // the argument as a number; "1" for counts of rows
	where string // the condition of its FILTER, or true
	need  int    // people that must contribute, by docs/gate.md
	// zeros: a 0 is a contribution too; side: the smallest part of the rows on one
	// side of a quantile; sums, rows: shares of them are judged.
	// squares: of two values that nearly everybody has, the rest is judged.
	zeros, sums, rows, squares bool
	core                       string // what the value is of, where a literal moves it
	side                       float64
}

// patientNumbers are over the columns of patients, eventNumbers over those of
// events, admissionNumbers over those of admissions.
var (
	patientNumbers = []measure{
		{sql: "count(*)", value: "1", zeros: true, need: 10},
		{sql: "count(t.death_month)", value: "CASE WHEN t.death_month IS NOT NULL THEN 1 END", zeros: true, need: 10},
		{sql: "sum(t.imd_decile)", value: "t.imd_decile", need: 10, sums: true},
		{sql: "avg(t.birth_year)", value: "t.birth_year", need: 10, sums: true, rows: true},
		{sql: "avg(2025 - t.birth_year)", value: "2025 - t.birth_year", core: "t.birth_year", need: 10, sums: true, rows: true},
		{sql: "sum(3 * (2 * t.imd_decile + 1) - 30)", value: "3 * (2 * t.imd_decile + 1) - 30", core: "t.imd_decile", need: 10, sums: true, rows: true},
		{sql: "avg(1.0 * (t.imd_decile - 5))", value: "t.imd_decile - 5", core: "t.imd_decile", need: 10, sums: true, rows: true},
		{sql: "sum(2.5 * t.imd_decile)", value: "2.5 * t.imd_decile", need: 10, sums: true},
		{sql: "avg(year(t.registered_from) - t.birth_year)", value: "year(t.registered_from) - t.birth_year", need: 10, sums: true, rows: true},
		{sql: "median(year(t.registered_from) - t.birth_year)", value: "year(t.registered_from) - t.birth_year", zeros: true, need: 20, rows: true, side: 0.5},
		{sql: "stddev_samp(t.imd_decile)", value: "t.imd_decile", need: 11, sums: true, rows: true, squares: true},
		{sql: "median(t.birth_year)", value: "t.birth_year", zeros: true, need: 20, rows: true, side: 0.5},
		{sql: "quantile_cont(t.imd_decile, 0.25)", value: "t.imd_decile", zeros: true, need: 20, rows: true, side: 0.25},
	}
	eventNumbers = []measure{
		{sql: "count(*)", value: "1", zeros: true, need: 10, rows: true},
		{sql: "count(e.value)", value: "CASE WHEN e.value IS NOT NULL THEN 1 END", zeros: true, need: 10, rows: true},
		{sql: "sum(e.value)", value: "e.value", need: 10, sums: true},
		{sql: "avg(e.value)", value: "e.value", need: 10, sums: true, rows: true},
		{sql: "median(e.value)", value: "e.value", zeros: true, need: 20, rows: true, side: 0.5},
	}
	// Over a number c.n of each person, as c computes it.
	computedNumbers = []measure{
		{sql: "avg(2 * c.n + 1)", value: "2 * c.n + 1", core: "c.n", need: 10, sums: true, rows: true},
		{sql: "sum(1.0 * c.n)", value: "1.0 * c.n", need: 10, sums: true},
		{sql: "avg(c.n - t.birth_year)", value: "c.n - t.birth_year", need: 10, sums: true, rows: true},
		{sql: "median(c.n - t.birth_year)", value: "c.n - t.birth_year", zeros: true, need: 20, rows: true, side: 0.5},
		{sql: "count(*)", value: "1", zeros: true, need: 10},
		{sql: "sum(c.n)", value: "c.n", need: 10, sums: true},
		{sql: "avg(c.n)", value: "c.n", need: 10, sums: true, rows: true},
		{sql: "stddev_samp(c.n)", value: "c.n", need: 11, sums: true, rows: true, squares: true},
		{sql: "median(c.n)", value: "c.n", zeros: true, need: 20, rows: true, side: 0.5},
	}
	admissionNumbers = []measure{
		{sql: "count(*)", value: "1", zeros: true, need: 10, rows: true},
		{sql: "sum(a.length_of_stay)", value: "a.length_of_stay", need: 10, sums: true},
		{sql: "avg(a.length_of_stay)", value: "a.length_of_stay", need: 10, sums: true, rows: true},
		{sql: "stddev_pop(a.discharged - a.admitted)", value: "a.discharged - a.admitted", need: 11, sums: true, rows: true, squares: true},
	}
)

// repeatedNumbers are over rows that a union may repeat.
var repeatedNumbers = []measure{{sql: "count(*)", value: "1", zeros: true, need: 10, rows: true}}

// sources give rows of people t, and numbers to ask of them.
var sources = []struct {
	with, from string
	numbers    []measure
	conditions []string // for FILTER, besides those over t
}{
	{"", "patients t", patientNumbers, nil},
	{"", "(SELECT * FROM patients WHERE birth_year > 1940) t", patientNumbers, nil},
	{"WITH seen AS (SELECT DISTINCT person_id FROM events WHERE code LIKE '6%') ", "patients t SEMI JOIN seen ON seen.person_id = t.person_id", patientNumbers, nil},
	{"WITH few AS (SELECT person_id FROM admissions GROUP BY person_id HAVING count(*) <= 2) ", "patients t JOIN few ON few.person_id = t.person_id", patientNumbers, nil},
	{"WITH c AS (SELECT person_id, count(*) AS n FROM events WHERE code LIKE '6%' GROUP BY person_id) ", "patients t JOIN c ON c.person_id = t.person_id", computedNumbers, nil},
	{"WITH c AS (SELECT person_id, max(length_of_stay) AS n FROM admissions GROUP BY person_id) ", "patients t JOIN c ON c.person_id = t.person_id", computedNumbers, nil},
	{"WITH c AS (SELECT person_id, count(DISTINCT method) AS n FROM admissions WHERE length_of_stay > 5 GROUP BY person_id) ", "patients t JOIN c ON c.person_id = t.person_id", computedNumbers, nil},
	{"WITH c AS (SELECT person_id, min(year(date)) AS n FROM events WHERE code = '60621009' GROUP BY person_id) ", "patients t JOIN c ON c.person_id = t.person_id", computedNumbers, nil},
	{"WITH c AS (SELECT e.person_id, date_diff('day', p.registered_from, max(e.date)) AS n FROM events e JOIN patients p ON p.person_id = e.person_id GROUP BY e.person_id, p.registered_from) ", "patients t JOIN c ON c.person_id = t.person_id", computedNumbers, nil},
	{"WITH c AS (SELECT person_id, arg_max(length_of_stay, admitted) - arg_min(length_of_stay, admitted) AS n FROM admissions GROUP BY person_id) ", "patients t JOIN c ON c.person_id = t.person_id", computedNumbers, nil},
	{"", "patients t JOIN events e ON t.person_id = e.person_id", eventNumbers, []string{"e.code = '60621009'", "e.date > DATE '2018-01-01'"}},
	{"", "(SELECT * FROM patients UNION ALL SELECT * FROM patients WHERE imd_decile > 3) t", repeatedNumbers, nil},
	{"", "patients t JOIN (SELECT person_id, code FROM events UNION ALL SELECT person_id, method FROM admissions) e ON t.person_id = e.person_id", repeatedNumbers, []string{"e.code = '60621009'"}},
	{"", "patients t JOIN admissions a USING (person_id)", admissionNumbers, []string{"a.method = 'emergency'", "a.diagnosis LIKE 'I%'"}},
	{"WITH e AS (SELECT person_id, value, code, date, row_number() OVER (PARTITION BY person_id ORDER BY date, code, value) AS r FROM events) ", "patients t JOIN e ON t.person_id = e.person_id AND e.r <= 2", eventNumbers, []string{"e.code = '60621009'"}},
}

// measured is a generated question of one number.
type measured struct {
	with, from, where string
	keys              []string
	number            measure
}

func drawMeasured(r *rapid.T) measured {
	s := rapid.SampledFrom(sources).Draw(r, "source")
	q := measured{with: s.with, from: s.from, number: rapid.SampledFrom(s.numbers).Draw(r, "number")}
	q.where = strings.Join(rapid.SliceOfNDistinct(rapid.SampledFrom(conditions), 1, 2, rapid.ID[string]).Draw(r, "where"), " AND ")
	q.keys = rapid.SliceOfNDistinct(rapid.SampledFrom(groupKeys), 0, 2, rapid.ID[string]).Draw(r, "keys")
	q.number.where = "true"
	if rapid.IntRange(0, 2).Draw(r, "filtered") == 0 {
		q.number.where = rapid.SampledFrom(append([]string{"t.sex = 'F'", "t.imd_decile <= 3", "t.birth_year > 1960"}, s.conditions...)).Draw(r, "filter")
		q.number.sql += " FILTER (WHERE " + q.number.where + ")"
	}
	return q
}

func (q measured) grouped() string {
	if len(q.keys) == 0 {
		return ""
	}
	return " GROUP BY " + strings.Join(q.keys, ", ")
}

// sql is the question.
func (q measured) sql() string { return q.selecting(q.number.sql) }

func (q measured) selecting(what string) string {
	return q.with + "SELECT " + strings.Join(append(append([]string{}, q.keys...), what), ", ") + " FROM " + q.from + " WHERE " + q.where + q.grouped()
}

// counted asks the plain tables, by group, for: people; people who contribute;
// people with a row that does not; the sum of people's absolute sums and the two
// largest; the same of their numbers of rows; people with a value, and with the
// most common one; whether nobody has two of the rows; people with one of the two most
// common; and sums as before of what the value is of.
func (q measured) counted() string {
	names := make([]string, len(q.keys))
	columns := make([]string, 0, len(q.keys)+4)
	for i, k := range q.keys {
		names[i] = fmt.Sprint("k", i)
		columns = append(columns, k+" AS "+names[i])
	}
	keys := strings.Join(append(names, ""), ", ")
	by := strings.TrimSuffix(keys, ", ")
	columns = append(columns, "t.person_id AS u", "coalesce("+q.number.where+", false) AS q", "CAST("+q.number.value+" AS DOUBLE) AS v",
		"CAST("+cmp.Or(q.number.core, q.number.value)+" AS DOUBLE) AS w")
	with := "WITH "
	if q.with != "" {
		with = strings.TrimSuffix(q.with, " ") + ", "
	}
	adds := "v <> 0"
	if q.number.zeros {
		adds = "v IS NOT NULL"
	}
	same := "true"
	for _, n := range names {
		same += " AND p." + n + " IS NOT DISTINCT FROM c." + n
	}
	group := func(more string) string {
		if by == "" && more == "" {
			return ""
		}
		return " GROUP BY " + strings.Trim(by+", "+more, ", ")
	}
	picked := make([]string, len(names))
	for i, n := range names {
		picked[i] = "p." + n
	}
	return with + "gh_b AS (SELECT " + strings.Join(columns, ", ") + " FROM " + q.from + " WHERE " + q.where + "), " +
		"gh_p AS (SELECT " + keys + "u, coalesce(bool_or(q AND " + adds + "), false) AS adds, bool_or(NOT (q AND v IS NOT NULL)) AS leaves, coalesce(sum(abs(v)) FILTER (WHERE q), 0) AS s, coalesce(sum(abs(w)) FILTER (WHERE q), 0) AS c, " +
		"(count(v) FILTER (WHERE q))::DOUBLE AS n FROM gh_b" + group("u") + "), " +
		"gh_c AS (SELECT " + keys + "max(n) AS common, list_sum(max(n, 2)) AS two FROM (SELECT " + keys + "v, count(DISTINCT u) AS n FROM gh_b WHERE q AND v IS NOT NULL" + group("v") + ")" + group("") + ") " +
		"SELECT " + strings.Join(append(picked, ""), ", ") + "count(*), count(*) FILTER (WHERE p.adds), count(*) FILTER (WHERE p.leaves), sum(p.s), coalesce(max(p.s, 2)[1], 0), coalesce(max(p.s, 2)[2], 0), " +
		"sum(p.n), coalesce(max(p.n, 2)[1], 0), coalesce(max(p.n, 2)[2], 0), count(*) FILTER (WHERE p.n > 0), coalesce(any_value(c.common), 0), (SELECT count(*) = count(DISTINCT u) FROM gh_b), coalesce(any_value(c.two), 0), sum(p.c), coalesce(max(p.c, 2)[1], 0), coalesce(max(p.c, 2)[2], 0) FROM gh_p p LEFT JOIN gh_c c ON " + same +
		strings.ReplaceAll(group(""), "k", "p.k")
}
