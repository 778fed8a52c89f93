package workspaces_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func TestATokenIsGoodUntilItExpiresOrIsRevoked(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.activate()
	secret, err := h.IssueToken(ctx, lead, "ben", "diabetes-outcomes", time.Hour)
	h.must(err)
	other, err := h.IssueToken(ctx, lead, "ben", "diabetes-outcomes", 2*time.Hour)
	h.must(err)
	if secret == other || len(secret) < 43 {
		t.Errorf("secrets %q and %q", secret, other)
	}
	p, err := h.Authenticate(ctx, secret)
	h.must(err)
	if p.User != "ben" || p.Workspace != "diabetes-outcomes" || p.Session == "" {
		t.Errorf("the principal is %+v", p)
	}
	h.at(start.Add(time.Hour - time.Microsecond))
	_, err = h.Authenticate(ctx, secret)
	h.must(err)
	h.at(start.Add(time.Hour))
	_, err = h.Authenticate(ctx, secret)
	h.want(err, gatehouse.CodeUnauthenticated)

	p, err = h.Authenticate(ctx, other)
	h.must(err)
	h.want(h.RevokeToken(ctx, gatehouse.Principal{User: "eve"}, p.Session), gatehouse.CodeNotFound)
	h.must(h.RevokeToken(ctx, gatehouse.Principal{User: "ben"}, p.Session))
	_, err = h.Authenticate(ctx, other)
	h.want(err, gatehouse.CodeUnauthenticated)
	if e := h.last(); e.Action != "session.refused" || e.Subject != p.Session || e.Actor != "ben" {
		t.Errorf("the refusal is journaled as %+v", e)
	}
}

func TestUnknownTokensAreRefusedAndJournaledWithoutTheToken(t *testing.T) {
	h := newHouse(t)
	for _, bearer := range []string{"", "gatehouse_guessed", "' OR 1=1 --", strings.Repeat("x", 1<<16)} {
		before := len(h.events())
		p, err := h.Authenticate(t.Context(), bearer)
		h.want(err, gatehouse.CodeUnauthenticated)
		if !p.Anonymous() {
			t.Errorf("somebody was authenticated: %+v", p)
		}
		events := h.events()
		if len(events) != before+1 || events[before].Action != "session.refused" || events[before].Subject != "unknown" {
			t.Errorf("journaled as %+v", events[before:])
		}
	}
}

// A stolen copy of the database and journal holds nothing to sign in with.
func TestSecretsAreNotKept(t *testing.T) {
	h := newHouse(t)
	h.activate()
	secret, err := h.IssueToken(t.Context(), lead, "ben", "diabetes-outcomes", time.Hour)
	h.must(err)
	_, err = h.Authenticate(t.Context(), secret)
	h.must(err)
	h.must(h.db.Close())
	h.must(filepath.WalkDir(h.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if strings.Contains(string(content), strings.TrimPrefix(secret, "gatehouse_")) {
			t.Errorf("the secret stands in %s", path)
		}
		return err
	}))
}

func TestWhoMayIssueTokens(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.activate()
	for name, c := range map[string]struct {
		actor, user, workspace string
		ttl                    time.Duration
		want                   gatehouse.Code
	}{
		"a researcher":           {"ben", "ben", "diabetes-outcomes", time.Hour, gatehouse.CodeDenied},
		"a stranger":             {"eve", "eve", "diabetes-outcomes", time.Hour, gatehouse.CodeNotFound},
		"for somebody outside":   {"ada", "eve", "diabetes-outcomes", time.Hour, gatehouse.CodeDenied},
		"for no workspace":       {"ada", "ben", "elsewhere", time.Hour, gatehouse.CodeNotFound},
		"for ever":               {"ada", "ben", "diabetes-outcomes", 1000 * time.Hour * 24, gatehouse.CodeConfig},
		"for no time":            {"ada", "ben", "diabetes-outcomes", 0, gatehouse.CodeConfig},
		"a custodian, to itself": {"cora", "cora", "diabetes-outcomes", time.Hour, gatehouse.CodeDenied},
	} {
		t.Run(name, func(t *testing.T) {
			secret, err := h.IssueToken(ctx, gatehouse.Principal{User: c.actor}, c.user, c.workspace, c.ttl)
			h.want(err, c.want)
			if secret != "" {
				t.Error("a secret was given")
			}
		})
	}
	_, err := h.IssueHouseToken(ctx, custodian, "cora", time.Hour)
	h.want(err, gatehouse.CodeDenied)
	_, err = h.IssueHouseToken(ctx, workspaces.System, "zoe", time.Hour)
	h.want(err, gatehouse.CodeNotFound)
	_, err = h.IssueHouseToken(ctx, workspaces.System, "system", time.Hour)
	h.want(err, gatehouse.CodeNotFound)
	tokens, err := h.Tokens(ctx, workspaces.System, "ben")
	h.must(err)
	if len(tokens) != 0 {
		t.Errorf("ben holds %d tokens", len(tokens))
	}
	_, err = h.Tokens(ctx, custodian, "ben")
	h.want(err, gatehouse.CodeDenied)
}

func TestOpeningAWorkspace(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	id := "diabetes-outcomes"
	_, err := h.CreateProject(ctx, lead, parse(t, projectText))
	h.must(err)
	_, err = h.OpenWorkspace(ctx, lead, id, id)
	h.want(err, gatehouse.CodeProjectNotActive)
	h.must(h.SubmitProject(ctx, lead, id))
	h.must(h.ApproveProject(ctx, custodian, id))
	h.sign(id, "ada", "ben")
	_, err = h.OpenWorkspace(ctx, gatehouse.Principal{User: "ben"}, id, id)
	h.want(err, gatehouse.CodeDenied)
	_, err = h.OpenWorkspace(ctx, lead, id, "../escape")
	h.want(err, gatehouse.CodeInvalidProject)
	first, err := h.OpenWorkspace(ctx, lead, id, id)
	h.must(err)
	again, err := h.OpenWorkspace(ctx, workspaces.System, id, id)
	h.must(err)
	if first != again {
		t.Errorf("opened %+v and then %+v", first, again)
	}
	other := parse(t, strings.Replace(projectText, "id: diabetes-outcomes", "id: asthma", 1))
	_, err = h.CreateProject(ctx, lead, other)
	h.must(err)
	h.must(h.SubmitProject(ctx, lead, "asthma"))
	h.must(h.ApproveProject(ctx, custodian, "asthma"))
	h.sign("asthma", "ada", "ben")
	_, err = h.OpenWorkspace(ctx, lead, "asthma", id)
	h.want(err, gatehouse.CodeConflict)
}

// Whoever has found a notebook's token learns of no other token of its holder, and
// takes none away.
func TestATokenOfAWorkspaceKnowsOfNoOther(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.activate()
	var made []gatehouse.Principal
	for range 2 {
		secret, err := h.IssueToken(ctx, lead, "ben", "diabetes-outcomes", time.Hour)
		h.must(err)
		p, err := h.Authenticate(ctx, secret)
		h.must(err)
		made = append(made, p)
	}
	secret, err := h.IssueHouseToken(ctx, workspaces.System, "ben", time.Hour)
	h.must(err)
	house, err := h.Authenticate(ctx, secret)
	h.must(err)
	found := made[0]
	for _, other := range []string{made[1].Session, house.Session} {
		h.want(h.RevokeToken(ctx, found, other), gatehouse.CodeNotFound)
		if e := h.last(); e.Action != "token.revoked.refused" || e.Actor != "ben" || e.Subject != other {
			t.Errorf("the refusal is journaled as %+v", e)
		}
	}
	_, err = h.Authenticate(ctx, secret)
	h.must(err)
	seen, err := h.Tokens(ctx, found, "ben")
	h.must(err)
	if len(seen) != 1 || seen[0].ID != found.Session {
		t.Errorf("a token of a workspace sees %+v", seen)
	}
	all, err := h.Tokens(ctx, house, "ben")
	h.must(err)
	if len(all) != 3 {
		t.Errorf("its holder sees %d of 3 tokens", len(all))
	}
	h.must(h.SignOut(ctx, found))
	_, err = h.Tokens(ctx, found, "eve")
	h.want(err, gatehouse.CodeDenied)
	h.must(h.RevokeToken(ctx, house, made[1].Session))
}

// Whoever asks for nonsense does not get to write it into the journal.
func TestRefusalsJournalNamesOnly(t *testing.T) {
	h := newHouse(t)
	nonsense := strings.Repeat("x\n", 1000)
	h.want(h.SubmitProject(t.Context(), gatehouse.Principal{User: "eve"}, nonsense), gatehouse.CodeNotFound)
	if e := h.last(); e.Action != "project.submitted.refused" || e.Project != "" || e.Subject != "not a name" {
		t.Errorf("journaled as %+v", e)
	}
	h.want(h.SubmitProject(t.Context(), gatehouse.Principal{User: "eve"}, "asthma"), gatehouse.CodeNotFound)
	if e := h.last(); e.Project != "asthma" || e.Subject != "asthma" {
		t.Errorf("journaled as %+v", e)
	}
}
