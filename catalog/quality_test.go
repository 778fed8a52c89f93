package catalog_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/catalog/quality"
)

// small.yaml with checks after its custodian.
func checked(t *testing.T, checks string) *catalog.Definition {
	return smallWith(t, "custodian: Tests\n", "custodian: Tests\n"+checks)
}

func TestEachKindOfCheckFindsWhatBreaksIt(t *testing.T) {
	h := smallHouse(t)
	v := h.mustPublish(checked(t, `
risk: {quasi_identifiers: [sex], sensitive: [birth_year]}
quality:
  - {name: all sexes, table: patients, complete: sex}
  - {name: all deaths, table: patients, complete: death_month}
  - {name: a third of deaths, table: patients, complete: death_month, at_least: 0.3}
  - {name: values in range, table: events, range: {column: value, min: 0}}
  - {name: one event a day, table: events, unique: [date, code]}
  - {name: codes once, table: events, unique: [code]}
  - {name: codes known, table: events, refers: {column: code, to: codes.code}}
  - {name: terms are codes, table: codes, refers: {column: term, to: codes.code}}
  - {name: starts first, table: care, order: [started, ended]}
  - {name: ends first, table: care, order: [ended, started]}
  - {name: every month, table: events, monthly: date}
  - {name: enough rows, table: events, rows: {min: 4, max: 4}}
  - {name: too few rows, table: events, rows: {min: 5}}
`))
	want := map[string]bool{
		"all sexes": true, "all deaths": false, "a third of deaths": true, "values in range": false, "one event a day": true, "codes once": false, "codes known": true,
		"terms are codes": false, "starts first": true, "ends first": false, "every month": false, "enough rows": true, "too few rows": false,
	}
	if len(v.Quality) != len(want) {
		t.Fatalf("%d checks are in the manifest", len(v.Quality))
	}
	for _, m := range v.Quality {
		if m.Passed != want[m.Name] {
			t.Errorf("%s: passed is %v", m.Name, m.Passed)
		}
	}
	// Two women and one man; each group has as many years of birth as people.
	if r := v.Risk; r == nil || r.K != 1 || r.Unique != 1 || r.Few != 3 || r.L["birth_year"] != 1 {
		t.Errorf("risk: %+v", v.Risk)
	}
	folder := filepath.Join(h.dir, "custodian", "reports", v.Name())
	b, err := os.ReadFile(filepath.Join(folder, "quality.json"))
	if err != nil {
		t.Fatal(err)
	}
	var report quality.Report
	if err := json.Unmarshal(b, &report); err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		if r.Name == "all deaths" && (r.Total != 3 || r.Failing != 2) {
			t.Errorf("%+v", r)
		}
		if r.Monthly != "" && (len(r.Months) != 228 || r.Months[0].Month != "2001-02" || r.Months[227].Month != "2020-01") {
			t.Errorf("%d months: %+v …", len(r.Months), r.Months[:3])
		}
	}
	page, err := os.ReadFile(filepath.Join(folder, "quality.html"))
	if err != nil || !strings.Contains(string(page), "<svg") || !strings.Contains(string(page), "values in range") || strings.Contains(string(page), "<script") {
		t.Errorf("the page: %v", err)
	}
}

func TestACheckThatRefusesKeepsTheVersionBack(t *testing.T) {
	h := smallHouse(t)
	d := checked(t, "quality:\n  - {name: Every death is known, table: patients, complete: death_month, severity: refuse}\n")
	_, err := catalog.Publish(t.Context(), h.options(d))
	if gatehouse.CodeOf(err) != gatehouse.CodeQuality || !strings.Contains(err.Error(), "Every death is known") {
		t.Fatalf("%v", err)
	}
	if numbers, _ := filepath.Glob(filepath.Join(h.dir, "versions", "small", "*")); len(numbers) > 0 {
		t.Errorf("something was published: %v", numbers)
	}
	if _, err := os.Stat(filepath.Join(h.dir, "custodian", "reports", "small@1-refused", "quality.html")); err != nil {
		t.Error(err)
	}
	h.mustPublish(small(t)) // and the next one is the first
}

func TestChecksThatCannotBeMadeAreFaultsOfTheDefinition(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", "small.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for checks, want := range map[string]string{
		"quality: [{name: x, table: patients, complete: given}]":                       `publishes no column "given"`,
		"quality: [{name: x, table: nobody, complete: sex}]":                           `no table "nobody"`,
		"quality: [{name: x, table: patients}]":                                        "exactly one of",
		"quality: [{name: x, table: patients, complete: sex, monthly: sex}]":           "exactly one of",
		"quality: [{table: patients, complete: sex}]":                                  "no name",
		"quality: [{name: x, table: patients, complete: sex, severity: loud}]":         "refuse or warn",
		"quality: [{name: x, table: patients, complete: sex, at_least: 2}]":            "from 0 to 1",
		"quality: [{name: x, table: events, refers: {column: code, to: codes.birth}}]": "no published column",
		"risk: {quasi_identifiers: [postcode]}":                                        `publishes no column "postcode"`,
		"risk: {quasi_identifiers: []}":                                                "no quasi_identifiers",
		"listing: {contact: nobody}":                                                   "e-mail",
		"listing: {starts: soon}":                                                      "not a day",
	} {
		_, err := catalog.ParseDefinition("small.yaml", append(b, []byte("\n"+checks+"\n")...))
		if gatehouse.CodeOf(err) != gatehouse.CodeDefinition || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", checks, err)
		}
	}
}
