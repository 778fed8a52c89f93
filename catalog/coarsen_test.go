package catalog_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// manyPeople gives so many valid numbers.
func manyPeople(n int) []string {
	var out []string
	for key := uint32(999_100_000); len(out) < n; key++ {
		number := catalog.FormatNHSNumber(key)
		if _, why := catalog.ParseNHSNumber([]byte(number)); why == "" {
			out = append(out, number)
		}
	}
	return out
}

// What people are known by outside is coarsened at the edges that the definition sets.
func TestColumnsAreCoarsened(t *testing.T) {
	h := smallHouse(t)
	d := smallWith(t,
		"      - {name: postcode, treatment: drop}\n      - {name: sex,", "      - {name: postcode, treatment: outcode, as: outcode, class: dimension}\n      - {name: sex,",
		"treatment: year, as: birth_year, class: dimension}", "treatment: year, as: birth_year, class: dimension, bottom: 1935}",
		"treatment: month, as: death_month, class: dimension}", "treatment: month, as: death_month, class: dimension, bottom: 2010-01-01, top: 2019-12-31}",
		"max: \"1000\", treatment: keep, class: measure}", "max: \"1000\", treatment: keep, class: measure, top: 100, bottom: -10.5}",
		"    rules:\n      - {order: [born, died]", "    derived:\n      - {name: age_at_death, years: {from: born, to: died}, top: 90, class: dimension}\n    rules:\n      - {order: [born, died]",
		"      - {name: days, days: {from: started, to: ended}, class: measure}", "      - {name: days, days: {from: started, to: ended}, class: measure, top: 365}\n      - {name: years, years: {from: started, to: ended}, bottom: 1, class: measure}",
	)
	d.RejectFloor = 10
	people := manyPeople(8)
	rows := []string{
		"1934-12-31,aa1 1aa,F,2009-12-31", // below each bottom; dies at 74
		"1935-01-01,SW1A1AA,F,2010-01-01", // at each bottom
		"1920-02-29,W1A 1AA,F,2010-02-28", // 89 …
		"1920-02-29,EC1A,F,2010-03-01",    // … and 90
		"1900-01-01,GIR 0AA,F,2019-12-31", // 119
		"2000-02-29,M1 1AE,F,2020-01-01",  // above the top of deaths; no birthday in 19 years
		"1990-01-01,NOT A POSTCODE,F,",    // rejected
		"1991-01-01,,F,",
	}
	patients, allowed := patientsHeader, ""
	for i, row := range rows {
		f := strings.Split(row, ",")
		patients += fmt.Sprintf("%s,P,Q,%s,%s,%s,%s\n", people[i], f[0], f[1], f[2], f[3])
		allowed += people[i] + ",\n"
	}
	h.write("patients.csv", patients)
	h.write("national.dat", allowed)
	h.write("events.csv", eventsHeader+people[0]+",2001-01-01,c1,100\n"+people[0]+",2001-01-02,c1,100.5\n"+people[0]+",2001-01-03,c1,-11\n"+people[0]+",2001-01-04,c1,-10.5\n"+people[0]+",2001-01-05,c1,\n")
	h.write("care.csv", careHeader+"k,"+people[0]+",,,,,2001-01-01,2001-01-01\nk,"+people[0]+",,,,,2001-01-01,2002-01-01\nk,"+people[0]+",,,,,2001-01-01,2003-12-31\n")
	v := h.mustPublish(d)
	mustBalance(t, v)
	if n := account(t, v, "patients").Rejected["postcode_format"]; n != 1 {
		t.Errorf("%d rows were rejected for their postcode", n)
	}
	wantRows(t, h.query("SELECT birth_year, outcode, death_month::VARCHAR, age_at_death FROM "+table(v, "patients")+" ORDER BY outcode"),
		"1935|AA1|2010-01-01|75", "1935|EC1A|2010-03-01|90", "1935|GIR|2019-12-01|90", "2000|M1|2019-12-01|19", "1935|SW1A|2010-01-01|75", "1935|W1A|2010-02-01|89", "1991|(null)|(null)|(null)")
	wantRows(t, h.query("SELECT value FROM "+table(v, "events")+" ORDER BY date"), "100", "100", "-10.5", "-10.5", "(null)")
	wantRows(t, h.query("SELECT days, years FROM "+table(v, "care")+" ORDER BY ended"), "0|1", "365|1", "365|2")
	// The catalogue says so.
	for _, c := range v.Tables[0].Columns {
		if c.Name == "birth_year" && !strings.Contains(c.Description, "1935 stands for it and all below") {
			t.Errorf("%q", c.Description)
		}
	}
	for name, replace := range map[string][]string{
		"an outcode of a date":       {"treatment: year, as: birth_year", "treatment: outcode, as: birth_year"},
		"a top of a text":            {"values: [F, M], treatment: keep, class: dimension", "values: [F, M], treatment: keep, class: dimension, top: M"},
		"a date where a year stands": {"as: birth_year, class: dimension", "as: birth_year, class: dimension, bottom: 1935-01-01"},
		"a top below the bottom":     {"as: birth_year, class: dimension", "as: birth_year, class: dimension, bottom: 1935, top: 1935"},
		"a top of what is dropped":   {"{name: given, treatment: drop}", "{name: given, treatment: drop, top: 1}"},
		"rare numbers":               {"treatment: keep, class: measure", "treatment: keep, class: measure, rare: {fewer: 5}"},
		"rare values of one person":  {"values: [F, M], treatment: keep, class: dimension", "values: [F, M], treatment: keep, class: dimension, rare: {fewer: 1}"},
		"rare codes":                 {"- {name: term, treatment: keep}", "- {name: term, treatment: keep, rare: {fewer: 5}}"},
		"days since a birth":         {"    rules:\n      - {order: [born, died]", "    derived:\n      - {name: lived, days: {from: born, to: died}, class: measure}\n    rules:\n      - {order: [born, died]"},
		"days and years":             {"days: {from: started, to: ended}", "days: {from: started, to: ended}, years: {from: started, to: ended}"},
	} {
		text, err := os.ReadFile(filepath.Join("testdata", "small.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), replace[0]) {
			t.Fatalf("%s: %q is not there", name, replace[0])
		}
		_, err = catalog.ParseDefinition("small.yaml", []byte(strings.ReplaceAll(string(text), replace[0], replace[1])))
		if gatehouse.CodeOf(err) != gatehouse.CodeDefinition {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is and is not a postcode's first half.
func TestOutcodesOfPostcodes(t *testing.T) {
	h := smallHouse(t)
	d := smallWith(t, "      - {name: postcode, treatment: drop}\n      - {name: sex,", "      - {name: postcode, treatment: outcode, class: dimension}\n      - {name: sex,")
	d.RejectFloor = 100
	cases := map[string]string{
		"M1 1AE": "M1", "B33 8TH": "B33", "CR2 6XH": "CR2", "DN55 1PT": "DN55", "W1A 1HQ": "W1A", "EC1A 1BB": "EC1A", "ec1a1bb": "EC1A", "GIR 0AA": "GIR", "gir0aa": "GIR",
		"ZZ99 3VZ": "ZZ99", "EC1A": "EC1A", "M1": "M1", "M11AE": "M1",
		"M": "", "M1 1A": "", "M1 1AEE": "", "1M1 1AE": "", "M1 AAE": "", "M1  1AE": "M1", "M 11AE": "", "EC1A1BB2": "", "M1-1AE": "", "MMM1 1AE": "", "M1AAA 1AE": "", "12345": "", "M123": "", " M1 1AE": "M1", "É1 1AE": "",
	}
	people := manyPeople(len(cases))
	patients, allowed, i := patientsHeader, "", 0
	want := map[string]string{}
	for postcode, out := range cases {
		patients += fmt.Sprintf("%s,P,Q,%d-01-01,%q,F,\n", people[i], 1900+i, postcode)
		allowed += people[i] + ",\n"
		want[fmt.Sprint(1900+i)] = postcode + " is " + out
		i++
	}
	h.write("patients.csv", patients)
	h.write("national.dat", allowed)
	h.write("events.csv", eventsHeader+people[0]+",2001-01-01,c1,\n")
	h.write("care.csv", careHeader)
	v := h.mustPublish(d)
	got := map[string]string{}
	for _, row := range h.query("SELECT birth_year, postcode FROM " + table(v, "patients")) {
		got[row[0]] = row[1]
	}
	for year, w := range want {
		postcode, out, _ := strings.Cut(w, " is ")
		if got[year] != out {
			t.Errorf("%q became %q, want %q", postcode, got[year], out)
		}
	}
}

// No value of fewer people than the definition says is published, whatever stands in
// the extracts, and every value of enough is, but for those that hide a group of too few.
func TestRareValuesAreGrouped(t *testing.T) {
	h := smallHouse(t)
	const fewer = 5
	d := smallWith(t, "{name: code, required: true, in: codes.code, treatment: keep, class: dimension}", "{name: code, required: true, treatment: keep, class: dimension, rare: {fewer: 5}}",
		"{name: sex, values: [F, M], treatment: keep, class: dimension}", "{name: sex, treatment: keep, class: dimension, rare: {fewer: 5, as: '-'}}")
	people := manyPeople(60)
	patients, allowed, events := patientsHeader, "", eventsHeader
	r := rand.New(rand.NewPCG(1, 2))
	have := map[string]map[string]bool{} // by code: people
	for i, number := range people {
		// 4 have "X", 5 "Y", and everybody else "Z".
		sex := "Z"
		if i < 4 {
			sex = "X"
		} else if i < 9 {
			sex = "Y"
		}
		patients += fmt.Sprintf("%s,P,Q,1950-01-01,AA1 1AA,%s,\n", number, sex)
		if i != 59 { // has opted out, and counts for nothing
			allowed += number + ",\n"
		}
		for range 4 {
			code := fmt.Sprintf("c%d", int(r.ExpFloat64()*8))
			if i == 59 {
				code = "c40"
			}
			if i >= 55 && i < 59 { // these would be five with whoever has opted out, and one of them says it twice
				events += number + ",2001-01-01,c40,\n"
			}
			events += number + ",2001-01-01," + code + ",\n"
			if i != 59 {
				if have[code] == nil {
					have[code] = map[string]bool{}
				}
				have[code][number] = true
			}
		}
	}
	h.write("patients.csv", patients)
	h.write("national.dat", allowed)
	h.write("events.csv", events)
	h.write("care.csv", careHeader)
	v := h.mustPublish(d)
	mustBalance(t, v)
	for _, row := range h.query("SELECT coalesce(code, 'none'), count(DISTINCT _unit) FROM " + table(v, "events") + " GROUP BY 1 ORDER BY 1") {
		code, n := row[0], row[1]
		if code == "c40" || code != "other" && len(have[code]) < fewer || code == "other" && len(n) == 1 && n < "5" {
			t.Errorf("%s of %s people is published", code, n)
		}
		if code != "other" && fmt.Sprint(len(have[code])) != n {
			t.Errorf("%s is of %s people, not %d", code, n, len(have[code]))
		}
		delete(have, code)
	}
	for code, who := range have {
		if len(who) >= fewer {
			t.Errorf("%s of %d people is not published", code, len(who))
		}
	}
	// Four people are too few for a group of their own, so Y joins them.
	wantRows(t, h.query("SELECT sex, count(*) FROM "+table(v, "patients")+" GROUP BY 1 ORDER BY 1"), "-|9", "Z|50")
	// With nobody else to join, nothing is published.
	h.write("patients.csv", patientsHeader+people[0]+",P,Q,1950-01-01,AA1 1AA,X,\n"+people[1]+",P,Q,1950-01-01,AA1 1AA,Y,\n"+people[2]+",P,Q,1950-01-01,AA1 1AA,,\n")
	h.write("events.csv", eventsHeader+people[0]+",2001-01-01,c1,\n")
	v = h.mustPublish(d)
	wantRows(t, h.query("SELECT count(*), count(sex) FROM "+table(v, "patients")), "3|0")
	o := h.options(d)
	o.Changes = true
	_, err := catalog.Publish(t.Context(), o)
	wantCode(t, err, gatehouse.CodeChanges)
}
