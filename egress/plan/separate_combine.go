package plan

import "math/big"

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
