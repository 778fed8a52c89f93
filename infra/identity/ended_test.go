package identity_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func TestAProviderEndsItsSessionsHereToo(t *testing.T) {
	h := newState(t)
	var pages http.Handler
	site := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { pages.ServeHTTP(w, r) }))
	site.TLS = h.tls()
	site.StartTLS()
	t.Cleanup(site.Close)
	h.site = site.URL
	l := newLiar(t, h)
	pages = h.open(l.server.URL)
	for user, subject := range map[string]string{"ada": "sub-ada", "oona": "sub-oona"} {
		h.must(h.LinkIdentity(t.Context(), workspaces.System, user, workspaces.Identity{Issuer: l.server.URL, Subject: subject}))
	}
	sessions := 0
	enter := func(subject string) (*person, string) {
		t.Helper()
		sessions++
		sid := fmt.Sprintf("sid-%d", sessions)
		l.mu.Lock()
		l.sign = func(claims map[string]any) string {
			claims["sub"], claims["sid"] = subject, sid
			return signed(t, jose.ES256, l.key, claims)
		}
		l.mu.Unlock()
		p := h.person()
		p.get(h.site + "/sign-in")
		if p.cookie(sessionCookie) == "" {
			t.Fatalf("%s is not signed in\n%s", subject, h.log)
		}
		return p, sid
	}
	in := func(p *person) bool { return strings.HasSuffix(p.who(), "<nil>") }
	tell := func(change map[string]any) int {
		t.Helper()
		claims := map[string]any{
			"iss": l.server.URL, "aud": clientID, "iat": h.clock().Unix(), "exp": h.clock().Add(time.Minute).Unix(), "jti": "1",
			"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
		}
		maps.Copy(claims, change)
		maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
		return h.person().post(h.site+"/sign-in/back-channel-logout", url.Values{"logout_token": {signed(t, jose.ES256, l.key, claims)}}).status
	}

	first, sid := enter("sub-ada")
	second, _ := enter("sub-ada")
	other, _ := enter("sub-oona")
	if status := tell(map[string]any{"sid": sid, "sub": "sub-ada"}); status != http.StatusOK {
		t.Fatalf("%d\n%s", status, h.log)
	}
	if in(first) || !in(second) || !in(other) {
		t.Errorf("one session ended: %v %v %v", in(first), in(second), in(other))
	}
	for name, change := range map[string]map[string]any{
		"another issuer":   {"sub": "sub-ada", "iss": "https://elsewhere.example"},
		"another audience": {"sub": "sub-ada", "aud": "other"},
		"expired":          {"sub": "sub-ada", "exp": h.clock().Add(-time.Minute).Unix()},
		"an ID token":      {"sub": "sub-ada", "nonce": "x"},
		"no event":         {"sub": "sub-ada", "events": map[string]any{}},
		"nobody":           {},
		"of no time":       {"sub": "sub-ada", "iat": nil},
	} {
		if status := tell(change); status != http.StatusBadRequest {
			t.Errorf("%s: %d", name, status)
		}
	}
	for name, token := range map[string]string{"none": "", "rubbish": "a.b.c", "unsigned": "eyJhbGciOiJub25lIn0.e30."} {
		if got := h.person().post(h.site+"/sign-in/back-channel-logout", url.Values{"logout_token": {token}}); got.status != http.StatusBadRequest {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	if !in(second) {
		t.Error("what does not verify ended a session")
	}
	told := h.clock()
	if status := tell(map[string]any{"sub": "sub-ada"}); status != http.StatusOK || in(second) || !in(other) {
		t.Errorf("all of an account: %d %v %v", status, in(second), in(other))
	}
	ended := 0
	for _, e := range h.events() {
		if e.Action == "session.ended" && e.Detail["how"] == "ended by the provider" && e.Actor == workspaces.System.User {
			ended++
		}
	}
	if ended != 2 {
		t.Errorf("%d ends are journaled", ended)
	}

	// Told once more, it does not end what was begun since.
	h.later(2 * time.Minute)
	secret, _, err := h.SignIn(t.Context(), workspaces.Authenticated{Identity: workspaces.Identity{Issuer: l.server.URL, Subject: "sub-ada"}, AMR: []string{"mfa"}}, workspaces.SignInDevice, "")
	h.must(err)
	if status := tell(map[string]any{"sub": "sub-ada", "iat": told.Unix()}); status != http.StatusOK {
		t.Errorf("told again: %d", status)
	}
	if _, err := h.Authenticate(t.Context(), secret); err != nil {
		t.Errorf("a session that was begun since: %v", err)
	}
	if err := h.ProviderSignOut(t.Context(), workspaces.Identity{Issuer: l.server.URL}, "", h.clock()); gatehouse.CodeOf(err) != gatehouse.CodeSignInFailed {
		t.Errorf("of nobody: %v", err)
	}
}
