package workspaces

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// AmendmentState is where a proposed change of a project stands.
type AmendmentState string

// The states of an amendment.
const (
	AmendmentProposed  AmendmentState = "proposed"  // the custodians of what it touches decide
	AmendmentApplied   AmendmentState = "applied"   // it took effect
	AmendmentReturned  AmendmentState = "returned"  // could be approved if something in it were changed
	AmendmentRejected  AmendmentState = "rejected"  // a custodian said no
	AmendmentWithdrawn AmendmentState = "withdrawn" // the lead gave it up
	AmendmentOvertaken AmendmentState = "overtaken" // the project was changed otherwise meanwhile, or ended
)

// AmendmentStep is something that happens to an amendment.
type AmendmentStep string

// The steps.
const (
	AmendmentDecide   AmendmentStep = "decide"
	AmendmentApply    AmendmentStep = "conclude-applied"
	AmendmentReturn   AmendmentStep = "conclude-returned"
	AmendmentReject   AmendmentStep = "conclude-rejected"
	AmendmentWithdraw AmendmentStep = "withdraw"
	AmendmentOvertake AmendmentStep = "overtake"
)

// AmendmentTransition is one row of the state machine.
type AmendmentTransition struct {
	From AmendmentState
	Step AmendmentStep
	To   AmendmentState
	By   ProjectParty
}

// AmendmentTransitions is the whole state machine of amendments.
var AmendmentTransitions = []AmendmentTransition{
	{AmendmentProposed, AmendmentDecide, AmendmentProposed, PartyCustodian},
	{AmendmentProposed, AmendmentApply, AmendmentApplied, PartyDecisions},
	{AmendmentProposed, AmendmentReturn, AmendmentReturned, PartyDecisions},
	{AmendmentProposed, AmendmentReject, AmendmentRejected, PartyDecisions},
	{AmendmentProposed, AmendmentWithdraw, AmendmentWithdrawn, PartyLead},
	{AmendmentProposed, AmendmentOvertake, AmendmentOvertaken, PartyCustodian},
}

// AmendmentOwners says whose turn it is in each state.
var AmendmentOwners = map[AmendmentState]ProjectParty{
	AmendmentProposed: PartyCustodian, AmendmentApplied: PartyNobody, AmendmentReturned: PartyNobody,
	AmendmentRejected: PartyNobody, AmendmentWithdrawn: PartyNobody, AmendmentOvertaken: PartyNobody,
}

// AmendmentStates lists every state.
var AmendmentStates = []AmendmentState{AmendmentProposed, AmendmentApplied, AmendmentReturned, AmendmentRejected, AmendmentWithdrawn, AmendmentOvertaken}

// AmendmentSteps lists every step.
var AmendmentSteps = []AmendmentStep{AmendmentDecide, AmendmentApply, AmendmentReturn, AmendmentReject, AmendmentWithdraw, AmendmentOvertake}

func (s AmendmentState) next(step AmendmentStep) (AmendmentState, error) {
	for _, t := range AmendmentTransitions {
		if t.From == s && t.Step == step {
			return t.To, nil
		}
	}
	return s, gatehouse.Errorf(gatehouse.CodeAmendment, "The amendment is %s.", s)
}

// AmendmentDiagram draws the state machine as a mermaid state diagram.
func AmendmentDiagram() string {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n    [*] --> proposed\n")
	for _, t := range AmendmentTransitions {
		fmt.Fprintf(&b, "    %s --> %s: %s (%s)\n", t.From, t.To, t.Step, t.By)
	}
	for _, s := range AmendmentStates {
		if AmendmentOwners[s] == PartyNobody {
			fmt.Fprintf(&b, "    %s --> [*]\n", s)
		}
	}
	return b.String()
}

// Amendment is a proposed change of a project, and what was decided on it. The
// project is as it was until the amendment is applied.
type Amendment struct {
	ID        string         `json:"id"`
	Project   string         `json:"project"`
	State     AmendmentState `json:"state"`
	By        string         `json:"by"`
	Why       string         `json:"why"`
	Proposed  time.Time      `json:"proposed"`
	Concluded time.Time      `json:"concluded,omitzero"`
	Base      string         `json:"base"` // fingerprint of the project from which it departs
	To        Project        `json:"to"`   // what the project would say
	Changes   []Change       `json:"changes"`
	Decisions []Decision     `json:"decisions,omitempty"`
}

// Digest is the fingerprint of what custodians decide on: from what to what.
func (a Amendment) Digest() string { return textSum(a.Base + a.To.Digest("")) }

// Touched gives the datasets whose custodians must agree, by name.
func (a Amendment) Touched() []string {
	var datasets []string
	for _, c := range a.Changes {
		datasets = append(datasets, c.Datasets...)
	}
	slices.Sort(datasets)
	return slices.Compact(datasets)
}
