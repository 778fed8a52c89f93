-- +goose Up

-- What the gate decided, and what left. Rows are only ever added.

CREATE TABLE decisions (
    id        TEXT PRIMARY KEY,
    decided   TEXT NOT NULL,
    project   TEXT NOT NULL REFERENCES projects (id),
    workspace TEXT NOT NULL REFERENCES workspaces (id),
    author    TEXT NOT NULL,
    session   TEXT NOT NULL,               -- id of the token that asked
    statement TEXT NOT NULL,               -- as the researcher wrote it
    outcome   TEXT NOT NULL CHECK (outcome IN ('released', 'suppressed', 'refused', 'referred', 'kept')),
    code      TEXT NOT NULL,               -- refusals: GH-nnn; else ''
    policy    TEXT NOT NULL,
    datasets  TEXT NOT NULL                -- JSON: name@version
);
CREATE INDEX decisions_by_workspace ON decisions (workspace, decided);

CREATE TABLE ledger (
    decision TEXT NOT NULL REFERENCES decisions (id),
    place    BIGINT NOT NULL,
    source   TEXT NOT NULL,                -- the SQL that the vault ran
    digest   TEXT NOT NULL,                -- SHA-256 of the released table
    groups   BIGINT NOT NULL,
    cells    BIGINT NOT NULL,
    PRIMARY KEY (decision, place)
);

CREATE TABLE scratch_tables (
    workspace TEXT NOT NULL REFERENCES workspaces (id),
    name      TEXT NOT NULL,
    made_by   TEXT NOT NULL REFERENCES decisions (id),
    content   TEXT NOT NULL,               -- JSON: columns, what the gate knows of them, SQL
    PRIMARY KEY (workspace, name)
);

-- +goose Down
DROP TABLE scratch_tables;
DROP TABLE ledger;
DROP TABLE decisions;
