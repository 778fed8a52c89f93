package flight

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/gatehouse-tre/gatehouse"
)

var mixedSchema = arrow.NewSchema([]arrow.Field{
	{Name: "n", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	{Name: "text", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "list", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64), Nullable: true},
	{Name: "flag", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	{Name: "pair", Type: arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Float64, Nullable: true}), Nullable: true},
}, nil)

// mixed is a batch of rows that are numbered from first on, with texts of the
// given lengths.
func mixed(first int, lengths []int) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, mixedSchema)
	defer b.Release()
	for i, n := range lengths {
		b.Field(0).(*array.Int32Builder).Append(int32(first + i))
		if n == 0 {
			b.Field(1).AppendNull()
			b.Field(2).AppendNull()
		} else {
			b.Field(1).(*array.StringBuilder).Append(strings.Repeat("x", n))
			b.Field(2).(*array.ListBuilder).Append(true)
			for range n % 5 {
				b.Field(2).(*array.ListBuilder).ValueBuilder().(*array.Int64Builder).Append(int64(n))
			}
		}
		b.Field(3).(*array.BooleanBuilder).Append(n%2 == 0)
		b.Field(4).(*array.StructBuilder).Append(true)
		b.Field(4).(*array.StructBuilder).FieldBuilder(0).(*array.Float64Builder).Append(float64(n))
	}
	return b.NewRecordBatch()
}

func TestRechunkingKeepsEveryRowInOrderAndInSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var batches []arrow.RecordBatch
		var lengths []int
		for range rapid.IntRange(0, 12).Draw(t, "batches") {
			top := rapid.SampledFrom([]int{0, 10, 2000, 700_000, 3_000_000}).Draw(t, "longest text")
			rows := rapid.SliceOfN(rapid.IntRange(0, top), 0, 20_000/(1+top/50)+2).Draw(t, "lengths")
			whole := mixed(len(lengths), rows)
			batches = append(batches, whole)
			lengths = append(lengths, rows...)
		}
		if len(batches) > 0 && rapid.Bool().Draw(t, "a slice first") && batches[0].NumRows() > 1 {
			batches[0] = batches[0].NewSlice(1, batches[0].NumRows())
			lengths = lengths[1:]
		}
		reader, err := array.NewRecordReader(mixedSchema, batches)
		if err != nil {
			t.Fatal(err)
		}
		c := newRechunker(reader)
		defer c.release()
		row, out, total := 0, 0, int64(0)
		for {
			batch, err := c.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			out++
			bytes := batchBytes(batch)
			total += bytes
			if bytes > targetBytes+(64<<10) && batch.NumRows() > 1 {
				t.Fatalf("a batch of %d rows has %d bytes", batch.NumRows(), bytes)
			}
			text := batch.Column(1).(*array.String)
			pair := batch.Column(4).(*array.Struct).Field(0).(*array.Float64)
			for i := range text.Len() {
				if got, want := len(text.Value(i)), lengths[row]; got != want || pair.Value(i) != float64(want) {
					t.Fatalf("row %d has a text of %d, want %d", row, got, want)
				}
				row++
			}
			batch.Release()
		}
		if row != len(lengths) {
			t.Fatalf("%d rows, want %d", row, len(lengths))
		}
		if limit := int(total/(targetBytes/2)) + 2 + 2*len(batches); out > limit {
			t.Fatalf("%d batches for %d bytes", out, total)
		}
	})
}

func TestARowTooLargeForAMessageIsAnError(t *testing.T) {
	reader, err := array.NewRecordReader(mixedSchema, []arrow.RecordBatch{mixed(0, []int{1, largestRow + 1})})
	if err != nil {
		t.Fatal(err)
	}
	c := newRechunker(reader)
	defer c.release()
	for err == nil {
		_, err = c.next()
	}
	if gatehouse.CodeOf(err) != gatehouse.CodeTooLarge {
		t.Errorf("error %v", err)
	}
}

func TestALargeAnswerComesInFewBatches(t *testing.T) {
	h := open(t, Limits{})
	client := h.client(t, "ada-1")
	_, batches := asked(t, client, "SELECT * FROM rows(1000000)")
	expectRows(t, batches, 1_000_000)
	if len(batches) > 45 { // 31 MB; as the engine gave them they would be 489
		t.Errorf("%d batches", len(batches))
	}
}

func BenchmarkFetch(b *testing.B) {
	h := open(b, Limits{})
	client := h.client(b, "ada-1")
	for b.Loop() {
		info, err := client.Execute(b.Context(), "SELECT * FROM rows(1000000)")
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := fetched(b.Context(), client, info); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(1e6*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkSmallQuestion(b *testing.B) {
	h := open(b, Limits{})
	client := h.client(b, "ada-1")
	for b.Loop() {
		info, err := client.Execute(b.Context(), countSQL)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := fetched(b.Context(), client, info); err != nil {
			b.Fatal(err)
		}
	}
}
