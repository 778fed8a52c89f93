package catalog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// Every mistake in a definition is refused with its line.
func TestMistakesInADefinitionAreNamedWithTheirLine(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", "small.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	right := string(b)
	for name, c := range map[string]struct {
		old, new string // the first of old becomes new; "": new is the whole definition
		names    []string
	}{
		"empty":                    {"", "\n", []string{"empty"}},
		"not YAML":                 {"tables:\n", "tables: [\n", []string{"line"}},
		"unknown key":              {"reject_limit: 1", "reject_limits: 1", []string{"line 5", "reject_limits"}},
		"unknown key of a column":  {"sex, values", "sex, valeus", []string{"line 29", "valeus"}},
		"key twice":                {"title:", "dataset: other\ntitle:", []string{"line 2", "dataset"}},
		"unknown key of a list":    {"kind: deny,", "sort: deny,", []string{"line 9", "sort"}},
		"bad dataset":              {"dataset: small", "dataset: Small!", []string{"line 1", "dataset"}},
		"no title":                 {"title: A small dataset for tests\n", "", []string{"title is missing"}},
		"unknown encoding":         {"utf-8", "latin-9", []string{"line 4", "encoding"}},
		"no opt-outs":              {"opt_outs:\n", "opt_outs: []\nx:\n", []string{"line"}},
		"none without reason":      {right[strings.Index(right, "opt_outs:"):strings.Index(right, "people:")], "opt_outs: none\n", []string{"line 7", "opt_outs_reason"}},
		"list kind":                {"kind: allow", "kind: maybe", []string{"line 8", "allow or deny"}},
		"list column":              {"column: nhs_number", "column: number", []string{"line 9", "column"}},
		"optional allow-list":      {"kind: allow,", "kind: allow, optional: true,", []string{"line 8", "optional"}},
		"list name twice":          {"list: type1", "list: national", []string{"line 9", "twice"}},
		"file elsewhere":           {"file: events.csv", "file: ../events.csv", []string{"line 35", "extracts folder"}},
		"no treatment":             {"{name: postcode, treatment: drop}", "{name: postcode}", []string{"line 28", "postcode", "no treatment"}},
		"unknown treatment":        {"{name: postcode, treatment: drop}", "{name: postcode, treatment: hide}", []string{"line 28", "hide"}},
		"unknown type":             {"value, type: number", "value, type: float", []string{"line 41", "float"}},
		"no class":                 {"treatment: keep, class: measure", "treatment: keep", []string{"line 41", "no class"}},
		"class of a dropped one":   {"{name: postcode, treatment: drop}", "{name: postcode, treatment: drop, class: quasi}", []string{"line 28", "not published"}},
		"measure of text":          {"in: codes.code, treatment: keep, class: dimension", "in: codes.code, treatment: keep, class: measure", []string{"line 40", "not a number"}},
		"date without grain":       {"class: date, grain: month", "class: date", []string{"line 39", "grain"}},
		"person class":             {"treatment: keep, class: measure", "treatment: keep, class: person", []string{"line 41", "person"}},
		"table twice":              {"name: events", "name: patients", []string{"line 34", "twice"}},
		"column twice":             {"{name: given, treatment", "{name: family, treatment", []string{"line 26", "family twice"}},
		"published twice":          {"as: death_month", "as: sex", []string{"line 30", "sex twice"}},
		"the gate's column":        {"as: death_month", "as: _unit", []string{"line 30", "_unit"}},
		"the gate's other column":  {"as: death_month", "as: person_id", []string{"line 30", "person_id"}},
		"no unit":                  {"columns:\n      - {name: nhs_number, treatment: unit}\n      - {name: date,", "columns:\n      - {name: nhs_number, treatment: drop}\n      - {name: date,", []string{"line 34", "exactly one column with treatment unit"}},
		"unit in a public table":   {"{name: term, treatment: keep}", "{name: term, treatment: unit}", []string{"public table codes"}},
		"full date of birth":       {"treatment: year, as: birth_year, class: dimension", "treatment: keep, as: birth_date, class: date, grain: month", []string{"line 15", "full date of birth"}},
		"identifier published":     {"identifier: nhs_number", "identifier: sex", []string{"line 13", "not published"}},
		"people of no table":       {"table: patients", "table: persons", []string{"line 12", "people.table"}},
		"link without its columns": {"- {name: client, treatment: drop}\n      - {name: nhs_number, treatment: unit}\n      - {name: given, treatment: drop}", "- {name: client, treatment: drop}\n      - {name: nhs_number, treatment: unit}\n      - {name: given_name, treatment: drop}", []string{"line 45", "no column given"}},
		"reference to nowhere":     {"in: codes.code", "in: codes.codes", []string{"line 40", "table.column"}},
		"reference to people":      {"in: codes.code", "in: patients.sex", []string{"line 40", "public table"}},
		"range of text":            {"code, required: true", "code, min: \"1\", required: true", []string{"line 40", "min"}},
		"rule without reason":      {", reason: death_before_birth", "", []string{"line 32", "reason"}},
		"rule of one date":         {"order: [born, died]", "order: [born]", []string{"line 32", "two date columns"}},
		"rule of text":             {"order: [born, died]", "order: [born, sex]", []string{"line 32", "not a date"}},
		"derived from nothing":     {"days: {from: started, to: ended}, ", "", []string{"line 57", "how"}},
		"order names another":      {"    rules:\n      - {order: [started", "    order: [days, started, finished]\n    rules:\n      - {order: [started", []string{"finished"}},
		"limit above one":          {"reject_limit: 1", "reject_limit: 5", []string{"line 5", "0 to 1"}},
		"dates of no date":         {"code, required: true", "code, not_future: true, required: true", []string{"line 40", "not a date"}},
		"two documents":            {"tables:\n", "---\ntables:\n", []string{"one YAML document"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := c.new
			if c.old != "" {
				if !strings.Contains(right, c.old) {
					t.Fatalf("the definition does not hold %q", c.old)
				}
				text = strings.Replace(right, c.old, c.new, 1)
			}
			_, err := catalog.ParseDefinition("small.yaml", []byte(text))
			wantCode(t, err, gatehouse.CodeDefinition, append(c.names, "small.yaml")...)
		})
	}
}

func TestShippedDefinitionsAreValid(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("definitions", "*.yaml"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		d, err := catalog.ReadDefinition(f)
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		if d.Dataset+".yaml" != filepath.Base(f) {
			t.Errorf("%s defines %s", f, d.Dataset)
		}
		if shipped, err := catalog.ReadDefinition(d.Dataset); err != nil || shipped.SHA256 != d.SHA256 {
			t.Errorf("%s is not found by its name: %v", d.Dataset, err)
		}
	}
}

// What researchers see of the demonstration's dataset is what its description says.
func TestSharedCarePublishesWhatItsDescriptionSays(t *testing.T) {
	h := newHouse(t)
	h.synthesize(300)
	v := h.mustPublish(sharedCare(t))
	want := map[string]string{
		"patients": "person_id VARCHAR, sex VARCHAR, birth_year INTEGER, ethnicity VARCHAR, region VARCHAR, lsoa VARCHAR, imd_decile INTEGER, " +
			"practice_id VARCHAR, registered_from DATE, registered_to DATE, death_month DATE",
		"events": "person_id VARCHAR, date DATE, code VARCHAR, value DOUBLE",
		"admissions": "person_id VARCHAR, admitted DATE, discharged DATE, method VARCHAR, diagnosis VARCHAR, procedure VARCHAR, provider VARCHAR, " +
			"length_of_stay INTEGER",
		"social_care": "person_id VARCHAR, started DATE, ended DATE, service VARCHAR, hours_per_week DOUBLE, council VARCHAR",
		"codes":       "code VARCHAR, system VARCHAR, term VARCHAR, codelist VARCHAR",
	}
	for _, table := range v.Tables {
		var columns []string
		for _, c := range table.Columns {
			columns = append(columns, c.Name+" "+c.Type)
			dimension := strings.Contains(" sex birth_year ethnicity region imd_decile practice_id death_month code method diagnosis procedure provider service council ", " "+c.Name+" ")
			if dimension != (c.Class == catalog.ClassDimension) && !table.Public {
				t.Errorf("%s.%s is of class %s", table.Name, c.Name, c.Class)
			}
		}
		if got := strings.Join(columns, ", "); got != want[table.Name] {
			t.Errorf("%s: %s", table.Name, got)
		}
		// The files hold the same columns, in the same order and types, behind the unit.
		types := h.query("SELECT string_agg(column_name || ' ' || column_type, ', ') FROM (DESCRIBE FROM " + tableOf(v, table.Name) + ")")
		file := strings.Replace(want[table.Name], "person_id VARCHAR", "_unit UINTEGER", 1)
		if types[0][0] != file {
			t.Errorf("the file of %s: %s", table.Name, types[0][0])
		}
	}
	if len(v.Tables) != len(want) {
		t.Errorf("%d tables", len(v.Tables))
	}
}

func tableOf(v catalog.Version, name string) string { return table(v, name) }
