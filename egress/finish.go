package egress

import (
	"context"
	"strconv"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/util"

	"github.com/gatehouse-tre/gatehouse"
)

// finishing journals the end of an answer: how many rows and bytes were taken.
type finishing struct {
	array.RecordReader
	schema   *arrow.Schema
	gate     *Gate
	decision Decision
	ctx      context.Context // outlives the question
	cancel   context.CancelFunc

	once        sync.Once
	rows, bytes int64
	shown       arrow.RecordBatch // the current batch with the answer's schema
	digest      *tableDigest      // of what was taken; nil before the first row
	ended       bool              // all of it was taken
}

func (f *finishing) Schema() *arrow.Schema { return f.schema }

func (f *finishing) Next() bool {
	f.drop()
	if f.digest == nil {
		var columns []string
		for _, field := range f.schema.Fields() {
			columns = append(columns, field.Name)
		}
		f.digest = newTableDigest(columns)
	}
	if !f.RecordReader.Next() {
		f.ended = f.RecordReader.Err() == nil
		f.finish()
		return false
	}
	b := f.RecordReader.RecordBatch()
	f.rows += b.NumRows()
	f.bytes += util.TotalRecordSize(b)
	f.digest.batch(b)
	f.shown = array.NewRecordBatch(f.schema, b.Columns(), b.NumRows())
	return true
}

func (f *finishing) drop() {
	if f.shown != nil {
		f.shown.Release()
		f.shown = nil
	}
}

func (f *finishing) RecordBatch() arrow.RecordBatch { return f.shown }
func (f *finishing) Record() arrow.RecordBatch      { return f.shown }

// Err hides the engine's words: they came from the lobby, and still.
func (f *finishing) Err() error {
	if err := f.RecordReader.Err(); err != nil {
		return engineError(err, "The answer could not be completed.")
	}
	return nil
}

func (f *finishing) Release() {
	f.drop()
	f.finish()
	f.RecordReader.Release()
}

// finish journals once, beside the answer's last bytes rather than before them:
// the decision was committed before the first. A journal that fails now stops
// the next question.
func (f *finishing) finish() {
	f.once.Do(func() {
		outcome := "complete"
		if f.RecordReader.Err() != nil {
			outcome = "broken off"
		}
		f.cancel()
		f.gate.ending.Go(func() { f.journal(outcome) })
	})
}

func (f *finishing) journal(outcome string) {
	e := gatehouse.Event{Actor: f.decision.User, Action: "query.finished", Project: f.decision.Project, Subject: f.decision.ID,
		Detail: map[string]string{"rows": strconv.FormatInt(f.rows, 10), "bytes": strconv.FormatInt(f.bytes, 10), "outcome": outcome}}
	table := ""
	// The ledger has no decision of an explanation, which lets nothing out.
	if f.ended && f.rows > 0 && f.decision.Outcome != OutcomeExplained {
		if table = f.digest.sum(); table != "" {
			e.Detail["table"] = table
		}
	}
	err := f.gate.Ledger.Finish(f.ctx, f.decision, table, e)
	if err != nil && f.gate.Log != nil {
		f.gate.Log.Error("the end of an answer could not be journaled", "decision", f.decision.ID, "cause", err.Error())
	}
}

// Close waits until the end of every answer is journaled.
func (g *Gate) Close() { g.ending.Wait() }
