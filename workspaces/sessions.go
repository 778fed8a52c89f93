package workspaces

import (
	"context"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// seenEvery is how often the use of a session is written down.
const seenEvery = time.Minute

// whenever is before every use of a session.
var whenever = time.Time{}

// AuthenticateBrowser turns the secret of a browser's session into the principal
// who is signed in. A session that is unknown is CodeUnauthenticated, and one
// that has ended, expired or gone unused for too long CodeSessionEnded; both are
// journaled. The secret of a token or of another kind of session is unknown here.
func (s *Service) AuthenticateBrowser(ctx context.Context, secret string) (gatehouse.Principal, error) {
	return s.authenticateSignIn(ctx, secret, SignInBrowser)
}

func (s *Service) authenticateSignIn(ctx context.Context, secret string, kind SignInKind) (gatehouse.Principal, error) {
	var session SignIn
	var now time.Time
	e := gatehouse.Event{Action: "session", Subject: unknownToken}
	err := s.Store.View(ctx, func(tx Tx) error {
		var err error
		now = tx.Now()
		session, err = tx.SignInByHash(ctx, hashSecret(secret))
		if gatehouse.CodeOf(err) == gatehouse.CodeNotFound || err == nil && session.Kind != kind {
			session = SignIn{}
			return refuse(gatehouse.CodeUnauthenticated, "The session is not known.")
		}
		if err != nil {
			return err
		}
		e.Actor, e.Subject = session.User, session.ID
		return session.usable(now, s.signInIdle())
	})
	if err != nil {
		return gatehouse.Principal{}, s.turnAway(ctx, e, session.ID, err)
	}
	if now.Sub(session.Seen) >= seenEvery {
		// If this cannot be written the session ends sooner, and nothing is let in.
		_ = s.Store.Update(ctx, func(tx Tx) error { return tx.SeeSignIn(ctx, session.ID) })
	}
	return gatehouse.Principal{User: session.User, Session: session.ID}, nil
}

func (s SignIn) usable(now time.Time, idle time.Duration) error {
	switch {
	case !s.Ended.IsZero():
		return refuse(gatehouse.CodeSessionEnded, "The session was ended.")
	case !now.Before(s.Expires):
		return refuse(gatehouse.CodeSessionEnded, "The session has expired.")
	case now.Sub(s.Seen) >= idle:
		return refuse(gatehouse.CodeSessionEnded, "The session went unused for too long.")
	}
	return nil
}

// SignOut ends the session in which p acts, or revokes the token that p holds.
func (s *Service) SignOut(ctx context.Context, p gatehouse.Principal) error {
	if strings.HasPrefix(p.Session, "tok_") {
		return s.RevokeToken(ctx, p, p.Session)
	}
	return s.EndSession(ctx, p, p.Session)
}

// EndSession ends a session at once. Its holder may, an operator, and System.
// Where somebody other than the holder ends it, so do the tokens that were made
// in it, even where the holder had ended it before. To everybody else there is no such session.
func (s *Service) EndSession(ctx context.Context, actor gatehouse.Principal, id string) error {
	e := gatehouse.Event{Actor: actor.User, Action: "session.ended", Subject: id}
	err := s.Store.Update(ctx, func(tx Tx) error {
		session, err := tx.SignInByID(ctx, id)
		if err != nil {
			return err
		}
		holder := actor.User == session.User && actor.Workspace == ""
		if !holder {
			if err := s.mayRevoke(ctx, actor); err != nil {
				return refuse(gatehouse.CodeNotFound, "There is no session %q.", id)
			}
		}
		switch over := !session.Ended.IsZero(); {
		case over && holder:
			return nil
		case over: // its holder signed out, which leaves the tokens
			return endTokens(ctx, tx, session, actor)
		case holder:
			return endSignIn(ctx, tx, session, actor, "signed out")
		}
		return s.endWithTokens(ctx, tx, session, actor, "revoked")
	})
	return s.journalRefusal(ctx, e, err)
}

// ProviderSignOut ends the sessions that a provider has ended from its side, with
// the tokens made in them, and in those that were over already: the one that it
// names, or all of an account if it names none. Those begun after it was told, at issued, go on: what is told again later
// means nothing new. What told it must have verified.
func (s *Service) ProviderSignOut(ctx context.Context, who Identity, session string, issued time.Time) error {
	if who.Subject == "" && session == "" || who.Issuer == "" {
		return refuse(gatehouse.CodeSignInFailed, "It is not said whose session has ended.")
	}
	return s.Store.Update(ctx, func(tx Tx) error {
		begun, err := tx.SignInsAt(ctx, who, session)
		if err != nil {
			return err
		}
		for _, b := range begun {
			switch {
			case b.Started.After(issued):
				continue
			case b.Ended.IsZero() && tx.Now().Before(b.Expires):
				err = s.endWithTokens(ctx, tx, b, System, "ended by the provider")
			default: // its holder signed out, or it expired, which leaves the tokens
				err = endTokens(ctx, tx, b, System)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// endWithTokens ends a session and the tokens that were made in it.
func (s *Service) endWithTokens(ctx context.Context, tx Tx, session SignIn, actor gatehouse.Principal, how string) error {
	if err := endSignIn(ctx, tx, session, actor, how); err != nil {
		return err
	}
	return endTokens(ctx, tx, session, actor)
}

// endTokens ends the tokens that were made in a session.
func endTokens(ctx context.Context, tx Tx, session SignIn, actor gatehouse.Principal) error {
	tokens, err := tx.Tokens(ctx, session.User)
	if err != nil {
		return err
	}
	return revokeTokens(ctx, tx, tokens, actor, func(t Token) (bool, error) { return t.Session == session.ID, nil })
}

// RevokeUser ends every session and token of a user at once. The user may, an
// operator, and System.
func (s *Service) RevokeUser(ctx context.Context, actor gatehouse.Principal, user string) error {
	return s.revokeUser(ctx, actor, user, "user.revoked", func(Tx) error { return nil })
}

// LockUser is RevokeUser, and lets the user neither sign in nor be given a token
// until they are unlocked. An operator may, and System.
func (s *Service) LockUser(ctx context.Context, actor gatehouse.Principal, user string) error {
	return s.revokeUser(ctx, actor, user, "user.locked", func(tx Tx) error {
		if err := s.mayRevoke(ctx, actor); err != nil {
			return err // a user may end their own sessions, and not lock themselves out
		}
		return tx.SetLocked(ctx, user, true)
	})
}

// UnlockUser lets a user in again. Only System may.
func (s *Service) UnlockUser(ctx context.Context, actor gatehouse.Principal, user string) error {
	return s.actAsSystem(ctx, actor, gatehouse.Event{Action: "user.unlocked", Subject: user}, func(tx Tx) error {
		if err := requireUser(ctx, tx, user); err != nil {
			return err
		}
		return tx.SetLocked(ctx, user, false)
	})
}

func (s *Service) revokeUser(ctx context.Context, actor gatehouse.Principal, user, action string, and func(Tx) error) error {
	e := gatehouse.Event{Actor: actor.User, Action: action, Subject: user}
	err := s.Store.Update(ctx, func(tx Tx) error {
		if actor.User != user || actor.Workspace != "" {
			if err := s.mayRevoke(ctx, actor); err != nil {
				return err
			}
		}
		if err := requireUser(ctx, tx, user); err != nil {
			return err
		}
		if err := and(tx); err != nil {
			return err
		}
		tx.Record(e)
		return endEverything(ctx, tx, user, actor)
	})
	return s.journalRefusal(ctx, e, err)
}

// endEverything ends all sessions and tokens of a user.
func endEverything(ctx context.Context, tx Tx, user string, actor gatehouse.Principal) error {
	sessions, err := tx.LiveSignIns(ctx, user, whenever)
	if err != nil {
		return err
	}
	for _, session := range sessions {
		if err := endSignIn(ctx, tx, session, actor, "revoked"); err != nil {
			return err
		}
	}
	tokens, err := tx.Tokens(ctx, user)
	if err != nil {
		return err
	}
	return revokeTokens(ctx, tx, tokens, actor, func(Token) (bool, error) { return true, nil })
}

func endSignIn(ctx context.Context, tx Tx, session SignIn, actor gatehouse.Principal, how string) error {
	tx.Record(gatehouse.Event{Actor: actor.User, Action: "session.ended", Subject: session.ID, Detail: map[string]string{"how": how, "user": session.User}})
	return tx.EndSignIn(ctx, session.ID, actor.User)
}

func revokeTokens(ctx context.Context, tx Tx, tokens []Token, actor gatehouse.Principal, which func(Token) (bool, error)) error {
	for _, t := range tokens {
		if t.usable(tx.Now()) != nil {
			continue
		}
		if is, err := which(t); err != nil {
			return err
		} else if !is {
			continue
		}
		tx.Record(gatehouse.Event{Actor: actor.User, Action: "token.revoked", Subject: t.ID})
		if err := tx.RevokeToken(ctx, t.ID); err != nil {
			return err
		}
	}
	return nil
}

// mayRevoke tells who may end what others began.
func (s *Service) mayRevoke(ctx context.Context, actor gatehouse.Principal) error {
	if actor == System {
		return nil
	}
	return s.Authorizer.Authorize(ctx, actor, gatehouse.ActionSessionRevoke, "")
}

// Sessions lists the sessions that are live now: those of a user, or with user
// "" everybody's. A user sees their own; operators, auditors and System all.
func (s *Service) Sessions(ctx context.Context, actor gatehouse.Principal, user string) ([]SignIn, error) {
	own := user != "" && actor.User == user && actor.Workspace == ""
	if actor != System && !own {
		if err := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionSessionRead, ""); err != nil {
			return nil, err
		}
	}
	var live []SignIn
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		live, err = tx.LiveSignIns(ctx, user, tx.Now().Add(-s.signInIdle()))
		return err
	})
	return live, err
}
