-- +goose Up

-- E-mail may also be for what cannot wait alone. The table is made anew, since a
-- CHECK goes with its table.
CREATE TABLE notice_options_new (
    user_name TEXT PRIMARY KEY REFERENCES users (name),
    address   TEXT NOT NULL,               -- of e-mail; '' for none
    mail      TEXT NOT NULL CHECK (mail IN ('each', 'daily', 'urgent')),
    changed   TEXT NOT NULL
);
INSERT INTO notice_options_new SELECT user_name, address, mail, changed FROM notice_options;
DROP TABLE notice_options;
ALTER TABLE notice_options_new RENAME TO notice_options;

-- +goose Down
UPDATE notice_options SET mail = 'each' WHERE mail = 'urgent';
