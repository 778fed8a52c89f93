package plan

import "math/big"

// Line is a value as columns y of Rows, each so many times, and Plus: exact in a DOUBLE.
// There is one where all of the columns have one.
type Line struct {
	Of   []LineTerm
	Plus float64
}

// LineTerm is a column y, so many times.
type LineTerm struct {
	Column int
	Times  float64
}

// Itself reports whether the value is a column as it is.
func (l Line) Itself() bool { return len(l.Of) == 1 && l.Of[0].Times == 1 && l.Plus == 0 }

// exactReal bounds the whole numbers of which each is a DOUBLE.
var exactReal = big.NewRat(1<<53, 1)

// line is a value that follows from columns of small whole numbers, which are handed out
// in its place: once, and as they are.
type line struct {
	of   []measuredTerm
	plus *big.Rat
}

// lineValue is value, and notes what the value follows from.
func (b *releaseBuilder) lineValue(e Expr) string {
	name := b.value(e)
	if _, ok := b.lines[name]; ok {
		return name
	}
	b.lines[name] = line{of: []measuredTerm{{name, big.NewInt(1)}}, plus: new(big.Rat)}
	terms, plus, ok := wholeTerms(e)
	if !ok || !plus.IsInt() {
		return name
	}
	l := line{plus: plus}
	most := new(big.Rat).Abs(plus)
	for _, t := range terms {
		if !t.times.IsInt() || t.times.Sign() == 0 {
			return name
		}
		most.Add(most, new(big.Rat).Mul(new(big.Rat).Abs(t.times), new(big.Rat).SetInt(limit(t.of.Type()))))
		column := b.value(t.of)
		for _, o := range l.of {
			if o.column == column {
				return name
			}
		}
		l.of = append(l.of, measuredTerm{column, t.times.Num()})
		b.small[column] = true
	}
	if len(l.of) > 0 && most.Cmp(exactReal) < 0 {
		b.lines[name] = l
	}
	return name
}

// wholeTerms takes a value apart into small whole numbers; false where it may be NULL
// though they are not, or is made of anything else.
func wholeTerms(e Expr) (terms []affineTerm, plus *big.Rat, ok bool) {
	switch x := e.(type) {
	case *Const:
		return nil, x.Value, x.Value != nil && !x.Null && x.T.Integer()
	case *Ref:
		return []affineTerm{{e, big.NewRat(1, 1)}}, new(big.Rat), small(x.T)
	case *Cast:
		if from := x.X.Type(); from.Integer() && (x.T.ID == "DOUBLE" || x.T.Integer() && holds(from, x.T)) {
			return wholeTerms(x.X)
		}
	case *Call:
		if !x.T.Integer() || !fits(x) || x.Args[0].Type().Temporal() {
			break
		}
		terms, plus, ok = wholeTerms(x.Args[0])
		if !ok || len(x.Args) == 1 && x.Name == "+" {
			return terms, plus, ok
		}
		if len(x.Args) == 1 && x.Name == "-" {
			terms, plus = scaled(terms, plus, big.NewRat(-1, 1))
			return terms, plus, true
		}
		if len(x.Args) != 2 {
			break
		}
		others, more, ok := wholeTerms(x.Args[1])
		switch {
		case !ok:
		case x.Name == "-":
			others, more = scaled(others, more, big.NewRat(-1, 1))
			fallthrough
		case x.Name == "+":
			return append(terms, others...), new(big.Rat).Add(plus, more), true
		case x.Name == "*" && len(others) == 0:
			terms, plus = scaled(terms, plus, more)
			return terms, plus, true
		case x.Name == "*" && len(terms) == 0:
			others, more = scaled(others, more, plus)
			return others, more, true
		}
	}
	return nil, nil, false
}

// small reports whether values of the type are whole numbers of 32 bits with a sign.
func small(t Type) bool {
	switch t.ID {
	case "TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT":
		return true
	}
	return false
}
