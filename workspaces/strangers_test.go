package workspaces_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
	"github.com/gatehouse-tre/gatehouse/workspaces/strangers"
)

// A thousand junk tokens, cookies and answers of no provider write no thousand
// events, and who is somebody goes on meanwhile.
func TestJunkDoesNotFillTheJournal(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.activate()
	secret, err := h.IssueToken(ctx, lead, "ben", "diabetes-outcomes", time.Hour)
	h.must(err)
	before := len(h.events())
	for i := range 350 {
		_, token := h.Authenticate(ctx, fmt.Sprintf("gatehouse_%043d", i))
		_, session := h.Authenticate(ctx, fmt.Sprintf("gatehouse-session_%043d", i))
		_, cookie := h.AuthenticateBrowser(ctx, fmt.Sprint("junk ", i))
		callback := h.RefuseSignIn(ctx, workspaces.SignInBrowser, gatehouse.Errorf(gatehouse.CodeSignInFailed, "It does not verify."))
		for _, err := range []error{token, session, cookie, callback} {
			if err == nil {
				t.Fatal("junk is let in")
			}
			if i > strangers.EachBurst {
				h.want(err, gatehouse.CodeTooManyAttempts)
			}
		}
		if p, err := h.Authenticate(ctx, secret); err != nil || p.User != "ben" {
			t.Fatalf("who has a token waits for strangers: %v", err)
		}
	}
	if wrote := len(h.events()) - before; wrote != strangers.EachBurst {
		t.Errorf("junk wrote %d events", wrote)
	}
	h.must(h.JournalStrangers(ctx))
	e := h.last()
	if e.Action != "strangers.refused" || e.Subject != "unknown" || e.Actor != "" || e.Detail["refusals"] != fmt.Sprint(4*350-strangers.EachBurst) || e.Detail["sources"] != "1" || e.Detail["session"] == "" || e.Detail["session.started"] == "" {
		t.Errorf("told as %+v", e)
	}
	count := len(h.events())
	h.must(h.JournalStrangers(ctx))
	if len(h.events()) != count {
		t.Error("nothing was refused, and that was journaled")
	}
}

// What has ended is refused for ever, in few events, and by its true reason while
// strangers make a noise.
func TestAnEndedTokenIsJournaledAFewTimes(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.activate()
	secret, err := h.IssueToken(ctx, lead, "ben", "diabetes-outcomes", time.Hour)
	h.must(err)
	for range 300 {
		_, err := h.Authenticate(ctx, "junk")
		if err == nil {
			t.Fatal("junk is let in")
		}
	}
	h.at(start.Add(time.Hour))
	before := len(h.events())
	for range 300 {
		_, err := h.Authenticate(ctx, secret)
		h.want(err, gatehouse.CodeUnauthenticated)
	}
	if wrote := len(h.events()) - before; wrote != strangers.EachBurst {
		t.Errorf("an expired token wrote %d events", wrote)
	}
}

// Where the journal cannot be written strangers are refused all the same, and what
// was counted is told once it can.
func TestStrangersAreRefusedWhileTheJournalFails(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	for range strangers.EachBurst + 5 {
		_, _ = h.Authenticate(ctx, "junk")
	}
	h.must(h.db.Close())
	if p, err := h.Authenticate(ctx, "junk"); err == nil || !p.Anonymous() {
		t.Errorf("let in as %+v", p)
	}
	if p, err := h.AuthenticateBrowser(ctx, "junk"); err == nil || !p.Anonymous() {
		t.Errorf("let in as %+v", p)
	}
	if err := h.RefuseSignIn(ctx, workspaces.SignInBrowser, gatehouse.Errorf(gatehouse.CodeSignInFailed, "No.")); err == nil {
		t.Error("let in")
	}
	if err := h.JournalStrangers(ctx); err == nil {
		t.Error("what could not be journaled was given up")
	}
	left := 0
	h.must(h.Strangers.Counted(func(c strangers.Count) error { left = c.Refusals; return nil }))
	if left < 5 {
		t.Errorf("%d refusals are left to tell", left)
	}
}
