package state

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"

	"modernc.org/sqlite"
)

// Preparing a statement costs more than running most of ours. Each connection
// keeps those that it has prepared.

// maxPrepared bounds the statements that one connection keeps.
const maxPrepared = 256

// openPrepared opens a database whose connections keep their statements.
func openPrepared(dsn string) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(preparing{connector}), nil
}

type preparing struct{ driver.Connector }

func (p preparing) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := p.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	inner, ok := conn.(sqliteConn)
	if !ok {
		return nil, errors.Join(errors.New("state: the driver's connections are not what they were"), conn.Close())
	}
	return &preparedConn{sqliteConn: inner, kept: map[string]*keptStatement{}}, nil
}

// sqliteConn is what database/sql uses of the driver's connections.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// preparedConn is used by one goroutine at a time, as all connections are.
type preparedConn struct {
	sqliteConn
	kept map[string]*keptStatement
}

type keptStatement struct {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
	busy bool // rows of it are open
}

// statement gives the kept statement of a query, or nil for those that are not
// kept: of several statements, one that is in use, and any beyond the bound.
func (c *preparedConn) statement(ctx context.Context, query string) *keptStatement {
	if k := c.kept[query]; k != nil {
		if k.busy {
			return nil
		}
		return k
	}
	if len(c.kept) >= maxPrepared || strings.Contains(query, ";") {
		return nil
	}
	s, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil // running it says what is wrong
	}
	exec, isExec := s.(driver.StmtExecContext)
	asks, isQuery := s.(driver.StmtQueryContext)
	if !isExec || !isQuery {
		s.Close()
		return nil
	}
	k := &keptStatement{Stmt: s, StmtExecContext: exec, StmtQueryContext: asks}
	c.kept[query] = k
	return k
}

func (c *preparedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if k := c.statement(ctx, query); k != nil {
		return k.ExecContext(ctx, args)
	}
	return c.sqliteConn.ExecContext(ctx, query, args)
}

func (c *preparedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	k := c.statement(ctx, query)
	if k == nil {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	rows, err := k.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	k.busy = true
	return &keptRows{rows, k}, nil
}

func (c *preparedConn) Close() error {
	var errs []error
	for _, k := range c.kept {
		errs = append(errs, k.Stmt.Close())
	}
	return errors.Join(append(errs, c.sqliteConn.Close())...)
}

// keptRows gives its statement back when it is closed.
type keptRows struct {
	driver.Rows
	of *keptStatement
}

func (r *keptRows) Close() error {
	err := r.Rows.Close()
	r.of.busy = false
	return err
}
