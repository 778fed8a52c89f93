package web

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Adjustments are what the custodians of a project's data change by themselves, and
// the workspaces of projects.
type Adjustments interface {
	SetMember(ctx context.Context, p gatehouse.Principal, id string, m workspaces.Member) error
	RemoveMember(ctx context.Context, p gatehouse.Principal, id, user string) error
	SetExpiry(ctx context.Context, p gatehouse.Principal, id string, expires time.Time) error
	SetPolicy(ctx context.Context, p gatehouse.Principal, id, policy string) error
	UseVersion(ctx context.Context, p gatehouse.Principal, id, dataset string, number int) error
	OpenWorkspaceOn(ctx context.Context, p gatehouse.Principal, project, dataset, id string) (workspaces.Workspace, error)
	Custodians(ctx context.Context, p gatehouse.Principal, dataset string) ([]string, error)
}

// ExpiryInput moves a project's end.
type ExpiryInput struct {
	Expires time.Time `json:"expires" doc:"A time that has passed ends it at once"`
}

// PolicyInput moves a project to a disclosure policy.
type PolicyInput struct {
	Policy string `json:"policy" minLength:"1" maxLength:"80" doc:"name@version; name alone is its newest version"`
}

// VersionInput moves a project to a version of a dataset.
type VersionInput struct {
	Dataset string `json:"dataset" minLength:"1" maxLength:"63"`
	Version int    `json:"version,omitempty" minimum:"0" maximum:"1000000000" doc:"0 or absent: the newest"`
}

// NewWorkspace is a workspace to be opened.
type NewWorkspace struct {
	ID      string `json:"id" pattern:"^[a-z][a-z0-9_-]{0,62}$" doc:"Lower-case letters, digits, '-' and '_'"`
	Dataset string `json:"dataset,omitempty" maxLength:"63" doc:"Dataset of the project that it is over, if the project has several"`
}

// DatasetCustodian is somebody who decides about projects that use a dataset.
type DatasetCustodian struct {
	User string `json:"user"`
}

func (s *server) describeAdjustments(api huma.API) {
	tags := []string{"projects"}
	type project = *one[workspaces.ProjectReview]
	op := func(id, method, path, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: "/v1/projects/{project}/" + path, Summary: summary, Tags: tags, Security: signedIn, Errors: stepErrors,
			Description: "The custodian of all that the change touches may; where others must agree, the project's lead proposes an amendment."}
	}
	handle(s, api, op("set-member", http.MethodPost, "members", "Add a member, or change one's role and training"), func(ctx context.Context, in *struct {
		ProjectPath
		Body MemberInput
	}) (project, error) {
		m := workspaces.Member{User: in.Body.User, Role: in.Body.Role, TrainingUntil: in.Body.TrainingUntil.UTC()}
		return s.reviewed(ctx, in.Project, s.Projects.SetMember(ctx, principal(ctx), in.Project, m))
	})
	handle(s, api, op("remove-member", http.MethodDelete, "members/{user}", "End a membership at once"), func(ctx context.Context, in *struct {
		ProjectPath
		User string `path:"user" maxLength:"64"`
	}) (project, error) {
		return s.reviewed(ctx, in.Project, s.Projects.RemoveMember(ctx, principal(ctx), in.Project, in.User))
	})
	handle(s, api, op("set-expiry", http.MethodPost, "expiry", "Move a project's end"), func(ctx context.Context, in *struct {
		ProjectPath
		Body ExpiryInput
	}) (project, error) {
		return s.reviewed(ctx, in.Project, s.Projects.SetExpiry(ctx, principal(ctx), in.Project, in.Body.Expires))
	})
	handle(s, api, op("set-project-policy", http.MethodPost, "policy", "Move a project to a disclosure policy, or to its newest version"), func(ctx context.Context, in *struct {
		ProjectPath
		Body PolicyInput
	}) (project, error) {
		return s.reviewed(ctx, in.Project, s.Projects.SetPolicy(ctx, principal(ctx), in.Project, in.Body.Policy))
	})
	handle(s, api, op("use-version", http.MethodPost, "version", "Move a project to another version of its dataset"), func(ctx context.Context, in *struct {
		ProjectPath
		Body VersionInput
	}) (project, error) {
		return s.reviewed(ctx, in.Project, s.Projects.UseVersion(ctx, principal(ctx), in.Project, in.Body.Dataset, in.Body.Version))
	})

	handle(s, api, huma.Operation{
		OperationID: "open-workspace", Method: http.MethodPost, Path: "/v1/projects/{project}/workspaces", Summary: "Make a workspace of an active project, with its population", Tags: tags, Security: signedIn,
		DefaultStatus: http.StatusCreated, Errors: stepErrors,
	}, func(ctx context.Context, in *struct {
		ProjectPath
		Body NewWorkspace
	}) (*one[workspaces.Workspace], error) {
		w, err := s.Projects.OpenWorkspaceOn(ctx, principal(ctx), in.Project, in.Body.Dataset, in.Body.ID)
		return &one[workspaces.Workspace]{w}, err
	})

	handle(s, api, huma.Operation{
		OperationID: "list-custodians", Method: http.MethodGet, Path: "/v1/datasets/{dataset}/custodians", Summary: "Who decides about projects that use a dataset", Tags: []string{"catalogue"}, Security: signedIn,
		Errors: []int{http.StatusForbidden},
	}, func(ctx context.Context, in *struct {
		Dataset string `path:"dataset" maxLength:"64"`
	}) (*listOf[DatasetCustodian], error) {
		named, err := s.Projects.Custodians(ctx, principal(ctx), in.Dataset)
		var shown []DatasetCustodian
		for _, user := range named {
			shown = append(shown, DatasetCustodian{user})
		}
		return list(shown), err
	})
}
