package site

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func (s *server) routeRequests(mux *http.ServeMux) {
	mux.HandleFunc("GET /requests", s.signedIn(s.listRequests))
	mux.HandleFunc("GET /requests/new", s.signedIn(s.newRequest))
	mux.HandleFunc("POST /requests/new", s.signedIn(s.createRequest))
	mux.HandleFunc("GET /requests/{request}", s.signedIn(s.showRequest))
	mux.HandleFunc("POST /requests/{request}/edit", s.signedIn(s.editRequest))
	mux.HandleFunc("POST /requests/{request}/files", s.signedIn(s.addFiles))
	mux.HandleFunc("POST /requests/{request}/remove", s.signedIn(s.removeFile))
	mux.HandleFunc("POST /requests/{request}/move", s.signedIn(s.moveFile))
	mux.HandleFunc("POST /requests/{request}/groups", s.signedIn(s.editGroup))
	mux.HandleFunc("POST /requests/{request}/messages", s.signedIn(s.say))
	mux.HandleFunc("POST /requests/{request}/submit", s.signedIn(s.submitRequest))
	mux.HandleFunc("POST /requests/{request}/withdraw", s.signedIn(s.withdrawRequest))
}

const requestsPerPage = 50

// requestsPage is a list of requests.
type requestsPage struct {
	List   []egress.RequestSummary
	States []egress.RequestState
	State  egress.RequestState
	Older  string
}

func (s *server) listRequests(v *visit) error {
	q := v.r.URL.Query()
	p := requestsPage{States: egress.RequestStates, State: egress.RequestState(q.Get("state"))}
	if p.State != "" && !slices.Contains(p.States, p.State) {
		p.State = ""
	}
	var err error
	if p.List, err = v.Requests.Requests(v.r.Context(), v.who, egress.RequestFilter{State: p.State, After: q.Get("after"), Limit: requestsPerPage}); err != nil {
		return err
	}
	if len(p.List) == requestsPerPage {
		p.Older = "?" + url.Values{"state": {string(p.State)}, "after": {p.List[len(p.List)-1].ID}}.Encode()
	}
	v.render(http.StatusOK, "requests", "Requests", p)
	return nil
}

// requestForm is what an author says of a request.
type requestForm struct {
	Project  string
	Projects []workspaces.Project
	Title    string
	Context  egress.RequestContext
}

func (v *visit) requestForm() requestForm {
	r := v.r
	return requestForm{
		Project: r.PostFormValue("project"), Title: r.PostFormValue("title"),
		Context: egress.RequestContext{
			What: r.PostFormValue("what"), Population: r.PostFormValue("population"), Dates: r.PostFormValue("dates"), People: r.PostFormValue("people"), Controls: r.PostFormValue("controls"),
		},
	}
}

// withProjects adds the projects for which the reader may make requests.
func (v *visit) withProjects(f requestForm) (requestForm, error) {
	all, err := v.Projects.Projects(v.r.Context(), v.who)
	for _, p := range all {
		if v.may(gatehouse.ActionRequestCreate, p.ID) {
			f.Projects = append(f.Projects, p)
		}
	}
	return f, err
}

func (s *server) newRequest(v *visit) error {
	f, err := v.withProjects(requestForm{Project: v.r.URL.Query().Get("project")})
	if err != nil {
		return err
	}
	v.render(http.StatusOK, "request_new", "Ask to take files out", f)
	return nil
}

func (s *server) createRequest(v *visit) error {
	f := v.requestForm()
	made, err := v.Requests.CreateRequest(v.r.Context(), v.who, egress.NewRequest{Project: f.Project, Title: f.Title, Context: f.Context})
	if err != nil {
		f, more := v.withProjects(f)
		if more != nil {
			return more
		}
		return v.again("request_new", "Ask to take files out", f, err)
	}
	return v.see("/requests/"+made.ID, "created")
}

// requestPage is a request as its page shows it.
type requestPage struct {
	egress.RequestView
	Release    *egress.Release
	Own        bool
	MayEdit    bool
	MayGiveUp  bool
	MayRelease bool
	MayLook    bool // into the files, as their checker or the data's custodian
	Form       requestForm
	Said       string // a message as it was given in a form that was refused
}

func (v *visit) requestPage(r egress.RequestView) (requestPage, error) {
	p := requestPage{
		RequestView: r, Own: r.Author == v.who.User,
		Form: requestForm{Project: r.Project, Title: r.Title, Context: r.Context},
	}
	p.MayEdit = p.Own && r.Turn == egress.PartyAuthor
	p.MayGiveUp = p.Own && canTake(r.State, egress.StepWithdraw)
	project, err := v.Projects.Project(v.r.Context(), v.who, r.Project)
	if err != nil {
		return p, err
	}
	outside := r.Round > 0 && !p.Own && !isMember(project, v.who.User)
	p.MayLook = outside && (v.may(gatehouse.ActionRequestReview, r.Project) || v.may(gatehouse.ActionRequestVet, r.Project))
	p.MayRelease = outside && canTake(r.State, egress.StepRelease) && v.may(gatehouse.ActionRequestRelease, r.Project)
	if r.Release != "" {
		release, err := v.Requests.Release(v.r.Context(), v.who, r.Release)
		if err != nil {
			return p, err
		}
		p.Release = &release
	}
	return p, nil
}

func canTake(state egress.RequestState, step egress.RequestStep) bool {
	return slices.ContainsFunc(egress.RequestTransitions, func(t egress.RequestTransition) bool { return t.From == state && t.Step == step })
}

func (s *server) showRequest(v *visit) error {
	r, err := v.Requests.Request(v.r.Context(), v.who, v.r.PathValue("request"))
	if err != nil {
		return err
	}
	p, err := v.requestPage(r)
	if err != nil {
		return err
	}
	v.render(http.StatusOK, "request", r.Title, p)
	return nil
}

// refusedStep shows the request again, with what was wrong.
func (v *visit) refusedStep(err error, keep func(*requestPage)) error {
	r, more := v.Requests.Request(v.r.Context(), v.who, v.r.PathValue("request"))
	if more != nil {
		return err
	}
	p, more := v.requestPage(r)
	if more != nil {
		return err
	}
	if keep != nil {
		keep(&p)
	}
	return v.again("request", r.Title, p, err)
}

func (s *server) editRequest(v *visit) error {
	f := v.requestForm()
	r, err := v.Requests.EditRequest(v.r.Context(), v.who, v.r.PathValue("request"), egress.RequestEdit{Title: &f.Title, Context: &f.Context})
	if err != nil {
		return v.refusedStep(err, func(p *requestPage) { p.Form = f })
	}
	return v.see("/requests/"+r.ID, "saved")
}

// addFiles streams each file of the form into the request.
func (s *server) addFiles(v *visit) error {
	id := v.r.PathValue("request")
	parts, err := v.r.MultipartReader()
	if err != nil {
		return gatehouse.Errorf(gatehouse.CodeRequestInvalid, "No file was sent.").Because(err)
	}
	added, file := 0, egress.NewFile{} // the form sends kind and group before the files
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return gatehouse.Errorf(gatehouse.CodeFileRefused, "The file did not arrive whole.").WithAdvice("Send it again.").Because(err)
		}
		switch name := part.FormName(); {
		case name == "kind" || name == "group":
			text, err := io.ReadAll(io.LimitReader(part, 1<<10))
			if err != nil {
				return gatehouse.Errorf(gatehouse.CodeFileRefused, "The file did not arrive whole.").WithAdvice("Send it again.").Because(err)
			}
			if name == "kind" {
				file.Kind = egress.FileKind(text)
			} else {
				file.Group = string(text)
			}
			continue
		case name != "file" || part.FileName() == "":
			continue
		}
		file.Name = part.FileName()
		if _, err := v.Requests.AddFileAs(v.r.Context(), v.who, id, file, arriving{part}); err != nil {
			return v.refusedStep(err, nil)
		}
		added++
	}
	if added == 0 {
		return v.refusedStep(gatehouse.Errorf(gatehouse.CodeRequestInvalid, "No file was chosen."), nil)
	}
	return v.see("/requests/"+id, "added")
}

// arriving renders what goes wrong with an upload's connection.
type arriving struct{ r io.Reader }

func (a arriving) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	if err != nil && err != io.EOF {
		err = gatehouse.Errorf(gatehouse.CodeFileRefused, "The file did not arrive whole.").WithAdvice("Send it again, or a smaller one.").Because(err)
	}
	return n, err
}

func (s *server) removeFile(v *visit) error {
	r, err := v.Requests.RemoveFile(v.r.Context(), v.who, v.r.PathValue("request"), v.r.PostFormValue("file"))
	if err != nil {
		return v.refusedStep(err, nil)
	}
	return v.see("/requests/"+r.ID, "removed")
}

func (s *server) moveFile(v *visit) error {
	r, err := v.Requests.MoveFile(v.r.Context(), v.who, v.r.PathValue("request"), v.r.PostFormValue("file"), v.r.PostFormValue("group"))
	if err != nil {
		return v.refusedStep(err, nil)
	}
	return v.see("/requests/"+r.ID, "moved")
}

// editGroup adds a group of outputs, or changes or takes out the one of that name.
func (s *server) editGroup(v *visit) error {
	ctx, id := v.r.Context(), v.r.PathValue("request")
	r, err := v.Requests.Request(ctx, v.who, id)
	if err != nil {
		return err
	}
	group := egress.OutputGroup{Name: v.r.PostFormValue("group"), Context: v.requestForm().Context}
	at := slices.IndexFunc(r.Groups, func(g egress.OutputGroup) bool { return g.Name == group.Name })
	groups := slices.Clone(r.Groups)
	switch {
	case v.r.PostFormValue("remove") != "" && at >= 0:
		groups = slices.Delete(groups, at, at+1)
	case at >= 0:
		groups[at] = group
	default:
		groups = append(groups, group)
	}
	if _, err := v.Requests.EditRequest(ctx, v.who, id, egress.RequestEdit{Groups: &groups}); err != nil {
		return v.refusedStep(err, nil)
	}
	return v.see("/requests/"+id, "saved")
}

// say adds to the discussion, and goes back to where it was said.
func (s *server) say(v *visit) error {
	id := v.r.PathValue("request")
	m := egress.NewMessage{Thread: v.r.PostFormValue("thread"), File: v.r.PostFormValue("file"), Private: v.r.PostFormValue("private") != "", Body: v.r.PostFormValue("body")}
	if _, err := v.Requests.SayMessage(v.r.Context(), v.who, id, m); err != nil {
		return v.refusedStep(err, func(p *requestPage) { p.Said = m.Body })
	}
	return v.see("/requests/"+id, "said")
}

func (s *server) submitRequest(v *visit) error {
	r, err := v.Requests.SubmitRequest(v.r.Context(), v.who, v.r.PathValue("request"))
	if err != nil {
		return v.refusedStep(err, nil)
	}
	return v.see("/requests/"+r.ID, "submitted")
}

func (s *server) withdrawRequest(v *visit) error {
	r, err := v.Requests.WithdrawRequest(v.r.Context(), v.who, v.r.PathValue("request"))
	if err != nil {
		return v.refusedStep(err, nil)
	}
	return v.see("/requests/"+r.ID, "withdrawn")
}
