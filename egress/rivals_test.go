package egress_test

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Weaknesses that were found in other services for output checking, each tried
// here.

// The downloader says how many approvals a request needs, or whose vote this is.
func TestNothingThatIsCountedComesFromTheCaller(t *testing.T) {
	for _, input := range []any{egress.NewRequest{}, egress.NewFile{}, egress.RequestEdit{}, egress.Ballot{}, egress.NewMessage{}, egress.NewClearance{}} {
		kind := reflect.TypeOf(input)
		for i := range kind.NumField() {
			name := strings.ToLower(kind.Field(i).Name)
			for _, word := range []string{"approval", "checker", "voter", "user", "author", "limit", "count", "stage", "round", "state", "required", "threshold"} {
				if strings.Contains(name, word) {
					t.Errorf("%s says its own %s", kind.Name(), kind.Field(i).Name)
				}
			}
		}
	}
}

// The requester approves, also after having been made a checker and having left
// the project.
func TestTheRequesterNeverApproves(t *testing.T) {
	h := newHouse(t)
	id := h.submitted("a.csv")
	err := state.Workspaces(h.db).Update(t.Context(), func(tx workspaces.Tx) error {
		return tx.GrantRole(t.Context(), "ada", gatehouse.RoleChecker)
	})
	if err != nil {
		t.Fatal(err)
	}
	h.project("a", func(p *workspaces.Project) {
		p.Members = slices.DeleteFunc(p.Members, func(m workspaces.Member) bool { return m.User == "ada" })
	})
	_, err = h.ReviewRequest(t.Context(), as("ada"), id, []egress.Ballot{{File: "a.csv", Verdict: egress.VerdictApprove}})
	want(t, "the requester approves", err, gatehouse.CodeSeparation)
}

// Two tokens of one checker count as one, in every round.
func TestOneCheckerIsNeverTwo(t *testing.T) {
	h := newHouse(t)
	id := h.submitted("a.csv")
	for i, session := range []string{"tok_1", "tok_2"} {
		_, err := h.ReviewRequest(t.Context(), gatehouse.Principal{User: "chris", Session: session}, id, []egress.Ballot{{File: "a.csv", Verdict: egress.VerdictApprove}})
		if i == 0 && err != nil {
			t.Fatal(err)
		} else if i == 1 {
			want(t, "the same checker from elsewhere", err, gatehouse.CodeSeparation)
		}
	}
	if got := h.see("aud", id); got.State != egress.RequestInReview || got.Files[0].Cast != 1 {
		t.Errorf("%s with %d votes", got.State, got.Files[0].Cast)
	}
}

// Ids of another project's requests, files, threads and releases open nothing.
func TestIdsOfAnotherProjectOpenNothing(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	release := h.released("a.csv")
	open := h.submitted("b.csv")
	thread := h.say("ada", open, egress.NewMessage{Body: "x"})
	bob := as("bob")
	title := "Mine"
	for what, err := range map[string]error{
		"show":    second(h.Request(ctx, bob, open)),
		"edit":    second(h.EditRequest(ctx, bob, open, egress.RequestEdit{Title: &title})),
		"move":    second(h.MoveFile(ctx, bob, open, "b.csv", "")),
		"speak":   second(h.SayMessage(ctx, bob, open, egress.NewMessage{Body: "x", Thread: thread})),
		"earlier": second(h.EarlierReleases(ctx, bob, open)),
		"compare": second(h.CompareFile(ctx, bob, open, "b.csv")),
		"claim":   second(h.ClaimRequest(ctx, bob, open)),
		"clear":   h.clear("bob", open, egress.NewClearance{Verdict: egress.ClearanceClear}),
		"release": second(h.Release(ctx, bob, release.ID)),
	} {
		want(t, what, err, gatehouse.CodeNotFound)
	}
	_, _, err := h.DownloadRelease(ctx, bob, release.ID)
	want(t, "download", err, gatehouse.CodeNotFound)
	if got := h.queue("bob"); len(got) != 0 {
		t.Errorf("bob's queue: %q", got)
	}
}

// A recall ends a download that was about to begin, whoever asks and how often.
func TestARecallLeavesNoLinkAlive(t *testing.T) {
	h := newHouse(t)
	release := h.released("a.csv")
	h.download("ada", release.ID)
	if _, err := h.RecallRelease(t.Context(), as("chris"), release.ID, "stop"); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"ada", "ann", "ada"} {
		_, bundle, err := h.DownloadRelease(t.Context(), as(user), release.ID)
		if bundle != nil {
			t.Errorf("%s got bytes", user)
		}
		want(t, "download by "+user, err, gatehouse.CodeRequestState)
	}
}

// What returns a request early touches that request alone, and no vote of it.
func TestAReturnTouchesNobodyElsesRecords(t *testing.T) {
	h := newHouse(t)
	other, mine := h.submitted("a.csv"), h.submitted("a.csv", "b.csv")
	h.vote(other, "chen", "a.csv", egress.VerdictApprove)
	before := h.see("aud", other)
	for _, checker := range []string{"chris", "chloe"} {
		h.vote(mine, checker, "a.csv", egress.VerdictApprove)
		h.vote(mine, checker, "b.csv", egress.VerdictReturn)
	}
	votes := h.see("aud", mine).Files[0].Votes
	h.submit(mine)
	if after := h.see("aud", other); !reflect.DeepEqual(before, after) {
		t.Errorf("another request has changed:\n%+v\n%+v", before, after)
	}
	if again := h.see("aud", mine); !reflect.DeepEqual(again.Files[0].Votes, votes) || len(again.Files[1].Votes) != 2 {
		t.Errorf("votes have changed: %+v", again.Files)
	}
}

// One rejects, one approves, a third would: the rejection is not outvoted, and is
// told of for good.
func TestOneRejectionNeverVanishes(t *testing.T) {
	h := newHouse(t)
	id := h.submitted("a.csv", "b.csv")
	for _, f := range []string{"a.csv", "b.csv"} {
		h.vote(id, "chris", f, egress.VerdictReject)
		h.vote(id, "chloe", f, egress.VerdictApprove)
	}
	_, err := h.ReviewRequest(t.Context(), as("chen"), id, []egress.Ballot{{File: "a.csv", Verdict: egress.VerdictApprove}})
	want(t, "a third checker's casting vote", err, gatehouse.CodeSeparation)
	h.vote(id, "chloe", "a.csv", egress.VerdictApprove)
	h.vote(id, "chris", "a.csv", egress.VerdictReject)
	h.vote(id, "chloe", "b.csv", egress.VerdictApprove)
	if got := h.vote(id, "chris", "b.csv", egress.VerdictApprove); got != egress.RequestApproved { // lifted by who made it
		t.Fatalf("state %s", got)
	}
	release, err := h.ReleaseRequest(t.Context(), as("chloe"), id)
	if err != nil || !slices.Equal(release.Files, []string{"b.csv"}) {
		t.Fatalf("released %q, %v", release.Files, err)
	}
	bundle := h.download("ada", release.ID)
	m, err := egress.VerifyBundle(bytes.NewReader(bundle), int64(len(bundle)), h.key)
	if err != nil || !slices.ContainsFunc(m.Files[0].Votes, func(v egress.ManifestVote) bool { return v.Checker == "chris" && v.Verdict == egress.VerdictReject }) {
		t.Errorf("the bundle does not tell of the rejection that was lifted: %+v, %v", m.Files, err)
	}
}

// What happened is hidden or changed afterwards. (Changes to the journal itself are
// found by its verification: see infra/journal.)
func TestWhatHappenedIsNotChanged(t *testing.T) {
	h := newHouse(t)
	release := h.released("a.csv")
	h.download("ada", release.ID)
	for _, table := range []string{"request_votes", "request_turns", "release_downloads"} {
		for _, statement := range []string{"DELETE FROM " + table, "UPDATE " + table + " SET rowid = rowid + 1000"} {
			err := h.db.Update(t.Context(), func(tx *state.Tx) error { return second(tx.SQL().ExecContext(t.Context(), statement)) })
			if err == nil {
				t.Errorf("accepted: %s", statement)
			}
		}
	}
}
