package catalog_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(s)) // a buffer takes everything
	_ = w.Close()
	return b.String()
}

func zstandard(s string) string {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err) // no option was given
	}
	return string(w.EncodeAll([]byte(s), nil))
}

func bigUTF16(s string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		b.WriteByte(byte(u >> 8))
		b.WriteByte(byte(u))
	}
	return b.String()
}

// publishedSmall is everything that the small dataset publishes, as text.
func publishedSmall(h *house, v catalog.Version) string {
	var b strings.Builder
	for _, sql := range []string{
		"SELECT birth_year, sex, death_month FROM " + table(v, "patients") + " ORDER BY ALL",
		"SELECT birth_year, date, code, value FROM " + table(v, "events") + " JOIN " + table(v, "patients") + " USING (_unit) ORDER BY ALL",
		"SELECT birth_year, started, ended, days FROM " + table(v, "care") + " JOIN " + table(v, "patients") + " USING (_unit) ORDER BY ALL",
		"SELECT * FROM " + table(v, "codes") + " ORDER BY ALL",
	} {
		for _, row := range h.query(sql) {
			b.WriteString(strings.Join(row, "|") + "\n")
		}
	}
	return b.String()
}

// However the same extracts are packed, encoded and cut into files, the same
// is published of them.
func TestTheFormOfAFileChangesNothing(t *testing.T) {
	plain := smallHouse(t)
	want := publishedSmall(plain, plain.mustPublish(small(t)))
	edit := func(h *house, file, as string, edit func(string) string) {
		b, err := os.ReadFile(filepath.Join(h.extracts, file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(h.extracts, file)); err != nil {
			t.Fatal(err)
		}
		h.write(as, edit(string(b)))
	}
	for name, c := range map[string]struct {
		replace []string
		edit    func(h *house)
		files   int
	}{
		"packed, encoded and delimited otherwise": {[]string{"file: patients.csv", "file: patients.csv\n    delimiter: tab",
			"file: events.csv", "file: events.csv.zst\n    encoding: utf-16\n    compression: zstd\n    unpacked_limit: 1kB",
			"file: care.csv", "file: care.csv\n    encoding: utf-16be", "file: codes.csv", "file: codes.csv\n    delimiter: \"\\x1f\""}, func(h *house) {
			edit(h, "patients.csv", "patients.csv", func(s string) string { return gzipped("\ufeff" + replace(",", "\t")(s)) })
			edit(h, "events.csv", "events.csv.zst", func(s string) string { return zstandard(toUTF16(s)) })
			edit(h, "care.csv", "care.csv", func(s string) string { return gzipped(bigUTF16(s)) })
			edit(h, "codes.csv", "codes.csv", replace(",", "\x1f", "Two\x1f too", "Two, too", "\"Two, too\"", "\"Two, too\""))
		}, 4},
		"several files": {[]string{"file: events.csv", "file: events_*.csv*", "file: patients.csv", "file: patients?.csv"}, func(h *house) {
			edit(h, "events.csv", "events_2.csv.gz", func(s string) string {
				lines := strings.SplitAfter(s, "\n")
				h.write("events_1.csv", lines[0]+lines[1])
				h.write("events_3.csv", lines[0]+lines[1]+lines[4])
				return gzipped(lines[0] + lines[2] + lines[3])
			})
			edit(h, "patients.csv", "patients1.csv", func(s string) string {
				lines := strings.SplitAfter(s, "\n")
				h.write("patients2.csv", lines[0]+lines[2]+lines[3])
				return lines[0] + lines[1]
			})
		}, 7},
		"dates declared": {[]string{"{name: date, type: date,", "{name: date, type: date, format: DD/MM/YYYY|YYYYMMDD, missing: [01/01/1800],"}, func(h *house) {
			edit(h, "events.csv", "events.csv", replace("2001-02-03", "03/02/2001", "2002-03-04", "04/03/2002", "2003-04-05", "20030405", "2020-01-01", "01/01/2020"))
		}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			h := smallHouse(t)
			c.edit(h)
			v := h.mustPublish(smallWith(t, c.replace...))
			mustBalance(t, v)
			if got := publishedSmall(h, v); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if len(v.Accounts) != c.files {
				t.Errorf("%d files have an account, not %d", len(v.Accounts), c.files)
			}
		})
	}
}

// A table's files are accounted for one by one, and a person may not have a row in two of them.
func TestEachFileHasItsAccount(t *testing.T) {
	h := smallHouse(t)
	h.write("patients_2.csv", patientsHeader+nhsA+",Ann,Abel,1950-03-14,AA1 1AA,F,2020-05-17\n"+nhsD+",Di,Dale,1970-01-01,DD1 1DD,F,\n")
	h.write("national.dat", nhsA+",\n"+nhsB+",\n"+nhsD+",\n")
	v := h.mustPublish(smallWith(t, "file: patients.csv", "file: patients*.csv"))
	mustBalance(t, v)
	var got []string
	for _, a := range v.Accounts {
		if a.Table == "patients" {
			got = append(got, a.Extract+" "+itoa(a.Read)+" "+itoa(a.Published)+" "+itoa(a.OptedOut)+" "+itoa(a.Rejected["duplicate_nhs_number"]))
		}
	}
	if want := "patients.csv 3 1 1 1; patients_2.csv 2 1 0 1"; strings.Join(got, "; ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, "; "), want)
	}
	places := make(map[string]bool)
	for _, r := range h.rejects("small@1") {
		if r[3] == "duplicate_nhs_number" {
			places[r[0]+":"+r[1]] = true
		}
	}
	if len(places) != 2 || !places["patients.csv:2"] || !places["patients_2.csv:2"] {
		t.Errorf("reported at %v", places)
	}
}

// An optional table that the version has may not be missing from an extract of
// changes, and one that it lacks may not come with one: either would make a version
// of which a part was forgotten.
func TestChangesNeedTheTablesOfTheVersionBefore(t *testing.T) {
	d := smallWith(t, "file: care.csv", "file: care.csv\n    optional: true")
	h := smallHouse(t)
	h.mustPublish(d)
	care := filepath.Join(h.extracts, "care.csv")
	b, err := os.ReadFile(care)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(care); err != nil {
		t.Fatal(err)
	}
	o := h.options(d)
	o.Changes = true
	_, err = catalog.Publish(t.Context(), o)
	wantCode(t, err, gatehouse.CodeExtractMissing, "care.csv")
	if v := h.mustPublish(d); len(v.Tables) != 3 { // a whole extract may do without
		t.Errorf("%d tables", len(v.Tables))
	}
	h.write("care.csv", string(b))
	_, err = catalog.Publish(t.Context(), o)
	wantCode(t, err, gatehouse.CodeChanges, "care")
}
