package plan

import "math/big"

// What a measure is made of is judged too, where the measure itself would hide it:
//
//   - a literal that is added to a column (moved) makes everybody's share alike,
//     and with the number of rows the sum of the column follows all the same;
//   - where nearly everybody has the same of one factor of a product, the product
//     shows the few who have another;
//   - the terms of a sum that literals scale differently can be told apart in it,
//     one in the higher digits and one in the lower.

// insides are the columns and parts of a measure that are judged beside it; moved
// reports whether the number of rows is in a sum of it.
func insides(e Expr) (of []Expr, moved bool) {
	of = factorsOf(e)
	core, moved := unmoved(e)
	if moved && core != nil {
		of = append(of, core)
	}
	terms, scaled := termsOf(e, big.NewRat(1, 1))
	if len(terms) > 1 && scaled {
		of = append(of, terms...)
	}
	return of, moved
}

// unmoved is what a measure is of, without the literals that move and scale it,
// and whether any moves it.
func unmoved(e Expr) (core Expr, moved bool) {
	for {
		switch x := e.(type) {
		case *Cast:
			if holds(x.X.Type(), x.T) {
				e = x.X
				continue
			}
		case *Call:
			if len(x.Args) != 2 || x.Name != "+" && x.Name != "-" && x.Name != "*" && x.Name != "/" {
				return e, moved
			}
			_, left := constant(x.Args[0])
			_, right := constant(x.Args[1])
			switch {
			case left && right:
				return nil, moved
			case right:
				e = x.Args[0]
			case left && x.Name != "/":
				e = x.Args[1]
			default:
				return e, moved
			}
			moved = moved || x.Name == "+" || x.Name == "-"
			continue
		}
		return e, moved
	}
}

// termsOf are the terms of a sum that are no literals, and whether literals scale
// any of them. Dates are one term: their distance has one scale.
func termsOf(e Expr, scale *big.Rat) (terms []Expr, scaled bool) {
	one := func() ([]Expr, bool) {
		if _, fixed := constant(e); fixed {
			return nil, false
		}
		return []Expr{e}, new(big.Rat).Abs(scale).Cmp(big.NewRat(1, 1)) != 0
	}
	switch x := e.(type) {
	case *Cast:
		if holds(x.X.Type(), x.T) {
			return termsOf(x.X, scale)
		}
	case *Call:
		if len(x.Args) != 2 || x.Args[0].Type().Temporal() {
			return one()
		}
		switch x.Name {
		case "+", "-":
			a, s := termsOf(x.Args[0], scale)
			b, t := termsOf(x.Args[1], scale)
			return append(a, b...), s || t
		case "*", "/":
			for i, factor := range x.Args {
				if c, ok := literal(factor); ok && c.Value != nil && c.Value.Sign() != 0 && (x.Name == "*" || i == 1) {
					by := new(big.Rat).Mul(scale, c.Value)
					if x.Name == "/" {
						by.Quo(scale, c.Value)
					}
					return termsOf(x.Args[1-i], by)
				}
			}
		}
	}
	return one()
}
