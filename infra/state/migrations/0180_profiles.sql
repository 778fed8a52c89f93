-- +goose Up

-- What the catalogue shows of a version's variables: JSON, made through the gate.
CREATE TABLE profiles (
    dataset TEXT NOT NULL,
    number  BIGINT NOT NULL,
    made    TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (dataset, number)
);

-- +goose Down
DROP TABLE profiles;
