package plan

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
)

var compareOps = map[string]string{
	"COMPARE_EQUAL": "=", "COMPARE_NOTEQUAL": "<>", "COMPARE_LESSTHAN": "<", "COMPARE_GREATERTHAN": ">",
	"COMPARE_LESSTHANOREQUALTO": "<=", "COMPARE_GREATERTHANOREQUALTO": ">=",
	"COMPARE_DISTINCT_FROM": "IS DISTINCT FROM", "COMPARE_NOT_DISTINCT_FROM": "IS NOT DISTINCT FROM",
}

var operatorNames = map[string]string{
	"OPERATOR_NOT": "NOT", "OPERATOR_IS_NULL": "IS NULL", "OPERATOR_IS_NOT_NULL": "IS NOT NULL",
	"COMPARE_IN": "IN", "COMPARE_NOT_IN": "NOT IN", "OPERATOR_COALESCE": "COALESCE", "OPERATOR_TRY": "TRY",
}

// readExpr reads an expression over a node's input; depth bounds the nesting.
func (r *reader) readExpr(raw json.RawMessage) (Expr, error) {
	r.depth++
	defer func() { r.depth-- }()
	r.size++
	if r.depth > maxDepth || r.size > maxSize {
		return nil, gatehouse.Errorf(gatehouse.CodeTooLarge, "The statement is nested too deeply or is too long.").WithAdvice("%s", inParts)
	}
	o := newObject("expression", raw)
	class, kind := o.text("expression_class"), o.text("type")
	o.kind = class
	o.ignore("alias", "query_location")
	var e Expr
	switch class {
	case "BOUND_REF":
		e = &Ref{T: o.typ("return_type"), Index: o.number("index")}
	case "BOUND_CONSTANT":
		c, err := readConst(o.take("value"))
		if err != nil {
			return nil, err
		}
		e = c
	case "BOUND_PARAMETER":
		o.ignore("parameter_data")
		e = r.parameter(o.typ("return_type"), o.text("identifier"))
	case "BOUND_CAST":
		e = &Cast{X: r.child(o, "child"), T: o.typ("return_type"), Try: o.truth("try_cast")}
	case "BOUND_COMPARISON":
		op, ok := compareOps[kind]
		if !ok {
			return nil, unknown("comparison", kind)
		}
		e = &Compare{Op: op, L: r.child(o, "left"), R: r.child(o, "right")}
	case "BOUND_CONJUNCTION":
		args := r.children(o, "children")
		if len(args) < 2 || (kind != "CONJUNCTION_AND" && kind != "CONJUNCTION_OR") {
			return nil, unknown("operator", kind)
		}
		e = &Logic{Or: kind == "CONJUNCTION_OR", Args: args}
	case "BOUND_OPERATOR":
		name, ok := operatorNames[kind]
		if !ok {
			return nil, unknown("operator", kind)
		}
		op := &Op{T: o.typ("return_type"), Name: name, Args: r.children(o, "children")}
		if want := map[string]int{"NOT": 1, "IS NULL": 1, "IS NOT NULL": 1, "TRY": 1}[name]; (want > 0 && len(op.Args) != want) || (want == 0 && len(op.Args) < 2) {
			return nil, unknown("operator", kind)
		}
		e = op
	case "BOUND_CASE":
		c := &Case{T: o.typ("return_type"), Else: r.child(o, "else_expr")}
		for _, raw := range o.list("case_checks") {
			check := newObject("CASE", raw)
			c.Whens = append(c.Whens, r.child(check, "when_expr"))
			c.Thens = append(c.Thens, r.child(check, "then_expr"))
			if err := check.done(); err != nil {
				return nil, err
			}
		}
		if len(c.Whens) == 0 {
			return nil, unknown("operator", "CASE")
		}
		e = c
	case "BOUND_FUNCTION":
		e = &Call{Name: o.text("name"), T: o.typ("return_type"), Args: r.children(o, "children")}
		r.functionKeys(o)
	case "BOUND_AGGREGATE":
		e = r.readAggregate(o)
	case "BOUND_WINDOW":
		e = r.readWindow(o, kind)
	default:
		return nil, unknown("expression", class)
	}
	if err := o.done(); err != nil {
		return nil, err
	}
	return e, nil
}

// parameter puts the value of a parameter in its place, where values are given.
func (r *reader) parameter(t Type, name string) Expr {
	r.asked = append(r.asked, &Param{T: t, Name: name})
	if c, ok := r.params[name]; ok {
		value := *c
		value.Parameter = name
		return &Cast{T: t, X: &value}
	}
	return r.asked[len(r.asked)-1]
}

// functionKeys takes what a bound scalar function carries besides its
// arguments. Arguments that the binder moved into function_data would be lost,
// so a function that shows any is refused unless its data repeats types only.
func (r *reader) functionKeys(o *object) {
	o.ignore("arguments", "has_serialize", "is_operator", "catalog_name", "schema_name")
	o.empty("original_arguments")
	raw := o.take("function_data")
	if raw == nil {
		return
	}
	data := newObject("function data", raw)
	data.ignore("check_overflow", "return_type", "arguments", "variable_return_type")
	if err := data.done(); err != nil {
		o.fail(err)
	}
}

func (r *reader) child(o *object, key string) Expr {
	raw := o.take(key)
	if raw == nil {
		o.fail(malformed(fmt.Errorf("%s.%s: absent", o.kind, key)))
		return nil
	}
	e, err := r.readExpr(raw)
	if err != nil {
		o.fail(err)
	}
	return e
}

func (r *reader) optional(o *object, key string) Expr {
	raw := o.take(key)
	if raw == nil {
		return nil
	}
	e, err := r.readExpr(raw)
	if err != nil {
		o.fail(err)
		return nil
	}
	return e
}

func (r *reader) children(o *object, key string) []Expr {
	out, err := r.exprs(o.list(key))
	if err != nil {
		o.fail(err)
	}
	return out
}

func (r *reader) exprs(raws []json.RawMessage) ([]Expr, error) {
	out := make([]Expr, 0, len(raws))
	for _, raw := range raws {
		e, err := r.readExpr(raw)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func (r *reader) orders(raws []json.RawMessage) ([]Order, error) {
	var out []Order
	for _, raw := range raws {
		o := newObject("ORDER BY", raw)
		order := Order{X: r.child(o, "expression")}
		switch t := o.text("type"); t {
		case "ASCENDING":
		case "DESCENDING":
			order.Descending = true
		default:
			return nil, unknown("order", t)
		}
		switch t := o.text("null_order"); t {
		case "NULLS LAST":
		case "NULLS FIRST":
			order.NullsFirst = true
		default:
			return nil, unknown("order", t)
		}
		if err := o.done(); err != nil {
			return nil, err
		}
		out = append(out, order)
	}
	return out, nil
}

func (r *reader) orderBlock(o *object, key string) []Order {
	raw := o.take(key)
	if raw == nil {
		return nil
	}
	block := newObject(key, raw)
	orders, err := r.orders(block.list("orders"))
	if err == nil {
		err = block.done()
	}
	if err != nil {
		o.fail(err)
	}
	return orders
}

// readQuantiles reads the fractions that the binder moved from the arguments of
// quantile functions into their data.
func (r *reader) readQuantiles(o *object, a *AggregateCall) {
	raw := o.take("function_data")
	if raw == nil {
		return
	}
	data := newObject("data of "+a.Name, raw)
	if sep := data.take("separator"); sep != nil { // string_agg: the binder moved its second argument here
		var text string
		if json.Unmarshal(sep, &text) != nil {
			o.fail(unknown("aggregate", a.Name))
		}
		a.Args = append(a.Args, &Const{T: Varchar, Text: text})
	}
	for _, q := range data.list("quantiles") {
		var plain float64
		if json.Unmarshal(q, &plain) == nil { // approx_quantile: bare numbers
			a.Quantiles = append(a.Quantiles, new(big.Rat).SetFloat64(plain))
			continue
		}
		c, err := readConst(q)
		if err != nil || c.Value == nil {
			o.fail(unknown("quantile", a.Name))
			return
		}
		a.Quantiles = append(a.Quantiles, c.Value)
	}
	data.ignore("order")
	a.Desc = data.truth("desc")
	a.List = a.T.ID == "LIST"
	for _, q := range a.Quantiles {
		if q.Sign() < 0 || q.Cmp(big.NewRat(1, 1)) > 0 {
			o.fail(unknown("quantile", a.Name))
		}
	}
	if err := data.done(); err != nil {
		o.fail(err)
	}
}

func (r *reader) readAggregate(o *object) *AggregateCall {
	a := &AggregateCall{Name: o.text("name"), T: o.typ("return_type"), Args: r.children(o, "children")}
	r.readQuantiles(o, a)
	switch t := o.text("aggregate_type"); t {
	case "DISTINCT":
		a.Distinct = true
	case "NON_DISTINCT":
	default:
		o.fail(unknown("aggregate", t))
	}
	a.Filter = r.optional(o, "filter")
	a.Orders = r.orderBlock(o, "order_bys")
	var before []json.RawMessage
	o.into("original_arguments", &before)
	if len(before) > 0 && len(a.Quantiles) == 0 && len(before) != len(a.Args) {
		o.fail(unknown("aggregate", a.Name)) // the binder moved an argument that would be lost
	}
	o.ignore("arguments", "catalog_name", "schema_name", "has_serialize")
	return a
}

var windowNames = map[string]string{
	"WINDOW_ROW_NUMBER": "row_number", "WINDOW_RANK": "rank", "WINDOW_RANK_DENSE": "dense_rank", "WINDOW_PERCENT_RANK": "percent_rank",
	"WINDOW_CUME_DIST": "cume_dist", "WINDOW_NTILE": "ntile", "WINDOW_LAG": "lag", "WINDOW_LEAD": "lead",
	"WINDOW_FIRST_VALUE": "first_value", "WINDOW_LAST_VALUE": "last_value", "WINDOW_NTH_VALUE": "nth_value",
}

func (r *reader) readWindow(o *object, kind string) *WindowCall {
	w := &WindowCall{T: o.typ("return_type"), Start: o.text("start"), End: o.text("end"), Exclude: o.text("exclude_clause"), IgnoreNulls: o.truth("ignore_nulls")}
	args := r.children(o, "children")
	if kind == "WINDOW_AGGREGATE" {
		a := &AggregateCall{Name: o.text("name"), T: w.T, Args: args, Distinct: o.truth("distinct"), Filter: r.optional(o, "filters")}
		if a.Name == "count" && len(args) == 0 {
			a.Name = "count_star"
		}
		r.readQuantiles(o, a)
		var before []json.RawMessage
		o.into("original_arguments", &before)
		if len(before) > 0 && len(a.Quantiles) == 0 {
			o.fail(unknown("aggregate", a.Name))
		}
		o.ignore("arguments", "catalog_name", "schema_name", "has_serialize")
		w.Aggregate = a
	} else {
		name, ok := windowNames[kind]
		if !ok {
			o.fail(unknown("window function", kind))
		}
		w.Name, w.Args = name, args
		o.empty("distinct", "filters")
	}
	w.Partitions = r.children(o, "partitions")
	orders, err := r.orders(o.list("orders"))
	if err != nil {
		o.fail(err)
	}
	w.Orders = orders
	w.StartExpr, w.EndExpr = r.optional(o, "start_expr"), r.optional(o, "end_expr")
	w.Offset, w.Default = r.optional(o, "offset_expr"), r.optional(o, "default_expr")
	o.empty("arg_orders")
	return w
}

// readConst reads a literal.
func readConst(raw json.RawMessage) (*Const, error) {
	o := newObject("constant", raw)
	c := &Const{T: o.typ("type"), Null: o.truth("is_null")}
	value := o.take("value")
	if err := o.done(); err != nil {
		return nil, err
	}
	if c.Null {
		return c, nil
	}
	number := func(text string) error {
		v, ok := new(big.Rat).SetString(text)
		if !ok || len(text) > 400 {
			return unknown("constant", c.T.ID)
		}
		c.Text, c.Value = text, v
		return nil
	}
	var err error
	switch {
	case c.T.ID == "BOOLEAN":
		var b bool
		err = json.Unmarshal(value, &b)
		c.Text = strconv.FormatBool(b)
	case c.T.ID == "VARCHAR":
		err = json.Unmarshal(value, &c.Text)
		if strings.ContainsRune(c.Text, 0) {
			return nil, unknown("constant", "with a zero byte")
		}
	case c.T.ID == "HUGEINT":
		var h struct {
			Upper int64  `json:"upper"`
			Lower uint64 `json:"lower"`
		}
		if err = json.Unmarshal(value, &h); err == nil {
			n := new(big.Int).Lsh(big.NewInt(h.Upper), 64)
			n.Add(n, new(big.Int).SetUint64(h.Lower))
			err = number(n.String())
		}
	case c.T.ID == "DECIMAL":
		var n json.Number
		if c.T.Width > 18 || json.Unmarshal(value, &n) != nil {
			return nil, unknown("constant", "DECIMAL of more than 18 digits")
		}
		v, ok := new(big.Rat).SetString(n.String())
		if !ok || !v.IsInt() {
			return nil, unknown("constant", c.T.ID)
		}
		c.Value = v.Quo(v, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(c.T.Scale)), nil)))
		c.Text = c.Value.FloatString(c.T.Scale)
	case c.T.Integer() || c.T.Real():
		var n json.Number
		if json.Unmarshal(value, &n) != nil {
			return nil, unknown("constant", c.T.ID) // infinity and NaN
		}
		err = number(n.String())
	default:
		return nil, unknown("constant", c.T.ID)
	}
	if err != nil {
		return nil, malformed(err)
	}
	return c, nil
}

// NewConst makes a literal of a type from its text, as a parameter gives it.
func NewConst(t Type, text string) (*Const, error) {
	c := &Const{T: t, Text: text}
	switch {
	case strings.ContainsRune(text, 0):
		return nil, unknown("constant", "with a zero byte")
	case t.Numeric():
		v, ok := new(big.Rat).SetString(text)
		if !ok {
			return nil, unknown("constant", t.ID) // infinity and NaN
		}
		c.Value = v
	}
	return c, nil
}
