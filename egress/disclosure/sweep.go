package disclosure

import (
	"maps"
	"slices"
)

// audit looks at everything that was released and a new table together. It gives
// nil if no combination rests on fewer than k people, else a combination of the
// new numbers that lets one.
//
// Every table's combinations are narrowed down by popular pairs, the newest
// first: the pairs of a table are alike in every older number, and in every
// combination that is still open of the newer tables. Usually one set is left of
// a table (everybody in it) or nothing. Where that does not decide, the pairs need
// only be alike in what is open of all other tables, again and again. What is left
// is solved exactly.
func (h *History) audit(j *Judgement, open []residual) *residual {
	w := &sweep{h: h, universe: h.universe(j)}
	w.tables = append(h.tables[:len(h.tables):len(h.tables)], w.fresh)
	w.left, w.signs = make([][]residual, len(w.tables)), make([][]uint32, len(w.tables))
	w.open, w.class = make([]uint64, w.elements), make([]int32, w.elements)
	w.narrowAll(open)
	bad := w.solve()
	for range maxRounds {
		if bad == nil || !w.narrowAgain() {
			break
		}
		bad = w.solve()
	}
	return bad
}

// maxRounds bounds how often everything is narrowed again.
const maxRounds = 2

// sweep is an audit of everything on its way.
type sweep struct {
	h *History
	*universe
	tables []*keptTable
	left   [][]residual // of each table: what is still open
	signs  [][]uint32   // of each table and class: which values it has in left
	open   []uint64     // of each element: its signs in all tables, hashed
	class  []int32      // of each element: its class in the table at hand
}

// mark puts the signs of a table into open, or takes them out.
func (w *sweep) mark(n int, in bool) {
	if len(w.left[n]) == 0 {
		return
	}
	for i, s := range w.tables[n].slots {
		v := w.signs[n][w.tables[n].class[i]]
		switch {
		case v == 0:
		case in:
			w.open[s] += mix(uint64(n)<<32 | uint64(v))
		default:
			w.open[s] -= mix(uint64(n)<<32 | uint64(v))
		}
	}
}

// settle keeps what is left of a table.
func (w *sweep) settle(n int, left []residual) {
	w.left[n], w.signs[n] = left, signatures(left, len(w.tables[n].columns))
	w.mark(n, true)
}

// narrowAll goes through the tables, the newest first.
func (w *sweep) narrowAll(open []residual) {
	old := make([]uint64, w.elements) // of each element: what it is in, in the tables before
	for n, t := range w.tables {
		for i, s := range t.slots {
			old[s] += mix(uint64(n)<<32 | uint64(uint32(t.class[i])))
		}
	}
	for n := len(w.tables) - 1; n >= 0; n-- {
		t := w.tables[n]
		for i, s := range t.slots {
			old[s] -= mix(uint64(n)<<32 | uint64(uint32(t.class[i])))
		}
		if n == len(w.tables)-1 {
			w.settle(n, open) // solved already
			continue
		}
		w.settle(n, w.narrow(n, each(t), func(i int) uint64 { return mix(old[i] + mix(w.open[i])) }))
	}
}

// narrowAgain reports whether anything became narrower.
func (w *sweep) narrowAgain() bool {
	some := false
	for n := len(w.tables) - 1; n >= 0; n-- {
		before := w.left[n]
		if len(before) == 0 {
			continue
		}
		w.mark(n, false)
		after := w.narrow(n, before, func(i int) uint64 { return w.open[i] })
		some = some || len(after) < len(before)
		w.settle(n, after)
	}
	return some
}

// each is every number of a table by itself.
func each(t *keptTable) []residual {
	live := make([]bool, t.numbers)
	for _, column := range t.columns {
		for _, term := range column {
			live[term.Number] = true
		}
	}
	var out []residual
	at := make([]int, t.numbers)
	for n, ok := range live {
		if ok {
			at[n] = len(out)
			out = append(out, residual{value: make([]uint64, len(t.columns))})
		}
	}
	for c, column := range t.columns {
		for _, term := range column {
			out[at[term.Number]].value[c] = modulo(term.Times)
		}
	}
	return out
}

// universe is all known elements and those of a new table.
type universe struct {
	elements int
	unit     []uint32
	space    []uint16
	fresh    *keptTable
}

func (h *History) universe(j *Judgement) *universe {
	n := len(h.reg.atom)
	u := &universe{elements: n, unit: h.reg.unit[:n:n], space: h.reg.space[:n:n]}
	u.fresh = &keptTable{columns: j.columns, numbers: j.c.Numbers}
	more := map[uint64]int{}
	for i, e := range j.c.Elements {
		slot := j.slots[i]
		if j.class[e.Pattern] == 0 {
			continue
		}
		if slot < 0 {
			slot = int32(u.elements)
			u.elements++
			u.unit, u.space = append(u.unit, e.Unit), append(u.space, h.reg.spaceNumber(e.Key))
			more[spaceOf(e.Key)]++
		}
		u.fresh.slots, u.fresh.class = append(u.fresh.slots, uint32(slot)), append(u.fresh.class, j.class[e.Pattern])
	}
	// People whom no table has seen, as far as totals tell of them: numbers that no
	// unit has stand for them.
	stranger := ^uint32(0)
	for _, space := range slices.Sorted(maps.Keys(h.totals)) {
		for range h.strangers(space, more[space]) {
			u.elements++
			u.unit, u.space = append(u.unit, stranger), append(u.space, h.reg.spaceNumber(space<<rowBits))
			stranger--
		}
	}
	return u
}

// strangers is how many people, up to 2k, surely have elements of a space that
// are neither known nor among more new ones.
func (h *History) strangers(space uint64, more int) int {
	t := h.totals[space]
	others := t.elements - h.seen[space] - more
	if others <= 0 {
		return 0
	}
	return min(max(1, others/t.most), 2*h.k)
}

// narrow solves the popular pairs of one table among elements that are alike in
// everything else: it gives the combinations of before that they leave open.
func (w *sweep) narrow(n int, before []residual, key func(int) uint64) []residual {
	t := w.tables[n]
	for i, s := range t.slots {
		w.class[s] = t.class[i]
	}
	of, runs := groupBy(w.elements, func(i int) uint64 { return key(i) + uint64(w.space[i]) })
	a := &arrangement{start: make([]int32, len(runs)+1), class: make([]int32, w.elements), unit: make([]uint32, w.elements), beyond: make([]int32, len(runs))}
	next := make([]int32, len(runs))
	for g, size := range runs {
		a.start[g+1] = a.start[g] + size
		next[g] = a.start[g]
	}
	for i := range w.elements {
		at := next[of[i]]
		next[of[i]]++
		a.class[at], a.unit[at] = w.class[i], w.unit[i]
	}
	for _, s := range t.slots {
		w.class[s] = 0
	}
	columns := make([][]Term, len(t.columns)) // of which residuals each class is made
	values := make([][]entry, len(t.columns))
	for r, b := range before {
		for c, v := range b.value {
			if v != 0 {
				values[c] = append(values[c], entry{int32(r), v})
			}
		}
	}
	s := newSolution(len(before))
	for _, p := range newPopularity(w.h.k, len(columns), w.h.rows).count(a) {
		if s.full() {
			return nil
		}
		s.require(difference(values[p[0]], values[p[1]]))
	}
	if s.rank == 0 {
		return before
	}
	var out []residual
	for _, mu := range s.free() {
		r := residual{value: make([]uint64, len(t.columns)), lambda: combine(mu, before)}
		some := false
		for c := range r.value {
			for _, e := range values[c] {
				r.value[c] = (r.value[c] + mu[e.at]*e.v) % prime
			}
			some = some || r.value[c] != 0
		}
		if some {
			out = append(out, r)
		}
	}
	return out
}

// combine adds multiples of the residuals' numbers.
func combine(mu []uint64, of []residual) []uint64 {
	var out []uint64
	for i, r := range of {
		if mu[i] == 0 || r.lambda == nil {
			continue
		}
		if out == nil {
			out = make([]uint64, len(r.lambda))
		}
		for n, v := range r.lambda {
			out[n] = (out[n] + mu[i]*v) % prime
		}
	}
	return out
}

// difference is a − b.
func difference(a, b []entry) []entry {
	var out []entry
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].at < b[0].at:
			out = append(out, a[0])
			a = a[1:]
		case len(a) == 0 || b[0].at < a[0].at:
			out = append(out, entry{b[0].at, prime - b[0].v})
			b = b[1:]
		default:
			if d := (a[0].v + prime - b[0].v) % prime; d != 0 {
				out = append(out, entry{a[0].at, d})
			}
			a, b = a[1:], b[1:]
		}
	}
	return out
}

// groupBy numbers the different keys, and counts their elements.
func groupBy(n int, key func(int) uint64) (of []int32, sizes []int32) {
	index := make(map[uint64]int32, 1024)
	of = make([]int32, n)
	for i := range n {
		k := key(i)
		g, ok := index[k]
		if !ok {
			g = int32(len(sizes))
			index[k] = g
			sizes = append(sizes, 0)
		}
		of[i] = g
		sizes[g]++
	}
	return of, sizes
}

// signatures numbers the classes by their values in the residuals: 0 where all
// are zero.
func signatures(left []residual, classes int) []uint32 {
	out := make([]uint32, classes)
	index := map[uint64]uint32{0: 0}
	for c := range classes {
		key := uint64(0)
		for n, r := range left {
			if r.value[c] != 0 {
				key += mix(r.value[c] + uint64(n)<<32)
			}
		}
		v, ok := index[key]
		if !ok {
			v = uint32(len(index))
			index[key] = v
		}
		out[c] = v
	}
	return out
}

// Bounds of what is solved exactly.
const (
	maxVectors = 150
	maxColumns = 4_000
)

// solve asks whether what is left of all tables has a combination of few people.
// The new ones come last and one by one, to say which lets it.
func (w *sweep) solve() *residual {
	last := len(w.tables) - 1
	of, sizes := groupBy(w.elements, func(i int) uint64 { return w.open[i] + uint64(w.space[i]) })
	totals := slices.Sorted(maps.Keys(w.h.totals))
	vectors := len(totals) // the public totals come first
	for _, l := range w.left {
		vectors += len(l)
	}
	if len(w.left[last]) == 0 {
		return nil
	}
	if vectors > maxVectors || len(sizes) > maxColumns {
		return &w.left[last][0]
	}
	columns := make([]weighed, len(sizes))
	for i, g := range of {
		c := &columns[g]
		if c.values == nil {
			c.values = make([]uint64, vectors)
			for n, space := range totals {
				if w.space[i] == w.h.reg.spaceNumber(space<<rowBits) {
					c.values[n] = 1
				}
			}
		}
		if len(c.people) < w.h.k {
			c.people = distinct(c.people, w.unit[i])
			c.many = len(c.people) >= w.h.k
		}
	}
	at := len(totals)
	for n, l := range w.left {
		if len(l) == 0 {
			continue
		}
		done := make([]bool, len(columns)) // every element of a column has the same signs
		for i, s := range w.tables[n].slots {
			g := of[s]
			if done[g] {
				continue
			}
			done[g] = true
			for r := range l {
				columns[g].values[at+r] = l[r].value[w.tables[n].class[i]]
			}
		}
		at += len(l)
	}
	first := vectors - len(w.left[last])
	for n := range w.left[last] {
		if few, _ := rests(first+n+1, columns, w.h.k); few {
			return &w.left[last][n]
		}
	}
	return nil
}
