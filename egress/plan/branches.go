package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
)

// union is a Concat as a node above it sees it: the column that says which branch
// a row is of, and the branches that rows may be of.
type union struct {
	at    int
	alive []aliveBranch
}

// aliveBranch is a branch, and the unions in it.
type aliveBranch struct {
	number int
	within []union
}

// unionsOf lists the unions whose branches can still be told in the rows of a node.
func unionsOf(n Node) []union { return unionsAt(n, 0) }

func unionsAt(n Node, offset int) []union {
	switch n := n.(type) {
	case *Concat:
		u := union{at: offset + concatBranch}
		for i, b := range n.Branches {
			u.alive = append(u.alive, aliveBranch{i, unionsAt(b, offset+n.offset(i))})
		}
		return []union{u}
	case *Filter:
		conds := splitAnd(n.Conds)
		for i, c := range conds {
			conds[i] = shift(c, offset)
		}
		return selected(unionsAt(n.Input, offset), conds)
	case *Window:
		return unionsAt(n.Input, offset)
	case *Sort:
		return unionsAt(n.Input, offset)
	case *WithRef:
		return unionsAt(n.Def, offset)
	case *Join:
		var out []union
		if keepsLeft(n) {
			out = unionsAt(n.L, offset)
		}
		if keepsRight(n) {
			out = append(out, unionsAt(n.R, offset+len(n.L.Columns()))...)
		}
		return out
	}
	return nil
}

// keepsLeft and keepsRight report whether a side's columns are never NULL for want
// of a partner, and there.
func keepsLeft(n *Join) bool {
	switch n.Kind {
	case InnerJoin, CrossJoin, LeftJoin, SemiJoin, AntiJoin, MarkJoin, SingleJoin:
		return !n.Delim
	}
	return false
}

func keepsRight(n *Join) bool {
	return !n.Delim && (n.Kind == InnerJoin || n.Kind == CrossJoin || n.Kind == RightJoin)
}

// selected leaves out the branches for which conditions are never true.
func selected(unions []union, conds []Expr) []union {
	out := make([]union, len(unions))
	for i, u := range unions {
		out[i].at = u.at
	branches:
		for _, b := range u.alive {
			mine := make([]Expr, len(conds))
			for k, c := range conds {
				mine[k] = withBranch(c, u.at, b.number)
				if never(mine[k]) {
					continue branches
				}
			}
			out[i].alive = append(out[i].alive, aliveBranch{b.number, selected(b.within, mine)})
		}
	}
	return out
}

// meanings says what each row set is made of by the statement alone: of each
// branch of the unions, the rows for which what is left of the conditions holds.
func (b *releaseBuilder) meanings() (of [][]int, count int) {
	known := map[string]int{}
	meaning := func(text string) int {
		if _, ok := known[text]; !ok {
			known[text] = len(known)
		}
		return known[text]
	}
	leaves := leavesOf(unionsOf(b.node.Input))
	if len(leaves) < 2 {
		if of, count, ok := b.byCases(); ok {
			return of, count
		}
	}
	for set := -1; set < len(b.rowSets); set++ {
		var conds []Expr
		ok := true
		if set >= 0 {
			conds, ok = b.conds[b.rowSets[set]]
		}
		if !ok || len(leaves) < 2 {
			of = append(of, []int{meaning("set " + strconv.Itoa(set))})
			continue
		}
		var mine []int
	leaves:
		for k, leaf := range leaves {
			var left []string
			for _, c := range splitAnd(conds) {
				for _, p := range leaf {
					c = withBranch(c, p.at, p.branch)
				}
				if never(c) {
					continue leaves
				}
				if !always(c) {
					left = append(left, b.p.expr(c, b.ref))
				}
			}
			slices.Sort(left)
			mine = append(mine, meaning("branch "+strconv.Itoa(k)+": "+strings.Join(slices.Compact(left), " AND ")))
		}
		of = append(of, mine)
	}
	return of, len(known)
}

// place is one branch of one union.
type place struct{ at, branch int }

// maxLeaves bounds the combinations of branches of unions that are joined.
const maxLeaves = 400

// checkLeaves refuses unions that are joined in too many combinations.
func checkLeaves(unions []union) error {
	if countLeaves(unions) > maxLeaves {
		return gatehouse.Errorf(gatehouse.CodeTooLarge, "The question joins unions of too many branches.").WithAdvice("Ask for fewer branches at a time.")
	}
	return nil
}

func countLeaves(unions []union) int {
	n := 1
	for _, u := range unions {
		of := 0
		for _, b := range u.alive {
			of = min(of+countLeaves(b.within), maxLeaves+1)
		}
		n = min(n*of, maxLeaves+1)
	}
	return n
}

// leavesOf lists what rows can be of: a branch of each union, and of each in it.
func leavesOf(unions []union) [][]place {
	out := [][]place{nil}
	for _, u := range unions {
		var next [][]place
		for _, before := range out {
			for _, b := range u.alive {
				for _, inner := range leavesOf(b.within) {
					next = append(next, append(append(slices.Clone(before), place{u.at, b.number}), inner...))
				}
			}
		}
		out = next
	}
	return out
}

// originOf names the column of a table that a column of a node is, or the column
// of the node where it is none.
func originOf(n Node, i int) string {
	switch x := n.(type) {
	case *Scan:
		if x.Picked[i] >= 0 {
			return x.Table.Quoted() + "." + Ident(x.Table.Columns[x.Picked[i]].Name)
		}
	case *Concat:
		for b, in := range x.Branches {
			if at := i - x.offset(b); at >= 0 && at < len(in.Columns()) {
				return originOf(in, at)
			}
		}
	case *Filter:
		return originOf(x.Input, i)
	case *WithRef:
		return originOf(x.Def, i)
	case *Join:
		if width := len(x.L.Columns()); i < width {
			return originOf(x.L, i)
		} else if x.Kind != MarkJoin {
			return originOf(x.R, i-width)
		}
	}
	return fmt.Sprintf("%p.%d", n, i)
}

// repeats reports whether one row of people may occur several times in a checked
// node, with one identity: several branches of a union may have it.
func repeats(n Node) bool {
	if !n.People() || n.node().once {
		return false
	}
	switch n := n.(type) {
	case *Scan:
		return n.Table.Repeats
	case *Concat:
		return true
	case *WithRef:
		return repeats(n.Def)
	case *With:
		return repeats(n.Body)
	case *Project, *Filter, *Window, *Sort:
		return repeats(n.Inputs()[0])
	case *Join:
		if n.Kind == SemiJoin || n.Kind == AntiJoin || n.Kind == MarkJoin {
			return repeats(n.L)
		}
		return repeats(n.L) || repeats(n.R)
	}
	return false // one row for each person and values
}

// Repeats reports whether one row of people may occur several times in a checked
// node, with one identity.
func Repeats(n Node) bool { return repeats(n) }

// overBranches makes a protected aggregate over unions into what can be judged:
// numbers are taken apart by branch, and groups that are one branch's by the
// statement alone become aggregates of their own, put together again in the lobby.
// It reports whether it has put others into slot.
func overBranches(n *Aggregate, unions []union, slot *Node) (bool, error) {
	if err := checkLeaves(unions); err != nil {
		return false, err
	}
	for _, u := range unions {
		if done, err := splitByKey(n, u, slot); done || err != nil {
			return done, err
		}
	}
	for i, a := range n.Aggs {
		exactly(a)
		m, err := MeasureOf(a)
		if err != nil {
			return false, err
		}
		if m == MeasureDistinct {
			continue // a person counts once, in whatever branches
		}
		for _, u := range unions {
			if a, err = branched(a, m, u, n.Input.Columns()); err != nil {
				return false, err
			}
		}
		n.Aggs[i] = a
	}
	return false, nil
}

// onlyBranch simplifies what is asked of a node in which only one branch of a
// union is left.
func onlyBranch(n *Aggregate, unions []union) {
	for _, u := range unions {
		if len(u.alive) != 1 {
			continue
		}
		only := u.alive[0]
		for i, g := range n.Groups {
			n.Groups[i] = withBranch(g, u.at, only.number)
		}
		for i, a := range n.Aggs {
			n.Aggs[i] = withBranch(a, u.at, only.number).(*AggregateCall)
		}
		onlyBranch(n, only.within)
	}
}

// splitByKey makes an aggregate for each value of keys that the branch decides.
func splitByKey(n *Aggregate, u union, slot *Node) (bool, error) {
	if len(u.alive) < 2 {
		return false, nil
	}
	p := &Printer{Vault: true}
	names := make([]string, len(u.alive))
	keyed := false
	for k, g := range n.Groups {
		values := make([]string, len(u.alive))
		fixed := true
		for i, b := range u.alive {
			value := withBranch(g, u.at, b.number)
			if _, ok := literal(value); !ok {
				fixed = false
				break
			}
			values[i] = p.expr(value, nil)
		}
		if !fixed || len(slices.Compact(slices.Sorted(slices.Values(values)))) < 2 {
			continue
		}
		if len(n.Sets) != 1 || len(n.Grouping) > 0 || !slices.Contains(n.Sets[0], k) {
			return false, gatehouse.Errorf(gatehouse.CodeOperator, "ROLLUP, CUBE and GROUPING SETS over a column that tells the branches of a union apart are not answered.").
				WithAdvice("Use GROUP BY, and ask for the total of all branches by itself.")
		}
		keyed = true
		for i, v := range values {
			names[i] += v + "\x00"
		}
	}
	if !keyed {
		return false, nil
	}
	var all Node
	done := map[string]bool{}
	for i, name := range names {
		if done[name] {
			continue
		}
		done[name] = true
		part, err := ofBranches(n, u, func(k int) bool { return names[k] == name }, i)
		if err != nil {
			return false, err
		}
		if all == nil {
			all = part
			continue
		}
		both := &Union{Kind: "UNION ALL", L: all, R: part}
		both.cols = part.Columns()
		all = both
	}
	*slot = all
	return true, nil
}

// ofBranches is an aggregate over some branches only, in which keys are as in the
// first of them.
func ofBranches(n *Aggregate, u union, in func(int) bool, first int) (Node, error) {
	var numbers []int
	for i, b := range u.alive {
		if in(i) {
			numbers = append(numbers, b.number)
		}
	}
	rows := &Filter{Input: n.Input, Conds: []Expr{ofAny(u.at, numbers)}}
	if err := checkFilter(rows); err != nil {
		return nil, err
	}
	agg := &Aggregate{Input: rows, Sets: n.Sets}
	agg.cols = slices.Clone(n.cols)
	for _, g := range n.Groups {
		if value := withBranch(g, u.at, u.alive[first].number); len(numbers) == 1 || isLiteral(value) {
			g = value
		}
		agg.Groups = append(agg.Groups, g)
	}
	for _, a := range n.Aggs {
		c := *a
		agg.Aggs = append(agg.Aggs, &c)
	}
	var out Node = agg
	err := checkAggregate(agg, &out)
	return out, err
}

func isLiteral(e Expr) bool {
	_, ok := literal(e)
	return ok
}

// branched takes a number apart by the branches of a union. A count of rows is
// not: which branch a row is of adds nothing to it.
func branched(a *AggregateCall, m Measure, u union, in []Column) (*AggregateCall, error) {
	var calls []*AggregateCall
	var numbers []int
	dropped, hangs := false, false // does a branch add nothing, does the FILTER hang on data
	for _, b := range u.alive {
		c := withBranch(a, u.at, b.number).(*AggregateCall)
		if c.Filter != nil && never(c.Filter) {
			dropped = true
			continue
		}
		if c.Filter != nil && always(c.Filter) {
			c.Filter = nil
		}
		hangs = hangs || c.Filter != nil
		for _, inner := range b.within {
			var err error
			if c, err = branched(c, m, inner, in); err != nil {
				return nil, err
			}
		}
		calls, numbers = append(calls, c), append(numbers, b.number)
	}
	out := *a
	if !hangs && a.Filter != nil {
		out.Filter = nil // it says which branches
		if dropped {
			out.Filter = ofAny(u.at, numbers)
		}
	}
	switch {
	case len(calls) == 0:
		return a, nil // of nobody
	case m == MeasureCount && (len(a.Args) == 0 || a.Name == "count_if" || a.Name == "countif" || countsRows(a.Args[0], in)):
		return &out, nil
	case len(calls) == 1:
		out = *calls[0]
		if dropped {
			only := isBranch(u.at, numbers[0])
			if out.Filter != nil {
				only = &Logic{Args: []Expr{only, out.Filter}}
			}
			out.Filter = only
		}
		return &out, nil
	case m == MeasureQuantile || m == MeasureRegression:
		return nil, gatehouse.Errorf(gatehouse.CodeMeasure, "Quantiles, correlations and regressions are not answered over several branches of a union together.").
			WithAdvice("Ask for each branch by itself: GROUP BY a literal that names it, or FILTER (WHERE …) on that.")
	}
	c := &Case{T: a.Args[0].Type()}
	for i, call := range calls[:len(calls)-1] {
		c.Whens, c.Thens = append(c.Whens, isBranch(u.at, numbers[i])), append(c.Thens, call.Args[0])
	}
	c.Else = calls[len(calls)-1].Args[0]
	out.Args = []Expr{c}
	return &out, nil
}

// ofAny is the condition that a row is of one of some branches.
func ofAny(at int, branches []int) Expr {
	conds := make([]Expr, len(branches))
	for i, b := range branches {
		conds[i] = isBranch(at, b)
	}
	if len(conds) == 1 {
		return conds[0]
	}
	return &Logic{Or: true, Args: conds}
}

// countsRows reports whether count(x) of an expression counts every row: of a
// literal, or of the person.
func countsRows(e Expr, in []Column) bool {
	if c, ok := e.(*Const); ok {
		return !c.Null
	}
	ref, ok := e.(*Ref)
	return ok && in[ref.Index].Identity == Own
}
