package flight

import (
	"errors"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gatehouse-tre/gatehouse"
)

const (
	// targetBytes is the size of a batch on the wire. An engine's batches have
	// 2,048 rows; at this size a stream is two to three times as fast.
	targetBytes = 1 << 20
	// largestRow bounds a batch that cannot be cut: clients refuse messages of
	// more than 16 MiB.
	largestRow = 15 << 20
)

// rechunker gives an engine's batches in sizes fit for the wire, in order.
type rechunker struct {
	reader array.RecordReader
	small  []arrow.RecordBatch // to be joined
	bytes  int64               // of small
	cut    []arrow.RecordBatch // ready to go
	atEnd  bool
}

func newRechunker(reader array.RecordReader) *rechunker { return &rechunker{reader: reader} }

// next gives a batch that the caller releases, io.EOF at the end.
func (c *rechunker) next() (arrow.RecordBatch, error) {
	for len(c.cut) == 0 {
		if c.atEnd {
			return nil, io.EOF
		}
		if !c.reader.Next() {
			if err := c.reader.Err(); err != nil && !errors.Is(err, io.EOF) {
				return nil, err
			}
			c.atEnd = true
			c.join()
			continue
		}
		batch := c.reader.RecordBatch()
		if batch == nil || batch.NumRows() == 0 {
			continue
		}
		bytes := batchBytes(batch)
		if c.bytes+bytes > targetBytes {
			c.join()
		}
		if bytes <= targetBytes {
			batch.Retain()
			c.small = append(c.small, batch)
			c.bytes += bytes
			continue
		}
		if err := c.split(batch, bytes); err != nil {
			return nil, err
		}
	}
	batch := c.cut[0]
	c.cut = c.cut[1:]
	return batch, nil
}

// join makes one batch of the small ones.
func (c *rechunker) join() {
	small := c.small
	c.small, c.bytes = nil, 0
	if len(small) < 2 {
		c.cut = append(c.cut, small...)
		return
	}
	whole, err := joined(small)
	if err != nil { // types that cannot be joined go as they are
		c.cut = append(c.cut, small...)
		return
	}
	for _, batch := range small {
		batch.Release()
	}
	c.cut = append(c.cut, whole)
}

func joined(batches []arrow.RecordBatch) (arrow.RecordBatch, error) {
	first := batches[0]
	columns := make([]arrow.Array, first.NumCols())
	defer func() {
		for _, column := range columns {
			if column != nil {
				column.Release()
			}
		}
	}()
	var rows int64
	for _, batch := range batches {
		rows += batch.NumRows()
	}
	pieces := make([]arrow.Array, len(batches))
	for i := range columns {
		for j, batch := range batches {
			pieces[j] = batch.Column(i)
		}
		var err error
		if columns[i], err = array.Concatenate(pieces, memory.DefaultAllocator); err != nil {
			return nil, err
		}
	}
	return array.NewRecordBatch(first.Schema(), columns, rows), nil
}

// split cuts a large batch into pieces of at most targetBytes, or single rows.
func (c *rechunker) split(batch arrow.RecordBatch, bytes int64) error {
	rows := batch.NumRows()
	if bytes <= targetBytes || rows == 1 {
		if bytes > largestRow {
			return gatehouse.Errorf(gatehouse.CodeTooLarge, "One row of the result is too large to send.")
		}
		batch.Retain()
		c.cut = append(c.cut, batch)
		return nil
	}
	// Near-equal rows need as many pieces as the size says; uneven ones are cut again.
	pieces := min((bytes+targetBytes-1)/targetBytes, rows)
	step := (rows + pieces - 1) / pieces
	for from := int64(0); from < rows; from += step {
		piece := batch.NewSlice(from, min(from+step, rows))
		err := c.split(piece, batchBytes(piece))
		piece.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *rechunker) release() {
	for _, batch := range append(c.small, c.cut...) {
		batch.Release()
	}
	c.small, c.cut, c.atEnd = nil, nil, true
	c.reader.Release()
}

// batchBytes is about the size of a batch on the wire. Unlike the size of its
// buffers it is right for slices.
func batchBytes(batch arrow.RecordBatch) int64 {
	var n int64
	for _, column := range batch.Columns() {
		n += dataBytes(column.Data(), column.Data().Offset(), column.Len())
	}
	return n
}

// dataBytes is the size of length values from offset on.
func dataBytes(data arrow.ArrayData, offset, length int) int64 {
	if length == 0 {
		return 0
	}
	n := bitutil.BytesForBits(int64(length)) // validity
	buffers := data.Buffers()
	switch t := data.DataType().(type) {
	case *arrow.NullType:
		return 0
	case arrow.ExtensionType:
		storage := array.NewData(t.StorageType(), data.Len(), buffers, data.Children(), data.NullN(), data.Offset())
		defer storage.Release()
		return dataBytes(storage, offset, length)
	case *arrow.DictionaryType:
		n += int64(length) * int64(t.IndexType.(arrow.FixedWidthDataType).Bytes())
		dictionary := data.Dictionary()
		return n + dataBytes(dictionary, dictionary.Offset(), dictionary.Len())
	case *arrow.StringType, *arrow.BinaryType, *arrow.ListType, *arrow.MapType:
		offsets := arrow.Int32Traits.CastFromBytes(buffers[1].Bytes())
		from, to := int(offsets[offset]), int(offsets[offset+length])
		return n + 4*int64(length) + behind(data, from, to)
	case *arrow.LargeStringType, *arrow.LargeBinaryType, *arrow.LargeListType:
		offsets := arrow.Int64Traits.CastFromBytes(buffers[1].Bytes())
		from, to := int(offsets[offset]), int(offsets[offset+length])
		return n + 8*int64(length) + behind(data, from, to)
	case *arrow.StructType:
		for _, child := range data.Children() {
			n += dataBytes(child, child.Offset()+offset, length)
		}
		return n
	case *arrow.FixedSizeListType:
		child, width := data.Children()[0], int(t.Len())
		return n + dataBytes(child, child.Offset()+offset*width, length*width)
	case arrow.FixedWidthDataType:
		return n + bitutil.BytesForBits(int64(length)*int64(t.BitWidth()))
	}
	// Views, unions, run ends: an engine of ours gives none; count them whole.
	for _, buffer := range buffers {
		if buffer != nil {
			n += int64(buffer.Len())
		}
	}
	for _, child := range data.Children() {
		n += dataBytes(child, child.Offset(), child.Len())
	}
	return n
}

// behind is the size of what offsets point to: bytes, or the values of a list.
func behind(data arrow.ArrayData, from, to int) int64 {
	if children := data.Children(); len(children) == 1 {
		return dataBytes(children[0], children[0].Offset()+from, to-from)
	}
	return int64(to - from)
}
