package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// liar is a provider that speaks the protocol and puts into its ID token what a
// test says. Everything that checks the token is real.
type liar struct {
	server *httptest.Server
	key    *ecdsa.PrivateKey

	mu    sync.Mutex
	nonce string
	sign  func(claims map[string]any) string
}

func newLiar(t *testing.T, h *house) *liar {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	h.must(err)
	l := &liar{key: key}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		at := l.server.URL
		answer(w, map[string]any{
			"issuer": at, "authorization_endpoint": at + "/authorize", "token_endpoint": at + "/token", "jwks_uri": at + "/keys",
			"id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"}, "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("/authorize", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		l.mu.Lock()
		l.nonce = q.Get("nonce")
		l.mu.Unlock()
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {"c"}, "state": {q.Get("state")}}.Encode(), http.StatusSeeOther)
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, _ *http.Request) {
		l.mu.Lock()
		defer l.mu.Unlock()
		now := time.Now()
		says := map[string]any{"access_token": "a", "token_type": "Bearer", "expires_in": 60}
		if token := l.sign(map[string]any{
			"iss": l.server.URL, "sub": "sub-ada", "aud": clientID, "exp": now.Add(time.Minute).Unix(), "iat": now.Unix(), "nonce": l.nonce, "amr": []string{"mfa"},
		}); token != "" {
			says["id_token"] = token
		}
		answer(w, says)
	})
	l.server = httptest.NewUnstartedServer(mux)
	l.server.TLS = h.tls()
	l.server.StartTLS()
	t.Cleanup(l.server.Close)
	return l
}

func signed(t *testing.T, alg jose.SignatureAlgorithm, key any, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	payload, _ := json.Marshal(claims)
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestIDTokensThatDoNotVerifyAreRefused(t *testing.T) {
	h := newState(t)
	var pages http.Handler
	site := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { pages.ServeHTTP(w, r) }))
	site.TLS = h.tls()
	site.StartTLS()
	t.Cleanup(site.Close)
	h.site = site.URL
	l := newLiar(t, h)
	pages = h.open(l.server.URL)
	h.must(h.LinkIdentity(t.Context(), workspaces.System, "ada", workspaces.Identity{Issuer: l.server.URL, Subject: "sub-ada"}))

	with := func(change map[string]any) func(map[string]any) string {
		return func(claims map[string]any) string {
			maps.Copy(claims, change)
			maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
			return signed(t, jose.ES256, l.key, claims)
		}
	}
	unsigned := func(header string) func(map[string]any) string {
		return func(claims map[string]any) string {
			payload, _ := json.Marshal(claims)
			enc := base64.RawURLEncoding.EncodeToString
			return enc([]byte(header)) + "." + enc(payload) + "."
		}
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	h.must(err)
	now := time.Now()
	for _, c := range []struct {
		name string
		sign func(map[string]any) string
		want gatehouse.Code // "" for signed in
	}{
		{"an honest token", with(nil), ""},
		{"two audiences and our name", with(map[string]any{"aud": []string{"other", clientID}, "azp": clientID}), ""},

		{"another nonce", with(map[string]any{"nonce": "x"}), gatehouse.CodeSignInFailed},
		{"no nonce", with(map[string]any{"nonce": nil}), gatehouse.CodeSignInFailed},
		{"another audience", with(map[string]any{"aud": "other"}), gatehouse.CodeSignInFailed},
		{"no audience", with(map[string]any{"aud": nil}), gatehouse.CodeSignInFailed},
		{"two audiences and nobody's name", with(map[string]any{"aud": []string{"other", clientID}}), gatehouse.CodeSignInFailed},
		{"another party's name", with(map[string]any{"azp": "other"}), gatehouse.CodeSignInFailed},
		{"another issuer", with(map[string]any{"iss": "https://elsewhere.example"}), gatehouse.CodeSignInFailed},
		{"the issuer with a slash", with(map[string]any{"iss": l.server.URL + "/"}), gatehouse.CodeSignInFailed},
		{"expired", with(map[string]any{"exp": now.Add(-time.Second).Unix()}), gatehouse.CodeSignInFailed},
		{"no expiry", with(map[string]any{"exp": nil}), gatehouse.CodeSignInFailed},
		{"of the future", with(map[string]any{"iat": now.Add(time.Hour).Unix(), "exp": now.Add(2 * time.Hour).Unix()}), gatehouse.CodeSignInFailed},
		{"not yet", with(map[string]any{"nbf": now.Add(time.Hour).Unix()}), gatehouse.CodeSignInFailed},
		{"another access token", with(map[string]any{"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}), gatehouse.CodeSignInFailed},
		{"nobody", with(map[string]any{"sub": ""}), gatehouse.CodeSignInFailed},
		{"no subject", with(map[string]any{"sub": nil}), gatehouse.CodeSignInFailed},
		{"a subject that is too long", with(map[string]any{"sub": strings.Repeat("x", 256)}), gatehouse.CodeSignInFailed},
		{"methods that are no list", with(map[string]any{"amr": "mfa"}), gatehouse.CodeSignInFailed},
		{"alg none", unsigned(`{"alg":"none"}`), gatehouse.CodeSignInFailed},
		{"alg None", unsigned(`{"alg":"None","kid":"1"}`), gatehouse.CodeSignInFailed},
		{"no signature", unsigned(`{"alg":"ES256","kid":"1"}`), gatehouse.CodeSignInFailed},
		{"signed with the client's secret", func(c map[string]any) string {
			return signed(t, jose.HS256, []byte(strings.Repeat(clientSecret, 2)), c)
		}, gatehouse.CodeSignInFailed},
		{"signed with the public key as a secret", func(c map[string]any) string {
			public, _ := l.key.PublicKey.Bytes()
			return signed(t, jose.HS256, public, c)
		}, gatehouse.CodeSignInFailed},
		{"signed with another key", func(c map[string]any) string { return signed(t, jose.ES256, other, c) }, gatehouse.CodeSignInFailed},
		{"changed after signing", func(c map[string]any) string {
			parts := strings.Split(signed(t, jose.ES256, l.key, c), ".")
			c["sub"] = "sub-else"
			payload, _ := json.Marshal(c)
			return parts[0] + "." + base64.RawURLEncoding.EncodeToString(payload) + "." + parts[2]
		}, gatehouse.CodeSignInFailed},
		{"no token", func(map[string]any) string { return "" }, gatehouse.CodeSignInFailed},
		{"rubbish", func(map[string]any) string { return "a.b.c" }, gatehouse.CodeSignInFailed},

		{"no factors", with(map[string]any{"amr": nil}), gatehouse.CodeFactors},
		{"other factors", with(map[string]any{"amr": []string{"pwd", "MFA", "mfa "}}), gatehouse.CodeFactors},
		{"somebody else", with(map[string]any{"sub": "SUB-ADA"}), gatehouse.CodeIdentityUnknown},
		{"our address as an e-mail", with(map[string]any{"sub": "someone", "email": "ada", "email_verified": true, "preferred_username": "ada"}), gatehouse.CodeIdentityUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			l.mu.Lock()
			l.sign = c.sign
			l.mu.Unlock()
			p := h.person()
			got := p.get(h.site + "/sign-in")
			if c.want == "" {
				if got.body != "/ ada <nil>" {
					t.Errorf("%d %s\n%s", got.status, got.body, h.log)
				}
				return
			}
			if !strings.Contains(got.body, string(c.want)) || p.cookie(sessionCookie) != "" {
				t.Errorf("%d %s", got.status, got.body)
			}
			if e := h.last(); e.Action != "session.started.refused" || e.Detail["code"] != string(c.want) {
				t.Errorf("journaled as %+v", e)
			}
		})
	}
}

func TestAProviderThatIsAwayLetsNobodyInAndComesBack(t *testing.T) {
	h := newState(t)
	h.site = "https://127.0.0.1:1"
	away := true
	l := newLiar(t, h)
	served := l.server.Config.Handler
	l.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away {
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		served.ServeHTTP(w, r)
	})
	pages := h.open(l.server.URL)
	look := func() (int, string) {
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, httptest.NewRequest("GET", "/sign-in", nil))
		return w.Code, w.Body.String()
	}
	if status, body := look(); status != http.StatusServiceUnavailable || !strings.Contains(body, "GH-124") {
		t.Errorf("%d %s", status, body)
	}
	if _, err := h.devices.Start(t.Context()); gatehouse.CodeOf(err) != gatehouse.CodeProvider {
		t.Errorf("on the command line: %v", err)
	}
	away = false
	if status, body := look(); status != http.StatusSeeOther {
		t.Errorf("once it is back: %d %s", status, body)
	}
	if _, err := h.devices.Start(t.Context()); gatehouse.CodeOf(err) != gatehouse.CodeProvider || !strings.Contains(err.Error(), "does not offer") {
		t.Errorf("a provider without the device flow: %v", err)
	}
}
