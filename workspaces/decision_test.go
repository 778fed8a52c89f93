package workspaces_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

var (
	approve = workspaces.Judgement{Verdict: workspaces.VerdictApprove}
	giveup  = workspaces.Judgement{Verdict: workspaces.VerdictReturn, Comment: "Say why you need birth_year."}
)

func (h *house) decide(user, dataset string, j workspaces.Judgement) error {
	_, err := h.DecideProject(h.t.Context(), who(user), linked, dataset, j)
	return err
}

func (h *house) review(user string) workspaces.ProjectReview {
	h.t.Helper()
	r, err := h.Review(h.t.Context(), who(user), linked)
	h.must(err)
	return r
}

// notices gives the kinds of notices that were given to a user, in order.
func (h *house) notices(user string) []string {
	h.t.Helper()
	rows, err := h.db.Reader().QueryContext(h.t.Context(), `SELECT kind FROM notices WHERE user_name = ? ORDER BY rowid`, user)
	h.must(err)
	defer rows.Close()
	var kinds []string
	for rows.Next() {
		var kind string
		h.must(rows.Scan(&kind))
		kinds = append(kinds, kind)
	}
	h.must(rows.Err())
	return kinds
}

func TestEachDatasetIsDecidedByItsOwnCustodian(t *testing.T) {
	h := newLinkedHouse(t)
	ctx := t.Context()
	h.must(h.SubmitProject(ctx, who("kim"), linked))
	if got := h.notices("cora"); !slices.Equal(got, []string{"project.submitted"}) || !slices.Equal(h.notices("carl"), got) || h.notices("cyra") != nil {
		t.Errorf("the custodians were told %v, %v, %v", got, h.notices("carl"), h.notices("cyra"))
	}
	if r := h.review("cora"); !slices.Equal(r.Turn, []string{"carl", "cora"}) || !slices.Contains(r.Steps, workspaces.StepDecide) {
		t.Errorf("cora sees the turn of %v and can %v", r.Turn, r.Steps)
	}

	// Round one: one approves with a condition, the other returns. It is a draft again.
	h.must(h.decide("carl", "gp", workspaces.Judgement{Verdict: workspaces.VerdictConditions, Conditions: []string{"No practice is named."}}))
	if p := h.project(); p.State != workspaces.ProjectSubmitted {
		t.Fatalf("after one of two decisions the project is %s", p.State)
	}
	if r := h.review("carl"); slices.Contains(r.Steps, workspaces.StepDecide) || !slices.Equal(r.Turn, []string{"cora"}) {
		t.Errorf("carl, who has decided, can %v; it is the turn of %v", r.Steps, r.Turn)
	}
	h.must(h.decide("cora", "shared_care", giveup))
	if p := h.project(); p.State != workspaces.ProjectDraft || p.ApprovedBy != "" || !p.Approved.IsZero() {
		t.Fatalf("returned, the project is %+v", p)
	}

	// Round two: only what shared_care is asked for has changed, so gp's approval stands.
	better := strings.Replace(linkedText, "        columns: [sex, birth_year]", "        columns: [sex, birth_year]\n        columns_why: {birth_year: Age explains most.}", 1)
	_, err := h.EditProject(ctx, who("ada"), parse(t, better))
	h.must(err)
	h.must(h.SubmitProject(ctx, who("ada"), linked))
	if r := h.review("carl"); r.Datasets[0].Decision == nil || r.Datasets[0].Open || !r.Datasets[1].Open || len(r.Conditions) != 0 {
		t.Errorf("in round two carl sees %+v and the conditions %v", r.Datasets, r.Conditions)
	}
	h.must(h.decide("cora", "shared_care", workspaces.Judgement{Verdict: workspaces.VerdictConditions, Conditions: []string{"Results are shown to us first.", "No maps."}}))
	p := h.project()
	if p.State != workspaces.ProjectApproved || p.ApprovedBy != "cora" || !p.Approved.Equal(start) || p.Round != 2 {
		t.Fatalf("the project is %+v", p)
	}
	var said []string
	for _, c := range h.review("ada").Conditions {
		said = append(said, c.Dataset+": "+c.Text)
	}
	if want := []string{"gp: No practice is named.", "shared_care: Results are shown to us first.", "shared_care: No maps."}; !slices.Equal(said, want) {
		t.Errorf("the conditions are %q", said)
	}
	h.sign(linked, "ben")
	if p := h.project(); p.State != workspaces.ProjectApproved {
		t.Errorf("with one of two signatures the project is %s", p.State)
	}
	h.sign(linked, "ada")
	if p := h.project(); p.State != workspaces.ProjectActive {
		t.Errorf("signed by all, the project is %s", p.State)
	}
	if got := h.notices("ben"); !slices.Equal(got, []string{"agreement.to_sign", "project.activated"}) {
		t.Errorf("ben was told %v", got)
	}
}

// What was approved and then edited is not approved any more.
func TestAnApprovalHoldsForWhatWasApproved(t *testing.T) {
	for name, c := range map[string]struct {
		from, to string
		stands   bool
	}{
		"the purpose":           {"To find out who does well.", "To find out who costs most.", false},
		"a member":              {"user: ben", "user: eve", false},
		"more of the dataset":   {"columns: [sex]", "columns: [sex, lsoa]", false},
		"the opt-out basis":     {"policy: sdap", "opt_out_basis: legal\nopt_out_ref: An act\npolicy: sdap", false},
		"more time":             {"expires: 2026-12-31", "expires: 2027-12-31", false},
		"another dataset alone": {"columns: [sex, birth_year]", "columns: [sex]", true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newLinkedHouse(t)
			ctx := t.Context()
			h.must(h.SubmitProject(ctx, who("kim"), linked))
			h.must(h.decide("carl", "gp", approve))
			h.must(h.decide("cora", "shared_care", giveup))
			_, err := h.EditProject(ctx, who("kim"), parse(t, strings.Replace(linkedText, c.from, c.to, 1)))
			h.must(err)
			h.must(h.SubmitProject(ctx, who("kim"), linked))
			h.must(h.decide("cora", "shared_care", approve))
			want := workspaces.ProjectSubmitted
			if c.stands {
				want = workspaces.ProjectApproved
			}
			if p := h.project(); p.State != want {
				t.Errorf("the project is %s, want %s", p.State, want)
			}
		})
	}
}

// Each way to decide what is not one's to decide.
func TestDutiesAreKeptApart(t *testing.T) {
	ctx := t.Context()
	for name, c := range map[string]struct {
		before  func(h *house) // it is submitted
		user    string
		dataset string
		j       workspaces.Judgement
		want    gatehouse.Code
	}{
		"the custodian of another dataset":   {nil, "cora", "gp", approve, gatehouse.CodeNotCustodian},
		"a custodian of none":                {nil, "cyra", "gp", approve, gatehouse.CodeNotCustodian},
		"the role was taken away":            {func(h *house) { h.must(h.RevokeRole(ctx, workspaces.System, "carl", gatehouse.RoleCustodian)) }, "carl", "gp", approve, gatehouse.CodeNotFound},
		"the dataset was taken away":         {func(h *house) { h.must(h.RemoveCustodian(ctx, workspaces.System, "gp", "carl")) }, "carl", "gp", approve, gatehouse.CodeNotCustodian},
		"named, without the role":            {func(h *house) { h.want(h.AddCustodian(ctx, workspaces.System, "gp", "eve"), gatehouse.CodeConfig) }, "eve", "gp", approve, gatehouse.CodeNotFound},
		"a dataset that it does not ask for": {nil, "carl", "dental", approve, gatehouse.CodeNotFound},
		"the same custodian twice":           {func(h *house) { h.must(h.decide("carl", "gp", approve)) }, "carl", "gp", approve, gatehouse.CodeDecided},
		"a second custodian of the same dataset": {func(h *house) {
			h.must(h.AddCustodian(ctx, workspaces.System, "gp", "cyra"))
			h.must(h.decide("carl", "gp", approve))
		}, "cyra", "gp", giveup, gatehouse.CodeDecided},
		"something else was looked at":      {nil, "carl", "gp", workspaces.Judgement{Verdict: workspaces.VerdictApprove, Seen: strings.Repeat("0", 64)}, gatehouse.CodeEdited},
		"what another dataset is asked for": {func(h *house) {}, "carl", "gp", workspaces.Judgement{Verdict: workspaces.VerdictApprove, Seen: "of shared_care"}, gatehouse.CodeEdited},
		"a member":                          {func(h *house) { h.join("carl") }, "carl", "gp", approve, gatehouse.CodeSeparation},
		"conditions without any":            {nil, "carl", "gp", workspaces.Judgement{Verdict: workspaces.VerdictConditions}, gatehouse.CodeInvalidProject},
		"a return without a word":           {nil, "carl", "gp", workspaces.Judgement{Verdict: workspaces.VerdictReturn}, gatehouse.CodeInvalidProject},
		"a verdict that is none":            {nil, "carl", "gp", workspaces.Judgement{Verdict: "maybe"}, gatehouse.CodeInvalidProject},
	} {
		t.Run(name, func(t *testing.T) {
			h := newLinkedHouse(t)
			h.must(h.SubmitProject(ctx, who("kim"), linked))
			if c.before != nil {
				c.before(h)
			}
			before := h.review("aude")
			h.want(h.decide(c.user, c.dataset, c.j), c.want)
			if after := h.review("aude"); after.Project.Version != before.Project.Version || len(after.History) != len(before.History) {
				t.Errorf("the refusal left %+v", after.History)
			}
		})
	}
	t.Run("the applicant", func(t *testing.T) {
		h := newLinkedHouse(t)
		h.must(h.GrantRole(ctx, workspaces.System, "kim", gatehouse.RoleCustodian)) // was none when she drafted it
		h.must(h.AddCustodian(ctx, workspaces.System, "gp", "kim"))
		h.must(h.SubmitProject(ctx, who("kim"), linked))
		h.want(h.decide("kim", "gp", approve), gatehouse.CodeSeparation)
		h.want(h.ApproveProject(ctx, who("kim"), linked), gatehouse.CodeSeparation)
		h.want(h.CloseProject(ctx, who("kim"), linked, "a reason"), gatehouse.CodeSeparation)
	})
	t.Run("a draft is nobody's to decide", func(t *testing.T) {
		h := newLinkedHouse(t)
		h.want(h.decide("carl", "gp", approve), gatehouse.CodeConflict)
	})
	t.Run("a custodian does not submit or edit for others", func(t *testing.T) {
		h := newLinkedHouse(t)
		h.want(h.SubmitProject(ctx, who("carl"), linked), gatehouse.CodeDenied)
		_, err := h.EditProject(ctx, who("carl"), parse(t, linkedText))
		h.want(err, gatehouse.CodeDenied)
	})
	t.Run("whoever decided does not join", func(t *testing.T) {
		h := newLinkedHouse(t)
		h.must(h.SubmitProject(ctx, who("kim"), linked))
		h.must(h.decide("carl", "gp", approve))
		h.must(h.AddCustodian(ctx, workspaces.System, "gp", "cora"))
		h.must(h.decide("cora", "shared_care", approve))
		for _, user := range []string{"carl", "cora"} {
			m := workspaces.Member{User: user, Role: gatehouse.RoleLead, TrainingUntil: start.AddDate(1, 0, 0)}
			h.must(h.AddCustodian(ctx, workspaces.System, "shared_care", "cyra"))
			h.must(h.AddCustodian(ctx, workspaces.System, "gp", "cyra"))
			h.want(h.SetMember(ctx, who("cyra"), linked, m), gatehouse.CodeSeparation)
		}
	})
}

// join makes a user a member, past every rule.
func (h *house) join(user string) {
	h.force(func(p *workspaces.Project) {
		p.Members = append(p.Members, workspaces.Member{User: user, Role: gatehouse.RoleResearcher, TrainingUntil: start.AddDate(1, 0, 0)})
	})
}

// Projects do not lend each other amendments.
func TestIdsOfOtherProjectsAreNotTaken(t *testing.T) {
	h := newLinkedHouse(t)
	ctx := t.Context()
	other := parse(t, linkedText)
	other.ID = "other"
	_, err := h.CreateProject(ctx, who("kim"), other)
	h.must(err)
	a := h.amending(strings.Replace(linkedText, "type 2", "type two", 1))
	for _, user := range []string{"cora", "carl"} {
		_, err := h.DecideAmendment(ctx, who(user), "other", a.ID, "gp", approve)
		h.want(err, gatehouse.CodeNotFound)
	}
	_, err = h.DecideAmendment(ctx, who("cora"), "nothing", a.ID, "shared_care", approve)
	h.want(err, gatehouse.CodeNotFound)
	h.want(h.WithdrawAmendment(ctx, who("ada"), "other", a.ID), gatehouse.CodeNotFound)
	all, err := h.Amendments(ctx, who("ada"), "other")
	h.must(err)
	if len(all) != 0 {
		t.Errorf("the other project has %v", all)
	}
}

// Two custodians of one dataset, and of two, decide at the same instant: nothing is
// lost, nothing counts twice.
func TestCustodiansDecideAtOnce(t *testing.T) {
	h := newLinkedHouse(t)
	ctx := t.Context()
	for _, dataset := range []string{"gp", "shared_care"} {
		h.must(h.AddCustodian(ctx, workspaces.System, dataset, "cyra"))
	}
	h.must(h.SubmitProject(ctx, who("kim"), linked))
	var mu sync.Mutex
	decided := map[string]int{}
	var all sync.WaitGroup
	for _, c := range []struct{ user, dataset string }{{"carl", "gp"}, {"cyra", "gp"}, {"cora", "shared_care"}, {"cyra", "shared_care"}, {"carl", "gp"}, {"cora", "shared_care"}} {
		all.Go(func() {
			err := h.decide(c.user, c.dataset, approve)
			mu.Lock()
			defer mu.Unlock()
			switch gatehouse.CodeOf(err) {
			case gatehouse.CodeDecided, gatehouse.CodeConflict: // the loser, before or after the conclusion
			default:
				h.must(err)
				decided[c.dataset]++
			}
		})
	}
	all.Wait()
	if decided["gp"] != 1 || decided["shared_care"] != 1 {
		t.Errorf("decided %v times", decided)
	}
	r := h.review("aude")
	if r.Project.State != workspaces.ProjectApproved || len(r.History) != 2 {
		t.Errorf("the project is %s after %+v", r.Project.State, r.History)
	}
	approvals := 0
	for _, e := range h.events() {
		if e.Action == "project.approved" {
			approvals++
		}
	}
	if approvals != 1 {
		t.Errorf("it was approved %d times", approvals)
	}
}

func TestAnIncompleteApplicationIsNotSubmitted(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	lacking := projectText
	for _, line := range []string{"lay_summary: Some people with diabetes do better than others. We want to know why.\n", "organisation: University of Northtown\n", "        why: Outcomes differ by sex and age.\n"} {
		lacking = strings.Replace(lacking, line, "", 1)
	}
	_, err := h.CreateProject(ctx, lead, parse(t, lacking))
	h.must(err)
	err = h.SubmitProject(ctx, lead, linked)
	h.want(err, gatehouse.CodeIncomplete)
	for _, what := range []string{"lay_summary", "organisation", "patients"} {
		if !strings.Contains(err.Error(), what) {
			t.Errorf("%q does not name %s", err, what)
		}
	}
	if r := h.review("ada"); r.Missing == "" {
		t.Error("the review does not say what is missing")
	}
	// Reasons for each column will do as well as one for the table.
	_, err = h.EditProject(ctx, lead, parse(t, strings.Replace(projectText, "        why: Outcomes differ by sex and age.\n", "        columns_why: {sex: It matters., birth_year: Age does.}\n", 1)))
	h.must(err)
	h.must(h.SubmitProject(ctx, lead, linked))
}

// People of different families of datasets never meet in one project.
func TestDatasetsOfAProjectAreOfOneFamily(t *testing.T) {
	h := newLinkedHouse(t)
	h.catalogue.versions[len(h.catalogue.versions)-1].Family = "south"
	p := parse(t, linkedText)
	p.ID = "second"
	_, err := h.CreateProject(t.Context(), who("kim"), p)
	h.want(err, gatehouse.CodeInvalidProject)
	h.want(h.SubmitProject(t.Context(), who("kim"), linked), gatehouse.CodeInvalidProject)
}

// A column that a definition made for one study is there for that project alone: for
// another it does not exist, whether it asks for all columns or for that one.
func TestAColumnOfOneStudyIsNoOtherProjects(t *testing.T) {
	v := catalog.Version{Dataset: "gp", Number: 1, Tables: []catalog.Table{{Name: "patients", Columns: []catalog.Column{
		{Name: "person_id", Class: catalog.ClassPerson}, {Name: "sex", Class: catalog.ClassDimension}, {Name: "score", Class: catalog.ClassMeasure, Study: "asthma"}}}}}
	all := workspaces.DatasetGrant{Dataset: "gp", Tables: []workspaces.TableGrant{{Table: "patients"}}}
	asked := workspaces.DatasetGrant{Dataset: "gp", Tables: []workspaces.TableGrant{{Table: "patients", Columns: []string{"score"}}}}
	for project, want := range map[string]int{"asthma": 3, "stroke": 2, workspaces.CatalogueProject("gp"): 2} {
		tables, err := all.Mounted(v, project)
		if err != nil || len(tables[0].Columns) != want {
			t.Errorf("%s has %v, %v", project, tables, err)
		}
		_, err = asked.Mounted(v, project)
		if (err == nil) != (project == "asthma") {
			t.Errorf("%s asks for the column: %v", project, err)
		}
	}
	if len(v.Tables[0].Columns) != 3 {
		t.Error("the version itself was changed")
	}
}
