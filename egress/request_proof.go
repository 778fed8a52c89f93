package egress

import (
	"context"
	"time"

	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Proof says that a file is an answer of the gate, which let it out already. It is
// found by what the file holds, never by what somebody says of it.
type Proof struct {
	Decision string    `json:"decision" doc:"Of the gate"`
	Decided  time.Time `json:"decided"`
	Outcome  Outcome   `json:"outcome" enum:"released,suppressed"`
}

// Recognisers recognise the pseudonyms of projects.
type Recognisers interface {
	// Recogniser gives a function that reports whether a text of 32 characters is a
	// pseudonym of the project, of anybody whom it ever had; nil for a project that
	// has none.
	Recogniser(ctx context.Context, project string) (func([]byte) bool, error)
}

// Proofs remember the answers of the gate.
type Proofs interface {
	// Proof gives the newest answer of a project with this digest; nil for none.
	Proof(ctx context.Context, project, digest string) (*Proof, error)
}

// prove looks for the gate's answer that a file is.
func (s *Requests) prove(ctx context.Context, f RequestFile, project workspaces.Project) (*Proof, error) {
	return nil, nil
}
