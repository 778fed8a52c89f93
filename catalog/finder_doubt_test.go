package catalog_test

import (
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// A dissent without a number is its person's, also where a linking value is of more
// than ASCII and the table is not UTF-8.
func TestDissentIsLinkedInTheEncodingOfItsTable(t *testing.T) {
	h := smallHouse(t)
	h.write("patients.csv", patientsHeader+
		nhsA+",Ada,Abel,1950-03-14,AA1 1AA,F,\n"+
		nhsB+",Zoë,Bell,1960-12-31,BB1 1BB,F,\n"+
		nhsC+",Cy,Cole,2000-02-29,CC1 1CC,M,\n")
	h.write("care.csv", careHeader+"9Nu0.,,Zo\xeb,Bell,1960-12-31,BB1 1BB,2011-01-01,\n")
	d := smallWith(t, type1File, "{list: type1, coded: {table: care, code: client, date: started}, max_age: 720h}",
		"    link: true\n", "    link: true\n    encoding: windows-1252\n")
	d.RejectFloor = 100
	v := h.mustPublish(d)
	wantRows(t, h.query("SELECT birth_year FROM "+table(v, "patients")+" ORDER BY 1"), "1950", "2000")
	for _, r := range v.Receipts {
		if r.List == "type1" && (r.Entries != 1 || r.Nobody != 0) {
			t.Errorf("%+v", r)
		}
	}
}

// All rows of a local number that fit anybody come to one person, or it is nobody's.
func TestALocalNumberInDoubtIsNobodys(t *testing.T) {
	h := hospitalHouse(t)
	h.write("patients.csv", hospitalHeader+
		nhsA+",h1,Ada,Abel,1950-03-14,AA1 1AA,F,\n"+
		nhsE+",,Eve,Ash,1980-01-01,EE1 1EE,F,\n"+
		nhsF+",,Eva,Ash,1980-01-01,EE1 1EE,F,\n"+
		nhsG+",,Gus,Gale,1990-01-01,GG1 1GG,M,\n"+
		nhsG+",,Gil,Gale,1990-01-01,GG1 1GG,M,\n")
	ada := ",,Ada,Abel,1950-03-14,AA1 1AA,2010-01-01,\n"
	h.write("care.csv", careHeader+
		"h50"+ada+"h50,,Gil,Gale,1990-01-01,GG1 1GG,2010-01-01,\n"+
		"h51"+ada+"h51,,E.,Ash,1980-01-01,EE1 1EE,2010-01-01,\n"+
		"h52"+ada+"h52,,,,,,2010-01-01,\n")
	v := h.mustPublish(linkedDefinition(t, ownUnits()...))
	mustBalance(t, v)
	wantOutcomes(t, v, map[string]int64{"local_number_conflict": 2, "unlinked_ambiguous": 2, "exact": 2})
	wantRows(t, h.care(v), "1950|2")
}

// Whoever's row of the table of people is rejected does not come back as a person of
// their own, under a local number of that row.
func TestARejectedPersonIsNoOwnUnit(t *testing.T) {
	h := hospitalHouse(t)
	h.write("out.csv", "nhs_number\n"+nhsD+"\n")
	ada := nhsA + ",h1,Ada,Abel,1950-03-14,AA1 1AA,F,\n"
	h.write("patients.csv", hospitalHeader+ada+nhsC+",,Cy,Cole,2000-02-29,CC1 1CC,M,\n"+nhsD+",h40,Dan,Dunn,1970-02-31,DD1 1DD,M,\n")
	h.write("care.csv", careHeader+"h1,,,,,,2010-01-01,\nh40,,,,,,2010-01-01,\n")
	d := linkedDefinition(t, ownUnits()...)
	v := h.mustPublish(d)
	mustBalance(t, v)
	wantOutcomes(t, v, map[string]int64{"local_number": 1, "local_number_conflict": 1})
	wantRows(t, h.care(v), "1950|1")
	h.write("patients.csv", hospitalHeader+ada+nhsD+",h40\n")
	_, err := h.publish(d)
	wantCode(t, err, gatehouse.CodeExtractBroken)
}

// In an extract of changes a dissent of nobody but whom its row describes may be that
// of somebody outside the extract: it is not taken for one who fits.
func TestChangesDoNotGuessWhoseADissentIs(t *testing.T) {
	coded := "{list: type1, coded: {table: care, code: note, date: started}, max_age: 720h}"
	note := []string{type1File, coded, "      - {name: started,", "      - {name: note, treatment: drop}\n      - {name: started,"}
	for name, c := range map[string]struct {
		d      func() *catalog.Definition
		client string
	}{
		"by what the row says":     {func() *catalog.Definition { return linkedDefinition(t, append(hospital(), note...)...) }, ""},
		"by what its number's say": {func() *catalog.Definition { return linkedDefinition(t, append(hospital(), note...)...) }, "h77"},
	} {
		h := hospitalHouse(t)
		columns := "client,nhs_number,given,family,born,postcode,note,started,ended\n"
		h.write("care.csv", columns)
		h.mustPublish(c.d())
		h.write("patients.csv", hospitalHeader+nhsA+",h1,Ada,Abel,1950-03-14,AA1 1AA,F,2020-05-17\n")
		h.write("events.csv", eventsHeader)
		h.write("care.csv", columns+c.client+",,Ada,Abel,1950-03-14,AA1 1AA,9Nu0,2012-01-01,\n")
		o := h.options(c.d())
		o.Changes = true
		_, err := catalog.Publish(t.Context(), o)
		if gatehouse.CodeOf(err) != gatehouse.CodeChanges {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Nor where its local number is in doubt: that Eve and Eva of the extract fit does not
// tell that the dissent is not of somebody outside it.
func TestChangesDoNotGuessWhoseADissentInDoubtIs(t *testing.T) {
	note := []string{type1File, "{list: type1, coded: {table: care, code: note, date: started}, max_age: 720h}", "      - {name: started,", "      - {name: note, treatment: drop}\n      - {name: started,"}
	columns := "client,nhs_number,given,family,born,postcode,note,started,ended\n"
	h := hospitalHouse(t)
	definition := func() *catalog.Definition {
		d := linkedDefinition(t, append(hospital(), note...)...)
		d.RejectFloor = 100
		for i := range d.Tables {
			d.Tables[i].MayBeEmpty = true
		}
		return d
	}
	h.write("care.csv", columns)
	h.mustPublish(definition())
	h.write("patients.csv", hospitalHeader+nhsE+",,Eve,Ash,1980-01-01,EE1 1EE,F,2020-05-17\n"+nhsF+",,Eva,Ash,1980-01-01,EE1 1EE,F,2020-05-17\n")
	h.write("events.csv", eventsHeader)
	h.write("care.csv", columns+"h78,,E.,Ash,1980-01-01,EE1 1EE,9Nu0,2012-01-01,\n")
	o := h.options(definition())
	o.Changes = true
	_, err := catalog.Publish(t.Context(), o)
	wantCode(t, err, gatehouse.CodeChanges, "names nobody")
}

// Two local numbers that no identifier names are never one person of the index.
func TestLocalNumbersAloneAreNotMerged(t *testing.T) {
	h := hospitalHouse(t)
	h.write("care.csv", careHeader+"h20,,,,,,2010-01-01,\nh21,,,,,,2010-01-01,\n")
	h.mustPublish(linkedDefinition(t, ownUnits()...))
	o := h.indexOptions()
	wantCode(t, catalog.MergePeople(t.Context(), o, []catalog.Merge{{Kept: "RXX/h20", Superseded: "RXX/h21"}}), gatehouse.CodeIndexChange)
	h.mustMerge(catalog.Merge{Kept: nhsC, Superseded: "RXX/h20"}, catalog.Merge{Kept: nhsC, Superseded: "RXX/h21"})
	split := func(of string, separate ...string) error {
		return catalog.SplitPeople(t.Context(), o, []catalog.Split{{Of: of, Separate: separate}})
	}
	wantCode(t, split(nhsC, "RXX/h20", "RXX/h21"), gatehouse.CodeIndexChange)
	wantCode(t, split("RXX/h20", nhsC), gatehouse.CodeIndexChange)
	if err := split(nhsC, "RXX/h20"); err != nil {
		t.Error(err)
	}
}

// A dissent in a row that may be several people's is that of all of them: whoever is
// meant is not published. What names nobody whom the extract knows is counted.
func TestADissentInDoubtIsEverybodysWhoMayBeMeant(t *testing.T) {
	columns := "client,nhs_number,given,family,born,postcode,note,started,ended\n"
	note := []string{type1File, "{list: type1, coded: {table: care, code: note, date: started}, max_age: 720h}",
		"      - {name: started,", "      - {name: note, treatment: drop}\n      - {name: started,"}
	const model = "  unlinked: drop\n"
	for name, c := range map[string]struct {
		patients, care string
		replace        []string
		left           []string // years of birth of who is published
		doubt, nobody  int64
	}{
		"a number in two rows of the table of people": {
			nhsA + ",h1,Ada,Abel,1950-03-14,AA1 1AA,F,\n" + nhsB + ",h1,Bea,Bell,1960-12-31,BB1 1BB,F,\n" + nhsC + ",,Cy,Cole,2000-02-29,CC1 1CC,M,\n",
			"h1,,,,,,9Nu0,2010-01-01,\n", nil, []string{"2000"}, 1, 0},
		"a number whose rows fit two people": {
			nhsA + ",,Ada,Abel,1950-03-14,AA1 1AA,F,\n" + nhsB + ",,Bea,Bell,1960-12-31,BB1 1BB,F,\n" + nhsC + ",,Cy,Cole,2000-02-29,CC1 1CC,M,\n",
			"h7,,Ada,Abel,1950-03-14,AA1 1AA,,2010-01-01,\nh7,,,,,,9Nu0,2010-01-01,\nh7,,Bea,Bell,1960-12-31,BB1 1BB,,2010-01-01,\n", nil, []string{"2000"}, 1, 0},
		"a number beside two NHS numbers": {
			nhsA + ",,Ada,Abel,1950-03-14,AA1 1AA,F,\n" + nhsB + ",,Bea,Bell,1960-12-31,BB1 1BB,F,\n" + nhsC + ",,Cy,Cole,2000-02-29,CC1 1CC,M,\n",
			"h7," + nhsA + ",,,,,,2010-01-01,\nh7,,,,,,9Nu0,2010-01-01,\nh7," + nhsB + ",,,,,,2010-01-01,\n", nil, []string{"2000"}, 1, 0},
		"a number of a row that is rejected, whose person has another": {
			nhsA + ",h1,Ada,Abel,1950-03-14,AA1 1AA,F,\n" + nhsB + ",h9,Bea,Bell,1960-02-31,BB1 1BB,F,\n" + nhsB + ",,Bea,Bell,1960-12-31,BB1 1BB,F,\n",
			"h9,,,,,,9Nu0,2010-01-01,\n", nil, []string{"1950"}, 1, 0},
		"a row that fits two people": {
			nhsA + ",,Eve,Ash,1980-01-01,EE1 1EE,F,\n" + nhsB + ",,Eva,Ash,1980-01-01,EE1 1EE,F,\n" + nhsC + ",,Cy,Cole,2000-02-29,CC1 1CC,M,\n",
			",,E.,Ash,1980-01-01,EE1 1EE,9Nu0,2010-01-01,\n", nil, []string{"2000"}, 1, 0},
		"a later withdrawal that may be either's": {
			nhsA + ",,Eve,Ash,1980-01-01,EE1 1EE,F,\n" + nhsB + ",,Eva,Ash,1981-01-01,EE1 1EE,F,\n" + nhsC + ",,Cy,Cole,2000-02-29,CC1 1CC,M,\n",
			"h7,,Eve,Ash,1980-01-01,EE1 1EE,9Nu0,2010-01-01,\nh7,,Eva,Ash,1981-01-01,EE1 1EE,9Nu1,2012-01-01,\n",
			[]string{"code: note, date: started}", "code: note, date: started, withdrawn: [9Nu1]}"}, []string{"2000"}, 1, 0},
		"a row that fits nobody": {
			nhsA + ",,Ada,Abel,1950-03-14,AA1 1AA,F,\n" + nhsC + ",,Cy,Cole,2000-02-29,CC1 1CC,M,\n",
			"h7,,No,Body,1980-01-01,EE1 1EE,9Nu0,2010-01-01,\n", nil, []string{"1950", "2000"}, 0, 1},
		"a row that the model finds to be one of twins": {
			nhsA + ",,Eve,Ash,1980-01-01,EE1 1EE,F,\n" + nhsB + ",,Eve,Ash,1980-01-01,EE1 1EE,F,\n" + nhsC + ",,Cy,Cole,2000-02-29,CC1 1CC,M,\n",
			",,Eve,Ashe,1980-01-01,EE1 1EE,9Nu0,2010-01-01,\n",
			[]string{model, "  unlinked: drop\n", "      - {name: initials, on: [\"given:1\", \"family:1\", born, postcode]}\n", "    probabilistic: {threshold: 0.95, blocks: [[born]]}\n"}, []string{"2000"}, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := hospitalHouse(t)
			h.write("patients.csv", hospitalHeader+c.patients)
			h.write("events.csv", eventsHeader)
			h.write("care.csv", columns+c.care)
			d := linkedDefinition(t, append(append(hospital(), note...), c.replace...)...)
			for i := range d.Tables {
				d.Tables[i].MayBeEmpty = true
			}
			v := h.mustPublish(d)
			mustBalance(t, v)
			wantRows(t, h.query("SELECT birth_year FROM "+table(v, "patients")+" ORDER BY 1"), c.left...)
			for _, r := range v.Receipts {
				if r.List == "type1" && (r.InDoubt != c.doubt || r.Nobody != c.nobody) {
					t.Errorf("%+v", r)
				}
			}
		})
	}
}

// The same where rows are linked by equal values alone.
func TestADissentOfTwinsIsBoths(t *testing.T) {
	h := smallHouse(t)
	h.write("patients.csv", patientsHeader+
		nhsA+",Eve,Ash,1980-01-01,EE1 1EE,F,\n"+nhsB+",Eve,Ash,1980-01-01,EE1 1EE,F,\n"+nhsD+",Eve,Ash,1980-01-01,EE1 1EE,F,\n"+
		nhsC+",Cy,Cole,2000-02-29,CC1 1CC,M,\n")
	h.write("events.csv", eventsHeader)
	h.write("care.csv", careHeader+"9Nu0.,,Eve,Ash,1980-01-01,EE1 1EE,2011-01-01,\n")
	d := smallWith(t, type1File, "{list: type1, coded: {table: care, code: client, date: started}, max_age: 720h}")
	d.RejectFloor = 100
	for i := range d.Tables {
		d.Tables[i].MayBeEmpty = true
	}
	v := h.mustPublish(d)
	wantRows(t, h.query("SELECT birth_year FROM "+table(v, "patients")), "2000")
	for _, r := range v.Receipts {
		if r.List == "type1" && (r.InDoubt != 1 || r.Entries != 3) {
			t.Errorf("%+v", r)
		}
	}
}

// The rows of somebody whose own row is rejected do not become a person of their own,
// also where the table of people has no local numbers: what fits the rejected row is
// nobody's, and a row that says too little to know stops the publication.
func TestARejectedPersonWithoutALocalNumberIsNoOwnUnit(t *testing.T) {
	h := smallHouse(t)
	h.write("out.csv", "nhs_number\n"+nhsD+"\n")
	ada := nhsA + ",Ada,Abel,1950-03-14,AA1 1AA,F,\n"
	h.write("patients.csv", patientsHeader+ada+nhsD+",Dan,Dunn,1970-02-21,DD1 1DD,?,\n")
	h.write("care.csv", careHeader+"h40,,Dan,Dunn,1970-02-21,DD1 1DD,2010-01-01,\nh41,,No,Body,1970-02-21,DD1 1DD,2010-01-01,\n")
	h.write("events.csv", eventsHeader+nhsA+",2001-01-01,c1,3\n")
	definition := func() *catalog.Definition {
		return linkedDefinition(t, "unlinked: drop\n", "unlinked: own_unit\n  unlinked_reason: agreed with the custodian\n",
			"  - {list: national, file: national.dat, kind: allow, max_age: 720h}\n", "  - {list: national, file: out.csv, kind: deny, header: [nhs_number], column: nhs_number, max_age: 720h}\n",
			"    link: true\n", "    link: true\n    local: {organisation: RXX, column: client}\n")
	}
	v := h.mustPublish(definition())
	mustBalance(t, v)
	wantOutcomes(t, v, map[string]int64{"local_number_conflict": 1, "own_unit": 1})
	wantRows(t, h.care(v), "own|1")
	for what, row := range map[string]string{"cannot be read": nhsD + ",h40\n", "says too little": nhsD + ",Dan,Dunn,1970-02-31,DD1 1DD,M,\n"} {
		h.write("patients.csv", patientsHeader+ada+row)
		if _, err := h.publish(definition()); gatehouse.CodeOf(err) != gatehouse.CodeExtractBroken {
			t.Errorf("a row that %s: %v", what, err)
		}
	}
}
