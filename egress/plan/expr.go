package plan

import "math/big"

// Expr is an expression over the columns of a node's input (of both inputs, the
// left's first, in a join).
type Expr interface {
	Type() Type
	// Children are the expressions directly inside.
	Children() []Expr
	// withChildren is a copy with other children, in the order of Children.
	withChildren([]Expr) Expr
}

// Ref is a column of the input, by position.
type Ref struct {
	T     Type
	Index int
}

// Const is a literal. Text is its SQL literal in quotes or digits, to be cast to T.
type Const struct {
	T     Type
	Null  bool
	Text  string   // the value's text, unquoted
	Value *big.Rat // numbers only
	// Parameter names the parameter of a prepared statement that it is the value of; "" for none.
	Parameter string
}

// Param is a parameter of a prepared statement, by its name ("1" for the first).
type Param struct {
	T    Type
	Name string
}

// Cast converts; Try gives NULL where the conversion fails.
type Cast struct {
	T   Type
	X   Expr
	Try bool
}

// Compare is a comparison; Op is the SQL operator.
type Compare struct {
	Op   string // = <> < > <= >= "IS DISTINCT FROM" "IS NOT DISTINCT FROM"
	L, R Expr
}

// Logic is AND or OR of two or more.
type Logic struct {
	Or   bool
	Args []Expr
}

// Op is an operator with its own syntax: NOT, IS NULL, IS NOT NULL, IN, NOT IN,
// COALESCE, TRY, BETWEEN forms.
type Op struct {
	T    Type
	Name string
	Args []Expr
}

// Case is CASE WHEN … THEN … ELSE … END; Whens and Thens run in step.
type Case struct {
	T     Type
	Whens []Expr
	Thens []Expr
	Else  Expr
}

// Call is a scalar function.
type Call struct {
	T    Type
	Name string
	Args []Expr
}

// AggregateCall is an aggregate function, in an Aggregate node or a window.
type AggregateCall struct {
	T         Type
	Name      string
	Distinct  bool
	Args      []Expr
	Filter    Expr // nil if none
	Orders    []Order
	Quantiles []*big.Rat // quantile functions: the fractions asked for
	List      bool       // the fractions were a list, so is the result
	Desc      bool       // quantiles counted from the top
}

// WindowCall is a window function or a windowed aggregate.
type WindowCall struct {
	T           Type
	Name        string         // SQL name, e.g. "row_number"
	Aggregate   *AggregateCall // set for windowed aggregates; Name is empty then
	Args        []Expr
	Partitions  []Expr
	Orders      []Order
	Start, End  string // DuckDB's WindowBoundary names
	StartExpr   Expr
	EndExpr     Expr
	Exclude     string
	IgnoreNulls bool
	Offset      Expr // LAG, LEAD
	Default     Expr // LAG, LEAD
}

// Order is one key of an ORDER BY.
type Order struct {
	X          Expr
	Descending bool
	NullsFirst bool
}

func (e *Ref) Type() Type           { return e.T }
func (e *Const) Type() Type         { return e.T }
func (e *Param) Type() Type         { return e.T }
func (e *Cast) Type() Type          { return e.T }
func (e *Compare) Type() Type       { return Boolean }
func (e *Logic) Type() Type         { return Boolean }
func (e *Op) Type() Type            { return e.T }
func (e *Case) Type() Type          { return e.T }
func (e *Call) Type() Type          { return e.T }
func (e *AggregateCall) Type() Type { return e.T }
func (e *WindowCall) Type() Type    { return e.T }

func (e *Ref) Children() []Expr     { return nil }
func (e *Const) Children() []Expr   { return nil }
func (e *Param) Children() []Expr   { return nil }
func (e *Cast) Children() []Expr    { return []Expr{e.X} }
func (e *Compare) Children() []Expr { return []Expr{e.L, e.R} }
func (e *Logic) Children() []Expr   { return e.Args }
func (e *Op) Children() []Expr      { return e.Args }
func (e *Call) Children() []Expr    { return e.Args }
func (e *Case) Children() []Expr {
	out := make([]Expr, 0, 2*len(e.Whens)+1)
	for i := range e.Whens {
		out = append(out, e.Whens[i], e.Thens[i])
	}
	return append(out, e.Else)
}

func (e *AggregateCall) Children() []Expr {
	out := append([]Expr(nil), e.Args...)
	if e.Filter != nil {
		out = append(out, e.Filter)
	}
	for _, o := range e.Orders {
		out = append(out, o.X)
	}
	return out
}

func (e *WindowCall) Children() []Expr {
	out := append([]Expr(nil), e.Args...)
	if e.Aggregate != nil {
		out = append(out, e.Aggregate)
	}
	out = append(out, e.Partitions...)
	for _, o := range e.Orders {
		out = append(out, o.X)
	}
	for _, x := range []Expr{e.StartExpr, e.EndExpr, e.Offset, e.Default} {
		if x != nil {
			out = append(out, x)
		}
	}
	return out
}

func (e *Ref) withChildren([]Expr) Expr   { c := *e; return &c }
func (e *Const) withChildren([]Expr) Expr { c := *e; return &c }
func (e *Param) withChildren([]Expr) Expr { c := *e; return &c }
func (e *Cast) withChildren(x []Expr) Expr {
	c := *e
	c.X = x[0]
	return &c
}
func (e *Compare) withChildren(x []Expr) Expr { return &Compare{Op: e.Op, L: x[0], R: x[1]} }
func (e *Logic) withChildren(x []Expr) Expr   { return &Logic{Or: e.Or, Args: x} }
func (e *Op) withChildren(x []Expr) Expr      { return &Op{T: e.T, Name: e.Name, Args: x} }
func (e *Call) withChildren(x []Expr) Expr    { return &Call{T: e.T, Name: e.Name, Args: x} }
func (e *Case) withChildren(x []Expr) Expr {
	c := &Case{T: e.T, Else: x[len(x)-1]}
	for i := 0; i+1 < len(x); i += 2 {
		c.Whens = append(c.Whens, x[i])
		c.Thens = append(c.Thens, x[i+1])
	}
	return c
}

func (e *AggregateCall) withChildren(x []Expr) Expr {
	c := *e
	c.Args, x = x[:len(e.Args):len(e.Args)], x[len(e.Args):]
	if e.Filter != nil {
		c.Filter, x = x[0], x[1:]
	}
	c.Orders = withOrders(e.Orders, x)
	return &c
}

func (e *WindowCall) withChildren(x []Expr) Expr {
	c := *e
	c.Args, x = x[:len(e.Args):len(e.Args)], x[len(e.Args):]
	if e.Aggregate != nil {
		c.Aggregate, x = x[0].(*AggregateCall), x[1:]
	}
	c.Partitions, x = x[:len(e.Partitions):len(e.Partitions)], x[len(e.Partitions):]
	c.Orders = withOrders(e.Orders, x)
	x = x[len(e.Orders):]
	for _, p := range []*Expr{&c.StartExpr, &c.EndExpr, &c.Offset, &c.Default} {
		if *p != nil {
			*p, x = x[0], x[1:]
		}
	}
	return &c
}

func withOrders(orders []Order, x []Expr) []Order {
	out := append([]Order(nil), orders...)
	for i := range out {
		out[i].X = x[i]
	}
	return out
}

// Rewrite gives e with every sub-expression replaced by f, from the leaves up.
func Rewrite(e Expr, f func(Expr) Expr) Expr {
	if e == nil {
		return nil
	}
	children := e.Children()
	if len(children) > 0 {
		changed := make([]Expr, len(children))
		for i, c := range children {
			changed[i] = Rewrite(c, f)
		}
		e = e.withChildren(changed)
	}
	return f(e)
}

// Walk calls f on e and everything inside it, outermost first, and goes no
// deeper where f says false.
func Walk(e Expr, f func(Expr) bool) {
	if e == nil || !f(e) {
		return
	}
	for _, c := range e.Children() {
		Walk(c, f)
	}
}
