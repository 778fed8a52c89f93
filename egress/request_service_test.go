package egress_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func TestARequestFromDraftToRecall(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	id := h.draft("a.csv", "b.csv")
	h.submit(id)
	if got := h.vote(id, "chris", "a.csv", egress.VerdictApprove); got != egress.RequestInReview {
		t.Errorf("after the first vote: %s", got)
	}
	h.vote(id, "chloe", "a.csv", egress.VerdictApprove)
	h.vote(id, "chris", "b.csv", egress.VerdictApprove)
	if got := h.vote(id, "chloe", "b.csv", egress.VerdictApprove); got != egress.RequestApproved {
		t.Errorf("after the last vote: %s", got)
	}
	release, err := h.ReleaseRequest(ctx, as("chloe"), id)
	if err != nil {
		t.Fatal(err)
	}
	bundle := h.download("ada", release.ID)
	m, err := egress.VerifyBundle(bytes.NewReader(bundle), int64(len(bundle)), h.key)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Files) != 2 || len(m.Files[0].Votes) != 2 || m.Disclosure.Datasets[0].Name != "shared_care@3" || m.Disclosure.Threshold != 10 || m.Author != "ada" || len(m.Journal) == 0 {
		t.Errorf("manifest %+v", m)
	}
	z, err := zip.NewReader(bytes.NewReader(bundle), int64(len(bundle)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open(release.ID + "/data/outputs/a.csv")
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(f); string(got) != "region,n\nLondon,120\na.csv,45\n" {
		t.Errorf("what left is not what was handed in: %q", got)
	}
	h.download("ann", release.ID)
	recalled, err := h.RecallRelease(ctx, as("cora"), release.ID, "a count was wrong")
	if err != nil {
		t.Fatal(err)
	}
	if len(recalled.Downloads) != 2 || recalled.Downloads[0].By != "ada" || recalled.Downloads[1].By != "ann" {
		t.Errorf("downloads %+v", recalled.Downloads)
	}
	_, _, err = h.DownloadRelease(ctx, as("ada"), release.ID)
	want(t, "download after recall", err, gatehouse.CodeRequestState)
	_, err = h.RecallRelease(ctx, as("cora"), release.ID, "again")
	want(t, "second recall", err, gatehouse.CodeRequestState)

	wantEvents := []string{
		"ada request.created", "ada request.file.added", "ada request.file.added", "ada request.submitted", "chris request.voted",
		"chloe request.voted", "chris request.voted", "chloe request.voted", "system request.concluded", "chloe request.released",
	}
	if got := h.events(id); !slices.Equal(got, wantEvents) {
		t.Errorf("journal of the request: %q", got)
	}
	if got := h.events(release.ID); !slices.Equal(got, []string{"ada release.downloaded", "ann release.downloaded", "cora release.recalled", "ada release.download.refused", "cora release.recall.refused"}) {
		t.Errorf("journal of the release: %q", got)
	}
}

func TestSeparationOfDuties(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	id := h.submitted("a.csv")
	ballot := []egress.Ballot{{File: "a.csv", Verdict: egress.VerdictApprove}}

	// Policy alone would let them: ada and ann become checkers of the house.
	err := state.Workspaces(h.db).Update(ctx, func(tx workspaces.Tx) error {
		return errors.Join(tx.GrantRole(ctx, "ada", gatehouse.RoleChecker), tx.GrantRole(ctx, "ann", gatehouse.RoleChecker))
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.ReviewRequest(ctx, as("ada"), id, ballot)
	want(t, "the author checks", err, gatehouse.CodeSeparation)
	_, err = h.ReviewRequest(ctx, as("ann"), id, ballot)
	want(t, "a member checks", err, gatehouse.CodeSeparation)
	h.project("a", func(p *workspaces.Project) {
		p.Members = slices.DeleteFunc(p.Members, func(m workspaces.Member) bool { return m.User == "ann" })
	})
	_, err = h.ReviewRequest(ctx, as("ann"), id, ballot)
	want(t, "a former member checks", err, gatehouse.CodeSeparation)
	_, _, err = h.OpenFile(ctx, as("ada"), id, "a.csv")
	want(t, "the author fetches the bytes from inside", err, gatehouse.CodeSeparation)

	h.vote(id, "chris", "a.csv", egress.VerdictApprove)
	_, err = h.ReviewRequest(ctx, as("chris"), id, ballot)
	want(t, "the same checker twice", err, gatehouse.CodeSeparation)
	_, err = h.ReviewRequest(ctx, as("chloe"), id, append(ballot, ballot...))
	want(t, "the same file twice in one review", err, gatehouse.CodeSeparation)
	if got := h.see("aud", id); got.State != egress.RequestInReview || got.Files[0].Cast != 1 {
		t.Errorf("after refused votes: %s with %d votes", got.State, got.Files[0].Cast)
	}
	_, err = h.ReleaseRequest(ctx, as("chris"), id)
	want(t, "release with one vote", err, gatehouse.CodeRequestState)
	h.vote(id, "chloe", "a.csv", egress.VerdictApprove)
	_, err = h.ReviewRequest(ctx, as("chen"), id, ballot)
	want(t, "a third vote", err, gatehouse.CodeRequestState)
	for _, insider := range []string{"ada", "ann"} {
		_, err = h.ReleaseRequest(ctx, as(insider), id)
		want(t, "release by "+insider, err, gatehouse.CodeSeparation)
	}
	for _, user := range []string{"cora", "aud"} {
		_, err = h.ReleaseRequest(ctx, as(user), id)
		want(t, "release by "+user, err, gatehouse.CodeDenied)
	}
	release, err := h.ReleaseRequest(ctx, as("chen"), id)
	if err != nil {
		t.Fatal(err)
	}
	for user, code := range map[string]gatehouse.Code{"chris": gatehouse.CodeDenied, "cora": gatehouse.CodeDenied, "aud": gatehouse.CodeDenied, "bob": gatehouse.CodeNotFound, "olga": gatehouse.CodeNotFound} {
		_, _, err := h.DownloadRelease(ctx, as(user), release.ID)
		want(t, "download by "+user, err, code)
	}
	_, err = h.RecallRelease(ctx, as("aud"), release.ID, "x")
	want(t, "recall by an auditor", err, gatehouse.CodeDenied)

	refusals := 0
	for _, e := range h.events(id) {
		if strings.HasSuffix(e, ".refused") {
			refusals++
		}
	}
	if refusals < 7 {
		t.Errorf("%d refusals in the journal: %q", refusals, h.events(id))
	}
}

func TestOtherProjectsRequestsDoNotExist(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	id := h.submitted("a.csv")
	draft := h.draft("a.csv")
	release := h.released("a.csv")
	absent := "req_00000000000000000000"
	for _, user := range []string{"bob", "olga"} {
		for what, err := range map[string]error{
			"see":      second(h.Request(ctx, as(user), id)),
			"edit":     second(h.EditRequest(ctx, as(user), id, egress.RequestEdit{})),
			"add":      second(h.AddFile(ctx, as(user), id, "b.csv", strings.NewReader("x"))),
			"remove":   second(h.RemoveFile(ctx, as(user), id, "a.csv")),
			"submit":   second(h.SubmitRequest(ctx, as(user), id)),
			"withdraw": second(h.WithdrawRequest(ctx, as(user), id)),
			"vote":     second(h.ReviewRequest(ctx, as(user), id, []egress.Ballot{{File: "a.csv", Verdict: egress.VerdictApprove}})),
			"release":  second(h.ReleaseRequest(ctx, as(user), id)),
			"recall":   second(h.RecallRelease(ctx, as(user), release.ID, "x")),
			"look":     second(h.Release(ctx, as(user), release.ID)),
			"create":   second(h.CreateRequest(ctx, as(user), egress.NewRequest{Project: "a", Title: "T"})),
		} {
			want(t, user+" "+what, err, gatehouse.CodeNotFound)
		}
		_, there := h.Request(ctx, as(user), id)
		_, missing := h.Request(ctx, as(user), absent)
		if there.Error() != missing.Error() {
			t.Errorf("%s can tell what is from what is not: %q, %q", user, there, missing)
		}
		if list, err := h.Requests.Requests(ctx, as(user), egress.RequestFilter{}); err != nil || len(list) != 0 {
			t.Errorf("%s lists %v, %v", user, list, err)
		}
	}
	// A draft is the project's own until it is submitted.
	for _, user := range []string{"chris", "cora", "aud"} {
		_, err := h.Request(ctx, as(user), draft)
		want(t, user+" sees a draft", err, gatehouse.CodeNotFound)
		list, err := h.Requests.Requests(ctx, as(user), egress.RequestFilter{})
		if err != nil || len(list) != 2 {
			t.Errorf("%s lists %d requests, %v", user, len(list), err)
		}
	}
	if list, err := h.Requests.Requests(ctx, as("ann"), egress.RequestFilter{}); err != nil || len(list) != 3 {
		t.Errorf("a member lists %d requests, %v", len(list), err)
	}
	// Only the author changes a request, not a colleague.
	_, err := h.AddFile(ctx, as("ann"), draft, "b.csv", strings.NewReader("n\n12\n"))
	want(t, "a colleague adds", err, gatehouse.CodeSeparation)
	_, err = h.WithdrawRequest(ctx, as("ann"), draft)
	want(t, "a colleague withdraws", err, gatehouse.CodeSeparation)
	_, err = h.Request(ctx, gatehouse.Principal{}, id)
	want(t, "nobody sees", err, gatehouse.CodeUnauthenticated)
	_, err = h.Requests.Requests(ctx, gatehouse.Principal{}, egress.RequestFilter{})
	want(t, "nobody lists", err, gatehouse.CodeUnauthenticated)
}

func second[T any](_ T, err error) error { return err }

func TestReviewIsBlind(t *testing.T) {
	h := newHouse(t)
	id := h.submitted("a.csv", "b.csv")
	h.vote(id, "chris", "a.csv", egress.VerdictReject)
	h.vote(id, "chloe", "a.csv", egress.VerdictApprove)
	h.vote(id, "chris", "b.csv", egress.VerdictApprove)
	votes := func(user, id, file string) (n int, outcome egress.FileOutcome) {
		for _, f := range h.see(user, id).Files {
			if f.Name == file {
				return len(f.Votes), f.Outcome
			}
		}
		t.Fatalf("%s sees no %s", user, file)
		return 0, ""
	}
	// b.csv still waits for a vote, so that nobody sees another's, not even on a.csv.
	for user, seen := range map[string]int{"chris": 1, "chloe": 1, "chen": 0, "ada": 0, "ann": 0, "cora": 0, "aud": 2} {
		n, outcome := votes(user, id, "a.csv")
		if n != seen {
			t.Errorf("%s sees %d votes, want %d", user, n, seen)
		}
		if user != "aud" && outcome != egress.OutcomePending {
			t.Errorf("%s sees the outcome %s", user, outcome)
		}
	}
	if got := h.vote(id, "chloe", "b.csv", egress.VerdictApprove); got != egress.RequestDisputed {
		t.Fatalf("state %s", got)
	}
	for user, seen := range map[string]int{"chris": 2, "chloe": 2, "ada": 0, "ann": 0, "cora": 0} {
		if n, _ := votes(user, id, "a.csv"); n != seen {
			t.Errorf("in the dispute %s sees %d votes, want %d", user, n, seen)
		}
	}
	h.vote(id, "chris", "a.csv", egress.VerdictReject)
	h.vote(id, "chloe", "a.csv", egress.VerdictReject)
	for _, user := range []string{"ada", "cora", "chen"} {
		if n, outcome := votes(user, id, "a.csv"); n != 4 || outcome != egress.OutcomeFileRejected {
			t.Errorf("after the conclusion %s sees %d votes, %s", user, n, outcome)
		}
	}
	// What another request's blind review says is not told either.
	content := "region,n\nLondon,120\nc.csv,45\n"
	other := h.draft()
	h.add(other, "c.csv", content)
	h.submit(other)
	h.vote(other, "chris", "c.csv", egress.VerdictReject)
	again := h.draft()
	h.add(again, "renamed.csv", content)
	h.submit(again)
	if got := h.see("chloe", again).Files[0].Elsewhere; len(got) != 0 {
		t.Errorf("a blind vote elsewhere is told: %v", got)
	}
	h.vote(other, "chloe", "c.csv", egress.VerdictReject)
	if got := h.see("chloe", again).Files[0].Elsewhere; !slices.Equal(got, []string{other}) {
		t.Errorf("an earlier rejection of the same bytes is not told: %v", got)
	}
	if got := h.see("ada", again).Files[0].Elsewhere; got != nil {
		t.Errorf("the author is told: %v", got)
	}
}

func TestADisputeIsSettledByThoseWhoDisagree(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	for _, c := range []struct {
		chris, chloe egress.Verdict
		want         egress.RequestState
	}{
		{egress.VerdictApprove, egress.VerdictApprove, egress.RequestApproved}, // chris lifts the rejection
		{egress.VerdictReject, egress.VerdictApprove, egress.RequestRejected},
		{egress.VerdictReject, egress.VerdictReject, egress.RequestRejected},
		{egress.VerdictReturn, egress.VerdictApprove, egress.RequestReturned},
	} {
		id := h.submitted("a.csv")
		h.vote(id, "chris", "a.csv", egress.VerdictReject)
		h.vote(id, "chloe", "a.csv", egress.VerdictApprove)
		_, err := h.ReviewRequest(ctx, as("chen"), id, []egress.Ballot{{File: "a.csv", Verdict: egress.VerdictApprove}})
		want(t, "a third checker outvotes", err, gatehouse.CodeSeparation)
		if got := h.vote(id, "chloe", "a.csv", c.chloe); got != egress.RequestDisputed {
			t.Errorf("one second vote settles it: %s", got)
		}
		_, err = h.ReviewRequest(ctx, as("chloe"), id, []egress.Ballot{{File: "a.csv", Verdict: egress.VerdictApprove}})
		want(t, "a second second vote", err, gatehouse.CodeSeparation)
		if got := h.vote(id, "chris", "a.csv", c.chris); got != c.want {
			t.Errorf("%s and %s: %s, want %s", c.chris, c.chloe, got, c.want)
		}
		if c.want != egress.RequestApproved {
			continue
		}
		release, err := h.ReleaseRequest(ctx, as("chen"), id)
		if err != nil {
			t.Fatal(err)
		}
		bundle := h.download("ada", release.ID)
		m, err := egress.VerifyBundle(bytes.NewReader(bundle), int64(len(bundle)), h.key)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Files[0].Votes; len(got) != 4 || got[0].Verdict != egress.VerdictReject || got[0].Checker != "chris" {
			t.Errorf("the rejection that was lifted is not in the manifest: %+v", got)
		}
	}
}

func TestComingBackKeepsWhatStands(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	id := h.submitted("good.csv", "fix.csv", "bad.csv")
	for file, verdict := range map[string]egress.Verdict{"good.csv": egress.VerdictApprove, "fix.csv": egress.VerdictReturn, "bad.csv": egress.VerdictReject} {
		h.vote(id, "chris", file, verdict)
		h.vote(id, "chloe", file, verdict)
	}
	if got := h.see("ada", id); got.State != egress.RequestReturned || got.Turn != egress.PartyAuthor || len(got.Files[1].Votes) != 2 {
		t.Fatalf("%+v", got)
	}
	if _, err := h.RemoveFile(ctx, as("ada"), id, "fix.csv"); err != nil {
		t.Fatal(err)
	}
	h.add(id, "fix.csv", "region,n\nLondon,120\n")
	_, err := h.AddFile(ctx, as("ada"), id, "innocent.csv", strings.NewReader("region,n\nLondon,120\nbad.csv,45\n"))
	want(t, "rejected bytes under another name", err, gatehouse.CodeFileRefused)
	h.submit(id)
	_, err = h.ReviewRequest(ctx, as("chen"), id, []egress.Ballot{{File: "good.csv", Verdict: egress.VerdictApprove}})
	want(t, "vote on what stands", err, gatehouse.CodeRequestState)
	_, err = h.ReviewRequest(ctx, as("chen"), id, []egress.Ballot{{File: "bad.csv", Verdict: egress.VerdictApprove}})
	want(t, "vote on what was rejected", err, gatehouse.CodeRequestState)
	h.vote(id, "chen", "fix.csv", egress.VerdictApprove)
	if got := h.vote(id, "chris", "fix.csv", egress.VerdictApprove); got != egress.RequestApproved {
		t.Fatalf("state %s", got)
	}
	view := h.see("chen", id)
	if len(view.Removed) != 1 || len(view.Removed[0].Votes) != 2 {
		t.Errorf("what was said of the removed file is gone: %+v", view.Removed)
	}
	release, err := h.ReleaseRequest(ctx, as("chen"), id)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(release.Files, []string{"fix.csv", "good.csv"}) {
		t.Errorf("released %v", release.Files)
	}

	// With another context, what stood is voted on again; a rejection stays.
	id = h.submitted("good.csv", "fix.csv", "bad.csv")
	for file, verdict := range map[string]egress.Verdict{"good.csv": egress.VerdictApprove, "fix.csv": egress.VerdictReturn, "bad.csv": egress.VerdictReject} {
		h.vote(id, "chris", file, verdict)
		h.vote(id, "chloe", file, verdict)
	}
	changed := explained
	changed.Population = "children"
	if _, err := h.EditRequest(ctx, as("ada"), id, egress.RequestEdit{Context: &changed}); err != nil {
		t.Fatal(err)
	}
	h.submit(id)
	for file, outcome := range map[int]egress.FileOutcome{0: egress.OutcomePending, 1: egress.OutcomePending, 2: egress.OutcomeFileRejected} {
		if got := h.see("chris", id).Files[file]; got.Outcome != outcome {
			t.Errorf("%s is %s, want %s", got.Name, got.Outcome, outcome)
		}
	}

	// Nothing left to vote on: concluded at once.
	id = h.submitted("good.csv", "fix.csv")
	for file, verdict := range map[string]egress.Verdict{"good.csv": egress.VerdictApprove, "fix.csv": egress.VerdictReturn} {
		h.vote(id, "chris", file, verdict)
		h.vote(id, "chloe", file, verdict)
	}
	if _, err := h.RemoveFile(ctx, as("ada"), id, "fix.csv"); err != nil {
		t.Fatal(err)
	}
	if got, err := h.SubmitRequest(ctx, as("ada"), id); err != nil || got.State != egress.RequestApproved {
		t.Errorf("%s, %v", got.State, err)
	}
}

func TestOnlyTheAuthorsTurnChangesARequest(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	id := h.submitted("a.csv")
	for what, err := range map[string]error{
		"add":    second(h.AddFile(ctx, as("ada"), id, "late.csv", strings.NewReader("n\n12\n"))),
		"remove": second(h.RemoveFile(ctx, as("ada"), id, "a.csv")),
		"edit":   second(h.EditRequest(ctx, as("ada"), id, egress.RequestEdit{})),
		"submit": second(h.SubmitRequest(ctx, as("ada"), id)),
	} {
		want(t, what+" after submitting", err, gatehouse.CodeRequestState)
	}
	if _, err := h.WithdrawRequest(ctx, as("ada"), id); err != nil {
		t.Fatal(err)
	}
	_, err := h.ReviewRequest(ctx, as("chris"), id, []egress.Ballot{{File: "a.csv", Verdict: egress.VerdictApprove}})
	want(t, "vote after withdrawal", err, gatehouse.CodeRequestState)
}

func TestARequestMustBeExplained(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	id := h.draft()
	_, err := h.SubmitRequest(ctx, as("ada"), id)
	want(t, "no files", err, gatehouse.CodeRequestInvalid)
	h.add(id, "a.csv", "n\n12\n")
	for _, incomplete := range []egress.RequestContext{{}, {What: "w", Population: "p", Dates: "d", Controls: " "}, {What: "w", Population: "p", Dates: "d\u202e", Controls: "c"}} {
		_, err = h.EditRequest(ctx, as("ada"), id, egress.RequestEdit{Context: &incomplete})
		if err == nil {
			_, err = h.SubmitRequest(ctx, as("ada"), id)
		}
		want(t, "context", err, gatehouse.CodeRequestInvalid)
	}
	for _, title := range []string{"", " ", "a\x00b", strings.Repeat("x", 201), "\xff"} {
		_, err = h.CreateRequest(ctx, as("ada"), egress.NewRequest{Project: "a", Title: title})
		want(t, "title", err, gatehouse.CodeRequestInvalid)
	}
	id = h.submitted("a.csv")
	_, err = h.ReviewRequest(ctx, as("chris"), id, []egress.Ballot{{File: "a.csv", Verdict: egress.VerdictReject}})
	want(t, "rejection without a comment", err, gatehouse.CodeRequestInvalid)
	_, err = h.ReviewRequest(ctx, as("chris"), id, []egress.Ballot{{File: "a.csv", Verdict: "fine"}})
	want(t, "unknown verdict", err, gatehouse.CodeRequestInvalid)
	_, err = h.ReviewRequest(ctx, as("chris"), id, nil)
	want(t, "no vote", err, gatehouse.CodeRequestInvalid)
	_, err = h.ReviewRequest(ctx, as("chris"), id, []egress.Ballot{{File: "none.csv", Verdict: egress.VerdictApprove}})
	want(t, "no such file", err, gatehouse.CodeNotFound)
}

func TestDownloadsEnd(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	release := h.released("a.csv")
	try := func(what string, code gatehouse.Code) {
		t.Helper()
		_, _, err := h.DownloadRelease(ctx, as("ada"), release.ID)
		want(t, what, err, code)
	}
	h.project("a", func(p *workspaces.Project) { p.State = workspaces.ProjectSuspended })
	try("suspended project", gatehouse.CodeProjectNotActive)
	h.project("a", func(p *workspaces.Project) {
		p.State, p.Expires = workspaces.ProjectActive, h.clock().Add(-time.Hour)
	})
	try("expired project", gatehouse.CodeProjectExpired)
	h.project("a", func(p *workspaces.Project) {
		p.Expires = h.clock().AddDate(1, 0, 0)
		for i := range p.Members {
			p.Members[i].TrainingUntil = h.clock()
		}
	})
	try("lapsed training", gatehouse.CodeTrainingLapsed)
	h.project("a", func(p *workspaces.Project) {
		for i := range p.Members {
			p.Members[i].TrainingUntil = h.clock().AddDate(1, 0, 0)
		}
	})
	h.download("ada", release.ID)
	h.later(14 * 24 * time.Hour)
	try("after two weeks", gatehouse.CodeReleaseExpired)
	_, err := h.RecallRelease(ctx, as("chris"), release.ID, " ")
	want(t, "recall without a reason", err, gatehouse.CodeRequestInvalid)
	if _, err := h.RecallRelease(ctx, as("chris"), release.ID, "late, but worth knowing"); err != nil {
		t.Error(err)
	}
}

func TestAStoppedProjectTakesNothingOut(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	draft, approved := h.draft("a.csv"), h.approved("b.csv")
	h.project("a", func(p *workspaces.Project) { p.State = workspaces.ProjectSuspended })
	_, err := h.SubmitRequest(ctx, as("ada"), draft)
	want(t, "submit", err, gatehouse.CodeProjectNotActive)
	_, err = h.AddFile(ctx, as("ada"), draft, "c.csv", strings.NewReader("n\n12\n"))
	want(t, "add", err, gatehouse.CodeProjectNotActive)
	_, err = h.ReleaseRequest(ctx, as("chris"), approved)
	want(t, "release", err, gatehouse.CodeProjectNotActive)
	_, err = h.CreateRequest(ctx, as("ada"), egress.NewRequest{Project: "a", Title: "T"})
	want(t, "create", err, gatehouse.CodeProjectNotActive)
}

func TestListsGoPageByPage(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	var made []string
	for range 5 {
		made = append([]string{h.submitted("a.csv")}, made...)
		h.later(time.Minute)
	}
	var seen []string
	for after := ""; ; {
		page, err := h.Requests.Requests(ctx, as("chris"), egress.RequestFilter{Limit: 2, After: after, State: egress.RequestSubmitted, Project: "a"})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, r := range page {
			seen = append(seen, r.ID)
		}
		after = page[len(page)-1].ID
	}
	if !slices.Equal(seen, made) {
		t.Errorf("seen %v, made %v", seen, made)
	}
}
