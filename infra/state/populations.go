package state

import (
	"context"
	"database/sql"
	"errors"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Withdraw adds units one by one: a list is read once, and rarely long.
func (tx workspacesTx) Withdraw(ctx context.Context, dataset, project string, units []uint32) error {
	add, err := tx.sql.PrepareContext(ctx, `INSERT INTO withdrawals (dataset, project, unit, recorded) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`)
	if err != nil {
		return err
	}
	defer add.Close()
	for _, unit := range units {
		if _, err := add.ExecContext(ctx, dataset, project, int64(unit), timeText(tx.now)); err != nil {
			return err
		}
	}
	return tx.advanceMark(ctx, dataset, project)
}

func (tx workspacesTx) Withdrawn(ctx context.Context, dataset, project string) (*roaring.Bitmap, error) {
	units := roaring.New()
	err := tx.each(ctx, func(scan func(...any) error) error {
		var unit int64
		if err := scan(&unit); err != nil {
			return err
		}
		if unit != int64(uint32(unit)) {
			return errors.New("state: a withdrawn unit is out of range")
		}
		units.Add(uint32(unit))
		return nil
	}, `SELECT unit FROM withdrawals WHERE dataset = $1 AND project IN ('', $2)`, dataset, project)
	return units, err
}

func (tx workspacesTx) WithdrawalMark(ctx context.Context, dataset, project string) (mark int64, err error) {
	err = tx.sql.QueryRowContext(ctx, `SELECT coalesce(sum(mark), 0) FROM withdrawal_marks WHERE dataset = $1 AND project IN ('', $2)`,
		dataset, project).Scan(&mark)
	return mark, err
}

func (tx workspacesTx) Population(ctx context.Context, workspace, dataset string) (workspaces.Population, error) {
	p := workspaces.Population{Workspace: workspace, Dataset: dataset}
	var built string
	err := tx.sql.QueryRowContext(ctx, `SELECT version, sha256, people, mark, complete, consent, built FROM populations WHERE workspace = $1 AND dataset = $2`,
		workspace, dataset).Scan(&p.Version, &p.SHA256, &p.People, &p.Mark, &p.Complete, &p.Consent, &built)
	if errors.Is(err, sql.ErrNoRows) {
		return p, absent("population of", workspace)
	}
	if err != nil {
		return p, err
	}
	p.Built, err = parseTime(built)
	return p, err
}

func (tx workspacesTx) SetPopulation(ctx context.Context, p workspaces.Population) error {
	_, err := tx.sql.ExecContext(ctx, `INSERT INTO populations (workspace, dataset, version, sha256, people, mark, complete, consent, built)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (workspace, dataset) DO UPDATE SET version = excluded.version, sha256 = excluded.sha256, people = excluded.people,
		mark = excluded.mark, complete = excluded.complete, consent = excluded.consent, built = excluded.built`,
		p.Workspace, p.Dataset, p.Version, p.SHA256, p.People, p.Mark, p.Complete, p.Consent, timeText(p.Built))
	return err
}
