package workspaces

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces/strangers"
)

// How long a session lasts, and how long it may go unused, unless Config says.
const (
	DefaultSignInLife = 8 * time.Hour
	DefaultSignInIdle = time.Hour
)

// Identity is an account at an OpenID Connect provider: the provider's issuer
// and its subject, which is never given to anybody else.
type Identity struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
}

// fingerprint names an identity in the journal without telling it.
func (i Identity) fingerprint() string {
	sum := sha256.Sum256([]byte(i.Issuer + "\n" + i.Subject))
	return hex.EncodeToString(sum[:8])
}

// valid refuses what no provider may issue.
func (i Identity) valid() error {
	u, err := url.Parse(i.Issuer)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || len(i.Issuer) > 255 {
		return gatehouse.Errorf(gatehouse.CodeConfig, "The issuer is not an https URL.").WithAdvice("Give it exactly as the provider's discovery document does.")
	}
	if i.Subject == "" || len(i.Subject) > 255 || strings.ContainsFunc(i.Subject, func(r rune) bool { return r < ' ' || r > '~' }) {
		return gatehouse.Errorf(gatehouse.CodeConfig, "The subject is not one of OpenID Connect: at most 255 characters of ASCII.").
			WithAdvice("Give the provider's 'sub' of the account, not its name or e-mail.")
	}
	return nil
}

// Authenticated is what a provider says of somebody, once its token has verified.
type Authenticated struct {
	Identity
	ACR string   // the level of assurance that was reached
	AMR []string // the methods that were used: "pwd", "otp", "hwk", "mfa" …
	// Session is the provider's name of its own session ("sid"), if it has one.
	Session string
}

// Factors is what is asked of every sign-in beside the provider's word. The zero
// Factors refuse everybody: that one factor is enough must be said.
type Factors struct {
	ACR []string // one of these levels must have been reached, if there are any
	AMR []string // one of these methods must have been used, if there are any
	// Any accepts whatever the provider accepts. It is for providers that ask for
	// a second factor always and do not say so, and for development.
	Any bool
}

// satisfied is CodeFactors for a sign-in that does not reach what is asked.
func (f Factors) satisfied(a Authenticated) error {
	switch {
	case len(f.ACR) == 0 && len(f.AMR) == 0 && !f.Any:
		return refuse(gatehouse.CodeFactors, "It is not configured which factors a sign-in needs, so nobody signs in.")
	case len(f.ACR) > 0 && !slices.Contains(f.ACR, a.ACR):
		return refuse(gatehouse.CodeFactors, "The sign-in did not reach a level of assurance that is asked for here.")
	case len(f.AMR) > 0 && !slices.ContainsFunc(a.AMR, func(m string) bool { return slices.Contains(f.AMR, m) }):
		return refuse(gatehouse.CodeFactors, "The sign-in did not use a factor that is asked for here.")
	}
	return nil
}

// SignInKind is where somebody is signed in. The secret of one kind is worth
// nothing where the other is asked for.
type SignInKind string

// The kinds.
const (
	SignInBrowser SignInKind = "browser" // a cookie, for the pages
	SignInDevice  SignInKind = "device"  // a bearer token, for the command line
)

// SignIn is a session in which somebody is, or was, signed in; without its secret.
type SignIn struct {
	ID       string
	User     string
	Kind     SignInKind
	Identity Identity
	Started  time.Time
	Seen     time.Time // the last use, to the minute or so
	Expires  time.Time
	Ended    time.Time // zero if it was not ended before it expired
	EndedBy  string

	ProviderSession string // the provider's name of its session, if it has one
}

// DeviceCode is what somebody confirms in a browser.
type DeviceCode struct {
	Handle   string        // what Poll is asked with; a secret of the command line
	UserCode string        // what the person compares or types
	URL      string        // where
	Complete string        // where, with the code filled in; may be ""
	Expires  time.Time     // until when
	Interval time.Duration // between two polls
}

// DeviceAnswer is how a sign-in on the command line stands.
type DeviceAnswer struct {
	Pending bool // nobody has confirmed yet
	Slower  bool // polled too often: wait five seconds longer from now on

	Token   string // bearer token of the session
	Session SignIn // the session
}

// SignInTx is the part of a transaction that knows accounts and sessions. What
// is asked for and absent is CodeNotFound.
type SignInTx interface {
	// LinkIdentity is for an account that is nobody's.
	LinkIdentity(ctx context.Context, who Identity, user string) error
	UnlinkIdentity(ctx context.Context, who Identity) error
	UserOf(ctx context.Context, who Identity) (string, error)
	Identities(ctx context.Context, user string) ([]Identity, error)

	// Somebody tells whether a user ever had an account, a session, a token, a role of
	// the house or a part in a project that had been approved, whatever became of it.
	Somebody(ctx context.Context, user string) (bool, error)

	Locked(ctx context.Context, user string) (bool, error)
	SetLocked(ctx context.Context, user string, locked bool) error

	AddSignIn(ctx context.Context, s SignIn, hash string) error
	SignInByID(ctx context.Context, id string) (SignIn, error)
	SignInByHash(ctx context.Context, hash string) (SignIn, error)
	// LiveSignIns gives those of a user ("" for everybody) that were not ended,
	// have not expired, and were used after idleSince.
	LiveSignIns(ctx context.Context, user string, idleSince time.Time) ([]SignIn, error)
	// SignInsAt gives those of an account ("" as its subject: of all accounts of the
	// issuer), or of one of the provider's sessions ("": of all), that are live or in
	// which a token was made that still can be used.
	SignInsAt(ctx context.Context, who Identity, session string) ([]SignIn, error)
	// SeeSignIn makes Now the last use of a session that was not ended.
	SeeSignIn(ctx context.Context, id string) error
	// EndSignIn is idempotent.
	EndSignIn(ctx context.Context, id, by string) error
}

// SignIn begins a session of the user to whom an account is linked, and gives
// its secret, of which only the hash is kept. The session of the same browser
// that replaces names by its secret ("" for none) ends.
//
// An account that is linked to nobody is CodeIdentityUnknown, too few factors
// CodeFactors, and a locked user CodeUserLocked. Each is journaled.
func (s *Service) SignIn(ctx context.Context, a Authenticated, kind SignInKind, replaces string) (string, SignIn, error) {
	e := gatehouse.Event{Action: "session.started", Subject: unknownToken, Detail: map[string]string{"kind": string(kind), "identity": a.fingerprint()}}
	var secret string
	var session SignIn
	err := s.Store.Update(ctx, func(tx Tx) error {
		if err := a.valid(); err != nil {
			return refuse(gatehouse.CodeSignInFailed, "The provider named nobody.")
		}
		if len(a.Session) > 255 {
			return refuse(gatehouse.CodeSignInFailed, "The provider's name of its session is too long.")
		}
		user, err := tx.UserOf(ctx, a.Identity)
		if gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
			return gatehouse.Errorf(gatehouse.CodeIdentityUnknown, "The account %q of %s belongs to no user here.", a.Subject, a.Issuer)
		}
		if err != nil {
			return err
		}
		e.Actor = user
		if err := s.Factors.satisfied(a); err != nil {
			return err
		}
		if err := unlocked(ctx, tx, user); err != nil {
			return err
		}
		if replaces != "" {
			if err := replaceSignIn(ctx, tx, hashSecret(replaces), user); err != nil {
				return err
			}
		}
		now := tx.Now()
		session = SignIn{ID: gatehouse.NewID("ses"), User: user, Kind: kind, Identity: a.Identity, Started: now, Seen: now, Expires: now.Add(s.signInLife()), ProviderSession: a.Session}
		var hash string
		secret, hash = newSecretOf(sessionPrefix)
		if err := tx.AddSignIn(ctx, session, hash); err != nil {
			return err
		}
		e.Subject = session.ID
		started := e
		started.Detail = map[string]string{"kind": string(kind), "identity": a.fingerprint()}
		for name, value := range map[string]string{"acr": a.ACR, "amr": strings.Join(a.AMR, " ")} {
			if word := shortWord(value); word != "" {
				started.Detail[name] = word
			}
		}
		tx.Record(started)
		return nil
	})
	if err != nil {
		e.Subject = unknownToken
		return "", SignIn{}, s.journalSignInRefusal(ctx, e, err)
	}
	return secret, session, nil
}

// shortWord is a claim of the provider's as far as it may stand in the journal.
func shortWord(s string) string {
	if len(s) > 100 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "unprintable"
	}
	return s
}

// replaceSignIn ends the session that a browser had when it signed in again.
func replaceSignIn(ctx context.Context, tx Tx, hash, by string) error {
	old, err := tx.SignInByHash(ctx, hash)
	if gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
		return nil
	}
	if err != nil || old.Kind != SignInBrowser || !old.Ended.IsZero() || !tx.Now().Before(old.Expires) {
		return err
	}
	tx.Record(gatehouse.Event{Actor: old.User, Action: "session.ended", Subject: old.ID, Detail: map[string]string{"how": "signed in again"}})
	return tx.EndSignIn(ctx, old.ID, by)
}

// RefuseSignIn journals that somebody was turned away before it was known who
// they are: what they or the provider brought does not verify. It gives cause,
// the error of the journal, or CodeTooManyAttempts.
func (s *Service) RefuseSignIn(ctx context.Context, kind SignInKind, cause error) error {
	return s.journalSignInRefusal(ctx, gatehouse.Event{Action: "session.started", Subject: unknownToken, Detail: map[string]string{"kind": string(kind)}}, cause)
}

// journalSignInRefusal is journalRefusal that keeps what e tells.
func (s *Service) journalSignInRefusal(ctx context.Context, e gatehouse.Event, err error) error {
	code := gatehouse.CodeOf(err)
	switch code {
	case gatehouse.CodeJournal, gatehouse.CodeBusy, gatehouse.CodeCancelled:
		return err // it cannot be recorded now
	}
	known := ""
	if e.Actor != "" {
		known = "user " + e.Actor
	}
	journal, err := s.Strangers.Refuse(ctx, strangers.Attempt{Action: e.Action, Known: known}, err)
	if !journal {
		return err
	}
	e.Action += ".refused"
	e.Detail["code"] = string(code)
	recording := s.Store.Update(context.WithoutCancel(ctx), func(tx Tx) error {
		tx.Record(e)
		return nil
	})
	if recording != nil {
		return recording
	}
	return err
}

// unlocked is CodeUserLocked for a user who may not come in.
func unlocked(ctx context.Context, tx Tx, user string) error {
	locked, err := tx.Locked(ctx, user)
	if err == nil && locked {
		err = refuse(gatehouse.CodeUserLocked, "The user %q is locked.", user)
	}
	return err
}

func (s *Service) signInLife() time.Duration {
	if s.SignInLife > 0 {
		return s.SignInLife
	}
	return DefaultSignInLife
}

func (s *Service) signInIdle() time.Duration {
	if s.SignInIdle > 0 {
		return s.SignInIdle
	}
	return DefaultSignInIdle
}
