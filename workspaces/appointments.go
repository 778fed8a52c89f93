package workspaces

import (
	"context"
	"slices"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// AppointmentState is where an appointment stands.
type AppointmentState string

// The states of an appointment.
const (
	AppointmentAsked     AppointmentState = "asked"
	AppointmentConfirmed AppointmentState = "confirmed"
	AppointmentDeclined  AppointmentState = "declined"
	AppointmentWithdrawn AppointmentState = "withdrawn"
)

// Appointment is a role of the house that somebody asks for on behalf of a user,
// and that another, a custodian, confirms. Whoever runs the machines can so neither
// make a custodian or checker of anybody, themselves among them, nor can a custodian alone.
type Appointment struct {
	ID       string           `json:"id"`
	User     string           `json:"user"`
	Role     gatehouse.Role   `json:"role"`
	State    AppointmentState `json:"state" enum:"asked,confirmed,declined,withdrawn"`
	Accounts []Identity       `json:"accounts" nullable:"false" doc:"With what the user signs in now"` // as they are when it is shown

	AskedBy   string    `json:"asked_by"`
	Asked     time.Time `json:"asked"`
	DecidedBy string    `json:"decided_by,omitempty"`
	Decided   time.Time `json:"decided,omitzero"`
}

// AppointmentLife is how long an appointment waits to be confirmed.
const AppointmentLife = 7 * 24 * time.Hour

// AppointmentTx is what a transaction keeps of appointments. What is asked for and
// absent is CodeNotFound.
type AppointmentTx interface {
	AddAppointment(ctx context.Context, a Appointment) error
	Appointment(ctx context.Context, id string) (Appointment, error)
	// Holders gives the users who hold a role of the house, by name.
	Holders(ctx context.Context, role gatehouse.Role) ([]string, error)
	// Appointments gives all, newest first.
	Appointments(ctx context.Context) ([]Appointment, error)
	// DecideAppointment keeps a's state and who decided. It is CodeConflict unless the
	// appointment was asked for and is undecided.
	DecideAppointment(ctx context.Context, a Appointment) error
}

// inHouse is act for what System may as well.
func (s *Service) inHouse(ctx context.Context, actor gatehouse.Principal, action gatehouse.Action, e gatehouse.Event, change func(Tx) error) error {
	if actor == System {
		return s.actAsSystem(ctx, actor, e, change)
	}
	return s.act(ctx, actor, action, e, change)
}

// AskRole asks that a user be given a role of the house. Operators and custodians
// may, for others. Nothing changes before a custodian confirms it.
func (s *Service) AskRole(ctx context.Context, actor gatehouse.Principal, user string, role gatehouse.Role) (Appointment, error) {
	a := Appointment{ID: gatehouse.NewID("app"), User: user, Role: role, State: AppointmentAsked, AskedBy: actor.User}
	e := gatehouse.Event{Action: "role.asked", Subject: user, Detail: map[string]string{"role": string(role), "appointment": a.ID}}
	err := s.act(ctx, actor, gatehouse.ActionRolePropose, e, func(tx Tx) error {
		if user == actor.User {
			return separation("Nobody asks for a role of their own.")
		}
		held, err := grantable(ctx, tx, user, role)
		if err != nil {
			return err
		}
		if slices.Contains(held, role) {
			return gatehouse.Errorf(gatehouse.CodeConflict, "%s is %s already.", user, role)
		}
		before, err := tx.Appointments(ctx)
		if err != nil {
			return err
		}
		for _, b := range before {
			if b.User == user && b.Role == role && b.Open(tx.Now()) {
				return gatehouse.Errorf(gatehouse.CodeConflict, "%s asked for that already, as %s.", b.AskedBy, b.ID)
			}
		}
		if a.Accounts, err = tx.Identities(ctx, user); err != nil {
			return err
		}
		a.Asked = tx.Now()
		custodians, err := tx.Holders(ctx, gatehouse.RoleCustodian)
		if err != nil {
			return err
		}
		for _, c := range custodians {
			if c != actor.User && c != user { // those may confirm it
				a.notify(tx, c, "asked")
			}
		}
		return tx.AddAppointment(ctx, a)
	})
	return a, err
}

// Open reports whether an appointment can still be confirmed at now.
func (a Appointment) Open(now time.Time) bool {
	return a.State == AppointmentAsked && now.Before(a.Until())
}

// Until is when an appointment that nobody decided ends.
func (a Appointment) Until() time.Time { return a.Asked.Add(AppointmentLife) }

// notify tells somebody of an appointment.
func (a Appointment) notify(tx Tx, to, what string) {
	n := gatehouse.Notice{Kind: "role." + what, To: to, Subject: a.ID}
	if what == "asked" {
		n.Due = a.Until()
	}
	tx.Notify(n)
}

// ConfirmRole gives the role that an appointment asks for. A custodian may who
// neither asked for it nor is the one to be appointed, while whoever asked still may
// ask. After AppointmentLife it is CodeConflict.
func (s *Service) ConfirmRole(ctx context.Context, actor gatehouse.Principal, id string) (Appointment, error) {
	return s.decideRole(ctx, actor, id, AppointmentConfirmed)
}

// DeclineRole ends an appointment that was not confirmed: for a custodian to decline,
// and for whoever asked to withdraw.
func (s *Service) DeclineRole(ctx context.Context, actor gatehouse.Principal, id string) (Appointment, error) {
	return s.decideRole(ctx, actor, id, AppointmentDeclined)
}

func (s *Service) decideRole(ctx context.Context, actor gatehouse.Principal, id string, to AppointmentState) (Appointment, error) {
	action, name := gatehouse.ActionRoleGrant, "role.granted"
	if to == AppointmentDeclined {
		action, name = gatehouse.ActionRolePropose, "role.declined"
	}
	var a Appointment
	e := gatehouse.Event{Action: name, Subject: id, Detail: map[string]string{}}
	err := s.Store.Update(ctx, func(tx Tx) error {
		if err := s.Authorizer.Authorize(ctx, actor, action, ""); err != nil {
			return err
		}
		var err error
		if a, err = tx.Appointment(ctx, id); err != nil {
			return err
		}
		if !a.Open(tx.Now()) {
			return gatehouse.Errorf(gatehouse.CodeConflict, "The appointment %s is decided, or waited too long.", id).WithAdvice("Look at how it stands; it can be asked for again.")
		}
		a.State, a.DecidedBy, a.Decided = to, actor.User, tx.Now()
		done := gatehouse.Event{Actor: actor.User, Action: name, Subject: a.User, Detail: map[string]string{"role": string(a.Role), "appointment": id, "asked_by": a.AskedBy}}
		if to == AppointmentConfirmed {
			if actor.User == a.AskedBy || actor.User == a.User {
				return separation("Who asked for a role, and whose it would be, do not confirm it.")
			}
			if err := s.mayAskStill(ctx, tx, a.AskedBy); err != nil {
				return err
			}
			tx.Record(done)
			if err := grantRole(ctx, tx, actor, a.User, a.Role); err != nil {
				return err
			}
			a.notify(tx, a.User, "granted")
			a.notify(tx, a.AskedBy, "granted")
			return tx.DecideAppointment(ctx, a)
		}
		if actor.User == a.AskedBy {
			a.State = AppointmentWithdrawn
		} else if err := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionRoleGrant, ""); err != nil {
			return err
		} else {
			a.notify(tx, a.AskedBy, "declined")
		}
		done.Detail["state"] = string(a.State)
		tx.Record(done)
		return tx.DecideAppointment(ctx, a)
	})
	e.Actor = actor.User
	return a, s.journalRefusal(ctx, e, err)
}

// mayAskStill is CodeSeparation unless whoever asked could ask now as well: what they
// asked for does not outlive their right to.
func (s *Service) mayAskStill(ctx context.Context, tx Tx, user string) error {
	err := s.Authorizer.Authorize(ctx, gatehouse.Principal{User: user}, gatehouse.ActionRolePropose, "")
	if err == nil {
		err = unlocked(ctx, tx, user)
	}
	switch gatehouse.CodeOf(err) {
	case gatehouse.CodeDenied, gatehouse.CodeUserLocked:
		return separation("%s, who asked for this, may not any more; it has to be asked for again.", user)
	}
	return err
}

// Appointments lists what roles were asked for, newest first, to those who may ask or
// see who signs in: operators, custodians, auditors, System.
func (s *Service) Appointments(ctx context.Context, actor gatehouse.Principal) ([]Appointment, error) {
	if actor != System && s.Authorizer.Authorize(ctx, actor, gatehouse.ActionSessionRead, "") != nil {
		if err := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionRolePropose, ""); err != nil {
			return nil, err
		}
	}
	var all []Appointment
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		if all, err = tx.Appointments(ctx); err != nil {
			return err
		}
		for i := range all {
			if all[i].Accounts, err = tx.Identities(ctx, all[i].User); err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}
