package workspaces_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// linkedText is a project over two datasets of one family, drafted by kim, who is
// not a member of it.
var linkedText = strings.Replace(projectText, "datasets:\n", `datasets:
  - dataset: gp
    tables:
      - {table: patients, why: Practices know more., columns: [sex]}
`, 1)

const linked = "diabetes-outcomes"

// newLinkedHouse has two datasets of one family: cora is custodian of shared_care,
// carl of gp, and cyra has the role and no dataset.
func newLinkedHouse(t testing.TB) *house {
	h := newHouse(t)
	ctx := t.Context()
	h.catalogue.versions[0].Family = "north"
	gp := h.catalogue.versions[0]
	gp.Dataset = "gp"
	h.catalogue.versions = append(h.catalogue.versions, gp)
	for _, user := range []string{"kim", "cyra"} {
		h.must(h.AddUser(ctx, workspaces.System, user))
	}
	h.must(h.GrantRole(ctx, workspaces.System, "cyra", gatehouse.RoleCustodian))
	h.must(h.RemoveCustodian(ctx, workspaces.System, "shared_care", "carl"))
	h.must(h.AddCustodian(ctx, workspaces.System, "gp", "carl"))
	_, err := h.CreateProject(ctx, who("kim"), parse(t, linkedText))
	h.must(err)
	return h
}

func who(user string) gatehouse.Principal { return gatehouse.Principal{User: user} }

func (h *house) project() workspaces.Project {
	h.t.Helper()
	p, err := h.Project(h.t.Context(), who("aude"), linked)
	h.must(err)
	return p
}

// force puts the project as a test wants it, past every rule.
func (h *house) force(change func(*workspaces.Project)) {
	h.t.Helper()
	h.must(state.Workspaces(h.db).Update(h.t.Context(), func(tx workspaces.Tx) error {
		p, err := tx.Project(h.t.Context(), linked)
		if err != nil {
			return err
		}
		change(&p)
		return tx.ChangeProject(h.t.Context(), p)
	}))
}

// Every state × step that can be asked for × role, tried on the real service:
// exactly the rows of the table happen, by exactly the party that they name.
func TestEveryStateStepAndRole(t *testing.T) {
	h := newLinkedHouse(t)
	ctx := t.Context()
	amended := parse(t, strings.Replace(linkedText, "Outcomes of type 2", "Results of type 2", 1))
	asked := map[workspaces.ProjectStep]func(gatehouse.Principal) error{
		workspaces.StepEdit:     func(p gatehouse.Principal) error { _, err := h.EditProject(ctx, p, parse(t, linkedText)); return err },
		workspaces.StepSubmit:   func(p gatehouse.Principal) error { return h.SubmitProject(ctx, p, linked) },
		workspaces.StepWithdraw: func(p gatehouse.Principal) error { return h.WithdrawProject(ctx, p, linked) },
		workspaces.StepDecide: func(p gatehouse.Principal) error {
			_, err := h.DecideProject(ctx, p, linked, "shared_care", workspaces.Judgement{Verdict: workspaces.VerdictApprove})
			return err
		},
		workspaces.StepSign: func(p gatehouse.Principal) error { _, err := h.SignAgreement(ctx, p, linked, 1); return err },
		workspaces.StepPropose: func(p gatehouse.Principal) error {
			_, err := h.ProposeAmendment(ctx, p, linked, amended, "a better word")
			return err
		},
		workspaces.StepAdjust:  func(p gatehouse.Principal) error { return h.RemoveMember(ctx, p, linked, "eve") },
		workspaces.StepSuspend: func(p gatehouse.Principal) error { return h.SuspendProject(ctx, p, linked, "a reason") },
		workspaces.StepResume:  func(p gatehouse.Principal) error { return h.ResumeProject(ctx, p, linked) },
		workspaces.StepClose:   func(p gatehouse.Principal) error { return h.CloseProject(ctx, p, linked, "a reason") },
		workspaces.StepArchive: func(p gatehouse.Principal) error { return h.ArchiveProject(ctx, p, linked) },
	}
	for _, row := range workspaces.ProjectTransitions {
		switch row.By {
		case workspaces.PartyDecisions, workspaces.PartySignatures, workspaces.PartyClock:
			if asked[row.Step] != nil {
				t.Errorf("%s follows from what others do, and can be asked for", row.Step)
			}
		default:
			if asked[row.Step] == nil {
				t.Errorf("%s by %s is not tried", row.Step, row.By)
			}
		}
	}
	parties := map[string][]workspaces.ProjectParty{
		"kim": {workspaces.PartyApplicant}, "ada": {workspaces.PartyApplicant, workspaces.PartyLead, workspaces.PartyMember}, "ben": {workspaces.PartyMember},
		"cora": {workspaces.PartyCustodian}, "cyra": nil, "chad": nil, "oona": nil, "aude": nil, "zoe": nil, "": nil, "system": nil,
	}
	eve := workspaces.Member{User: "eve", Role: gatehouse.RoleResearcher, TrainingUntil: start.AddDate(1, 0, 0)}
	round, allowed := 0, 0
	for _, from := range workspaces.ProjectStates {
		for step, do := range asked {
			for user, is := range parties {
				round++ // decisions are for ever, so each attempt has a round of its own
				h.force(func(p *workspaces.Project) {
					at := p.Version
					*p = parse(t, linkedText)
					p.State, p.Round, p.CreatedBy, p.Version, p.Policy = from, round, "kim", at, "sdap@1"
					p.Datasets[0].Version, p.Datasets[1].Version = 1, 1
					p.Members = append(p.Members, eve)
					if from == workspaces.ProjectExpired {
						p.Expires = start
					}
				})
				before := h.project()
				err := do(who(user))
				after := h.project()
				i := slices.IndexFunc(workspaces.ProjectTransitions, func(r workspaces.ProjectTransition) bool {
					return r.From == from && r.Step == step && slices.Contains(is, r.By)
				})
				if i < 0 {
					switch gatehouse.Public(err).Kind() {
					case gatehouse.KindDenied, gatehouse.KindNotFound, gatehouse.KindUnauthenticated, gatehouse.KindConflict:
					default:
						t.Errorf("%s of a %s project by %q: %v", step, from, user, err)
					}
					if err == nil || after.Version != before.Version || after.State != from {
						t.Errorf("%s of a %s project by %q: %v, and it is %s", step, from, user, err, after.State)
					}
					continue
				}
				allowed++
				if want := workspaces.ProjectTransitions[i].To; err != nil || after.State != want {
					t.Errorf("%s of a %s project by %q: %v, and it is %s, want %s", step, from, user, err, after.State, want)
				}
				if step == workspaces.StepPropose { // one is open at a time
					all, err := h.Amendments(ctx, who("ada"), linked)
					h.must(err)
					open := slices.IndexFunc(all, func(a workspaces.Amendment) bool { return a.State == workspaces.AmendmentProposed })
					h.must(h.WithdrawAmendment(ctx, who("ada"), linked, all[open].ID))
				}
			}
		}
	}
	if allowed < len(workspaces.ProjectTransitions)-8 {
		t.Errorf("%d steps were allowed", allowed)
	}
}

func TestTheTableOfProjectsIsWhole(t *testing.T) {
	rows := map[workspaces.ProjectState]map[workspaces.ProjectStep]bool{}
	reached, ends := map[workspaces.ProjectState]bool{workspaces.ProjectDraft: true}, map[workspaces.ProjectState]bool{}
	for _, row := range workspaces.ProjectTransitions {
		if rows[row.From][row.Step] {
			t.Errorf("%s × %s stands twice", row.From, row.Step)
		}
		if rows[row.From] == nil {
			rows[row.From] = map[workspaces.ProjectStep]bool{}
		}
		rows[row.From][row.Step] = true
		if !slices.Contains(workspaces.ProjectSteps, row.Step) || !slices.Contains(workspaces.ProjectStates, row.To) {
			t.Errorf("%+v has a step or state that is not listed", row)
		}
	}
	for _, s := range workspaces.ProjectStates {
		owner, ok := workspaces.ProjectOwners[s]
		if !ok {
			t.Errorf("%s has no owner", s)
		}
		canMove := slices.ContainsFunc(workspaces.ProjectTransitions, func(r workspaces.ProjectTransition) bool { return r.From == s && r.By == owner })
		if (owner == workspaces.PartyNobody) != (len(rows[s]) == 0) || owner != workspaces.PartyNobody && !canMove {
			t.Errorf("%s waits for its %s, with %d steps", s, owner, len(rows[s]))
		}
		ends[s] = owner == workspaces.PartyNobody
	}
	for range workspaces.ProjectStates {
		for _, row := range workspaces.ProjectTransitions {
			reached[row.To] = reached[row.To] || reached[row.From]
			ends[row.From] = ends[row.From] || ends[row.To]
		}
	}
	for _, s := range workspaces.ProjectStates {
		if !reached[s] || !ends[s] {
			t.Errorf("%s: reached %v, can end %v", s, reached[s], ends[s])
		}
	}
	// Only decisions approve, and only signatures or an extension make active.
	for _, row := range workspaces.ProjectTransitions {
		if row.To == workspaces.ProjectApproved && row.From != row.To && row.By != workspaces.PartyDecisions {
			t.Errorf("%s × %s approves by %s", row.From, row.Step, row.By)
		}
		if row.To == workspaces.ProjectActive && row.From == workspaces.ProjectApproved && row.By != workspaces.PartySignatures {
			t.Errorf("%s × %s makes active by %s", row.From, row.Step, row.By)
		}
	}
}

func TestTheDocumentedDiagramsAreTheTables(t *testing.T) {
	page, err := os.ReadFile("../docs/projects.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, diagram := range []string{workspaces.ProjectDiagram(), workspaces.AmendmentDiagram()} {
		if want := "```mermaid\n" + diagram + "```\n"; !strings.Contains(string(page), want) {
			t.Errorf("docs/projects.md does not show this state machine:\n%s", want)
		}
	}
}

// What the clock does is in the table too.
func TestOnlyWhatIsLiveExpires(t *testing.T) {
	h := newLinkedHouse(t)
	for _, from := range workspaces.ProjectStates {
		h.force(func(p *workspaces.Project) { p.State, p.Expires = from, start })
		_, err := h.Sweep(t.Context())
		h.must(err)
		want := from
		if from == workspaces.ProjectActive {
			want = workspaces.ProjectExpired
		}
		if got := h.project().State; got != want {
			t.Errorf("a %s project became %s", from, got)
		}
	}
	h.force(func(p *workspaces.Project) {
		p.State, p.Expires = workspaces.ProjectActive, start.Add(time.Microsecond)
	})
	_, err := h.Sweep(t.Context())
	h.must(err)
	if got := h.project().State; got != workspaces.ProjectActive {
		t.Errorf("just before its expiry the project is %s", got)
	}
}
