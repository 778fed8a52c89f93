package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/time/rate"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Where the handler of Browser serves.
const (
	signInPath   = "/sign-in"
	callbackPath = "/sign-in/callback"
	signOutPath  = "/sign-out"
	endedPath    = "/sign-in/back-channel-logout"
)

// The cookies. With the prefix a browser takes them over TLS from this host only,
// for every path, so that no neighbour can plant one.
const (
	sessionCookie = "__Host-gatehouse-session"
	beginCookie   = "__Host-gatehouse-sign-in"
)

// People is who may come in, as the domain keeps it.
type People interface {
	// SignIn begins a session for an account of the provider and gives its secret.
	SignIn(ctx context.Context, a workspaces.Authenticated, kind workspaces.SignInKind, replaces string) (string, workspaces.SignIn, error)
	// RefuseSignIn journals a refusal, and gives its cause.
	RefuseSignIn(ctx context.Context, kind workspaces.SignInKind, cause error) error
	// AuthenticateBrowser gives the principal of a browser's session.
	AuthenticateBrowser(ctx context.Context, secret string) (gatehouse.Principal, error)
	// SignOut ends the session of a principal.
	SignOut(ctx context.Context, p gatehouse.Principal) error
	// ProviderSignOut ends the sessions that the provider has ended.
	ProviderSignOut(ctx context.Context, who workspaces.Identity, session string, issued time.Time) error
}

var _ People = (*workspaces.Service)(nil)

// Browser signs people in on web pages. Its session is a cookie; nothing but the
// pages takes it.
type Browser struct {
	provider *Provider // nil: nobody signs in
	people   People
	log      *slog.Logger
	sealer   sealer
	now      func() time.Time
	warnings *rate.Limiter // lines of the log that anybody can cause

	// Refused answers for a sign-in that failed, in place of the plain page. The
	// status is not written yet.
	Refused func(w http.ResponseWriter, r *http.Request, status int, err *gatehouse.Error)
}

// NewBrowser makes a Browser. Without a provider nobody can sign in, and
// everything else says so.
func NewBrowser(provider *Provider, people People, log *slog.Logger) (*Browser, error) {
	s, err := newSealer()
	if err != nil {
		return nil, err
	}
	b := &Browser{provider: provider, people: people, log: log, sealer: s, now: time.Now, warnings: rate.NewLimiter(rate.Every(10*time.Second), 30), Refused: plainRefusal}
	if provider != nil {
		b.now = provider.Now
	}
	return b, nil
}

// Enabled reports whether people can sign in at all.
func (b *Browser) Enabled() bool { return b.provider != nil }

// Handler serves GET /sign-in (?next=/path, where to go after it), GET
// /sign-in/callback and POST /sign-out. A POST from another site is refused. POST
// /sign-in/back-channel-logout is for the provider.
func (b *Browser) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+signInPath, b.begin)
	mux.HandleFunc("GET "+callbackPath, b.finish)
	mux.HandleFunc("POST "+signOutPath, b.signOut)
	mux.HandleFunc("POST "+endedPath, b.providerEnded)
	guarded := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Strict-Transport-Security", "max-age=31536000")
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		guarded.ServeHTTP(w, r)
	})
}

// Principal gives who is signed in by the session cookie of a request. Without
// one it is CodeUnauthenticated, with one that is worth nothing any more
// CodeSessionEnded. Tokens in the Authorization header count for nothing here.
func (b *Browser) Principal(r *http.Request) (gatehouse.Principal, error) {
	cookies := r.CookiesNamed(sessionCookie)
	if len(cookies) != 1 || cookies[0].Value == "" {
		return gatehouse.Principal{}, gatehouse.Errorf(gatehouse.CodeUnauthenticated, "Nobody is signed in.").WithAdvice("Sign in.")
	}
	return b.people.AuthenticateBrowser(r.Context(), cookies[0].Value)
}

// begun is what a browser keeps of a sign-in that it began.
type begun struct {
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"` // of PKCE
	Next     string    `json:"p"`
	Until    time.Time `json:"u"`
}

const browserPurpose = "gatehouse sign-in in a browser"

// begin sends the browser to the provider.
func (b *Browser) begin(w http.ResponseWriter, r *http.Request) {
	if b.provider == nil {
		b.refuse(w, r, gatehouse.Errorf(gatehouse.CodeSignInOff, "Signing in is not configured here."))
		return
	}
	f, err := b.provider.look(r.Context())
	if err != nil {
		b.refuse(w, r, err)
		return
	}
	keep := begun{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Next: localPath(r.URL.Query().Get("next")), Until: b.now().Add(beginTime)}
	sealed, err := b.sealer.seal(keep, browserPurpose)
	if err != nil {
		b.refuse(w, r, err)
		return
	}
	setCookie(w, beginCookie, sealed, int(beginTime/time.Second))
	options := []oauth2.AuthCodeOption{oidc.Nonce(keep.Nonce), oauth2.S256ChallengeOption(keep.Verifier)}
	if len(b.provider.ACR) > 0 {
		options = append(options, oauth2.SetAuthURLParam("acr_values", strings.Join(b.provider.ACR, " ")))
	}
	http.Redirect(w, r, f.oauth.AuthCodeURL(keep.State, options...), http.StatusSeeOther)
}

// finish is where the provider sends the browser back to.
func (b *Browser) finish(w http.ResponseWriter, r *http.Request) {
	setCookie(w, beginCookie, "", -1)
	if b.provider == nil {
		b.refuse(w, r, gatehouse.Errorf(gatehouse.CodeSignInOff, "Signing in is not configured here."))
		return
	}
	a, next, err := b.answer(r)
	if err != nil {
		b.refuse(w, r, b.people.RefuseSignIn(r.Context(), workspaces.SignInBrowser, err))
		return
	}
	old := ""
	if cookies := r.CookiesNamed(sessionCookie); len(cookies) == 1 {
		old = cookies[0].Value
	}
	secret, _, err := b.people.SignIn(r.Context(), a, workspaces.SignInBrowser, old)
	if err != nil {
		b.refuse(w, r, err)
		return
	}
	setCookie(w, sessionCookie, secret, 0)
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// answer checks what the provider sent back against what this browser began.
func (b *Browser) answer(r *http.Request) (a workspaces.Authenticated, next string, err error) {
	failed := func(format string, args ...any) *gatehouse.Error {
		return gatehouse.Errorf(gatehouse.CodeSignInFailed, format, args...)
	}
	q := r.URL.Query()
	cookies := r.CookiesNamed(beginCookie)
	var kept begun
	if len(cookies) != 1 || b.sealer.open(cookies[0].Value, browserPurpose, &kept) != nil {
		return a, "", failed("This browser did not begin to sign in, or the service was restarted meanwhile.")
	}
	if !b.now().Before(kept.Until) {
		return a, "", failed("Signing in took longer than ten minutes.")
	}
	if len(q["state"]) != 1 || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(kept.State)) != 1 {
		return a, "", failed("The answer of the identity provider belongs to another sign-in.")
	}
	// A provider that names itself must be the one that was asked (RFC 9207).
	if iss := q.Get("iss"); iss != "" && iss != b.provider.Issuer {
		return a, "", failed("The answer comes from another identity provider.")
	}
	if q.Has("error") {
		return a, "", failed("The identity provider did not let you sign in.").Because(providerSays(q.Get("error")))
	}
	f, err := b.provider.look(r.Context())
	if err != nil {
		return a, "", err
	}
	token, err := b.provider.exchange(r.Context(), f.oauth, q.Get("code"), oauth2.VerifierOption(kept.Verifier))
	if err != nil {
		return a, "", err
	}
	a, err = b.provider.authenticated(r.Context(), f, token, kept.Nonce)
	return a, kept.Next, err
}

// providerSays is an error code of the provider's, for the operator's log.
type providerSays string

func (s providerSays) Error() string { return "the provider says " + string(s[:min(len(s), 100)]) }

// signOut ends the session, here; the provider may keep its own.
func (b *Browser) signOut(w http.ResponseWriter, r *http.Request) {
	p, err := b.Principal(r)
	if err == nil {
		err = b.people.SignOut(r.Context(), p)
	}
	if err != nil && gatehouse.Public(err).Kind() != gatehouse.KindUnauthenticated {
		b.refuse(w, r, err) // the session may be live still: the cookie stays
		return
	}
	setCookie(w, sessionCookie, "", -1)
	w.Header().Set("Clear-Site-Data", `"cache"`)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// setCookie sets a cookie for as many seconds, for as long as the browser is open
// (0), or takes it away (less).
func setCookie(w http.ResponseWriter, name, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: seconds, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// localPath is where to go after signing in: a path of this server, or "/".
func localPath(s string) string {
	u, err := url.Parse(s)
	if err != nil || len(s) > 1000 || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || !strings.HasPrefix(s, "/") ||
		strings.HasPrefix(s, "//") || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }) {
		return "/"
	}
	switch u.Path {
	case signInPath, callbackPath, signOutPath:
		return "/"
	}
	return s
}

var statuses = map[gatehouse.Kind]int{
	gatehouse.KindUnauthenticated: http.StatusUnauthorized, gatehouse.KindDenied: http.StatusForbidden, gatehouse.KindUnavailable: http.StatusServiceUnavailable,
	gatehouse.KindExhausted: http.StatusTooManyRequests,
}

func (b *Browser) refuse(w http.ResponseWriter, r *http.Request, err error) {
	e := gatehouse.Public(err)
	if e.Code != gatehouse.CodeTooManyAttempts { // strangers do not fill the log either
		b.log.InfoContext(r.Context(), "a sign-in was refused", "code", e.Code, "cause", e.Err)
	}
	if e.Retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(e.Retry/time.Second)))
	}
	status, known := statuses[e.Kind()]
	if !known {
		status = http.StatusInternalServerError
	}
	b.Refused(w, r, status, e)
}

var refusalPage = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="en-GB"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Not signed in - Gatehouse</title></head>
<body><main><h1>You are not signed in</h1><p>{{.Message}}</p><p>{{.Advice}}</p><p>Code: {{.Code}}</p><p><a href="/sign-in">Sign in</a></p></main></body></html>
`))

func plainRefusal(w http.ResponseWriter, _ *http.Request, status int, err *gatehouse.Error) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = refusalPage.Execute(w, err) // the client may have gone
}
