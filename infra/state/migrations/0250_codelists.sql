-- +goose Up

-- Codelists: each version once and for ever, with its terms. table_name is the name of its
-- table in a workspace, without the schema; stored is the SHA-256 of the file that engines read.
CREATE TABLE codelists (
    name       TEXT NOT NULL,
    version    TEXT NOT NULL,
    table_name TEXT NOT NULL UNIQUE,
    title      TEXT NOT NULL,
    system     TEXT NOT NULL,
    reference  TEXT NOT NULL,
    codes      BIGINT NOT NULL,
    sha256     TEXT NOT NULL,
    bytes      BIGINT NOT NULL,
    stored     TEXT NOT NULL,
    actor      TEXT NOT NULL,
    added      TEXT NOT NULL,
    PRIMARY KEY (name, version)
);

-- folded is code, term and category in lower case, to be searched.
CREATE TABLE codelist_terms (
    table_name TEXT NOT NULL REFERENCES codelists (table_name),
    position   BIGINT NOT NULL,
    code       TEXT NOT NULL,
    term       TEXT NOT NULL,
    category   TEXT NOT NULL,
    folded     TEXT NOT NULL,
    PRIMARY KEY (table_name, position)
);

-- +goose Down
DROP TABLE codelist_terms;
DROP TABLE codelists;
