package disclosure

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"
)

// moves is how the people of some atoms could be otherwise, the numbers shown and
// all other atoms staying as they are.
type moves struct {
	k      int
	atoms  []int
	people []float64   // of each of them: how many fewer it may have
	rows   [][]float64 // what is known, reduced: at pivot[i] row i is 1 and the others are 0
	pivot  []int
}

// spare is how much of an atom is moved at most, in multiples of k: larger numbers
// would make the arithmetic worse, and no more is needed.
const spare = 64

// small is what counts as zero.
const small = 1e-9

// newMoves takes atoms from the largest down as pivots, so that steps along one of
// the others, which change these, are long.
func newMoves(v *widening, atoms []int) *moves {
	m := &moves{k: v.k, atoms: atoms, people: make([]float64, len(atoms))}
	column := make(map[int]int, len(atoms))
	for i, a := range atoms {
		column[a] = i
		m.people[i] = float64(min(v.people[a], spare*v.k))
	}
	seen, rows := map[int32]bool{}, [][]float64(nil)
	for _, a := range atoms {
		for _, n := range v.in[a] {
			if seen[n] {
				continue
			}
			seen[n] = true
			row := make([]float64, len(atoms))
			for _, b := range v.open[n] {
				if i, ok := column[b]; ok {
					row[i] = 1
				}
			}
			rows = append(rows, row)
		}
	}
	m.reduce(rows, v)
	return m
}

func (m *moves) reduce(rows [][]float64, v *widening) {
	order := make([]int, len(m.atoms))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(v.people[m.atoms[b]]-v.people[m.atoms[a]], a-b) })
	done := 0
	for _, c := range order {
		at := -1
		for i := done; i < len(rows); i++ {
			if math.Abs(rows[i][c]) > small && (at < 0 || math.Abs(rows[i][c]) > math.Abs(rows[at][c])) {
				at = i
			}
		}
		if at < 0 {
			continue
		}
		rows[done], rows[at] = rows[at], rows[done]
		pivot := rows[done]
		f := pivot[c]
		for j := range pivot {
			pivot[j] /= f
		}
		for i, row := range rows {
			if f := row[c]; i != done && math.Abs(f) > small {
				for j, x := range pivot {
					if row[j] -= f * x; math.Abs(row[j]) < small {
						row[j] = 0
					}
				}
			}
		}
		m.pivot = append(m.pivot, c)
		done++
	}
	m.rows = rows[:done]
}

// maxMoved bounds the atoms of a component whose intervals are looked for, and
// maxSteps the work on it, in entries.
const (
	maxMoved = 600
	maxSteps = 1_000_000_000
)

// maxSolved bounds the atoms of a linear programme.
const maxSolved = 80

// widths adds, to the widths of hidden numbers, what their sums can be moved by up
// and down, until that is k: by climbing from how things are, where each step counts
// for all of them. What stays narrow is asked of a linear programme, if it is small.
// False if that takes too long.
func (m *moves) widths(hidden [][]int, numbers []int, width []float64) bool {
	column := make(map[int]int, len(m.atoms))
	for i, a := range m.atoms {
		column[a] = i
	}
	targets := make([]*target, len(numbers))
	for i, h := range numbers {
		t := &target{enough: float64(m.k) - width[h] - small}
		for _, a := range hidden[h] {
			if c, ok := column[a]; ok {
				t.columns = append(t.columns, c)
			}
		}
		t.high, t.low = math.Inf(-1), math.Inf(1)
		t.see(m.people)
		targets[i] = t
	}
	c := &climb{moves: m, targets: targets}
	for _, t := range targets {
		if t.wide() {
			continue
		}
		c.begin(t)
		c.far(1, t)
		c.far(-1, t)
		if c.steps > maxSteps {
			return false
		}
		if !t.wide() && t.high-t.low > small && len(m.atoms) <= maxSolved {
			m.solve(t)
		}
	}
	for i, h := range numbers {
		width[h] += targets[i].high - targets[i].low
	}
	return true
}

// target is a hidden number, as far as it is of these atoms: its columns, and the
// smallest and largest that it was seen to be.
type target struct {
	columns   []int
	low, high float64
	enough    float64
}

func (t *target) wide() bool { return t.high-t.low >= t.enough }

func (t *target) see(people []float64) {
	sum := 0.0
	for _, c := range t.columns {
		sum += people[c]
	}
	t.low, t.high = min(t.low, sum), max(t.high, sum)
}

// climb is a walk among what the people could be: the steps of the simplex method,
// but beginning inside, and from one face to another only when one stops it.
type climb struct {
	*moves
	targets []*target
	gain    []float64 // of each column that is no pivot: what one more adds to the target
	steps   int
}

func (c *climb) begin(t *target) {
	c.gain = make([]float64, len(c.atoms))
	for _, col := range t.columns {
		c.gain[col] = 1
	}
	for i, p := range c.pivot {
		c.price(c.rows[i], p)
	}
}

// price takes a pivot out of the gains.
func (c *climb) price(row []float64, pivot int) {
	if f := c.gain[pivot]; f != 0 {
		for j, x := range row {
			c.gain[j] -= f * x
		}
		c.gain[pivot] = 0
	}
}

// far walks up (sign 1) or down (-1) until the target is wide, or not further.
func (c *climb) far(sign float64, t *target) {
	for range 4 * len(c.atoms) {
		if c.steps += len(c.rows) * len(c.atoms); t.wide() || c.steps > maxSteps {
			return
		}
		best, by, step, stop := -1, 0.0, 0.0, -1
		for j, g := range c.gain {
			if g *= sign; math.Abs(g) <= small {
				continue
			}
			s, at := c.reach(j, g > 0)
			if best < 0 || s*math.Abs(g) > by {
				best, by, step, stop = j, s*math.Abs(g), s, at
			}
		}
		if best < 0 || by <= small && stop < 0 {
			return
		}
		if c.gain[best]*sign < 0 {
			step = -step
		}
		c.people[best] = max(0, c.people[best]+step)
		for i, p := range c.pivot {
			c.people[p] = max(0, c.people[p]-step*c.rows[i][best])
		}
		for _, other := range c.targets {
			other.see(c.people)
		}
		if stop >= 0 {
			c.change(stop, best)
		}
	}
}

// reach is how far a column can go up or down, and the row that stops it.
func (c *climb) reach(j int, up bool) (step float64, stop int) {
	step, stop = math.Inf(1), -1
	if !up {
		step = c.people[j]
	}
	for i, p := range c.pivot {
		f := c.rows[i][j]
		if !up {
			f = -f
		}
		if f > small && c.people[p] < step*f {
			step, stop = c.people[p]/f, i
		}
	}
	return step, stop
}

// change makes a column the pivot of a row.
func (c *climb) change(at, column int) {
	row := c.rows[at]
	f := row[column]
	for j := range row {
		row[j] /= f
	}
	for i, other := range c.rows {
		if f := other[column]; i != at && math.Abs(f) > small {
			for j, x := range row {
				if other[j] -= f * x; math.Abs(other[j]) < small {
					other[j] = 0
				}
			}
		}
	}
	c.pivot[at] = column
	c.price(row, column)
}

// solve asks a linear programme for the interval of a target. If its arithmetic
// fails, the target stays as narrow as it was seen.
func (m *moves) solve(t *target) {
	defer func() { _ = recover() }() // the solver panics on matrices that it finds singular on the way
	a, b := mat.NewDense(len(m.rows), len(m.atoms), nil), make([]float64, len(m.rows))
	for i, row := range m.rows {
		a.SetRow(i, row)
		for j, x := range row {
			b[i] += x * m.people[j]
		}
	}
	least, most := make([]float64, len(m.atoms)), make([]float64, len(m.atoms))
	for _, c := range t.columns {
		least[c], most[c] = 1, -1
	}
	if low, _, err := lp.Simplex(least, a, b, small, nil); err == nil {
		t.low = min(t.low, low)
	}
	if high, _, err := lp.Simplex(most, a, b, small, nil); err == nil {
		t.high = max(t.high, -high)
	}
}
