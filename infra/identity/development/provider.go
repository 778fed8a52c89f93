// Package development is an OpenID Connect provider for the demonstration and for
// tests, where signing in is choosing an account from a page. It proves nothing
// about anybody, so it listens on a loopback address and answers nobody else.
package development

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/gatehouse-tre/gatehouse"
)

// Account is somebody whom a click signs in.
type Account struct {
	Subject string
	Title   string   // what the page calls it
	Note    string   // who that is, for people who try things out
	ACR     string   // the level of assurance that its sign-ins reach
	AMR     []string // the methods that its sign-ins use
}

// Options are what a Provider is made of.
type Options struct {
	Listener     net.Listener // on a loopback address; the issuer is its https URL
	TLS          *tls.Config
	Accounts     []Account
	ClientID     string
	ClientSecret string
	RedirectURL  string // the one address to which browsers are sent back
}

// Provider is a running provider.
type Provider struct {
	issuer string
	server *http.Server
	done   chan error
}

// Start serves until Stop. An address that others can reach is CodeConfig.
func Start(o Options) (*Provider, error) {
	addr, err := netip.ParseAddrPort(o.Listener.Addr().String())
	if err != nil || !addr.Addr().Unmap().IsLoopback() {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The provider for development listens on a loopback address only: anybody can be anybody there.").
			WithAdvice("Configure a real OpenID Connect provider.")
	}
	issuer := "https://" + o.Listener.Addr().String()
	handler, err := newHandler(issuer, o)
	if err != nil {
		return nil, err
	}
	p := &Provider{issuer: issuer, done: make(chan error, 1), server: &http.Server{
		Handler: handler, TLSConfig: o.TLS.Clone(), ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
	}}
	go func() { p.done <- p.server.ServeTLS(o.Listener, "", "") }()
	return p, nil
}

// Issuer is the URL of the provider.
func (p *Provider) Issuer() string { return p.issuer }

// Stop ends it.
func (p *Provider) Stop(ctx context.Context) error {
	err := p.server.Shutdown(ctx)
	if served := <-p.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

func newHandler(issuer string, o Options) (http.Handler, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	s := &storage{
		key: signingKey{id: rand.Text(), key: key}, accounts: slices.Clone(o.Accounts), client: &client{id: o.ClientID, secret: o.ClientSecret, redirect: o.RedirectURL},
		requests: map[string]*request{}, codes: map[string]string{}, devices: map[string]*device{}, now: time.Now,
	}
	config := &op.Config{
		CodeMethodS256: true, AuthMethodPost: true, CryptoKeyId: rand.Text(),
		DeviceAuthorization: op.DeviceAuthorizationConfig{Lifetime: codeTime, PollInterval: time.Second, UserFormPath: devicePath, UserCode: op.UserCodeBase20},
	}
	rand.Read(config.CryptoKey[:])
	provider, err := op.NewProvider(config, s, op.StaticIssuer(issuer), op.WithCORSOptions(nil))
	if err != nil {
		return nil, err
	}
	pages := &pages{storage: s, callback: op.AuthCallbackURL(provider), issuer: op.NewIssuerInterceptor(provider.IssuerFromRequest)}
	mux := http.NewServeMux()
	pages.serve(mux)
	mux.Handle("/", provider)
	return loopbackOnly(mux), nil
}

// loopbackOnly refuses whoever does not come from this machine, and names of it
// that somebody else may have given it.
func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		host, _, splitErr := net.SplitHostPort(r.Host)
		ip, ipErr := netip.ParseAddr(host)
		if err != nil || !from.Addr().Unmap().IsLoopback() || splitErr != nil || host != "localhost" && (ipErr != nil || !ip.IsLoopback()) {
			http.Error(w, "This provider is for its own machine only.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// signingKey is the key of one run.
type signingKey struct {
	id  string
	key *ecdsa.PrivateKey
}

func (k signingKey) ID() string                                  { return k.id }
func (k signingKey) Key() any                                    { return k.key }
func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }

// publicKey is what others verify with.
type publicKey struct{ signingKey }

func (k publicKey) Key() any                           { return k.key.Public() }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.ES256 }
