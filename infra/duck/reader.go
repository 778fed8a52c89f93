//go:build duckdb_arrow

package duck

import (
	"context"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// reader is DuckDB's Arrow reader with its errors classed and its connection
// closed at the end.
type reader struct {
	ctx   context.Context
	in    array.RecordReader
	then  func()
	count atomic.Int64
}

func newReader(ctx context.Context, in array.RecordReader, then func()) *reader {
	r := &reader{ctx: ctx, in: in, then: then}
	r.count.Store(1)
	return r
}

func (r *reader) Schema() *arrow.Schema          { return r.in.Schema() }
func (r *reader) Next() bool                     { return r.in.Next() }
func (r *reader) RecordBatch() arrow.RecordBatch { return r.in.RecordBatch() }
func (r *reader) Record() arrow.RecordBatch      { return r.in.RecordBatch() }
func (r *reader) Err() error                     { return failure(r.ctx, r.in.Err()) }
func (r *reader) Retain()                        { r.count.Add(1) }

func (r *reader) Release() {
	if r.count.Add(-1) == 0 {
		r.in.Release()
		r.then()
	}
}
