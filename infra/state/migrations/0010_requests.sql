-- +goose Up

-- Requests and releases. A request's files and votes, and a release's
-- downloads, are only ever added: a file is marked as removed, a second vote
-- stands beside the first.

CREATE TABLE requests (
    id        TEXT PRIMARY KEY,
    project   TEXT NOT NULL REFERENCES projects (id),
    title     TEXT NOT NULL,
    context   TEXT NOT NULL,               -- JSON
    state     TEXT NOT NULL CHECK (state IN ('draft', 'submitted', 'in_review', 'disputed', 'approved',
                                             'returned', 'rejected', 'released', 'recalled', 'withdrawn')),
    author    TEXT NOT NULL,
    round     BIGINT NOT NULL CHECK (round >= 0),
    version   BIGINT NOT NULL CHECK (version > 0),
    created   TEXT NOT NULL,
    submitted TEXT,                        -- NULL: never
    concluded TEXT,                        -- NULL: the newest round is not concluded
    reviewed  TEXT NOT NULL,               -- fingerprint of title and context at the newest submission
    insiders  TEXT NOT NULL                -- JSON: members of the project at any submission
);
CREATE INDEX requests_by_project ON requests (project, created, id);

CREATE TABLE request_files (
    seq      INTEGER PRIMARY KEY,          -- order of adding
    id       TEXT NOT NULL UNIQUE,
    request  TEXT NOT NULL REFERENCES requests (id),
    name     TEXT NOT NULL,
    sha256   TEXT NOT NULL CHECK (length(sha256) = 64),
    bytes    BIGINT NOT NULL CHECK (bytes > 0),
    origin   TEXT NOT NULL CHECK (origin IN ('upload', 'query')),
    decision TEXT NOT NULL,
    report   TEXT NOT NULL,                -- JSON: what inspection found
    added_by TEXT NOT NULL,
    added    TEXT NOT NULL,
    removed  TEXT,                         -- NULL: belongs to the request
    round    BIGINT NOT NULL,              -- the round whose votes decide it
    UNIQUE (id, request)
);
CREATE INDEX request_files_by_request ON request_files (request);
CREATE INDEX request_files_by_hash ON request_files (sha256);
CREATE UNIQUE INDEX request_files_names ON request_files (request, name) WHERE removed IS NULL;

CREATE TABLE request_votes (
    seq     INTEGER PRIMARY KEY,           -- order of casting
    request TEXT NOT NULL,
    file    TEXT NOT NULL,
    checker TEXT NOT NULL,
    round   BIGINT NOT NULL CHECK (round > 0),
    stage   TEXT NOT NULL CHECK (stage IN ('blind', 'dispute')),
    verdict TEXT NOT NULL CHECK (verdict IN ('approve', 'return', 'reject')),
    comment TEXT NOT NULL,
    cast_at TEXT NOT NULL,
    UNIQUE (file, checker, round, stage),
    FOREIGN KEY (file, request) REFERENCES request_files (id, request)
);
CREATE INDEX request_votes_by_request ON request_votes (request);

CREATE TABLE releases (
    id          TEXT PRIMARY KEY,
    request     TEXT NOT NULL UNIQUE REFERENCES requests (id), -- released once
    project     TEXT NOT NULL REFERENCES projects (id),
    title       TEXT NOT NULL,
    sha256      TEXT NOT NULL,
    bytes       BIGINT NOT NULL,
    signing_key TEXT NOT NULL,
    files       TEXT NOT NULL,             -- JSON: names
    released    TEXT NOT NULL,
    released_by TEXT NOT NULL,
    expires     TEXT NOT NULL,
    recalled    TEXT,                      -- NULL: not recalled
    recalled_by TEXT NOT NULL DEFAULT '',
    reason      TEXT NOT NULL DEFAULT ''
);

CREATE TABLE release_downloads (
    seq       INTEGER PRIMARY KEY,
    release   TEXT NOT NULL REFERENCES releases (id),
    user_name TEXT NOT NULL,
    session   TEXT NOT NULL,
    at        TEXT NOT NULL
);
CREATE INDEX release_downloads_by_release ON release_downloads (release);

-- Rows of votes and downloads cannot be changed or removed, whoever asks.
-- +goose StatementBegin
CREATE TRIGGER request_votes_stay BEFORE UPDATE ON request_votes
BEGIN SELECT RAISE(ABORT, 'votes are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER request_votes_remain BEFORE DELETE ON request_votes
BEGIN SELECT RAISE(ABORT, 'votes are never removed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER release_downloads_stay BEFORE UPDATE ON release_downloads
BEGIN SELECT RAISE(ABORT, 'downloads are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER release_downloads_remain BEFORE DELETE ON release_downloads
BEGIN SELECT RAISE(ABORT, 'downloads are never removed'); END;
-- +goose StatementEnd
