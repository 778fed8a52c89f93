-- +goose Up

-- What a project sees, in versions of before, of people who withdraw from a dataset; without
-- a row they are removed.
CREATE TABLE leaving (
    dataset  TEXT NOT NULL,
    project  TEXT NOT NULL REFERENCES projects (id),
    policy   TEXT NOT NULL CHECK (policy IN ('remove', 'stop-flow')),
    document TEXT NOT NULL,                -- what it rests on
    since    TEXT NOT NULL,                -- earlier withdrawals remove people
    seen     TEXT NOT NULL,                -- publication of the newest version that the project has had since
    PRIMARY KEY (dataset, project)
);

-- +goose Down
DROP TABLE leaving;
