package plan

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
)

// Bounds of what one question makes the vault measure.
const (
	maxChannels = 100
	maxRowSets  = 40
)

// Release is a protected aggregate as the vault answers it: the numbers, and
// beside each the evidence of whose rows it was made from.
//
// A channel is a set of rows of a group whose distinct people are counted;
// channel 0 is the whole group. SQL answers with a cheap lower bound of each
// (gate.md §2, "cheap proof"); from Rows follow true numbers, and how much of a
// number one person makes up. A row set is a condition that some number hangs on:
// how many people stand in each combination of conditions tells the audit what
// could be worked out by adding and subtracting.
type Release struct {
	Node  *Aggregate
	Keys  int // group keys: columns k0 … of the answers
	Cells []Cell
	// AtomsAdded: the grouping by all keys was not asked for, and is in the answers
	// (with gid 0) only to tell what the subtotals are made of.
	AtomsAdded bool
	// Counted: the channels' numbers in SQL's answer are true, not lower bounds,
	// because no person has two of the rows.
	Counted bool
	// Repeats: a row may occur several times, with one identity (see Concat).
	Repeats bool
	// Channels and RowSets are how many of each there are.
	Channels, RowSets int
	// Counts says of each channel, and Shares of each piece of a cell that one person
	// could make up, where they are found in the columns of Rows.
	Counts []RowCount
	Shares []RowShare
	// Measures are what the shares' values are of.
	Measures []Measured
	Columns  int    // columns y0… of Rows
	Lines    []Line // of each value
	// MissingOf: a row set that leaves out only what is missing in the data is, in
	// groups where nothing is missing, this other one (−1 for the whole group).
	MissingOf map[int]int
	// Meanings are of each row set (the first: of the whole group) what it is made of
	// by the statement alone, whatever the data are: numbers below Meant. Where unions
	// are asked, the rows of each branch are one of its own.
	Meanings [][]int
	Meant    int
	// SQL answers with columns gid (which keys are rolled up, as a bit set, the
	// last key the lowest bit), k0…, g (a hash of the keys, 0 without any), a0… (the
	// aggregates), m0… (people of the channels).
	SQL string

	inner    string // SELECT of u, h, keys, arguments and conditions
	rows     string // SELECT of u, r and the same, with rowsWith before it
	rowsWith string
	outer    []string // columns of the groups' answer over inner
	spooled  []string // of the same over rows; nil if not worth it
	with     string
	channels []string
	rowSets  []string // inner boolean columns
	shares   []share
	columns  []rowColumn // y0…
}

// rowColumn is an inner column that is handed out: as it is if its numbers are small, or as
// DOUBLE.
type rowColumn struct {
	name  string
	small bool
}

// RowCount is a channel in terms of Rows: its rows are in the set (−1 for any),
// and have none of the values 0 or NULL.
type RowCount struct {
	Set    int
	Values []int // places in Lines
}

// RowShare is a piece of a cell in terms of Rows: the rows of the set (−1 for any)
// that have the value, a place in Lines. Value is −1 where every row has the same.
type RowShare struct {
	Cell, Set, Value int
	// Measured is the place in Measures of what the value is of; −1 with Value.
	Measured int
	// Squares: squares of the values are in the number too, so that two values that
	// nearly everybody has tell of the others.
	Squares bool
	// Extra: its rows are those of another share of the cell.
	Extra bool
	// Computed: the value was computed for each person, and its sum is as good as released.
	Computed bool
}

// Cell is one aggregate of a release, and what must be measured for it.
type Cell struct {
	Call    *AggregateCall
	Measure Measure
	Type    Type
	// Contributors: channels of which each must have enough people.
	Contributors []int
	// RowSets are the conditions that the number hangs on, each a number of its
	// own in the audit; −1 for the group's rows without a condition.
	RowSets []int
	// Grain is the step to round quantiles to, as a decimal; "" for none.
	Grain string
	// Sums: one person's share is judged by absolute values (sums and what is made
	// of them); Rows: by the number of rows (what rests on how often a person occurs).
	Sums, Rows bool
	// People: the number counts people, not rows that a person may have several of.
	People bool
}

// share is what one person may make up of a cell.
type share struct {
	cell     int
	value    string // inner column of the value
	of       []measuredTerm
	plus     *big.Int
	filter   string // condition, or ""
	set      int    // its row set, or −1
	literal  bool   // every value is the same literal: only the rows matter
	squares  bool   // squares of the value are in the number
	extra    bool   // of the same rows as another
	computed bool   // of a number that was computed for each person
}

type releaseBuilder struct {
	p        *Printer
	node     *Aggregate
	from     string
	ref      refs
	columns  []string          // "expr AS name" of the inner SELECT
	named    map[string]string // printed expression → its column
	channels []string
	counted  []counted // what the channels are made of
	byCond   map[string]int
	rowSets  []string
	shares   []share
	missing  map[int]int
	lines    map[string]line     // of inner columns that are values
	small    map[string]bool     // inner columns of small whole numbers
	conds    map[string][]Expr   // of inner boolean columns
	anyOf    map[string][]string // of those that are any of others
}

// NewRelease prints a protected aggregate for the vault.
func NewRelease(n *Aggregate) (*Release, error) {
	r := &Release{Node: withFinest(n), Keys: len(n.Groups), Counted: n.Input.node().once, Repeats: repeats(n.Input)}
	r.AtomsAdded = r.Node != n
	b, err := r.build(&Printer{Vault: true, listed: map[int]bool{}}, true)
	if err != nil {
		return nil, err
	}
	if len(b.channels) > maxChannels || len(b.rowSets) > maxRowSets {
		return nil, gatehouse.Errorf(gatehouse.CodeTooLarge, "The question has too many different conditions in its aggregates.").WithAdvice("Ask with fewer FILTER and CASE conditions at once, or GROUP BY what they tell apart.")
	}
	r.channels, r.Channels = b.channels, len(b.channels)
	r.rowSets, r.RowSets = b.rowSets, len(b.rowSets)
	r.shares, r.MissingOf = b.shares, b.missing
	r.Meanings, r.Meant = b.meanings()
	r.passed(b)
	r.outer = r.answer(b)
	r.inner, r.with = b.inner(r.unitColumns()), b.p.with()
	r.SQL = r.groups("", true)
	if b.p.err != nil {
		return nil, b.p.err
	}
	rows, err := r.build(&Printer{Vault: true, Rows: true, listed: map[int]bool{}}, false)
	if err != nil {
		return nil, err
	}
	r.spoolGroups(rows)
	r.rows, r.rowsWith = rows.inner([]string{"u", "r"}), rows.p.with()
	return r, rows.p.err
}

// withFinest is the aggregate with the grouping by all keys among its sets.
func withFinest(n *Aggregate) *Aggregate {
	if len(n.Sets) < 2 || slices.ContainsFunc(n.Sets, func(set []int) bool { return len(set) == len(n.Groups) }) {
		return n
	}
	out := *n
	out.Sets = append(slices.Clone(n.Sets), finest(n))
	return &out
}

// finest is the set of all keys.
func finest(n *Aggregate) []int {
	all := make([]int, len(n.Groups))
	for i := range all {
		all[i] = i
	}
	return all
}

// build prints the input and everything that the cells need of it; keep says
// that the cells are still to be noted in r.
func (r *Release) build(p *Printer, keep bool) (*releaseBuilder, error) {
	b := &releaseBuilder{p: p, node: r.Node, named: map[string]string{}, byCond: map[string]int{}, missing: map[int]int{}, lines: map[string]line{}, small: map[string]bool{}, conds: map[string][]Expr{}, anyOf: map[string][]string{}}
	b.from = p.from(r.Node.Input, "t")
	b.ref = p.single(r.Node.Input)
	b.channel(nil, -1) // channel 0: the whole group
	for i, g := range r.Node.Groups {
		b.columns = append(b.columns, p.expr(g, b.ref)+" AS k"+strconv.Itoa(i))
	}
	cells, err := b.cells()
	if keep {
		r.Cells = cells
	}
	return b, err
}

// inner is the SELECT of the columns, after those given.
func (b *releaseBuilder) inner(first []string) string {
	return "SELECT " + strings.Join(append(first, b.columns...), ", ") + " FROM " + b.from
}

// unitColumns are the unit and, unless nobody has two rows, its bit of a mask.
func (r *Release) unitColumns() []string {
	if r.Counted {
		return []string{"u"}
	}
	return []string{"u", unitBit + " AS h"}
}

// unitBit is one of 64 bits for each person.
const unitBit = "CAST(1 AS UBIGINT) << (hash(u) & 63)"

// groupHash names a group by its keys, as Rows does.
func (r *Release) groupHash() string {
	if r.Keys == 0 {
		return "CAST(0 AS UBIGINT)"
	}
	return "hash(" + strings.Join(r.keyColumns()[1:], ", ") + ")"
}

// signature is the bit set of the row sets that a row is in.
func (r *Release) signature() string {
	if len(r.rowSets) == 0 {
		return "CAST(0 AS UTINYINT)"
	}
	t := "UBIGINT"
	switch {
	case len(r.rowSets) <= 8:
		t = "UTINYINT"
	case len(r.rowSets) <= 16:
		t = "USMALLINT"
	case len(r.rowSets) <= 32:
		t = "UINTEGER"
	}
	bits := make([]string, len(r.rowSets))
	for i, name := range r.rowSets {
		bits[i] = fmt.Sprintf("CASE WHEN %s THEN CAST(%d AS %s) ELSE CAST(0 AS %s) END", name, int64(1)<<i, t, t)
	}
	return "(" + strings.Join(bits, " | ") + ")"
}

func filterSQL(cond string) string {
	if cond == "" {
		return ""
	}
	return " FILTER (WHERE " + cond + ")"
}

// keyColumns are gid and the keys, as every answer begins.
func (r *Release) keyColumns() []string {
	keys := make([]string, r.Keys)
	for i := range keys {
		keys[i] = "k" + strconv.Itoa(i)
	}
	gid := "0 AS gid"
	if len(r.Node.Sets) > 1 && r.Keys > 0 {
		gid = "grouping(" + strings.Join(keys, ", ") + ") AS gid"
	}
	return append([]string{gid}, keys...)
}

// groupBy prints the grouping over the inner columns, with extra keys in each set.
func (r *Release) groupBy(extra ...string) string {
	sets := make([]string, len(r.Node.Sets))
	for i, set := range r.Node.Sets {
		var cols []string
		for _, k := range set {
			cols = append(cols, "k"+strconv.Itoa(k))
		}
		sets[i] = strings.Join(append(cols, extra...), ", ")
	}
	switch {
	case len(sets) == 1 && sets[0] == "":
		return ""
	case len(sets) == 1:
		return " GROUP BY " + sets[0]
	}
	return " GROUP BY GROUPING SETS ((" + strings.Join(sets, "), (") + "))"
}

// Judged reports whether the values of share i differ: of literals only the rows
// matter.
func (r *Release) Judged(i int) bool { return !r.shares[i].literal }

// RowColumns says which columns an answer to Rows has: always the unit, and what
// is not the same in every row, since each byte of them is moved.
type RowColumns struct {
	Row       bool // r; absent where it is asked not to be, or is the unit (Counted)
	Group     bool // g; absent where there are no keys: 0
	Signature bool // sig; absent where there are no row sets: 0
	Measured  int  // columns y
}

// Rows asks for the rows that the groups are made of, one by one: columns u (the
// unit), r (which row it is, see rows.go), g (as in SQL, of the finest group), sig
// (a bit for each row set, the first the lowest, of an unsigned type that holds
// them) and y0… (Columns of them, as DOUBLE or as small whole numbers), as far as the RowColumns say. The rows
// of a person follow each other where DuckDB keeps the order of the tables, and
// certainly when sorted.
//
// spool is where Spool put them; "" to compute them.
func (r *Release) Rows(spool string, identity, sorted bool) (string, RowColumns) {
	columns := RowColumns{Row: identity && !r.Counted, Group: r.Keys > 0, Signature: r.RowSets > 0, Measured: r.Columns}
	out := []string{"u"}
	if columns.Row {
		out = append(out, "r")
	}
	if columns.Group {
		out = append(out, r.groupHash()+" AS g")
	}
	if columns.Signature {
		out = append(out, r.signature()+" AS sig")
	}
	for i, c := range r.columns {
		y := c.name
		if !c.small {
			y = "CAST(" + y + " AS DOUBLE)"
		}
		out = append(out, y+" AS y"+strconv.Itoa(i))
	}
	sql := r.rowsWith + "SELECT " + strings.Join(out, ", ") + " FROM (" + r.rows + ") AS s"
	if spool != "" {
		sql = "SELECT " + strings.Join(out, ", ") + " FROM " + Ident(spool) + " AS s"
	}
	if sorted {
		sql += " ORDER BY u"
	}
	return sql, columns
}

// passed notes how channels and shares are found in the columns of Rows.
func (r *Release) passed(b *releaseBuilder) {
	column := func(name string) int {
		c := rowColumn{name, b.small[name]}
		if i := slices.Index(r.columns, c); i >= 0 {
			return i
		}
		r.columns = append(r.columns, c)
		return len(r.columns) - 1
	}
	var values []string
	value := func(name string) int {
		if i := slices.Index(values, name); i >= 0 {
			return i
		}
		values = append(values, name)
		of, known := b.lines[name]
		if !known {
			of = line{of: []measuredTerm{{name, big.NewInt(1)}}, plus: new(big.Rat)}
		}
		var l Line
		l.Plus, _ = of.plus.Float64()
		for _, t := range of.of {
			times, _ := new(big.Rat).SetInt(t.times).Float64()
			l.Of = append(l.Of, LineTerm{column(t.column), times})
		}
		r.Lines = append(r.Lines, l)
		return len(values) - 1
	}
	r.Counts = make([]RowCount, len(b.channels))
	for i, c := range b.counted {
		r.Counts[i].Set = c.set
		for _, name := range c.values {
			r.Counts[i].Values = append(r.Counts[i].Values, value(name))
		}
	}
	for _, s := range b.shares {
		share := RowShare{Cell: s.cell, Set: s.set, Value: -1, Measured: -1, Squares: s.squares, Extra: s.extra, Computed: s.computed}
		if !s.literal {
			share.Value = value(s.value)
			m := Measured{Value: share.Value, Plus: s.plus}
			for _, t := range s.of {
				m.Of = append(m.Of, MeasuredColumn{value(t.column), t.times})
			}
			share.Measured = r.measure(m)
		}
		r.Shares = append(r.Shares, share)
	}
	r.Columns = len(r.columns)
}

// measure numbers what a value is of.
func (r *Release) measure(m Measured) int {
	same := func(o Measured) bool {
		return o.Value == m.Value && o.Plus.Cmp(m.Plus) == 0 && slices.EqualFunc(o.Of, m.Of, func(a, b MeasuredColumn) bool {
			return a.Value == b.Value && a.Times.Cmp(b.Times) == 0
		})
	}
	if i := slices.IndexFunc(r.Measures, same); i >= 0 {
		return i
	}
	r.Measures = append(r.Measures, m)
	return len(r.Measures) - 1
}
