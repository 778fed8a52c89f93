package roles

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/infra/web"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// actors of the table of requests, in its order, and who each is towards a
// request of ada's on which chris and vera were the first to vote.
var actors = []string{"ada", "notebook", "mia", "lea", "bob", "ines", "chris", "cleo", "vera", "cora", "cyril", "olga", "aude", "nobody"}

var legend = map[string]string{
	"ada": "author", "notebook": "author's token of a workspace", "mia": "member", "lea": "lead", "bob": "of another project", "ines": "checker and member",
	"chris": "checker who voted", "cleo": "another checker", "vera": "checker and custodian who voted", "cora": "custodian", "cyril": "custodian of nothing",
	"olga": "operator", "aude": "auditor", "nobody": "not signed in",
}

// fixture is a request in a state.
type fixture struct{ id, release string }

// steps are what can be tried on a request: every step of the state machine that
// somebody can ask for, and what the machine does not speak of.
var steps = []string{"edit", "submit", "withdraw", "vote", "clear", "veto", "release", "download", "recall", "add-file", "claim", "look", "see"}

// machine gives the steps of egress.RequestSteps that follow from others.
var follows = []egress.RequestStep{egress.StepDispute, egress.StepVet, egress.StepApprove, egress.StepReturn, egress.StepReject}

const fileName = "a.csv"

func (w *world) trial(step string, f fixture) try {
	r := "/requests/" + f.id
	switch step {
	case "edit":
		title := "Changed"
		return try{
			func(ctx context.Context, c *web.Client) error {
				_, err := c.EditRequest(ctx, f.id, web.RequestChange{Title: &title})
				return err
			},
			[]string{"request", "edit", f.id, "--title", title},
			&form{path: r + "/edit", values: []string{"title", title, "what", "counts", "population", "adults", "dates", "2024", "people", "ten or more", "controls", "k = 10"}},
		}
	case "submit":
		return try{func(ctx context.Context, c *web.Client) error { _, err := c.SubmitRequest(ctx, f.id); return err }, []string{"request", "submit", f.id}, &form{path: r + "/submit"}}
	case "withdraw":
		return try{func(ctx context.Context, c *web.Client) error { _, err := c.WithdrawRequest(ctx, f.id); return err }, []string{"request", "withdraw", f.id}, &form{path: r + "/withdraw"}}
	case "vote":
		return try{func(ctx context.Context, c *web.Client) error {
			_, err := c.Vote(ctx, f.id, []web.BallotInput{{File: fileName, Verdict: egress.VerdictApprove}})
			return err
		}, []string{"request", "review", f.id, "--approve", fileName}, &form{path: r + "/votes", values: []string{"file", fileName, "verdict", "approve"}}}
	case "clear", "veto":
		cli := []string{"request", "clear", f.id, "--reason", "seen"}
		if step == "veto" {
			cli = append(cli, "--veto")
		}
		return try{func(ctx context.Context, c *web.Client) error {
			_, err := c.ClearRequest(ctx, f.id, web.ClearanceInput{Verdict: egress.ClearanceVerdict(step), Reason: "seen"})
			return err
		}, cli, &form{path: r + "/clear", values: []string{"verdict", step, "reason", "seen"}}}
	case "release":
		return try{func(ctx context.Context, c *web.Client) error { _, err := c.ReleaseRequest(ctx, f.id); return err }, []string{"request", "release", f.id}, &form{path: r + "/release"}}
	case "download":
		return try{
			func(ctx context.Context, c *web.Client) error { return c.Download(ctx, f.release, io.Discard) },
			[]string{"request", "download", f.release, "--output", gatehouse.NewID("out") + ".zip"}, &form{path: "/releases/" + f.release + "/bundle"},
		}
	case "recall":
		return try{func(ctx context.Context, c *web.Client) error {
			_, err := c.RecallRelease(ctx, f.release, "wrong population")
			return err
		}, []string{"request", "recall", f.release, "--reason", "wrong population"}, &form{path: "/releases/" + f.release + "/recall", values: []string{"reason", "wrong population"}}}
	case "add-file":
		return try{func(ctx context.Context, c *web.Client) error {
			_, err := c.AddFile(ctx, f.id, "b.csv", strings.NewReader("region,n\nWales,300\n"))
			return err
		}, []string{"request", "add", f.id, "b.csv"}, &form{path: r + "/files", values: []string{"kind", "output", "group", ""}, file: []string{"b.csv", "region,n\nWales,300\n"}}}
	case "claim":
		return try{func(ctx context.Context, c *web.Client) error { _, err := c.ClaimRequest(ctx, f.id); return err }, []string{"request", "claim", f.id}, &form{path: r + "/claim"}}
	case "look":
		return try{func(ctx context.Context, c *web.Client) error { return c.File(ctx, f.id, fileName, io.Discard) }, []string{"request", "file", f.id, fileName, "--output", gatehouse.NewID("out") + ".csv"}, &form{path: r + "/files/" + fileName + "/view", page: true}}
	case "see":
		return try{func(ctx context.Context, c *web.Client) error { _, err := c.Request(ctx, f.id); return err }, []string{"request", "show", f.id}, &form{path: r, page: true}}
	}
	w.t.Fatalf("nobody knows how to try %q", step)
	return try{}
}

// made brings a new request of ada's to a state, by those who may.
func (w *world) made(to egress.RequestState) fixture {
	w.t.Helper()
	ctx, project := w.t.Context(), "asthma"
	if to == egress.RequestVetting {
		project = "vetted"
	}
	as := func(user string) gatehouse.Principal { return gatehouse.Principal{User: user} }
	r, err := w.requests.CreateRequest(ctx, as("ada"), egress.NewRequest{Project: project, Title: "Admissions", Context: egress.RequestContext{What: "counts", Population: "adults", Dates: "2024", People: "ten or more", Controls: "k = 10"}})
	w.must(err)
	f := fixture{id: r.ID, release: "rel_00000000000000000000"}
	_, err = w.requests.AddFile(ctx, as("ada"), f.id, fileName, strings.NewReader("region,n\nLondon,120\n"))
	w.must(err)
	vote := func(user string, v egress.Verdict) {
		_, err := w.requests.ReviewRequest(ctx, as(user), f.id, []egress.Ballot{{File: fileName, Verdict: v, Comment: "because"}})
		w.must(err)
	}
	submit := func() { _, err := w.requests.SubmitRequest(ctx, as("ada"), f.id); w.must(err) }
	both := func(v egress.Verdict) { submit(); vote("chris", v); vote("vera", v) }
	release := func() {
		both(egress.VerdictApprove)
		done, err := w.requests.ReleaseRequest(ctx, as("cleo"), f.id)
		w.must(err)
		f.release = done.ID
	}
	switch to {
	case egress.RequestSubmitted:
		submit()
	case egress.RequestInReview:
		submit()
		vote("chris", egress.VerdictApprove)
	case egress.RequestDisputed:
		submit()
		vote("chris", egress.VerdictApprove)
		vote("vera", egress.VerdictReject)
	case egress.RequestVetting, egress.RequestApproved:
		both(egress.VerdictApprove)
	case egress.RequestReturned:
		both(egress.VerdictReturn)
	case egress.RequestRejected:
		both(egress.VerdictReject)
	case egress.RequestReleased:
		release()
	case egress.RequestRecalled:
		release()
		_, err := w.requests.RecallRelease(ctx, as("cora"), f.release, "wrong population")
		w.must(err)
	case egress.RequestWithdrawn:
		_, err := w.requests.WithdrawRequest(ctx, as("ada"), f.id)
		w.must(err)
	}
	if v, err := w.requests.Request(ctx, as("ada"), f.id); err != nil || v.State != to {
		w.t.Fatalf("the request is %s, want %s: %v", v.State, to, err)
	}
	return f
}

// actionOf is the action of the policy that a step needs.
var actionOf = map[string]gatehouse.Action{
	"edit": gatehouse.ActionRequestCreate, "submit": gatehouse.ActionRequestCreate, "withdraw": gatehouse.ActionRequestCreate, "add-file": gatehouse.ActionRequestCreate,
	"vote": gatehouse.ActionRequestReview, "claim": gatehouse.ActionRequestReview, "look": gatehouse.ActionRequestRead,
	"clear": gatehouse.ActionRequestVet, "veto": gatehouse.ActionRequestVet,
	"release": gatehouse.ActionRequestRelease, "download": gatehouse.ActionRequestDownload, "recall": gatehouse.ActionRequestRecall, "see": gatehouse.ActionRequestRead,
}

// stepOf is the step of the state machine that a try is; "" for those that it
// does not speak of.
func stepOf(step string) egress.RequestStep {
	if step == "add-file" {
		return egress.StepEdit
	}
	if slices.Contains(egress.RequestSteps, egress.RequestStep(step)) {
		return egress.RequestStep(step)
	}
	return ""
}

// expected says whether a try should work: the rules must allow the action, the
// state machine have the step, and the actor be who the machine says, in view of
// who did what before.
func (w *world) expected(actor, step string, s egress.RequestState) bool {
	w.t.Helper()
	who := gatehouse.Principal{User: actor}
	if actor == "notebook" {
		who = gatehouse.Principal{User: "ada", Workspace: "asthma-ws"}
		if s == egress.RequestVetting {
			return false // its workspace is of another project
		}
	}
	project := "asthma"
	if s == egress.RequestVetting {
		project = "vetted"
	}
	if actor == "nobody" || w.rules.Authorize(w.t.Context(), who, actionOf[step], project) != nil {
		return false
	}
	var (
		member  = slices.Contains([]string{"ada", "mia", "lea", "ines"}, who.User)
		outside = !member
		voted   = map[string]bool{
			"chris": !slices.Contains([]egress.RequestState{egress.RequestDraft, egress.RequestSubmitted, egress.RequestWithdrawn}, s),
			"vera":  !slices.Contains([]egress.RequestState{egress.RequestDraft, egress.RequestSubmitted, egress.RequestInReview, egress.RequestWithdrawn}, s),
		}[actor]
	)
	switch step {
	case "see": // a request that was never submitted is its project's
		return member || s != egress.RequestDraft && s != egress.RequestWithdrawn
	case "look": // checkers, and custodians while they are asked
		checker := w.rules.Authorize(w.t.Context(), who, gatehouse.ActionRequestReview, project) == nil
		return outside && (checker && s != egress.RequestDraft && s != egress.RequestWithdrawn || actor == "cora" && s == egress.RequestVetting)
	case "claim":
		return w.expected(actor, "vote", s) // who could vote
	}
	at := slices.IndexFunc(egress.RequestTransitions, func(t egress.RequestTransition) bool { return t.From == s && t.Step == stepOf(step) })
	if at < 0 {
		return false
	}
	switch by := egress.RequestTransitions[at].By; by {
	case egress.PartyAuthor:
		return who.User == "ada"
	case egress.PartyChecker:
		return outside && voted == (s == egress.RequestDisputed)
	case egress.PartyReleaser:
		return outside
	case egress.PartyMember:
		return member
	case egress.PartyCustodian:
		return outside && !voted && actor != "cyril"
	case egress.PartyRecaller:
		return true
	default:
		w.t.Fatalf("nobody knows who %q is", by)
		return false
	}
}

// Every step of the machine is tried or follows from others.
func TestEveryStepOfRequestsIsTried(t *testing.T) {
	for _, s := range egress.RequestSteps {
		if !slices.Contains(steps, string(s)) && !slices.Contains(follows, s) {
			t.Errorf("%s is not tried", s)
		}
	}
}

func TestRolesInEveryStateOfARequest(t *testing.T) {
	w := newWorld(t)
	w.must(writeFile(w.folder, "b.csv", "region,n\nWales,300\n"))
	w.must(state.Workspaces(w.db).Update(t.Context(), func(tx workspaces.Tx) error {
		return tx.AddWorkspace(t.Context(), workspaces.Workspace{ID: "asthma-ws", Project: "asthma", Dataset: "care"})
	}))
	var err error
	w.tokens["notebook"], err = w.services.IssueToken(t.Context(), gatehouse.Principal{User: "lea"}, "ada", "asthma-ws", time.Hour)
	w.must(err)
	w.startLines(2)
	m := machine[fixture]{
		what: "a request of ada's", actors: actors, steps: steps, shows: []string{"see", "look"}, legend: legend,
		trial:    w.trial,
		made:     func(s string) fixture { return w.made(egress.RequestState(s)) },
		expected: func(actor, step, s string) bool { return w.expected(actor, step, egress.RequestState(s)) },
	}
	for _, s := range egress.RequestStates {
		m.states = append(m.states, string(s))
	}
	reviewed(t, "testdata/requests.txt", m.table(w))
}
