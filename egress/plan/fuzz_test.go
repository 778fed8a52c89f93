package plan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// FuzzRead holds that whatever a plan says, the reader, the checker and the
// printer end with SQL of one statement or with one of the gate's own errors,
// and that a plan with a key that nobody knows ends with an error. The changes
// move whole pieces of real plans about, since random bytes are seldom JSON.
func FuzzRead(f *testing.F) {
	seeds := plans(f)
	names := slices.Sorted(maps.Keys(seeds))
	for i := range names {
		f.Add(uint8(i), []byte{})
		f.Add(uint8(i), []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
		f.Add(uint8(i), []byte{0, 9, 0, 0, 3, 5})
	}
	f.Fuzz(func(t *testing.T, seed uint8, changes []byte) {
		tree := decoded(t, seeds[names[int(seed)%len(names)]])
		other := seeds[names[(int(seed)+1+len(changes))%len(names)]]
		for n := 0; n < 12 && len(changes) >= 6; n++ { // each may double the tree
			mutate(t, tree, other, changes[:6])
			changes = changes[6:]
		}
		text, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		statements, err := carried(text)
		if err != nil {
			if gatehouse.CodeOf(err) == gatehouse.CodeInternal {
				t.Fatalf("an error without a code: %v", err)
			}
			return
		}
		if strange(tree, "") {
			t.Fatalf("a plan with an unknown key was read, and printed as\n%s", strings.Join(statements, "\n"))
		}
		for _, sql := range statements {
			if what := outside(sql); what != "" {
				t.Fatalf("%q stands outside of quotes in\n%s", what, sql)
			}
		}
	})
}

// carried takes a plan through everything that the gate does with one, and gives
// the SQL that was printed.
func carried(text []byte) ([]string, error) {
	s, err := plan.Read(text, tables(), nil)
	if err != nil {
		return nil, err
	}
	refused := plan.Check(s)
	if s.Root != nil { // whatever the tree is, it can be told of
		words := &plan.Words{}
		plan.VisitNodes(s.Root, func(n plan.Node) { words.Node(n); words.Columns(n) })
	}
	plan.Parameters(text)
	if refused != nil || s.Root == nil {
		return nil, refused
	}
	var out []string
	lobby := &plan.Printer{Protected: map[*plan.Aggregate]string{}}
	visit := func(n plan.Node) {
		agg, ok := n.(*plan.Aggregate)
		if !ok || !agg.Protected || lobby.Protected[agg] != "" {
			return
		}
		var release *plan.Release
		if release, err = plan.NewRelease(agg); err == nil {
			lobby.Protected[agg] = fmt.Sprintf("p%d", len(out))
			out = append(out, release.SQL)
		}
	}
	plan.VisitNodes(s.Root, func(n plan.Node) {
		if err == nil {
			visit(n)
		}
	})
	if err != nil {
		return nil, err
	}
	for _, j := range plan.PublicJoins(s.Root) {
		sql, err := j.RepeatsSQL()
		if err != nil {
			return nil, err
		}
		out = append(out, sql)
	}
	names := make([]string, len(s.Root.Columns()))
	for i := range names {
		names[i] = "c" + fmt.Sprint(i)
	}
	var sql string
	if s.Create != "" {
		sql, err = plan.PrintTable(s.Root, names)
	} else {
		sql, err = lobby.Statement(s.Root, names)
	}
	return append(out, sql), err
}

// outside gives what would end a statement or hide a part of it, and is not
// inside quotes: "" for nothing.
func outside(sql string) string {
	rest := quoted.ReplaceAllString(sql, "x")
	return string(ending.Find([]byte(rest)))
}

var (
	quoted = regexp.MustCompile(`'(?:[^']|'')*'|"(?:[^"]|"")*"`)
	ending = regexp.MustCompile(`;|--|/\*|'|"|\x00|\$`)
)

// decoded keeps numbers as they are written: DuckDB's "none" is 2⁶⁴−1.
func decoded(t testing.TB, text []byte) any {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	return tree
}

// surprise is a key that no version of DuckDB writes.
const surprise = "surprise"

// ignored are the keys below which a plan may say anything: they repeat what is
// said elsewhere, number what has a place, or point into the text.
var ignored = map[string]bool{"alias": true, "query_location": true, "table_index": true, "group_index": true, "aggregate_index": true, "groupings_index": true, "window_index": true,
	"unnest_index": true, "mark_index": true, "mark_types": true, "distinct_validity": true, "column_count": true, "materialize": true, "bound_columns": true, "allow_out_of_order": true,
	"returned_types": true, "names": true, "arguments": true, "catalog_name": true, "schema_name": true, "has_serialize": true, "is_operator": true, "parameter_data": true,
	"input_table_types": true, "input_table_names": true, "check_overflow": true, "variable_return_type": true, "order": true, "catalog": true, "schema": true, "sql": true, "comment": true,
	"info_type": true, "cascade": true, "tags": true, "total_files": true, "filtered_files": true, "child_indexes": true}

// strange reports whether a plan has an unknown key where one could matter.
func strange(tree any, under string) bool {
	switch v := tree.(type) {
	case map[string]any:
		for k, child := range v {
			if ignored[k] || under == "function_data" && k == "return_type" {
				continue
			}
			if k == surprise || strange(child, k) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(v any) bool { return strange(v, under) })
	}
	return false
}

// place is a value inside a JSON tree.
type place struct {
	in  any
	key string
	at  int
}

func (p place) get() any {
	if m, ok := p.in.(map[string]any); ok {
		return m[p.key]
	}
	return p.in.([]any)[p.at]
}

func (p place) set(v any) {
	if m, ok := p.in.(map[string]any); ok {
		m[p.key] = v
		return
	}
	p.in.([]any)[p.at] = v
}

func places(v any) []place {
	var out []place
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out = append(append(out, place{in: v, key: k}), places(v[k])...)
		}
	case []any:
		for i := range v {
			out = append(append(out, place{in: v, at: i}), places(v[i])...)
		}
	}
	return out
}

var words = []any{"LOGICAL_FILTER", "LOGICAL_PROJECTION", "LOGICAL_LIMIT", "LOGICAL_DISTINCT", "LOGICAL_CROSS_PRODUCT", "LOGICAL_DELIM_JOIN", "LOGICAL_DELIM_GET", "LOGICAL_CTE_REF",
	"LOGICAL_MATERIALIZED_CTE", "LOGICAL_UNION", "LOGICAL_WINDOW", "LOGICAL_UNNEST", "LOGICAL_EXPRESSION_GET", "LOGICAL_DROP", "BOUND_REF", "BOUND_WINDOW", "BOUND_CASE", "BOUND_PARAMETER",
	"BOUND_OPERATOR", "OPERATOR_TRY", "OPERATOR_COALESCE", "COMPARE_IN", "CONJUNCTION_OR", "MARK", "FULL", "SEMI", "SINGLE", "RIGHT", "LEFT", "DISTINCT", "error", "sum", "min", "avg",
	"median", "quantile_cont", "count_if", "corr", "first", "row_number", "date_part", "date_trunc", "strftime", "regexp_matches", "/", "-", "||", "VARCHAR", "HUGEINT", "LIST", "DATE",
	"DECIMAL", "BOOLEAN", "INTERVAL", "DOUBLE", "NULL", true, false, json.Number("-1"), json.Number("0"), json.Number("1"), json.Number("2"), json.Number("1099511627776"),
	json.Number("18446744073709551615"), json.Number("1e400"), json.Number("0.5"), "", "year", "'; DROP TABLE patients; --", `"x" /*`, "\x00", nil, "2020-01-01", "codes", "events", "patients", "main"}

// mutate changes one place of a JSON tree by six bytes: two for which place, two
// for where its new value comes from, one for the kind of change and one for a word.
func mutate(t testing.TB, tree any, other []byte, by []byte) {
	all := places(tree)
	if len(all) == 0 || len(all) > 20_000 {
		return
	}
	to := all[(int(by[0])<<8|int(by[1]))%len(all)]
	copied := func(v any) any {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return decoded(t, text)
	}
	from := func(all []place) any { return copied(all[(int(by[2])<<8|int(by[3]))%len(all)].get()) }
	word := words[int(by[5])%len(words)]
	switch by[4] % 9 {
	case 0:
		to.set(from(all))
	case 1, 2:
		to.set(word)
	case 3:
		if m, ok := to.in.(map[string]any); ok {
			m[surprise] = word
		}
	case 4:
		if m, ok := to.in.(map[string]any); ok {
			delete(m, to.key)
		}
	case 5:
		to.set([]any{})
	case 6:
		to.set(from(places(decoded(t, other))))
	case 7: // the same again
		if list, ok := to.get().([]any); ok && len(list) > 0 && len(list) < 100 {
			to.set(append(slices.Clone(list), copied(list[int(by[5])%len(list)])))
		}
	case 8: // what stands there becomes the first input of a copy of another
		if m, ok := from(all).(map[string]any); ok && m["children"] != nil {
			m["children"] = []any{copied(to.get())}
			to.set(m)
		}
	}
}

// Every object of every real plan is held to its keys, one after the other; what
// is let through must be known to say nothing.
func TestUnknownKeysAreRefusedEverywhere(t *testing.T) {
	for name, text := range plans(t) {
		if _, err := carried(text); err != nil {
			continue // read, and refused for what it asks
		}
		tree := decoded(t, text)
		all := places(tree)
		for i, p := range all {
			object, ok := p.get().(map[string]any)
			if !ok {
				continue
			}
			object[surprise] = json.Number("1")
			changed, err := json.Marshal(tree)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := carried(changed); err == nil && strange(tree, "") {
				t.Errorf("%s: an unknown key in object %d, under %q, was read", name, i, p.key)
			}
			delete(object, surprise)
		}
	}
}
