-- +goose Up

-- Disclosure policies that custodians wrote, as they were given. A changed file
-- is a new version; rows are only ever added.
CREATE TABLE policies (
    name     TEXT NOT NULL,
    version  BIGINT NOT NULL CHECK (version > 0),
    sha256   TEXT NOT NULL,                -- of content
    content  TEXT NOT NULL,                -- YAML
    added    TEXT NOT NULL,
    added_by TEXT NOT NULL,
    PRIMARY KEY (name, version)
);

-- +goose Down
DROP TABLE policies;
