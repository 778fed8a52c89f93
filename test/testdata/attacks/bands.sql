Tables that are each harmless and overlap: bands that begin elsewhere, dates that are moved, conditions that change nothing. The headers are explained in differencing.sql;
shifted(A, B) are the numbers that cumulated bands leave between the edges of one table and those of the other, where they are of fewer than ten.

-- attack: age bands by ten, from 0 and from 1
-- learn: shifted(A, B)
SELECT (2025 - birth_year) // 10 * 10 AS age, count(*) FROM patients WHERE practice_id = '{{practice}}' GROUP BY 1;
-- step
SELECT (2026 - birth_year) // 10 * 10 - 1 AS age, count(*) FROM patients WHERE practice_id = '{{practice}}' GROUP BY 1;
-- attack: age bands by ten and by fifteen
-- learn: shifted(A, B)
SELECT (2025 - birth_year) // 10 * 10 AS age, count(*) FROM patients WHERE practice_id = '{{practice}}' GROUP BY 1;
-- step
SELECT (2025 - birth_year) // 15 * 15 AS age, count(*) FROM patients WHERE practice_id = '{{practice}}' GROUP BY 1;
-- attack: age bands in CASE with an edge moved by a year
-- learn: {k: abs(at(0, k) - at(1, k)) for k, n in A if 0 < abs(at(0, k) - at(1, k)) < 10}
SELECT CASE WHEN birth_year < {{birth_year}} THEN 'old' ELSE 'young' END AS age, count(*) FROM patients WHERE practice_id = '{{practice}}' GROUP BY 1;
-- step
SELECT CASE WHEN birth_year <= {{birth_year}} THEN 'old' ELSE 'young' END AS age, count(*) FROM patients WHERE practice_id = '{{practice}}' GROUP BY 1;
-- attack: quarters from January and from February
-- learn: shifted(A, B)
SELECT date_diff('month', DATE '2000-01-01', date) // 3 * 3 AS m, count(*) FROM events WHERE code = '433144002' GROUP BY 1;
-- step
SELECT date_diff('month', DATE '1999-12-01', date) // 3 * 3 - 1 AS m, count(*) FROM events WHERE code = '433144002' GROUP BY 1;
-- attack: years and years moved by some days
-- learn: shifted([(d.year * 12, n) for d, n in A], [(d.year * 12 - 1, n) for d, n in B])
SELECT date_trunc('year', admitted) AS y, count(*) FROM admissions WHERE method = 'maternity' GROUP BY 1;
-- step
SELECT date_trunc('year', admitted + 10) AS y, count(*) FROM admissions WHERE method = 'maternity' GROUP BY 1;
-- attack: months and months moved by a day
-- learn: shifted([(d.year * 400 + d.month * 32, n) for d, n in A], [(d.year * 400 + d.month * 32 - 1, n) for d, n in B])
SELECT date_trunc('month', admitted) AS y, count(*) FROM admissions WHERE method = 'maternity' GROUP BY 1;
-- step
SELECT date_trunc('month', admitted + 1) AS y, count(*) FROM admissions WHERE method = 'maternity' GROUP BY 1;
-- attack: until a day, and until the next
-- learn: b - a
SELECT count(*) FROM admissions WHERE method = 'elective' AND admitted < DATE '2022-03-22';
-- step
SELECT count(*) FROM admissions WHERE method = 'elective' AND admitted < DATE '2022-03-23' AND (admitted < DATE '2022-03-22' OR provider = 'TR201');
-- attack: a window of dates that slides
-- learn: a + c - b - d
SELECT count(*) FROM admissions WHERE method = 'maternity' AND admitted >= DATE '2023-01-01' AND admitted < DATE '2023-07-01';
-- step
SELECT count(*) FROM admissions WHERE method = 'maternity' AND admitted >= DATE '2023-01-02' AND admitted < DATE '2023-07-01';
-- step
SELECT count(*) FROM admissions WHERE method = 'maternity' AND admitted >= DATE '2023-07-01' AND admitted < DATE '2024-01-01';
-- step
SELECT count(*) FROM admissions WHERE method = 'maternity' AND admitted >= DATE '2023-07-01' AND admitted < DATE '2024-01-02';
-- attack: a threshold on a value, moved by a grain
-- learn: a - b
SELECT count(*) FROM events WHERE code = '1003671000000109' AND value >= 100;
-- step
SELECT count(*) FROM events WHERE code = '1003671000000109' AND value >= 101;
-- attack: a threshold on a number counted per person
-- learn: a - b
SELECT count(*) FROM (SELECT person_id, count(*) AS n FROM events WHERE code = '372912004' GROUP BY person_id HAVING count(*) >= 15);
-- step
SELECT count(*) FROM (SELECT person_id, count(*) AS n FROM events WHERE code = '372912004' AND person_id IN (SELECT person_id FROM patients WHERE NOT ({{target}})) GROUP BY person_id HAVING count(*) >= 15);
-- attack: practices of two groupings
-- learn: {k: at(0, k) - at(1, k) for k, n in A if 0 < at(0, k) - at(1, k) < 10}
SELECT CASE WHEN practice_id IN ('{{practice}}', 'X87072') THEN 'a' ELSE 'b' END AS p, count(*) FROM patients WHERE ethnicity = 'Chinese' GROUP BY 1;
-- step
SELECT CASE WHEN practice_id IN ('X87072') THEN 'a' ELSE 'b' END AS p, count(*) FROM patients WHERE ethnicity = 'Chinese' GROUP BY 1;
-- attack: conditions that change nothing, then one that does
-- learn: c - d
SELECT count(*) FROM patients WHERE sex = 'F' AND imd_decile = 1;
-- step
SELECT count(*) FROM patients WHERE sex = 'F' AND imd_decile = 1 AND birth_year < 3000;
-- step
SELECT count(*) FROM patients WHERE sex = 'F' AND imd_decile = 1 AND length(practice_id) > 0 AND NOT (birth_year > 3000);
-- step
SELECT count(*) FROM patients WHERE sex = 'F' AND imd_decile = 1 AND NOT (birth_year > 3000) AND NOT ({{target}});
-- attack: a withheld cell, asked for with conditions that change nothing
-- learn: c
SELECT count(*) FROM patients WHERE {{target}} OR birth_year > 3000;
-- step
SELECT count(*) FROM patients WHERE {{target}} AND length(lsoa) > 1;
-- step
SELECT count(*) FROM patients WHERE ({{target}}) = true AND 1 = 1;
-- attack: a dummy that leaves out one
-- learn: a - b
SELECT count(*) FROM patients WHERE imd_decile = 1;
-- step
SELECT count(*) FROM patients WHERE imd_decile = 1 AND (birth_year <> {{birth_year}} OR practice_id <> '{{practice}}' OR sex <> 'F' OR ethnicity <> '{{ethnicity}}');
-- attack: a dummy that leaves out one, arithmetically
-- learn: a - b
SELECT count(*) FROM patients WHERE imd_decile = 1;
-- step
SELECT count(*) FROM patients WHERE imd_decile = 1 AND CASE WHEN {{target}} THEN 0 ELSE 1 END * birth_year > 0;
-- attack: a dummy that leaves out one, by its pseudonym
-- learn: a - b
SELECT count(*) FROM patients WHERE imd_decile = 1;
-- step
SELECT count(*) FROM patients WHERE imd_decile = 1 AND person_id <> '{{pid}}';
-- attack: people sorted by pseudonym
-- learn: b - a
SELECT count(*) FROM patients WHERE imd_decile = 1 AND person_id < '{{pid}}';
-- step
SELECT count(*) FROM patients WHERE imd_decile = 1 AND person_id <= '{{pid}}';
-- attack: one small area more
-- learn: b - a
SELECT count(*) FROM patients WHERE region = '{{region}}' AND lsoa < '{{lsoa}}' AND birth_year BETWEEN {{birth_year}} - 3 AND {{birth_year}} + 3;
-- step
SELECT count(*) FROM patients WHERE region = '{{region}}' AND lsoa <= '{{lsoa}}' AND birth_year BETWEEN {{birth_year}} - 3 AND {{birth_year}} + 3;
