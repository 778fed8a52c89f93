package synth

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// reader is an ingestion of the test's own: it knows README.md, and nothing of
// how faults are planted. It gives the kind of fault of every line.
type reader struct {
	dir      string
	codes    map[string]bool
	born     map[string]time.Time // of the patients with a good row, by NHS number
	patients map[string]int       // good rows by name, date of birth and postcode
	families map[string]bool      // family names of all patients
}

// table is a file, line by line.
type table struct {
	columns map[string]int
	lines   []line // the header left out: lines[0] is line 2
}

// line is a line of a file, as text and as fields.
type line struct {
	text    string
	columns map[string]int
	values  []string
}

// get is a field by name, without spaces at its end; "" in a file without it.
func (l line) get(name string) string {
	if i, ok := l.columns[name]; ok {
		return strings.TrimRight(l.values[i], " ")
	}
	return ""
}

func readTable(t *testing.T, path string) table {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	out := table{columns: map[string]int{}, lines: make([]line, 0, len(all))}
	for i, name := range strings.Split(all[0], ",") {
		out.columns[name] = i
	}
	for i, text := range all[1:] {
		values := strings.Split(text, ",")
		if strings.Contains(text, `"`) {
			if values, err = csv.NewReader(strings.NewReader(text)).Read(); err != nil {
				t.Fatalf("%s:%d: %v", path, i+2, err)
			}
		}
		if len(values) != len(out.columns) {
			t.Fatalf("%s:%d has %d fields", path, i+2, len(values))
		}
		out.lines = append(out.lines, line{text, out.columns, values})
	}
	return out
}

// faults is every faulty line of a file by number, with its kind.
func (r *reader) faults(file string, lines []line) map[int]string {
	out, seen := map[int]string{}, make(map[string]bool, len(lines))
	for i, l := range lines {
		number, kind := l.get("nhs_number"), r.kind(file, l)
		switch {
		case kind == "" && seen[l.text]:
			kind = "duplicate_row"
		case kind == "" && file == "patients.csv" && !r.born[number].IsZero():
			kind = "duplicate_nhs_number"
		}
		seen[l.text] = true
		if kind != "" {
			out[i+2] = kind
		}
		if file == "patients.csv" {
			r.families[l.get("family_name")] = true
			if kind == "" || kind == "trailing_spaces" {
				r.born[number], _ = date(l.get("date_of_birth"))
				r.patients[identity(l)]++
			}
		}
	}
	return out
}

func identity(l line) string {
	return strings.Join([]string{l.get("given_name"), l.get("family_name"), l.get("date_of_birth"), l.get("postcode")}, "|")
}

func date(s string) (time.Time, error) { return time.Parse(time.DateOnly, s) }

// The dates of all files, each with the one that it must not precede and what it is if it does.
var datesOfFiles = []struct{ name, earlier, kind string }{
	{"date_of_birth", "", ""},
	{"registered_from", "date_of_birth", "registered before birth"},
	{"registered_to", "registered_from", "left before joining"},
	{"date_of_death", "date_of_birth", "death_before_birth"},
	{"date", "", ""},
	{"admitted", "", ""},
	{"discharged", "admitted", "discharged_before_admitted"},
	{"started", "", ""},
	{"ended", "started", "ended_before_started"},
}

// kind is what is wrong with a line by itself, "" for nothing.
func (r *reader) kind(file string, l line) string {
	if !utf8.ValidString(l.text) {
		return "encoding"
	}
	number := l.get("nhs_number")
	switch {
	case number == "" && file == "social_care.csv" && r.patients[identity(l)] == 1:
		return "nhs_number_missing_linkable"
	case number == "" && file == "social_care.csv":
		if r.families[l.get("family_name")] {
			return "a patient's family name"
		}
		return "nhs_number_missing_unlinkable"
	case number == "":
		return "nhs_number_missing"
	case !validNumber(number):
		return "nhs_number_check_digit"
	}
	for _, d := range datesOfFiles {
		text := l.get(d.name)
		if text == "" {
			continue
		}
		day, err := date(text)
		switch {
		case err != nil:
			return "date_impossible"
		case day.Year() >= 2090:
			return "date_in_future"
		case day.After(extractDay.time()):
			return d.name + " after the extract"
		case l.get(d.earlier) > text:
			return d.kind
		}
	}
	for _, name := range []string{"date", "admitted"} {
		if d := l.get(name); d != "" && d < r.born[number].Format(time.DateOnly) {
			return "date_before_birth"
		}
	}
	for _, name := range []string{"code", "diagnosis", "procedure"} {
		if c := l.get(name); c != "" && !r.codes[c] {
			return "code_unknown"
		}
	}
	for _, name := range []string{"value", "length_of_stay", "hours_per_week", "imd_decile"} {
		text := l.get(name)
		if _, err := strconv.ParseFloat(text, 64); text != "" && err != nil {
			return "value_not_numeric"
		}
	}
	if stay := l.get("length_of_stay"); stay != "" {
		from, _ := date(l.get("admitted"))
		to, _ := date(l.get("discharged"))
		if strconv.Itoa(int(to.Sub(from).Hours()/24)) != stay {
			return "a length of stay that is not the days between"
		}
	}
	if strings.Contains(l.text, " ,") || strings.HasSuffix(l.text, " ") {
		return "trailing_spaces"
	}
	return ""
}

func newReader(t *testing.T, dir string) *reader {
	r := &reader{dir: dir, codes: map[string]bool{}, born: map[string]time.Time{}, patients: map[string]int{}, families: map[string]bool{}}
	for _, l := range readTable(t, filepath.Join(dir, "codes.csv")).lines {
		if r.codes[l.get("code")] {
			t.Errorf("code %s stands twice in codes.csv", l.get("code"))
		}
		r.codes[l.get("code")] = true
	}
	return r
}

// recorded is every fault of the summary, by line.
func recorded(t *testing.T, f *FileSummary) map[int]string {
	t.Helper()
	out := map[int]string{}
	for kind, lines := range f.Faults {
		if lines.Count != len(lines.Lines) {
			t.Fatalf("%s: %d counted, %d listed", kind, lines.Count, len(lines.Lines))
		}
		for _, n := range lines.Lines {
			if out[n] != "" {
				t.Errorf("line %d is both %s and %s", n, out[n], kind)
			}
			out[n] = kind
		}
	}
	return out
}

var extractsWithFaults = []string{"patients.csv", "events.csv", "admissions.csv", "social_care.csv"}

// What faults.json says and what an ingestion finds are the same, line by line,
// in both directions.
func TestEveryFaultIsWhereItIsRecordedAndNowhereElse(t *testing.T) {
	small := mustWrite(t, Options{People: 1_500, Seed: 5})
	for _, e := range []extracts{twentyThousand(t), small} {
		r := newReader(t, e.dir)
		for _, file := range extractsWithFaults {
			f := e.summary.Files[file]
			lines := readTable(t, filepath.Join(e.dir, file)).lines
			found, want := r.faults(file, lines), recorded(t, f)
			orphans, listed := 0, map[int]bool{}
			if f.Orphans != nil {
				for _, n := range f.Orphans.Lines {
					listed[n] = true
				}
			}
			wrong := 0
			for i, l := range lines {
				n := i + 2
				orphan := found[n] == "" && file != "patients.csv" && r.born[l.get("nhs_number")].IsZero()
				if orphan {
					orphans++
				}
				if found[n] != want[n] || orphan != listed[n] && f.Orphans.Count <= maxLines {
					if wrong++; wrong <= 5 {
						t.Errorf("%s:%d is %q, and recorded as %q; of nobody: %v, and recorded: %v", file, n, found[n], want[n], orphan, listed[n])
					}
				}
			}
			if wrong > 5 {
				t.Errorf("%s: %d lines differ", file, wrong)
			}
			if len(lines) != f.Rows || f.Orphans != nil && orphans != f.Orphans.Count {
				t.Errorf("%s: %d rows and %d orphans, recorded %d and %+v", file, len(lines), orphans, f.Rows, f.Orphans)
			}
		}
	}
}

func TestDuplicatesNameTheLineThatTheyRepeat(t *testing.T) {
	e := twentyThousand(t)
	for _, file := range extractsWithFaults {
		lines := readTable(t, filepath.Join(e.dir, file)).lines
		d := e.summary.Files[file].Faults["duplicate_row"]
		for i, n := range d.Lines {
			if o := d.Originals[i]; o >= n || lines[o-2].text != lines[n-2].text {
				t.Errorf("%s:%d does not repeat line %d", file, n, o)
			}
		}
	}
	d := e.summary.Files["patients.csv"].Faults["duplicate_nhs_number"]
	lines := readTable(t, filepath.Join(e.dir, "patients.csv")).lines
	for i, n := range d.Lines {
		a, b := lines[d.Originals[i]-2], lines[n-2]
		if a.text == b.text || a.get("nhs_number") != b.get("nhs_number") || d.Originals[i] >= n {
			t.Errorf("line %d is no second registration of line %d", n, d.Originals[i])
		}
	}
}

func TestEachKindOccursInTheSmallestExtract(t *testing.T) {
	for seed := range uint64(25) {
		s := mustWrite(t, Options{People: MinPeople, Seed: seed}).summary
		for i, plan := range plans {
			f := s.Files[files[i].name]
			bad := 0
			for _, p := range plan {
				if kind := faultKinds[p.fault].name; f.Faults[kind] == nil {
					t.Errorf("seed %d: no %s in %s of %d rows", seed, kind, files[i].name, f.Rows)
				} else {
					bad += f.Faults[kind].Count
				}
			}
			if bad == f.Rows {
				t.Errorf("seed %d: not one good row in %s", seed, files[i].name)
			}
		}
	}
}

func TestFaultsAreASmallShare(t *testing.T) {
	e := twentyThousand(t)
	for _, file := range extractsWithFaults {
		f := e.summary.Files[file]
		for kind, lines := range f.Faults {
			low, high := 0.0004, 0.0035
			switch kind {
			case "nhs_number_missing_linkable":
				low, high = 0.025, 0.04
			case "nhs_number_missing_unlinkable":
				low, high = 0.008, 0.014
			}
			if share := float64(lines.Count) / float64(f.Rows); share < low || share > high {
				t.Errorf("%s: %s is %.4f of the rows", file, kind, share)
			}
		}
	}
}

func TestOptOutLists(t *testing.T) {
	e := twentyThousand(t)
	allowed := map[string]bool{}
	text, err := os.ReadFile(filepath.Join(e.dir, "national-opt-out.dat"))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range strings.SplitAfter(string(text), "\n") {
		if l == "" {
			continue
		}
		if len(l) != 12 || l[10:] != ",\n" || !validNumber(l[:10]) || allowed[l[:10]] {
			t.Fatalf("the national list has the line %q", l)
		}
		allowed[l[:10]] = true
	}

	everyone, known := map[string]bool{}, map[string]bool{}
	for _, file := range extractsWithFaults {
		for _, l := range readTable(t, filepath.Join(e.dir, file)).lines {
			if number := l.get("nhs_number"); validNumber(number) {
				known[number] = true
				if file == "patients.csv" {
					everyone[number] = true
				}
			}
		}
	}
	opted := 0
	for number := range everyone {
		if !allowed[number] {
			opted++
		}
	}
	if share := float64(opted) / float64(len(everyone)); share < 0.048 || share > 0.052 {
		t.Errorf("%.4f of people are absent from the national list", share)
	}
	for number := range allowed {
		if !known[number] {
			t.Errorf("the national list holds a number that no extract holds")
		}
	}

	dissent := map[string]bool{}
	codes := map[string]int{}
	for _, l := range readTable(t, filepath.Join(e.dir, "type1-dissent.csv")).lines {
		dissent[l.get("nhs_number")] = true
		codes[l.get("code")]++
		if _, err := date(l.get("date")); err != nil || !validNumber(l.get("nhs_number")) {
			t.Errorf("type1-dissent.csv: %s", l.text)
		}
	}
	if len(dissent) != 400 || len(codes) != 3 || codes["9Nu0"]*codes["XaZ89"]*codes["827241000000103"] == 0 {
		t.Errorf("%d type 1 opt-outs, by code %v", len(dissent), codes)
	}
	withdrawals := readTable(t, filepath.Join(e.dir, "withdrawals.csv")).lines
	if len(withdrawals) != 20 {
		t.Errorf("%d withdrawals", len(withdrawals))
	}
	for _, l := range withdrawals {
		number := l.get("nhs_number")
		if d, err := date(l.get("date")); err != nil || !d.After(extractDay.time()) || l.get("reason") == "" {
			t.Errorf("withdrawals.csv: %s", l.text)
		}
		if dissent[number] || !allowed[number] {
			t.Error("somebody withdrew who had opted out before")
		}
	}
	if n := mustWrite(t, Options{People: 100, Seed: 9}).summary.Files["withdrawals.csv"].Rows; n < 3 {
		t.Errorf("%d withdrawals of 100 people", n)
	}
}

// A list of a thousand lines is a list of the first thousand.
func TestLongListsAreCapped(t *testing.T) {
	l := &Lines{}
	for i := range maxLines + 5 {
		l.add(i+2, 0)
	}
	if l.Count != maxLines+5 || len(l.Lines) != maxLines || l.Lines[0] != 2 {
		t.Errorf("%d counted, %d listed", l.Count, len(l.Lines))
	}
}
