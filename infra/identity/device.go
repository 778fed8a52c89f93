package identity

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/time/rate"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Devices signs people in on the command line: they confirm a code in a browser,
// anywhere, and the command line gets a session of its own (RFC 8628). The
// client's secret stays here.
type Devices struct {
	provider *Provider // nil: nobody signs in
	people   People
	sealer   sealer
	log      *slog.Logger

	// Anybody may begin, so that not everybody can make the provider busy.
	starts, polls *rate.Limiter
}

// NewDevices makes Devices. Without a provider each call is CodeSignInOff.
func NewDevices(provider *Provider, people People, log *slog.Logger) (*Devices, error) {
	s, err := newSealer()
	if err != nil {
		return nil, err
	}
	return &Devices{provider: provider, people: people, sealer: s, log: log, starts: rate.NewLimiter(2, 20), polls: rate.NewLimiter(20, 100)}, nil
}

type begunDevice struct {
	Code  string    `json:"c"`
	Until time.Time `json:"u"`
}

const devicePurpose = "gatehouse sign-in on a device"

// Start begins a sign-in. CodeProvider is a provider that cannot be asked, or
// does not know the device flow.
func (d *Devices) Start(ctx context.Context) (workspaces.DeviceCode, error) {
	if d.provider == nil {
		return workspaces.DeviceCode{}, gatehouse.Errorf(gatehouse.CodeSignInOff, "Signing in is not configured on this server.")
	}
	if !d.starts.Allow() {
		return workspaces.DeviceCode{}, gatehouse.Errorf(gatehouse.CodeBusy, "Too many people are signing in at once.")
	}
	f, err := d.provider.look(ctx)
	if err != nil {
		return workspaces.DeviceCode{}, err
	}
	if f.oauth.Endpoint.DeviceAuthURL == "" {
		return workspaces.DeviceCode{}, gatehouse.Errorf(gatehouse.CodeProvider, "The identity provider does not offer signing in on the command line.").
			WithAdvice("Sign in on the web pages, or use a token.")
	}
	var options []oauth2.AuthCodeOption
	if d.provider.ClientSecret != "" {
		options = append(options, oauth2.SetAuthURLParam("client_secret", d.provider.ClientSecret)) // oauth2 leaves the client's proof out here
	}
	says, err := f.oauth.DeviceAuth(d.provider.through(ctx), options...)
	if err != nil {
		return workspaces.DeviceCode{}, gatehouse.Errorf(gatehouse.CodeProvider, "The identity provider did not begin a sign-in.").Because(err)
	}
	code := workspaces.DeviceCode{UserCode: says.UserCode, URL: says.VerificationURI, Complete: says.VerificationURIComplete, Expires: says.Expiry, Interval: time.Duration(max(says.Interval, 1)) * time.Second}
	if says.Interval == 0 {
		code.Interval = 5 * time.Second // RFC 8628, 3.2
	}
	if latest := d.provider.Now().Add(30 * time.Minute); code.Expires.IsZero() || code.Expires.After(latest) {
		code.Expires = latest
	}
	if !webAddress(code.URL) || code.Complete != "" && !webAddress(code.Complete) || code.UserCode == "" || says.DeviceCode == "" {
		return workspaces.DeviceCode{}, gatehouse.Errorf(gatehouse.CodeProvider, "The identity provider did not begin a sign-in.")
	}
	code.Handle, err = d.sealer.seal(begunDevice{Code: says.DeviceCode, Until: code.Expires}, devicePurpose)
	return code, err
}

func webAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != ""
}

// Poll asks whether the person has confirmed. If so they are signed in, and the
// handle is used up.
func (d *Devices) Poll(ctx context.Context, handle string) (workspaces.DeviceAnswer, error) {
	if d.provider == nil {
		return workspaces.DeviceAnswer{}, gatehouse.Errorf(gatehouse.CodeSignInOff, "Signing in is not configured on this server.")
	}
	var kept begunDevice
	if d.sealer.open(handle, devicePurpose, &kept) != nil {
		return workspaces.DeviceAnswer{}, d.refuse(ctx, gatehouse.Errorf(gatehouse.CodeSignInFailed, "No sign-in was begun with this handle, or the service was restarted meanwhile."))
	}
	if !d.provider.Now().Before(kept.Until) {
		return workspaces.DeviceAnswer{}, d.refuse(ctx, gatehouse.Errorf(gatehouse.CodeSignInFailed, "The code has expired."))
	}
	if !d.polls.Allow() {
		return workspaces.DeviceAnswer{Pending: true, Slower: true}, nil
	}
	a, err := d.ask(ctx, kept.Code)
	var says *oauth2.RetrieveError
	if errors.As(err, &says) {
		switch says.ErrorCode {
		case "authorization_pending":
			return workspaces.DeviceAnswer{Pending: true}, nil
		case "slow_down":
			return workspaces.DeviceAnswer{Pending: true, Slower: true}, nil
		}
	}
	if err != nil {
		return workspaces.DeviceAnswer{}, d.refuse(ctx, err)
	}
	secret, session, err := d.people.SignIn(ctx, a, workspaces.SignInDevice, "")
	if err != nil {
		return workspaces.DeviceAnswer{}, err
	}
	return workspaces.DeviceAnswer{Token: secret, Session: session}, nil
}

// ask asks the provider once. oauth2 would ask again and again, and hold the
// connection of whoever polls.
func (d *Devices) ask(ctx context.Context, code string) (workspaces.Authenticated, error) {
	f, err := d.provider.look(ctx)
	if err != nil {
		return workspaces.Authenticated{}, err
	}
	once := f.oauth
	once.RedirectURL = ""
	token, err := d.provider.exchange(ctx, once, "", oauth2.SetAuthURLParam("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
		oauth2.SetAuthURLParam("device_code", code), oauth2.SetAuthURLParam("client_id", d.provider.ClientID))
	if err != nil {
		return workspaces.Authenticated{}, err
	}
	return d.provider.authenticated(ctx, f, token, "")
}

// refuse journals a refusal.
func (d *Devices) refuse(ctx context.Context, err error) error {
	answer := d.people.RefuseSignIn(ctx, workspaces.SignInDevice, err)
	if gatehouse.CodeOf(answer) != gatehouse.CodeTooManyAttempts { // strangers do not fill the log either
		e := gatehouse.Public(err)
		d.log.InfoContext(ctx, "a sign-in on the command line was refused", "code", e.Code, "cause", e.Err)
	}
	return answer
}
