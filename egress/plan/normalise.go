package plan

// normalise rewrites a tree into the shapes that Check knows, without changing
// what it means: definitions that are read once are put where they are read,
// filters go below projections and towards the joins they belong to, and
// projections below an aggregate go into its expressions, so that a condition
// hidden in a subquery is seen where it counts. A UNION ALL of people becomes a
// Concat, and the projection of it goes up to where it counts as well.
func normalise(root Node) Node {
	root = rewriteNodes(root, inlineOnce(root))
	withs := map[int]*With{}
	VisitNodes(root, func(n Node) {
		if w, ok := n.(*With); ok {
			withs[w.Index] = w
		}
	})
	return rewriteNodes(root, func(n Node) Node {
		switch n := n.(type) {
		case *Union:
			return unite(n)
		case *WithRef:
			return liftRef(n, withs[n.Index])
		case *With:
			if p, ok := ofUnion(n.Def); ok {
				n.Def = p.Input // whoever reads it has the projection: see liftRef
			}
		case *Join:
			return liftJoin(n)
		case *Window:
			return liftWindow(n)
		case *Sort:
			return liftSort(n)
		case *Filter:
			return pushFilter(n)
		case *Distinct:
			if !n.On {
				return n
			}
		case *Project:
			if below, ok := n.Input.(*Project); ok {
				return mergeProjects(n, below)
			}
		case *Aggregate:
			if below, ok := n.Input.(*Project); ok {
				return mergeAggregate(n, below)
			}
		}
		return n
	})
}

// rewriteNodes replaces every node by f of it, from the leaves up.
func rewriteNodes(n Node, f func(Node) Node) Node {
	switch n := n.(type) {
	case *Unnest:
		n.Input = rewriteNodes(n.Input, f)
	case *Project:
		n.Input = rewriteNodes(n.Input, f)
	case *Filter:
		n.Input = rewriteNodes(n.Input, f)
	case *Aggregate:
		n.Input = rewriteNodes(n.Input, f)
	case *Distinct:
		n.Input = rewriteNodes(n.Input, f)
	case *Window:
		n.Input = rewriteNodes(n.Input, f)
	case *Join:
		n.L, n.R = rewriteNodes(n.L, f), rewriteNodes(n.R, f)
	case *Union:
		n.L, n.R = rewriteNodes(n.L, f), rewriteNodes(n.R, f)
	case *Concat:
		for i := range n.Branches {
			n.Branches[i] = rewriteNodes(n.Branches[i], f)
		}
	case *Sort:
		n.Input = rewriteNodes(n.Input, f)
	case *Limit:
		n.Input = rewriteNodes(n.Input, f)
	case *Scalar:
		n.Input = rewriteNodes(n.Input, f)
	case *With:
		n.Def = rewriteNodes(n.Def, f)
		n.Body = rewriteNodes(n.Body, f) // reads the definition
	}
	return f(n)
}

// inlineOnce puts a definition that is read once in its place, and drops one
// that is never read.
func inlineOnce(root Node) func(Node) Node {
	reads := map[int]int{}
	defs := map[int]Node{}
	VisitNodes(root, func(n Node) {
		switch n := n.(type) {
		case *WithRef:
			reads[n.Index]++
		case *With:
			defs[n.Index] = n.Def
		}
	})
	var f func(Node) Node
	f = func(n Node) Node {
		switch n := n.(type) {
		case *WithRef:
			if reads[n.Index] == 1 {
				// the definition may read others; they are rewritten where they stand
				return rewriteNodes(defs[n.Index], f)
			}
		case *With:
			if reads[n.Index] <= 1 {
				return n.Body
			}
		}
		return n
	}
	return f
}

func substitute(e Expr, by []Expr) Expr {
	return Rewrite(e, func(e Expr) Expr {
		if ref, ok := e.(*Ref); ok {
			return by[ref.Index]
		}
		return e
	})
}

func substituteAll(list, by []Expr) []Expr {
	out := make([]Expr, len(list))
	for i, e := range list {
		out[i] = substitute(e, by)
	}
	return out
}

// tooBig keeps substitution from growing an expression without bound.
func tooBig(exprs ...Expr) bool {
	n := 0
	for _, e := range exprs {
		Walk(e, func(Expr) bool { n++; return n < 2000 })
	}
	return n >= 2000
}

func mergeProjects(above, below *Project) Node {
	exprs := substituteAll(above.Exprs, below.Exprs)
	if tooBig(exprs...) {
		return above
	}
	n := &Project{Input: below.Input, Exprs: exprs}
	n.cols = above.cols
	return n
}

func mergeAggregate(n *Aggregate, below *Project) Node {
	merged := *n
	merged.Input = below.Input
	merged.Groups = substituteAll(n.Groups, below.Exprs)
	merged.Aggs = nil
	for _, a := range n.Aggs {
		merged.Aggs = append(merged.Aggs, substitute(a, below.Exprs).(*AggregateCall))
	}
	if tooBig(Exprs(&merged)...) {
		return n
	}
	return &merged
}

// pushFilter moves conditions below projections, and over cross products to
// the side or the join where they belong.
func pushFilter(n *Filter) Node {
	switch in := n.Input.(type) {
	case *Filter:
		merged := &Filter{Input: in.Input, Conds: append(append([]Expr(nil), in.Conds...), n.Conds...)}
		merged.cols = in.cols
		return pushFilter(merged)
	case *Project:
		conds := substituteAll(n.Conds, in.Exprs)
		if tooBig(conds...) {
			return n
		}
		below := &Filter{Input: in.Input, Conds: conds}
		below.cols = in.Input.Columns()
		out := &Project{Input: pushFilter(below), Exprs: in.Exprs}
		out.cols = in.cols
		return out
	case *Join:
		switch {
		case in.Delim:
			return pushLeft(n, in)
		case in.Kind == CrossJoin || in.Kind == InnerJoin:
			return pushIntoJoin(n, in)
		}
	}
	return n
}

// pushLeft moves conditions on the left columns of a correlated join to its left
// side, where the person of the rows around it may be equated. The join itself is
// changed: what it correlates points to it.
func pushLeft(n *Filter, join *Join) Node {
	switch join.Kind {
	case MarkJoin, SingleJoin, InnerJoin, LeftJoin:
	default:
		return n
	}
	width := len(join.L.Columns())
	var left, rest []Expr
	for _, c := range splitAnd(n.Conds) {
		if usesLeft, usesRight := sides(c, width); usesLeft && !usesRight {
			left = append(left, c)
		} else {
			rest = append(rest, c)
		}
	}
	join.L = filtered(join.L, left)
	if len(rest) == 0 {
		return join
	}
	f := &Filter{Input: join, Conds: rest}
	f.cols = join.cols
	return f
}

func pushIntoJoin(n *Filter, join *Join) Node {
	width := len(join.L.Columns())
	var left, right, rest []Expr
	conds := append([]JoinCond(nil), join.Conds...)
	for _, c := range splitAnd(n.Conds) {
		usesLeft, usesRight := sides(c, width)
		switch {
		case usesLeft && !usesRight:
			left = append(left, c)
		case usesRight && !usesLeft:
			right = append(right, shift(c, -width))
		default:
			if cond, ok := asJoinCond(c, width); ok {
				conds = append(conds, cond)
			} else {
				rest = append(rest, c)
			}
		}
	}
	out := &Join{Kind: InnerJoin, L: filtered(join.L, left), R: filtered(join.R, right), Conds: conds}
	if len(conds) == 0 {
		out.Kind = CrossJoin
	}
	out.cols = join.cols
	if len(rest) == 0 {
		return out
	}
	f := &Filter{Input: out, Conds: rest}
	f.cols = out.cols
	return f
}

func filtered(n Node, conds []Expr) Node {
	if len(conds) == 0 {
		return n
	}
	f := &Filter{Input: n, Conds: conds}
	f.cols = n.Columns()
	return pushFilter(f)
}

func splitAnd(conds []Expr) []Expr {
	var out []Expr
	for _, c := range conds {
		if l, ok := c.(*Logic); ok && !l.Or {
			out = append(out, splitAnd(l.Args)...)
		} else {
			out = append(out, c)
		}
	}
	return out
}

func sides(e Expr, width int) (left, right bool) {
	Walk(e, func(e Expr) bool {
		if ref, ok := e.(*Ref); ok {
			if ref.Index < width {
				left = true
			} else {
				right = true
			}
		}
		return true
	})
	return left, right
}

func shift(e Expr, by int) Expr {
	return Rewrite(e, func(e Expr) Expr {
		if ref, ok := e.(*Ref); ok {
			return &Ref{T: ref.T, Index: ref.Index + by}
		}
		return e
	})
}

var mirrored = map[string]string{"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<=", "IS DISTINCT FROM": "IS DISTINCT FROM", "IS NOT DISTINCT FROM": "IS NOT DISTINCT FROM"}

func asJoinCond(e Expr, width int) (JoinCond, bool) {
	c, ok := e.(*Compare)
	if !ok {
		return JoinCond{}, false
	}
	ll, lr := sides(c.L, width)
	rl, rr := sides(c.R, width)
	switch {
	case ll && !lr && rr && !rl:
		return JoinCond{Op: c.Op, L: c.L, R: shift(c.R, -width)}, true
	case lr && !ll && rl && !rr:
		return JoinCond{Op: mirrored[c.Op], L: c.R, R: shift(c.L, -width)}, true
	}
	return JoinCond{}, false
}
