package catalog_test

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse/catalog"
)

func omop(t testing.TB) *catalog.Definition {
	t.Helper()
	d, ok := catalog.ShippedDefinition("omop")
	if !ok {
		t.Fatal("omop is not shipped")
	}
	return d
}

// An extract that nobody here made: every row of every file is accounted for.
func TestOMOPExtractIsPublishedWhole(t *testing.T) {
	h := newHouse(t)
	h.extracts = filepath.Join("testdata", "omop-synthea27") // without concept_relationship, which is optional
	v := h.mustPublish(omop(t))
	mustBalance(t, v)
	if v.Units != 28 || len(v.Receipts) != 0 || v.NoOptOuts == "" {
		t.Errorf("units %d, receipts %v, reason %q", v.Units, v.Receipts, v.NoOptOuts)
	}
	withheld := make(map[string]bool)
	for _, rule := range omop(t).Tables {
		withheld[rule.Name] = rule.Withheld != ""
	}
	for _, a := range v.Accounts {
		if lines := countLines(t, filepath.Join(h.extracts, a.Extract)); a.Read != lines-1 || a.Published+a.Withheld != a.Read {
			t.Errorf("%s has %d rows; read %d, published %d, rejected %v", a.Extract, lines-1, a.Read, a.Published, a.Rejected)
		}
		if _, err := os.Stat(filepath.Join(v.Folder, a.Table+".parquet")); withheld[a.Table] {
			if !os.IsNotExist(err) {
				t.Errorf("%s is published, and should be withheld", a.Table)
			}
			continue
		}
		if got := h.query("SELECT count(*) FROM " + table(v, a.Table)); got[0][0] != itoa(a.Published) {
			t.Errorf("%s: %s rows stand in the file of %d", a.Table, got[0][0], a.Published)
		}
	}
	if len(v.Accounts) != 38 {
		t.Errorf("%d tables", len(v.Accounts))
	}
	// The facts are still whose they were: conditions by year of birth, from the source and from what was published.
	got := h.query("SELECT year_of_birth, count(*) FROM " + table(v, "condition_occurrence") + " JOIN " + table(v, "person") +
		" USING (_unit) GROUP BY 1 ORDER BY 1")
	want := conditionsByYear(t, h.extracts)
	if len(got) != len(want) {
		t.Fatalf("%d years of birth, want %d", len(got), len(want))
	}
	for _, row := range got {
		if itoa(want[row[0]]) != row[1] {
			t.Errorf("born %s: %s conditions, want %d", row[0], row[1], want[row[0]])
		}
	}
}

func conditionsByYear(t *testing.T, dir string) map[string]int64 {
	born := make(map[string]string)
	for _, f := range readCSV(t, filepath.Join(dir, "PERSON.csv"))[1:] {
		born[f[0]] = f[2]
	}
	out := make(map[string]int64)
	for _, f := range readCSV(t, filepath.Join(dir, "CONDITION_OCCURRENCE.csv"))[1:] {
		out[born[f[1]]]++
	}
	return out
}

func countLines(t *testing.T, path string) (n int64) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if strings.TrimSpace(s.Text()) != "" {
			n++
		}
	}
	return n
}
