package flight

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowflight "github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/arrow/scalar"

	"github.com/gatehouse-tre/gatehouse"
)

// readParameters reads one row of parameters for a statement that wants those
// of want, nil when the client sent none. The row is made anew: nothing of a
// client's buffers, whose insides nobody checked, goes on to the gate.
func readParameters(from arrowflight.MessageReader, want *arrow.Schema) (_ arrow.RecordBatch, err error) {
	defer func() {
		if r := recover(); r != nil { // buffers that contradict their lengths
			err = malformed().Because(panicked(r))
		}
	}()
	var row arrow.RecordBatch
	for from.Next() {
		batch := from.RecordBatch()
		if batch.NumRows() == 0 {
			continue
		}
		if row != nil || batch.NumRows() > 1 {
			return nil, gatehouse.Errorf(gatehouse.CodeBind, "A question takes one row of parameters at a time.").
				WithAdvice("Run it once for each row.")
		}
		if row, err = copied(batch, want); err != nil {
			return nil, err
		}
	}
	if err := from.Err(); err != nil {
		var e *gatehouse.Error
		if errors.As(err, &e) {
			return nil, e
		}
		return nil, malformed().Because(err)
	}
	return row, nil
}

// checkParameters reports a statement that is run without what it needs.
func checkParameters(row arrow.RecordBatch, want *arrow.Schema) error {
	if row == nil && want != nil && want.NumFields() > 0 {
		return parameterCount(0, want)
	}
	return nil
}

func parameterCount(got int, want *arrow.Schema) error {
	takes, given := fmt.Sprintf("%d parameters", want.NumFields()), fmt.Sprintf("%d were", got)
	if want.NumFields() == 1 {
		takes = "1 parameter"
	}
	if got == 1 {
		given = "1 was"
	}
	return gatehouse.Errorf(gatehouse.CodeBind, "The statement has %s, and %s given.", takes, given).
		WithAdvice("Give one value for each parameter, in their order.")
}

func copied(batch arrow.RecordBatch, want *arrow.Schema) (arrow.RecordBatch, error) {
	if want != nil && int(batch.NumCols()) != want.NumFields() {
		return nil, parameterCount(int(batch.NumCols()), want)
	}
	fields := make([]arrow.Field, batch.NumCols())
	columns := make([]arrow.Array, batch.NumCols())
	for i, column := range batch.Columns() {
		value, err := oneValue(column)
		if err != nil {
			return nil, err
		}
		name := strconv.Itoa(i + 1)
		if want != nil && want.Field(i).Name != "" {
			name = want.Field(i).Name
		}
		fields[i] = arrow.Field{Name: name, Type: value.DataType(), Nullable: true}
		columns[i] = value
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, 1), nil
}

// oneValue is a new array of the column's only value.
func oneValue(column arrow.Array) (arrow.Array, error) {
	if column.Len() != 1 {
		return nil, malformed()
	}
	var text string
	switch a := column.(type) {
	case *array.Null:
		return array.NewNull(1), nil
	case *array.String:
		text = a.Value(0)
	case *array.LargeString:
		text = a.Value(0)
	case *array.StringView:
		text = a.Value(0)
	case *array.Boolean,
		*array.Int8, *array.Int16, *array.Int32, *array.Int64,
		*array.Uint8, *array.Uint16, *array.Uint32, *array.Uint64,
		*array.Float32, *array.Float64, *array.Decimal128,
		*array.Date32, *array.Date64, *array.Time32, *array.Time64, *array.Timestamp:
		if column.IsNull(0) {
			return array.MakeArrayOfNull(memory.DefaultAllocator, column.DataType(), 1), nil
		}
		value, err := scalar.GetScalar(column, 0)
		if err != nil {
			return nil, err
		}
		return scalar.MakeArrayFromScalar(value, 1, memory.DefaultAllocator)
	default:
		return nil, gatehouse.Errorf(gatehouse.CodeBind, "A parameter of type %s is not taken.", column.DataType().Name()).
			WithAdvice("Give numbers, text, booleans, dates or times.")
	}
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	switch {
	case column.IsNull(0):
		b.AppendNull()
	case !utf8.ValidString(text):
		return nil, gatehouse.Errorf(gatehouse.CodeBind, "A text parameter is not UTF-8.")
	default:
		b.Append(text)
	}
	return b.NewStringArray(), nil
}
