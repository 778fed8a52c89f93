package policy

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

//go:embed checks.csv
var checksText string

// Check is something that a service makes sure of, in the transaction that acts,
// after the rules have allowed an action.
type Check struct {
	Code     gatehouse.Code // of the refusal; "" where there is nothing to refuse
	Sentence string         // what must hold
}

// requestSteps and projectSteps are the steps of the state machines that need an
// action.
var requestSteps = map[gatehouse.Action][]egress.RequestStep{
	gatehouse.ActionRequestCreate:   {egress.StepEdit, egress.StepSubmit, egress.StepWithdraw},
	gatehouse.ActionRequestReview:   {egress.StepVote},
	gatehouse.ActionRequestVet:      {egress.StepClear, egress.StepVeto},
	gatehouse.ActionRequestRelease:  {egress.StepRelease},
	gatehouse.ActionRequestDownload: {egress.StepDownload},
	gatehouse.ActionRequestRecall:   {egress.StepRecall},
}

var projectSteps = map[gatehouse.Action][]workspaces.ProjectStep{
	gatehouse.ActionProjectCreate:  {workspaces.StepEdit, workspaces.StepSubmit, workspaces.StepWithdraw, workspaces.StepPropose},
	gatehouse.ActionProjectApprove: {workspaces.StepDecide, workspaces.StepAdjust, workspaces.StepSuspend, workspaces.StepResume, workspaces.StepClose, workspaces.StepArchive},
	gatehouse.ActionProjectSign:    {workspaces.StepSign},
}

// Checks gives what the services check of an action on top of the rules: the
// states in which each of its steps can be taken, and by whom, as the state
// machines have it, then separation of duties and whatever else must hold.
func Checks(action gatehouse.Action) ([]Check, error) {
	var all []Check
	for _, step := range requestSteps[action] {
		var at, by []string
		for _, t := range egress.RequestTransitions {
			if t.Step == step {
				at, by = append(at, plain(t.From)), append(by, plain(t.By))
			}
		}
		all = append(all, stateCheck("request", step, at, by, gatehouse.CodeRequestState))
	}
	for _, step := range projectSteps[action] {
		var at, by []string
		for _, t := range workspaces.ProjectTransitions {
			if t.Step == step {
				at, by = append(at, plain(t.From)), append(by, plain(t.By))
			}
		}
		all = append(all, stateCheck("project", step, at, by, gatehouse.CodeConflict))
	}
	rows, err := checkRows()
	for _, row := range rows {
		if row[0] == string(action) {
			all = append(all, Check{gatehouse.Code(row[1]), row[2]})
		}
	}
	return all, err
}

func checkRows() ([][]string, error) {
	r := csv.NewReader(strings.NewReader(checksText))
	r.Comment, r.FieldsPerRecord = '#', 3
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("policy: checks.csv: %w", err)
	}
	return rows, nil
}

func plain[T ~string](word T) string { return strings.ReplaceAll(string(word), "_", " ") }

func stateCheck[S ~string](what string, step S, at, by []string, code gatehouse.Code) Check {
	slices.Sort(by)
	return Check{code, fmt.Sprintf("To %s, the %s is %s; by its %s.", plain(step), what, either(at), either(slices.Compact(by)))}
}

// either is "a, b or c".
func either(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
