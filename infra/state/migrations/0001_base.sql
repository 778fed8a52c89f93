-- +goose Up

-- Times are text, UTC, RFC 3339 with microseconds, so that they sort as text
-- and mean the same in every database.

CREATE TABLE users (
    name    TEXT PRIMARY KEY,
    created TEXT NOT NULL
);

CREATE TABLE house_roles (
    user_name TEXT NOT NULL REFERENCES users (name),
    role      TEXT NOT NULL CHECK (role IN ('custodian', 'checker', 'operator', 'auditor')),
    granted   TEXT NOT NULL,
    PRIMARY KEY (user_name, role)
);

CREATE TABLE projects (
    id            TEXT PRIMARY KEY,
    title         TEXT NOT NULL,
    purpose       TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('draft', 'submitted', 'active', 'suspended', 'closed')),
    policy        TEXT NOT NULL,
    opt_out_basis TEXT NOT NULL,
    opt_out_ref   TEXT NOT NULL,
    expires       TEXT NOT NULL,
    created_by    TEXT NOT NULL REFERENCES users (name),
    approved_by   TEXT NOT NULL DEFAULT '',
    version       BIGINT NOT NULL
);

CREATE TABLE members (
    project        TEXT NOT NULL REFERENCES projects (id),
    user_name      TEXT NOT NULL REFERENCES users (name),
    role           TEXT NOT NULL CHECK (role IN ('lead', 'researcher')),
    training_until TEXT NOT NULL,
    PRIMARY KEY (project, user_name)
);
CREATE INDEX members_by_user ON members (user_name);

-- What a project may use: tables is JSON, [{"table": …, "columns": […]}].
CREATE TABLE grants (
    project TEXT NOT NULL REFERENCES projects (id),
    dataset TEXT NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    tables  TEXT NOT NULL,
    PRIMARY KEY (project, dataset)
);

CREATE TABLE workspaces (
    id      TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    opened  TEXT NOT NULL
);

-- Only the SHA-256 of a token is kept, in lower-case hex.
CREATE TABLE tokens (
    id        TEXT PRIMARY KEY,
    hash      TEXT NOT NULL UNIQUE,
    user_name TEXT NOT NULL REFERENCES users (name),
    workspace TEXT REFERENCES workspaces (id), -- NULL: reaches no workspace
    issued_by TEXT NOT NULL,
    issued    TEXT NOT NULL,
    expires   TEXT NOT NULL,
    revoked   TEXT                             -- NULL: not revoked
);
CREATE INDEX tokens_by_user ON tokens (user_name);

-- People who left after publication. project '' means every project.
CREATE TABLE withdrawals (
    dataset  TEXT NOT NULL,
    project  TEXT NOT NULL,
    unit     BIGINT NOT NULL,
    recorded TEXT NOT NULL,
    PRIMARY KEY (dataset, project, unit)
);

-- Grows with each change of the withdrawals, so that a population written
-- before it is known to be out of date.
CREATE TABLE withdrawal_marks (
    dataset TEXT NOT NULL,
    project TEXT NOT NULL,
    mark    BIGINT NOT NULL,
    PRIMARY KEY (dataset, project)
);

-- The population that was last written for a workspace.
CREATE TABLE populations (
    workspace TEXT NOT NULL REFERENCES workspaces (id),
    dataset   TEXT NOT NULL,
    version   BIGINT NOT NULL,
    sha256    TEXT NOT NULL,
    people    BIGINT NOT NULL,
    mark      BIGINT NOT NULL, -- of the withdrawals that were left out
    complete  BOOLEAN NOT NULL,
    built     TEXT NOT NULL,
    PRIMARY KEY (workspace, dataset)
);
