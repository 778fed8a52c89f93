package state

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/gatehouse-tre/gatehouse/catalog"
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

// endConsents takes the units of a change of the person index out of the lists of
// consent to a dataset's projects.
func (tx workspacesTx) endConsents(ctx context.Context, dataset string, carried []catalog.Carried) error {
	changed := roaring.New()
	for _, c := range carried {
		changed.AddMany(c.From)
		changed.AddMany(c.To)
	}
	rows, err := tx.sql.QueryContext(ctx, `SELECT project, units FROM consents WHERE dataset = $1`, dataset)
	if err != nil {
		return err
	}
	defer rows.Close()
	fewer := map[string][]byte{}
	for rows.Next() {
		var project string
		var packed []byte
		if err := rows.Scan(&project, &packed); err != nil {
			return err
		}
		units := roaring.New()
		if err := units.UnmarshalBinary(packed); err != nil {
			return err
		}
		if !units.Intersects(changed) {
			continue
		}
		units.AndNot(changed)
		if fewer[project], err = units.ToBytes(); err != nil {
			return err
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for project, units := range fewer {
		if _, err := tx.sql.ExecContext(ctx, `UPDATE consents SET units = $3 WHERE dataset = $1 AND project = $2`, dataset, project, units); err != nil {
			return err
		}
		if err := tx.advanceMark(ctx, dataset, project); err != nil {
			return err
		}
	}
	return nil
}
