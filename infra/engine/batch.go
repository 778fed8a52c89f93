package engine

import (
	"bufio"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// writeRows writes rows to w as an Arrow IPC stream in batches of about
// batchBytes. flush is called after the schema and after each batch.
func writeRows(w io.Writer, rows array.RecordReader, flush func()) error {
	buffered := bufio.NewWriterSize(w, 64<<10)
	out := ipc.NewWriter(buffered, ipc.WithSchema(rows.Schema()))
	var held []arrow.RecordBatch
	var size int64
	release := func() {
		for _, b := range held {
			b.Release()
		}
		held, size = held[:0], 0
	}
	defer release()
	send := func() error {
		if len(held) == 0 {
			return nil
		}
		batch, err := joined(rows.Schema(), held)
		if err != nil {
			return err
		}
		defer batch.Release()
		if err := writeBatch(out, batch); err != nil {
			return err
		}
		release()
		if err := buffered.Flush(); err != nil {
			return err
		}
		flush()
		return nil
	}
	for rows.Next() {
		batch := rows.RecordBatch()
		if batch.NumRows() == 0 {
			continue
		}
		batch.Retain()
		held = append(held, batch)
		if size += sizeOf(batch); size >= batchBytes {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if err := send(); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return buffered.Flush()
}

// joined makes one batch of several; the caller releases it.
func joined(schema *arrow.Schema, batches []arrow.RecordBatch) (arrow.RecordBatch, error) {
	if len(batches) == 1 {
		batches[0].Retain()
		return batches[0], nil
	}
	var rows int64
	for _, b := range batches {
		rows += b.NumRows()
	}
	columns := make([]arrow.Array, 0, schema.NumFields())
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for i := range schema.NumFields() {
		parts := make([]arrow.Array, len(batches))
		for j, b := range batches {
			parts[j] = b.Column(i)
		}
		whole, err := array.Concatenate(parts, memory.DefaultAllocator)
		if err != nil {
			return nil, err
		}
		columns = append(columns, whole)
	}
	return array.NewRecordBatch(schema, columns, rows), nil
}

// writeBatch writes a batch in pieces that the other side accepts.
func writeBatch(w *ipc.Writer, batch arrow.RecordBatch) error {
	pieces := sizeOf(batch)/(maxBody/4) + 1
	step := max(batch.NumRows()/pieces, 1)
	for from := int64(0); from < batch.NumRows(); from += step {
		piece := batch.NewSlice(from, min(from+step, batch.NumRows()))
		err := w.Write(piece)
		piece.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func sizeOf(batch arrow.RecordBatch) (bytes int64) {
	for _, column := range batch.Columns() {
		bytes += int64(column.Data().SizeInBytes())
	}
	return bytes
}
