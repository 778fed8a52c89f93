package roles

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/infra/web"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// projectSteps are the steps of projects that are tried. Those that carry a whole
// application (edit, propose, adjust) are tried in package workspaces.
var projectSteps = []string{"submit", "withdraw", "decide", "sign", "suspend", "resume", "close", "archive", "see"}

var projectActors = []string{"lea", "ada", "bob", "dan", "chris", "cora", "cyril", "vera", "olga", "aude", "nobody"}

var projectLegend = map[string]string{
	"lea": "who drafted it, and its lead", "ada": "member", "bob": "of another project", "dan": "without any role", "chris": "checker",
	"cora": "custodian", "cyril": "custodian of another dataset", "vera": "custodian and member", "olga": "operator", "aude": "auditor", "nobody": "not signed in",
}

func (w *world) projectTrial(step, id string) try {
	page := "/projects/" + id
	call := func(parts ...string) func(context.Context, *web.Client) error {
		return func(ctx context.Context, c *web.Client) error {
			return w.answered(c, w.actorOf(c), operation{method: "POST", path: "/v1/projects/" + id + "/" + parts[0]}, append(parts, "")[1])
		}
	}
	cli := func(name string, more ...string) []string {
		return append([]string{"project", name, "--dir", w.dir, id}, more...)
	}
	moved := &form{path: page + "/step", values: []string{"step", step}}
	switch step {
	case "decide":
		seen := w.digest(id)
		return try{call("decisions", `{"dataset": "care", "verdict": "approve", "seen": "`+seen+`"}`), cli("approve"), &form{path: page + "/decide", values: []string{"dataset", "care", "verdict", "approve", "seen", seen}}}
	case "sign":
		return try{call("signatures", `{"agreement": 1}`), cli("sign", "--agreement", "1"), &form{path: page + "/agreement", values: []string{"version", "1", "read", "yes"}}}
	case "see":
		return try{func(ctx context.Context, c *web.Client) error {
			return w.answered(c, w.actorOf(c), operation{method: "GET", path: "/v1/projects/" + id}, "")
		}, cli("show"), &form{path: page, page: true}}
	case "suspend", "close":
		return try{call(step, `{"why": "A reason"}`), cli(step, "--why", "A reason"), &form{path: page + "/step", values: []string{"step", step, "why", "A reason"}}}
	}
	return try{call(step), cli(step), moved}
}

// actorOf names whose client it is.
func (w *world) actorOf(c *web.Client) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for actor, of := range w.clients {
		if of == c {
			return actor
		}
	}
	return "nobody"
}

// answered is the API's answer as an error.
func (w *world) answered(_ *web.Client, actor string, o operation, body string) error {
	status, answer := w.call(actor, o, nil, body)
	if status/100 == 2 {
		return nil
	}
	return gatehouse.Errorf(gatehouse.Code(code.FindString(answer)), "%s", answer)
}

// digest is of what the custodian of care is asked about a project.
func (w *world) digest(id string) string {
	if id == "" {
		return ""
	}
	w.t.Helper()
	var p workspaces.Project
	w.must(state.Workspaces(w.db).View(w.t.Context(), func(tx workspaces.Tx) (err error) {
		p, err = tx.Project(w.t.Context(), id)
		return err
	}))
	return p.Digest("care")
}

// madeProject puts a project of lea's in place, in a state.
func (w *world) madeProject(s workspaces.ProjectState) string {
	w.t.Helper()
	w.number++
	year := time.Now().AddDate(1, 0, 0).UTC().Truncate(time.Second)
	p := workspaces.Project{
		ID: "project-" + strconv.Itoa(w.number), Title: "T", Purpose: "P", LaySummary: "L", PublicBenefit: "B", Organisation: "O", Funding: "F", Outputs: []string{"tables"},
		State: s, Policy: "sdap@1", OptOutBasis: workspaces.BasisApplies, Expires: year, CreatedBy: "lea", Version: 1,
		Datasets: []workspaces.DatasetGrant{{Dataset: "care", Version: 1, Tables: []workspaces.TableGrant{{Table: "patients", Columns: []string{"person_id", "sex"}, Why: "W"}}}},
	}
	signed := !slices.Contains([]workspaces.ProjectState{workspaces.ProjectDraft, workspaces.ProjectSubmitted, workspaces.ProjectApproved, workspaces.ProjectRejected}, s)
	for user, role := range map[string]gatehouse.Role{"lea": gatehouse.RoleLead, "ada": gatehouse.RoleResearcher, "vera": gatehouse.RoleResearcher} {
		m := workspaces.Member{User: user, Role: role, TrainingUntil: year}
		if signed {
			m.Agreement, m.AgreementUntil = 1, year
		}
		p.Members = append(p.Members, m)
	}
	if s != workspaces.ProjectDraft {
		p.Round = 1
	}
	if signed {
		p.ApprovedBy = "cora"
	}
	if s == workspaces.ProjectExpired {
		p.Expires = time.Now().AddDate(0, 0, -1).UTC().Truncate(time.Second)
	}
	w.must(state.Workspaces(w.db).Update(w.t.Context(), func(tx workspaces.Tx) error { return tx.AddProject(w.t.Context(), p) }))
	return p.ID
}

func (w *world) expectedProject(actor, step string, s workspaces.ProjectState) bool {
	w.t.Helper()
	member := slices.Contains([]string{"lea", "ada", "vera"}, actor)
	if step == "see" {
		return member || slices.Contains([]string{"chris", "cora", "cyril", "aude"}, actor)
	}
	action := map[string]gatehouse.Action{"submit": gatehouse.ActionProjectCreate, "withdraw": gatehouse.ActionProjectCreate, "sign": gatehouse.ActionProjectSign}[step]
	if action == "" {
		action = gatehouse.ActionProjectApprove
	}
	// Any project of hers will do: the rules do not look at states.
	if actor == "nobody" || !member && w.rules.Authorize(w.t.Context(), gatehouse.Principal{User: actor}, action, "other") != nil {
		return false
	}
	at := slices.IndexFunc(workspaces.ProjectTransitions, func(t workspaces.ProjectTransition) bool {
		return t.From == s && t.Step == workspaces.ProjectStep(step)
	})
	if at < 0 {
		return false
	}
	switch by := workspaces.ProjectTransitions[at].By; by {
	case workspaces.PartyApplicant:
		return actor == "lea"
	case workspaces.PartyMember:
		return member
	case workspaces.PartyCustodian:
		return actor == "cora"
	default:
		w.t.Fatalf("nobody knows who %q is", by)
		return false
	}
}

func TestRolesInEveryStateOfAProject(t *testing.T) {
	w := newWorld(t)
	w.startLines(2)
	m := machine[string]{
		what: "a project of lea's", actors: projectActors, steps: projectSteps, shows: []string{"see"}, legend: projectLegend,
		trial:    w.projectTrial,
		made:     func(s string) string { return w.madeProject(workspaces.ProjectState(s)) },
		expected: func(actor, step, s string) bool { return w.expectedProject(actor, step, workspaces.ProjectState(s)) },
	}
	for _, s := range workspaces.ProjectStates {
		m.states = append(m.states, string(s))
	}
	reviewed(t, "testdata/projects.txt", m.table(w))
}
