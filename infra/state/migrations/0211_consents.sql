-- +goose Up

-- Who has consented to a project, of a dataset: the whole list, as a bitmap of units.
CREATE TABLE consents (
    dataset  TEXT NOT NULL,
    project  TEXT NOT NULL,
    units    BLOB NOT NULL,
    dated    TEXT NOT NULL,                -- when the list was made
    recorded TEXT NOT NULL,
    PRIMARY KEY (dataset, project)
);

-- Whether a population was written of those who consented alone.
ALTER TABLE populations ADD COLUMN consent BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE populations DROP COLUMN consent;
DROP TABLE consents;
