package catalog

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gatehouse-tre/gatehouse"
)

// Engine sorts rows and writes Parquet, for the length of one publication: a
// sandboxed process without a network. It is handed rows that bear units and no
// identifiers, and reads no extract. Errors are *EngineFailure, or a
// *gatehouse.Error of starting it.
type Engine interface {
	// Load makes a table of rows, which it reads to their end.
	Load(ctx context.Context, table string, rows array.RecordReader) error
	// Copy runs a statement that reads rows, once, as the table $rows.
	Copy(ctx context.Context, sql string, rows array.RecordReader) error
	// Exec runs statements that give no rows.
	Exec(ctx context.Context, sql ...string) error
	// Query streams an answer; its reader is released by the caller.
	Query(ctx context.Context, sql string) (array.RecordReader, error)
	// Close ends the process.
	Close() error
}

// StartEngine starts an engine that may read below the folders read, write below
// the folder write, and use the folder temp for what does not fit into memory.
// All exist and are absolute.
type StartEngine func(ctx context.Context, read []string, write, temp string) (Engine, error)

// EngineFailure is a failure in an engine, in its own words.
type EngineFailure struct {
	Lost  bool   // the process died or cannot be reached
	Cause string // for the operator's log: never rendered
}

func (e *EngineFailure) Error() string { return "catalog: the publishing engine failed" }

// DateShifts say by how many days each person's dates move: the same for ever.
type DateShifts interface {
	// Days gives the days of a person, whom it knows by any text that is theirs alone.
	Days(person []byte) (int, error)
}

// OpenShifts gives the shifts of the people of an index, of so many days at most
// either way. Its key must never be made a second time.
type OpenShifts func(ctx context.Context, family string, most int) (DateShifts, error)

// Signer signs manifests.
type Signer interface {
	// KeyID names the key.
	KeyID() string
	// Sign gives the 64-byte Ed25519 signature of message.
	Sign(ctx context.Context, message []byte) ([]byte, error)
}

// Authorizer says who may do what.
type Authorizer interface {
	// Authorize returns nil, or a GH-102 error if policy does not allow the
	// action on the project (gatehouse.Everywhere for none).
	Authorize(ctx context.Context, p gatehouse.Principal, action gatehouse.Action, project string) error
}

// Store keeps which versions there are.
type Store interface {
	// RecordPublished keeps that a version stands, and its event
	// "version.published", in one transaction. Recording a version again, which
	// happens after a crash between its appearance and this call, changes nothing
	// and records no second event.
	RecordPublished(ctx context.Context, actor string, v Version) error
	// Recalled gives the recalled versions of a dataset.
	Recalled(ctx context.Context, dataset string) ([]Recall, error)
}
