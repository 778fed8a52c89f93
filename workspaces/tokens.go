package workspaces

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// MaxTokenLife is the longest that a token may be made to last.
const MaxTokenLife = 90 * 24 * time.Hour

// MaxOwnTokenLife is the longest that a token may last which its holder made.
const MaxOwnTokenLife = 12 * time.Hour

// The prefixes let scanners for leaked secrets recognise them, and tell a token
// from a session.
const (
	tokenPrefix   = "gatehouse_"
	sessionPrefix = "gatehouse-session_"
)

// newSecretOf gives a secret (256 random bits) and the hash that is kept.
func newSecretOf(prefix string) (secret, hash string) {
	b := make([]byte, 32)
	rand.Read(b) // never fails: it ends the program instead
	secret = prefix + base64.RawURLEncoding.EncodeToString(b)
	return secret, hashSecret(secret)
}

func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// IssueToken makes a token with which user reaches one workspace of a project
// that the user is a member of. The project's lead or a custodian may, or
// System. The secret is shown this once; only its hash is kept.
func (s *Service) IssueToken(ctx context.Context, actor gatehouse.Principal, user, workspace string, ttl time.Duration) (string, error) {
	var w Workspace
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		w, err = tx.Workspace(ctx, workspace)
		return err
	})
	if err != nil {
		return "", err
	}
	t := Token{ID: gatehouse.NewID("tok"), User: user, Workspace: workspace, IssuedBy: actor.User}
	e := gatehouse.Event{Action: "token.issued", Project: w.Project, Subject: t.ID, Detail: map[string]string{"user": user, "workspace": workspace}}
	var secret string
	issue := func(tx Tx) error {
		p, err := tx.Project(ctx, w.Project)
		if err != nil {
			return err
		}
		if _, member := p.member(user); !member {
			return refuse(gatehouse.CodeDenied, "%q is not a member of the project %q.", user, p.ID)
		}
		secret, err = addToken(ctx, tx, t, ttl)
		return err
	}
	if actor == System {
		err = s.actAsSystem(ctx, actor, e, issue)
	} else {
		err = unknownWorkspace(s.act(ctx, actor, gatehouse.ActionWorkspaceOpen, e, issue), workspace)
	}
	if err != nil {
		return "", err
	}
	return secret, nil
}

// IssueHouseToken makes a token that reaches no workspace, for whoever holds
// roles of the house or drafts a project. Only System may.
func (s *Service) IssueHouseToken(ctx context.Context, actor gatehouse.Principal, user string, ttl time.Duration) (string, error) {
	t := Token{ID: gatehouse.NewID("tok"), User: user, IssuedBy: actor.User}
	e := gatehouse.Event{Action: "token.issued", Subject: t.ID, Detail: map[string]string{"user": user}}
	var secret string
	err := s.actAsSystem(ctx, actor, e, func(tx Tx) (err error) {
		if err := requireUser(ctx, tx, user); err != nil {
			return err
		}
		secret, err = addToken(ctx, tx, t, ttl)
		return err
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// IssueOwnToken makes a token with which a member of a project reaches one of its
// workspaces from a notebook. Only who is signed in makes one, for nobody else,
// and for at most MaxOwnTokenLife: a token does not make another.
func (s *Service) IssueOwnToken(ctx context.Context, actor gatehouse.Principal, workspace string, ttl time.Duration) (string, Token, error) {
	t := Token{ID: gatehouse.NewID("tok"), User: actor.User, Workspace: workspace, IssuedBy: actor.User, Session: actor.Session}
	var w Workspace
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		w, err = tx.Workspace(ctx, workspace)
		return err
	})
	if err != nil {
		return "", Token{}, err
	}
	var secret string
	e := gatehouse.Event{Action: "token.issued", Project: w.Project, Subject: t.ID, Detail: map[string]string{"user": t.User, "workspace": workspace, "session": t.Session}}
	err = s.act(ctx, actor, gatehouse.ActionWorkspaceQuery, e, func(tx Tx) error {
		session, err := tx.SignInByID(ctx, actor.Session)
		if gatehouse.CodeOf(err) == gatehouse.CodeNotFound || err == nil && (session.User != actor.User || actor.Workspace != "") {
			return gatehouse.Errorf(gatehouse.CodeDenied, "A token for a notebook is made by who is signed in, not with another token.").
				WithAdvice("Sign in on the web pages or with 'gatehouse login'.")
		}
		if err != nil {
			return err
		}
		if err := session.usable(tx.Now(), s.signInIdle()); err != nil {
			return err
		}
		p, err := tx.Project(ctx, w.Project)
		if err != nil {
			return err
		}
		if _, member := p.member(actor.User); !member {
			return refuse(gatehouse.CodeDenied, "You are not a member of the project %q.", p.ID)
		}
		if ttl > MaxOwnTokenLife {
			return gatehouse.Errorf(gatehouse.CodeConfig, "A token for a notebook lasts at most %d hours.", int(MaxOwnTokenLife.Hours()))
		}
		t.Issued = tx.Now()
		t.Expires = t.Issued.Add(ttl)
		secret, err = addToken(ctx, tx, t, ttl)
		return err
	})
	if err != nil {
		return "", Token{}, unknownWorkspace(err, workspace)
	}
	return secret, t, nil
}

// unknownWorkspace tells somebody who may not know a workspace's project what they
// are told where there is no such workspace: the rules would name the project.
func unknownWorkspace(err error, workspace string) error {
	if gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
		return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no workspace %q.", workspace)
	}
	return err
}

func addToken(ctx context.Context, tx Tx, t Token, ttl time.Duration) (string, error) {
	if ttl <= 0 || ttl > MaxTokenLife {
		return "", gatehouse.Errorf(gatehouse.CodeConfig, "A token lasts more than nothing and at most %d days.", int(MaxTokenLife.Hours()/24))
	}
	if err := unlocked(ctx, tx, t.User); err != nil {
		return "", err
	}
	secret, hash := newSecretOf(tokenPrefix)
	t.Issued = tx.Now()
	t.Expires = t.Issued.Add(ttl)
	return secret, tx.AddToken(ctx, t, hash)
}

// RevokeToken ends a token at once. Its holder may, and System; with a token of a
// workspace its holder ends that token alone, for whoever has found it.
func (s *Service) RevokeToken(ctx context.Context, actor gatehouse.Principal, id string) error {
	e := gatehouse.Event{Action: "token.revoked", Actor: actor.User, Subject: id}
	err := s.Store.Update(ctx, func(tx Tx) error {
		t, err := tx.Token(ctx, id)
		if err != nil {
			return err
		}
		if actor != System && !t.shownTo(actor) {
			return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no token %q.", id)
		}
		if !t.Revoked.IsZero() {
			return nil
		}
		tx.Record(e)
		return tx.RevokeToken(ctx, id)
	})
	return s.journalRefusal(ctx, e, err)
}

// shownTo reports whether somebody may see and end a token: its holder, who with a
// token of a workspace knows of no other.
func (t Token) shownTo(actor gatehouse.Principal) bool {
	return !actor.Anonymous() && actor.User == t.User && (actor.Workspace == "" || actor.Session == t.ID)
}

// Tokens lists a user's tokens, without their secrets. The user may, and System;
// with a token of a workspace one sees that token alone.
func (s *Service) Tokens(ctx context.Context, actor gatehouse.Principal, user string) ([]Token, error) {
	if actor != System && (actor.Anonymous() || actor.User != user) {
		return nil, gatehouse.Errorf(gatehouse.CodeDenied, "Tokens are listed to their holder only.")
	}
	var tokens []Token
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		tokens, err = tx.Tokens(ctx, user)
		return err
	})
	if actor != System {
		tokens = slices.DeleteFunc(tokens, func(t Token) bool { return !t.shownTo(actor) })
	}
	return tokens, err
}

// Authenticate turns a bearer token into the principal who holds it: a token, or
// the session of a command line. A browser's session is none. A token that is unknown, expired or revoked is CodeUnauthenticated, and journaled
// without the token. The token is found by its SHA-256, so the time that takes
// tells nothing of other tokens.
func (s *Service) Authenticate(ctx context.Context, bearer string) (gatehouse.Principal, error) {
	if strings.HasPrefix(bearer, sessionPrefix) {
		return s.authenticateSignIn(ctx, bearer, SignInDevice)
	}
	var p gatehouse.Principal
	known := ""
	e := gatehouse.Event{Action: "session", Subject: unknownToken}
	err := s.Store.View(ctx, func(tx Tx) error {
		t, err := tx.TokenByHash(ctx, hashSecret(bearer))
		if gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
			return refuse(gatehouse.CodeUnauthenticated, "The token is not known.")
		}
		if err != nil {
			return err
		}
		e.Actor, e.Subject, known = t.User, t.ID, t.ID
		p = gatehouse.Principal{User: t.User, Session: t.ID, Workspace: t.Workspace}
		return t.usable(tx.Now())
	})
	if err != nil {
		return gatehouse.Principal{}, s.turnAway(ctx, e, known, err)
	}
	return p, nil
}

func (t Token) usable(now time.Time) error {
	switch {
	case !t.Revoked.IsZero():
		return refuse(gatehouse.CodeUnauthenticated, "The token was revoked.")
	case !now.Before(t.Expires):
		return refuse(gatehouse.CodeUnauthenticated, "The token has expired.")
	}
	return nil
}
