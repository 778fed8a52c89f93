Questions in the shape of OHDSI's query library, written for DuckDB: vocabulary (G), persons (PE), observation periods (OP), conditions (C, CO), condition eras (CE),
medicines (DEX), procedures (P), visits (CS, V). `-- refused:` marks those that show single persons.
-- query: G01 find a concept by its id
SELECT concept_id, concept_name, concept_code, concept_class_id, standard_concept, vocabulary_id FROM concept WHERE concept_id = 260139;
-- query: G02 find a concept by its code
SELECT c.concept_id, c.concept_name, c.vocabulary_id FROM concept c WHERE c.concept_code = '444814009' AND c.vocabulary_id = 'SNOMED';
-- query: G05 find concepts by a word of their names
SELECT concept_class_id, count(*) AS concepts FROM concept WHERE lower(concept_name) LIKE '%pressure%' GROUP BY concept_class_id ORDER BY 1;
-- query: G12 list vocabularies
SELECT vocabulary_id, vocabulary_name FROM vocabulary ORDER BY vocabulary_id;
-- query: PE02 persons by gender, with names
SELECT person.gender_concept_id, concept.concept_name AS gender_name, count(person.person_id) AS num_persons FROM person JOIN concept ON person.gender_concept_id = concept.concept_id GROUP BY person.gender_concept_id, concept.concept_name; -- may-withhold
-- query: PE03 persons by year of birth
SELECT year_of_birth, count(person_id) AS num_persons FROM person GROUP BY year_of_birth ORDER BY year_of_birth; -- may-withhold
-- query: PE06 persons by gender, race and year of birth
SELECT gender_concept_id, race_concept_id, year_of_birth // 10 * 10 AS decade, count(person_id) AS num_persons FROM person GROUP BY ALL ORDER BY ALL; -- may-withhold
-- query: PE07 gender by race, and share of it
SELECT gender_concept_id, race_concept_id, count(*) AS num_persons, round(100.0 * count(*) / sum(count(*)) OVER (PARTITION BY race_concept_id), 1) AS per_cent FROM person GROUP BY gender_concept_id, race_concept_id; -- may-withhold
-- query: PE08 distribution of year of birth
SELECT quantile_cont(year_of_birth, [0.25, 0.5, 0.75]) AS quartiles, avg(year_of_birth) AS avg_year, round(stddev(year_of_birth), 1) AS stdev_year FROM person; -- may-withhold
-- query: PE08 with the earliest and latest year
-- refused: GH-206
SELECT min(year_of_birth) AS min_year, max(year_of_birth) AS max_year FROM person;
-- query: PE10 persons without a provider
SELECT count(person_id) AS num_persons FROM person WHERE provider_id IS NULL;
-- query: PE12 persons with a given number of names
-- refused: GH-204
SELECT * FROM person WHERE year_of_birth = 1970;
-- query: OP01 persons by length of observation in years
SELECT date_diff('day', observation_period_start_date, observation_period_end_date) // 365 AS years, count(*) AS persons FROM observation_period GROUP BY 1 ORDER BY 1; -- may-withhold
-- query: OP02 mean length of observation
SELECT avg(date_diff('day', observation_period_start_date, observation_period_end_date)) AS mean_days, stddev(date_diff('day', observation_period_start_date, observation_period_end_date)) AS sd_days, count(*) AS periods FROM observation_period; -- may-withhold
-- query: OP04 persons with more than one observation period
SELECT count(*) AS persons FROM (SELECT person_id, count(*) AS periods FROM observation_period GROUP BY person_id) WHERE periods > 1; -- may-withhold all
-- query: OP08 persons observed on a day
SELECT count(DISTINCT person_id) AS persons FROM observation_period WHERE DATE '2012-06-30' BETWEEN observation_period_start_date AND observation_period_end_date;
-- query: OP11 persons by age at the start of observation, in bands
SELECT CASE WHEN year(observation_period_start_date) - year_of_birth < 18 THEN '0-17' WHEN year(observation_period_start_date) - year_of_birth < 65 THEN '18-64' ELSE '65+' END AS age_band, gender_concept_id, count(*) AS persons
FROM observation_period JOIN person USING (person_id) GROUP BY ALL ORDER BY ALL; -- may-withhold
-- query: OP17 mean age of persons under observation in a year, by gender
SELECT gender_concept_id, avg(2015 - year_of_birth) AS mean_age, count(*) AS persons FROM person p JOIN observation_period o ON p.person_id = o.person_id WHERE 2015 BETWEEN year(observation_period_start_date) AND year(observation_period_end_date) GROUP BY gender_concept_id; -- may-withhold
-- query: CO01 most frequent conditions
SELECT c.concept_name, count(*) AS occurrences, count(DISTINCT co.person_id) AS persons FROM condition_occurrence co JOIN concept c ON co.condition_concept_id = c.concept_id GROUP BY c.concept_name ORDER BY occurrences DESC LIMIT 20; -- may-withhold
-- query: CO02 age at diagnosis of a condition
SELECT quantile_cont(age, 0.25) AS p25, median(age) AS median, quantile_cont(age, 0.75) AS p75 FROM (SELECT year(min(condition_start_date)) - min(year_of_birth) AS age FROM condition_occurrence JOIN person USING (person_id) WHERE condition_concept_id = 40481087 GROUP BY person_id); -- may-withhold
-- query: CO05 occurrences of a condition by season
SELECT CASE WHEN month(condition_start_date) IN (12, 1, 2) THEN 'winter' WHEN month(condition_start_date) IN (3, 4, 5) THEN 'spring' WHEN month(condition_start_date) IN (6, 7, 8) THEN 'summer' ELSE 'autumn' END AS season, count(*) AS occurrences
FROM condition_occurrence WHERE condition_concept_id IN (260139, 4112343, 40481087) GROUP BY 1 ORDER BY 1; -- may-withhold
-- query: CO07 conditions that come before another within a year
SELECT c.concept_name, count(DISTINCT a.person_id) AS persons FROM condition_occurrence a JOIN condition_occurrence b ON a.person_id = b.person_id AND a.condition_start_date < b.condition_start_date AND a.condition_start_date >= b.condition_start_date - 365
JOIN concept c ON a.condition_concept_id = c.concept_id WHERE b.condition_concept_id = 4251306 AND a.condition_concept_id <> 4251306 GROUP BY c.concept_name ORDER BY persons DESC, concept_name LIMIT 10; -- may-withhold
-- query: CO10 conditions by gender, in columns
SELECT c.concept_name, count(*) FILTER (WHERE p.gender_concept_id = 8507) AS male, count(*) FILTER (WHERE p.gender_concept_id = 8532) AS female
FROM condition_occurrence co JOIN person p ON co.person_id = p.person_id JOIN concept c ON c.concept_id = co.condition_concept_id GROUP BY c.concept_name ORDER BY 1; -- may-withhold
-- query: CO13 persons with a condition at least twice
SELECT condition_concept_id, count(*) AS persons FROM (SELECT person_id, condition_concept_id FROM condition_occurrence GROUP BY person_id, condition_concept_id HAVING count(*) >= 2) GROUP BY condition_concept_id; -- may-withhold
-- query: CO22 conditions by type, per cent
SELECT condition_type_concept_id, count(*) AS n, round(100.0 * count(*) / (SELECT count(*) FROM condition_occurrence), 1) AS per_cent FROM condition_occurrence GROUP BY 1;
-- query: CE01 mean length of a condition's eras
SELECT condition_concept_id, avg(condition_era_end_date - condition_era_start_date) AS mean_days, count(*) AS eras FROM condition_era WHERE condition_concept_id IN (260139, 372328, 40481087) GROUP BY 1 ORDER BY 1; -- may-withhold
-- query: CE05 conditions by age band at onset
SELECT e.condition_concept_id, (year(e.condition_era_start_date) - p.year_of_birth) // 10 AS decade, count(*) AS persons
FROM (SELECT person_id, condition_concept_id, min(condition_era_start_date) AS condition_era_start_date FROM condition_era GROUP BY person_id, condition_concept_id) e JOIN person p ON p.person_id = e.person_id GROUP BY ALL ORDER BY ALL; -- may-withhold
-- query: CE14 persons with two conditions
SELECT count(DISTINCT a.person_id) AS persons FROM condition_era a JOIN condition_era b ON a.person_id = b.person_id WHERE a.condition_concept_id = 40481087 AND b.condition_concept_id = 260139; -- may-withhold
-- query: DEX01 persons with a medicine
SELECT concept_name, count(DISTINCT person_id) AS num_persons FROM drug_exposure JOIN concept ON drug_concept_id = concept_id WHERE lower(domain_id) = 'drug' AND drug_concept_id = 19078106 GROUP BY concept_name; -- may-withhold
-- query: DEX05 medicines by month of their start
SELECT date_trunc('month', drug_exposure_start_date) AS month, count(*) AS exposures FROM drug_exposure WHERE drug_concept_id = 19080128 GROUP BY 1 ORDER BY 1; -- may-withhold
-- query: DEX11 days of supply of a medicine
SELECT quantile_disc(days_supply, [0.25, 0.5, 0.75]) AS quartiles, count(*) AS n FROM drug_exposure WHERE drug_concept_id = 19080128; -- may-withhold
-- query: DEX12 quantities by medicine, at least a hundred exposures
SELECT drug_concept_id, count(*) AS n, avg(quantity) AS mean_quantity FROM drug_exposure GROUP BY drug_concept_id HAVING count(*) >= 100 ORDER BY n DESC; -- may-withhold
-- query: DEX20 persons with more than one of a class of medicines
SELECT medicines, count(*) AS persons FROM (SELECT person_id, count(DISTINCT drug_concept_id) AS medicines FROM drug_exposure WHERE drug_concept_id IN (19078106, 19080128, 19073094, 40185280) GROUP BY person_id) GROUP BY medicines ORDER BY medicines; -- may-withhold
-- query: DEX29 medicine before and after a diagnosis
WITH dx AS (SELECT person_id, min(condition_start_date) AS index_date FROM condition_occurrence WHERE condition_concept_id = 4251306 GROUP BY person_id)
SELECT d.drug_concept_id, count(DISTINCT d.person_id) AS persons FROM drug_exposure d JOIN dx ON dx.person_id = d.person_id WHERE d.drug_exposure_start_date BETWEEN dx.index_date AND dx.index_date + 365 GROUP BY 1 ORDER BY 2 DESC; -- may-withhold
-- query: DEX41 persons without a medicine
SELECT count(*) AS persons FROM person p WHERE p.person_id NOT IN (SELECT person_id FROM drug_exposure);
-- query: P01 procedures by provider's specialty
SELECT pr.specialty_concept_id, count(*) AS procedures FROM procedure_occurrence po JOIN provider pr ON po.provider_id = pr.provider_id GROUP BY 1 ORDER BY 2 DESC; -- may-withhold
-- query: P06 procedures per person
SELECT least(n, 50) // 10 * 10 AS procedures, count(*) AS persons FROM (SELECT person_id, count(*) AS n FROM procedure_occurrence GROUP BY person_id) GROUP BY 1 ORDER BY 1; -- may-withhold
-- query: V02 visits that follow within a month of another
WITH v AS (SELECT person_id, visit_start_date, lag(visit_end_date) OVER (PARTITION BY person_id ORDER BY visit_start_date, visit_occurrence_id) AS before FROM visit_occurrence)
SELECT count(*) AS visits, count(*) FILTER (WHERE visit_start_date - before <= 30) AS soon FROM v WHERE before IS NOT NULL;
-- query: V05 visits by kind and year, in columns
PIVOT (SELECT visit_concept_id, year(visit_start_date) AS year FROM visit_occurrence) ON year IN (2018, 2019, 2020) USING count(*) GROUP BY visit_concept_id; -- may-withhold
-- query: M01 first and last value of a measurement
WITH w AS (SELECT person_id, arg_min(value_as_number, measurement_date) AS first, arg_max(value_as_number, measurement_date) AS last FROM measurement WHERE measurement_concept_id = 3025315 GROUP BY person_id)
SELECT count(*) AS persons, avg(last - first) AS mean_change FROM w; -- may-withhold
-- query: M02 blood pressure of each kind at the same visit
SELECT count(*) AS pairs, corr(s.value_as_number, d.value_as_number) AS r FROM measurement s JOIN measurement d ON s.person_id = d.person_id AND s.visit_occurrence_id = d.visit_occurrence_id AND s.measurement_date = d.measurement_date
WHERE s.measurement_concept_id = 3004249 AND d.measurement_concept_id = 3012888; -- may-withhold
-- query: M03 the most frequent measurements by visit kind
SELECT * FROM (SELECT v.visit_concept_id, m.measurement_concept_id, count(*) AS n, row_number() OVER (PARTITION BY v.visit_concept_id ORDER BY count(*) DESC) AS place
FROM measurement m JOIN visit_occurrence v ON m.person_id = v.person_id AND m.visit_occurrence_id = v.visit_occurrence_id GROUP BY 1, 2) WHERE place <= 5; -- may-withhold
-- query: a new-user cohort in the workspace, then its attrition
CREATE TABLE cohort AS SELECT d.person_id, min(d.drug_exposure_start_date) AS index_date FROM drug_exposure d JOIN observation_period o ON d.person_id = o.person_id WHERE d.drug_concept_id = 19080128 AND d.drug_exposure_start_date >= o.observation_period_start_date + 365 GROUP BY d.person_id;
-- step
SELECT count(*) AS new_users FROM cohort; -- may-withhold
-- step
SELECT year(index_date) AS year, count(*) AS new_users FROM cohort GROUP BY 1 ORDER BY 1; -- may-withhold
