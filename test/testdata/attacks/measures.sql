The same people, and a number of each that is another for one of them: made for each person from their rows, before it is summed.

-- attack: different codes of each person, all but one of hers
-- learn: a - b
SELECT sum(n) FROM (SELECT person_id, count(DISTINCT code) AS n FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}' GROUP BY person_id);
-- step
SELECT sum(n) FROM (SELECT person_id, count(DISTINCT code) AS n FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}' AND NOT (code = '86406008' AND {{target}}) GROUP BY person_id);
-- attack: different days of each person, all but one of hers
-- learn: a - b
SELECT sum(n) FROM (SELECT person_id, count(DISTINCT date) AS n FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}' GROUP BY person_id);
-- step
SELECT sum(n) FROM (SELECT person_id, count(DISTINCT date) AS n FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}' AND NOT (code = '86406008' AND {{target}}) GROUP BY person_id);
-- attack: rows of person and code, and different codes of each person
-- learn: a - b
SELECT count(*) FROM (SELECT DISTINCT person_id, code FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}');
-- step
SELECT sum(n) FROM (SELECT person_id, count(DISTINCT code) AS n FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}' AND NOT (code = '86406008' AND {{target}}) GROUP BY person_id);
-- attack: codes of each person as rows of two levels
-- learn: a - b
SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM (SELECT person_id, code FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}' GROUP BY person_id, code) GROUP BY person_id);
-- step
SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM (SELECT person_id, code FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}' AND NOT (code = '86406008' AND {{target}}) GROUP BY person_id, code) GROUP BY person_id);
-- attack: counts of each person, all but one row of hers
-- learn: a - b
SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}' GROUP BY person_id);
-- step
SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}' AND NOT (code = '86406008' AND {{target}}) GROUP BY person_id);
-- attack: counts by a window, all but one row of hers
-- learn: a - b
SELECT sum(n) FROM (SELECT person_id, count(*) OVER (PARTITION BY person_id) AS n, row_number() OVER (PARTITION BY person_id ORDER BY date) AS r FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}') WHERE r = 1;
-- step
SELECT sum(n) FROM (SELECT person_id, count(*) OVER (PARTITION BY person_id) AS n, row_number() OVER (PARTITION BY person_id ORDER BY date) AS r FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}' AND NOT (code = '86406008' AND {{target}})) WHERE r = 1;
-- attack: the highest value of each person, without high ones of hers
-- learn: a - b
-- within: 20
SELECT sum(n) FROM (SELECT person_id, max(value) AS n FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}' AND code = '271649006' GROUP BY person_id);
-- step
SELECT sum(n) FROM (SELECT person_id, max(value) AS n FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}' AND code = '271649006' AND NOT ({{target}} AND value > 120) GROUP BY person_id);
-- attack: the first value of each person, in another order for her
-- learn: b - a
-- within: 5
SELECT sum(value) FROM (SELECT person_id, value, row_number() OVER (PARTITION BY person_id ORDER BY date, value) AS r FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}' AND code = '271649006') WHERE r = 1;
-- step
SELECT sum(value) FROM (SELECT person_id, value, row_number() OVER (PARTITION BY person_id ORDER BY CASE WHEN {{target}} THEN -value ELSE 0 END, date, value) AS r FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}' AND code = '271649006') WHERE r = 1;
-- attack: counts of each person in a workspace table, and in another all but one row of hers
-- learn: b - d
CREATE OR REPLACE TABLE mine AS SELECT person_id, count(*) AS n FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}' GROUP BY person_id;
-- step
SELECT sum(n) FROM mine;
-- step
CREATE OR REPLACE TABLE mine AS SELECT person_id, count(*) AS n FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}' AND NOT (code = '86406008' AND {{target}}) GROUP BY person_id;
-- step
SELECT sum(n) FROM mine;
-- attack: counts of each person, and in a workspace table all but one row of hers
-- learn: a - c
SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}' GROUP BY person_id);
-- step
CREATE OR REPLACE TABLE mine AS SELECT person_id, count(*) AS n FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}' AND NOT (code = '86406008' AND {{target}}) GROUP BY person_id;
-- step
SELECT sum(n) FROM mine;
-- attack: rows, and in a workspace table counts of each person without one of hers
-- learn: a - c
SELECT count(*) FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}';
-- step
CREATE OR REPLACE TABLE mine AS SELECT person_id, count(*) AS n FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}' AND NOT (code = '86406008' AND {{target}}) GROUP BY person_id;
-- step
SELECT sum(n) FROM mine;
-- attack: last values in a workspace table, in another without some of hers
-- learn: b - d
-- within: 5
CREATE OR REPLACE TABLE mine AS SELECT person_id, arg_max(value, date) AS v FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}' AND code = '271649006' GROUP BY person_id;
-- step
SELECT sum(v) FROM mine;
-- step
CREATE OR REPLACE TABLE mine AS SELECT person_id, arg_max(value, date) AS v FROM events JOIN patients USING (person_id) WHERE practice_id = '{{practice}}' AND code = '271649006' AND NOT ({{target}} AND value > 110) GROUP BY person_id;
-- step
SELECT sum(v) FROM mine;
