package workspaces

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/gatehouse-tre/gatehouse"
)

// folder is where a workspace's files stand.
func (s *Service) folder(workspace string) string {
	return filepath.Join(s.Dir, "workspaces", workspace)
}

// OpenWorkspace is OpenWorkspaceOn for a project with a single dataset.
func (s *Service) OpenWorkspace(ctx context.Context, actor gatehouse.Principal, project, id string) (Workspace, error) {
	return s.OpenWorkspaceOn(ctx, actor, project, "", id)
}

// OpenWorkspaceOn makes a workspace for an active project over one of its
// datasets ("" for its only one), with its population, and gives one that is
// there already. A member or a custodian may, or System. An id that another
// project or dataset has taken is CodeConflict.
func (s *Service) OpenWorkspaceOn(ctx context.Context, actor gatehouse.Principal, project, dataset, id string) (Workspace, error) {
	if !gatehouse.ValidName(id) {
		return Workspace{}, invalid("The workspace's id %q is not a name of lower-case letters, digits, '-' and '_'.", id)
	}
	w := Workspace{ID: id, Project: project, Folder: s.folder(id)}
	var grant DatasetGrant
	e := gatehouse.Event{Actor: actor.User, Action: "workspace.opened", Project: project, Subject: id}
	err := s.Store.Update(ctx, func(tx Tx) (err error) {
		if actor != System {
			if err := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionWorkspaceOpen, project); err != nil {
				return err
			}
		}
		p, err := tx.Project(ctx, project)
		if err != nil {
			return err
		}
		if err := p.Live(tx.Now()); err != nil {
			return err
		}
		old, err := tx.Workspace(ctx, id)
		if dataset == "" && err == nil && old.Project == project {
			dataset = old.Dataset
		}
		var found error
		if grant, found = p.grantOr(dataset); found != nil {
			return found
		}
		w.Dataset = grant.Dataset
		switch {
		case err == nil && old.Project == project && old.Dataset == w.Dataset:
			w.Epoch = old.Epoch
			return nil
		case err == nil:
			return gatehouse.Errorf(gatehouse.CodeConflict, "The workspace id %q is taken.", id)
		case gatehouse.CodeOf(err) != gatehouse.CodeNotFound:
			return err
		}
		if w.Epoch, err = tx.ProjectEpoch(ctx, project); err != nil {
			return err
		}
		tx.Record(e)
		return tx.AddWorkspace(ctx, w)
	})
	if err := s.journalRefusal(ctx, e, err); err != nil {
		return Workspace{}, err
	}
	v, err := s.Catalogue.Version(ctx, grant.Dataset, grant.Version)
	if err != nil {
		return Workspace{}, err
	}
	if _, err := s.population(ctx, w, v); err != nil {
		return Workspace{}, err
	}
	return w, nil
}

// grantOr gives what the project may use of a dataset; "" is its only one.
func (p Project) grantOr(dataset string) (DatasetGrant, error) {
	if dataset == "" && len(p.Datasets) == 1 {
		return p.Datasets[0], nil
	}
	if dataset == "" {
		return DatasetGrant{}, invalid("The project %q has %d datasets; a workspace is over one of them.", p.ID, len(p.Datasets)).WithAdvice("Say which, with --dataset.")
	}
	g, ok := p.grant(dataset)
	if !ok {
		return g, gatehouse.Errorf(gatehouse.CodeNotFound, "The project %q does not use a dataset %q.", p.ID, dataset)
	}
	return g, nil
}

// Workspaces gives the workspaces of the projects that actor may see.
func (s *Service) Workspaces(ctx context.Context, actor gatehouse.Principal) ([]Workspace, error) {
	var found []Workspace
	err := s.Store.View(ctx, func(tx Tx) error {
		all, err := tx.Workspaces(ctx)
		if err != nil {
			return err
		}
		var ids []string
		for _, w := range all {
			if !IsCatalogue(w.Project) {
				ids = append(ids, w.Project)
			}
		}
		slices.Sort(ids)
		may, err := s.Authorizer.Among(ctx, actor, gatehouse.ActionProjectRead, slices.Compact(ids))
		for _, w := range all {
			if slices.Contains(may, w.Project) {
				w.Folder = s.folder(w.ID)
				found = append(found, w)
			}
		}
		return err
	})
	return found, err
}
