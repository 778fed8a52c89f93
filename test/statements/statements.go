// Package statements makes SQL texts to test with: real ones, and texts made by
// moving the words of real ones about, which a parser takes far more often than
// random bytes.
package statements

import (
	"regexp"
	"slices"
	"strings"
)

// Tables makes empty tables that Real speaks of.
var Tables = []string{
	"CREATE TABLE patients (person_id VARCHAR, sex VARCHAR, birth_year INTEGER, ethnicity VARCHAR, region VARCHAR, lsoa VARCHAR, imd_decile INTEGER, practice_id VARCHAR, registered_from DATE, registered_to DATE, death_month DATE)",
	"CREATE TABLE events (person_id VARCHAR, date DATE, code VARCHAR, value DOUBLE)",
	"CREATE TABLE admissions (person_id VARCHAR, admitted DATE, discharged DATE, method VARCHAR, diagnosis VARCHAR, length_of_stay INTEGER)",
	"CREATE TABLE codes (code VARCHAR, system VARCHAR, term VARCHAR)",
}

// Real are statements of every kind that a client may send, harmless or not.
var Real = []string{
	"SELECT region, count(*) FROM patients GROUP BY region",
	"SELECT sex, ((2025 - birth_year) // 10) * 10 AS age_band, count(*) AS people FROM patients GROUP BY ALL ORDER BY ALL",
	"WITH dm AS (SELECT DISTINCT person_id FROM events WHERE code = '44054006') SELECT imd_decile, count(dm.person_id) AS n, round(100.0 * count(dm.person_id) / count(*), 1) FROM patients LEFT JOIN dm USING (person_id) GROUP BY ALL HAVING count(*) > 3 ORDER BY 1 DESC NULLS FIRST LIMIT 3 OFFSET 1",
	"WITH last AS MATERIALIZED (SELECT person_id, value, row_number() OVER (PARTITION BY person_id ORDER BY date DESC) AS r FROM events) SELECT avg(value), stddev_samp(value) FROM last JOIN patients USING (person_id) WHERE r = 1 GROUP BY region",
	"SELECT count(*) FILTER (WHERE admitted - before <= 30) FROM (SELECT person_id, admitted, lag(discharged, 1) OVER (PARTITION BY person_id ORDER BY admitted ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before FROM admissions) WHERE before IS NOT NULL",
	"SELECT region, sex, count(*), grouping(sex) FROM patients GROUP BY ROLLUP (region, sex)",
	"SELECT sum(CASE WHEN sex = 'F' THEN imd_decile ELSE 0 END), count(DISTINCT person_id) FROM patients GROUP BY GROUPING SETS ((region, sex), CUBE (region), ())",
	"SELECT count(*) FROM patients p WHERE EXISTS (SELECT 1 FROM events e WHERE e.person_id = p.person_id AND e.date > p.registered_from) AND p.person_id NOT IN (SELECT person_id FROM admissions)",
	"SELECT (SELECT max(e.date) FROM events e WHERE e.person_id = p.person_id) > DATE '2020-01-01', count(*) FROM patients p GROUP BY 1",
	"SELECT median(value), quantile_cont(value, [0.25, 0.75]), regr_slope(value, 2025 - birth_year) FROM events JOIN patients USING (person_id)",
	"PIVOT patients ON sex IN ('F', 'M') USING count(*) GROUP BY region",
	"FROM patients SELECT region, count(*) WHERE lsoa LIKE 'E01%' AND regexp_matches(lsoa, '^E') AND birth_year BETWEEN 1950 AND 1980 OR TRY_CAST(imd_decile AS VARCHAR) IN ('1', '2')",
	"SELECT DISTINCT ON (person_id) person_id, coalesce(region, 'none') FROM patients ORDER BY person_id, birth_year",
	"SELECT count(*) FROM (SELECT person_id FROM patients UNION ALL SELECT person_id FROM events EXCEPT SELECT person_id FROM admissions)",
	"SELECT c.term, count(*) FROM events e ASOF JOIN codes c ON e.code >= c.code, LATERAL (SELECT e.value + 1 AS v) l GROUP BY 1",
	"SELECT date_trunc('month', admitted) AS m, sum(count(*)) OVER (ORDER BY date_trunc('month', admitted)) FROM admissions GROUP BY 1 QUALIFY m > DATE '2020-01-01'",
	"SELECT * FROM (VALUES (1, 'a'), (2, NULL)) v(i, t) JOIN range(10) r(i) USING (i), unnest([1, 2, 3]) u(x)",
	"SELECT {'a': 1, 'b': [1, 2]}.b[1], [x + 1 FOR x IN [1, 2]], MAP {'k': 1}, x -> x + 1, '\\x00'::BLOB, 1::HUGEINT, INTERVAL 3 MONTH, TIMESTAMP '2020-01-01', $1::INTEGER, ?::VARCHAR, $name::DATE",
	"SELECT COLUMNS('.*_year'), * EXCLUDE (lsoa) REPLACE (upper(sex) AS sex) FROM patients TABLESAMPLE 10%",
	"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r",
	"SELECT list(region ORDER BY sex), string_agg(sex, ','), histogram(sex), arg_max(region, birth_year), first(lsoa) FROM patients POSITIONAL JOIN codes WINDOW w AS (PARTITION BY sex)",
	"CREATE OR REPLACE TABLE cohort AS SELECT person_id, min(date) AS first FROM events GROUP BY person_id",
	"CREATE TABLE IF NOT EXISTS memory.main.\"co\"\"hort\" (a, b) AS FROM patients SELECT person_id, sex",
	"CREATE TEMP VIEW v(a) AS SELECT sex FROM patients; -- why\n /* because */",
	"DROP TABLE IF EXISTS cohort CASCADE", "DROP VIEW v", "DROP TABLE patients", "DROP SCHEMA main CASCADE",
	"SELECT 1; DROP TABLE patients", "INSERT INTO patients SELECT * FROM patients RETURNING *", "UPDATE patients SET sex = 'F' WHERE true", "DELETE FROM patients", "TRUNCATE patients",
	"MERGE INTO patients USING events ON true WHEN MATCHED THEN DELETE", "ALTER TABLE patients ADD COLUMN x INTEGER", "CREATE TABLE t (a INTEGER DEFAULT 1, b INTEGER GENERATED ALWAYS AS (a + 1))",
	"CREATE MACRO m(a) AS TABLE SELECT a", "CREATE SECRET s (TYPE http)", "CREATE TYPE mood AS ENUM ('sad')", "CREATE SEQUENCE s", "CREATE SCHEMA s", "CREATE INDEX i ON patients (sex)",
	"SET VARIABLE x = 1", "SET threads = 8", "RESET threads", "PRAGMA enable_profiling", "PRAGMA version", "USE main", "BEGIN", "COMMIT", "CHECKPOINT", "VACUUM ANALYZE patients",
	"COPY patients TO '/tmp/gatehouse-fuzz/x.csv'", "COPY (SELECT 1) TO '/tmp/gatehouse-fuzz/x.parquet' (FORMAT parquet)", "EXPORT DATABASE '/tmp/gatehouse-fuzz/x'", "IMPORT DATABASE '/tmp/gatehouse-fuzz/x'",
	"ATTACH '/tmp/gatehouse-fuzz/x.duckdb' AS x", "DETACH memory", "INSTALL httpfs", "LOAD httpfs", "CALL enable_logging(storage = 'file', storage_path = '/tmp/gatehouse-fuzz/log')",
	"SELECT * FROM enable_logging(storage = 'file', storage_path = '/tmp/gatehouse-fuzz/log')", "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM '/etc/passwd'", "FROM query('SELECT 1')",
	"SELECT * FROM duckdb_settings()", "SELECT nextval('s'), current_setting('threads'), getvariable('x'), error('x'), sleep_ms(5), txid_current()", "SELECT * FROM (DESCRIBE patients)", "SUMMARIZE patients",
	"SHOW ALL TABLES", "EXPLAIN ANALYZE SELECT 1", "EXPLAIN (FORMAT json) SELECT 1", "PREPARE p AS SELECT $1", "EXECUTE p(1)", "DEALLOCATE p", "COMMENT ON TABLE patients IS 'x'", "UNPIVOT patients ON birth_year, imd_decile INTO NAME n VALUE v",
	"PIVOT patients ON sex USING count(*)", "SELECT 'it''s', E'\\n', $$dollar$$, $tag$ ; DROP TABLE patients; $tag$, \"quoted \"\" name\", 1e400, 0x1F, .5, 1_000 FROM patients",
	"SELECT person_id, _unit, _row, rowid, main.patients.sex, memory.main.patients.sex FROM memory.main.patients",
}

var word = regexp.MustCompile(`(?s)\s+|[A-Za-z_][A-Za-z0-9_]*|[0-9][0-9.e_]*|'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|[<>=!|:*/-]{2}|.`)

// Words splits a text into words, blanks and marks; joined they are the text.
func Words(sql string) []string { return word.FindAllString(sql, -1) }

// vocabulary is every word of Real, once.
var vocabulary = func() []string {
	var all []string
	for _, sql := range Real {
		all = append(all, Words(sql)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}()

// Mutate changes the words of a text, four bytes for each change: the kind, the
// place, and two for what comes there.
func Mutate(sql string, changes []byte) string {
	words := Words(sql)
	for ; len(changes) >= 4 && len(words) > 0 && len(words) < 2000; changes = changes[4:] {
		at := int(changes[1]) * len(words) / 256
		pick := int(changes[2])<<8 | int(changes[3])
		switch changes[0] % 7 {
		case 0: // another word
			words[at] = vocabulary[pick%len(vocabulary)]
		case 1: // one more
			words = slices.Insert(words, at, " ", vocabulary[pick%len(vocabulary)], " ")
		case 2: // none
			words = slices.Delete(words, at, min(len(words), at+1+pick%4))
		case 3: // a word from elsewhere in the text
			words[at] = words[pick%len(words)]
		case 4: // a part of the text again, in brackets
			from := pick % len(words)
			part := slices.Clone(words[from:min(len(words), from+1+pick>>8)])
			words = slices.Insert(words, at, append(append([]string{"("}, part...), ")")...)
		case 5: // goes on as another
			other := Words(Real[pick%len(Real)])
			words = append(words[:at], other[(pick>>8)*len(other)/256:]...)
		case 6: // another inside
			words = slices.Insert(words, at, append(append([]string{"("}, Words(Real[pick%len(Real)])...), ")")...)
		}
	}
	return strings.Join(words, "")
}
