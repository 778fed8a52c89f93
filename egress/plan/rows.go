package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Which row a row is. With Printer.Rows every node of people has a column r, a
// UBIGINT in one namespace over all tables, questions and versions of DuckDB's
// plans, so that two numbers can be compared by the rows that they were made of:
//
//   - below 1<<39: the person (r = u), wherever nobody can have two rows;
//   - up to bit 62: a row of a published table (catalog.Version.RowBase), kept
//     through filters, projections, windows and joins that do not repeat it, and
//     in workspace tables;
//   - with bit 63: a row that a question makes of several: of a person and key
//     values, or of a pair of rows. It is a hash of what makes it, so that the same
//     person and values are the same row in another question, whatever it is
//     called there.
const madeRow = "CAST(9223372036854775808 AS UBIGINT)"

// rowOf is r of a node: the person where no person has two rows.
func rowOf(n Node, unit, row string) string {
	if n.node().once {
		return "CAST(" + unit + " AS UBIGINT)"
	}
	return row
}

// keyedRow is the row that a person and further values make; the person alone
// where there are none. The order of the values does not matter.
func keyedRow(unit string, values []string) string {
	hashes := make([]string, len(values))
	for i, v := range values {
		hashes[i] = "hash(" + v + ")"
	}
	switch len(hashes) {
	case 0:
		return "CAST(" + unit + " AS UBIGINT)"
	case 1:
	case 2:
		a, b := hashes[0], hashes[1]
		hashes = []string{"least(" + a + ", " + b + ")", "greatest(" + a + ", " + b + ")"}
	default:
		hashes = []string{"list_sort([" + strings.Join(hashes, ", ") + "])"}
	}
	return "(hash(" + strings.Join(append([]string{unit}, hashes...), ", ") + ") | " + madeRow + ")"
}

// keys are the values beside the person that tell a node's rows apart.
func (p *Printer) rowKeys(exprs []Expr, in []Column, ref refs) []string {
	var out []string
	for _, e := range exprs {
		if r, ok := e.(*Ref); ok && in[r.Index].Identity == Own {
			continue
		}
		if sql := p.expr(e, ref); !slices.Contains(out, sql) {
			out = append(out, sql)
		}
	}
	return out
}

// distinctRows prints SELECT DISTINCT of a node's columns, whose rows are told
// apart by those columns.
func (p *Printer) distinctRows(n Node, expr func(int) string, from string) string {
	rows := p.Rows
	p.Rows = false
	sql := "SELECT DISTINCT " + p.outputs(n, "u", expr) + " FROM " + from
	p.Rows = rows
	if !rows || !p.Vault || !n.People() {
		return sql
	}
	var values []string
	for i, c := range n.Columns() {
		if c.Identity != Own {
			values = append(values, "c"+strconv.Itoa(i))
		}
	}
	return "SELECT *, " + rowOf(n, "u", keyedRow("u", values)) + " AS r FROM (" + sql + ") AS d"
}

// joinRow is r of a join: of the side whose rows each occur once at most for a
// row of the other, or of the pair. Where an outer join has no row of a side, it
// is the other's.
func joinRow(n *Join) string {
	lp, rp := n.L.People(), n.R.People()
	switch {
	case !rp:
		return "l.r"
	case !lp:
		return "r.r"
	}
	lOnce, rOnce := n.L.node().once, n.R.node().once || n.Kind == SingleJoin || n.Delim && atMostOne(n.R)
	left, right, pair := n.Kind == LeftJoin || n.Kind == SingleJoin || n.Kind == FullJoin, n.Kind == RightJoin || n.Kind == FullJoin, "(hash(l.r, r.r) | "+madeRow+")"
	switch {
	case n.Kind == SemiJoin || n.Kind == AntiJoin || n.Kind == MarkJoin:
		return "l.r"
	case rOnce && right:
		return "coalesce(l.r, r.r)"
	case rOnce:
		return "l.r"
	case lOnce && left:
		return "coalesce(r.r, l.r)"
	case lOnce:
		return "r.r"
	case left || right:
		return fmt.Sprintf("CASE WHEN l.u IS NULL THEN r.r WHEN r.u IS NULL THEN l.r ELSE %s END", pair)
	}
	return pair
}
