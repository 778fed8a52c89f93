Analyses in the shape of Achilles', written for DuckDB: one analysis_id each, strata as text, counts of persons or of records, distributions.
A distribution's smallest and largest value are single persons' and are left out; each analysis that asks for them is there with `-- refused:` as well.
-- query: 1 number of persons
SELECT 1 AS analysis_id, CAST(NULL AS VARCHAR) AS stratum_1, count(DISTINCT person_id) AS count_value FROM person;
-- query: 2 persons by gender
SELECT 2 AS analysis_id, CAST(gender_concept_id AS VARCHAR) AS stratum_1, CAST(NULL AS VARCHAR) AS stratum_2, count(DISTINCT person_id) AS count_value FROM person GROUP BY gender_concept_id;
-- query: 3 persons by year of birth
SELECT 3 AS analysis_id, CAST(year_of_birth AS VARCHAR) AS stratum_1, count(DISTINCT person_id) AS count_value FROM person GROUP BY year_of_birth; -- may-withhold
-- query: 4 persons by race
SELECT 4 AS analysis_id, CAST(race_concept_id AS VARCHAR) AS stratum_1, count(DISTINCT person_id) AS count_value FROM person GROUP BY race_concept_id; -- may-withhold
-- query: 10 persons by year of birth and gender
SELECT 10 AS analysis_id, CAST(year_of_birth AS VARCHAR) AS stratum_1, CAST(gender_concept_id AS VARCHAR) AS stratum_2, count(DISTINCT person_id) AS count_value FROM person GROUP BY year_of_birth, gender_concept_id; -- may-withhold
-- query: 11 living persons by year of birth and gender
SELECT 11 AS analysis_id, CAST(p.year_of_birth AS VARCHAR) AS stratum_1, CAST(p.gender_concept_id AS VARCHAR) AS stratum_2, count(DISTINCT p.person_id) AS count_value
FROM person p WHERE NOT EXISTS (SELECT 1 FROM death d WHERE d.person_id = p.person_id) GROUP BY p.year_of_birth, p.gender_concept_id; -- may-withhold
-- query: 12 persons by race and ethnicity
SELECT 12 AS analysis_id, CAST(race_concept_id AS VARCHAR) AS stratum_1, CAST(ethnicity_concept_id AS VARCHAR) AS stratum_2, count(DISTINCT person_id) AS count_value FROM person GROUP BY race_concept_id, ethnicity_concept_id; -- may-withhold
-- query: 101 persons by age at first observation period
SELECT 101 AS analysis_id, CAST(year(op1.index_date) - p1.year_of_birth AS VARCHAR) AS stratum_1, count(p1.person_id) AS count_value
FROM person p1 INNER JOIN (SELECT person_id, min(observation_period_start_date) AS index_date FROM observation_period GROUP BY person_id) op1 ON p1.person_id = op1.person_id
GROUP BY year(op1.index_date) - p1.year_of_birth; -- may-withhold
-- query: 102 persons by gender and age at first observation period
SELECT 102 AS analysis_id, CAST(p1.gender_concept_id AS VARCHAR) AS stratum_1, CAST(year(op1.index_date) - p1.year_of_birth AS VARCHAR) AS stratum_2, count(p1.person_id) AS count_value
FROM person p1 INNER JOIN (SELECT person_id, min(observation_period_start_date) AS index_date FROM observation_period GROUP BY person_id) op1 ON p1.person_id = op1.person_id
GROUP BY p1.gender_concept_id, year(op1.index_date) - p1.year_of_birth; -- may-withhold
-- query: 103 distribution of age at first observation period
WITH rawdata AS (SELECT p.person_id, min(year(op.observation_period_start_date)) - p.year_of_birth AS age_value FROM person p JOIN observation_period op ON p.person_id = op.person_id GROUP BY p.person_id, p.year_of_birth)
SELECT 103 AS analysis_id, count(*) AS count_value, avg(age_value) AS avg_value, stddev(age_value) AS stdev_value, median(age_value) AS median_value,
       quantile_cont(age_value, 0.10) AS p10_value, quantile_cont(age_value, 0.25) AS p25_value, quantile_cont(age_value, 0.75) AS p75_value, quantile_cont(age_value, 0.90) AS p90_value
FROM rawdata; -- may-withhold
-- query: 103 as Achilles writes it, by ranks
WITH rawdata AS (SELECT p.person_id, min(year(op.observation_period_start_date)) - p.year_of_birth AS age_value FROM person p JOIN observation_period op ON p.person_id = op.person_id GROUP BY p.person_id, p.year_of_birth),
overall AS (SELECT CAST(avg(1.0 * age_value) AS DOUBLE) AS avg_value, stddev(age_value) AS stdev_value, count(*) AS total FROM rawdata),
agestats AS (SELECT age_value, count(*) AS total, row_number() OVER (ORDER BY age_value) AS rn FROM rawdata GROUP BY age_value),
agestatsprior AS (SELECT s.age_value, s.total, sum(p.total) AS accumulated FROM agestats s JOIN agestats p ON p.rn <= s.rn GROUP BY s.age_value, s.total, s.rn)
SELECT 103 AS analysis_id, o.total AS count_value, o.avg_value, o.stdev_value, min(CASE WHEN p.accumulated >= .50 * o.total THEN age_value END) AS median_value
FROM agestatsprior p CROSS JOIN overall o GROUP BY o.total, o.avg_value, o.stdev_value; -- may-withhold
-- query: 103 with the youngest and the oldest
-- refused: GH-206
SELECT 103 AS analysis_id, min(year_of_birth) AS min_value, max(year_of_birth) AS max_value FROM person;
-- query: 104 distribution of age at first observation period by gender
WITH rawdata AS (SELECT p.gender_concept_id, p.person_id, min(year(op.observation_period_start_date)) - p.year_of_birth AS age_value FROM person p JOIN observation_period op ON p.person_id = op.person_id GROUP BY p.person_id, p.year_of_birth, p.gender_concept_id)
SELECT 104 AS analysis_id, CAST(gender_concept_id AS VARCHAR) AS stratum_1, count(*) AS count_value, avg(age_value) AS avg_value, stddev(age_value) AS stdev_value, median(age_value) AS median_value FROM rawdata GROUP BY gender_concept_id; -- may-withhold
-- query: 105 length of the first observation period, in days
WITH rawdata AS (SELECT date_diff('day', op.observation_period_start_date, op.observation_period_end_date) AS count_value, row_number() OVER (PARTITION BY op.person_id ORDER BY op.observation_period_start_date) AS rn FROM observation_period op)
SELECT 105 AS analysis_id, count(count_value) AS count_value, avg(count_value) AS avg_value, stddev(count_value) AS stdev_value FROM rawdata WHERE rn = 1; -- may-withhold
-- query: 108 persons by length of the first observation period, in steps of 30 days
SELECT 108 AS analysis_id, CAST(floor(date_diff('day', op.observation_period_start_date, op.observation_period_end_date) / 30) AS VARCHAR) AS stratum_1, count(DISTINCT p1.person_id) AS count_value
FROM person p1 INNER JOIN (SELECT person_id, observation_period_start_date, observation_period_end_date, row_number() OVER (PARTITION BY person_id ORDER BY observation_period_start_date ASC) AS rn1 FROM observation_period) op ON p1.person_id = op.person_id
WHERE op.rn1 = 1 GROUP BY floor(date_diff('day', op.observation_period_start_date, op.observation_period_end_date) / 30); -- may-withhold
-- query: 109 persons observed throughout each year
SELECT 109 AS analysis_id, CAST(t1.obs_year AS VARCHAR) AS stratum_1, count(DISTINCT op1.person_id) AS count_value
FROM observation_period op1 CROSS JOIN (SELECT unnest(range(2000, 2023)) AS obs_year) t1
WHERE op1.observation_period_start_date <= make_date(t1.obs_year, 1, 1) AND op1.observation_period_end_date >= make_date(t1.obs_year, 12, 31) GROUP BY t1.obs_year; -- may-withhold
-- query: 109 for one year
SELECT 109 AS analysis_id, '2015' AS stratum_1, count(DISTINCT person_id) AS count_value FROM observation_period WHERE observation_period_start_date <= DATE '2015-01-01' AND observation_period_end_date >= DATE '2015-12-31';
-- query: 109 over a list of years
SELECT 109 AS analysis_id, t1.obs_year AS stratum_1, count(DISTINCT op1.person_id) AS count_value
FROM observation_period op1 JOIN (VALUES (2010, DATE '2010-01-01', DATE '2010-12-31'), (2015, DATE '2015-01-01', DATE '2015-12-31'), (2020, DATE '2020-01-01', DATE '2020-12-31')) t1(obs_year, obs_year_start, obs_year_end)
  ON op1.observation_period_start_date <= t1.obs_year_start AND op1.observation_period_end_date >= t1.obs_year_end GROUP BY t1.obs_year; -- may-withhold
-- query: 111 persons by month in which observation begins
SELECT 111 AS analysis_id, CAST(year(observation_period_start_date) * 100 + month(observation_period_start_date) AS VARCHAR) AS stratum_1, count(DISTINCT op1.person_id) AS count_value
FROM observation_period op1 GROUP BY year(observation_period_start_date) * 100 + month(observation_period_start_date); -- may-withhold
-- query: 113 persons by number of observation periods
SELECT 113 AS analysis_id, CAST(op1.num_periods AS VARCHAR) AS stratum_1, count(DISTINCT op1.person_id) AS count_value
FROM (SELECT person_id, count(observation_period_start_date) AS num_periods FROM observation_period GROUP BY person_id) op1 GROUP BY op1.num_periods; -- may-withhold
-- query: 114 persons whose observation begins before birth
SELECT 114 AS analysis_id, count(DISTINCT op1.person_id) AS count_value FROM (SELECT person_id, min(year(observation_period_start_date)) AS obs_year FROM observation_period GROUP BY person_id) op1
INNER JOIN person p1 ON p1.person_id = op1.person_id WHERE p1.year_of_birth > op1.obs_year; -- may-withhold
-- query: 200 persons by kind of visit
SELECT 200 AS analysis_id, CAST(vo1.visit_concept_id AS VARCHAR) AS stratum_1, count(DISTINCT vo1.person_id) AS count_value
FROM visit_occurrence vo1 JOIN observation_period op ON vo1.person_id = op.person_id AND vo1.visit_start_date >= op.observation_period_start_date AND vo1.visit_start_date <= op.observation_period_end_date GROUP BY vo1.visit_concept_id; -- may-withhold
-- query: 201 records by kind of visit
SELECT 201 AS analysis_id, CAST(visit_concept_id AS VARCHAR) AS stratum_1, count(person_id) AS count_value FROM visit_occurrence GROUP BY visit_concept_id; -- may-withhold
-- query: 202 persons by kind of visit and month
SELECT 202 AS analysis_id, CAST(visit_concept_id AS VARCHAR) AS stratum_1, CAST(year(visit_start_date) * 100 + month(visit_start_date) AS VARCHAR) AS stratum_2, count(DISTINCT person_id) AS count_value
FROM visit_occurrence GROUP BY visit_concept_id, year(visit_start_date) * 100 + month(visit_start_date); -- may-withhold
-- query: 203 kinds of visit per person
WITH rawdata AS (SELECT person_id, count(DISTINCT visit_concept_id) AS num_visits FROM visit_occurrence GROUP BY person_id)
SELECT 203 AS analysis_id, count(*) AS count_value, avg(num_visits) AS avg_value, stddev(num_visits) AS stdev_value FROM rawdata; -- may-withhold
-- query: 204 persons by kind of visit, year, gender and decade of age
SELECT 204 AS analysis_id, vo1.visit_concept_id AS stratum_1, year(vo1.visit_start_date) AS stratum_2, p1.gender_concept_id AS stratum_3, floor((year(vo1.visit_start_date) - p1.year_of_birth) / 10) AS stratum_4, count(DISTINCT p1.person_id) AS count_value
FROM person p1 INNER JOIN visit_occurrence vo1 ON p1.person_id = vo1.person_id
GROUP BY vo1.visit_concept_id, year(vo1.visit_start_date), p1.gender_concept_id, floor((year(vo1.visit_start_date) - p1.year_of_birth) / 10); -- may-withhold
-- query: 206 age at first visit by kind and gender
WITH first AS (SELECT person_id, visit_concept_id, min(year(visit_start_date)) AS visit_start_year FROM visit_occurrence GROUP BY person_id, visit_concept_id)
SELECT 206 AS analysis_id, first.visit_concept_id AS stratum_1, p1.gender_concept_id AS stratum_2, count(*) AS count_value, avg(first.visit_start_year - p1.year_of_birth) AS avg_value, stddev(first.visit_start_year - p1.year_of_birth) AS stdev_value
FROM person p1 JOIN first ON p1.person_id = first.person_id GROUP BY first.visit_concept_id, p1.gender_concept_id; -- may-withhold
-- query: 207 visits of unknown persons
SELECT 207 AS analysis_id, count(vo1.person_id) AS count_value FROM visit_occurrence vo1 LEFT JOIN person p1 ON p1.person_id = vo1.person_id WHERE p1.person_id IS NULL; -- may-withhold
-- query: 210 visits outside of observation
SELECT 210 AS analysis_id, count(*) AS count_value FROM visit_occurrence vo1 LEFT JOIN observation_period op1
  ON op1.person_id = vo1.person_id AND vo1.visit_start_date >= op1.observation_period_start_date AND vo1.visit_start_date <= op1.observation_period_end_date WHERE op1.person_id IS NULL; -- may-withhold
-- query: 211 length of stay by kind of visit
SELECT 211 AS analysis_id, visit_concept_id AS stratum_1, count(*) AS count_value, avg(date_diff('day', visit_start_date, visit_end_date)) AS avg_value, stddev(date_diff('day', visit_start_date, visit_end_date)) AS stdev_value FROM visit_occurrence GROUP BY visit_concept_id; -- may-withhold
-- query: 220 visits by month
SELECT 220 AS analysis_id, CAST(year(visit_start_date) * 100 + month(visit_start_date) AS VARCHAR) AS stratum_1, count(person_id) AS count_value FROM visit_occurrence GROUP BY year(visit_start_date) * 100 + month(visit_start_date); -- may-withhold
-- query: 400 persons by condition
SELECT 400 AS analysis_id, CAST(condition_concept_id AS VARCHAR) AS stratum_1, count(DISTINCT person_id) AS count_value FROM condition_occurrence GROUP BY condition_concept_id; -- may-withhold
-- query: 402 persons by condition and month
SELECT 402 AS analysis_id, condition_concept_id AS stratum_1, year(condition_start_date) * 100 + month(condition_start_date) AS stratum_2, count(DISTINCT person_id) AS count_value FROM condition_occurrence GROUP BY 2, 3; -- may-withhold
-- query: 403 conditions per person
SELECT 403 AS analysis_id, avg(num_conditions) AS avg_value, stddev(num_conditions) AS stdev_value, median(num_conditions) AS median_value FROM (SELECT person_id, count(DISTINCT condition_concept_id) AS num_conditions FROM condition_occurrence GROUP BY person_id); -- may-withhold
-- query: 404 persons by condition, year, gender and decade of age
SELECT 404 AS analysis_id, co1.condition_concept_id AS stratum_1, year(co1.condition_start_date) AS stratum_2, p1.gender_concept_id AS stratum_3, floor((year(co1.condition_start_date) - p1.year_of_birth) / 10) AS stratum_4, count(DISTINCT p1.person_id) AS count_value
FROM person p1 INNER JOIN condition_occurrence co1 ON p1.person_id = co1.person_id GROUP BY 2, 3, 4, 5; -- may-withhold
-- query: 405 records by condition and type
SELECT 405 AS analysis_id, condition_concept_id AS stratum_1, condition_type_concept_id AS stratum_2, count(person_id) AS count_value FROM condition_occurrence GROUP BY condition_concept_id, condition_type_concept_id; -- may-withhold
-- query: 413 conditions with a visit that is not there
SELECT 413 AS analysis_id, count(co1.person_id) AS count_value FROM condition_occurrence co1 LEFT JOIN visit_occurrence vo1 ON co1.person_id = vo1.person_id AND co1.visit_occurrence_id = vo1.visit_occurrence_id WHERE co1.visit_occurrence_id IS NOT NULL AND vo1.visit_occurrence_id IS NULL; -- may-withhold
-- query: 500 persons by cause of death
SELECT 500 AS analysis_id, cause_concept_id AS stratum_1, count(DISTINCT person_id) AS count_value FROM death GROUP BY cause_concept_id; -- may-withhold
-- query: 506 age at death by gender
SELECT 506 AS analysis_id, p1.gender_concept_id AS stratum_1, count(*) AS count_value, avg(d1.death_year - p1.year_of_birth) AS avg_value, stddev(d1.death_year - p1.year_of_birth) AS stdev_value
FROM person p1 INNER JOIN (SELECT person_id, min(year(death_date)) AS death_year FROM death GROUP BY person_id) d1 ON p1.person_id = d1.person_id GROUP BY p1.gender_concept_id; -- may-withhold
-- query: 511 days from death to the last condition
SELECT 511 AS analysis_id, count(*) AS count_value, avg(ds) AS avg_value FROM (SELECT date_diff('day', t.death_date, max(co1.condition_start_date)) AS ds FROM death t JOIN condition_occurrence co1 ON t.person_id = co1.person_id GROUP BY t.person_id, t.death_date); -- may-withhold
-- query: 600 persons by procedure
SELECT 600 AS analysis_id, procedure_concept_id AS stratum_1, count(DISTINCT person_id) AS count_value FROM procedure_occurrence GROUP BY procedure_concept_id; -- may-withhold
-- query: 700 persons by medicine
SELECT 700 AS analysis_id, drug_concept_id AS stratum_1, count(DISTINCT person_id) AS count_value FROM drug_exposure GROUP BY drug_concept_id; -- may-withhold
-- query: 715 days of supply by medicine
SELECT 715 AS analysis_id, drug_concept_id AS stratum_1, count(days_supply) AS count_value, avg(days_supply) AS avg_value, stddev(days_supply) AS stdev_value, median(days_supply) AS median_value FROM drug_exposure WHERE days_supply IS NOT NULL GROUP BY drug_concept_id; -- may-withhold
-- query: 716 refills by medicine
SELECT 716 AS analysis_id, drug_concept_id AS stratum_1, count(refills) AS count_value, avg(refills) AS avg_value FROM drug_exposure GROUP BY drug_concept_id; -- may-withhold
-- query: 800 persons by observation
SELECT 800 AS analysis_id, observation_concept_id AS stratum_1, count(DISTINCT person_id) AS count_value FROM observation GROUP BY observation_concept_id; -- may-withhold
-- query: 1007 length of condition eras
SELECT 1007 AS analysis_id, condition_concept_id AS stratum_1, count(*) AS count_value, avg(date_diff('day', condition_era_start_date, condition_era_end_date)) AS avg_value, stddev(date_diff('day', condition_era_start_date, condition_era_end_date)) AS stdev_value FROM condition_era GROUP BY condition_concept_id; -- may-withhold
-- query: 1800 persons by measurement
SELECT 1800 AS analysis_id, measurement_concept_id AS stratum_1, count(DISTINCT person_id) AS count_value FROM measurement GROUP BY measurement_concept_id; -- may-withhold
-- query: 1815 values by measurement and unit
SELECT 1815 AS analysis_id, measurement_concept_id AS stratum_1, unit_concept_id AS stratum_2, count(value_as_number) AS count_value, avg(value_as_number) AS avg_value, stddev(value_as_number) AS stdev_value, quantile_cont(value_as_number, [0.1, 0.25, 0.5, 0.75, 0.9]) AS quantiles
FROM measurement WHERE unit_concept_id IS NOT NULL AND value_as_number IS NOT NULL GROUP BY measurement_concept_id, unit_concept_id; -- may-withhold
-- query: 1818 measurements below, within and above the normal range
SELECT 1818 AS analysis_id, measurement_concept_id AS stratum_1, unit_concept_id AS stratum_2,
  CASE WHEN value_as_number < 60 THEN 'Below Range Low' WHEN value_as_number <= 120 THEN 'Within Range' WHEN value_as_number > 120 THEN 'Above Range High' ELSE 'Other' END AS stratum_3, count(person_id) AS count_value
FROM measurement WHERE measurement_concept_id IN (3004249, 3012888, 3027018) GROUP BY 2, 3, 4; -- may-withhold
-- query: 2000 persons with a diagnosis and a prescription
SELECT 2000 AS analysis_id, count(*) AS count_value FROM (SELECT DISTINCT person_id FROM condition_occurrence) a INNER JOIN (SELECT DISTINCT person_id FROM drug_exposure) b ON a.person_id = b.person_id; -- may-withhold
-- query: 2000 by intersection
SELECT 2000 AS analysis_id, count(*) AS count_value FROM (SELECT person_id FROM condition_occurrence INTERSECT SELECT person_id FROM drug_exposure) a; -- may-withhold
-- query: 2002 persons with a diagnosis, a procedure and a prescription
SELECT 2002 AS analysis_id, count(DISTINCT c.person_id) AS count_value FROM (SELECT DISTINCT person_id FROM condition_occurrence) c JOIN (SELECT DISTINCT person_id FROM procedure_occurrence) p USING (person_id) JOIN (SELECT DISTINCT person_id FROM drug_exposure) d USING (person_id); -- may-withhold
-- query: 2003 persons with a visit
SELECT 2003 AS analysis_id, count(DISTINCT person_id) AS count_value FROM visit_occurrence; -- may-withhold
-- query: 2004 domains that persons have in common
WITH r AS (SELECT person_id, 1 AS cond, 0 AS drug FROM condition_occurrence UNION ALL SELECT person_id, 0, 1 FROM drug_exposure),
     s AS (SELECT person_id, max(cond) AS cond, max(drug) AS drug FROM r GROUP BY person_id)
SELECT 2004 AS analysis_id, CASE WHEN cond = 1 AND drug = 1 THEN 'both' WHEN cond = 1 THEN 'condition' ELSE 'drug' END AS stratum_1, count(*) AS count_value FROM s GROUP BY 2; -- may-withhold
-- query: 2100 persons by device
SELECT 2100 AS analysis_id, device_concept_id AS stratum_1, count(DISTINCT person_id) AS count_value FROM device_exposure GROUP BY device_concept_id; -- may-withhold
-- query: 226 records of visits by domain
SELECT 226 AS analysis_id, visit_concept_id AS stratum_1, cdm_table AS stratum_2, record_count AS count_value FROM
 (SELECT v.visit_concept_id, 'drug_exposure' AS cdm_table, count(*) AS record_count FROM drug_exposure t JOIN visit_occurrence v ON t.person_id = v.person_id AND t.visit_occurrence_id = v.visit_occurrence_id GROUP BY v.visit_concept_id
  UNION ALL SELECT v.visit_concept_id, 'condition_occurrence', count(*) FROM condition_occurrence t JOIN visit_occurrence v ON t.person_id = v.person_id AND t.visit_occurrence_id = v.visit_occurrence_id GROUP BY v.visit_concept_id); -- may-withhold
