package development

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// codeTime is how long a sign-in may take; what is older is forgotten.
const codeTime = 10 * time.Minute

var errUnknown = errors.New("development: not known, or forgotten")

// storage is what the provider remembers, in memory.
type storage struct {
	key      signingKey
	accounts []Account
	client   *client
	now      func() time.Time

	mu       sync.Mutex
	requests map[string]*request // by id
	codes    map[string]string   // ids of requests, by authorization code
	devices  map[string]*device  // by device code
}

var (
	_ op.Storage                    = (*storage)(nil)
	_ op.DeviceAuthorizationStorage = (*storage)(nil)
)

// forget drops what took too long. Callers hold mu.
func (s *storage) forget() {
	old := s.now().Add(-codeTime)
	for id, r := range s.requests {
		if r.began.Before(old) {
			delete(s.requests, id)
		}
	}
	for code, id := range s.codes {
		if s.requests[id] == nil {
			delete(s.codes, code)
		}
	}
	for code, d := range s.devices {
		if s.now().After(d.Expires) {
			delete(s.devices, code)
		}
	}
}

func (s *storage) account(subject string) (Account, bool) {
	i := slices.IndexFunc(s.accounts, func(a Account) bool { return a.Subject == subject })
	if i < 0 {
		return Account{}, false
	}
	return s.accounts[i], true
}

// request is a sign-in in a browser.
type request struct {
	id      string
	began   time.Time
	asked   oidc.AuthRequest
	account Account
	at      time.Time // when the account was chosen
}

func (r *request) GetID() string                      { return r.id }
func (r *request) GetACR() string                     { return r.account.ACR }
func (r *request) GetAMR() []string                   { return r.account.AMR }
func (r *request) GetAudience() []string              { return []string{r.asked.ClientID} }
func (r *request) GetAuthTime() time.Time             { return r.at }
func (r *request) GetClientID() string                { return r.asked.ClientID }
func (r *request) GetNonce() string                   { return r.asked.Nonce }
func (r *request) GetRedirectURI() string             { return r.asked.RedirectURI }
func (r *request) GetResponseType() oidc.ResponseType { return r.asked.ResponseType }
func (r *request) GetResponseMode() oidc.ResponseMode { return r.asked.ResponseMode }
func (r *request) GetScopes() []string                { return r.asked.Scopes }
func (r *request) GetState() string                   { return r.asked.State }
func (r *request) GetSubject() string                 { return r.account.Subject }
func (r *request) Done() bool                         { return r.account.Subject != "" }
func (r *request) GetCodeChallenge() *oidc.CodeChallenge {
	if r.asked.CodeChallenge == "" {
		return nil
	}
	return &oidc.CodeChallenge{Challenge: r.asked.CodeChallenge, Method: r.asked.CodeChallengeMethod}
}

func (s *storage) CreateAuthRequest(_ context.Context, asked *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	r := &request{id: rand.Text(), began: s.now(), asked: *asked}
	s.requests[r.id] = r
	return r, nil
}

func (s *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	if r, ok := s.requests[id]; ok {
		done := *r
		return &done, nil
	}
	return nil, errUnknown
}

// choose makes an account the answer to a request.
func (s *storage) choose(id, subject string) error {
	a, known := s.account(subject)
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.requests[id]
	if !known || !ok || r.Done() {
		return errUnknown
	}
	r.account, r.at = a, s.now()
	return nil
}

func (s *storage) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	id := s.codes[code]
	s.mu.Unlock()
	return s.AuthRequestByID(ctx, id)
}

func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = id
	return nil
}

// DeleteAuthRequest makes a code good for one use.
func (s *storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.requests, id)
	s.forget()
	return nil
}

// device is a sign-in on a command line.
type device struct {
	op.DeviceAuthorizationState
	userCode string
}

func (s *storage) StoreDeviceAuthorization(_ context.Context, clientID, deviceCode, userCode string, expires time.Time, scopes []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	s.devices[deviceCode] = &device{op.DeviceAuthorizationState{ClientID: clientID, Scopes: scopes, Expires: expires}, userCode}
	return nil
}

func (s *storage) GetDeviceAuthorizatonState(_ context.Context, clientID, deviceCode string) (*op.DeviceAuthorizationState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	d, ok := s.devices[deviceCode]
	if !ok || d.ClientID != clientID {
		return nil, errUnknown
	}
	if d.Done {
		delete(s.devices, deviceCode) // its token is made once
	}
	state := d.DeviceAuthorizationState
	return &state, nil
}

// confirm lets an account answer for the command line that shows a code; subject
// "" says no to it.
func (s *storage) confirm(userCode, subject string) error {
	a, known := s.account(subject)
	if !known && subject != "" {
		return errUnknown
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	for _, d := range s.devices {
		if normal(d.userCode) != normal(userCode) || d.Done || d.Denied {
			continue
		}
		d.Done, d.Denied, d.Subject, d.AMR, d.AuthTime = known, !known, a.Subject, a.AMR, s.now()
		return nil
	}
	return errUnknown
}

// normal is a code however it was typed.
func normal(code string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToUpper(code))
}

func (s *storage) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return rand.Text(), s.now().Add(time.Minute), nil
}

func (s *storage) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (string, string, time.Time, error) {
	return "", "", time.Time{}, errUnknown
}

func (s *storage) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, errUnknown
}

func (s *storage) TerminateSession(context.Context, string, string) error { return nil }

func (s *storage) RevokeToken(context.Context, string, string, string) *oidc.Error { return nil }

func (s *storage) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) { return s.key, nil }

func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{s.key.SignatureAlgorithm()}, nil
}

func (s *storage) KeySet(context.Context) ([]op.Key, error) { return []op.Key{publicKey{s.key}}, nil }

func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != s.client.id {
		return nil, errUnknown
	}
	return s.client, nil
}

func (s *storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if id != s.client.id || subtle.ConstantTimeCompare([]byte(secret), []byte(s.client.secret)) != 1 {
		return errUnknown
	}
	return nil
}

// The provider tells nothing of its accounts but what the ID token says.

func (s *storage) SetUserinfoFromScopes(_ context.Context, info *oidc.UserInfo, subject, _ string, _ []string) error {
	info.Subject = subject // the ID token's subject becomes this one
	return nil
}

func (s *storage) SetUserinfoFromToken(context.Context, *oidc.UserInfo, string, string, string) error {
	return errUnknown
}

func (s *storage) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errUnknown
}

func (s *storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

func (s *storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errUnknown
}

func (s *storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errUnknown
}

func (s *storage) Health(context.Context) error { return nil }

// client is the one client: Gatehouse.
type client struct{ id, secret, redirect string }

func (c *client) GetID() string                       { return c.id }
func (c *client) RedirectURIs() []string              { return []string{c.redirect} }
func (c *client) PostLogoutRedirectURIs() []string    { return nil }
func (c *client) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }
func (c *client) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethodBasic }
func (c *client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c *client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeDeviceCode}
}
func (c *client) LoginURL(id string) string           { return accountsPath + "?id=" + id }
func (c *client) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeBearer }
func (c *client) IDTokenLifetime() time.Duration      { return 5 * time.Minute }
func (c *client) DevMode() bool                       { return false }
func (c *client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}
func (c *client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}
func (c *client) IsScopeAllowed(string) bool           { return false }
func (c *client) IDTokenUserinfoClaimsAssertion() bool { return false }
func (c *client) ClockSkew() time.Duration             { return 0 }
