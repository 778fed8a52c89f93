package web

import (
	"context"
	"net/http"
	"net/url"
)

// NewVisitor makes a client that is nobody yet: to sign in with.
func NewVisitor(server string, ca []byte) (*Client, error) {
	c, err := NewClient(server, ca, "nobody")
	if err == nil {
		c.token = ""
	}
	return c, err
}

// BeginSignIn begins to sign in on the command line.
func (c *Client) BeginSignIn(ctx context.Context) (d DeviceSignIn, err error) {
	return d, c.call(ctx, http.MethodPost, nil, &d, nil, "v1", "sign-in")
}

// PollSignIn asks whether it was confirmed.
func (c *Client) PollSignIn(ctx context.Context, handle string) (d DeviceState, err error) {
	return d, c.call(ctx, http.MethodPost, DevicePoll{handle}, &d, nil, "v1", "sign-in", "poll")
}

// SignOut ends the session, or the token, of the client.
func (c *Client) SignOut(ctx context.Context) error {
	return c.call(ctx, http.MethodDelete, nil, nil, nil, "v1", "session")
}

// Sessions lists who is signed in: a user, "*" for everybody, or "" for oneself.
func (c *Client) Sessions(ctx context.Context, user string) ([]Session, error) {
	var found struct {
		Items []Session `json:"items"`
	}
	query := url.Values{}
	if user != "" {
		query.Set("user", user)
	}
	return found.Items, c.call(ctx, http.MethodGet, nil, &found, query, "v1", "sessions")
}

// EndSession ends a session at once.
func (c *Client) EndSession(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, nil, nil, nil, "v1", "sessions", id)
}

// RevokeUser ends every session and token of a user at once.
func (c *Client) RevokeUser(ctx context.Context, user string) error {
	return c.call(ctx, http.MethodDelete, nil, nil, nil, "v1", "users", user, "sessions")
}

// LockUser is RevokeUser, and lets the user in no more.
func (c *Client) LockUser(ctx context.Context, user string) error {
	return c.call(ctx, http.MethodPost, nil, nil, nil, "v1", "users", user, "lock")
}

// MakeToken makes a token for one's own notebook.
func (c *Client) MakeToken(ctx context.Context, workspace string, hours int) (t NewToken, err error) {
	return t, c.call(ctx, http.MethodPost, TokenInput{hours}, &t, nil, "v1", "workspaces", workspace, "tokens")
}
