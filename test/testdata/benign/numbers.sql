Numbers computed for each person or row, as distributions are asked for: how many, mean, spread, median and quantiles side by side.
-- query: records per person, a whole distribution
SELECT count(*) AS people, avg(n) AS mean, stddev(n) AS sd, median(n) AS median, quantile_cont(n, 0.25) AS p25, quantile_cont(n, 0.75) AS p75 FROM (SELECT person_id, count(*) AS n FROM events GROUP BY person_id); -- may-withhold
-- query: conditions per person by sex
SELECT sex, count(*) AS people, avg(n) AS mean, stddev(n) AS sd FROM patients JOIN (SELECT person_id, count(DISTINCT code) AS n FROM events WHERE code IN ('44054006', '38341003', '195967001') GROUP BY person_id) USING (person_id) WHERE sex IN ('F', 'M') GROUP BY sex ORDER BY sex; -- may-withhold
-- query: age at first diagnosis of diabetes
SELECT count(*) AS people, avg(d.first_year - p.birth_year) AS mean, stddev(d.first_year - p.birth_year) AS sd, median(d.first_year - p.birth_year) AS median
FROM patients p JOIN (SELECT person_id, min(year(date)) AS first_year FROM events WHERE code = '44054006' GROUP BY person_id) d USING (person_id); -- may-withhold
-- query: years from registration to the last event
SELECT count(*) AS people, avg(days) AS mean_days, median(days) AS median_days FROM (SELECT p.person_id, date_diff('day', p.registered_from, max(e.date)) AS days FROM patients p JOIN events e USING (person_id) GROUP BY p.person_id, p.registered_from); -- may-withhold
-- query: change of HbA1c from first to last
SELECT count(*) AS people, avg(last_value - first_value) AS mean_change, stddev(last_value - first_value) AS sd
FROM (SELECT person_id, arg_min(value, date) AS first_value, arg_max(value, date) AS last_value FROM events WHERE code = '1003671000000109' GROUP BY person_id); -- may-withhold
-- query: days between two admissions
SELECT count(*) AS gaps, avg(admitted - before) AS mean_days, median(admitted - before) AS median_days FROM (SELECT admitted, lag(admitted) OVER (PARTITION BY person_id ORDER BY admitted, discharged) AS before FROM admissions) WHERE before IS NOT NULL; -- may-withhold
-- query: length of stay from dates
SELECT method, count(*) AS n, avg(date_diff('day', admitted, discharged)) AS mean_days, median(date_diff('day', admitted, discharged)) AS median_days FROM admissions GROUP BY method ORDER BY method; -- may-withhold
-- query: length of stay in months
SELECT floor(date_diff('day', admitted, discharged) / 30) AS months, count(*) AS n FROM admissions WHERE discharged IS NOT NULL GROUP BY 1 ORDER BY 1; -- may-withhold
-- query: years registered
SELECT date_diff('day', registered_from, DATE '2025-01-01') // 3650 AS decades, count(*) AS people FROM patients GROUP BY 1 ORDER BY 1; -- may-withhold
-- query: the year in which a year of follow-up ends
SELECT year(admitted + INTERVAL 1 YEAR) AS until_year, count(*) AS n FROM admissions GROUP BY 1 ORDER BY 1; -- may-withhold
-- query: means with a decimal point
SELECT region, avg(1.0 * (2025 - birth_year)) AS mean_age, sum(1.0 * imd_decile) AS deciles FROM patients GROUP BY region ORDER BY region; -- may-withhold
-- query: affine in whole numbers
SELECT sex, sum(2 * imd_decile + 1) AS a, avg(3 * (2 * imd_decile + 1) - 4) AS b FROM patients WHERE sex IN ('F', 'M') GROUP BY sex ORDER BY sex; -- may-withhold
