-- +goose Up

-- Released tables, to be given again when the same is asked: sealed. A row goes
-- when it is old or its project has too many: the gate then answers anew.

CREATE TABLE answers (
    question   TEXT NOT NULL,              -- SHA-256 of what was asked
    population TEXT NOT NULL,              -- SHA-256 of the populations it was asked of
    place      BIGINT NOT NULL,            -- ascending in the order of release
    decision   TEXT NOT NULL REFERENCES decisions (id),
    project    TEXT NOT NULL REFERENCES projects (id),
    kept       TEXT NOT NULL,              -- when
    bytes      BIGINT NOT NULL,            -- of the content
    content    TEXT NOT NULL,              -- base64
    PRIMARY KEY (question, population)
);
CREATE UNIQUE INDEX answers_by_place ON answers (place);
CREATE INDEX answers_by_project ON answers (project, place);

-- +goose Down
DROP TABLE answers;
