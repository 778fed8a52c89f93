-- +goose Up

-- Which versions of datasets were published. The manifest beside the data says
-- what is in them; this says when the house learned of it, and from whom.
CREATE TABLE versions (
    dataset   TEXT NOT NULL,
    number    BIGINT NOT NULL CHECK (number > 0),
    published TEXT NOT NULL,
    actor     TEXT NOT NULL,
    units     BIGINT NOT NULL,
    PRIMARY KEY (dataset, number)
);

-- +goose Down
DROP TABLE versions;
