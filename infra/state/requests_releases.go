package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
)

func (tx requestTx) Release(ctx context.Context, id string) (egress.Release, error) {
	var (
		r                           egress.Release
		files                       string
		released, expires, recalled sql.NullString
	)
	err := tx.sql.QueryRowContext(ctx, `SELECT id, request, project, title, sha256, bytes, signing_key, files,
		released, released_by, expires, recalled, recalled_by, reason FROM releases WHERE id = $1`, id).
		Scan(&r.ID, &r.Request, &r.Project, &r.Title, &r.SHA256, &r.Bytes, &r.Key, &files,
			&released, &r.By, &expires, &recalled, &r.RecalledBy, &r.Reason)
	if errors.Is(err, sql.ErrNoRows) {
		return r, absent("release", id)
	} else if err != nil {
		return r, err
	}
	var at time.Time
	err = errors.Join(json.Unmarshal([]byte(files), &r.Files),
		scanTimes(map[*time.Time]sql.NullString{&r.Released: released, &r.Expires: expires, &at: recalled}))
	if err != nil {
		return r, err
	}
	if recalled.Valid {
		r.Recalled = &at
	}
	r.Downloads = []egress.Download{}
	err = tx.each(ctx, func(scan func(...any) error) error {
		var (
			d  egress.Download
			at string
		)
		err := scan(&d.By, &d.Session, &at)
		if err == nil {
			d.At, err = parseTime(at)
		}
		r.Downloads = append(r.Downloads, d)
		return err
	}, `SELECT user_name, session, at FROM release_downloads WHERE release = $1 ORDER BY seq`, id)
	return r, err
}

func (tx requestTx) AddRelease(ctx context.Context, r egress.Release) error {
	files, err := asJSON(r.Files)
	if err != nil {
		return err
	}
	_, err = tx.sql.ExecContext(ctx, `INSERT INTO releases
		(id, request, project, title, sha256, bytes, signing_key, files, released, released_by, expires)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		r.ID, r.Request, r.Project, r.Title, r.SHA256, r.Bytes, r.Key, files, timeText(r.Released), r.By, timeText(r.Expires))
	return err
}

func (tx requestTx) SaveRelease(ctx context.Context, r egress.Release) error {
	if r.Recalled == nil {
		return errors.New("state: a release is saved only to recall it")
	}
	saved, err := tx.affects(ctx, `UPDATE releases SET recalled = $1, recalled_by = $2, reason = $3 WHERE id = $4 AND recalled IS NULL`,
		timeText(*r.Recalled), r.RecalledBy, r.Reason, r.ID)
	if err == nil && !saved {
		err = gatehouse.Errorf(gatehouse.CodeRequestState, "The release was recalled already.")
	}
	return err
}

func (tx requestTx) AddDownload(ctx context.Context, release string, d egress.Download) error {
	_, err := tx.sql.ExecContext(ctx, `INSERT INTO release_downloads (release, user_name, session, at) VALUES ($1, $2, $3, $4)`,
		release, d.By, d.Session, timeText(d.At))
	return err
}

// Releases gives a project's releases, newest first, without their downloads.
func (tx requestTx) Releases(ctx context.Context, project string) ([]egress.Release, error) {
	var ids []string
	ids, err := tx.names(ctx, `SELECT id FROM releases WHERE project = $1 ORDER BY released DESC, id DESC`, project)
	if err != nil {
		return nil, err
	}
	releases := make([]egress.Release, len(ids))
	for i, id := range ids {
		if releases[i], err = tx.Release(ctx, id); err != nil {
			return nil, err
		}
	}
	return releases, nil
}
