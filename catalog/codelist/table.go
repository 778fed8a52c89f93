package codelist

import (
	"bytes"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// Columns are the columns of every table of codes.
var Columns = []string{"code", "term", "category"}

// tableFile is the Parquet file that engines read: the same for the same terms. A text
// that a row does not have is NULL.
func tableFile(terms []Term) ([]byte, error) {
	fields := make([]arrow.Field, len(Columns))
	for i, name := range Columns {
		fields[i] = arrow.Field{Name: name, Type: arrow.BinaryTypes.String, Nullable: i > 0}
	}
	schema := arrow.NewSchema(fields, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for _, t := range terms {
		for i, text := range []string{t.Code, t.Term, t.Category} {
			column := b.Field(i).(*array.StringBuilder)
			if text == "" {
				column.AppendNull()
			} else {
				column.Append(text)
			}
		}
	}
	batch := b.NewRecordBatch()
	defer batch.Release()
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &out, parquet.NewWriterProperties(parquet.WithCreatedBy("gatehouse")), pqarrow.DefaultWriterProps())
	if err != nil {
		return nil, fmt.Errorf("codelist: %w", err)
	}
	if err := w.Write(batch); err != nil {
		return nil, fmt.Errorf("codelist: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("codelist: %w", err)
	}
	return out.Bytes(), nil
}
