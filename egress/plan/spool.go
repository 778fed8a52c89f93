package plan

import (
	"strconv"
	"strings"
)

// The rows of a release are read twice: for the groups, and one by one for their
// evidence. Where it is work to find them they are put down once, in a table of
// the vault's own that lives as long as the question.

// Spool is the statement that puts the rows into a new table of the vault, which
// Groups and Rows then read; "" where to compute them twice is cheaper.
func (r *Release) Spool(table string) string {
	if r.spooled == nil {
		return ""
	}
	return "CREATE TABLE " + Ident(table) + " AS " + r.rowsWith + r.rows
}

// Groups is SQL, over the rows that Spool put into a table, or as it is for "". Without
// people there are no columns m: the pass over the rows counts them anyway. The
// groups come in the order of their keys: otherwise it would be that in which a hash
// table met them, which hangs on where each person's rows lie, tells something of
// that, and decides between numbers that might be withheld as well as each other.
func (r *Release) Groups(spool string, people bool) string {
	return r.groups(spool, people) + r.inOrder()
}

func (r *Release) groups(spool string, people bool) string {
	columns := r.outer
	if spool != "" {
		columns = r.spooled
	}
	if !people {
		columns = columns[:len(columns)-r.Channels]
	}
	out := "SELECT " + strings.Join(columns, ", ") + " FROM "
	switch {
	case spool == "":
		out = r.with + out + "(" + r.inner + ")"
	case r.Counted || !people:
		out += Ident(spool)
	default:
		out += "(SELECT *, " + unitBit + " AS h FROM " + Ident(spool) + ")"
	}
	by := r.groupBy()
	if by == "" && !people {
		by = " GROUP BY ()" // though there may be no aggregate left, it is one row
	}
	return out + " AS s" + by
}

func (r *Release) inOrder() string {
	if r.Keys == 0 {
		return ""
	}
	by := make([]string, 1+r.Keys)
	for i := range by {
		by[i] = strconv.Itoa(1 + i)
	}
	return " ORDER BY " + strings.Join(by, ", ")
}

// spoolGroups prints the columns of Groups, if the rows are worth putting down. It
// names in b whatever they need.
func (r *Release) spoolGroups(b *releaseBuilder) {
	if !laborious(r.Node.Input) {
		return
	}
	r.spooled = r.answer(b)
}

// answer is the columns of SQL's answer over the inner columns of b.
func (r *Release) answer(b *releaseBuilder) []string {
	out := append(r.keyColumns(), r.groupHash()+" AS g")
	for i, c := range r.Cells {
		a := b.aggregate(c.Call)
		if _, ok := r.PeopleOf(i); ok {
			a = "CAST(NULL AS BIGINT)"
		}
		out = append(out, a+" AS a"+strconv.Itoa(i))
	}
	for i, cond := range b.channels {
		people := "CAST(coalesce(bit_count(bit_or(h)" + filterSQL(cond) + "), 0) AS INTEGER)"
		if r.Counted {
			people = "count(*)" + filterSQL(cond)
		}
		out = append(out, people+" AS m"+strconv.Itoa(i))
	}
	return out
}

// PeopleOf is the channel whose people are a cell's number, if they are. The number is
// NULL in SQL's answer then: the rows are read anyway, and count people at a fraction
// of what count(DISTINCT …) costs.
func (r *Release) PeopleOf(cell int) (channel int, ok bool) {
	c := r.Cells[cell]
	if c.Measure != MeasureDistinct || c.Type.ID != "BIGINT" || len(c.Contributors) != 1 || !countsPeople(c.Call, r.Node.Input.Columns()) {
		return 0, false
	}
	return c.Contributors[0], true
}

// laborious reports whether to find the rows of a node is more work than to write
// them down: not if they stand in one table, all of them or as many as there are
// people at most.
func laborious(n Node) bool {
	switch n := n.(type) {
	case *Scan, *Values:
		return false
	case *Project:
		return laborious(n.Input)
	case *Filter:
		return !n.once || laborious(n.Input)
	}
	return true
}
