package egress_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// queue gives what a user finds in their queue, as "task title".
func (h *house) queue(user string) []string {
	h.t.Helper()
	items, err := h.Queue(h.t.Context(), as(user))
	if err != nil {
		h.t.Fatal(err)
	}
	out := []string{}
	for _, i := range items {
		line := fmt.Sprintf("%s %s %d/%d", i.Task, i.Title, i.Waiting, i.Files)
		for _, c := range i.Claims {
			line += " " + c.Checker
		}
		out = append(out, line)
	}
	return out
}

func (h *house) titled(id, title string) string {
	h.t.Helper()
	if err := second(h.EditRequest(h.t.Context(), as("ada"), id, egress.RequestEdit{Title: &title})); err != nil {
		h.t.Fatal(err)
	}
	return id
}

func TestTheQueueShowsWhatWaitsForWhom(t *testing.T) {
	h := newHouse(t)
	h.askVeto("cora", "shared_care")
	late := h.titled(h.draft("a.csv", "b.csv"), "late")
	h.submit(late)
	h.later(time.Hour)
	early := h.titled(h.draft("a.csv"), "early")
	h.submit(early)
	vetting := h.titled(h.draft("a.csv"), "vetting")
	h.submit(vetting)
	h.titled(h.draft("a.csv"), "draft")
	h.vote(vetting, "chris", "a.csv", egress.VerdictApprove)
	h.vote(vetting, "chloe", "a.csv", egress.VerdictApprove)
	h.vote(late, "chris", "a.csv", egress.VerdictApprove)
	h.vote(late, "chris", "b.csv", egress.VerdictApprove)
	if err := second(h.ClaimRequest(t.Context(), as("chen"), late)); err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string][]string{
		"chris": {"vote early 1/1", "none late 0/2 chen", "none vetting 0/1"},
		"chloe": {"vote late 2/2 chen", "vote early 1/1", "none vetting 0/1"},
		"cora":  {"clear vetting 0/1"},
		"carl":  {}, "ada": {}, "bob": {}, "olga": {}, "aud": {},
	} {
		if got := h.queue(user); !slices.Equal(got, want) {
			t.Errorf("%s finds %q, want %q", user, got, want)
		}
	}
	h.vote(late, "chloe", "a.csv", egress.VerdictApprove)
	h.vote(late, "chloe", "b.csv", egress.VerdictReject)
	if got := h.queue("chris"); got[0] != "vote-again late 1/2 chen" {
		t.Errorf("in dispute: %q", got)
	}
	if c := h.see("chris", late).Clock; !slices.Equal(c.Names, []string{"chris", "chloe"}) {
		t.Errorf("it waits for %q", c.Names)
	}
	if c := h.see("ada", late).Clock; c.Names != nil {
		t.Errorf("the author sees that it waits for %q", c.Names)
	}
	if err := h.clear("cora", vetting, egress.NewClearance{Verdict: egress.ClearanceClear}); err != nil {
		t.Fatal(err)
	}
	if got := h.queue("chen"); !slices.Contains(got, "release vetting 0/1") {
		t.Errorf("approved: %q", got)
	}
	if _, err := h.Queue(t.Context(), gatehouse.Principal{}); gatehouse.CodeOf(err) != gatehouse.CodeUnauthenticated {
		t.Errorf("nobody's queue: %v", err)
	}
}

func TestAClaimBindsNobodyAndRunsOut(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	id := h.submitted("a.csv", "b.csv")
	claims := func(user string) int { return len(h.see(user, id).Claims) }
	if err := second(h.ClaimRequest(ctx, as("chris"), id)); err != nil {
		t.Fatal(err)
	}
	if claims("chloe") != 1 || claims("aud") != 1 || claims("ada") != 0 {
		t.Error("a claim is for checkers to see")
	}
	h.vote(id, "chloe", "a.csv", egress.VerdictApprove) // beside the claim
	h.later(egress.DefaultClaim - time.Minute)
	if claims("chloe") != 1 {
		t.Error("it ran out early")
	}
	if err := second(h.ClaimRequest(ctx, as("chris"), id)); err != nil { // again: longer
		t.Fatal(err)
	}
	h.later(egress.DefaultClaim - time.Minute)
	if claims("chloe") != 1 {
		t.Error("claiming again did not make it longer")
	}
	h.later(2 * time.Minute)
	if claims("chloe") != 0 {
		t.Error("it did not run out")
	}
	if err := second(h.ClaimRequest(ctx, as("chris"), id)); err != nil {
		t.Fatal(err)
	}
	h.vote(id, "chris", "a.csv", egress.VerdictApprove)
	if claims("chloe") != 1 {
		t.Error("it ended with a file to vote on")
	}
	h.vote(id, "chris", "b.csv", egress.VerdictApprove)
	if claims("chloe") != 0 {
		t.Error("it did not end with the last vote")
	}
	if err := second(h.ClaimRequest(ctx, as("chen"), id)); err != nil {
		t.Fatal(err)
	}
	if err := second(h.UnclaimRequest(ctx, as("chen"), id)); err != nil || claims("chloe") != 0 {
		t.Errorf("taking it back: %v", err)
	}

	err := state.Workspaces(h.db).Update(ctx, func(tx workspaces.Tx) error { return tx.GrantRole(ctx, "ann", gatehouse.RoleChecker) })
	if err != nil {
		t.Fatal(err)
	}
	for user, code := range map[string]gatehouse.Code{
		"chris": gatehouse.CodeSeparation, "ann": gatehouse.CodeSeparation, "ada": gatehouse.CodeDenied, "cora": gatehouse.CodeDenied,
		"aud": gatehouse.CodeDenied, "bob": gatehouse.CodeNotFound,
	} {
		_, err := h.ClaimRequest(ctx, as(user), id)
		want(t, "a claim by "+user, err, code)
	}
	if err := second(h.WithdrawRequest(ctx, as("ada"), id)); err != nil {
		t.Fatal(err)
	}
	_, err = h.ClaimRequest(ctx, as("chen"), id)
	want(t, "a claim on what is withdrawn", err, gatehouse.CodeRequestState)
}
