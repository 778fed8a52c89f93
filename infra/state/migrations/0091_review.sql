-- +goose Up

-- What belongs to the review of requests: supporting files, the time that each
-- turn takes, claims, questions and answers, custodians' decisions.

ALTER TABLE request_files ADD COLUMN kind TEXT NOT NULL DEFAULT 'output' CHECK (kind IN ('output', 'supporting'));
ALTER TABLE request_files ADD COLUMN grp TEXT NOT NULL DEFAULT '';      -- group of outputs; '' for none
ALTER TABLE request_files ADD COLUMN basis TEXT NOT NULL DEFAULT '';    -- JSON: what the checkers saw beside the file in its round
ALTER TABLE request_files ADD COLUMN proof TEXT NOT NULL DEFAULT '';    -- JSON: the gate's decision that let these bytes out; '' for none

-- Each time that a request came to another state.
CREATE TABLE request_turns (
    seq     INTEGER PRIMARY KEY,
    request TEXT NOT NULL REFERENCES requests (id),
    state   TEXT NOT NULL,
    at      TEXT NOT NULL
);
CREATE INDEX request_turns_by_request ON request_turns (request);

INSERT INTO request_turns (request, state, at) SELECT id, 'draft', created FROM requests;
INSERT INTO request_turns (request, state, at) SELECT id, 'submitted', submitted FROM requests WHERE submitted IS NOT NULL AND state <> 'draft';
INSERT INTO request_turns (request, state, at) SELECT id, state, coalesce(concluded, submitted, created) FROM requests WHERE state NOT IN ('draft', 'submitted');

-- A checker who says: I am looking at this. It binds nobody and runs out.
CREATE TABLE request_claims (
    request TEXT NOT NULL REFERENCES requests (id),
    checker TEXT NOT NULL,
    since   TEXT NOT NULL,
    until   TEXT NOT NULL,
    PRIMARY KEY (request, checker)
);

-- Questions and answers.
CREATE TABLE request_messages (
    seq     INTEGER PRIMARY KEY,
    id      TEXT NOT NULL UNIQUE,
    request TEXT NOT NULL REFERENCES requests (id),
    thread  TEXT NOT NULL,                 -- id of the message that began it
    file    TEXT NOT NULL,                 -- id of the file that it is about; '' for the whole request
    author  TEXT NOT NULL,
    side    TEXT NOT NULL CHECK (side IN ('author', 'checker', 'custodian')),
    private INTEGER NOT NULL CHECK (private IN (0, 1)), -- never shown to the author's side
    round   BIGINT NOT NULL,
    body    TEXT NOT NULL,
    at      TEXT NOT NULL,
    CHECK (side <> 'author' OR private = 0)
);
CREATE INDEX request_messages_by_request ON request_messages (request);

-- What custodians said of the release of data from their datasets.
CREATE TABLE request_clearances (
    seq       INTEGER PRIMARY KEY,
    request   TEXT NOT NULL REFERENCES requests (id),
    round     BIGINT NOT NULL,
    dataset   TEXT NOT NULL,
    custodian TEXT NOT NULL,
    verdict   TEXT NOT NULL CHECK (verdict IN ('clear', 'veto')),
    reason    TEXT NOT NULL,
    at        TEXT NOT NULL,
    UNIQUE (request, round, dataset)
);

-- Datasets whose custodian must agree before anything of them is released.
CREATE TABLE dataset_vetoes (
    dataset TEXT PRIMARY KEY,
    set_by  TEXT NOT NULL,
    since   TEXT NOT NULL
);

-- Requests of which people were told that they are late, once for each state.
CREATE TABLE request_overdue (
    request TEXT NOT NULL REFERENCES requests (id),
    round   BIGINT NOT NULL,
    state   TEXT NOT NULL,
    at      TEXT NOT NULL,
    PRIMARY KEY (request, round, state)
);

-- +goose StatementBegin
CREATE TRIGGER request_messages_stay BEFORE UPDATE ON request_messages
BEGIN SELECT RAISE(ABORT, 'messages are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER request_messages_remain BEFORE DELETE ON request_messages
BEGIN SELECT RAISE(ABORT, 'messages are never removed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER request_clearances_stay BEFORE UPDATE ON request_clearances
BEGIN SELECT RAISE(ABORT, 'clearances are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER request_clearances_remain BEFORE DELETE ON request_clearances
BEGIN SELECT RAISE(ABORT, 'clearances are never removed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER request_turns_stay BEFORE UPDATE ON request_turns
BEGIN SELECT RAISE(ABORT, 'turns are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER request_turns_remain BEFORE DELETE ON request_turns
BEGIN SELECT RAISE(ABORT, 'turns are never removed'); END;
-- +goose StatementEnd
