package flight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
)

// answer is a decided answer on its way to the principal who asked. As much of
// it as the principal has room for stands ready in memory, so that the engine
// is free again; the rest is still in the engine.
type answer struct {
	connection *connection
	schema     *arrow.Schema
	ready      []arrow.RecordBatch
	bytes      int64      // of ready
	rest       *rechunker // nil when all of it is ready
	work       context.Context
	stop       context.CancelCauseFunc // interrupts the engine and the fetching
	until      time.Time               // to be fetched before; guarded by holdings.mu
	fetching   bool                    // guarded by holdings.mu
	once       sync.Once
}

var errDropped = errors.New("the answer was let go")

// collect takes what fits into room out of the gate's answer. Like the gate's
// reader, what it gives must be closed; when it fails, it has closed it.
func collect(work context.Context, stop context.CancelCauseFunc, from *egress.Answer, room int64) (_ *answer, err error) {
	a := &answer{work: work, stop: stop}
	if from.Reader != nil {
		a.rest = newRechunker(from.Reader)
	}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	if a.schema, err = labelled(from); err != nil {
		return nil, err
	}
	for a.rest != nil && a.bytes < room {
		batch, err := a.rest.next()
		if errors.Is(err, io.EOF) {
			a.rest.release()
			a.rest = nil
			break
		}
		if err != nil {
			return nil, err
		}
		a.ready = append(a.ready, batch)
		a.bytes += batchBytes(batch)
	}
	return a, nil
}

// labelled gives the answer's schema, with the disclosure record in it.
func labelled(from *egress.Answer) (*arrow.Schema, error) {
	schema := from.Schema
	if schema == nil {
		if from.Reader != nil {
			return nil, errors.New("the gate's answer has rows and no schema")
		}
		schema = arrow.NewSchema(nil, nil) // a table was made or dropped
	}
	metadata := schema.Metadata()
	if metadata.FindKey(egress.DisclosureKey) >= 0 {
		return schema, nil
	}
	record, err := json.Marshal(from.Disclosure)
	if err != nil {
		return nil, err
	}
	labels := arrow.NewMetadata(
		append(slices.Clone(metadata.Keys()), egress.DisclosureKey),
		append(slices.Clone(metadata.Values()), string(record)))
	return arrow.NewSchema(schema.Fields(), &labels), nil
}

// next gives the next batch, io.EOF at the end. The caller releases the batch.
func (a *answer) next() (arrow.RecordBatch, error) {
	if a.work.Err() != nil {
		return nil, a.interrupted()
	}
	var batch arrow.RecordBatch
	if len(a.ready) > 0 {
		batch, a.ready = a.ready[0], a.ready[1:]
	} else if a.rest != nil {
		var err error
		if batch, err = a.rest.next(); err != nil {
			if a.work.Err() != nil && !errors.Is(err, io.EOF) {
				return nil, a.interrupted()
			}
			return nil, err
		}
	} else {
		return nil, io.EOF
	}
	defer batch.Release()
	return relabelled(batch, a.schema)
}

func (a *answer) interrupted() error {
	if errors.Is(context.Cause(a.work), context.DeadlineExceeded) {
		return gatehouse.Errorf(gatehouse.CodeTimeLimit, "Fetching the answer took too long.")
	}
	return gatehouse.Errorf(gatehouse.CodeCancelled, "The question was cancelled.").Because(context.Cause(a.work))
}

// relabelled is the batch under the schema that was announced. What the engine
// gave must be of just these types.
func relabelled(batch arrow.RecordBatch, schema *arrow.Schema) (arrow.RecordBatch, error) {
	if int(batch.NumCols()) != schema.NumFields() {
		return nil, fmt.Errorf("a batch of %d columns in an answer of %d", batch.NumCols(), schema.NumFields())
	}
	for i, column := range batch.Columns() {
		if !arrow.TypeEqual(column.DataType(), schema.Field(i).Type) {
			return nil, fmt.Errorf("column %d is %s in a batch and %s in the answer", i, column.DataType(), schema.Field(i).Type)
		}
	}
	return array.NewRecordBatch(schema, batch.Columns(), batch.NumRows()), nil
}

// close lets go of the batches and interrupts the engine if it still works.
// While the answer is fetched only the fetcher calls it; others call stop.
func (a *answer) close() {
	a.once.Do(func() {
		a.stop(errDropped)
		for _, batch := range a.ready {
			batch.Release()
		}
		a.ready = nil
		if a.rest != nil {
			a.rest.release()
			a.rest = nil
		}
	})
}

func closeAll(answers []*answer) {
	for _, a := range answers {
		a.close()
	}
}
