package state

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func (tx workspacesTx) LinkIdentity(ctx context.Context, who workspaces.Identity, user string) error {
	_, err := tx.sql.ExecContext(ctx, `INSERT INTO identities (issuer, subject, user_name, linked) VALUES ($1, $2, $3, $4)`,
		who.Issuer, who.Subject, user, timeText(tx.now))
	return err
}

func (tx workspacesTx) UnlinkIdentity(ctx context.Context, who workspaces.Identity) error {
	_, err := tx.sql.ExecContext(ctx, `DELETE FROM identities WHERE issuer = $1 AND subject = $2`, who.Issuer, who.Subject)
	return err
}

func (tx workspacesTx) UserOf(ctx context.Context, who workspaces.Identity) (string, error) {
	var user string
	err := tx.sql.QueryRowContext(ctx, `SELECT user_name FROM identities WHERE issuer = $1 AND subject = $2`, who.Issuer, who.Subject).Scan(&user)
	if errors.Is(err, sql.ErrNoRows) {
		return "", absent("user", "of this account")
	}
	return user, err
}

func (tx workspacesTx) Identities(ctx context.Context, user string) ([]workspaces.Identity, error) {
	var all []workspaces.Identity
	err := tx.each(ctx, func(scan func(...any) error) error {
		var who workspaces.Identity
		err := scan(&who.Issuer, &who.Subject)
		all = append(all, who)
		return err
	}, `SELECT issuer, subject FROM identities WHERE user_name = $1 ORDER BY issuer, subject`, user)
	return all, err
}

// Somebody reads what triggers wrote when it came about.
func (tx workspacesTx) Somebody(ctx context.Context, user string) (bool, error) {
	var ever bool
	err := tx.sql.QueryRowContext(ctx, `SELECT somebody IS NOT NULL FROM users WHERE name = $1`, user).Scan(&ever)
	if errors.Is(err, sql.ErrNoRows) {
		return false, absent("user", user)
	}
	return ever, err
}

func (tx workspacesTx) Locked(ctx context.Context, user string) (bool, error) {
	var locked bool
	err := tx.sql.QueryRowContext(ctx, `SELECT locked IS NOT NULL FROM users WHERE name = $1`, user).Scan(&locked)
	if errors.Is(err, sql.ErrNoRows) {
		return false, absent("user", user)
	}
	return locked, err
}

func (tx workspacesTx) SetLocked(ctx context.Context, user string, locked bool) error {
	_, err := tx.sql.ExecContext(ctx, `UPDATE users SET locked = $1 WHERE name = $2`, sql.NullString{String: timeText(tx.now), Valid: locked}, user)
	return err
}

const signInColumns = `id, user_name, kind, issuer, subject, started, seen, expires, ended, ended_by, provider_session`

func scanSignIn(scan func(...any) error) (workspaces.SignIn, error) {
	var s workspaces.SignIn
	var started, seen, expires string
	var ended, endedBy sql.NullString
	if err := scan(&s.ID, &s.User, &s.Kind, &s.Identity.Issuer, &s.Identity.Subject, &started, &seen, &expires, &ended, &endedBy, &s.ProviderSession); err != nil {
		return s, err
	}
	var errs [4]error
	s.Started, errs[0] = parseTime(started)
	s.Seen, errs[1] = parseTime(seen)
	s.Expires, errs[2] = parseTime(expires)
	if ended.Valid {
		s.Ended, errs[3] = parseTime(ended.String)
	}
	s.EndedBy = endedBy.String
	return s, errors.Join(errs[:]...)
}

func (tx workspacesTx) AddSignIn(ctx context.Context, s workspaces.SignIn, hash string) error {
	_, err := tx.sql.ExecContext(ctx, `INSERT INTO sessions (id, hash, user_name, kind, issuer, subject, started, seen, expires, provider_session) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		s.ID, hash, s.User, string(s.Kind), s.Identity.Issuer, s.Identity.Subject, timeText(s.Started), timeText(s.Seen), timeText(s.Expires), s.ProviderSession)
	return err
}

func (tx workspacesTx) SignInByID(ctx context.Context, id string) (workspaces.SignIn, error) {
	s, err := scanSignIn(tx.sql.QueryRowContext(ctx, `SELECT `+signInColumns+` FROM sessions WHERE id = $1`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return s, absent("session", id)
	}
	return s, err
}

func (tx workspacesTx) SignInByHash(ctx context.Context, hash string) (workspaces.SignIn, error) {
	s, err := scanSignIn(tx.sql.QueryRowContext(ctx, `SELECT `+signInColumns+` FROM sessions WHERE hash = $1`, hash).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return s, absent("session", "that was presented")
	}
	return s, err
}

func (tx workspacesTx) LiveSignIns(ctx context.Context, user string, idleSince time.Time) ([]workspaces.SignIn, error) {
	var all []workspaces.SignIn
	err := tx.each(ctx, func(scan func(...any) error) error {
		s, err := scanSignIn(scan)
		all = append(all, s)
		return err
	}, `SELECT `+signInColumns+` FROM sessions WHERE ended IS NULL AND expires > $1 AND seen > $2 AND ($3 = '' OR user_name = $3) ORDER BY started, id`,
		timeText(tx.now), timeText(idleSince), user)
	return all, err
}

func (tx workspacesTx) SignInsAt(ctx context.Context, who workspaces.Identity, session string) ([]workspaces.SignIn, error) {
	var all []workspaces.SignIn
	err := tx.each(ctx, func(scan func(...any) error) error {
		s, err := scanSignIn(scan)
		all = append(all, s)
		return err
	}, `SELECT `+signInColumns+` FROM sessions WHERE issuer = $1 AND ($2 = '' OR subject = $2) AND ($3 = '' OR provider_session = $3)
		AND (ended IS NULL AND expires > $4 OR EXISTS (SELECT 1 FROM tokens t WHERE t.session = sessions.id AND t.revoked IS NULL AND t.expires > $4)) ORDER BY started, id`,
		who.Issuer, who.Subject, session, timeText(tx.now))
	return all, err
}

func (tx workspacesTx) SeeSignIn(ctx context.Context, id string) error {
	_, err := tx.sql.ExecContext(ctx, `UPDATE sessions SET seen = $1 WHERE id = $2 AND ended IS NULL AND seen < $1`, timeText(tx.now), id)
	return err
}

func (tx workspacesTx) EndSignIn(ctx context.Context, id, by string) error {
	_, err := tx.sql.ExecContext(ctx, `UPDATE sessions SET ended = $1, ended_by = $2 WHERE id = $3 AND ended IS NULL`, timeText(tx.now), by, id)
	return err
}
