package workspaces_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func TestEnterGivesWhatWasApprovedAndNoMore(t *testing.T) {
	h := newHouse(t)
	h.activate()
	ben := h.signIn("ben")
	before := len(h.events())
	s, err := h.Enter(t.Context(), ben)
	h.must(err)
	if s.Principal != ben || s.Project.ID != "diabetes-outcomes" || s.Workspace.ID != "diabetes-outcomes" || len(s.Mounts) != 1 {
		t.Fatalf("the session is %+v", s)
	}
	m := s.Mounts[0]
	var seen []string
	for _, table := range m.Tables {
		for _, c := range table.Columns {
			seen = append(seen, table.Name+"."+c.Name)
		}
	}
	// lsoa was not asked for, nor was the table of events; the person comes by itself.
	if got, want := strings.Join(seen, " "), "patients.person_id patients.sex patients.birth_year codes.code"; got != want {
		t.Errorf("the session sees %s, want %s", got, want)
	}
	if m.Version.Number != 1 || !m.Complete || m.Digest == "" || m.Population != filepath.Join(s.Workspace.Folder, "population.parquet") {
		t.Errorf("the mount is %+v", m)
	}
	if after := len(h.events()); after != before {
		t.Errorf("entering journaled %d events by itself", after-before)
	}
}

func TestEnterRefuses(t *testing.T) {
	id := "diabetes-outcomes"
	for name, c := range map[string]struct {
		change func(h *house, p *gatehouse.Principal)
		want   gatehouse.Code
	}{
		"nobody":                      {func(h *house, p *gatehouse.Principal) { *p = gatehouse.Principal{} }, gatehouse.CodeUnauthenticated},
		"a token that was never made": {func(h *house, p *gatehouse.Principal) { p.Session = "tok_forged" }, gatehouse.CodeUnauthenticated},
		"another user's token":        {func(h *house, p *gatehouse.Principal) { p.User = "ada" }, gatehouse.CodeUnauthenticated},
		"a token of no workspace":     {func(h *house, p *gatehouse.Principal) { p.Workspace = "" }, gatehouse.CodeWrongWorkspace},
		"another workspace": {func(h *house, p *gatehouse.Principal) {
			_, err := h.OpenWorkspace(h.t.Context(), lead, id, "second")
			h.must(err)
			p.Workspace = "second"
		}, gatehouse.CodeWrongWorkspace},
		"token revoked": {func(h *house, p *gatehouse.Principal) {
			h.must(h.RevokeToken(h.t.Context(), workspaces.System, p.Session))
		}, gatehouse.CodeUnauthenticated},
		"token expired": {func(h *house, p *gatehouse.Principal) { h.at(start.Add(workspaces.MaxTokenLife)) }, gatehouse.CodeUnauthenticated},
		"no longer a member": {func(h *house, p *gatehouse.Principal) {
			h.must(h.RemoveMember(h.t.Context(), custodian, id, "ben"))
		}, gatehouse.CodeNotFound},
		"training lapsed": {func(h *house, p *gatehouse.Principal) {
			h.must(h.SetMember(h.t.Context(), custodian, id, workspaces.Member{User: "ben", Role: gatehouse.RoleResearcher, TrainingUntil: start}))
		}, gatehouse.CodeTrainingLapsed},
		"project suspended": {func(h *house, p *gatehouse.Principal) {
			h.must(h.SuspendProject(h.t.Context(), custodian, id, "a reason"))
		}, gatehouse.CodeProjectNotActive},
		"project closed": {func(h *house, p *gatehouse.Principal) {
			h.must(h.CloseProject(h.t.Context(), custodian, id, "a reason"))
		}, gatehouse.CodeProjectNotActive},
		"project expired": {func(h *house, p *gatehouse.Principal) {
			h.must(h.SetExpiry(h.t.Context(), custodian, id, start.Add(time.Hour)))
			h.at(start.Add(time.Hour))
		}, gatehouse.CodeProjectExpired},
		"national list too old": {func(h *house, p *gatehouse.Principal) { h.at(start.AddDate(0, 0, 28).Add(time.Second)) }, gatehouse.CodeListsStale},
		"no national list": {func(h *house, p *gatehouse.Principal) {
			h.catalogue.versions[0].Receipts = h.catalogue.versions[0].Receipts[1:]
		}, gatehouse.CodeListsStale},
		"version gone": {func(h *house, p *gatehouse.Principal) { h.catalogue.versions = nil }, gatehouse.CodeNotFound},
		"column no longer there": {func(h *house, p *gatehouse.Principal) {
			h.catalogue.versions[0].Tables = []catalog.Table{h.catalogue.versions[0].Tables[2], {Name: "patients", Columns: h.catalogue.versions[0].Tables[0].Columns[:2]}}
		}, gatehouse.CodeInvalidProject},
		"key destroyed and population gone": {func(h *house, p *gatehouse.Principal) {
			h.must(h.keys.DestroyProjectKey(h.t.Context(), id))
			h.must(os.Remove(filepath.Join(h.dir, "workspaces", id, "population.parquet")))
		}, gatehouse.CodeKeys},
		"units are not those published": {func(h *house, p *gatehouse.Principal) {
			h.must(os.Remove(filepath.Join(h.dir, "workspaces", id, "population.parquet")))
			writeUnits(h.t, filepath.Join(h.catalogue.versions[0].Folder, "units.parquet"), []uint32{1, 2, 3})
		}, gatehouse.CodeManifest},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.activate()
			p := h.signIn("ben")
			_, err := h.Enter(t.Context(), p)
			h.must(err)
			c.change(h, &p)
			s, err := h.Enter(t.Context(), p)
			h.want(err, c.want)
			if s != nil {
				t.Error("a session was given")
			}
			if c.want == gatehouse.CodeInvalidProject {
				return // a fault of the catalogue, no refusal of the person
			}
			if e := h.last(); e.Action != "session.refused" || e.Actor != p.User || e.Detail["code"] != string(c.want) {
				t.Errorf("the refusal is journaled as %+v", e)
			}
		})
	}
}

// A custodian's own token reaches no data, whatever else the custodian may do.
func TestRolesOfTheHouseDoNotQuery(t *testing.T) {
	h := newHouse(t)
	h.activate()
	for _, user := range []string{"cora", "chad", "oona", "aude"} {
		if _, err := h.IssueToken(t.Context(), workspaces.System, user, "diabetes-outcomes", time.Hour); err == nil {
			t.Errorf("%s has a token of the workspace", user)
		}
		secret, err := h.IssueHouseToken(t.Context(), workspaces.System, user, time.Hour)
		h.must(err)
		p, err := h.Authenticate(t.Context(), secret)
		h.must(err)
		_, err = h.Enter(t.Context(), p)
		h.want(err, gatehouse.CodeWrongWorkspace)
		p.Workspace = "diabetes-outcomes"
		_, err = h.Enter(t.Context(), p)
		h.want(err, gatehouse.CodeWrongWorkspace)
	}
}

func TestOptOutThatDoesNotApplyNeedsNoNationalList(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.catalogue.versions[0].Receipts = h.catalogue.versions[0].Receipts[1:]
	p := parse(t, strings.Replace(projectText, "policy:", "opt_out_basis: consent\nopt_out_ref: REC 26/YH/0001\npolicy:", 1))
	_, err := h.CreateProject(ctx, lead, p)
	h.must(err)
	h.must(h.SubmitProject(ctx, lead, p.ID))
	h.must(h.ApproveProject(ctx, custodian, p.ID))
	h.sign(p.ID, "ada", "ben")
	h.must(h.RecordConsents(ctx, custodian, consents(start, 3)))
	_, err = h.OpenWorkspace(ctx, lead, p.ID, p.ID)
	h.must(err)
	ben := h.signIn("ben")
	_, err = h.Enter(ctx, ben)
	h.must(err)
	late := start.AddDate(0, 0, 29).Add(time.Second)
	h.at(late) // local dissent has an age too
	h.must(h.RecordConsents(ctx, custodian, consents(late, 3)))
	_, err = h.Enter(ctx, ben)
	h.want(err, gatehouse.CodeListsStale)
}

func TestServiceIsNotMadeWithoutAnAgeOfLists(t *testing.T) {
	h := newHouse(t)
	c := h.Config
	c.MaxListAge = 0
	_, err := workspaces.New(c)
	h.want(err, gatehouse.CodeConfig)
}

func BenchmarkEnter(b *testing.B) {
	h := newHouse(b)
	h.activate()
	ben := h.signIn("ben")
	for b.Loop() {
		if _, err := h.Enter(b.Context(), ben); err != nil {
			b.Fatal(err)
		}
	}
}

func TestWhoIsSignedInEntersAWorkspaceAsWithAToken(t *testing.T) {
	h := newHouse(t)
	h.activate()
	h.Factors = workspaces.Factors{AMR: []string{"mfa"}}
	ctx := t.Context()
	signIn := func(user string) gatehouse.Principal {
		account := workspaces.Identity{Issuer: "https://provider.example", Subject: user}
		h.must(h.LinkIdentity(ctx, workspaces.System, user, account))
		_, s, err := h.SignIn(ctx, workspaces.Authenticated{Identity: account, AMR: []string{"mfa"}}, workspaces.SignInBrowser, "")
		h.must(err)
		return gatehouse.Principal{User: user, Session: s.ID}
	}
	ben := signIn("ben")
	s, err := h.EnterSignedIn(ctx, ben, "diabetes-outcomes")
	h.must(err)
	if s.Principal.User != "ben" || s.Principal.Workspace != "diabetes-outcomes" || s.Workspace.ID != "diabetes-outcomes" || len(s.Mounts) != 1 {
		t.Errorf("the session is %+v", s)
	}
	refused := func(name string, p gatehouse.Principal, workspace string, want gatehouse.Code) {
		t.Helper()
		if _, err := h.EnterSignedIn(ctx, p, workspace); gatehouse.CodeOf(err) != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	refused("a workspace that there is not", ben, "nowhere", gatehouse.CodeNotFound)
	refused("nobody", gatehouse.Principal{}, "diabetes-outcomes", gatehouse.CodeUnauthenticated)
	refused("another's session", gatehouse.Principal{User: "ada", Session: ben.Session}, "diabetes-outcomes", gatehouse.CodeWrongWorkspace)
	refused("a token of a workspace", h.signIn("ben"), "diabetes-outcomes", gatehouse.CodeWrongWorkspace)
	outsider := signIn("cora")
	refused("somebody from outside the project", outsider, "diabetes-outcomes", gatehouse.CodeDenied)
	h.must(h.EndSession(ctx, ben, ben.Session))
	refused("a session that has ended", ben, "diabetes-outcomes", gatehouse.CodeSessionEnded)
}
