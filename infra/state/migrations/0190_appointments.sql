-- +goose Up

-- Roles of the house that one person asks for and another confirms. Nothing of it is removed.
CREATE TABLE appointments (
    id         TEXT PRIMARY KEY,
    user_name  TEXT NOT NULL REFERENCES users (name),
    role       TEXT NOT NULL CHECK (role IN ('custodian', 'checker', 'operator', 'auditor')),
    state      TEXT NOT NULL CHECK (state IN ('asked', 'confirmed', 'declined', 'withdrawn')),
    asked_by   TEXT NOT NULL REFERENCES users (name) CHECK (asked_by <> user_name),
    asked      TEXT NOT NULL,
    decided_by TEXT REFERENCES users (name) CHECK (decided_by IS NULL OR (decided_by = asked_by) = (state = 'withdrawn')),
    decided    TEXT,
    CHECK (state <> 'confirmed' OR decided_by <> user_name),
    CHECK ((state = 'asked') = (decided_by IS NULL))
);
-- +goose StatementBegin
CREATE TRIGGER appointments_are_not_removed BEFORE DELETE ON appointments BEGIN SELECT RAISE(ABORT, 'who was appointed is kept'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER appointments_are_decided_once BEFORE UPDATE ON appointments
WHEN NEW.id <> OLD.id OR NEW.user_name <> OLD.user_name OR NEW.role <> OLD.role OR NEW.asked_by <> OLD.asked_by OR NEW.asked <> OLD.asked OR OLD.state <> 'asked'
BEGIN SELECT RAISE(ABORT, 'an appointment is decided once'); END;
-- +goose StatementEnd
