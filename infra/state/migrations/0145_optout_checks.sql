-- +goose Up

-- Questions to the check service for national data opt-outs. Who was asked about
-- stands in the custodian zone alone.
CREATE TABLE optout_checks (
    id       TEXT PRIMARY KEY,             -- the local id at the service
    dataset  TEXT NOT NULL,
    list     TEXT NOT NULL,
    file     TEXT NOT NULL,
    extracts TEXT NOT NULL,                -- the folder
    state    TEXT NOT NULL CHECK (state IN ('prepared', 'sending', 'uploading', 'awaiting', 'answered', 'refused')),
    message  TEXT NOT NULL,                -- the service's id; '' while there is none
    asked    BIGINT NOT NULL,
    returned BIGINT NOT NULL,
    by_user  TEXT NOT NULL,
    prepared TEXT NOT NULL,
    sent     TEXT NOT NULL,                -- '' before sending began
    settled  TEXT NOT NULL,                -- '' while it is open
    reason   TEXT NOT NULL
);
CREATE INDEX optout_checks_by_dataset ON optout_checks (dataset, prepared);

-- Of a dataset's list one check is open at a time.
CREATE UNIQUE INDEX optout_checks_open ON optout_checks (dataset, list) WHERE state NOT IN ('answered', 'refused');

-- +goose Down
DROP TABLE optout_checks;
