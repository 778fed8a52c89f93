package web

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// House is who looks after the house's people: who is a user, with which account, in
// which role, and custodian of what.
type House interface {
	Directory(ctx context.Context, actor gatehouse.Principal) ([]workspaces.Person, error)
	AddUser(ctx context.Context, actor gatehouse.Principal, name string) error
	LinkIdentity(ctx context.Context, actor gatehouse.Principal, user string, who workspaces.Identity) error
	RevokeRole(ctx context.Context, actor gatehouse.Principal, user string, role gatehouse.Role) error
	AskRole(ctx context.Context, actor gatehouse.Principal, user string, role gatehouse.Role) (workspaces.Appointment, error)
	ConfirmRole(ctx context.Context, actor gatehouse.Principal, id string) (workspaces.Appointment, error)
	DeclineRole(ctx context.Context, actor gatehouse.Principal, id string) (workspaces.Appointment, error)
	Appointments(ctx context.Context, actor gatehouse.Principal) ([]workspaces.Appointment, error)
	AddCustodian(ctx context.Context, actor gatehouse.Principal, dataset, user string) error
	RemoveCustodian(ctx context.Context, actor gatehouse.Principal, dataset, user string) error
}

// HousePerson is a user as those see them who look after the house.
type HousePerson struct {
	User      string           `json:"user"`
	Roles     []gatehouse.Role `json:"roles" nullable:"false" doc:"Of the house"`
	Custodian []string         `json:"custodian_of" nullable:"false" doc:"Datasets"`
	Locked    bool             `json:"locked"`
	Sessions  int              `json:"sessions" doc:"That are live"`
	Tokens    int              `json:"tokens" doc:"That work"`
	LastSeen  *time.Time       `json:"last_seen,omitempty" doc:"In a session that is live, to the minute"`
}

// UserInput is a user to be made known.
type UserInput struct {
	User string `json:"user" pattern:"^[a-z][a-z0-9_-]{0,62}$" doc:"Lower-case letters, digits, '-' and '_'"`
}

// AccountInput is an account at an OpenID Connect provider.
type AccountInput struct {
	Issuer  string `json:"issuer" format:"uri" maxLength:"255" doc:"As the provider's discovery document has it"`
	Subject string `json:"subject" minLength:"1" maxLength:"255" doc:"The provider's 'sub' of the account, not a name or e-mail"`
}

// AppointmentInput is a role that is asked for.
type AppointmentInput struct {
	User string         `json:"user" minLength:"1" maxLength:"63"`
	Role gatehouse.Role `json:"role" enum:"checker,custodian,operator,auditor"`
}

// AppointmentVerdict answers it.
type AppointmentVerdict struct {
	Verdict string `json:"verdict" enum:"confirm,decline"`
}

func (s *server) describeHouse(api huma.API) {
	tags := []string{"people"}
	refused := []int{http.StatusForbidden, http.StatusNotFound, http.StatusConflict}
	handle(s, api, huma.Operation{
		OperationID: "list-users", Method: http.MethodGet, Path: "/v1/users", Summary: "The users of the house, with their roles, for operators and auditors", Tags: tags, Security: signedIn, Errors: []int{http.StatusForbidden},
	}, func(ctx context.Context, _ *nothing) (*listOf[HousePerson], error) {
		people, err := s.House.Directory(ctx, principal(ctx))
		var shown []HousePerson
		for _, p := range people {
			one := HousePerson{User: p.User, Roles: append([]gatehouse.Role{}, p.Roles...), Custodian: append([]string{}, p.Custodian...), Locked: p.Locked, Sessions: p.Sessions, Tokens: p.LiveTokens}
			if !p.LastSeen.IsZero() {
				one.LastSeen = &p.LastSeen
			}
			shown = append(shown, one)
		}
		return list(shown), err
	})

	handle(s, api, huma.Operation{
		OperationID: "add-user", Method: http.MethodPost, Path: "/v1/users", Summary: "Make a user known, without any role; operators may", Tags: tags, Security: signedIn,
		DefaultStatus: http.StatusNoContent, Errors: refused,
	}, func(ctx context.Context, in *one[UserInput]) (*nothing, error) {
		return nil, s.House.AddUser(ctx, principal(ctx), in.Body.User)
	})

	handle(s, api, huma.Operation{
		OperationID: "link-account", Method: http.MethodPost, Path: "/v1/users/{user}/accounts", Summary: "Let a user sign in with an account; operators may, for whoever is nobody yet", Tags: tags, Security: signedIn,
		DefaultStatus: http.StatusNoContent, Errors: refused,
		Description: "The user has no account, no role of the house and no part in a project. All else is for the owner of the machine, since whoever links an account to somebody can act as them.",
	}, func(ctx context.Context, in *struct {
		User string `path:"user" maxLength:"64"`
		Body AccountInput
	}) (*nothing, error) {
		return nil, s.House.LinkIdentity(ctx, principal(ctx), in.User, workspaces.Identity{Issuer: in.Body.Issuer, Subject: in.Body.Subject})
	})

	handle(s, api, huma.Operation{
		OperationID: "revoke-role", Method: http.MethodDelete, Path: "/v1/users/{user}/roles/{role}", Summary: "Take a role of the house away, at once; operators may", Tags: tags, Security: signedIn, Errors: refused,
	}, func(ctx context.Context, in *struct {
		User string         `path:"user" maxLength:"64"`
		Role gatehouse.Role `path:"role" enum:"checker,custodian,operator,auditor"`
	}) (*nothing, error) {
		return nil, s.House.RevokeRole(ctx, principal(ctx), in.User, in.Role)
	})

	s.describeAppointments(api, tags, refused)
	type custody struct {
		Dataset string `path:"dataset" maxLength:"64"`
		User    string `path:"user" maxLength:"64"`
	}
	handle(s, api, huma.Operation{
		OperationID: "name-custodian", Method: http.MethodPut, Path: "/v1/datasets/{dataset}/custodians/{user}", Summary: "Name a custodian of a dataset; its custodians may", Tags: tags, Security: signedIn,
		DefaultStatus: http.StatusNoContent, Errors: append([]int{http.StatusBadRequest}, refused...),
	}, func(ctx context.Context, in *custody) (*nothing, error) {
		return nil, s.House.AddCustodian(ctx, principal(ctx), in.Dataset, in.User)
	})
	handle(s, api, huma.Operation{
		OperationID: "remove-custodian", Method: http.MethodDelete, Path: "/v1/datasets/{dataset}/custodians/{user}", Summary: "End that, at once, for any but the last", Tags: tags, Security: signedIn, Errors: refused,
	}, func(ctx context.Context, in *custody) (*nothing, error) {
		return nil, s.House.RemoveCustodian(ctx, principal(ctx), in.Dataset, in.User)
	})
}

func (s *server) describeAppointments(api huma.API, tags []string, refused []int) {
	handle(s, api, huma.Operation{
		OperationID: "list-appointments", Method: http.MethodGet, Path: "/v1/appointments", Summary: "The roles that were asked for, newest first", Tags: tags, Security: signedIn, Errors: []int{http.StatusForbidden},
	}, func(ctx context.Context, _ *nothing) (*listOf[workspaces.Appointment], error) {
		all, err := s.House.Appointments(ctx, principal(ctx))
		for i := range all {
			all[i].Accounts = append([]workspaces.Identity{}, all[i].Accounts...)
		}
		return list(all), err
	})

	handle(s, api, huma.Operation{
		OperationID: "ask-role", Method: http.MethodPost, Path: "/v1/appointments", Summary: "Ask that somebody else be given a role of the house; operators and custodians may", Tags: tags, Security: signedIn,
		DefaultStatus: http.StatusCreated, Errors: refused, Description: "Nothing changes before a custodian confirms it who neither asked nor is the one to be appointed. It waits for seven days.",
	}, func(ctx context.Context, in *one[AppointmentInput]) (*one[workspaces.Appointment], error) {
		a, err := s.House.AskRole(ctx, principal(ctx), in.Body.User, in.Body.Role)
		a.Accounts = append([]workspaces.Identity{}, a.Accounts...)
		return &one[workspaces.Appointment]{a}, err
	})

	handle(s, api, huma.Operation{
		OperationID: "decide-role", Method: http.MethodPost, Path: "/v1/appointments/{appointment}/decision", Summary: "Confirm or decline it as a custodian, or withdraw what you asked for yourself", Tags: tags, Security: signedIn, Errors: refused,
	}, func(ctx context.Context, in *struct {
		Appointment string `path:"appointment" maxLength:"64"`
		Body        AppointmentVerdict
	}) (*one[workspaces.Appointment], error) {
		do := s.House.ConfirmRole
		if in.Body.Verdict == "decline" {
			do = s.House.DeclineRole
		}
		a, err := do(ctx, principal(ctx), in.Appointment)
		a.Accounts = append([]workspaces.Identity{}, a.Accounts...)
		return &one[workspaces.Appointment]{a}, err
	})
}
