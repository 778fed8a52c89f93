-- +goose Up

-- Referral: an answer that the gate withheld, in whole or in part, goes to the
-- output checkers.

-- What the same question needs to be asked again: JSON of the sentence of a
-- refusal, parameters, digests of the populations, the disclosure record.
ALTER TABLE decisions ADD COLUMN detail TEXT NOT NULL DEFAULT '{}';

-- What the checkers are told of a referred answer, and where its evidence is:
-- JSON; '' for files that somebody handed in.
ALTER TABLE request_files ADD COLUMN referral TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE request_files DROP COLUMN referral;
ALTER TABLE decisions DROP COLUMN detail;
