package site

import (
	"net/http"
	"slices"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Roles of the house take two people: one asks, a custodian confirms.

func (s *server) routeAppointments(mux *http.ServeMux) {
	mux.HandleFunc("GET /appointments", s.signedIn(s.listAppointments))
	mux.HandleFunc("POST /appointments", s.signedIn(s.askRole))
	mux.HandleFunc("POST /appointments/{appointment}/decision", s.signedIn(s.decideRole))
}

// appointmentsPage is the roles that were asked for, those that wait first.
type appointmentsPage struct {
	Open, Over []appointment
	MayAsk     bool
	Roles      []gatehouse.Role
	User       string // what the form said
	Role       gatehouse.Role
}

// appointment is one with what the reader can do about it.
type appointment struct {
	workspaces.Appointment
	MayConfirm, Mine bool
}

const (
	appointmentsTitle = "Appointments"
	mostOver          = 100 // appointments that are shown after they are over
)

func (v *visit) appointmentsPage() (appointmentsPage, error) {
	all, err := v.Projects.Appointments(v.r.Context(), v.who)
	p := appointmentsPage{MayAsk: v.may(gatehouse.ActionRolePropose, ""), Roles: workspaces.HouseRoles}
	confirms := v.may(gatehouse.ActionRoleGrant, "")
	for _, a := range all {
		line := appointment{Appointment: a, Mine: a.AskedBy == v.who.User}
		if a.Open(v.Now()) {
			line.MayConfirm = confirms && !line.Mine && a.User != v.who.User
			p.Open = append(p.Open, line)
		} else if len(p.Over) < mostOver {
			p.Over = append(p.Over, line)
		}
	}
	return p, err
}

func (s *server) listAppointments(v *visit) error {
	p, err := v.appointmentsPage()
	if err != nil {
		return err
	}
	v.render(http.StatusOK, "appointments", appointmentsTitle, p)
	return nil
}

func (s *server) askRole(v *visit) error {
	user, role := v.r.PostFormValue("user"), gatehouse.Role(v.r.PostFormValue("role"))
	if _, err := v.Projects.AskRole(v.r.Context(), v.who, user, role); err != nil {
		return v.againAppointments(err, user, role)
	}
	return v.see("/appointments", "role-asked")
}

// againAppointments shows the page with what was wrong, to whoever may see it.
func (v *visit) againAppointments(err error, user string, role gatehouse.Role) error {
	p, more := v.appointmentsPage()
	if more != nil || gatehouse.CodeOf(err) == gatehouse.CodeDenied {
		return err
	}
	p.User, p.Role = user, role
	if gatehouse.CodeOf(err) == gatehouse.CodeNotFound { // the form's mistake, not the page's
		err = gatehouse.Errorf(gatehouse.CodeConfig, "There is no such user.").WithAdvice("An operator makes people known first.")
	}
	return v.again("appointments", appointmentsTitle, p, err)
}

func (s *server) decideRole(v *visit) error {
	do, done := v.Projects.DeclineRole, "role-declined"
	if v.r.PostFormValue("verdict") == "confirm" {
		do, done = v.Projects.ConfirmRole, "role-given"
	}
	if _, err := do(v.r.Context(), v.who, v.r.PathValue("appointment")); err != nil {
		if gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
			return err
		}
		return v.againAppointments(err, "", "")
	}
	return v.see("/appointments", done)
}

// toConfirm gives the appointments that wait for the reader.
func (v *visit) toConfirm() ([]appointment, error) {
	if !v.may(gatehouse.ActionRoleGrant, "") {
		return nil, nil
	}
	p, err := v.appointmentsPage()
	return slices.DeleteFunc(p.Open, func(a appointment) bool { return !a.MayConfirm }), err
}
