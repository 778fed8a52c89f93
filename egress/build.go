package egress

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// build copies what may leave into a new table: groups that are withheld are
// absent, numbers that are withheld are NULL, and the others are rounded. The
// values are copied one by one, so that nothing hides below a NULL.
func build(r *plan.Release, policy disclosure.Policy, t *groupTable, verdicts []disclosure.Verdict) (*protected, error) {
	p := &protected{source: r.SQL}
	var keep []int
	for i, v := range verdicts {
		switch {
		case !released(r, t.gid.Value(i)):
		case v.Dropped && r.Keys == 0:
			keep = append(keep, i) // one row is always there; its numbers are not
			for c := range r.Cells {
				v.Withheld[c] = disclosure.RuleThreshold
			}
		case !v.Dropped:
			keep = append(keep, i)
		}
	}
	var columns []arrow.Array
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for _, k := range t.keys {
		a, err := copyColumn(k, keep, nil, nil)
		if err != nil {
			return nil, err
		}
		columns = append(columns, a)
	}
	for c := range r.Cells {
		hide := func(row int) bool { return verdicts[row].Withheld[c] != "" }
		round := rounding(r, c, policy, t, keep, hide)
		a, err := copyColumn(t.cells[c], keep, hide, &round)
		if err != nil {
			return nil, err
		}
		columns = append(columns, a)
	}
	for _, g := range r.Node.Grouping {
		columns = append(columns, groupingColumn(t, keep, g))
	}
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: "c" + strconv.Itoa(i), Type: c.DataType(), Nullable: true}
	}
	for _, i := range keep {
		p.rolled, p.withheld = append(p.rolled, t.gid.Value(i)), append(p.withheld, slices.Clone(verdicts[i].Withheld))
	}
	p.groups = keep
	p.tally(r)
	p.table = array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, int64(len(keep)))
	return p, nil
}

// groupingColumn is GROUPING(a, b, …): a bit for each key, 1 where it is rolled up.
func groupingColumn(t *groupTable, keep []int, keys []int) arrow.Array {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	for _, i := range keep {
		v := int64(0)
		for _, k := range keys {
			v = v<<1 | t.gid.Value(i)>>(len(t.keys)-1-k)&1
		}
		b.Append(v)
	}
	return b.NewArray()
}

// copyColumn copies the rows keep of a column, with NULL where hide says so.
func copyColumn(a arrow.Array, keep []int, hide func(int) bool, round *rounded) (arrow.Array, error) {
	b := array.NewBuilder(memory.DefaultAllocator, a.DataType())
	defer b.Release()
	b.Reserve(len(keep))
	for _, i := range keep {
		if a.IsNull(i) || (hide != nil && hide(i)) {
			b.AppendNull()
			continue
		}
		if err := appendValue(b, a, i, i, round); err != nil {
			return nil, err
		}
	}
	return b.NewArray(), nil
}

// appendValue appends value i of an array, which belongs to a row of the group table.
func appendValue(b array.Builder, a arrow.Array, i, row int, round *rounded) error {
	switch a := a.(type) {
	case *array.Int64:
		v := a.Value(i)
		if round != nil && round.whole != nil {
			v = round.whole(row, v)
		}
		b.(*array.Int64Builder).Append(v)
	case *array.Int32:
		b.(*array.Int32Builder).Append(a.Value(i))
	case *array.Int16:
		b.(*array.Int16Builder).Append(a.Value(i))
	case *array.Int8:
		b.(*array.Int8Builder).Append(a.Value(i))
	case *array.Uint64:
		b.(*array.Uint64Builder).Append(a.Value(i))
	case *array.Uint32:
		b.(*array.Uint32Builder).Append(a.Value(i))
	case *array.Uint16:
		b.(*array.Uint16Builder).Append(a.Value(i))
	case *array.Uint8:
		b.(*array.Uint8Builder).Append(a.Value(i))
	case *array.Float64:
		appendReal(b.(*array.Float64Builder), a.Value(i), row, round)
	case *array.Float32:
		x := float64(a.Value(i))
		if round != nil {
			x = round.real(row, x)
		}
		if math.IsNaN(x) {
			b.AppendNull()
		} else {
			b.(*array.Float32Builder).Append(float32(x))
		}
	case *array.Boolean:
		b.(*array.BooleanBuilder).Append(a.Value(i))
	case *array.String:
		b.(*array.StringBuilder).Append(a.Value(i))
	case *array.Date32:
		b.(*array.Date32Builder).Append(a.Value(i))
	case *array.Timestamp:
		b.(*array.TimestampBuilder).Append(a.Value(i))
	case *array.Decimal128:
		v := a.Value(i)
		if round != nil && round.whole != nil { // a sum, under a policy that rounds counts
			t := a.DataType().(*arrow.Decimal128Type)
			var err error
			if v, err = decimal128.FromFloat64(round.real(row, v.ToFloat64(t.Scale)), t.Precision, t.Scale); err != nil {
				b.AppendNull()
				return nil
			}
		}
		b.(*array.Decimal128Builder).Append(v)
	case *array.List:
		l := b.(*array.ListBuilder)
		l.Append(true)
		start, end := a.ValueOffsets(i)
		for j := start; j < end; j++ {
			if a.ListValues().IsNull(int(j)) {
				l.ValueBuilder().AppendNull()
			} else if err := appendValue(l.ValueBuilder(), a.ListValues(), int(j), row, round); err != nil {
				return err
			}
		}
	default:
		return gatehouse.Errorf(gatehouse.CodeOperator, "The gate does not release values of the type %s.", a.DataType()).WithAdvice("CAST it to a number, a text, a date or a boolean inside the aggregate.")
	}
	return nil
}

func appendReal(b *array.Float64Builder, x float64, row int, round *rounded) {
	if round != nil {
		x = round.real(row, x)
	}
	if math.IsNaN(x) {
		b.AppendNull() // an infinity or NaN would tell of single values
		return
	}
	b.Append(x)
}

// digest is the SHA-256 of a table as an Arrow stream.
func digest(table arrow.RecordBatch) string {
	h := sha256.New()
	w := ipc.NewWriter(h, ipc.WithSchema(table.Schema()))
	if w.Write(table) != nil || w.Close() != nil {
		return "" // a hash takes every byte
	}
	return hex.EncodeToString(h.Sum(nil))
}
