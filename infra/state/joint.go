package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func (tx workspacesTx) ProjectEpoch(ctx context.Context, project string) (epoch int, err error) {
	err = tx.sql.QueryRowContext(ctx, `SELECT epoch FROM project_epochs WHERE project = $1`, project).Scan(&epoch)
	if errors.Is(err, sql.ErrNoRows) {
		return 1, nil
	}
	return epoch, err
}

func (tx workspacesTx) SetProjectEpoch(ctx context.Context, project string, epoch int) error {
	_, err := tx.sql.ExecContext(ctx, `INSERT INTO project_epochs (project, epoch) VALUES ($1, $2)
		ON CONFLICT (project) DO UPDATE SET epoch = excluded.epoch`, project, epoch)
	return err
}

func (tx workspacesTx) AddJointAct(ctx context.Context, a workspaces.JointAct) error {
	names, err := asJSON(a.Names)
	if err != nil {
		return err
	}
	_, err = tx.sql.ExecContext(ctx, `INSERT INTO joint_acts (id, kind, project, dataset, purpose, reason, names, state, asked_by, asked)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		a.ID, a.Kind, a.Project, a.Dataset, a.Purpose, a.Reason, names, a.State, a.AskedBy, timeText(a.Asked))
	return err
}

const jointColumns = `id, kind, project, dataset, purpose, reason, names, state, asked_by, asked, coalesce(decided_by, ''), coalesce(decided, ''), coalesce(done, '')`

func scanJointAct(scan func(...any) error) (a workspaces.JointAct, err error) {
	var names, asked, decided, done string
	if err := scan(&a.ID, &a.Kind, &a.Project, &a.Dataset, &a.Purpose, &a.Reason, &names, &a.State, &a.AskedBy, &asked, &a.DecidedBy, &decided, &done); err != nil {
		return a, err
	}
	var errs [4]error
	errs[0] = json.Unmarshal([]byte(names), &a.Names)
	a.Asked, errs[1] = parseTime(asked)
	if decided != "" {
		a.Decided, errs[2] = parseTime(decided)
	}
	if done != "" {
		a.Done, errs[3] = parseTime(done)
	}
	return a, errors.Join(errs[:]...)
}

func (tx workspacesTx) JointAct(ctx context.Context, id string) (workspaces.JointAct, error) {
	a, err := scanJointAct(tx.sql.QueryRowContext(ctx, `SELECT `+jointColumns+` FROM joint_acts WHERE id = $1`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return a, absent("joint act", id)
	}
	return a, err
}

func (tx workspacesTx) JointActs(ctx context.Context, project string) (all []workspaces.JointAct, err error) {
	err = tx.each(ctx, func(scan func(...any) error) error {
		a, err := scanJointAct(scan)
		all = append(all, a)
		return err
	}, `SELECT `+jointColumns+` FROM joint_acts WHERE project = $1 OR $1 = '' ORDER BY asked, id`, project)
	return all, err
}

func (tx workspacesTx) MoveJointAct(ctx context.Context, a workspaces.JointAct, from workspaces.JointState) error {
	var done any
	if !a.Done.IsZero() {
		done = timeText(a.Done)
	}
	moved, err := tx.affects(ctx, `UPDATE joint_acts SET state = $1, decided_by = $2, decided = $3, done = $4 WHERE id = $5 AND state = $6`,
		a.State, a.DecidedBy, timeText(a.Decided), done, a.ID, from)
	if err == nil && !moved {
		err = gatehouse.Errorf(gatehouse.CodeConflict, "%s is not %s any more.", a.ID, from)
	}
	return err
}
