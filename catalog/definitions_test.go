package catalog_test

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse/catalog"
)

// omopFields are, for each table of the OMOP CDM 5.4, how many fields its published
// list has (OMOP_CDMv5.4_Field_Level.csv, https://github.com/OHDSI/CommonDataModel,
// Apache-2.0, commit f853f6e) and the beginning of a SHA-256 over them, a line for
// each as omopLine writes it. The list itself is not kept here: whoever has it names
// it in GATEHOUSE_OMOP_FIELDS, and the test compares field by field.
var omopFields = map[string]struct {
	fields int
	sha256 string
}{
	"person":                {18, "ea10d44b559dd9f2"},
	"observation_period":    {5, "7f1d464b70ac3611"},
	"visit_occurrence":      {17, "6dc86fb40d6ffdf7"},
	"visit_detail":          {19, "1b140db63fb70e00"},
	"condition_occurrence":  {16, "1c0bf1384f39ac5b"},
	"drug_exposure":         {23, "8f8796c930417273"},
	"procedure_occurrence":  {16, "e8651c5d461ae876"},
	"device_exposure":       {19, "5f2db77710026843"},
	"measurement":           {23, "2559aa8c49efb2ac"},
	"observation":           {21, "59871e0c972b4890"},
	"death":                 {7, "9ea022d25c412cca"},
	"note":                  {16, "af17cf4eae6c3f2f"},
	"note_nlp":              {14, "38d13c4325d24654"},
	"specimen":              {15, "f647e535b6dbd2da"},
	"fact_relationship":     {5, "514d96ec63841023"},
	"location":              {12, "1727019d8bce6880"},
	"care_site":             {6, "46853172299cbe67"},
	"provider":              {13, "dc0250a6aea81a6c"},
	"payer_plan_period":     {17, "d1ff9a9c30b0b2a6"},
	"cost":                  {22, "eaf17b0aa910eb5b"},
	"drug_era":              {7, "82552abed6241f53"},
	"dose_era":              {7, "7653556f852dba9d"},
	"condition_era":         {6, "7045d0b52938eb73"},
	"episode":               {13, "75af126b236132d3"},
	"episode_event":         {3, "6ed1a04c15516de6"},
	"metadata":              {9, "ef3d6314c460404e"},
	"cdm_source":            {11, "ed47a042f5284350"},
	"concept":               {10, "d61faf289b0494bd"},
	"vocabulary":            {5, "857ac63227d57bbb"},
	"domain":                {3, "a5e4e9f6581298fa"},
	"concept_class":         {3, "ecb95122601e29bf"},
	"concept_relationship":  {6, "f45cfa7800d7d63f"},
	"relationship":          {6, "33b5bf9fc8f63d18"},
	"concept_synonym":       {3, "c57ce44ff5f7c3b4"},
	"concept_ancestor":      {4, "f1a2f675010c1ad7"},
	"source_to_concept_map": {9, "26796522d6755499"},
	"drug_strength":         {12, "1c7ac1430f6308c0"},
	"cohort":                {4, "09f0b92788bf8ee3"},
	"cohort_definition":     {7, "0abc1c97acbdab9a"},
}

func omopLine(name, kind string, required bool) string {
	if required {
		return name + " " + kind + " required\n"
	}
	return name + " " + kind + " optional\n"
}

// omopDefined are a table's fields as the definition reads them. A person's number
// is read as text, whatever it is; eras come with a clock from some tools, of which
// the day is taken.
func omopDefined(t catalog.TableRule) (lines []string) {
	for _, c := range t.Columns {
		kind, required := string(c.Type), c.Required
		switch {
		case c.Treatment == catalog.TreatUnit:
			kind, required = "integer", true
		case c.Treatment == catalog.TreatDay:
			kind = "date"
		}
		lines = append(lines, omopLine(c.Name, kind, required))
	}
	return lines
}

// The definition has every table and every field of the published list, in its
// order, of its type, and required where it is.
func TestOMOPDefinitionIsThePublishedFieldList(t *testing.T) {
	published := readOMOPFields(t)
	tables := make(map[string]bool)
	for _, rule := range omop(t).Tables {
		tables[rule.Name] = true
		lines := omopDefined(rule)
		sum := sha256.Sum256([]byte(strings.Join(lines, "")))
		if want := omopFields[rule.Name]; len(lines) != want.fields || hex.EncodeToString(sum[:8]) != want.sha256 {
			t.Errorf("%s is not as published: %d fields of %d", rule.Name, len(lines), want.fields)
		}
		for i, line := range published[rule.Name] {
			if i >= len(lines) || lines[i] != line {
				t.Errorf("%s: field %d should be %s", rule.Name, i+1, line)
			}
		}
	}
	for name := range omopFields {
		if !tables[name] {
			t.Errorf("the definition lacks the table %s", name)
		}
	}
	if len(omopFields) != 39 {
		t.Errorf("%d tables", len(omopFields))
	}
}

// readOMOPFields reads the published list, if it is here.
func readOMOPFields(t *testing.T) map[string][]string {
	path := os.Getenv("GATEHOUSE_OMOP_FIELDS")
	if path == "" {
		return nil
	}
	kinds := map[string]string{"integer": "integer", "date": "date", "datetime": "timestamp", "float": "number"}
	out := make(map[string][]string)
	for _, row := range readCSV(t, path)[1:] {
		kind, ok := kinds[strings.ToLower(row[3])]
		if !ok {
			kind = "text"
		}
		table, name := strings.ToLower(row[0]), strings.ToLower(strings.Trim(row[1], `"`))
		out[table] = append(out[table], omopLine(name, kind, strings.EqualFold(row[2], "yes")))
	}
	return out
}

// copied makes a house whose extracts are copies of a folder's: its lists are as
// old as the copies.
func copied(t testing.TB, folder string) *house {
	h := newHouse(t)
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		h.write(e.Name(), string(b))
	}
	return h
}

func shippedDefinition(t testing.TB, name string) *catalog.Definition {
	t.Helper()
	d, ok := catalog.ShippedDefinition(name)
	if !ok {
		t.Fatalf("%s is not shipped", name)
	}
	return d
}

// accounts are the accounts of a version, a line for each file.
func accounts(v catalog.Version) string {
	var b strings.Builder
	for _, a := range v.Accounts {
		fmt.Fprintf(&b, "%s %d = %d + %d + %d %v\n", a.Extract, a.Read, a.Published, a.OptedOut, a.Withheld, a.Rejected)
	}
	return b.String()
}

// The people of hospital episodes are those whom valid rows name, over all tables.
func TestHESExtractIsPublished(t *testing.T) {
	h := copied(t, filepath.Join("testdata", "hes"))
	v := h.mustPublish(shippedDefinition(t, "hes"))
	mustBalance(t, v)
	people := make(map[string]bool) // of rows that stand
	rejected := make(map[string]bool)
	for _, r := range h.rejects("hes@1") {
		rejected[r[0]+":"+r[1]] = true
	}
	for _, name := range []string{"hes_apc_2023.csv", "hes_apc_2024.csv", "hes_ae_2023.csv", "hes_op_2023.csv"} {
		for i, row := range readDelimited(t, filepath.Join(h.extracts, name), '|')[1:] {
			if !rejected[fmt.Sprintf("%s:%d", name, i+2)] {
				people[row[1]] = true
			}
		}
	}
	if n := h.query("SELECT count(*) FROM " + "read_parquet('" + filepath.Join(v.Folder, "units.parquet") + "')"); n[0][0] != itoa(v.Units) || v.Units != int64(len(people))-v.Receipts[0].Affected {
		t.Errorf("%d units, %s in the file, of %d people", v.Units, n[0][0], len(people))
	}
	if v.Receipts[0].Affected != 1 {
		t.Errorf("%d people opted out", v.Receipts[0].Affected)
	}
	a := make(map[string]map[string]int64)
	for _, account := range v.Accounts {
		a[account.Extract] = account.Rejected
	}
	for file, reasons := range map[string][]string{
		"hes_apc_2023.csv": {"value_unknown", "nhs_number_missing", "nhs_number_check_digit", "discharged_before_admitted"},
		"hes_apc_2024.csv": {"duplicate_row"},
		"hes_ae_2023.csv":  {"value_not_numeric"},
		"hes_op_2023.csv":  nil,
	} {
		if len(a[file]) != len(reasons) {
			t.Errorf("%s: rejected %v", file, a[file])
		}
		for _, why := range reasons {
			if a[file][why] != 1 {
				t.Errorf("%s: %d rows with %s", file, a[file][why], why)
			}
		}
	}
	// One day that was not given, and one year of birth, are missing.
	wantRows(t, h.query("SELECT count(*) FILTER (discharged IS NULL), count(*) FILTER (birth_year IS NULL) FROM "+table(v, "apc")), "1|1")
	// A person who comes by two tables is one unit.
	if n := h.query("SELECT count(DISTINCT _unit) FROM (SELECT _unit FROM " + table(v, "apc") + " UNION SELECT _unit FROM " + table(v, "ae") + " UNION SELECT _unit FROM " + table(v, "op") + ")"); n[0][0] != itoa(v.Units) {
		t.Errorf("%s people have rows, of %d", n[0][0], v.Units)
	}
}

func readDelimited(t *testing.T, path string, delimiter rune) [][]string {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = delimiter
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestGDPPRExtractIsPublished(t *testing.T) {
	h := copied(t, filepath.Join("testdata", "gdppr"))
	v := h.mustPublish(shippedDefinition(t, "gdppr"))
	mustBalance(t, v)
	a := account(t, v, "entries")
	if got := fmt.Sprint(a.Rejected); got != "map[date_before_birth:1 nhs_number_format:1 value_missing:1 value_not_numeric:1 value_unknown:1]" {
		t.Errorf("rejected %s", got)
	}
	if a.OptedOut == 0 || len(v.Receipts) != 2 || v.Receipts[0].Affected != 1 || v.Receipts[1].Affected != 1 {
		t.Errorf("opted out: %d rows, %v", a.OptedOut, v.Receipts)
	}
}

// Every resource has one outcome; what FHIR lets repeat or vary is read as the
// definition says.
func TestFHIRExportIsPublished(t *testing.T) {
	h := copied(t, filepath.Join("testdata", "fhir"))
	d := shippedDefinition(t, "fhir")
	d.RejectFloor = 100
	v := h.mustPublish(d)
	mustBalance(t, v)
	want := `Patient.000.ndjson 6 = 5 + 1 + 0 map[]
Patient.001.ndjson 4 = 3 + 0 + 0 map[value_repeated:1]
Condition.ndjson 14 = 6 + 1 + 0 map[identifier_missing:1 json_duplicate_key:1 json_number:1 json_syntax:1 json_too_deep:1 json_trailing_data:1 resource_type:1]
`
	if got := accounts(v); !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s", got)
	}
	if v.Units != 8 {
		t.Errorf("%d people", v.Units)
	}
	wantRows(t, h.query("SELECT birth_year, gender, ethnicity, practice, death_month FROM "+table(v, "patients")+" WHERE birth_year = 1961 OR death_month IS NOT NULL ORDER BY ALL"),
		"1961|female|A|A81001|(null)", patientThree(t, h)+"|male|A|A81001|2023-05-01")
	wantRows(t, h.query("SELECT onset, code, code_icd10, count(*) FROM "+table(v, "conditions")+" GROUP BY ALL ORDER BY ALL"),
		"2020-01-01|44054006|E119|2", "2020-03-01|44054006|E119|1", "2020-03-04|44054006|E119|3")
	wantRows(t, h.query("SELECT code, effective, value, comparator, systolic, diastolic FROM "+table(v, "observations")+" WHERE comparator IS NOT NULL OR systolic IS NOT NULL ORDER BY ALL"),
		"60621009|2022-02-03|20|<|(null)|(null)", "75367002|2022-02-03|(null)|(null)|131|82")
	wantRows(t, h.query("SELECT started, ended, days FROM "+table(v, "encounters")+" ORDER BY ALL"), "2022-01-01|2022-01-02|1", "2022-01-01|2022-01-03|2", "2022-01-01|2022-01-04|3")
	wantRows(t, h.query("SELECT code, occurred, dose, primary_source FROM "+table(v, "immunizations")), "1324681000000101|2021-04-05|2|true")
	wantRows(t, h.query("SELECT code, authored FROM "+table(v, "medication_requests")), "372912004|2022-03-04")
	wantRows(t, h.query("SELECT code, performed FROM "+table(v, "procedures")), "80146002|2022-03-04")
	places := make(map[string]string)
	for _, r := range h.rejects("fhir@1") {
		places[r[3]] = r[0] + ":" + r[1] + " " + r[2]
	}
	for why, place := range map[string]string{
		"value_repeated":     "Patient.001.ndjson:3 identifier.where(system = 'https://fhir.nhs.uk/Id/nhs-number').value",
		"json_duplicate_key": "Condition.ndjson:9 /id",
		"json_number":        "Condition.ndjson:14 /x",
		"resource_type":      "Condition.ndjson:11 /resourceType",
		"identifier_missing": "Condition.ndjson:8 subject.getReferenceKey(Patient)",
		"date_partial":       "Observation.ndjson:8 (effective.ofType(dateTime) | effective.ofType(Period).start | effective.ofType(instant)).first()",
	} {
		if places[why] != place {
			t.Errorf("%s is reported at %q, not %q", why, places[why], place)
		}
	}
}

func patientThree(t *testing.T, h *house) string {
	b, err := os.ReadFile(filepath.Join(h.extracts, "Patient.000.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Split(string(b), "\n")[3]
	_, after, ok := strings.Cut(line, `"birthDate":"`)
	if !ok {
		t.Fatal("no date of birth")
	}
	return after[:4]
}
