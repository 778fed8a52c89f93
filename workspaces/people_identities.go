package workspaces

import (
	"context"

	"github.com/gatehouse-tre/gatehouse"
)

// LinkIdentity lets a user sign in with an account at a provider. A user may
// have several; an account that is a user's already is CodeConflict. System may; an
// operator too, for a user who never had an account, a session, a token or a role and
// is in no project: everybody else's account would be a way to act as them.
func (s *Service) LinkIdentity(ctx context.Context, actor gatehouse.Principal, user string, who Identity) error {
	e := gatehouse.Event{Action: "identity.linked", Subject: user, Detail: map[string]string{"identity": who.fingerprint()}}
	return s.inHouse(ctx, actor, gatehouse.ActionUserAdd, e, func(tx Tx) error {
		if err := who.valid(); err != nil {
			return err
		}
		if err := requireUser(ctx, tx, user); err != nil {
			return err
		}
		if actor != System {
			if err := nobodyYet(ctx, tx, user); err != nil {
				return err
			}
		}
		held, err := tx.UserOf(ctx, who)
		if err == nil {
			return gatehouse.Errorf(gatehouse.CodeConflict, "The account %q of %s is %s's already.", who.Subject, who.Issuer, held)
		}
		if gatehouse.CodeOf(err) != gatehouse.CodeNotFound {
			return err
		}
		return tx.LinkIdentity(ctx, who, user)
	})
}

// nobodyYet is CodeSeparation for a user who can do anything here, or ever could: a
// new account for somebody who has left brings back what they could do, and their name.
func nobodyYet(ctx context.Context, tx Tx, user string) error {
	refused := separation("%s is somebody here already, or was: whose account is theirs is for the owner of the machine to say.", user)
	ever, err := tx.Somebody(ctx, user)
	if err != nil {
		return err
	}
	if ever {
		return refused
	}
	projects, err := tx.Projects(ctx)
	if err != nil {
		return err
	}
	for _, p := range projects {
		if _, member := p.member(user); member || p.CreatedBy == user {
			return refused
		}
	}
	asked, err := tx.Appointments(ctx)
	if err != nil {
		return err
	}
	for _, a := range asked {
		if a.User == user && a.Open(tx.Now()) {
			return refused // whoever confirms it looks at the accounts
		}
	}
	return nil
}

// UnlinkIdentity takes an account from the user who signs in with it, and ends
// the sessions that were begun with it, with the tokens made in them. Only
// System may.
func (s *Service) UnlinkIdentity(ctx context.Context, actor gatehouse.Principal, user string, who Identity) error {
	e := gatehouse.Event{Action: "identity.unlinked", Subject: user, Detail: map[string]string{"identity": who.fingerprint()}}
	return s.actAsSystem(ctx, actor, e, func(tx Tx) error {
		held, err := tx.UserOf(ctx, who)
		if err != nil || held != user {
			return gatehouse.Errorf(gatehouse.CodeNotFound, "The account %q of %s is not linked to %q.", who.Subject, who.Issuer, user)
		}
		sessions, err := tx.LiveSignIns(ctx, user, whenever)
		if err != nil {
			return err
		}
		tokens, err := tx.Tokens(ctx, user)
		if err != nil {
			return err
		}
		for _, session := range sessions {
			if session.Identity != who {
				continue
			}
			if err := endSignIn(ctx, tx, session, actor, "revoked"); err != nil {
				return err
			}
		}
		if err := revokeTokens(ctx, tx, tokens, actor, func(t Token) (bool, error) {
			if t.Session == "" {
				return false, nil
			}
			made, err := tx.SignInByID(ctx, t.Session)
			return made.Identity == who, err
		}); err != nil {
			return err
		}
		return tx.UnlinkIdentity(ctx, who)
	})
}

// Identities lists the accounts with which a user signs in. The user may, and
// System.
func (s *Service) Identities(ctx context.Context, actor gatehouse.Principal, user string) ([]Identity, error) {
	if actor != System && (actor.Anonymous() || actor.User != user || actor.Workspace != "") {
		return nil, gatehouse.Errorf(gatehouse.CodeDenied, "Accounts are listed to their holder only.")
	}
	var all []Identity
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		all, err = tx.Identities(ctx, user)
		return err
	})
	return all, err
}
