package egress

import (
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// DisclosureKey is the Arrow schema metadata key of an answer's disclosure
// record (JSON of Disclosure).
const DisclosureKey = "gatehouse.disclosure"

// Outcome is what the gate decided.
type Outcome string

// The outcomes.
const (
	OutcomeReleased   Outcome = "released"
	OutcomeSuppressed Outcome = "suppressed" // released in part: numbers are withheld, or no group is shown
	OutcomeRefused    Outcome = "refused"
	OutcomeReferred   Outcome = "referred" // to a human
	OutcomeKept       Outcome = "kept"     // a workspace table was made or dropped: nothing left
)

// Disclosure is what an answer says of its own protection. Counts in it are of
// cells that the researcher can see to be NULL. Whether groups were left out is not
// said: groups_withheld is "some" for every question that asks for groups of people.
type Disclosure struct {
	Decision string  `json:"decision"` // id
	Outcome  Outcome `json:"outcome"`
	Policy   string  `json:"policy"` // name@version
	// PolicySHA256 is the hash of the policy's file, hex.
	PolicySHA256 string         `json:"policy_sha256"`
	Threshold    int            `json:"threshold"`
	Suppressed   map[string]int `json:"suppressed_cells,omitempty"` // by rule
	Groups       string         `json:"groups_withheld"`            // "some", or "none" where there are no groups to withhold
	Explanation  *Explanation   `json:"explanation,omitempty"`      // where the outcome is suppressed
	Refused      *Refusal       `json:"refused,omitempty"`          // EXPLAIN GATE: why the statement would not be answered
	Rounding     string         `json:"rounding"`
	Reused       bool           `json:"earlier_answer"`
	// Decided is when the numbers were decided; with Reused, the oldest of them.
	Decided time.Time `json:"decided"`
	// Earlier are the earlier decisions that numbers were taken from.
	Earlier  []EarlierNumbers `json:"earlier,omitempty"`
	Datasets []string         `json:"datasets"` // name@version
}

// Answer is a decided query: what may leave. Reader must be released.
type Answer struct {
	Disclosure Disclosure
	Schema     *arrow.Schema // with DisclosureKey in its metadata
	Reader     array.RecordReader
}

// Shape is what is known of a statement before it touches data.
type Shape struct {
	Schema     *arrow.Schema // the result's columns
	Parameters *arrow.Schema // prepared parameters in order; nil fields if none
	Updates    bool          // CREATE or DROP: the answer has no rows
}

// disclosure begins the disclosure record of an answer.
func (q *question) disclosure(outcome Outcome) Disclosure {
	return Disclosure{Decision: q.decision.ID, Outcome: outcome, Policy: q.policy.FullName(), PolicySHA256: q.policy.Hash, Threshold: q.policy.Threshold,
		Groups: "none", Rounding: q.policy.Rounding(), Decided: q.decision.Time, Datasets: q.decision.Datasets}
}
