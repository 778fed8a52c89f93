-- +goose Up

-- Documents that support a project: certificates of its people's training, and what
-- its opt-out basis rests on. They are added, never changed or removed.
CREATE TABLE project_documents (
    id        TEXT PRIMARY KEY,
    project   TEXT NOT NULL REFERENCES projects (id),
    kind      TEXT NOT NULL CHECK (kind IN ('training', 'opt-out-basis')),
    user_name TEXT NOT NULL,               -- whose training; '' for the project's own
    name      TEXT NOT NULL,
    sha256    TEXT NOT NULL,               -- of the content, in lower-case hex
    bytes     BIGINT NOT NULL,
    added_by  TEXT NOT NULL REFERENCES users (name),
    added     TEXT NOT NULL,
    content   BYTEA NOT NULL
);
CREATE INDEX project_documents_of ON project_documents (project, added);
-- +goose StatementBegin
CREATE TRIGGER project_documents_are_kept BEFORE UPDATE ON project_documents BEGIN SELECT RAISE(ABORT, 'a document is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER project_documents_are_not_removed BEFORE DELETE ON project_documents BEGIN SELECT RAISE(ABORT, 'a document is never removed'); END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE project_documents;
