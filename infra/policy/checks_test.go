package policy

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Each line is of an action that there is and names a code that there is.
func TestChecksAreOfWhatThereIs(t *testing.T) {
	rows, err := checkRows()
	if err != nil || len(rows) == 0 {
		t.Fatal(err)
	}
	known := declaredActions(t)
	for _, row := range rows {
		if !slices.Contains(known, gatehouse.Action(row[0])) {
			t.Errorf("there is no action %s", row[0])
		}
		if code := gatehouse.Code(row[1]); code != "" && code.Kind() == gatehouse.KindInternal {
			t.Errorf("%s: there is no code %s", row[0], code)
		}
		if !strings.HasSuffix(row[2], ".") {
			t.Errorf("%s: %q is no sentence", row[0], row[2])
		}
	}
}

// Every step that somebody can ask for belongs to an action.
func TestEveryStepNeedsAnAction(t *testing.T) {
	var asked []string
	for _, steps := range requestSteps {
		for _, s := range steps {
			asked = append(asked, "request "+string(s))
		}
	}
	for _, steps := range projectSteps {
		for _, s := range steps {
			asked = append(asked, "project "+string(s))
		}
	}
	for _, r := range egress.RequestTransitions {
		if r.By != egress.PartyVotes && !slices.Contains(asked, "request "+string(r.Step)) {
			t.Errorf("which action does %q of a request need?", r.Step)
		}
	}
	for _, r := range workspaces.ProjectTransitions {
		follows := slices.Contains([]workspaces.ProjectParty{workspaces.PartyDecisions, workspaces.PartySignatures, workspaces.PartyClock}, r.By)
		if !follows && !slices.Contains(asked, "project "+string(r.Step)) {
			t.Errorf("which action does %q of a project need?", r.Step)
		}
	}
}

func TestChecksSayStatesAndDuties(t *testing.T) {
	checks, err := Checks(gatehouse.ActionRequestReview)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Check{gatehouse.CodeRequestState, "To vote, the request is submitted, in review or disputed; by its checker."}); checks[0] != want {
		t.Errorf("got %+v, want %+v", checks[0], want)
	}
	if !slices.ContainsFunc(checks, func(c Check) bool { return c.Code == gatehouse.CodeSeparation }) {
		t.Errorf("nothing of separation of duties in %+v", checks)
	}
}
