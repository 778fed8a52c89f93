package egress

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// answerTable is a table of every type that answers have.
func answerTable(t testing.TB) (arrow.RecordBatch, string) {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "region", Type: arrow.BinaryTypes.String}, {Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "mean", Type: arrow.PrimitiveTypes.Float64},
		{Name: "month", Type: arrow.FixedWidthTypes.Date32}, {Name: "total", Type: &arrow.Decimal128Type{Precision: 38, Scale: 0}}, {Name: "old", Type: arrow.FixedWidthTypes.Boolean},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.StringBuilder).AppendValues([]string{"London", "North East", "said \"x\", y"}, nil)
	b.Field(1).(*array.Int64Builder).AppendValues([]int64{120, 0, 45}, []bool{true, false, true})
	b.Field(2).(*array.Float64Builder).AppendValues([]float64{12, 0.00001, 7.25}, nil)
	b.Field(3).(*array.Date32Builder).AppendValues([]arrow.Date32{19723, 19754, 19783}, nil)
	b.Field(4).(*array.Decimal128Builder).AppendValues([]decimal128.Num{decimal128.FromI64(1200), decimal128.FromI64(3), decimal128.FromI64(4)}, nil)
	b.Field(5).(*array.BooleanBuilder).AppendValues([]bool{true, false, true}, nil)
	batch := b.NewRecordBatch()
	t.Cleanup(batch.Release)
	d := newTableDigest([]string{"region", "n", "mean", "month", "total", "old"})
	d.batch(batch)
	if d.sum() == "" {
		t.Fatal("the answer has no digest")
	}
	return batch, d.sum()
}

const polars = `region,n,mean,month,total,old
London,120,12.0,2024-01-01,1200,true
North East,,1e-05,2024-02-01,3,false
"said ""x"", y",45,7.25,2024-03-01,4,true
`

// However a program writes the answer, it is known again.
func TestAnAnswerIsKnownAgainAsProgramsWriteIt(t *testing.T) {
	_, digest := answerTable(t)
	for what, file := range map[string]string{
		"polars":             polars,
		"on Windows":         strings.ReplaceAll(polars, "\n", "\r\n"),
		"without last end":   strings.TrimSuffix(polars, "\n"),
		"pandas, with index": ",region,n,mean,month,total,old\n0,London,120.0,12.0,2024-01-01,1200,True\n1,North East,,1e-05,2024-02-01,3,False\n2,\"said \"\"x\"\", y\",45.0,7.25,2024-03-01,4,True\n",
		"R":                  "\"\",\"region\",\"n\",\"mean\",\"month\",\"total\",\"old\"\n\"1\",\"London\",120,12,\"2024-01-01\",1200,\"TRUE\"\n\"2\",\"North East\",NA,1e-05,\"2024-02-01\",3,\"FALSE\"\n\"3\",\"said \"\"x\"\", y\",45,7.25,\"2024-03-01\",4,\"TRUE\"\n",
	} {
		if got := fileDigest([]byte(file), ','); got != digest {
			t.Errorf("%s: not known", what)
		}
	}
	if got := fileDigest([]byte(strings.ReplaceAll(strings.ReplaceAll(polars, `"said ""x"", y"`, "said \"x\"; y"), ",", "\t")), '\t'); got == digest {
		t.Error("another text is known")
	}
}

// Nothing else is: no other value, and no other way of writing that could carry
// a message beside the table.
func TestNothingButTheAnswerIsKnown(t *testing.T) {
	_, digest := answerTable(t)
	for what, change := range map[string][2]string{
		"a number":                 {"120", "121"},
		"a digit behind":           {"7.25", "7.250"},
		"a point in one number":    {",1200,", ",1200.0,"},
		"an exponent in one":       {",1200,", ",1.2e3,"},
		"a space":                  {"London", "London "},
		"another order of rows":    {"London,120,12.0,2024-01-01,1200,true\nNorth East,,1e-05,2024-02-01,3,false\n", "North East,,1e-05,2024-02-01,3,false\nLondon,120,12.0,2024-01-01,1200,true\n"},
		"another name":             {"region", "area"},
		"one quoted text":          {"London", `"London"`},
		"one line with a return":   {"true\nNorth", "true\r\nNorth"},
		"an empty line":            {"\nNorth", "\n\nNorth"},
		"another word for true":    {"4,true", "4,TRUE"},
		"a midnight at one day":    {"2024-03-01", "2024-03-01 00:00:00.0"},
		"a row more":               {"London,", "London,120,12.0,2024-01-01,1200,true\nLondon,"},
		"a remark behind":          {"4,true\n", "4,true\n# done\n"},
		"a mark of order in front": {"region", "\ufeffregion"},
	} {
		file := strings.Replace(polars, change[0], change[1], 1)
		if file == polars {
			t.Fatalf("%s: nothing changed", what)
		}
		if fileDigest([]byte(file), ',') == digest {
			t.Errorf("with %s it is still known", what)
		}
	}
}

func TestBatchesDoNotMatterToADigest(t *testing.T) {
	batch, digest := answerTable(t)
	d := newTableDigest([]string{"region", "n", "mean", "month", "total", "old"})
	for i := range batch.NumRows() {
		part := batch.NewSlice(i, i+1)
		d.batch(part)
		part.Release()
	}
	if d.sum() != digest {
		t.Error("one row at a time gives another digest")
	}
}

func TestLargeAnswersHaveNoDigest(t *testing.T) {
	var b strings.Builder
	b.WriteString("n\n")
	for i := range maxDigested + 1 {
		fmt.Fprintln(&b, i+1_000)
	}
	if fileDigest([]byte(b.String()), ',') != "" {
		t.Error("a large file has one")
	}
	d := newTableDigest([]string{"n"})
	for i := range maxDigested + 1 {
		d.value(fmt.Sprint(i))
	}
	if d.sum() != "" {
		t.Error("a large answer has one")
	}
}

// Two files with one digest hold one table: whatever is known again can be told
// from the answer and a handful of choices of writing.
func FuzzFileDigest(f *testing.F) {
	_, digest := answerTable(f)
	f.Add([]byte(polars))
	f.Add([]byte("n\n1.0\n2\n"))
	f.Add([]byte("a,b\n\"x\",NA\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		sum := fileDigest(data, ',')
		if sum != fileDigest(data, ',') {
			t.Fatal("a file has two digests")
		}
		if sum != digest {
			return
		}
		for _, word := range []string{"region", "London", "North East", "120", "7.25", "2024-03-01"} {
			if !strings.Contains(string(data), word) {
				t.Fatalf("known as the answer without %q", word)
			}
		}
		if len(data) > 2*len(polars) {
			t.Fatalf("known as the answer with %d bytes", len(data))
		}
	})
}
