package workspaces_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

const issuer = "https://login.example.org"

func account(subject string) workspaces.Authenticated {
	return workspaces.Authenticated{Identity: workspaces.Identity{Issuer: issuer, Subject: subject}, ACR: "2", AMR: []string{"pwd", "mfa"}}
}

// admit links an account to a user and signs them in with it.
func (h *house) admit(user string, kind workspaces.SignInKind) (string, gatehouse.Principal) {
	h.t.Helper()
	h.Factors = workspaces.Factors{AMR: []string{"mfa"}}
	who := account("sub-" + user)
	if err := h.LinkIdentity(h.t.Context(), workspaces.System, user, who.Identity); gatehouse.CodeOf(err) != gatehouse.CodeConflict {
		h.must(err)
	}
	secret, session, err := h.SignIn(h.t.Context(), who, kind, "")
	h.must(err)
	return secret, gatehouse.Principal{User: user, Session: session.ID}
}

func TestAccountsBelongToOneUserByIssuerAndSubject(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.admit("ben", workspaces.SignInBrowser)
	ben := account("sub-ben").Identity
	h.want(h.LinkIdentity(ctx, workspaces.System, "eve", ben), gatehouse.CodeConflict)
	h.want(h.LinkIdentity(ctx, workspaces.System, "zoe", account("sub-zoe").Identity), gatehouse.CodeNotFound)
	h.want(h.LinkIdentity(ctx, gatehouse.Principal{User: "eve"}, "eve", account("sub-eve").Identity), gatehouse.CodeDenied)
	h.want(h.LinkIdentity(ctx, gatehouse.Principal{User: "oona"}, "oona", account("sub-cora").Identity), gatehouse.CodeSeparation)
	h.want(h.UnlinkIdentity(ctx, gatehouse.Principal{User: "ben"}, "ben", ben), gatehouse.CodeDenied)
	h.want(h.UnlinkIdentity(ctx, workspaces.System, "eve", ben), gatehouse.CodeNotFound)
	for _, bad := range []workspaces.Identity{{Issuer: "http://login.example.org", Subject: "x"}, {Issuer: issuer}, {Issuer: "", Subject: "x"}, {Issuer: issuer, Subject: "a\nb"}, {Issuer: issuer, Subject: strings.Repeat("x", 256)}, {Issuer: issuer + "?a=b", Subject: "x"}} {
		h.want(h.LinkIdentity(ctx, workspaces.System, "eve", bad), gatehouse.CodeConfig)
	}
	// The same subject elsewhere, another case of it, and a name that looks alike are somebody else.
	for _, other := range []workspaces.Identity{{Issuer: "https://login.example.com", Subject: "sub-ben"}, {Issuer: issuer + "/", Subject: "sub-ben"}, {Issuer: issuer, Subject: "SUB-BEN"}, {Issuer: issuer, Subject: "ben"}} {
		a := account("")
		a.Identity = other
		_, _, err := h.SignIn(ctx, a, workspaces.SignInBrowser, "")
		h.want(err, gatehouse.CodeIdentityUnknown)
		if e := h.last(); e.Action != "session.started.refused" || e.Actor != "" || e.Detail["code"] != "GH-122" {
			t.Errorf("journaled as %+v", e)
		}
	}
	if _, err := h.Identities(ctx, gatehouse.Principal{User: "eve"}, "ben"); gatehouse.CodeOf(err) != gatehouse.CodeDenied {
		t.Errorf("eve sees ben's accounts: %v", err)
	}
	held, err := h.Identities(ctx, gatehouse.Principal{User: "ben"}, "ben")
	if err != nil || len(held) != 1 || held[0] != ben {
		t.Errorf("ben's accounts are %v, %v", held, err)
	}
}

func TestFactorsThatAreAskedForMustBeShown(t *testing.T) {
	h := newHouse(t)
	h.admit("ben", workspaces.SignInBrowser)
	strong, weak := account("sub-ben"), account("sub-ben")
	weak.ACR, weak.AMR = "", nil
	for name, c := range map[string]struct {
		asked workspaces.Factors
		shown workspaces.Authenticated
		in    bool
	}{
		"nothing was configured":     {workspaces.Factors{}, strong, false},
		"a method":                   {workspaces.Factors{AMR: []string{"hwk", "mfa"}}, strong, true},
		"a method that was not used": {workspaces.Factors{AMR: []string{"hwk"}}, strong, false},
		"a method, and none told":    {workspaces.Factors{AMR: []string{"mfa"}}, weak, false},
		"a level":                    {workspaces.Factors{ACR: []string{"3", "2"}}, strong, true},
		"a level, and none told":     {workspaces.Factors{ACR: []string{"2"}}, weak, false},
		"a level and a method":       {workspaces.Factors{ACR: []string{"2"}, AMR: []string{"mfa"}}, strong, true},
		"a level without the method": {workspaces.Factors{ACR: []string{"2"}, AMR: []string{"hwk"}}, strong, false},
		"whatever the provider says": {workspaces.Factors{Any: true}, weak, true},
		"an empty level":             {workspaces.Factors{ACR: []string{"2"}, Any: true}, weak, false},
	} {
		h.Factors = c.asked
		_, _, err := h.SignIn(t.Context(), c.shown, workspaces.SignInBrowser, "")
		if c.in != (err == nil) || !c.in && gatehouse.CodeOf(err) != gatehouse.CodeFactors {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTokensForNotebooksAreMadeByTheirHolderWhoIsSignedIn(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.activate()
	id := "diabetes-outcomes"
	_, ben := h.admit("ben", workspaces.SignInDevice)
	secret, made, err := h.IssueOwnToken(ctx, ben, id, 8*time.Hour)
	h.must(err)
	if made.User != "ben" || made.Workspace != id || made.Session != ben.Session || !made.Expires.Equal(start.Add(8*time.Hour)) {
		t.Errorf("the token is %+v", made)
	}
	notebook, err := h.Authenticate(ctx, secret)
	h.must(err)
	if _, err := h.Enter(ctx, notebook); err != nil {
		t.Errorf("ben cannot enter: %v", err)
	}
	if _, err := h.Enter(ctx, ben); gatehouse.CodeOf(err) != gatehouse.CodeWrongWorkspace {
		t.Errorf("a session enters a workspace without a token for it: %v", err)
	}

	house, err := h.IssueHouseToken(ctx, workspaces.System, "ben", time.Hour)
	h.must(err)
	holder, err := h.Authenticate(ctx, house)
	h.must(err)
	_, eve := h.admit("eve", workspaces.SignInDevice)
	_, cora := h.admit("cora", workspaces.SignInDevice)
	_, aude := h.admit("aude", workspaces.SignInDevice)
	for name, c := range map[string]struct {
		actor     gatehouse.Principal
		workspace string
		ttl       time.Duration
		want      gatehouse.Code
	}{
		"with the token that was made": {notebook, id, time.Hour, gatehouse.CodeDenied},
		"with a token of the house":    {holder, id, time.Hour, gatehouse.CodeDenied},
		"with another's session":       {gatehouse.Principal{User: "ben", Session: eve.Session}, id, time.Hour, gatehouse.CodeDenied},
		"without any":                  {gatehouse.Principal{User: "ben"}, id, time.Hour, gatehouse.CodeDenied},
		"by a stranger":                {eve, id, time.Hour, gatehouse.CodeNotFound},
		"by a custodian":               {cora, id, time.Hour, gatehouse.CodeDenied},
		"by an auditor":                {aude, id, time.Hour, gatehouse.CodeDenied},
		"for a workspace there is not": {ben, "elsewhere", time.Hour, gatehouse.CodeNotFound},
		"for longer than half a day":   {ben, id, workspaces.MaxOwnTokenLife + 1, gatehouse.CodeConfig},
		"for no time":                  {ben, id, 0, gatehouse.CodeConfig},
		"by nobody":                    {gatehouse.Principal{}, id, time.Hour, gatehouse.CodeUnauthenticated},
		"by the owner of the machine":  {workspaces.System, id, time.Hour, gatehouse.CodeNotFound},
	} {
		if got, _, err := h.IssueOwnToken(ctx, c.actor, c.workspace, c.ttl); gatehouse.CodeOf(err) != c.want || got != "" {
			t.Errorf("%s: %v", name, err)
		}
	}

	// A stranger does not learn whose workspace it is.
	_, _, taken := h.IssueOwnToken(ctx, eve, id, time.Hour)
	_, _, free := h.IssueOwnToken(ctx, eve, "elsewhere", time.Hour)
	if got, want := taken.Error(), strings.ReplaceAll(free.Error(), "elsewhere", id); got != want {
		t.Errorf("of a workspace of others a stranger is told %q, of none %q", got, want)
	}

	// Signing out leaves the notebook; putting the session out does not.
	_, again := h.admit("ben", workspaces.SignInDevice)
	h.must(h.SignOut(ctx, ben))
	if _, err := h.Authenticate(ctx, secret); err != nil {
		t.Errorf("after signing out: %v", err)
	}
	if _, _, err := h.IssueOwnToken(ctx, ben, id, time.Hour); gatehouse.CodeOf(err) != gatehouse.CodeSessionEnded {
		t.Errorf("in a session that was ended: %v", err)
	}
	second, _, err := h.IssueOwnToken(ctx, again, id, time.Hour)
	h.must(err)
	h.must(h.EndSession(ctx, workspaces.System, again.Session))
	if _, err := h.Authenticate(ctx, second); gatehouse.CodeOf(err) != gatehouse.CodeUnauthenticated {
		t.Errorf("the token of a session that was revoked: %v", err)
	}
	if _, err := h.Enter(ctx, notebook); err != nil {
		t.Errorf("the token of another session: %v", err)
	}
	h.must(h.EndSession(ctx, workspaces.System, ben.Session)) // whose holder has signed out
	if _, err := h.Authenticate(ctx, secret); gatehouse.CodeOf(err) != gatehouse.CodeUnauthenticated {
		t.Errorf("the token of a session that was signed out of, then revoked: %v", err)
	}
}

func TestWhoEndsAndSeesSessions(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.activate()
	people := map[string]gatehouse.Principal{"system": workspaces.System, "nobody": {}}
	for _, user := range []string{"ben", "eve", "ada", "cora", "chad", "oona", "aude"} {
		_, people[user] = h.admit(user, workspaces.SignInBrowser)
	}
	token, err := h.IssueToken(ctx, workspaces.System, "ben", "diabetes-outcomes", time.Hour)
	h.must(err)
	people["ben's notebook"], err = h.Authenticate(ctx, token)
	h.must(err)

	for who, may := range map[string]struct{ see, seeAll, end, revoke, lock, unlock bool }{
		"system": {true, true, true, true, true, true}, "oona": {true, true, true, true, true, false}, "aude": {true, true, false, false, false, false},
		"ben": {true, false, true, true, false, false}, "ben's notebook": {}, "eve": {}, "ada": {}, "cora": {}, "chad": {}, "nobody": {},
	} {
		t.Run(who, func(t *testing.T) {
			_, ben := h.admit("ben", workspaces.SignInBrowser)
			check := func(what string, may bool, err error) {
				t.Helper()
				if may != (err == nil) {
					t.Errorf("%s: %v", what, err)
				}
			}
			_, err := h.Sessions(ctx, people[who], "ben")
			check("see", may.see, err)
			_, err = h.Sessions(ctx, people[who], "")
			check("see all", may.seeAll, err)
			check("end", may.end, h.EndSession(ctx, people[who], ben.Session))
			check("unlock", may.unlock, h.UnlockUser(ctx, people[who], "ben"))
			check("lock", may.lock, h.LockUser(ctx, people[who], "ben"))
			h.must(h.UnlockUser(ctx, workspaces.System, "ben"))
			check("revoke", may.revoke, h.RevokeUser(ctx, people[who], "ben"))
			if !may.end {
				if e := h.events(); !strings.HasSuffix(e[len(e)-1].Action, ".refused") && !may.unlock {
					t.Errorf("the refusal is not journaled: %+v", e[len(e)-1])
				}
			}
		})
	}
	h.want(h.EndSession(ctx, people["eve"], people["cora"].Session), gatehouse.CodeNotFound)
	h.want(h.EndSession(ctx, people["oona"], "ses_none"), gatehouse.CodeNotFound)
	h.want(h.RevokeUser(ctx, people["oona"], "zoe"), gatehouse.CodeNotFound)
}

func TestALockedUserIsGivenNothing(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.activate()
	secret, ben := h.admit("ben", workspaces.SignInDevice)
	token, err := h.IssueToken(ctx, lead, "ben", "diabetes-outcomes", time.Hour)
	h.must(err)
	own, _, err := h.IssueOwnToken(ctx, ben, "diabetes-outcomes", time.Hour)
	h.must(err)
	h.must(h.LockUser(ctx, workspaces.System, "ben"))
	for name, bearer := range map[string]string{"session": secret, "token": token, "own token": own} {
		if _, err := h.Authenticate(ctx, bearer); gatehouse.Public(err).Kind() != gatehouse.KindUnauthenticated {
			t.Errorf("the %s of a locked user: %v", name, err)
		}
	}
	_, _, err = h.SignIn(ctx, account("sub-ben"), workspaces.SignInBrowser, "")
	h.want(err, gatehouse.CodeUserLocked)
	_, err = h.IssueToken(ctx, lead, "ben", "diabetes-outcomes", time.Hour)
	h.want(err, gatehouse.CodeUserLocked)
	_, err = h.IssueHouseToken(ctx, workspaces.System, "ben", time.Hour)
	h.want(err, gatehouse.CodeUserLocked)
	h.must(h.UnlockUser(ctx, workspaces.System, "ben"))
	for name, bearer := range map[string]string{"session": secret, "token": token, "own token": own} {
		if _, err := h.Authenticate(ctx, bearer); err == nil {
			t.Errorf("the %s came back with the user", name)
		}
	}
	h.admit("ben", workspaces.SignInBrowser)
}

// Whatever races with it, nobody is signed in once they were put out.
func TestPuttingSomebodyOutWinsRaces(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	secrets := make(chan string, 100)
	first, _ := h.admit("ben", workspaces.SignInDevice)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 6 {
				if secret, _, err := h.SignIn(ctx, account("sub-ben"), workspaces.SignInDevice, ""); err == nil {
					secrets <- secret
				} else if gatehouse.CodeOf(err) != gatehouse.CodeUserLocked {
					t.Error(err)
				}
				h.Authenticate(context.Background(), first)
			}
		})
	}
	group.Go(func() {
		if err := h.LockUser(ctx, workspaces.System, "ben"); err != nil {
			t.Error(err)
		}
	})
	group.Wait()
	close(secrets)
	for secret := range secrets {
		if _, err := h.Authenticate(ctx, secret); err == nil {
			t.Fatal("somebody is signed in as a locked user")
		}
	}
	if live, err := h.Sessions(ctx, workspaces.System, "ben"); err != nil || len(live) > 0 {
		t.Errorf("live are %v, %v", live, err)
	}
}

func TestSecretsOfSessionsAreNotKept(t *testing.T) {
	h := newHouse(t)
	secret, _ := h.admit("ben", workspaces.SignInBrowser)
	_, err := h.AuthenticateBrowser(t.Context(), secret)
	h.must(err)
	h.must(h.db.Close())
	h.must(filepath.WalkDir(h.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if strings.Contains(string(content), strings.TrimPrefix(secret, "gatehouse-session_")) {
			t.Errorf("the secret stands in %s", path)
		}
		return err
	}))
}
