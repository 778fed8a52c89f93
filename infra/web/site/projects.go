package site

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func (s *server) routeProjects(mux *http.ServeMux) {
	mux.HandleFunc("GET /projects", s.signedIn(s.listProjects))
	mux.HandleFunc("GET /projects/{project}", s.signedIn(s.showProject))
	mux.HandleFunc("GET /projects/{project}/agreement", s.signedIn(s.showAgreement))
	mux.HandleFunc("POST /projects/{project}/agreement", s.signedIn(s.signAgreement))
	mux.HandleFunc("POST /projects/{project}/decide", s.signedIn(s.decideProject))
	mux.HandleFunc("POST /projects/{project}/open", s.signedIn(s.openWorkspace))
	mux.HandleFunc("POST /projects/{project}/step", s.signedIn(s.moveProject))
	mux.HandleFunc("POST /projects/{project}/amendments/{amendment}/decide", s.signedIn(s.decideAmendment))
	mux.HandleFunc("POST /projects/{project}/amendments/{amendment}/withdraw", s.signedIn(s.withdrawAmendment))
	mux.HandleFunc("GET /inbox", s.signedIn(s.inbox))
	s.routeApplications(mux)
	s.routeDocuments(mux)
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
	workspaces.ProjectReview
	Safe       workspaces.FiveSafes
	Risk       []risk
	Workspaces []workspaces.Workspace
	Requests   []egress.RequestSummary
	Amendments []amendmentView
	Me         workspaces.Member // the reader's membership; zero for none
	MayOpen    bool
	MayAsk     bool // take files out
	Given      judgementForm
	Documents  []workspaces.Document
	Add        documentForm
	Last       []workspaces.Decision // on what it said when it was last submitted
}

// judgementForm is a decision as it was given in a form that was refused.
type judgementForm struct {
	Dataset, Amendment, Verdict, Conditions, Comment string
}

// risk is how much of a dataset a project asks for.
type risk struct {
	Dataset    string
	People     int64 // about
	Columns    int   // of the tables about people, that are asked for
	Of         int   // that there are
	Quasi      []string
	Dimensions []string
	Dates      []string // with their finest grain
}

// amendmentView is an amendment with the datasets that its reader decides for.
type amendmentView struct {
	workspaces.Amendment
	Mine  []string
	MyOwn bool // the reader may withdraw it
}

// Can reports whether the reader may take a step now.
func (p projectPage) Can(step string) bool {
	return slices.Contains(p.Steps, workspaces.ProjectStep(step))
}

func (v *visit) projectPage() (projectPage, error) {
	ctx, id := v.r.Context(), v.r.PathValue("project")
	review, err := v.Projects.Review(ctx, v.who, id)
	if err != nil {
		return projectPage{}, err
	}
	p := projectPage{ProjectReview: review}
	if p.Safe, err = v.Projects.FiveSafes(ctx, v.who, id); err != nil {
		return p, err
	}
	all, err := v.Projects.Workspaces(ctx, v.who)
	if err != nil {
		return p, err
	}
	for _, w := range all {
		if w.Project == id {
			p.Workspaces = append(p.Workspaces, w)
		}
	}
	if v.may(gatehouse.ActionRequestRead, id) {
		if p.Requests, err = v.Requests.Requests(ctx, v.who, egress.RequestFilter{Project: id}); err != nil {
			return p, err
		}
	}
	for _, m := range review.Project.Members {
		if m.User == v.who.User {
			p.Me = m
		}
	}
	if review.Since != nil {
		for _, d := range review.History {
			if d.Amendment == "" && d.Round == review.Since.Round {
				p.Last = append(p.Last, d)
			}
		}
	}
	active := review.Project.State == workspaces.ProjectActive
	p.MayOpen = active && v.may(gatehouse.ActionWorkspaceOpen, id)
	p.MayAsk = active && v.may(gatehouse.ActionRequestCreate, id)
	if err := v.assess(&p); err != nil {
		return p, err
	}
	if err := v.withDocuments(&p); err != nil {
		return p, err
	}
	return p, v.withAmendments(&p)
}

// assess adds how much of each dataset the project asks for.
func (v *visit) assess(p *projectPage) error {
	found, err := v.Catalogue.List(v.r.Context())
	if err != nil && len(found) == 0 {
		return err
	}
	for _, d := range p.Safe.Data {
		r := risk{Dataset: d.Dataset + "@" + strconv.Itoa(d.Version), People: d.People}
		for _, version := range found {
			if version.Dataset == d.Dataset && version.Number == d.Version {
				for _, t := range version.Tables {
					if !t.Public {
						r.Of += len(t.Columns) - 1 // the person's pseudonym comes with every table
					}
				}
			}
		}
		for _, t := range d.Tables {
			for _, c := range t.Columns {
				name := t.Table + "." + c.Name
				switch c.Class {
				case catalog.ClassReference, catalog.ClassPerson:
					continue
				case catalog.ClassQuasi:
					r.Quasi = append(r.Quasi, name)
				case catalog.ClassDimension:
					r.Dimensions = append(r.Dimensions, name)
				case catalog.ClassDate:
					r.Dates = append(r.Dates, name+" by "+c.Grain)
				}
				r.Columns++
			}
		}
		p.Risk = append(p.Risk, r)
	}
	return nil
}

// withAmendments adds the amendments, newest first, with what the reader can do.
func (v *visit) withAmendments(p *projectPage) error {
	for _, a := range slices.Backward(p.ProjectReview.Amendments) {
		view := amendmentView{Amendment: a}
		if a.State == workspaces.AmendmentProposed {
			view.MyOwn = p.Me.Role == gatehouse.RoleLead
			for _, dataset := range a.Touched() {
				decided := slices.ContainsFunc(a.Decisions, func(d workspaces.Decision) bool { return d.Dataset == dataset })
				if decided || !v.may(gatehouse.ActionProjectApprove, p.Project.ID) {
					continue
				}
				named, err := v.Projects.Custodians(v.r.Context(), v.who, dataset)
				if err != nil {
					return err
				}
				if slices.Contains(named, v.who.User) {
					view.Mine = append(view.Mine, dataset)
				}
			}
		}
		p.Amendments = append(p.Amendments, view)
	}
	return nil
}

func (s *server) showProject(v *visit) error {
	p, err := v.projectPage()
	if err != nil {
		return err
	}
	v.render(http.StatusOK, "project", p.Project.Title, p)
	return nil
}

// refusedProject shows the project again, with what was wrong.
func (v *visit) refusedProject(err error, given judgementForm) error {
	p, more := v.projectPage()
	if more != nil {
		return err
	}
	p.Given = given
	return v.again("project", p.Project.Title, p, err)
}

func isMember(p workspaces.Project, user string) bool {
	return slices.ContainsFunc(p.Members, func(m workspaces.Member) bool { return m.User == user })
}

// moveProject takes one step of a project's life.
func (s *server) moveProject(v *visit) error {
	ctx, id := v.r.Context(), v.r.PathValue("project")
	steps := map[workspaces.ProjectStep]struct {
		done string
		do   func() error
	}{
		workspaces.StepSubmit:   {"submitted", func() error { return v.Projects.SubmitProject(ctx, v.who, id) }},
		workspaces.StepWithdraw: {"withdrawn", func() error { return v.Projects.WithdrawProject(ctx, v.who, id) }},
		workspaces.StepSuspend:  {"suspended", func() error { return v.Projects.SuspendProject(ctx, v.who, id, v.r.PostFormValue("why")) }},
		workspaces.StepResume:   {"resumed", func() error { return v.Projects.ResumeProject(ctx, v.who, id) }},
		workspaces.StepClose:    {"closed", func() error { return v.Projects.CloseProject(ctx, v.who, id, v.r.PostFormValue("why")) }},
		workspaces.StepArchive:  {"archived", func() error { return v.Projects.ArchiveProject(ctx, v.who, id) }},
	}
	step, known := steps[workspaces.ProjectStep(v.r.PostFormValue("step"))]
	if !known {
		return notThere(v)
	}
	if err := step.do(); err != nil {
		return v.refusedProject(err, judgementForm{})
	}
	return v.see("/projects/"+id, step.done)
}

func (s *server) openWorkspace(v *visit) error {
	id := v.r.PathValue("project")
	_, err := v.Projects.OpenWorkspaceOn(v.r.Context(), v.who, id, v.r.PostFormValue("dataset"), strings.TrimSpace(v.r.PostFormValue("workspace")))
	if err != nil {
		return v.refusedProject(err, judgementForm{})
	}
	return v.see("/projects/"+id, "opened")
}

// judgement is what a custodian's form says.
func (v *visit) judgement() (judgementForm, workspaces.Judgement) {
	form := judgementForm{
		Dataset: v.r.PostFormValue("dataset"), Amendment: v.r.PathValue("amendment"), Verdict: v.r.PostFormValue("verdict"),
		Conditions: v.r.PostFormValue("conditions"), Comment: v.r.PostFormValue("comment"),
	}
	return form, workspaces.Judgement{
		Verdict: workspaces.Verdict(form.Verdict), Conditions: splitLines(form.Conditions), Comment: strings.TrimSpace(form.Comment), Seen: v.r.PostFormValue("seen"),
	}
}

// splitLines gives the lines that say something.
func splitLines(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

func (s *server) decideProject(v *visit) error {
	form, j := v.judgement()
	if _, err := v.Projects.DecideProject(v.r.Context(), v.who, v.r.PathValue("project"), form.Dataset, j); err != nil {
		return v.refusedProject(err, form)
	}
	return v.see("/projects/"+v.r.PathValue("project"), "decided")
}

func (s *server) decideAmendment(v *visit) error {
	form, j := v.judgement()
	if _, err := v.Projects.DecideAmendment(v.r.Context(), v.who, v.r.PathValue("project"), form.Amendment, form.Dataset, j); err != nil {
		return v.refusedProject(err, form)
	}
	return v.see("/projects/"+v.r.PathValue("project"), "decided")
}

func (s *server) withdrawAmendment(v *visit) error {
	if err := v.Projects.WithdrawAmendment(v.r.Context(), v.who, v.r.PathValue("project"), v.r.PathValue("amendment")); err != nil {
		return v.refusedProject(err, judgementForm{})
	}
	return v.see("/projects/"+v.r.PathValue("project"), "amendment-withdrawn")
}

func (s *server) showAgreement(v *visit) error {
	project, err := v.Projects.Project(v.r.Context(), v.who, v.r.PathValue("project"))
	if err != nil {
		return err
	}
	agreement, err := v.Projects.Agreement(v.r.Context())
	if err != nil {
		return err
	}
	v.render(http.StatusOK, "agreement", "Agreement", map[string]any{"Project": project, "Agreement": agreement, "MaySign": isMember(project, v.who.User)})
	return nil
}

func (s *server) signAgreement(v *visit) error {
	version, _ := strconv.Atoi(v.r.PostFormValue("version"))
	if v.r.PostFormValue("read") == "" {
		return gatehouse.Errorf(gatehouse.CodeRequestInvalid, "You did not say that you have read the agreement.").WithAdvice("Go back, read it, and tick the box.")
	}
	if _, err := v.Projects.SignAgreement(v.r.Context(), v.who, v.r.PathValue("project"), version); err != nil {
		return err
	}
	return v.see("/projects/"+v.r.PathValue("project"), "signed")
}

// inboxPage is what waits for a custodian.
type inboxPage struct {
	Tasks    []workspaces.Task
	Clearing []egress.QueueItem
}

func (s *server) inbox(v *visit) error {
	ctx := v.r.Context()
	if err := v.Authorizer.Authorize(ctx, v.who, gatehouse.ActionProjectApprove, ""); err != nil {
		return err
	}
	var p inboxPage
	var err error
	if p.Tasks, err = v.Projects.Tasks(ctx, v.who); err != nil {
		return err
	}
	queue, err := v.Requests.Queue(ctx, v.who)
	if err != nil {
		return err
	}
	p.Clearing = slices.DeleteFunc(queue, func(i egress.QueueItem) bool { return i.Task != egress.TaskClear })
	v.render(http.StatusOK, "inbox", "What waits for your decision", p)
	return nil
}
