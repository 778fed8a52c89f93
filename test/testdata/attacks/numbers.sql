Numbers that a question computes, of a row or for each person, and what could hide in them: a condition in a number computed for each person, two columns in one number, shares that a literal hides, values that are
NULL because they do not fit, steps that are finer than they look. The headers are explained in differencing.sql.

-- attack: a number for each person, with and without her rows
SELECT avg(n) - avg(m) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY person_id) JOIN (SELECT person_id, count(*) AS m FROM events JOIN patients USING (person_id) WHERE NOT ({{target}} AND date >= DATE '2020-01-01') GROUP BY person_id) USING (person_id);
-- attack: a sum of numbers for each person, with and without one of her rows, one after the other
-- learn: a - b
SELECT sum(n), count(*) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY person_id);
-- step
SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM events JOIN patients USING (person_id) WHERE NOT ({{target}} AND date >= DATE '2020-01-01') GROUP BY person_id);
-- attack: one and two, beside the number of people who have one
SELECT sum(w) - count(*) - count(*) FILTER (WHERE sex = 'F' AND NOT ({{target}})) FROM patients JOIN (SELECT person_id, count(DISTINCT c) AS w FROM (SELECT person_id, CASE WHEN sex = 'F' THEN code ELSE 'x' END AS c FROM events JOIN patients USING (person_id)) GROUP BY 1) USING (person_id);
-- attack: a number for each person that a condition enlarges
SELECT sum(w) - count(*) FROM (SELECT person_id, count(*) AS w FROM patients p JOIN events e USING (person_id) WHERE {{target}} OR code = '44054006' GROUP BY 1);
-- attack: who has a partner in a join, beside a number for each person
SELECT sum(n), count(q.person_id) FROM patients p JOIN (SELECT person_id, count(*) AS n FROM events GROUP BY person_id) USING (person_id) LEFT JOIN (SELECT person_id FROM patients WHERE NOT ({{target}})) q USING (person_id);
-- attack: the spread of two values and hers
SELECT var_pop(imd_decile) FROM patients WHERE imd_decile IN (1, 10) AND practice_id = '{{practice}}' OR {{target}};
-- attack: a regression on two values and hers
SELECT covar_pop(imd_decile, birth_year), regr_slope(imd_decile, birth_year) FROM patients WHERE birth_year IN (1950, 1951) AND practice_id = '{{practice}}' OR {{target}};
-- attack: two columns in one number, one in its higher digits
SELECT sum(20000 * length_of_stay + imd_decile) FROM patients JOIN admissions USING (person_id) WHERE length_of_stay = 0 OR {{target}};
-- attack: the first year in the higher digits, what everybody has in the lower
SELECT median(1000 * d.y + imd_decile) FROM patients JOIN (SELECT person_id, min(year(date)) AS y FROM events GROUP BY person_id) d USING (person_id);
-- attack: a literal that is added hides who makes up a sum
SELECT sum(length_of_stay + 1000000) - 1000000 * count(*) FROM admissions JOIN patients USING (person_id) WHERE length_of_stay = 0 OR {{target}};
-- attack: a product of two numbers computed for each person
SELECT sum(f * imd_decile) FROM patients JOIN (SELECT person_id, min(year(date)) AS f FROM events GROUP BY person_id) USING (person_id) WHERE {{target}} OR sex = 'F';
-- attack: a difference that is hers alone
SELECT avg(d.y - p.birth_year) - avg(e.y - p.birth_year) FROM patients p JOIN (SELECT person_id, min(year(date)) AS y FROM events GROUP BY person_id) d USING (person_id)
  JOIN (SELECT person_id, min(year(date)) AS y FROM events JOIN patients USING (person_id) WHERE NOT ({{target}} AND date < DATE '2022-01-01') GROUP BY person_id) e USING (person_id);
-- attack: a value that does not fit, for the oldest only
SELECT count(*) - count(CAST(birth_year * 1000000 AS INTEGER)) FROM patients WHERE {{target}} OR birth_year > 2147;
-- attack: days of stay as a key, in steps of 27
SELECT date_diff('day', admitted, discharged) // 27, count(*) FROM admissions GROUP BY 1;
-- attack: days of stay as a key, in parts of a month
SELECT round(date_diff('day', admitted, discharged) / 30, 2), count(*) FROM admissions GROUP BY 1;
-- attack: months that begin on another day
-- learn: shifted(A, B)
SELECT floor(date_diff('day', DATE '2019-01-01', admitted) / 30) * 30 AS d, count(*) FROM admissions WHERE method = 'maternity' GROUP BY 1;
-- step
SELECT floor(date_diff('day', DATE '2019-01-02', admitted) / 30) * 30 + 1 AS d, count(*) FROM admissions WHERE method = 'maternity' GROUP BY 1;
-- attack: years of dates that are moved by days
SELECT year(admitted + INTERVAL 11 DAY), count(*) FROM admissions GROUP BY 1;
