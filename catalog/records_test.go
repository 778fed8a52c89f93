package catalog

import (
	"encoding/csv"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"
)

// readAll splits text; each record as its line, a bar, and its fields.
func readAll(in io.Reader) (rows []string, lines int64, err error) {
	r := newRecords(in, ',')
	s := splitter{delimiter: ','}
	for {
		rec, err := r.next()
		if err == io.EOF {
			return rows, r.lines, nil
		}
		if err != nil {
			return rows, r.lines, err
		}
		row := "broken"
		if !rec.broken {
			row = ""
			for _, f := range s.split(rec, 100) {
				row += "|" + string(f)
			}
		}
		rows = append(rows, row)
	}
}

// What encoding/csv writes, however it is cut into reads, is read as it was.
func TestRecordsAreThoseOfRFC4180(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		field := rapid.StringMatching(`[a-c"\n, x]{0,6}`).Filter(func(s string) bool { return strings.Trim(s, " \t") == s })
		rows := rapid.SliceOfN(rapid.SliceOfN(field, 2, 4), 1, 20).Draw(t, "rows")
		var b strings.Builder
		w := csv.NewWriter(&b)
		w.UseCRLF = rapid.Bool().Draw(t, "CRLF")
		var want []string
		for _, row := range rows {
			if err := w.Write(row); err != nil {
				t.Fatal(err)
			}
			out := ""
			for _, f := range row {
				if w.UseCRLF {
					f = strings.ReplaceAll(f, "\n", "\r\n")
				}
				out += "|" + f
			}
			want = append(want, out)
		}
		w.Flush()
		for _, in := range []io.Reader{strings.NewReader(b.String()), iotest.OneByteReader(strings.NewReader(b.String())), iotest.HalfReader(strings.NewReader(b.String()))} {
			got, lines, err := readAll(in)
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("%q\ngot  %q\nwant %q (%v)", b.String(), got, want, err)
			}
			if lines != int64(strings.Count(b.String(), "\n")) {
				t.Fatalf("%q: %d lines", b.String(), lines)
			}
		}
	})
}

// Whatever the bytes, each line belongs to one record, is blank, or the file is refused.
func TestNoLineIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a",\n\r]{0,60}`).Draw(t, "text")
		for _, in := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			_, lines, err := readAll(in)
			if err == nil && lines != int64(strings.Count(text, "\n")) {
				t.Fatalf("%q: %d lines", text, lines)
			}
			if err != nil && err != errQuoteOpen {
				t.Fatal(err)
			}
		}
	})
}

func TestMalformedQuotes(t *testing.T) {
	for text, want := range map[string]string{
		"a,b\"c,d\n1,2\n":       "broken / |1|2",
		"\"a\"b,c\n1,2\n":       "broken / |1|2",
		"\"a\" ,c\n1,2\n":       "broken / |1|2",
		"\"a\",\"\"\"\"\n1,2\n": "|a|\" / |1|2",
		"\"a\nb\",c\n\n1,2\n":   "|a\nb|c / |1|2",
		"1,2\n\"a,b\n":          "|1|2 / a quote is never closed",
		"\"a,b\n1,\"2\"\n":      "a quote is never closed",
		"1,2":                   "|1|2",
		"\"1\",\"2\"":           "|1|2",
		"\n\n":                  "",
	} {
		rows, _, err := readAll(strings.NewReader(text))
		if err != nil {
			rows = append(rows, err.Error())
		}
		if got := strings.Join(rows, " / "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestDatesAreReadAsTheCalendarHasThem(t *testing.T) {
	for d := time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC); d.Year() <= lastYear; d = d.AddDate(0, 0, 1) {
		days, ok := parseDate([]byte(d.Format(time.DateOnly)))
		if want := d.Unix() / 86400; !ok || days != want && d.Unix() >= 0 || floorDiv(d.Unix(), 86400) != days {
			t.Fatalf("%v: %d, %v", d, days, ok)
		}
		y, m, day := civilFromDays(days)
		if int(y) != d.Year() || int(m) != int(d.Month()) || int(day) != d.Day() {
			t.Fatalf("%v: %d-%d-%d", d, y, m, day)
		}
	}
}

// Only dates that the calendar has are dates, whatever is written.
func TestNothingElseIsADate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[12][0-9]{3}-[0-9]{2}-[0-9]{2}|[-0-9x/]{8,11}`).Draw(t, "date")
		want, err := time.Parse(time.DateOnly, s)
		ok := err == nil && want.Year() >= firstYear && want.Year() <= lastYear
		if _, got := parseDate([]byte(s)); got != ok {
			t.Fatalf("%q: %v", s, got)
		}
	})
}

func TestTimestamps(t *testing.T) {
	for s, want := range map[string]string{
		"2005-05-07 00:00:00":          "2005-05-07T00:00:00Z",
		"2005-05-07T23:59:59":          "2005-05-07T23:59:59Z",
		"1950-05-07 12:00:00.25":       "1950-05-07T12:00:00.25Z",
		"2005-05-07":                   "2005-05-07T00:00:00Z",
		"2005-05-07 24:00:00":          "",
		"2005-05-07 00:60:00":          "",
		"2005-05-07 00:00":             "",
		"2005-05-07 00:00:00+01":       "",
		"2005-05-07 00:00:00Z":         "",
		"2005-02-30 00:00:00":          "",
		"2005-05-07 00:00:00.":         "",
		"2005-05-07 00:00:00.12345678": "",
	} {
		micros, ok := parseTimestamp([]byte(s))
		got := ""
		if ok {
			got = time.UnixMicro(micros).UTC().Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", s, got, want)
		}
	}
}

func TestWholeNumbers(t *testing.T) {
	for s, want := range map[string]Reason{
		"0": "", "-5": "", "007": "", "999999999999999999": "",
		"1.5": ReasonValueNotWhole, "1e3": ReasonValueNotWhole, "+5": ReasonValueNotWhole,
		"-": ReasonValueNotNumeric, "x": ReasonValueNotNumeric, "1_0": ReasonValueNotNumeric, "0x1": ReasonValueNotNumeric,
		"9999999999999999999": ReasonValueRange,
	} {
		if _, got := parseWhole([]byte(s)); got != want {
			t.Errorf("%s: %q", s, got)
		}
	}
}

// Copies are found wherever they stand, and nothing else is taken for one.
func TestCopiesAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.StringMatching(`[ab]{0,4}`), 0, 200).Draw(t, "rows")
		c := newCopies()
		for _, r := range rows {
			c.note([]byte(r))
		}
		c.seal()
		seen := make(map[string]bool)
		for i, r := range rows {
			if got := c.seen([]byte(r)); got != seen[r] {
				t.Fatalf("row %d %q: %v", i, r, got)
			}
			seen[r] = true
		}
	})
}

func TestKeyTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, want := newKeyTable(), make(map[uint32]uint32)
		for i, key := range rapid.SliceOfN(rapid.Uint32(), 0, 3000).Draw(t, "keys") {
			if _, ok := want[key]; !ok {
				want[key] = uint32(i)
				table.put(key, uint32(i))
			}
		}
		for key, number := range want {
			if got, ok := table.get(key); !ok || got != number {
				t.Fatalf("%d: %d, %v", key, got, ok)
			}
			if _, ok := want[key+1]; !ok {
				if _, ok := table.get(key + 1); ok {
					t.Fatalf("%d is found", key+1)
				}
			}
		}
	})
}
