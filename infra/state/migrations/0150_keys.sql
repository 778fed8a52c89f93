-- +goose Up

-- The epoch of a project's pseudonyms in which a workspace was opened, and in which
-- new ones are opened; a project without a row is in its first.
ALTER TABLE workspaces ADD COLUMN epoch BIGINT NOT NULL DEFAULT 1 CHECK (epoch > 0);

CREATE TABLE project_epochs (
    project TEXT PRIMARY KEY REFERENCES projects (id),
    epoch   BIGINT NOT NULL CHECK (epoch > 1)
);

-- What takes two custodians: one asks, another decides. Nothing of it is removed.
CREATE TABLE joint_acts (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL CHECK (kind IN ('reidentify', 'destroy-key')),
    project    TEXT NOT NULL REFERENCES projects (id),
    dataset    TEXT NOT NULL, -- of the people to be found; '' for a key
    purpose    TEXT NOT NULL,
    reason     TEXT NOT NULL,
    names      TEXT NOT NULL, -- pseudonyms, a JSON list
    state      TEXT NOT NULL CHECK (state IN ('asked', 'approved', 'done', 'declined', 'withdrawn')),
    asked_by   TEXT NOT NULL REFERENCES users (name),
    asked      TEXT NOT NULL,
    decided_by TEXT REFERENCES users (name) CHECK (decided_by IS NULL OR decided_by <> asked_by OR state = 'withdrawn'),
    decided    TEXT,
    done       TEXT
);
CREATE INDEX joint_acts_of_project ON joint_acts (project, asked);
-- +goose StatementBegin
CREATE TRIGGER joint_acts_are_not_removed BEFORE DELETE ON joint_acts BEGIN SELECT RAISE(ABORT, 'what two custodians did is kept'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER joint_acts_ask_for_one_thing BEFORE UPDATE ON joint_acts
WHEN NEW.kind <> OLD.kind OR NEW.project <> OLD.project OR NEW.dataset <> OLD.dataset OR NEW.names <> OLD.names OR NEW.reason <> OLD.reason
    OR NEW.purpose <> OLD.purpose OR NEW.asked_by <> OLD.asked_by OR OLD.state IN ('done', 'declined', 'withdrawn')
BEGIN SELECT RAISE(ABORT, 'what was asked for is not changed'); END;
-- +goose StatementEnd
