package site

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// The house's people, for operators and auditors. Operators put people out, and make
// them known; roles are asked for, and confirmed by a custodian.

func (s *server) routePeople(mux *http.ServeMux) {
	mux.HandleFunc("GET /people", s.signedIn(s.listPeople))
	mux.HandleFunc("GET /people/{user}", s.signedIn(s.showPerson))
	mux.HandleFunc("POST /people/{user}/sessions/{session}/end", s.signedIn(s.endSession))
	mux.HandleFunc("POST /people/{user}/revoke", s.signedIn(s.revokePerson))
	mux.HandleFunc("POST /people/{user}/lock", s.signedIn(s.lockPerson))
	mux.HandleFunc("POST /people", s.signedIn(s.addPerson))
	mux.HandleFunc("POST /people/{user}/accounts", s.signedIn(s.linkAccount))
	mux.HandleFunc("POST /people/{user}/roles/{role}/revoke", s.signedIn(s.takeRole))
}

// personPage is one user as operators and auditors see them.
type personPage struct {
	workspaces.Person
	Live      []workspaces.SignIn
	MayRevoke bool
	MayTake   bool // roles away
	MayLink   bool // an account, if the person is nobody yet
	Self      bool
	Account   workspaces.Identity // what the form for one says
}

func (s *server) listPeople(v *visit) error {
	p, err := v.peoplePage("")
	if err != nil {
		return err
	}
	v.render(http.StatusOK, "people", "People", p)
	return nil
}

// peoplePage is all of them; name is what the form for one more says.
func (v *visit) peoplePage(name string) (map[string]any, error) {
	people, err := v.Projects.Directory(v.r.Context(), v.who)
	return map[string]any{"People": people, "MayRevoke": v.may(gatehouse.ActionSessionRevoke, ""), "MayAdd": v.may(gatehouse.ActionUserAdd, ""), "Name": name}, err
}

func (s *server) addPerson(v *visit) error {
	name := v.r.PostFormValue("user")
	if err := v.Projects.AddUser(v.r.Context(), v.who, name); err != nil {
		p, more := v.peoplePage(name)
		if more != nil || gatehouse.CodeOf(err) == gatehouse.CodeDenied {
			return err
		}
		return v.again("people", "People", p, err)
	}
	return v.see("/people/"+url.PathEscape(name), "person-added")
}

func (s *server) linkAccount(v *visit) error {
	user, who := v.r.PathValue("user"), workspaces.Identity{Issuer: v.r.PostFormValue("issuer"), Subject: v.r.PostFormValue("subject")}
	if err := v.Projects.LinkIdentity(v.r.Context(), v.who, user, who); err != nil {
		p, more := v.personPage()
		if more != nil || gatehouse.CodeOf(err) == gatehouse.CodeDenied {
			return err
		}
		p.Account = who
		return v.again("person", p.User, p, err)
	}
	return v.see("/people/"+url.PathEscape(user), "account-linked")
}

func (s *server) takeRole(v *visit) error {
	return v.onPerson("role-taken", func(user string) error {
		return v.Projects.RevokeRole(v.r.Context(), v.who, user, gatehouse.Role(v.r.PathValue("role")))
	})
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
	if p.Live, err = v.Projects.Sessions(ctx, v.who, user); err != nil {
		return p, err
	}
	p.MayTake = v.may(gatehouse.ActionRoleRevoke, "")
	if p.MayLink = v.may(gatehouse.ActionUserAdd, "") && len(p.Roles) == 0; p.MayLink {
		own, err := v.Projects.Identities(ctx, v.who, v.who.User) // most houses have one provider
		if err != nil {
			return p, err
		}
		if len(own) > 0 {
			p.Account.Issuer = own[0].Issuer
		}
	}
	return p, nil
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
