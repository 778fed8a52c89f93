package egress_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
)

// Anybody tries anything, in any order: whatever is accepted, the promises of a
// request hold after every step.
func TestPromisesHoldOnRandomWalks(t *testing.T) {
	h := newHouse(t)
	for seed := range uint64(10) {
		walk(h, t, seed)
	}
}

func walk(h *house, t *testing.T, seed uint64) {
	ctx := t.Context()
	random := rand.New(rand.NewPCG(seed, 1))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	everybody := []string{"ada", "ann", "bob", "chris", "chloe", "chen", "cora", "olga", "aud"}
	id, severe := h.draft("a.csv", "b.csv"), []string{"approve", "return", "reject"}[seed%3]
	var log []string
	for step := range 60 {
		did, file := pick("vote", "vote", "vote", "vote", "vote", "submit", "submit", "add", "remove", "edit", "release", "recall", "download", "withdraw"), pick("a.csv", "a.csv", "b.csv", "b.csv", "c.csv")
		user := "ada" // mostly whoever can do it, so that walks get somewhere
		switch did {
		case "vote", "release", "recall":
			user = pick("chris", "chloe", "chen")
		}
		if random.IntN(8) == 0 {
			user = pick(everybody...)
		}
		var err error
		switch did {
		case "vote":
			verdict := egress.Verdict(pick("approve", "approve", severe, severe))
			did += " " + string(verdict)
			_, err = h.ReviewRequest(ctx, as(user), id, []egress.Ballot{{File: file, Verdict: verdict, Comment: "c"}})
		case "submit":
			_, err = h.SubmitRequest(ctx, as(user), id)
		case "add":
			_, err = h.AddFile(ctx, as(user), id, file, strings.NewReader(fmt.Sprintf("n\n%d\n", 10+random.IntN(3))))
		case "remove":
			_, err = h.RemoveFile(ctx, as(user), id, file)
		case "edit":
			title := pick("T", "U")
			_, err = h.EditRequest(ctx, as(user), id, egress.RequestEdit{Title: &title})
		case "release":
			_, err = h.ReleaseRequest(ctx, as(user), id)
		case "recall":
			_, err = h.RecallRelease(ctx, as(user), h.see("ada", id).Release, "r")
		case "download":
			var bundle interface{ Close() error }
			if _, bundle, err = h.DownloadRelease(ctx, as(user), h.see("ada", id).Release); err == nil {
				bundle.Close()
			}
		case "withdraw":
			if step < 55 {
				continue
			}
			_, err = h.WithdrawRequest(ctx, as(user), id)
		}
		if gatehouse.CodeOf(err) == gatehouse.CodeInternal && err != nil {
			t.Fatalf("seed %d: %s %s: an internal fault: %v", seed, user, did, err)
		}
		if err == nil {
			log = append(log, user+" "+did+" "+file)
		}
		if fault := broken(h, id); fault != "" {
			t.Fatalf("seed %d: %s\nafter %s\n%s", seed, fault, did, strings.Join(log, "\n"))
		}
	}
}

// broken says which promise does not hold.
func broken(h *house, id string) string {
	outsiders := map[string]bool{"chris": true, "chloe": true, "chen": true}
	all := h.see("ada", id)
	if all.Round > 0 {
		all = h.see("aud", id)
	}
	for _, f := range append(all.Files, all.Removed...) {
		seen := map[string]bool{}
		for _, v := range f.Votes {
			key := fmt.Sprint(v.Checker, v.Round, v.Stage)
			if !outsiders[v.Checker] || seen[key] {
				return fmt.Sprintf("%s voted on %s, or twice", v.Checker, f.Name)
			}
			seen[key] = true
		}
		if f.Cast > 2 {
			return fmt.Sprintf("%d blind votes on %s", f.Cast, f.Name)
		}
	}
	if all.State == egress.RequestSubmitted || all.State == egress.RequestInReview {
		for _, user := range []string{"ada", "ann", "chris", "chloe", "chen", "cora"} {
			for _, f := range h.see(user, id).Files {
				for _, v := range f.Votes {
					if v.Checker != user && v.Round == all.Round {
						return fmt.Sprintf("%s sees the vote of %s", user, v.Checker)
					}
				}
			}
		}
	}
	if all.State != egress.RequestReleased {
		return ""
	}
	_, content, err := h.DownloadRelease(h.t.Context(), as("ann"), all.Release)
	if err != nil {
		return err.Error()
	}
	defer content.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(content); err != nil {
		return err.Error()
	}
	m, err := egress.VerifyBundle(bytes.NewReader(b.Bytes()), int64(b.Len()), h.key)
	if err != nil {
		return err.Error()
	}
	for _, f := range m.Files {
		last, round := map[string]egress.Verdict{}, 0
		for _, v := range f.Votes {
			if v.Round > round {
				last, round = map[string]egress.Verdict{}, v.Round
			}
			last[v.Checker] = v.Verdict
		}
		if len(last) != 2 {
			return fmt.Sprintf("%s left with the votes of %d checkers", f.Name, len(last))
		}
		for checker, verdict := range last {
			if verdict != egress.VerdictApprove {
				return fmt.Sprintf("%s left although %s said %s last", f.Name, checker, verdict)
			}
		}
	}
	return ""
}
