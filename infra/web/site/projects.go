package site

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func (s *server) routeProjects(mux *http.ServeMux) {
	mux.HandleFunc("GET /projects", s.signedIn(s.listProjects))
	mux.HandleFunc("GET /projects/{project}", s.signedIn(s.showProject))
	mux.HandleFunc("GET /inbox", s.signedIn(s.inbox))
	mux.HandleFunc("POST /projects/{project}/{step}", s.signedIn(s.moveProject))
}

func (s *server) listProjects(v *visit) error {
	projects, err := v.Projects.Projects(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	v.render(http.StatusOK, "projects", "Projects", map[string]any{
		"Projects": projects, "MayApply": v.may(gatehouse.ActionProjectCreate, ""),
	})
	return nil
}

// projectPage is a project as its page shows it.
type projectPage struct {
	workspaces.Project
	Workspaces []workspaces.Workspace
	Requests   []egress.RequestSummary
	Member     bool
	MaySubmit  bool
	MayDecide  bool
	MayOpen    bool
	Expired    bool
}

func (s *server) showProject(v *visit) error {
	ctx, id := v.r.Context(), v.r.PathValue("project")
	project, err := v.Projects.Project(ctx, v.who, id)
	if err != nil {
		return err
	}
	p := projectPage{Project: project, Expired: !v.Now().Before(project.Expires)}
	all, err := v.Projects.Workspaces(ctx, v.who)
	if err != nil {
		return err
	}
	for _, w := range all {
		if w.Project == id {
			p.Workspaces = append(p.Workspaces, w)
		}
	}
	if v.may(gatehouse.ActionRequestRead, id) {
		if p.Requests, err = v.Requests.Requests(ctx, v.who, egress.RequestFilter{Project: id}); err != nil {
			return err
		}
	}
	p.Member = isMember(project, v.who.User)
	p.MaySubmit = project.State == workspaces.ProjectDraft && v.may(gatehouse.ActionProjectCreate, id)
	p.MayDecide = v.may(gatehouse.ActionProjectApprove, id)
	p.MayOpen = project.State == workspaces.ProjectActive && v.may(gatehouse.ActionWorkspaceOpen, id)
	v.render(http.StatusOK, "project", project.Title, p)
	return nil
}

func isMember(p workspaces.Project, user string) bool {
	return slices.ContainsFunc(p.Members, func(m workspaces.Member) bool { return m.User == user })
}

// moveProject takes one step of a project's life.
func (s *server) moveProject(v *visit) error {
	ctx, id := v.r.Context(), v.r.PathValue("project")
	var err error
	var done string
	switch v.r.PathValue("step") {
	case "submit":
		done, err = "submitted", v.Projects.SubmitProject(ctx, v.who, id)
	case "approve":
		done, err = "approved", v.Projects.ApproveProject(ctx, v.who, id)
	case "return":
		done, err = "returned", v.Projects.ReturnProject(ctx, v.who, id, v.r.PostFormValue("why"))
	case "suspend":
		done, err = "suspended", v.Projects.SuspendProject(ctx, v.who, id)
	case "resume":
		done, err = "resumed", v.Projects.ResumeProject(ctx, v.who, id)
	case "close":
		done, err = "closed", v.Projects.CloseProject(ctx, v.who, id)
	case "open":
		done = "opened"
		_, err = v.Projects.OpenWorkspace(ctx, v.who, id, strings.TrimSpace(v.r.PostFormValue("workspace")))
	default:
		return notThere(v)
	}
	if err != nil {
		return err
	}
	return v.see("/projects/"+id, done)
}

func (s *server) inbox(v *visit) error {
	if err := v.Authorizer.Authorize(v.r.Context(), v.who, gatehouse.ActionProjectApprove, ""); err != nil {
		return err
	}
	projects, err := v.Projects.Projects(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	projects = slices.DeleteFunc(projects, func(p workspaces.Project) bool { return p.State != workspaces.ProjectSubmitted })
	v.render(http.StatusOK, "inbox", "Applications that wait for a decision", projects)
	return nil
}
