package site

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// The house's people, for operators and auditors. Operators can put people out;
// to let them in, and to give roles, is the owner's alone, on the machine.

func (s *server) routePeople(mux *http.ServeMux) {
	mux.HandleFunc("GET /people", s.signedIn(s.listPeople))
	mux.HandleFunc("GET /people/{user}", s.signedIn(s.showPerson))
	mux.HandleFunc("POST /people/{user}/sessions/{session}/end", s.signedIn(s.endSession))
	mux.HandleFunc("POST /people/{user}/revoke", s.signedIn(s.revokePerson))
	mux.HandleFunc("POST /people/{user}/lock", s.signedIn(s.lockPerson))
}

// personPage is one user as operators and auditors see them.
type personPage struct {
	workspaces.Person
	Live      []workspaces.SignIn
	MayRevoke bool
	Self      bool
}

func (s *server) listPeople(v *visit) error {
	people, err := v.Projects.Directory(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	v.render(http.StatusOK, "people", "People", map[string]any{"People": people, "MayRevoke": v.may(gatehouse.ActionSessionRevoke, "")})
	return nil
}

func (v *visit) personPage() (personPage, error) {
	ctx, user := v.r.Context(), v.r.PathValue("user")
	people, err := v.Projects.Directory(ctx, v.who)
	if err != nil {
		return personPage{}, err
	}
	at := slices.IndexFunc(people, func(p workspaces.Person) bool { return p.User == user })
	if at < 0 {
		return personPage{}, gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such user.")
	}
	p := personPage{Person: people[at], MayRevoke: v.may(gatehouse.ActionSessionRevoke, ""), Self: user == v.who.User}
	p.Live, err = v.Projects.Sessions(ctx, v.who, user)
	return p, err
}

func (s *server) showPerson(v *visit) error {
	p, err := v.personPage()
	if err != nil {
		return err
	}
	v.render(http.StatusOK, "person", p.User, p)
	return nil
}

// onPerson does something to the user of the page, for those whom the page is for.
func (v *visit) onPerson(done string, do func(user string) error) error {
	user := v.r.PathValue("user")
	if err := do(user); err != nil {
		return err
	}
	if user == v.who.User {
		return v.see("/", "")
	}
	return v.see("/people/"+url.PathEscape(user), done)
}

func (s *server) endSession(v *visit) error {
	return v.onPerson("session-ended", func(string) error { return v.Projects.EndSession(v.r.Context(), v.who, v.r.PathValue("session")) })
}

func (s *server) revokePerson(v *visit) error {
	return v.onPerson("person-revoked", func(user string) error { return v.Projects.RevokeUser(v.r.Context(), v.who, user) })
}

func (s *server) lockPerson(v *visit) error {
	return v.onPerson("person-locked", func(user string) error { return v.Projects.LockUser(v.r.Context(), v.who, user) })
}
