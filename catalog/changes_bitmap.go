package catalog

import (
	"github.com/RoaringBitmap/roaring/v2"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// bitmapRows streams units as rows.
type bitmapRows struct {
	it    roaring.ManyIntIterable
	buf   []uint32
	batch arrow.RecordBatch
}

var memberSchema = arrow.NewSchema([]arrow.Field{{Name: UnitColumn, Type: arrow.PrimitiveTypes.Uint32}}, nil)

func (b *bitmapRows) Schema() *arrow.Schema          { return memberSchema }
func (b *bitmapRows) RecordBatch() arrow.RecordBatch { return b.batch }
func (b *bitmapRows) Record() arrow.RecordBatch      { return b.batch }
func (b *bitmapRows) Err() error                     { return nil }
func (b *bitmapRows) Retain()                        {}
func (b *bitmapRows) Release()                       {}

func (b *bitmapRows) Next() bool {
	if b.buf == nil {
		b.buf = make([]uint32, batchRows)
	}
	n := b.it.NextMany(b.buf)
	if n == 0 {
		return false
	}
	builder := array.NewRecordBuilder(memory.DefaultAllocator, memberSchema)
	defer builder.Release()
	builder.Field(0).(*array.Uint32Builder).AppendValues(b.buf[:n], nil)
	b.batch = builder.NewRecordBatch()
	return true
}
