-- +goose Up

-- A locked user signs in to nothing and is given no token. NULL: not locked.
ALTER TABLE users ADD COLUMN locked TEXT;

-- Which account at an OpenID Connect provider is which user: by issuer and
-- subject, which never change hands; never by e-mail, which may.
CREATE TABLE identities (
    issuer    TEXT NOT NULL,
    subject   TEXT NOT NULL,
    user_name TEXT NOT NULL REFERENCES users (name),
    linked    TEXT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identities_by_user ON identities (user_name);

-- Who is signed in, and was. Only the SHA-256 of a session's secret is kept, in
-- lower-case hex.
CREATE TABLE sessions (
    id        TEXT PRIMARY KEY,
    hash      TEXT NOT NULL UNIQUE,
    user_name TEXT NOT NULL REFERENCES users (name),
    kind      TEXT NOT NULL CHECK (kind IN ('browser', 'device')),
    issuer    TEXT NOT NULL,
    subject   TEXT NOT NULL,
    started   TEXT NOT NULL,
    seen      TEXT NOT NULL, -- to the minute or so
    expires   TEXT NOT NULL,
    ended     TEXT,          -- NULL: it was not ended
    ended_by  TEXT
);
CREATE INDEX sessions_by_user ON sessions (user_name);
CREATE INDEX sessions_by_identity ON sessions (issuer, subject);

-- The session in which its holder made a token; NULL: somebody issued it.
ALTER TABLE tokens ADD COLUMN session TEXT REFERENCES sessions (id);
CREATE INDEX tokens_by_session ON tokens (session);
