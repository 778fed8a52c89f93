package workspaces_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// live takes the linked project to its two workspaces.
func (h *house) live() {
	h.t.Helper()
	ctx := h.t.Context()
	h.must(h.SubmitProject(ctx, who("kim"), linked))
	h.must(h.decide("carl", "gp", approve))
	h.must(h.decide("cora", "shared_care", approve))
	h.sign(linked, "ada", "ben")
	_, err := h.OpenWorkspaceOn(ctx, lead, linked, "shared_care", linked)
	h.must(err)
}

// amending makes the project live, and proposes that it say text.
func (h *house) amending(text string) workspaces.Amendment {
	h.t.Helper()
	h.live()
	a, err := h.ProposeAmendment(h.t.Context(), lead, linked, parse(h.t, text), "the study has changed")
	h.must(err)
	return a
}

func TestAnAmendmentTakesEffectWhenAllWhomItTouchesAgree(t *testing.T) {
	h := newLinkedHouse(t)
	ctx := t.Context()
	text := strings.Replace(linkedText, "columns: [sex, birth_year]", "columns: [sex, lsoa]", 1)
	text = strings.Replace(text, "expires: 2026-12-31", "expires: 2027-06-30", 1)
	text = strings.Replace(text, "  - {user: ben, role: researcher, training_until: 2026-06-30}\n", "  - {user: eve, role: researcher, training_until: 2026-08-31}\n", 1)
	a := h.amending(text)
	var diff []string
	for _, c := range a.Changes {
		diff = append(diff, fmt.Sprintf("%s %v: %q -> %q", c.Field, c.Datasets, c.From, c.To))
	}
	want := []string{
		`datasets/shared_care/tables/patients/columns/birth_year [shared_care]: "asked for" -> ""`,
		`datasets/shared_care/tables/patients/columns/lsoa [shared_care]: "" -> "asked for"`,
		`expires [gp shared_care]: "2027-01-01T00:00:00Z" -> "2027-07-01T00:00:00Z"`,
		`members/ben [gp shared_care]: "researcher, trained until 2026-07-01T00:00:00Z" -> ""`,
		`members/eve [gp shared_care]: "" -> "researcher, trained until 2026-09-01T00:00:00Z"`,
	}
	if !slices.Equal(diff, want) {
		t.Errorf("the diff is\n%s", strings.Join(diff, "\n"))
	}

	// Until then everything is as it was, also for who would leave and who would join.
	ben := h.signIn("ben")
	unchanged := func() {
		t.Helper()
		s, err := h.Enter(ctx, ben)
		h.must(err)
		if len(s.Mounts) != 1 || len(s.Mounts[0].Tables[0].Columns) != 3 || s.Mounts[0].Tables[0].Columns[2].Name != "birth_year" {
			t.Errorf("ben sees %+v", s.Mounts)
		}
	}
	unchanged()
	if _, err := h.IssueToken(ctx, workspaces.System, "eve", linked, time.Hour); err == nil {
		t.Error("eve has a token already")
	}
	if got, want := h.tasks("carl"), "decide-amendment"; got != want {
		t.Errorf("carl's tasks are %q", got)
	}
	_, err := h.DecideAmendment(ctx, who("carl"), linked, a.ID, "gp", workspaces.Judgement{Verdict: workspaces.VerdictApprove, Seen: a.Digest()})
	h.must(err)
	unchanged()
	if got := h.tasks("carl"); got != "" {
		t.Errorf("carl's tasks are %q", got)
	}
	done, err := h.DecideAmendment(ctx, who("cora"), linked, a.ID, "shared_care", workspaces.Judgement{Verdict: workspaces.VerdictConditions, Conditions: []string{"No maps of lsoa."}})
	h.must(err)
	p := h.project()
	if done.State != workspaces.AmendmentApplied || p.State != workspaces.ProjectActive || !p.Expires.Equal(time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC)) || p.Members[1].User != "eve" {
		t.Errorf("the amendment is %s, the project %+v", done.State, p)
	}
	_, err = h.Enter(ctx, ben)
	h.want(err, gatehouse.CodeNotFound)
	eve := h.signIn("eve")
	_, err = h.Enter(ctx, eve)
	h.want(err, gatehouse.CodeUnsigned)
	h.sign(linked, "eve")
	s, err := h.Enter(ctx, eve)
	h.must(err)
	if c := s.Mounts[0].Tables[0].Columns; c[len(c)-1].Name != "lsoa" {
		t.Errorf("eve sees %+v", c)
	}
	if r := h.review("ada"); len(r.Conditions) != 1 || r.Conditions[0].Text != "No maps of lsoa." {
		t.Errorf("the conditions are %+v", r.Conditions)
	}
	// ada's signature was not touched.
	if p.Members[0].Agreement != 1 {
		t.Errorf("ada's membership is %+v", p.Members[0])
	}
}

func (h *house) tasks(user string) string {
	h.t.Helper()
	tasks, err := h.Tasks(h.t.Context(), who(user))
	h.must(err)
	var kinds []string
	for _, task := range tasks {
		kinds = append(kinds, task.Kind)
	}
	return strings.Join(kinds, " ")
}

func TestWhomAnAmendmentTouches(t *testing.T) {
	third := "datasets:\n  - {dataset: dental, tables: [{table: patients, why: Teeth matter.}]}\n"
	for name, c := range map[string]struct {
		from, to string
		want     string
	}{
		"one dataset's columns": {"columns: [sex]", "columns: [sex, birth_year]", "gp"},
		"one dataset's reason":  {"Practices know more.", "Practices know most.", "gp"},
		"a word of the purpose": {"who does well", "who does best", "gp shared_care"},
		"a dataset more":        {"datasets:\n", third, "dental gp shared_care"},
		"a dataset less":        {"  - dataset: gp\n    tables:\n      - {table: patients, why: Practices know more., columns: [sex]}\n", "", "gp"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newLinkedHouse(t)
			dental := h.catalogue.versions[0]
			dental.Dataset = "dental"
			h.catalogue.versions = append(h.catalogue.versions, dental)
			a := h.amending(strings.Replace(linkedText, c.from, c.to, 1))
			if got := strings.Join(a.Touched(), " "); got != c.want {
				t.Errorf("it touches %q, want %q: %+v", got, c.want, a.Changes)
			}
		})
	}
}

func TestHowAnAmendmentEndsOtherwise(t *testing.T) {
	ctx := t.Context()
	reworded := strings.Replace(linkedText, "who does well", "who does best", 1)
	for name, c := range map[string]struct {
		end  func(h *house, id string)
		want workspaces.AmendmentState
	}{
		"returned": {func(h *house, id string) {
			_, err := h.DecideAmendment(ctx, who("carl"), linked, id, "gp", giveup)
			h.must(err)
			_, err = h.DecideAmendment(ctx, who("cora"), linked, id, "shared_care", approve)
			h.must(err)
		}, workspaces.AmendmentReturned},
		"rejected, whoever approves": {func(h *house, id string) {
			_, err := h.DecideAmendment(ctx, who("carl"), linked, id, "gp", workspaces.Judgement{Verdict: workspaces.VerdictReject, Comment: "No."})
			h.must(err)
			_, err = h.DecideAmendment(ctx, who("cora"), linked, id, "shared_care", approve)
			h.must(err)
		}, workspaces.AmendmentRejected},
		"withdrawn": {func(h *house, id string) { h.must(h.WithdrawAmendment(ctx, lead, linked, id)) }, workspaces.AmendmentWithdrawn},
		"overtaken by a custodian's change": {func(h *house, id string) {
			_, err := h.DecideAmendment(ctx, who("carl"), linked, id, "gp", approve)
			h.must(err)
			h.must(h.RemoveMember(ctx, who("cora"), linked, "ben"))
		}, workspaces.AmendmentOvertaken},
		"overtaken by the end": {func(h *house, id string) { h.must(h.CloseProject(ctx, who("cora"), linked, "a reason")) }, workspaces.AmendmentOvertaken},
	} {
		t.Run(name, func(t *testing.T) {
			h := newLinkedHouse(t)
			a := h.amending(reworded)
			c.end(h, a.ID)
			all, err := h.Amendments(ctx, lead, linked)
			h.must(err)
			if len(all) != 1 || all[0].State != c.want || h.project().Purpose != "To find out who does well." {
				t.Errorf("the amendment is %+v, the project's purpose %q", all, h.project().Purpose)
			}
			_, err = h.DecideAmendment(ctx, who("cora"), linked, a.ID, "shared_care", approve)
			h.want(err, gatehouse.CodeAmendment)
			h.want(h.WithdrawAmendment(ctx, lead, linked, a.ID), gatehouse.CodeAmendment)
		})
	}
}

func TestWhoDecidesOnAnAmendment(t *testing.T) {
	h := newLinkedHouse(t)
	ctx := t.Context()
	joins := strings.Replace(linkedText, "  - {user: ben,", "  - {user: cyra, role: researcher, training_until: 2026-08-31}\n  - {user: ben,", 1)
	h.must(h.AddCustodian(ctx, workspaces.System, "gp", "cyra"))
	a := h.amending(joins)
	for name, c := range map[string]struct {
		user, dataset string
		want          gatehouse.Code
	}{
		"the proposer":               {"ada", "gp", gatehouse.CodeDenied},
		"another dataset's":          {"cora", "gp", gatehouse.CodeNotCustodian},
		"who would become a member":  {"cyra", "gp", gatehouse.CodeSeparation},
		"of what it does not touch":  {"carl", "dental", gatehouse.CodeNotFound},
		"a checker":                  {"chad", "gp", gatehouse.CodeDenied},
		"who may not know of it":     {"eve", "gp", gatehouse.CodeNotFound},
		"the installation's owner":   {"system", "gp", gatehouse.CodeNotFound},
		"nobody":                     {"", "gp", gatehouse.CodeUnauthenticated},
		"the applicant, now as such": {"kim", "gp", gatehouse.CodeDenied},
	} {
		_, err := h.DecideAmendment(ctx, who(c.user), linked, a.ID, c.dataset, approve)
		if err == nil || gatehouse.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	_, err := h.DecideAmendment(ctx, who("carl"), linked, a.ID, "gp", workspaces.Judgement{Verdict: workspaces.VerdictApprove, Seen: strings.Repeat("0", 64)})
	h.want(err, gatehouse.CodeEdited)
	_, err = h.DecideAmendment(ctx, who("carl"), linked, a.ID, "gp", approve)
	h.must(err)
	_, err = h.DecideAmendment(ctx, who("carl"), linked, a.ID, "gp", approve)
	h.want(err, gatehouse.CodeDecided)
	_, err = h.ProposeAmendment(ctx, lead, linked, parse(t, linkedText), "another")
	h.want(err, gatehouse.CodeAmendment)
	// Whoever decided on the project does not join by an amendment.
	h.must(h.WithdrawAmendment(ctx, lead, linked, a.ID))
	_, err = h.ProposeAmendment(ctx, lead, linked, parse(t, strings.Replace(joins, "user: cyra", "user: carl", 1)), "he knows it")
	h.want(err, gatehouse.CodeSeparation)
	_, err = h.ProposeAmendment(ctx, who("ben"), linked, parse(t, joins), "I may not")
	h.want(err, gatehouse.CodeDenied)
	_, err = h.ProposeAmendment(ctx, who("carl"), linked, parse(t, joins), "I may not")
	h.want(err, gatehouse.CodeDenied)
	_, err = h.ProposeAmendment(ctx, lead, linked, parse(t, linkedText), "nothing")
	h.want(err, gatehouse.CodeInvalidProject)
}

// A custodian alone changes what concerns no other custodian.
func TestACustodianAloneChangesOnlyWhatIsTheirs(t *testing.T) {
	h := newLinkedHouse(t)
	ctx := t.Context()
	h.live()
	eve := workspaces.Member{User: "eve", Role: gatehouse.RoleResearcher, TrainingUntil: start.AddDate(1, 0, 0)}
	h.want(h.SetMember(ctx, who("cora"), linked, eve), gatehouse.CodeNotCustodian)
	h.want(h.SetExpiry(ctx, who("cora"), linked, start.AddDate(5, 0, 0)), gatehouse.CodeNotCustodian)
	h.want(h.SetPolicy(ctx, who("cora"), linked, "nhs@1"), gatehouse.CodeNotCustodian)
	h.want(h.UseVersion(ctx, who("cora"), linked, "gp", 0), gatehouse.CodeNotCustodian)
	h.must(h.UseVersion(ctx, who("cora"), linked, "shared_care", 0))
	h.must(h.RemoveMember(ctx, who("cora"), linked, "ben"))
	h.must(h.SuspendProject(ctx, who("cora"), linked, "a reason"))
	h.want(h.ResumeProject(ctx, who("carl"), linked), gatehouse.CodeNotCustodian)
	h.want(h.ResumeProject(ctx, who("cyra"), linked), gatehouse.CodeNotCustodian)
	h.must(h.ResumeProject(ctx, who("cora"), linked))
}

// An extension brings an expired project back; who is in it need not sign again.
func TestAnExpiredProjectIsExtended(t *testing.T) {
	h := newLinkedHouse(t)
	ctx := t.Context()
	h.live()
	ben := h.signIn("ben")
	h.must(h.SetExpiryBy("cora", "carl", start.Add(time.Hour)))
	h.at(start.Add(time.Hour))
	_, err := h.Enter(ctx, ben)
	h.want(err, gatehouse.CodeProjectExpired)
	_, err = h.Sweep(ctx)
	h.must(err)
	_, err = h.Enter(ctx, ben)
	h.want(err, gatehouse.CodeProjectExpired)
	a, err := h.ProposeAmendment(ctx, lead, linked, parse(t, linkedText), "more time")
	h.must(err)
	for user, dataset := range map[string]string{"carl": "gp", "cora": "shared_care"} {
		_, err := h.DecideAmendment(ctx, who(user), linked, a.ID, dataset, approve)
		h.must(err)
	}
	if p := h.project(); p.State != workspaces.ProjectActive {
		t.Errorf("the project is %s", p.State)
	}
	_, err = h.Enter(ctx, ben)
	h.must(err)
}

// SetExpiryBy moves the expiry by the hand of one who is custodian of both.
func (h *house) SetExpiryBy(_, user string, expires time.Time) error {
	h.t.Helper()
	h.must(h.AddCustodian(h.t.Context(), workspaces.System, "shared_care", user))
	return h.SetExpiry(h.t.Context(), who(user), linked, expires)
}

// A diff is empty only of what says the same, and what it touches are datasets of
// either form.
func TestDiffsAreWhole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(name string) workspaces.Project {
			p := workspaces.Project{Title: rapid.SampledFrom([]string{"A", "B"}).Draw(rt, name+" title"), Policy: "sdap@1"}
			for _, user := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"ada", "ben", "eve"}), rapid.ID).Draw(rt, name+" members") {
				p.Members = append(p.Members, workspaces.Member{User: user, Role: gatehouse.RoleLead})
			}
			for _, dataset := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"gp", "care"}), rapid.ID).Draw(rt, name+" datasets") {
				columns := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"sex", "age"}), rapid.ID).Draw(rt, name+" columns")
				slices.Sort(columns)
				p.Datasets = append(p.Datasets, workspaces.DatasetGrant{Dataset: dataset, Version: 1, Tables: []workspaces.TableGrant{{Table: "t", Columns: columns}}})
			}
			return p
		}
		a, b := draw("from"), draw("to")
		changes := workspaces.Diff(a, b)
		if same := a.Digest("") == b.Digest(""); same != (len(changes) == 0) {
			rt.Fatalf("same %v, and %d changes: %+v", same, len(changes), changes)
		}
		back := workspaces.Diff(b, a)
		if len(back) != len(changes) {
			rt.Fatalf("%d changes there, %d back", len(changes), len(back))
		}
		for i, c := range changes {
			if c.From != back[i].To || c.To != back[i].From || c.Field != back[i].Field || len(c.Datasets) == 0 && len(a.Datasets)+len(b.Datasets) > 0 {
				rt.Fatalf("%+v there, %+v back", c, back[i])
			}
		}
	})
}
