package plan

import (
	"strings"

	"github.com/gatehouse-tre/gatehouse"
)

// infix are the functions that are operators.
var infix = map[string]string{
	"+": "+", "-": "-", "*": "*", "/": "/", "//": "//", "%": "%", "||": "||", "**": "**", "^": "^", "&": "&", "|": "|", "<<": "<<", ">>": ">>",
	"~~": "LIKE", "!~~": "NOT LIKE", "~~*": "ILIKE", "!~~*": "NOT ILIKE", "~~~": "GLOB",
}

// expr prints an expression over the columns that ref names.
func (p *Printer) expr(e Expr, ref refs) string {
	switch e := e.(type) {
	case *Ref:
		return ref(e.Index)
	case *Const:
		return p.constant(e)
	case *Param:
		return p.fail(gatehouse.Errorf(gatehouse.CodeBind, "Parameter %s has no value.", e.Name).WithAdvice("Give one value for each parameter, in their order."))
	case *Cast:
		return p.cast(e, ref)
	case *Compare:
		return "(" + p.expr(e.L, ref) + " " + e.Op + " " + p.expr(e.R, ref) + ")"
	case *Logic:
		op := " AND "
		if e.Or {
			op = " OR "
		}
		parts := make([]string, len(e.Args))
		for i, a := range e.Args {
			parts[i] = p.expr(a, ref)
		}
		return "(" + strings.Join(parts, op) + ")"
	case *Op:
		return p.operator(e, ref)
	case *Case:
		return p.caseOf(e, ref)
	case *Call:
		return p.function(e, ref)
	case *AggregateCall:
		return p.call(e, ref)
	}
	return p.fail(unknown("expression", "to print"))
}

func (p *Printer) constant(c *Const) string {
	t := c.T.SQL()
	switch {
	case c.Null:
		return "CAST(NULL AS " + t + ")"
	case c.T.ID == "VARCHAR":
		return Text(c.Text)
	case c.T.ID == "BOOLEAN":
		return c.Text
	case c.T.Real():
		return "CAST(" + Text(c.Text) + " AS " + t + ")"
	}
	return "CAST(" + c.Text + " AS " + t + ")"
}

func (p *Printer) cast(e *Cast, ref refs) string {
	if c, ok := e.X.(*Const); ok && c.T.SQL() == e.T.SQL() {
		return p.constant(c)
	}
	word := "CAST"
	if e.Try || p.Vault {
		word = "TRY_CAST" // a failed cast would print the value
	}
	return word + "(" + p.expr(e.X, ref) + " AS " + e.T.SQL() + ")"
}

func (p *Printer) operator(e *Op, ref refs) string {
	first := p.expr(e.Args[0], ref)
	switch e.Name {
	case "NOT":
		return "(NOT " + first + ")"
	case "IS NULL", "IS NOT NULL":
		return "(" + first + " " + e.Name + ")"
	case "IN", "NOT IN":
		return "(" + first + " " + e.Name + " (" + p.list(e.Args[1:], ref) + "))"
	}
	return e.Name + "(" + p.list(e.Args, ref) + ")"
}

// caseOf prints CASE. Where a branch is an identity, NULLs beside it have the
// unit's type.
func (p *Printer) caseOf(e *Case, ref refs) string {
	value := func(x Expr) string {
		if c, ok := literal(x); ok && c.Null && p.Vault {
			return "NULL"
		}
		return p.expr(x, ref)
	}
	var b strings.Builder
	b.WriteString("CASE")
	for i := range e.Whens {
		b.WriteString(" WHEN " + p.expr(e.Whens[i], ref) + " THEN " + value(e.Thens[i]))
	}
	b.WriteString(" ELSE " + value(e.Else) + " END")
	return b.String()
}

func (p *Printer) function(e *Call, ref refs) string {
	args := make([]string, len(e.Args))
	for i, a := range e.Args {
		args[i] = p.expr(a, ref)
	}
	if p.Vault {
		if sql, ok := total(e, args); ok {
			return sql
		}
	}
	if op, ok := infix[e.Name]; ok && len(args) == 2 {
		return "(" + args[0] + " " + op + " " + args[1] + ")"
	}
	if (e.Name == "-" || e.Name == "+") && len(args) == 1 {
		return "(" + e.Name + args[0] + ")"
	}
	if e.Name == "error" {
		return p.fail(gatehouse.Errorf(gatehouse.CodeFunction, "The function error is not allowed.").WithAdvice("Leave it out; CASE WHEN … THEN NULL END marks what does not fit."))
	}
	return Ident(e.Name) + "(" + strings.Join(args, ", ") + ")"
}

// total prints functions that fail on some values so that they give NULL there.
// Integers are computed in a wider type and cast back quietly; decimals in
// floating point; roots and logarithms only where they are defined.
func total(e *Call, args []string) (string, bool) {
	wide := "BIGINT"
	for _, a := range e.Args {
		if a.Type().Temporal() || a.Type().ID == "INTERVAL" {
			return "", false
		}
		if d, ok := digits[a.Type().ID]; !ok || d > 10 || a.Type().ID == "UINTEGER" {
			wide = "HUGEINT"
		}
	}
	if e.T.ID == "DECIMAL" {
		wide = "DOUBLE"
	}
	if e.T.ID == "DECIMAL" && len(args) <= 2 && (e.Name == "+" || e.Name == "-" || e.Name == "*") {
		return exactly38(e, args)
	}
	exact := e.T.Integer() || e.T.ID == "DECIMAL"
	in := func(i int) string { return "CAST(" + args[i] + " AS " + wide + ")" }
	switch {
	case exact && len(args) == 2 && (e.Name == "+" || e.Name == "-" || e.Name == "*" || e.Name == "//" || e.Name == "%"):
		return "TRY_CAST((" + in(0) + " " + e.Name + " " + in(1) + ") AS " + e.T.SQL() + ")", true
	case exact && len(args) == 1 && (e.Name == "-" || e.Name == "+"):
		return "TRY_CAST((" + e.Name + in(0) + ") AS " + e.T.SQL() + ")", true
	case exact && e.Name == "abs":
		return "TRY_CAST(abs(" + in(0) + ") AS " + e.T.SQL() + ")", true
	case e.Name == "ln" || e.Name == "log2" || e.Name == "log10":
		return "CASE WHEN " + args[0] + " > 0 THEN " + e.Name + "(" + args[0] + ") END", true
	case e.Name == "sqrt":
		return "CASE WHEN " + args[0] + " >= 0 THEN sqrt(" + args[0] + ") END", true
	}
	return "", false
}

// exactly38 prints sums and products of decimals in 38 digits: exact, and without
// failing as long as no more are needed (exactDecimal, and 18 digits each else).
func exactly38(e *Call, args []string) (string, bool) {
	wide := make([]string, len(args))
	for i, a := range e.Args {
		scale := a.Type().Scale // 0 for integers
		wide[i] = "CAST(" + args[i] + " AS " + Type{ID: "DECIMAL", Width: 38, Scale: scale}.SQL() + ")"
	}
	sql := strings.Join(wide, " "+e.Name+" ")
	if len(args) == 1 {
		sql = e.Name + wide[0]
	}
	return "TRY_CAST((" + sql + ") AS " + e.T.SQL() + ")", true
}

// call prints an aggregate call.
func (p *Printer) call(a *AggregateCall, ref refs) string {
	name := a.Name
	if name == "count_star" {
		return "count(*)" + p.filter(a, ref)
	}
	args := make([]string, len(a.Args))
	for i, x := range a.Args {
		args[i] = p.expr(x, ref)
	}
	inside := strings.Join(args, ", ")
	if a.Distinct {
		inside = "DISTINCT " + inside
	}
	if len(a.Quantiles) > 0 && name != "median" {
		inside += ", " + quantileSQL(a)
	}
	if len(a.Orders) > 0 {
		inside += " ORDER BY " + p.orders(a.Orders, ref)
	}
	return Ident(name) + "(" + inside + ")" + p.filter(a, ref)
}

func quantileSQL(a *AggregateCall) string {
	texts := make([]string, len(a.Quantiles))
	for i, q := range a.Quantiles {
		sign := ""
		if a.Desc {
			sign = "-"
		}
		texts[i] = sign + strings.TrimRight(strings.TrimRight(q.FloatString(12), "0"), ".")
		if texts[i] == "" || texts[i] == "-" {
			texts[i] = "0"
		}
	}
	if a.List {
		return "[" + strings.Join(texts, ", ") + "]"
	}
	return texts[0]
}

func (p *Printer) filter(a *AggregateCall, ref refs) string {
	if a.Filter == nil {
		return ""
	}
	return " FILTER (WHERE " + p.expr(a.Filter, ref) + ")"
}

func (p *Printer) window(w *WindowCall, in Node, ref refs) string {
	var b strings.Builder
	if w.Aggregate == nil {
		args := make([]string, 0, 3)
		for _, a := range w.Args {
			args = append(args, p.expr(a, ref))
		}
		if w.Offset != nil {
			args = append(args, p.expr(w.Offset, ref))
		}
		if w.Default != nil {
			args = append(args, p.expr(w.Default, ref))
		}
		ignore := ""
		if w.IgnoreNulls {
			ignore = " IGNORE NULLS"
		}
		b.WriteString(w.Name + "(" + strings.Join(args, ", ") + ignore + ")")
	}
	b.WriteString(" OVER (")
	if len(w.Partitions) > 0 {
		b.WriteString("PARTITION BY " + p.list(w.Partitions, ref))
	}
	if len(w.Orders) > 0 {
		b.WriteString(" ORDER BY " + p.orders(w.Orders, ref))
	}
	b.WriteString(p.frame(w, ref))
	b.WriteString(")")
	if w.Aggregate != nil {
		return p.whole(w.Aggregate, in, ref, b.String())
	}
	return b.String()
}

func (p *Printer) frame(w *WindowCall, ref refs) string {
	start, okS := windowFrames[w.Start]
	end, okE := windowFrames[w.End]
	if !okS || !okE || w.Exclude != "NO_OTHER" {
		return p.fail(unknown("window frame", w.Start+" … "+w.End))
	}
	if w.Start == "UNBOUNDED_PRECEDING" && w.End == "CURRENT_ROW_RANGE" {
		return "" // the default
	}
	unit := "RANGE"
	if strings.HasSuffix(w.Start, "_ROWS") || strings.HasSuffix(w.End, "_ROWS") {
		unit = "ROWS"
	}
	if (strings.HasSuffix(w.Start, "_RANGE") && strings.HasSuffix(w.End, "_ROWS")) || (strings.HasSuffix(w.Start, "_ROWS") && strings.HasSuffix(w.End, "_RANGE")) {
		return p.fail(unknown("window frame", w.Start+" … "+w.End))
	}
	if w.StartExpr != nil {
		start = p.expr(w.StartExpr, ref) + " " + start
	}
	if w.EndExpr != nil {
		end = p.expr(w.EndExpr, ref) + " " + end
	}
	return " " + unit + " BETWEEN " + start + " AND " + end
}
