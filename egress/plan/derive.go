package plan

import (
	"math/big"
	"slices"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// Form says what kind of measure expression a value of people is. A value whose
// size or choice for one person could be set by a condition is none: such a
// hidden weight would show that person in a sum.
type Form int

// The forms.
const (
	FormNone      Form = iota // not a measure
	FormConst                 // a literal
	FormIndicator             // 0, 1 or NULL, by a condition: whom it chooses is measured
	FormLinear                // a numeric column as published, affine in literals, or a sum or difference of such
	FormProduct               // a product of two, a root or a logarithm: not to be multiplied again
	FormDerived               // one number for a person or row, computed from a person's rows: a measure by itself only
)

// sizeLimits bound the factor by which literals may enlarge or shrink a measure.
const (
	largestSize  = 1e12
	smallestSize = 1e-9
)

// derive says what a researcher may do with an expression over the rows of
// people (in), or refuses it. The rule for identities is here: they are
// compared with each other, tested for NULL, chosen by CASE, and nothing else.
func derive(e Expr, in []Column) (Column, error) {
	c, err := deriveForm(e, in)
	if err == nil && e.Type().Numeric() {
		Walk(e, func(e Expr) bool {
			if ref, ok := e.(*Ref); ok && in[ref.Index].Summed {
				c.Summed = true
			}
			return !c.Summed
		})
	}
	return c, err
}

func deriveForm(e Expr, in []Column) (Column, error) {
	switch e := e.(type) {
	case *Ref:
		c := in[e.Index]
		return c, nil
	case *Const:
		c := Column{Type: e.T, Class: catalog.ClassDimension, Size: 1}
		if e.Null || e.Value != nil {
			c.Form = FormConst
		}
		if e.Value != nil {
			c.Size, _ = new(big.Rat).Abs(e.Value).Float64()
		}
		return bounded(c), nil
	case *Param:
		return Column{Type: e.T, Class: catalog.ClassDimension, Form: FormConst, Size: 1}, nil
	}
	args := make([]Column, 0, 4)
	for _, c := range e.Children() {
		col, err := derive(c, in)
		if err != nil {
			return Column{}, err
		}
		args = append(args, col)
	}
	switch e := e.(type) {
	case *Compare:
		if (args[0].Identity != NotIdentity) != (args[1].Identity != NotIdentity) {
			return Column{}, gatehouse.Errorf(gatehouse.CodePersonMixed, "person_id is compared with something that is not a person_id.")
		}
		return condition(), nil
	case *Logic:
		return condition(), noIdentity(args)
	case *Op:
		return deriveOp(e, args)
	case *Case:
		return deriveCase(e, args)
	case *Cast:
		return deriveCast(e, args[0])
	case *Call:
		return deriveCall(e, args)
	}
	return Column{}, unknown("expression", "aggregate")
}

// bounded refuses, as a measure, what literals make too large or too small: it
// could drown everybody else's value, or make arithmetic overflow.
func bounded(c Column) Column {
	if c.Size > largestSize || (c.Size != 0 && c.Size < smallestSize) {
		c.Form = FormNone
	}
	return c
}

func condition() Column {
	return Column{Type: Boolean, Class: catalog.ClassDimension, Form: FormIndicator, Nulls: NullsDerived, Size: 1}
}

func noIdentity(args []Column) error {
	for _, a := range args {
		if a.Identity != NotIdentity {
			return gatehouse.Errorf(gatehouse.CodePersonMixed, "person_id is used as an ordinary value.")
		}
	}
	return nil
}

func deriveOp(e *Op, args []Column) (Column, error) {
	switch e.Name {
	case "IS NULL", "IS NOT NULL":
		return condition(), nil
	case "COALESCE":
		out, err := together(e.T, args)
		if err == nil && len(args) == 2 && isZero(e.Args[1]) {
			out.Form, out.Size = args[0].Form, args[0].Size // a missing value counted as nothing is no weight
			out.Nulls = NullsRaw                            // never NULL
		}
		return out, err
	case "TRY":
		c := args[0]
		c.Nulls = NullsDerived
		return c, noIdentity(args)
	}
	return condition(), noIdentity(args)
}

// together derives a value that is one of several: COALESCE and CASE.
func together(t Type, args []Column) (Column, error) {
	out := Column{Type: t, Class: catalog.ClassDimension, Nulls: NullsDerived, Size: 1}
	identities := 0
	for _, a := range args {
		if a.Identity != NotIdentity {
			identities++
		}
	}
	if identities > 0 {
		for _, a := range args {
			if a.Identity == NotIdentity && a.Form != FormConst {
				return Column{}, gatehouse.Errorf(gatehouse.CodePersonMixed, "person_id is mixed with other values.")
			}
		}
		return Column{Type: t, Class: catalog.ClassPerson, Identity: OwnOrNull, Nulls: NullsDerived}, nil
	}
	for _, a := range args {
		switch {
		case a.Class == catalog.ClassDimension || a.Class == catalog.ClassReference:
		case a.Class == catalog.ClassDate && (out.Class == catalog.ClassDimension || out.Class == catalog.ClassDate):
			out.Class, out.Grain = catalog.ClassDate, coarser(out.Grain, a.Grain)
		default:
			out.Class = ""
		}
	}
	return out, nil
}

// deriveCase: a CASE of 0 and 1 is an indicator; of other numbers it is a
// weight, which the aggregate takes apart if it sees it (see Parts) and which is
// no measure once it is out of sight.
func deriveCase(e *Case, args []Column) (Column, error) {
	var values []Column
	var branches []Expr
	for i := range e.Whens {
		if args[2*i].Identity != NotIdentity {
			return Column{}, noIdentity(args[2*i : 2*i+1])
		}
		values, branches = append(values, args[2*i+1]), append(branches, e.Thens[i])
	}
	values, branches = append(values, args[len(args)-1]), append(branches, e.Else)
	out, err := together(e.T, values)
	if err != nil {
		return out, err
	}
	out.Form = FormIndicator
	for i, v := range values {
		if v.Form != FormIndicator && !zeroOrOne(branches[i]) {
			out.Form = FormNone
		}
	}
	if out.Identity != NotIdentity {
		out.Form = FormNone
	}
	if ref, ok := e.Else.(*Ref); ok && len(e.Whens) == 1 && isZero(e.Thens[0]) {
		// CASE WHEN x IS NULL THEN 0 ELSE x END, as a correlated count is bound
		if op, ok := e.Whens[0].(*Op); ok && op.Name == "IS NULL" {
			if same, ok := op.Args[0].(*Ref); ok && same.Index == ref.Index {
				out.Form, out.Size, out.Nulls = values[1].Form, values[1].Size, NullsRaw // never NULL
			}
		}
	}
	return out, nil
}

func isZero(e Expr) bool {
	c, ok := literal(e)
	return ok && c.Value != nil && c.Value.Sign() == 0
}

// literal sees through casts of literals.
func literal(e Expr) (*Const, bool) {
	for {
		switch x := e.(type) {
		case *Const:
			return x, true
		case *Cast:
			e = x.X
		default:
			return nil, false
		}
	}
}

func zeroOrOne(e Expr) bool {
	c, ok := literal(e)
	if !ok {
		return false
	}
	return c.Null || (c.Value != nil && (c.Value.Sign() == 0 || c.Value.Cmp(big.NewRat(1, 1)) == 0))
}

func deriveCast(e *Cast, x Column) (Column, error) {
	if x.Identity != NotIdentity {
		return Column{}, noIdentity([]Column{x})
	}
	out := x
	out.Type = e.T
	from := x.Type
	switch {
	case holds(from, e.T):
	case from.ID == "BOOLEAN" && e.T.Numeric():
		out.Form, out.Size = FormIndicator, 1
	case from.ID == "DATE" && e.T.ID == "TIMESTAMP", from.ID == "NULL":
	default: // some values become others, or NULL: a condition that nobody counts
		if _, fixed := constant(e.X); !fixed {
			if out.Days > 0 && e.T.Integer() {
				out.step()
			}
			out.Days = 0
			out.Nulls, out.Form, out.Scanned = NullsDerived, FormNone, false
			if x.Class == catalog.ClassDate || (x.Class != catalog.ClassDimension && x.Class != catalog.ClassReference) {
				out.Class = ""
			}
		}
	}
	if c, ok := literal(e); ok && c.Value != nil && e.T.Numeric() {
		out.Form = FormConst
	}
	return bounded(out), nil
}

// digits is how many decimal digits every value of an integer type fits in.
var digits = map[string]int{"TINYINT": 3, "UTINYINT": 3, "SMALLINT": 5, "USMALLINT": 5, "INTEGER": 10, "UINTEGER": 10, "BIGINT": 19, "UBIGINT": 20}

// holds reports whether a cast between numeric types keeps every value.
func holds(from, to Type) bool {
	signed := []string{"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}
	unsigned := []string{"UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
	place := func(list []string, t Type) int { return slices.Index(list, t.ID) }
	switch {
	case from.SQL() == to.SQL():
		return true
	case to.ID == "DOUBLE":
		return from.Numeric() && from.ID != "HUGEINT"
	case to.ID == "DECIMAL" && from.ID == "DECIMAL":
		return to.Scale >= from.Scale && to.Width-to.Scale >= from.Width-from.Scale
	case to.ID == "DECIMAL":
		d, ok := digits[from.ID]
		return ok && to.Width-to.Scale >= d
	case place(signed, from) >= 0 && place(signed, to) >= 0:
		return place(signed, to) > place(signed, from)
	case place(unsigned, from) >= 0 && place(unsigned, to) >= 0:
		return place(unsigned, to) > place(unsigned, from)
	case place(unsigned, from) >= 0 && place(signed, to) >= 0:
		return place(signed, to) > place(unsigned, from)
	}
	return false
}

// dateParts are what may be taken of a date for a group key, by the grain that
// the date must allow.
var dateParts = map[string]string{
	"millennium": "year", "century": "year", "decade": "year", "year": "year", "years": "year", "quarter": "quarter", "month": "month", "months": "month",
	"dow": "month", "isodow": "month", "dayofweek": "month", "weekday": "month",
}

var grainOrder = []string{"day", "week", "month", "quarter", "year"}

func grainRank(g string) int {
	for i, name := range grainOrder {
		if name == g {
			return i
		}
	}
	return len(grainOrder)
}

func coarser(a, b string) string {
	if a == "" || grainRank(b) > grainRank(a) {
		return b
	}
	return a
}

// atGrain reports whether a part of a date with the declared grain is coarse
// enough to group by; a date without a grain may be grouped by month.
func atGrain(part string, date Column) bool {
	need, ok := dateParts[strings.ToLower(part)]
	if !ok {
		return false
	}
	grain := date.Grain
	if grain == "" || grainRank(grain) < grainRank("month") {
		grain = "month"
	}
	return grainRank(need) >= grainRank(grain)
}

// leastArguments of the functions that deriveCall looks into.
var leastArguments = map[string]int{
	"year": 1, "quarter": 1, "month": 1, "decade": 1, "century": 1, "dayofweek": 1, "isodow": 1, "weekday": 1, "monthname": 1, "dayname": 1,
	"date_part": 2, "datepart": 2, "date_trunc": 2, "datetrunc": 2, "strftime": 2, "date_diff": 3, "datediff": 3, "date_sub": 3, "datesub": 3,
	"abs": 1, "ln": 1, "log": 1, "log2": 1, "log10": 1, "sqrt": 1, "round": 1, "floor": 1, "ceil": 1, "ceiling": 1, "trunc": 1, "//": 2, "%": 2, "/": 2,
}

func deriveCall(e *Call, args []Column) (Column, error) {
	if err := noIdentity(args); err != nil {
		return Column{}, err
	}
	out := Column{Type: e.T, Nulls: NullsRaw}
	keyable := true
	for _, a := range args {
		if a.Nulls == NullsDerived {
			out.Nulls = NullsDerived
		}
		if a.Class != catalog.ClassDimension && a.Class != catalog.ClassReference {
			keyable = false
		}
	}
	if keyable {
		out.Class = catalog.ClassDimension
	}
	if len(args) < leastArguments[e.Name] {
		return Column{}, unknown("call of", e.Name)
	}
	text := func(i int) string {
		if c, ok := literal(e.Args[i]); ok && c.T.ID == "VARCHAR" {
			return c.Text
		}
		return ""
	}
	form := FormNone
	switch e.Name {
	case "year", "quarter", "month", "decade", "century", "dayofweek", "isodow", "weekday", "monthname", "dayname":
		part := strings.TrimSuffix(e.Name, "name")
		if part == "day" {
			part = "dow"
		}
		if args[0].Class == catalog.ClassDate && atGrain(part, args[0]) {
			out.Class = catalog.ClassDimension
		}
		form = betweenDates(e.Args[:1], args[:1])
	case "date_part", "datepart":
		if args[1].Class == catalog.ClassDate && atGrain(text(0), args[1]) {
			out.Class = catalog.ClassDimension
		}
		form = betweenDates(e.Args[1:2], args[1:2])
	case "date_trunc", "datetrunc":
		if args[1].Class == catalog.ClassDate {
			out.Class, out.Grain = catalog.ClassDate, args[1].Grain
			if p := strings.ToLower(text(0)); atGrain(p, args[1]) && dateParts[p] == strings.TrimSuffix(p, "s") {
				out.Class, out.Grain = catalog.ClassDimension, dateParts[p]
			}
		}
	case "strftime":
		date := 0
		if args[1].Type.Temporal() {
			date = 1
		}
		if args[date].Class == catalog.ClassDate && coarseFormat(text(1-date), args[date]) {
			out.Class = catalog.ClassDimension
		}
	case "date_diff", "datediff", "date_sub", "datesub":
		if day := strings.HasPrefix(strings.ToLower(text(0)), "day"); day || strings.HasSuffix(e.Name, "diff") {
			form = betweenDates(e.Args[1:3], args[1:3]) // whole months and years of date_sub are steps at a chosen day
		}
		out.Class = ""
		if coarse, ok := coarseDates(args[1:3]); ok {
			switch strings.ToLower(text(0)) {
			case "year", "years", "decade", "quarter", "month", "months":
				out.Class = catalog.ClassDimension // a duration in months or years, such as age
			case "day", "days":
				out.Days, out.Coarse = 1, coarse
			case "week", "weeks":
				out.Days, out.Coarse = 7, coarse
			}
		}
	case "-", "+":
		if len(args) == 2 {
			datesMoved(e, args, &out)
		}
	case "/", "//":
		if c, ok := literal(e.Args[1]); ok && c.Value != nil && c.Value.Sign() > 0 && args[0].Days > 0 {
			by, _ := c.Value.Float64()
			out.Days, out.Coarse = args[0].Days*by, args[0].Coarse
			if e.Name == "//" {
				out.step()
			}
		}
	case "floor", "ceil", "ceiling", "trunc", "round":
		if out.Days, out.Coarse = args[0].Days, args[0].Coarse; len(args) == 1 {
			out.step()
		} else {
			out.Days = 0
		}
	}
	if e.T.Numeric() {
		out.Form, out.Size = arithmeticForm(e, args, form)
	}
	if canBeNull(e) {
		out.Nulls = NullsDerived
	}
	return bounded(out), nil
}

// coarseFormat reports whether a strftime format shows months or coarser only.
func coarseFormat(format string, date Column) bool {
	if format == "" {
		return false
	}
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			continue
		}
		i++
		if i == len(format) {
			return false
		}
		switch format[i] {
		case 'Y', 'y', 'G':
			if !atGrain("year", date) {
				return false
			}
		case 'm', 'b', 'B':
			if !atGrain("month", date) {
				return false
			}
		case '%', '-':
		default:
			return false
		}
	}
	return true
}
