package catalog_test

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gatehouse-tre/gatehouse/catalog"
)

// world is generated extracts, kept as rows of text.
type world struct {
	patients, events, care [][]string
	national, type1        []string
}

var pool = func() (numbers []string) {
	for i := range 12 {
		numbers = append(numbers, catalog.FormatNHSNumber(validKey(500+i)))
	}
	return numbers
}()

// who draws a person's number, seldom one that is none.
func who(t *rapid.T) string {
	if n := rapid.IntRange(0, 19).Draw(t, "who"); n < 18 {
		return pool[n%len(pool)]
	}
	return rapid.SampledFrom([]string{"", "123", "9990000019", "999000001x"}).Draw(t, "nobody")
}

// drawPatient gives a person's row: the i-th person is born in 1900+i, so that
// published rows tell the test whose they are.
func drawPatient(t *rapid.T) []string {
	n := who(t)
	i := max(slices.Index(pool, n), 0)
	born := fmt.Sprintf("%d-%02d-%02d", 1900+i, i%12+1, i+3)
	if rapid.IntRange(0, 9).Draw(t, "born") == 0 {
		born = rapid.SampledFrom([]string{"", "1930-02-30", "2098-01-01", "unknown"}).Draw(t, "wrong")
	}
	died := rapid.SampledFrom([]string{"", "", "", "2015-06-15", "1899-01-01"}).Draw(t, "died")
	return []string{n, fmt.Sprintf("Gv%dn", i), fmt.Sprintf("Fm%dy", i), born, fmt.Sprintf("PC%d 9ZZ", i), rapid.SampledFrom([]string{"F", "M", "F", "M", "?"}).Draw(t, "sex"), died}
}

func drawWorld(t *rapid.T) world {
	var w world
	w.patients = rapid.SliceOfN(rapid.Custom(drawPatient), 1, 20).Draw(t, "patients")
	for i := range rapid.IntRange(1, 40).Draw(t, "events") {
		date := fmt.Sprintf("20%02d-03-04", rapid.IntRange(0, 24).Draw(t, "year"))
		if rapid.IntRange(0, 9).Draw(t, "date") == 0 {
			date = rapid.SampledFrom([]string{"", "2001-13-01", "2097-01-01", "1901-01-01"}).Draw(t, "wrong")
		}
		// The value is the row's own number, by which the test knows it again.
		row := []string{who(t), date, rapid.SampledFrom([]string{"c1", "c2", "c1", "c2", "c9"}).Draw(t, "code"), fmt.Sprint(i)}
		w.events = append(w.events, row)
		if rapid.IntRange(0, 9).Draw(t, "copy") == 0 {
			w.events = append(w.events, row)
		}
	}
	for i := range rapid.IntRange(0, 12).Draw(t, "care") {
		p := drawPatient(t)
		if rapid.Bool().Draw(t, "unnamed") {
			p[0] = ""
		}
		w.care = append(w.care, []string{fmt.Sprintf("k%d", i), p[0], p[1], p[2], p[3], p[4], "2012-01-01", ""})
	}
	for _, n := range pool {
		if rapid.IntRange(0, 4).Draw(t, "allowed") > 0 {
			w.national = append(w.national, n)
		}
		if rapid.IntRange(0, 6).Draw(t, "denied") == 0 {
			w.type1 = append(w.type1, n)
		}
	}
	if len(w.national) == 0 {
		w.national = pool[:1]
	}
	return w
}

func (w world) writeTo(h *house) {
	text := func(header string, rows [][]string) string {
		for _, r := range rows {
			header += strings.Join(r, ",") + "\n"
		}
		return header
	}
	h.write("patients.csv", text(patientsHeader, w.patients))
	h.write("events.csv", text(eventsHeader, w.events))
	h.write("care.csv", text(careHeader, w.care))
	h.write("codes.csv", "code,term\nc1,One\nc2,Two\n")
	h.write("national.dat", strings.Join(w.national, ",\n")+",\n")
	var type1 [][]string
	for _, n := range w.type1 {
		type1 = append(type1, []string{n, "9Nu0"})
	}
	h.write("type1.csv", text("nhs_number,code\n", type1))
}

// expected says what must become of each file, worked out the slow way.
type expected struct {
	accounts map[string]map[string]int64 // file → "published", "opted out" or reason → rows
	born     []string                    // years of birth of published people, sorted
	events   []string                    // values of published events, sorted
}

func (w world) expect(now time.Time) expected {
	out := expected{accounts: map[string]map[string]int64{"patients.csv": {}, "events.csv": {}, "care.csv": {}}}
	optedOut := func(n string) bool { return !slices.Contains(w.national, n) || slices.Contains(w.type1, n) }
	day := func(s string) (time.Time, bool) {
		d, err := time.Parse(time.DateOnly, s)
		return d, err == nil
	}
	number := func(s string) string {
		switch {
		case s == "":
			return "nhs_number_missing"
		case slices.Contains(pool, s):
			return ""
		case len(s) == 10 && !strings.Contains(s, "x"):
			return "nhs_number_check_digit"
		}
		return "nhs_number_format"
	}
	date := func(s string, required bool) string {
		d, ok := day(s)
		switch {
		case s == "" && required:
			return "value_missing"
		case s == "":
			return ""
		case !ok:
			return "date_impossible"
		case d.After(now):
			return "date_in_future"
		}
		return ""
	}
	first := func(reasons ...string) string {
		for _, r := range reasons {
			if r != "" {
				return r
			}
		}
		return ""
	}

	// Patients: what is wrong with each row alone, then rows of the same number.
	valid := make(map[string][][]string)
	for _, r := range w.patients {
		sex := ""
		if r[5] == "?" {
			sex = "value_unknown"
		}
		order := ""
		if r[6] != "" && r[6] < r[3] {
			order = "death_before_birth"
		}
		if why := first(number(r[0]), date(r[3], true), sex, date(r[6], false), order); why != "" {
			out.accounts["patients.csv"][why]++
			continue
		}
		valid[r[0]] = append(valid[r[0]], r)
	}
	people := make(map[string][]string) // believed
	for n, rows := range valid {
		same := 0
		for _, r := range rows {
			if slices.Equal(r, rows[0]) {
				same++
			}
		}
		if same == len(rows) {
			people[n] = rows[0]
			if len(rows) > 1 {
				out.accounts["patients.csv"]["duplicate_row"] += int64(len(rows) - 1)
			}
			continue
		}
		// Copies of the first row that come before any other are plain copies.
		before := 0
		for _, r := range rows[1:] {
			if !slices.Equal(r, rows[0]) {
				break
			}
			before++
		}
		if before > 0 {
			out.accounts["patients.csv"]["duplicate_row"] += int64(before)
		}
		out.accounts["patients.csv"]["duplicate_nhs_number"] += int64(len(rows) - before)
	}
	for n, r := range people {
		if optedOut(n) {
			out.accounts["patients.csv"]["opted out"]++
		} else {
			out.accounts["patients.csv"]["published"]++
			out.born = append(out.born, r[3][:4])
		}
	}
	life := func(n, on string) string {
		r, ok := people[n]
		if !ok {
			return ""
		}
		d, _ := day(on)
		if on < r[3] {
			return "date_before_birth"
		}
		if died, ok := day(r[6]); ok && d.After(died.AddDate(0, 0, 30)) {
			return "date_after_death"
		}
		return ""
	}
	end := func(n string) string {
		_, known := people[n]
		_, conflicting := valid[n]
		switch {
		case known && !optedOut(n):
			return "published"
		case known, !conflicting && optedOut(n):
			return "opted out"
		}
		return "unknown_person"
	}
	seen := make(map[string]bool)
	for _, r := range w.events {
		code := ""
		if r[2] == "c9" {
			code = "code_unknown"
		}
		duplicate := ""
		why := first(number(r[0]), date(r[1], true), code, life(r[0], r[1]))
		if text := strings.Join(r, ","); why == "" {
			if seen[text] {
				duplicate = "duplicate_row"
			}
			seen[text] = true
		}
		why = first(why, duplicate, end(r[0]))
		out.accounts["events.csv"][why]++
		if why == "published" {
			out.events = append(out.events, r[3])
		}
	}
	for _, r := range w.care {
		n, why := r[1], ""
		if n == "" {
			why = "unlinked"
			for candidate, p := range people {
				if p[1] == r[2] && p[2] == r[3] && p[3] == r[4] && p[4] == r[5] {
					n, why = candidate, ""
				}
			}
			if _, ok := day(r[4]); r[4] != "" && !ok {
				why = "date_impossible"
			}
		} else {
			if why = number(n); why == "" {
				if _, ok := day(r[4]); r[4] != "" && !ok {
					why = "date_impossible"
				}
			}
		}
		if why == "" {
			why = end(n)
		}
		out.accounts["care.csv"][why]++
	}
	slices.Sort(out.born)
	slices.Sort(out.events)
	return out
}

// Over generated extracts, lists and faults, published one after the other into
// the same house: accounts are exactly right, only rows of people who have not
// opted out come through, and nothing that identifies anybody stands outside the
// custodian zone.
func TestEveryRowIsAccountedForAndNobodyWhoOptedOutIsPublished(t *testing.T) {
	checks := flag.Lookup("rapid.checks")
	before := checks.Value.String()
	if err := checks.Value.Set("40"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = checks.Value.Set(before) }()
	h := newHouse(t)
	d := small(t)
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		w.writeTo(h)
		want := w.expect(h.now)
		v, err := h.publish(d)
		if err != nil {
			rt.Fatal(err)
		}
		for _, a := range v.Accounts {
			if a.Extract == "codes.csv" {
				continue
			}
			got := maps.Clone(a.Rejected)
			for name, n := range map[string]int64{"published": a.Published, "opted out": a.OptedOut} {
				if n > 0 {
					got[name] = n
				}
			}
			if !a.Balanced() || !maps.Equal(got, want.accounts[a.Extract]) {
				rt.Fatalf("%s: got %v, want %v", a.Extract, got, want.accounts[a.Extract])
			}
		}
		column := func(sql string) (values []string) {
			for _, r := range h.query(sql) {
				values = append(values, r[0])
			}
			slices.Sort(values)
			return values
		}
		if got := column("SELECT birth_year FROM " + table(v, "patients")); !slices.Equal(got, want.born) {
			rt.Fatalf("people born %v are published, want %v", got, want.born)
		}
		if got := column("SELECT value::INTEGER FROM " + table(v, "events")); !slices.Equal(got, want.events) {
			rt.Fatalf("events %v are published, want %v", got, want.events)
		}
		var secrets []string
		secrets = append(secrets, pool...)
		for i := range pool {
			secrets = append(secrets, fmt.Sprintf("Gv%dn", i), fmt.Sprintf("Fm%dy", i), fmt.Sprintf("PC%d 9ZZ", i), fmt.Sprintf("%d-%02d-%02d", 1900+i, i%12+1, i+3))
		}
		if found := h.search(v, secrets); found != "" {
			rt.Fatal(found)
		}
	})
}

// search looks for texts in every file outside the custodian zone, and in what
// the published files of v hold when they are read.
func (h *house) search(v catalog.Version, secrets []string) (found string) {
	look := func(where string, b []byte) {
		for _, s := range secrets {
			if bytes.Contains(b, []byte(s)) {
				found = s + " stands in " + where
			}
		}
	}
	err := filepath.WalkDir(h.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if path == filepath.Join(h.dir, "custodian") {
				return filepath.SkipDir
			}
			return nil
		}
		b, err := os.ReadFile(path)
		look(path, b)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, t := range v.Tables {
		for _, row := range h.query("SELECT x::VARCHAR FROM " + table(v, t.Name) + " x") {
			look(t.Name, []byte(row[0]))
		}
	}
	return found
}

// The same search over the synthetic extracts of the demonstration.
func TestNothingIdentifyingStandsOutsideTheCustodianZone(t *testing.T) {
	h := newHouse(t)
	h.synthesize(400)
	v := h.mustPublish(sharedCare(t))
	secrets := make(map[string]bool)
	for _, file := range []string{"patients.csv", "social_care.csv"} {
		rows := readLoose(t, filepath.Join(h.extracts, file))
		for _, r := range rows[1:] {
			for i, name := range rows[0] {
				switch name {
				case "nhs_number", "family_name", "postcode", "address", "client_number":
					if len(r[i]) > 5 { // shorter names are parts of words
						secrets[r[i]] = true
					}
				}
			}
		}
	}
	if len(secrets) < 400 {
		t.Fatalf("only %d texts to look for", len(secrets))
	}
	for _, code := range h.query("SELECT term || system || codelist FROM " + table(v, "codes")) {
		for s := range secrets {
			if strings.Contains(code[0], s) {
				delete(secrets, s) // a name that a public term holds as well
			}
		}
	}
	if found := h.search(v, slices.Collect(maps.Keys(secrets))); found != "" {
		t.Error(found)
	}
}

// readLoose reads a file whose rows may be faulty.
func readLoose(t *testing.T, path string) (rows [][]string) {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		row := strings.Split(line, ",")
		if len(rows) == 0 || len(row) >= len(rows[0]) {
			rows = append(rows, row)
		}
	}
	return rows
}
