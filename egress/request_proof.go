package egress

import (
	"context"
	"time"

	"github.com/gatehouse-tre/gatehouse/egress/inspect"
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
	// Proof gives the decision that let a table out to a project, by the table's
	// digest; nil for none.
	Proof(ctx context.Context, project, table string) (*Proof, error)
}

// maxProved bounds the files that are looked up.
const maxProved = 8 << 20

// prove looks for the gate's answer that a file is.
func (s *Requests) prove(ctx context.Context, f RequestFile, project workspaces.Project) (*Proof, error) {
	comma, table := map[inspect.Type]rune{inspect.CSV: ',', inspect.TSV: '\t'}[f.Report.Type]
	if s.Proofs == nil || !table || f.Bytes > maxProved || f.Origin != OriginUpload {
		return nil, nil
	}
	data, err := s.bytes(ctx, f.SHA256)
	if err != nil {
		return nil, err
	}
	digest := fileDigest(data, comma)
	if digest == "" {
		return nil, nil
	}
	return s.Proofs.Proof(ctx, project.ID, digest)
}
