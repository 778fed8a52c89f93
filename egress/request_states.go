package egress

import (
	"fmt"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
)

// RequestState is where a request stands in its life.
type RequestState string

// The states of a request.
const (
	RequestDraft     RequestState = "draft"     // files are being collected
	RequestSubmitted RequestState = "submitted" // waits for its first vote
	RequestInReview  RequestState = "in_review" // checkers vote, each without seeing the other
	RequestDisputed  RequestState = "disputed"  // two checkers disagree on a file and look again, together
	RequestVetting   RequestState = "vetting"   // the checkers approved; custodians of the data have the last word
	RequestApproved  RequestState = "approved"  // at least one file may be released
	RequestReturned  RequestState = "returned"  // the author must change something
	RequestRejected  RequestState = "rejected"  // no file may be released
	RequestReleased  RequestState = "released"  // a sealed bundle can be downloaded
	RequestRecalled  RequestState = "recalled"  // the bundle was called back
	RequestWithdrawn RequestState = "withdrawn" // the author gave it up
)

// RequestStep is something that happens to a request.
type RequestStep string

// The steps. The conclusions (conclude-…, dispute) follow from votes, or from
// what the custodians said: nobody can ask for them.
const (
	StepEdit     RequestStep = "edit" // add or remove a file, change title or context
	StepSubmit   RequestStep = "submit"
	StepWithdraw RequestStep = "withdraw"
	StepVote     RequestStep = "vote"
	StepDispute  RequestStep = "dispute"
	StepVet      RequestStep = "conclude-vetting" // approved by the checkers; a dataset's custodian must agree
	StepApprove  RequestStep = "conclude-approved"
	StepReturn   RequestStep = "conclude-returned"
	StepReject   RequestStep = "conclude-rejected"
	StepClear    RequestStep = "clear" // a custodian agrees
	StepVeto     RequestStep = "veto"  // a custodian does not
	StepRelease  RequestStep = "release"
	StepDownload RequestStep = "download"
	StepRecall   RequestStep = "recall"
)

// Party is who takes a step, or whose turn it is.
type Party string

// The parties.
const (
	PartyAuthor    Party = "author"    // who made the request
	PartyChecker   Party = "checker"   // not the author, not of the project
	PartyCustodian Party = "custodian" // of a dataset that asks for a veto; not the author, not of the project, none of the checkers
	PartyReleaser  Party = "releaser"  // seals what was approved; not the author, not of the project
	PartyMember    Party = "member"    // of the project
	PartyRecaller  Party = "recaller"  // whom policy allows to call a release back
	PartyVotes     Party = "votes"     // follows from the votes, clearances and vetoes that are asked for, in the transaction of the last one
	PartyNobody    Party = "nobody"    // final
)

// RequestTransition is one row of the state machine.
type RequestTransition struct {
	From RequestState
	Step RequestStep
	To   RequestState
	By   Party
}

// RequestTransitions is the whole state machine of requests: what is not a row
// of it cannot happen. docs/life-of-a-request.md draws it.
var RequestTransitions = []RequestTransition{
	{RequestDraft, StepEdit, RequestDraft, PartyAuthor},
	{RequestDraft, StepSubmit, RequestSubmitted, PartyAuthor},
	{RequestDraft, StepWithdraw, RequestWithdrawn, PartyAuthor},

	{RequestSubmitted, StepVote, RequestInReview, PartyChecker},
	{RequestSubmitted, StepWithdraw, RequestWithdrawn, PartyAuthor},
	// A request that comes back with nothing left to vote on (the author took the
	// returned files out) is concluded at once from the votes that stand.
	{RequestSubmitted, StepVet, RequestVetting, PartyVotes},
	{RequestSubmitted, StepApprove, RequestApproved, PartyVotes},
	{RequestSubmitted, StepReject, RequestRejected, PartyVotes},

	{RequestInReview, StepVote, RequestInReview, PartyChecker},
	{RequestInReview, StepDispute, RequestDisputed, PartyVotes},
	{RequestInReview, StepVet, RequestVetting, PartyVotes},
	{RequestInReview, StepApprove, RequestApproved, PartyVotes},
	{RequestInReview, StepReturn, RequestReturned, PartyVotes},
	{RequestInReview, StepReject, RequestRejected, PartyVotes},
	{RequestInReview, StepWithdraw, RequestWithdrawn, PartyAuthor},

	{RequestDisputed, StepVote, RequestDisputed, PartyChecker},
	{RequestDisputed, StepVet, RequestVetting, PartyVotes},
	{RequestDisputed, StepApprove, RequestApproved, PartyVotes},
	{RequestDisputed, StepReturn, RequestReturned, PartyVotes},
	{RequestDisputed, StepReject, RequestRejected, PartyVotes},
	{RequestDisputed, StepWithdraw, RequestWithdrawn, PartyAuthor},

	{RequestVetting, StepClear, RequestVetting, PartyCustodian},
	{RequestVetting, StepApprove, RequestApproved, PartyVotes},
	{RequestVetting, StepVeto, RequestRejected, PartyCustodian},
	{RequestVetting, StepWithdraw, RequestWithdrawn, PartyAuthor},

	{RequestReturned, StepEdit, RequestReturned, PartyAuthor},
	{RequestReturned, StepSubmit, RequestSubmitted, PartyAuthor},
	{RequestReturned, StepWithdraw, RequestWithdrawn, PartyAuthor},

	// A dataset whose custodian asks for a veto before the release is waited for too.
	{RequestApproved, StepVet, RequestVetting, PartyVotes},
	{RequestApproved, StepRelease, RequestReleased, PartyReleaser},
	{RequestApproved, StepWithdraw, RequestWithdrawn, PartyAuthor},

	{RequestReleased, StepDownload, RequestReleased, PartyMember},
	{RequestReleased, StepRecall, RequestRecalled, PartyRecaller},
}

// RequestOwners says whose turn it is in each state.
var RequestOwners = map[RequestState]Party{
	RequestDraft:     PartyAuthor,
	RequestSubmitted: PartyChecker,
	RequestInReview:  PartyChecker,
	RequestDisputed:  PartyChecker,
	RequestVetting:   PartyCustodian,
	RequestApproved:  PartyReleaser,
	RequestReturned:  PartyAuthor,
	RequestReleased:  PartyMember,
	RequestRejected:  PartyNobody,
	RequestRecalled:  PartyNobody,
	RequestWithdrawn: PartyNobody,
}

// RequestStates lists every state, in the order of a request's life.
var RequestStates = []RequestState{
	RequestDraft, RequestSubmitted, RequestInReview, RequestDisputed, RequestReturned,
	RequestVetting, RequestApproved, RequestRejected, RequestReleased, RequestRecalled, RequestWithdrawn,
}

// RequestSteps lists every step.
var RequestSteps = []RequestStep{
	StepEdit, StepSubmit, StepWithdraw, StepVote, StepDispute, StepVet, StepApprove, StepReturn,
	StepReject, StepClear, StepVeto, StepRelease, StepDownload, StepRecall,
}

// next gives the state after step, or a GH-401 error if the state does not
// allow it.
func (s RequestState) next(step RequestStep) (RequestState, error) {
	for _, t := range RequestTransitions {
		if t.From == s && t.Step == step {
			return t.To, nil
		}
	}
	return s, gatehouse.Errorf(gatehouse.CodeRequestState,
		"The request is %s, and a request in that state cannot take the step %q.", s.words(), step).
		WithAdvice("%s", s.advice())
}

// words is the state as a sentence has it.
func (s RequestState) words() string { return strings.ReplaceAll(string(s), "_", " ") }

func (s RequestState) advice() string {
	switch owner := RequestOwners[s]; owner {
	case PartyNobody, "":
		return "Nothing more can happen to it; make a new request."
	case PartyChecker:
		return "It waits for checkers."
	case PartyCustodian:
		return "It waits for a custodian of the data."
	case PartyReleaser:
		return "It waits to be released."
	case PartyMember:
		return "Its release can be downloaded by members of the project."
	default:
		return fmt.Sprintf("It waits for its %s.", owner)
	}
}

// RequestDiagram draws the state machine as a mermaid state diagram.
func RequestDiagram() string {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n    [*] --> draft\n")
	for _, s := range RequestStates {
		for _, t := range RequestTransitions {
			if t.From == s {
				fmt.Fprintf(&b, "    %s --> %s: %s (%s)\n", t.From, t.To, t.Step, t.By)
			}
		}
		if RequestOwners[s] == PartyNobody {
			fmt.Fprintf(&b, "    %s --> [*]\n", s)
		}
	}
	return b.String()
}
