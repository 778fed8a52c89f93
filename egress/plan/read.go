package plan

import (
	"encoding/json"
	"fmt"

	"github.com/gatehouse-tre/gatehouse"
)

// Bounds of a statement: beyond them the reader refuses.
const (
	maxDepth = 200
	maxSize  = 20_000 // nodes and expressions
)

// Statement is a bound statement as a tree.
type Statement struct {
	Root Node // the SELECT; nil for DROP
	// Create and Drop: the workspace table that is made or removed; "" for a SELECT.
	Create, Drop string
	View         bool // it is a view
	Replace      bool // CREATE OR REPLACE
	IfNotExists  bool
	IfExists     bool
	Names        []string // Create: the column names
	Params       []*Param // the parameters that the statement asks for, as they occur
}

// Read reads what json_serialize_plan gave, over the tables that the binder
// showed, with the values of parameters by name (nil if they are not known
// yet). The tree is not yet checked: see Check.
func Read(raw json.RawMessage, tables []*Table, params map[string]*Const) (*Statement, error) {
	o := newObject("plan", raw)
	if o.truth("error") {
		return nil, gatehouse.Errorf(gatehouse.CodeStatement, "This kind of statement is not answered.").WithAdvice("Ask with one SELECT; CREATE TABLE name AS SELECT person_id, … keeps people for later questions.")
	}
	plans := o.list("plans")
	if err := o.done(); err != nil {
		return nil, err
	}
	if len(plans) != 1 {
		return nil, gatehouse.Errorf(gatehouse.CodeStatement, "Exactly one statement is answered at a time.").WithAdvice("Send the statements one by one.")
	}
	r := &reader{tables: map[tableName]*Table{}, ctes: map[int]Node{}, params: params}
	for _, t := range tables {
		schema := t.Schema
		if schema == "" {
			schema = mainSchema
		}
		r.tables[tableName{schema, t.Bare()}] = t
	}
	s, err := r.readStatement(plans[0])
	if s != nil {
		s.Params = r.asked
	}
	return s, err
}

// tableName is a table as DuckDB names it in a plan.
type tableName struct{ schema, table string }

// mainSchema is DuckDB's own name of the schema of the workspace's tables.
const mainSchema = "main"

type reader struct {
	tables      map[tableName]*Table
	params      map[string]*Const
	asked       []*Param
	ctes        map[int]Node // definitions in scope, by index
	delims      []*Join      // correlated joins whose right side is being read, the innermost last
	depth, size int
}

// readNode reads an operator and everything below it.
func (r *reader) readNode(raw json.RawMessage) (Node, error) {
	r.depth++
	defer func() { r.depth-- }()
	r.size++
	if r.depth > maxDepth || r.size > maxSize {
		return nil, gatehouse.Errorf(gatehouse.CodeTooLarge, "The statement is nested too deeply or is too long.").WithAdvice("%s", inParts)
	}
	o := newObject("operator", raw)
	o.kind = o.text("type")
	o.ignore("table_index")
	if o.kind == "LOGICAL_MATERIALIZED_CTE" {
		// the index names the definition
		var again struct {
			Index int `json:"table_index"`
		}
		if err := json.Unmarshal(raw, &again); err != nil {
			return nil, malformed(err)
		}
		return r.readWith(o, again.Index)
	}
	if o.kind == "LOGICAL_DELIM_JOIN" {
		return r.readDelimJoin(o)
	}
	var inputs []Node
	for _, c := range o.list("children") {
		n, err := r.readNode(c)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, n)
	}
	n, err := r.readOperator(o, inputs)
	if err == nil {
		err = o.done()
	}
	if err != nil {
		return nil, err
	}
	if err := checkRefs(n); err != nil {
		return nil, err
	}
	return n, nil
}

func (r *reader) readOperator(o *object, in []Node) (Node, error) {
	arity := func(n int) error {
		if len(in) != n {
			return malformed(fmt.Errorf("%s has %d inputs", o.kind, len(in)))
		}
		return nil
	}
	switch o.kind {
	case "LOGICAL_GET":
		return r.readGet(o, in)
	case "LOGICAL_DUMMY_SCAN":
		n := &Values{Rows: [][]Expr{{&Const{T: Boolean, Null: true}}}}
		n.cols = []Column{{Type: Boolean}} // DuckDB counts a column that nobody reads
		return n, arity(0)
	case "LOGICAL_EXPRESSION_GET":
		if err := arity(1); err != nil {
			return nil, err
		}
		return r.readValues(o, in[0])
	case "LOGICAL_CTE_REF":
		return r.readWithRef(o)
	case "LOGICAL_DELIM_GET":
		return r.readCorrelated(o)
	case "LOGICAL_CROSS_PRODUCT", "LOGICAL_COMPARISON_JOIN":
		if err := arity(2); err != nil {
			return nil, err
		}
		return r.readJoin(o, in[0], in[1])
	case "LOGICAL_UNION", "LOGICAL_EXCEPT", "LOGICAL_INTERSECT":
		return r.readSetOperation(o, in)
	}
	if err := arity(1); err != nil {
		return nil, unknown("operator", o.kind)
	}
	input := in[0]
	switch o.kind {
	case "LOGICAL_PROJECTION":
		return r.readProject(o, input)
	case "LOGICAL_FILTER":
		o.empty("projection_map")
		n := &Filter{Input: input, Conds: r.children(o, "expressions")}
		n.cols = input.Columns()
		return n, nil
	case "LOGICAL_AGGREGATE_AND_GROUP_BY":
		return r.readGroup(o, input)
	case "LOGICAL_ORDER_BY":
		o.empty("projections")
		orders, err := r.orders(o.list("orders"))
		n := &Sort{Input: input, Orders: orders}
		n.cols = input.Columns()
		return n, err
	case "LOGICAL_LIMIT":
		return readLimit(o, input)
	case "LOGICAL_DISTINCT":
		n := &Distinct{Input: input, Targets: r.children(o, "distinct_targets"), Orders: r.orderBlock(o, "order_by")}
		switch t := o.text("distinct_type"); t {
		case "DISTINCT":
		case "DISTINCT_ON":
			n.On = true
		default:
			return nil, unknown("operator", t)
		}
		n.cols = input.Columns()
		return n, nil
	case "LOGICAL_WINDOW":
		o.ignore("window_index")
		n := &Window{Input: input}
		n.cols = append(n.cols, input.Columns()...)
		for _, e := range r.children(o, "expressions") {
			w, ok := e.(*WindowCall)
			if !ok {
				return nil, unknown("operator", o.kind)
			}
			n.Calls = append(n.Calls, w)
			n.cols = append(n.cols, Column{Type: w.T})
		}
		return n, nil
	case "LOGICAL_UNNEST":
		return r.readUnnest(o, input)
	}
	return nil, unknown("operator", o.kind)
}

// checkRefs refuses a node whose expressions point outside of its input, or to
// a column of another type than the expression believes.
func checkRefs(n Node) error {
	var bad error
	over := func(cols []Column, exprs ...Expr) {
		for _, e := range exprs {
			Walk(e, func(e Expr) bool {
				if ref, ok := e.(*Ref); ok {
					if ref.Index < 0 || ref.Index >= len(cols) || cols[ref.Index].Type.SQL() != ref.T.SQL() {
						bad = malformed(fmt.Errorf("reference out of place"))
					}
				}
				return true
			})
		}
	}
	for _, in := range n.Inputs() {
		if scan, ok := in.(*Scan); ok {
			if err := checkRowNumbers(scan, n); err != nil {
				return err
			}
		}
	}
	switch n := n.(type) {
	case *Join:
		for _, c := range n.Conds {
			over(n.L.Columns(), c.L)
			over(n.R.Columns(), c.R)
		}
	default:
		var cols []Column
		if in := n.Inputs(); len(in) == 1 {
			cols = in[0].Columns()
		}
		over(cols, Exprs(n)...)
	}
	return bad
}

// checkRowNumbers refuses DuckDB's hidden rowid, which names a row.
func checkRowNumbers(scan *Scan, above Node) error {
	for i, at := range scan.Picked {
		if at >= 0 || len(scan.Picked) == 1 && len(Exprs(above)) == 0 {
			continue
		}
		for _, e := range Exprs(above) {
			used := false
			Walk(e, func(e Expr) bool {
				ref, ok := e.(*Ref)
				used = used || (ok && ref.Index == i)
				return !used
			})
			if used {
				return unknown("column", "rowid")
			}
		}
	}
	return nil
}

// Exprs are the expressions of a node over its input; a join's are left out,
// since each side has columns of its own.
func Exprs(n Node) []Expr {
	var out []Expr
	switch n := n.(type) {
	case *Values:
		for _, row := range n.Rows {
			out = append(out, row...)
		}
	case *TableFunction:
		out = append(out, n.Args...)
	case *Unnest:
		out = append(out, n.Lists...)
	case *Project:
		out = append(out, n.Exprs...)
	case *Filter:
		out = append(out, n.Conds...)
	case *Aggregate:
		out = append(out, n.Groups...)
		for _, a := range n.Aggs {
			out = append(out, a)
		}
	case *Distinct:
		out = append(out, n.Targets...)
		for _, o := range n.Orders {
			out = append(out, o.X)
		}
	case *Window:
		for _, w := range n.Calls {
			out = append(out, w)
		}
	case *Sort:
		for _, o := range n.Orders {
			out = append(out, o.X)
		}
	}
	return out
}
