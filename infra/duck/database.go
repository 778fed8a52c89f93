//go:build duckdb_arrow

package duck

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/duckdb/duckdb-go/v2"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
)

// Database is the database of a vault or a publish worker: in memory, reading
// Parquet (and, to publish, extracts) from the folders it was given. Each call
// has a connection of its own, so nothing of one user's session meets another's.
type Database struct {
	limits      Limits
	read, write []string

	mu sync.Mutex // guards db, which is set once, by Open
	db *duckdb.Connector
}

// NewDatabase makes a database that may open files below the folders, once it is opened.
func NewDatabase(limits Limits, read, write []string) *Database {
	return &Database{limits: limits, read: read, write: write}
}

var (
	errNotOpen    = &egress.EngineFailure{Kind: egress.FailureOther, Cause: "duck: the database is not open yet"}
	errOpenBefore = &egress.EngineFailure{Kind: egress.FailureOther, Cause: "duck: the database is open already"}
)

// Open runs statements, which make views and attachments, then locks the settings.
func (d *Database) Open(ctx context.Context, statements []string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.db != nil {
		return errOpenBefore
	}
	// allowed_directories means reading and writing; that a folder is read-only is
	// the sandbox's work.
	var folders []string
	for _, dir := range append(append([]string(nil), d.read...), d.write...) {
		folders = append(folders, literal(strings.TrimSuffix(dir, "/")+"/"))
	}
	db, err := memory(ctx, d.limits.settings(),
		[]string{"SET parquet_metadata_cache=true"},
		statements,
		[]string{
			"SET allowed_directories=[" + strings.Join(folders, ", ") + "]",
			"SET enable_external_access=false",
			"SET lock_configuration=true",
		})
	if err != nil {
		return failure(ctx, err)
	}
	d.db = db
	return nil
}

func (d *Database) opened() (*duckdb.Connector, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.db == nil {
		return nil, errNotOpen
	}
	return d.db, nil
}

// Query streams the answer of sql. Ending ctx interrupts it.
func (d *Database) Query(ctx context.Context, sql string) (array.RecordReader, error) {
	db, err := d.opened()
	if err != nil {
		return nil, err
	}
	c, err := connect(ctx, db)
	if err != nil {
		return nil, failure(ctx, err)
	}
	rows, err := queryRows(ctx, c, sql, func() { c.Close() })
	if err != nil {
		c.Close()
		return nil, err
	}
	return rows, nil
}

// Exec runs statements in order on one connection, up to the first that fails.
func (d *Database) Exec(ctx context.Context, statements ...string) error {
	db, err := d.opened()
	if err != nil {
		return err
	}
	return failure(ctx, withConn(ctx, db, func(c *duckdb.Conn) error { return execAll(ctx, c, statements) }))
}

// Load makes a table of rows.
func (d *Database) Load(ctx context.Context, table string, rows array.RecordReader) error {
	db, err := d.opened()
	if err != nil {
		return err
	}
	if table == "" {
		return failure(ctx, errors.New("duck: a table needs a name"))
	}
	return failure(ctx, withConn(ctx, db, func(c *duckdb.Conn) error { return load(ctx, c, table, rows) }))
}

// Copy runs a statement that reads rows, once, as the table $rows.
func (d *Database) Copy(ctx context.Context, sql string, rows array.RecordReader) error {
	db, err := d.opened()
	if err != nil {
		return err
	}
	return failure(ctx, withConn(ctx, db, func(c *duckdb.Conn) error {
		return incoming(ctx, c, rows, func(view string) error {
			_, err := c.ExecContext(ctx, strings.ReplaceAll(sql, "$rows", view), nil)
			return errors.Join(err, rows.Err())
		})
	}))
}

// Close closes the database, which writes what an attached file still lacks.
func (d *Database) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.db == nil {
		return nil
	}
	return d.db.Close()
}

// load makes a table of rows, or none if they end early. It goes through a view,
// since a view over Arrow rows can be read only once.
func load(ctx context.Context, c *duckdb.Conn, table string, rows array.RecordReader) error {
	return incoming(ctx, c, rows, func(view string) error {
		_, err := c.ExecContext(ctx, "CREATE TABLE "+identifier(table)+" AS FROM "+view, nil)
		if err == nil && rows.Err() != nil {
			err = errors.Join(rows.Err(), execAll(ctx, c, []string{"DROP TABLE " + identifier(table)}))
		}
		return err
	})
}

// incoming shows rows as a view for as long as do runs.
func incoming(ctx context.Context, c *duckdb.Conn, rows array.RecordReader, do func(view string) error) error {
	a, err := duckdb.NewArrowFromConn(c)
	if err != nil {
		return err
	}
	view := gatehouse.NewID("incoming") // tables may be loaded side by side
	release, err := a.RegisterView(rows, view)
	if err != nil {
		return err
	}
	defer release()
	return errors.Join(do(view), execAll(ctx, c, []string{"DROP VIEW " + view}))
}
