package state

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
)

func (tx requestTx) AddLink(ctx context.Context, l egress.KeptLink) error {
	_, err := tx.sql.ExecContext(ctx, `INSERT INTO release_links (id, hash, release, user_name, session, workspace, created, expires) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		l.ID, l.Hash, l.Release, l.By, l.Principal.Session, l.Principal.Workspace, timeText(l.Created), timeText(l.Expires))
	return err
}

func (tx requestTx) LinkByHash(ctx context.Context, hash string) (egress.KeptLink, error) {
	l := egress.KeptLink{Hash: hash}
	var created, expires, used sql.NullString
	err := tx.sql.QueryRowContext(ctx, `SELECT l.id, l.release, l.user_name, l.session, l.workspace, l.created, l.expires, l.used,
		EXISTS (SELECT 1 FROM sessions s WHERE s.id = l.session AND s.ended IS NOT NULL)
		OR EXISTS (SELECT 1 FROM tokens t WHERE t.id = l.session AND t.revoked IS NOT NULL)
		OR EXISTS (SELECT 1 FROM users u WHERE u.name = l.user_name AND u.locked IS NOT NULL)
		FROM release_links l WHERE l.hash = $1`, hash).
		Scan(&l.ID, &l.Release, &l.By, &l.Principal.Session, &l.Principal.Workspace, &created, &expires, &used, &l.Ended)
	if errors.Is(err, sql.ErrNoRows) {
		return egress.KeptLink{}, absent("link", "")
	} else if err != nil {
		return egress.KeptLink{}, err
	}
	l.Principal.User = l.By
	return l, scanTimes(map[*time.Time]sql.NullString{&l.Created: created, &l.Expires: expires, &l.Used: used})
}

func (tx requestTx) UseLink(ctx context.Context, id string) error {
	used, err := tx.affects(ctx, `UPDATE release_links SET used = $1 WHERE id = $2 AND used IS NULL`, timeText(tx.now), id)
	if err == nil && !used {
		err = gatehouse.Errorf(gatehouse.CodeLinkUsed, "The link was used before.")
	}
	return err
}
