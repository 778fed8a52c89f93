package inspect_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse-tre/gatehouse/egress/inspect"
)

// found gives the places of each rule as "line:column".
func found(t *testing.T, name, content string) map[inspect.Rule][]string {
	t.Helper()
	report, err := inspect.File(name, strings.NewReader(content), inspect.Options{})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	places := map[inspect.Rule][]string{}
	for _, f := range report.Findings {
		if f.What == "" || f.Do == "" || f.Severity == "" {
			t.Errorf("a finding that does not help: %+v", f)
		}
		places[f.Rule] = append(places[f.Rule], fmt.Sprintf("%d:%d", f.Line, f.Column))
	}
	return places
}

func TestIdentifiersAreFoundAtTheirPlace(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		rule    inspect.Rule
		place   string
	}{
		"together":             {"a\nNHS 9434765919 here", inspect.RuleNHSNumber, "2:5"},
		"3-3-4":                {"no. 943 476 5919.", inspect.RuleNHSNumber, "1:5"},
		"with hyphens":         {"943-476-5919", inspect.RuleNHSNumber, "1:1"},
		"no-break spaces":      {"943\u00a0476\u00a05919", inspect.RuleNHSNumber, "1:1"},
		"as pandas writes it":  {"9434765919.0", inspect.RuleNHSNumber, "1:1"},
		"after other letters":  {"ééé 9434765919", inspect.RuleNHSNumber, "1:5"},
		"postcode":             {"lives at SW1A 1AA now", inspect.RulePostcode, "1:10"},
		"postcode, together":   {"M11AE", inspect.RulePostcode, "1:1"},
		"postcode, lower case": {"ls1 4ap", inspect.RulePostcode, "1:1"},
		"date of birth":        {"DOB: 12/03/1954", inspect.RuleBirthDate, "1:6"},
		"born on":              {"born on 3 March 1954", inspect.RuleBirthDate, "1:9"},
		"e-mail":               {"ask ann.smith@nhs.net", inspect.RuleEmail, "1:14"},
		"reversed text":        {"safe \u202eelbat", inspect.RuleInvisible, "1:6"},
		"zero width":           {"9434\u200b765919", inspect.RuleInvisible, "1:5"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := found(t, "notes.txt", c.content)[c.rule]; !slices.Equal(got, []string{c.place}) {
				t.Errorf("%s at %v, want %s", c.rule, got, c.place)
			}
		})
	}
}

func TestOrdinaryResultsRaiseNoAlarm(t *testing.T) {
	for name, content := range map[string]string{
		"rates.csv": "region,patients,rate\nLondon,1240,0.9434765919\nNorth East,880,0.4010232137\n",
		"codes.csv": "code,patients\n1003671000000109,410\n44054006,380\n1324681000000101,900\n",
		"icd.csv":   "diagnosis,n\nI219,120\nE119,340\nN183,55\n",
		"year.csv":  "birth_year,n\n" + series(1940, 1970, ",250"),
		"month.csv": "month,admissions\n2024-01,120\n2024-02,130\n",
		"lsoa.txt":  "E01000001 9434765918 0000000000 version 1.2.3 on 2024-01-01",
		"model.txt": "age 0.0312 (0.0011) p=0.0004\nsex F 1.21 [1.10, 1.33]",
		"data.json": `{"title": "Admissions", "rows": [{"region": "London", "n": 120}, {"region": "Wales", "n": 90}]}`,
	} {
		if got := found(t, name, content); len(got) > 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func series(from, to int, suffix string) string {
	var b strings.Builder
	for i := from; i <= to; i++ {
		fmt.Fprintf(&b, "%d%s\n", i, suffix)
	}
	return b.String()
}

func TestTablesShowSmallCountsAndRowsOfPeople(t *testing.T) {
	got := found(t, "counts.csv", "region,patients,n_deaths,mean_age\nLondon,120,3,71\nWales,9,0,64\nScotland,10,10,5\n")
	if want := []string{"2:3", "3:2"}; !slices.Equal(got[inspect.RuleSmallCount], want) {
		t.Errorf("small counts at %v, want %v", got[inspect.RuleSmallCount], want)
	}
	if want := []string{"3:3"}; !slices.Equal(got[inspect.RuleZeroCount], want) {
		t.Errorf("zero counts at %v, want %v", got[inspect.RuleZeroCount], want)
	}
	for _, header := range []string{"count_star()", "n", "count", "Patients", "number_of_people", "cases_2024", "total", "frequency", "count(DISTINCT person_id)"} {
		if got := found(t, "c.csv", "sex,"+header+"\nF,4\nM,400\n"); len(got[inspect.RuleSmallCount]) != 1 {
			t.Errorf("column %q: %v", header, got)
		}
	}

	var rows strings.Builder
	rows.WriteString("key,sex,happened\n")
	for i := range 60 {
		fmt.Fprintf(&rows, "%x,F,2024-%02d-%02d\n", 0xdeadbeef00+i*7919, i/28+1, i%28+1)
	}
	got = found(t, "rows.csv", rows.String())
	if want := []string{"1:3", "1:1"}; len(got[inspect.RuleRowLevel]) != 2 {
		t.Errorf("row level at %v, want %v", got[inspect.RuleRowLevel], want)
	}
	if got := found(t, "id.tsv", "person_id\tvalue\nx\t1\n"); len(got[inspect.RuleIdentifierColumn]) != 1 {
		t.Errorf("person_id: %v", got)
	}
	if got := found(t, "dob.csv", "sex,date_of_birth\nF,1954-03-12\n"); !slices.Equal(got[inspect.RuleBirthDate], []string{"2:2"}) {
		t.Errorf("date_of_birth: %v", got)
	}
	if got := found(t, "f.csv", "a,b\n\"=HYPERLINK(\"\"x\"\")\",1\n"); len(got[inspect.RuleFormula]) != 1 {
		t.Errorf("formula: %v", got)
	}
	if got := found(t, "r.csv", "a,b\n1,2,3\n"); len(got[inspect.RuleRagged]) != 1 {
		t.Errorf("ragged: %v", got)
	}
	if got := found(t, "people.json", `{"x": {"nhs_number": 1}, "r": [{"n": 3}, {"n": 30}]}`); len(got[inspect.RuleIdentifierColumn]) != 1 || !slices.Equal(got[inspect.RuleSmallCount], []string{"1:1"}) {
		t.Errorf("json: %v", got)
	}
}

func TestColumnsThatIdentifyAreFoundHoweverTheirNamesAreWritten(t *testing.T) {
	for _, header := range []string{"NHS number", "NHS No.", "nhsNumber", "nhs-number", "date of birth", "Date  of Birth", "D.O.B.", "DOB", "name", "Name", "Full name",
		"First Name", "patient name", "Patient ID", "post code", "Phone", "_unit"} {
		if got := found(t, "a.csv", "region,"+header+"\nLondon,\n")[inspect.RuleIdentifierColumn]; !slices.Equal(got, []string{"1:2"}) {
			t.Errorf("column %q: %v", header, got)
		}
	}
	for _, header := range []string{"region name", "variable", "birth year", "unit", "mean age", "NHS region", "filename"} {
		if got := found(t, "a.csv", header+",rate\nx,1.5\n"); len(got) > 0 {
			t.Errorf("column %q: %v", header, got)
		}
	}
	if got := found(t, "a.csv", "sex,Date of birth\nF,1954-03-12\n")[inspect.RuleBirthDate]; !slices.Equal(got, []string{"2:2"}) {
		t.Errorf("a day of birth: %v", got)
	}
	if got := found(t, "a.json", `{"NHS number": 1, "table": {"name": "Table 1"}}`)[inspect.RuleIdentifierColumn]; len(got) != 1 {
		t.Errorf("json: %v", got)
	}
}

func TestFormulasAreFoundInHeadersAndBehindSigns(t *testing.T) {
	for _, cell := range []string{"=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3+cmd|x", "-A1", "+SUM(A1:A9)", "-1+HYPERLINK(x)", "\t=1", "-(1)", "- note"} {
		if got := found(t, "a.csv", "term,x\n"+cell+",1.5\n")[inspect.RuleFormula]; !slices.Equal(got, []string{"2:1"}) {
			t.Errorf("cell %q: %v", cell, got)
		}
		if got := found(t, "a.csv", "term,"+cell+"\na,1.5\n")[inspect.RuleFormula]; !slices.Equal(got, []string{"1:2"}) {
			t.Errorf("header %q: %v", cell, got)
		}
	}
	for _, cell := range []string{"-1", "+1.5", "-.5", "-1.2e-3", "-12 %", "-1234.5", "-0.34***", "-0.12 (-0.20 to -0.05)", "+3% [1%; 5%]", "-0.3 (0.1)", "-", "--", "-inf", "5-9", "a=b"} {
		if got := found(t, "a.csv", "term,"+cell+"\n"+cell+",1.5\n")[inspect.RuleFormula]; len(got) > 0 {
			t.Errorf("%q: %v", cell, got)
		}
	}
	if got := found(t, "a.csv", "term,effect\na,\"-1,234\"\nb,\"-0.3 (-0.4, -0.2)\"\n")[inspect.RuleFormula]; len(got) > 0 {
		t.Errorf("numbers with commas: %v", got)
	}
}

func TestNamesMustTellTheTruth(t *testing.T) {
	pngBytes := drawing(t)
	for name, content := range map[string]string{
		"tool.exe":       "MZ\x90\x00",
		"none":           "text",
		"empty.csv":      "",
		"image.csv":      pngBytes,
		"sheet.csv":      "PK\x03\x04....",
		"data.txt":       "PAR1\x00\x01",
		"db.txt":         "\x00\x01\x02\x03\x04\x05\x06\x07DUCK",
		"zip.gz":         "\x1f\x8b",
		"utf16.csv":      "\xff\xfea\x00,\x00",
		"latin1.txt":     "caf\xe9",
		"nul.txt":        "a\x00b",
		"text.png":       "not an image",
		"half.png":       pngBytes[:len(pngBytes)-20],
		"bent.png":       strings.Replace(pngBytes, "IDAT", "IDAT\x01", 1),
		"text.pdf":       "hello",
		"two.json":       "{}{}",
		"page.csv":       "<!DOCTYPE html><script>1</script>",
		"drawing.txt":    `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`,
		"notdrawing.svg": "<html></html>",
		"broken.svg":     "<svg><g></svg>",
	} {
		_, err := inspect.File(name, strings.NewReader(content), inspect.Options{})
		if r, ok := inspect.IsRefusal(err); !ok || r.What == "" || r.Do == "" {
			t.Errorf("%s was not refused: %v", name, err)
		}
	}
	if _, err := inspect.File("big.txt", strings.NewReader(strings.Repeat("x", 101)), inspect.Options{MaxBytes: 100}); err == nil {
		t.Error("a file over the limit was not refused")
	}
}

func drawing(t *testing.T) string {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 32, 32))
	for i := range 32 {
		img.Set(i, i, color.White)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestHiddenAndActiveContent(t *testing.T) {
	image := drawing(t)
	if got := found(t, "plot.png", image); len(got) != 1 || len(got[inspect.RuleByEye]) != 1 {
		t.Errorf("a plain image: %v", got)
	}
	if got := found(t, "plot.png", image+"nhs"); len(got[inspect.RuleTrailing]) != 1 {
		t.Errorf("data after the image: %v", got)
	}
	svg := func(inside string) string { return `<svg xmlns="http://www.w3.org/2000/svg">` + inside + "</svg>" }
	for inside, rule := range map[string]inspect.Rule{
		`<script>1</script>`:                         inspect.RuleActive,
		`<g onclick="x()"/>`:                         inspect.RuleActive,
		`<foreignObject/>`:                           inspect.RuleActive,
		`<image href="https://example.org/a"/>`:      inspect.RuleExternal,
		`<style>@import "//x"</style>`:               "",
		`<image href="data:image/png;base64,AAAA"/>`: inspect.RuleEmbedded,
		"<text>\n943 476 5919</text>":                inspect.RuleNHSNumber,
		`<!-- 9434765919 -->`:                        inspect.RuleNHSNumber,
		`<g title="9434765919"/>`:                    inspect.RuleNHSNumber,
		strings.Repeat(`<circle r="1"/>`, 200):       inspect.RuleRowLevel,
	} {
		if got := found(t, "plot.svg", svg(inside)); rule != "" && len(got[rule]) == 0 {
			t.Errorf("%.40s: %v, want %s", inside, got, rule)
		}
	}
	if got := found(t, "plot.svg", svg(`<path d="M 943 476 5919"/>`)); len(got[inspect.RuleNHSNumber]) != 0 {
		t.Errorf("coordinates: %v", got)
	}
	for content, rule := range map[string]inspect.Rule{
		"<html><body onload='x()'>":                   inspect.RuleActive,
		"<html><img src=\"https://example.org/a\">":   inspect.RuleExternal,
		"<html><img src=\"data:image/png;base64,A\">": inspect.RuleEmbedded,
		"<html><!-- hidden -->":                       inspect.RuleEmbedded,
	} {
		if got := found(t, "page.html", content); len(got[rule]) == 0 {
			t.Errorf("%s: %v, want %s", content, got, rule)
		}
	}
	if got := found(t, "note.md", "# Results\n\n![plot](https://example.org/p.png)\n"); len(got[inspect.RuleExternal]) != 1 {
		t.Errorf("markdown: %v", got)
	}
	if got := found(t, "doc.pdf", "%PDF-1.7\n1 0 obj <</OpenAction <</S /JavaScript /JS (x)>>>>\n(patient 943 476 5919)\n%%EOF\n"); len(got[inspect.RuleActive]) == 0 || len(got[inspect.RuleNHSNumber]) != 1 {
		t.Errorf("pdf: %v", got)
	}
}

func TestFindingsAreBoundedAndNeverPrintAValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[A-Z]{3}[0-9]{3}[a-z]{5}`).Draw(t, "secret")
		var b strings.Builder
		b.WriteString("person_id,date_of_birth," + secret + ",n\n")
		for i := range rapid.IntRange(1, 200).Draw(t, "rows") {
			fmt.Fprintf(&b, "%s%d,1954-03-%02d,9434765919,%d\n", secret, i, i%28+1, i%12)
		}
		report, err := inspect.File("a.csv", strings.NewReader(b.String()), inspect.Options{MaxPlaces: 3})
		if err != nil {
			t.Fatal(err)
		}
		out, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range []string{secret, "9434765919", "1954-03"} {
			if bytes.Contains(out, []byte(value)) {
				t.Fatalf("the report prints a value: %s", out)
			}
		}
		if len(report.Findings) > 40 {
			t.Fatalf("%d findings", len(report.Findings))
		}
	})
}

func FuzzFile(f *testing.F) {
	for _, name := range []string{"a.csv", "a.tsv", "a.json", "a.txt", "a.md", "a.html", "a.svg", "a.png", "a.pdf"} {
		f.Add(name, []byte("person_id,n\n943 476 5919,3\n"))
		f.Add(name, []byte(`[{"n": 1, "dob": "1954-03-12"}]`))
		f.Add(name, []byte(`<svg><text>SW1A 1AA</text></svg>`))
		f.Add(name, []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x00IEND"))
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		report, err := inspect.File(name, bytes.NewReader(data), inspect.Options{})
		if err != nil {
			if _, ok := inspect.IsRefusal(err); !ok {
				t.Fatalf("neither a report nor a refusal: %v", err)
			}
			return
		}
		for _, finding := range report.Findings {
			if finding.Line < 0 || finding.Column < 0 || finding.What == "" {
				t.Fatalf("malformed finding %+v", finding)
			}
		}
	})
}
