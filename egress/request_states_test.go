package egress

import (
	"os"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
)

// Every state × step: exactly the rows of the table, and a clear refusal for
// all the rest.
func TestRequestStatesAllowExactlyTheirTransitions(t *testing.T) {
	rows := map[RequestState]map[RequestStep]RequestTransition{}
	for _, row := range RequestTransitions {
		if rows[row.From] == nil {
			rows[row.From] = map[RequestStep]RequestTransition{}
		}
		if _, twice := rows[row.From][row.Step]; twice {
			t.Errorf("%s × %s stands twice in the table", row.From, row.Step)
		}
		rows[row.From][row.Step] = row
	}
	for _, from := range RequestStates {
		for _, step := range RequestSteps {
			got, err := from.next(step)
			if row, allowed := rows[from][step]; allowed {
				if err != nil || got != row.To {
					t.Errorf("%s × %s: %s, %v; the table says %s", from, step, got, err, row.To)
				}
				continue
			}
			if gatehouse.CodeOf(err) != gatehouse.CodeRequestState || got != from {
				t.Errorf("%s × %s: %s, %v; the table does not have it", from, step, got, err)
			}
		}
		delete(rows, from)
	}
	for from := range rows {
		t.Errorf("the table has the unlisted state %q", from)
	}
}

func TestEveryStateHasAnOwnerWhoCanMoveIt(t *testing.T) {
	for _, s := range RequestStates {
		owner, ok := RequestOwners[s]
		if !ok {
			t.Errorf("%s has no owner", s)
		}
		canMove := false
		for _, row := range RequestTransitions {
			canMove = canMove || row.From == s && row.By == owner
			if row.From == s && owner == PartyNobody {
				t.Errorf("%s is final, and yet %s leads out of it", s, row.Step)
			}
		}
		if owner != PartyNobody && !canMove {
			t.Errorf("%s waits for its %s, who can do nothing in it", s, owner)
		}
	}
	if len(RequestOwners) != len(RequestStates) {
		t.Error("RequestOwners and RequestStates differ")
	}
}

func TestEveryStateIsReachedAndEnds(t *testing.T) {
	reached := map[RequestState]bool{RequestDraft: true}
	for range RequestStates {
		for _, row := range RequestTransitions {
			reached[row.To] = reached[row.To] || reached[row.From]
		}
	}
	ends := map[RequestState]bool{}
	for _, s := range RequestStates {
		ends[s] = RequestOwners[s] == PartyNobody
	}
	for range RequestStates {
		for _, row := range RequestTransitions {
			ends[row.From] = ends[row.From] || ends[row.To]
		}
	}
	for _, s := range RequestStates {
		if !reached[s] || !ends[s] {
			t.Errorf("%s: reached %v, can end %v", s, reached[s], ends[s])
		}
	}
}

// Only votes lead to approval, and only approval leads out. A custodian's veto ends
// what votes approved, and nothing else ends by a single person's word.
func TestNobodyCanAskForApproval(t *testing.T) {
	veto := RequestTransition{RequestVetting, StepVeto, RequestRejected, PartyCustodian}
	for _, row := range RequestTransitions {
		if row == veto {
			continue
		}
		if (row.To == RequestApproved || row.To == RequestRejected || row.To == RequestReturned && row.From != RequestReturned) && row.By != PartyVotes {
			t.Errorf("%s × %s leads to %s by %s", row.From, row.Step, row.To, row.By)
		}
		if row.To == RequestReleased && row.From != RequestReleased && row.From != RequestApproved {
			t.Errorf("%s leads to released", row.From)
		}
	}
}

func TestTheDocumentedDiagramIsTheTable(t *testing.T) {
	page, err := os.ReadFile("../docs/life-of-a-request.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := "```mermaid\n" + RequestDiagram() + "```\n"; !strings.Contains(string(page), want) {
		t.Errorf("docs/life-of-a-request.md does not show the state machine; its diagram should be:\n%s", want)
	}
}
