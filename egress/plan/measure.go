package plan

import (
	"math/big"

	"github.com/gatehouse-tre/gatehouse"
)

// maxParts bounds into how many conditional parts one aggregate is taken apart.
const maxParts = 12

// Part is one conditional piece of an aggregate's argument: on the rows where
// all of Conds hold, the value is Value. A part whose Value is a zero or NULL
// literal contributes nothing.
type Part struct {
	Conds []Expr
	Value Expr // nil for "the row itself" (count(*))
	// Absent: the part is the rows where this condition is NULL, neither true nor false.
	Absent Expr
}

// Neutral reports whether the part adds nothing to an aggregate: only NULL does.
// A zero does not change a sum, but that there is one can be told.
func (p Part) Neutral() bool {
	if p.Value == nil {
		return false
	}
	c, ok := literal(p.Value)
	return ok && c.Null
}

// CellParts takes an aggregate of the frontier apart into the conditional pieces
// that its number is made of, its FILTER among their conditions.
func CellParts(a *AggregateCall) ([]Part, error) {
	var parts []Part
	var err error
	switch {
	case len(a.Args) == 0:
		parts = []Part{{}}
	case a.Name == "count_if" || a.Name == "countif":
		parts = []Part{{Conds: []Expr{a.Args[0]}}}
	default:
		parts, err = Parts(a.Args[0])
	}
	if a.Filter != nil {
		for i := range parts {
			parts[i].Conds = append([]Expr{a.Filter}, parts[i].Conds...)
		}
	}
	return parts, err
}

// checkFrontier refuses an aggregate that may not be released whatever its
// evidence.
func checkFrontier(a *AggregateCall, in []Column) error {
	m, err := MeasureOf(a)
	if err != nil {
		return err
	}
	arguments := 1
	switch {
	case a.Name == "count_star":
		arguments = 0
	case m == MeasureRegression:
		arguments = 2
	}
	if len(a.Args) != arguments {
		return unknown("aggregate", a.Name)
	}
	if a.Filter != nil {
		col, err := derive(a.Filter, in)
		if err != nil {
			return err
		}
		if err := noIdentity([]Column{col}); err != nil {
			return err
		}
	}
	for _, q := range a.Quantiles {
		if q.Sign() <= 0 || q.Cmp(big.NewRat(1, 1)) >= 0 {
			return gatehouse.Errorf(gatehouse.CodeAggregate, "A quantile of 0 or 1 is one person's value.").WithAdvice("Ask for 0.01 or 0.99 instead.")
		}
	}
	for _, arg := range a.Args {
		parts, err := Parts(arg)
		if err != nil {
			return err
		}
		if err := checkParts(a, m, parts, in); err != nil {
			return err
		}
	}
	return nil
}

func checkParts(a *AggregateCall, m Measure, parts []Part, in []Column) error {
	if m == MeasureRegression && (len(parts) > 1 || len(parts[0].Conds) > 0) {
		return measureError(a).WithAdvice("Put the condition into WHERE or FILTER instead of CASE.")
	}
	values := 0
	for _, p := range parts {
		for _, c := range p.Conds {
			col, err := derive(c, in)
			if err != nil {
				return err
			}
			if err := noIdentity([]Column{col}); err != nil {
				return err
			}
		}
		col, err := derive(p.Value, in)
		if err != nil {
			return err
		}
		if m == MeasureCount || m == MeasureDistinct {
			continue // whom it counts is measured; what the values are does not show
		}
		if err := noIdentity([]Column{col}); err != nil {
			return err
		}
		if p.Neutral() {
			continue
		}
		values++
		if m == MeasureQuantile && !simpleColumn(p.Value) {
			return measureError(a).WithAdvice("Quantiles are answered of a column, of a column and a literal number added or subtracted, and of differences of dates or whole numbers.")
		}
		if (m == MeasureQuantile && values > 1) || !measurable(p.Value, col.Form) || col.Form == FormNone || (m == MeasureRegression && col.Form == FormIndicator) {
			if col.Summed && col.Form == FormNone {
				return measureError(a).WithAdvice("A number that was counted or summed for each person and kept in a workspace table is no measure: count in the question (WITH …), or keep it as a VIEW instead.")
			}
			return measureError(a)
		}
	}
	return nil
}

// duration reports whether a difference is of two dates, or of two whole numbers,
// such as the years of two dates: nobody could scale them so that one number tells
// both.
func duration(e *Call) bool {
	for _, a := range e.Args {
		if !a.Type().Temporal() && !a.Type().Integer() {
			return false
		}
		if _, fixed := constant(a); !fixed && !simpleColumn(a) {
			return false
		}
	}
	return true
}

// simpleColumn reports whether an expression is a column, cast so as to keep
// every value, or one moved by a literal: its quantiles are not those of two
// columns packed into one number, but for durations and other differences as they are.
func simpleColumn(e Expr) bool {
	switch e := e.(type) {
	case *Ref:
		return true
	case *Cast:
		return holds(e.X.Type(), e.T) && simpleColumn(e.X)
	case *Call:
		if (e.Name == "+" || e.Name == "-") && len(e.Args) == 2 {
			_, left := literal(e.Args[0])
			_, right := literal(e.Args[1])
			return left && simpleColumn(e.Args[1]) || right && simpleColumn(e.Args[0]) || e.Name == "-" && duration(e)
		}
		switch e.Name {
		case "year":
			return len(e.Args) == 1 && simpleColumn(e.Args[0])
		case "date_diff", "datediff", "date_sub", "datesub":
			return len(e.Args) == 3 && duration(&Call{T: e.T, Name: "-", Args: e.Args[1:]})
		}
	}
	return false
}

func measurable(e Expr, form Form) bool {
	t := e.Type()
	if _, made := e.(*Call); t.ID == "HUGEINT" && (form == FormDerived || made && bound(e).Cmp(summable) <= 0) {
		return true // a person's own sum of ordinary integers, or arithmetic that was widened
	}
	return t.Real() || (t.Integer() && t.ID != "HUGEINT") || t.ID == "BOOLEAN" || (t.ID == "DECIMAL" && t.Width <= widestDecimal) || t.ID == "NULL"
}

func measureError(a *AggregateCall) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.CodeMeasure, "The argument of %s is not a measure expression.", a.Name).
		WithAdvice("Use measure columns, sums, differences and multiples of them, a product of two, or CASE WHEN of these; convert text and large integers first.")
}

// Parts takes an aggregate's argument apart into its conditional pieces, so
// that whom each condition selects can be measured.
func Parts(e Expr) ([]Part, error) {
	parts, err := split(e)
	if err != nil {
		return nil, err
	}
	if len(parts) > maxParts {
		return nil, gatehouse.Errorf(gatehouse.CodeMeasure, "The argument of an aggregate has too many conditional branches.").WithAdvice("Ask with fewer branches, or group by the condition.")
	}
	return parts, nil
}

func tooManyBranches() error {
	return gatehouse.Errorf(gatehouse.CodeMeasure, "The argument of an aggregate has too many conditional branches.").WithAdvice("Ask with fewer branches, or group by the condition.")
}

func split(e Expr) ([]Part, error) {
	switch x := e.(type) {
	case *Case:
		return splitCase(x)
	case *Op:
		if x.Name == "COALESCE" && len(x.Args) <= 4 {
			c := &Case{T: x.T, Else: x.Args[len(x.Args)-1]}
			for _, a := range x.Args[:len(x.Args)-1] {
				c.Whens = append(c.Whens, &Op{T: Boolean, Name: "IS NOT NULL", Args: []Expr{a}})
				c.Thens = append(c.Thens, a)
			}
			return splitCase(c)
		}
	case *Cast:
		if x.X.Type().ID == "BOOLEAN" && x.T.Numeric() {
			if _, ok := literal(x.X); ok {
				return []Part{{Value: x}}, nil
			}
			one := &Const{T: x.T, Text: "1", Value: big.NewRat(1, 1)}
			zero := &Const{T: x.T, Text: "0", Value: new(big.Rat)}
			not := &Op{T: Boolean, Name: "NOT", Args: []Expr{x.X}}
			return []Part{{Conds: []Expr{x.X}, Value: one}, {Conds: []Expr{not}, Value: zero},
				{Conds: []Expr{&Op{T: Boolean, Name: "IS NULL", Args: []Expr{x.X}}}, Value: &Const{T: x.T, Null: true}, Absent: x.X}}, nil
		}
		inner, err := split(x.X)
		if err != nil || len(inner) == 1 && len(inner[0].Conds) == 0 {
			return []Part{{Value: e}}, err
		}
		for i := range inner {
			inner[i].Value = &Cast{T: x.T, X: inner[i].Value, Try: x.Try}
		}
		return inner, nil
	case *Call:
		return splitCall(x)
	}
	return []Part{{Value: e}}, nil
}

func splitCase(x *Case) ([]Part, error) {
	var out []Part
	var before []Expr
	add := func(conds []Expr, value Expr) error {
		inner, err := split(value)
		if err != nil {
			return err
		}
		for _, p := range inner {
			all := append(append(append([]Expr(nil), before...), conds...), p.Conds...)
			out = append(out, Part{Conds: all, Value: p.Value, Absent: p.Absent})
		}
		if len(out) > 4*maxParts {
			return tooManyBranches()
		}
		return nil
	}
	for i, when := range x.Whens {
		if err := add([]Expr{when}, x.Thens[i]); err != nil {
			return nil, err
		}
		// earlier branches did not hold: false or NULL
		before = append(before, &Op{T: Boolean, Name: "COALESCE", Args: []Expr{&Op{T: Boolean, Name: "NOT", Args: []Expr{when}}, &Const{T: Boolean, Text: "true"}}})
	}
	return out, add(nil, x.Else)
}

// splitCall distributes arithmetic over the parts of its arguments.
func splitCall(x *Call) ([]Part, error) {
	combos := []Part{{}}
	args := [][]Expr{{}}
	conditional := false
	for _, a := range x.Args {
		parts, err := split(a)
		if err != nil {
			return nil, err
		}
		conditional = conditional || len(parts) > 1 || len(parts[0].Conds) > 0
		var nextCombos []Part
		var nextArgs [][]Expr
		for i, c := range combos {
			for _, p := range parts {
				absent := c.Absent
				if absent == nil {
					absent = p.Absent
				}
				nextCombos = append(nextCombos, Part{Conds: append(append([]Expr(nil), c.Conds...), p.Conds...), Absent: absent})
				nextArgs = append(nextArgs, append(append([]Expr(nil), args[i]...), p.Value))
			}
		}
		if len(nextCombos) > 4*maxParts {
			return nil, tooManyBranches()
		}
		combos, args = nextCombos, nextArgs
	}
	if !conditional {
		return []Part{{Value: x}}, nil
	}
	for i := range combos {
		combos[i].Value = &Call{T: x.T, Name: x.Name, Args: args[i]}
		if x.Name == "*" {
			for _, a := range args[i] { // a product with zero is zero
				if isZero(a) {
					combos[i].Value = &Const{T: x.T, Text: "0", Value: new(big.Rat)}
				}
			}
		}
	}
	return combos, nil
}

// measured is what a value is of, without the literals that move and scale it.
func measured(e Expr) (Expr, bool) {
	if _, fixed := constant(e); fixed {
		return nil, false
	}
	switch x := e.(type) {
	case *Cast:
		if holds(x.X.Type(), x.T) {
			return measured(x.X)
		}
	case *Call:
		if len(x.Args) == 2 && (x.Name == "+" || x.Name == "-" || x.Name == "*" || x.Name == "/") {
			if _, fixed := constant(x.Args[1]); fixed {
				return measured(x.Args[0])
			}
			if _, fixed := constant(x.Args[0]); fixed && x.Name != "/" {
				return measured(x.Args[1])
			}
		}
	}
	return e, true
}
