package egress

import (
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// numbers are a value of some rows.
type numbers struct {
	x     []float64
	gaps  []bool // of which rows there is none; nil where all have one
	whole bool   // small whole numbers
}

func (n *numbers) there(i int) bool { return n.gaps == nil || !n.gaps[i] }

// millionths is disclosure.Millionths of a value.
func (n *numbers) millionths(i int) int64 {
	if n.whole {
		return int64(n.x[i]) * 1_000_000
	}
	return disclosure.Millionths(n.x[i])
}

// measuredColumns are the columns y of rows, and the values that follow from them. The
// memory is used again for the next rows.
type measuredColumns struct {
	of      []plan.Line // of each value
	n       int         // rows
	columns []arrow.Array
	ints    [][]int32 // of columns of small whole numbers
	gaps    [][]bool  // of columns
	raw     [][]float64
	values  []numbers
	made    [][]float64 // of values that are no column
	lacking [][]bool    // of values of several columns
	ready   bool
}

// read takes columns; false if they are of a type that was not asked for.
func (m *measuredColumns) read(columns []arrow.Array, n int) bool {
	if m.gaps == nil {
		m.gaps, m.ints, m.raw = make([][]bool, len(columns)), make([][]int32, len(columns)), make([][]float64, len(columns))
		m.values, m.made, m.lacking = make([]numbers, len(m.of)), make([][]float64, len(m.of)), make([][]bool, len(m.of))
	}
	m.columns, m.n, m.ready = columns, n, false
	for c, a := range columns {
		if a.Len() != n {
			return false
		}
		if _, real := a.(*array.Float64); !real && !m.small(c) {
			return false
		}
		m.gaps[c] = gapsOf(a, m.gaps[c])
	}
	return true
}

// gapsOf says where a column has nothing; nil for nowhere.
func gapsOf(a arrow.Array, into []bool) []bool {
	if a.NullN() == 0 {
		return nil
	}
	into = into[:0]
	for i := range a.Len() {
		into = append(into, a.IsNull(i))
	}
	return into
}

// small puts the whole numbers of a column into ints, unless it is of others.
func (m *measuredColumns) small(c int) bool {
	switch a := m.columns[c].(type) {
	case *array.Int32:
		m.ints[c] = a.Int32Values()
	case *array.Int16:
		m.ints[c] = widen(m.ints[c], a.Int16Values())
	case *array.Int8:
		m.ints[c] = widen(m.ints[c], a.Int8Values())
	case *array.Uint16:
		m.ints[c] = widen(m.ints[c], a.Uint16Values())
	case *array.Uint8:
		m.ints[c] = widen(m.ints[c], a.Uint8Values())
	default:
		return false
	}
	return true
}

func widen[T int8 | int16 | uint8 | uint16](into []int32, from []T) []int32 {
	into = into[:0]
	for _, x := range from {
		into = append(into, int32(x))
	}
	return into
}

// all gives every value of the rows that were read last.
func (m *measuredColumns) all() []numbers {
	if m.ready {
		return m.values
	}
	m.ready = true
	for c, a := range m.columns {
		if real, ok := a.(*array.Float64); ok {
			m.raw[c] = real.Float64Values()
			continue
		}
		m.raw[c] = m.raw[c][:0]
		for _, x := range m.ints[c] {
			m.raw[c] = append(m.raw[c], float64(x))
		}
	}
	for v, line := range m.of {
		first := line.Of[0].Column
		m.values[v] = numbers{x: m.raw[first], gaps: m.gaps[first], whole: m.ints[first] != nil}
		if line.Itself() {
			continue
		}
		made := m.made[v][:0]
		for i := range m.n {
			x := line.Plus
			for _, of := range line.Of {
				x += of.Times * m.raw[of.Column][i]
			}
			made = append(made, x)
		}
		m.made[v] = made
		m.values[v].x, m.values[v].whole = made, false
		if len(line.Of) > 1 {
			m.values[v].gaps = m.united(v)
		}
	}
	return m.values
}

// united says of which rows one of the columns of a value has nothing.
func (m *measuredColumns) united(v int) []bool {
	var out []bool
	for _, of := range m.of[v].Of {
		gaps := m.gaps[of.Column]
		if gaps == nil {
			continue
		}
		if out == nil {
			out = append(m.lacking[v][:0], gaps...)
			m.lacking[v] = out
			continue
		}
		for i, gap := range gaps {
			out[i] = out[i] || gap
		}
	}
	return out
}

// valueTables count, where everybody has one row, how many have which small whole number:
// all that the rules ask of numbers that follow from it.
type valueTables struct {
	columns []valueTable
}

// valueTable is how many rows of each atom have which value of a column.
type valueTable struct {
	low   int32
	width int
	n     []int32 // by atom, and value
}

// A table is given up for counting rows one by one if it would be larger.
const (
	maxValues     = 1 << 13
	maxValueTable = 1 << 22
)

// newValueTables gives nil where a table does not say everything.
func newValueTables(r *plan.Release) *valueTables {
	if !r.Counted || len(r.Lines) == 0 {
		return nil
	}
	for _, line := range r.Lines {
		if len(line.Of) != 1 {
			return nil
		}
	}
	for _, s := range r.Shares {
		if s.Value < 0 {
			return nil
		}
	}
	for _, c := range r.Counts {
		for _, v := range c.Values {
			if r.Lines[v].Of[0].Column != r.Lines[c.Values[0]].Of[0].Column {
				return nil
			}
		}
	}
	return &valueTables{columns: make([]valueTable, r.Columns)}
}

// tabled counts rows in the tables; false if they must be counted one by one.
func (p *pass) tabled(labels []uint32) bool {
	if p.tables == nil {
		return false
	}
	for c := range p.tables.columns {
		if !p.tables.columns[c].fits(p.values.ints[c], p.values.gaps[c], len(p.ofAtom)) {
			p.endTables()
			return false
		}
	}
	for c := range p.tables.columns {
		t := &p.tables.columns[c]
		values, gaps := p.values.ints[c], p.values.gaps[c]
		for i, label := range labels {
			if gaps == nil || !gaps[i] {
				t.n[int(label)*t.width+int(values[i]-t.low)]++
			}
		}
	}
	return true
}

// fits makes room for values of some atoms; false if there is none.
func (t *valueTable) fits(values []int32, gaps []bool, atoms int) bool {
	if values == nil {
		return false
	}
	low, high := int64(math.MaxInt32), int64(math.MinInt32)
	for i, v := range values {
		if gaps == nil || !gaps[i] {
			low, high = min(low, int64(v)), max(high, int64(v))
		}
	}
	if low > high { // nothing is there
		low, high = int64(t.low), int64(t.low)
	}
	if t.width > 0 {
		low, high = min(low, int64(t.low)), max(high, int64(t.low)+int64(t.width)-1)
	}
	width := int(high - low + 1)
	if width > maxValues || width*atoms > maxValueTable {
		return false
	}
	if width != t.width || low != int64(t.low) {
		n := make([]int32, width*atoms)
		for from := 0; from < len(t.n); from += t.width {
			copy(n[from/t.width*width+int(int64(t.low)-low):], t.n[from:from+t.width])
		}
		t.n, t.low, t.width = n, int32(low), width
	}
	if len(t.n) < width*atoms {
		t.n = append(t.n, make([]int32, width*atoms-len(t.n))...)
	}
	return true
}

// endTables puts what the tables counted into the groups' tallies.
func (p *pass) endTables() {
	if p.tables == nil {
		return
	}
	tables := p.tables.columns
	p.tables = nil
	k := p.policy.Threshold
	each := func(column, atom int, f func(value float64, n int)) {
		t := &tables[column]
		if (atom+1)*t.width > len(t.n) {
			return
		}
		for i, n := range t.n[atom*t.width : (atom+1)*t.width] {
			if n > 0 {
				f(float64(int64(t.low)+int64(i)), int(n))
			}
		}
	}
	lines := p.r.Lines
	at := func(v int, column float64) float64 { return lines[v].Plus + lines[v].Of[0].Times*column }
	for atom, to := range p.ofAtom {
		for _, target := range to.targets {
			t := &p.tallies[target]
			for _, c := range to.channels {
				values := p.r.Counts[c].Values
				each(lines[values[0]].Of[0].Column, atom, func(x float64, n int) {
					if !slices.ContainsFunc(values, func(v int) bool { return at(v, x) == 0 }) {
						t.people[c] += n
					}
				})
			}
			for _, s := range to.shares {
				share := &p.r.Shares[s]
				each(lines[share.Value].Of[0].Column, atom, func(x float64, n int) {
					t.shares[s].times(at(share.Value, x), n, k)
					if share.Squares {
						t.shares[s].follow(at(share.Value, x), n, k)
					}
				})
			}
		}
	}
}
