Attacks that need several answers. `-- learn:` is what the attacker works out, in Python: a, b, c … are the first number of each step's answer, A, B, C … all its rows,
at(i, key …) the number at the end of the row of step i that begins with the keys, known(sql) what the catalogue tells everybody (to two significant digits). The attack succeeds if that comes out
as it does with plain DuckDB: the same number, or one item that both have. It is stopped if a step is refused, a number that it needs is withheld, or an earlier answer is given again.

-- attack: all, and an affine of all but one
-- learn: a - (b - (c - 1)) / 2
SELECT sum(imd_decile) FROM patients;
-- step
SELECT sum(2 * imd_decile + 1) FROM patients WHERE NOT ({{target}});
-- step
SELECT count(*) FROM patients;
-- attack: all, and twice all but one
-- learn: a - b / 2
SELECT sum(imd_decile) FROM patients;
-- step
SELECT sum(2 * imd_decile) FROM patients WHERE NOT ({{target}});
-- attack: all, and a product of all but one
-- learn: a * 5 - b
SELECT sum(imd_decile) FROM patients;
-- step
SELECT sum(5 * imd_decile) FROM patients WHERE NOT ({{target}}) AND birth_year > 1800;
-- attack: one event of a woman who has others
-- learn: a - b
SELECT count(*) FROM events WHERE code = '271649006';
-- step
SELECT count(*) FROM events JOIN patients USING (person_id) WHERE code = '271649006' AND NOT ({{target}} AND date >= DATE '2025-03-01');
-- attack: one value of a woman who has others
-- learn: a - b
-- within: 3
SELECT sum(value) FROM events JOIN patients USING (person_id) WHERE code = '1003671000000109' AND practice_id = '{{practice}}' AND sex = 'F';
-- step
SELECT sum(value) FROM events JOIN patients USING (person_id) WHERE code = '1003671000000109' AND practice_id = '{{practice}}' AND sex = 'F' AND NOT ({{target}} AND date >= DATE '2023-01-01');
-- attack: one moved to another region
-- learn: [region for region, n in A if region != 'London' and at(1, region) == n - 1]
SELECT region, count(*) FROM patients GROUP BY region;
-- step
SELECT CASE WHEN {{target}} THEN 'London' ELSE region END AS region, count(*) FROM patients GROUP BY 1;
-- attack: one moved to another region, sums
-- learn: [at(0, region) - at(1, region) for region, n in A if region != 'London' and 0 < at(0, region) - at(1, region) < 11]
SELECT region, sum(imd_decile) FROM patients GROUP BY region;
-- step
SELECT CASE WHEN {{target}} THEN 'London' ELSE region END AS region, sum(imd_decile) FROM patients GROUP BY 1;
-- attack: padded tracker
-- learn: a + b - c
SELECT count(*) FROM patients WHERE sex = 'M' OR ({{target}} AND imd_decile = 1);
-- step
SELECT count(*) FROM patients WHERE sex <> 'M' OR ({{target}} AND imd_decile = 1);
-- step
SELECT count(*) FROM patients;
-- attack: padded tracker, A or T, A or not T
-- learn: c - b
SELECT sum(birth_year) FROM patients WHERE region = 'London' OR {{target}};
-- step
SELECT sum(birth_year) FROM patients WHERE region = 'London' OR NOT ({{target}});
-- step
SELECT sum(birth_year) FROM patients;
-- step
SELECT sum(birth_year) FROM patients WHERE region = 'London';
-- attack: double tracker
-- learn: c + d - a - b
SELECT count(*) FROM patients WHERE imd_decile <= 2;
-- step
SELECT count(*) FROM patients WHERE imd_decile > 2;
-- step
SELECT count(*) FROM patients WHERE imd_decile <= 2 OR ({{target}});
-- step
SELECT count(*) FROM patients WHERE imd_decile > 2 OR ({{target}});
-- attack: inclusion and exclusion
-- learn: a + b - c
SELECT count(*) FROM patients WHERE region = 'London';
-- step
SELECT count(*) FROM patients WHERE region = 'South West' OR {{target}};
-- step
SELECT count(*) FROM patients WHERE region = 'London' OR region = 'South West';
-- attack: a cycle of four sets
-- learn: a - (b + c - 2 * d)
SELECT count(*) FROM patients WHERE region IN ('London', 'South West') OR {{target}};
-- step
SELECT count(*) FROM patients WHERE region IN ('South West', 'South East');
-- step
SELECT count(*) FROM patients WHERE region IN ('London', 'South East');
-- step
SELECT count(*) FROM patients WHERE region = 'South East';
-- attack: a longer cycle of sums
-- learn: a - b - c - d - e
SELECT sum(imd_decile) FROM patients WHERE region IN ('London', 'South West', 'South East', 'East Midlands') OR {{target}};
-- step
SELECT sum(imd_decile) FROM patients WHERE region = 'London';
-- step
SELECT sum(imd_decile) FROM patients WHERE region = 'South West';
-- step
SELECT sum(imd_decile) FROM patients WHERE region = 'South East';
-- step
SELECT sum(imd_decile) FROM patients WHERE region = 'East Midlands';
-- attack: totals minus cells of two questions
-- learn: {k: at(0, k) - at(1, k) - at(2, k) for k, n in A if 0 < at(0, k) - at(1, k) - at(2, k) < 10}
SELECT ethnicity, count(*) FROM patients GROUP BY ethnicity;
-- step
SELECT ethnicity, count(*) FROM patients WHERE sex = 'F' GROUP BY ethnicity;
-- step
SELECT ethnicity, count(*) FROM patients WHERE sex = 'M' GROUP BY ethnicity;
-- attack: totals minus cells of one later question
-- learn: {k: at(0, k) - at(1, k, 'F') - at(1, k, 'M') for k, n in A if 0 < at(0, k) - at(1, k, 'F') - at(1, k, 'M') < 10}
SELECT practice_id, count(*) FROM patients GROUP BY practice_id;
-- step
SELECT practice_id, sex, count(*) FROM patients WHERE sex IN ('F', 'M') GROUP BY practice_id, sex;
-- attack: all minus most
-- learn: {k: at(0, k) - at(1, k) for k, n in B if 0 < at(0, k) - n < 10}
SELECT practice_id, count(*) FROM patients GROUP BY practice_id;
-- step
SELECT practice_id, count(*) FROM patients WHERE sex <> 'I' GROUP BY practice_id;
-- attack: cells in one question, margins in two others
-- learn: {(p, e): at(1, p) - sum(n for q, f, n in A if q == p and f != e) for p, m in B for e, k in C if 0 < at(1, p) - sum(n for q, f, n in A if q == p and f != e) < 10}
SELECT practice_id, CASE WHEN ethnicity = 'White British' THEN 'a' WHEN ethnicity = 'Chinese' THEN 'b' ELSE 'c' END AS e, count(*) FROM patients GROUP BY 1, 2;
-- step
SELECT practice_id, count(*) FROM patients GROUP BY 1;
-- step
SELECT CASE WHEN ethnicity = 'White British' THEN 'a' WHEN ethnicity = 'Chinese' THEN 'b' ELSE 'c' END AS e, count(*) FROM patients GROUP BY 1;
-- attack: cube first, a margin without one later
-- learn: [at(0, r, None) - n for r, n in B if at(0, r, None) - n == 1]
SELECT region, sex, count(*) FROM patients GROUP BY CUBE (region, sex);
-- step
SELECT region, count(*) FROM patients WHERE NOT ({{target}}) GROUP BY region;
-- attack: the total is public
-- learn: known("SELECT sum(people) FROM (SELECT count(*) AS people FROM patients)") - a
SELECT count(*) FROM patients WHERE NOT ({{target}});
-- attack: a margin is public
-- learn: known("SELECT count(*) FROM patients WHERE practice_id = '{{practice}}'") - a
SELECT count(*) FROM patients WHERE practice_id = '{{practice}}' AND NOT ({{target}});
-- attack: the rows of a table are public
-- learn: known("SELECT count(*) FROM events") - a
SELECT count(*) FROM events JOIN patients USING (person_id) WHERE NOT ({{target}} AND date >= DATE '2025-04-01');
-- attack: through a workspace table
-- learn: a - c
SELECT sum(imd_decile) FROM patients;
-- step
CREATE OR REPLACE TABLE others AS SELECT person_id, imd_decile FROM patients WHERE NOT ({{target}});
-- step
SELECT sum(imd_decile) FROM others;
-- attack: through a workspace table with another name for the column
-- learn: a - c / 3
SELECT sum(imd_decile) FROM patients;
-- step
CREATE OR REPLACE TABLE others AS SELECT person_id, 3 * imd_decile AS x FROM patients WHERE NOT ({{target}});
-- step
SELECT sum(x) FROM others;
-- attack: the same words, another table
-- learn: b - d
CREATE OR REPLACE TABLE others AS SELECT person_id, imd_decile FROM patients;
-- step
SELECT sum(imd_decile) FROM others;
-- step
CREATE OR REPLACE TABLE others AS SELECT person_id, imd_decile FROM patients WHERE NOT ({{target}});
-- step
SELECT sum(imd_decile) FROM others;
-- attack: a table of a table
-- learn: a - d
SELECT count(*) FROM patients WHERE sex = 'F';
-- step
CREATE OR REPLACE TABLE one AS SELECT person_id, sex, birth_year, ethnicity, practice_id FROM patients WHERE sex = 'F';
-- step
CREATE OR REPLACE TABLE two AS SELECT person_id, sex FROM one WHERE NOT ({{target}});
-- step
SELECT count(*) FROM two;
-- attack: through a CTE
-- learn: a - b
SELECT sum(imd_decile) FROM patients WHERE sex = 'F';
-- step
WITH s AS (SELECT person_id, imd_decile FROM patients WHERE sex = 'F'), t AS (SELECT person_id FROM patients WHERE NOT ({{target}})) SELECT sum(imd_decile) FROM s JOIN t USING (person_id);
-- attack: through an anti join
-- learn: a - b
SELECT sum(imd_decile) FROM patients WHERE sex = 'F';
-- step
SELECT sum(imd_decile) FROM patients p WHERE sex = 'F' AND NOT EXISTS (SELECT 1 FROM patients q WHERE q.person_id = p.person_id AND {{target}});
-- attack: through NOT IN
-- learn: a - b
SELECT count(*) FROM patients WHERE imd_decile = 1;
-- step
SELECT count(*) FROM patients WHERE imd_decile = 1 AND person_id NOT IN (SELECT person_id FROM patients WHERE {{target}});
-- attack: through a partner that is missing
-- learn: a - b
SELECT count(imd_decile) FROM patients WHERE imd_decile = 1;
-- step
SELECT count(q.imd_decile) FROM patients p LEFT JOIN (SELECT person_id, imd_decile FROM patients WHERE NOT ({{target}})) q USING (person_id) WHERE p.imd_decile = 1;
-- attack: another spine, people of events against patients
-- learn: a - b
SELECT count(DISTINCT person_id) FROM events WHERE code = '86406008';
-- step
SELECT count(*) FROM patients p WHERE NOT ({{target}}) AND EXISTS (SELECT 1 FROM events e WHERE e.person_id = p.person_id AND e.code = '86406008');
-- attack: another spine, patients against people of events
-- learn: a - b
SELECT count(*) FROM patients WHERE person_id IN (SELECT person_id FROM events WHERE code = '86406008');
-- step
SELECT count(DISTINCT person_id) FROM events JOIN patients USING (person_id) WHERE code = '86406008' AND NOT ({{target}});
-- attack: another spine, admissions
-- learn: a - b
SELECT count(DISTINCT person_id) FROM admissions WHERE method = 'elective';
-- step
SELECT count(*) FROM patients WHERE NOT ({{target}}) AND person_id IN (SELECT person_id FROM admissions WHERE method = 'elective');
-- attack: another spine, rows that are people
-- learn: a - b
SELECT count(*) FROM events WHERE code = '86406008';
-- step
SELECT count(*) FROM patients p JOIN (SELECT DISTINCT person_id FROM events WHERE code = '86406008') e USING (person_id) WHERE NOT ({{target}});
-- attack: another spine, one row of each person by a window
-- learn: a - b
SELECT count(DISTINCT person_id) FROM events WHERE code = '1003671000000109';
-- step
SELECT count(*) FROM (SELECT person_id, row_number() OVER (PARTITION BY person_id ORDER BY date) AS r FROM events WHERE code = '1003671000000109') JOIN patients USING (person_id) WHERE r = 1 AND NOT ({{target}});
-- attack: numbers of rows counted per person
-- learn: a - b
SELECT count(*) FROM events;
-- step
SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY person_id) JOIN patients USING (person_id) WHERE NOT ({{target}});
-- attack: admissions counted per person
-- learn: a - b
SELECT count(*) FROM admissions;
-- step
SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM admissions GROUP BY person_id) JOIN patients USING (person_id) WHERE NOT ({{target}});
-- attack: per-person counts against counts of people
-- learn: sum(n for k, n in A) - b
SELECT n, count(*) FROM (SELECT person_id, count(*) AS n FROM events WHERE code = '60621009' GROUP BY person_id HAVING count(*) < 9) GROUP BY n;
-- step
SELECT count(*) FROM (SELECT person_id, count(*) AS n FROM events JOIN patients USING (person_id) WHERE code = '60621009' AND NOT ({{target}}) GROUP BY person_id HAVING count(*) < 9);
-- attack: mean times count
-- learn: a * A[0][1] - b * B[0][1]
SELECT avg(imd_decile), count(*) FROM patients WHERE practice_id = '{{practice}}' AND sex = 'F';
-- step
SELECT avg(imd_decile), count(*) FROM patients WHERE practice_id = '{{practice}}' AND sex = 'F' AND NOT ({{target}});
-- attack: mean here, count there
-- learn: a * b - c * (b - 1)
SELECT avg(imd_decile) FROM patients WHERE practice_id = '{{practice}}' AND sex = 'F';
-- step
SELECT count(*) FROM patients WHERE practice_id = '{{practice}}' AND sex = 'F';
-- step
SELECT avg(imd_decile) FROM patients WHERE practice_id = '{{practice}}' AND sex = 'F' AND NOT ({{target}});
-- attack: variance, mean and count
-- learn: (a + A[0][1] ** 2) * A[0][2] - (b + B[0][1] ** 2) * B[0][2]
SELECT var_pop(imd_decile), avg(imd_decile), count(*) FROM patients WHERE practice_id = '{{practice}}' AND sex = 'F';
-- step
SELECT var_pop(imd_decile), avg(imd_decile), count(*) FROM patients WHERE practice_id = '{{practice}}' AND sex = 'F' AND NOT ({{target}});
-- attack: deviations alone
-- learn: (round(a, 4), round(b, 4))
SELECT stddev_pop(imd_decile) FROM patients WHERE practice_id = '{{practice}}' AND sex = 'F';
-- step
SELECT stddev_pop(imd_decile) FROM patients WHERE practice_id = '{{practice}}' AND sex = 'F' AND NOT ({{target}});
-- attack: quantiles
-- learn: [(i, y) for i, (x, y) in enumerate(zip(a, b)) if x != y]
SELECT quantile_cont(imd_decile, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]) FROM patients WHERE practice_id = '{{practice}}' AND sex = 'F' AND birth_year BETWEEN {{birth_year}} - 7 AND {{birth_year}} + 8;
-- step
SELECT quantile_cont(imd_decile, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]) FROM patients WHERE practice_id = '{{practice}}' AND sex = 'F' AND birth_year BETWEEN {{birth_year}} - 7 AND {{birth_year}} + 8 AND NOT ({{target}});
-- attack: a fit and its count
-- learn: a - b
SELECT regr_count(imd_decile, birth_year) FROM patients WHERE practice_id = '{{practice}}';
-- step
SELECT regr_count(imd_decile, birth_year) FROM patients WHERE practice_id = '{{practice}}' AND NOT ({{target}});
-- attack: covariance and means
-- learn: (a + A[0][1] * A[0][2]) * A[0][3] - (b + B[0][1] * B[0][2]) * B[0][3]
-- within: 2
SELECT covar_pop(imd_decile, birth_year - 1900), avg(imd_decile), avg(birth_year - 1900), count(*) FROM patients WHERE practice_id = '{{practice}}' AND sex = 'F' AND birth_year BETWEEN {{birth_year}} - 7 AND {{birth_year}} + 13;
-- step
SELECT covar_pop(imd_decile, birth_year - 1900), avg(imd_decile), avg(birth_year - 1900), count(*) FROM patients WHERE practice_id = '{{practice}}' AND sex = 'F' AND birth_year BETWEEN {{birth_year}} - 7 AND {{birth_year}} + 13 AND NOT ({{target}});
-- attack: count of a CASE without ELSE
-- learn: a - b
SELECT count(*) FROM patients WHERE imd_decile = 1;
-- step
SELECT count(CASE WHEN NOT ({{target}}) THEN birth_year END) FROM patients WHERE imd_decile = 1;
-- attack: FILTER first, WHERE later
-- learn: a - b
SELECT count(*) FILTER (WHERE imd_decile = 1) FROM patients;
-- step
SELECT count(*) FROM patients WHERE imd_decile = 1 AND NOT ({{target}});
-- attack: share of an indicator
-- learn: a * A[0][1] - b * B[0][1]
SELECT avg(CASE WHEN imd_decile = 1 THEN 1 ELSE 0 END), count(*) FROM patients WHERE practice_id = '{{practice}}';
-- step
SELECT avg(CASE WHEN imd_decile = 1 THEN 1 ELSE 0 END), count(*) FROM patients WHERE practice_id = '{{practice}}' AND NOT ({{target}});
-- attack: ratios made in the lobby
-- learn: 1 / a - 1 / b
SELECT 1.0 / count(*) FROM patients WHERE imd_decile = 1;
-- step
SELECT 1.0 / count(*) FROM patients WHERE imd_decile = 1 AND NOT ({{target}});
-- attack: the answer is negated and scaled
-- learn: -a / 7 - b
SELECT -7 * count(*) FROM patients WHERE imd_decile = 1;
-- step
SELECT count(*) FROM patients WHERE imd_decile = 1 AND NOT ({{target}});
-- attack: every row twice
-- learn: a / 2 - b
SELECT count(*) FROM patients, (VALUES (1), (2)) v(i) WHERE imd_decile = 1;
-- step
SELECT count(*) FROM patients WHERE imd_decile = 1 AND NOT ({{target}});
-- attack: rollup and then one group without one
-- learn: at(0, '{{region}}', 'F') - b
SELECT region, sex, count(*) FROM patients GROUP BY ROLLUP (region, sex);
-- step
SELECT count(*) FROM patients WHERE region = '{{region}}' AND sex = 'F' AND NOT ({{target}});
-- attack: readmissions without hers
-- learn: a - b
WITH s AS (SELECT person_id, admitted, lag(discharged) OVER (PARTITION BY person_id ORDER BY admitted) AS before FROM admissions) SELECT count(*) FROM s WHERE before IS NOT NULL;
-- step
WITH s AS (SELECT person_id, admitted, lag(discharged) OVER (PARTITION BY person_id ORDER BY admitted) AS before FROM admissions) SELECT count(*) FROM s JOIN patients USING (person_id) WHERE before IS NOT NULL AND NOT ({{target}});
-- attack: by a group key that is a condition
-- learn: a - sum(n for flag, n in B if not flag)
SELECT count(*) FROM patients WHERE imd_decile = 1;
-- step
SELECT {{target}} AS flag, count(*) FROM patients WHERE imd_decile = 1 GROUP BY 1;
-- attack: a flag in a workspace table
-- learn: a - c
SELECT count(*) FROM patients WHERE imd_decile = 1;
-- step
CREATE OR REPLACE TABLE others AS SELECT person_id, CASE WHEN {{target}} THEN 'x' ELSE 'y' END AS flag FROM patients WHERE imd_decile = 1;
-- step
SELECT count(*) FROM others WHERE flag = 'y';
-- attack: small steps towards one
-- learn: a - b - c + d
SELECT count(*) FROM patients WHERE practice_id = '{{practice}}' AND birth_year <= {{birth_year}};
-- step
SELECT count(*) FROM patients WHERE practice_id = '{{practice}}' AND birth_year < {{birth_year}};
-- step
SELECT count(*) FROM patients WHERE practice_id = '{{practice}}' AND birth_year <= {{birth_year}} AND NOT ({{target}} AND imd_decile = 1);
-- step
SELECT count(*) FROM patients WHERE practice_id = '{{practice}}' AND birth_year < {{birth_year}} AND imd_decile >= 1;
-- attack: without two, then without one of them
-- learn: b - a
SELECT count(*) FROM patients WHERE imd_decile = 1 AND NOT (birth_year = {{birth_year}} AND sex = 'F' AND practice_id IN ('{{practice}}', 'X87072', 'X21234', 'X74991'));
-- step
SELECT count(*) FROM patients WHERE imd_decile = 1 AND NOT (birth_year = {{birth_year}} AND sex = 'F' AND practice_id IN ('{{practice}}', 'X87072', 'X21234', 'X74991') AND NOT ({{target}}));
-- attack: EXISTS twice
-- learn: a - b
SELECT count(*) FROM patients p WHERE EXISTS (SELECT 1 FROM events e WHERE e.person_id = p.person_id AND code = '86406008');
-- step
SELECT count(*) FROM patients p WHERE EXISTS (SELECT 1 FROM events e JOIN patients q USING (person_id) WHERE e.person_id = p.person_id AND code = '86406008' AND NOT ({{target}}));
-- attack: UNION ALL of all and of one
-- learn: b - a
SELECT count(*) FROM patients WHERE region = 'London';
-- step
SELECT count(*) FROM (SELECT person_id FROM patients WHERE region = 'London' UNION ALL SELECT person_id FROM patients WHERE {{target}});
-- attack: UNION of all and of one
-- learn: b - a
SELECT count(DISTINCT person_id) FROM events WHERE code = '44054006';
-- step
SELECT count(*) FROM (SELECT person_id FROM events WHERE code = '44054006' UNION SELECT person_id FROM patients WHERE {{target}});
-- attack: a sum that takes one twice
-- learn: b - a
SELECT sum(imd_decile) FROM patients;
-- step
SELECT sum(n) FROM (SELECT person_id, sum(imd_decile) AS n FROM (SELECT person_id, imd_decile FROM patients UNION ALL SELECT person_id, imd_decile FROM patients WHERE {{target}}) GROUP BY person_id);
