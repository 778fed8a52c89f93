package plan_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
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

// FuzzRead holds that whatever a plan says, the reader, the checker and the
// printer end with a tree or with one of the gate's own errors. The changes move
// whole pieces of real plans about, since random bytes are seldom JSON.
func FuzzRead(f *testing.F) {
	seeds := plans(f)
	names := slices.Sorted(maps.Keys(seeds))
	for i := range names {
		f.Add(uint8(i), []byte{})
		f.Add(uint8(i), []byte{0, 1, 2, 3, 4, 5, 6, 7, 8})
	}
	f.Fuzz(func(t *testing.T, seed uint8, changes []byte) {
		var tree any
		if err := json.Unmarshal(seeds[names[int(seed)%len(names)]], &tree); err != nil {
			t.Fatal(err)
		}
		for len(changes) >= 5 {
			mutate(tree, changes[:5])
			changes = changes[5:]
		}
		text, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		s, err := plan.Read(text, tables(), nil)
		if err == nil {
			err = plan.Check(s)
		}
		if err != nil {
			if gatehouse.CodeOf(err) == gatehouse.CodeInternal {
				t.Fatalf("an error without a code: %v", err)
			}
			return
		}
		if s.Root == nil {
			return
		}
		plan.VisitNodes(s.Root, func(n plan.Node) {
			if agg, ok := n.(*plan.Aggregate); ok && agg.Protected {
				_, _ = plan.NewRelease(agg)
			}
		})
	})
}

// mutate changes one value of a JSON tree: replaces it by another of the tree,
// by a word of the format, or removes it.
func mutate(tree any, by []byte) {
	type place struct {
		in  any
		key string
		at  int
	}
	var places []place
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				places = append(places, place{in: v, key: k})
				walk(v[k])
			}
		case []any:
			for i := range v {
				places = append(places, place{in: v, at: i})
				walk(v[i])
			}
		}
	}
	walk(tree)
	if len(places) == 0 {
		return
	}
	get := func(p place) any {
		if m, ok := p.in.(map[string]any); ok {
			return m[p.key]
		}
		return p.in.([]any)[p.at]
	}
	to := places[(int(by[0])<<8|int(by[1]))%len(places)]
	var value any
	switch from := places[(int(by[2])<<8|int(by[3]))%len(places)]; by[4] % 4 {
	case 0:
		copied, err := json.Marshal(get(from))
		if err == nil {
			_ = json.Unmarshal(copied, &value)
		}
	case 1:
		words := []any{"LOGICAL_FILTER", "LOGICAL_PROJECTION", "LOGICAL_LIMIT", "LOGICAL_DISTINCT", "LOGICAL_CROSS_PRODUCT", "BOUND_REF", "BOUND_WINDOW", "BOUND_CASE",
			"MARK", "FULL", "SEMI", "error", "sum", "min", "date_part", "date_trunc", "strftime", "/", "-", "VARCHAR", "HUGEINT", "LIST", "DATE", true, float64(-1), float64(1 << 40), "", "year"}
		value = words[int(by[3])%len(words)]
	case 2:
		if m, ok := to.in.(map[string]any); ok {
			delete(m, to.key)
			return
		}
	case 3:
		value = []any{}
	}
	if m, ok := to.in.(map[string]any); ok {
		m[to.key] = value
		return
	}
	to.in.([]any)[to.at] = value
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
