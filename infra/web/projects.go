package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Health is what a load balancer asks for.
type Health struct {
	Status string `json:"status" enum:"ok"`
}

// Me is who a token belongs to.
type Me struct {
	User      string `json:"user"`
	Workspace string `json:"workspace,omitempty" doc:"The only workspace that the token reaches, if it is bound to one"`
}

// Dataset is a published version as the catalogue shows it.
type Dataset struct {
	Dataset   string         `json:"dataset"`
	Number    int            `json:"number"`
	Title     string         `json:"title"`
	Custodian string         `json:"custodian"`
	Published time.Time      `json:"published"`
	Tables    []DatasetTable `json:"tables"`
	Lists     []OptOutList   `json:"opt_out_lists" doc:"The opt-out lists that were applied"`
	Recalled  *DatasetRecall `json:"recalled,omitempty" doc:"Its custodian recalled it: nobody asks about it"`
}

// DatasetRecall is why a version must not be used.
type DatasetRecall struct {
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
}

// DatasetTable is a table of a published version.
type DatasetTable struct {
	Name        string           `json:"name"`
	Description string           `json:"description,omitempty"`
	Public      bool             `json:"public" doc:"A reference table: no rows about people"`
	Rows        int64            `json:"rows" doc:"Of a table about people to two significant digits, and to hundreds"`
	People      int64            `json:"people" doc:"To two significant digits, and to hundreds"`
	Columns     []catalog.Column `json:"columns"`
}

// OptOutList is a list whose people were left out.
type OptOutList struct {
	List  string    `json:"list"`
	Dated time.Time `json:"dated"`
}

type listOf[T any] struct {
	Body struct {
		Items []T `json:"items" nullable:"false"`
	}
}

func list[T any](items []T) *listOf[T] {
	out := &listOf[T]{}
	out.Body.Items = items
	if items == nil {
		out.Body.Items = []T{}
	}
	return out
}

type one[T any] struct{ Body T }

func (s *server) describeHealth(api huma.API) {
	handle(s, api, huma.Operation{
		OperationID: "health", Method: http.MethodGet, Path: "/healthz", Summary: "Whether Gatehouse can work", Tags: []string{"service"},
	}, func(ctx context.Context, _ *struct{}) (*one[Health], error) {
		if s.Ready != nil {
			if err := s.Ready(ctx); err != nil {
				return nil, gatehouse.Errorf(gatehouse.CodeBusy, "Gatehouse cannot work now.").Because(err)
			}
		}
		return &one[Health]{Health{"ok"}}, nil
	})
}

func (s *server) describeProjects(api huma.API) {
	s.describeApplications(api)
	s.describeDecisions(api)
	s.describeAmendments(api)
	s.describeAdjustments(api)
	s.describeRegister(api)
	s.describeDocuments(api)
	tags := []string{"projects"}
	handle(s, api, huma.Operation{
		OperationID: "me", Method: http.MethodGet, Path: "/v1/me", Summary: "Who the token belongs to", Tags: tags, Security: signedIn,
	}, func(ctx context.Context, _ *struct{}) (*one[Me], error) {
		p := principal(ctx)
		return &one[Me]{Me{p.User, p.Workspace}}, nil
	})

	handle(s, api, huma.Operation{
		OperationID: "list-projects", Method: http.MethodGet, Path: "/v1/projects", Summary: "Projects that you may see", Tags: tags, Security: signedIn,
	}, func(ctx context.Context, _ *struct{}) (*listOf[workspaces.Project], error) {
		found, err := s.Projects.Projects(ctx, principal(ctx))
		return list(found), err
	})

	handle(s, api, huma.Operation{
		OperationID: "get-project", Method: http.MethodGet, Path: "/v1/projects/{project}", Summary: "A project", Tags: tags, Security: signedIn,
		Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, func(ctx context.Context, in *struct {
		Project string `path:"project" maxLength:"64"`
	}) (*one[workspaces.Project], error) {
		found, err := s.Projects.Project(ctx, principal(ctx), in.Project)
		return &one[workspaces.Project]{found}, err
	})

	handle(s, api, huma.Operation{
		OperationID: "list-workspaces", Method: http.MethodGet, Path: "/v1/workspaces", Summary: "Workspaces of the projects that you may see", Tags: tags, Security: signedIn,
	}, func(ctx context.Context, _ *struct{}) (*listOf[workspaces.Workspace], error) {
		found, err := s.Projects.Workspaces(ctx, principal(ctx))
		return list(found), err
	})

	handle(s, api, huma.Operation{
		OperationID: "list-datasets", Method: http.MethodGet, Path: "/v1/datasets", Summary: "The catalogue: every published version", Tags: []string{"catalogue"}, Security: signedIn,
		Errors: []int{http.StatusForbidden},
	}, func(ctx context.Context, _ *struct{}) (*listOf[Dataset], error) {
		found, err := s.datasets(ctx)
		return list(found), err
	})

	handle(s, api, huma.Operation{
		OperationID: "get-dataset", Method: http.MethodGet, Path: "/v1/datasets/{dataset}/versions/{number}", Summary: "A published version", Tags: []string{"catalogue"}, Security: signedIn,
		Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, func(ctx context.Context, in *struct {
		Dataset string `path:"dataset" maxLength:"64"`
		Number  int    `path:"number" minimum:"1"`
	}) (*one[Dataset], error) {
		all, err := s.datasets(ctx)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(all, func(d Dataset) bool { return d.Dataset == in.Dataset && d.Number == in.Number })
		if i < 0 {
			return nil, gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such version.")
		}
		return &one[Dataset]{all[i]}, nil
	})
}

// datasets is the catalogue without what only custodians may know: files, and
// how many people each rule removed.
func (s *server) datasets(ctx context.Context) ([]Dataset, error) {
	if err := s.Authorizer.Authorize(ctx, principal(ctx), gatehouse.ActionDatasetRead, ""); err != nil {
		return nil, err
	}
	versions, err := s.Catalogue.List(ctx)
	if err != nil {
		if len(versions) == 0 {
			return nil, err
		}
		s.Log.ErrorContext(ctx, "some versions do not verify and are not shown", "cause", err, "request", requestID(ctx))
	}
	shown := make([]Dataset, 0, len(versions))
	recalls := map[string][]catalog.Recall{}
	for _, v := range versions {
		d := Dataset{
			Dataset: v.Dataset, Number: v.Number, Title: v.Title, Custodian: v.Custodian, Published: v.Published,
			Tables: []DatasetTable{}, Lists: []OptOutList{},
		}
		for _, t := range v.Tables {
			rows, people := t.Rows, t.People
			if !t.Public {
				rows, people = catalog.About(rows), catalog.About(people)
			}
			d.Tables = append(d.Tables, DatasetTable{t.Name, t.Description, t.Public, rows, people, t.ColumnsOf("")})
		}
		for _, r := range v.Receipts {
			d.Lists = append(d.Lists, OptOutList{r.List, r.Dated})
		}
		all, known := recalls[v.Dataset]
		if !known {
			if all, err = s.Projects.Recalls(ctx, principal(ctx), v.Dataset); err != nil {
				return nil, err
			}
			recalls[v.Dataset] = all
		}
		if r := catalog.RecallOf(all, v.Number); r != nil {
			d.Recalled = &DatasetRecall{r.Reason, r.Since}
		}
		shown = append(shown, d)
	}
	return shown, nil
}
