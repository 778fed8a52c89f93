package egress_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func (h *house) askVeto(user, dataset string) {
	h.t.Helper()
	if _, err := h.AskVeto(h.t.Context(), as(user), dataset, true); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) clear(user, id string, n egress.NewClearance) error {
	return second(h.ClearRequest(h.t.Context(), as(user), id, n))
}

func TestACustodianHasTheLastWordWhereTheDatasetAsks(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.askVeto("cora", "shared_care")
	id := h.submitted("a.csv")
	h.say("chris", id, egress.NewMessage{Body: "p", Private: true})
	h.vote(id, "chris", "a.csv", egress.VerdictApprove)
	h.notices()
	if got := h.vote(id, "chloe", "a.csv", egress.VerdictApprove); got != egress.RequestVetting {
		t.Fatalf("after the checkers: %s", got)
	}
	if got := h.notices(); !slices.Equal(got, []string{"request.vetting ada", "request.vetting cora"}) {
		t.Errorf("told: %q", got)
	}
	_, err := h.ReleaseRequest(ctx, as("chris"), id)
	want(t, "release before the custodian agrees", err, gatehouse.CodeRequestState)

	// The custodian sees what the checkers saw and said.
	seen := h.see("cora", id)
	if !seen.MayClear || len(seen.Files[0].Votes) != 2 || h.heard("cora", id) != "p" {
		t.Errorf("cora sees %+v", seen)
	}
	_, r, err := h.OpenFile(ctx, as("cora"), id, "a.csv")
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	_, _, err = h.OpenFile(ctx, as("carl"), id, "a.csv")
	want(t, "a custodian of other data looks", err, gatehouse.CodeDenied)

	yes := egress.NewClearance{Verdict: egress.ClearanceClear}
	want(t, "a custodian of other data", h.clear("carl", id, yes), gatehouse.CodeNotCustodian)
	want(t, "a checker", h.clear("chen", id, yes), gatehouse.CodeDenied)
	want(t, "the author", h.clear("ada", id, yes), gatehouse.CodeDenied)
	want(t, "somebody of another project", h.clear("bob", id, yes), gatehouse.CodeNotFound)
	want(t, "for a dataset that does not ask", h.clear("cora", id, egress.NewClearance{Verdict: egress.ClearanceClear, Datasets: []string{"weather"}}), gatehouse.CodeRequestState)
	want(t, "a veto without a reason", h.clear("cora", id, egress.NewClearance{Verdict: egress.ClearanceVeto}), gatehouse.CodeRequestInvalid)
	want(t, "a word that is none", h.clear("cora", id, egress.NewClearance{Verdict: "maybe"}), gatehouse.CodeRequestInvalid)
	if err := h.clear("cora", id, yes); err != nil {
		t.Fatal(err)
	}
	want(t, "twice", h.clear("cora", id, yes), gatehouse.CodeRequestState)
	if _, err := h.ReleaseRequest(ctx, as("chris"), id); err != nil {
		t.Fatal(err)
	}
	if events := h.events(id); !slices.Contains(events, "cora request.cleared") {
		t.Errorf("journal: %q", events)
	}
}

func TestAVetoEndsARequest(t *testing.T) {
	h := newHouse(t)
	h.askVeto("cora", "shared_care")
	id := h.approved("a.csv")
	h.notices()
	if err := h.clear("cora", id, egress.NewClearance{Verdict: egress.ClearanceVeto, Reason: "it names a practice"}); err != nil {
		t.Fatal(err)
	}
	if got := h.notices(); !slices.Equal(got, []string{"request.rejected ada"}) {
		t.Errorf("told: %q", got)
	}
	v := h.see("ada", id)
	if v.State != egress.RequestRejected || len(v.Clearances) != 1 || v.Clearances[0].Reason != "it names a practice" {
		t.Errorf("ada sees %s, %+v", v.State, v.Clearances)
	}
	_, err := h.ReleaseRequest(t.Context(), as("chris"), id)
	want(t, "release after a veto", err, gatehouse.CodeRequestState)
	want(t, "a change of mind", h.clear("cora", id, egress.NewClearance{Verdict: egress.ClearanceClear}), gatehouse.CodeRequestState)
	for _, statement := range []string{`UPDATE request_clearances SET verdict = 'clear'`, `DELETE FROM request_clearances`} {
		if err := h.db.Update(t.Context(), func(tx *state.Tx) error { return second(tx.SQL().ExecContext(t.Context(), statement)) }); err == nil {
			t.Errorf("accepted: %s", statement)
		}
	}
}

// Whatever the state says, what a custodian has not cleared is not sealed.
func TestAReleaseLooksForTheCustodiansWordItself(t *testing.T) {
	h := newHouse(t)
	h.askVeto("cora", "shared_care")
	id := h.approved("a.csv")
	forge := func(statement string) {
		t.Helper()
		if err := h.db.Update(t.Context(), func(tx *state.Tx) error { return second(tx.SQL().ExecContext(t.Context(), statement, id)) }); err != nil {
			t.Fatal(err)
		}
	}
	forge(`UPDATE requests SET state = 'approved' WHERE id = $1`)
	_, err := h.ReleaseRequest(t.Context(), as("chris"), id)
	want(t, "a state that was forged", err, gatehouse.CodeSeparation)
}

// Two datasets ask, each has a custodian of its own, and both must agree.
func TestEachDatasetsCustodianMustAgree(t *testing.T) {
	h := newHouse(t)
	h.project("a", func(p *workspaces.Project) {
		p.Datasets = append(p.Datasets, workspaces.DatasetGrant{Dataset: "weather", Version: 1, Tables: []workspaces.TableGrant{{Table: "days"}}})
	})
	h.askVeto("cora", "shared_care")
	h.askVeto("carl", "weather")
	id := h.approved("a.csv")
	want(t, "for the other's dataset", h.clear("carl", id, egress.NewClearance{Verdict: egress.ClearanceClear, Datasets: []string{"shared_care"}}), gatehouse.CodeNotCustodian)
	if err := h.clear("carl", id, egress.NewClearance{Verdict: egress.ClearanceClear}); err != nil {
		t.Fatal(err)
	}
	if v := h.see("cora", id); v.State != egress.RequestVetting || !v.MayClear {
		t.Fatalf("after one of two: %s", v.State)
	}
	if v := h.see("carl", id); v.MayClear {
		t.Error("carl may clear again")
	}
	if err := h.clear("cora", id, egress.NewClearance{Verdict: egress.ClearanceClear}); err != nil {
		t.Fatal(err)
	}
	if got := h.see("ada", id).State; got != egress.RequestApproved {
		t.Errorf("after both: %s", got)
	}
}

// Separation of duties: neither members nor checkers of the request speak for the
// data, and a member does not lift the veto on their own project's dataset.
func TestNobodyClearsTheirOwnRequest(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.askVeto("cora", "shared_care")
	err := state.Workspaces(h.db).Update(ctx, func(tx workspaces.Tx) error {
		return errors.Join(
			tx.GrantRole(ctx, "ada", gatehouse.RoleCustodian), tx.AddCustodian(ctx, "shared_care", "ada"),
			tx.GrantRole(ctx, "chris", gatehouse.RoleCustodian), tx.AddCustodian(ctx, "shared_care", "chris"))
	})
	if err != nil {
		t.Fatal(err)
	}
	id := h.approved("a.csv")
	yes := egress.NewClearance{Verdict: egress.ClearanceClear}
	want(t, "the author who is custodian too", h.clear("ada", id, yes), gatehouse.CodeSeparation)
	want(t, "the checker who is custodian too", h.clear("chris", id, yes), gatehouse.CodeSeparation)
	_, err = h.AskVeto(ctx, as("ada"), "shared_care", false)
	want(t, "a member lifts the veto", err, gatehouse.CodeSeparation)
	_, err = h.AskVeto(ctx, as("carl"), "shared_care", false)
	want(t, "a custodian of other data lifts it", err, gatehouse.CodeNotCustodian)
	_, err = h.AskVeto(ctx, as("chen"), "shared_care", false)
	want(t, "a checker lifts it", err, gatehouse.CodeDenied)

	// Lifting it changes nothing for a request that waits already.
	if _, err := h.AskVeto(ctx, as("cora"), "shared_care", false); err != nil {
		t.Fatal(err)
	}
	if got := h.see("ada", id).State; got != egress.RequestVetting {
		t.Errorf("after the veto was lifted: %s", got)
	}
	if got := h.see("ada", h.approved("b.csv")).State; got != egress.RequestApproved {
		t.Errorf("a later request: %s", got)
	}
}

func TestVetoesAreListedToWhoMayReadTheCatalogue(t *testing.T) {
	h := newHouse(t)
	if _, err := h.AskVeto(t.Context(), as("cora"), "shared_care", true); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"ada", "chris", "carl", "aud"} {
		if found, err := h.Vetoes(t.Context(), as(user)); err != nil || len(found) != 1 {
			t.Errorf("%s sees %v, %v", user, found, err)
		}
	}
	_, err := h.Vetoes(t.Context(), as("olga"))
	want(t, "an operator", err, gatehouse.CodeDenied)
}
