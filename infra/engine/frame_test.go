package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

func sample(values ...int64) arrow.RecordBatch {
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues(values, nil)
	return b.NewRecordBatch()
}

func sampleRun(t testing.TB) []byte {
	t.Helper()
	body, err := runBody(map[string]arrow.RecordBatch{"b": sample(1, 2, 3), "a": sample()}, "SELECT 1")
	if err != nil {
		t.Fatal(err)
	}
	return body.Bytes()
}

func TestARunIsReadAsItWasWritten(t *testing.T) {
	header, payloads, err := readRun(bytes.NewReader(sampleRun(t)))
	if err != nil {
		t.Fatal(err)
	}
	if header.SQL != "SELECT 1" || strings.Join(header.Tables, " ") != "a b" || len(payloads) != 2 {
		t.Errorf("got %+v with %d tables", header, len(payloads))
	}
	for i, rows := range []int64{0, 3} {
		table, err := readTable(payloads[i])
		if err != nil {
			t.Fatal(err)
		}
		if table.NumRows() != rows || table.ColumnName(0) != "n" {
			t.Errorf("table %d: got %v", i, table)
		}
		table.Release()
	}
}

func TestABrokenRunIsRefused(t *testing.T) {
	whole := sampleRun(t)
	for n := range whole {
		if _, _, err := readRun(bytes.NewReader(whole[:n])); !errors.Is(err, errFrame) {
			t.Fatalf("cut off at %d of %d: got %v", n, len(whole), err)
		}
	}
	frame := func(length uint32, payload string) []byte {
		return append(binary.BigEndian.AppendUint32(nil, length), payload...)
	}
	for name, body := range map[string][]byte{
		"bytes after the last table":   append(bytes.Clone(whole), 0),
		"a header that is not JSON":    frame(3, "abc"),
		"a header above the limit":     frame(maxJSON+1, ""),
		"a length without its bytes":   frame(maxJSON, "{}"),
		"a table above the limit":      append(frame(16, `{"tables":["a"]}`), frame(maxFrame+1, "")...),
		"a table that is not there":    frame(16, `{"tables":["a"]}`),
		"a table's length, not itself": append(frame(16, `{"tables":["a"]}`), frame(maxFrame, "x")...),
	} {
		if _, _, err := readRun(bytes.NewReader(body)); !errors.Is(err, errFrame) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// The limit holds before the bytes come: a length alone must not cost memory.
func TestALengthAloneAllocatesLittle(t *testing.T) {
	claim := binary.BigEndian.AppendUint32(nil, maxFrame)
	got := testing.AllocsPerRun(5, func() {
		_, _ = readFrame(io.MultiReader(bytes.NewReader(claim), strings.NewReader("x")), maxFrame)
	})
	if got > 20 {
		t.Errorf("%v allocations", got)
	}
}

// A table may be larger than one message may be.
func TestALargeTableGoesInPieces(t *testing.T) {
	large := sample(make([]int64, maxBody/8+1)...)
	body, err := runBody(map[string]arrow.RecordBatch{"t": large}, "SELECT 1")
	if err != nil {
		t.Fatal(err)
	}
	_, payloads, err := readRun(body)
	if err != nil {
		t.Fatal(err)
	}
	table, err := readTable(payloads[0])
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	if !array.RecordEqual(large, table) {
		t.Errorf("got %d rows of %d", table.NumRows(), large.NumRows())
	}
}

func FuzzReadRun(f *testing.F) {
	f.Add(sampleRun(f))
	f.Add([]byte{0, 0, 0, 2, '{', '}'})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, body []byte) {
		header, payloads, err := readRun(bytes.NewReader(body))
		if err != nil {
			return
		}
		if len(payloads) != len(header.Tables) {
			t.Errorf("%d tables for %d names", len(payloads), len(header.Tables))
		}
		var size int
		for _, p := range payloads {
			size += len(p)
		}
		if size > len(body) {
			t.Errorf("%d bytes out of %d", size, len(body))
		}
	})
}
