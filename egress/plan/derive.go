package plan

import (
	"math/big"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// Form says what kind of measure expression a value of people is, from the
// most to the least that may be done with it.
type Form int

// The forms.
const (
	FormNone      Form = iota // not a measure: text, dates, results of conditions with weights
	FormConst                 // a literal
	FormIndicator             // 0, 1 or NULL, by a condition
	FormLinear                // a measure column, affine in constants, or a sum or difference of such
	FormProduct               // a product of two, or a root or logarithm: not to be multiplied again
)

// derive says what a researcher may do with an expression over the rows of
// people (in), or refuses it. The rule for identities is here: they are
// compared with each other, tested for NULL, chosen by CASE, and nothing else.
func derive(e Expr, in []Column) (Column, error) {
	switch e := e.(type) {
	case *Ref:
		c := in[e.Index]
		return c, nil
	case *Const:
		c := Column{Type: e.T, Class: catalog.ClassDimension}
		if e.Null || e.Value != nil {
			c.Form = FormConst
		}
		if e.Value != nil && outOfBounds(e.Value) {
			c.Form = FormNone
		}
		return c, nil
	case *Param:
		return Column{Type: e.T, Class: catalog.ClassDimension, Form: FormConst}, nil
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

// outOfBounds keeps literals within what cannot drown a person's value or make
// arithmetic overflow.
func outOfBounds(v *big.Rat) bool {
	limit := big.NewRat(1_000_000_000_000, 1)
	abs := new(big.Rat).Abs(v)
	return abs.Cmp(limit) > 0
}

func condition() Column {
	return Column{Type: Boolean, Class: catalog.ClassDimension, Form: FormIndicator, Nulls: NullsDerived}
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
			out.Form = args[0].Form // a missing value counted as nothing is no weight
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
	out := Column{Type: t, Class: catalog.ClassDimension, Form: FormConst, Nulls: NullsDerived}
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
				out.Form = values[1].Form
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
	case from.Numeric() && e.T.Numeric():
		if rank(e.T) < rank(from) && x.Form > FormConst { // may round or fail: a step function
			out.Nulls = NullsDerived
			if x.Form > FormLinear || from.Real() || from.ID == "DECIMAL" {
				out.Form = FormNone
			}
		}
	case from.ID == "BOOLEAN" && e.T.Numeric():
		out.Form = FormIndicator
	case from.ID == "DATE" && e.T.ID == "TIMESTAMP":
	case from.ID == "NULL":
	case from.ID == "VARCHAR" && x.Form == FormNone && x.Class == catalog.ClassDimension:
		out.Nulls = NullsDerived // text of a dimension, read as something else: still one
		out.Form = FormNone
	default:
		out.Nulls = NullsDerived
		out.Form = FormNone
		if x.Class == catalog.ClassDate && e.T.ID != "DATE" {
			out.Class = ""
		}
	}
	if c, ok := literal(e); ok {
		out.Form = FormConst
		if c.Value != nil && outOfBounds(c.Value) {
			out.Form = FormNone
		}
	}
	return out, nil
}

// rank orders numeric types by what they can hold.
func rank(t Type) int {
	switch t.ID {
	case "TINYINT", "UTINYINT":
		return 1
	case "SMALLINT", "USMALLINT":
		return 2
	case "INTEGER", "UINTEGER":
		return 3
	case "BIGINT", "UBIGINT":
		return 4
	case "HUGEINT":
		return 5
	case "DECIMAL":
		return 6
	}
	return 7
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
	switch e.Name {
	case "year", "quarter", "month", "decade", "century", "dayofweek", "isodow", "weekday", "monthname", "dayname":
		part := strings.TrimSuffix(e.Name, "name")
		if part == "day" {
			part = "dow"
		}
		if args[0].Class == catalog.ClassDate && atGrain(part, args[0]) {
			out.Class = catalog.ClassDimension
		}
		out.Form = FormLinear
	case "date_part", "datepart":
		if args[1].Class == catalog.ClassDate && atGrain(text(0), args[1]) {
			out.Class = catalog.ClassDimension
		}
		out.Form = FormLinear
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
		out.Form = FormLinear
		switch strings.ToLower(text(0)) {
		case "year", "years", "decade", "quarter", "month", "months":
			out.Class = catalog.ClassDimension // a duration in months or years, such as age
		default:
			out.Class = ""
		}
	}
	if e.T.Numeric() {
		out.Form = arithmeticForm(e, args, out.Form)
	}
	if fallible := rowFunctions[e.Name]; fallible && canBeNull(e) {
		out.Nulls = NullsDerived
	}
	return out, nil
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

// canBeNull reports whether a function that can fail does so on ordinary
// values: roots, logarithms and integer division by a column, not sums.
func canBeNull(e *Call) bool {
	switch e.Name {
	case "+", "-", "*", "abs", "round", "date_trunc", "datetrunc", "date_part", "datepart", "date_diff", "datediff", "strftime", "last_day":
		return false
	case "//", "%", "/":
		c, ok := literal(e.Args[1])
		return !ok || c.Value == nil || c.Value.Sign() == 0
	}
	return true
}

// arithmeticForm gives the form of a numeric function's result (gate.md §1,
// measure expressions): affine in constants, differences, one product.
func arithmeticForm(e *Call, args []Column, otherwise Form) Form {
	form := func(i int) Form { return args[i].Form }
	isConst := func(i int) bool { return args[i].Form == FormConst }
	switch {
	case len(args) == 1 && (e.Name == "-" || e.Name == "+"):
		return form(0)
	case e.Name == "-" && len(args) == 2 && args[0].Type.Temporal() && args[1].Type.Temporal():
		return FormLinear
	case (e.Name == "+" || e.Name == "-") && len(args) == 2:
		a, b := form(0), form(1)
		if a == FormNone || b == FormNone {
			return FormNone
		}
		if a == FormConst && b == FormConst {
			return FormConst
		}
		if a == FormIndicator || b == FormIndicator {
			return FormNone // sums of conditions are weights; Parts takes them apart where it sees them
		}
		return max(a, b)
	case e.Name == "*" && len(args) == 2:
		switch {
		case isConst(0) && isConst(1):
			return FormConst
		case isConst(0) && (form(1) == FormLinear || form(1) == FormProduct):
			return form(1)
		case isConst(1) && (form(0) == FormLinear || form(0) == FormProduct):
			return form(0)
		case form(0) == FormIndicator && form(1) == FormIndicator:
			return FormIndicator
		case form(0) == FormLinear && form(1) == FormLinear:
			return FormProduct
		}
		return FormNone
	case e.Name == "/" && len(args) == 2:
		if c, ok := literal(e.Args[1]); ok && c.Value != nil && c.Value.Sign() != 0 && (form(0) == FormLinear || form(0) == FormProduct || form(0) == FormConst) {
			return form(0)
		}
		return FormNone
	case e.Name == "abs" || e.Name == "ln" || e.Name == "log" || e.Name == "log2" || e.Name == "log10" || e.Name == "sqrt" || e.Name == "round" || e.Name == "floor" || e.Name == "ceil" || e.Name == "ceiling" || e.Name == "trunc":
		// Only of a column itself: a scaled or shifted step singles people out
		// without a condition that could be counted.
		x := e.Args[0]
		for {
			if c, ok := x.(*Cast); ok && rank(c.T) >= rank(c.X.Type()) {
				x = c.X
				continue
			}
			break
		}
		if _, ok := x.(*Ref); ok && form(0) == FormLinear && (len(args) == 1 || isConst(1)) {
			return FormProduct
		}
		if isConst(0) {
			return FormConst
		}
		return FormNone
	}
	return otherwise
}
