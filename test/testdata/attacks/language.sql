Attacks in one question, by what SQL can be made to say: single values, hidden weights, made-up units, oracles, NULLs, window frames, tables that are functions, statements that are
no questions, names. Each must be refused, or what it is after come back NULL or absent. For those that may be answered harmlessly, `-- learn:` says what would tell.
`-- gated-only:` marks what plain DuckDB cannot be asked to show that the judge sees a leak.

-- attack: a list of values
SELECT list(lsoa) FROM patients;
-- attack: a list of pseudonyms in JSON
SELECT json_group_array(person_id) FROM patients WHERE region = 'London';
-- attack: a list of structures
SELECT list({'p': person_id, 'l': lsoa}) FROM patients WHERE sex = 'I';
-- attack: values and their numbers
SELECT histogram(lsoa) FROM patients;
-- attack: the most frequent
SELECT approx_top_k(lsoa, 50) FROM patients;
-- attack: of the oldest
SELECT arg_min(lsoa, birth_year) FROM patients;
-- attack: the three oldest
SELECT arg_min(lsoa, birth_year, 3) FROM patients;
-- attack: first in an order
SELECT first(lsoa ORDER BY ({{target}}) DESC) FROM patients;
-- attack: one value, inside a person's rows and then outside
SELECT max(m) FROM (SELECT person_id, max(value) AS m FROM events GROUP BY person_id);
-- attack: a checksum of all
SELECT bit_xor(hash(person_id, lsoa)) FROM patients;
-- attack: or of bits
SELECT bit_or(CASE WHEN {{target}} THEN imd_decile ELSE 0 END) FROM patients;
-- attack: a product
SELECT product(CASE WHEN {{target}} THEN imd_decile + 1 ELSE 1 END) FROM patients;
-- attack: text sorted to the middle
SELECT median(lsoa) FROM patients;
-- attack: sum of hashes
SELECT sum(hash(lsoa) % 1000) FROM patients;
-- attack: packed decimals
SELECT sum(imd_decile * power(10, birth_year - 1920)) FROM patients WHERE practice_id = '{{practice}}';
-- attack: shifted bits
SELECT sum((imd_decile = 1)::INT::HUGEINT << (birth_year - 1920)) FROM patients WHERE practice_id = '{{practice}}';
-- attack: a maximum as the root of a sum of powers
SELECT power(sum(power(value, 50)), 0.02) FROM events WHERE code = '271649006';
-- attack: a weight by a cast condition
SELECT sum(imd_decile * (1 + 1000000 * ({{target}})::INT)) FROM patients;
-- attack: a weight by a polynomial
SELECT sum(imd_decile * (1 + (birth_year - 1950) * (birth_year - 1951) * (birth_year - 1952) * (birth_year - 1953))) FROM patients;
-- attack: a weight by exp
SELECT sum(imd_decile * (1 + exp(-100 * (birth_year - {{birth_year}}) * (birth_year - {{birth_year}})))) FROM patients WHERE practice_id = '{{practice}}';
-- attack: a weight by division
SELECT sum(imd_decile / (0.000001 + abs(birth_year - {{birth_year}}))) FROM patients WHERE practice_id = '{{practice}}';
-- attack: a weight by NULLIF
SELECT sum(coalesce(nullif(birth_year, {{birth_year}}), 1000000000)) FROM patients WHERE practice_id = '{{practice}}' AND sex = 'F' AND ethnicity = '{{ethnicity}}';
-- attack: a weight by greatest
SELECT sum(greatest(0, 1 - abs(birth_year - {{birth_year}})) * imd_decile) FROM patients WHERE practice_id = '{{practice}}' AND sex = 'F' AND ethnicity = '{{ethnicity}}';
-- attack: a weight by a remainder
SELECT sum((birth_year % {{birth_year}}) * imd_decile) FROM patients;
-- attack: a weight by a list
SELECT sum([imd_decile, 1000000 * imd_decile][1 + ({{target}})::INT]) FROM patients;
-- attack: a weight by the length of a text
SELECT sum(length(repeat('x', CASE WHEN {{target}} THEN 100000 ELSE 1 END)) * imd_decile) FROM patients;
-- attack: a weight by dates
SELECT sum(date_diff('day', registered_from, CASE WHEN {{target}} THEN DATE '9999-01-01' ELSE registered_from END)) FROM patients;
-- attack: a weight by an interval
SELECT avg(date_diff('day', registered_from, registered_from + to_years(({{target}})::INT * 5000))) FROM patients;
-- attack: a weight by the digits of rounding
SELECT sum(round(birth_year, CASE WHEN {{target}} THEN -4 ELSE 0 END)) FROM patients;
-- attack: a weight in a mean
SELECT sum(w * imd_decile) / sum(w) FROM (SELECT imd_decile, CASE WHEN {{target}} THEN 1000000000 ELSE 1 END AS w FROM patients);
-- attack: a weight in a workspace table
CREATE OR REPLACE TABLE weighed AS SELECT person_id, imd_decile, CASE WHEN {{target}} THEN 1000000 ELSE 1 END AS w FROM patients;
-- step
SELECT sum(imd_decile * w) FROM weighed;
-- attack: a weight by a correlated count
SELECT sum(imd_decile * (SELECT count(*) FROM events e WHERE e.person_id = p.person_id AND {{target}})) FROM patients p;
-- attack: a weight as a fraction of a quantile
-- gated-only: plain DuckDB refuses it, or would be harmed
SELECT quantile_cont(birth_year, (SELECT imd_decile / 10.0 FROM patients WHERE {{target}})) FROM patients;
-- attack: a constant in a deviation
SELECT stddev_pop(CASE WHEN {{target}} THEN 1000000 * imd_decile ELSE birth_year END) FROM patients;
-- attack: a correlation with being her
SELECT corr(imd_decile, CASE WHEN {{target}} THEN 1 ELSE 0 END) FROM patients;
-- attack: a covariance with being her
SELECT covar_pop(imd_decile, CASE WHEN {{target}} THEN 1000000 ELSE 0 END) FROM patients;
-- attack: kurtosis
SELECT kurtosis(value), skewness(value) FROM events WHERE code = '271649006';
-- attack: a unit of every row
SELECT count(DISTINCT u), avg(imd_decile) FROM (SELECT gen_random_uuid()::VARCHAR AS u, imd_decile FROM patients, range(20) WHERE {{target}});
-- attack: a unit from a date
SELECT sum(v) FROM (SELECT md5(date::VARCHAR) AS person_id, avg(value) AS v FROM events JOIN patients USING (person_id) WHERE {{target}} GROUP BY 1);
-- attack: a unit by its row number
SELECT count(*), avg(value) FROM (SELECT row_number() OVER () AS person_id, value FROM events JOIN patients USING (person_id) WHERE {{target}});
-- attack: a unit made of person and date
SELECT count(*), avg(value) FROM (SELECT e.person_id || e.date AS person_id, value FROM events e JOIN patients p ON p.person_id = e.person_id WHERE {{target}});
-- attack: a unit swapped in a join
SELECT count(*), avg(a.value) FROM events a JOIN (SELECT code AS person_id, value FROM events) b ON a.code = b.person_id WHERE a.person_id = '{{pid}}';
-- attack: a unit named like the gate's
SELECT count(*), avg(imd_decile) FROM (SELECT imd_decile, i AS "_unit" FROM patients, range(30) t(i) WHERE {{target}});
-- attack: a unit with a letter of another alphabet
SELECT count(*), avg(imd_decile) FROM (SELECT imd_decile, i AS "pеrson_id" FROM patients, range(30) t(i) WHERE {{target}});
-- attack: the gate's own column
-- gated-only: plain DuckDB refuses it, or would be harmed
SELECT count("_unit"), sum("_unit") FROM patients WHERE {{target}};
-- attack: the gate's own column in capitals
-- gated-only: plain DuckDB refuses it, or would be harmed
SELECT "_UNIT" FROM patients;
-- attack: the number of a row
-- gated-only: plain DuckDB refuses it, or would be harmed
SELECT rowid, count(*) FROM patients GROUP BY rowid;
-- attack: groups of pseudonyms
SELECT hash(person_id) % 5000 AS g, count(*), avg(imd_decile) FROM patients GROUP BY 1;
-- attack: groups of letters of a pseudonym
SELECT person_id[1:4] AS g, count(*) FROM patients GROUP BY 1;
-- attack: groups of small areas
SELECT lsoa, avg(imd_decile) FROM patients GROUP BY lsoa;
-- attack: groups of days
SELECT admitted, diagnosis, count(*) FROM admissions GROUP BY ALL;
-- attack: groups of all columns
SELECT * EXCLUDE (person_id), count(*) FROM patients GROUP BY ALL;
-- attack: groups of values
SELECT value, count(*) FROM events WHERE code = '86406008' OR code = '271649006' GROUP BY value;
-- attack: DISTINCT without the person
SELECT DISTINCT lsoa, birth_year, ethnicity FROM patients;
-- attack: a HAVING that looks at one
SELECT region, count(*) FROM patients GROUP BY region HAVING bool_or({{target}} AND imd_decile = 1);
-- attack: a HAVING with a subquery
SELECT region, count(*) FROM patients GROUP BY region HAVING count(*) > (SELECT 100000 * (imd_decile - 1) FROM patients WHERE {{target}});
-- attack: an order that looks at one
-- learn: A[0][0] == '{{region}}' and len([r for r in A if r[1] is not None]) < 2
SELECT region, count(*) FILTER (WHERE {{target}} AND imd_decile = 1) AS n FROM patients GROUP BY region ORDER BY n DESC NULLS LAST LIMIT 1;
-- attack: an offset that looks at one
SELECT region, count(*) FROM patients GROUP BY region OFFSET (SELECT imd_decile FROM patients WHERE {{target}});
-- attack: as many rows as her decile
SELECT unnest(range(imd_decile)) FROM patients WHERE {{target}};
-- attack: a CASE in the list that looks at one
SELECT CASE WHEN (SELECT imd_decile FROM patients WHERE {{target}}) = 1 THEN count(*) END FROM patients;
-- attack: whether a number is withheld, told by coalesce
SELECT coalesce(sum(imd_decile) FILTER (WHERE {{target}}), avg(CASE WHEN {{target}} THEN 1 END)) FROM patients;
-- attack: NOT IN with a NULL of hers
-- learn: a == 0
SELECT count(*) FROM patients WHERE imd_decile NOT IN (SELECT CASE WHEN imd_decile = 1 THEN NULL ELSE 99 END FROM patients WHERE {{target}});
-- attack: EXISTS of her in another's row
SELECT count(*) FROM patients p WHERE EXISTS (SELECT 1 FROM patients q WHERE q.region = p.region AND q.sex = 'F' AND q.birth_year = {{birth_year}} AND q.practice_id = '{{practice}}' AND q.ethnicity = '{{ethnicity}}' AND q.imd_decile = 1);
-- attack: a comparison with all others
SELECT count(*) FROM patients WHERE birth_year <= ALL (SELECT birth_year FROM patients WHERE {{target}});
-- attack: a mean over everybody, then her difference
SELECT sum(d) FROM (SELECT imd_decile - (SELECT avg(imd_decile) FROM patients) AS d FROM patients WHERE {{target}});
-- attack: a frame of one row
SELECT DISTINCT sum(imd_decile) OVER (ORDER BY birth_year, lsoa ROWS BETWEEN CURRENT ROW AND CURRENT ROW) FROM patients;
-- attack: a frame without the current row
SELECT DISTINCT avg(imd_decile) OVER (PARTITION BY practice_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) FROM patients;
-- attack: the next person
SELECT count(*) FROM (SELECT lead(imd_decile) OVER (ORDER BY birth_year) AS n, * FROM patients) WHERE n = 1 AND {{target}};
-- attack: the n-th of a practice
SELECT nth_value(lsoa, 3) OVER (PARTITION BY practice_id ORDER BY birth_year) FROM patients;
-- attack: QUALIFY one
SELECT sex, birth_year FROM patients QUALIFY row_number() OVER (PARTITION BY practice_id ORDER BY birth_year) = 1;
-- attack: a rank among all
SELECT avg(r) FROM (SELECT rank() OVER (ORDER BY birth_year) AS r, * FROM patients) WHERE {{target}};
-- attack: the first of a limit
SELECT avg(imd_decile) FROM (SELECT imd_decile FROM patients WHERE {{target}} OR imd_decile > 5 ORDER BY sex LIMIT 1);
-- attack: recursion over people
WITH RECURSIVE r(i, l) AS (SELECT 1, (SELECT lsoa FROM patients WHERE {{target}}) UNION ALL SELECT i + 1, l FROM r WHERE i < 20) SELECT count(*), l FROM r GROUP BY l;
-- attack: recursion that multiplies people
WITH RECURSIVE r AS (SELECT person_id, imd_decile, 1 AS i FROM patients WHERE {{target}} UNION ALL SELECT person_id, imd_decile, i + 1 FROM r WHERE i < 30) SELECT count(*), avg(imd_decile) FROM r;
-- attack: a lateral join that multiplies her
SELECT count(*), sum(imd_decile) FROM patients p, LATERAL (SELECT unnest(range(p.imd_decile * 100)) AS i) WHERE {{target}};
-- attack: joined on the value
SELECT count(*) FROM patients p JOIN (VALUES (1), (2), (3)) v(d) ON p.imd_decile >= v.d WHERE {{target}} OR imd_decile < 0;
-- attack: joined with another person
SELECT avg(q.imd_decile) FROM patients p JOIN patients q ON p.practice_id = q.practice_id AND p.person_id <> q.person_id WHERE q.sex = 'F' AND q.birth_year = {{birth_year}} AND q.ethnicity = '{{ethnicity}}' AND q.practice_id = '{{practice}}';
-- attack: joined as of
SELECT count(*) FROM patients p ASOF JOIN events e ON p.registered_from >= e.date WHERE {{target}};
-- attack: a positional join
SELECT count(*), avg(i) FROM patients POSITIONAL JOIN range(100000) t(i) WHERE {{target}};
-- attack: a natural join on values
SELECT count(*) FROM patients NATURAL JOIN (SELECT sex, birth_year, ethnicity, practice_id FROM patients WHERE {{target}});
-- attack: a full join on a constant
SELECT count(*) FROM patients p FULL JOIN events e ON true WHERE {{target}};
-- attack: an intersection of values
SELECT count(*) FROM (SELECT lsoa FROM patients INTERSECT SELECT lsoa FROM patients WHERE {{target}});
-- attack: a difference of values
SELECT sex, birth_year, ethnicity, practice_id, lsoa FROM patients EXCEPT SELECT sex, birth_year, ethnicity, practice_id, lsoa FROM patients WHERE NOT ({{target}});
-- attack: a table by its name
SELECT * FROM query_table('patients');
-- attack: the file of the table
-- gated-only: plain DuckDB refuses it, or would be harmed
SELECT * FROM read_parquet('/**/patients.parquet');
-- attack: metadata of the file
-- gated-only: plain DuckDB refuses it, or would be harmed
SELECT stats_min, stats_max FROM parquet_metadata('/**/patients.parquet');
-- attack: files of the machine
-- gated-only: plain DuckDB refuses it, or would be harmed
SELECT * FROM glob('/**');
-- attack: an address on the network
-- gated-only: plain DuckDB refuses it, or would be harmed
SELECT * FROM read_csv('http://169.254.169.254/latest/meta-data/');
-- attack: the settings of the engine
SELECT * FROM duckdb_settings();
-- attack: the tables of the engine
SELECT * FROM duckdb_tables();
-- attack: the columns with their statistics
-- gated-only: plain DuckDB refuses it, or would be harmed
SELECT * FROM pragma_storage_info('patients');
-- attack: the environment
-- gated-only: plain DuckDB refuses it, or would be harmed
SELECT getenv('GATEHOUSE_TOKEN');
-- attack: a variable set to a value
SET VARIABLE x = (SELECT lsoa FROM patients LIMIT 1);
-- step
SELECT getvariable('x');
-- attack: statistics of a column
SELECT stats(lsoa) FROM patients LIMIT 1;
-- attack: a plan with its row counts
EXPLAIN (ANALYZE, FORMAT json) SELECT count(*) FROM patients WHERE {{target}};
-- attack: profiling to a file
-- gated-only: plain DuckDB refuses it, or would be harmed
PRAGMA enable_profiling = 'json';
-- attack: the columns of a pivot
PIVOT patients ON lsoa USING count(*);
-- attack: a pivot of a condition
PIVOT (SELECT sex, CASE WHEN {{target}} THEN lsoa ELSE 'x' END AS l FROM patients) ON l USING count(*);
-- attack: rows out of columns
UNPIVOT (SELECT sex, lsoa, region FROM patients WHERE {{target}}) ON lsoa, region INTO NAME n VALUE v;
-- attack: all columns by COLUMNS
SELECT min(COLUMNS(*)) FROM patients WHERE {{target}};
-- attack: the table as a structure
SELECT patients FROM patients WHERE {{target}};
-- attack: from first
FROM patients WHERE {{target}};
-- attack: DESCRIBE with a value
DESCRIBE SELECT * FROM patients WHERE {{target}};
-- attack: SHOW
SHOW ALL TABLES;
-- attack: attach a file
-- gated-only: plain DuckDB refuses it, or would be harmed
ATTACH '/tmp/leak.db' AS leak;
-- attack: load an extension
-- gated-only: plain DuckDB refuses it, or would be harmed
INSTALL httpfs;
-- attack: change a setting
-- gated-only: plain DuckDB refuses it, or would be harmed
SET enable_external_access = true;
-- attack: a macro that reads
-- gated-only: plain DuckDB refuses it, or would be harmed
CREATE MACRO peek() AS TABLE SELECT * FROM patients;
-- attack: a view of rows
CREATE VIEW peek AS SELECT * FROM patients;
-- step
SELECT * FROM peek WHERE {{target}};
-- attack: a table that tells how many
CREATE OR REPLACE TABLE told AS SELECT person_id FROM patients WHERE {{target}} AND imd_decile = 1;
-- step
SELECT * FROM told;
-- attack: insert into a table
-- gated-only: plain DuckDB refuses it, or would be harmed
INSERT INTO patients SELECT * FROM patients;
-- attack: update with RETURNING
-- gated-only: plain DuckDB refuses it, or would be harmed
UPDATE patients SET sex = 'X' RETURNING *;
-- attack: delete with RETURNING
-- gated-only: plain DuckDB refuses it, or would be harmed
DELETE FROM patients RETURNING *;
-- attack: export everything
-- gated-only: plain DuckDB refuses it, or would be harmed
EXPORT DATABASE '/tmp/leak';
-- attack: two statements
SELECT 1; SELECT * FROM patients;
-- attack: a comment that closes the gate
SELECT count(*) FROM patients WHERE {{target}} --; SELECT 1
-- attack: prepared in SQL
-- gated-only: plain DuckDB refuses it, or would be harmed
PREPARE p AS SELECT * FROM patients;
-- attack: a transaction kept open
-- gated-only: plain DuckDB refuses it, or would be harmed
BEGIN TRANSACTION;
-- attack: a schema by its name
SELECT * FROM main.patients WHERE {{target}};
-- attack: the scratch schema
-- gated-only: plain DuckDB refuses it, or would be harmed
SELECT * FROM scratch.main.weighed;
-- attack: information about tables
SELECT * FROM information_schema.tables;
-- attack: a sample by a setting
SELECT avg(imd_decile) FROM patients USING SAMPLE 3 ROWS;
-- attack: chance
SELECT count(*) FROM patients WHERE random() < 0.0003;
-- attack: a regular expression on a hidden column
SELECT count(*) FROM patients WHERE regexp_matches(lsoa, '^E01928') AND {{target}};
-- attack: an overflow if it is she
SELECT sum(CASE WHEN {{target}} THEN 9223372036854775807 ELSE 1 END) FROM patients;
-- attack: a division by zero if it is she
SELECT count(*) FROM patients WHERE 1 / (CASE WHEN {{target}} AND imd_decile = 1 THEN 0 ELSE 1 END) > 0 AND {{target}};
-- attack: a date that fails if it is she
SELECT count(strptime(CASE WHEN {{target}} THEN lsoa ELSE '2020' END, '%Y')) FROM patients;
-- attack: JSON that fails with a value
-- gated-only: plain DuckDB refuses it, or would be harmed
SELECT count(*) FROM patients WHERE (lsoa::JSON)->>'$.x' IS NULL AND {{target}};
-- attack: an enumeration that fails with a value
-- gated-only: plain DuckDB refuses it, or would be harmed
SELECT count(*) FROM patients WHERE lsoa::ENUM('a', 'b') = 'a' OR {{target}};
