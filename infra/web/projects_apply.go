package web

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Applications is how projects come to be and change.
type Applications interface {
	CreateProject(ctx context.Context, p gatehouse.Principal, project workspaces.Project) (workspaces.Project, error)
	EditProject(ctx context.Context, p gatehouse.Principal, project workspaces.Project) (workspaces.Project, error)
	SubmitProject(ctx context.Context, p gatehouse.Principal, id string) error
	WithdrawProject(ctx context.Context, p gatehouse.Principal, id string) error
	SuspendProject(ctx context.Context, p gatehouse.Principal, id, why string) error
	ResumeProject(ctx context.Context, p gatehouse.Principal, id string) error
	CloseProject(ctx context.Context, p gatehouse.Principal, id, why string) error
	ArchiveProject(ctx context.Context, p gatehouse.Principal, id string) error
	DecideProject(ctx context.Context, p gatehouse.Principal, id, dataset string, j workspaces.Judgement) (workspaces.Project, error)
	SignAgreement(ctx context.Context, p gatehouse.Principal, id string, version int) (workspaces.Project, error)
	Agreement(ctx context.Context) (workspaces.Agreement, error)
	ProposeAmendment(ctx context.Context, p gatehouse.Principal, id string, to workspaces.Project, why string) (workspaces.Amendment, error)
	Amendments(ctx context.Context, p gatehouse.Principal, project string) ([]workspaces.Amendment, error)
	DecideAmendment(ctx context.Context, p gatehouse.Principal, project, id, dataset string, j workspaces.Judgement) (workspaces.Amendment, error)
	WithdrawAmendment(ctx context.Context, p gatehouse.Principal, project, id string) error
	Review(ctx context.Context, p gatehouse.Principal, id string) (workspaces.ProjectReview, error)
	Tasks(ctx context.Context, p gatehouse.Principal) ([]workspaces.Task, error)
	FiveSafes(ctx context.Context, p gatehouse.Principal, id string) (workspaces.FiveSafes, error)
	Register(ctx context.Context) ([]workspaces.PublicProject, error)
}

// ApplicationInput is what an application says.
type ApplicationInput struct {
	Title         string                 `json:"title" minLength:"1" maxLength:"300"`
	LaySummary    string                 `json:"lay_summary,omitempty" maxLength:"20000" doc:"For anybody to read; public once approved"`
	Purpose       string                 `json:"purpose" minLength:"1" maxLength:"20000"`
	PublicBenefit string                 `json:"public_benefit,omitempty" maxLength:"20000" doc:"Public once approved"`
	Organisation  string                 `json:"organisation,omitempty" maxLength:"300" doc:"The lead's; public once approved"`
	PublicNames   []string               `json:"public_names,omitempty" maxItems:"100" nullable:"false" doc:"People whom the public register names, as they wish to be named"`
	Funding       string                 `json:"funding,omitempty" maxLength:"20000" doc:"Public once approved"`
	Outputs       []string               `json:"outputs,omitempty" maxItems:"100" nullable:"false" doc:"What is to leave"`
	Policy        string                 `json:"policy" maxLength:"80" doc:"Disclosure policy: name or name@version"`
	OptOutBasis   workspaces.OptOutBasis `json:"opt_out_basis,omitempty" enum:"applies,consent,s251-exempt,legal" default:"applies"`
	OptOutRef     string                 `json:"opt_out_ref,omitempty" maxLength:"300" doc:"Document that supports any basis but applies"`
	Starts        time.Time              `json:"starts,omitzero"`
	Expires       time.Time              `json:"expires"`
	Members       []MemberInput          `json:"members" minItems:"1" maxItems:"500" nullable:"false"`
	Datasets      []DatasetInput         `json:"datasets" minItems:"1" maxItems:"20" nullable:"false"`
}

// NewApplication begins a project.
type NewApplication struct {
	ID string `json:"id" pattern:"^[a-z][a-z0-9_-]{0,62}$" doc:"Lower-case letters, digits, '-' and '_'"`
	ApplicationInput
}

// MemberInput is a person in a project.
type MemberInput struct {
	User          string         `json:"user" maxLength:"63"`
	Role          gatehouse.Role `json:"role" enum:"lead,researcher"`
	TrainingUntil time.Time      `json:"training_until"`
}

// DatasetInput is what is asked of a dataset.
type DatasetInput struct {
	Dataset string       `json:"dataset" maxLength:"63"`
	Version int          `json:"version,omitempty" minimum:"0" maximum:"1000000000" doc:"0 or absent: the newest, or the one in use"`
	Tables  []TableInput `json:"tables" minItems:"1" maxItems:"500" nullable:"false"`
}

// TableInput is what is asked of a table.
type TableInput struct {
	Table      string            `json:"table" maxLength:"63"`
	Why        string            `json:"why,omitempty" maxLength:"20000" doc:"Why the project needs it"`
	Columns    []string          `json:"columns,omitempty" maxItems:"5000" nullable:"false" doc:"Absent: all of them"`
	ColumnsWhy map[string]string `json:"columns_why,omitempty" doc:"Reasons of single columns"`
}

func (in ApplicationInput) project(id string) workspaces.Project {
	p := workspaces.Project{
		ID: id, Title: in.Title, LaySummary: in.LaySummary, Purpose: in.Purpose, PublicBenefit: in.PublicBenefit, Organisation: in.Organisation, PublicNames: in.PublicNames,
		Funding: in.Funding, Outputs: in.Outputs, Policy: in.Policy, OptOutBasis: in.OptOutBasis, OptOutRef: in.OptOutRef, Starts: in.Starts.UTC(), Expires: in.Expires.UTC(),
	}
	if in.Starts.IsZero() {
		p.Starts = time.Time{}
	}
	for _, m := range in.Members {
		p.Members = append(p.Members, workspaces.Member{User: m.User, Role: m.Role, TrainingUntil: m.TrainingUntil.UTC()})
	}
	for _, d := range in.Datasets {
		g := workspaces.DatasetGrant{Dataset: d.Dataset, Version: d.Version}
		for _, t := range d.Tables {
			g.Tables = append(g.Tables, workspaces.TableGrant{Table: t.Table, Why: t.Why, Columns: t.Columns, ColumnsWhy: t.ColumnsWhy})
		}
		p.Datasets = append(p.Datasets, g)
	}
	return p
}

// StopInput is why a project is stopped.
type StopInput struct {
	Why string `json:"why" minLength:"1" maxLength:"1000" doc:"Told to its members, shown with the project, kept in the journal for ever; name nobody whose data it is"`
}

// ProjectPath names a project.
type ProjectPath struct {
	Project string `path:"project" maxLength:"64" doc:"Id of the project"`
}

// reviewed answers with how a project stands after something was done to it.
func (s *server) reviewed(ctx context.Context, id string, err error) (*one[workspaces.ProjectReview], error) {
	if err != nil {
		return nil, err
	}
	r, err := s.Projects.Review(ctx, principal(ctx), id)
	return &one[workspaces.ProjectReview]{r}, err
}

func (s *server) describeApplications(api huma.API) {
	tags := []string{"projects"}
	handle(s, api, huma.Operation{
		OperationID: "create-project", Method: http.MethodPost, Path: "/v1/projects", Summary: "Draft an application for a project", Tags: tags, Security: signedIn,
		DefaultStatus: http.StatusCreated, Errors: []int{http.StatusForbidden, http.StatusConflict},
	}, func(ctx context.Context, in *one[NewApplication]) (*one[workspaces.ProjectReview], error) {
		p, err := s.Projects.CreateProject(ctx, principal(ctx), in.Body.project(in.Body.ID))
		return s.reviewed(ctx, p.ID, err)
	})

	handle(s, api, huma.Operation{
		OperationID: "edit-project", Method: http.MethodPatch, Path: "/v1/projects/{project}", Summary: "Replace what a draft says", Tags: tags, Security: signedIn, Errors: stepErrors,
	}, func(ctx context.Context, in *struct {
		ProjectPath
		Body ApplicationInput
	}) (*one[workspaces.ProjectReview], error) {
		_, err := s.Projects.EditProject(ctx, principal(ctx), in.Body.project(in.Project))
		return s.reviewed(ctx, in.Project, err)
	})

	for _, step := range []struct {
		id, path, summary string
		do                func(context.Context, gatehouse.Principal, string) error
	}{
		{"submit-project", "submit", "Put a draft before the custodians of its datasets", func(ctx context.Context, p gatehouse.Principal, id string) error {
			return s.Projects.SubmitProject(ctx, p, id)
		}},
		{"withdraw-project", "withdraw", "Give an application up", func(ctx context.Context, p gatehouse.Principal, id string) error {
			return s.Projects.WithdrawProject(ctx, p, id)
		}},
		{"resume-project", "resume", "Make a suspended project active again", func(ctx context.Context, p gatehouse.Principal, id string) error {
			return s.Projects.ResumeProject(ctx, p, id)
		}},
		{"archive-project", "archive", "Put a closed or rejected project away", func(ctx context.Context, p gatehouse.Principal, id string) error {
			return s.Projects.ArchiveProject(ctx, p, id)
		}},
	} {
		handle(s, api, huma.Operation{
			OperationID: step.id, Method: http.MethodPost, Path: "/v1/projects/{project}/" + step.path, Summary: step.summary, Tags: tags, Security: signedIn, Errors: stepErrors,
		}, func(ctx context.Context, in *ProjectPath) (*one[workspaces.ProjectReview], error) {
			return s.reviewed(ctx, in.Project, step.do(ctx, principal(ctx), in.Project))
		})
	}

	for _, stop := range []struct {
		id, path, summary string
		do                func(context.Context, gatehouse.Principal, string, string) error
	}{
		{"suspend-project", "suspend", "Stop an active project at once", func(ctx context.Context, p gatehouse.Principal, id, why string) error {
			return s.Projects.SuspendProject(ctx, p, id, why)
		}},
		{"close-project", "close", "End a project for good", func(ctx context.Context, p gatehouse.Principal, id, why string) error {
			return s.Projects.CloseProject(ctx, p, id, why)
		}},
	} {
		handle(s, api, huma.Operation{
			OperationID: stop.id, Method: http.MethodPost, Path: "/v1/projects/{project}/" + stop.path, Summary: stop.summary, Tags: tags, Security: signedIn, Errors: stepErrors,
		}, func(ctx context.Context, in *struct {
			ProjectPath
			Body StopInput
		}) (*one[workspaces.ProjectReview], error) {
			return s.reviewed(ctx, in.Project, stop.do(ctx, principal(ctx), in.Project, in.Body.Why))
		})
	}

	handle(s, api, huma.Operation{
		OperationID: "review-project", Method: http.MethodGet, Path: "/v1/projects/{project}/review", Summary: "How a project stands: whose turn it is, what was decided, what you can do", Tags: tags, Security: signedIn,
		Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, func(ctx context.Context, in *ProjectPath) (*one[workspaces.ProjectReview], error) {
		return s.reviewed(ctx, in.Project, nil)
	})

	handle(s, api, huma.Operation{
		OperationID: "project-five-safes", Method: http.MethodGet, Path: "/v1/projects/{project}/five-safes", Summary: "A project by the Five Safes: projects, people, settings, data, outputs", Tags: tags, Security: signedIn,
		Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, func(ctx context.Context, in *ProjectPath) (*one[workspaces.FiveSafes], error) {
		v, err := s.Projects.FiveSafes(ctx, principal(ctx), in.Project)
		return &one[workspaces.FiveSafes]{v}, err
	})

	handle(s, api, huma.Operation{
		OperationID: "list-tasks", Method: http.MethodGet, Path: "/v1/me/tasks", Summary: "What waits for you: decisions, signatures, training", Tags: tags, Security: signedIn,
	}, func(ctx context.Context, _ *struct{}) (*listOf[workspaces.Task], error) {
		tasks, err := s.Projects.Tasks(ctx, principal(ctx))
		return list(tasks), err
	})
}
