-- +goose Up

-- Which object has the rows and people that a referred result is made of, sealed:
-- they count as released when it is; '' for none.
ALTER TABLE request_files ADD COLUMN cohorts TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE request_files DROP COLUMN cohorts;
