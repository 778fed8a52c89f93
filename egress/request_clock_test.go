package egress_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse/egress"
)

const workday = 24 * time.Hour // from noon to noon in the middle of a week

// The house's clock begins on Monday, 2 March 2026, at noon.
func TestTheClockRunsWhileOthersThanTheAuthorHaveTheRequest(t *testing.T) {
	h := newHouse(t)
	check := func(what string, waited, taken float64, due string, paused, overdue bool) {
		t.Helper()
		for _, user := range []string{"ada", "chris"} {
			c := h.see(user, h.id).Clock
			got := ""
			if c.Due != nil {
				got = c.Due.Format("2 Jan 15:04")
			}
			if c.Waited != waited || c.Taken != taken || got != due || c.Paused != paused || c.Overdue != overdue || c.Target != 5 {
				t.Errorf("%s, %s sees %+v, due %s", what, user, c, got)
			}
		}
	}
	h.id = h.draft("a.csv")
	h.later(workday)
	if c := h.see("ada", h.id).Clock; c.Waited != 1 || c.Taken != 0 || c.Due != nil || c.Paused || !slices.Equal(c.Names, []string{"ada"}) {
		t.Errorf("of a draft: %+v", c)
	}
	h.submit(h.id) // Tuesday
	check("submitted", 0, 0, "10 Mar 12:00", false, false)
	h.later(workday)
	h.vote(h.id, "chris", "a.csv", egress.VerdictReturn) // Wednesday; still the checkers'
	check("after one vote", 1, 1, "10 Mar 12:00", false, false)
	h.later(workday)
	h.vote(h.id, "chloe", "a.csv", egress.VerdictReturn) // Thursday
	check("returned", 0, 2, "", true, false)
	h.later(7 * workday) // the next Thursday
	check("with the author for a week", 5, 2, "", true, false)
	h.submit(h.id)
	check("back", 0, 2, "17 Mar 12:00", false, false)
	h.later(5 * workday) // Tuesday
	check("on the last moment", 3, 5, "17 Mar 12:00", false, false)
	h.later(time.Hour)
	check("an hour late", 3.13, 5.13, "17 Mar 12:00", false, true)
	h.vote(h.id, "chris", "a.csv", egress.VerdictApprove)
	h.vote(h.id, "chloe", "a.csv", egress.VerdictApprove)
	check("approved", 0, 5.13, "17 Mar 12:00", false, true)
	if _, err := h.ReleaseRequest(t.Context(), as("chris"), h.id); err != nil {
		t.Fatal(err)
	}
	if c := h.see("ada", h.id).Clock; c.Due != nil || c.Overdue {
		t.Errorf("of what is released: %+v", c)
	}
}

// Whoever a late request waits for is told once for each state in which it is late.
func TestLateRequestsAreToldOfOnce(t *testing.T) {
	h := newHouse(t)
	id := h.submitted("a.csv")
	h.submitted("b.csv")
	paused := h.submitted("c.csv")
	h.vote(paused, "chris", "c.csv", egress.VerdictReturn)
	h.vote(paused, "chloe", "c.csv", egress.VerdictReturn)
	notice := func() int {
		t.Helper()
		n, err := h.NoticeOverdue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := notice(); n != 0 {
		t.Errorf("%d late at once", n)
	}
	h.vote(id, "chris", "a.csv", egress.VerdictApprove)
	h.later(8 * workday)
	h.notices()
	if n := notice(); n != 2 {
		t.Errorf("%d late, want 2", n)
	}
	if got := h.notices(); !slices.Equal(got, []string{"request.overdue chen", "request.overdue chen", "request.overdue chloe", "request.overdue chloe", "request.overdue chris"}) {
		t.Errorf("told: %q", got)
	}
	if n := notice(); n != 0 || len(h.notices()) != 0 {
		t.Errorf("told again of %d", n)
	}
	h.vote(id, "chloe", "a.csv", egress.VerdictReject)
	h.notices()
	if n := notice(); n != 1 {
		t.Errorf("%d late in dispute", n)
	}
	if got := h.notices(); !slices.Equal(got, []string{"request.overdue chloe", "request.overdue chris"}) {
		t.Errorf("told: %q", got)
	}
	if events := h.events(id); !slices.Contains(events, "system request.overdue") {
		t.Errorf("journal: %q", events)
	}
}

func TestPeopleAreToldWhenTheirTurnComes(t *testing.T) {
	h := newHouse(t)
	told := func(what string, want ...string) {
		t.Helper()
		if got := h.notices(); !slices.Equal(got, want) {
			t.Errorf("%s: told %q, want %q", what, got, want)
		}
	}
	id := h.draft("a.csv")
	told("a draft")
	h.submit(id)
	told("submitted", "request.submitted chen", "request.submitted chloe", "request.submitted chris")
	h.vote(id, "chris", "a.csv", egress.VerdictApprove)
	told("one vote")
	h.vote(id, "chloe", "a.csv", egress.VerdictReturn)
	told("disputed", "request.disputed chloe", "request.disputed chris")
	h.vote(id, "chris", "a.csv", egress.VerdictReturn)
	h.vote(id, "chloe", "a.csv", egress.VerdictReturn)
	told("returned", "request.returned ada")
	h.submit(id)
	h.notices()
	h.vote(id, "chen", "a.csv", egress.VerdictApprove)
	h.vote(id, "chloe", "a.csv", egress.VerdictApprove)
	told("approved", "request.approved ada", "request.approved chen", "request.approved chloe", "request.approved chris")
	release, err := h.ReleaseRequest(t.Context(), as("chris"), id)
	if err != nil {
		t.Fatal(err)
	}
	told("released", "request.released ada", "request.released ann")
	h.download("ann", release.ID)
	if _, err := h.RecallRelease(t.Context(), as("cora"), release.ID, "wrong"); err != nil {
		t.Fatal(err)
	}
	told("recalled", "release.recalled ann", "request.recalled ada", "request.recalled ann")
}
