//go:build duckdb_arrow

// Package duck runs DuckDB inside a worker process, one type for each role of
// infra/engine. Its settings are a second wall: the first is the process's
// sandbox, which stands before any of this runs.
//
// It is built with the tag duckdb_arrow.
package duck

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/duckdb/duckdb-go/v2"

	"github.com/gatehouse-tre/gatehouse/egress"
)

// Limits are what one worker may use.
type Limits struct {
	Threads  int // of DuckDB
	MemoryMB int // DuckDB's own limit; it is soft, the sandbox's is hard
}

// settings are for every database of every role, before anything else runs.
func (l Limits) settings() []string {
	return []string{
		fmt.Sprintf("SET threads=%d", max(l.Threads, 1)),
		fmt.Sprintf("SET memory_limit='%dMB'", max(l.MemoryMB, 64)),
		"SET temp_directory=''",
		"SET autoinstall_known_extensions=false",
		"SET autoload_known_extensions=false",
		"SET allow_community_extensions=false",
		"SET allow_unsigned_extensions=false",
		"SET TimeZone='UTC'",
	}
}

// closed are the settings that close a database without files.
var closed = []string{
	"SET enable_external_access=false",
	"SET disabled_filesystems='LocalFileSystem'",
	"SET lock_configuration=true",
}

// memory makes an in-memory database and runs statements on it.
func memory(ctx context.Context, statements ...[]string) (*duckdb.Connector, error) {
	db, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, err
	}
	err = withConn(ctx, db, func(c *duckdb.Conn) error {
		for _, group := range statements {
			if err := execAll(ctx, c, group); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

func connect(ctx context.Context, db *duckdb.Connector) (*duckdb.Conn, error) {
	c, err := db.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return c.(*duckdb.Conn), nil
}

// withConn gives f a connection of its own.
func withConn(ctx context.Context, db *duckdb.Connector, f func(*duckdb.Conn) error) error {
	c, err := connect(ctx, db)
	if err != nil {
		return err
	}
	defer c.Close()
	return f(c)
}

func execAll(ctx context.Context, c *duckdb.Conn, statements []string) error {
	for _, s := range statements {
		if _, err := c.ExecContext(ctx, s, nil); err != nil {
			return err
		}
	}
	return nil
}

// queryRows runs sql on c; the reader owns c, and calls then when it is released.
func queryRows(ctx context.Context, c *duckdb.Conn, sql string, then func()) (array.RecordReader, error) {
	a, err := duckdb.NewArrowFromConn(c)
	if err != nil {
		return nil, err
	}
	in, err := a.QueryContext(ctx, sql)
	if err != nil {
		return nil, failure(ctx, err)
	}
	return newReader(ctx, in, then), nil
}

// texts runs a statement that takes texts and gives one row of as many texts.
func texts(ctx context.Context, stmt driver.Stmt, arguments ...string) ([]string, error) {
	in := make([]driver.NamedValue, len(arguments))
	for i, a := range arguments {
		in[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	rows, err := stmt.(driver.StmtQueryContext).QueryContext(ctx, in)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	values := make([]driver.Value, len(arguments))
	if err := rows.Next(values); err != nil {
		return nil, err
	}
	out := make([]string, len(values))
	for i, v := range values {
		var ok bool
		if out[i], ok = v.(string); !ok {
			return nil, errors.New("duck: not a text")
		}
	}
	return out, nil
}

// failure classes an error by DuckDB's own type of it.
func failure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if known := (*egress.EngineFailure)(nil); errors.As(err, &known) {
		return err
	}
	kind := egress.FailureOther
	of := (*duckdb.Error)(nil)
	switch {
	case ctx.Err() != nil:
		kind = egress.FailureCancelled
	case errors.As(err, &of):
		kind = kindOf(of.Type)
	}
	return &egress.EngineFailure{Kind: kind, Cause: err.Error()}
}

func kindOf(t duckdb.ErrorType) egress.FailureKind {
	switch t {
	case duckdb.ErrorTypeOutOfRange, duckdb.ErrorTypeConversion, duckdb.ErrorTypeDecimal, duckdb.ErrorTypeMismatchType,
		duckdb.ErrorTypeDivideByZero, duckdb.ErrorTypeInvalidInput:
		return egress.FailureArithmetic
	case duckdb.ErrorTypeOutOfMemory, duckdb.ErrorTypeObjectSize:
		return egress.FailureMemory
	case duckdb.ErrorTypeInterrupt:
		return egress.FailureCancelled
	}
	return egress.FailureOther
}

// identifier quotes a name.
func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literal quotes a text.
func literal(text string) string { return `'` + strings.ReplaceAll(text, `'`, `''`) + `'` }
