-- +goose Up

-- Everybody who ever was of a project that had been approved, for as long as the
-- project is kept: they never check what it asks to take out.
CREATE TABLE project_insiders (
    project   TEXT NOT NULL REFERENCES projects (id),
    user_name TEXT NOT NULL REFERENCES users (name),
    PRIMARY KEY (project, user_name)
) WITHOUT ROWID;

INSERT OR IGNORE INTO project_insiders (project, user_name)
    SELECT m.project, m.user_name FROM members m JOIN projects p ON p.id = m.project WHERE p.state NOT IN ('draft', 'submitted', 'rejected');
INSERT OR IGNORE INTO project_insiders (project, user_name) SELECT project, user_name FROM signatures;
INSERT OR IGNORE INTO project_insiders (project, user_name)
    SELECT r.project, j.value FROM requests r, json_each(r.insiders) j WHERE j.value IN (SELECT name FROM users);

-- +goose StatementBegin
CREATE TRIGGER project_insiders_remain BEFORE DELETE ON project_insiders BEGIN SELECT RAISE(ABORT, 'who was of a project is never forgotten'); END;
-- +goose StatementEnd

-- Why a custodian suspended or closed a project.
ALTER TABLE projects ADD COLUMN stopped_why TEXT NOT NULL DEFAULT '';
