package state_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// relations is a database of projects with members, on datasets.
type relations struct {
	t      *testing.T
	db     *state.DB
	ledger state.Ledger
}

func newRelations(t *testing.T, users ...string) relations {
	t.Helper()
	db, _ := open(t)
	r := relations{t, db, state.Ledger{DB: db}}
	r.update(func(tx workspaces.Tx) error {
		for _, u := range users {
			if err := tx.AddUser(t.Context(), u); err != nil {
				return err
			}
		}
		return nil
	})
	return r
}

func (r relations) update(change func(workspaces.Tx) error) {
	r.t.Helper()
	if err := state.Workspaces(r.db).Update(r.t.Context(), change); err != nil {
		r.t.Fatal(err)
	}
}

func members(users ...string) (out []workspaces.Member) {
	for _, u := range users {
		out = append(out, workspaces.Member{User: u, Role: gatehouse.RoleResearcher, TrainingUntil: noon})
	}
	return out
}

func (r relations) project(id string, in workspaces.ProjectState, dataset string, users ...string) {
	r.t.Helper()
	r.update(func(tx workspaces.Tx) error {
		return tx.AddProject(r.t.Context(), workspaces.Project{
			ID: id, Title: id, Purpose: "P", State: in, Policy: "sdap", OptOutBasis: workspaces.BasisApplies, Expires: noon.Add(time.Hour), CreatedBy: users[0], Version: 1,
			Members: members(users...), Datasets: []workspaces.DatasetGrant{{Dataset: dataset, Version: 1, Tables: []workspaces.TableGrant{{Table: "t"}}}},
		})
	})
}

// change changes a project as a step of its life does.
func (r relations) change(id string, with func(*workspaces.Project)) {
	r.t.Helper()
	r.update(func(tx workspaces.Tx) error {
		p, err := tx.Project(r.t.Context(), id)
		if err != nil {
			return err
		}
		with(&p)
		return tx.ChangeProject(r.t.Context(), p)
	})
}

func (r relations) related(project string, want ...string) {
	r.t.Helper()
	got, err := r.ledger.Related(r.t.Context(), project)
	if err != nil {
		r.t.Fatal(err)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		r.t.Errorf("%s is related to %v, want %v", project, got, want)
	}
}

// Whoever drafts a project and names others' members in it does not bring what
// those were told together: of a draft nobody is ever told anything.
func TestADraftRelatesNoProjects(t *testing.T) {
	r := newRelations(t, "ada", "ben", "eve")
	r.project("a", workspaces.ProjectActive, "care", "ada")
	r.project("b", workspaces.ProjectActive, "care", "ben")
	for _, in := range []workspaces.ProjectState{workspaces.ProjectDraft, workspaces.ProjectSubmitted, workspaces.ProjectRejected, workspaces.ProjectClosed, workspaces.ProjectArchived} {
		r.project("never-"+string(in), in, "care", "eve", "ada", "ben")
		r.related("a", "a")
		r.related("b", "b")
		r.related("never-"+string(in), "never-"+string(in))
	}
	// Its members are told of it from the moment in which it is approved.
	r.change("never-submitted", func(p *workspaces.Project) {
		p.State, p.ApprovedBy, p.Approved = workspaces.ProjectApproved, "cora", noon
	})
	r.related("a", "a", "never-submitted")
	r.related("never-submitted", "a", "b", "never-submitted")
}

// Whoever left a project, or whose project is over, still knows what it was told.
func TestWhoeverLeftAProjectStillRelatesIt(t *testing.T) {
	r := newRelations(t, "ada", "ben", "cy")
	r.project("a", workspaces.ProjectActive, "care", "ada", "ben")
	r.project("b", workspaces.ProjectActive, "care", "cy")
	r.related("b", "b")
	r.change("a", func(p *workspaces.Project) { p.Members = members("ada") })
	r.change("b", func(p *workspaces.Project) { p.Members = members("cy", "ben") })
	r.related("a", "a", "b")
	r.related("b", "a", "b")
	r.change("b", func(p *workspaces.Project) { p.Members = members("cy") })
	r.related("a", "a", "b")
	for _, over := range []workspaces.ProjectState{workspaces.ProjectSuspended, workspaces.ProjectExpired, workspaces.ProjectClosed, workspaces.ProjectArchived} {
		r.change("a", func(p *workspaces.Project) { p.State, p.ApprovedBy = over, "cora" })
		r.related("b", "a", "b")
	}
}

// What a project was told of a dataset counts there once the project may use the
// dataset no more; what a draft asks for does not, and neither does what was refused.
func TestWhoWasToldOfADatasetIsOnItAfterItsGrant(t *testing.T) {
	r := newRelations(t, "ada", "ben", "cy", "eve")
	r.project("now", workspaces.ProjectActive, "care", "ada")
	r.project("once", workspaces.ProjectActive, "care", "ben")
	r.project("refused", workspaces.ProjectActive, "care", "cy")
	r.project("draft", workspaces.ProjectDraft, "care", "eve")
	r.project("similar", workspaces.ProjectActive, "care-homes", "ada")
	for id, outcome := range map[string]egress.Outcome{"once": egress.OutcomeReleased, "refused": egress.OutcomeRefused, "similar": egress.OutcomeReleased} {
		dataset := "care"
		if id == "similar" {
			dataset = "care-homes"
		}
		r.update(func(tx workspaces.Tx) error {
			return tx.AddWorkspace(t.Context(), workspaces.Workspace{ID: id, Project: id, Dataset: dataset})
		})
		d := egress.Decision{ID: "dec_" + id, Time: noon, Project: id, Workspace: id, User: "ada", Session: "tok_1", SQL: "SELECT count(*) FROM t", Outcome: outcome, Policy: "sdap@1", Datasets: []string{dataset + "@1"}}
		if err := r.ledger.Commit(t.Context(), d, egress.ScratchChange{}); err != nil {
			t.Fatal(err)
		}
		r.change(id, func(p *workspaces.Project) { p.Datasets[0].Dataset = "elsewhere" })
	}
	for dataset, want := range map[string][]string{"care": {"now", "once"}, "care-homes": {"similar"}, "elsewhere": {"once", "refused", "similar"}, "nothing": nil} {
		got, err := r.ledger.OnDatasets(t.Context(), []string{dataset})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("on %s are %v, want %v (%v)", dataset, got, want, err)
		}
	}
}
