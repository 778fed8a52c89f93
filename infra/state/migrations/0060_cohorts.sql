-- +goose Up

-- Which rows of which people released numbers were made of: sealed. Rows are only
-- ever added.

CREATE TABLE cohorts (
    place    BIGINT PRIMARY KEY,           -- ascending in the order of release
    decision TEXT NOT NULL REFERENCES decisions (id),
    project  TEXT NOT NULL REFERENCES projects (id),
    content  TEXT NOT NULL                 -- base64
);
CREATE INDEX cohorts_by_project ON cohorts (project, place);

-- +goose Down
DROP TABLE cohorts;
