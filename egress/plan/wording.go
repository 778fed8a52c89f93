package plan

import (
	"strconv"
	"strings"
	"unicode"
)

// Words are a checked tree, or a part of one, in the terms of whoever wrote the
// statement: SQL over the names of its columns, for people to read. It is not
// meant to be run: conversions that keep every value are left out, and what is long
// is cut. Nothing in it comes from data: names, and literals of the statement.
type Words struct {
	names map[Node][]string
}

// longestName and longestPart bound, in runes, a column that is an expression and
// a whole part.
const (
	longestName = 100
	longestPart = 300
)

// Columns names the columns of a node.
func (w *Words) Columns(n Node) []string {
	if names, ok := w.names[n]; ok {
		return names
	}
	if w.names == nil {
		w.names = map[Node][]string{}
	}
	out := make([]string, len(n.Columns()))
	w.names[n] = out // ends a circle
	copy(out, w.columns(n))
	for i := range out {
		if out[i] == "" {
			out[i] = "column " + strconv.Itoa(i+1)
		}
		out[i] = clipped(out[i], longestName)
	}
	return out
}

func (w *Words) columns(n Node) []string {
	list := func(before []string, exprs []Expr, names []string) []string {
		for _, e := range exprs {
			before = append(before, w.expr(e, names))
		}
		return before
	}
	switch n := n.(type) {
	case *Scan:
		out := make([]string, len(n.Picked))
		for i, at := range n.Picked {
			if at >= 0 && at < len(n.Table.Columns) {
				out[i] = plainIdent(n.Table.Columns[at].Name)
			}
		}
		return out
	case *WithRef:
		return w.Columns(n.Def)
	case *With:
		return w.Columns(n.Body)
	case *Correlated:
		return list(nil, n.Reads, w.Columns(n.Of.L))
	case *Project:
		return list(nil, n.Exprs, w.Columns(n.Input))
	case *Unnest:
		return list(cloned(w.Columns(n.Input)), n.Lists, w.Columns(n.Input))
	case *Aggregate:
		names := w.Columns(n.Input)
		out := list(nil, n.Groups, names)
		for _, a := range n.Aggs {
			out = append(out, w.expr(a, names))
		}
		for _, g := range n.Grouping {
			out = append(out, "grouping("+w.keys(n, g)+")")
		}
		return out
	case *Window:
		names := w.Columns(n.Input)
		out := cloned(names)
		for _, c := range n.Calls {
			out = append(out, w.expr(c, names))
		}
		return out
	case *Join:
		switch n.Kind {
		case SemiJoin, AntiJoin:
			return w.Columns(n.L)
		case MarkJoin:
			return append(cloned(w.Columns(n.L)), "has a match")
		}
		return append(cloned(w.Columns(n.L)), w.Columns(n.R)...)
	case *Union:
		return w.Columns(n.L)
	case *Concat:
		out := []string{"person_id", "branch"}
		for _, b := range n.Branches {
			out = append(out, w.Columns(b)...)
		}
		return out
	}
	if in := n.Inputs(); len(in) == 1 {
		return w.Columns(in[0])
	}
	return nil
}

func cloned(names []string) []string { return append([]string(nil), names...) }

// keys names group keys by their places in a.
func (w *Words) keys(a *Aggregate, places []int) string {
	names := w.Columns(a.Input)
	out := make([]string, len(places))
	for i, at := range places {
		out[i] = w.expr(a.Groups[at], names)
	}
	return strings.Join(out, ", ")
}

// Expr is an expression over the columns of n.
func (w *Words) Expr(e Expr, n Node) string { return clipped(w.expr(e, w.Columns(n)), longestPart) }

// Node says what a node does, as SQL says it.
func (w *Words) Node(n Node) string { return clipped(w.node(n), longestPart) }

func (w *Words) node(n Node) string {
	over := func(exprs []Expr) string { return w.list(exprs, w.Columns(n.Inputs()[0])) }
	switch n := n.(type) {
	case *Scan:
		return n.Table.written(plainIdent)
	case *Values:
		if len(n.Rows) == 1 && len(n.cols) == 1 && n.cols[0].Type.ID == "BOOLEAN" {
			return "SELECT without a table"
		}
		return "VALUES of " + strconv.Itoa(len(n.Rows)) + " rows"
	case *TableFunction:
		return n.Name + "(" + w.list(n.Args, nil) + ")"
	case *Unnest:
		return "UNNEST(" + over(n.Lists) + ")"
	case *Project:
		return "SELECT " + over(n.Exprs)
	case *Filter:
		return "WHERE " + w.conds(n.Conds, w.Columns(n.Input))
	case *Aggregate:
		return w.groupBy(n)
	case *Distinct:
		if n.On {
			return "DISTINCT ON (" + over(n.Targets) + ")" + w.orderBy(n.Orders, w.Columns(n.Input))
		}
		return "DISTINCT " + over(n.Targets)
	case *Window:
		out := make([]string, len(n.Calls))
		for i, c := range n.Calls {
			out[i] = w.expr(c, w.Columns(n.Input))
		}
		return strings.Join(out, ", ")
	case *Join:
		return w.join(n)
	case *Union:
		return n.Kind
	case *Concat:
		return "UNION ALL"
	case *Sort:
		return strings.TrimSpace(w.orderBy(n.Orders, w.Columns(n.Input)))
	case *Limit:
		return strings.TrimSpace(limitSQL(n))
	case *Scalar:
		return "(SELECT " + strings.Join(w.Columns(n.Input), ", ") + " …)"
	case *With:
		return "WITH " + plainIdent(n.Name)
	case *WithRef:
		return "WITH, read again"
	case *Correlated:
		return "correlated subquery, reading " + strings.Join(w.Columns(n), ", ")
	}
	return "operator"
}

func (w *Words) groupBy(n *Aggregate) string {
	switch {
	case len(n.Groups) == 0:
		return "all rows as one group"
	case len(n.Sets) <= 1:
		return "GROUP BY " + w.list(n.Groups, w.Columns(n.Input))
	}
	sets := make([]string, len(n.Sets))
	for i, s := range n.Sets {
		sets[i] = "(" + w.keys(n, s) + ")"
	}
	return "GROUP BY GROUPING SETS (" + strings.Join(sets, ", ") + ")"
}

// kindsOfJoins are the kinds as people know them.
var kindsOfJoins = map[string]string{InnerJoin: "JOIN", LeftJoin: "LEFT JOIN", RightJoin: "RIGHT JOIN", FullJoin: "FULL JOIN", SemiJoin: "SEMI JOIN",
	AntiJoin: "ANTI JOIN", MarkJoin: "IN or EXISTS", SingleJoin: "scalar subquery", CrossJoin: "CROSS JOIN"}

func (w *Words) join(n *Join) string {
	l, r := w.Columns(n.L), w.Columns(n.R)
	conds := make([]string, len(n.Conds))
	for i, c := range n.Conds {
		op := c.Op
		if n.Delim && op == "IS NOT DISTINCT FROM" {
			op = "="
		}
		conds[i] = qualified(w.expr(c.L, l), n.L, c.L) + " " + op + " " + qualified(w.expr(c.R, r), n.R, c.R)
	}
	out := tablesBelow(n.L) + " " + kindsOfJoins[n.Kind] + " " + tablesBelow(n.R)
	if len(conds) > 0 {
		out += " ON " + strings.Join(conds, " AND ")
	}
	return out
}

// qualified adds the table to the name of a column, where one table is meant.
func qualified(name string, side Node, e Expr) string {
	if _, ok := e.(*Ref); !ok || strings.ContainsAny(name, ".( ") {
		return name
	}
	if table := tablesBelow(side); !strings.Contains(table, " ") {
		return table + "." + name
	}
	return name
}

// tablesBelow names the tables that a node reads.
func tablesBelow(n Node) string {
	if ref, ok := n.(*WithRef); ok {
		n = ref.Def
	}
	if !n.People() {
		protected := ""
		VisitNodes(n, func(n Node) {
			if agg, ok := n.(*Aggregate); ok && agg.Protected && protected == "" {
				protected = tablesBelow(agg.Input)
			}
		})
		if protected != "" {
			return "(groups of " + strings.Trim(protected, "()") + ")"
		}
	}
	var names []string
	seen := map[Node]bool{}
	var visit func(Node)
	visit = func(n Node) {
		if seen[n] {
			return
		}
		seen[n] = true
		switch n := n.(type) {
		case *Scan:
			for _, known := range names {
				if known == n.Table.written(plainIdent) {
					return
				}
			}
			names = append(names, n.Table.written(plainIdent))
		case *Values:
			if len(n.Rows) > 0 {
				names = append(names, "VALUES")
			}
		case *TableFunction:
			names = append(names, n.Name)
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
	switch len(names) {
	case 0:
		return "(SELECT …)"
	case 1:
		return names[0]
	}
	return "(" + strings.Join(names, ", ") + ")"
}

func (w *Words) orderBy(orders []Order, names []string) string {
	if len(orders) == 0 {
		return ""
	}
	out := make([]string, len(orders))
	for i, o := range orders {
		if out[i] = w.expr(o.X, names); o.Descending {
			out[i] += " DESC"
		}
	}
	return " ORDER BY " + strings.Join(out, ", ")
}

func (w *Words) list(exprs []Expr, names []string) string {
	out := make([]string, len(exprs))
	for i, e := range exprs {
		out[i] = w.expr(e, names)
	}
	return strings.Join(out, ", ")
}

func (w *Words) conds(conds []Expr, names []string) string {
	out := make([]string, len(conds))
	for i, c := range conds {
		out[i] = w.expr(c, names)
		if either, ok := c.(*Logic); !ok || !either.Or || len(conds) == 1 {
			out[i] = bare(out[i])
		}
	}
	return strings.Join(out, " AND ")
}

// bare takes off the brackets around a whole text.
func bare(s string) string {
	if !strings.HasPrefix(s, "(") || !strings.HasSuffix(s, ")") {
		return s
	}
	depth := 0
	quoted := rune(0)
	for i, r := range s {
		switch {
		case quoted != 0:
			if r == quoted {
				quoted = 0
			}
		case r == '\'' || r == '"':
			quoted = r
		case r == '(':
			depth++
		case r == ')':
			if depth--; depth == 0 && i < len(s)-1 {
				return s
			}
		}
	}
	return s[1 : len(s)-1]
}

// plainIdent quotes a name that needs it.
func plainIdent(name string) string {
	for i, r := range name {
		if r != '_' && !(r >= 'a' && r <= 'z') && (i == 0 || !(r >= '0' && r <= '9')) {
			return Ident(name)
		}
	}
	if name == "" {
		return Ident(name)
	}
	return name
}

// clipped makes a text one line of bounded length.
func clipped(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return s
}
