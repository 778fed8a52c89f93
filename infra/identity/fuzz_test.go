package identity_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
)

// Nothing that a browser can send in a cookie, and nothing that a program can
// send as a token or handle, is anybody but who holds the secret.
func FuzzCredentials(f *testing.F) {
	h := newHouse(f)
	p := h.signedIn("sub-ada", "ada")
	secret := p.cookie(sessionCookie)
	for _, seed := range []string{"", secret, secret[:len(secret)-1], secret + "A", strings.ToUpper(secret), sessionCookie + "=" + secret, secret + "; " + sessionCookie + "=" + secret,
		"gatehouse-session_", "gatehouse_x", "' OR 1=1 --", "\x00", "a=b; " + beginCookie + "=AAAA", strings.Repeat("A", 5000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := httptest.NewRequest("GET", h.site+"/", nil)
		r.Header.Set("Cookie", sessionCookie+"="+s)
		cookies := r.CookiesNamed(sessionCookie)
		holds := len(cookies) == 1 && cookies[0].Value == secret
		who, err := h.browser.Principal(r)
		if holds != (who.User == "ada") || holds != (err == nil) || !holds && !who.Anonymous() {
			t.Errorf("the cookie %q is %+v, %v", s, who, err)
		}
		if !holds && gatehouse.Public(err).Kind() != gatehouse.KindUnauthenticated && gatehouse.CodeOf(err) != gatehouse.CodeTooManyAttempts {
			t.Errorf("the cookie %q: %v", s, err)
		}
		if who, err := h.Authenticate(t.Context(), s); err == nil || !who.Anonymous() {
			t.Errorf("the token %q is %+v", s, who)
		}
		if a, err := h.devices.Poll(t.Context(), s); err == nil || a.Token != "" {
			t.Errorf("the handle %q gave %+v", s, a)
		}
		r = httptest.NewRequest("GET", h.site+"/sign-in/callback?code=x&state="+url.QueryEscape(s), nil)
		r.Header.Set("Cookie", beginCookie+"="+s)
		w := httptest.NewRecorder()
		h.browser.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized && w.Code != http.StatusTooManyRequests {
			t.Errorf("an answer to %q: %d", s, w.Code)
		}
	})
}
