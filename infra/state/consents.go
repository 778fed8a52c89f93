package state

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// SetConsents implements workspaces.Tx.
func (tx workspacesTx) SetConsents(ctx context.Context, c workspaces.Consents) error {
	units, err := c.Units.ToBytes()
	if err != nil {
		return err
	}
	if _, err := tx.sql.ExecContext(ctx, `INSERT INTO consents (dataset, project, units, dated, recorded) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (dataset, project) DO UPDATE SET units = excluded.units, dated = excluded.dated, recorded = excluded.recorded`,
		c.Dataset, c.Project, units, timeText(c.Dated), timeText(tx.now)); err != nil {
		return err
	}
	return tx.advanceMark(ctx, c.Dataset, c.Project)
}

// Consents implements workspaces.Tx.
func (tx workspacesTx) Consents(ctx context.Context, dataset, project string) (workspaces.Consents, error) {
	c := workspaces.Consents{Dataset: dataset, Project: project, Units: roaring.New()}
	var units []byte
	var dated string
	err := tx.sql.QueryRowContext(ctx, `SELECT units, dated FROM consents WHERE dataset = $1 AND project = $2`, dataset, project).Scan(&units, &dated)
	if errors.Is(err, sql.ErrNoRows) {
		return c, absent("list of consent to", project)
	}
	if err != nil {
		return c, err
	}
	if err := c.Units.UnmarshalBinary(units); err != nil {
		return c, err
	}
	c.Dated, err = parseTime(dated)
	return c, err
}

// ConsentsDated implements workspaces.Tx.
func (tx workspacesTx) ConsentsDated(ctx context.Context, dataset, project string) (time.Time, error) {
	var dated string
	err := tx.sql.QueryRowContext(ctx, `SELECT dated FROM consents WHERE dataset = $1 AND project = $2`, dataset, project).Scan(&dated)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, absent("list of consent to", project)
	}
	if err != nil {
		return time.Time{}, err
	}
	return parseTime(dated)
}

// advanceMark says that who is in populations has changed.
func (tx workspacesTx) advanceMark(ctx context.Context, dataset, project string) error {
	_, err := tx.sql.ExecContext(ctx, `INSERT INTO withdrawal_marks (dataset, project, mark) VALUES ($1, $2, 1)
		ON CONFLICT (dataset, project) DO UPDATE SET mark = withdrawal_marks.mark + 1`, dataset, project)
	return err
}
