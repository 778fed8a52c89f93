-- +goose Up

-- The journal; see docs/journal-format.md. Rows are only ever added, except the
-- one checkpoint, which moves forward.

CREATE TABLE journal_events (
    idx   BIGINT NOT NULL PRIMARY KEY,
    event BYTEA NOT NULL
);

-- Hashes of complete subtrees, numbered as in golang.org/x/mod/sumdb/tlog.
CREATE TABLE journal_hashes (
    idx  BIGINT NOT NULL PRIMARY KEY,
    hash BYTEA NOT NULL
);

CREATE TABLE journal_checkpoint (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    size BIGINT NOT NULL,
    note TEXT NOT NULL
);
