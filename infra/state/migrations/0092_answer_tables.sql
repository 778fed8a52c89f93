-- +goose Up

-- Digests of the tables that the gate gave to a project, and the decision that let
-- each out first: a file that holds one is known again.
CREATE TABLE answer_tables (
    project  TEXT NOT NULL,
    digest   TEXT NOT NULL,
    decision TEXT NOT NULL REFERENCES decisions (id),
    PRIMARY KEY (project, digest)
);

-- +goose Down
DROP TABLE answer_tables;
