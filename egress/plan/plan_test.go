package plan_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// tables are those that the plans under testdata were bound against.
func tables() []*plan.Table {
	col := func(name, typ string, class catalog.Class) catalog.Column {
		return catalog.Column{Name: name, Type: typ, Class: class}
	}
	person := col("person_id", "VARCHAR", catalog.ClassPerson)
	return []*plan.Table{
		{Name: "patients", Source: `"patients"`, Columns: []catalog.Column{person, col("sex", "VARCHAR", catalog.ClassDimension), col("birth_year", "INTEGER", catalog.ClassDimension),
			col("region", "VARCHAR", catalog.ClassDimension), col("lsoa", "VARCHAR", catalog.ClassQuasi), col("imd_decile", "INTEGER", catalog.ClassDimension), col("registered_from", "DATE", catalog.ClassDate)}},
		{Name: "events", Source: `"events"`, Columns: []catalog.Column{person, col("date", "DATE", catalog.ClassDate), col("code", "VARCHAR", catalog.ClassDimension), col("value", "DOUBLE", catalog.ClassMeasure)}},
		{Name: "codes", Source: `"codes"`, Public: true, Columns: []catalog.Column{col("code", "VARCHAR", catalog.ClassReference), col("term", "VARCHAR", catalog.ClassReference)}},
	}
}

// plans reads the bound plans that test/gate wrote: real output of the pinned DuckDB.
func plans(t testing.TB) map[string][]byte {
	files, err := filepath.Glob("testdata/plans/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no plans under testdata")
	}
	out := map[string][]byte{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[f] = text
	}
	return out
}

// An unknown key of any operator or expression may change what it means.
func TestUnknownKeysAreRefused(t *testing.T) {
	for name, text := range plans(t) {
		s, err := plan.Read(text, tables(), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if s.Root == nil {
			t.Fatalf("%s: no tree", name)
		}
		changed := []byte(string(text[:len(text)-2]) + `,"surprise":1}]}`)
		if _, err := plan.Read(changed, tables(), nil); err == nil {
			t.Errorf("%s: a plan with an unknown key was read", name)
		}
	}
}
