package web

import (
	"context"
	"net/http"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Users lists the users of the house.
func (c *Client) Users(ctx context.Context) ([]HousePerson, error) {
	var found struct {
		Items []HousePerson `json:"items"`
	}
	return found.Items, c.call(ctx, http.MethodGet, nil, &found, nil, "v1", "users")
}

// AddUser makes a user known.
func (c *Client) AddUser(ctx context.Context, user string) error {
	return c.call(ctx, http.MethodPost, UserInput{user}, nil, nil, "v1", "users")
}

// LinkAccount lets a user sign in with an account.
func (c *Client) LinkAccount(ctx context.Context, user string, who workspaces.Identity) error {
	return c.call(ctx, http.MethodPost, AccountInput{who.Issuer, who.Subject}, nil, nil, "v1", "users", user, "accounts")
}

// RevokeRole takes a role of the house away.
func (c *Client) RevokeRole(ctx context.Context, user string, role gatehouse.Role) error {
	return c.call(ctx, http.MethodDelete, nil, nil, nil, "v1", "users", user, "roles", string(role))
}

// Appointments lists the roles that were asked for.
func (c *Client) Appointments(ctx context.Context) ([]workspaces.Appointment, error) {
	var found struct {
		Items []workspaces.Appointment `json:"items"`
	}
	return found.Items, c.call(ctx, http.MethodGet, nil, &found, nil, "v1", "appointments")
}

// AskRole asks that somebody be given a role of the house.
func (c *Client) AskRole(ctx context.Context, user string, role gatehouse.Role) (a workspaces.Appointment, err error) {
	return a, c.call(ctx, http.MethodPost, AppointmentInput{user, role}, &a, nil, "v1", "appointments")
}

// DecideRole confirms or declines that: "confirm" or "decline".
func (c *Client) DecideRole(ctx context.Context, id, verdict string) (a workspaces.Appointment, err error) {
	return a, c.call(ctx, http.MethodPost, AppointmentVerdict{verdict}, &a, nil, "v1", "appointments", id, "decision")
}

// NameCustodian names a custodian of a dataset.
func (c *Client) NameCustodian(ctx context.Context, dataset, user string) error {
	return c.call(ctx, http.MethodPut, nil, nil, nil, "v1", "datasets", dataset, "custodians", user)
}

// RemoveCustodian ends that.
func (c *Client) RemoveCustodian(ctx context.Context, dataset, user string) error {
	return c.call(ctx, http.MethodDelete, nil, nil, nil, "v1", "datasets", dataset, "custodians", user)
}
