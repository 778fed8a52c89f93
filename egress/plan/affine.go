package plan

import "math/big"

// Measured is what a value is of, exactly: the sum of some columns, each so many times,
// and Plus. All of it is one multiple of the value, the smallest that is whole, so that x / 3 and
// 1.0000001 * x are x and nothing is lost by rounding.
type Measured struct {
	Value int // column y of the value: where it is NULL there is none
	Of    []MeasuredColumn
	Plus  *big.Int
}

// MeasuredColumn is a column y, so many times.
type MeasuredColumn struct {
	Value int
	Times *big.Int
}

// affineTerm is an expression that is no sum, difference or multiple, so many times.
type affineTerm struct {
	of    Expr
	times *big.Rat
}

// affine takes a value apart into its terms and the literal that moves them all.
// Where a factor is not known exactly it gives the value itself, or what it is a
// multiple of.
func affine(e Expr) (terms []affineTerm, plus *big.Rat) {
	whole := func() ([]affineTerm, *big.Rat) { return []affineTerm{{e, big.NewRat(1, 1)}}, new(big.Rat) }
	if c, ok := plainNumber(e); ok {
		return nil, c
	}
	switch x := e.(type) {
	case *Cast:
		if holds(x.X.Type(), x.T) {
			return affine(x.X)
		}
	case *Call:
		if x.Args[0].Type().Temporal() {
			return whole()
		}
		switch {
		case len(x.Args) == 1 && (x.Name == "-" || x.Name == "+"):
			terms, plus = affine(x.Args[0])
			if x.Name == "-" {
				return scaled(terms, plus, big.NewRat(-1, 1))
			}
			return terms, plus
		case len(x.Args) != 2:
		case x.Name == "+" || x.Name == "-":
			l, a := affine(x.Args[0])
			r, b := affine(x.Args[1])
			if x.Name == "-" {
				r, b = scaled(r, b, big.NewRat(-1, 1))
			}
			return append(l, r...), b.Add(a, b)
		case x.Name == "*" || x.Name == "/":
			for i, factor := range x.Args {
				c, ok := plainNumber(factor)
				if !ok || c.Sign() == 0 || x.Name == "/" && i == 0 {
					continue
				}
				if x.Name == "/" {
					c = new(big.Rat).Inv(c)
				}
				terms, plus = affine(x.Args[1-i])
				return scaled(terms, plus, c)
			}
		}
	}
	return whole()
}

func scaled(terms []affineTerm, plus, by *big.Rat) ([]affineTerm, *big.Rat) {
	for i := range terms {
		terms[i].times = new(big.Rat).Mul(terms[i].times, by)
	}
	return terms, new(big.Rat).Mul(plus, by)
}

// plainNumber is the exact value of a literal, and of arithmetic with literals.
func plainNumber(e Expr) (*big.Rat, bool) {
	switch x := e.(type) {
	case *Const:
		return x.Value, x.Value != nil && !x.Null
	case *Cast:
		if x.T.ID == "DOUBLE" || holds(x.X.Type(), x.T) {
			return plainNumber(x.X)
		}
		if c, ok := plainNumber(x.X); ok && c.IsInt() && x.T.Integer() {
			return c, true
		}
	case *Call:
		if len(x.Args) == 1 && x.Name == "-" {
			if c, ok := plainNumber(x.Args[0]); ok {
				return new(big.Rat).Neg(c), true
			}
		}
		if len(x.Args) != 2 || x.Args[0].Type().Temporal() {
			return nil, false
		}
		a, okA := plainNumber(x.Args[0])
		b, okB := plainNumber(x.Args[1])
		switch {
		case !okA || !okB:
		case x.Name == "+":
			return new(big.Rat).Add(a, b), true
		case x.Name == "-":
			return new(big.Rat).Sub(a, b), true
		case x.Name == "*":
			return new(big.Rat).Mul(a, b), true
		case x.Name == "/" && b.Sign() != 0:
			return new(big.Rat).Quo(a, b), true
		}
	}
	return nil, false
}

// measuredTerm is a column of the inner SELECT, so many times.
type measuredTerm struct {
	column string
	times  *big.Int
}

// measuredAs names the columns that a value is of, each once, with whole numbers that
// have no common factor.
func (b *releaseBuilder) measuredAs(e Expr) (of []measuredTerm, plus *big.Int) {
	terms, moved := affine(e)
	at := map[string]int{}
	var sums []*big.Rat
	for _, t := range terms {
		name := b.lineValue(t.of)
		i, ok := at[name]
		if !ok {
			i = len(of)
			at[name] = i
			of, sums = append(of, measuredTerm{column: name}), append(sums, new(big.Rat))
		}
		sums[i].Add(sums[i], t.times)
	}
	all := append(sums, moved)
	multiple := big.NewInt(1) // of all denominators
	for _, x := range all {
		d := x.Denom()
		multiple.Mul(multiple, new(big.Int).Div(d, new(big.Int).GCD(nil, nil, multiple, d)))
	}
	whole, common := make([]*big.Int, len(all)), new(big.Int)
	for i, x := range all {
		whole[i] = new(big.Int).Mul(x.Num(), new(big.Int).Div(multiple, x.Denom()))
		common.GCD(nil, nil, common, new(big.Int).Abs(whole[i]))
	}
	kept := of[:0]
	for i := range of {
		if common.Sign() > 0 {
			whole[i].Div(whole[i], common)
		}
		if of[i].times = whole[i]; whole[i].Sign() != 0 {
			kept = append(kept, of[i])
		}
	}
	if len(kept) == 0 { // what cancels is told by itself
		return []measuredTerm{{b.lineValue(e), big.NewInt(1)}}, new(big.Int)
	}
	plus = whole[len(of)]
	if common.Sign() > 0 {
		plus.Div(plus, common)
	}
	if kept[0].times.Sign() < 0 {
		for i := range kept {
			kept[i].times = new(big.Int).Neg(kept[i].times)
		}
		plus.Neg(plus)
	}
	return kept, plus
}
