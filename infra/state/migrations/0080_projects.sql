-- +goose Up

-- The states of a project's whole life. Its column is made anew, since a CHECK
-- goes with its column only.
ALTER TABLE projects ADD COLUMN stage TEXT NOT NULL DEFAULT 'draft' CHECK (stage IN
    ('draft', 'submitted', 'approved', 'active', 'suspended', 'expired', 'rejected', 'closed', 'archived'));
UPDATE projects SET stage = state;
ALTER TABLE projects DROP COLUMN state;
ALTER TABLE projects RENAME COLUMN stage TO state;

-- What an application says beyond the base, as JSON; when it was approved; for
-- which datasets it is suspended, as a JSON list.
ALTER TABLE projects ADD COLUMN application TEXT NOT NULL DEFAULT '{}';
ALTER TABLE projects ADD COLUMN starts TEXT;
ALTER TABLE projects ADD COLUMN round BIGINT NOT NULL DEFAULT 0;
ALTER TABLE projects ADD COLUMN approved TEXT;
ALTER TABLE projects ADD COLUMN suspended_for TEXT NOT NULL DEFAULT '[]';

-- What a member signed last.
ALTER TABLE members ADD COLUMN agreement BIGINT NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN agreement_until TEXT;

-- A workspace is over one dataset of its project.
ALTER TABLE workspaces ADD COLUMN dataset TEXT NOT NULL DEFAULT '';
UPDATE workspaces SET dataset = coalesce((SELECT min(g.dataset) FROM grants g WHERE g.project = workspaces.project), '');

-- Who decides about projects that use a dataset. Whoever published its first
-- version is the first.
CREATE TABLE custodians (
    dataset   TEXT NOT NULL,
    user_name TEXT NOT NULL REFERENCES users (name),
    named     TEXT NOT NULL,
    PRIMARY KEY (dataset, user_name)
);
INSERT INTO custodians (dataset, user_name, named)
    SELECT v.dataset, v.actor, v.published FROM versions v
    WHERE v.number = (SELECT min(f.number) FROM versions f WHERE f.dataset = v.dataset)
      AND v.actor IN (SELECT name FROM users);

-- What custodians decided: for each dataset once in each round of an application
-- (amendment ''), and once on each amendment (round 0).
CREATE TABLE project_decisions (
    seq        INTEGER PRIMARY KEY,
    project    TEXT NOT NULL REFERENCES projects (id),
    amendment  TEXT NOT NULL,
    round      BIGINT NOT NULL,
    dataset    TEXT NOT NULL,
    custodian  TEXT NOT NULL REFERENCES users (name),
    verdict    TEXT NOT NULL CHECK (verdict IN ('approve', 'approve-with-conditions', 'return', 'reject')),
    conditions TEXT NOT NULL, -- JSON list
    comment    TEXT NOT NULL,
    seen       TEXT NOT NULL, -- fingerprint of what was decided on
    decided    TEXT NOT NULL,
    UNIQUE (project, amendment, round, dataset)
);
-- +goose StatementBegin
CREATE TRIGGER project_decisions_are_kept BEFORE UPDATE ON project_decisions BEGIN SELECT RAISE(ABORT, 'a decision is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER project_decisions_are_not_removed BEFORE DELETE ON project_decisions BEGIN SELECT RAISE(ABORT, 'a decision is never removed'); END;
-- +goose StatementEnd

CREATE TABLE amendments (
    id        TEXT PRIMARY KEY,
    project   TEXT NOT NULL REFERENCES projects (id),
    state     TEXT NOT NULL CHECK (state IN ('proposed', 'applied', 'returned', 'rejected', 'withdrawn', 'overtaken')),
    proposer  TEXT NOT NULL REFERENCES users (name),
    why       TEXT NOT NULL,
    base      TEXT NOT NULL,
    content   TEXT NOT NULL, -- what the project would say, JSON
    changes   TEXT NOT NULL, -- field by field, JSON
    proposed  TEXT NOT NULL,
    concluded TEXT
);
CREATE UNIQUE INDEX amendments_one_open ON amendments (project) WHERE state = 'proposed';
CREATE INDEX amendments_of_project ON amendments (project, proposed);

-- Texts of the agreement after the first, which comes with the program.
CREATE TABLE agreements (
    version BIGINT PRIMARY KEY,
    content TEXT NOT NULL,
    sha256  TEXT NOT NULL,
    days    BIGINT NOT NULL,
    added   TEXT NOT NULL
);

CREATE TABLE signatures (
    seq       INTEGER PRIMARY KEY,
    project   TEXT NOT NULL REFERENCES projects (id),
    user_name TEXT NOT NULL REFERENCES users (name),
    version   BIGINT NOT NULL,
    sha256    TEXT NOT NULL,
    signed    TEXT NOT NULL,
    until     TEXT NOT NULL
);
CREATE INDEX signatures_of_project ON signatures (project, seq);

-- Which warnings of what lapses were given: each once.
CREATE TABLE warnings (
    project   TEXT NOT NULL REFERENCES projects (id),
    user_name TEXT NOT NULL REFERENCES users (name),
    kind      TEXT NOT NULL CHECK (kind IN ('training', 'agreement', 'project')),
    due       TEXT NOT NULL,
    days      BIGINT NOT NULL,
    given     TEXT NOT NULL,
    PRIMARY KEY (project, user_name, kind, due, days)
);
