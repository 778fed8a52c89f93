package workspaces

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
)

// ProjectState is where a project stands in its life.
type ProjectState string

// The states of a project. That its expiry has passed is checked at each use as
// well: a project does not wait for the clock to make it expired.
const (
	ProjectDraft     ProjectState = "draft"     // the application is being written
	ProjectSubmitted ProjectState = "submitted" // each dataset's custodian decides
	ProjectApproved  ProjectState = "approved"  // waits for each member to sign the agreement
	ProjectActive    ProjectState = "active"    // its members can work
	ProjectSuspended ProjectState = "suspended" // stopped by a custodian, for the time being
	ProjectExpired   ProjectState = "expired"   // its time is over; an amendment can extend it
	ProjectRejected  ProjectState = "rejected"  // a custodian said no
	ProjectClosed    ProjectState = "closed"    // ended for good
	ProjectArchived  ProjectState = "archived"  // kept for the record
)

// ProjectStep is something that happens to a project.
type ProjectStep string

// The steps. Those by decisions, signatures and the clock follow from what
// others do: nobody can ask for them.
const (
	StepEdit     ProjectStep = "edit"
	StepSubmit   ProjectStep = "submit"
	StepWithdraw ProjectStep = "withdraw"
	StepDecide   ProjectStep = "decide"
	StepApprove  ProjectStep = "conclude-approved"
	StepReturn   ProjectStep = "conclude-returned"
	StepReject   ProjectStep = "conclude-rejected"
	StepSign     ProjectStep = "sign"
	StepActivate ProjectStep = "conclude-signed"
	StepPropose  ProjectStep = "propose" // an amendment
	StepAmend    ProjectStep = "amend"   // an amendment takes effect
	StepAdjust   ProjectStep = "adjust"  // the custodian of all that it touches changes something alone
	StepExtend   ProjectStep = "extend"
	StepSuspend  ProjectStep = "suspend"
	StepResume   ProjectStep = "resume"
	StepExpire   ProjectStep = "expire"
	StepClose    ProjectStep = "close"
	StepArchive  ProjectStep = "archive"
)

// ProjectParty is who takes a step, or whose turn it is.
type ProjectParty string

// The parties.
const (
	PartyApplicant  ProjectParty = "applicant"  // who drafted it, and its leads
	PartyCustodian  ProjectParty = "custodian"  // named for a dataset of the project, and with no part in it
	PartyMember     ProjectParty = "member"     // each of its members
	PartyLead       ProjectParty = "lead"       // of the project
	PartyDecisions  ProjectParty = "decisions"  // follows from the custodians' decisions, in the transaction of the last one
	PartySignatures ProjectParty = "signatures" // follows from the last member's signature
	PartyClock      ProjectParty = "clock"
	PartyNobody     ProjectParty = "nobody" // final
)

// ProjectTransition is one row of the state machine.
type ProjectTransition struct {
	From ProjectState
	Step ProjectStep
	To   ProjectState
	By   ProjectParty
}

// ProjectTransitions is the whole state machine of projects: what is not a row of
// it cannot happen. docs/projects.md draws it.
var ProjectTransitions = []ProjectTransition{
	{ProjectDraft, StepEdit, ProjectDraft, PartyApplicant},
	{ProjectDraft, StepSubmit, ProjectSubmitted, PartyApplicant},
	{ProjectDraft, StepWithdraw, ProjectClosed, PartyApplicant},
	{ProjectDraft, StepClose, ProjectClosed, PartyCustodian},

	{ProjectSubmitted, StepDecide, ProjectSubmitted, PartyCustodian},
	{ProjectSubmitted, StepApprove, ProjectApproved, PartyDecisions},
	{ProjectSubmitted, StepReturn, ProjectDraft, PartyDecisions},
	{ProjectSubmitted, StepReject, ProjectRejected, PartyDecisions},
	{ProjectSubmitted, StepWithdraw, ProjectClosed, PartyApplicant},
	{ProjectSubmitted, StepClose, ProjectClosed, PartyCustodian},

	{ProjectApproved, StepSign, ProjectApproved, PartyMember},
	{ProjectApproved, StepActivate, ProjectActive, PartySignatures},
	{ProjectApproved, StepAdjust, ProjectApproved, PartyCustodian},
	{ProjectApproved, StepWithdraw, ProjectClosed, PartyApplicant},
	{ProjectApproved, StepClose, ProjectClosed, PartyCustodian},

	{ProjectActive, StepSign, ProjectActive, PartyMember},
	{ProjectActive, StepPropose, ProjectActive, PartyLead},
	{ProjectActive, StepAmend, ProjectActive, PartyDecisions},
	{ProjectActive, StepAdjust, ProjectActive, PartyCustodian},
	{ProjectActive, StepSuspend, ProjectSuspended, PartyCustodian},
	{ProjectActive, StepExpire, ProjectExpired, PartyClock},
	{ProjectActive, StepClose, ProjectClosed, PartyCustodian},

	{ProjectSuspended, StepSign, ProjectSuspended, PartyMember},
	{ProjectSuspended, StepAdjust, ProjectSuspended, PartyCustodian},
	{ProjectSuspended, StepResume, ProjectActive, PartyCustodian},
	{ProjectSuspended, StepClose, ProjectClosed, PartyCustodian},

	{ProjectExpired, StepSign, ProjectExpired, PartyMember},
	{ProjectExpired, StepPropose, ProjectExpired, PartyLead},
	{ProjectExpired, StepAmend, ProjectExpired, PartyDecisions},
	{ProjectExpired, StepAdjust, ProjectExpired, PartyCustodian},
	{ProjectExpired, StepExtend, ProjectActive, PartyDecisions},
	{ProjectExpired, StepClose, ProjectClosed, PartyCustodian},

	{ProjectRejected, StepArchive, ProjectArchived, PartyCustodian},
	{ProjectClosed, StepArchive, ProjectArchived, PartyCustodian},
}

// ProjectOwners says whose turn it is in each state.
var ProjectOwners = map[ProjectState]ProjectParty{
	ProjectDraft:     PartyApplicant,
	ProjectSubmitted: PartyCustodian,
	ProjectApproved:  PartyMember,
	ProjectActive:    PartyLead,
	ProjectSuspended: PartyCustodian,
	ProjectExpired:   PartyLead,
	ProjectRejected:  PartyCustodian,
	ProjectClosed:    PartyCustodian,
	ProjectArchived:  PartyNobody,
}

// ProjectStates lists every state, in the order of a project's life.
var ProjectStates = []ProjectState{
	ProjectDraft, ProjectSubmitted, ProjectApproved, ProjectActive, ProjectSuspended,
	ProjectExpired, ProjectRejected, ProjectClosed, ProjectArchived,
}

// ProjectSteps lists every step.
var ProjectSteps = []ProjectStep{
	StepEdit, StepSubmit, StepWithdraw, StepDecide, StepApprove, StepReturn, StepReject, StepSign, StepActivate, StepPropose,
	StepAmend, StepAdjust, StepExtend, StepSuspend, StepResume, StepExpire, StepClose, StepArchive,
}

// row gives the row of the table for a step, or CodeConflict if the state does
// not allow it.
func (s ProjectState) row(step ProjectStep) (ProjectTransition, error) {
	for _, t := range ProjectTransitions {
		if t.From == s && t.Step == step {
			return t, nil
		}
	}
	if slices.ContainsFunc(ProjectTransitions, func(t ProjectTransition) bool { return t.Step == step && t.To == s && t.From != s }) {
		return ProjectTransition{To: s}, gatehouse.Errorf(gatehouse.CodeConflict, "The project is %s already.", s).WithAdvice("%s", s.advice())
	}
	return ProjectTransition{To: s}, gatehouse.Errorf(gatehouse.CodeConflict, "The project is %s, and a project in that state cannot take the step %q.", s, step).
		WithAdvice("%s", s.advice())
}

func (s ProjectState) advice() string {
	switch owner := ProjectOwners[s]; owner {
	case PartyNobody, "":
		return "Nothing more can happen to it."
	case PartyMember:
		return "It waits for its members to sign the agreement."
	default:
		return fmt.Sprintf("It is the turn of its %s.", owner)
	}
}

// take moves the project by a step.
func (p *Project) take(step ProjectStep) error {
	row, err := p.State.row(step)
	if err == nil {
		p.State = row.To
	}
	return err
}

// stepsBy gives the steps that parties may take in a state.
func stepsBy(s ProjectState, parties []ProjectParty) []ProjectStep {
	steps := []ProjectStep{}
	for _, t := range ProjectTransitions {
		if t.From == s && slices.Contains(parties, t.By) {
			steps = append(steps, t.Step)
		}
	}
	return steps
}

// ProjectDiagram draws the state machine as a mermaid state diagram.
func ProjectDiagram() string {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n    [*] --> draft\n")
	for _, s := range ProjectStates {
		for _, t := range ProjectTransitions {
			if t.From == s {
				fmt.Fprintf(&b, "    %s --> %s: %s (%s)\n", t.From, t.To, t.Step, t.By)
			}
		}
		if ProjectOwners[s] == PartyNobody {
			fmt.Fprintf(&b, "    %s --> [*]\n", s)
		}
	}
	return b.String()
}
