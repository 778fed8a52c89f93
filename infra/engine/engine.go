// Package engine is the control plane's client of the sandboxed DuckDB worker
// processes, and the server that runs inside one. It links no DuckDB: the
// worker's main wires infra/duck behind Serve.
//
// Control plane and worker speak HTTP/1.1 over a unix socket that the parent
// makes and the worker inherits, so that a worker needs no path, no network and
// no credentials. Rows travel as Arrow IPC streams. A worker has one role, and
// offers the operations of that role and no others.
package engine

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gatehouse-tre/gatehouse/egress"
)

// Role is what a worker may do.
type Role string

// The roles.
const (
	RoleVault   Role = "vault"   // approved tables of one workspace, read-only, and its scratch tables
	RoleBinder  Role = "binder"  // empty tables: parses and binds, runs nothing
	RoleLobby   Role = "lobby"   // protected tables, a fresh database for each query
	RolePublish Role = "publish" // extracts in, Parquet out, for the length of one publication
)

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool {
	return r == RoleVault || r == RoleBinder || r == RoleLobby || r == RolePublish
}

// Database is the work of a vault or a publish worker. It must be safe for
// concurrent use. Errors that tell more than "other" are *egress.EngineFailure.
type Database interface {
	egress.Vault
	// Open runs statements (views, attachments) and then locks the settings for
	// good. It is called once, before anything else.
	Open(ctx context.Context, statements []string) error
	// Load makes a table from an Arrow stream.
	Load(ctx context.Context, table string, rows array.RecordReader) error
	// Copy runs a statement that reads an Arrow stream, once, as the table $rows.
	Copy(ctx context.Context, sql string, rows array.RecordReader) error
}

// Executor does the work behind Serve. Only the field of the role is used.
type Executor struct {
	Database Database      // vault, publish
	Binder   egress.Binder // binder
	Lobby    egress.Lobby  // lobby
}
