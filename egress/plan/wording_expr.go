package plan

import "strings"

// expr words an expression over columns of these names.
func (w *Words) expr(e Expr, names []string) string {
	switch e := e.(type) {
	case *Ref:
		if e.Index >= 0 && e.Index < len(names) {
			return names[e.Index]
		}
		return "a column"
	case *Const:
		return wordConst(e)
	case *Param:
		return "$" + e.Name
	case *Cast:
		return w.cast(e, names)
	case *Compare:
		return "(" + w.expr(e.L, names) + " " + e.Op + " " + w.expr(e.R, names) + ")"
	case *Logic:
		op := " AND "
		if e.Or {
			op = " OR "
		}
		parts := make([]string, len(e.Args))
		for i, a := range e.Args {
			parts[i] = w.expr(a, names)
		}
		return "(" + strings.Join(parts, op) + ")"
	case *Op:
		return w.operator(e, names)
	case *Case:
		var b strings.Builder
		b.WriteString("CASE")
		for i := range e.Whens {
			b.WriteString(" WHEN " + bare(w.expr(e.Whens[i], names)) + " THEN " + w.expr(e.Thens[i], names))
		}
		if c, ok := literal(e.Else); !ok || !c.Null {
			b.WriteString(" ELSE " + w.expr(e.Else, names))
		}
		return b.String() + " END"
	case *Call:
		return w.call(e, names)
	case *AggregateCall:
		return w.aggregate(e, names)
	case *WindowCall:
		return w.window(e, names)
	}
	return "an expression"
}

func wordConst(c *Const) string {
	switch {
	case c.Parameter != "":
		return "$" + c.Parameter
	case c.Null:
		return "NULL"
	case c.T.Numeric(), c.T.ID == "BOOLEAN":
		return c.Text
	}
	return Text(c.Text)
}

// cast leaves out conversions that keep every value.
func (w *Words) cast(e *Cast, names []string) string {
	inner := w.expr(e.X, names)
	if c, ok := e.X.(*Const); ok {
		switch {
		case c.Parameter != "", c.Null, c.T.Numeric() && e.T.Numeric():
			return inner
		case c.T.ID == "VARCHAR" && e.T.Temporal():
			return e.T.ID + " " + inner
		}
	}
	from := e.X.Type()
	if holds(from, e.T) || from.ID == "BOOLEAN" && e.T.Numeric() || from.ID == "DATE" && e.T.ID == "TIMESTAMP" || from.ID == "NULL" {
		return inner
	}
	word := "CAST("
	if e.Try {
		word = "TRY_CAST("
	}
	return word + inner + " AS " + e.T.SQL() + ")"
}

func (w *Words) operator(e *Op, names []string) string {
	if len(e.Args) == 0 {
		return e.Name
	}
	first := w.expr(e.Args[0], names)
	switch e.Name {
	case "NOT":
		return "(NOT " + first + ")"
	case "IS NULL", "IS NOT NULL":
		return "(" + first + " " + e.Name + ")"
	case "IN", "NOT IN":
		return "(" + first + " " + e.Name + " (" + w.list(e.Args[1:], names) + "))"
	}
	return strings.ToLower(e.Name) + "(" + w.list(e.Args, names) + ")"
}

func (w *Words) call(e *Call, names []string) string {
	op, ok := infix[e.Name]
	switch {
	case ok && len(e.Args) == 2:
		return "(" + w.expr(e.Args[0], names) + " " + op + " " + w.expr(e.Args[1], names) + ")"
	case (e.Name == "-" || e.Name == "+") && len(e.Args) == 1:
		return e.Name + w.expr(e.Args[0], names)
	}
	args := make([]string, len(e.Args))
	for i, a := range e.Args {
		args[i] = bare(w.expr(a, names))
	}
	return plainIdent(e.Name) + "(" + strings.Join(args, ", ") + ")"
}

func (w *Words) aggregate(a *AggregateCall, names []string) string {
	filter := ""
	if a.Filter != nil {
		filter = " FILTER (WHERE " + bare(w.expr(a.Filter, names)) + ")"
	}
	if a.Name == "count_star" {
		return "count(*)" + filter
	}
	args := make([]string, len(a.Args))
	for i, x := range a.Args {
		args[i] = bare(w.expr(x, names))
	}
	inside := strings.Join(args, ", ")
	if a.Distinct {
		inside = "DISTINCT " + inside
	}
	if len(a.Quantiles) > 0 && a.Name != "median" {
		inside += ", " + quantileSQL(a)
	}
	return plainIdent(a.Name) + "(" + inside + w.orderBy(a.Orders, names) + ")" + filter
}

func (w *Words) window(c *WindowCall, names []string) string {
	call := ""
	if c.Aggregate != nil {
		call = w.aggregate(c.Aggregate, names)
	} else {
		call = c.Name + "(" + w.list(c.Args, names) + ")"
	}
	over := ""
	if len(c.Partitions) > 0 {
		over = "PARTITION BY " + w.list(c.Partitions, names)
	}
	return call + " OVER (" + strings.TrimSpace(over+w.orderBy(c.Orders, names)) + ")"
}
