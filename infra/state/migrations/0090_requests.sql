-- +goose Up

-- Requests have one state more: vetting. The column is made anew, since a CHECK
-- goes with its column only.
ALTER TABLE requests ADD COLUMN stage TEXT NOT NULL DEFAULT 'draft' CHECK (stage IN
    ('draft', 'submitted', 'in_review', 'disputed', 'vetting', 'approved', 'returned', 'rejected', 'released', 'recalled', 'withdrawn'));
UPDATE requests SET stage = state;
ALTER TABLE requests DROP COLUMN state;
ALTER TABLE requests RENAME COLUMN stage TO state;
CREATE INDEX requests_by_state ON requests (state);

-- What checkers saw beside a file is kept with the file (request_files.basis).
ALTER TABLE requests DROP COLUMN reviewed;

-- Groups of outputs with their contexts, and the datasets whose custodian must
-- agree in this round, as JSON.
ALTER TABLE requests ADD COLUMN groups TEXT NOT NULL DEFAULT '[]';
ALTER TABLE requests ADD COLUMN vetoes TEXT NOT NULL DEFAULT '[]';
