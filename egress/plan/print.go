package plan

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// Printer prints SQL from a tree. In the vault every node of people carries the
// unit in a column u, and an identity is printed as the unit; casts are quiet,
// and what can fail is inside TRY. In the lobby the protected aggregates are
// read from tables that hold what may leave.
type Printer struct {
	// Vault prints for the vault; else for the lobby.
	Vault bool
	// Rows adds, in the vault, a column r to every node of people: which row it is
	// (rows.go).
	Rows bool
	// Protected gives, for an aggregate of the frontier, the table to read its
	// released rows from: columns c0, c1, … of the types that the plan says.
	Protected map[*Aggregate]string
	// Gaps: some released numbers are withheld. What the lobby makes of several is
	// NULL where one of them is (whole.go).
	Gaps bool

	withs  []string // definitions printed so far, in order
	listed map[int]bool
	outers map[*Join]string
	err    error
}

// Statement prints the whole tree as one SELECT with the columns named.
func (p *Printer) Statement(n Node, names []string) (string, error) {
	p.listed = map[int]bool{}
	var order string
	var tail string
	body := n
	if l, ok := body.(*Limit); ok {
		tail = limitSQL(l)
		body = l.Input
	}
	if s, ok := body.(*Sort); ok {
		order = " ORDER BY " + p.orders(s.Orders, p.single(s.Input))
		body = s.Input
	}
	from := p.from(body, "t")
	cols := make([]string, len(names))
	ref := p.single(body)
	for i, name := range names {
		x := ref(i)
		if body.Columns()[i].Type.ID == "HUGEINT" && !p.Vault {
			x = "CAST(" + x + " AS BIGINT)" // notebooks have no 128-bit integers
		}
		cols[i] = x + " AS " + Ident(name)
	}
	sql := p.with() + "SELECT " + strings.Join(cols, ", ") + " FROM " + from + order + tail
	return sql, p.err
}

// with gives the WITH clause of everything printed so far.
func (p *Printer) with() string {
	if len(p.withs) == 0 {
		return ""
	}
	return "WITH " + strings.Join(p.withs, ", ") + " "
}

// Ident quotes an SQL identifier.
func Ident(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// Text quotes an SQL string.
func Text(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func (p *Printer) fail(err error) string {
	if p.err == nil {
		p.err = err
	}
	return "NULL"
}

// from prints a node as a table of a FROM clause.
func (p *Printer) from(n Node, alias string) string { return "(" + p.node(n) + ") AS " + alias }

// refs names a node's output columns, by position.
type refs func(int) string

// single names the columns of the only input.
func (p *Printer) single(n Node) refs { return p.columns(n, "") }

func (p *Printer) columns(n Node, prefix string) refs {
	cols, people := n.Columns(), n.People()
	return func(i int) string {
		if p.Vault && people && cols[i].Identity == Own {
			return prefix + "u"
		}
		return prefix + "c" + strconv.Itoa(i)
	}
}

// outputs lists "expression AS cN" for a node's columns, the unit first, for
// nodes whose rows are those of their input.
func (p *Printer) outputs(n Node, unit string, expr func(int) string) string {
	return p.outputsOf(n, unit, "r", expr)
}

// outputsOf is outputs for nodes whose rows have an identity of their own.
func (p *Printer) outputsOf(n Node, unit, row string, expr func(int) string) string {
	var out []string
	cols := n.Columns()
	if p.Vault && n.People() {
		out = append(out, unit+" AS u")
		if p.Rows {
			out = append(out, rowOf(n, unit, row)+" AS r")
		}
	}
	for i := range cols {
		if p.Vault && n.People() && cols[i].Identity == Own {
			continue // the unit itself
		}
		out = append(out, expr(i)+" AS c"+strconv.Itoa(i))
	}
	if len(out) == 0 {
		out = []string{"1 AS nothing"}
	}
	return strings.Join(out, ", ")
}

func (p *Printer) node(n Node) string {
	switch n := n.(type) {
	case *Scan:
		from := n.Table.Source
		if !p.Vault {
			from = Ident(n.Table.Name) // as the lobby is given it
		}
		return "SELECT " + p.outputsOf(n, Ident(catalog.UnitColumn), Ident(catalog.RowColumn), func(i int) string {
			if n.Picked[i] < 0 {
				return "0"
			}
			if n.Table.Stored != nil {
				return Ident(n.Table.Stored[n.Picked[i]])
			}
			return Ident(n.Table.Columns[n.Picked[i]].Name)
		}) + " FROM " + from
	case *Values:
		return p.values(n)
	case *TableFunction:
		return "SELECT x AS c0 FROM " + n.Name + "(" + p.list(n.Args, nil) + ") AS f(x)"
	case *Unnest:
		ref := p.single(n.Input)
		width := len(n.Input.Columns())
		return "SELECT " + p.outputs(n, "u", func(i int) string {
			if i < width {
				return ref(i)
			}
			return "unnest(" + p.expr(n.Lists[i-width], ref) + ")"
		}) + " FROM " + p.from(n.Input, "t")
	case *Project:
		ref := p.single(n.Input)
		return "SELECT " + p.outputs(n, "u", func(i int) string { return p.expr(n.Exprs[i], ref) }) + " FROM " + p.from(n.Input, "t")
	case *Filter:
		ref := p.single(n.Input)
		return "SELECT " + p.outputs(n, "u", func(i int) string { return ref(i) }) + " FROM " + p.from(n.Input, "t") + " WHERE " + p.conds(n.Conds, ref)
	case *Aggregate:
		return p.aggregate(n)
	case *Distinct:
		return p.distinct(n)
	case *Window:
		ref := p.single(n.Input)
		width := len(n.Input.Columns())
		return "SELECT " + p.outputs(n, "u", func(i int) string {
			if i < width {
				return ref(i)
			}
			return p.window(n.Calls[i-width], n.Input, ref)
		}) + " FROM " + p.from(n.Input, "t")
	case *Join:
		return p.join(n)
	case *Concat:
		return p.concat(n)
	case *Union:
		l, r := p.columns(n.L, ""), p.columns(n.R, "")
		return "(SELECT " + p.outputs(n, "u", func(i int) string { return l(i) }) + " FROM " + p.from(n.L, "l") + ") " + n.Kind +
			" (SELECT " + p.outputs(n, "u", func(i int) string { return r(i) }) + " FROM " + p.from(n.R, "r") + ")"
	case *Sort:
		ref := p.single(n.Input)
		return "SELECT " + p.outputs(n, "u", func(i int) string { return ref(i) }) + " FROM " + p.from(n.Input, "t") + " ORDER BY " + p.orders(n.Orders, ref)
	case *Limit:
		if s, ok := n.Input.(*Sort); ok {
			return p.node(s) + limitSQL(n)
		}
		ref := p.single(n.Input)
		return "SELECT " + p.outputs(n, "u", func(i int) string { return ref(i) }) + " FROM " + p.from(n.Input, "t") + limitSQL(n)
	case *Scalar:
		return "SELECT CASE WHEN count(*) > 1 THEN error('More than one row returned by a subquery used as an expression.') ELSE first(c0) END AS c0 FROM " + p.from(n.Input, "t")
	case *With:
		return p.node(n.Body) // whoever reads the definition prints it
	case *Correlated:
		return p.correlated(n)
	case *WithRef:
		p.define(n.Index, n.Def)
		return "SELECT * FROM with_" + strconv.Itoa(n.Index)
	}
	return p.fail(unknown("operator", "to print"))
}

func limitSQL(n *Limit) string {
	var s string
	if n.Count != nil {
		s += " LIMIT " + strconv.FormatInt(*n.Count, 10)
	}
	if n.Offset != nil {
		s += " OFFSET " + strconv.FormatInt(*n.Offset, 10)
	}
	return s
}

// define prints a definition once, before whoever reads it.
func (p *Printer) define(index int, def Node) {
	if p.listed[index] {
		return
	}
	p.listed[index] = true
	sql := p.node(def)
	p.withs = append(p.withs, "with_"+strconv.Itoa(index)+" AS MATERIALIZED ("+sql+")")
}

// outer names the left side of a correlated join, which the right reads too: it
// is printed once, before both.
func (p *Printer) outer(n *Join) string {
	if name, ok := p.outers[n]; ok {
		return name
	}
	if p.outers == nil {
		p.outers = map[*Join]string{}
	}
	sql := p.node(n.L)
	name := "outer_" + strconv.Itoa(len(p.outers))
	p.outers[n] = name
	p.withs = append(p.withs, name+" AS MATERIALIZED ("+sql+")")
	return name
}

// correlated prints the distinct values that a correlated subquery reads.
func (p *Printer) correlated(n *Correlated) string {
	name := p.outer(n.Of)
	ref := p.single(n.Of.L)
	return p.distinctRows(n, func(i int) string { return p.expr(n.Reads[i], ref) }, name)
}

func (p *Printer) values(n *Values) string {
	rows := make([]string, len(n.Rows))
	for i, row := range n.Rows {
		rows[i] = "(" + p.list(row, nil) + ")"
	}
	names := make([]string, len(n.cols))
	for i := range names {
		names[i] = "c" + strconv.Itoa(i)
	}
	if len(rows) == 0 {
		return p.fail(unknown("operator", "VALUES without rows"))
	}
	return "SELECT * FROM (VALUES " + strings.Join(rows, ", ") + ") AS v(" + strings.Join(names, ", ") + ")"
}

func (p *Printer) join(n *Join) string {
	l, r := p.columns(n.L, "l."), p.columns(n.R, "r.")
	width := len(n.L.Columns())
	unit := "l.u"
	switch {
	case !n.L.People() || n.Kind == RightJoin:
		unit = "r.u"
	case n.Kind == FullJoin:
		unit = "coalesce(l.u, r.u)"
	}
	conds := make([]string, len(n.Conds))
	for i, c := range n.Conds {
		conds[i] = "(" + p.expr(c.L, l) + " " + c.Op + " " + p.expr(c.R, r) + ")"
	}
	out := func(i int) string {
		if i < width {
			return l(i)
		}
		return r(i - width)
	}
	left, right := p.from(n.L, "l"), ""
	if n.Delim {
		left = "(SELECT * FROM " + p.outer(n) + ") AS l"
	}
	right = p.from(n.R, "r")
	kind := n.Kind
	if kind == SingleJoin {
		kind = LeftJoin // at most one row matches: see atMostOne
	}
	on := " ON " + strings.Join(conds, " AND ")
	switch n.Kind {
	case CrossJoin:
		return "SELECT " + p.outputsOf(n, unit, joinRow(n), out) + " FROM " + left + " CROSS JOIN " + right
	case SemiJoin, AntiJoin:
		return "SELECT " + p.outputsOf(n, unit, "l.r", l) + " FROM " + left + " " + n.Kind + " JOIN " + right + on
	case MarkJoin:
		return p.mark(n, unit, left)
	}
	return "SELECT " + p.outputsOf(n, unit, joinRow(n), out) + " FROM " + left + " " + kind + " JOIN " + right + on
}

// mark prints a mark join. IN of public rows is printed as such, for its NULLs;
// everything else as a left join with the distinct matches, which DuckDB does by
// hashing where it would try each pair for EXISTS.
func (p *Printer) mark(n *Join, unit, left string) string {
	l, r := p.columns(n.L, "l."), p.columns(n.R, "r.")
	width := len(n.L.Columns())
	columns := func(matched string) string {
		return p.outputsOf(n, unit, "l.r", func(i int) string {
			if i < width {
				return l(i)
			}
			return matched
		})
	}
	if len(n.Conds) == 1 && n.Conds[0].Op == "=" && !n.R.People() {
		return "SELECT " + columns("("+p.expr(n.Conds[0].L, l)+" IN (SELECT "+p.expr(n.Conds[0].R, r)+" FROM "+p.from(n.R, "r")+"))") + " FROM " + left
	}
	keys, on := make([]string, len(n.Conds)), make([]string, len(n.Conds))
	for i, c := range n.Conds {
		if c.Op != "IS NOT DISTINCT FROM" && !(c.Op == "=" && n.People()) { // Check made sure of the second
			return p.fail(unknown("join", "MARK"))
		}
		name := "m" + strconv.Itoa(i)
		keys[i] = p.expr(c.R, r) + " AS " + name
		on[i] = "(" + p.expr(c.L, l) + " " + c.Op + " k." + name + ")"
	}
	return "SELECT " + columns("(k.matched IS NOT NULL)") + " FROM " + left + " LEFT JOIN (SELECT DISTINCT " + strings.Join(keys, ", ") + ", true AS matched FROM " + p.from(n.R, "r") +
		") AS k ON " + strings.Join(on, " AND ")
}

func (p *Printer) distinct(n *Distinct) string {
	ref := p.single(n.Input)
	if !n.On {
		return p.distinctRows(n, func(i int) string { return ref(i) }, p.from(n.Input, "t"))
	}
	out := p.outputsOf(n, "u", keyedRow("u", p.rowKeys(n.Targets, n.Input.Columns(), ref)), func(i int) string { return ref(i) })
	sql := "SELECT DISTINCT ON (" + p.list(n.Targets, ref) + ") " + out + " FROM " + p.from(n.Input, "t")
	if len(n.Orders) > 0 {
		sql += " ORDER BY " + p.orders(n.Orders, ref)
	}
	return sql
}

func (p *Printer) aggregate(n *Aggregate) string {
	if n.Protected {
		sql, ok := p.Protected[n]
		if !ok && p.Vault {
			sql, ok = n.Released, n.Released != ""
		}
		if ok {
			cols := make([]string, len(n.cols))
			for i, c := range n.cols {
				cols[i] = fmt.Sprintf("CAST(c%d AS %s) AS c%d", i, c.Type.SQL(), i)
			}
			return "SELECT " + strings.Join(cols, ", ") + " FROM " + sql
		}
		return p.fail(gatehouse.Errorf(gatehouse.CodeInternal, "A protected aggregate was printed before it was judged."))
	}
	ref := p.single(n.Input)
	keys := len(n.Groups)
	sql := "SELECT " + p.outputsOf(n, "u", keyedRow("u", p.rowKeys(n.Groups, n.Input.Columns(), ref)), func(i int) string {
		switch {
		case i < keys:
			return p.expr(n.Groups[i], ref)
		case i < keys+len(n.Aggs):
			return p.whole(n.Aggs[i-keys], n.Input, ref, "")
		}
		return "grouping(" + p.picked(n, n.Grouping[i-keys-len(n.Aggs)], ref) + ")"
	}) + " FROM " + p.from(n.Input, "t")
	return sql + p.groupBy(n, ref)
}

func (p *Printer) picked(n *Aggregate, set []int, ref refs) string {
	parts := make([]string, len(set))
	for i, g := range set {
		parts[i] = p.expr(n.Groups[g], ref)
	}
	return strings.Join(parts, ", ")
}

func (p *Printer) groupBy(n *Aggregate, ref refs) string {
	if len(n.Groups) == 0 {
		return ""
	}
	sets := make([]string, len(n.Sets))
	for i, s := range n.Sets {
		sets[i] = "(" + p.picked(n, s, ref) + ")"
	}
	if len(sets) == 1 && len(n.Sets[0]) == len(n.Groups) {
		return " GROUP BY " + p.picked(n, n.Sets[0], ref)
	}
	return " GROUP BY GROUPING SETS (" + strings.Join(sets, ", ") + ")"
}

func (p *Printer) orders(orders []Order, ref refs) string {
	out := make([]string, len(orders))
	for i, o := range orders {
		s := p.expr(o.X, ref)
		if o.Descending {
			s += " DESC"
		} else {
			s += " ASC"
		}
		if o.NullsFirst {
			s += " NULLS FIRST"
		} else {
			s += " NULLS LAST"
		}
		out[i] = s
	}
	return strings.Join(out, ", ")
}

func (p *Printer) conds(conds []Expr, ref refs) string {
	out := make([]string, len(conds))
	for i, c := range conds {
		out[i] = p.expr(c, ref)
	}
	return strings.Join(out, " AND ")
}

func (p *Printer) list(list []Expr, ref refs) string {
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = p.expr(e, ref)
	}
	return strings.Join(out, ", ")
}

// PrintTable prints rows of people for a workspace table: the unit, which row it
// is, then columns (of "cN").
func PrintTable(n Node, columns []string) (string, error) {
	p := &Printer{Vault: true, Rows: true, listed: map[int]bool{}}
	from := p.from(n, "t")
	sql := p.with() + "SELECT " + strings.Join(append([]string{"u AS " + Ident(catalog.UnitColumn), "r AS " + Ident(catalog.RowColumn)}, columns...), ", ") + " FROM " + from + " ORDER BY u"
	return sql, p.err
}
