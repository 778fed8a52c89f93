-- +goose Up

-- Notices are removed by age.
CREATE INDEX notices_by_age ON notices (created);

-- +goose Down
DROP INDEX notices_by_age;
