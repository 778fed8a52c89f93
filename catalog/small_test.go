package catalog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse/catalog"
)

// Valid NHS numbers of the test range, for people a to h.
const (
	nhsA = "9990000018"
	nhsB = "9990000026"
	nhsC = "9990000034"
	nhsD = "9990000042"
	nhsE = "9990000050"
	nhsF = "9990000069"
	nhsG = "9990000077"
	nhsH = "9990000085"
)

func TestTheTestsNumbersAreValid(t *testing.T) {
	for _, n := range []string{nhsA, nhsB, nhsC, nhsD, nhsE, nhsF, nhsG, nhsH} {
		if _, why := catalog.ParseNHSNumber([]byte(n)); why != "" {
			t.Errorf("%s: %s", n, why)
		}
	}
}

func small(t testing.TB) *catalog.Definition { return smallWith(t) }

// smallWith is the small definition with replacements: old, new, old, new …
func smallWith(t testing.TB, replace ...string) *catalog.Definition {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "small.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			t.Fatalf("small.yaml does not hold %q", replace[i])
		}
		text = strings.ReplaceAll(text, replace[i], replace[i+1])
	}
	d, err := catalog.ParseDefinition("small.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The headers of the small extracts.
const (
	patientsHeader = "nhs_number,given,family,born,postcode,sex,died\n"
	eventsHeader   = "nhs_number,date,code,value\n"
	careHeader     = "client,nhs_number,given,family,born,postcode,started,ended\n"
)

// smallHouse has small extracts in which nothing is wrong and nobody opted out.
func smallHouse(t testing.TB) *house {
	h := newHouse(t)
	h.write("patients.csv", patientsHeader+
		nhsA+",Ada,Abel,1950-03-14,AA1 1AA,F,2020-05-17\n"+
		nhsB+",Bea,Bell,1960-12-31,BB1 1BB,F,\n"+
		nhsC+",Cy,Cole,2000-02-29,CC1 1CC,M,\n")
	h.write("events.csv", eventsHeader+
		nhsA+",2001-02-03,c1,1.5\n"+
		nhsB+",2002-03-04,c2,\n"+
		nhsA+",2003-04-05,c1,-2e1\n"+
		nhsC+",2020-01-01,c1,0\n")
	h.write("care.csv", careHeader+
		"k1,"+nhsB+",Bea,Bell,1960-12-31,BB1 1BB,2010-01-01,2010-01-31\n"+
		"k2,,Cy,Cole,2000-02-29,CC1 1CC,2011-01-01,\n")
	h.write("codes.csv", "code,term\nc1,One\nc2,\"Two, too\"\n")
	h.write("national.dat", nhsA+",\n"+nhsB+",\n"+nhsC+",\n")
	h.write("type1.csv", "nhs_number,code\n")
	return h
}

func wantRows(t testing.TB, got [][]string, want ...string) {
	t.Helper()
	var lines []string
	for _, row := range got {
		lines = append(lines, strings.Join(row, "|"))
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(lines, "\n  "), strings.Join(want, "\n  "))
	}
}
