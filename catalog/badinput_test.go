package catalog_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// eventsParquet makes the small events as Parquet; each row is four texts.
func eventsParquet(t testing.TB, codec compress.Compression, rows ...[4]string) string {
	t.Helper()
	var fields []arrow.Field
	for _, name := range []string{"nhs_number", "date", "code", "value"} {
		fields = append(fields, arrow.Field{Name: name, Type: arrow.BinaryTypes.String, Nullable: true})
	}
	schema := arrow.NewSchema(fields, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for _, row := range rows {
		for i, v := range row {
			b.Field(i).(*array.StringBuilder).Append(v)
		}
	}
	batch := b.NewRecordBatch()
	defer batch.Release()
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &out, parquet.NewWriterProperties(parquet.WithCompression(codec)), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(batch); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

var parquetEvents = []string{"file: events.csv", "file: events.parquet\n    format: parquet"}

// fhirEvents reads the small dataset's events from FHIR observations.
var fhirEvents = []string{
	"file: events.csv", "file: Observation*.ndjson*\n    format: fhir\n    resource: Observation",
	"- {name: nhs_number, treatment: unit}\n      - {name: date, type: date,", "- {name: nhs_number, path: subject.identifier.value, treatment: unit}\n      - {name: date, path: effectiveDateTime, type: date,",
	"{name: code, required: true, in", "{name: code, path: code.coding.code, required: true, in",
	"{name: value, type: number,", "{name: value, path: valueQuantity.value, type: number,",
}

func observation(nhs, date, code, more string) string {
	return fmt.Sprintf(`{"resourceType":"Observation","subject":{"identifier":{"value":%q}},"effectiveDateTime":%q,"code":{"coding":[{"code":%q}]}%s}`, nhs, date, code, more) + "\n"
}

// Every class of bad file, in every format, stops the publication with one message
// that names the file and the place, and tells no value.
func TestEveryClassOfBadFile(t *testing.T) {
	good := eventsHeader + nhsA + ",2001-02-03,c1,1.5\n" + strings.Repeat(nhsB+",2002-03-04,c2,\n", 3000)
	packed := gzipped(good)
	rows := [][4]string{{nhsA, "2001-02-03", "c1", "1.5"}, {nhsB, "2002-03-04", "c2", ""}}
	whole := eventsParquet(t, compress.Codecs.Zstd, rows...)
	for name, c := range map[string]struct {
		replace []string // of the definition
		files   map[string]string
		code    gatehouse.Code
		names   []string
	}{
		"gzip, cut":               {nil, map[string]string{"events.csv": packed[:len(packed)-12]}, gatehouse.CodeExtractBroken, []string{"events.csv", "cut off or damaged", "byte"}},
		"gzip, then more":         {nil, map[string]string{"events.csv": packed + "more"}, gatehouse.CodeExtractBroken, []string{"events.csv line", "damaged"}},
		"zstd, cut":               {nil, map[string]string{"events.csv": zstandard(good)[:40]}, gatehouse.CodeExtractBroken, []string{"events.csv", "zstd"}},
		"packed, and a row cut":   {nil, map[string]string{"events.csv": gzipped(good[:len(good)-3])}, gatehouse.CodeExtractBroken, []string{"events.csv is cut off", "line 3002"}},
		"not packed as declared":  {[]string{"file: events.csv", "file: events.csv\n    compression: gzip"}, map[string]string{"events.csv": good}, gatehouse.CodeExtractEncoded, []string{"events.csv", "gzip"}},
		"a bomb":                  {[]string{"file: events.csv", "file: events.csv\n    unpacked_limit: 10kB"}, map[string]string{"events.csv": packed}, gatehouse.CodeExtractBroken, []string{"events.csv", "10000 bytes"}},
		"a bomb, by default":      {nil, map[string]string{"events.csv": gzipped(eventsHeader + strings.Repeat("\n", 90<<20))}, gatehouse.CodeExtractBroken, []string{"events.csv", "more than"}},
		"an archive":              {nil, map[string]string{"events.csv": "PK\x03\x04........"}, gatehouse.CodeExtractEncoded, []string{"events.csv", "ZIP"}},
		"UTF-16 without its mark": {[]string{"file: events.csv", "file: events.csv\n    encoding: utf-16"}, map[string]string{"events.csv": good}, gatehouse.CodeExtractEncoded, []string{"events.csv", "byte-order mark"}},
		"UTF-16, half a letter":   {[]string{"file: events.csv", "file: events.csv\n    encoding: utf-16"}, map[string]string{"events.csv": toUTF16(good) + "x"}, gatehouse.CodeExtractBroken, []string{"events.csv", "UTF-16"}},
		"UTF-16, another order":   {[]string{"file: events.csv", "file: events.csv\n    encoding: utf-16be"}, map[string]string{"events.csv": toUTF16(good)}, gatehouse.CodeExtractEncoded, []string{"events.csv", "byte-order mark"}},
		"one file of several, with another header": {[]string{"file: events.csv", "file: ev_*.csv"}, map[string]string{"ev_1.csv": good, "ev_2.csv": "nhs_number,date,code\n"}, gatehouse.CodeExtractHeader, []string{"ev_2.csv", "value"}},
		"no file of the pattern":                   {[]string{"file: events.csv", "file: ev_*.csv"}, nil, gatehouse.CodeExtractMissing, []string{"ev_*.csv"}},
		"a file of two tables":                     {[]string{"file: events.csv", "file: c*.csv"}, nil, gatehouse.CodeDefinition, []string{"care.csv", "events", "care"}},
		"FHIR, cut":                                {fhirEvents, map[string]string{"Observation.ndjson": observation(nhsA, "2001-02-03", "c1", "") + `{"resourceType":"Observ`}, gatehouse.CodeExtractBroken, []string{"Observation.ndjson", "line 2", "cut off"}},
		"FHIR, packed and cut":                     {fhirEvents, map[string]string{"Observation.ndjson.gz": gzipped(observation(nhsA, "2001-02-03", "c1", ""))[:60]}, gatehouse.CodeExtractBroken, []string{"Observation.ndjson.gz", "gzip"}},
		"FHIR, endless line":                       {fhirEvents, map[string]string{"Observation.ndjson": `{"a":"` + strings.Repeat("x", 17<<20)}, gatehouse.CodeExtractBroken, []string{"Observation.ndjson line 1", "resource"}},
		"FHIR, Latin-1":                            {fhirEvents, map[string]string{"Observation.ndjson": "{\"a\":\"\xe9\"}\n{\"a\":\"\xe9\"}\n"}, gatehouse.CodeExtractEncoded, []string{"Observation.ndjson"}},
		"Parquet, Brotli":                          {parquetEvents, map[string]string{"events.parquet": eventsParquet(t, compress.Codecs.Brotli, rows...)}, gatehouse.CodeExtractEncoded, []string{"events.parquet column 1", "Brotli"}},
		"Parquet, cut":                             {parquetEvents, map[string]string{"events.parquet": whole[:len(whole)-20]}, gatehouse.CodeExtractBroken, []string{"events.parquet", "cut off"}},
		"Parquet, damaged":                         {parquetEvents, map[string]string{"events.parquet": whole[:8] + strings.Repeat("\xff", 24) + whole[32:]}, gatehouse.CodeExtractBroken, []string{"events.parquet column 1", "damaged"}},
		"Parquet that is none":                     {parquetEvents, map[string]string{"events.parquet": good}, gatehouse.CodeExtractEncoded, []string{"events.parquet", "not a Parquet file"}},
		"Parquet, another header":                  {append([]string{"name: value, type", "name: amount, type"}, parquetEvents...), map[string]string{"events.parquet": whole}, gatehouse.CodeExtractHeader, []string{"events.parquet", "amount", "value"}},
		"Parquet, no rows":                         {parquetEvents, map[string]string{"events.parquet": eventsParquet(t, compress.Codecs.Zstd)}, gatehouse.CodeExtractEmpty, []string{"events.parquet"}},
		"Parquet, a bomb":                          {[]string{"file: events.csv", "file: events.parquet\n    format: parquet\n    unpacked_limit: 50B"}, map[string]string{"events.parquet": whole}, gatehouse.CodeExtractBroken, []string{"events.parquet row 2", "50 bytes"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := smallHouse(t)
			if err := os.Remove(filepath.Join(h.extracts, "events.csv")); err != nil {
				t.Fatal(err)
			}
			for file, content := range c.files {
				h.write(file, content)
			}
			_, err := h.publish(smallWith(t, c.replace...))
			wantCode(t, err, c.code, c.names...)
			if err == nil {
				return
			}
			if strings.Count(err.Error(), "\n") > 0 {
				t.Errorf("several lines: %q", err)
			}
			for _, value := range []string{nhsA, nhsB, "2001-02-03", "Observ "} {
				if strings.Contains(err.Error(), value) {
					t.Errorf("%q tells a value", err)
				}
			}
			h.mustNotHavePublished()
		})
	}
}

// Every class of bad row, in every format, is rejected with its reason, reported
// once with file, row and column or path, and nothing else is.
func TestEveryClassOfBadRow(t *testing.T) {
	type row struct{ content, column, why string }
	csvRows := []row{
		{nhsA + ",2001-02-03,c1,1.5", "", ""},
		{nhsA + ",2001-02-03,c1,\xff", "", "encoding"},
		{nhsA + ",2001-02-03,c1,\x02", "", "control_character"},
		{nhsA + ",2001-02-03,c\"1,1", "", "quoting"},
		{nhsA + ",2001-02-03,c1", "", "field_count"},
		{nhsA + ",2001-02-03,c1,1,1", "", "field_count"},
		{",2001-02-03,c1,1", "nhs_number", "nhs_number_missing"},
		{"12345,2001-02-03,c1,1", "nhs_number", "nhs_number_format"},
		{"9990000019,2001-02-03,c1,1", "nhs_number", "nhs_number_check_digit"},
		{nhsA + ",,c1,1", "date", "value_missing"},
		{nhsA + ",2001-02-30,c1,1", "date", "date_impossible"},
		{nhsA + ",03/02/2001,c1,1", "date", "date_impossible"},
		{nhsA + ",2150-01-01,c1,1", "date", "date_in_future"},
		{nhsA + ",1949-01-01,c1,1", "date", "date_before_birth"},
		{nhsA + ",2021-01-01,c1,1", "date", "date_after_death"},
		{nhsA + ",2001-02-03,c9,1", "code", "code_unknown"},
		{nhsA + ",2001-02-03,c1,x", "value", "value_not_numeric"},
		{nhsA + ",2001-02-03,c1,1001", "value", "value_out_of_range"},
		{nhsD + ",2001-02-03,c1,1", "nhs_number", "unknown_person"},
		{nhsA + ",2001-02-03,c1,1.5", "", "duplicate_row"},
	}
	fhirRows := []row{
		{observation(nhsA, "2001-02-03", "c1", ""), "", ""},
		{"{\"resourceType\":\"Observation\",\"a\":\"\xff\"}", "", "encoding"},
		{"{\"resourceType\":\"Observation\",\"a\":\"\x02\"}", "", "control_character"},
		{`not JSON`, "", "json_syntax"},
		{`{"resourceType":"Observation","a":{"b":1,"b":2}}`, "/a/b", "json_duplicate_key"},
		{`{"resourceType":"Observation"} true`, "", "json_trailing_data"},
		{`{"resourceType":"Observation","a":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}`, "/a" + strings.Repeat("/0", 62), "json_too_deep"},
		{`{"resourceType":"Observation","a":1e999}`, "/a", "json_number"},
		{`{"resourceType":"Patient"}`, "/resourceType", "resource_type"},
		{observation(nhsA, "2001-02-03", "c1", `,"valueQuantity":{"value":[1,2]}`), "valueQuantity.value", "value_repeated"},
		{observation(nhsA, "2001-02-03", "c1", `,"valueQuantity":{"value":{}}`), "valueQuantity.value", "value_structured"},
		{observation(nhsA, "2001-02-03", `c1`, `,"valueQuantity":{"value":"\u0000"}`), "valueQuantity.value", "control_character"},
		{observation("", "2001-02-03", "c1", ""), "subject.identifier.value", "nhs_number_missing"},
		{observation("9990000019", "2001-02-03", "c1", ""), "subject.identifier.value", "nhs_number_check_digit"},
		{observation(nhsA, "2001", "c1", ""), "effectiveDateTime", "date_partial"},
		{observation(nhsA, "2001-02-03T04:05:06", "c1", ""), "effectiveDateTime", "date_impossible"}, // no zone
		{observation(nhsA, "2001-02-03T04:05:06+01:00", "c9", ""), "code.coding.code", "code_unknown"},
		{observation(nhsA, "2001-02-03", "c1", `,"valueQuantity":{"value":1001}`), "valueQuantity.value", "value_out_of_range"},
		{observation(nhsD, "2001-02-03", "c1", ""), "subject.identifier.value", "unknown_person"},
		{observation(nhsA, "2001-02-03", "c1", ""), "", "duplicate_row"},
	}
	parquetRows := []row{
		{nhsA + ",2001-02-03,c1,1.5", "", ""},
		{nhsA + ",2001-02-03,c1,\xff", "", "encoding"},
		{nhsA + ",2001-02-03,c1,\x02", "", "control_character"},
		{"9990000019,2001-02-03,c1,1", "nhs_number", "nhs_number_check_digit"},
		{nhsA + ",2001-02-30,c1,1", "date", "date_impossible"},
		{nhsA + ",2001-02-03,c9,1", "code", "code_unknown"},
		{nhsA + ",2001-02-03,c1,x", "value", "value_not_numeric"},
		{nhsA + ",2001-02-03,c1,1.5", "", "duplicate_row"},
	}
	lines := func(rows []row) string {
		var b strings.Builder
		for _, r := range rows {
			b.WriteString(strings.TrimSuffix(r.content, "\n") + "\n")
		}
		return b.String()
	}
	var cells [][4]string
	for _, r := range parquetRows {
		cells = append(cells, [4]string(strings.Split(r.content, ",")))
	}
	for name, c := range map[string]struct {
		replace       []string
		file, content string
		rows          []row
		first         int
	}{
		"CSV":     {nil, "events.csv", eventsHeader + lines(csvRows), csvRows, 2},
		"FHIR":    {fhirEvents, "Observation.ndjson", lines(fhirRows), fhirRows, 1},
		"Parquet": {parquetEvents, "events.parquet", eventsParquet(t, compress.Codecs.Snappy, cells...), parquetRows, 1},
	} {
		t.Run(name, func(t *testing.T) {
			h := smallHouse(t)
			if c.file != "events.csv" {
				if err := os.Remove(filepath.Join(h.extracts, "events.csv")); err != nil {
					t.Fatal(err)
				}
			}
			h.write(c.file, c.content)
			h.write("national.dat", nhsA+",\n"+nhsB+",\n"+nhsC+",\n"+nhsD+",\n")
			v := h.mustPublish(smallWith(t, c.replace...))
			mustBalance(t, v)
			var want, got []string
			for i, r := range c.rows {
				if r.why != "" {
					want = append(want, fmt.Sprintf("%s:%d %s %s", c.file, i+c.first, r.column, r.why))
				}
			}
			for _, r := range h.rejects("small@1") {
				got = append(got, fmt.Sprintf("%s:%s %s %s", r[0], r[1], r[2], r[3]))
				if catalog.Reason(r[3]).Explanation() != r[4] || strings.Contains(r[4], "definition's rule of this name") {
					t.Errorf("%s is not explained", r[3])
				}
			}
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
			}
			if a := account(t, v, "events"); a.Published != 1 {
				t.Errorf("%d rows were published", a.Published)
			}
		})
	}
}
