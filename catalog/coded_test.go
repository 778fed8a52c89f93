package catalog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

const type1File = "{list: type1, file: type1.csv, kind: deny, header: [nhs_number, code], column: nhs_number, max_age: 720h}"

// Of each person the latest code counts, in whichever terminology and however
// padded; what cannot be dated is dissent.
func TestTypeOneIsReadFromTheEvents(t *testing.T) {
	d := smallWith(t, type1File, "{list: type1, coded: {table: events, code: code, date: date, withdrawn: [9Nu1, XaZ8A, \"827261000000102\"]}, max_age: 720h}")
	h := smallHouse(t)
	h.write("care.csv", careHeader)
	var patients, events, allowed strings.Builder
	patients.WriteString(patientsHeader)
	events.WriteString(eventsHeader)
	out := map[string]bool{} // by year of birth
	names := map[string]string{}
	key, year := uint32(999_000_000), 1900
	person := func() string {
		for {
			key++
			number := catalog.FormatNHSNumber(key)
			if _, why := catalog.ParseNHSNumber([]byte(number)); why == "" {
				return number
			}
		}
	}
	for name, want := range map[string]struct {
		events string // of the person @
		out    bool
	}{
		"nothing":                       {"@,2001-01-01,c1,\n", false},
		"Read":                          {"@,2001-01-01,9Nu0,\n", true},
		"Read with a dot":               {"@,2001-01-01,9Nu0.,\n", true},
		"Read with a term code":         {"@,2001-01-01,9Nu0.00,\n", true},
		"CTV3":                          {"@,2001-01-01,XaZ89,\n", true},
		"SNOMED, quoted":                {"@,2001-01-01,\" 827241000000103 \",\n", true},
		"withdrawn later":               {"@,2001-01-01,XaZ89,\n@,2002-01-01,9Nu1,\n", false},
		"withdrawn, above in the file":  {"@,2002-01-01,XaZ8A,\n@,2001-01-01,XaZ89,\n", false},
		"dissent again":                 {"@,2001-01-01,9Nu0,\n@,2002-01-01,827261000000102,\n@,2003-01-01,9Nu0,\n", true},
		"both on one day":               {"@,2001-01-01,9Nu1,\n@,2001-01-01,9Nu0,\n", true},
		"dissent on no day":             {"@,,9Nu0,\n@,2002-01-01,9Nu1,\n", true},
		"dissent on an impossible day":  {"@,2001-02-31,9Nu0,\n@,2002-01-01,9Nu1,\n", true},
		"dissent in the future":         {"@,2091-02-01,9Nu0,\n@,2002-01-01,9Nu1,\n", true},
		"withdrawn on no day":           {"@,2001-01-01,9Nu0,\n@,,9Nu1,\n", true},
		"withdrawn alone":               {"@,2001-01-01,9Nu1,\n", false},
		"another code that contains it": {"@,2001-01-01,x9Nu0,\n", false},
		"in another column":             {"@,2001-01-01,c1,9Nu0\n", false},
		"of no NHS number":              {"1234567890,2001-01-01,9Nu0,\n", false},
	} {
		number := person()
		year++
		patients.WriteString(fmt.Sprintf("%s,P,Q%d,%d-01-01,AA1 1AA,F,\n", number, year, year))
		events.WriteString(strings.ReplaceAll(want.events, "@,", number+","))
		allowed.WriteString(number + ",\n")
		out[strconv.Itoa(year)], names[strconv.Itoa(year)] = want.out, name
	}
	h.write("patients.csv", patients.String())
	h.write("events.csv", events.String())
	h.write("national.dat", allowed.String())
	d.RejectFloor = 100
	v := h.mustPublish(d)
	mustBalance(t, v)
	published := map[string]bool{}
	for _, born := range flat(h.query("SELECT birth_year FROM " + table(v, "patients"))) {
		published[born] = true
	}
	for born, name := range names {
		if published[born] == out[born] {
			t.Errorf("%s: published: %v", name, published[born])
		}
	}
	for _, r := range v.Receipts {
		if r.List == "type1" && (r.Source != catalog.SourceEvents || r.Dated.IsZero() || r.Entries != 11 || r.Affected != 11 || r.Nobody != 1) {
			t.Errorf("%+v", r)
		}
	}
}

func flat(rows [][]string) (all []string) {
	for _, r := range rows {
		all = append(all, r...)
	}
	return all
}

func TestDissentWithoutANumberIsLinkedAsItsRowIs(t *testing.T) {
	h := smallHouse(t)
	h.write("care.csv", careHeader+"9Nu0.,,Cy,Cole,2000-02-29,CC1 1CC,2011-01-01,\nk1,"+nhsB+",Bea,Bell,1960-12-31,BB1 1BB,2010-01-01,2010-01-31\n"+
		"9Nu0.,,No,Body,2000-02-29,CC1 1CC,2011-01-01,\n")
	d := smallWith(t, type1File, "{list: type1, coded: {table: care, code: client, date: started}, max_age: 720h}")
	d.RejectFloor = 100
	v := h.mustPublish(d)
	if got := flat(h.query("SELECT birth_year FROM " + table(v, "patients") + " ORDER BY 1")); strings.Join(got, " ") != "1950 1960" {
		t.Errorf("published: %v", got)
	}
	for _, r := range v.Receipts {
		if r.List == "type1" && (r.Entries != 1 || r.Nobody != 1) {
			t.Errorf("%+v", r)
		}
	}
}

func TestDissentThatCannotBeReadStopsThePublication(t *testing.T) {
	h := smallHouse(t)
	h.write("events.csv", eventsHeader+nhsA+",2001-01-01,9Nu0\n"+nhsC+",2020-01-01,c1,0\n")
	d := smallWith(t, type1File, "{list: type1, coded: {table: events, code: code, date: date}, max_age: 720h}")
	_, err := h.publish(d)
	if gatehouse.CodeOf(err) != gatehouse.CodeListInvalid || !strings.Contains(err.Error(), "events.csv line 2") || strings.Contains(err.Error(), nhsA) {
		t.Error(err)
	}
	h.mustNotHavePublished()
	// The extract's age is the list's.
	h.write("events.csv", eventsHeader+nhsC+",2020-01-01,c1,0\n")
	h.write("events.csv"+catalog.DatedSuffix, h.now.Add(-1000*time.Hour).Format(time.RFC3339)+"\n")
	if _, err := h.publish(d); gatehouse.CodeOf(err) != gatehouse.CodeListOld {
		t.Error(err)
	}
}

func TestCodedListsAreChecked(t *testing.T) {
	for name, rule := range map[string]string{
		"an unknown table":     "{list: type1, coded: {table: nothing, code: code, date: date}}",
		"an unknown column":    "{list: type1, coded: {table: events, code: nothing, date: date}}",
		"no date":              "{list: type1, coded: {table: events, code: code, date: value}}",
		"a file":               "{list: type1, file: x.csv, coded: {table: events, code: code, date: date}}",
		"an allow-list":        "{list: type1, kind: allow, coded: {table: events, code: code, date: date}}",
		"a padded code":        "{list: type1, coded: {table: events, code: code, date: date, dissent: [9Nu0.]}}",
		"a code of both kinds": "{list: type1, coded: {table: events, code: code, date: date, dissent: [9Nu0], withdrawn: [9Nu0]}}",
		"a table of nobody":    "{list: type1, coded: {table: codes, code: code, date: date}}",
	} {
		b, err := os.ReadFile(filepath.Join("testdata", "small.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := catalog.ParseDefinition("small.yaml", []byte(strings.Replace(string(b), type1File, rule, 1))); gatehouse.CodeOf(err) != gatehouse.CodeDefinition {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A receipt tells of a list without telling who is on it: the same list has
// another receipt elsewhere, and nothing plain of it stands in the manifest.
func TestReceiptsAreKeyed(t *testing.T) {
	receipts := func() (catalog.Version, map[string]catalog.Receipt, string) {
		h := smallHouse(t)
		h.write("type1.csv", "nhs_number,code\n"+nhsA+",9Nu0\n")
		v := h.mustPublish(small(t))
		again := h.mustPublish(small(t))
		by := map[string]catalog.Receipt{}
		for i, r := range v.Receipts {
			by[r.List] = r
			if r.Digest != again.Receipts[i].Digest || r.Root != again.Receipts[i].Root {
				t.Errorf("the receipt of %s changes from version to version", r.List)
			}
			if r.In != 3 || r.Allowed != "30 days" {
				t.Errorf("%+v", r)
			}
		}
		key, err := os.ReadFile(filepath.Join(h.dir, "custodian", "receipts.key"))
		if err != nil || len(key) != 32 {
			t.Fatalf("%d bytes of key (%v)", len(key), err)
		}
		own, err := os.ReadFile(filepath.Join(h.dir, "custodian", "reports", "small@1", "opt-outs.json"))
		if err != nil || !strings.Contains(string(own), `"sha256"`) {
			t.Errorf("the custodian's record: %s (%v)", own, err)
		}
		return v, by, h.dir
	}
	_, first, _ := receipts()
	_, second, _ := receipts()
	for list, r := range first {
		if r.Digest == second[list].Digest || r.Root == second[list].Root {
			t.Errorf("the receipt of %s is the same under two keys", list)
		}
	}
	if first["national"].Kind != catalog.ListAllow || first["type1"].Kind != catalog.ListDeny || first["type1"].Entries != 1 {
		t.Errorf("%+v", first)
	}
}
