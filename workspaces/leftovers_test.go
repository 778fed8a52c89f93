package workspaces_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Who is custodian no more decides nothing from that moment on, and is named for
// nothing when they become custodian again.
func TestARevokedCustodianSpeaksForNoData(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.must(h.RevokeRole(ctx, workspaces.System, "cora", gatehouse.RoleCustodian))
	if e := h.events(); e[len(e)-1].Action != "custodian.removed" || e[len(e)-1].Subject != "shared_care" || e[len(e)-1].Detail["user"] != "cora" {
		t.Errorf("journaled as %+v", e[len(e)-1])
	}
	named, err := h.Custodians(ctx, workspaces.System, "shared_care")
	if err != nil || len(named) != 1 || named[0] != "carl" {
		t.Errorf("custodians are %v, %v", named, err)
	}
	h.must(h.GrantRole(ctx, workspaces.System, "cora", gatehouse.RoleCustodian))
	if named, err = h.Custodians(ctx, workspaces.System, "shared_care"); err != nil || len(named) != 1 {
		t.Errorf("custodian again, and named for %v, %v", named, err)
	}
	_, err = h.CreateProject(ctx, lead, parse(t, projectText))
	h.must(err)
	h.must(h.SubmitProject(ctx, lead, "diabetes-outcomes"))
	h.want(h.ApproveProject(ctx, custodian, "diabetes-outcomes"), gatehouse.CodeNotCustodian)
}

// A custodian whose role was lost in another way than by RevokeRole, as in a
// database from before it dropped their names, has no powers either.
func TestNamesWithoutTheRoleAreWorthNothing(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	_, err := h.CreateProject(ctx, lead, parse(t, projectText))
	h.must(err)
	h.must(h.SubmitProject(ctx, lead, "diabetes-outcomes"))
	h.must(h.Store.Update(ctx, func(tx workspaces.Tx) error { return tx.RevokeRole(ctx, "cora", gatehouse.RoleCustodian) }))
	h.must(h.Store.View(ctx, func(tx workspaces.Tx) error {
		named, err := tx.Custodians(ctx, "shared_care")
		if err == nil && strings.Join(named, " ") != "carl" {
			t.Errorf("custodians are %v", named)
		}
		return err
	}))
	if err := h.ApproveProject(ctx, custodian, "diabetes-outcomes"); err == nil {
		t.Error("who has lost the role approves")
	}
}

// The provider's word ends the tokens of a session that its holder had left.
func TestTheProvidersSignOutEndsTokensOfSessionsThatWereOver(t *testing.T) {
	for _, over := range []string{"signed out", "expired"} {
		t.Run(over, func(t *testing.T) {
			h := newHouse(t)
			ctx := t.Context()
			h.activate()
			ada, other := identityOf(h, "ada"), identityOf(h, "ben")
			h.Factors = workspaces.Factors{Any: true}
			begin := func(who workspaces.Identity) (gatehouse.Principal, string) {
				_, s, err := h.SignIn(ctx, workspaces.Authenticated{Identity: who, Session: "at-the-provider"}, workspaces.SignInBrowser, "")
				h.must(err)
				p := gatehouse.Principal{User: s.User, Session: s.ID}
				token, _, err := h.IssueOwnToken(ctx, p, "diabetes-outcomes", 12*time.Hour)
				h.must(err)
				return p, token
			}
			p, token := begin(ada)
			_, bens := begin(other)
			if over == "signed out" {
				h.must(h.SignOut(ctx, p))
			} else {
				h.at(start.Add(9 * time.Hour))
			}
			if _, err := h.Authenticate(ctx, token); err != nil {
				t.Fatalf("the token of a session that is over: %v", err)
			}
			h.must(h.ProviderSignOut(ctx, workspaces.Identity{Issuer: ada.Issuer, Subject: ada.Subject}, "", h.clock()))
			_, err := h.Authenticate(ctx, token)
			h.want(err, gatehouse.CodeUnauthenticated)
			if _, err := h.Authenticate(ctx, bens); err != nil {
				t.Errorf("somebody else's token: %v", err)
			}
		})
	}
}

func identityOf(h *house, user string) workspaces.Identity {
	h.t.Helper()
	who := workspaces.Identity{Issuer: "https://login.example.org", Subject: "sub-" + user}
	h.must(h.LinkIdentity(h.t.Context(), workspaces.System, user, who))
	return who
}

// Who drafted a project that is under way becomes neither operator nor auditor.
func TestCreatorsOfProjectsDoNotOperateOrAudit(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	_, err := h.CreateProject(ctx, gatehouse.Principal{User: "eve"}, parse(t, projectText)) // who is no member of it
	h.must(err)
	for _, role := range []gatehouse.Role{gatehouse.RoleOperator, gatehouse.RoleAuditor} {
		h.want(h.GrantRole(ctx, workspaces.System, "eve", role), gatehouse.CodeSeparation)
	}
	h.must(h.WithdrawProject(ctx, gatehouse.Principal{User: "eve"}, "diabetes-outcomes"))
	h.want(h.GrantRole(ctx, workspaces.System, "eve", gatehouse.RoleOperator), gatehouse.CodeSeparation)
	h.must(h.ArchiveProject(ctx, custodian, "diabetes-outcomes"))
	h.must(h.GrantRole(ctx, workspaces.System, "eve", gatehouse.RoleOperator))
}

// A token for a notebook, wherever it is found, signs nothing and proposes nothing
// for its holder, and makes no other.
func TestATokenForANotebookDoesWhatANotebookNeeds(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.activate()
	ada := h.signIn("ada") // the lead
	if _, err := h.Enter(ctx, ada); err != nil {
		t.Errorf("asking: %v", err)
	}
	if _, err := h.Project(ctx, ada, "diabetes-outcomes"); err != nil {
		t.Errorf("seeing the project: %v", err)
	}
	_, err := h.SignAgreement(ctx, ada, "diabetes-outcomes", 1)
	h.want(err, gatehouse.CodeDenied)
	p, err := h.Project(ctx, lead, "diabetes-outcomes")
	h.must(err)
	p.Title = "Another"
	_, err = h.ProposeAmendment(ctx, ada, "diabetes-outcomes", p, "why not")
	h.want(err, gatehouse.CodeDenied)
	_, err = h.IssueToken(ctx, ada, "ben", "diabetes-outcomes", time.Hour)
	h.want(err, gatehouse.CodeDenied)
	_, err = h.OpenWorkspace(ctx, ada, "diabetes-outcomes", "second")
	h.want(err, gatehouse.CodeDenied)
	if _, err = h.IssueToken(ctx, lead, "ben", "diabetes-outcomes", time.Hour); err != nil {
		t.Errorf("signed in, the lead makes a token: %v", err)
	}
}

// Nobody works in a project before the day on which it starts.
func TestAProjectThatHasNotBegunKeepsPeopleOut(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	text := strings.Replace(projectText, "expires:", "starts: 2026-03-05\nexpires:", 1)
	_, err := h.CreateProject(ctx, lead, parse(t, text))
	h.must(err)
	h.must(h.SubmitProject(ctx, lead, "diabetes-outcomes"))
	h.must(h.ApproveProject(ctx, custodian, "diabetes-outcomes"))
	h.sign("diabetes-outcomes", "ada", "ben")
	_, err = h.OpenWorkspace(ctx, lead, "diabetes-outcomes", "diabetes-outcomes")
	h.want(err, gatehouse.CodeProjectNotActive)
	h.at(time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC))
	_, err = h.OpenWorkspace(ctx, lead, "diabetes-outcomes", "diabetes-outcomes")
	h.must(err)
	h.at(start)
	ben := h.signIn("ben")
	_, err = h.Enter(ctx, ben)
	h.want(err, gatehouse.CodeProjectNotActive)
	if !strings.Contains(err.Error(), "5 March 2026") {
		t.Errorf("it does not say when it begins: %v", err)
	}
	h.at(time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC).Add(-time.Microsecond))
	_, err = h.Enter(ctx, ben)
	h.want(err, gatehouse.CodeProjectNotActive)
	h.at(time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC))
	_, err = h.Enter(ctx, ben)
	h.must(err)
}

// A project is stopped with a reason, which its people see and the journal keeps.
func TestAProjectIsStoppedWithAReason(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.activate()
	for _, none := range []string{"", " \n", strings.Repeat("x", 1001), "\xff"} {
		h.want(h.SuspendProject(ctx, custodian, "diabetes-outcomes", none), gatehouse.CodeInvalidProject)
		h.want(h.CloseProject(ctx, custodian, "diabetes-outcomes", none), gatehouse.CodeInvalidProject)
	}
	before, err := h.Project(ctx, lead, "diabetes-outcomes")
	h.must(err)
	why := func() string {
		t.Helper()
		p, err := h.Project(ctx, lead, "diabetes-outcomes")
		h.must(err)
		if p.Digest("") != before.Digest("") {
			t.Error("why it was stopped is part of what custodians decided on")
		}
		return p.StoppedWhy
	}
	h.must(h.SuspendProject(ctx, custodian, "diabetes-outcomes", "A list was wrong. "))
	if why() != "A list was wrong." || h.last().Action != "project.suspended" || h.last().Detail["why"] != "A list was wrong." {
		t.Errorf("suspended because %q, journaled as %+v", why(), h.last())
	}
	h.must(h.ResumeProject(ctx, custodian, "diabetes-outcomes"))
	if why() != "" {
		t.Errorf("it goes on, and was stopped because %q", why())
	}
	h.must(h.CloseProject(ctx, custodian, "diabetes-outcomes", "It is done."))
	if why() != "It is done." || h.last().Detail["why"] != "It is done." {
		t.Errorf("closed because %q, journaled as %+v", why(), h.last())
	}
}
