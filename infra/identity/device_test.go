package identity_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// confirm answers at the provider for a command line; subject "" says no.
func (p *person) confirm(code workspaces.DeviceCode, subject string) {
	p.t.Helper()
	page := p.get(code.Complete)
	if !strings.Contains(page.body, code.UserCode) {
		p.t.Fatalf("the page does not show the code %s: %s", code.UserCode, page.body)
	}
	if got := p.post(page.at.String(), url.Values{"code": {code.UserCode}, "account": {subject}}); got.status != http.StatusOK {
		p.t.Fatalf("%d %s", got.status, got.body)
	}
}

func TestPeopleSignInOnACommandLine(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	code, err := h.devices.Start(ctx)
	h.must(err)
	if !strings.HasPrefix(code.URL, h.issuer) || code.UserCode == "" || code.Interval != time.Second || !code.Expires.After(h.clock()) {
		t.Errorf("to confirm is %+v", code)
	}
	if a, err := h.devices.Poll(ctx, code.Handle); err != nil || !a.Pending || a.Token != "" {
		t.Errorf("before it is confirmed: %+v, %v", a, err)
	}
	h.person().confirm(code, "sub-ada")
	a, err := h.devices.Poll(ctx, code.Handle)
	h.must(err)
	if a.Pending || a.Session.User != "ada" || a.Session.Kind != workspaces.SignInDevice {
		t.Fatalf("once it is confirmed: %+v", a)
	}
	if e := h.last(); e.Action != "session.started" || e.Actor != "ada" || e.Detail["kind"] != "device" || e.Detail["amr"] != "pwd mfa" {
		t.Errorf("journaled as %+v", e)
	}
	who, err := h.Authenticate(ctx, a.Token)
	if err != nil || who.User != "ada" || who.Session != a.Session.ID || who.Workspace != "" {
		t.Errorf("the token is %+v, %v", who, err)
	}
	// The session of a command line is none for pages.
	if _, err := h.AuthenticateBrowser(ctx, a.Token); gatehouse.CodeOf(err) != gatehouse.CodeUnauthenticated {
		t.Errorf("the token as a cookie: %v", err)
	}
	if again, err := h.devices.Poll(ctx, code.Handle); gatehouse.CodeOf(err) != gatehouse.CodeSignInFailed || again.Token != "" {
		t.Errorf("polled once more: %+v, %v", again, err)
	}
	h.must(h.SignOut(ctx, who))
	if _, err := h.Authenticate(ctx, a.Token); gatehouse.CodeOf(err) != gatehouse.CodeSessionEnded {
		t.Errorf("signed out: %v", err)
	}
}

func TestWhoIsRefusedOnACommandLine(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	for subject, want := range map[string]gatehouse.Code{
		"":             gatehouse.CodeSignInFailed, // "I did not begin this"
		"sub-ada-weak": gatehouse.CodeFactors,
		"sub-nobody":   gatehouse.CodeIdentityUnknown,
	} {
		code, err := h.devices.Start(ctx)
		h.must(err)
		h.person().confirm(code, subject)
		a, err := h.devices.Poll(ctx, code.Handle)
		if gatehouse.CodeOf(err) != want || a.Token != "" {
			t.Errorf("%q: %+v, %v", subject, a, err)
		}
		if e := h.last(); e.Action != "session.started.refused" || e.Detail["code"] != string(want) || e.Detail["kind"] != "device" {
			t.Errorf("%q: journaled as %+v", subject, e)
		}
	}

	code, err := h.devices.Start(ctx)
	h.must(err)
	other := newHouse(t)
	theirs, err := other.devices.Start(ctx)
	h.must(err)
	for name, handle := range map[string]string{"none": "", "rubbish": "AAAA", "another server's": theirs.Handle, "cut": code.Handle[:len(code.Handle)-2], "the provider's own": code.UserCode} {
		if a, err := h.devices.Poll(ctx, handle); gatehouse.CodeOf(err) != gatehouse.CodeSignInFailed || a.Token != "" {
			t.Errorf("a handle that is %s: %+v, %v", name, a, err)
		}
	}
	h.later(code.Expires.Sub(h.clock()))
	if _, err := h.devices.Poll(ctx, code.Handle); gatehouse.CodeOf(err) != gatehouse.CodeSignInFailed {
		t.Errorf("too late: %v", err)
	}
}

// Whoever begins again and again does not keep the provider from everybody else.
func TestBeginningHasALimit(t *testing.T) {
	h := newHouse(t)
	for range 100 {
		_, err := h.devices.Start(t.Context())
		if gatehouse.CodeOf(err) == gatehouse.CodeBusy {
			return
		}
		h.must(err)
	}
	t.Error("a hundred sign-ins were begun in a moment")
}
