package identity_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces/strangers"
)

// Junk at every entrance of signing in writes a few events and lines of the log in
// all, and people sign in and stay signed in meanwhile.
func TestJunkAtTheDoorIsBounded(t *testing.T) {
	h := newHouse(t)
	ada, stranger := h.signedIn("sub-ada", "ada"), h.person()
	before, logged := len(h.events()), strings.Count(h.log.String(), "\n")
	statuses := map[int]int{}
	for range 200 {
		got := stranger.get(h.site + "/sign-in/callback?code=junk&state=junk")
		statuses[got.status]++
		if got.status == http.StatusTooManyRequests && got.header.Get("Retry-After") == "" {
			t.Fatal("it does not say when to try again")
		}
		if a, err := h.devices.Poll(t.Context(), "junk"); err == nil || a.Token != "" {
			t.Fatalf("junk polls %+v", a)
		}
		if got := stranger.post(h.site+"/sign-in/back-channel-logout", url.Values{"logout_token": {"junk"}}); got.status != http.StatusBadRequest {
			t.Fatalf("a junk logout is answered %d", got.status)
		}
	}
	if statuses[http.StatusUnauthorized] == 0 || statuses[http.StatusTooManyRequests] < 100 || len(statuses) != 2 {
		t.Errorf("the callback answers %v", statuses)
	}
	if _, err := h.devices.Poll(t.Context(), "junk"); gatehouse.CodeOf(err) != gatehouse.CodeTooManyAttempts {
		t.Errorf("polling: %v", err)
	}
	if wrote := len(h.events()) - before; wrote > 2*strangers.EachBurst {
		t.Errorf("junk wrote %d events", wrote)
	}
	if lines := strings.Count(h.log.String(), "\n") - logged; lines > 4*strangers.EachBurst {
		t.Errorf("junk wrote %d lines of the log", lines)
	}
	if who := ada.who(); who != "ada <nil>" {
		t.Errorf("ada is %s", who)
	}
	h.signedIn("sub-oona", "oona")
}
