package plan

import "math/big"

// canBeNull reports whether a function gives NULL for some values that are not:
// whom that concerns is then measured like a condition.
func canBeNull(e *Call) bool {
	switch e.Name {
	case "+", "-", "*": // as the printer writes them, what overflows becomes NULL
		return (e.T.Integer() || e.T.ID == "DECIMAL") && !e.Args[0].Type().Temporal() && !shifted(e) && !fits(e)
	case "abs", "round", "floor", "ceil", "ceiling", "trunc", "sign", "date_trunc", "datetrunc", "date_part", "datepart", "date_diff", "datediff", "date_sub", "datesub", "strftime", "last_day",
		"year", "quarter", "month", "day", "week", "decade", "century", "dayofweek", "isodow", "weekday", "dayofyear", "monthname", "dayname", "lower", "upper", "trim", "ltrim", "rtrim", "length", "strlen":
		return false
	case "//", "%", "/":
		c, ok := literal(e.Args[1])
		return !ok || c.Value == nil || c.Value.Sign() == 0
	}
	return true
}

// shifted reports whether integer arithmetic stays within its type for every
// column that is not itself near the type's end: a column moved by a small
// literal or multiplied by a hundred at most, or the difference of two columns.
func shifted(e *Call) bool {
	if len(e.Args) != 2 {
		return false
	}
	a, b := e.Args[0], e.Args[1]
	_, left := uncast(a).(*Ref)
	_, right := uncast(b).(*Ref)
	if e.T.ID == "DECIMAL" {
		return false
	}
	if left && right {
		return e.Name != "*"
	}
	c, ok := literal(a)
	if !ok {
		b = a
		c, ok = literal(e.Args[1])
	}
	_, column := uncast(b).(*Ref)
	limit := int64(2100)
	if e.Name == "*" {
		limit = 100
	}
	return ok && column && c.Value != nil && new(big.Rat).Abs(c.Value).Cmp(big.NewRat(limit, 1)) <= 0
}

// uncast sees through casts that keep every value.
func uncast(e Expr) Expr {
	for {
		c, ok := e.(*Cast)
		if !ok || !holds(c.X.Type(), c.T) {
			return e
		}
		e = c.X
	}
}

// arithmeticForm gives the form of a numeric function's result (gate.md §1,
// measure expressions), and how much literals may have enlarged it.
func arithmeticForm(e *Call, args []Column, otherwise Form) (Form, float64) {
	one := func(i int) Form { return args[i].Form }
	switch {
	case len(args) == 1 && (e.Name == "-" || e.Name == "+"):
		return one(0), args[0].Size
	case e.Name == "-" && len(args) == 2 && args[0].Type.Temporal() && args[1].Type.Temporal():
		return betweenDates(e.Args, args), 1
	case (e.Name == "+" || e.Name == "-") && len(args) == 2:
		return sumForm(one(0), one(1)), args[0].Size + args[1].Size
	case e.Name == "*" && len(args) == 2:
		return productForm(one(0), one(1)), args[0].Size * args[1].Size
	case e.Name == "/" && len(args) == 2:
		if c, ok := literal(e.Args[1]); ok && c.Value != nil && c.Value.Sign() != 0 && one(0) != FormIndicator && args[1].Size > 0 {
			return one(0), args[0].Size / args[1].Size
		}
		return FormNone, 1
	case e.Name == "abs" || e.Name == "ln" || e.Name == "log2" || e.Name == "log10" || e.Name == "sqrt" || e.Name == "round" || e.Name == "floor" || e.Name == "ceil" || e.Name == "ceiling" || e.Name == "trunc":
		// Only of a column itself: a scaled or shifted step singles people out
		// without a condition that could be counted.
		if args[0].Scanned && one(0) == FormLinear {
			return FormProduct, 1
		}
		if one(0) == FormConst {
			return FormConst, args[0].Size
		}
		return FormNone, 1
	}
	return otherwise, 1
}

// betweenDates is the form of the distance between two dates: as published, chosen
// from a person's rows, or literal.
func betweenDates(exprs []Expr, dates []Column) Form {
	form := FormLinear
	for i, d := range dates {
		_, fixed := constant(exprs[i])
		switch {
		case fixed || d.Scanned:
		case d.Form == FormDerived:
			form = FormDerived
		default:
			return FormNone
		}
	}
	return form
}

func sumForm(a, b Form) Form {
	if a > b {
		a, b = b, a
	}
	switch {
	case a == FormConst && (b == FormConst || b == FormLinear || b == FormProduct || b == FormDerived):
		return b
	case a == FormLinear && (b == FormLinear || b == FormProduct || b == FormDerived), a == FormProduct && b == FormProduct, a == FormDerived && b == FormDerived:
		return b
	}
	return FormNone // sums of conditions are weights; Parts takes them apart where it sees them
}

func productForm(a, b Form) Form {
	if a > b {
		a, b = b, a
	}
	switch {
	case a == FormConst && (b == FormConst || b == FormLinear || b == FormProduct || b == FormDerived):
		return b
	case a == FormIndicator && b == FormIndicator:
		return FormIndicator
	case a == FormLinear && b == FormLinear:
		return FormProduct
	}
	return FormNone
}
