package identity_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

const sessionCookie, beginCookie = "__Host-gatehouse-session", "__Host-gatehouse-sign-in"

func TestPeopleSignInAndOutWithABrowser(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	if got := p.who(); !strings.Contains(got, "GH-101") {
		t.Errorf("before signing in: %q", got)
	}
	got := p.choose(h.site+"/sign-in?next="+url.QueryEscape("/projects/a?tab=files"), "sub-ada")
	if got.body != "/projects/a?tab=files ada <nil>" {
		t.Fatalf("after signing in: %d %s %q\n%s", got.status, got.at, got.body, h.log)
	}
	e := h.last()
	if e.Action != "session.started" || e.Actor != "ada" || !strings.HasPrefix(e.Subject, "ses_") || e.Detail["amr"] != "pwd mfa" || e.Detail["acr"] != "2" || e.Detail["kind"] != "browser" {
		t.Errorf("journaled as %+v", e)
	}
	secret := p.cookie(sessionCookie)
	if secret == "" || p.cookie(beginCookie) != "" {
		t.Errorf("the cookies are %q and %q", secret, p.cookie(beginCookie))
	}

	if got := p.post(h.site+"/sign-out", nil); got.at.Path != "/" || got.status != http.StatusOK {
		t.Errorf("signing out came to %s, %d", got.at, got.status)
	}
	if e := h.last(); e.Action != "session.ended" || e.Actor != "ada" || e.Detail["how"] != "signed out" {
		t.Errorf("journaled as %+v", e)
	}
	if got := p.who(); !strings.Contains(got, "GH-101") {
		t.Errorf("after signing out: %q", got)
	}
	// Whoever kept the cookie has nothing.
	if _, err := h.AuthenticateBrowser(t.Context(), secret); gatehouse.CodeOf(err) != gatehouse.CodeSessionEnded {
		t.Errorf("the cookie of an ended session: %v", err)
	}
}

// A cookie that scripts, other hosts or plain HTTP can read or plant is no proof.
func TestCookiesAreOfThisHostAlone(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	p.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	got := p.get(h.site + "/sign-in")
	cookie, err := http.ParseSetCookie(got.header.Get("Set-Cookie"))
	h.must(err)
	if cookie.Name != beginCookie || !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Domain != "" {
		t.Errorf("the cookie is %v", cookie)
	}
	to, err := url.Parse(got.header.Get("Location"))
	h.must(err)
	q := to.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" || q.Get("nonce") == "" || q.Get("state") == "" || q.Get("response_type") != "code" {
		t.Errorf("the browser is sent to %s", to)
	}
	for _, secret := range []string{q.Get("state"), q.Get("nonce")} {
		if len(secret) < 26 || strings.Contains(cookie.Value, secret) {
			t.Errorf("state or nonce %q stands in the cookie, or is short", secret)
		}
	}
	recorder := httptest.NewRecorder()
	h.browser.Handler().ServeHTTP(recorder, httptest.NewRequest("POST", h.site+"/sign-out", nil))
	cookie, err = http.ParseSetCookie(recorder.Header().Get("Set-Cookie"))
	h.must(err)
	if cookie.Name != sessionCookie || cookie.MaxAge >= 0 || !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" {
		t.Errorf("the cookie is taken away by %v", cookie)
	}
}

func TestWhatComesBackMustBelongToWhatTheBrowserBegan(t *testing.T) {
	h := newHouse(t)
	other := h.person()
	stolen := ""
	other.edit = func(u *url.URL) {
		if u.Path == "/sign-in/callback" {
			stolen = u.String()
			u.Path, u.RawQuery = "/", "" // the other browser never uses its answer
		}
	}
	other.choose(h.site+"/sign-in", "sub-oona")

	at := func(path string, change func(url.Values)) func(*url.URL) {
		return func(u *url.URL) {
			if u.Path == path {
				q := u.Query()
				change(q)
				u.RawQuery = q.Encode()
			}
		}
	}
	set := func(name, value string) func(url.Values) { return func(q url.Values) { q.Set(name, value) } }
	callback, authorize := "/sign-in/callback", "/authorize"
	for name, c := range map[string]struct {
		edit func(*url.URL)
		says string
	}{
		"another state":              {at(callback, set("state", "x")), "another sign-in"},
		"no state":                   {at(callback, func(q url.Values) { q.Del("state") }), "another sign-in"},
		"two states":                 {at(callback, func(q url.Values) { q.Add("state", "x") }), "another sign-in"},
		"another browser's answer":   {func(u *url.URL) { *u = *replaced(u, callback, stolen) }, "another sign-in"},
		"another browser's code":     {at(callback, func(q url.Values) { s, _ := url.Parse(stolen); q.Set("code", s.Query().Get("code")) }), "did not confirm"},
		"another nonce":              {at(authorize, set("nonce", "x")), "does not verify"},
		"no nonce":                   {at(authorize, func(q url.Values) { q.Del("nonce") }), "does not verify"},
		"another challenge":          {at(authorize, set("code_challenge", strings.Repeat("A", 43))), "did not confirm"},
		"a provider of another name": {at(callback, set("iss", "https://elsewhere.example")), "another identity provider"},
		"an error of the provider":   {at(callback, func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") }), "did not let you"},
		"no code":                    {at(callback, func(q url.Values) { q.Del("code") }), "did not confirm"},
	} {
		t.Run(name, func(t *testing.T) {
			p := h.person()
			p.edit = c.edit
			got := p.choose(h.site+"/sign-in", "sub-ada")
			if got.status != http.StatusUnauthorized || !strings.Contains(got.body, c.says) || !strings.Contains(got.body, "GH-121") {
				t.Errorf("came to %s, %d: %s", got.at, got.status, got.body)
			}
			if who := p.who(); !strings.Contains(who, "GH-101") || p.cookie(sessionCookie) != "" {
				t.Errorf("signed in as %q", who)
			}
			if e := h.last(); e.Action != "session.started.refused" || e.Detail["code"] != "GH-121" {
				t.Errorf("journaled as %+v", e)
			}
		})
	}

	t.Run("a browser that began nothing", func(t *testing.T) {
		if got := h.person().get(stolen); got.status != http.StatusUnauthorized || !strings.Contains(got.body, "did not begin") {
			t.Errorf("%d: %s", got.status, got.body)
		}
	})
	t.Run("an answer that is used twice", func(t *testing.T) {
		p := h.person()
		var answer string
		p.edit = func(u *url.URL) {
			if u.Path == callback {
				answer = u.String()
			}
		}
		p.choose(h.site+"/sign-in", "sub-ada")
		if got := p.get(answer); got.status != http.StatusUnauthorized {
			t.Errorf("%d: %s", got.status, got.body)
		}
	})
	t.Run("an answer that comes too late", func(t *testing.T) {
		p := h.person()
		p.edit = func(u *url.URL) {
			if u.Path == callback {
				h.later(10 * time.Minute)
			}
		}
		if got := p.choose(h.site+"/sign-in", "sub-ada"); got.status != http.StatusUnauthorized || !strings.Contains(got.body, "longer than ten minutes") {
			t.Errorf("%d: %s", got.status, got.body)
		}
	})
}

func replaced(u *url.URL, path, with string) *url.URL {
	if u.Path != path {
		return u
	}
	other, _ := url.Parse(with)
	return other
}

func TestWhoIsRefused(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct {
		subject string
		code    gatehouse.Code
		says    []string
		actor   string
	}{
		{"sub-nobody", gatehouse.CodeIdentityUnknown, []string{"sub-nobody", h.issuer, "link"}, ""},
		{"sub-ada-weak", gatehouse.CodeFactors, []string{"factor"}, "ada"},
	} {
		p := h.person()
		got := p.choose(h.site+"/sign-in", c.subject)
		if got.status != http.StatusForbidden || !strings.Contains(got.body, string(c.code)) {
			t.Errorf("%s: %d %s", c.subject, got.status, got.body)
		}
		for _, word := range c.says {
			if !strings.Contains(got.body, word) {
				t.Errorf("%s: the page does not say %q: %s", c.subject, word, got.body)
			}
		}
		if e := h.last(); e.Action != "session.started.refused" || e.Actor != c.actor || e.Detail["code"] != string(c.code) || e.Detail["identity"] == "" || strings.Contains(e.Detail["identity"], "sub-") {
			t.Errorf("%s: journaled as %+v", c.subject, e)
		}
		if p.cookie(sessionCookie) != "" {
			t.Errorf("%s has a session", c.subject)
		}
	}

	h.must(h.LockUser(t.Context(), workspaces.System, "ada"))
	if got := h.person().choose(h.site+"/sign-in", "sub-ada"); got.status != http.StatusForbidden || !strings.Contains(got.body, "GH-125") {
		t.Errorf("a locked user: %d %s", got.status, got.body)
	}
	h.must(h.UnlockUser(t.Context(), workspaces.System, "ada"))
	h.signedIn("sub-ada", "ada")

	// What is not configured lets nobody in, and a level that is asked for is kept.
	h.Factors = workspaces.Factors{}
	if got := h.person().choose(h.site+"/sign-in", "sub-ada"); got.status != http.StatusForbidden || !strings.Contains(got.body, "GH-123") {
		t.Errorf("without any factor configured: %d %s", got.status, got.body)
	}
	h.Factors = workspaces.Factors{ACR: []string{"3"}}
	if got := h.person().choose(h.site+"/sign-in", "sub-ada"); got.status != http.StatusForbidden || !strings.Contains(got.body, "GH-123") {
		t.Errorf("with a level that was not reached: %d %s", got.status, got.body)
	}
}

func TestSessionsEndAtOnce(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	session := func(p *person) string {
		t.Helper()
		who, err := h.AuthenticateBrowser(ctx, p.cookie(sessionCookie))
		h.must(err)
		return who.Session
	}
	operator, err := h.AuthenticateBrowser(ctx, h.signedIn("sub-oona", "oona").cookie(sessionCookie))
	h.must(err)
	for name, end := range map[string]func(*person){
		"an operator revokes it":        func(p *person) { h.must(h.EndSession(ctx, operator, session(p))) },
		"an operator puts the user out": func(*person) { h.must(h.RevokeUser(ctx, operator, "ada")) },
		"the owner of the machine does": func(*person) { h.must(h.RevokeUser(ctx, workspaces.System, "ada")) },
		"the user signs out everywhere": func(*person) { h.must(h.RevokeUser(ctx, gatehouse.Principal{User: "ada"}, "ada")) },
		"the browser signs in again":    func(p *person) { p.choose(h.site+"/sign-in", "sub-ada") },
		"the account is the user's no more": func(*person) {
			who := workspaces.Identity{Issuer: h.issuer, Subject: "sub-ada"}
			h.must(h.UnlinkIdentity(ctx, workspaces.System, "ada", who))
			h.must(h.LinkIdentity(ctx, workspaces.System, "ada", who))
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := h.signedIn("sub-ada", "ada")
			secret := p.cookie(sessionCookie)
			end(p)
			if _, err := h.AuthenticateBrowser(ctx, secret); gatehouse.CodeOf(err) != gatehouse.CodeSessionEnded {
				t.Errorf("the session goes on: %v", err)
			}
		})
	}
	if _, err := h.AuthenticateBrowser(ctx, "gatehouse-session_guessed"); gatehouse.CodeOf(err) != gatehouse.CodeUnauthenticated {
		t.Errorf("a guess: %v", err)
	}
}

func TestSessionsExpireAndMustBeUsed(t *testing.T) {
	h := newHouse(t)
	unused := h.signedIn("sub-ada", "ada")
	h.later(time.Hour - time.Second)
	if who := unused.who(); who != "ada <nil>" {
		t.Errorf("unused for less than an hour: %s", who)
	}
	h.later(time.Hour)
	if who := unused.who(); !strings.Contains(who, "GH-126") || !strings.Contains(who, "unused") {
		t.Errorf("unused for an hour: %s", who)
	}
	h.later(-h.ahead)
	used := h.signedIn("sub-ada", "ada")
	idle := h.signedIn("sub-ada", "ada")
	for h.ahead < workspaces.DefaultSignInLife {
		if who := used.who(); who != "ada <nil>" {
			t.Fatalf("after %v of use: %s", h.ahead, who)
		}
		h.later(48 * time.Minute)
	}
	if who := idle.who(); !strings.Contains(who, "GH-126") {
		t.Errorf("never used: %s", who)
	}
	if who := used.who(); !strings.Contains(who, "GH-126") || !strings.Contains(who, "expired") {
		t.Errorf("after %v: %s", h.ahead, who)
	}
	if live, err := h.Sessions(t.Context(), workspaces.System, ""); err != nil || len(live) != 0 {
		t.Errorf("live are %v, %v", live, err)
	}
}

func TestOtherSitesAndTokensDoNothingOnPages(t *testing.T) {
	h := newHouse(t)
	p := h.signedIn("sub-ada", "ada")
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://elsewhere.example"}, {"Origin", "null"}} {
		if got := p.post(h.site+"/sign-out", nil, header...); got.status != http.StatusForbidden {
			t.Errorf("%v: %d", header, got.status)
		}
	}
	if got := p.get(h.site + "/sign-out"); got.status != http.StatusMethodNotAllowed {
		t.Errorf("signing out by a link: %d", got.status)
	}
	if who := p.who(); who != "ada <nil>" {
		t.Errorf("another site signed out: %s", who)
	}

	token, err := h.IssueHouseToken(t.Context(), workspaces.System, "ada", time.Hour)
	h.must(err)
	for _, c := range []struct{ cookie, bearer string }{{token, ""}, {"", token}, {"", p.cookie(sessionCookie)}, {p.cookie(sessionCookie) + "; " + sessionCookie + "=" + token, ""}} {
		r := httptest.NewRequest("GET", h.site+"/", nil)
		if c.cookie != "" {
			r.Header.Set("Cookie", sessionCookie+"="+c.cookie)
		}
		if c.bearer != "" {
			r.Header.Set("Authorization", "Bearer "+c.bearer)
		}
		if who, err := h.browser.Principal(r); err == nil || !who.Anonymous() {
			t.Errorf("%+v: %v", c, who)
		}
	}
	// Nor does the cookie count where tokens do.
	if _, err := h.Authenticate(t.Context(), p.cookie(sessionCookie)); gatehouse.CodeOf(err) != gatehouse.CodeUnauthenticated {
		t.Errorf("the cookie as a token: %v", err)
	}
}

func TestAfterSigningInOneStaysHere(t *testing.T) {
	h := newHouse(t)
	for _, next := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "javascript:alert(1)", "evil", "", "/sign-in", "/%0d%0aSet-Cookie:x=y\r\n"} {
		p := h.person()
		got := p.choose(h.site+"/sign-in?next="+url.QueryEscape(next), "sub-ada")
		if got.at.Scheme+"://"+got.at.Host != h.site || got.at.Path != "/" {
			t.Errorf("%q leads to %s", next, got.at)
		}
	}
}

func TestSecretsStayOutOfLogAndJournal(t *testing.T) {
	h := newHouse(t)
	p := h.signedIn("sub-ada", "ada")
	secret := strings.TrimPrefix(p.cookie(sessionCookie), "gatehouse-session_")
	p.post(h.site+"/sign-out", nil)
	h.person().get(h.site + "/sign-in/callback?code=secret-code&state=x")
	for _, e := range h.events() {
		for k, v := range e.Detail {
			if strings.Contains(v, secret) || strings.Contains(v, "sub-ada") {
				t.Errorf("%s: %s is %q", e.Action, k, v)
			}
		}
	}
	for _, s := range []string{secret, clientSecret, "secret-code"} {
		if strings.Contains(h.log.String(), s) {
			t.Errorf("%q stands in the log", s)
		}
	}
}
