-- +goose Up

-- How long versions of a dataset are kept; none: for ever.
CREATE TABLE retention_rules (
    dataset TEXT PRIMARY KEY,
    keep    BIGINT NOT NULL CHECK (keep > 0),  -- so many newest
    days    BIGINT NOT NULL CHECK (days >= 0), -- and all that are not older
    actor   TEXT NOT NULL,
    made    TEXT NOT NULL
);

-- Versions that are kept whatever the rule says.
CREATE TABLE version_holds (
    dataset TEXT NOT NULL,
    number  BIGINT NOT NULL,
    reason  TEXT NOT NULL,
    actor   TEXT NOT NULL,
    since   TEXT NOT NULL,
    PRIMARY KEY (dataset, number),
    FOREIGN KEY (dataset, number) REFERENCES versions (dataset, number)
);

-- Versions that were deleted, with the signed record of it. A record is never
-- changed or removed.
CREATE TABLE version_deletions (
    dataset   TEXT NOT NULL,
    number    BIGINT NOT NULL,
    record    TEXT NOT NULL,
    signature TEXT NOT NULL,
    deleted   TEXT NOT NULL,
    PRIMARY KEY (dataset, number),
    FOREIGN KEY (dataset, number) REFERENCES versions (dataset, number)
);
-- +goose StatementBegin
CREATE TRIGGER version_deletions_are_kept BEFORE UPDATE ON version_deletions BEGIN SELECT RAISE(ABORT, 'a deletion record is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER version_deletions_are_not_removed BEFORE DELETE ON version_deletions BEGIN SELECT RAISE(ABORT, 'a deletion record is never removed'); END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE version_deletions;
DROP TABLE version_holds;
DROP TABLE retention_rules;
