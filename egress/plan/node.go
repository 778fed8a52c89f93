package plan

import (
	"strings"

	"github.com/gatehouse-tre/gatehouse/catalog"
)

// Identity says what a column tells of whom its row belongs to.
type Identity int

// The identities of a column.
const (
	NotIdentity Identity = iota
	Own                  // always the unit of the row
	OwnOrNull            // the unit of the row, or NULL (the padded side of an outer join)
)

// Column is an output column of a node. Class, Grain and the rest are set by
// Check and mean something in people nodes only.
type Column struct {
	Name     string // the source column's name; "" for a derived one
	Type     Type
	Identity Identity
	Class    catalog.Class // dimension, measure, date, quasi or "" (a value to filter by only)
	Grain    string
	Form     Form // what kind of measure expression it is
	Nulls    NullSource
	Scanned  bool // a column of a table as published
	// A duration that is too fine for a group key: Days is how many days one of its
	// units is, and Coarse how many a step must have. 0 for anything else.
	Days, Coarse float64
	Size         float64 // bound of the factor by which literals enlarge it
	Summed       bool    // a number that was counted or summed from the person's rows, or is made of one
}

// NullSource says why a column of people may be NULL: what is missing in the
// data as published tells nothing of a chosen condition; every other NULL does.
type NullSource int

// The sources of NULLs, worst last.
const (
	NullsRaw     NullSource = iota // as published, or never NULL
	NullsDerived                   // by a join, a condition or a function that can fail
)

// Node is an operator of the tree.
type Node interface {
	Columns() []Column
	Inputs() []Node
	// People reports whether each row belongs to one person. Set by Check.
	People() bool
	node() *head
}

type head struct {
	cols   []Column
	people bool
	once   bool // people: no person has more than one row
}

func (h *head) Columns() []Column { return h.cols }
func (h *head) People() bool      { return h.people }
func (h *head) node() *head       { return h }

// Table is a table that a statement may name, as the binder shows it.
type Table struct {
	Name    string // with the schema before it, if it has one
	Schema  string // "" for that of the workspace's tables
	Public  bool
	Columns []catalog.Column // as the binder shows them; person_id stands for the unit
	Source  string           // SQL to read it from in the vault: a quoted name, with UnitColumn and RowColumn unless Public
	Once    bool             // no person has more than one row
	Repeats bool             // a row may occur several times, with one identity: workspace tables made of unions
	Made    string           // workspace tables: when; another one of the same name is another table
	Degree  int              // workspace tables: see Degree; 0 is 1
	Stored  []string         // workspace tables: the columns' names in Source; nil where they are the columns' own
	Known   []Column         // workspace tables: what was known of the columns when it was made; nil for published tables
}

// Bare is the table's name within its schema.
func (t *Table) Bare() string {
	if t.Schema == "" {
		return t.Name
	}
	return strings.TrimPrefix(t.Name, t.Schema+".")
}

// Quoted is the table's name as SQL.
func (t *Table) Quoted() string { return t.written(Ident) }

func (t *Table) written(ident func(string) string) string {
	if t.Schema == "" {
		return ident(t.Name)
	}
	return ident(t.Schema) + "." + ident(t.Bare())
}

// Scan reads columns of a table.
type Scan struct {
	head
	Table  *Table
	Picked []int // positions in Table.Columns; -1 for "no column, only rows"
}

// Values is a list of literal rows; no rows and columns for a single empty row.
type Values struct {
	head
	Rows [][]Expr
}

// TableFunction is range, generate_series or the like over literals.
type TableFunction struct {
	head
	Name string
	Args []Expr
}

// Unnest appends one column for each list expression, a row for each element.
type Unnest struct {
	head
	Input Node
	Lists []Expr
}

// Project computes expressions.
type Project struct {
	head
	Input Node
	Exprs []Expr
}

// Filter keeps the rows for which all conditions are true.
type Filter struct {
	head
	Input Node
	Conds []Expr
}

// Aggregate groups. Its columns are the group keys, the aggregates, then the
// GROUPING() functions.
type Aggregate struct {
	head
	Input     Node
	Groups    []Expr
	Sets      [][]int // grouping sets, as positions in Groups; one set of all for plain GROUP BY
	Aggs      []*AggregateCall
	Grouping  [][]int // GROUPING() functions
	Protected bool    // set by Check: the frontier. Its input is people, its result public
	// Released is the SQL of a table (columns c0, c1, …) of what was released of a
	// protected aggregate, for those that the vault reads again (see Frontier).
	Released string
}

// Distinct removes duplicates: of whole rows, or (On) of the targets, keeping
// the first in Orders.
type Distinct struct {
	head
	Input   Node
	On      bool
	Targets []Expr
	Orders  []Order
}

// Window appends one column for each window call.
type Window struct {
	head
	Input Node
	Calls []*WindowCall
}

// Join kinds.
const (
	InnerJoin  = "INNER"
	LeftJoin   = "LEFT"
	RightJoin  = "RIGHT"
	FullJoin   = "FULL"
	SemiJoin   = "SEMI"
	AntiJoin   = "ANTI"
	MarkJoin   = "MARK" // appends a boolean: does the left row have a match
	SingleJoin = "SINGLE"
	CrossJoin  = "CROSS"
)

// Join joins. Each condition compares an expression of the left with one of the
// right (each over its own side's columns).
type Join struct {
	head
	Kind  string
	L, R  Node
	Conds []JoinCond
	// Delim: the right side holds Correlated nodes that read the left.
	Delim        bool
	delimColumns []Expr // which columns of it, over L
}

// Correlated is what a correlated subquery reads of the rows around it: the
// distinct values of some columns of the left side of a join (DuckDB's delim
// join).
type Correlated struct {
	head
	Of    *Join  // whose left side
	Reads []Expr // over the columns of Of.L
}

// JoinCond is L op R.
type JoinCond struct {
	Op   string
	L, R Expr
}

// Union is UNION ALL, EXCEPT or INTERSECT.
type Union struct {
	head
	Kind string // "UNION ALL", "EXCEPT", "EXCEPT ALL", "INTERSECT", "INTERSECT ALL"
	L, R Node
}

// Sort orders rows.
type Sort struct {
	head
	Input  Node
	Orders []Order
}

// Limit keeps the first rows; nil for absent.
type Limit struct {
	head
	Input  Node
	Count  *int64
	Offset *int64
}

// Scalar is the guard that DuckDB puts around a scalar subquery: exactly one
// row, NULL if the input has none, an error if it has several.
type Scalar struct {
	head
	Input Node
}

// With defines a common table expression for its body.
type With struct {
	head
	Index int
	Name  string
	Def   Node
	Body  Node
}

// WithRef reads a common table expression.
type WithRef struct {
	head
	Index int
	Def   Node // what it reads
}

func (n *Scan) Inputs() []Node          { return nil }
func (n *Values) Inputs() []Node        { return nil }
func (n *TableFunction) Inputs() []Node { return nil }
func (n *WithRef) Inputs() []Node       { return nil }
func (n *Correlated) Inputs() []Node    { return nil }
func (n *Unnest) Inputs() []Node        { return []Node{n.Input} }
func (n *Project) Inputs() []Node       { return []Node{n.Input} }
func (n *Filter) Inputs() []Node        { return []Node{n.Input} }
func (n *Aggregate) Inputs() []Node     { return []Node{n.Input} }
func (n *Distinct) Inputs() []Node      { return []Node{n.Input} }
func (n *Window) Inputs() []Node        { return []Node{n.Input} }
func (n *Join) Inputs() []Node          { return []Node{n.L, n.R} }
func (n *Union) Inputs() []Node         { return []Node{n.L, n.R} }
func (n *Sort) Inputs() []Node          { return []Node{n.Input} }
func (n *Limit) Inputs() []Node         { return []Node{n.Input} }
func (n *Scalar) Inputs() []Node        { return []Node{n.Input} }
func (n *With) Inputs() []Node          { return []Node{n.Def, n.Body} }

// VisitNodes calls f on n and every node below it, n first.
func VisitNodes(n Node, f func(Node)) {
	f(n)
	for _, in := range n.Inputs() {
		VisitNodes(in, f)
	}
}
