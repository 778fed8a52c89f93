package plan

import (
	"slices"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// Numbers that a question computes for each person (FormDerived) beside others.
//
// Such a number may hang on any condition below it, that nobody counts: it could
// be 2 for the people of a set and 1 for all others, so that its sum and the
// number of people tell how large the set is. Of one row set that is what a sum
// tells anyway, and the rules look at its values: one that nearly everybody has,
// and for spreads two. But beside the count of another set, chosen by the same
// columns, it could be that of all but one person of the first. So a number
// computed for each person stands beside
//
//   - other numbers of itself: always;
//   - counts of the same rows: where it is what a reader takes it for, made of rows
//     that were chosen by conditions on one column each (plainly), or a measure;
//   - numbers with conditions of their own, and then other measures too, where these
//     look at nothing that it was computed from.

// origin is what a number computed for each person comes from: everything that
// is read below the node that computes it.
type origin struct {
	of map[source]bool
	at Node // that node; nil where it is not known: a workspace table's
	// dimension: whole numbers that could stand for conditions, not values of a measure.
	dimension bool
}

// countable reports whether a column is of whole numbers and dates rather than of
// values that were measured.
func countable(c Column) bool {
	return c.Class == catalog.ClassDimension || c.Class == catalog.ClassReference || c.Class == catalog.ClassDate
}

// rowsOf stands for the rows of a table, as a source: a count is made of them.
const rowsOf = -2

// origins lists the numbers computed for each person that expressions over a node
// are made of.
func (s *sources) origins(n Node, exprs ...Expr) []origin {
	var out []origin
	var down func(n Node, i int)
	down = func(n Node, i int) {
		if n.Columns()[i].Form != FormDerived {
			return
		}
		follow := func(in Node, e Expr) {
			Walk(e, func(e Expr) bool {
				if ref, ok := e.(*Ref); ok {
					down(in, ref.Index)
				}
				return true
			})
		}
		switch n := n.(type) {
		case *Project:
			follow(n.Input, n.Exprs[i])
			return
		case *Filter:
			down(n.Input, i)
			return
		case *Sort:
			down(n.Input, i)
			return
		case *With:
			down(n.Body, i)
			return
		case *WithRef:
			down(n.Def, i)
			return
		case *Correlated:
			follow(n.Of.L, n.Reads[i])
			return
		case *Distinct:
			if !n.On {
				down(n.Input, i)
				return
			}
		case *Window:
			if i < len(n.Input.Columns()) {
				down(n.Input, i)
				return
			}
		case *Aggregate:
			if i < len(n.Groups) {
				follow(n.Input, n.Groups[i])
				return
			}
		case *Join:
			if width := len(n.L.Columns()); i < width {
				down(n.L, i)
			} else {
				down(n.R, i-width)
			}
			return
		case *Scan:
			out = append(out, origin{of: map[source]bool{{n.Table, rowsOf}: true}, dimension: countable(n.cols[i])})
			return
		}
		if !slices.ContainsFunc(out, func(o origin) bool { return o.at == n }) {
			o := origin{of: map[source]bool{}, at: n, dimension: countable(n.Columns()[i])}
			s.below(o.of, n)
			out = append(out, o)
		}
	}
	for _, e := range exprs {
		Walk(e, func(e Expr) bool {
			if ref, ok := e.(*Ref); ok {
				down(n, ref.Index)
			}
			return true
		})
	}
	return out
}

// below adds everything that a node and those below it read, but for who the
// person is.
func (s *sources) below(out map[source]bool, n Node) {
	seen := map[Node]bool{}
	var visit func(n Node)
	visit = func(n Node) {
		if seen[n] {
			return
		}
		seen[n] = true
		inputs := n.Inputs()
		switch n := n.(type) {
		case *Scan:
			out[source{n.Table, rowsOf}] = true
		case *Join:
			for _, c := range n.Conds {
				s.into(out, n.L, c.L)
				s.into(out, n.R, c.R)
			}
		case *WithRef:
			inputs = []Node{n.Def}
		case *Correlated:
			inputs = []Node{n.Of.L}
		default:
			if len(inputs) == 1 {
				for _, e := range Exprs(n) {
					s.into(out, inputs[0], e)
				}
			}
		}
		for _, in := range inputs {
			visit(in)
		}
	}
	visit(n)
	for at := range out {
		if at.column >= 0 && at.table.Columns[at.column].Class == catalog.ClassPerson {
			delete(out, at)
		}
	}
}

// whole adds the sources of an expression over n, and of the numbers computed for
// each person in it everything below.
func (s *sources) whole(out map[source]bool, n Node, e Expr) []origin {
	s.into(out, n, e)
	from := s.origins(n, e)
	for _, o := range from {
		for at := range o.of {
			out[at] = true
		}
	}
	return from
}

// around is what decides which rows a node has, but for what numbers computed for
// each person are made of. It is not known of those of workspace tables.
func (s *sources) around(n Node, but []origin) (conditions map[source]bool, known bool) {
	var nodes []Node
	for _, o := range but {
		if o.at == nil {
			return nil, false
		}
		nodes = append(nodes, o.at)
	}
	conditions = map[source]bool{}
	s.conditions(conditions, n, nodes...)
	return conditions, true
}

// checkComputed refuses numbers computed for each person beside counts and
// conditions that look at the same columns.
func checkComputed(n *Aggregate) error {
	in := n.Input.Columns()
	found := newSources()
	p := &Printer{Vault: true, listed: map[int]bool{}}
	ref := p.single(n.Input)
	var computed []origin
	var cores, filters []string
	for _, a := range n.Aggs {
		m, err := MeasureOf(a)
		if err != nil {
			return err
		}
		if m == MeasureCount || m == MeasureDistinct {
			continue
		}
		for _, arg := range a.Args {
			if from := found.origins(n.Input, arg); len(from) > 0 {
				computed = append(computed, from...)
				core, _ := measured(arg)
				cores = append(cores, p.expr(core, ref))
			}
		}
	}
	if len(computed) == 0 {
		return p.err
	}
	var conds []Expr
	counted := false
	hidden := false // a count of rows where something is there, by a condition that is out of sight
	for _, a := range n.Aggs {
		filter := ""
		if a.Filter != nil {
			filter = p.expr(a.Filter, ref)
			conds = append(conds, a.Filter)
		}
		filters = append(filters, filter)
		parts, err := CellParts(a)
		if err != nil {
			return err
		}
		for _, part := range parts {
			inside := part.Conds
			if a.Filter != nil {
				inside = inside[1:]
			}
			conds = append(conds, inside...)
			if len(inside) > 0 {
				filters = append(filters, "CASE")
			}
		}
		if m, _ := MeasureOf(a); m != MeasureCount && m != MeasureDistinct {
			continue
		}
		counted = true
		for _, arg := range a.Args {
			col, err := derive(arg, in)
			if err != nil {
				return err
			}
			present := col.Identity == Own || col.Nulls == NullsRaw && col.Identity == NotIdentity
			hidden = hidden || !present && !slices.Contains(cores, p.expr(arg, ref))
		}
	}
	for _, o := range computed {
		if counted && o.dimension && !plainly(o.at) {
			return gatehouse.Errorf(gatehouse.CodeMeasure, "A number computed for each person stands beside counts only if its rows are chosen by conditions on one column each.").
				WithAdvice("Ask for it in a question of its own, or choose its rows without OR, NOT, CASE and subqueries.")
		}
	}
	slices.Sort(filters)
	if len(n.Aggs) == 1 || !hidden && len(slices.Compact(filters)) == 1 {
		return p.err // by itself, as it could be with WHERE; or all are of the same rows
	}
	looked := map[source]bool{}
	for _, c := range conds {
		found.whole(looked, n.Input, c)
	}
	for _, o := range computed {
		if o.dimension && (hidden || o.at == nil || common(o.of, looked)) {
			return gatehouse.Errorf(gatehouse.CodeMeasure, "A condition beside a number computed for each person looks at what that is made of.").
				WithAdvice("Put the condition into WHERE or GROUP BY, or ask for the number in a question of its own.")
		}
	}
	return p.err
}

// plainly reports whether a number computed for each person is of columns as
// published, over rows that were chosen by conditions on one column each, or
// comparing two.
func plainly(at Node) bool {
	plain := true
	ofColumns := func(in Node, exprs ...Expr) {
		for _, e := range exprs {
			plain = plain && published(e, in.Columns())
		}
	}
	var below Node
	switch n := at.(type) {
	case *Aggregate:
		below = n.Input
		for _, a := range n.Aggs {
			plain = plain && a.Filter == nil && len(a.Orders) == 0
			ofColumns(below, a.Args...)
		}
	case *Window:
		below = n.Input
		for _, w := range n.Calls {
			plain = plain && w.Aggregate == nil
			ofColumns(below, w.Children()...)
		}
	default:
		return false
	}
	VisitNodes(below, func(n Node) {
		switch n := n.(type) {
		case *Scan, *Project:
		case *Filter:
			for _, c := range splitAnd(n.Conds) {
				plain = plain && plainCondition(c, n.Input.Columns())
			}
		case *Join:
			plain = plain && (n.Kind == InnerJoin || n.Kind == LeftJoin) && !n.Delim
			for _, c := range n.Conds {
				plain = plain && published(c.L, n.L.Columns()) && published(c.R, n.R.Columns())
			}
		default:
			plain = false
		}
	})
	return plain
}

// published reports whether an expression is of one column as published, or of
// none.
func published(e Expr, in []Column) bool {
	of, plain := -1, true
	Walk(e, func(e Expr) bool {
		switch e := e.(type) {
		case *Ref:
			plain = plain && (of < 0 || of == e.Index) && (in[e.Index].Scanned || in[e.Index].Identity == Own)
			of = e.Index
		case *Case, *Logic, *Compare, *Op:
			plain = false
		}
		return plain
	})
	return plain
}

func plainCondition(e Expr, in []Column) bool {
	switch e := e.(type) {
	case *Compare:
		return published(e.L, in) && published(e.R, in)
	case *Op:
		for i, x := range e.Args {
			_, fixed := constant(x)
			if i == 0 && !published(x, in) || i > 0 && !fixed {
				return false
			}
		}
		return e.Name == "IN" || e.Name == "NOT IN" || e.Name == "IS NULL" || e.Name == "IS NOT NULL"
	case *Call:
		return published(e, in)
	}
	return false
}
