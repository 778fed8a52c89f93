package egress_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Two hundred people at once, on a few requests of the real service over the real
// database: whatever they were answered could have been answered to one after the
// other. The model below says what one after the other means. It knows nothing of
// the code: it is written from docs/life-of-a-request.md.

// linear is a request as the model has it: one file, a.csv.
type linear struct {
	state   string
	round   int
	blind   string // checker=verdict;… of this round, in order
	again   string // second votes, in a dispute
	release int
}

// deed is what somebody did, to one request; answer is what they were told.
type deed struct {
	request int
	user    string
	what    string // vote approve, submit, withdraw, release, download, recall, see
}

type answer struct {
	ok    bool
	state string // what a look saw
	cast  int
	round int
}

// after is what a deed makes of a request, and whether it is allowed.
func (l linear) after(d deed) (linear, answer) {
	no := func() (linear, answer) { return l, answer{} }
	checker := strings.HasPrefix(d.user, "checker")
	switch what, verdict, _ := strings.Cut(d.what, " "); {
	case what == "see":
		return l, answer{ok: true, state: l.state, cast: strings.Count(l.blind, ";"), round: l.round}
	case what == "vote" && checker:
		return l.vote(d.user, verdict)
	case what == "submit" && d.user == "ada" && l.state == "returned":
		return linear{state: "submitted", round: l.round + 1}, answer{ok: true}
	case what == "withdraw" && d.user == "ada" && slices.Contains([]string{"submitted", "in_review", "disputed", "returned", "approved"}, l.state):
		l.state = "withdrawn"
		return l, answer{ok: true}
	case what == "release" && checker && l.state == "approved":
		l.state, l.release = "released", l.release+1
		return l, answer{ok: true}
	case what == "download" && d.user == "ada" && l.state == "released":
		return l, answer{ok: true}
	case what == "recall" && checker && l.state == "released":
		l.state = "recalled"
		return l, answer{ok: true}
	}
	return no()
}

func (l linear) vote(user, verdict string) (linear, answer) {
	first, second := votesOf(l.blind), votesOf(l.again)
	switch l.state {
	case "submitted", "in_review":
		if _, twice := first[user]; twice {
			return l, answer{}
		}
		l.blind += user + "=" + verdict + ";"
		first[user] = verdict
		l.state = "in_review"
		if len(first) == 2 {
			l.state = outcome(first, "disputed")
		}
	case "disputed":
		_, asked := first[user]
		_, twice := second[user]
		if !asked || twice {
			return l, answer{}
		}
		l.again += user + "=" + verdict + ";"
		second[user] = verdict
		if len(second) == 2 {
			l.state = outcome(second, "")
		}
	default:
		return l, answer{}
	}
	return l, answer{ok: true}
}

func votesOf(list string) map[string]string {
	votes := map[string]string{}
	for _, v := range strings.Split(strings.TrimSuffix(list, ";"), ";") {
		if user, verdict, ok := strings.Cut(v, "="); ok {
			votes[user] = verdict
		}
	}
	return votes
}

// outcome is what two votes come to; differ is where they disagree, "" for the
// stricter one.
func outcome(votes map[string]string, differ string) string {
	verdicts := slices.Sorted(maps.Values(votes)) // approve < reject < return
	if verdicts[0] != verdicts[1] && differ != "" {
		return differ
	}
	for _, strict := range []string{"reject", "return"} {
		if slices.Contains(verdicts, strict) {
			return map[string]string{"reject": "rejected", "return": "returned"}[strict]
		}
	}
	return "approved"
}

var oneAfterTheOther = porcupine.Model{
	Init: func() any { return linear{state: "submitted", round: 1} },
	Step: func(state, input, output any) (bool, any) {
		next, told := state.(linear).after(input.(deed))
		return told == output.(answer), next
	},
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		parts := map[int][]porcupine.Operation{}
		for _, op := range history {
			parts[op.Input.(deed).request] = append(parts[op.Input.(deed).request], op)
		}
		return slices.Collect(maps.Values(parts))
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v → %+v", input, output) },
}

func TestTwoHundredAtOnceActAsIfOneAfterTheOther(t *testing.T) {
	h := newHouse(t)
	const requests, people, checkers, turns = 32, 200, 20, 3
	err := state.Workspaces(h.db).Update(t.Context(), func(tx workspaces.Tx) error {
		for i := range checkers {
			name := fmt.Sprintf("checker%d", i)
			if err := cmp.Or(tx.AddUser(t.Context(), name), tx.GrantRole(t.Context(), name, gatehouse.RoleChecker)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, requests)
	for i := range ids {
		ids[i] = h.submitted("a.csv")
	}

	var (
		began   = time.Now()
		mu      sync.Mutex
		history []porcupine.Operation
		faults  atomic.Int64
		start   = make(chan struct{})
		all     sync.WaitGroup
	)
	for who := range people {
		all.Go(func() {
			<-start
			for turn := range turns {
				d := deed{request: (who + turn*13) % requests, user: fmt.Sprintf("checker%d", who%checkers)}
				// Most agree about a request, so that walks get somewhere, and some do not.
				verdict := []string{"approve", "return", "approve", "return"}[d.request%4]
				if who%9 == 0 {
					verdict = "reject"
				}
				if who%5 == 0 {
					d.user = "ada"
					d.what = []string{"submit", "download", "submit", "submit", "see", "withdraw"}[(who/5+turn)%6]
				} else {
					d.what = []string{"vote", "vote", "release", "see", "vote", "release", "recall"}[(who+turn)%7]
					if d.what == "vote" {
						d.what += " " + verdict
					}
				}
				called := time.Since(began).Nanoseconds()
				told, err := h.act(d, ids[d.request])
				returned := time.Since(began).Nanoseconds()
				if err != nil && gatehouse.Public(err).Kind() != gatehouse.KindConflict && gatehouse.Public(err).Kind() != gatehouse.KindDenied && gatehouse.CodeOf(err) != gatehouse.CodeNotFound {
					t.Errorf("%+v: %v", d, err)
					faults.Add(1)
				}
				mu.Lock()
				history = append(history, porcupine.Operation{ClientId: who, Input: d, Call: called, Output: told, Return: returned})
				mu.Unlock()
			}
		})
	}
	close(start)
	all.Wait()
	acted := time.Since(began)

	// A last look at each: nothing that was accepted is missing.
	for i, id := range ids {
		called := time.Since(began).Nanoseconds()
		told, err := h.act(deed{request: i, user: "aud", what: "see"}, id)
		if err != nil {
			t.Fatal(err)
		}
		history = append(history, porcupine.Operation{ClientId: people, Input: deed{request: i, user: "aud", what: "see"}, Call: called, Output: told, Return: time.Since(began).Nanoseconds()})
	}
	result, info := porcupine.CheckOperationsVerbose(oneAfterTheOther, history, 30*time.Second)
	if result != porcupine.Ok {
		path := t.TempDir() + "/history.html"
		_ = porcupine.VisualizePath(oneAfterTheOther, info, path)
		for _, op := range history {
			t.Log(oneAfterTheOther.DescribeOperation(op.Input, op.Output))
		}
		t.Fatalf("what people were told cannot have happened one after the other (%s)", result)
	}
	done := map[string]int{}
	for _, op := range history {
		if op.Output.(answer).ok {
			what, _, _ := strings.Cut(op.Input.(deed).what, " ")
			done[what]++
		}
	}
	t.Logf("%d acts in %s, checked in %s; accepted: %v", len(history), acted.Round(time.Millisecond), (time.Since(began) - acted).Round(time.Millisecond), done)
	for _, what := range []string{"vote", "release", "submit", "see"} {
		if done[what] == 0 {
			t.Errorf("nobody succeeded to %s: the test tries nothing", what)
		}
	}
	h.counted(ids, done)
}

// act does a deed, and says what its doer was told.
func (h *house) act(d deed, id string) (answer, error) {
	ctx, p := h.t.Context(), as(d.user)
	var err error
	switch what, verdict, _ := strings.Cut(d.what, " "); what {
	case "see":
		var v egress.RequestView
		if v, err = h.Request(ctx, p, id); err == nil {
			return answer{ok: true, state: string(v.State), cast: v.Files[0].Cast, round: v.Round}, nil
		}
	case "vote":
		_, err = h.ReviewRequest(ctx, p, id, []egress.Ballot{{File: "a.csv", Verdict: egress.Verdict(verdict), Comment: "c"}})
	case "submit":
		_, err = h.SubmitRequest(ctx, p, id)
	case "withdraw":
		_, err = h.WithdrawRequest(ctx, p, id)
	case "release":
		_, err = h.ReleaseRequest(ctx, p, id)
	case "recall", "download":
		var v egress.RequestView
		if v, err = h.Request(ctx, p, id); err != nil {
			break
		}
		if what == "recall" {
			_, err = h.RecallRelease(ctx, p, cmp.Or(v.Release, "rel_none"), "c")
			break
		}
		var bundle interface{ Close() error }
		if _, bundle, err = h.DownloadRelease(ctx, p, cmp.Or(v.Release, "rel_none")); err == nil {
			bundle.Close()
		}
	}
	return answer{ok: err == nil}, err
}

// counted compares what people were told with what the database and the journal
// hold: no vote is lost, and nothing is released twice.
func (h *house) counted(ids []string, done map[string]int) {
	h.t.Helper()
	for what, query := range map[string]string{
		"vote": `SELECT count(*) FROM request_votes`, "release": `SELECT count(*) FROM releases`, "download": `SELECT count(*) FROM release_downloads`,
	} {
		var n int
		if err := h.db.Reader().QueryRowContext(h.t.Context(), query).Scan(&n); err != nil {
			h.t.Fatal(err)
		}
		if n != done[what] {
			h.t.Errorf("%d of %q were accepted, and %d are kept", done[what], what, n)
		}
	}
	voted, released := 0, 0
	for _, id := range ids {
		n := 0
		for _, e := range h.events(id) {
			if strings.HasSuffix(e, " request.voted") {
				voted++
			}
			if strings.HasSuffix(e, " request.released") {
				n++
			}
		}
		if n > 1 {
			h.t.Errorf("%s was released %d times", id, n)
		}
		released += n
	}
	if voted != done["vote"] || released != done["release"] {
		h.t.Errorf("the journal tells of %d votes and %d releases; %d and %d were accepted", voted, released, done["vote"], done["release"])
	}
}
