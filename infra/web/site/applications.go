package site

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func (s *server) routeApplications(mux *http.ServeMux) {
	mux.HandleFunc("GET /apply", s.signedIn(s.apply))
	mux.HandleFunc("POST /apply", s.signedIn(s.draft))
	mux.HandleFunc("GET /projects/{project}/edit", s.signedIn(s.editApplication))
	mux.HandleFunc("POST /projects/{project}/edit", s.signedIn(s.saveApplication))
	mux.HandleFunc("GET /projects/{project}/amend", s.signedIn(s.editAmendment))
	mux.HandleFunc("POST /projects/{project}/amend", s.signedIn(s.proposeAmendment))
}

// applicationForm is an application as people write it: for a new project, for a
// draft, or for an amendment.
type applicationForm struct {
	Action   string // where it is sent
	New      bool
	Amend    bool
	Why      string // of an amendment
	P        workspaces.Project
	Starts   string // days
	Expires  string
	Members  []memberRow
	Outputs  string
	Names    string
	Bases    []workspaces.OptOutBasis
	Datasets []datasetChoice
	base     workspaces.Project // as it stood: dates that were not changed stay to the second
}

type memberRow struct{ User, Role, Until string }

// datasetChoice is a dataset that can be asked for.
type datasetChoice struct {
	Dataset, Title string
	Version        int
	Tables         []tableChoice
}

type tableChoice struct {
	Key         string // DATASET/TABLE
	Name        string
	Description string
	Chosen      bool
	Some        bool // not all columns
	Why         string
	Columns     []columnChoice
}

type columnChoice struct {
	catalog.Column
	Chosen bool
	Why    string
}

// blankMembers are rows for people who are not members yet.
const blankMembers = 3

// formOf is the form that says what p says, with everything else that can be
// asked for.
func (v *visit) formOf(p, base workspaces.Project) (applicationForm, error) {
	f := applicationForm{
		P: p, base: base, Starts: dayOf(p.Starts, false), Expires: dayOf(p.Expires, true), Outputs: strings.Join(p.Outputs, "\n"), Names: strings.Join(p.PublicNames, "\n"), Bases: workspaces.Bases,
	}
	for _, m := range p.Members {
		f.Members = append(f.Members, memberRow{m.User, string(m.Role), dayOf(m.TrainingUntil, true)})
	}
	for range blankMembers {
		f.Members = append(f.Members, memberRow{})
	}
	found, err := v.versions()
	if err != nil {
		return f, err
	}
	newest := map[string]catalog.Version{}
	recalls := map[string][]catalog.Recall{}
	asked := map[string]workspaces.DatasetGrant{}
	for _, d := range p.Datasets {
		asked[d.Dataset] = d
	}
	for _, version := range found { // by dataset and number
		d, uses := asked[version.Dataset]
		all, known := recalls[version.Dataset]
		if !known {
			if all, err = v.Projects.Recalls(v.r.Context(), v.who, version.Dataset); err != nil {
				return f, err
			}
			recalls[version.Dataset] = all
		}
		if pinned := uses && d.Version > 0; pinned && d.Version == version.Number || !pinned && catalog.RecallOf(all, version.Number) == nil {
			newest[version.Dataset] = version
		}
	}
	for _, name := range slices.Sorted(keysOf(newest)) {
		version := newest[name]
		choice := datasetChoice{Dataset: name, Title: version.Title, Version: version.Number}
		for _, t := range version.Tables {
			choice.Tables = append(choice.Tables, choiceOf(name, p.ID, t, asked[name]))
		}
		f.Datasets = append(f.Datasets, choice)
	}
	return f, nil
}

func keysOf[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func choiceOf(dataset, project string, t catalog.Table, grant workspaces.DatasetGrant) tableChoice {
	c := tableChoice{Key: dataset + "/" + t.Name, Name: t.Name, Description: t.Description}
	var asked workspaces.TableGrant
	for _, g := range grant.Tables {
		if g.Table == t.Name {
			asked, c.Chosen, c.Some, c.Why = g, true, len(g.Columns) > 0, g.Why
		}
	}
	for _, column := range t.ColumnsOf(project) {
		if column.Class != catalog.ClassPerson { // the person's pseudonym comes with every table
			c.Columns = append(c.Columns, columnChoice{column, slices.Contains(asked.Columns, column.Name), asked.ColumnsWhy[column.Name]})
		}
	}
	return c
}

// dayOf is a date as a form has it. A day that something lasts until is the one
// before the midnight at which it ends.
func dayOf(t time.Time, last bool) string {
	if t.IsZero() {
		return ""
	}
	if last {
		t = t.Add(-time.Nanosecond)
	}
	return t.UTC().Format(time.DateOnly)
}

// parseDay reads what a form has; before is what the date was when the form said
// the same day.
func parseDay(name, text string, before time.Time, last bool) (time.Time, error) {
	if text == dayOf(before, last) {
		return before, nil
	}
	t, err := workspaces.ParseDay(name, strings.TrimSpace(text))
	if err == nil && !last && !t.IsZero() {
		t = t.AddDate(0, 0, -1) // a day begins at its beginning
	}
	return t, err
}

// application reads the form that was sent; base is the project as it stands.
func (v *visit) application(base workspaces.Project) (workspaces.Project, error) {
	if err := v.r.ParseForm(); err != nil {
		return base, gatehouse.Errorf(gatehouse.CodeRequestInvalid, "The form did not arrive whole.").WithAdvice("Send it again.").Because(err)
	}
	get := func(name string) string { return strings.TrimSpace(v.r.PostForm.Get(name)) }
	p := base
	p.ID, p.Title, p.Purpose = cmp.Or(base.ID, get("id")), get("title"), get("purpose")
	p.LaySummary, p.PublicBenefit, p.Organisation, p.Funding = get("lay_summary"), get("public_benefit"), get("organisation"), get("funding")
	p.PublicNames, p.Outputs = splitLines(get("public_names")), splitLines(get("outputs"))
	p.Policy, p.OptOutBasis, p.OptOutRef = get("policy"), workspaces.OptOutBasis(get("opt_out_basis")), get("opt_out_ref")
	var first error
	keep := func(err error) {
		if first == nil {
			first = err
		}
	}
	var err error
	p.Starts, err = parseDay("starts", get("starts"), base.Starts, false)
	keep(err)
	p.Expires, err = parseDay("expires", get("expires"), base.Expires, true)
	keep(err)
	p.Members, err = v.members(base)
	keep(err)
	p.Datasets = v.grants(base)
	return p, first
}

func (v *visit) members(base workspaces.Project) ([]workspaces.Member, error) {
	users, roles, dates := v.r.PostForm["member"], v.r.PostForm["role"], v.r.PostForm["until"]
	var members []workspaces.Member
	var first error
	for i, user := range users {
		if user = strings.TrimSpace(user); user == "" || i >= len(roles) || i >= len(dates) {
			continue
		}
		m := workspaces.Member{User: user, Role: gatehouse.Role(roles[i])}
		before := time.Time{}
		for _, old := range base.Members {
			if old.User == user {
				before = old.TrainingUntil
			}
		}
		var err error
		if m.TrainingUntil, err = parseDay("training_until", dates[i], before, true); err != nil && first == nil {
			first = err
		}
		members = append(members, m)
	}
	return members, first
}

// grants reads which tables and columns are asked for. A version that the project
// has stays; another dataset is asked for at its newest.
func (v *visit) grants(base workspaces.Project) []workspaces.DatasetGrant {
	var grants []workspaces.DatasetGrant
	for _, key := range v.r.PostForm["table"] {
		dataset, table, _ := strings.Cut(key, "/")
		g := workspaces.TableGrant{Table: table, Why: strings.TrimSpace(v.r.PostForm.Get("why:" + key))}
		if v.r.PostForm.Get("some:"+key) != "" {
			g.Columns = v.r.PostForm["column:"+key]
		}
		for name, values := range v.r.PostForm {
			column, is := strings.CutPrefix(name, "why:"+key+"/")
			why := strings.TrimSpace(values[0])
			if is && why != "" && (len(g.Columns) == 0 || slices.Contains(g.Columns, column)) {
				if g.ColumnsWhy == nil {
					g.ColumnsWhy = map[string]string{}
				}
				g.ColumnsWhy[column] = why
			}
		}
		at := slices.IndexFunc(grants, func(d workspaces.DatasetGrant) bool { return d.Dataset == dataset })
		if at < 0 {
			d := workspaces.DatasetGrant{Dataset: dataset}
			for _, old := range base.Datasets {
				if old.Dataset == dataset {
					d.Version = old.Version
				}
			}
			at, grants = len(grants), append(grants, d)
		}
		grants[at].Tables = append(grants[at].Tables, g)
	}
	return grants
}

func (s *server) apply(v *visit) error {
	if err := v.Authorizer.Authorize(v.r.Context(), v.who, gatehouse.ActionProjectCreate, ""); err != nil {
		return err
	}
	f, err := v.formOf(workspaces.Project{Policy: "sdap", OptOutBasis: workspaces.BasisApplies, Members: []workspaces.Member{{User: v.who.User, Role: gatehouse.RoleLead}}}, workspaces.Project{})
	if err != nil {
		return err
	}
	f.Action, f.New = "/apply", true
	v.render(http.StatusOK, "application", "Apply for a project", f)
	return nil
}

func (s *server) draft(v *visit) error {
	p, err := v.application(workspaces.Project{})
	if err == nil {
		p, err = v.Projects.CreateProject(v.r.Context(), v.who, p)
	}
	if err != nil {
		return v.againForm(p, workspaces.Project{}, err, func(f *applicationForm) { f.Action, f.New = "/apply", true })
	}
	return v.see("/projects/"+p.ID, "drafted")
}

// againForm shows the form as it was sent, with what was wrong.
func (v *visit) againForm(p, base workspaces.Project, err error, set func(*applicationForm)) error {
	f, more := v.formOf(p, base)
	if more != nil {
		return more
	}
	set(&f)
	return v.again("application", "Application", f, err)
}

func (s *server) editApplication(v *visit) error {
	return v.applicationOf("edit", "Edit the application", false)
}
func (s *server) editAmendment(v *visit) error {
	return v.applicationOf("amend", "Propose an amendment", true)
}

func (v *visit) applicationOf(verb, title string, amend bool) error {
	p, err := v.Projects.Project(v.r.Context(), v.who, v.r.PathValue("project"))
	if err != nil {
		return err
	}
	f, err := v.formOf(p, p)
	if err != nil {
		return err
	}
	f.Action, f.Amend = "/projects/"+p.ID+"/"+verb, amend
	v.render(http.StatusOK, "application", title, f)
	return nil
}

func (s *server) saveApplication(v *visit) error {
	base, err := v.Projects.Project(v.r.Context(), v.who, v.r.PathValue("project"))
	if err != nil {
		return err
	}
	p, err := v.application(base)
	if err == nil {
		p, err = v.Projects.EditProject(v.r.Context(), v.who, p)
	}
	if err != nil {
		return v.againForm(p, base, err, func(f *applicationForm) { f.P.ID, f.Action = base.ID, "/projects/"+base.ID+"/edit" })
	}
	return v.see("/projects/"+base.ID, "saved")
}

func (s *server) proposeAmendment(v *visit) error {
	base, err := v.Projects.Project(v.r.Context(), v.who, v.r.PathValue("project"))
	if err != nil {
		return err
	}
	p, err := v.application(base)
	why := v.r.PostFormValue("reason")
	if err == nil {
		_, err = v.Projects.ProposeAmendment(v.r.Context(), v.who, base.ID, p, why)
	}
	if err != nil {
		return v.againForm(p, base, err, func(f *applicationForm) {
			f.P.ID, f.Action, f.Amend, f.Why = base.ID, "/projects/"+base.ID+"/amend", true, why
		})
	}
	return v.see("/projects/"+base.ID, "proposed")
}
