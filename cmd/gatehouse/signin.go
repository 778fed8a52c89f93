package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/identity"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// signInSettings is 'identity' in DIR/gatehouse.yaml: where people sign in, and
// what is asked of them. Files are relative to DIR.
type signInSettings struct {
	Issuer           string        `yaml:"issuer"`
	ClientID         string        `yaml:"client_id"`
	ClientSecretFile string        `yaml:"client_secret_file,omitempty"`
	CAFile           string        `yaml:"ca_file,omitempty"`
	PublicURL        string        `yaml:"public_url,omitempty"`
	Scopes           []string      `yaml:"scopes,omitempty"`
	RequireACR       []string      `yaml:"require_acr,omitempty"`
	RequireAMR       []string      `yaml:"require_amr,omitempty"`
	AnyFactor        bool          `yaml:"any_factor,omitempty"`
	SessionLife      time.Duration `yaml:"session_life,omitempty"`
	SessionIdle      time.Duration `yaml:"session_idle,omitempty"`
}

// configured reports whether people can sign in.
func (s signInSettings) configured() bool { return s.Issuer != "" }

// publicURL is where browsers reach the server.
func (s signInSettings) publicURL(ownURL string) string {
	if s.PublicURL == "" {
		return ownURL
	}
	return strings.TrimSuffix(s.PublicURL, "/")
}

// check is CodeConfig for settings with which nobody, or anybody, could sign in.
func (s signInSettings) check() error {
	switch {
	case !s.configured():
		return nil
	case len(s.RequireACR) == 0 && len(s.RequireAMR) == 0 && !s.AnyFactor:
		return gatehouse.Errorf(gatehouse.CodeConfig, "It is not said which factors a sign-in needs.").
			WithAdvice("Set require_amr (for example [mfa]) or require_acr under identity, or 'any_factor: true' if the provider always asks for a second factor.")
	case s.AnyFactor && (len(s.RequireACR) > 0 || len(s.RequireAMR) > 0):
		return gatehouse.Errorf(gatehouse.CodeConfig, "any_factor contradicts require_acr and require_amr.").WithAdvice("Keep one of them.")
	case s.SessionLife < 0 || s.SessionLife > 24*time.Hour || s.SessionIdle < 0 || s.SessionIdle != 0 && s.SessionIdle < 5*time.Minute:
		return gatehouse.Errorf(gatehouse.CodeConfig, "A session lasts at most a day, and ends unused after five minutes at the soonest.").
			WithAdvice("Correct session_life and session_idle under identity.")
	}
	return nil
}

// admit sets what is asked of everybody who signs in.
func (in *installation) admit(s signInSettings) error {
	if err := s.check(); err != nil {
		return err
	}
	in.settings.Identity = s
	in.workspaces.Factors = workspaces.Factors{ACR: s.RequireACR, AMR: s.RequireAMR, Any: s.AnyFactor}
	in.workspaces.SignInLife, in.workspaces.SignInIdle = s.SessionLife, s.SessionIdle
	return nil
}

// signInFlags are the settings of identity on the command line, which go before
// those in gatehouse.yaml, one by one.
type signInFlags struct{ signInSettings }

func (f *signInFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.Issuer, "issuer", "", "https URL of the OpenID Connect provider where people sign in (or identity in gatehouse.yaml, as for all of these)")
	flags.StringVar(&f.ClientID, "client-id", "", "name under which the provider knows this server")
	flags.StringVar(&f.ClientSecretFile, "client-secret-file", "", "file that holds the client's secret")
	flags.StringVar(&f.CAFile, "issuer-ca", "", "PEM file of the authority that signed the provider's certificate")
	flags.StringVar(&f.PublicURL, "public-url", "", "https URL under which browsers reach this server (default the address of --http)")
	flags.StringSliceVar(&f.RequireACR, "require-acr", nil, "levels of assurance of which a sign-in must have reached one")
	flags.StringSliceVar(&f.RequireAMR, "require-amr", nil, "methods of which a sign-in must have used one, for example mfa")
	flags.BoolVar(&f.AnyFactor, "any-factor", false, "ask for no factors of our own: the provider always asks for a second one")
}

// apply sets what was given.
func (f *signInFlags) apply(c *cobra.Command, in *installation) error {
	s, given := in.settings.Identity, c.Flags().Changed
	for flag, set := range map[string]func(){
		"issuer": func() { s.Issuer = f.Issuer }, "client-id": func() { s.ClientID = f.ClientID }, "client-secret-file": func() { s.ClientSecretFile = absolute(f.ClientSecretFile) },
		"issuer-ca": func() { s.CAFile = absolute(f.CAFile) }, "public-url": func() { s.PublicURL = f.PublicURL }, "any-factor": func() { s.AnyFactor = f.AnyFactor },
		"require-acr": func() { s.RequireACR = f.RequireACR }, "require-amr": func() { s.RequireAMR = f.RequireAMR },
	} {
		if given(flag) {
			set()
		}
	}
	return in.admit(s)
}

// absolute is a file that was named where the command was given.
func absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		return whole
	}
	return path
}

// provider is where people sign in; nil if that is not configured.
func (s signInSettings) provider(dir, ownURL string) (*identity.Provider, error) {
	if !s.configured() {
		return nil, nil
	}
	c := identity.Config{Issuer: s.Issuer, ClientID: s.ClientID, PublicURL: s.publicURL(ownURL), Scopes: s.Scopes, ACR: s.RequireACR}
	read := func(path string) ([]byte, error) {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The file %s cannot be read, which the settings of identity name.", path).Because(err)
		}
		return text, nil
	}
	if s.ClientSecretFile != "" {
		text, err := read(s.ClientSecretFile)
		if err != nil {
			return nil, err
		}
		if c.ClientSecret = strings.TrimSpace(string(text)); c.ClientSecret == "" {
			return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The file of the client secret is empty.")
		}
	}
	if s.CAFile != "" {
		var err error
		if c.CA, err = read(s.CAFile); err != nil {
			return nil, err
		}
	}
	return identity.NewProvider(c)
}

// pageTime is how long a page may take, from the first byte of the request on.
const pageTime = time.Minute

// frontDoor sends programs to the API, which takes bearer tokens and no cookies,
// and people to the pages, which take the cookie of a session and no tokens, and
// refuse what another site sends.
func frontDoor(api, signIn, site http.Handler) http.Handler {
	signIn = timed(signIn)
	if site == nil {
		site = api // which says that there is no such path
	} else {
		site = timed(site)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case strings.HasPrefix(path, "/v1/"), path == "/openapi.json", path == "/openapi.yaml", path == "/healthz":
			api.ServeHTTP(w, r)
		case path == "/sign-in", strings.HasPrefix(path, "/sign-in/"), path == "/sign-out":
			signIn.ServeHTTP(w, r)
		default:
			site.ServeHTTP(w, r)
		}
	})
}

// timed gives a page its time; what needs longer sets its own deadlines.
func timed(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(time.Now().Add(pageTime)) // a recorder in a test has none
		_ = control.SetWriteDeadline(time.Now().Add(pageTime))
		pages.ServeHTTP(w, r)
	})
}
