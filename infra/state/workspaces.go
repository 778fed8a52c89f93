package state

import (
	"context"
	"database/sql"
	"errors"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Workspaces gives the part of the state that the workspaces domain keeps.
func Workspaces(db *DB) *WorkspaceStore { return &WorkspaceStore{db} }

// WorkspaceStore implements workspaces.Store, and tells infra/policy who holds
// which role.
type WorkspaceStore struct{ db *DB }

var _ workspaces.Store = (*WorkspaceStore)(nil)

// Update implements workspaces.Store.
func (s *WorkspaceStore) Update(ctx context.Context, change func(workspaces.Tx) error) error {
	return s.db.Update(ctx, func(tx *Tx) error { return change(workspacesTx{tx}) })
}

// View implements workspaces.Store.
func (s *WorkspaceStore) View(ctx context.Context, read func(workspaces.Tx) error) error {
	return s.db.View(ctx, func(tx *Tx) error { return read(workspacesTx{tx}) })
}

// Assignments gives every role that a user holds and where, those that follow
// from what the user is among them; none for a name that is no user's.
func (s *WorkspaceStore) Assignments(ctx context.Context, user string) ([]workspaces.Assignment, error) {
	var held []workspaces.Assignment
	err := s.db.look(ctx, func(tx *Tx) error {
		known, err := workspacesTx{tx}.HasUser(ctx, user)
		if err != nil || !known {
			return err
		}
		house, err := workspacesTx{tx}.HouseRoles(ctx, user)
		if err != nil {
			return err
		}
		for _, r := range house {
			held = append(held, workspaces.Assignment{Role: r, Scope: gatehouse.Everywhere})
		}
		if len(house) == 0 {
			held = append(held, workspaces.Assignment{Role: workspaces.RoleApplicant, Scope: workspaces.HouseOnly})
		}
		return tx.each(ctx, func(scan func(...any) error) error {
			var a workspaces.Assignment
			err := scan(&a.Role, &a.Scope)
			held = append(held, a)
			return err
		}, `SELECT role, project FROM members WHERE user_name = $1
			UNION ALL SELECT $2, id FROM projects WHERE created_by = $1`, user, string(workspaces.RoleCreator))
	})
	return held, err
}

// Users gives the names of all users, sorted.
func (s *WorkspaceStore) Users(ctx context.Context) (names []string, err error) {
	err = s.db.View(ctx, func(tx *Tx) (err error) {
		names, err = workspacesTx{tx}.Users(ctx)
		return err
	})
	return names, err
}

// ProjectOf gives the project of a workspace, or "" if there is none such.
func (s *WorkspaceStore) ProjectOf(ctx context.Context, workspace string) (project string, err error) {
	err = s.db.look(ctx, func(tx *Tx) error {
		err := tx.sql.QueryRowContext(ctx, `SELECT project FROM workspaces WHERE id = $1`, workspace).Scan(&project)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return project, err
}

// each calls row for every row of a query.
func (tx *Tx) each(ctx context.Context, row func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := tx.sql.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// affects runs a statement and reports whether it touched any row: an INSERT
// that conflicts, or an UPDATE whose condition does not hold, does not.
func (tx *Tx) affects(ctx context.Context, statement string, args ...any) (bool, error) {
	result, err := tx.sql.ExecContext(ctx, statement, args...)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// workspacesTx implements workspaces.Tx.
type workspacesTx struct{ *Tx }

func absent(what, id string) error {
	return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no %s %q.", what, id)
}

func taken(what, id string) error {
	return gatehouse.Errorf(gatehouse.CodeConflict, "There is a %s %q already.", what, id)
}

func (tx workspacesTx) AddUser(ctx context.Context, name string) error {
	added, err := tx.affects(ctx, `INSERT INTO users (name, created) VALUES ($1, $2) ON CONFLICT DO NOTHING`, name, timeText(tx.now))
	if err == nil && !added {
		err = taken("user", name)
	}
	return err
}

func (tx workspacesTx) HasUser(ctx context.Context, name string) (bool, error) {
	var n int
	err := tx.sql.QueryRowContext(ctx, `SELECT count(*) FROM users WHERE name = $1`, name).Scan(&n)
	return n > 0, err
}

func (tx workspacesTx) HouseRoles(ctx context.Context, user string) ([]gatehouse.Role, error) {
	var roles []gatehouse.Role
	err := tx.each(ctx, func(scan func(...any) error) error {
		var r gatehouse.Role
		err := scan(&r)
		roles = append(roles, r)
		return err
	}, `SELECT role FROM house_roles WHERE user_name = $1 ORDER BY role`, user)
	return roles, err
}

func (tx workspacesTx) GrantRole(ctx context.Context, user string, role gatehouse.Role) error {
	_, err := tx.affects(ctx, `INSERT INTO house_roles (user_name, role, granted) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		user, string(role), timeText(tx.now))
	return err
}

func (tx workspacesTx) RevokeRole(ctx context.Context, user string, role gatehouse.Role) error {
	_, err := tx.affects(ctx, `DELETE FROM house_roles WHERE user_name = $1 AND role = $2`, user, string(role))
	return err
}

func (tx workspacesTx) Workspace(ctx context.Context, id string) (workspaces.Workspace, error) {
	w := workspaces.Workspace{ID: id}
	err := tx.sql.QueryRowContext(ctx, `SELECT project, dataset, epoch FROM workspaces WHERE id = $1`, id).Scan(&w.Project, &w.Dataset, &w.Epoch)
	if errors.Is(err, sql.ErrNoRows) {
		return w, absent("workspace", id)
	}
	return w, err
}

func (tx workspacesTx) Workspaces(ctx context.Context) ([]workspaces.Workspace, error) {
	var all []workspaces.Workspace
	err := tx.each(ctx, func(scan func(...any) error) error {
		var w workspaces.Workspace
		err := scan(&w.ID, &w.Project, &w.Dataset, &w.Epoch)
		all = append(all, w)
		return err
	}, `SELECT id, project, dataset, epoch FROM workspaces ORDER BY id`)
	return all, err
}

func (tx workspacesTx) AddWorkspace(ctx context.Context, w workspaces.Workspace) error {
	added, err := tx.affects(ctx, `INSERT INTO workspaces (id, project, dataset, epoch, opened) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		w.ID, w.Project, w.Dataset, max(w.Epoch, 1), timeText(tx.now))
	if err == nil && !added {
		err = taken("workspace", w.ID)
	}
	return err
}
