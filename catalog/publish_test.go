package catalog_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

func TestPublishedTablesAreCoarsenedLinkedAndSortedByUnit(t *testing.T) {
	h := smallHouse(t)
	v := h.mustPublish(small(t))
	mustBalance(t, v)

	if v.Name() != "small@1" || v.Units != 3 || v.PublishedBy != "olive" || len(v.DefinitionSHA256) != 64 {
		t.Errorf("%+v", v)
	}
	wantRows(t, h.query("SELECT birth_year, sex, death_month FROM "+table(v, "patients")+" ORDER BY 1"),
		"1950|F|2020-05-01", "1960|F|(null)", "2000|M|(null)")
	wantRows(t, h.query("SELECT birth_year, date, code, value FROM "+table(v, "events")+" JOIN "+table(v, "patients")+" USING (_unit) ORDER BY date"),
		"1950|2001-02-03|c1|1.5", "1960|2002-03-04|c2|(null)", "1950|2003-04-05|c1|-20", "2000|2020-01-01|c1|0")
	wantRows(t, h.query("SELECT birth_year, started, ended, days FROM "+table(v, "care")+" JOIN "+table(v, "patients")+" USING (_unit) ORDER BY 1"),
		"1960|2010-01-01|2010-01-31|30", "2000|2011-01-01|(null)|(null)")
	wantRows(t, h.query("FROM "+table(v, "codes")+" ORDER BY 1"), "c1|One", "c2|Two, too")
	wantRows(t, h.query("FROM "+table(v, "units")), "0", "1", "2")
	wantRows(t, h.query("SELECT column_name, column_type FROM (DESCRIBE FROM "+table(v, "care")+")"),
		"_unit|UINTEGER", "started|DATE", "ended|DATE", "days|INTEGER")

	for _, want := range []struct {
		name         string
		rows, people int64
		columns      string
	}{
		{"patients", 3, 3, "person_id birth_year sex death_month"},
		{"events", 4, 3, "person_id date code value"},
		{"care", 2, 2, "person_id started ended days"},
		{"codes", 2, 0, "code term"},
	} {
		i := slices.IndexFunc(v.Tables, func(t catalog.Table) bool { return t.Name == want.name })
		got := v.Tables[i]
		var columns []string
		for _, c := range got.Columns {
			columns = append(columns, c.Name)
		}
		if got.Rows != want.rows || got.People != want.people || strings.Join(columns, " ") != want.columns || got.Public != (want.name == "codes") {
			t.Errorf("%s: %+v", want.name, got)
		}
		if want.name != "codes" {
			rows := h.query("SELECT _unit FROM " + table(v, want.name))
			if !slices.IsSortedFunc(rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) }) {
				t.Errorf("%s is not sorted by unit", want.name)
			}
		}
	}
	if !slices.Equal(h.store.versions, []string{"small@1"}) {
		t.Errorf("recorded: %v", h.store.versions)
	}
}

// Each row of the small extracts with one fault: the reason, and the line it is
// reported on. Faulty rows follow three good people.
func TestRowsAreRejectedForTheirReason(t *testing.T) {
	for name, c := range map[string]struct {
		file, row, column string
		want              catalog.Reason
	}{
		"no NHS number":           {"events.csv", ",2001-01-01,c1,1", "nhs_number", catalog.ReasonNHSNumberMissing},
		"nine digits":             {"events.csv", "999000001,2001-01-01,c1,1", "nhs_number", catalog.ReasonNHSNumberFormat},
		"letters":                 {"events.csv", "999000001X,2001-01-01,c1,1", "nhs_number", catalog.ReasonNHSNumberFormat},
		"ten zeros":               {"events.csv", "0000000000,2001-01-01,c1,1", "nhs_number", catalog.ReasonNHSNumberFormat},
		"check digit":             {"events.csv", "9990000019,2001-01-01,c1,1", "nhs_number", catalog.ReasonNHSNumberCheckDigit},
		"check digit ten":         {"events.csv", "9990000000,2001-01-01,c1,1", "nhs_number", catalog.ReasonNHSNumberCheckDigit},
		"no date":                 {"events.csv", nhsA + ",,c1,1", "date", catalog.ReasonValueMissing},
		"31 February":             {"events.csv", nhsA + ",2001-02-31,c1,1", "date", catalog.ReasonDateImpossible},
		"29 February 1900":        {"events.csv", nhsA + ",1900-02-29,c1,1", "date", catalog.ReasonDateImpossible},
		"another order":           {"events.csv", nhsA + ",01/02/2001,c1,1", "date", catalog.ReasonDateImpossible},
		"slashes":                 {"events.csv", nhsA + ",2001/02/01,c1,1", "date", catalog.ReasonDateImpossible},
		"letter at a day's end":   {"events.csv", nhsA + ",2001-02-1x,c1,1", "date", catalog.ReasonDateImpossible},
		"infinity":                {"events.csv", nhsA + ",infinity,c1,1", "date", catalog.ReasonDateImpossible},
		"year 1":                  {"events.csv", nhsA + ",0001-01-01,c1,1", "date", catalog.ReasonDateImpossible},
		"future":                  {"events.csv", nhsA + ",2098-01-01,c1,1", "date", catalog.ReasonDateInFuture},
		"before birth":            {"events.csv", nhsA + ",1950-03-13,c1,1", "date", catalog.ReasonDateBeforeBirth},
		"long after death":        {"events.csv", nhsA + ",2020-06-17,c1,1", "date", catalog.ReasonDateAfterDeath},
		"no code":                 {"events.csv", nhsA + ",2001-01-01,,1", "code", catalog.ReasonValueMissing},
		"unknown code":            {"events.csv", nhsA + ",2001-01-01,c3,1", "code", catalog.ReasonCodeUnknown},
		"not a number":            {"events.csv", nhsA + ",2001-01-01,c1,high", "value", catalog.ReasonValueNotNumeric},
		"NaN":                     {"events.csv", nhsA + ",2001-01-01,c1,NaN", "value", catalog.ReasonValueNotNumeric},
		"hexadecimal":             {"events.csv", nhsA + ",2001-01-01,c1,0x10", "value", catalog.ReasonValueNotNumeric},
		"underscore":              {"events.csv", nhsA + ",2001-01-01,c1,1_0", "value", catalog.ReasonValueNotNumeric},
		"overflow":                {"events.csv", nhsA + ",2001-01-01,c1,1e999", "value", catalog.ReasonValueNotNumeric},
		"out of range":            {"events.csv", nhsA + ",2001-01-01,c1,1001", "value", catalog.ReasonValueRange},
		"too few fields":          {"events.csv", nhsA + ",2001-01-01,c1", "", catalog.ReasonFieldCount},
		"too many fields":         {"events.csv", nhsA + ",2001-01-01,c1,1,", "", catalog.ReasonFieldCount},
		"encoding":                {"events.csv", nhsA + ",2001-01-01,c\xe91,1", "", catalog.ReasonEncoding},
		"NUL":                     {"events.csv", nhsA + ",2001-01-01,c\x001,1", "", catalog.ReasonControl},
		"quote inside":            {"events.csv", nhsA + `,2001-01-01,c"1,1`, "", catalog.ReasonQuoting},
		"text after a quote":      {"events.csv", nhsA + `,2001-01-01,"c"1,1`, "", catalog.ReasonQuoting},
		"copy":                    {"events.csv", nhsA + ",2001-02-03,c1,1.5", "", catalog.ReasonDuplicateRow},
		"unknown person":          {"events.csv", nhsE + ",2001-01-01,c1,1", "nhs_number", catalog.ReasonUnknownPerson},
		"value not on the list":   {"patients.csv", nhsD + ",Di,Dunn,1970-01-01,DD1 1DD,X,", "sex", catalog.ReasonValueUnknown},
		"death before birth":      {"patients.csv", nhsD + ",Di,Dunn,1970-01-01,DD1 1DD,F,1969-12-31", "died", "death_before_birth"},
		"born tomorrow":           {"patients.csv", nhsD + ",Di,Dunn,2098-01-01,DD1 1DD,F,", "born", catalog.ReasonDateInFuture},
		"the same person twice":   {"patients.csv", nhsC + ",Cy,Cole,2000-02-29,CC1 1CC,M,", "nhs_number", catalog.ReasonDuplicateRow},
		"ended before started":    {"care.csv", "k3," + nhsB + ",,,,,2010-01-02,2010-01-01", "ended", "ended_before_started"},
		"nobody":                  {"care.csv", "k3,,,,,,2010-01-02,", "nhs_number", catalog.ReasonUnlinked},
		"another name":            {"care.csv", "k3,,Cyr,Cole,2000-02-29,CC1 1CC,2010-01-02,", "nhs_number", catalog.ReasonUnlinked},
		"wrong number, good name": {"care.csv", "k3,9990000019,Cy,Cole,2000-02-29,CC1 1CC,2010-01-02,", "nhs_number", catalog.ReasonNHSNumberCheckDigit},
		"reference without code":  {"codes.csv", ",Nothing", "code", catalog.ReasonValueMissing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := smallHouse(t)
			h.write("national.dat", nhsA+",\n"+nhsB+",\n"+nhsC+",\n"+nhsD+",\n"+nhsE+",\n")
			path := filepath.Join(h.extracts, c.file)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			line := itoa(int64(strings.Count(string(b), "\n")) + 1)
			// A good row after the faulty one is still published.
			last := b[strings.LastIndexByte(strings.TrimSuffix(string(b), "\n"), '\n')+1:]
			after := strings.Replace(strings.Replace(string(last), ",c1,0", ",c1,7", 1), "c2,", "c1,", 1)
			if c.file == "patients.csv" {
				after = nhsE + ",Ed,East,1980-01-01,EE1 1EE,M,\n"
			}
			h.write(c.file, string(b)+c.row+"\n"+after)
			v := h.mustPublish(small(t))
			mustBalance(t, v)
			a := account(t, v, strings.TrimSuffix(c.file, ".csv"))
			if a.Rejected[string(c.want)] != 1 || len(a.Rejected) != 1 || a.Published != a.Read-1 {
				t.Errorf("%+v", a)
			}
			rejects := h.rejects("small@1")
			if len(rejects) != 1 {
				t.Fatalf("rejected: %v", rejects)
			}
			if got, want := strings.Join(rejects[0], "|"), strings.Join([]string{c.file, line, c.column, string(c.want), c.want.Explanation(), c.row}, "|"); got != want {
				t.Errorf("the report says\n  %s\nwant\n  %s", got, want)
			}
		})
	}
}

func TestRowsOfOneNumberThatDifferAreAllRejected(t *testing.T) {
	h := smallHouse(t)
	h.write("patients.csv", patientsHeader+
		nhsA+",Ada,Abel,1950-03-14,AA1 1AA,F,\n"+
		nhsB+",Bea,Bell,1960-12-31,BB1 1BB,F,\n"+
		nhsA+",Ada,Abel,1950-03-15,AA1 1AA,F,\n"+
		nhsC+",Cy,Cole,2000-02-29,CC1 1CC,M,\n"+
		nhsA+",Ada,Abel,1950-03-14,AA1 1AA,F,\n")
	v := h.mustPublish(small(t))
	mustBalance(t, v)
	a := account(t, v, "patients")
	if a.Published != 2 || a.Rejected["duplicate_nhs_number"] != 3 {
		t.Errorf("%+v", a)
	}
	if e := account(t, v, "events"); e.Rejected["unknown_person"] != 2 || e.Published != 2 {
		t.Errorf("%+v", e)
	}
	var lines []string
	for _, r := range h.rejects("small@1") {
		if r[0] == "patients.csv" {
			lines = append(lines, r[1])
		}
	}
	slices.Sort(lines)
	if !slices.Equal(lines, []string{"2", "4", "6"}) {
		t.Errorf("reported on lines %v", lines)
	}
}

func TestLinkingNeedsExactlyOnePerson(t *testing.T) {
	h := smallHouse(t)
	h.write("patients.csv", patientsHeader+
		nhsA+",Sam,Same,1950-03-14,AA1 1AA,F,\n"+
		nhsB+",Sam,Same,1950-03-14,AA1 1AA,M,\n"+
		nhsC+",Cy,Cole,2000-02-29,CC1 1CC,M,\n"+
		nhsD+",Di,Dunn,1970-01-01,DD1 1DD,F,\n") // opted out: not on the allow-list
	h.write("care.csv", careHeader+
		"k1,,Sam,Same,1950-03-14,AA1 1AA,2010-01-01,\n"+
		"k2,,Cy,Cole,2000-02-29,CC1 1CC ,2010-01-01,\n"+
		"k3,,Di,Dunn,1970-01-01,DD1 1DD,2010-01-01,\n"+
		"k4,,Cy,,2000-02-29,CC1 1CC,2010-01-01,\n")
	v := h.mustPublish(small(t))
	a := account(t, v, "care")
	if a.Published != 1 || a.OptedOut != 1 || a.Rejected["unlinked"] != 2 || !a.Balanced() {
		t.Errorf("%+v", a)
	}
	wantRows(t, h.query("SELECT birth_year FROM "+table(v, "care")+" JOIN "+table(v, "patients")+" USING (_unit)"), "2000")
}

func TestOptedOutPeopleLeaveNoRow(t *testing.T) {
	h := smallHouse(t)
	h.write("national.dat", nhsA+",\n"+nhsC+",\n") // B opted out nationally
	h.write("type1.csv", "nhs_number,code\n"+nhsC+",9Nu0\n"+nhsH+",9Nu0\n")
	h.write("events.csv", eventsHeader+
		nhsA+",2001-02-03,c1,1.5\n"+
		nhsB+",2002-03-04,c2,\n"+
		nhsB+",2002-03-32,c2,\n"+ // invalid comes before opted out
		nhsC+",2020-01-01,c1,0\n"+
		nhsF+",2020-01-01,c1,0\n"+ // nobody of the extract, and not on the allow-list
		nhsH+",2020-01-01,c1,0\n")
	v := h.mustPublish(small(t))
	mustBalance(t, v)
	if v.Units != 1 {
		t.Errorf("%d units", v.Units)
	}
	p, e := account(t, v, "patients"), account(t, v, "events")
	if p.Published != 1 || p.OptedOut != 2 {
		t.Errorf("%+v", p)
	}
	if e.Published != 1 || e.OptedOut != 4 || e.Rejected["date_impossible"] != 1 {
		t.Errorf("%+v", e)
	}
	wantRows(t, h.query("SELECT birth_year FROM "+table(v, "patients")), "1950")
	if n := h.query("SELECT count(*) FROM " + table(v, "care"))[0][0]; n != "0" {
		t.Errorf("%s rows of care", n)
	}
	for _, r := range v.Receipts {
		want := map[string][2]int64{"national": {2, 1}, "type1": {2, 1}}[r.List]
		if r.Entries != want[0] || r.Affected != want[1] || len(r.Digest) != 64 || len(r.Root) != 64 || r.SHA256 != "" || r.Dated.IsZero() {
			t.Errorf("%+v", r)
		}
	}
	// Reports hold faults, and nothing of people who merely opted out.
	if got := h.rejects("small@1"); len(got) != 1 {
		t.Errorf("rejected: %v", got)
	}
}

func TestPeopleKeepTheirUnitsFromVersionToVersion(t *testing.T) {
	h := smallHouse(t)
	unit := func(v catalog.Version) map[string]string {
		out := make(map[string]string)
		for _, r := range h.query("SELECT birth_year, _unit FROM " + table(v, "patients")) {
			out[r[0]] = r[1]
		}
		return out
	}
	first := unit(h.mustPublish(small(t)))

	// B leaves, D comes, and the rows stand in another order.
	h.write("patients.csv", patientsHeader+
		nhsD+",Di,Dunn,1970-01-01,DD1 1DD,F,\n"+
		nhsC+",Cy,Cole,2000-02-29,CC1 1CC,M,\n"+
		nhsA+",Ada,Abel,1950-03-14,AA1 1AA,F,2020-05-17\n")
	h.write("national.dat", nhsA+",\n"+nhsB+",\n"+nhsC+",\n"+nhsD+",\n")
	second := unit(h.mustPublish(small(t)))
	if first["1950"] != second["1950"] || first["2000"] != second["2000"] || second["1970"] != "3" || len(second) != 3 {
		t.Errorf("first %v, second %v", first, second)
	}

	// B comes back as whom they were.
	h.write("patients.csv", patientsHeader+nhsB+",Bea,Bell,1960-12-31,BB1 1BB,F,\n")
	third := unit(h.mustPublish(small(t)))
	if third["1960"] != first["1960"] {
		t.Errorf("first %v, third %v", first, third)
	}
	segments, _ := filepath.Glob(filepath.Join(h.dir, "custodian", "index", "small", "*.arrow"))
	if len(segments) != 2 {
		t.Errorf("segments: %v", segments)
	}
}

// Units tell nothing of the order of rows: of 400 people, few follow each other
// as they did in the file.
func TestUnitsAreInNoOrderOfTheFile(t *testing.T) {
	h := smallHouse(t)
	var patients, national strings.Builder
	patients.WriteString(patientsHeader)
	const people = 400
	for i := range people {
		n := catalog.FormatNHSNumber(validKey(i))
		patients.WriteString(n + ",A,B,1" + itoa(int64(850+i/100)) + "-01-01,P,F,\n")
		national.WriteString(n + ",\n")
	}
	h.write("patients.csv", patients.String())
	h.write("national.dat", national.String())
	v := h.mustPublish(small(t))
	rows := h.query("SELECT birth_year FROM " + table(v, "patients")) // by unit
	same := 0
	for i := 1; i < len(rows); i++ {
		if rows[i][0] == rows[i-1][0] {
			same++
		}
	}
	if len(rows) != people || same > people/2 { // of four years in random order, a quarter
		t.Errorf("%d of %d neighbours by unit were born in the same year", same, len(rows))
	}
}

// validKey is the i-th key of a valid number in the test range.
func validKey(i int) uint32 {
	for key, n := uint32(999_000_100), 0; ; key++ {
		if _, why := catalog.ParseNHSNumber([]byte(catalog.FormatNHSNumber(key))); why == "" {
			if n == i {
				return key
			}
			n++
		}
	}
}

func TestReportGivesTrueLinesBehindQuotedLineEnds(t *testing.T) {
	h := smallHouse(t)
	h.write("codes.csv", "code,term\r\n\r\nc1,\"One\n\nand \"\"more\"\"\"\r\nc2,Two\r\n,\"no\ncode\"\r\nc4,x,y\r\nc5,Five\r\n")
	v := h.mustPublish(small(t))
	mustBalance(t, v)
	wantRows(t, h.query("SELECT code, replace(term, chr(10), '/') FROM "+table(v, "codes")+" ORDER BY 1"), `c1|One//and "more"`, "c2|Two", "c5|Five")
	var got []string
	for _, r := range h.rejects("small@1") {
		got = append(got, r[1]+" "+r[3]+" "+r[5])
	}
	if !slices.Equal(got, []string{"7 value_missing ,\"no\ncode\"", "9 field_count c4,x,y"}) {
		t.Errorf("%q", got)
	}
}

func TestBlanksAroundFieldsAreTrimmed(t *testing.T) {
	h := smallHouse(t)
	h.write("events.csv", "\xef\xbb\xbf"+eventsHeader+nhsA+"  ,2001-02-03 , c1\t,\" 2 \"\n")
	v := h.mustPublish(small(t))
	wantRows(t, h.query("SELECT date, code, value FROM "+table(v, "events")), "2001-02-03|c1|2")
}

func TestWindows1252IsReadWhereDeclared(t *testing.T) {
	h := smallHouse(t)
	h.write("codes.csv", "code,term\nc1,Caf\xe9 \x80\nc2,\x81\n")
	v := h.mustPublish(smallWith(t, "encoding: utf-8", "encoding: windows-1252"))
	wantRows(t, h.query("FROM "+table(v, "codes")), "c1|Café €")
	if a := account(t, v, "codes"); a.Rejected["encoding"] != 1 {
		t.Errorf("%+v", a)
	}
}

func TestOnlyCustodiansPublish(t *testing.T) {
	h := smallHouse(t)
	o := h.options(small(t))
	o.Principal.User = "ada"
	_, err := catalog.Publish(t.Context(), o)
	wantCode(t, err, gatehouse.CodeDenied)
	h.mustNotHavePublished()
}

// The record comes last. If it fails, the version stands and is recorded by the
// next who comes by, once.
func TestAVersionThatWasNotRecordedIsRecordedLater(t *testing.T) {
	h := smallHouse(t)
	h.store.fail = errors.New("the database is gone")
	if _, err := h.publish(small(t)); err == nil {
		t.Fatal("no error")
	}
	h.store.fail = nil
	for range 2 {
		if err := catalog.Recover(t.Context(), h.dir, h.signer.public(), h.store); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(h.store.versions, []string{"small@1"}) {
		t.Errorf("recorded: %v", h.store.versions)
	}
	h.mustPublish(small(t))
	if !slices.Equal(h.store.versions, []string{"small@1", "small@2"}) {
		t.Errorf("recorded: %v", h.store.versions)
	}
}

func TestAnIndexThatLostPeopleStopsPublication(t *testing.T) {
	h := smallHouse(t)
	h.mustPublish(small(t))
	segments, _ := filepath.Glob(filepath.Join(h.dir, "custodian", "index", "small", "*.arrow"))
	if err := os.Remove(segments[0]); err != nil {
		t.Fatal(err)
	}
	_, err := h.publish(small(t))
	wantCode(t, err, gatehouse.CodeManifest, "person index")
}
