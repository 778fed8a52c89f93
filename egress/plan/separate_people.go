package plan

import (
	"slices"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

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
