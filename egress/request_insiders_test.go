package egress_test

import (
	"slices"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// join makes somebody a member of project a; leave ends it.
func (h *house) join(user string) {
	h.project("a", func(p *workspaces.Project) {
		p.Members = append(p.Members, workspaces.Member{User: user, Role: gatehouse.RoleResearcher, TrainingUntil: h.now.AddDate(1, 0, 0), Agreement: 1, AgreementUntil: h.now.AddDate(1, 0, 0)})
	})
}

func (h *house) leave(user string) {
	h.project("a", func(p *workspaces.Project) {
		p.Members = slices.DeleteFunc(p.Members, func(m workspaces.Member) bool { return m.User == user })
	})
}

// Who worked in a project and left it before anything was asked for checks nothing
// of it, draft or not.
func TestWhoLeftBeforeTheFirstSubmissionNeverChecks(t *testing.T) {
	h := newHouse(t)
	h.join("chris")
	h.leave("chris")
	id := h.submitted("a.csv")
	_, err := h.ReviewRequest(t.Context(), as("chris"), id, []egress.Ballot{{File: "a.csv", Verdict: egress.VerdictApprove}})
	want(t, "a vote of somebody who was a member", err, gatehouse.CodeSeparation)
	_, _, err = h.OpenFile(t.Context(), as("chris"), id, "a.csv")
	want(t, "a look of somebody who was a member", err, gatehouse.CodeSeparation)
}

// A checker who joins the project counts no more: a third one must look, and what
// was approved before does not leave.
func TestAVoteDoesNotOutliveItsCheckersIndependence(t *testing.T) {
	t.Run("while it is looked at", func(t *testing.T) {
		h := newHouse(t)
		id := h.submitted("a.csv")
		h.vote(id, "chris", "a.csv", egress.VerdictApprove)
		h.join("chris")
		h.leave("chris") // at once: it is known all the same
		if got := h.vote(id, "chloe", "a.csv", egress.VerdictApprove); got != egress.RequestInReview {
			t.Fatalf("after one vote that counts: %s", got)
		}
		if got := h.vote(id, "chen", "a.csv", egress.VerdictApprove); got != egress.RequestApproved {
			t.Fatalf("after two: %s", got)
		}
		if _, err := h.ReleaseRequest(t.Context(), as("chloe"), id); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("once it is approved", func(t *testing.T) {
		h := newHouse(t)
		id := h.approved("a.csv")
		h.join("chris")
		_, err := h.ReleaseRequest(t.Context(), as("chen"), id)
		want(t, "release", err, gatehouse.CodeSeparation)
		if _, err := h.WithdrawRequest(t.Context(), as("ada"), id); err != nil {
			t.Error(err)
		}
	})
	t.Run("a custodian who has agreed", func(t *testing.T) {
		h := newHouse(t)
		h.askVeto("cora", "shared_care")
		id := h.approved("a.csv")
		if err := h.clear("cora", id, egress.NewClearance{Verdict: egress.ClearanceClear}); err != nil {
			t.Fatal(err)
		}
		h.join("cora")
		_, err := h.ReleaseRequest(t.Context(), as("chen"), id)
		want(t, "release", err, gatehouse.CodeSeparation)
	})
}

// A veto that a custodian asks for holds for what was approved and is still here.
func TestAVetoHoldsForWhatIsApprovedAlready(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	id, gone := h.approved("a.csv"), h.released("b.csv")
	h.notices()
	h.askVeto("carl", "weather") // which the project does not use
	if got := h.see("ada", id).State; got != egress.RequestApproved {
		t.Fatalf("another dataset's veto makes it %s", got)
	}
	h.askVeto("cora", "shared_care")
	if got := h.see("ada", id); got.State != egress.RequestVetting || !slices.Equal(got.Vetoes, []string{"shared_care"}) {
		t.Fatalf("it is %s, waiting for %v", got.State, got.Vetoes)
	}
	if got := h.notices(); !slices.Contains(got, "request.vetting cora") {
		t.Errorf("told: %q", got)
	}
	_, err := h.ReleaseRequest(ctx, as("chen"), id)
	want(t, "release before the custodian agrees", err, gatehouse.CodeRequestState)
	if h.see("ada", gone.Request).State != egress.RequestReleased {
		t.Error("what was released came back")
	}
	if err := h.clear("cora", id, egress.NewClearance{Verdict: egress.ClearanceClear}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.ReleaseRequest(ctx, as("chen"), id); err != nil {
		t.Fatal(err)
	}
}
