Two who ask for one: members of the same project, members of two projects on the same dataset that share somebody, one person in two sessions. `-- step as WHO`: researcher2 is
another member; WHO@second is somebody in the project `second`, of which researcher2 is a member too, and outsider is not one of this project.

-- attack: two members
-- learn: a - b
SELECT count(*) FROM patients WHERE imd_decile = 1;
-- step as researcher2
SELECT count(*) FROM patients WHERE imd_decile = 1 AND NOT ({{target}});
-- attack: two members, the padded one first
-- learn: a - b
SELECT sum(imd_decile) FROM patients WHERE sex = 'M' OR {{target}};
-- step as researcher2
SELECT sum(imd_decile) FROM patients WHERE sex = 'M';
-- attack: a member's other project
-- learn: a - b
SELECT count(*) FROM patients WHERE imd_decile = 1;
-- step as researcher2@second
SELECT count(*) FROM patients WHERE imd_decile = 1 AND NOT ({{target}});
-- attack: first in the other project
-- learn: a - b
SELECT sum(imd_decile) FROM patients WHERE sex = 'F';
-- step as researcher2@second
SELECT sum(imd_decile) FROM patients WHERE sex = 'F' AND NOT ({{target}});
-- attack: somebody else of a project that shares a member
-- learn: a - b
SELECT count(*) FROM patients WHERE region = 'London' OR {{target}};
-- step as outsider@second
SELECT count(*) FROM patients WHERE region = 'London';
-- attack: three who ask
-- learn: a + c - b
SELECT count(*) FROM patients WHERE sex = 'M' OR {{target}};
-- step as outsider@second
SELECT count(*) FROM patients;
-- step as researcher2@second
SELECT count(*) FROM patients WHERE sex <> 'M';
-- attack: a total in one project, cells in another
-- learn: {k: at(0, k) - at(1, k, 'F') - at(1, k, 'M') for k, n in A if 0 < at(0, k) - at(1, k, 'F') - at(1, k, 'M') < 10}
SELECT practice_id, count(*) FROM patients GROUP BY practice_id;
-- step as outsider@second
SELECT practice_id, sex, count(*) FROM patients WHERE sex IN ('F', 'M') GROUP BY practice_id, sex;
-- attack: a workspace table of one member, used by the other
-- learn: c - b
CREATE OR REPLACE TABLE others AS SELECT person_id, imd_decile FROM patients WHERE NOT ({{target}});
-- step as researcher2
SELECT sum(imd_decile) FROM others;
-- step
SELECT sum(imd_decile) FROM patients;
