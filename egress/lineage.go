package egress

import (
	"cmp"
	"context"
	"slices"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Lineages tells what versions were made of, and what workspaces made of them.
type Lineages struct {
	Catalogue  LineageCatalogue
	Projects   LineageProjects
	Store      LineageStore
	Authorizer Authorizer
}

// LineageCatalogue gives every version that stands.
type LineageCatalogue interface {
	List(ctx context.Context) ([]catalog.Version, error)
}

// LineageProjects gives what a reader may know of projects.
type LineageProjects interface {
	// Workspaces gives the workspaces of the projects that the reader may see.
	Workspaces(ctx context.Context, p gatehouse.Principal) ([]workspaces.Workspace, error)
	// Custodians gives the custodians of a dataset.
	Custodians(ctx context.Context, p gatehouse.Principal, dataset string) ([]string, error)
}

// LineageStore knows what workspaces made.
type LineageStore interface {
	// MadeOf gives the tables and views of workspaces that were made while the workspace
	// was on a version, such as shared_care@3.
	MadeOf(ctx context.Context, version string) ([]catalog.DerivedTable, error)
}

// Lineage gives the lineage of a version, or of the newest if number is 0, to whoever may
// read the catalogue: extracts and hashes to custodians of the dataset alone, and of what
// was made of it only what workspaces of projects made that the reader may see.
func (l Lineages) Lineage(ctx context.Context, reader gatehouse.Principal, dataset string, number int) (catalog.Lineage, error) {
	if err := l.Authorizer.Authorize(ctx, reader, gatehouse.ActionDatasetRead, ""); err != nil {
		return catalog.Lineage{}, err
	}
	all, err := l.Catalogue.List(ctx)
	var found *catalog.Version
	for i, v := range all {
		if v.Dataset == dataset && (v.Number == number || number == 0 && (found == nil || v.Number > found.Number)) {
			found = &all[i]
		}
	}
	if found == nil {
		if err == nil {
			err = gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such version.")
		}
		return catalog.Lineage{}, err
	}
	named, err := l.Projects.Custodians(ctx, reader, dataset)
	if err != nil {
		return catalog.Lineage{}, err
	}
	custodial := slices.Contains(named, reader.User) && l.Authorizer.Authorize(ctx, reader, gatehouse.ActionDatasetPublish, "") == nil
	lineage := catalog.LineageOf(*found, custodial)
	seen, err := l.Projects.Workspaces(ctx, reader)
	if err != nil {
		return catalog.Lineage{}, err
	}
	made, err := l.Store.MadeOf(ctx, found.Name())
	for _, t := range made {
		if slices.ContainsFunc(seen, func(w workspaces.Workspace) bool { return w.ID == t.Workspace && w.Project == t.Project }) {
			lineage.Derived = append(lineage.Derived, t)
		}
	}
	slices.SortFunc(lineage.Derived, func(a, b catalog.DerivedTable) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Workspace, b.Workspace), cmp.Compare(a.Name, b.Name))
	})
	return lineage, err
}
