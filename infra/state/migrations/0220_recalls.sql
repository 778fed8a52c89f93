-- +goose Up

-- Versions that a custodian recalled: nobody asks about them, until they are reinstated.
CREATE TABLE version_recalls (
    dataset TEXT NOT NULL,
    number  BIGINT NOT NULL,
    reason  TEXT NOT NULL,
    actor   TEXT NOT NULL,
    since   TEXT NOT NULL,
    PRIMARY KEY (dataset, number),
    FOREIGN KEY (dataset, number) REFERENCES versions (dataset, number)
);

-- +goose Down
DROP TABLE version_recalls;
