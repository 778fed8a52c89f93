package plan

import "math/big"

// Arithmetic over people cannot fail: what does not fit its type becomes NULL, and
// that is a condition like any other, which is measured. Where it can be proved
// that everything fits, there is nothing to measure: each value of an integer or
// decimal type is bounded by its type, and so is what arithmetic makes of it.

// limit is how large the values of a type can be, by amount; nil for no integer or
// decimal.
func limit(t Type) *big.Int {
	bits := map[string]uint{"TINYINT": 7, "SMALLINT": 15, "INTEGER": 31, "BIGINT": 63, "HUGEINT": 127, "UTINYINT": 8, "USMALLINT": 16, "UINTEGER": 32, "UBIGINT": 64}
	if n, ok := bits[t.ID]; ok {
		return new(big.Int).Lsh(big.NewInt(1), n)
	}
	if t.ID == "DECIMAL" {
		return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Width-t.Scale)), nil)
	}
	return nil
}

// largestPart is how large a part of a date can be: DuckDB's years have 6 digits.
const largestPart = 300_000

// bound is how large the values of an integer or decimal expression can be, by
// amount; nil if that is not known.
func bound(e Expr) *big.Rat {
	ofType := func() *big.Rat {
		if l := limit(e.Type()); l != nil {
			return new(big.Rat).SetInt(l)
		}
		return nil
	}
	switch x := e.(type) {
	case *Const:
		if x.Value != nil {
			return new(big.Rat).Abs(x.Value)
		}
		if x.Null {
			return new(big.Rat)
		}
	case *Cast:
		if holds(x.X.Type(), x.T) {
			if b := bound(x.X); b != nil {
				return b
			}
		}
	case *Call:
		var of []*big.Rat
		for _, a := range x.Args {
			of = append(of, bound(a))
		}
		if x.Name == "year" || x.Name == "month" || x.Name == "quarter" || x.Name == "day" {
			return big.NewRat(largestPart, 1)
		}
		known := len(of) == 2 && of[0] != nil && of[1] != nil
		var b *big.Rat
		switch {
		case x.Name == "-" && len(of) == 1:
			b = of[0]
		case known && (x.Name == "+" || x.Name == "-"):
			b = new(big.Rat).Add(of[0], of[1])
		case known && x.Name == "*":
			b = new(big.Rat).Mul(of[0], of[1])
		}
		if own := ofType(); b != nil && own != nil && b.Cmp(own) < 0 {
			return b
		}
	}
	return ofType()
}

// fits reports whether arithmetic stays within its type whatever the values are.
func fits(e *Call) bool {
	l := limit(e.T)
	if l == nil {
		return false
	}
	sum := new(big.Rat)
	switch {
	case len(e.Args) == 1:
		b := bound(e.Args[0])
		return b != nil && b.Cmp(new(big.Rat).SetInt(l)) < 0
	case len(e.Args) != 2:
		return false
	}
	a, b := bound(e.Args[0]), bound(e.Args[1])
	if a == nil || b == nil {
		return false
	}
	switch e.Name {
	case "+", "-":
		sum.Add(a, b)
	case "*":
		sum.Mul(a, b)
	default:
		return false
	}
	// Decimals: the largest is not reached, and a product of two that are not is not either.
	most := new(big.Rat).SetInt(l)
	return sum.Cmp(most) < 0 || e.T.ID == "DECIMAL" && e.Name == "*" && sum.Cmp(most) == 0
}

// summable bounds what is added up in 128 bits: of ten thousand million rows the
// sum still fits.
var summable = new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(28), nil))

// widened computes the integers of a measure in a type that holds them, so that
// no value is lost and none tells of itself by being NULL. Sums, means and the
// like are the same in any type.
func widened(e Expr) Expr {
	switch x := e.(type) {
	case *Call:
		if x.T.ID == "DECIMAL" && x.T.Width < widestDecimal && !fits(x) {
			out := &Call{T: Type{ID: "DECIMAL", Width: widestDecimal, Scale: x.T.Scale}, Name: x.Name, Args: x.Args}
			if fits(out) && exactDecimal(out) {
				return out
			}
		}
		if !x.T.Integer() || x.Name != "+" && x.Name != "-" && x.Name != "*" || len(x.Args) == 2 && x.Args[0].Type().Temporal() {
			return e
		}
		out := &Call{T: x.T, Name: x.Name}
		for _, a := range x.Args {
			out.Args = append(out.Args, widened(a))
		}
		for _, t := range []Type{BigInt, HugeInt} {
			if fits(out) {
				return out
			}
			if out.T = t; t == HugeInt && !(fits(out) && bound(out).Cmp(summable) <= 0) {
				return e
			}
		}
		return out
	case *Cast:
		inner := widened(x.X)
		switch {
		case inner.Type().SQL() == x.X.Type().SQL() || !holds(x.X.Type(), x.T):
		case x.T.Real() && inner.Type().ID == "HUGEINT":
			return inReals(x.X, x.T)
		case x.T.Real():
			return &Cast{T: x.T, X: inner, Try: x.Try}
		case x.T.Integer() && (inner.Type().SQL() == x.T.SQL() || holds(x.T, inner.Type())):
			return inner
		case holds(inner.Type(), x.T):
			return &Cast{T: x.T, X: inner, Try: x.Try}
		}
	case *Case:
		out := &Case{T: x.T, Whens: x.Whens}
		for _, v := range x.Thens {
			out.Thens = append(out.Thens, widened(v))
		}
		out.Else = widened(x.Else)
		for _, v := range append([]Expr{out.Else}, out.Thens...) {
			if holds(out.T, v.Type()) && v.Type().Integer() {
				out.T = v.Type()
			}
		}
		return out
	}
	return e
}

// inReals computes integers as real numbers.
func inReals(e Expr, t Type) Expr {
	if x, ok := e.(*Call); ok && (x.Name == "+" || x.Name == "-" || x.Name == "*") && !x.Args[0].Type().Temporal() {
		out := &Call{T: t, Name: x.Name}
		for _, a := range x.Args {
			out.Args = append(out.Args, inReals(a, t))
		}
		return out
	}
	return &Cast{T: t, X: e}
}

// widen computes what is added up over people in types that hold it.
func widen(a *AggregateCall) {
	m, err := MeasureOf(a)
	if err != nil || m != MeasureSum && m != MeasureMean && m != MeasureSpread && m != MeasureRegression {
		return
	}
	for i, x := range a.Args {
		w := widened(x)
		if t, to := x.Type(), w.Type(); t.Integer() == to.Integer() && t.Real() == to.Real() {
			a.Args[i] = w
		}
	}
}
