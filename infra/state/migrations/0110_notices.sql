-- +goose Up

-- What people should hear of, written in the transaction of the change that it
-- tells of. Ids, names, codes and times alone.
CREATE TABLE notices (
    seq       INTEGER PRIMARY KEY,
    id        TEXT NOT NULL UNIQUE,
    kind      TEXT NOT NULL,
    user_name TEXT NOT NULL,               -- who should hear of it
    project   TEXT NOT NULL,               -- '' for none
    subject   TEXT NOT NULL,
    due       TEXT,                        -- NULL: no date
    created   TEXT NOT NULL,
    spread    TEXT                         -- when its deliveries were made; NULL: not yet
);
CREATE INDEX notices_by_user ON notices (user_name, seq);
CREATE INDEX notices_to_spread ON notices (seq) WHERE spread IS NULL;

-- A notice on its way over one channel. Deliveries with the same parcel leave as
-- one message, whose id is the parcel's however often it is sent.
CREATE TABLE notice_deliveries (
    notice   TEXT NOT NULL REFERENCES notices (id),
    channel  TEXT NOT NULL,                -- 'email', or 'webhook:' and its name
    state    TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'dead')),
    digest   BOOLEAN NOT NULL,             -- leaves with others of the same person
    parcel   TEXT,                         -- NULL: not packed yet
    attempts BIGINT NOT NULL,
    next     TEXT NOT NULL,                -- not before
    lease    TEXT,                         -- somebody sends it until then
    error    TEXT NOT NULL,                -- why the last attempt failed: a code or a class, never what the other side said
    sent     TEXT,
    PRIMARY KEY (notice, channel)
);
CREATE INDEX notice_deliveries_waiting ON notice_deliveries (channel, next) WHERE state = 'waiting';
CREATE INDEX notice_deliveries_by_parcel ON notice_deliveries (parcel);

-- How a person hears of notices.
CREATE TABLE notice_options (
    user_name TEXT PRIMARY KEY REFERENCES users (name),
    address   TEXT NOT NULL,               -- of e-mail; '' for none
    mail      TEXT NOT NULL CHECK (mail IN ('each', 'daily')),
    changed   TEXT NOT NULL
);

-- +goose Down
DROP TABLE notice_options;
DROP TABLE notice_deliveries;
DROP TABLE notices;
