package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sort"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
)

// Vault is a worker with RoleVault. Errors are *egress.EngineFailure. It is
// safe for concurrent use; each query has its own connection.
type Vault struct{ *Process }

// Publish is a worker with RolePublish. Errors are *egress.EngineFailure. Calls
// share the in-memory database and nothing else: a temporary table, variable or
// transaction lives for one call of Exec.
type Publish struct{ *Process }

// Binder is a worker with RoleBinder.
type Binder struct{ *Process }

// Lobby is a worker with RoleLobby.
type Lobby struct{ *Process }

var (
	_ egress.Vault  = Vault{}
	_ egress.Vault  = Publish{}
	_ egress.Binder = Binder{}
	_ egress.Lobby  = Lobby{}
)

// Open runs statements that make views and attachments, then locks the engine's
// settings for good. It must be the first call, and comes once.
func (v Vault) Open(ctx context.Context, statements ...string) error {
	return v.open(ctx, statements)
}

// Query streams the answer of sql. Releasing the reader early, or ending ctx,
// interrupts the engine; ctx must live as long as the reader is read.
func (v Vault) Query(ctx context.Context, sql string) (array.RecordReader, error) {
	return v.query(ctx, sql)
}

// Exec runs statements in order on one connection, up to the first that fails.
func (v Vault) Exec(ctx context.Context, statements ...string) error {
	return v.exec(ctx, statements)
}

// Open is Vault.Open; statements may also set temp_directory to a read-write folder.
func (p Publish) Open(ctx context.Context, statements ...string) error {
	return p.open(ctx, statements)
}

// Query is Vault.Query.
func (p Publish) Query(ctx context.Context, sql string) (array.RecordReader, error) {
	return p.query(ctx, sql)
}

// Exec is Vault.Exec.
func (p Publish) Exec(ctx context.Context, statements ...string) error {
	return p.exec(ctx, statements)
}

// Load makes a new table of rows, which it reads to their end but does not
// release. When it fails, whosever fault it is, there is no table.
func (p Publish) Load(ctx context.Context, table string, rows array.RecordReader) error {
	return p.send(ctx, pathLoad+"?table="+url.QueryEscape(table), rows)
}

// Copy runs a statement that reads rows, once, as the table $rows. When it fails,
// what it wrote is of no use.
func (p Publish) Copy(ctx context.Context, sql string, rows array.RecordReader) error {
	return p.send(ctx, pathCopy+"?sql="+url.QueryEscape(sql), rows)
}

func (p Publish) send(ctx context.Context, path string, rows array.RecordReader) error {
	body, in := io.Pipe()
	source := make(chan error, 1) // why rows ended early, if they did
	go func() {
		w := ipc.NewWriter(in, ipc.WithSchema(rows.Schema()))
		var err error
		for err == nil && rows.Next() {
			err = writeBatch(w, rows.RecordBatch())
		}
		source <- rows.Err()
		if err = errors.Join(err, rows.Err()); err == nil {
			err = w.Close()
		}
		in.CloseWithError(err)
	}()
	resp, err := p.client.do(ctx, http.MethodPost, path, arrowStream, body)
	body.CloseWithError(io.ErrClosedPipe)
	if early := <-source; early != nil {
		err = &egress.EngineFailure{Kind: egress.FailureOther, Cause: early.Error()}
	}
	if err != nil {
		return p.explain(err)
	}
	return resp.Body.Close()
}

// Bind implements egress.Binder.
func (b Binder) Bind(ctx context.Context, ddl []string, sql string) (*egress.Bound, error) {
	var out bindAnswer
	if err := b.client.call(ctx, pathBind, bindRequest{DDL: ddl, SQL: sql}, &out); err != nil {
		return nil, b.explain(err)
	}
	if out.Failure != nil {
		return nil, out.Failure
	}
	if out.Bound == nil {
		return nil, &egress.EngineFailure{Kind: egress.FailureOther, Cause: "engine: an empty answer to bind"}
	}
	return out.Bound, nil
}

// Run implements egress.Lobby.
func (l Lobby) Run(ctx context.Context, tables map[string]arrow.RecordBatch, sql string) (array.RecordReader, error) {
	body, err := runBody(tables, sql)
	if err != nil {
		return nil, &egress.EngineFailure{Kind: egress.FailureOther, Cause: err.Error()}
	}
	resp, err := l.client.do(ctx, http.MethodPost, pathRun, "application/octet-stream", body)
	if err != nil {
		return nil, l.explain(err)
	}
	return newRows(ctx, resp, l.explain)
}

func runBody(tables map[string]arrow.RecordBatch, sql string) (*bytes.Buffer, error) {
	header := runHeader{SQL: sql, Tables: make([]string, 0, len(tables))}
	for name := range tables {
		header.Tables = append(header.Tables, name)
	}
	sort.Strings(header.Tables)
	b, err := json.Marshal(header)
	if err != nil {
		return nil, err
	}
	body := new(bytes.Buffer)
	if err := writeFrame(body, b); err != nil {
		return nil, err
	}
	for _, name := range header.Tables {
		var table bytes.Buffer
		w := ipc.NewWriter(&table, ipc.WithSchema(tables[name].Schema()))
		if err := writeBatch(w, tables[name]); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		if err := writeFrame(body, table.Bytes()); err != nil {
			return nil, err
		}
	}
	return body, nil
}

func (p *Process) open(ctx context.Context, statements []string) error {
	return p.explain(p.client.call(ctx, pathOpen, openRequest{Statements: statements}, &struct{}{}))
}

// exec returns when the worker has ended the statements, also when ctx ends before:
// what a caller does next, such as to drop what they made, comes after them.
func (p *Process) exec(ctx context.Context, statements []string) error {
	if err := ctx.Err(); err != nil {
		return p.explain(timed(ctx, err))
	}
	id := gatehouse.NewID("exec")
	work, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	ended := make(chan error, 1)
	go func() {
		ended <- p.client.call(work, pathExec, execRequest{ID: id, Statements: statements}, &struct{}{})
	}()
	select {
	case err := <-ended:
		return p.explain(err)
	case <-ctx.Done():
	}
	// A worker that does not stop is left to its own end (stuckTime).
	patience := time.AfterFunc(stuckTime, abandon)
	defer patience.Stop()
	again := time.NewTicker(stopEvery)
	defer again.Stop()
	for {
		// The statements may not have come to the worker yet: it is told again.
		_ = p.client.call(work, pathStop, stopRequest{ID: id}, &struct{}{})
		select {
		case err := <-ended:
			if err == nil {
				err = errors.New("engine: stopped when it was done")
			}
			return p.explain(timed(ctx, err))
		case <-again.C:
		}
	}
}

// stopEvery is how often a worker is told to stop statements.
const stopEvery = 10 * time.Millisecond

func (p *Process) query(ctx context.Context, sql string) (array.RecordReader, error) {
	b, err := json.Marshal(queryRequest{SQL: sql})
	if err != nil {
		return nil, &egress.EngineFailure{Kind: egress.FailureOther, Cause: err.Error()}
	}
	resp, err := p.client.do(ctx, http.MethodPost, pathQuery, "application/json", bytes.NewReader(b))
	if err != nil {
		return nil, p.explain(err)
	}
	return newRows(ctx, resp, p.explain)
}
