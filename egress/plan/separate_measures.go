package plan

import (
	"slices"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
)

// kinds are an aggregate's calls by what has to be asked for by itself.
type kinds struct {
	measures       [][]int // by measure; counts are with the first
	people, values []int
}

func kindsOf(n *Aggregate) (*kinds, error) {
	k := &kinds{}
	p := &Printer{Vault: true, listed: map[int]bool{}}
	ref := p.single(n.Input)
	in := n.Input.Columns()
	var names []string
	var columns []map[source]bool // of each measure
	var computed [][]origin       // of each measure: the numbers computed for each person in it
	var factors []bool            // the measure is a product
	found := newSources()
	place := func(name string, i int, of ...Expr) {
		at := slices.Index(names, name)
		if at < 0 {
			at = len(names)
			names, k.measures = append(names, name), append(k.measures, nil)
			from := map[source]bool{}
			var origins []origin
			product := false
			for _, e := range of {
				origins = append(origins, found.whole(from, n.Input, e)...)
				product = product || len(factorsOf(e)) > 0
			}
			columns, computed, factors = append(columns, from), append(computed, origins), append(factors, product)
		}
		k.measures[at] = append(k.measures[at], i)
	}
	var counts []int
	mixed := false // some number is of several measures
	for i, a := range n.Aggs {
		m, err := MeasureOf(a)
		if err != nil {
			return nil, err
		}
		switch m {
		case MeasureCount:
			counts = append(counts, i)
			continue
		case MeasureDistinct:
			switch {
			case !countsPeople(a, in):
				k.values = append(k.values, i)
			case !n.Input.node().once && (conditional(a, in) || len(n.Sets) > 1):
				k.people = append(k.people, i)
			default:
				counts = append(counts, i)
			}
			continue
		case MeasureRegression:
			place(p.expr(a.Args[0], ref)+" by "+p.expr(a.Args[1], ref), i, a.Args...)
			continue
		}
		parts, err := CellParts(a)
		if err != nil {
			return nil, err
		}
		var of []string
		var cores []Expr
		for _, part := range parts {
			if core, ok := measured(part.Value); ok {
				if name := p.expr(core, ref); !slices.Contains(of, name) {
					of, cores = append(of, name), append(cores, core)
				}
			}
		}
		switch {
		case len(of) == 0:
			counts = append(counts, i) // of literals: how many rows there are
		case len(of) == 1:
			place(of[0], i, cores[0])
		default: // in one number of several measures
			several, ok := acrossBranches(n.Input, parts, found)
			if !ok {
				return nil, severalMeasures("")
			}
			mixed = mixed || several
			place(strings.Join(of, " and "), i, cores...)
		}
	}
	if len(k.measures) == 0 {
		k.measures = [][]int{nil}
	}
	k.measures[0] = append(k.measures[0], counts...)
	slices.Sort(k.measures[0])
	if len(k.measures) < 2 && !mixed {
		return k, p.err
	}
	// Of two measures, on rows that were chosen so that one follows from the other
	// for everybody but one person, the difference would be that person's. So no
	// condition may look at what is measured, and they have no column in common
	// (but for the factors of a product, which are judged each by itself).
	chosen := map[source]bool{}
	for _, g := range n.Groups {
		found.into(chosen, n.Input, g)
	}
	for _, a := range n.Aggs {
		if a.Filter != nil {
			found.into(chosen, n.Input, a.Filter)
		}
		if len(a.Args) == 0 {
			continue
		}
		parts, err := CellParts(a)
		if err != nil {
			return nil, err
		}
		for _, part := range parts {
			for _, c := range part.Conds {
				found.into(chosen, n.Input, c)
			}
		}
	}
	for i := range columns {
		below, known := found.around(n.Input, computed[i])
		if !known || slices.ContainsFunc(computed[i], func(o origin) bool { return !plainly(o.at) }) {
			return nil, severalMeasures("A number computed for each person stands beside other measures only if its rows are chosen by conditions on one column each: ask for it in a question of its own.")
		}
		if common(columns[i], chosen) || common(columns[i], below) {
			return nil, severalMeasures("A condition or a group key looks at what is measured: ask for each measure in a question of its own; counts may stand beside it.")
		}
		for j := range i {
			if common(columns[i], columns[j]) && !factors[i] && !factors[j] {
				return nil, severalMeasures("")
			}
		}
	}
	return k, p.err
}

// acrossBranches reports whether the several measures of a number are one in each
// branch of a union, so that it is as if they were asked for beside each other:
// the same measure in several branches, or measures without a common column
// (several).
func acrossBranches(rows Node, parts []Part, found *sources) (several, ok bool) {
	p := &Printer{Vault: true, listed: map[int]bool{}}
	origin := func(i int) string { return originOf(rows, i) }
	at := p.single(rows)
	type measure struct {
		origin string
		from   map[source]bool
	}
	var measures []measure
	for _, leaf := range leavesOf(unionsOf(rows)) {
		name := ""
	parts:
		for _, part := range parts {
			core, some := measured(part.Value)
			if !some {
				continue
			}
			for _, c := range part.Conds {
				for _, b := range leaf {
					c = withBranch(c, b.at, b.branch)
				}
				if never(c) {
					continue parts
				}
			}
			if name != "" && name != p.expr(core, at) {
				return false, false // two in one branch
			}
			name = p.expr(core, at)
			m := measure{p.expr(core, origin), map[source]bool{}}
			found.into(m.from, rows, core)
			if !slices.ContainsFunc(measures, func(x measure) bool { return x.origin == m.origin }) {
				measures = append(measures, m)
			}
		}
	}
	for i, a := range measures {
		for _, b := range measures[:i] {
			if common(a.from, b.from) {
				return false, false
			}
		}
	}
	return len(measures) > 1, p.err == nil
}

func severalMeasures(advice string) error {
	if advice == "" {
		advice = "Ask for each measure of a column in a question of its own; counts may stand beside it."
	}
	return gatehouse.Errorf(gatehouse.CodeMeasure, "A question releases sums, means and the like of one measure of a column.").WithAdvice("%s", advice)
}

func common(a, b map[source]bool) bool {
	for s := range a {
		if b[s] {
			return true
		}
	}
	return false
}

// conditional reports whether a count of people counts less than all of a group.
func conditional(a *AggregateCall, in []Column) bool {
	own, ok := a.Args[0].(*Ref)
	return a.Filter != nil || !ok || in[own.Index].Identity != Own
}

// factorsOf are the two factors of a product of columns: where nearly everybody
// has the same of one, the product shows the few who have another.
func factorsOf(e Expr) []Expr {
	var out []Expr
	Walk(e, func(e Expr) bool {
		call, ok := e.(*Call)
		if !ok || call.Name != "*" || len(call.Args) != 2 {
			return true
		}
		_, left := constant(call.Args[0])
		_, right := constant(call.Args[1])
		if !left && !right {
			out = append(out, call.Args...)
		}
		return true
	})
	return out
}
