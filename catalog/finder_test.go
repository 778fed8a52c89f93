package catalog_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// linkedBy is what the small definition says of rows without an identifier, in these
// tests: three passes, hospital numbers, and no own units.
const linkedBy = `linkage:
    fields:
      - {column: given, kind: name, frequency: true, decisive: true}
      - {column: family, kind: name, frequency: true}
      - {column: born, kind: date}
      - {column: postcode, kind: postcode, frequency: true}
    passes:
      - {name: exact, on: [given, family, born, postcode]}
      - {name: moved, on: [given, family, born, "postcode:outcode"]}
      - {name: initials, on: ["given:1", "family:1", born, postcode]}
  unlinked: drop
`

// linkedDefinition is the small definition with passes of linkage, and further
// replacements.
func linkedDefinition(t testing.TB, replace ...string) *catalog.Definition {
	t.Helper()
	d := smallWith(t, append([]string{"link_without_key: [family, given, born, postcode]\n", linkedBy}, replace...)...)
	d.RejectFloor = 100
	return d
}

// hospital adds hospital numbers: care names people by them where it has no NHS number.
func hospital(replace ...string) []string {
	return append([]string{
		"unlinked: drop\n", "unlinked: drop\n  local: [{organisation: RXX, column: hospital_no}]\n",
		"      - {name: given, treatment: drop}\n      - {name: family, treatment: drop}\n      - {name: born, type: date, required: true", "      - {name: hospital_no, treatment: drop}\n      - {name: given, treatment: drop}\n      - {name: family, treatment: drop}\n      - {name: born, type: date, required: true",
		"    link: true\n", "    link: true\n    local: {organisation: RXX, column: client}\n",
	}, replace...)
}

// ownUnits makes people of hospital numbers that fit nobody.
func ownUnits() []string {
	return hospital("unlinked: drop\n", "unlinked: own_unit\n  unlinked_reason: agreed with the custodian\n",
		"  - {list: national, file: national.dat, kind: allow, max_age: 720h}\n", "  - {list: national, file: out.csv, kind: deny, header: [nhs_number], column: nhs_number, max_age: 720h}\n")
}

const hospitalHeader = "nhs_number,hospital_no,given,family,born,postcode,sex,died\n"

func hospitalHouse(t testing.TB) *house {
	h := smallHouse(t)
	h.write("patients.csv", hospitalHeader+
		nhsA+",h1,Ada,Abel,1950-03-14,AA1 1AA,F,2020-05-17\n"+
		nhsB+",h2,Bea,Bell,1960-12-31,BB1 1BB,F,\n"+
		nhsC+",,Cy,Cole,2000-02-29,CC1 1CC,M,\n")
	h.write("out.csv", "nhs_number\n")
	return h
}

// outcomes are how the rows of care found their people.
func outcomes(t testing.TB, v catalog.Version) map[string]int64 {
	t.Helper()
	for _, l := range v.Linkage {
		if l.Table == "care" {
			sum := int64(0)
			for _, n := range l.Outcomes {
				sum += n
			}
			if sum != l.Rows {
				t.Errorf("%d rows and %d outcomes", l.Rows, sum)
			}
			return l.Outcomes
		}
	}
	t.Fatalf("no linkage of care in %s", v.Name())
	return nil
}

func wantOutcomes(t testing.TB, v catalog.Version, want map[string]int64) {
	t.Helper()
	if got := outcomes(t, v); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// days gives who has rows of care, and how many, by year of birth; "" is nobody of
// the table of patients.
func (h *house) care(v catalog.Version) [][]string {
	return h.query(fmt.Sprintf("SELECT coalesce(birth_year::VARCHAR, 'own'), count(*) FROM %s LEFT JOIN %s USING (_unit) GROUP BY 1 ORDER BY 1", table(v, "care"), table(v, "patients")))
}

func TestRowsWithoutAnIdentifierFindTheirPerson(t *testing.T) {
	h := smallHouse(t)
	h.write("patients.csv", patientsHeader+
		nhsA+",Ada,Abel,1950-03-14,AA1 1AA,F,\n"+
		nhsB+",Bea,Bell,1960-12-31,BB1 1BB,F,\n"+
		nhsC+",Cy,Cole,2000-02-29,CC1 1CC,M,\n"+
		nhsD+",Dan,Dunn,1970-07-07,DD1 1DD,M,\n"+ // opted out
		nhsE+",Eve,Ash,1980-01-01,EE1 1EE,F,\n"+ // twins, of whom one's initial says nothing
		nhsF+",Eva,Ash,1980-01-01,EE1 1EE,F,\n"+
		nhsG+",Gus,Gale,1990-01-01,GG1 1GG,M,\n"+ // nobody knows which of the two rows is right
		nhsG+",Gil,Gale,1990-01-01,GG1 1GG,M,\n")
	h.write("national.dat", nhsA+",\n"+nhsB+",\n"+nhsC+",\n"+nhsE+",\n"+nhsF+",\n"+nhsG+",\n")
	h.write("care.csv", careHeader+
		"k1,,ADA,abel,1950-03-14,aa11aa,2010-01-01,\n"+ // exact
		"k2,,Bea,Bell,1960-12-31,BB1 2ZZ,2010-01-01,\n"+ // moved
		"k3,,Cyril,Cole,2000-02-29,CC1 1CC,2010-01-01,\n"+ // initials
		"k4,,Dan,Dunn,1970-07-07,DD1 1DD,2010-01-01,\n"+ // vanishes
		"k5,,E.,Ash,1980-01-01,EE1 1EE,2010-01-01,\n"+ // either twin
		"k6,,Eva,Ash,1980-01-01,EE1 1EE,2010-01-01,\n"+
		"k7,,Gil,Gale,1990-01-01,GG1 1GG,2010-01-01,\n"+
		"k8,,Nobody,Here,1990-01-01,ZZ1 1ZZ,2010-01-01,\n"+
		"k9,,,,,,2010-01-01,\n"+
		"k10,"+nhsB+",,,,,2010-01-01,\n"+
		"k11,,Ada,Abel,1950-03-14,AA1 1AA,1940-01-01,1939-01-01\n") // rejected before anybody asks
	v := h.mustPublish(linkedDefinition(t))
	mustBalance(t, v)
	wantRows(t, h.care(v), "1950|1", "1960|2", "1980|1", "2000|1")
	care := account(t, v, "care")
	if care.OptedOut != 1 {
		t.Errorf("%d rows of care are of people who opted out; Dan has one", care.OptedOut)
	}
	wantOutcomes(t, v, map[string]int64{"exact": 3, "moved": 1, "initials": 1, "unlinked_ambiguous": 1, "unlinked_excluded": 1, "unlinked": 2})
	var reasons []string
	for _, row := range h.rejects(v.Name()) {
		if row[0] == "care.csv" {
			reasons = append(reasons, row[1]+" "+row[3])
		}
	}
	want := "6 unlinked_ambiguous,8 unlinked_excluded,9 unlinked,10 unlinked,12 ended_before_started"
	if strings.Join(reasons, ",") != want {
		t.Errorf("%s, want %s", strings.Join(reasons, ","), want)
	}
	// The quality stands in the custodian's report, and no value in it or the manifest.
	path := filepath.Join(h.dir, "custodian", "reports", v.Name(), "linkage.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Rows struct{ Rows, People int64 }
	}
	if err := json.Unmarshal(text, &report); err != nil || report.Rows.Rows != 9 || report.Rows.People != 7 {
		t.Errorf("%v, %+v", err, report)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	manifest, err := os.ReadFile(filepath.Join(v.Folder, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"Abel", "ABEL", "Ash", "1950-03-14", "AA1", nhsA, "Gale"} {
		if strings.Contains(string(text)+string(manifest), secret) {
			t.Errorf("%s stands in the report or the manifest", secret)
		}
	}
}

// The model links what no pass has linked; its own estimate stands in the report.
func TestTheModelLinksWhatNoRuleDoes(t *testing.T) {
	h := smallHouse(t)
	var patients, care, allowed strings.Builder
	patients.WriteString(patientsHeader)
	care.WriteString(careHeader)
	given, family := []string{"Ada", "Bea", "Cleo", "Dora", "Edith", "Flora", "Grace"}, []string{"Abelson", "Bellamy", "Coleman", "Dunstan", "Easton", "Fielding", "Gilmore"}
	key := uint32(999_000_000)
	for i := range 400 {
		number := ""
		for key++; ; key++ {
			number = catalog.FormatNHSNumber(key)
			if _, why := catalog.ParseNHSNumber([]byte(number)); why == "" {
				break
			}
		}
		born := fmt.Sprintf("%d-%02d-%02d", 1930+i%70, 1+i%12, 1+i%28)
		postcode := fmt.Sprintf("A%c%d %d%c%c", 'A'+i%20, 1+i%9, 1+i%9, 'A'+i%20, 'B'+i%19)
		g, f := given[i%7], family[i/7%7]
		fmt.Fprintf(&patients, "%s,%s,%s,%s,%s,F,\n", number, g, f, born, postcode)
		allowed.WriteString(number + ",\n")
		if i%4 == 0 { // a slip of the pen in the family name
			fmt.Fprintf(&care, "k%d,,%s,%s,%s,%s,2010-01-01,\n", i, g, f[:2]+"x"+f[3:], born, postcode)
		}
	}
	h.write("patients.csv", patients.String())
	h.write("events.csv", eventsHeader+"9990000018,2001-01-01,c1,\n")
	h.write("care.csv", care.String())
	h.write("national.dat", allowed.String())
	d := linkedDefinition(t, "    passes:\n", "    probabilistic: {threshold: 0.9, blocks: [[born], [postcode]]}\n    passes:\n",
		`      - {name: initials, on: ["given:1", "family:1", born, postcode]}`+"\n", "")
	v := h.mustPublish(d)
	mustBalance(t, v)
	if n := outcomes(t, v)["probabilistic"]; n < 90 {
		t.Errorf("%v", outcomes(t, v))
	}
	text, err := os.ReadFile(filepath.Join(h.dir, "custodian", "reports", v.Name(), "linkage.json"))
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Rows struct{ Precision, Recall float64 }
	}
	if err := json.Unmarshal(text, &report); err != nil || report.Rows.Precision < 0.9 || report.Rows.Recall < 0.9 {
		t.Errorf("%v, %+v", err, report)
	}
}

// A hospital's number names its patient: by the table of people, by other rows that
// bear both numbers, by what its rows say; and nobody if these do not agree.
func TestLocalNumbersNameTheirPerson(t *testing.T) {
	h := hospitalHouse(t)
	h.write("care.csv", careHeader+
		"h1,,,,,,2010-01-01,\n"+ // Ada, by the table of people
		"h7,"+nhsC+",,,,,2010-01-01,\n"+ // Cy, who is named here …
		"h7,,,,,,2011-01-01,\n"+ // … and so here
		"h8,,Bea,Bell,1960-12-31,BB1 1BB,2012-01-01,\n"+ // Bea, by what one row says …
		"h8,,,,,,2013-01-01,\n"+ // … and so here
		"h2,"+nhsC+",,,,,2010-02-01,\n"+ // says that Bea's number is Cy's: this row names Cy itself
		"h2,,,,,,2010-03-01,\n"+ // and this one nobody
		"h9,,Ada,Abel,1950-03-14,AA1 1AA,2010-04-01,\n"+ // one number with two people's rows
		"h9,,Cy,Cole,2000-02-29,CC1 1CC,2010-05-01,\n"+
		"h10,,,,,,2010-06-01,\n"+ // nobody knows it
		"h11,"+nhsH+",,,,,2010-06-01,\n"+ // of somebody who is not there, and on no list
		"h11,,,,,,2010-07-01,\n")
	v := h.mustPublish(linkedDefinition(t, hospital()...))
	mustBalance(t, v)
	wantRows(t, h.care(v), "1950|1", "1960|2", "2000|3")
	wantOutcomes(t, v, map[string]int64{"local_number": 2, "exact": 2, "local_number_conflict": 3, "unlinked": 1, "opted_out": 1})
	if who := h.unitsOf(v, "RXX/h1"); len(who) != 1 || who[0] != h.unitsOf(v, nhsA)[0] {
		t.Errorf("RXX/h1 is %v in the index", who)
	}
}

// Whoever has opted out by NHS number is found by a hospital's number, and vanishes.
func TestAnOptOutReachesRowsUnderALocalNumber(t *testing.T) {
	h := hospitalHouse(t)
	h.write("national.dat", nhsA+",\n"+nhsC+",\n") // not Bea
	h.write("care.csv", careHeader+"h2,,,,,,2010-01-01,\nh5,,Bea,Bell,1960-12-31,BB1 1BB,2010-01-01,\nh5,,,,,,2010-02-01,\nh1,,,,,,2010-01-01,\n")
	v := h.mustPublish(linkedDefinition(t, hospital()...))
	wantRows(t, h.care(v), "1950|1")
	if a := account(t, v, "care"); a.OptedOut != 3 || a.Published != 1 {
		t.Errorf("%+v", a)
	}
}

// An extract that is keyed by hospital numbers alone joins through the person index,
// which another dataset has taught it.
func TestAnExtractOfLocalNumbersJoinsThroughTheIndex(t *testing.T) {
	h := hospitalHouse(t)
	h.write("care.csv", careHeader)
	first := h.mustPublish(linkedDefinition(t, hospital()...))
	// Another dataset of the same index: its table of people has no hospital numbers.
	h.write("patients.csv", patientsHeader+nhsA+",Ada,Abel,1950-03-14,AA1 1AA,F,\n"+nhsC+",Cy,Cole,2000-02-29,CC1 1CC,M,\n")
	h.write("national.dat", nhsA+",\n"+nhsC+",\n")
	h.write("events.csv", eventsHeader+nhsA+",2001-02-03,c1,1.5\n")
	h.write("care.csv", "client,nhs_number,given,family,born,postcode,started,ended\n"+
		"h1,,,,,,2010-01-01,\nh2,,,,,,2010-01-01,\nh3,,,,,,2010-01-01,\n,,,,,,2010-01-01,\n")
	keyed := []string{"dataset: small\n", "dataset: other\nindex: small\n", "link_without_key: [family, given, born, postcode]\n", "unlinked: drop\n",
		"    link: true\n", "    local: {organisation: RXX, column: client}\n", "{name: client, treatment: drop}\n      - {name: nhs_number, treatment: unit}", "{name: client, treatment: unit}\n      - {name: nhs_number, treatment: drop}"}
	d := smallWith(t, keyed...)
	d.RejectFloor = 100
	v := h.mustPublish(d)
	mustBalance(t, v)
	wantRows(t, h.care(v), "1950|1")
	wantRows(t, h.query(fmt.Sprintf("SELECT _unit FROM %s", table(v, "care"))), fmt.Sprint(h.unitsOf(first, nhsA)[0]))
	// Bea is known, not in the extract, and on no allow-list; h3 is nobody's; one row names nobody at all.
	wantOutcomes(t, v, map[string]int64{"local_number": 1, "opted_out": 1, "unlinked": 1})
	if a := account(t, v, "care"); a.Rejected["identifier_missing"] != 1 || a.OptedOut != 1 {
		t.Errorf("%+v", a)
	}
}

// A hospital number that fits nobody is a person of its own, where the definition says
// so: the same in the next version, reached by withdrawals, and never by guess made
// somebody else.
func TestUnlinkedRowsHaveAPersonOfTheirOwn(t *testing.T) {
	h := hospitalHouse(t)
	h.write("care.csv", careHeader+
		"h20,,Una,Unknown,1977-01-01,UU1 1UU,2010-01-01,\n"+
		"h20,,,,,,2011-01-01,\n"+
		"h21,,,,,,2010-01-01,\n"+
		",,Una,Unknown,1977-01-01,UU1 1UU,2010-01-01,\n"+ // without a number it is nobody's
		"h1,,,,,,2010-01-01,\n")
	v := h.mustPublish(linkedDefinition(t, ownUnits()...))
	mustBalance(t, v)
	wantRows(t, h.care(v), "1950|1", "own|3")
	if v.OwnUnits != 2 || v.Units != 5 || v.UnlinkedReason == "" {
		t.Errorf("%d own units of %d, %q", v.OwnUnits, v.Units, v.UnlinkedReason)
	}
	wantOutcomes(t, v, map[string]int64{"own_unit": 3, "local_number": 1, "unlinked": 1})
	una := h.unitsOf(v, "RXX/h20")
	wantRows(t, h.query(fmt.Sprintf("SELECT count(*) FROM %s WHERE _unit = %d", table(v, "care"), una[0])), "2")

	h.now = h.now.Add(time.Hour)
	again := h.mustPublish(linkedDefinition(t, ownUnits()...))
	if next := h.unitsOf(again, "RXX/h20"); len(next) != 1 || next[0] != una[0] || again.OwnUnits != 2 {
		t.Errorf("%v became %v", una, next)
	}
	// Rows now say that h20 is Bea: the index says otherwise, so it is nobody until a
	// custodian has said that the two are one.
	h.write("care.csv", careHeader+"h20,,Bea,Bell,1960-12-31,BB1 1BB,2010-01-01,\nh21,,,,,,2010-01-01,\n")
	third := h.mustPublish(linkedDefinition(t, ownUnits()...))
	wantOutcomes(t, third, map[string]int64{"local_number_conflict": 1, "own_unit": 1})
	h.mustMerge(catalog.Merge{Kept: nhsB, Superseded: "RXX/h20"})
	fourth := h.mustPublish(linkedDefinition(t, ownUnits()...))
	wantRows(t, h.care(fourth), "1960|1", "own|1")
	// A withdrawal of Bea by her own number reaches the unit of before, too.
	if both := h.unitsOf(fourth, nhsB); len(both) != 2 {
		t.Errorf("Bea is %v", both)
	}
	if _, err := catalog.Publish(t.Context(), func() catalog.PublishOptions {
		o := h.options(linkedDefinition(t, ownUnits()...))
		o.Changes = true
		return o
	}()); gatehouse.CodeOf(err) != gatehouse.CodeChanges {
		t.Errorf("changes: %v", err)
	}
}

// A coded dissent in a row without an identifier takes out whoever the row is about.
func TestADissentInARowWithoutAnIdentifier(t *testing.T) {
	h := hospitalHouse(t)
	coded := []string{type1File, "{list: type1, coded: {table: care, code: note, date: started}, max_age: 720h}",
		"      - {name: started,", "      - {name: note, treatment: drop}\n      - {name: started,"}
	h.write("care.csv", "client,nhs_number,given,family,born,postcode,note,started,ended\n"+
		"h30,,Cy,Cole,2000-02-29,CC1 1CC,9Nu0,2010-01-01,\n"+ // Cy, by what the row says
		"h2,,,,,,9Nu0,2010-01-01,\n"+ // Bea, by her number
		"h31,,,,,,9Nu0,2010-01-01,\n"+ // a person of their own
		"h31,,,,,,,2010-02-01,\n"+
		"h32,,,,,,,2010-02-01,\n"+
		",,,,,,9Nu0,2010-01-01,\n") // nobody
	v := h.mustPublish(linkedDefinition(t, append(ownUnits(), coded...)...))
	mustBalance(t, v)
	wantRows(t, h.query("SELECT birth_year FROM "+table(v, "patients")), "1950")
	wantRows(t, h.care(v), "own|1")
	for _, r := range v.Receipts {
		if r.List == "type1" && (r.Entries != 2 || r.Nobody != 1) {
			t.Errorf("%+v", r)
		}
	}
}

// In an extract of changes rows are found by local numbers alone, since somebody
// outside the extract might fit as well what a row says; but a dissent is honoured.
func TestChangesFindPeopleByLocalNumbersAlone(t *testing.T) {
	h := hospitalHouse(t)
	columns := "client,nhs_number,given,family,born,postcode,note,started,ended\n"
	d := func() *catalog.Definition {
		return linkedDefinition(t, append(hospital(), type1File, "{list: type1, coded: {table: care, code: note, date: started}, max_age: 720h}",
			"      - {name: started,", "      - {name: note, treatment: drop}\n      - {name: started,")...)
	}
	h.write("care.csv", columns+"h1,,,,,,,2010-01-01,\nh2,,,,,,,2010-01-01,\n")
	first := h.mustPublish(d())
	wantRows(t, h.care(first), "1950|1", "1960|1")
	changes := func(care string) (catalog.Version, error) {
		h.write("care.csv", columns+care)
		o := h.options(d())
		o.Changes = true
		return catalog.Publish(t.Context(), o)
	}
	h.write("patients.csv", hospitalHeader+nhsA+",h1,Ada,Abel,1950-03-14,AA1 1AA,F,2020-05-17\n")
	h.write("events.csv", eventsHeader)
	v, err := changes("h1,,,,,,,2010-01-01,\nh1,,,,,,,2011-01-01,\n,,Ada,Abel,1950-03-14,AA1 1AA,,2012-01-01,\n")
	if err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, v, map[string]int64{"local_number": 2, "unlinked": 1})
	if v.Tables[2].Rows != 3 {
		t.Errorf("%+v", v.Tables[2])
	}
	// Bea's dissent, by a number that only the index knows; she is not in the extract.
	if v, err = changes("h1,,,,,,,2010-01-01,\nh2,,,,,,9Nu0,2013-01-01,\n"); err != nil {
		t.Fatal(err)
	}
	if v.Units != 2 || v.Tables[2].Rows != 1 {
		t.Errorf("%d people, %d rows", v.Units, v.Tables[2].Rows)
	}
	_, err = changes("h77,,,,,,9Nu0,2013-01-01,\n")
	wantCode(t, err, gatehouse.CodeChanges)
}

// People whose numbers were merged are one to the linkage, too, and dates and text of
// other forms are read before they are compared.
func TestLinkageOfMergedPeopleAndOtherForms(t *testing.T) {
	h := smallHouse(t)
	d := linkedDefinition(t, "      - {name: born, type: date, treatment: drop}", "      - {name: dob, type: date, format: DD/MM/YYYY, missing: [01/01/1800], treatment: drop}",
		"    link: true\n", "    link: true\n    encoding: windows-1252\n    link_columns: {born: dob}\n")
	h.write("patients.csv", patientsHeader+
		nhsA+",Zoë,Abel,1950-03-14,AA1 1AA,F,\n"+
		nhsB+",Zoë,Abel,1950-03-14,AA1 1AA,F,\n"+
		nhsC+",Cy,Cole,2000-02-29,CC1 1CC,M,\n")
	care := "client,nhs_number,given,family,dob,postcode,started,ended\n" +
		"k1,,Zo\xeb,Abel,14/03/1950,AA1 1AA,2010-01-01,\n" +
		"k2,,Cy,Cole,01/01/1800,CC1 1CC,2010-01-01,\n"
	h.write("care.csv", care)
	v := h.mustPublish(d)
	wantOutcomes(t, v, map[string]int64{"unlinked_ambiguous": 1, "unlinked": 1})
	h.mustMerge(catalog.Merge{Kept: nhsB, Superseded: nhsA})
	v = h.mustPublish(d)
	wantOutcomes(t, v, map[string]int64{"exact": 1, "unlinked": 1})
	wantRows(t, h.query(fmt.Sprintf("SELECT _unit FROM %s", table(v, "care"))), fmt.Sprint(h.query(fmt.Sprintf("SELECT _unit FROM %s WHERE birth_year = 1950", table(v, "patients")))[0][0]))
}

func TestADefinitionOfLinkageSaysEverything(t *testing.T) {
	base := append([]string{"link_without_key: [family, given, born, postcode]\n", linkedBy}, hospital()...)
	for name, c := range map[string]struct {
		replace []string
		names   string
	}{
		"nothing of unlinked rows":      {[]string{"  unlinked: drop\n", ""}, "must say what becomes of rows"},
		"a strange end":                 {[]string{"unlinked: drop\n", "unlinked: guess\n"}, "drop or own_unit"},
		"own units and an allow-list":   {[]string{"unlinked: drop\n", "unlinked: own_unit\n  unlinked_reason: why\n"}, "allow-list"},
		"own units without numbers":     {[]string{"unlinked: drop\n", "unlinked: own_unit\n", "    local: {organisation: RXX, column: client}\n", ""}, "needs local numbers"},
		"own units without a reason":    {append(ownUnits()[len(hospital()):], "  unlinked_reason: agreed with the custodian\n", ""), "needs unlinked_reason"},
		"a reason for nothing":          {[]string{"unlinked: drop\n", "unlinked: drop\n  unlinked_reason: why\n"}, "only for unlinked: own_unit"},
		"no such column":                {[]string{"column: postcode, kind", "column: postal, kind"}, "is no column of patients"},
		"no such column of the linked":  {[]string{"      - {name: postcode, treatment: drop}\n      - {name: started", "      - {name: started"}, "has no column postcode"},
		"a published name":              {[]string{"column: postcode, kind: postcode", "column: sex, kind: name"}, "published as it is"},
		"a date as a name":              {[]string{"column: born, kind: date", "column: born, kind: name"}, "is linked by as text"},
		"a name as a date":              {[]string{"column: family, kind: name, frequency: true", "column: family, kind: date"}, "as a date, and is none"},
		"a pass of a reserved name":     {[]string{"name: exact,", "name: own_unit,"}, "of its own"},
		"a pass on nothing":             {[]string{"on: [given, family, born, postcode]", "on: []"}, "names no field"},
		"a part that is not there":      {[]string{`"postcode:outcode"`, `"postcode:year"`}, "is not there"},
		"a low threshold":               {[]string{"    passes:\n", "    probabilistic: {threshold: 0.4, blocks: [[born]]}\n    passes:\n"}, "threshold"},
		"no table that is linked":       {[]string{"    link: true\n", ""}, "links no table"},
		"both ways":                     {[]string{"  unlinked: drop\n", "  unlinked: drop\n  link_without_key: [family]\n"}, "takes the place"},
		"a published local number":      {[]string{"      - {name: client, treatment: drop}", "      - {name: client, treatment: keep, class: dimension}"}, "not published"},
		"a strange organisation":        {[]string{"local: {organisation: RXX, column: client}", "local: {organisation: R/X, column: client}"}, "organisation"},
		"the identifier as local":       {[]string{"column: hospital_no}]", "column: nhs_number}]"}, "no local number"},
		"local numbers of the codes":    {[]string{"    public: true\n", "    public: true\n    local: {organisation: RXX, column: term}\n"}, "rows about people"},
		"linked columns that are not":   {[]string{"    link: true\n", "    link: true\n    link_columns: {sex: client}\n"}, "links nothing"},
		"linked columns without a link": {[]string{"    link: true\n", "    link_columns: {given: client}\n"}, "link_columns needs"},
		"local numbers and another key": {[]string{"  identifier: nhs_number\n", "  identifier: nhs_number\n  key: hospital_no\n", "      - {name: nhs_number, treatment: unit}\n      - {name: hospital_no, treatment: drop}", "      - {name: nhs_number, treatment: drop}\n      - {name: hospital_no, treatment: unit}", "  local: [{organisation: RXX, column: hospital_no}]\n", ""}, "where people.key is another column"},
	} {
		text, err := os.ReadFile(filepath.Join("testdata", "small.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		s := string(text)
		all := append(append([]string{}, base...), c.replace...)
		for i := 0; i < len(all); i += 2 {
			if !strings.Contains(s, all[i]) {
				t.Fatalf("%s: there is no %q", name, all[i])
			}
			s = strings.ReplaceAll(s, all[i], all[i+1])
		}
		_, err = catalog.ParseDefinition("small.yaml", []byte(s))
		wantCode(t, err, gatehouse.CodeDefinition)
		if err != nil && !strings.Contains(err.Error(), c.names) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
