package gate

import (
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
)

// refusals are statements that must be refused, by class, with their code.
var refusals = map[gatehouse.Code][]string{
	gatehouse.CodeRowLevel: {
		"SELECT * FROM patients", "SELECT * FROM patients LIMIT 5", "SELECT person_id, count(*) FROM events GROUP BY person_id", "SELECT sex FROM patients WHERE imd_decile = 1",
		"SELECT DISTINCT person_id FROM patients", "SELECT count(*), (SELECT lsoa FROM patients LIMIT 1) FROM patients WHERE false OR lsoa = (SELECT lsoa FROM patients)",
		"SELECT value, rank() OVER (PARTITION BY person_id ORDER BY date) FROM events", "SELECT DISTINCT ON (sex) sex, imd_decile FROM patients",
	},
	gatehouse.CodeAggregate: {
		"SELECT min(birth_year) FROM patients", "SELECT max(value) FROM events", "SELECT any_value(lsoa) FROM patients", "SELECT mode(practice_id) FROM patients",
		"SELECT first(imd_decile) FROM patients", "SELECT arg_max(imd_decile, birth_year) FROM patients", "SELECT list(sex) FROM patients", "SELECT string_agg(lsoa, ',') FROM patients",
		"SELECT bit_or(imd_decile) FROM patients", "SELECT product(imd_decile) FROM patients", "SELECT approx_count_distinct(lsoa) FROM patients",
		"SELECT sum(DISTINCT imd_decile) FROM patients", "SELECT quantile_cont(value, 0) FROM events", "SELECT quantile_disc(value, 1.0) FROM events",
		"SELECT entropy(sex) FROM patients",
	},
	gatehouse.CodeFunction: {
		"SELECT count(*) FROM patients WHERE error(lsoa) IS NULL", "SELECT count(*) FROM patients WHERE hash(person_id) > 3", "SELECT count(*) FROM patients WHERE random() < 0.5",
		"SELECT sum(exp(imd_decile)) FROM patients", "SELECT sum(imd_decile ^ 9) FROM patients", "SELECT sum(1 << imd_decile) FROM patients", "SELECT count(*) FROM patients WHERE md5(lsoa) = 'x'",
		"SELECT sum(ascii(lsoa)) FROM patients", "SELECT count(*) FROM patients WHERE current_setting('threads') = '1'",
	},
	gatehouse.CodeJoin: {
		"SELECT count(*) FROM patients p, patients q WHERE p.imd_decile = q.imd_decile", "SELECT count(*) FROM patients p JOIN events e ON p.person_id <> e.person_id",
		"SELECT count(*) FROM codes LEFT JOIN events USING (code)", "SELECT count(*) FROM codes WHERE code IN (SELECT code FROM events)",
		"SELECT count(*) FROM codes FULL JOIN events USING (code)", "SELECT count(*) FROM codes SEMI JOIN events USING (code)",
	},
	gatehouse.CodeGroupKey: {
		"SELECT lsoa, count(*) FROM patients GROUP BY 1", "SELECT value, count(*) FROM events GROUP BY 1", "SELECT date, count(*) FROM events GROUP BY 1",
		"SELECT date_trunc('week', date), count(*) FROM events GROUP BY 1", "SELECT day(date), count(*) FROM events GROUP BY 1", "SELECT strftime(date, '%Y-%m-%d'), count(*) FROM events GROUP BY 1",
		"SELECT substring(lsoa, 1, 3), count(*) FROM patients GROUP BY 1", "SELECT floor(value / 10), count(*) FROM events GROUP BY 1", "SELECT date::VARCHAR, count(*) FROM events GROUP BY 1",
		"SELECT DISTINCT lsoa FROM patients", "SELECT coalesce(lsoa, 'x'), count(*) FROM patients GROUP BY 1", "SELECT CASE WHEN sex = 'F' THEN lsoa END, count(*) FROM patients GROUP BY 1",
		"SELECT sum(value) OVER (PARTITION BY sex), count(*) FROM (SELECT sex, sum(value) AS value FROM patients JOIN events USING (person_id) GROUP BY person_id, sex) GROUP BY value, sex",
	},
	gatehouse.CodeMeasure: {
		"SELECT sum(1 / (imd_decile - 3)) FROM patients", "SELECT sum(floor(birth_year / 1931)) FROM patients", "SELECT sum(round(imd_decile * 0.1)) FROM patients",
		"SELECT sum(imd_decile * birth_year * imd_decile) FROM patients", "SELECT sum(imd_decile * 1e15) FROM patients", "SELECT sum((imd_decile)::HUGEINT) FROM patients",
		"SELECT regr_slope(imd_decile, (sex = 'F')::INT) FROM patients", "SELECT sum(length(lsoa)) FROM patients", "SELECT sum(imd_decile % 3) FROM patients",
		"SELECT sum(w * imd_decile) FROM patients JOIN (SELECT person_id, CASE WHEN birth_year = 1950 THEN 1000 ELSE 1 END AS w FROM patients) USING (person_id)",
		"SELECT sum(n) FROM (SELECT person_id, count(*) FILTER (WHERE code = '1') AS n FROM events GROUP BY person_id)",
	},
	gatehouse.CodeWindow:        {"SELECT avg(d) FROM (SELECT imd_decile - avg(imd_decile) OVER () AS d FROM patients)", "SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY birth_year) AS r FROM patients) WHERE r = 1"},
	gatehouse.CodeTableFunction: {"SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM query('SELECT 1')", "SELECT count(*) FROM patients, range(20)", "SELECT count(*) FROM patients, (SELECT unnest([1, 2, 3]))", "SELECT * FROM duckdb_settings()", "SELECT * FROM glob('/*')"},
	gatehouse.CodePersonMixed: {
		"SELECT count(*) FROM patients WHERE person_id = 'p17'", "SELECT count(*) FROM patients WHERE person_id > 'p17'", "SELECT count(*) FROM patients WHERE person_id LIKE 'p1%'",
		"SELECT count(*) FROM patients WHERE person_id IN ('p1', 'p2')", "SELECT sex, count(*) FROM patients GROUP BY sex, upper(person_id)", "SELECT count(*) FROM patients p JOIN codes c ON p.person_id = c.code",
		"CREATE TABLE spoof AS SELECT region AS person_id FROM patients", "CREATE TABLE spoof AS SELECT person_id AS pid, sex FROM patients",
	},
	gatehouse.CodeStatement: {
		"SUMMARIZE patients", "DESCRIBE SELECT 1", "SHOW nothing", "FROM (DESCRIBE patients)", "EXPLAIN SELECT count(*) FROM patients", "COPY (SELECT * FROM patients) TO '/tmp/x'", "ATTACH '/tmp/x' AS x", "SET threads = 1", "PRAGMA version",
		"INSERT INTO patients SELECT * FROM patients", "DELETE FROM patients", "DROP TABLE patients", "CREATE TABLE t (a INTEGER)", "CREATE VIEW v AS SELECT count(*) FROM patients", "SELECT 1; SELECT 2",
		"PIVOT patients ON region USING count(*)", "CREATE TABLE t AS SELECT sex, count(*) FROM patients GROUP BY 1", "CREATE TEMP TABLE t AS SELECT person_id FROM patients", "CALL pragma_version()", "VACUUM", "INSTALL httpfs", "LOAD httpfs",
	},
	gatehouse.CodeOperator: {
		"SELECT region, sex, count(*) FROM patients GROUP BY GROUPING SETS ((1, 2), (1, 2))", "SELECT region, count(*) FROM patients GROUP BY ROLLUP (region, region)",
		"SELECT count(*) FROM patients WHERE EXISTS (SELECT 1 FROM patients q WHERE q.imd_decile = 1 AND q.sex = 'I')", "SELECT histogram(sex) FROM patients",
		"SELECT count(*) FROM (SELECT * FROM patients LIMIT 5)", "SELECT avg(imd_decile) FROM patients TABLESAMPLE 10%", "SELECT count(*) FROM (SELECT person_id FROM patients UNION ALL SELECT code FROM codes)", "SELECT count(*) FROM (SELECT sex FROM patients EXCEPT ALL SELECT sex FROM patients WHERE birth_year > 2000)",
		"SELECT region, count(*) FROM patients GROUP BY 1 LIMIT (SELECT 3)", "SELECT count(*) FROM patients WHERE rowid < 5", "SELECT count(*) FROM patients POSITIONAL JOIN codes",
		"WITH RECURSIVE r AS (SELECT person_id FROM patients UNION ALL SELECT person_id FROM r WHERE false) SELECT count(*) FROM r", "SELECT count(*) FROM patients WHERE lsoa COLLATE NOCASE = 'x'",
	},
	gatehouse.CodeBind:   {"SELECT nothing FROM patients", "SELECT count(*) FROM _unit", "SELECT _unit FROM patients", "SELECT count(*) FROM nobody", "SELECT sum(sex) FROM patients", "SELECT count(*) FROM scratch.main.x", "SELECT count(*) FROM patients WHERE getenv('HOME') = 'x'"},
	gatehouse.CodeSyntax: {"SELEKT 1", "SELECT count(* FROM patients", ""},
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	for code, list := range refusals {
		for _, sql := range list {
			r, err := w.ask(sql)
			if err == nil {
				t.Errorf("answered: %s\n%v", sql, r.rows)
				continue
			}
			if got := gatehouse.CodeOf(err); got != code {
				t.Errorf("%s, not %s, for %s\n%v", got, code, sql, err)
			}
			if strings.Contains(err.Error(), "_unit") && !strings.Contains(sql, "_unit") {
				t.Errorf("the unit column shows in %v", err)
			}
		}
	}
}

// withheld are questions that are accepted, and whose one number must not leave.
func TestNumbersOfFewPeopleAreWithheld(t *testing.T) {
	w := newWorld(t)
	one := w.onePerson()
	for _, sql := range []string{
		"SELECT count(*) FROM patients WHERE {1}",
		"SELECT avg(imd_decile) FROM patients WHERE {1}",
		"SELECT count(*) FILTER (WHERE {1}) FROM patients",
		"SELECT count(*) FILTER (WHERE NOT {1}) FROM patients",
		"SELECT count_if({1}) FROM patients",
		"SELECT sum(({1})::INT) FROM patients",
		"SELECT sum((NOT {1})::INT) FROM patients",
		"SELECT avg(({1})::INT) FROM patients",
		"SELECT sum(CASE WHEN {1} THEN imd_decile END) FROM patients",
		"SELECT sum(CASE WHEN {1} THEN imd_decile ELSE 0 END) FROM patients",
		"SELECT sum(CASE WHEN NOT {1} THEN imd_decile ELSE 0 END) FROM patients",
		"SELECT sum(CASE WHEN {1} THEN 2 * imd_decile ELSE imd_decile END) FROM patients",
		"SELECT sum(imd_decile * CASE WHEN {1} THEN 1e9 ELSE 1 END) FROM patients",
		"SELECT sum(imd_decile) - sum(imd_decile) FILTER (WHERE NOT {1}) FROM patients",
		"SELECT count(DISTINCT CASE WHEN NOT {1} THEN person_id END) FROM patients",
		"SELECT count(coalesce(CASE WHEN {1} THEN NULL ELSE 1 END, NULL)) FROM patients",
		"SELECT count(nullif({1}, true)) FROM patients",
		"SELECT median(CASE WHEN {1} THEN imd_decile END) FROM patients",
		"SELECT count(q.person_id) FROM patients p LEFT JOIN (SELECT person_id FROM patients WHERE NOT {1}) q USING (person_id)",
		"SELECT avg(q.imd_decile) FROM patients p LEFT JOIN (SELECT person_id, imd_decile FROM patients WHERE NOT {1}) q USING (person_id)",
		"SELECT count(*) FILTER (WHERE q.person_id IS NULL) FROM patients p LEFT JOIN (SELECT person_id FROM patients WHERE NOT {1}) q USING (person_id)",
		"SELECT sum(flag) FROM (SELECT person_id, max(({1})::INT) AS flag FROM patients GROUP BY person_id)",
		"WITH x AS (SELECT *, {1} AS is_it FROM patients) SELECT count(*) FILTER (WHERE is_it) FROM x",
		"SELECT variance(imd_decile) FILTER (WHERE {1} OR imd_decile IS NULL) FROM patients",
		"SELECT count(*) FROM patients WHERE CAST(lsoa AS INTEGER) > 0 AND {1}",
		"SELECT max(n) FROM (SELECT region, count(*) AS n FROM patients WHERE {1} GROUP BY 1)",
		"SELECT count(*) FILTER (WHERE sex = 'F') - count(*) FILTER (WHERE sex = 'F' AND NOT {1}) FROM patients",
		"SELECT sum(CASE WHEN sex = 'F' AND NOT {1} THEN 1000000 * imd_decile WHEN sex = 'M' THEN imd_decile END) - 1000000 * sum(imd_decile) FILTER (WHERE sex = 'F') FROM patients",
	} {
		r, err := w.ask(strings.ReplaceAll(sql, "{1}", one))
		if err != nil {
			if gatehouse.Public(err).Kind() != gatehouse.KindDenied {
				t.Errorf("%s\n%v", sql, err)
			}
			continue
		}
		for _, row := range r.rows {
			for _, v := range row {
				if v != "NULL" {
					t.Errorf("%s\nanswered %v", sql, r.rows)
				}
			}
		}
		if r.disclosure.Outcome != egress.OutcomeSuppressed {
			t.Errorf("%s\noutcome %s", sql, r.disclosure.Outcome)
		}
	}
}
