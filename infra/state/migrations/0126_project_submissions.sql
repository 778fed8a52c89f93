-- +goose Up

-- What an application said each time that it was submitted, so that custodians see
-- what has changed since.
CREATE TABLE project_submissions (
    project   TEXT NOT NULL REFERENCES projects (id),
    round     BIGINT NOT NULL,
    content   TEXT NOT NULL, -- what it said, JSON
    submitted TEXT NOT NULL,
    PRIMARY KEY (project, round)
);
-- +goose StatementBegin
CREATE TRIGGER project_submissions_are_kept BEFORE UPDATE ON project_submissions BEGIN SELECT RAISE(ABORT, 'what was submitted is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER project_submissions_are_not_removed BEFORE DELETE ON project_submissions BEGIN SELECT RAISE(ABORT, 'what was submitted is never removed'); END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE project_submissions;
