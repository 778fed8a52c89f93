package plan

// source is a column of a table as published, or of a workspace table.
type source struct {
	table  *Table
	column int
}

// sources finds from which columns of tables the columns of nodes come.
type sources struct {
	known map[Node]map[int]map[source]bool
}

func newSources() *sources { return &sources{known: map[Node]map[int]map[source]bool{}} }

// of gives the sources of column i of a node.
func (s *sources) of(n Node, i int) map[source]bool {
	if known, ok := s.known[n][i]; ok {
		return known
	}
	out := map[source]bool{}
	if s.known[n] == nil {
		s.known[n] = map[int]map[source]bool{}
	}
	s.known[n][i] = out
	inputs := n.Inputs()
	width := 0
	if len(inputs) > 0 {
		width = len(inputs[0].Columns())
	}
	switch n := n.(type) {
	case *Scan:
		out[source{n.Table, n.Picked[i]}] = true
	case *WithRef:
		s.into(out, n.Def, &Ref{Index: i})
	case *Correlated:
		s.into(out, n.Of.L, n.Reads[i])
	case *Project:
		s.into(out, n.Input, n.Exprs[i])
	case *Filter, *Sort, *Limit, *Distinct, *Scalar:
		s.into(out, inputs[0], &Ref{Index: i})
	case *With:
		s.into(out, n.Body, &Ref{Index: i})
	case *Unnest:
		if i < width {
			s.into(out, n.Input, &Ref{Index: i})
		} else {
			s.into(out, n.Input, n.Lists[i-width])
		}
	case *Window:
		if i < width {
			s.into(out, n.Input, &Ref{Index: i})
		} else {
			s.into(out, n.Input, n.Calls[i-width])
		}
	case *Aggregate:
		switch keys := len(n.Groups); {
		case i < keys:
			s.into(out, n.Input, n.Groups[i])
		case i < keys+len(n.Aggs):
			s.into(out, n.Input, n.Aggs[i-keys])
		}
	case *Union:
		s.into(out, n.L, &Ref{Index: i})
		s.into(out, n.R, &Ref{Index: i})
	case *Concat:
		for b, in := range n.Branches {
			if at := i - n.offset(b); at >= 0 && at < len(in.Columns()) {
				s.into(out, in, &Ref{Index: at})
			}
		}
	case *Join:
		switch {
		case i < width:
			s.into(out, n.L, &Ref{Index: i})
		case n.Kind != MarkJoin:
			s.into(out, n.R, &Ref{Index: i - width})
		default:
			s.conditions(out, n)
		}
	}
	return out
}

// into adds the sources of an expression over n.
func (s *sources) into(out map[source]bool, n Node, e Expr) {
	Walk(e, func(e Expr) bool {
		if ref, ok := e.(*Ref); ok {
			for source := range s.of(n, ref.Index) {
				out[source] = true
			}
		}
		return true
	})
}

// conditions adds the sources of everything that decides which rows a node and
// those below it have. The person decides nothing by itself, nor does it that a
// column has a value. What is below the nodes without is left out.
func (s *sources) conditions(out map[source]bool, n Node, without ...Node) {
	seen := map[Node]bool{}
	for _, n := range without {
		seen[n] = true
	}
	var visit func(n Node)
	visit = func(n Node) {
		if seen[n] {
			return
		}
		seen[n] = true
		switch n := n.(type) {
		case *Filter:
			for _, c := range splitAnd(n.Conds) {
				if op, ok := c.(*Op); ok && op.Name == "IS NOT NULL" {
					if _, ok := op.Args[0].(*Ref); ok {
						continue
					}
				}
				s.into(out, n.Input, c)
			}
		case *Join:
			for _, c := range n.Conds {
				s.into(out, n.L, c.L)
				s.into(out, n.R, c.R)
			}
		case *Distinct:
			for _, e := range Exprs(n) {
				s.into(out, n.Input, e)
			}
		case *Window:
			for _, w := range n.Calls {
				s.into(out, n.Input, w)
			}
		case *Aggregate:
			for _, e := range Exprs(n) {
				s.into(out, n.Input, e)
			}
		case *Union:
			if n.Kind != "UNION ALL" {
				for i := range n.cols {
					s.into(out, n.L, &Ref{Index: i})
					s.into(out, n.R, &Ref{Index: i})
				}
			}
		case *WithRef:
			visit(n.Def)
		case *Correlated:
			visit(n.Of.L)
		}
		for _, in := range n.Inputs() {
			visit(in)
		}
	}
	visit(n)
}
