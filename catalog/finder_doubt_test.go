package catalog_test

import (
	"testing"
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
