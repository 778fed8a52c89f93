package plan

import (
	"math/big"
	"slices"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// An aggregate of people that asks for numbers of several kinds is taken apart
// into protected aggregates of the same groups, which are judged one after the
// other as if they had been asked in questions of their own, and put together
// again in the lobby:
//
//   - numbers of one measure, and counts beside the first of them;
//   - count(DISTINCT person_id) where people may have several rows, with a
//     condition or beside subtotals: one row for each person and group is made
//     first, so that nobody counts twice;
//   - count(DISTINCT x) of a dimension: the groups of x that at least as many
//     people have as the policy asks. Whether a value occurs for fewer does not
//     show: a count of all values would tell, with a condition that one person
//     meets, whether that person's value is among others.

// aside is a protected aggregate to be joined to the first one: the columns of
// node are the keys, then numbers, then (with subtotals) GROUPING() of all keys.
type aside struct {
	node    Node
	calls   []int // which aggregates of the original its numbers are
	missing bool  // a group that it does not have counts 0
}

// separate marks n protected, or replaces it in slot by several that are.
func separate(n *Aggregate, slot *Node) error {
	kinds, err := kindsOf(n)
	if err != nil {
		return err
	}
	if err := checkComputed(n); err != nil {
		return err
	}
	first := &Aggregate{Input: n.Input, Groups: n.Groups, Sets: n.Sets}
	var places []int // of first's aggregates in n
	var asides []aside
	for _, measure := range kinds.measures {
		if len(asides) == 0 && len(first.Aggs) == 0 {
			places = measure
			for _, i := range measure {
				first.Aggs = append(first.Aggs, n.Aggs[i])
			}
			continue
		}
		next := &Aggregate{Input: n.Input, Groups: n.Groups, Sets: n.Sets}
		for _, i := range measure {
			next.Aggs = append(next.Aggs, n.Aggs[i])
		}
		asides = append(asides, aside{node: protectedPart(next, len(n.Sets) > 1), calls: measure})
	}
	if len(kinds.people) > 0 {
		node, err := peoplePart(n, kinds.people)
		if err != nil {
			return err
		}
		asides = append(asides, aside{node: node, calls: kinds.people})
	}
	for _, i := range kinds.values {
		node, err := valuesPart(n, i)
		if err != nil {
			return err
		}
		asides = append(asides, aside{node: node, calls: []int{i}, missing: true})
	}
	if len(asides) == 0 {
		n.Protected = true
		return nil
	}
	first.Grouping = slices.Clone(n.Grouping)
	*slot = combine(n, protectedPart(first, len(n.Sets) > 1), places, asides)
	return nil
}

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
		parts, err := Parts(a.Args[0])
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
		switch len(of) {
		case 0:
			counts = append(counts, i) // of literals: how many rows there are
		case 1:
			place(of[0], i, cores[0])
		default: // in one number of several measures
			return nil, severalMeasures("")
		}
	}
	if len(k.measures) == 0 {
		k.measures = [][]int{nil}
	}
	k.measures[0] = append(k.measures[0], counts...)
	slices.Sort(k.measures[0])
	if len(k.measures) < 2 {
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

// protectedPart finishes an aggregate of the frontier: its columns, the
// grouping to join by, and the mark.
func protectedPart(n *Aggregate, subtotals bool) *Aggregate {
	if subtotals {
		n.Grouping = append(n.Grouping, finestSet(len(n.Groups)))
	}
	for _, g := range n.Groups {
		n.cols = append(n.cols, Column{Type: g.Type()})
	}
	for _, a := range n.Aggs {
		n.cols = append(n.cols, Column{Type: a.T})
	}
	for range n.Grouping {
		n.cols = append(n.cols, Column{Type: BigInt})
	}
	n.Protected = true
	return n
}

func finestSet(keys int) []int {
	all := make([]int, keys)
	for i := range all {
		all[i] = i
	}
	return all
}

// refTo is a column of a node.
func refTo(n Node, i int) *Ref { return &Ref{T: n.Columns()[i].Type, Index: i} }

// combine joins the parts by their keys, in the order of n's columns.
func combine(n *Aggregate, first *Aggregate, places []int, asides []aside) Node {
	keys := len(n.Groups)
	if keys == 0 && len(places) == 0 { // nothing but what stands aside: one row each
		return beside(n, asides)
	}
	exprs := make([]Expr, len(n.cols))
	for i := range keys {
		exprs[i] = refTo(first, i)
	}
	for at, call := range places {
		exprs[keys+call] = refTo(first, keys+at)
	}
	for i := range n.Grouping {
		exprs[keys+len(n.Aggs)+i] = refTo(first, keys+len(places)+i)
	}
	var all Node = first
	for _, a := range asides {
		width := len(all.Columns())
		join := &Join{Kind: LeftJoin, L: all, R: a.node}
		join.cols = append(append(join.cols, all.Columns()...), a.node.Columns()...)
		for i := range keys {
			join.Conds = append(join.Conds, JoinCond{Op: "IS NOT DISTINCT FROM", L: refTo(all, i), R: refTo(a.node, i)})
		}
		if len(n.Sets) > 1 {
			join.Conds = append(join.Conds, JoinCond{Op: "=", L: refTo(all, len(first.cols)-1), R: refTo(a.node, len(a.node.Columns())-1)})
		}
		if len(join.Conds) == 0 {
			join.Kind = CrossJoin
		}
		for at, call := range a.calls {
			var e Expr = &Ref{T: a.node.Columns()[keys+at].Type, Index: width + keys + at}
			if a.missing {
				e = &Op{T: e.Type(), Name: "COALESCE", Args: []Expr{e, &Const{T: e.Type(), Text: "0", Value: new(big.Rat)}}}
			}
			exprs[keys+call] = e
		}
		all = join
	}
	out := &Project{Input: all, Exprs: exprs}
	for i, e := range exprs {
		out.cols = append(out.cols, Column{Name: n.cols[i].Name, Type: e.Type()})
	}
	return out
}

// beside puts parts of one row each next to each other.
func beside(n *Aggregate, asides []aside) Node {
	exprs := make([]Expr, len(n.cols))
	var all Node
	for _, a := range asides {
		width := 0
		if all == nil {
			all = a.node
		} else {
			width = len(all.Columns())
			join := &Join{Kind: CrossJoin, L: all, R: a.node}
			join.cols = append(append(join.cols, all.Columns()...), a.node.Columns()...)
			all = join
		}
		for at, call := range a.calls {
			exprs[call] = &Ref{T: a.node.Columns()[at].Type, Index: width + at}
		}
	}
	out := &Project{Input: all, Exprs: exprs}
	for i, e := range exprs {
		out.cols = append(out.cols, Column{Name: n.cols[i].Name, Type: e.Type()})
	}
	return out
}

// valuesPart counts, for each group, the values of count(DISTINCT x) that enough
// people have.
func valuesPart(n *Aggregate, call int) (Node, error) {
	a := n.Aggs[call]
	in := n.Input.Columns()
	x := a.Args[0]
	col, err := derive(x, in)
	if err != nil {
		return nil, err
	}
	if col.Class != catalog.ClassDimension && col.Class != catalog.ClassReference {
		return nil, gatehouse.Errorf(gatehouse.CodeAggregate, "count(DISTINCT …) is answered for person_id and for what may be grouped by.").
			WithAdvice("Count the values of a dimension or of bands of it (CASE WHEN …), or of date_trunc('month', …).")
	}
	where := []Expr{&Op{T: Boolean, Name: "IS NOT NULL", Args: []Expr{x}}}
	if a.Filter != nil {
		where = append(where, a.Filter)
	}
	rows := &Filter{Input: n.Input, Conds: where}
	if err := checkFilter(rows); err != nil {
		return nil, err
	}
	keys := len(n.Groups)
	groups := &Aggregate{Input: rows, Groups: append(slices.Clone(n.Groups), x)}
	for _, set := range n.Sets {
		groups.Sets = append(groups.Sets, append(slices.Clone(set), keys))
	}
	if err := checkKeys(groups); err != nil {
		return nil, err
	}
	subtotals := len(n.Sets) > 1
	if subtotals {
		groups.Grouping = [][]int{finestSet(keys)} // of the keys, without x
	}
	inner := protectedPart(groups, false)
	count := &Aggregate{Input: inner, Sets: [][]int{finestSet(keys)}, Aggs: []*AggregateCall{{T: a.T, Name: "count_star"}}}
	for i := range keys {
		count.Groups = append(count.Groups, refTo(inner, i))
	}
	if subtotals {
		count.Groups = append(count.Groups, refTo(inner, keys+1))
		count.Sets = [][]int{finestSet(keys + 1)}
	}
	for _, g := range count.Groups {
		count.cols = append(count.cols, Column{Type: g.Type()})
	}
	count.cols = append(count.cols, Column{Type: a.T})
	if !subtotals {
		return count, nil
	}
	// the grouping comes last
	out := &Project{Input: count}
	for i := range keys {
		out.Exprs = append(out.Exprs, refTo(count, i))
	}
	out.Exprs = append(out.Exprs, refTo(count, keys+1), refTo(count, keys))
	for _, e := range out.Exprs {
		out.cols = append(out.cols, Column{Type: e.Type()})
	}
	return out, nil
}

// peoplePart counts people by condition where they may have several rows: for
// each grouping, of one row for each person and group.
func peoplePart(n *Aggregate, calls []int) (Node, error) {
	if len(n.Sets) == 1 {
		return peopleOf(n, calls, n.Sets[0])
	}
	keys := len(n.Groups)
	var all Node
	for _, set := range n.Sets {
		part, err := peopleOf(n, calls, set)
		if err != nil {
			return nil, err
		}
		padded := &Project{Input: part}
		gid := int64(0)
		for i, g := range n.Groups {
			gid <<= 1
			if at := slices.Index(set, i); at >= 0 {
				padded.Exprs = append(padded.Exprs, refTo(part, at))
			} else {
				padded.Exprs = append(padded.Exprs, &Const{T: g.Type(), Null: true})
				gid |= 1
			}
		}
		for i := range calls {
			padded.Exprs = append(padded.Exprs, refTo(part, len(set)+i))
		}
		padded.Exprs = append(padded.Exprs, integer(gid))
		for _, e := range padded.Exprs {
			padded.cols = append(padded.cols, Column{Type: e.Type()})
		}
		if all == nil {
			all = padded
			continue
		}
		union := &Union{Kind: "UNION ALL", L: all, R: padded}
		union.cols = padded.cols
		all = union
	}
	if len(all.Columns()) != keys+len(calls)+1 {
		return nil, unknown("operator", "grouping")
	}
	return all, nil
}

// peopleOf counts people for one grouping: its columns are the keys of set, then
// the counts.
func peopleOf(n *Aggregate, calls []int, set []int) (Node, error) {
	in := n.Input.Columns()
	own := slices.IndexFunc(in, func(c Column) bool { return c.Identity == Own })
	if own < 0 {
		return nil, gatehouse.Errorf(gatehouse.CodeMeasure, "People who may have several rows are counted by condition only where their person_id is at hand.").
			WithAdvice("Keep person_id in the subquery, or make one row per person first (GROUP BY person_id).")
	}
	// one row for each person and group: do its rows meet the condition
	person := &Aggregate{Input: n.Input, Groups: []Expr{refTo(n.Input, own)}, Sets: [][]int{finestSet(1 + len(set))}}
	for _, i := range set {
		person.Groups = append(person.Groups, n.Groups[i])
	}
	counts := &Aggregate{Sets: [][]int{finestSet(len(set))}}
	for _, i := range calls {
		a := n.Aggs[i]
		count := &AggregateCall{T: a.T, Name: "count_star"}
		if conditional(a, in) {
			var met Expr = &Op{T: Boolean, Name: "IS NOT NULL", Args: []Expr{a.Args[0]}}
			if a.Filter != nil {
				met = &Logic{Args: []Expr{met, a.Filter}}
			}
			count.Filter = &Ref{T: Boolean, Index: len(person.Groups) + len(person.Aggs)}
			person.Aggs = append(person.Aggs, &AggregateCall{T: Boolean, Name: "bool_or", Args: []Expr{met}})
		}
		counts.Aggs = append(counts.Aggs, count)
	}
	for _, g := range person.Groups {
		person.cols = append(person.cols, Column{Type: g.Type()})
	}
	for range person.Aggs {
		person.cols = append(person.cols, Column{Type: Boolean})
	}
	keys := make([]Column, len(person.Groups))
	for i, g := range person.Groups {
		col, err := derive(g, in)
		if err != nil {
			return nil, err
		}
		keys[i] = col
	}
	if err := checkPersonAggregate(person, keys); err != nil {
		return nil, err
	}
	counts.Input = person
	for i := range set {
		counts.Groups = append(counts.Groups, refTo(person, 1+i))
	}
	if err := checkKeys(counts); err != nil {
		return nil, err
	}
	for _, a := range counts.Aggs {
		if err := checkFrontier(a, person.cols); err != nil {
			return nil, err
		}
	}
	return protectedPart(counts, false), nil
}

func integer(n int64) *Const {
	value := new(big.Rat)
	value.SetInt64(n)
	return &Const{T: BigInt, Text: value.RatString(), Value: value}
}

// exactly answers what DuckDB estimates by the number itself.
func exactly(a *AggregateCall) {
	if a.Name == "approx_count_distinct" && len(a.Args) == 1 && a.T.ID == "BIGINT" {
		a.Name, a.Distinct = "count", true
	}
}
