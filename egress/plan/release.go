package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
)

// maxChannels bounds what one question makes the vault measure.
const maxChannels = 200

// Release is a protected aggregate as the vault answers it: the numbers, and
// beside each the evidence of whose rows it was made from.
//
// A channel is a set of rows of a group whose distinct people are counted.
// Channel 0 is the whole group. The vault first answers with a cheap lower bound
// of each (gate.md §2, "cheap proof"); Exact asks for the true number.
type Release struct {
	Node     *Aggregate
	Keys     int // group keys: columns k0 … of the answer
	Cells    []Cell
	Channels int
	// AtomsAdded: the grouping by all keys was not asked for, and is in the answer
	// (with gid 0) only to tell what the subtotals are made of.
	AtomsAdded bool
	// Counted: the channels' numbers in SQL's answer are true, not lower bounds,
	// because no person has two of the rows.
	Counted bool
	// SQL answers with columns gid (which keys are rolled up, as a bit set, the
	// last key the lowest bit), k0…, a0… (the aggregates), m0… (a lower bound of
	// the people of each channel, at most 64, or the true number: see Counted).
	SQL string

	inner    string // SELECT of u, h, keys, arguments and conditions
	with     string
	channels []string
}

// Cell is one aggregate of a release, and what must be measured for it.
type Cell struct {
	Call    *AggregateCall
	Measure Measure
	Type    Type
	// Contributors: channels of which each must have enough people.
	Contributors []int
	// Differences: channels of the rows in which the cell differs from the whole
	// group or from an earlier cell.
	Differences []Difference
	// Grain is the step to round quantiles to, as a decimal; "" for none.
	Grain string
}

// Difference is the rows that are in one of two numbers of the same group and
// not in the other: they must be of enough people, or subtracting tells.
type Difference struct {
	Channel int
	With    int  // index of the earlier cell; −1 for the whole group
	Lax     bool // nobody is fine too: the rows differ only by values that are missing in the data
}

type releaseBuilder struct {
	p        *Printer
	node     *Aggregate
	ref      refs
	columns  []string          // "expr AS name" of the inner SELECT
	named    map[string]string // printed expression → its column
	channels []string
	byCond   map[string]int
}

// NewRelease prints a protected aggregate for the vault. inline gives the SQL of
// protected aggregates below it that were judged before.
func NewRelease(n *Aggregate, inline map[*Aggregate]string) (*Release, error) {
	p := &Printer{Vault: true, Protected: inline, listed: map[int]bool{}}
	b := &releaseBuilder{p: p, node: n, named: map[string]string{}, byCond: map[string]int{}}
	from := p.from(n.Input, "t")
	b.ref = p.single(n.Input)
	r := &Release{Node: n, Keys: len(n.Groups), Counted: n.Input.node().once}
	if len(n.Sets) > 1 && !slices.ContainsFunc(n.Sets, func(set []int) bool { return len(set) == len(n.Groups) }) {
		all := make([]int, len(n.Groups))
		for i := range all {
			all[i] = i
		}
		withAtoms := *n
		withAtoms.Sets = append(slices.Clone(n.Sets), all)
		r.Node, r.AtomsAdded = &withAtoms, true
	}
	b.channel("") // channel 0: the whole group
	var outer []string
	keys := make([]string, len(n.Groups))
	for i, g := range n.Groups {
		keys[i] = "k" + strconv.Itoa(i)
		b.columns = append(b.columns, p.quiet(g, b.ref)+" AS "+keys[i])
	}
	gid := "0"
	if len(r.Node.Sets) > 1 && len(keys) > 0 {
		gid = "grouping(" + strings.Join(keys, ", ") + ")"
	}
	outer = append(outer, gid+" AS gid")
	outer = append(outer, keys...)
	rowSets, err := b.cells(r)
	if err != nil {
		return nil, err
	}
	b.differences(r, rowSets)
	for i, c := range r.Cells {
		outer = append(outer, b.aggregate(c.Call)+" AS a"+strconv.Itoa(i))
	}
	for i, cond := range b.channels {
		filter := ""
		if cond != "" {
			filter = " FILTER (WHERE " + cond + ")"
		}
		people := "CAST(coalesce(bit_count(bit_or(h)" + filter + "), 0) AS INTEGER)"
		if r.Counted {
			people = "count(*)" + filter
		}
		outer = append(outer, people+" AS m"+strconv.Itoa(i))
	}
	if p.err != nil {
		return nil, p.err
	}
	if len(b.channels) > maxChannels {
		return nil, gatehouse.Errorf(gatehouse.CodeTooLarge, "The question has too many different conditions in its aggregates.")
	}
	columns := []string{"u", "CAST(1 AS UBIGINT) << (hash(u) & 63) AS h"}
	if r.Counted {
		columns = columns[:1]
	}
	columns = append(columns, b.columns...)
	r.inner = "SELECT " + strings.Join(columns, ", ") + " FROM " + from
	r.with = p.with()
	r.channels = b.channels
	r.Channels = len(b.channels)
	r.SQL = r.with + "SELECT " + strings.Join(outer, ", ") + " FROM (" + r.inner + ") AS s" + r.groupBy("")
	return r, p.err
}

// groupBy prints the grouping over the inner columns, with an extra key in each set.
func (r *Release) groupBy(extra string) string {
	if r.Keys == 0 {
		if extra == "" {
			return ""
		}
		return " GROUP BY " + extra
	}
	sets := make([]string, len(r.Node.Sets))
	for i, set := range r.Node.Sets {
		var cols []string
		for _, k := range set {
			cols = append(cols, "k"+strconv.Itoa(k))
		}
		if extra != "" {
			cols = append(cols, extra)
		}
		sets[i] = "(" + strings.Join(cols, ", ") + ")"
	}
	if len(sets) == 1 && sets[0] != "()" {
		return " GROUP BY " + strings.Trim(sets[0], "()")
	}
	return " GROUP BY GROUPING SETS (" + strings.Join(sets, ", ") + ")"
}

// Exact asks for the true number of people of channels: columns gid, k0…, e0….
// restrict is a condition over k0… that keeps just the groups in doubt, or "".
func (r *Release) Exact(channels []int, restrict string) string {
	gid, keys := "0", ""
	for i := range r.Keys {
		keys += ", k" + strconv.Itoa(i)
	}
	if len(r.Node.Sets) > 1 && r.Keys > 0 {
		gid = "grouping(" + keys[2:] + ")"
	}
	var inside, outside strings.Builder
	for i, c := range channels {
		cond := "true"
		if r.channels[c] != "" {
			cond = "coalesce(" + r.channels[c] + ", false)"
		}
		fmt.Fprintf(&inside, ", bool_or(%s) AS b%d", cond, i)
		fmt.Fprintf(&outside, ", count(*) FILTER (WHERE b%d) AS e%d", i, i)
	}
	where := ""
	if restrict != "" {
		where = " WHERE " + restrict
	}
	per := "SELECT " + gid + " AS gid" + keys + ", u" + inside.String() + " FROM (" + r.inner + ") AS s" + where + r.groupBy("u")
	return r.with + "SELECT gid" + keys + outside.String() + " FROM (" + per + ") AS p GROUP BY gid" + keys
}

// channel numbers a set of rows, given by a condition over inner columns.
func (b *releaseBuilder) channel(cond string) int {
	if i, ok := b.byCond[cond]; ok {
		return i
	}
	b.byCond[cond] = len(b.channels)
	b.channels = append(b.channels, cond)
	return len(b.channels) - 1
}

// column names an expression in the inner SELECT, once.
func (b *releaseBuilder) column(prefix, sql string) string {
	name, ok := b.named[sql]
	if !ok {
		name = prefix + strconv.Itoa(len(b.columns))
		b.named[sql] = name
		b.columns = append(b.columns, sql+" AS "+name)
	}
	return name
}

// value names an argument in the inner SELECT.
func (b *releaseBuilder) value(e Expr) string {
	return b.column("x", b.p.quiet(e, b.ref))
}

// aggregate prints an aggregate over the inner columns.
func (b *releaseBuilder) aggregate(a *AggregateCall) string {
	c := *a
	c.Args, c.Filter = nil, nil
	names := make([]string, 0, len(a.Args)+1)
	for i, x := range a.Args {
		c.Args = append(c.Args, &Ref{T: x.Type(), Index: i})
		names = append(names, b.value(x))
	}
	if a.Filter != nil {
		c.Filter = &Ref{T: Boolean, Index: len(a.Args)}
		names = append(names, b.condition([]Expr{a.Filter}))
	}
	return b.p.call(&c, func(i int) string { return names[i] })
}

// condition names a conjunction in the inner SELECT: true or false, never NULL.
func (b *releaseBuilder) condition(conds []Expr) string {
	return b.column("q", "coalesce("+b.p.conds(conds, b.ref)+", false)")
}

// rowSet is the rows that one part of a cell is made of.
type rowSet struct {
	cell int
	name string // inner boolean column
	lax  bool
}

func (b *releaseBuilder) cells(r *Release) ([]rowSet, error) {
	var sets []rowSet
	in := b.node.Input.Columns()
	for i, a := range b.node.Aggs {
		m, err := MeasureOf(a)
		if err != nil {
			return nil, err
		}
		cell := Cell{Call: a, Measure: m, Type: a.T}
		parts, err := CellParts(a)
		if err != nil {
			return nil, err
		}
		for _, part := range parts {
			if part.Neutral(m) {
				continue
			}
			set, contributors, err := b.part(a, m, part, in)
			if err != nil {
				return nil, err
			}
			cell.Contributors = append(cell.Contributors, b.channel(contributors))
			if set.name != "" {
				set.cell = i
				sets = append(sets, set)
			}
			if m == MeasureQuantile {
				cell.Grain = b.grain(part.Value, in)
			}
		}
		r.Cells = append(r.Cells, cell)
	}
	return sets, nil
}

// grain is the declared step of the column that a quantile is taken of.
func (b *releaseBuilder) grain(e Expr, in []Column) string {
	for {
		switch x := e.(type) {
		case *Cast:
			e = x.X
		case *Ref:
			return in[x.Index].Grain
		default:
			return ""
		}
	}
}

// part gives the rows that a part is made of, and the condition of those that
// contribute something to it.
func (b *releaseBuilder) part(a *AggregateCall, m Measure, part Part, in []Column) (rowSet, string, error) {
	conds := part.Conds
	var contributing []string
	values := []Expr{part.Value}
	if m == MeasureRegression {
		values = a.Args
	}
	set := rowSet{}
	var missing []Expr // raw NULLs: rows that are not there rather than not chosen
	for _, v := range values {
		if v == nil {
			continue
		}
		if _, ok := literal(v); ok {
			continue
		}
		col, err := derive(v, in)
		if err != nil {
			return set, "", err
		}
		present := &Op{T: Boolean, Name: "IS NOT NULL", Args: []Expr{v}}
		if col.Nulls == NullsDerived {
			conds = append(conds[:len(conds):len(conds)], present)
		} else if col.Identity == NotIdentity {
			missing = append(missing, present)
		}
		if m == MeasureSum || m == MeasureMean || m == MeasureSpread {
			contributing = append(contributing, b.value(v)+" <> 0")
		}
	}
	if len(conds) > 0 {
		set.name = b.condition(conds)
		contributing = append(contributing, set.name)
	}
	if len(missing) > 0 {
		present := b.condition(append(conds[:len(conds):len(conds)], missing...))
		contributing = append(contributing, present)
		if m == MeasureCount && set.name == "" {
			set.name, set.lax = present, true
		}
	}
	return set, strings.Join(contributing, " AND "), nil
}

// differences measures, for every conditional set of rows, in how many people
// it differs from the whole group and from each earlier set.
func (b *releaseBuilder) differences(r *Release, sets []rowSet) {
	for i, s := range sets {
		cell := &r.Cells[s.cell]
		cell.Differences = append(cell.Differences, Difference{Channel: b.channel("NOT " + s.name), With: -1, Lax: s.lax})
		for _, earlier := range sets[:i] {
			if earlier.name == s.name || earlier.cell == s.cell {
				continue
			}
			cell.Differences = append(cell.Differences, Difference{
				Channel: b.channel("(" + earlier.name + " <> " + s.name + ")"), With: earlier.cell, Lax: s.lax || earlier.lax})
		}
		if len(b.channels) > maxChannels {
			return
		}
	}
}
