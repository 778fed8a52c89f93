// Package identity lets people sign in at an OpenID Connect provider: in a
// browser (authorization code with PKCE, state and nonce) and on the command line
// (device flow). It finds out who somebody is at the provider; who that is here,
// and whether they may come in, the domain decides.
package identity

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Config is what a Provider is made of.
type Config struct {
	Issuer       string // https URL, exactly as in the provider's discovery document
	ClientID     string
	ClientSecret string   // "" for a public client
	PublicURL    string   // https URL under which browsers reach this server
	Scopes       []string // beside openid
	ACR          []string // levels of assurance to ask the provider for, the best first
	CA           []byte   // PEM of the authority of the provider's certificate; nil trusts the system's
	Now          func() time.Time
}

// Provider is the OpenID Connect provider of an installation. It is looked up
// when somebody first signs in: Gatehouse starts and answers tokens without it.
type Provider struct {
	Config
	client  *http.Client
	looking singleflight.Group

	mu    sync.Mutex
	found *found // what discovery gave; guarded by mu
}

// found is what discovery gave.
type found struct {
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
}

// providerTime is how long the provider may take to answer.
const providerTime = 10 * time.Second

// answerBytes is the most that is read of one of the provider's answers.
const answerBytes = 1 << 20

// NewProvider makes a Provider, or is CodeConfig. Nothing is fetched yet.
func NewProvider(c Config) (*Provider, error) {
	if !secureURL(c.Issuer) {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The issuer of the identity provider is not an https URL.").WithAdvice("Give it exactly as the provider's discovery document does.")
	}
	if u, err := url.Parse(c.PublicURL); !secureURL(c.PublicURL) || err != nil || strings.Trim(u.Path, "/") != "" {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The public URL of this server is not https://HOST[:PORT].").WithAdvice("Give the address that people type into their browser.")
	}
	if c.ClientID == "" {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The client id is missing under which the identity provider knows this server.")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != nil {
		secure.RootCAs = x509.NewCertPool()
		if !secure.RootCAs.AppendCertsFromPEM(c.CA) {
			return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The file of the identity provider's authority holds no certificate.")
		}
	}
	return &Provider{Config: c, client: &http.Client{
		Timeout: providerTime,
		Transport: limited{&http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: secure, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: providerTime, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute,
		}},
		// Secrets and codes go to the address that was configured and to no other.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func secureURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

// limited reads no more than answerBytes of an answer.
type limited struct{ http.RoundTripper }

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, answerBytes), resp.Body}
	}
	return resp, err
}

// look gives the provider's endpoints and keys, fetching its discovery document
// if that was not done yet.
func (p *Provider) look(ctx context.Context) (*found, error) {
	p.mu.Lock()
	f := p.found
	p.mu.Unlock()
	if f != nil {
		return f, nil
	}
	v, err, _ := p.looking.Do("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), providerTime)
		defer cancel()
		f, err := p.discover(ctx)
		if err != nil {
			return nil, err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.found = f
		return f, nil
	})
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeProvider, "The identity provider cannot be reached, or is not the one that was configured.").Because(err)
	}
	return v.(*found), nil
}

func (p *Provider) discover(ctx context.Context) (*found, error) {
	provider, err := oidc.NewProvider(p.through(ctx), p.Issuer)
	if err != nil {
		return nil, err
	}
	var says struct {
		JWKS    string   `json:"jwks_uri"`
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := provider.Claims(&says); err != nil {
		return nil, err
	}
	endpoint := provider.Endpoint()
	for what, at := range map[string]string{"authorization": endpoint.AuthURL, "token": endpoint.TokenURL, "jwks": says.JWKS} {
		if u, err := url.Parse(at); err != nil || u.Scheme != "https" || u.Host == "" {
			return nil, fmt.Errorf("the provider's %s endpoint is not an https URL", what)
		}
	}
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if p.ClientSecret == "" || len(says.Methods) > 0 && !slices.Contains(says.Methods, "client_secret_basic") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &found{
		oauth: oauth2.Config{
			ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: endpoint,
			RedirectURL: strings.TrimSuffix(p.PublicURL, "/") + callbackPath, Scopes: append([]string{oidc.ScopeOpenID}, p.Scopes...),
		},
		verifier: provider.Verifier(&oidc.Config{ClientID: p.ClientID, Now: p.Now}),
	}, nil
}

// through makes the libraries use the client of this provider.
func (p *Provider) through(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.client)
}

// authenticated checks the ID token that came with a token from the provider's
// own token endpoint: signature, issuer, audience, expiry and nonce ("" for the
// device flow, which has none). What does not verify is CodeSignInFailed.
func (p *Provider) authenticated(ctx context.Context, f *found, token *oauth2.Token, nonce string) (workspaces.Authenticated, error) {
	a, err := p.read(ctx, f, token, nonce)
	if err != nil {
		return workspaces.Authenticated{}, gatehouse.Errorf(gatehouse.CodeSignInFailed, "What the identity provider says of you does not verify.").Because(err)
	}
	return a, nil
}

func (p *Provider) read(ctx context.Context, f *found, token *oauth2.Token, nonce string) (a workspaces.Authenticated, err error) {
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return a, errors.New("there is no ID token")
	}
	id, err := f.verifier.Verify(p.through(ctx), raw)
	if err != nil {
		return a, err
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1 {
		return a, errors.New("the ID token was made for another sign-in: its nonce differs")
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return a, err
		}
	}
	if id.IssuedAt.After(p.Now().Add(clockSkew)) {
		return a, errors.New("the ID token is of the future")
	}
	var claims struct {
		AZP string   `json:"azp"`
		ACR string   `json:"acr"`
		AMR []string `json:"amr"`
		SID string   `json:"sid"`
	}
	if err := id.Claims(&claims); err != nil {
		return a, err
	}
	// A token for several audiences says for whom it was made.
	if claims.AZP != p.ClientID && (claims.AZP != "" || len(id.Audience) > 1) {
		return a, errors.New("the ID token was made for another client")
	}
	return workspaces.Authenticated{Identity: workspaces.Identity{Issuer: p.Issuer, Subject: id.Subject}, ACR: claims.ACR, AMR: claims.AMR, Session: claims.SID}, nil
}

// clockSkew is how far the provider's clock may be ahead.
const clockSkew = time.Minute

// exchange turns a code into tokens. What the provider refuses is
// CodeSignInFailed; that it cannot be asked is CodeProvider.
func (p *Provider) exchange(ctx context.Context, o oauth2.Config, code string, options ...oauth2.AuthCodeOption) (*oauth2.Token, error) {
	token, err := o.Exchange(p.through(ctx), code, options...)
	var refused *oauth2.RetrieveError
	switch {
	case err == nil:
		return token, nil
	case errors.As(err, &refused) && refused.Response != nil && refused.Response.StatusCode < http.StatusInternalServerError:
		return nil, gatehouse.Errorf(gatehouse.CodeSignInFailed, "The identity provider did not confirm the sign-in.").Because(err)
	}
	return nil, gatehouse.Errorf(gatehouse.CodeProvider, "The identity provider did not answer.").Because(err)
}
