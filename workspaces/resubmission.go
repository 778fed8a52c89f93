package workspaces

import (
	"context"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// SubmissionTx keeps what applications said each time that they were submitted.
type SubmissionTx interface {
	AddSubmission(ctx context.Context, round int, p Project) error
	// Submission is CodeNotFound for a round that was not kept.
	Submission(ctx context.Context, project string, round int) (p Project, at time.Time, err error)
}

// Resubmission is how an application differs from what it said when it was last
// submitted: before the submission that waits for decisions, or, while it is a draft
// again, at the last one.
type Resubmission struct {
	Round   int       `json:"round"` // of the submission that it is compared with
	At      time.Time `json:"at"`    // when that was
	Changes []Change  `json:"changes"`
}

// resubmission compares p with its last submission; nil where there was none, or
// it was not kept.
func resubmission(ctx context.Context, tx Tx, p Project) (*Resubmission, error) {
	round := p.Round
	if p.State == ProjectSubmitted {
		round--
	}
	if round < 1 || p.State != ProjectDraft && p.State != ProjectSubmitted {
		return nil, nil
	}
	before, at, err := tx.Submission(ctx, p.ID, round)
	if gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	changes := Diff(before, p.asApplication())
	if changes == nil {
		changes = []Change{}
	}
	return &Resubmission{Round: round, At: at, Changes: changes}, nil
}
