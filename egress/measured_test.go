package egress

import (
	"reflect"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// What tables of small whole numbers say of a group is what counting row by row says, also
// where a table is given up on the way.
func TestTablesOfValuesSayWhatRowsSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(2, 5).Draw(t, "k")
		r := &plan.Release{Node: &plan.Aggregate{}, Counted: true, Channels: 2, RowSets: 1, Columns: 1,
			Lines:  []plan.Line{{Of: []plan.LineTerm{{Column: 0, Times: 1}}}, {Of: []plan.LineTerm{{Column: 0, Times: -2}}, Plus: 6}},
			Counts: []plan.RowCount{{Set: -1}, {Set: 0, Values: []int{0, 1}}},
			Shares: []plan.RowShare{{Set: -1, Value: 0, Squares: true}, {Set: 0, Value: 1}}}
		kinds := rapid.SliceOfN(rapid.IntRange(0, 3), 1, 4).Draw(t, "batches")
		var batches []arrow.RecordBatch
		unit := uint32(0)
		schema := arrow.NewSchema([]arrow.Field{{Name: "u", Type: arrow.PrimitiveTypes.Uint32}, {Name: "sig", Type: arrow.PrimitiveTypes.Uint8}, {Name: "y0", Type: arrow.PrimitiveTypes.Int32, Nullable: true}}, nil)
		for _, kind := range kinds {
			b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
			for range rapid.IntRange(1, 12).Draw(t, "rows") {
				b.Field(0).(*array.Uint32Builder).Append(unit)
				b.Field(1).(*array.Uint8Builder).Append(uint8(rapid.IntRange(0, 1).Draw(t, "sig")))
				unit++
				switch x := rapid.IntRange(-3, 4).Draw(t, "x"); {
				case x == -3:
					b.Field(2).AppendNull()
				case kind == 0 && x == 4:
					b.Field(2).(*array.Int32Builder).Append(1 << 30) // too far from the others
				default:
					b.Field(2).(*array.Int32Builder).Append(int32(x))
				}
			}
			batches = append(batches, b.NewRecordBatch())
			b.Release()
		}
		counted := func(tables bool) disclosure.Evidence {
			gid := array.NewInt64Builder(memory.DefaultAllocator)
			gid.Append(0)
			g := &groupTable{rows: 1, gid: gid.NewInt64Array(), groups: []uint64{0}, evidence: make([]disclosure.Evidence, 1)}
			p := newPass(r, disclosure.Policy{Threshold: k}, g, nil)
			p.columns = plan.RowColumns{Signature: true, Measured: 1}
			if !tables {
				p.tables = nil
			}
			for _, b := range batches {
				if together, err := p.batch(b); !together || err != nil {
					t.Fatal(together, err)
				}
			}
			p.finish()
			return g.evidence[0]
		}
		rows, tables := counted(false), counted(true)
		for i := range rows.Shares { // what is no candidate any more is not followed, by either
			for _, s := range []*disclosure.CellShares{&rows.Shares[i], &tables.Shares[i]} {
				if s.People-s.Common >= k {
					s.Common = 0
				}
			}
		}
		if !reflect.DeepEqual(rows, tables) {
			t.Fatalf("by row %+v\nby table %+v", rows, tables)
		}
	})
}
