package catalog_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/catalog/infer"
)

func propose(t testing.TB, dir string, o infer.Options) (*catalog.Definition, string) {
	t.Helper()
	text, err := infer.Propose(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	d, err := catalog.ParseDefinition("proposed.yaml", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return d, string(text)
}

func ruleOf(t testing.TB, d *catalog.Definition, table, column string) catalog.ColumnRule {
	t.Helper()
	for _, rule := range d.Tables {
		for _, c := range rule.Columns {
			if rule.Name == table && c.Name == column {
				return c
			}
		}
	}
	t.Fatalf("nothing is proposed for %s of %s", column, table)
	return catalog.ColumnRule{}
}

// What is proposed for the extracts of a shared care record is published as it is,
// and neither says nor publishes who anybody is.
func TestAProposedDefinitionIsPublished(t *testing.T) {
	h := newHouse(t)
	h.synthesize(1500)
	d, text := propose(t, h.extracts, infer.Options{Dataset: "care", Rows: 20_000})
	for _, c := range []struct {
		table, column string
		treatment     catalog.Treatment
		class         catalog.Class
	}{
		{"patients", "nhs_number", catalog.TreatUnit, ""},
		{"patients", "given_name", catalog.TreatDrop, ""},
		{"patients", "family_name", catalog.TreatDrop, ""},
		{"patients", "postcode", catalog.TreatDrop, ""},
		{"patients", "address", catalog.TreatDrop, ""},
		{"patients", "date_of_birth", catalog.TreatYear, catalog.ClassDimension},
		{"patients", "date_of_death", catalog.TreatMonth, catalog.ClassDimension},
		{"patients", "sex", catalog.TreatKeep, catalog.ClassDimension},
		{"patients", "lsoa", catalog.TreatKeep, catalog.ClassQuasi},
		{"events", "nhs_number", catalog.TreatUnit, ""},
		{"events", "date", catalog.TreatKeep, catalog.ClassDate},
		{"events", "code", catalog.TreatKeep, catalog.ClassDimension},
		{"events", "value", catalog.TreatKeep, catalog.ClassMeasure},
		{"admissions", "hospital_number", catalog.TreatDrop, ""},
		{"social_care", "family_name", catalog.TreatDrop, ""},
		{"codes", "code", catalog.TreatKeep, catalog.ClassReference},
	} {
		if got := ruleOf(t, d, c.table, c.column); got.Treatment != c.treatment || got.Class != c.class {
			t.Errorf("%s.%s: %s, class %q; want %s, %q", c.table, c.column, got.Treatment, got.Class, c.treatment, c.class)
		}
	}
	if d.People.Table != "patients" || d.People.Identifier != "nhs_number" || d.People.Kind != catalog.IdentifierNHSNumber || d.People.Birth != "date_of_birth" || len(d.OptOuts.Lists) != 3 {
		t.Errorf("people %+v, lists %+v", d.People, d.OptOuts)
	}
	for _, flag := range []string{"looks like NHS numbers", "looks like postcodes", "looks like names of people", "looks like dates of birth", "looks like addresses", "sample"} {
		if !strings.Contains(text, flag) {
			t.Errorf("the proposal does not say %q", flag)
		}
	}
	for _, row := range readCSV(t, filepath.Join(h.extracts, "events.csv"))[1:200] {
		if strings.Contains(text, row[0]) {
			t.Fatal("the proposal tells an NHS number")
		}
	}
	f, err := os.Open(filepath.Join(h.extracts, "patients.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = -1
	r.LazyQuotes = true
	for range 200 {
		row, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		if len(row) > 5 && row[0] != "nhs_number" {
			for _, i := range []int{1, 2, 3, 4, 5} {
				if v := row[i]; len(v) > 3 && strings.Contains(text, v) {
					t.Errorf("the proposal tells a value of column %d", i)
				}
			}
		}
	}
	for i := range d.Tables {
		all := 1.0
		d.Tables[i].RejectLimit = &all // the extracts are wrong on purpose
	}
	v := h.mustPublish(d)
	mustBalance(t, v)
	if v.Units == 0 || len(v.Tables) != 5 {
		t.Errorf("%d people in %d tables", v.Units, len(v.Tables))
	}
}

// Other forms are found too; what cannot be read safely is left out and said.
func TestProposalsFindForms(t *testing.T) {
	h := newHouse(t)
	var visits, people strings.Builder
	for i, n := range []string{nhsA, nhsB, nhsC, nhsD, nhsE, nhsF} {
		people.WriteString(n + "|" + []string{"31/12/1931", "01/02/1955", "14/06/2001"}[i%3] + "|" + []string{"F", "M"}[i%2] + "\n")
	}
	for i := range 60 {
		visits.WriteString([]string{nhsA, nhsB, nhsC}[i%3] + ";2021-01-0" + itoa(int64(1+i%9)) + ";A\u00e9;rang 07700 90012" + itoa(int64(i%9)) + " and left a long message for them\n")
	}
	h.write("people.txt", toUTF16("nhs|born|sex\n"+people.String()))
	h.write("visits_1.csv", gzipped("nhs;day;ward;remarks\n"+visits.String()))
	h.write("visits_2.csv", gzipped("nhs;day;ward;remarks\n"+visits.String()))
	h.write("headless.csv", nhsA+",Smith\n"+nhsB+",Jones\n")
	h.write("names.csv", "Smith,Jones\nBrown,Green\nHall,Hill\n")
	h.write("binary.bin", "\x00\x01\x02\x03")
	d, text := propose(t, h.extracts, infer.Options{Dataset: "forms"})
	if len(d.Tables) != 2 || d.Tables[0].Name != "people" || d.Tables[0].Encoding != "utf-16" || d.Tables[0].Delimiter != "|" ||
		d.Tables[1].File != "visits_*.csv" && d.Tables[1].File != "visits*.csv" || d.Tables[1].Delimiter != ";" {
		t.Fatalf("proposed\n%s", text)
	}
	if c := ruleOf(t, d, "people", "born"); c.Format != "DD/MM/YYYY" || c.Treatment != catalog.TreatYear {
		t.Errorf("born: %+v", c)
	}
	if c := ruleOf(t, d, "visits", "remarks"); c.Treatment != catalog.TreatDrop {
		t.Errorf("remarks: %+v", c)
	}
	for _, file := range []string{"headless.csv", "names.csv", "binary.bin"} {
		if !strings.Contains(text, "# - "+file+" is left out") {
			t.Errorf("nothing is said of %s", file)
		}
	}
	for _, value := range []string{nhsA, "Smith", "Jones", "07700"} {
		if strings.Contains(text, value) {
			t.Errorf("the proposal tells %s", value)
		}
	}
	h.write("national-opt-out.dat", nhsA+",\n"+nhsB+",\n"+nhsC+",\n"+nhsD+",\n"+nhsE+",\n"+nhsF+",\n")
	if v := h.mustPublish(d); v.Units != 6 {
		t.Errorf("%d people", v.Units)
	}
}

func TestProposalsForOtherFolders(t *testing.T) {
	d, _ := propose(t, filepath.Join("testdata", "fhir"), infer.Options{Dataset: "bulk"})
	if d.Dataset != "bulk" || d.People.Key != "id" {
		t.Errorf("FHIR: %s, %+v", d.Dataset, d.People)
	}
	d, text := propose(t, filepath.Join("testdata", "omop-synthea27"), infer.Options{Dataset: "cdm", Rows: 5000})
	if d.People.Table != "person" || d.People.Kind != catalog.IdentifierOpaque {
		t.Errorf("OMOP: %+v\n%s", d.People, text)
	}
	d, _ = propose(t, filepath.Join("testdata", "hes"), infer.Options{Dataset: "episodes"})
	if !d.People.FromRows || d.People.Kind != catalog.IdentifierNHSNumber {
		t.Errorf("HES: %+v", d.People)
	}
}
