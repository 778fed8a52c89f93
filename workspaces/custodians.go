package workspaces

import (
	"context"
	"slices"

	"github.com/gatehouse-tre/gatehouse"
)

// AddCustodian names a user custodian of a dataset: one of those who decide about
// projects that use it. A custodian of the dataset may, and System. The user must
// hold the role of custodian.
func (s *Service) AddCustodian(ctx context.Context, actor gatehouse.Principal, dataset, user string) error {
	e := gatehouse.Event{Action: "custodian.named", Subject: dataset, Detail: map[string]string{"user": user}}
	return s.inHouse(ctx, actor, gatehouse.ActionCustodianName, e, func(tx Tx) error {
		if err := namedFor(ctx, tx, actor, dataset); err != nil {
			return err
		}
		if _, err := s.Catalogue.Version(ctx, dataset, 0); err != nil {
			return err
		}
		if err := requireUser(ctx, tx, user); err != nil {
			return err
		}
		roles, err := tx.HouseRoles(ctx, user)
		if err != nil {
			return err
		}
		if !slices.Contains(roles, gatehouse.RoleCustodian) {
			return gatehouse.Errorf(gatehouse.CodeConfig, "%s does not have the role of custodian.", user).
				WithAdvice("Give it with 'gatehouse user grant', then name them.")
		}
		return tx.AddCustodian(ctx, dataset, user)
	})
}

// RemoveCustodian ends that, at once. Decisions that were taken stand until the
// application changes. A custodian of the dataset may, oneself included but for the
// last, and System.
func (s *Service) RemoveCustodian(ctx context.Context, actor gatehouse.Principal, dataset, user string) error {
	e := gatehouse.Event{Action: "custodian.removed", Subject: dataset, Detail: map[string]string{"user": user}}
	return s.inHouse(ctx, actor, gatehouse.ActionCustodianName, e, func(tx Tx) error {
		if err := namedFor(ctx, tx, actor, dataset); err != nil {
			return err
		}
		named, err := tx.Custodians(ctx, dataset)
		if err != nil {
			return err
		}
		if !slices.Contains(named, user) {
			return gatehouse.Errorf(gatehouse.CodeNotFound, "%s is not custodian of the dataset %q.", user, dataset)
		}
		if actor != System && len(named) == 1 {
			return gatehouse.Errorf(gatehouse.CodeConflict, "%s is the only custodian of the dataset %q.", user, dataset).WithAdvice("Name another first; without any, nobody decides about it.")
		}
		return tx.RemoveCustodian(ctx, dataset, user)
	})
}

// namedFor is CodeNotCustodian unless actor is custodian of the dataset, or System.
func namedFor(ctx context.Context, tx Tx, actor gatehouse.Principal, dataset string) error {
	if actor == System {
		return nil
	}
	named, err := tx.Custodians(ctx, dataset)
	if err == nil && !slices.Contains(named, actor.User) {
		err = gatehouse.Errorf(gatehouse.CodeNotCustodian, "You are not custodian of the dataset %q.", dataset)
	}
	return err
}

// Custodians gives the custodians of a dataset, to whoever may see the catalogue,
// and to System.
func (s *Service) Custodians(ctx context.Context, actor gatehouse.Principal, dataset string) ([]string, error) {
	if actor != System {
		if err := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionDatasetRead, ""); err != nil {
			return nil, err
		}
	}
	var named []string
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		named, err = tx.Custodians(ctx, dataset)
		return err
	})
	return named, err
}

// custody gives the datasets of a project of which actor is custodian, or
// CodeNotCustodian if there is none.
func (s *Service) custody(ctx context.Context, tx Tx, actor gatehouse.Principal, p Project) ([]string, error) {
	var mine []string
	for _, g := range p.Datasets {
		named, err := tx.Custodians(ctx, g.Dataset)
		if err != nil {
			return nil, err
		}
		if slices.Contains(named, actor.User) {
			mine = append(mine, g.Dataset)
		}
	}
	if len(mine) == 0 {
		return nil, gatehouse.Errorf(gatehouse.CodeNotCustodian, "You are not custodian of a dataset of the project %q.", p.ID)
	}
	return mine, nil
}

// requireCustodian is CodeNotCustodian unless actor is custodian of each of these
// datasets of the project.
func (s *Service) requireCustodian(ctx context.Context, tx Tx, actor gatehouse.Principal, p Project, datasets ...string) error {
	for _, d := range datasets {
		if _, asked := p.grant(d); !asked {
			return gatehouse.Errorf(gatehouse.CodeNotFound, "The project %q does not ask for a dataset %q.", p.ID, d)
		}
		named, err := tx.Custodians(ctx, d)
		if err != nil {
			return err
		}
		if !slices.Contains(named, actor.User) {
			return gatehouse.Errorf(gatehouse.CodeNotCustodian, "You are not custodian of the dataset %q.", d)
		}
	}
	return nil
}

// requireUndecided refuses members who have decided about the project.
func requireUndecided(ctx context.Context, tx Tx, p Project, members []Member) error {
	decided, err := tx.Decisions(ctx, p.ID)
	if err != nil {
		return err
	}
	for _, m := range members {
		if m.User == p.ApprovedBy || slices.ContainsFunc(decided, func(d Decision) bool { return d.Custodian == m.User }) {
			return separation("Whoever decides about a project does not become a member of it.")
		}
	}
	return nil
}

func names(p Project) []string {
	var datasets []string
	for _, g := range p.Datasets {
		datasets = append(datasets, g.Dataset)
	}
	return datasets
}
