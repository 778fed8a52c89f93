package egress

import (
	"slices"
	"time"
)

// Verdict is what a checker says of a file.
type Verdict string

// The verdicts, from the mildest to the strictest.
const (
	VerdictApprove Verdict = "approve"
	VerdictReturn  Verdict = "return" // could leave, once something is changed
	VerdictReject  Verdict = "reject"
)

var strictness = map[Verdict]int{VerdictApprove: 1, VerdictReturn: 2, VerdictReject: 3}

// VoteStage says what a checker knew when voting.
type VoteStage string

// The stages. Each checker votes at most once per file, round and stage.
const (
	StageBlind   VoteStage = "blind"   // nobody else's votes
	StageDispute VoteStage = "dispute" // the other's vote, with which this one's disagreed
)

// Vote is one checker's verdict on one file. It is never changed or removed.
type Vote struct {
	File    string // id
	Checker string
	Round   int
	Stage   VoteStage
	Verdict Verdict
	Comment string
	Cast    time.Time
	// Void is a vote of somebody who has been of the project since: it stays for the
	// record, and does not count. It is made from who was, and not kept.
	Void bool
}

// FileOutcome is what the votes on a file come to.
type FileOutcome string

// The outcomes.
const (
	OutcomePending      FileOutcome = "pending"
	OutcomeDisputed     FileOutcome = "disputed"
	OutcomeFileApproved FileOutcome = "approved"
	OutcomeFileReturned FileOutcome = "returned"
	OutcomeFileRejected FileOutcome = "rejected"
)

var outcomes = map[Verdict]FileOutcome{
	VerdictApprove: OutcomeFileApproved, VerdictReturn: OutcomeFileReturned, VerdictReject: OutcomeFileRejected,
}

// deciding gives the votes on f that count: those of its round, by stage.
func deciding(f RequestFile, votes []Vote) (blind, dispute []Vote) {
	for _, v := range votes {
		if v.File == f.ID && v.Round == f.Round && !v.Void {
			if v.Stage == StageBlind {
				blind = append(blind, v)
			} else {
				dispute = append(dispute, v)
			}
		}
	}
	return blind, dispute
}

// consolidate makes one outcome of the votes on a file. Two checkers who agree
// decide it. Two who disagree look again, knowing each other's vote, and both
// vote once more; if they still disagree, the stricter verdict stands. So a
// rejection is lifted by nobody but the checker who made it, in a second vote
// that is kept beside the first.
func consolidate(f RequestFile, votes []Vote) FileOutcome {
	blind, dispute := deciding(f, votes)
	if len(blind) < 2 {
		return OutcomePending
	}
	final := blind
	if !agree(blind) {
		if len(dispute) < 2 {
			return OutcomeDisputed
		}
		final = dispute
	}
	strictest := slices.MaxFunc(final, func(a, b Vote) int { return strictness[a.Verdict] - strictness[b.Verdict] })
	return outcomes[strictest.Verdict]
}

func agree(votes []Vote) bool {
	for _, v := range votes {
		if v.Verdict != votes[0].Verdict {
			return false
		}
	}
	return true
}

// approvedByTwo reports whether two different checkers' last words on f are
// approvals. It is asked again when a file is released, whatever state the
// request says it is in.
func approvedByTwo(f RequestFile, votes []Vote) bool {
	blind, dispute := deciding(f, votes)
	last := map[string]Verdict{}
	for _, v := range append(slices.Clone(blind), dispute...) {
		last[v.Checker] = v.Verdict
	}
	approvals := 0
	for _, verdict := range last {
		if verdict != VerdictApprove {
			return false
		}
		approvals++
	}
	return approvals >= 2 && consolidate(f, votes) == OutcomeFileApproved
}

// pendingFor gives the files on which a checker can vote now.
func pendingFor(r *Request, checker string) []RequestFile {
	return slices.DeleteFunc(r.outputs(), func(f RequestFile) bool {
		_, err := vote(r, checker, Ballot{File: f.Name, Verdict: VerdictApprove})
		return err != nil
	})
}

// undecided names the checkers who disagree and have not voted again on all that
// they disagree on.
func undecided(r Request) []string {
	var names []string
	for _, v := range r.Votes {
		if !slices.Contains(names, v.Checker) && len(pendingFor(&r, v.Checker)) > 0 {
			names = append(names, v.Checker)
		}
	}
	return names
}

// conclusion is the step that the votes on all outputs lead to, or "" while one
// waits for votes.
func conclusion(r *Request) RequestStep {
	n := map[FileOutcome]int{}
	for _, f := range r.outputs() {
		n[consolidate(f, r.Votes)]++
	}
	switch {
	case n[OutcomePending] > 0:
		return ""
	case n[OutcomeDisputed] > 0:
		// Nobody sees a vote before every file has two: the dispute begins then.
		if r.State == RequestDisputed {
			return ""
		}
		return StepDispute
	case n[OutcomeFileReturned] > 0:
		return StepReturn
	case n[OutcomeFileApproved] > 0:
		return StepApprove
	case n[OutcomeFileRejected] > 0:
		return StepReject
	}
	return ""
}
