package plan

// The projection of a union (see Concat) is lifted over joins, windows and sorts,
// and out of definitions, so that what counts rows above them can tell the
// branches apart.

// ofUnion gives a node as the projection of rows whose branches can be told.
func ofUnion(n Node) (*Project, bool) {
	p, ok := n.(*Project)
	return p, ok && len(unionsOf(p.Input)) > 0
}

// liftRef gives the reader of a lifted definition the projection.
func liftRef(n *WithRef, of *With) Node {
	if of == nil {
		return n
	}
	p, ok := ofUnion(of.Def)
	if !ok {
		return n
	}
	ref := &WithRef{Index: n.Index, Def: p.Input}
	ref.cols = p.Input.Columns()
	return projected(ref, p.Exprs, n)
}

// projected is a projection with the columns of as.
func projected(in Node, exprs []Expr, as Node) Node {
	out := &Project{Input: in, Exprs: exprs}
	for i, c := range as.Columns() {
		out.cols = append(out.cols, Column{Name: c.Name, Type: exprs[i].Type()})
	}
	return out
}

func liftSort(n *Sort) Node {
	p, ok := ofUnion(n.Input)
	if !ok {
		return n
	}
	below := &Sort{Input: p.Input}
	below.cols = p.Input.Columns()
	for _, o := range n.Orders {
		o.X = substitute(o.X, p.Exprs)
		below.Orders = append(below.Orders, o)
	}
	if tooBig(Exprs(below)...) {
		return n
	}
	return projected(below, p.Exprs, n)
}

func liftWindow(n *Window) Node {
	p, ok := ofUnion(n.Input)
	if !ok {
		return n
	}
	below := &Window{Input: p.Input}
	below.cols = append(below.cols, p.Input.Columns()...)
	exprs := append([]Expr(nil), p.Exprs...)
	for _, c := range n.Calls {
		below.Calls = append(below.Calls, substitute(c, p.Exprs).(*WindowCall))
		exprs = append(exprs, &Ref{T: c.T, Index: len(below.cols)})
		below.cols = append(below.cols, Column{Type: c.T})
	}
	if tooBig(Exprs(below)...) {
		return n
	}
	return projected(below, exprs, n)
}

// liftJoin lifts the projections of sides whose rows the join does not pad.
func liftJoin(n *Join) Node {
	l, okL := ofUnion(n.L)
	r, okR := ofUnion(n.R)
	okL, okR = okL && keepsLeft(n) && n.Kind != SingleJoin, okR && keepsRight(n)
	if !okL && !okR {
		return n
	}
	below := &Join{Kind: n.Kind, L: n.L, R: n.R}
	left, right := refsOf(n.L, 0), refsOf(n.R, 0)
	if okL {
		below.L, left = l.Input, l.Exprs
	}
	if okR {
		below.R, right = r.Input, r.Exprs
	}
	for _, c := range n.Conds {
		below.Conds = append(below.Conds, JoinCond{Op: c.Op, L: substitute(c.L, left), R: substitute(c.R, right)})
	}
	below.cols = append(below.cols, below.L.Columns()...)
	width := len(below.cols)
	exprs := append([]Expr(nil), left...)
	switch n.Kind {
	case SemiJoin, AntiJoin:
	case MarkJoin:
		exprs = append(exprs, &Ref{T: Boolean, Index: width})
		below.cols = append(below.cols, Column{Type: Boolean})
	default:
		for _, e := range right {
			exprs = append(exprs, shift(e, width))
		}
		below.cols = append(below.cols, below.R.Columns()...)
	}
	return projected(below, exprs, n)
}

// refsOf are a node's columns, moved by offset.
func refsOf(n Node, offset int) []Expr {
	out := make([]Expr, len(n.Columns()))
	for i, c := range n.Columns() {
		out[i] = &Ref{T: c.Type, Index: offset + i}
	}
	return out
}
