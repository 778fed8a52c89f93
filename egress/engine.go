// Package egress decides what leaves: the gate judges queries cell by cell,
// requests take files past two checkers, and the ledger remembers every number
// that ever left.
package egress

import (
	"context"
	"encoding/json"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// The engines, as the gate uses them. Each is a sandboxed process without a
// network; an error from one is never shown to a researcher as it is, except
// through BindFailure, which comes from an engine that holds no data.

// Binder binds a researcher's SQL against empty tables. It holds no data, so
// nothing that it says can tell of any person.
type Binder interface {
	// Bind parses and binds sql in a database that has just the tables and views that
	// ddl makes (the tables all empty; a CREATE VIEW that does not bind is left out).
	// A statement that does not parse or bind gives a *BindFailure. Nothing of sql is
	// executed.
	Bind(ctx context.Context, ddl []string, sql string) (*Bound, error)
}

// Bound is a bound statement.
type Bound struct {
	// Statement is the kind of statement: "SELECT", "CREATE_TABLE", "CREATE_VIEW",
	// "DROP", or DuckDB's name of another kind, which the gate refuses.
	Statement string `json:"statement"`
	// Plan is DuckDB's bound logical plan (json_serialize_plan); empty where
	// DuckDB has none for the statement.
	Plan json.RawMessage `json:"plan,omitempty"`
	// Tree is DuckDB's parse tree (json_serialize_sql); SELECT only.
	Tree json.RawMessage `json:"tree,omitempty"`
	// Query is the SELECT of a CREATE VIEW, as written.
	Query string `json:"query,omitempty"`
	// Columns are the result's columns as DuckDB names and types them.
	Columns []BoundColumn `json:"columns"`
}

// BoundColumn is a column of a bound statement's result.
type BoundColumn struct {
	Name string `json:"name"`
	Type string `json:"type"` // DuckDB type, e.g. "BIGINT", "DECIMAL(18,3)", "INTEGER[]"
}

// BindFailure is SQL that does not parse or bind against empty tables.
type BindFailure struct {
	Syntax   bool   // does not parse; else: does not bind
	Message  string // DuckDB's own words; safe, since the binder has no data
	Position int    // byte offset in the statement, -1 if unknown
}

func (e *BindFailure) Error() string { return e.Message }

// Vault answers SQL that the gate printed, over the approved tables of one
// workspace. It runs nothing else.
type Vault interface {
	// Query streams the answer. Closing the reader or cancelling ctx interrupts
	// the engine. A failure in the engine is opaque: an *EngineFailure.
	Query(ctx context.Context, sql string) (array.RecordReader, error)
	// Exec runs statements that give no rows (the gate's CREATE TABLE and DROP in
	// the workspace's scratch schema).
	Exec(ctx context.Context, sql ...string) error
}

// Lobby finishes a query over protected tables in a fresh in-memory database
// that holds nothing else.
type Lobby interface {
	// Run loads tables (by name) and streams the answer of sql.
	Run(ctx context.Context, tables map[string]arrow.RecordBatch, sql string) (array.RecordReader, error)
}

// FailureKind says what became of an engine's work, and nothing of the data.
type FailureKind string

// The kinds of engine failures.
const (
	FailureArithmetic FailureKind = "arithmetic" // overflow, division, conversion
	FailureMemory     FailureKind = "memory"
	FailureTime       FailureKind = "time"
	FailureCancelled  FailureKind = "cancelled"
	FailureLost       FailureKind = "lost"    // the process died
	FailureMissing    FailureKind = "missing" // the process could not be started
	FailureOther      FailureKind = "other"
)

// EngineFailure is a failure in an engine. Cause is for the operator's log.
type EngineFailure struct {
	Kind  FailureKind
	Cause string // may hold data values: never rendered to a researcher
}

func (e *EngineFailure) Error() string { return "engine: " + string(e.Kind) }
