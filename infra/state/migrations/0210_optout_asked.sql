-- +goose Up

-- The mailbox that was asked, which alone answers; '' before it was asked.
ALTER TABLE optout_checks ADD COLUMN asked_of TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE optout_checks DROP COLUMN asked_of;
