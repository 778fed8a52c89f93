Forty more questions, as an epidemiologist writes them: standardisation, incidence, person-time, care processes, trends, inequalities, data quality.
-- query: people by ethnicity and sex
SELECT ethnicity, sex, count(*) AS people FROM patients GROUP BY ethnicity, sex ORDER BY ethnicity, sex; -- may-withhold
-- query: mean age by region
SELECT region, count(*) AS people, avg(2025 - birth_year) AS mean_age, stddev(2025 - birth_year) AS sd FROM patients GROUP BY region ORDER BY region;
-- query: median birth year by deprivation
SELECT imd_decile, median(birth_year) AS median_birth_year FROM patients GROUP BY imd_decile ORDER BY imd_decile; -- may-withhold
-- query: practice list sizes, largest first
SELECT practice_id, count(*) AS people FROM patients GROUP BY practice_id ORDER BY people DESC, practice_id LIMIT 10;
-- query: deprivation fifths within regions
SELECT region, (imd_decile + 1) // 2 AS fifth, count(*) AS people, round(100.0 * count(*) / sum(count(*)) OVER (PARTITION BY region), 1) AS per_cent FROM patients GROUP BY region, (imd_decile + 1) // 2 ORDER BY 1, 2; -- may-withhold
-- query: deaths by year and sex
SELECT year(death_month) AS year, sex, count(*) AS deaths FROM patients WHERE death_month IS NOT NULL GROUP BY ALL ORDER BY ALL; -- may-withhold
-- query: deaths by month
SELECT date_trunc('month', death_month) AS month, count(*) AS deaths FROM patients WHERE death_month IS NOT NULL GROUP BY 1 ORDER BY 1; -- may-withhold
-- query: crude mortality by age band
SELECT (2025 - birth_year) // 20 * 20 AS age_band, count(*) AS people, count(death_month) AS deaths, round(1000.0 * count(death_month) / count(*), 1) AS per_1000 FROM patients GROUP BY 1 ORDER BY 1; -- may-withhold
-- query: directly standardised mortality by region
WITH strata AS (SELECT region, (2025 - birth_year) // 20 AS band, count(*) AS people, count(death_month) AS deaths FROM patients GROUP BY ALL),
     standard AS (SELECT * FROM (VALUES (0, 0.24), (1, 0.26), (2, 0.27), (3, 0.18), (4, 0.05)) s(band, weight))
SELECT region, round(1000 * sum(weight * deaths / people) / sum(weight), 1) AS per_1000 FROM strata JOIN standard USING (band) WHERE deaths IS NOT NULL AND band = 3 GROUP BY region ORDER BY region; -- may-withhold
-- query: registered and left
SELECT year(registered_to) AS year, count(*) AS left_practice FROM patients WHERE registered_to IS NOT NULL GROUP BY 1 ORDER BY 1; -- may-withhold
-- query: registered on a day
SELECT sex, count(*) AS people FROM patients WHERE registered_from <= DATE '2024-01-01' AND (registered_to IS NULL OR registered_to > DATE '2024-01-01') GROUP BY sex ORDER BY sex; -- may-withhold
-- query: prevalence of hypertension by region
WITH htn AS (SELECT DISTINCT person_id FROM events WHERE code = '38341003')
SELECT region, count(*) AS people, count(htn.person_id) AS hypertensive FROM patients LEFT JOIN htn USING (person_id) GROUP BY region ORDER BY region; -- may-withhold
-- query: diabetes by ethnicity, by semi join
SELECT ethnicity, count(*) AS people FROM patients WHERE person_id IN (SELECT person_id FROM events WHERE code = '44054006') GROUP BY ethnicity ORDER BY people DESC, ethnicity; -- may-withhold
-- query: diabetes without hypertension
SELECT sex, count(*) AS people FROM patients p WHERE EXISTS (SELECT 1 FROM events e WHERE e.person_id = p.person_id AND e.code = '44054006')
  AND NOT EXISTS (SELECT 1 FROM events e WHERE e.person_id = p.person_id AND e.code = '38341003') GROUP BY sex ORDER BY sex; -- may-withhold
-- query: number of long-term conditions
WITH n AS (SELECT person_id, count(DISTINCT code) AS conditions FROM events WHERE code IN ('44054006', '38341003', '195967001', '13645005', '433144002', '35489007') GROUP BY person_id)
SELECT least(conditions, 3) AS conditions, count(*) AS people FROM n GROUP BY 1 ORDER BY 1; -- may-withhold
-- query: new diagnoses of diabetes by year
WITH first AS (SELECT person_id, min(date) AS first FROM events WHERE code = '44054006' GROUP BY person_id)
SELECT year(first) AS year, count(*) AS people FROM first WHERE first >= DATE '2010-01-01' GROUP BY 1 ORDER BY 1; -- may-withhold
-- query: mean age at diagnosis of diabetes
SELECT p.sex, avg(year(f.first) - p.birth_year) AS mean_age FROM patients p JOIN (SELECT person_id, min(date) AS first FROM events WHERE code = '44054006' GROUP BY person_id) f USING (person_id) GROUP BY p.sex ORDER BY p.sex; -- may-withhold
-- query: HbA1c tests a year
SELECT year(date) AS year, count(*) AS tests, count(DISTINCT person_id) AS people FROM events WHERE code = '1003671000000109' GROUP BY 1 ORDER BY 1; -- may-withhold
-- query: HbA1c by deprivation
SELECT imd_decile, count(*) AS tests, avg(value) AS mean, stddev(value) AS sd FROM events JOIN patients USING (person_id) WHERE code = '1003671000000109' GROUP BY imd_decile ORDER BY imd_decile;
-- query: HbA1c in target
SELECT CASE WHEN value < 48 THEN 'below 48' WHEN value <= 58 THEN '48 to 58' ELSE 'above 58' END AS control, count(*) AS tests, count(DISTINCT person_id) AS people
FROM events WHERE code = '1003671000000109' AND person_id IN (SELECT person_id FROM events WHERE code = '44054006') GROUP BY 1 ORDER BY 1; -- may-withhold
-- query: blood pressure by age band
SELECT (2025 - p.birth_year) // 10 * 10 AS age_band, count(*) AS readings, avg(value) AS systolic FROM events e JOIN patients p USING (person_id) WHERE code = '271649006' GROUP BY 1 ORDER BY 1; -- may-withhold
-- query: deciles of systolic pressure
SELECT quantile_cont(value, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]) AS deciles FROM events WHERE code = '271649006';
-- query: body mass index in classes
SELECT sex, CASE WHEN value < 18.5 THEN 'under' WHEN value < 25 THEN 'healthy' WHEN value < 30 THEN 'over' ELSE 'obese' END AS class, count(*) AS readings
FROM events JOIN patients USING (person_id) WHERE code = '60621009' GROUP BY ALL ORDER BY ALL; -- may-withhold
-- query: last body mass index of each person
SELECT region, avg(value) AS bmi FROM (SELECT person_id, arg_max(value, date) AS value FROM events WHERE code = '60621009' GROUP BY person_id) JOIN patients USING (person_id) GROUP BY region ORDER BY region; -- may-withhold
-- query: smoking status by sex
SELECT sex, c.term, count(DISTINCT person_id) AS people FROM events JOIN patients USING (person_id) JOIN codes c USING (code) WHERE code IN ('77176002', '8517006', '266919005') GROUP BY ALL ORDER BY ALL; -- may-withhold
-- query: influenza vaccination by season
SELECT year(date + INTERVAL 4 MONTH) AS season, count(DISTINCT person_id) AS people FROM events WHERE code = '86198006' GROUP BY 1 ORDER BY 1; -- may-withhold
-- query: COVID vaccination uptake by ethnicity
SELECT ethnicity, count(*) AS people, count(v.person_id) AS vaccinated FROM patients LEFT JOIN (SELECT DISTINCT person_id FROM events WHERE code = '1324681000000101') v USING (person_id) GROUP BY ethnicity ORDER BY ethnicity; -- may-withhold
-- query: doses per person
SELECT least(n, 5) AS doses, count(*) AS people FROM (SELECT person_id, count(*) AS n FROM events WHERE code = '1324681000000101' GROUP BY person_id) GROUP BY 1 ORDER BY 1; -- may-withhold
-- query: statins in diabetes
SELECT s.person_id IS NOT NULL AS on_statin, count(*) AS people FROM (SELECT DISTINCT person_id FROM events WHERE code = '44054006') d LEFT JOIN (SELECT DISTINCT person_id FROM events WHERE code = '372912004') s USING (person_id) GROUP BY 1 ORDER BY 1;
-- query: admissions by provider and method
SELECT provider, method, count(*) AS admissions FROM admissions GROUP BY ALL ORDER BY ALL; -- may-withhold
-- query: emergency admissions by deprivation, per thousand
SELECT imd_decile, count(*) AS admissions FROM admissions JOIN patients USING (person_id) WHERE method = 'emergency' GROUP BY imd_decile ORDER BY imd_decile;
-- query: length of stay by method
SELECT method, count(*) AS n, avg(length_of_stay) AS mean_stay, stddev(length_of_stay) AS sd FROM admissions GROUP BY method ORDER BY method; -- may-withhold
-- query: admissions by quarter and method, in columns
PIVOT (SELECT date_trunc('quarter', admitted) AS quarter, method FROM admissions) ON method IN ('emergency', 'elective') USING count(*) GROUP BY quarter ORDER BY quarter; -- may-withhold
-- query: moving mean of monthly admissions
WITH m AS (SELECT date_trunc('month', admitted) AS month, count(*) AS n FROM admissions GROUP BY 1)
SELECT month, n, round(avg(n) OVER (ORDER BY month ROWS 2 PRECEDING), 1) AS moving FROM m ORDER BY month; -- may-withhold
-- query: admissions within a year of a diagnosis of COPD
WITH copd AS (SELECT person_id, min(date) AS first FROM events WHERE code = '13645005' GROUP BY person_id)
SELECT method, count(*) AS admissions, count(DISTINCT a.person_id) AS people FROM admissions a JOIN copd USING (person_id) WHERE admitted BETWEEN first AND first + 365 GROUP BY method ORDER BY method; -- may-withhold
-- query: people with three or more emergency admissions
SELECT count(*) AS people FROM (SELECT person_id FROM admissions WHERE method = 'emergency' GROUP BY person_id HAVING count(*) >= 3); -- may-withhold
-- query: social care by service and sex
SELECT service, sex, count(*) AS packages, count(DISTINCT person_id) AS people FROM social_care JOIN patients USING (person_id) GROUP BY ALL ORDER BY ALL; -- may-withhold
-- query: hours of home care by age band
SELECT (2025 - birth_year) // 20 * 20 AS age_band, count(*) AS packages, avg(hours_per_week) AS hours FROM social_care JOIN patients USING (person_id) WHERE service = 'home care' GROUP BY 1 ORDER BY 1; -- may-withhold
-- query: pressure and cholesterol together
SELECT corr(s.value, c.value) AS r, count(*) AS pairs FROM (SELECT person_id, arg_max(value, date) AS value FROM events WHERE code = '271649006' GROUP BY person_id) s JOIN (SELECT person_id, arg_max(value, date) AS value FROM events WHERE code = '1005671000000105' GROUP BY person_id) c USING (person_id);
-- query: missing values
SELECT count(*) AS people, count(ethnicity) AS with_ethnicity, count(imd_decile) AS with_decile FROM patients;
-- query: a cohort table with an index date, and what follows
CREATE TABLE index_htn AS SELECT person_id, min(date) AS index_date FROM events WHERE code = '38341003' GROUP BY person_id;
-- step
SELECT count(*) AS people FROM index_htn;
-- step
SELECT a.method, count(*) AS admissions FROM admissions a JOIN index_htn i USING (person_id) WHERE a.admitted > i.index_date GROUP BY a.method ORDER BY a.method; -- may-withhold
-- query: per cent of all, by a subquery
SELECT region, round(100.0 * count(*) / (SELECT count(*) FROM patients), 1) AS per_cent FROM patients GROUP BY region ORDER BY region;
-- query: contacts of every kind by year
SELECT kind, year(day) AS year, count(*) AS contacts, count(DISTINCT person_id) AS people FROM (SELECT person_id, date AS day, 'record' AS kind FROM events UNION ALL SELECT person_id, admitted, 'admission' FROM admissions) GROUP BY ALL ORDER BY ALL; -- may-withhold
-- query: in hospital or with diabetes, each person once
SELECT sex, count(*) AS people FROM (SELECT person_id FROM admissions UNION SELECT person_id FROM events WHERE code = '44054006') JOIN patients USING (person_id) GROUP BY sex ORDER BY sex; -- may-withhold
-- query: diabetes without an admission
SELECT region, count(*) AS people FROM (SELECT person_id FROM events WHERE code = '44054006' EXCEPT SELECT person_id FROM admissions) JOIN patients USING (person_id) GROUP BY region ORDER BY region; -- may-withhold
-- query: diabetes and hypertension
SELECT count(*) AS people FROM (SELECT person_id FROM events WHERE code = '44054006' INTERSECT SELECT person_id FROM events WHERE code = '38341003'); -- may-withhold
-- query: first contact of any kind
SELECT kind, count(*) AS people FROM (SELECT *, row_number() OVER (PARTITION BY person_id ORDER BY day, kind) AS nth FROM (SELECT person_id, date AS day, 'record' AS kind FROM events UNION ALL SELECT person_id, admitted, 'admission' FROM admissions)) WHERE nth = 1 GROUP BY kind ORDER BY kind; -- may-withhold
-- query: a view of contacts
CREATE OR REPLACE VIEW contacts AS SELECT person_id, date AS day, 'record' AS kind FROM events UNION ALL SELECT person_id, admitted, 'admission' FROM admissions;
-- step
SELECT kind, sex, count(DISTINCT person_id) AS people FROM contacts JOIN patients USING (person_id) GROUP BY ALL ORDER BY ALL; -- may-withhold
