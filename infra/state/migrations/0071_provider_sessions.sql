-- +goose Up

-- The provider's own name of the session in which somebody signed in ('sid'), by
-- which it can end it from its side; '' if it gave none.
ALTER TABLE sessions ADD COLUMN provider_session TEXT NOT NULL DEFAULT '';
