package workspaces_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

var (
	operator = gatehouse.Principal{User: "oona"}
	another  = gatehouse.Principal{User: "carl"} // custodian
)

// A role is given over the network by two people whose duties differ: nobody makes a
// custodian or checker of anybody alone, whoever runs the machines least of all.
func TestARoleTakesWhoAsksAndACustodianWhoConfirms(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.want(h.AddUser(ctx, custodian, "mallory"), gatehouse.CodeDenied)
	h.must(h.AddUser(ctx, operator, "mallory"))
	h.want(h.GrantRole(ctx, operator, "mallory", gatehouse.RoleChecker), gatehouse.CodeDenied)
	for _, user := range []string{"ben", "chad", "aude"} {
		_, err := h.AskRole(ctx, gatehouse.Principal{User: user}, "mallory", gatehouse.RoleChecker)
		h.want(err, gatehouse.CodeDenied)
	}
	_, err := h.AskRole(ctx, custodian, "cora", gatehouse.RoleChecker)
	h.want(err, gatehouse.CodeSeparation) // for oneself
	_, err = h.AskRole(ctx, operator, "chad", gatehouse.RoleOperator)
	h.want(err, gatehouse.CodeSeparation) // roles that must not meet
	_, err = h.AskRole(ctx, operator, "nobody-here", gatehouse.RoleChecker)
	h.want(err, gatehouse.CodeNotFound)

	a, err := h.AskRole(ctx, operator, "mallory", gatehouse.RoleChecker)
	h.must(err)
	_, err = h.AskRole(ctx, custodian, "mallory", gatehouse.RoleChecker)
	h.want(err, gatehouse.CodeConflict)
	for _, user := range []string{"oona", "aude", "chad", "mallory", "ben"} {
		_, err := h.ConfirmRole(ctx, gatehouse.Principal{User: user}, a.ID)
		h.want(err, gatehouse.CodeDenied)
	}
	if e := h.last(); e.Action != "role.granted.refused" || e.Actor != "ben" {
		t.Errorf("the refusal is journaled as %+v", e)
	}
	h.holds("mallory")
	h.told("role.asked", "carl", "cora") // those who may confirm it
	_, err = h.ConfirmRole(ctx, custodian, a.ID)
	h.must(err)
	h.told("role.granted", "mallory", "oona")
	if e := h.last(); e.Action != "role.granted" || e.Actor != "cora" || e.Subject != "mallory" || e.Detail["asked_by"] != "oona" || e.Detail["role"] != "checker" {
		t.Errorf("journaled as %+v", e)
	}
	h.holds("mallory", gatehouse.RoleChecker)
	_, err = h.ConfirmRole(ctx, another, a.ID)
	h.want(err, gatehouse.CodeConflict)

	// A custodian who asks does not confirm, and neither does whose it would be.
	b, err := h.AskRole(ctx, custodian, "mallory", gatehouse.RoleCustodian)
	h.must(err)
	_, err = h.ConfirmRole(ctx, custodian, b.ID)
	h.want(err, gatehouse.CodeSeparation)
	c, err := h.AskRole(ctx, operator, "carl", gatehouse.RoleChecker)
	h.must(err)
	_, err = h.ConfirmRole(ctx, another, c.ID)
	h.want(err, gatehouse.CodeSeparation)
	_, err = h.DeclineRole(ctx, operator, b.ID)
	h.want(err, gatehouse.CodeDenied)
	declined, err := h.DeclineRole(ctx, another, b.ID)
	h.must(err)
	withdrawn, err := h.DeclineRole(ctx, operator, c.ID)
	h.must(err)
	if declined.State != workspaces.AppointmentDeclined || withdrawn.State != workspaces.AppointmentWithdrawn {
		t.Errorf("%s and %s", declined.State, withdrawn.State)
	}
	_, err = h.ConfirmRole(ctx, another, b.ID)
	h.want(err, gatehouse.CodeConflict)
	h.told("role.asked", "carl", "carl", "cora", "cora") // not who asked, nor whose it would be
	h.told("role.declined", "cora")

	// It does not wait for ever, and what held when it was asked must hold still.
	d, err := h.AskRole(ctx, operator, "eve", gatehouse.RoleChecker)
	h.must(err)
	h.must(h.GrantRole(ctx, workspaces.System, "eve", gatehouse.RoleAuditor))
	_, err = h.ConfirmRole(ctx, custodian, d.ID)
	h.want(err, gatehouse.CodeSeparation)
	h.must(h.RevokeRole(ctx, operator, "eve", gatehouse.RoleAuditor)) // operators put people out
	h.at(start.Add(workspaces.AppointmentLife))
	_, err = h.ConfirmRole(ctx, custodian, d.ID)
	h.want(err, gatehouse.CodeConflict)
	h.holds("eve")
	h.want(h.RevokeRole(ctx, custodian, "chad", gatehouse.RoleChecker), gatehouse.CodeDenied)

	for user, want := range map[string]gatehouse.Code{"oona": "", "cora": "", "aude": "", "chad": gatehouse.CodeDenied, "ben": gatehouse.CodeDenied} {
		all, err := h.Appointments(ctx, gatehouse.Principal{User: user})
		if want != "" {
			h.want(err, want)
		} else if err != nil || len(all) != 4 {
			t.Errorf("%s sees %d appointments, %v", user, len(all), err)
		}
	}
}

// What somebody asked for does not outlive their right to ask.
func TestAnAppointmentEndsWithTheRightOfWhoAsked(t *testing.T) {
	for how, lose := range map[string]func(*house) error{
		"the role is taken away": func(h *house) error {
			return h.RevokeRole(t.Context(), workspaces.System, "oona", gatehouse.RoleOperator)
		},
		"the user is locked": func(h *house) error { return h.LockUser(t.Context(), workspaces.System, "oona") },
	} {
		t.Run(how, func(t *testing.T) {
			h := newHouse(t)
			ctx := t.Context()
			a, err := h.AskRole(ctx, operator, "eve", gatehouse.RoleChecker)
			h.must(err)
			h.must(lose(h))
			_, err = h.ConfirmRole(ctx, custodian, a.ID)
			h.want(err, gatehouse.CodeSeparation)
			h.holds("eve")
			_, err = h.DeclineRole(ctx, custodian, a.ID)
			h.must(err)
			b, err := h.AskRole(ctx, custodian, "eve", gatehouse.RoleChecker)
			h.must(err)
			_, err = h.ConfirmRole(ctx, another, b.ID)
			h.must(err)
		})
	}
}

// told checks who was ever told something of a kind, by name.
func (h *house) told(kind string, want ...string) {
	h.t.Helper()
	var got []string
	for _, user := range []string{"ada", "aude", "ben", "carl", "chad", "cora", "eve", "mallory", "oona"} {
		h.must(state.Notices{DB: h.db}.View(h.t.Context(), func(tx workspaces.NoticeTx) error {
			all, err := tx.Notices(h.t.Context(), user, 100)
			for _, n := range all {
				if n.Kind == kind {
					got = append(got, user)
				}
			}
			return err
		}))
	}
	if !slices.Equal(got, want) {
		h.t.Errorf("%s was told to %v, want %v", kind, got, want)
	}
}

func (h *house) holds(user string, want ...gatehouse.Role) {
	h.t.Helper()
	h.must(h.Store.View(h.t.Context(), func(tx workspaces.Tx) error {
		held, err := tx.HouseRoles(h.t.Context(), user)
		if len(held) != len(want) || len(want) > 0 && held[0] != want[0] {
			h.t.Errorf("%s holds %v, want %v", user, held, want)
		}
		return err
	}))
}

// Whoever links an account to somebody can act as them: an operator does it only for
// who is nobody yet.
func TestAnOperatorLinksAccountsOfWhoIsNobodyYet(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.activate() // ada and ben are of a project
	h.must(h.AddUser(ctx, operator, "mallory"))
	account := func(subject string) workspaces.Identity {
		return workspaces.Identity{Issuer: "https://provider.example", Subject: subject}
	}
	for _, user := range []string{"ada", "ben", "cora", "chad", "aude", "oona"} {
		h.want(h.LinkIdentity(ctx, operator, user, account("stolen")), gatehouse.CodeSeparation)
	}
	h.want(h.LinkIdentity(ctx, custodian, "mallory", account("stolen")), gatehouse.CodeDenied)
	_, err := h.AskRole(ctx, custodian, "eve", gatehouse.RoleChecker)
	h.must(err)
	h.want(h.LinkIdentity(ctx, operator, "eve", account("late")), gatehouse.CodeSeparation)
	h.must(h.LinkIdentity(ctx, operator, "mallory", account("first")))
	h.want(h.LinkIdentity(ctx, operator, "mallory", account("second")), gatehouse.CodeSeparation)
	h.want(h.UnlinkIdentity(ctx, operator, "mallory", account("first")), gatehouse.CodeDenied)

	// Who has left is nobody new, whatever it was that they had here.
	for user, was := range map[string]func(user string){
		"linked": func(user string) {
			h.must(h.LinkIdentity(ctx, workspaces.System, user, account("old")))
			h.must(h.UnlinkIdentity(ctx, workspaces.System, user, account("old")))
		},
		"appointed": func(user string) {
			h.must(h.GrantRole(ctx, workspaces.System, user, gatehouse.RoleChecker))
			h.must(h.RevokeRole(ctx, operator, user, gatehouse.RoleChecker))
		},
		"member": func(user string) {
			for _, members := range [][]workspaces.Member{{{User: user, Role: gatehouse.RoleResearcher, TrainingUntil: start}}, nil} {
				h.must(h.Store.Update(ctx, func(tx workspaces.Tx) error {
					p, err := tx.Project(ctx, "diabetes-outcomes")
					if err != nil {
						return err
					}
					p.Members = append(p.Members[:2:2], members...)
					return tx.ChangeProject(ctx, p)
				}))
			}
		},
		"carrier": func(user string) {
			_, err := h.IssueHouseToken(ctx, workspaces.System, user, time.Hour)
			h.must(err)
			h.must(h.RevokeUser(ctx, workspaces.System, user))
		},
	} {
		h.must(h.AddUser(ctx, operator, user))
		was(user)
		h.want(h.LinkIdentity(ctx, operator, user, account(user)), gatehouse.CodeSeparation)
		h.must(h.LinkIdentity(ctx, workspaces.System, user, account(user))) // the owner knows who it is
	}
	h.must(h.LinkIdentity(ctx, workspaces.System, "mallory", account("second")))
	a, err := h.AskRole(ctx, operator, "mallory", gatehouse.RoleChecker)
	h.must(err)
	if len(a.Accounts) != 2 {
		t.Errorf("whoever confirms is shown the accounts %v", a.Accounts)
	}
}

// Custodians of a dataset name each other, and the last does not leave it alone.
func TestCustodiansNameThoseOfTheirOwnDataset(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.must(h.AddUser(ctx, operator, "cyd"))
	h.must(h.GrantRole(ctx, workspaces.System, "cyd", gatehouse.RoleCustodian))
	h.must(h.RemoveCustodian(ctx, workspaces.System, "shared_care", "carl"))
	cyd := gatehouse.Principal{User: "cyd"}
	h.want(h.AddCustodian(ctx, cyd, "shared_care", "cyd"), gatehouse.CodeNotCustodian)
	h.want(h.AddCustodian(ctx, another, "shared_care", "carl"), gatehouse.CodeNotCustodian)
	h.want(h.AddCustodian(ctx, operator, "shared_care", "cyd"), gatehouse.CodeDenied)
	h.want(h.AddCustodian(ctx, custodian, "shared_care", "chad"), gatehouse.CodeConfig)
	h.want(h.RemoveCustodian(ctx, custodian, "shared_care", "cora"), gatehouse.CodeConflict)
	h.must(h.AddCustodian(ctx, custodian, "shared_care", "cyd"))
	if e := h.last(); e.Action != "custodian.named" || e.Actor != "cora" || e.Subject != "shared_care" || e.Detail["user"] != "cyd" {
		t.Errorf("journaled as %+v", e)
	}
	h.must(h.RemoveCustodian(ctx, cyd, "shared_care", "cora"))
	h.want(h.AddCustodian(ctx, custodian, "shared_care", "carl"), gatehouse.CodeNotCustodian)
	h.at(start.Add(time.Hour))
	h.must(h.RemoveCustodian(ctx, workspaces.System, "shared_care", "cyd"))
}
