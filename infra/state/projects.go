package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// application is what the database keeps of an application as JSON.
type application struct {
	LaySummary    string   `json:"lay_summary,omitempty"`
	PublicBenefit string   `json:"public_benefit,omitempty"`
	Organisation  string   `json:"organisation,omitempty"`
	PublicNames   []string `json:"public_names,omitempty"`
	Funding       string   `json:"funding,omitempty"`
	Outputs       []string `json:"outputs,omitempty"`
}

const projectColumns = `id, title, purpose, state, policy, opt_out_basis, opt_out_ref, expires, created_by, approved_by, version,
	application, starts, round, approved, suspended_for, stopped_why`

// projectValues gives the values of projectColumns.
func projectValues(p workspaces.Project) ([]any, error) {
	said, err1 := json.Marshal(application{p.LaySummary, p.PublicBenefit, p.Organisation, p.PublicNames, p.Funding, p.Outputs})
	suspended, err2 := asJSON(p.SuspendedFor)
	return []any{p.ID, p.Title, p.Purpose, string(p.State), p.Policy, string(p.OptOutBasis), p.OptOutRef, timeText(p.Expires), p.CreatedBy, p.ApprovedBy, p.Version,
		string(said), optional(p.Starts), p.Round, optional(p.Approved), suspended, p.StoppedWhy}, errors.Join(err1, err2)
}

func scanProject(scan func(...any) error) (workspaces.Project, error) {
	var p workspaces.Project
	var expires, said, suspended string
	var starts, approved sql.NullString
	err := scan(&p.ID, &p.Title, &p.Purpose, &p.State, &p.Policy, &p.OptOutBasis, &p.OptOutRef, &expires, &p.CreatedBy, &p.ApprovedBy, &p.Version,
		&said, &starts, &p.Round, &approved, &suspended, &p.StoppedWhy)
	if err != nil {
		return p, err
	}
	var a application
	if err := errors.Join(json.Unmarshal([]byte(said), &a), json.Unmarshal([]byte(suspended), &p.SuspendedFor)); err != nil {
		return p, err
	}
	p.LaySummary, p.PublicBenefit, p.Organisation, p.PublicNames, p.Funding, p.Outputs = a.LaySummary, a.PublicBenefit, a.Organisation, a.PublicNames, a.Funding, a.Outputs
	if len(p.SuspendedFor) == 0 {
		p.SuspendedFor = nil
	}
	var err1, err2 error
	p.Expires, err = parseTime(expires)
	p.Starts, err1 = parseOptional(starts)
	p.Approved, err2 = parseOptional(approved)
	return p, errors.Join(err, err1, err2)
}

// parseOptional reads what optional wrote.
func parseOptional(s sql.NullString) (time.Time, error) {
	if !s.Valid {
		return time.Time{}, nil
	}
	return parseTime(s.String)
}

// fill reads the members and grants of a project.
func (tx workspacesTx) fill(ctx context.Context, p *workspaces.Project) error {
	err := tx.each(ctx, func(scan func(...any) error) error {
		var m workspaces.Member
		var until string
		var agreed sql.NullString
		if err := scan(&m.User, &m.Role, &until, &m.Agreement, &agreed); err != nil {
			return err
		}
		var err1, err2 error
		m.TrainingUntil, err1 = parseTime(until)
		m.AgreementUntil, err2 = parseOptional(agreed)
		p.Members = append(p.Members, m)
		return errors.Join(err1, err2)
	}, `SELECT user_name, role, training_until, agreement, agreement_until FROM members WHERE project = $1 ORDER BY user_name`, p.ID)
	if err != nil {
		return err
	}
	return tx.each(ctx, func(scan func(...any) error) error {
		var g workspaces.DatasetGrant
		var tables string
		if err := scan(&g.Dataset, &g.Version, &tables); err != nil {
			return err
		}
		err := json.Unmarshal([]byte(tables), &g.Tables)
		p.Datasets = append(p.Datasets, g)
		return err
	}, `SELECT dataset, version, tables FROM grants WHERE project = $1 ORDER BY dataset`, p.ID)
}

func (tx workspacesTx) Project(ctx context.Context, id string) (workspaces.Project, error) {
	p, err := scanProject(tx.sql.QueryRowContext(ctx, `SELECT `+projectColumns+` FROM projects WHERE id = $1`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return p, absent("project", id)
	}
	if err != nil {
		return p, err
	}
	return p, tx.fill(ctx, &p)
}

func (tx workspacesTx) Projects(ctx context.Context) ([]workspaces.Project, error) {
	var all []workspaces.Project
	err := tx.each(ctx, func(scan func(...any) error) error {
		p, err := scanProject(scan)
		if !workspaces.IsCatalogue(p.ID) {
			all = append(all, p)
		}
		return err
	}, `SELECT `+projectColumns+` FROM projects ORDER BY id`)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if err := tx.fill(ctx, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (tx workspacesTx) AddProject(ctx context.Context, p workspaces.Project) error {
	values, err := projectValues(p)
	if err != nil {
		return err
	}
	added, err := tx.affects(ctx, `INSERT INTO projects (`+projectColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT DO NOTHING`, values...)
	if err != nil {
		return err
	}
	if !added {
		return taken("project", p.ID)
	}
	return tx.setParts(ctx, p)
}

func (tx workspacesTx) ChangeProject(ctx context.Context, p workspaces.Project) error {
	values, err := projectValues(p)
	if err != nil {
		return err
	}
	changed, err := tx.affects(ctx, `UPDATE projects SET title = $2, purpose = $3, state = $4, policy = $5, opt_out_basis = $6,
		opt_out_ref = $7, expires = $8, created_by = $9, approved_by = $10, version = version + 1, application = $12, starts = $13,
		round = $14, approved = $15, suspended_for = $16, stopped_why = $17 WHERE id = $1 AND version = $11`, values...)
	if err != nil {
		return err
	}
	if !changed {
		return gatehouse.Errorf(gatehouse.CodeConflict, "The project %q was changed meanwhile.", p.ID)
	}
	return tx.setParts(ctx, p)
}

// setParts replaces the members and grants of a project.
func (tx workspacesTx) setParts(ctx context.Context, p workspaces.Project) error {
	for _, table := range []string{"members", "grants"} {
		if _, err := tx.sql.ExecContext(ctx, `DELETE FROM `+table+` WHERE project = $1`, p.ID); err != nil {
			return err
		}
	}
	for _, m := range p.Members {
		_, err := tx.sql.ExecContext(ctx, `INSERT INTO members (project, user_name, role, training_until, agreement, agreement_until) VALUES ($1, $2, $3, $4, $5, $6)`,
			p.ID, m.User, string(m.Role), timeText(m.TrainingUntil), m.Agreement, optional(m.AgreementUntil))
		if err != nil {
			return err
		}
		if !p.EverApproved() {
			continue // nobody could work in it yet
		}
		if _, err := tx.sql.ExecContext(ctx, `INSERT INTO project_insiders (project, user_name) VALUES ($1, $2) ON CONFLICT DO NOTHING`, p.ID, m.User); err != nil {
			return err
		}
	}
	for _, g := range p.Datasets {
		tables, err := json.Marshal(g.Tables)
		if err != nil {
			return err
		}
		_, err = tx.sql.ExecContext(ctx, `INSERT INTO grants (project, dataset, version, tables) VALUES ($1, $2, $3, $4)`,
			p.ID, g.Dataset, g.Version, string(tables))
		if err != nil {
			return err
		}
	}
	return nil
}
