-- +goose Up

-- Links that download a release once. Rows stay, as what they were used for does.

CREATE TABLE release_links (
    id        TEXT PRIMARY KEY,
    hash      TEXT NOT NULL UNIQUE CHECK (length(hash) = 64), -- SHA-256 of the secret
    release   TEXT NOT NULL REFERENCES releases (id),
    user_name TEXT NOT NULL,
    session   TEXT NOT NULL,
    workspace TEXT NOT NULL,                                  -- of a token that reaches one only
    created   TEXT NOT NULL,
    expires   TEXT NOT NULL,
    used      TEXT                                            -- NULL: never
);
CREATE INDEX release_links_by_release ON release_links (release);

-- +goose StatementBegin
CREATE TRIGGER release_links_work_once BEFORE UPDATE ON release_links
WHEN OLD.used IS NOT NULL OR NEW.id <> OLD.id OR NEW.hash <> OLD.hash OR NEW.release <> OLD.release OR NEW.user_name <> OLD.user_name OR NEW.expires <> OLD.expires
BEGIN SELECT RAISE(ABORT, 'a link is only ever marked as used, once'); END;
-- +goose StatementEnd
