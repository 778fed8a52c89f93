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
// (gate.md §2, "cheap proof"); Exact asks for true numbers, and for how much of
// a number one person makes up. A row set is a condition that some number hangs
// on: Atoms asks how many people stand in each combination of conditions, from
// which the audit tells what could be worked out by adding and subtracting.
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
	// Channels and RowSets are how many of each there are.
	Channels, RowSets int
	// Shares are the cells, by number, of which Exact tells the largest shares, and
	// Common how many people have the most common value.
	Shares []int
	// MissingOf: a row set that leaves out only what is missing in the data is, in
	// groups where nothing is missing, this other one (−1 for the whole group).
	MissingOf map[int]int
	// SQL answers with columns gid (which keys are rolled up, as a bit set, the
	// last key the lowest bit), k0…, a0… (the aggregates), m0… (people of the
	// channels).
	SQL string

	inner    string // SELECT of u, h, keys, arguments and conditions
	with     string
	channels []string
	rowSets  []string // inner boolean columns
	shares   []share
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
}

// share is what one person may make up of a cell.
type share struct {
	cell    int
	value   string // inner column of the value
	filter  string // condition, or ""
	literal bool   // every value is the same literal: only the rows matter
}

type releaseBuilder struct {
	p        *Printer
	node     *Aggregate
	ref      refs
	columns  []string          // "expr AS name" of the inner SELECT
	named    map[string]string // printed expression → its column
	channels []string
	byCond   map[string]int
	rowSets  []string
	shares   []share
	missing  map[int]int
}

// NewRelease prints a protected aggregate for the vault.
func NewRelease(n *Aggregate) (*Release, error) {
	p := &Printer{Vault: true, listed: map[int]bool{}}
	b := &releaseBuilder{p: p, named: map[string]string{}, byCond: map[string]int{}, missing: map[int]int{}}
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
	b.node = r.Node
	from := p.from(n.Input, "t")
	b.ref = p.single(n.Input)
	b.channel("") // channel 0: the whole group
	for i, g := range n.Groups {
		b.columns = append(b.columns, p.expr(g, b.ref)+" AS k"+strconv.Itoa(i))
	}
	if err := b.cells(r); err != nil {
		return nil, err
	}
	r.channels, r.Channels = b.channels, len(b.channels)
	r.rowSets, r.RowSets = b.rowSets, len(b.rowSets)
	r.shares, r.MissingOf = b.shares, b.missing
	for _, s := range b.shares {
		r.Shares = append(r.Shares, s.cell)
	}
	outer := r.keyColumns()
	for i, c := range r.Cells {
		outer = append(outer, b.aggregate(c.Call)+" AS a"+strconv.Itoa(i))
	}
	for i, cond := range b.channels {
		people := "CAST(coalesce(bit_count(bit_or(h)" + filterSQL(cond) + "), 0) AS INTEGER)"
		if r.Counted {
			people = "count(*)" + filterSQL(cond)
		}
		outer = append(outer, people+" AS m"+strconv.Itoa(i))
	}
	if p.err != nil {
		return nil, p.err
	}
	if len(b.channels) > maxChannels || len(b.rowSets) > maxRowSets {
		return nil, gatehouse.Errorf(gatehouse.CodeTooLarge, "The question has too many different conditions in its aggregates.")
	}
	columns := []string{"u"}
	if !r.Counted {
		columns = append(columns, "CAST(1 AS UBIGINT) << (hash(u) & 63) AS h")
	}
	r.inner = "SELECT " + strings.Join(append(columns, b.columns...), ", ") + " FROM " + from
	r.with = p.with()
	r.SQL = r.with + "SELECT " + strings.Join(outer, ", ") + " FROM (" + r.inner + ") AS s" + r.groupBy()
	return r, p.err
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

// Exact asks for the true numbers of people of channels, and for the shares:
// columns gid, k0…, e0… (one for each channel asked for), then for each of
// Shares s (Σ of people's absolute sums), s1, s2 (the two largest), n, n1, n2 (the
// same of their numbers of rows), as DOUBLE, and p (people with a value). restrict is a condition over k0…
// that keeps just the groups in doubt, or "".
func (r *Release) Exact(channels []int, shares bool, restrict string) string {
	per, out := append(r.keyColumns(), "u"), []string{"gid"}
	for i := range r.Keys {
		out = append(out, "k"+strconv.Itoa(i))
	}
	keys := strings.Join(out, ", ")
	for i, c := range channels {
		cond := "true"
		if r.channels[c] != "" {
			cond = "coalesce(" + r.channels[c] + ", false)"
		}
		per = append(per, fmt.Sprintf("bool_or(%s) AS b%d", cond, i))
		out = append(out, fmt.Sprintf("count(*) FILTER (WHERE b%d) AS e%d", i, i))
	}
	if shares {
		for i, s := range r.shares {
			per = append(per, fmt.Sprintf("coalesce(sum(abs(CAST(%s AS DOUBLE)))%s, 0) AS s%d", s.value, filterSQL(s.filter), i),
				fmt.Sprintf("CAST(count(%s)%s AS DOUBLE) AS n%d", s.value, filterSQL(s.filter), i))
			for _, name := range []string{"s", "n"} {
				x := name + strconv.Itoa(i)
				out = append(out, fmt.Sprintf("sum(%s)", x), fmt.Sprintf("coalesce(max(%s, 2)[1], 0)", x), fmt.Sprintf("coalesce(max(%s, 2)[2], 0)", x))
			}
			out = append(out, fmt.Sprintf("count(*) FILTER (WHERE n%d > 0)", i))
		}
	}
	where := ""
	if restrict != "" {
		where = " WHERE " + restrict
	}
	return r.with + "SELECT " + strings.Join(out, ", ") + " FROM (SELECT " + strings.Join(per, ", ") + " FROM (" + r.inner + ") AS s" + where + r.groupBy("u") + ") AS p GROUP BY " + keys
}

// Common asks, of share i, how many people have the value that most have:
// columns gid, k0…, people.
func (r *Release) Common(i int) string {
	s := r.shares[i]
	where := s.value + " IS NOT NULL"
	if s.filter != "" {
		where += " AND " + s.filter
	}
	columns := strings.Join(r.keyColumns(), ", ")
	keys := "gid"
	for k := range r.Keys {
		keys += ", k" + strconv.Itoa(k)
	}
	people := "SELECT " + columns + ", " + s.value + " AS v, u FROM (" + r.inner + ") AS s WHERE " + where + r.groupBy(s.value, "u")
	return r.with + "SELECT " + keys + ", max(n) AS people FROM (SELECT " + keys + ", v, count(*) AS n FROM (" + people + ") AS p GROUP BY " + keys + ", v) AS c GROUP BY " + keys
}

// Judged reports whether Common is asked of share i: of literals it is not.
func (r *Release) Judged(i int) bool { return !r.shares[i].literal }

// Atoms asks how many people stand in each combination of the row sets: columns
// gid, k0…, sig (a bit for each row set, the first the lowest), people.
func (r *Release) Atoms() string {
	bits := make([]string, len(r.rowSets))
	for i, name := range r.rowSets {
		bits[i] = fmt.Sprintf("CASE WHEN %s THEN CAST(%d AS BIGINT) ELSE CAST(0 AS BIGINT) END", name, int64(1)<<i)
	}
	sig := strings.Join(bits, " + ")
	if sig == "" {
		sig = "CAST(0 AS BIGINT)"
	}
	finest := *r
	node := *r.Node
	finest.Node = &node
	all := make([]int, r.Keys)
	for i := range all {
		all[i] = i
	}
	node.Sets = [][]int{all} // coarser groups are unions of these
	keys := strings.Join(finest.keyColumns()[1:], ", ")
	if keys != "" {
		keys = ", " + keys
	}
	if r.Counted {
		return r.with + "SELECT 0 AS gid" + keys + ", sig, count(*) AS people FROM (SELECT *, " + sig + " AS sig FROM (" + r.inner + ") AS i) AS s" + finest.groupBy("sig")
	}
	return r.with + "SELECT gid" + keys + ", sig, count(*) AS people FROM (SELECT 0 AS gid" + keys + ", sig, u FROM (SELECT *, " + sig + " AS sig FROM (" + r.inner + ") AS i) AS s" +
		finest.groupBy("sig", "u") + ") AS p GROUP BY gid" + keys + ", sig"
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

// rowSet numbers a condition that a number hangs on.
func (b *releaseBuilder) rowSet(name string) int {
	if i := slices.Index(b.rowSets, name); i >= 0 {
		return i
	}
	b.rowSets = append(b.rowSets, name)
	return len(b.rowSets) - 1
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
func (b *releaseBuilder) value(e Expr) string { return b.column("x", b.p.expr(e, b.ref)) }

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

func (b *releaseBuilder) cells(r *Release) error {
	in := b.node.Input.Columns()
	for i, a := range b.node.Aggs {
		m, err := MeasureOf(a)
		if err != nil {
			return err
		}
		cell := Cell{Call: a, Measure: m, Type: a.T}
		parts, err := CellParts(a)
		if err != nil {
			return err
		}
		if err := b.parts(&cell, i, parts, in); err != nil {
			return err
		}
		r.Cells = append(r.Cells, cell)
	}
	return nil
}

// parts measures the conditional pieces of a cell, and the rows that all of them
// together are made of, where the number shows those too.
func (b *releaseBuilder) parts(cell *Cell, number int, parts []Part, in []Column) error {
	covered, zeros := true, false // do the pieces cover every row of the group?
	var any []string
	indicator := false
	for _, part := range parts {
		if part.Neutral() {
			raw := false
			if part.Absent != nil {
				col, err := deriveNulls(part.Absent, in)
				if err != nil {
					return err
				}
				raw = col == NullsRaw
			}
			covered = covered && raw
			continue
		}
		zero := part.Value != nil && isZero(part.Value)
		zeros = zeros || zero
		set, present, err := b.part(cell, part, in)
		if err != nil {
			return err
		}
		indicator = indicator || present != set
		if len(part.Conds) == 0 && present >= 0 || len(part.Conds) > 0 && part.Value != nil && b.nullable(part.Value, in) {
			covered = false // what is NULL is not covered
		}
		b.share(cell, number, part, set)
		if !zero || (cell.Measure != MeasureSum && cell.Measure != MeasureMean && cell.Measure != MeasureSpread) {
			cell.RowSets = append(cell.RowSets, set)
		}
		if present >= 0 {
			any = append(any, b.rowSets[present])
		} else {
			any = append(any, "true")
		}
		if cell.Measure == MeasureQuantile {
			cell.Grain = b.grain(part.Value, in)
		}
	}
	if len(cell.Contributors) == 0 {
		return gatehouse.Errorf(gatehouse.CodeMeasure, "The argument of %s is always NULL.", cell.Call.Name).WithAdvice("Leave it out.")
	}
	base := -1
	if cell.Call.Filter != nil {
		base = b.rowSet(b.condition([]Expr{cell.Call.Filter}))
	}
	counts := cell.Measure == MeasureCount || cell.Measure == MeasureDistinct
	switch {
	case covered && len(parts) > 1 && counts:
		cell.RowSets = []int{base}
	case cell.Measure != MeasureMean && cell.Measure != MeasureSpread:
	case covered && len(parts) > 1:
		cell.RowSets = append(cell.RowSets, base)
	case zeros || indicator: // the number is divided by how many these are
		if slices.Contains(any, "true") {
			cell.RowSets = append(cell.RowSets, -1)
		} else {
			cell.RowSets = append(cell.RowSets, b.rowSet(b.column("q", "("+strings.Join(any, " OR ")+")")))
		}
	}
	return nil
}

// deriveNulls says why a condition may be NULL.
func deriveNulls(e Expr, in []Column) (NullSource, error) {
	worst := NullsRaw
	var bad error
	Walk(e, func(e Expr) bool {
		switch x := e.(type) {
		case *Op:
			if x.Name == "IS NULL" || x.Name == "IS NOT NULL" {
				return false // never NULL itself
			}
		case *Ref:
			worst = max(worst, in[x.Index].Nulls)
		case *Cast, *Call:
			col, err := derive(e, in)
			if err != nil {
				bad = err
			}
			worst = max(worst, col.Nulls)
		case *Case:
			worst = NullsDerived
		}
		return bad == nil
	})
	return worst, bad
}

// nullable reports whether a value may be NULL on some rows.
func (b *releaseBuilder) nullable(e Expr, in []Column) bool {
	if _, ok := literal(e); ok {
		return false
	}
	col, err := derive(e, in)
	return err != nil || col.Identity == NotIdentity
}

// share notes what one person may make up of a piece of a cell: of its absolute
// values, of its rows.
func (b *releaseBuilder) share(cell *Cell, number int, part Part, set int) {
	once := b.node.Input.node().once
	filter := ""
	if set >= 0 {
		filter = b.rowSets[set]
	}
	values := []Expr{part.Value}
	switch cell.Measure {
	case MeasureSum:
		cell.Sums = true
	case MeasureMean, MeasureSpread, MeasureRegression:
		cell.Sums, cell.Rows = true, true
		if cell.Measure == MeasureRegression {
			values = cell.Call.Args
		}
	case MeasureQuantile:
		cell.Rows = true
	case MeasureCount:
		if once {
			return
		}
		cell.Rows = true
		values = []Expr{nil}
	default:
		return
	}
	for _, v := range values {
		s := share{cell: number, filter: filter}
		_, fixed := literal(orOne(v))
		if s.literal = fixed || orOne(v).Type().ID == "BOOLEAN"; s.literal {
			if once {
				continue
			}
			s.value = b.column("x", "1")
		} else {
			s.value = b.value(v)
		}
		b.shares = append(b.shares, s)
	}
}

func orOne(e Expr) Expr {
	if e == nil {
		return &Const{T: BigInt, Text: "1", Value: big.NewRat(1, 1)}
	}
	return e
}

// grain is the declared step of the column that a quantile is taken of.
func (b *releaseBuilder) grain(e Expr, in []Column) string {
	grain := ""
	Walk(e, func(e Expr) bool {
		if ref, ok := e.(*Ref); ok {
			grain = in[ref.Index].Grain
		}
		return true
	})
	return grain
}

// part measures one conditional piece of a cell: who contributes to it, on which
// condition its value hangs (set), and on which that there is one (present);
// −1 for none. The two differ for indicators, whose zeros are people too.
func (b *releaseBuilder) part(cell *Cell, part Part, in []Column) (set, present int, err error) {
	conds := slices.Clone(part.Conds)
	values := []Expr{part.Value}
	if cell.Measure == MeasureRegression {
		values = cell.Call.Args
	}
	var contributing []string
	var missing []Expr // NULLs as published: rows that are not there rather than not chosen
	var ones []Expr
	for _, v := range values {
		if v == nil {
			continue
		}
		if _, ok := literal(v); ok {
			continue
		}
		col, err := derive(v, in)
		if err != nil {
			return 0, 0, err
		}
		is := &Op{T: Boolean, Name: "IS NOT NULL", Args: []Expr{v}}
		switch {
		case col.Nulls == NullsDerived:
			conds = append(conds, is)
		case col.Identity == NotIdentity:
			missing = append(missing, is)
		}
		if cell.Measure == MeasureSum || cell.Measure == MeasureMean || cell.Measure == MeasureSpread {
			contributing = append(contributing, b.value(v)+" <> 0")
			if col.Form == FormIndicator {
				ones = append(ones, &Compare{Op: "<>", L: v, R: &Const{T: v.Type(), Text: zeroOf(v.Type())}})
			}
		}
	}
	present = -1
	if len(conds) > 0 {
		present = b.rowSet(b.condition(conds))
	}
	if len(missing) > 0 {
		conds = append(conds, missing...)
		base := present
		present = b.rowSet(b.condition(conds))
		if present != base {
			b.missing[present] = base
		}
	}
	set = present
	if len(ones) > 0 {
		conds = append(conds, ones...)
		set = b.rowSet(b.condition(conds))
	}
	if set >= 0 {
		contributing = append(contributing, b.rowSets[set])
	}
	cell.Contributors = append(cell.Contributors, b.channel(strings.Join(contributing, " AND ")))
	return set, present, nil
}

func zeroOf(t Type) string {
	if t.ID == "BOOLEAN" {
		return "false"
	}
	return "0"
}
