package workspaces_test

import (
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func TestProjectGoesFromDraftToActive(t *testing.T) {
	h := newHouse(t)
	h.activate()
	p, err := h.Project(t.Context(), lead, "diabetes-outcomes")
	h.must(err)
	if p.State != workspaces.ProjectActive || p.CreatedBy != "ada" || p.ApprovedBy != "cora" || p.Version != 5 || p.Round != 1 || !p.Approved.Equal(start) {
		t.Errorf("the project is %+v", p)
	}
	if p.Datasets[0].Version != 1 {
		t.Errorf("the newest version was asked for and is %d", p.Datasets[0].Version)
	}
	var actions []string
	for _, e := range h.events() {
		if e.Project == "diabetes-outcomes" {
			actions = append(actions, e.Action)
		}
	}
	want := []string{"project.created", "project.submitted", "project.decided", "project.approved",
		"agreement.signed", "agreement.signed", "project.activated", "workspace.opened", "population.written"}
	if len(actions) != len(want) {
		t.Fatalf("journaled %v, want %v", actions, want)
	}
	for i := range want {
		if actions[i] != want[i] {
			t.Errorf("journaled %v, want %v", actions, want)
		}
	}
}

func TestWhoMayApprove(t *testing.T) {
	approve := func(t *testing.T, h *house, creator, approver gatehouse.Principal, members ...workspaces.Member) error {
		p := parse(t, projectText)
		p.Members = append(p.Members, members...)
		_, err := h.CreateProject(t.Context(), creator, p)
		h.must(err)
		h.must(h.SubmitProject(t.Context(), creator, p.ID))
		return h.ApproveProject(t.Context(), approver, p.ID)
	}
	cases := map[string]struct {
		creator, approver string
		member            string
		want              gatehouse.Code
	}{
		"another custodian":           {"ada", "cora", "", ""},
		"custodian of a custodian's":  {"cora", "carl", "", ""},
		"its creator":                 {"cora", "cora", "", gatehouse.CodeSeparation},
		"a custodian who is a member": {"ada", "cora", "cora", gatehouse.CodeSeparation},
		"its lead":                    {"ada", "ada", "", gatehouse.CodeDenied},
		"a checker":                   {"ada", "chad", "", gatehouse.CodeDenied},
		"an operator":                 {"ada", "oona", "", gatehouse.CodeNotFound},
		"an auditor":                  {"ada", "aude", "", gatehouse.CodeDenied},
		"a stranger":                  {"ada", "eve", "", gatehouse.CodeNotFound},
		"nobody":                      {"ada", "", "", gatehouse.CodeUnauthenticated},
		"the installation's owner":    {"ada", "system", "", gatehouse.CodeNotFound},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			var members []workspaces.Member
			if c.member != "" {
				members = append(members, workspaces.Member{User: c.member, Role: gatehouse.RoleResearcher, TrainingUntil: start.AddDate(1, 0, 0)})
			}
			err := approve(t, h, gatehouse.Principal{User: c.creator}, gatehouse.Principal{User: c.approver}, members...)
			p, e := h.Project(t.Context(), gatehouse.Principal{User: "aude"}, "diabetes-outcomes")
			h.must(e)
			if c.want == "" {
				h.must(err)
				if p.State != workspaces.ProjectApproved {
					t.Errorf("the project is %s", p.State)
				}
				return
			}
			h.want(err, c.want)
			if p.State != workspaces.ProjectSubmitted || p.ApprovedBy != "" {
				t.Errorf("after the refusal the project is %s, approved by %q", p.State, p.ApprovedBy)
			}
			if e := h.last(); e.Action != "project.decided.refused" || e.Actor != c.approver || e.Detail["code"] != string(c.want) {
				t.Errorf("the refusal is journaled as %+v", e)
			}
		})
	}
}

func TestOnlyWhoMaySubmitSubmits(t *testing.T) {
	h := newHouse(t)
	_, err := h.CreateProject(t.Context(), lead, parse(t, projectText))
	h.must(err)
	h.want(h.SubmitProject(t.Context(), gatehouse.Principal{User: "eve"}, "diabetes-outcomes"), gatehouse.CodeNotFound)
	h.want(h.SubmitProject(t.Context(), gatehouse.Principal{User: "ben"}, "diabetes-outcomes"), gatehouse.CodeDenied)
	h.must(h.SubmitProject(t.Context(), lead, "diabetes-outcomes"))
}

func TestCreateRefuses(t *testing.T) {
	h := newHouse(t)
	for name, c := range map[string]struct {
		actor  string
		change func(*workspaces.Project)
		want   gatehouse.Code
	}{
		"unknown member":     {"ada", func(p *workspaces.Project) { p.Members[1].User = "zoe" }, gatehouse.CodeInvalidProject},
		"operator as member": {"ada", func(p *workspaces.Project) { p.Members[1].User = "oona" }, gatehouse.CodeSeparation},
		"auditor as member":  {"ada", func(p *workspaces.Project) { p.Members[1].User = "aude" }, gatehouse.CodeSeparation},
		"expired already":    {"ada", func(p *workspaces.Project) { p.Expires = start }, gatehouse.CodeInvalidProject},
		"unknown dataset":    {"ada", func(p *workspaces.Project) { p.Datasets[0].Dataset = "gp" }, gatehouse.CodeInvalidProject},
		"unknown version":    {"ada", func(p *workspaces.Project) { p.Datasets[0].Version = 7 }, gatehouse.CodeInvalidProject},
		"unknown table":      {"ada", func(p *workspaces.Project) { p.Datasets[0].Tables[0].Table = "letters" }, gatehouse.CodeInvalidProject},
		"unknown column":     {"ada", func(p *workspaces.Project) { p.Datasets[0].Tables[0].Columns[0] = "nhs_number" }, gatehouse.CodeInvalidProject},
		"by an auditor":      {"aude", func(*workspaces.Project) {}, gatehouse.CodeDenied},
		"by an operator":     {"oona", func(*workspaces.Project) {}, gatehouse.CodeDenied},
		"by a stranger":      {"zoe", func(*workspaces.Project) {}, gatehouse.CodeDenied},
	} {
		t.Run(name, func(t *testing.T) {
			p := parse(t, projectText)
			c.change(&p)
			_, err := h.CreateProject(t.Context(), gatehouse.Principal{User: c.actor}, p)
			h.want(err, c.want)
			_, err = h.Project(t.Context(), custodian, p.ID)
			h.want(err, gatehouse.CodeNotFound)
		})
	}
	_, err := h.CreateProject(t.Context(), lead, parse(t, projectText))
	h.must(err)
	_, err = h.CreateProject(t.Context(), lead, parse(t, projectText))
	h.want(err, gatehouse.CodeConflict)
}

func TestAmendments(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.activate()
	id := "diabetes-outcomes"
	eve := workspaces.Member{User: "eve", Role: gatehouse.RoleResearcher, TrainingUntil: start.AddDate(1, 0, 0)}
	h.want(h.SetMember(ctx, lead, id, eve), gatehouse.CodeDenied)
	h.must(h.SetMember(ctx, custodian, id, eve))
	h.must(h.RemoveMember(ctx, custodian, id, "ben"))
	h.want(h.RemoveMember(ctx, custodian, id, "ada"), gatehouse.CodeInvalidProject) // no lead would be left
	// The custodian who approved does not get in by a colleague's hand either.
	h.want(h.SetMember(ctx, gatehouse.Principal{User: "carl"}, id, workspaces.Member{User: "cora", Role: gatehouse.RoleLead, TrainingUntil: start.AddDate(1, 0, 0)}), gatehouse.CodeSeparation)
	h.want(h.GrantRole(ctx, workspaces.System, "eve", gatehouse.RoleOperator), gatehouse.CodeSeparation)
	h.must(h.SetExpiry(ctx, custodian, id, start.AddDate(3, 0, 0)))
	h.publish(2, 900)
	h.must(h.UseVersion(ctx, custodian, id, "shared_care", 0))
	p, err := h.Project(ctx, lead, id)
	h.must(err)
	if len(p.Members) != 2 || p.Members[1].User != "eve" || !p.Expires.Equal(start.AddDate(3, 0, 0)) || p.Datasets[0].Version != 2 {
		t.Errorf("the project is %+v", p)
	}
	h.must(h.CloseProject(ctx, custodian, id, "a reason"))
	h.want(h.SetExpiry(ctx, custodian, id, start.AddDate(4, 0, 0)), gatehouse.CodeConflict)
}

func TestRolesThatNobodyHoldsTogether(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	for _, c := range []struct {
		user string
		role gatehouse.Role
		want gatehouse.Code
	}{
		{"oona", gatehouse.RoleChecker, gatehouse.CodeSeparation},
		{"cora", gatehouse.RoleOperator, gatehouse.CodeSeparation},
		{"aude", gatehouse.RoleCustodian, gatehouse.CodeSeparation},
		{"eve", gatehouse.RoleLead, gatehouse.CodeConfig},
		{"zoe", gatehouse.RoleChecker, gatehouse.CodeNotFound},
	} {
		h.want(h.GrantRole(ctx, workspaces.System, c.user, c.role), c.want)
	}
	h.want(h.GrantRole(ctx, custodian, "eve", gatehouse.RoleChecker), gatehouse.CodeDenied)
	h.want(h.AddUser(ctx, custodian, "zoe"), gatehouse.CodeDenied)
	h.want(h.AddUser(ctx, workspaces.System, "system"), gatehouse.CodeConfig)
	h.want(h.AddUser(ctx, workspaces.System, "ada"), gatehouse.CodeConflict)
	h.must(h.RevokeRole(ctx, workspaces.System, "cora", gatehouse.RoleCustodian))
	_, err := h.Projects(ctx, custodian)
	h.must(err)
	h.want(h.Withdraw(ctx, custodian, "shared_care", "", []uint32{1}), gatehouse.CodeDenied)
}

func TestProjectsAreShownToThoseWhoMaySeeThem(t *testing.T) {
	h := newHouse(t)
	h.activate()
	for user, want := range map[string]int{"ada": 1, "ben": 1, "cora": 1, "chad": 1, "aude": 1, "oona": 0, "eve": 0, "zoe": 0} {
		found, err := h.Projects(t.Context(), gatehouse.Principal{User: user})
		h.must(err)
		if len(found) != want {
			t.Errorf("%s sees %d projects, want %d", user, len(found), want)
		}
		rooms, err := h.Workspaces(t.Context(), gatehouse.Principal{User: user})
		h.must(err)
		if len(rooms) != want {
			t.Errorf("%s sees %d workspaces, want %d", user, len(rooms), want)
		}
	}
}
