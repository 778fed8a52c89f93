package state

import (
	"context"
	"database/sql"
	"errors"

	"github.com/gatehouse-tre/gatehouse/workspaces"
)

const tokenColumns = `id, user_name, workspace, issued_by, issued, expires, revoked, session`

func scanToken(scan func(...any) error) (workspaces.Token, error) {
	var t workspaces.Token
	var workspace, revoked, session sql.NullString
	var issued, expires string
	if err := scan(&t.ID, &t.User, &workspace, &t.IssuedBy, &issued, &expires, &revoked, &session); err != nil {
		return t, err
	}
	t.Workspace, t.Session = workspace.String, session.String
	var errs [3]error
	t.Issued, errs[0] = parseTime(issued)
	t.Expires, errs[1] = parseTime(expires)
	if revoked.Valid {
		t.Revoked, errs[2] = parseTime(revoked.String)
	}
	return t, errors.Join(errs[:]...)
}

func (tx workspacesTx) AddToken(ctx context.Context, t workspaces.Token, hash string) error {
	_, err := tx.sql.ExecContext(ctx, `INSERT INTO tokens (id, hash, user_name, workspace, issued_by, issued, expires, session) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		t.ID, hash, t.User, sql.NullString{String: t.Workspace, Valid: t.Workspace != ""}, t.IssuedBy, timeText(t.Issued), timeText(t.Expires),
		sql.NullString{String: t.Session, Valid: t.Session != ""})
	return err
}

func (tx workspacesTx) Token(ctx context.Context, id string) (workspaces.Token, error) {
	t, err := scanToken(tx.sql.QueryRowContext(ctx, `SELECT `+tokenColumns+` FROM tokens WHERE id = $1`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return t, absent("token", id)
	}
	return t, err
}

func (tx workspacesTx) TokenByHash(ctx context.Context, hash string) (workspaces.Token, error) {
	t, err := scanToken(tx.sql.QueryRowContext(ctx, `SELECT `+tokenColumns+` FROM tokens WHERE hash = $1`, hash).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return t, absent("token", "that was presented")
	}
	return t, err
}

func (tx workspacesTx) Tokens(ctx context.Context, user string) ([]workspaces.Token, error) {
	var all []workspaces.Token
	err := tx.each(ctx, func(scan func(...any) error) error {
		t, err := scanToken(scan)
		all = append(all, t)
		return err
	}, `SELECT `+tokenColumns+` FROM tokens WHERE user_name = $1 ORDER BY issued, id`, user)
	return all, err
}

func (tx workspacesTx) RevokeToken(ctx context.Context, id string) error {
	_, err := tx.sql.ExecContext(ctx, `UPDATE tokens SET revoked = $1 WHERE id = $2 AND revoked IS NULL`, timeText(tx.now), id)
	return err
}
