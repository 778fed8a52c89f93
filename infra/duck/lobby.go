//go:build duckdb_arrow

package duck

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/duckdb/duckdb-go/v2"
)

// Lobby finishes queries over protected tables, each in a database of its own.
type Lobby struct{ spares *spares }

// NewLobby makes a lobby.
func NewLobby(limits Limits) *Lobby {
	return &Lobby{spares: newSpares(4, limits.settings(), closed)}
}

// Close closes the databases that no query used.
func (l *Lobby) Close() error {
	l.spares.close()
	return nil
}

// Run loads tables into a fresh database and streams the answer of sql.
func (l *Lobby) Run(ctx context.Context, tables map[string]arrow.RecordBatch, sql string) (array.RecordReader, error) {
	db, err := l.spares.take(ctx)
	if err != nil {
		return nil, failure(ctx, err)
	}
	c, err := connect(ctx, db)
	if err != nil {
		db.Close()
		return nil, failure(ctx, err)
	}
	done := func() {
		go func() { // to close a database takes its time, and nobody waits for it
			c.Close()
			db.Close()
			l.spares.refill()
		}()
	}
	rows, err := runIn(ctx, c, tables, sql, done)
	if err != nil {
		done()
		return nil, failure(ctx, err)
	}
	return rows, nil
}

func runIn(ctx context.Context, c *duckdb.Conn, tables map[string]arrow.RecordBatch, sql string, done func()) (array.RecordReader, error) {
	for name, table := range tables {
		rows, err := array.NewRecordReader(table.Schema(), []arrow.RecordBatch{table})
		if err != nil {
			return nil, err
		}
		err = load(ctx, c, name, rows)
		rows.Release()
		if err != nil {
			return nil, err
		}
	}
	return queryRows(ctx, c, sql, done)
}
