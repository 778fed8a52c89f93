package plan

import (
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
)

// counted is a set of rows: those of a row set (−1 for any) of which none of the
// values, inner columns, is 0 or NULL.
type counted struct {
	values []string
	set    int
}

// channel numbers a set of rows whose people are counted.
func (b *releaseBuilder) channel(values []string, set int) int {
	var conds []string
	for _, v := range values {
		conds = append(conds, v+" <> 0")
	}
	if set >= 0 {
		conds = append(conds, b.rowSets[set])
	}
	cond := strings.Join(conds, " AND ")
	if i, ok := b.byCond[cond]; ok {
		return i
	}
	b.byCond[cond] = len(b.channels)
	b.channels = append(b.channels, cond)
	b.counted = append(b.counted, counted{values: values, set: set})
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
	name := b.column("q", "coalesce("+b.p.conds(conds, b.ref)+", false)")
	b.conds[name] = conds
	return name
}

// cells says what must be measured for each aggregate.
func (b *releaseBuilder) cells() ([]Cell, error) {
	var out []Cell
	in := b.node.Input.Columns()
	for i, a := range b.node.Aggs {
		m, err := MeasureOf(a)
		if err != nil {
			return nil, err
		}
		cell := Cell{Call: a, Measure: m, Type: a.T, People: b.node.Input.node().once || m == MeasureDistinct && countsPeople(a, in)}
		parts, err := CellParts(a)
		if err != nil {
			return nil, err
		}
		if err := b.parts(&cell, i, parts, in); err != nil {
			return nil, err
		}
		out = append(out, cell)
	}
	return out, nil
}

// countsPeople reports whether count(DISTINCT …) is of the person.
func countsPeople(a *AggregateCall, in []Column) bool {
	if len(a.Args) != 1 {
		return false
	}
	col, err := derive(a.Args[0], in)
	return err == nil && col.Identity != NotIdentity
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
			name := b.column("q", "("+strings.Join(any, " OR ")+")")
			b.anyOf[name] = any
			cell.RowSets = append(cell.RowSets, b.rowSet(name))
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
	own := len(values)
	same := make([]bool, own) // a mean or spread that a literal moves says what it says without
	for i, v := range values[:own] {
		if v != nil && cell.Measure != MeasureQuantile {
			inside, moved := insides(v)
			values = append(values, inside...)
			cell.Rows = cell.Rows || moved
			same[i] = moved && cell.Measure != MeasureSum
		}
	}
	for i, v := range values {
		s := share{cell: number, filter: filter, set: set, extra: i >= own}
		_, fixed := literal(orOne(v))
		if s.literal = fixed || orOne(v).Type().ID == "BOOLEAN"; s.literal {
			if once {
				continue
			}
			s.value = b.column("x", "1")
		} else {
			s.value = b.lineValue(v)
			s.of, s.plus = []measuredTerm{{s.value, big.NewInt(1)}}, new(big.Int)
			if cell.Measure != MeasureQuantile {
				s.of, s.plus = b.measuredAs(v)
			}
			s.computed = cell.Measure != MeasureQuantile && (i >= own || !same[i]) && readsDerived(v, b.node.Input.Columns())
			s.squares = cell.Measure == MeasureRegression || cell.Measure == MeasureSpread && !indicator(v, b.node.Input.Columns())
		}
		b.shares = append(b.shares, s)
	}
}

// indicator reports whether a value is 0 or 1 by a condition: of these both are counted.
func indicator(e Expr, in []Column) bool {
	col, err := derive(e, in)
	return err == nil && col.Form == FormIndicator
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
		if ref, ok := e.(*Ref); ok && ref.T.Numeric() {
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
		switch {
		case col.Nulls == NullsDerived:
			conds = append(conds, presence(v)...)
		case col.Identity == NotIdentity:
			missing = append(missing, presence(v)...)
		}
		if cell.Measure == MeasureSum || cell.Measure == MeasureMean || cell.Measure == MeasureSpread {
			contributing = append(contributing, b.lineValue(v))
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
	cell.Contributors = append(cell.Contributors, b.channel(contributing, set))
	return set, present, nil
}

// presence is the condition that a value is not NULL: of a calculation that makes no
// NULLs, that its columns are not, so that it is the same condition for every
// calculation with them.
func presence(v Expr) []Expr {
	is := func(e Expr) Expr { return &Op{T: Boolean, Name: "IS NOT NULL", Args: []Expr{e}} }
	var columns []Expr
	strict := true
	Walk(v, func(e Expr) bool {
		switch e := e.(type) {
		case *Ref:
			if !slices.ContainsFunc(columns, func(c Expr) bool { return c.(*Ref).Index == e.Index }) {
				columns = append(columns, e)
			}
		case *Const:
			strict = strict && !e.Null
		case *Cast:
			strict = strict && holds(e.X.Type(), e.T)
		case *Call:
			strict = strict && !canBeNull(e)
		default:
			strict = false
		}
		return strict
	})
	if !strict || len(columns) == 0 {
		return []Expr{is(v)}
	}
	slices.SortFunc(columns, func(a, b Expr) int { return a.(*Ref).Index - b.(*Ref).Index })
	for i, c := range columns {
		columns[i] = is(c)
	}
	return columns
}

func zeroOf(t Type) string {
	if t.ID == "BOOLEAN" {
		return "false"
	}
	return "0"
}
