package web

import (
	"context"
	"net/http"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// application is what an application says, as the API takes it.
func application(p workspaces.Project) ApplicationInput {
	in := ApplicationInput{
		Title: p.Title, LaySummary: p.LaySummary, Purpose: p.Purpose, PublicBenefit: p.PublicBenefit, Organisation: p.Organisation, PublicNames: p.PublicNames,
		Funding: p.Funding, Outputs: p.Outputs, Policy: p.Policy, OptOutBasis: p.OptOutBasis, OptOutRef: p.OptOutRef, Starts: p.Starts, Expires: p.Expires,
		Members: []MemberInput{}, Datasets: []DatasetInput{},
	}
	for _, m := range p.Members {
		in.Members = append(in.Members, MemberInput{m.User, m.Role, m.TrainingUntil})
	}
	for _, g := range p.Datasets {
		d := DatasetInput{Dataset: g.Dataset, Version: g.Version, Tables: []TableInput{}}
		for _, t := range g.Tables {
			d.Tables = append(d.Tables, TableInput{t.Table, t.Why, t.Columns, t.ColumnsWhy})
		}
		in.Datasets = append(in.Datasets, d)
	}
	return in
}

// Me is who the token or session belongs to.
func (c *Client) Me(ctx context.Context) (me Me, err error) {
	return me, c.call(ctx, http.MethodGet, nil, &me, nil, "v1", "me")
}

// CreateProject drafts a project.
func (c *Client) CreateProject(ctx context.Context, p workspaces.Project) (workspaces.Project, error) {
	return c.project(ctx, http.MethodPost, NewApplication{p.ID, application(p)})
}

// EditProject replaces what a draft says.
func (c *Client) EditProject(ctx context.Context, p workspaces.Project) (workspaces.Project, error) {
	return c.project(ctx, http.MethodPatch, application(p), p.ID)
}

// project sends something to a project and gives it as it is then.
func (c *Client) project(ctx context.Context, method string, in any, path ...string) (workspaces.Project, error) {
	var r workspaces.ProjectReview
	err := c.call(ctx, method, in, &r, nil, append([]string{"v1", "projects"}, path...)...)
	return r.Project, err
}

// Project gives a project.
func (c *Client) Project(ctx context.Context, id string) (p workspaces.Project, err error) {
	return p, c.call(ctx, http.MethodGet, nil, &p, nil, "v1", "projects", id)
}

// Projects gives the projects that one may see.
func (c *Client) Projects(ctx context.Context) ([]workspaces.Project, error) {
	var found struct {
		Items []workspaces.Project `json:"items"`
	}
	return found.Items, c.call(ctx, http.MethodGet, nil, &found, nil, "v1", "projects")
}

// Review gives how a project stands.
func (c *Client) Review(ctx context.Context, id string) (r workspaces.ProjectReview, err error) {
	return r, c.call(ctx, http.MethodGet, nil, &r, nil, "v1", "projects", id, "review")
}

// Tasks gives what waits for one.
func (c *Client) Tasks(ctx context.Context) ([]workspaces.Task, error) {
	var found struct {
		Items []workspaces.Task `json:"items"`
	}
	return found.Items, c.call(ctx, http.MethodGet, nil, &found, nil, "v1", "me", "tasks")
}

// FiveSafes gives a project by the Five Safes.
func (c *Client) FiveSafes(ctx context.Context, id string) (v workspaces.FiveSafes, err error) {
	return v, c.call(ctx, http.MethodGet, nil, &v, nil, "v1", "projects", id, "five-safes")
}

// MoveProject takes a step that needs nothing but its name, or with why a reason:
// submit, withdraw, suspend, resume, close, archive.
func (c *Client) MoveProject(ctx context.Context, id string, step workspaces.ProjectStep, why string) error {
	var in any
	if why != "" {
		in = StopInput{why}
	}
	_, err := c.project(ctx, http.MethodPost, in, id, string(step))
	return err
}

// DecideProject decides for one dataset; with dataset "" for all of those of which
// one is custodian and that are still open. Without j.Seen it is decided about what
// stands now.
func (c *Client) DecideProject(ctx context.Context, id, dataset string, j workspaces.Judgement) (workspaces.Project, error) {
	r, err := c.Review(ctx, id)
	if err != nil {
		return workspaces.Project{}, err
	}
	p, done := r.Project, 0
	for _, d := range r.Datasets {
		if dataset != "" && d.Dataset != dataset || dataset == "" && !(d.Mine && d.Open) {
			continue
		}
		seen := j.Seen
		if seen == "" {
			seen = d.Digest
		}
		if p, err = c.project(ctx, http.MethodPost, DecisionInput{d.Dataset, j.Verdict, j.Conditions, j.Comment, seen}, id, "decisions"); err != nil {
			return p, err
		}
		done++
	}
	switch {
	case done > 0:
		return p, nil
	case dataset != "":
		return p, gatehouse.Errorf(gatehouse.CodeNotFound, "The project %q does not ask for a dataset %q.", id, dataset)
	}
	for _, d := range r.Datasets {
		if d.Mine {
			return p, gatehouse.Errorf(gatehouse.CodeDecided, "Your datasets in the project %q are not to be decided now.", id)
		}
	}
	return p, gatehouse.Errorf(gatehouse.CodeNotCustodian, "You are not custodian of a dataset of the project %q.", id)
}

// Agreement gives the newest agreement.
func (c *Client) Agreement(ctx context.Context) (a workspaces.Agreement, err error) {
	return a, c.call(ctx, http.MethodGet, nil, &a, nil, "v1", "agreement")
}

// SignAgreement signs the agreement for a project.
func (c *Client) SignAgreement(ctx context.Context, id string, version int) (workspaces.Project, error) {
	return c.project(ctx, http.MethodPost, SignatureInput{version}, id, "signatures")
}

// Amendments gives those of a project.
func (c *Client) Amendments(ctx context.Context, id string) ([]ProposedChange, error) {
	var found struct {
		Items []ProposedChange `json:"items"`
	}
	return found.Items, c.call(ctx, http.MethodGet, nil, &found, nil, "v1", "projects", id, "amendments")
}

// ProposeAmendment proposes that a project say what p says.
func (c *Client) ProposeAmendment(ctx context.Context, p workspaces.Project, why string) (a ProposedChange, err error) {
	return a, c.call(ctx, http.MethodPost, AmendmentInput{why, application(p)}, &a, nil, "v1", "projects", p.ID, "amendments")
}

// DecideAmendment decides on an amendment for one dataset. Without j.Seen it is
// decided about what it proposes now.
func (c *Client) DecideAmendment(ctx context.Context, project, id, dataset string, j workspaces.Judgement) (a ProposedChange, err error) {
	if j.Seen == "" {
		all, err := c.Amendments(ctx, project)
		if err != nil {
			return a, err
		}
		for _, a := range all {
			if a.ID == id {
				j.Seen = a.Digest
			}
		}
		if j.Seen == "" {
			return a, gatehouse.Errorf(gatehouse.CodeNotFound, "The project %q has no amendment %q.", project, id)
		}
	}
	in := DecisionInput{dataset, j.Verdict, j.Conditions, j.Comment, j.Seen}
	return a, c.call(ctx, http.MethodPost, in, &a, nil, "v1", "projects", project, "amendments", id, "decisions")
}

// WithdrawAmendment gives a proposal up.
func (c *Client) WithdrawAmendment(ctx context.Context, project, id string) error {
	return c.call(ctx, http.MethodPost, nil, nil, nil, "v1", "projects", project, "amendments", id, "withdraw")
}

// SetMember adds or changes a member.
func (c *Client) SetMember(ctx context.Context, id string, m workspaces.Member) error {
	_, err := c.project(ctx, http.MethodPost, MemberInput{m.User, m.Role, m.TrainingUntil}, id, "members")
	return err
}

// RemoveMember ends a membership.
func (c *Client) RemoveMember(ctx context.Context, id, user string) error {
	_, err := c.project(ctx, http.MethodDelete, nil, id, "members", user)
	return err
}

// SetExpiry moves a project's end.
func (c *Client) SetExpiry(ctx context.Context, id string, expires time.Time) error {
	_, err := c.project(ctx, http.MethodPost, ExpiryInput{expires}, id, "expiry")
	return err
}

// SetPolicy moves a project to a disclosure policy, and gives its name and version.
func (c *Client) SetPolicy(ctx context.Context, id, policy string) (string, error) {
	p, err := c.project(ctx, http.MethodPost, PolicyInput{policy}, id, "policy")
	return p.Policy, err
}

// UseVersion moves a project to a version of a dataset; 0 is the newest.
func (c *Client) UseVersion(ctx context.Context, id, dataset string, number int) error {
	_, err := c.project(ctx, http.MethodPost, VersionInput{dataset, number}, id, "version")
	return err
}

// OpenWorkspace makes a workspace.
func (c *Client) OpenWorkspace(ctx context.Context, project, dataset, id string) (w workspaces.Workspace, err error) {
	return w, c.call(ctx, http.MethodPost, NewWorkspace{id, dataset}, &w, nil, "v1", "projects", project, "workspaces")
}

// Workspaces gives those that one may see.
func (c *Client) Workspaces(ctx context.Context) ([]workspaces.Workspace, error) {
	var found struct {
		Items []workspaces.Workspace `json:"items"`
	}
	return found.Items, c.call(ctx, http.MethodGet, nil, &found, nil, "v1", "workspaces")
}

// Custodians gives who decides about projects that use a dataset.
func (c *Client) Custodians(ctx context.Context, dataset string) ([]string, error) {
	var found struct {
		Items []DatasetCustodian `json:"items"`
	}
	err := c.call(ctx, http.MethodGet, nil, &found, nil, "v1", "datasets", dataset, "custodians")
	var named []string
	for _, d := range found.Items {
		named = append(named, d.User)
	}
	return named, err
}
