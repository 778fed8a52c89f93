-- +goose Up

-- What the release of a request let out counts for every project on a dataset.
ALTER TABLE cohorts ADD COLUMN dataset TEXT NOT NULL DEFAULT '';  -- '' for what a question let out
ALTER TABLE cohorts ADD COLUMN release TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE cohorts DROP COLUMN release;
ALTER TABLE cohorts DROP COLUMN dataset;
