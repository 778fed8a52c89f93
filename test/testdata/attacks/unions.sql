-- attack: everybody and one
SELECT count(*) FROM (SELECT person_id FROM patients UNION ALL SELECT person_id FROM patients WHERE {{target}});
-- attack: one person ten times is not ten people
SELECT avg(imd_decile) FROM (SELECT person_id, imd_decile FROM patients WHERE {{target}} UNION ALL SELECT person_id, imd_decile FROM patients WHERE {{target}} UNION ALL SELECT person_id, imd_decile FROM patients WHERE {{target}} UNION ALL SELECT person_id, imd_decile FROM patients WHERE {{target}} UNION ALL SELECT person_id, imd_decile FROM patients WHERE {{target}} UNION ALL SELECT person_id, imd_decile FROM patients WHERE {{target}} UNION ALL SELECT person_id, imd_decile FROM patients WHERE {{target}} UNION ALL SELECT person_id, imd_decile FROM patients WHERE {{target}} UNION ALL SELECT person_id, imd_decile FROM patients WHERE {{target}} UNION ALL SELECT person_id, imd_decile FROM patients WHERE {{target}});
-- attack: all events, then all and hers again
SELECT count(*) FROM events;
-- step
SELECT count(*) FROM (SELECT person_id FROM events UNION ALL SELECT e.person_id FROM events e JOIN patients p USING (person_id) WHERE {{target}});
-- attack: the same number is nobody's
SELECT sum(v) FROM (SELECT person_id, imd_decile AS v FROM patients UNION ALL SELECT person_id, -imd_decile FROM patients WHERE NOT {{target}});
-- attack: one branch in millions
SELECT sum(v) FROM (SELECT person_id, imd_decile AS v FROM patients UNION ALL SELECT person_id, 1000000 * imd_decile FROM patients WHERE {{target}});
-- attack: a branch of another measure
SELECT sum(v) FROM (SELECT person_id, imd_decile AS v FROM patients UNION ALL SELECT a.person_id, 1000000 * a.length_of_stay FROM admissions a JOIN patients USING (person_id) WHERE {{target}});
-- attack: a branch counted beside another
SELECT count(*) FILTER (WHERE k = 'a') - count(*) FILTER (WHERE k = 'b') FROM (SELECT person_id, 'a' AS k FROM patients UNION ALL SELECT person_id, 'b' FROM patients WHERE NOT {{target}});
-- attack: two branches as groups
SELECT sum(n) FILTER (WHERE k = 'a') - sum(n) FILTER (WHERE k = 'b') FROM (SELECT k, count(*) AS n FROM (SELECT person_id, 'a' AS k FROM events UNION ALL SELECT e.person_id, 'b' FROM events e JOIN patients USING (person_id) WHERE NOT {{target}}) GROUP BY k);
-- attack: people of two branches
SELECT count(DISTINCT person_id) - (SELECT count(*) FROM patients) FROM (SELECT person_id FROM patients WHERE NOT {{target}} UNION ALL SELECT person_id FROM patients WHERE sex = 'F' AND NOT {{target}});
-- attack: everybody except everybody else
SELECT count(*) FROM (SELECT person_id FROM patients EXCEPT SELECT person_id FROM patients WHERE NOT {{target}});
-- attack: everybody except one
SELECT count(*) FROM (SELECT person_id FROM patients EXCEPT SELECT person_id FROM patients WHERE {{target}});
-- attack: an intersection with one
SELECT count(*) FROM (SELECT person_id, sex FROM patients INTERSECT SELECT person_id, sex FROM patients WHERE {{target}});
-- attack: what is left of hers twice
SELECT count(*) FROM ((SELECT person_id, code FROM events UNION ALL SELECT e.person_id, e.code FROM events e JOIN patients USING (person_id) WHERE {{target}}) EXCEPT ALL SELECT person_id, code FROM events);
-- attack: how often each person comes
SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM (SELECT person_id FROM patients UNION ALL SELECT person_id FROM patients WHERE {{target}}) GROUP BY person_id);
-- attack: a median that one branch pulls
SELECT median(imd_decile) FROM (SELECT person_id, imd_decile FROM patients WHERE imd_decile = 5 UNION ALL SELECT person_id, imd_decile FROM patients WHERE {{target}} UNION ALL SELECT person_id, imd_decile FROM patients WHERE {{target}});
-- attack: two rows of one person, one of everybody else
SELECT count(*) FROM (SELECT person_id, sex FROM patients UNION SELECT person_id, 'X' FROM patients WHERE {{target}});
-- attack: everybody and one in a table of the workspace
CREATE OR REPLACE TABLE doubled AS SELECT person_id FROM patients UNION ALL SELECT person_id FROM patients WHERE {{target}};
-- step
SELECT count(*) FROM doubled;
-- attack: everybody and one in a view
CREATE OR REPLACE VIEW doubles AS SELECT person_id FROM patients UNION ALL SELECT person_id FROM patients WHERE {{target}};
-- step
SELECT count(*) FROM doubles;
-- attack: a join that repeats her
SELECT sum(imd_decile) FROM patients JOIN (SELECT person_id FROM patients UNION ALL SELECT person_id FROM patients WHERE {{target}}) u USING (person_id);
