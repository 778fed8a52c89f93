package egress_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// say adds a message and gives the id of its thread.
func (h *house) say(user, id string, m egress.NewMessage) string {
	h.t.Helper()
	v, err := h.SayMessage(h.t.Context(), as(user), id, m)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, t := range v.Discussion {
		if last := t.Messages[len(t.Messages)-1]; last.Body == m.Body {
			return t.ID
		}
	}
	h.t.Fatalf("%s does not see what they said", user)
	return ""
}

// heard gives what a user sees of the discussion.
func (h *house) heard(user, id string) string {
	h.t.Helper()
	var bodies []string
	for _, t := range h.see(user, id).Discussion {
		for _, m := range t.Messages {
			bodies = append(bodies, m.Body)
		}
	}
	return strings.Join(bodies, " ")
}

func (h *house) hears(id string, want map[string]string) {
	h.t.Helper()
	for user, want := range want {
		if got := h.heard(user, id); got != want {
			h.t.Errorf("%s hears %q, want %q", user, got, want)
		}
	}
}

// The author never sees what checkers say among themselves; checkers who have not
// both voted do not see what the other asks, nor the answers to it.
func TestWhoHearsWhat(t *testing.T) {
	h := newHouse(t)
	id := h.submitted("a.csv")
	h.notices()
	question := h.say("chris", id, egress.NewMessage{Body: "q1", File: "a.csv"})
	if got := h.notices(); !slices.Equal(got, []string{"request.question ada"}) {
		t.Errorf("told: %q", got)
	}
	h.say("chris", id, egress.NewMessage{Body: "p1", Private: true})
	h.say("ada", id, egress.NewMessage{Body: "a1", Thread: question})
	if got := h.notices(); !slices.Equal(got, []string{"request.answer chris"}) {
		t.Errorf("told: %q", got)
	}
	own := h.say("ada", id, egress.NewMessage{Body: "n1"})
	h.say("chris", id, egress.NewMessage{Body: "r1", Thread: own})
	h.say("ada", id, egress.NewMessage{Body: "n2", Thread: own})
	h.say("chloe", id, egress.NewMessage{Body: "p2", Private: true})

	h.hears(id, map[string]string{
		"ada": "q1 a1 n1 r1 n2", "ann": "q1 a1 n1 r1 n2", "chris": "q1 a1 p1 n1 r1 n2", "chloe": "n1 p2", "chen": "n1",
		"cora": "n1", "carl": "", "aud": "q1 a1 p1 n1 r1 n2 p2",
	})
	_, err := h.SayMessage(t.Context(), as("chloe"), id, egress.NewMessage{Body: "x", Thread: question})
	want(t, "an answer in a thread that one does not see", err, gatehouse.CodeNotFound)

	h.vote(id, "chris", "a.csv", egress.VerdictApprove)
	h.hears(id, map[string]string{"chloe": "n1 p2", "chris": "q1 a1 p1 n1 r1 n2"})
	h.vote(id, "chloe", "a.csv", egress.VerdictReject)
	all := "q1 a1 p1 n1 r1 n2 p2"
	h.hears(id, map[string]string{"chloe": all, "chris": all, "chen": all, "ada": "q1 a1 n1 r1 n2", "cora": "n1"})
	h.vote(id, "chris", "a.csv", egress.VerdictReturn)
	h.vote(id, "chloe", "a.csv", egress.VerdictReturn)
	h.hears(id, map[string]string{"ada": "q1 a1 n1 r1 n2", "cora": all, "carl": ""})

	// A new round is blind again, and the old one is no secret.
	h.say("ada", id, egress.NewMessage{Body: "n3"})
	h.submit(id)
	h.say("chen", id, egress.NewMessage{Body: "q2", Private: true})
	h.hears(id, map[string]string{"chris": all + " n3", "chen": all + " n3 q2", "ada": "q1 a1 n1 r1 n2 n3"})
}

func TestWhoMaySpeak(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	draft := h.draft("a.csv")
	say := func(user, id string, m egress.NewMessage) error { return second(h.SayMessage(ctx, as(user), id, m)) }
	want(t, "a draft is discussed", say("ada", draft, egress.NewMessage{Body: "x"}), gatehouse.CodeRequestState)
	want(t, "a checker speaks of a draft", say("chris", draft, egress.NewMessage{Body: "x"}), gatehouse.CodeNotFound)
	h.submit(draft)
	private := h.say("chris", draft, egress.NewMessage{Body: "p", Private: true})
	for what, err := range map[string]error{
		"the author whispers":                         say("ada", draft, egress.NewMessage{Body: "x", Private: true}),
		"a custodian of other data":                   say("carl", draft, egress.NewMessage{Body: "x"}),
		"an auditor":                                  say("aud", draft, egress.NewMessage{Body: "x"}),
		"somebody of another project":                 say("bob", draft, egress.NewMessage{Body: "x"}),
		"the author answers in a private thread":      say("ada", draft, egress.NewMessage{Body: "x", Thread: private}),
		"nothing is said":                             say("chris", draft, egress.NewMessage{Body: " \n"}),
		"a thread of another request":                 say("chris", h.submitted("b.csv"), egress.NewMessage{Body: "x", Thread: private}),
		"about a file that is not there":              say("chris", draft, egress.NewMessage{Body: "x", File: "z.csv"}),
		"a text that turns the direction of its line": say("chris", draft, egress.NewMessage{Body: "a\u202eb"}),
	} {
		code := map[string]gatehouse.Code{
			"the author whispers": gatehouse.CodeSeparation, "a custodian of other data": gatehouse.CodeDenied, "an auditor": gatehouse.CodeDenied,
			"nothing is said": gatehouse.CodeRequestInvalid, "a text that turns the direction of its line": gatehouse.CodeRequestInvalid,
		}[what]
		if code == "" {
			code = gatehouse.CodeNotFound
		}
		want(t, what, err, code)
	}

	// A checker who joins the project hears and speaks for the project from then on.
	h.project("a", func(p *workspaces.Project) {
		p.Members = append(p.Members, workspaces.Member{User: "chris", Role: gatehouse.RoleResearcher, TrainingUntil: h.clock().AddDate(1, 0, 0), Agreement: 1, AgreementUntil: h.clock().AddDate(1, 0, 0)})
	})
	if got := h.heard("chris", draft); got != "" {
		t.Errorf("a member hears %q", got)
	}
	want(t, "a member who checks too whispers", say("chris", draft, egress.NewMessage{Body: "x", Private: true}), gatehouse.CodeSeparation)
	if err := second(h.WithdrawRequest(ctx, as("ada"), draft)); err != nil {
		t.Fatal(err)
	}
	want(t, "a request at its end is discussed", say("chloe", draft, egress.NewMessage{Body: "x"}), gatehouse.CodeRequestState)
}

func TestWhatWasSaidStays(t *testing.T) {
	h := newHouse(t)
	id := h.submitted("a.csv")
	h.say("chris", id, egress.NewMessage{Body: "p", Private: true})
	for _, statement := range []string{
		`UPDATE request_messages SET body = 'x'`, `UPDATE request_messages SET private = 0`, `DELETE FROM request_messages`,
		`UPDATE request_turns SET at = ''`, `DELETE FROM request_turns`,
	} {
		err := h.db.Update(t.Context(), func(tx *state.Tx) error {
			_, err := tx.SQL().ExecContext(t.Context(), statement)
			return err
		})
		if err == nil {
			t.Errorf("accepted: %s", statement)
		}
	}
}
