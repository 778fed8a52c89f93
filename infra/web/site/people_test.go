package site_test

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// session gives the id of the session in which a user acts.
func (h *house) session(user string) string {
	h.t.Helper()
	p, err := h.services.AuthenticateBrowser(h.t.Context(), h.sessions[user])
	if err != nil {
		h.t.Fatal(err)
	}
	return p.Session
}

func TestEverybodySeesTheirOwnNoticesSessionsAndTokens(t *testing.T) {
	h := newHouse(t)
	id := h.submitted()
	h.as("chris").post("/requests/"+id+"/messages", "body", "Which year is it?").wants(t, http.StatusOK)
	secret, err := h.services.IssueToken(t.Context(), workspaces.System, "ada", "ws-a", workspaces.MaxOwnTokenLife)
	if err != nil {
		t.Fatal(err)
	}
	token, err := h.services.Authenticate(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	ada, ann := h.as("ada"), h.as("ann")
	ada.get("/me").wants(t, http.StatusOK, "A checker asks something", "/requests/"+id, h.session("ada"), token.Session, "ws-a").lacks(t, h.session("ann"), secret)
	ann.get("/me").wants(t, http.StatusOK, "You have no notices").lacks(t, token.Session, h.session("ada"), id)

	ada.post("/me/mail", "mail", "daily").wants(t, http.StatusOK, "Your choice was kept")
	if got := regexp.MustCompile(`id="mail-daily"[^>]*checked`).MatchString(ada.get("/me").body); !got {
		t.Error("the choice is not shown")
	}
	ada.post("/me/mail", "mail", "never").wants(t, http.StatusUnprocessableEntity)
	h.as("aud").post("/me/mail", "mail", "daily").wants(t, http.StatusForbidden)

	ann.post("/me/sessions/"+h.session("ada")+"/end").wants(t, http.StatusNotFound)
	ann.post("/me/tokens/"+token.Session+"/revoke").wants(t, http.StatusNotFound)
	ada.get("/me").wants(t, http.StatusOK, token.Session)
	ada.post("/me/tokens/"+token.Session+"/revoke").wants(t, http.StatusOK, "The token was revoked").lacks(t, token.Session)

	other, _, err := h.services.SignIn(t.Context(), workspaces.Authenticated{Identity: workspaces.Identity{Issuer: "https://provider.example", Subject: "ada"}}, workspaces.SignInBrowser, "")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := h.services.AuthenticateBrowser(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	ada.post("/me/sessions/"+elsewhere.Session+"/end").wants(t, http.StatusOK, "The session was ended").lacks(t, elsewhere.Session)
	if _, err := h.services.AuthenticateBrowser(t.Context(), other); gatehouse.CodeOf(err) != gatehouse.CodeSessionEnded {
		t.Errorf("the session goes on: %v", err)
	}
	// An operator's own page ends nobody else's session.
	h.as("olga").post("/me/sessions/"+h.session("ada")+"/end").wants(t, http.StatusNotFound)
	ada.post("/me/revoke").wants(t, http.StatusOK, "Sign in")
	ada.get("/me").wants(t, http.StatusUnauthorized)
	ann.get("/me").wants(t, http.StatusOK)
}

func TestOperatorsPutPeopleOutAndAuditorsOnlyLook(t *testing.T) {
	h := newHouse(t)
	for _, user := range []string{"ada", "chris", "cora"} {
		h.as(user).get("/people").wants(t, http.StatusForbidden).lacks(t, "olga")
		h.as(user).get("/people/bob").wants(t, http.StatusForbidden)
		h.as(user).post("/people/bob/lock").wants(t, http.StatusForbidden)
		h.as(user).post("/people/bob/revoke").wants(t, http.StatusForbidden)
		h.as(user).post("/people/bob/sessions/"+h.session("bob")+"/end").wants(t, http.StatusNotFound)
	}
	aud, olga := h.as("aud"), h.as("olga")
	aud.get("/people").wants(t, http.StatusOK, "cora", "custodian", "shared_care").lacks(t, "Project a")
	aud.get("/people/bob").wants(t, http.StatusOK, h.session("bob")).lacks(t, "<button class=\"nhsuk-button nhsuk-button--warning\"")
	aud.post("/people/bob/lock").wants(t, http.StatusForbidden)

	olga.get("/people/nobody").wants(t, http.StatusNotFound)
	olga.post("/people/bob/sessions/"+h.session("bob")+"/end").wants(t, http.StatusOK, "The session was ended", "Not signed in")
	h.as("bob").get("/projects").wants(t, http.StatusUnauthorized)
	olga.post("/people/ann/lock").wants(t, http.StatusOK, "cannot sign in any more", "Locked")
	h.as("ann").get("/projects").wants(t, http.StatusUnauthorized)
	if _, _, err := h.services.SignIn(t.Context(), workspaces.Authenticated{Identity: workspaces.Identity{Issuer: "https://provider.example", Subject: "ann"}}, workspaces.SignInBrowser, ""); gatehouse.CodeOf(err) != gatehouse.CodeUserLocked {
		t.Errorf("who was locked signs in: %v", err)
	}
}

func TestACustodianHasReleasesWaitForTheirWord(t *testing.T) {
	h := newHouse(t)
	const page = "/datasets/shared_care/3"
	for _, user := range []string{"ada", "chris", "aud"} {
		h.as(user).get(page).wants(t, http.StatusOK, "need two checkers").lacks(t, "Have releases wait")
		h.as(user).post(page+"/veto", "ask", "yes").wants(t, http.StatusForbidden)
	}
	cora := h.as("cora")
	cora.get(page).wants(t, http.StatusOK, "Have releases wait")
	cora.post(page+"/veto").wants(t, http.StatusUnprocessableEntity)
	cora.post(page+"/veto", "ask", "yes").wants(t, http.StatusOK, "waits for a custodian of the dataset", "wait for a custodian's agreement after the checkers'")
	id := h.submitted()
	for _, checker := range []string{"chris", "chloe"} {
		h.as(checker).post("/requests/"+id+"/votes", "file", "table1.csv", "verdict", "approve").wants(t, http.StatusOK)
	}
	h.as("chris").post("/requests/"+id+"/release").wants(t, http.StatusConflict)
	cora.post("/requests/"+id+"/clear", "verdict", "clear").wants(t, http.StatusOK, "Your word was recorded")
	cora.post(page+"/veto", "ask", "no").wants(t, http.StatusOK, "need two checkers")
	h.as("chris").post("/requests/"+id+"/release").wants(t, http.StatusOK, "were released")
}

func TestOperatorsSendAgainWhatWasGivenUp(t *testing.T) {
	h := newHouse(t)
	id := h.submitted()
	h.as("chris").post("/requests/"+id+"/messages", "body", "Which year is it?").wants(t, http.StatusOK)
	out := state.Outbox{DB: h.db}
	_, err := out.Spread(t.Context(), func(n workspaces.KeptNotice, _ workspaces.NoticeOptions) []workspaces.Dispatch {
		if n.To != "ada" {
			return nil
		}
		return []workspaces.Dispatch{{Channel: "email", Next: n.At}}
	})
	if err != nil {
		t.Fatal(err)
	}
	parcel, found, err := out.Claim(t.Context(), "email", time.Minute)
	if err != nil || !found {
		t.Fatalf("%v, %v", found, err)
	}
	if err := out.GiveUp(t.Context(), parcel.ID, "550"); err != nil {
		t.Fatal(err)
	}
	h.as("aud").get("/operations").wants(t, http.StatusOK, "550").lacks(t, "Send again<span")
	h.as("aud").post("/operations/messages/"+parcel.ID+"/retry").wants(t, http.StatusForbidden)
	h.as("ada").post("/operations/messages/"+parcel.ID+"/retry").wants(t, http.StatusForbidden)
	olga := h.as("olga")
	olga.get("/operations").wants(t, http.StatusOK, "Send again", "email").lacks(t, "Which year", id)
	olga.post("/operations/messages/"+parcel.ID+"/retry").wants(t, http.StatusOK, "sent again", "None was given up")
	olga.post("/operations/messages/msg_0/retry").wants(t, http.StatusNotFound)
}

func TestARoleIsAskedForByOneAndConfirmedByAnother(t *testing.T) {
	h := newHouse(t)
	olga, cora := h.as("olga"), h.as("cora")
	for _, user := range []string{"ada", "chris"} {
		h.as(user).get("/appointments").wants(t, http.StatusForbidden)
		h.as(user).post("/appointments", "user", "ann", "role", "checker").wants(t, http.StatusForbidden)
		h.as(user).post("/people", "user", "nina").wants(t, http.StatusForbidden)
	}
	h.as("aud").get("/appointments").wants(t, http.StatusOK, "No appointment waits").lacks(t, "Ask for it")
	h.as("aud").get("/people").wants(t, http.StatusOK).lacks(t, "Make them known")

	olga.post("/people", "user", "Not a name").wants(t, http.StatusUnprocessableEntity, "cannot be a user name", "Make them known")
	olga.post("/people", "user", "nina").wants(t, http.StatusOK, "That person is known now", "Link an account", "https://provider.example")
	olga.post("/people/nina/accounts", "issuer", "https://provider.example", "subject", "nina-7d3c").wants(t, http.StatusOK, "They can sign in")
	olga.post("/people/nina/accounts", "issuer", "https://provider.example", "subject", "olga-2").wants(t, http.StatusForbidden, "somebody here already")
	olga.post("/people/ada/accounts", "issuer", "https://provider.example", "subject", "olga-2").wants(t, http.StatusForbidden)
	olga.post("/appointments", "user", "nobody-here", "role", "checker").wants(t, http.StatusUnprocessableEntity, "There is no such user", "nobody-here")
	olga.post("/appointments", "user", "olga", "role", "checker").wants(t, http.StatusForbidden, "a role of their own")
	olga.post("/appointments", "user", "nina", "role", "checker").wants(t, http.StatusOK, "It was asked for", "nina to be checker", "Withdraw").lacks(t, ">Confirm<")

	cora.get("/me").wants(t, http.StatusOK, "look at who it is", `href="/appointments"`)
	home := cora.get("/").wants(t, http.StatusOK, "nina to be checker", "confirm or decline")
	id := regexp.MustCompile(`app_[0-9a-f]+`).FindString(home.body)
	cora.get("/appointments").wants(t, http.StatusOK, "nina-7d3c", "Confirm<")
	olga.post("/appointments/"+id+"/decision", "verdict", "confirm").wants(t, http.StatusForbidden)
	cora.post("/appointments/"+id+"/decision", "verdict", "confirm").wants(t, http.StatusOK, "they have the role now", "confirmed by cora", "No appointment waits")
	cora.post("/appointments/"+id+"/decision", "verdict", "confirm").wants(t, http.StatusConflict, "is decided")
	cora.post("/appointments/app_0/decision", "verdict", "confirm").wants(t, http.StatusNotFound)

	olga.get("/people/nina").wants(t, http.StatusOK, "No checker any more").lacks(t, "Link an account")
	h.as("aud").get("/people/nina").wants(t, http.StatusOK, "checker").lacks(t, "any more</button>")
	h.as("aud").post("/people/nina/roles/checker/revoke").wants(t, http.StatusForbidden)
	olga.post("/people/nina/roles/checker/revoke").wants(t, http.StatusOK, "The role was taken away")
}
