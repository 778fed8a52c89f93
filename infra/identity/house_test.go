package identity_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/identity"
	"github.com/gatehouse-tre/gatehouse/infra/identity/development"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/policy"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// house is a site with real state, journal and policy, where people sign in at a
// real provider. Its clock runs ahead of the provider's as far as a test says.
type house struct {
	*workspaces.Service
	t        testing.TB
	db       *state.DB
	log      *bytes.Buffer
	certs    *httptest.Server // lends its certificate to everybody
	issuer   string
	site     string
	provider *identity.Provider
	browser  *identity.Browser
	devices  *identity.Devices

	mu    sync.Mutex
	ahead time.Duration
}

// accounts of the provider: of a user, of one without a second factor, of nobody.
var accounts = []development.Account{
	{Subject: "sub-ada", Title: "Ada", AMR: []string{"pwd", "mfa"}, ACR: "2"},
	{Subject: "sub-oona", Title: "Oona, operator", AMR: []string{"pwd", "mfa"}, ACR: "2"},
	{Subject: "sub-ada-weak", Title: "Ada without a second factor", AMR: []string{"pwd"}},
	{Subject: "sub-nobody", Title: "Not known here", AMR: []string{"pwd", "mfa"}, ACR: "2"},
}

const clientID, clientSecret = "gatehouse", "a secret with + and %"

func newHouse(t testing.TB) *house {
	t.Helper()
	h := newState(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	h.must(err)
	// The site's address is known once it listens, and the provider's is too.
	var pages http.Handler
	site := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { pages.ServeHTTP(w, r) }))
	site.TLS = h.tls()
	site.StartTLS()
	t.Cleanup(site.Close)
	h.site = site.URL
	provider, err := development.Start(development.Options{
		Listener: listener, TLS: h.tls(), Accounts: accounts, ClientID: clientID, ClientSecret: clientSecret, RedirectURL: site.URL + "/sign-in/callback",
	})
	h.must(err)
	t.Cleanup(func() { h.must(provider.Stop(context.Background())) })
	h.issuer = provider.Issuer()
	for subject, user := range map[string]string{"sub-ada": "ada", "sub-ada-weak": "ada", "sub-oona": "oona"} {
		h.must(h.LinkIdentity(t.Context(), workspaces.System, user, workspaces.Identity{Issuer: h.issuer, Subject: subject}))
	}
	pages = h.open(h.issuer)
	return h
}

// newState is a house without a provider yet.
func newState(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, log: &bytes.Buffer{}, certs: httptest.NewTLSServer(nil)}
	t.Cleanup(h.certs.Close)
	dir := t.TempDir()
	store, err := keys.Create(filepath.Join(dir, "keys"))
	h.must(err)
	key, err := store.Signer(keys.Journal)
	h.must(err)
	signer, err := journal.NewSigner(key)
	h.must(err)
	h.db, err = state.Open(t.Context(), filepath.Join(dir, "state", "gatehouse.db"), state.Options{Journal: journal.New(signer, filepath.Join(dir, "journal", "checkpoint")), Now: h.clock})
	h.must(err)
	t.Cleanup(func() { h.db.Close() })
	rules, err := policy.New(state.Workspaces(h.db))
	h.must(err)
	h.Service, err = workspaces.New(workspaces.Config{
		Store: state.Workspaces(h.db), Authorizer: rules, Catalogue: (*catalog.Catalogue)(nil), Pseudonymiser: store, Policies: (*egress.Policies)(nil), Dir: dir, MaxListAge: time.Hour,
		Factors: workspaces.Factors{AMR: []string{"mfa"}},
	})
	h.must(err)
	for _, user := range []string{"ada", "oona"} {
		h.must(h.AddUser(t.Context(), workspaces.System, user))
	}
	h.must(h.GrantRole(t.Context(), workspaces.System, "oona", gatehouse.RoleOperator))
	return h
}

// open makes the pages of the site with the provider at issuer.
func (h *house) open(issuer string) http.Handler {
	h.t.Helper()
	log := slog.New(slog.NewTextHandler(h.log, nil))
	var err error
	h.provider, err = identity.NewProvider(identity.Config{Issuer: issuer, ClientID: clientID, ClientSecret: clientSecret, PublicURL: h.site, CA: h.ca(), Now: h.clock})
	h.must(err)
	h.browser, err = identity.NewBrowser(h.provider, h.Service, log)
	h.must(err)
	h.devices, err = identity.NewDevices(h.provider, h.Service, log)
	h.must(err)
	mux := http.NewServeMux()
	mux.Handle("/sign-in", h.browser.Handler())
	mux.Handle("/sign-in/", h.browser.Handler())
	mux.Handle("/sign-out", h.browser.Handler())
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		p, err := h.browser.Principal(r)
		fmt.Fprintf(w, "%s %s %v", r.URL, p.User, err)
	})
	return mux
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Now().Add(h.ahead)
}

// later puts the clock of the house forward.
func (h *house) later(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ahead += d
}

func (h *house) tls() *tls.Config {
	return &tls.Config{Certificates: h.certs.TLS.Certificates, MinVersion: tls.VersionTLS12}
}

func (h *house) ca() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.certs.Certificate().Raw})
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// events gives the journal's events, oldest first.
func (h *house) events() []gatehouse.Event {
	h.t.Helper()
	entries, err := journal.List(h.t.Context(), h.db.Reader(), journal.Filter{})
	h.must(err)
	events := make([]gatehouse.Event, len(entries))
	for i, e := range entries {
		events[len(entries)-1-i] = e.Event
	}
	return events
}

func (h *house) last() gatehouse.Event {
	events := h.events()
	return events[len(events)-1]
}

// person is somebody at a browser.
type person struct {
	*house
	http *http.Client
	// edit changes an address before the browser goes there, if it is set.
	edit func(*url.URL)
}

func (h *house) person() *person {
	h.t.Helper()
	jar, err := cookiejar.New(nil)
	h.must(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(h.ca())
	p := &person{house: h}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	h.t.Cleanup(transport.CloseIdleConnections)
	p.http = &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if p.edit != nil {
			p.edit(r.URL)
		}
		if len(via) > 10 {
			return fmt.Errorf("%d redirects", len(via))
		}
		return nil
	}}
	return p
}

// reply is where a browser came to, and what it sees.
type reply struct {
	status int
	at     *url.URL
	body   string
	header http.Header
}

func (p *person) do(req *http.Request, err error) reply {
	p.t.Helper()
	p.must(err)
	resp, err := p.http.Do(req)
	p.must(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	p.must(err)
	return reply{resp.StatusCode, resp.Request.URL, string(body), resp.Header}
}

func (p *person) get(address string) reply {
	p.t.Helper()
	return p.do(http.NewRequest("GET", address, nil))
}

func (p *person) post(address string, form url.Values, header ...string) reply {
	p.t.Helper()
	req, err := http.NewRequest("POST", address, strings.NewReader(form.Encode()))
	p.must(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return p.do(req, nil)
}

var requestField = regexp.MustCompile(`name="id" value="([^"]+)"`)

// choose signs in at the provider from wherever signing in begins.
func (p *person) choose(begin, subject string) reply {
	p.t.Helper()
	page := p.get(begin)
	field := requestField.FindStringSubmatch(page.body)
	if field == nil {
		return page // it did not come to the provider
	}
	return p.post(page.at.String(), url.Values{"id": {field[1]}, "account": {subject}})
}

// signedIn signs somebody in, and looks that it worked.
func (h *house) signedIn(subject, user string) *person {
	h.t.Helper()
	p := h.person()
	if got := p.choose(h.site+"/sign-in", subject); got.status != http.StatusOK || got.body != "/ "+user+" <nil>" {
		h.t.Fatalf("%s is not signed in: %d %s %q\n%s", user, got.status, got.at, got.body, h.log)
	}
	return p
}

// who is signed in, by the page that says so.
func (p *person) who() string {
	p.t.Helper()
	return strings.TrimPrefix(p.get(p.site+"/").body, "/ ")
}

// cookie is what the browser keeps under a name.
func (p *person) cookie(name string) string {
	at, _ := url.Parse(p.site)
	for _, c := range p.http.Jar.Cookies(at) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}
