package egress

import (
	"context"
	"errors"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// halfway is a vault that fails after the groups.
type halfway struct {
	sql    string
	groups arrow.RecordBatch
}

func (v halfway) Query(_ context.Context, sql string) (array.RecordReader, error) {
	if sql != v.sql {
		return nil, errors.New("the engine stopped")
	}
	return array.NewRecordReader(v.groups.Schema(), []arrow.RecordBatch{v.groups})
}

func (halfway) Exec(context.Context, ...string) error { return nil }

// An engine that stops between the groups and the rows (or a question that takes too long
// there) is an error, and gives back what it took.
func TestAVaultThatStopsBetweenGroupsAndRows(t *testing.T) {
	kept := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer kept.AssertSize(t, 0)
	b := array.NewRecordBuilder(kept, arrow.NewSchema([]arrow.Field{{Name: "gid", Type: arrow.PrimitiveTypes.Int64}, {Name: "g", Type: arrow.PrimitiveTypes.Uint64}}, nil))
	b.Field(0).(*array.Int64Builder).Append(0)
	b.Field(1).(*array.Uint64Builder).Append(0)
	groups := b.NewRecordBatch()
	b.Release()
	defer groups.Release()
	r := &plan.Release{Node: &plan.Aggregate{}}
	if _, _, _, err := judgeRows(t.Context(), halfway{r.Groups("", false), groups}, r, disclosure.Policy{Threshold: 10}, &cohorts{}); err == nil {
		t.Fatal("rows that could not be read are judged")
	}
}
