package plan

import (
	"slices"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// checkPersonAggregate types an aggregate inside each person's rows.
func checkPersonAggregate(n *Aggregate, keys []Column) error {
	n.people = true
	n.once = n.Input.node().once || !slices.ContainsFunc(keys, func(k Column) bool { return k.Identity != Own })
	for i := range keys {
		keys[i].Name, keys[i].Type = n.cols[i].Name, n.cols[i].Type
		n.cols[i] = keys[i]
	}
	in := n.Input.Columns()
	for i, a := range n.Aggs {
		col, err := derivePersonAggregate(a, in)
		if err != nil {
			return err
		}
		n.cols[len(keys)+i] = ofRepeated(col, a, n.Input)
	}
	if plainly(n) { // what is NULL then is missing in the data as published
		for i, a := range n.Aggs {
			if col := &n.cols[len(keys)+i]; col.Form == FormDerived && !slices.ContainsFunc(a.Args, func(e Expr) bool { c, err := derive(e, in); return err != nil || c.Nulls != NullsRaw }) {
				col.Nulls = NullsRaw
			}
		}
	}
	return nil
}

func derivePersonAggregate(a *AggregateCall, in []Column) (Column, error) {
	if !personAggregates[a.Name] {
		return Column{}, gatehouse.Errorf(gatehouse.CodeAggregate, "The aggregate %s is not allowed, even per person.", a.Name).
			WithAdvice("Use count, sum, avg, min, max, first, last, arg_min, arg_max, mode, bool_or, bool_and, median, a quantile or stddev.")
	}
	var args []Column
	for _, e := range a.Children() {
		col, err := derive(e, in)
		if err != nil {
			return Column{}, err
		}
		args = append(args, col)
	}
	if len(a.Args) == 0 && a.Name != "count_star" {
		return Column{}, unknown("aggregate", a.Name)
	}
	out := Column{Type: a.T, Nulls: NullsDerived, Size: 1, Summed: slices.Contains(additive, a.Name) || a.Name == "avg"}
	if len(a.Args) > 0 && !args[0].Scanned && args[0].Form == FormLinear {
		args[0].Scanned = ofOneColumn(a.Args[0], in, a.Name != "sum")
	}
	switch a.Name {
	case "count_star", "count", "count_if", "countif":
		out.Class, out.Nulls = catalog.ClassDimension, NullsRaw
		if a.Filter == nil && (a.Name == "count_star" || args[0].Nulls == NullsRaw && a.Name == "count") {
			out.Form = FormDerived
		}
		return out, nil
	case "bool_or", "bool_and":
		out.Class, out.Form = catalog.ClassDimension, FormIndicator
		return out, noIdentity(args)
	case "min", "max", "first", "last", "any_value", "arg_min", "arg_max", "min_by", "max_by", "mode":
		return picked(args[0], a.T, a.Filter != nil), noIdentity(args[1:])
	}
	if err := noIdentity(args); err != nil {
		return Column{}, err
	}
	if len(args) > 0 && args[0].Form == FormLinear && args[0].Scanned && a.Filter == nil {
		out.Form = FormDerived
	}
	return out, nil
}

// ofRepeated: how often a union repeats a row could hang on a condition, and a
// person's count or sum of repeated rows is then a hidden weight. What is picked
// of the rows is the same however often they come.
func ofRepeated(c Column, a *AggregateCall, rows Node) Column {
	switch a.Name {
	case "min", "max", "first", "last", "any_value", "arg_min", "arg_max", "min_by", "max_by", "bool_or", "bool_and":
	default:
		if repeats(rows) {
			c.Form = FormNone
		}
	}
	return c
}

// ofOneColumn reports whether a measure is one column as published, in other units,
// or a part of such a date: two columns could be packed into one number. A literal
// that is added (moved) would count the rows in a sum of them.
func ofOneColumn(e Expr, in []Column, moved bool) bool {
	switch e := e.(type) {
	case *Ref:
		return in[e.Index].Scanned
	case *Cast:
		return holds(e.X.Type(), e.T) && ofOneColumn(e.X, in, moved)
	case *Call:
		_, first := constant(e.Args[0])
		switch {
		case len(e.Args) == 1 && (e.Name == "year" || e.Name == "month" || e.Name == "quarter"):
			return ofOneColumn(e.Args[0], in, moved)
		case len(e.Args) != 2:
			return false
		case e.Name == "date_part" || e.Name == "datepart":
			return ofOneColumn(e.Args[1], in, moved)
		case e.Name == "*" || moved && (e.Name == "+" || e.Name == "-"):
			if first {
				return ofOneColumn(e.Args[1], in, moved)
			}
			_, second := constant(e.Args[1])
			return second && ofOneColumn(e.Args[0], in, moved)
		}
	}
	return false
}

// picked is a value chosen from a person's rows: which one may hang on a
// condition, so it is a measure by itself only.
func picked(c Column, t Type, filtered bool) Column {
	c.Type, c.Name, c.Nulls = t, "", NullsDerived
	if c.Identity != NotIdentity {
		c.Identity = OwnOrNull
	}
	switch {
	case c.Form == FormIndicator:
	case (c.Form == FormLinear || t.Temporal()) && c.Scanned && !filtered:
		c.Form = FormDerived
	default:
		c.Form = FormNone
	}
	c.Scanned = false
	return c
}

// checkDistinct types DISTINCT: of people where the person is in the key, else
// the groups that GROUP BY all columns would give.
func checkDistinct(n *Distinct, slot *Node) error {
	in := n.Input.Columns()
	person := false
	for _, t := range n.Targets {
		col, err := derive(t, in)
		if err != nil {
			return err
		}
		person = person || col.Identity == Own
	}
	for _, o := range n.Orders {
		col, err := derive(o.X, in)
		if err != nil {
			return err
		}
		if col.Identity == OwnOrNull {
			return noIdentity([]Column{col})
		}
	}
	if person {
		n.people, n.once = true, n.Input.node().once
		if only := !slices.ContainsFunc(n.Targets, func(e Expr) bool { col, _ := derive(e, in); return col.Identity != Own }); only {
			n.once = true
		}
		n.cols = slices.Clone(in)
		if n.On { // which of a person's rows stays may hang on a condition
			for i, c := range n.cols {
				if c.Identity == NotIdentity {
					n.cols[i] = picked(c, c.Type, false)
				}
			}
		}
		return nil
	}
	if n.On {
		return gatehouse.Errorf(gatehouse.CodeRowLevel, "DISTINCT ON without person_id would pick single people's rows.").WithAdvice("Write DISTINCT ON (person_id), and aggregate what it gives.")
	}
	// the groups, as GROUP BY all columns would give them
	agg := &Aggregate{Input: n.Input, Sets: [][]int{nil}}
	for i, c := range in {
		agg.Groups = append(agg.Groups, &Ref{T: c.Type, Index: i})
		agg.Sets[0] = append(agg.Sets[0], i)
		agg.cols = append(agg.cols, Column{Name: c.Name, Type: c.Type})
	}
	*slot = agg
	if below, ok := n.Input.(*Project); ok {
		*slot = mergeAggregate(agg, below)
	}
	return checkAggregate((*slot).(*Aggregate), slot)
}

// windowFrames are the frames that the printer knows, by DuckDB's names.
var windowFrames = map[string]string{
	"UNBOUNDED_PRECEDING": "UNBOUNDED PRECEDING", "UNBOUNDED_FOLLOWING": "UNBOUNDED FOLLOWING",
	"CURRENT_ROW_RANGE": "CURRENT ROW", "CURRENT_ROW_ROWS": "CURRENT ROW", "EXPR_PRECEDING_ROWS": "PRECEDING", "EXPR_FOLLOWING_ROWS": "FOLLOWING",
	"EXPR_PRECEDING_RANGE": "PRECEDING", "EXPR_FOLLOWING_RANGE": "FOLLOWING",
}

func checkWindow(n *Window) error {
	n.people, n.once = true, n.Input.node().once
	in := n.Input.Columns()
	n.cols = slices.Clone(in)
	for _, w := range n.Calls {
		own := false
		for _, p := range w.Partitions {
			col, err := derive(p, in)
			if err != nil {
				return err
			}
			own = own || col.Identity == Own
		}
		if !own {
			return gatehouse.Errorf(gatehouse.CodeWindow, "A window over rows of people must be partitioned by person_id.")
		}
		for _, o := range w.Orders {
			if col, err := derive(o.X, in); err != nil {
				return err
			} else if col.Identity == OwnOrNull {
				return noIdentity([]Column{col})
			}
		}
		col, err := deriveWindow(w, in)
		if err != nil {
			return err
		}
		if w.Aggregate != nil {
			col = ofRepeated(col, w.Aggregate, n.Input)
		}
		n.cols = append(n.cols, col)
	}
	return nil
}

func deriveWindow(w *WindowCall, in []Column) (Column, error) {
	for _, e := range []Expr{w.StartExpr, w.EndExpr, w.Offset, w.Default} {
		if e == nil {
			continue
		}
		if _, ok := literal(e); !ok {
			return Column{}, gatehouse.Errorf(gatehouse.CodeWindow, "Window frames and offsets over people take literals only.").WithAdvice("Write the number of rows as a literal, such as ROWS BETWEEN 3 PRECEDING AND CURRENT ROW, or lag(x, 1).")
		}
	}
	if w.Aggregate != nil {
		return derivePersonAggregate(w.Aggregate, in)
	}
	switch w.Name {
	case "row_number", "rank", "dense_rank", "ntile":
		return Column{Type: w.T, Class: catalog.ClassDimension, Nulls: NullsRaw}, nil
	case "percent_rank", "cume_dist":
		return Column{Type: w.T, Nulls: NullsRaw}, nil
	}
	if len(w.Args) == 0 {
		return Column{}, unknown("window function", w.Name)
	}
	for _, extra := range w.Args[1:] {
		if _, ok := literal(extra); !ok {
			return Column{}, gatehouse.Errorf(gatehouse.CodeWindow, "Window offsets over people take literals only.").WithAdvice("Write the offset as a literal, such as lag(x, 1).")
		}
	}
	col, err := derive(w.Args[0], in)
	return picked(col, w.T, false), err
}
