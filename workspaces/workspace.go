package workspaces

import (
	"context"
	"path/filepath"

	"github.com/gatehouse-tre/gatehouse"
)

// folder is where a workspace's files stand.
func (s *Service) folder(workspace string) string {
	return filepath.Join(s.Dir, "workspaces", workspace)
}

// OpenWorkspace makes a workspace for an active project, with its population,
// and gives one that is there already. A member or a custodian may, or System.
// An id that another project has taken is CodeConflict.
func (s *Service) OpenWorkspace(ctx context.Context, actor gatehouse.Principal, project, id string) (Workspace, error) {
	if !gatehouse.ValidName(id) {
		return Workspace{}, invalid("The workspace's id %q is not a name of lower-case letters, digits, '-' and '_'.", id)
	}
	w := Workspace{ID: id, Project: project, Folder: s.folder(id)}
	var p Project
	e := gatehouse.Event{Actor: actor.User, Action: "workspace.opened", Project: project, Subject: id}
	err := s.Store.Update(ctx, func(tx Tx) (err error) {
		if actor != System {
			if err := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionWorkspaceOpen, project); err != nil {
				return err
			}
		}
		if p, err = tx.Project(ctx, project); err != nil {
			return err
		}
		if err := p.usable(tx.Now()); err != nil {
			return err
		}
		old, err := tx.Workspace(ctx, id)
		switch {
		case err == nil && old.Project == project:
			return nil
		case err == nil:
			return gatehouse.Errorf(gatehouse.CodeConflict, "The workspace id %q is taken.", id)
		case gatehouse.CodeOf(err) != gatehouse.CodeNotFound:
			return err
		}
		tx.Record(e)
		return tx.AddWorkspace(ctx, w)
	})
	if err := s.journalRefusal(ctx, e, err); err != nil {
		return Workspace{}, err
	}
	for _, grant := range p.Datasets {
		v, err := s.Catalogue.Version(ctx, grant.Dataset, grant.Version)
		if err != nil {
			return Workspace{}, err
		}
		if _, err := s.population(ctx, w, v); err != nil {
			return Workspace{}, err
		}
	}
	return w, nil
}

// Workspaces gives the workspaces of the projects that actor may see.
func (s *Service) Workspaces(ctx context.Context, actor gatehouse.Principal) ([]Workspace, error) {
	projects, err := s.Projects(ctx, actor)
	if err != nil {
		return nil, err
	}
	visible := make(map[string]bool, len(projects))
	for _, p := range projects {
		visible[p.ID] = true
	}
	var found []Workspace
	err = s.Store.View(ctx, func(tx Tx) error {
		all, err := tx.Workspaces(ctx)
		for _, w := range all {
			if visible[w.Project] {
				w.Folder = s.folder(w.ID)
				found = append(found, w)
			}
		}
		return err
	})
	return found, err
}
