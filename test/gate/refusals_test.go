package gate

import (
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/state"
)

// adviceTable are statements that the gate refuses: with which code, the part that it
// names, a piece of its advice, and the statement that follows the advice, which the
// gate accepts.
var adviceTable = []struct {
	sql, code, part, advice, instead string
}{
	// statements
	{"EXPLAIN SELECT count(*) FROM patients", "GH-203", "", "EXPLAIN GATE", "SELECT count(*) FROM patients"},
	{"DESCRIBE SELECT * FROM patients", "GH-203", "", "the name of a table", "DESCRIBE patients"},
	{"SHOW ALL TABLES", "GH-203", "", "SHOW TABLES", "SHOW TABLES"},
	{"SUMMARIZE patients", "GH-203", "", "quantile_cont(x", "SELECT count(birth_year), avg(birth_year), stddev(birth_year) FROM patients"},
	{"CREATE TABLE t (a INT)", "GH-203", "", "CREATE TABLE name AS", "CREATE TABLE t AS SELECT person_id, sex FROM patients"},
	{"CREATE TEMP TABLE t AS SELECT person_id, sex FROM patients", "GH-203", "", "Use CREATE TABLE", "CREATE TABLE t AS SELECT person_id, sex FROM patients"},
	{"CREATE TABLE t AS SELECT sex, count(*) AS n FROM patients GROUP BY 1", "GH-203", "", "by itself", "SELECT sex, count(*) AS n FROM patients GROUP BY 1"},
	{"INSERT INTO patients VALUES (1)", "GH-203", "", "CREATE OR REPLACE TABLE", "CREATE OR REPLACE TABLE t AS SELECT person_id, sex FROM patients"},
	{"DELETE FROM patients WHERE sex = 'F'", "GH-203", "", "CREATE OR REPLACE TABLE", "CREATE OR REPLACE TABLE t AS SELECT person_id, sex FROM patients WHERE sex <> 'F'"},
	{"DROP TABLE patients", "GH-203", "", "tables that this workspace made", ""},
	{"COPY patients TO 'x.csv'", "GH-203", "", "by itself", ""},
	{"BEGIN", "GH-203", "", "takes effect at once", ""},
	{"SET threads = 1", "GH-203", "", "Leave it out", ""},
	{"SELECT 1; SELECT 2", "GH-203", "", "one by one", "SELECT 1"},
	{"PIVOT (SELECT sex, region FROM patients) ON sex USING count(*)", "GH-203", "", "ON x IN ('a', 'b')", "SELECT region, count(*) FILTER (WHERE sex = 'F') AS f FROM patients GROUP BY region"},
	// rows of people
	{"SELECT * FROM patients", "GH-204", "", "Aggregate over people", "SELECT count(*) FROM patients"},
	{"SELECT person_id, count(*) AS n FROM events GROUP BY 1", "GH-204", "", "Aggregate over people", "SELECT n, count(*) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY 1) GROUP BY n"},
	{"SELECT count(*) FROM patients WHERE imd_decile = (SELECT imd_decile FROM patients WHERE birth_year = 1950)", "GH-204", "(SELECT imd_decile …)", "Use an aggregate inside",
		"SELECT count(*) FROM patients WHERE imd_decile > (SELECT avg(imd_decile) FROM patients WHERE birth_year = 1950)"},
	{"SELECT count(*) FROM (SELECT DISTINCT ON (sex) * FROM patients)", "GH-204", "DISTINCT ON (sex)", "DISTINCT ON (person_id)", "SELECT count(*) FROM (SELECT DISTINCT ON (person_id) * FROM patients)"},
	// functions
	{"SELECT sum(birth_year ^ 2) FROM patients", "GH-205", "(birth_year ^ 2)", "a product of two", "SELECT sum(birth_year * birth_year) FROM patients"},
	{"SELECT avg(exp(value)) FROM events", "GH-205", "exp(value)", "of the measure itself", "SELECT avg(value) FROM events"},
	{"SELECT count(*) FROM patients WHERE random() < 0.5", "GH-205", "random()", "literal", "SELECT count(*) FROM patients"},
	{"SELECT count(*) FROM patients WHERE registered_from > current_date", "GH-205", "current_date()", "DATE '2020-01-31'", "SELECT count(*) FROM patients WHERE registered_from > DATE '2020-01-31'"},
	{"SELECT sex || region, count(*) FROM patients GROUP BY 1", "GH-205", "(sex || region)", "one by one", "SELECT sex, region, count(*) FROM patients GROUP BY 1, 2"},
	{"SELECT count(*) FROM patients WHERE md5(region) = 'x'", "GH-205", "md5(region)", "the column itself", "SELECT count(*) FROM patients WHERE region = 'x'"},
	{"SELECT count(*) FROM patients WHERE ascii(sex) = 70", "GH-205", "ascii(sex)", "the text itself", "SELECT count(*) FROM patients WHERE sex = 'F'"},
	{"SELECT count(*) FROM patients WHERE birth_year & 1 = 1", "GH-205", "(birth_year & 1)", "AND, OR and CASE", "SELECT count(*) FROM patients WHERE birth_year % 2 = 1"},
	{"SELECT count(*) FROM patients WHERE make_date(birth_year, 1, 1) > DATE '1950-01-01'", "GH-205", "make_date(birth_year, 1, 1)", "date_part", "SELECT count(*) FROM patients WHERE birth_year > date_part('year', DATE '1950-01-01')"},
	{"SELECT count(*) FROM patients WHERE reverse(sex) = 'F'", "GH-205", "reverse(sex)", "above the aggregate", "SELECT reverse(sex), n FROM (SELECT sex, count(*) AS n FROM patients GROUP BY 1)"},
	{"SELECT count(*) FROM patients WHERE regexp_matches(region, sex)", "GH-205", "regexp_matches(region, sex)", "as a literal", "SELECT count(*) FROM patients WHERE regexp_matches(region, 'F')"},
	{"SELECT count(*) FROM patients WHERE registered_from + imd_decile > DATE '2000-01-01'", "GH-205", "(registered_from + imd_decile)", "date_diff('day'",
		"SELECT count(*) FROM patients WHERE date_diff('day', registered_from, DATE '2000-01-01') < imd_decile"},
	{"SELECT count(*) FROM patients WHERE date_part('hour', registered_from) = 1", "GH-205", "date_part('hour', registered_from)", "date_trunc('month'", "SELECT count(*) FROM patients WHERE date_part('month', registered_from) = 1"},
	{"SELECT count(*) FROM patients WHERE registered_from > '1 Jan 2000'", "GH-205", "DATE '1 Jan 2000'", "DATE '2020-01-31'", "SELECT count(*) FROM patients WHERE registered_from > DATE '2000-01-01'"},
	{"SELECT count(*) FROM patients WHERE registered_from + INTERVAL 99999999 DAY > DATE '2000-01-01'", "GH-205", "to_days", "INTERVAL 10 YEAR", "SELECT count(*) FROM patients WHERE registered_from + INTERVAL 10 YEAR > DATE '2000-01-01'"},
	{"SELECT count(*) FROM patients WHERE imd_decile::HUGEINT * 3 > 4", "GH-205", "(imd_decile * 3)", "Convert to DOUBLE", "SELECT count(*) FROM patients WHERE imd_decile::DOUBLE * 3 > 4"},
	// aggregates
	{"SELECT sex, max(birth_year) FROM patients GROUP BY sex", "GH-206", "max(birth_year)", "quantile_cont(x, 0.99)", "SELECT sex, quantile_cont(birth_year, 0.99) FROM patients GROUP BY sex"},
	{"SELECT list(sex) FROM patients", "GH-206", "list(sex)", "Use count", "SELECT sex, count(*) FROM patients GROUP BY 1"},
	{"SELECT sum(DISTINCT imd_decile) FROM patients", "GH-206", "sum(DISTINCT imd_decile)", "GROUP BY person_id first", "SELECT avg(m) FROM (SELECT person_id, max(imd_decile) AS m FROM patients GROUP BY 1)"},
	{"SELECT quantile_cont(birth_year, 1.0) FROM patients", "GH-206", "quantile_cont(birth_year, 1)", "0.99", "SELECT quantile_cont(birth_year, 0.99) FROM patients"},
	{"SELECT approx_quantile(birth_year, 0.5) FROM patients", "GH-206", "approx_quantile(birth_year, 0.5)", "quantile_cont", "SELECT quantile_cont(birth_year, 0.5) FROM patients"},
	{"SELECT count(DISTINCT lsoa) FROM patients", "GH-206", "count(DISTINCT lsoa)", "of a dimension", "SELECT count(DISTINCT region) FROM patients"},
	{"SELECT avg(m) FROM (SELECT person_id, mad(value) AS m FROM events GROUP BY 1)", "GH-206", "mad(value)", "stddev", "SELECT avg(m) FROM (SELECT person_id, stddev(value) AS m FROM events GROUP BY 1)"},
	// joins
	{"SELECT count(*) FROM events e JOIN patients p ON e.code = p.region", "GH-207", "events JOIN patients ON events.code = patients.region", "on person_id", "SELECT count(*) FROM events e JOIN patients p ON e.person_id = p.person_id"},
	{"SELECT count(*) FROM patients, events", "GH-207", "patients CROSS JOIN events", "on person_id", "SELECT count(*) FROM patients JOIN events USING (person_id)"},
	{"SELECT count(*) FROM patients WHERE imd_decile IN (SELECT length_of_stay FROM admissions)", "GH-207", "patients.imd_decile = admissions.length_of_stay", "on person_id",
		"SELECT count(*) FROM patients WHERE person_id IN (SELECT person_id FROM admissions WHERE length_of_stay = 3)"},
	{"SELECT count(*) FROM patients p WHERE EXISTS (SELECT 1 FROM admissions a WHERE a.length_of_stay = p.imd_decile)", "GH-207", "reading imd_decile", "person_id inside the subquery",
		"SELECT count(*) FROM patients p WHERE EXISTS (SELECT 1 FROM admissions a WHERE a.person_id = p.person_id AND a.length_of_stay = p.imd_decile)"},
	{"SELECT count(*) FROM codes c LEFT JOIN events e ON e.code = c.code", "GH-207", "codes LEFT JOIN events ON codes.code = events.code", "on the left of a LEFT JOIN", "SELECT count(*) FROM events e LEFT JOIN codes c ON e.code = c.code"},
	// group keys
	{"SELECT lsoa, count(*) FROM patients GROUP BY 1", "GH-208", "lsoa", "bands of it", "SELECT CASE WHEN lsoa IN ('E01001000') THEN 'a' ELSE 'b' END AS band, count(*) FROM patients GROUP BY 1"},
	{"SELECT value, count(*) FROM events GROUP BY 1", "GH-208", "value", "CASE WHEN", "SELECT CASE WHEN value < 40 THEN 'low' ELSE 'high' END AS band, count(*) FROM events GROUP BY 1"},
	{"SELECT registered_from, count(*) FROM patients GROUP BY 1", "GH-208", "registered_from", "date_trunc('month'", "SELECT date_trunc('month', registered_from), count(*) FROM patients GROUP BY 1"},
	{"SELECT value * 2 AS v, count(*) FROM events GROUP BY 1", "GH-208", "(value * 2)", "bands", "SELECT CASE WHEN value * 2 < 40 THEN 'a' ELSE 'b' END AS band, count(*) FROM events GROUP BY 1"},
	{"SELECT person_id, region, count(*) FROM patients GROUP BY ROLLUP (person_id, region)", "GH-208", "GROUPING SETS", "GROUP BY person_id",
		"SELECT region, count(*) FROM (SELECT person_id, region FROM patients GROUP BY 1, 2) GROUP BY ROLLUP (region)"},
	// measures
	{"SELECT sum(value * value * value) FROM events", "GH-209", "sum((value * value) * value)", "a product of two", "SELECT sum(value * value) FROM events"},
	{"SELECT sum(length(lsoa)) FROM patients", "GH-209", "sum(length(lsoa))", "Use measure columns", "SELECT sum(imd_decile) FROM patients"},
	{"SELECT corr(imd_decile, CASE WHEN sex = 'F' THEN birth_year END) FROM patients", "GH-209", "corr(imd_decile, CASE WHEN sex = 'F' THEN birth_year END)", "WHERE or FILTER", "SELECT corr(imd_decile, birth_year) FROM patients WHERE sex = 'F'"},
	{"SELECT sum(CASE imd_decile WHEN 1 THEN 1 WHEN 2 THEN 2 WHEN 3 THEN 3 WHEN 4 THEN 4 WHEN 5 THEN 5 WHEN 6 THEN 6 WHEN 7 THEN 7 WHEN 8 THEN 8 WHEN 9 THEN 9 WHEN 10 THEN 10 WHEN 11 THEN 11 WHEN 12 THEN 12 ELSE 13 END) FROM patients",
		"GH-209", "sum(CASE WHEN imd_decile = 1 THEN 1", "group by the condition", "SELECT imd_decile, count(*) FROM patients GROUP BY 1"},
	{"SELECT sum(birth_year), avg(imd_decile) FROM patients WHERE birth_year > 1950", "GH-209", "sum(birth_year), avg(imd_decile)", "in a question of its own", "SELECT sum(birth_year), count(*) FROM patients WHERE birth_year > 1950"},
	// windows
	{"SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY value) AS r FROM events)", "GH-210", "row_number() OVER (ORDER BY value)", "Partition the window by person_id", "SELECT count(*) FROM (SELECT row_number() OVER (PARTITION BY person_id ORDER BY value) AS r FROM events) WHERE r = 1"},
	{"SELECT avg(x) FROM (SELECT lag(value, length(code)::INT) OVER (PARTITION BY person_id ORDER BY date) AS x FROM events)", "GH-210", "lag(value)", "lag(x, 1)", "SELECT avg(x) FROM (SELECT lag(value, 1) OVER (PARTITION BY person_id ORDER BY date) AS x FROM events)"},
	// operators
	{"SELECT count(*) FROM (SELECT * FROM patients LIMIT 5)", "GH-211", "LIMIT 5", "Aggregate first", "SELECT region, count(*) FROM patients GROUP BY 1 LIMIT 5"},
	{"SELECT count(*) FROM patients LIMIT (SELECT 1)", "GH-211", "", "LIMIT 10", "SELECT count(*) FROM patients LIMIT 10"},
	{"SELECT count(*) FROM patients TABLESAMPLE 10%", "GH-211", "", "everybody", "SELECT count(*) FROM patients"},
	{"SELECT count(*) FROM events e ASOF JOIN admissions a ON e.person_id = a.person_id AND e.date >= a.admitted", "GH-211", "", "row_number()",
		"SELECT count(*) FROM (SELECT person_id, row_number() OVER (PARTITION BY e.person_id, e.date ORDER BY a.admitted DESC) AS r FROM events e JOIN admissions a USING (person_id) WHERE e.date >= a.admitted) WHERE r = 1"},
	{"SELECT count(*) FROM events e JOIN admissions a ON e.person_id = a.person_id OR e.date = a.admitted", "GH-211", "", "into WHERE", "SELECT count(*) FROM events e JOIN admissions a ON e.person_id = a.person_id WHERE e.date = a.admitted OR e.code = '1'"},
	{"SELECT count(*) FROM events e POSITIONAL JOIN admissions a", "GH-211", "", "on person_id", "SELECT count(*) FROM events e JOIN admissions a USING (person_id)"},
	{"WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM r", "GH-211", "", "VALUES", "SELECT * FROM (VALUES (1), (2), (3)) AS r(n)"},
	{"SELECT count(*) FROM patients WHERE len(list_filter([1, 2], x -> x > imd_decile)) > 0", "GH-211", "", "list_contains", "SELECT count(*) FROM patients WHERE list_contains([1, 2], imd_decile)"},
	{"SELECT count(*) FROM patients WHERE {'a': imd_decile}.a = 1", "GH-211", "", "CAST", "SELECT count(*) FROM patients WHERE imd_decile = 1"},
	{"SELECT count(*) FROM patients WHERE sex = 'f' COLLATE NOCASE", "GH-211", "", "", "SELECT count(*) FROM patients WHERE lower(sex) = 'f'"},
	{"SELECT count(*)::UUID FROM patients", "GH-211", "", "CAST it", "SELECT count(*)::VARCHAR FROM patients"},
	{"SELECT rowid, count(*) FROM patients GROUP BY 1", "GH-211", "", "row_number()", "SELECT count(*) FROM (SELECT row_number() OVER (PARTITION BY person_id ORDER BY date) AS r FROM events) WHERE r = 2"},
	{"SELECT sex, count(*) FROM patients GROUP BY GROUPING SETS ((sex), (sex))", "GH-211", "GROUPING SETS ((sex), (sex))", "once", "SELECT sex, count(*) FROM patients GROUP BY ROLLUP (sex)"},
	{"SELECT avg((SELECT value FROM events e WHERE e.person_id = p.person_id)) FROM patients p", "GH-211", "patients.person_id = person_id", "an aggregate such as max", "SELECT avg((SELECT max(value) FROM events e WHERE e.person_id = p.person_id)) FROM patients p"},
	// rows that are made
	{"SELECT count(*) FROM range(5), patients", "GH-212", "range(5)", "VALUES", "SELECT count(*) FROM patients JOIN (VALUES (1), (2)) AS v(d) ON v.d = imd_decile"},
	{"SELECT count(*) FROM (SELECT unnest([1, 2]) AS n, person_id FROM patients)", "GH-212", "UNNEST(list_value(1, 2))", "VALUES", "SELECT count(*) FROM patients JOIN (VALUES (1), (2)) AS v(d) ON v.d = imd_decile"},
	{"SELECT count(*) FROM read_csv('/etc/passwd')", "GH-212", "", "VALUES", "SELECT * FROM (VALUES ('a'), ('b')) AS v(x)"},
	{"SELECT * FROM information_schema.tables", "GH-212", "", "tables of the workspace", "SELECT * FROM codes"},
	// the person
	{"SELECT upper(person_id), count(*) FROM patients GROUP BY 1", "GH-214", "upper(person_id)", "only to join", "SELECT count(person_id) FROM patients"},
	{"SELECT count(*) FROM patients WHERE person_id = 'abc'", "GH-214", "(person_id = 'abc')", "with another person_id", "SELECT count(*) FROM patients WHERE person_id IN (SELECT person_id FROM events)"},
	{"SELECT coalesce(person_id, region), count(*) FROM patients GROUP BY 1", "GH-214", "coalesce(person_id, region)", "only to join", "SELECT region, count(person_id) FROM patients GROUP BY 1"},
	{"CREATE TABLE t AS SELECT person_id AS p, sex FROM patients", "GH-214", "", "under its own name", "CREATE TABLE t AS SELECT person_id, sex FROM patients"},
	{"CREATE TABLE t AS SELECT sex AS person_id FROM patients", "GH-214", "", "another name with AS", "CREATE TABLE t AS SELECT person_id, sex AS s FROM patients"},
	// too much
	{"SELECT " + strings.Repeat("(SELECT count(*) FROM patients WHERE imd_decile = 1) + ", 21) + "1", "GH-215", "", "in parts", "SELECT (SELECT count(*) FROM patients WHERE imd_decile = 1) + 1"},
	{"SELECT count(*) FROM patients GROUP BY CUBE (sex, region, imd_decile, practice_id, ethnicity, birth_year, death_month)", "GH-215", "GROUPING SETS", "at most 64", "SELECT count(*) FROM patients GROUP BY CUBE (sex, region)"},
	{"SELECT 1 -- " + strings.Repeat("x", 300<<10), "GH-215", "", "shorter", "SELECT 1"},
	// workspace tables
	{`CREATE TABLE "T x" AS SELECT person_id, sex FROM patients`, "GH-202", "", "cohort_2020", "CREATE TABLE cohort_2020 AS SELECT person_id, sex FROM patients"},
	{"CREATE TABLE patients AS SELECT person_id, sex FROM patients", "GH-202", "", "another name", "CREATE TABLE mine AS SELECT person_id, sex FROM patients"},
	{"CREATE TABLE t AS SELECT person_id, sex FROM patients WHERE imd_decile > (SELECT avg(imd_decile) FROM patients)", "GH-211", "", "write its number", "CREATE TABLE t AS SELECT person_id, sex FROM patients WHERE imd_decile > 5.5"},
	{"SELECT count(*) FROM patients WHERE sex = ?", "GH-202", "", "one value for each parameter", "SELECT count(*) FROM patients WHERE sex = 'F'"},
}

// Each refusal says in one sentence what is refused, names the part where there is
// one, and advises something that the gate accepts.
func TestEveryRefusalSaysWhatToDoInstead(t *testing.T) {
	w := newWorld(t)
	for _, c := range adviceTable {
		short := c.sql
		if len(short) > 200 {
			short = short[:200] + "…"
		}
		_, err := w.ask(c.sql)
		e := gatehouse.Public(err)
		switch {
		case err == nil:
			t.Errorf("%s\nis answered", short)
			continue
		case string(e.Code) != c.code:
			t.Errorf("%s\nis refused with %v", short, err)
			continue
		}
		if !strings.HasSuffix(e.Message, ".") || strings.Contains(e.Message, "LOGICAL_") || strings.Contains(e.Message, "BOUND_") || len(e.Message) < 20 {
			t.Errorf("%s\nis refused in the words %q", short, e.Message)
		}
		if c.part != "" && !strings.Contains(e.Message, "`") || !strings.Contains(e.Message, c.part) {
			t.Errorf("%s\nis refused without its part: %q", short, e.Message)
		}
		if !strings.Contains(e.Advice, c.advice) || strings.Contains(e.Advice, "Write the question with") {
			t.Errorf("%s\nis advised: %q", short, e.Advice)
		}
		if c.instead == "" {
			continue
		}
		if rows, d, err := w.explain("EXPLAIN GATE "+c.instead, nil); err != nil || d.Refused != nil {
			t.Errorf("%s\nis advised %q, and\n%s\nis refused too: %v %v", short, e.Advice, c.instead, err, rows)
		}
	}
}

// Most clients prepare a statement before they ask it: what is refused then has a
// decision, too, that it can be referred to by.
func TestARefusalWhilePreparingIsADecision(t *testing.T) {
	w := newWorld(t)
	for sql, code := range map[string]gatehouse.Code{
		"SELECT person_id FROM patients": gatehouse.CodeRowLevel, "SELECT max(birth_year) FROM patients": gatehouse.CodeAggregate,
		"SELEC 1": gatehouse.CodeSyntax, "SELECT count(*) FROM nowhere": gatehouse.CodeBind,
	} {
		_, err := w.gate.Describe(t.Context(), w.session, sql)
		id := regexp.MustCompile(`\[(qry_\w+)\]$`).FindStringSubmatch(gatehouse.Public(err).Advice)
		if gatehouse.CodeOf(err) != code || id == nil {
			t.Errorf("%s: %v, %q", sql, err, gatehouse.Public(err).Advice)
			continue
		}
		must(t, w.state.View(t.Context(), func(tx *state.Tx) error {
			var outcome, kept string
			var events int
			if err := tx.SQL().QueryRowContext(t.Context(), "SELECT outcome, code FROM decisions WHERE id = ?", id[1]).Scan(&outcome, &kept); err != nil {
				return err
			}
			if outcome != string(egress.OutcomeRefused) || kept != string(code) {
				t.Errorf("%s: the decision is %s, %s", sql, outcome, kept)
			}
			err := tx.SQL().QueryRowContext(t.Context(), "SELECT count(*) FROM journal_events WHERE CAST(event AS TEXT) LIKE '%query.refused%' || ? || '%'", id[1]).Scan(&events)
			if events != 1 {
				t.Errorf("%s: %d events", sql, events)
			}
			return err
		}))
	}
	if _, err := w.gate.Describe(t.Context(), w.session, "SELECT count(*) FROM patients"); err != nil {
		t.Error(err)
	}
}
