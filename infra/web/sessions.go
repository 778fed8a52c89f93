package web

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// People is what the API shows and ends of sessions and tokens.
type People interface {
	SignOut(ctx context.Context, p gatehouse.Principal) error
	Sessions(ctx context.Context, actor gatehouse.Principal, user string) ([]workspaces.SignIn, error)
	EndSession(ctx context.Context, actor gatehouse.Principal, id string) error
	RevokeUser(ctx context.Context, actor gatehouse.Principal, user string) error
	LockUser(ctx context.Context, actor gatehouse.Principal, user string) error
	IssueOwnToken(ctx context.Context, actor gatehouse.Principal, workspace string, ttl time.Duration) (string, workspaces.Token, error)
	Tokens(ctx context.Context, actor gatehouse.Principal, user string) ([]workspaces.Token, error)
	RevokeToken(ctx context.Context, actor gatehouse.Principal, id string) error
}

// Devices signs people in on the command line.
type Devices interface {
	Start(ctx context.Context) (workspaces.DeviceCode, error)
	Poll(ctx context.Context, handle string) (workspaces.DeviceAnswer, error)
}

// DeviceSignIn is what a command line shows while somebody confirms.
type DeviceSignIn struct {
	Handle   string    `json:"handle" doc:"What to poll with; keep it secret"`
	UserCode string    `json:"user_code" doc:"What the person compares or types"`
	URL      string    `json:"verification_uri"`
	Complete string    `json:"verification_uri_complete,omitempty" doc:"With the code filled in"`
	Expires  time.Time `json:"expires"`
	Interval int       `json:"interval" doc:"Seconds between two polls"`
}

// DevicePoll is what a command line polls with.
type DevicePoll struct {
	Handle string `json:"handle" minLength:"1" maxLength:"4096"`
}

// DeviceState is how a sign-in on a command line stands.
type DeviceState struct {
	State   string    `json:"state" enum:"pending,slow_down,signed_in" doc:"slow_down: wait five seconds longer from now on"`
	Token   string    `json:"token,omitempty" doc:"Bearer token of the session; shown this once"`
	User    string    `json:"user,omitempty"`
	Session string    `json:"session,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
}

// Session is somebody who is signed in.
type Session struct {
	ID      string                `json:"id"`
	User    string                `json:"user"`
	Kind    workspaces.SignInKind `json:"kind" enum:"browser,device"`
	Started time.Time             `json:"started"`
	Seen    time.Time             `json:"seen" doc:"Last use, to the minute"`
	Expires time.Time             `json:"expires"`
	Current bool                  `json:"current" doc:"The session that asks"`
}

// HeldToken is a token, without its secret.
type HeldToken struct {
	ID        string     `json:"id"`
	Workspace string     `json:"workspace,omitempty"`
	IssuedBy  string     `json:"issued_by"`
	Issued    time.Time  `json:"issued"`
	Expires   time.Time  `json:"expires"`
	Revoked   *time.Time `json:"revoked,omitempty"`
}

// NewToken is a token with its secret, shown this once.
type NewToken struct {
	HeldToken
	Token string `json:"token" doc:"What a notebook presents as 'authorization: Bearer …'"`
}

// TokenInput is what is asked for.
type TokenInput struct {
	Hours int `json:"hours" minimum:"1" maximum:"12" default:"8" doc:"How long the token lasts"`
}

func heldToken(t workspaces.Token) HeldToken {
	held := HeldToken{ID: t.ID, Workspace: t.Workspace, IssuedBy: t.IssuedBy, Issued: t.Issued, Expires: t.Expires}
	if !t.Revoked.IsZero() {
		held.Revoked = &t.Revoked
	}
	return held
}

// nothing is an answer without a body.
type nothing = struct{}

func (s *server) describeSignIn(api huma.API) {
	tags := []string{"sessions"}
	handle(s, api, huma.Operation{
		OperationID: "begin-sign-in", Method: http.MethodPost, Path: "/v1/sign-in", Summary: "Begin to sign in on a command line", Tags: tags,
		Description: "Whoever is asked to confirm sees the code at the identity provider. Anybody may begin; the session is the one's who confirms.",
	}, func(ctx context.Context, _ *nothing) (*one[DeviceSignIn], error) {
		c, err := s.Devices.Start(ctx)
		if err != nil {
			return nil, err
		}
		return &one[DeviceSignIn]{DeviceSignIn{Handle: c.Handle, UserCode: c.UserCode, URL: c.URL, Complete: c.Complete, Expires: c.Expires, Interval: int(c.Interval / time.Second)}}, nil
	})

	handle(s, api, huma.Operation{
		OperationID: "poll-sign-in", Method: http.MethodPost, Path: "/v1/sign-in/poll", Summary: "Whether the sign-in was confirmed; if so, the session's token", Tags: tags,
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden},
	}, func(ctx context.Context, in *one[DevicePoll]) (*one[DeviceState], error) {
		a, err := s.Devices.Poll(ctx, in.Body.Handle)
		switch {
		case err != nil:
			return nil, err
		case a.Slower:
			return &one[DeviceState]{DeviceState{State: "slow_down"}}, nil
		case a.Pending:
			return &one[DeviceState]{DeviceState{State: "pending"}}, nil
		}
		return &one[DeviceState]{DeviceState{State: "signed_in", Token: a.Token, User: a.Session.User, Session: a.Session.ID, Expires: a.Session.Expires}}, nil
	})

	handle(s, api, huma.Operation{
		OperationID: "sign-out", Method: http.MethodDelete, Path: "/v1/session", Summary: "End the session, or the token, that asks", Tags: tags, Security: signedIn,
		Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, func(ctx context.Context, _ *nothing) (*nothing, error) {
		return nil, s.People.SignOut(ctx, principal(ctx))
	})

	handle(s, api, huma.Operation{
		OperationID: "list-sessions", Method: http.MethodGet, Path: "/v1/sessions", Summary: "Who is signed in: you, or others if you may see them", Tags: tags, Security: signedIn,
		Errors: []int{http.StatusForbidden},
	}, func(ctx context.Context, in *struct {
		User string `query:"user" maxLength:"64" doc:"A user; '*' for everybody; you, if left out"`
	}) (*listOf[Session], error) {
		p := principal(ctx)
		user := in.User
		switch user {
		case "":
			user = p.User
		case gatehouse.Everywhere:
			user = ""
		}
		live, err := s.People.Sessions(ctx, p, user)
		var shown []Session
		for _, l := range live {
			shown = append(shown, Session{ID: l.ID, User: l.User, Kind: l.Kind, Started: l.Started, Seen: l.Seen, Expires: l.Expires, Current: l.ID == p.Session})
		}
		return list(shown), err
	})

	handle(s, api, huma.Operation{
		OperationID: "end-session", Method: http.MethodDelete, Path: "/v1/sessions/{session}", Summary: "End a session at once: your own, or anybody's if you are an operator", Tags: tags, Security: signedIn,
		Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, func(ctx context.Context, in *struct {
		Session string `path:"session" maxLength:"64"`
	}) (*nothing, error) {
		return nil, s.People.EndSession(ctx, principal(ctx), in.Session)
	})

	type userPath struct {
		User string `path:"user" maxLength:"64"`
	}
	handle(s, api, huma.Operation{
		OperationID: "revoke-user", Method: http.MethodDelete, Path: "/v1/users/{user}/sessions", Summary: "End every session and token of a user at once: your own, or anybody's if you are an operator",
		Tags: tags, Security: signedIn, Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, func(ctx context.Context, in *userPath) (*nothing, error) {
		return nil, s.People.RevokeUser(ctx, principal(ctx), in.User)
	})

	handle(s, api, huma.Operation{
		OperationID: "lock-user", Method: http.MethodPost, Path: "/v1/users/{user}/lock", Summary: "Also let the user sign in no more, until the owner of the installation unlocks them",
		Tags: tags, Security: signedIn, DefaultStatus: http.StatusNoContent, Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, func(ctx context.Context, in *userPath) (*nothing, error) {
		return nil, s.People.LockUser(ctx, principal(ctx), in.User)
	})

	s.describeTokens(api)
}

func (s *server) describeTokens(api huma.API) {
	tags := []string{"tokens"}
	handle(s, api, huma.Operation{
		OperationID: "make-token", Method: http.MethodPost, Path: "/v1/workspaces/{workspace}/tokens", Summary: "A token for your own notebook in a workspace of your project",
		Tags: tags, Security: signedIn, DefaultStatus: http.StatusCreated, Errors: []int{http.StatusForbidden, http.StatusNotFound},
		Description: "Only who is signed in makes one: a token does not make another.",
	}, func(ctx context.Context, in *struct {
		Workspace string `path:"workspace" maxLength:"64"`
		Body      TokenInput
	}) (*one[NewToken], error) {
		secret, t, err := s.People.IssueOwnToken(ctx, principal(ctx), in.Workspace, time.Duration(in.Body.Hours)*time.Hour)
		return &one[NewToken]{NewToken{heldToken(t), secret}}, err
	})

	handle(s, api, huma.Operation{
		OperationID: "list-tokens", Method: http.MethodGet, Path: "/v1/tokens", Summary: "Your tokens, without their secrets", Tags: tags, Security: signedIn, Errors: []int{http.StatusForbidden},
	}, func(ctx context.Context, _ *nothing) (*listOf[HeldToken], error) {
		p := principal(ctx)
		tokens, err := s.People.Tokens(ctx, p, p.User)
		var held []HeldToken
		for _, t := range tokens {
			held = append(held, heldToken(t))
		}
		return list(held), err
	})

	handle(s, api, huma.Operation{
		OperationID: "revoke-token", Method: http.MethodDelete, Path: "/v1/tokens/{token}", Summary: "End a token of yours at once", Tags: tags, Security: signedIn,
		Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, func(ctx context.Context, in *struct {
		Token string `path:"token" maxLength:"64"`
	}) (*nothing, error) {
		return nil, s.People.RevokeToken(ctx, principal(ctx), in.Token)
	})
}
