-- +goose Up

-- Since when a user was somebody: had an account, a session, a token, a role of the
-- house or a part in a project that had been approved. It stays when all of that is
-- gone: an account that is linked to somebody who has left is a way to act as them.
ALTER TABLE users ADD COLUMN somebody TEXT; -- NULL: never yet

UPDATE users SET somebody = strftime('%Y-%m-%dT%H:%M:%S.000000Z', 'now') WHERE
       name IN (SELECT user_name FROM identities)
    OR name IN (SELECT user_name FROM sessions)
    OR name IN (SELECT user_name FROM tokens)
    OR name IN (SELECT user_name FROM house_roles)
    OR name IN (SELECT user_name FROM project_insiders)
    -- What was taken away is in the journal alone.
    OR name IN (SELECT CASE WHEN json_valid(CAST(event AS TEXT)) AND json_extract(CAST(event AS TEXT), '$.action') IN ('identity.linked', 'identity.unlinked', 'role.granted', 'role.revoked')
                            THEN json_extract(CAST(event AS TEXT), '$.subject') END FROM journal_events);

-- +goose StatementBegin
CREATE TRIGGER somebody_by_account AFTER INSERT ON identities BEGIN
    UPDATE users SET somebody = strftime('%Y-%m-%dT%H:%M:%S.000000Z', 'now') WHERE name = NEW.user_name AND somebody IS NULL;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER somebody_by_session AFTER INSERT ON sessions BEGIN
    UPDATE users SET somebody = strftime('%Y-%m-%dT%H:%M:%S.000000Z', 'now') WHERE name = NEW.user_name AND somebody IS NULL;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER somebody_by_token AFTER INSERT ON tokens BEGIN
    UPDATE users SET somebody = strftime('%Y-%m-%dT%H:%M:%S.000000Z', 'now') WHERE name = NEW.user_name AND somebody IS NULL;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER somebody_by_role AFTER INSERT ON house_roles BEGIN
    UPDATE users SET somebody = strftime('%Y-%m-%dT%H:%M:%S.000000Z', 'now') WHERE name = NEW.user_name AND somebody IS NULL;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER somebody_by_project AFTER INSERT ON project_insiders BEGIN
    UPDATE users SET somebody = strftime('%Y-%m-%dT%H:%M:%S.000000Z', 'now') WHERE name = NEW.user_name AND somebody IS NULL;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER somebody_remains BEFORE UPDATE OF somebody ON users WHEN OLD.somebody IS NOT NULL BEGIN SELECT RAISE(ABORT, 'who was somebody is never forgotten'); END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER somebody_by_account;
DROP TRIGGER somebody_by_session;
DROP TRIGGER somebody_by_token;
DROP TRIGGER somebody_by_role;
DROP TRIGGER somebody_by_project;
DROP TRIGGER somebody_remains;
ALTER TABLE users DROP COLUMN somebody;
