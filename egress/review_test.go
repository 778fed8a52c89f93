package egress

import (
	"testing"

	"pgregory.net/rapid"
)

var verdicts = []Verdict{VerdictApprove, VerdictReturn, VerdictReject}

func TestVotesOnAFileComeToOneOutcome(t *testing.T) {
	a, r, x := VerdictApprove, VerdictReturn, VerdictReject
	for _, c := range []struct {
		blind, dispute []Verdict
		want           FileOutcome
	}{
		{nil, nil, OutcomePending},
		{[]Verdict{a}, nil, OutcomePending},
		{[]Verdict{x}, nil, OutcomePending},
		{[]Verdict{a, a}, nil, OutcomeFileApproved},
		{[]Verdict{r, r}, nil, OutcomeFileReturned},
		{[]Verdict{x, x}, nil, OutcomeFileRejected},
		{[]Verdict{a, x}, nil, OutcomeDisputed},
		{[]Verdict{r, x}, nil, OutcomeDisputed},
		{[]Verdict{a, x}, []Verdict{a}, OutcomeDisputed},
		{[]Verdict{a, x}, []Verdict{a, a}, OutcomeFileApproved}, // whoever rejected lifted it
		{[]Verdict{a, x}, []Verdict{a, x}, OutcomeFileRejected},
		{[]Verdict{a, x}, []Verdict{x, a}, OutcomeFileRejected},
		{[]Verdict{a, x}, []Verdict{r, a}, OutcomeFileReturned},
		{[]Verdict{a, r}, []Verdict{x, r}, OutcomeFileRejected},
	} {
		f := RequestFile{ID: "f", Round: 1}
		if got := consolidate(f, cast(c.blind, c.dispute)); got != c.want {
			t.Errorf("%v then %v: %s, want %s", c.blind, c.dispute, got, c.want)
		}
	}
}

func cast(blind, dispute []Verdict) []Vote {
	var votes []Vote
	for i, v := range blind {
		votes = append(votes, Vote{File: "f", Checker: string(rune('a' + i)), Round: 1, Stage: StageBlind, Verdict: v})
	}
	for i, v := range dispute {
		votes = append(votes, Vote{File: "f", Checker: string(rune('a' + i)), Round: 1, Stage: StageDispute, Verdict: v})
	}
	return votes
}

// Whatever votes there are: a file is approved only if the last word of each of
// two different checkers is to approve, and nobody's last word is otherwise.
func TestARejectionNeverVanishes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := RequestFile{ID: "f", Round: 2}
		votes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Vote {
			return Vote{
				File: rapid.SampledFrom([]string{"f", "g"}).Draw(t, "file"), Checker: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "checker"),
				Round: rapid.IntRange(1, 3).Draw(t, "round"), Stage: rapid.SampledFrom([]VoteStage{StageBlind, StageDispute}).Draw(t, "stage"),
				Verdict: rapid.SampledFrom(verdicts).Draw(t, "verdict"),
			}
		}), 0, 12).Draw(t, "votes")
		if !approvedByTwo(f, votes) {
			return
		}
		last := map[string]Verdict{}
		for _, stage := range []VoteStage{StageBlind, StageDispute} {
			for _, v := range votes {
				if v.File == "f" && v.Round == 2 && v.Stage == stage {
					last[v.Checker] = v.Verdict
				}
			}
		}
		approvals := 0
		for checker, verdict := range last {
			if verdict != VerdictApprove {
				t.Fatalf("%s said %s last, and the file may leave: %+v", checker, verdict, votes)
			}
			approvals++
		}
		if approvals < 2 {
			t.Fatalf("one checker is enough: %+v", votes)
		}
	})
}
