package state

import (
	"context"
	"database/sql"
	"errors"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func (tx workspacesTx) AddAppointment(ctx context.Context, a workspaces.Appointment) error {
	_, err := tx.sql.ExecContext(ctx, `INSERT INTO appointments (id, user_name, role, state, asked_by, asked) VALUES ($1, $2, $3, $4, $5, $6)`,
		a.ID, a.User, string(a.Role), string(a.State), a.AskedBy, timeText(a.Asked))
	return err
}

const appointmentColumns = `id, user_name, role, state, asked_by, asked, coalesce(decided_by, ''), decided`

func scanAppointment(scan func(...any) error) (a workspaces.Appointment, err error) {
	var asked string
	var decided sql.NullString
	if err := scan(&a.ID, &a.User, &a.Role, &a.State, &a.AskedBy, &asked, &a.DecidedBy, &decided); err != nil {
		return a, err
	}
	var err2 error
	a.Asked, err = parseTime(asked)
	a.Decided, err2 = parseOptional(decided)
	return a, errors.Join(err, err2)
}

func (tx workspacesTx) Appointment(ctx context.Context, id string) (workspaces.Appointment, error) {
	a, err := scanAppointment(tx.sql.QueryRowContext(ctx, `SELECT `+appointmentColumns+` FROM appointments WHERE id = $1`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return a, absent("appointment", id)
	}
	return a, err
}

func (tx workspacesTx) Appointments(ctx context.Context) (all []workspaces.Appointment, err error) {
	err = tx.each(ctx, func(scan func(...any) error) error {
		a, err := scanAppointment(scan)
		all = append(all, a)
		return err
	}, `SELECT `+appointmentColumns+` FROM appointments ORDER BY asked DESC, id DESC`)
	return all, err
}

func (tx workspacesTx) DecideAppointment(ctx context.Context, a workspaces.Appointment) error {
	decided, err := tx.affects(ctx, `UPDATE appointments SET state = $1, decided_by = $2, decided = $3 WHERE id = $4 AND state = 'asked'`,
		string(a.State), a.DecidedBy, timeText(a.Decided), a.ID)
	if err == nil && !decided {
		err = gatehouse.Errorf(gatehouse.CodeConflict, "%s is decided already.", a.ID)
	}
	return err
}
