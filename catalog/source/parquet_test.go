package source

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"pgregory.net/rapid"
)

var parquetSchema = arrow.NewSchema([]arrow.Field{
	{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "count", Type: arrow.PrimitiveTypes.Int32},
	{Name: "big", Type: arrow.PrimitiveTypes.Uint64},
	{Name: "real", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "day", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
	{Name: "time", Type: &arrow.TimestampType{Unit: arrow.Microsecond}},
	{Name: "yes", Type: arrow.FixedWidthTypes.Boolean},
	{Name: "money", Type: &arrow.Decimal128Type{Precision: 10, Scale: 2}},
}, nil)

// parquetFile makes a file of three rows, many times.
func parquetFile(t testing.TB, times int, options ...parquet.WriterProperty) []byte {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, parquetSchema)
	defer b.Release()
	for range times {
		b.Field(0).(*array.StringBuilder).AppendValues([]string{"Åsa, \"x\"", "", " two "}, []bool{true, false, true})
		b.Field(1).(*array.Int32Builder).AppendValues([]int32{1, -2, 3}, nil)
		b.Field(2).(*array.Uint64Builder).AppendValues([]uint64{1 << 63, 0, 7}, nil)
		b.Field(3).(*array.Float64Builder).AppendValues([]float64{1.5, 1e300, 0}, []bool{true, true, false})
		b.Field(4).(*array.Date32Builder).AppendValues([]arrow.Date32{-1, 0, 19000}, []bool{true, false, true})
		b.Field(5).(*array.TimestampBuilder).AppendValues([]arrow.Timestamp{0, 1_500_000, -1_000_000}, nil)
		b.Field(6).(*array.BooleanBuilder).AppendValues([]bool{true, false, true}, nil)
		b.Field(7).(*array.Decimal128Builder).AppendValues([]decimal128.Num{decimal128.FromI64(12345), decimal128.FromI64(-5), decimal128.FromI64(0)}, nil)
	}
	batch := b.NewRecordBatch()
	defer batch.Release()
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(parquetSchema, &out, parquet.NewWriterProperties(options...), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.WriteBuffered(batch); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var parquetRows = []string{
	`Åsa, "x"|1|9223372036854775808|1.5|1969-12-31|1970-01-01 00:00:00|true|123.45`,
	`|-2|0|1e+300||1970-01-01 00:00:01.5|false|-0.05`,
	`two|3|7||2022-01-08|1969-12-31 23:59:59|true|0.00`,
}

// readParquet gives all rows of a file, with '|' between fields.
func readParquet(t testing.TB, content []byte) ([]string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.parquet")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := OpenParquet(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	defer p.Close()
	var rows []string
	for {
		fields, err := p.Next()
		if err == io.EOF {
			if int64(len(rows)) != p.Rows() {
				t.Errorf("%d rows of %d", len(rows), p.Rows())
			}
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		rows = append(rows, string(bytes.Join(fields, []byte("|"))))
	}
}

func TestParquetIsReadWithEveryCodecThatIsAllowed(t *testing.T) {
	for name, options := range map[string][]parquet.WriterProperty{
		"none":                   {parquet.WithCompression(compress.Codecs.Uncompressed)},
		"snappy":                 {parquet.WithCompression(compress.Codecs.Snappy)},
		"gzip":                   {parquet.WithCompression(compress.Codecs.Gzip)},
		"zstd":                   {parquet.WithCompression(compress.Codecs.Zstd)},
		"lz4":                    {parquet.WithCompression(compress.Codecs.Lz4Raw)},
		"no dictionary":          {parquet.WithCompression(compress.Codecs.Zstd), parquet.WithDictionaryDefault(false)},
		"small pages, version 2": {parquet.WithCompression(compress.Codecs.Snappy), parquet.WithDataPageSize(1000), parquet.WithDataPageVersion(parquet.DataPageV2), parquet.WithMaxRowGroupLength(3000)},
	} {
		t.Run(name, func(t *testing.T) {
			const times = 2000
			rows, err := readParquet(t, parquetFile(t, times, options...))
			if err != nil || len(rows) != 3*times {
				t.Fatalf("%d rows, %v", len(rows), err)
			}
			for i, row := range rows {
				if row != parquetRows[i%3] {
					t.Fatalf("row %d: got %s, want %s", i, row, parquetRows[i%3])
				}
			}
		})
	}
}

func TestParquetThatIsRefused(t *testing.T) {
	good := parquetFile(t, 100, parquet.WithCompression(compress.Codecs.Zstd))
	brotli := parquetFile(t, 100, parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCompressionFor("day", compress.Codecs.Brotli))
	nested := func() []byte {
		s := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.ListOf(arrow.PrimitiveTypes.Int32)}}, nil)
		b := array.NewRecordBuilder(memory.DefaultAllocator, s)
		defer b.Release()
		b.Field(0).AppendNull()
		batch := b.NewRecordBatch()
		defer batch.Release()
		var out bytes.Buffer
		w, err := pqarrow.NewFileWriter(s, &out, nil, pqarrow.DefaultWriterProps())
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Write(batch), w.Close()); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}()
	for name, c := range map[string]struct {
		content []byte
		what    string
	}{
		"Brotli in one column": {brotli, "Brotli"},
		"nested":               {nested, "flat"},
		"cut":                  {good[:len(good)-9], "cut off"},
		"no Parquet":           {[]byte("a,b\n1,2\n3,4\n5,6\n"), "not a Parquet file"},
		"short":                {[]byte("PAR1"), "too short"},
		"encrypted":            {append([]byte("PARE"), "aaaaaaaaPARE"...), "encrypted"},
		"footer too long":      {append([]byte("PAR1aaaa"), "\xff\xff\xff\x00PAR1"...), "footer"},
		"pages gone":           {append([]byte("PAR1"), good[len(good)/2:]...), "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readParquet(t, c.content)
			var f *ParquetFault
			if !errors.As(err, &f) || !strings.Contains(f.What, c.what) {
				t.Errorf("got %v, want %s", err, c.what)
			}
		})
	}
	var f *ParquetFault
	if _, err := readParquet(t, brotli); !errors.As(err, &f) || f.Column != 5 {
		t.Errorf("Brotli is found in column %v", f)
	}
}

// A file in which bytes were changed is read, or refused, and nothing else: no
// panic, no endless reading, and not more rows than it says.
func TestDamagedParquetDoesNoHarm(t *testing.T) {
	codecs := []compress.Compression{compress.Codecs.Snappy, compress.Codecs.Gzip, compress.Codecs.Zstd, compress.Codecs.Lz4Raw, compress.Codecs.Uncompressed}
	var files [][]byte
	for _, c := range codecs {
		files = append(files, parquetFile(t, 5, parquet.WithCompression(c), parquet.WithDataPageVersion(parquet.DataPageV2)))
	}
	end := time.Now().Add(5 * time.Second)
	rapid.Check(t, func(rt *rapid.T) {
		if time.Now().After(end) {
			return // files that take long to read are not many
		}
		b := bytes.Clone(rapid.SampledFrom(files).Draw(rt, "file"))
		for range rapid.IntRange(1, 4).Draw(rt, "changes") {
			b[rapid.IntRange(4, len(b)-9).Draw(rt, "at")] = rapid.Byte().Draw(rt, "byte")
		}
		_, err := readParquet(t, b)
		var f *ParquetFault
		if err != nil && !errors.As(err, &f) {
			rt.Fatalf("%T: %v", err, err)
		}
	})
}

// Whatever a file is, its check ends without a panic; and where it finds nothing
// wrong, Arrow's own reading of the footer finds no Brotli and the same rows.
func FuzzCheckParquet(f *testing.F) {
	f.Add(parquetFile(f, 1, parquet.WithCompression(compress.Codecs.Brotli)))
	f.Add(parquetFile(f, 1, parquet.WithCompression(compress.Codecs.Snappy)))
	f.Add(parquetFile(f, 3, parquet.WithCompression(compress.Codecs.Zstd), parquet.WithDataPageVersion(parquet.DataPageV2)))
	f.Fuzz(func(t *testing.T, b []byte) {
		names, rows, err := CheckParquet(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		n := int(uint32(b[len(b)-8]) | uint32(b[len(b)-7])<<8 | uint32(b[len(b)-6])<<16 | uint32(b[len(b)-5])<<24)
		m, err := metadata.NewFileMetaData(b[len(b)-8-n:len(b)-8], nil)
		if err != nil {
			return // Arrow reads nothing of it either
		}
		if m.NumRows != rows || m.NumColumns() != len(names) {
			t.Errorf("%d rows of %d columns; Arrow has %d of %d", rows, len(names), m.NumRows, m.NumColumns())
		}
		for i := range m.NumRowGroups() {
			for j := range m.NumColumns() {
				c, err := m.RowGroup(i).ColumnChunk(j)
				if err == nil && c.Compression() == compress.Codecs.Brotli {
					t.Errorf("Brotli in column %d", j)
				}
			}
		}
	})
}
