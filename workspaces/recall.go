package workspaces

import (
	"context"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// standing gives versions that were not recalled where the newest is asked for.
type standing struct {
	Catalogue
	tx Tx
}

// Version implements Catalogue.
func (c standing) Version(ctx context.Context, dataset string, number int) (catalog.Version, error) {
	v, err := c.Catalogue.Version(ctx, dataset, number)
	if err != nil || number > 0 {
		return v, err
	}
	recalled, err := c.tx.Recalls(ctx, dataset)
	for err == nil && catalog.RecallOf(recalled, v.Number) != nil {
		if v.Before == nil {
			return v, refuse(gatehouse.CodeNotFound, "Every version of dataset %q was recalled.", dataset)
		}
		v, err = c.Catalogue.Version(ctx, dataset, v.Before.Number)
	}
	return v, err
}

// notRecalled refuses a version that was recalled.
func notRecalled(ctx context.Context, tx Tx, dataset string, number int) error {
	all, err := tx.Recalls(ctx, dataset)
	if err != nil {
		return err
	}
	if r := catalog.RecallOf(all, number); r != nil {
		return r.Refusal(dataset)
	}
	return nil
}

// Recalls gives the recalled versions of a dataset to whoever may read the catalogue.
func (s *Service) Recalls(ctx context.Context, actor gatehouse.Principal, dataset string) ([]catalog.Recall, error) {
	if err := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionDatasetRead, ""); err != nil {
		return nil, err
	}
	var all []catalog.Recall
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		all, err = tx.Recalls(ctx, dataset)
		return err
	})
	return all, err
}
