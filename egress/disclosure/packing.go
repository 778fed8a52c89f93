package disclosure

import (
	"math/rand/v2"
	"slices"
)

// packing proves of many tables together that nothing rests on fewer than k
// people. It keeps k sets of elements, no person in two of them, and of each set
// which numbers are determined by its elements: a combination of numbers that is
// zero on all of them is zero. A combination that rests on fewer than k people
// misses one of the sets wholly, so that it is zero there and therefore zero
// everywhere. These are the disjoint information sets by which Brouwer and
// Zimmermann bound the minimum distance of a linear code; docs/design/0006.
//
// Where no more elements can be found that determine a number, what the set
// leaves open of it is kept: it rests on people of the other sets only, and
// combinations of the few of these are looked at one by one.
//
// Numbers that follow from others are left out. What is added can be taken back
// to where it was, newest first.
type packing struct {
	k        int
	tables   []*keptTable
	column   [][]int32 // of each table and number: its column; −1 for none
	shadows  []shadow  // of each column
	sets     []informationSet
	owner    map[uint32]int32 // which set a person belongs to
	places   map[uint32][]place
	seeds    [2]uint64
	unit     func(slot uint32) uint32 // whose an element is
	elements int
	left     []int // numbers of the last table that were not looked at yet
	pending  []*candidate
	acc      []uint32 // of one stretch; zeros between two calls
}

// shadow is a number seen through random weights of elements: a combination of
// numbers is zero if its shadow is, but for a chance of 2⁻⁶⁰.
type shadow [2]uint64

type informationSet struct {
	pivots []pivot
	lambda [][]uint32 // of each column: the combination that is zero on the pivots before it
	open   []leftOpen
}

// pivot is an element at which one column's combination is not zero, and those
// before it are.
type pivot struct {
	column  int32
	slot    uint32
	inverse uint64 // of the combination's value there
	terms   []entry
}

// leftOpen is a combination that is zero on the pivots of a set, and on all
// elements that could become one.
type leftOpen struct {
	column int32
	value  map[uint32]uint32 // by slot
}

type place struct{ set, pivot int32 }

// maxTracked bounds the numbers that a packing holds: it needs their square, k
// times over, twice two bytes each.
const maxTracked = 2_000

// maxOpen bounds what a set may leave open, and maxSupport on how many elements.
const (
	maxOpen    = 40
	maxSupport = 200_000
)

func newPacking(k int) *packing {
	return &packing{k: k, sets: make([]informationSet, k), owner: map[uint32]int32{}, places: map[uint32][]place{}, seeds: [2]uint64{rand.Uint64(), rand.Uint64()}}
}

// catchUp adds what was released since, as far as work allows; false if that was
// not enough.
func (p *packing) catchUp(tables []*keptTable, work *int) bool {
	for len(p.shadows) < maxTracked {
		if len(p.left) > 0 {
			m := p.tables[len(p.tables)-1].members()
			p.consider(m, p.left)
			for _, c := range p.pending {
				if p.add(c, m, true, work) == unknown {
					return false
				}
				p.left = p.left[1:]
			}
		}
		if len(p.tables) == len(tables) {
			return true
		}
		t := tables[len(p.tables)]
		p.begin(t)
		p.left = t.bySize()
	}
	return false
}

// begin adds a table of which no number has been added yet.
func (p *packing) begin(t *keptTable) {
	p.tables = append(p.tables, t)
	column := make([]int32, t.numbers)
	for n := range column {
		column[n] = -1
	}
	p.column = append(p.column, column)
}

// mark is where a packing was.
type mark struct{ tables, columns int }

func (p *packing) mark() mark { return mark{len(p.tables), len(p.shadows)} }

// rewind takes back what was added since.
func (p *packing) rewind(m mark) {
	for s := range p.sets {
		set := &p.sets[s]
		for n := len(set.pivots) - 1; n >= 0 && int(set.pivots[n].column) >= m.columns; n-- {
			p.release(set.pivots[n], int32(s))
			set.pivots = set.pivots[:n]
		}
		for n := range set.pivots {
			terms := set.pivots[n].terms
			for len(terms) > 0 && int(terms[len(terms)-1].at) >= m.columns {
				terms = terms[:len(terms)-1]
			}
			set.pivots[n].terms = terms
		}
		for len(set.open) > 0 && int(set.open[len(set.open)-1].column) >= m.columns {
			set.open = set.open[:len(set.open)-1]
		}
		set.lambda = set.lambda[:min(len(set.lambda), m.columns)]
	}
	p.tables, p.column, p.shadows, p.pending = p.tables[:m.tables], p.column[:m.tables], p.shadows[:m.columns], nil
	for _, column := range p.column {
		for n, c := range column {
			if int(c) >= m.columns {
				column[n] = -1
			}
		}
	}
}

// release gives up a pivot that is its set's last.
func (p *packing) release(v pivot, set int32) {
	at := p.places[v.slot]
	if at = at[:len(at)-1]; len(at) == 0 {
		delete(p.places, v.slot)
	} else {
		p.places[v.slot] = at
	}
	unit := p.unit(v.slot)
	for _, other := range p.sets[set].pivots[:len(p.sets[set].pivots)-1] {
		if p.unit(other.slot) == unit {
			return
		}
	}
	delete(p.owner, unit)
}

// verdict is what adding a number found.
type verdict int8

const (
	harmless  verdict = iota
	dangerous         // with numbers added before, it rests on fewer than k people
	unknown           // that was not found out within the bounds
)

// members are the elements of the newest table by class, to look for pivots in.
type members struct {
	start []int32
	slots []uint32
}

func (t *keptTable) members() *members {
	m := &members{start: make([]int32, len(t.columns)+1), slots: make([]uint32, t.len())}
	for i := range t.len() {
		m.start[t.class(i)+1]++
	}
	for c := range t.columns {
		m.start[c+1] += m.start[c]
	}
	next := slices.Clone(m.start)
	for i := range t.len() {
		c := t.class(i)
		m.slots[next[c]] = t.slot(i)
		next[c]++
	}
	return m
}

func (m *members) of(class int) []uint32 { return m.slots[m.start[class]:m.start[class+1]] }

// candidate is a number of the newest table on its way in.
type candidate struct {
	number  int
	classes []int             // in which it is
	times   []uint64          // of each of them
	at      map[uint32]uint64 // its value at pivots, where not zero
	shadow  shadow
}

// consider prepares numbers of the newest table.
func (p *packing) consider(m *members, numbers []int) {
	t := p.tables[len(p.tables)-1]
	of := make([]*candidate, t.numbers)
	p.pending = p.pending[:0]
	for _, n := range numbers {
		of[n] = &candidate{number: n, at: map[uint32]uint64{}}
		p.pending = append(p.pending, of[n])
	}
	for class, column := range t.columns {
		members := m.of(class)
		if class == 0 || len(members) == 0 {
			continue
		}
		var weight shadow
		for _, s := range members {
			for b := range weight {
				weight[b] = (weight[b] + mix(p.seeds[b]^uint64(s))) % prime
			}
		}
		for _, term := range column {
			if c := of[term.Number]; c != nil {
				c.classes, c.times = append(c.classes, class), append(c.times, modulo(term.Times))
				for b := range c.shadow {
					c.shadow[b] = (c.shadow[b] + weight[b]*modulo(term.Times)) % prime
				}
			}
		}
	}
	for slot := range p.places {
		p.meet(slot)
	}
}

// meet notes which of the pending numbers a pivot is in.
func (p *packing) meet(slot uint32) {
	t := p.tables[len(p.tables)-1]
	class := t.classOf(slot)
	if class == 0 {
		return
	}
	for _, c := range p.pending {
		if i, ok := slices.BinarySearch(c.classes, class); ok {
			c.at[slot] = c.times[i]
		}
	}
}

// addition is what a number would add to one set.
type addition struct {
	lambda []uint32
	slot   uint32
	value  uint64            // there
	open   map[uint32]uint32 // if there is no pivot
}

// add adds a number of the newest table if that is harmless. must adds it even if
// that is not known to be so: it was released.
func (p *packing) add(c *candidate, m *members, must bool, work *int) verdict {
	r := len(p.shadows)
	if r >= maxTracked {
		return unknown
	}
	last := len(p.tables) - 1
	p.column[last][c.number] = int32(r) // where termsAt finds it
	forget := func() { p.column[last][c.number] = -1 }
	adds := make([]addition, len(p.sets))
	var taken []uint32
	giveBack := func() {
		for _, u := range taken {
			delete(p.owner, u)
		}
		forget()
	}
	for s := range p.sets {
		a := &adds[s]
		a.lambda = p.reduce(s, c, work)
		if p.vanishes(a.lambda, c) {
			giveBack()
			return harmless // it follows
		}
		if *work < 0 {
			giveBack()
			return unknown
		}
		switch found, sure := p.find(s, a, c, m, work); {
		case !sure:
			giveBack()
			return unknown
		case found:
			unit := p.unit(a.slot)
			if _, ok := p.owner[unit]; !ok {
				p.owner[unit] = int32(s)
				taken = append(taken, unit)
			}
		default:
			v := p.lightestOpen(s, a.open)
			if v == follows {
				giveBack()
				return harmless
			}
			if !must && v != heavy {
				giveBack()
				if v == light {
					return dangerous
				}
				return unknown
			}
		}
	}
	p.commit(c, adds)
	return harmless
}

// reduce takes from a number what the pivots of a set have of it.
func (p *packing) reduce(s int, c *candidate, work *int) []uint32 {
	set := &p.sets[s]
	r := len(p.shadows)
	x := make([]uint32, r+1)
	x[r] = 1
	for i := range set.pivots {
		v := &set.pivots[i]
		sum := c.at[v.slot]
		for _, t := range v.terms {
			sum = (sum + uint64(x[t.at])*t.v) % prime
		}
		if sum == 0 {
			continue
		}
		f := prime - sum*v.inverse%prime
		*work -= int(v.column)
		for n, y := range set.lambda[v.column] {
			x[n] = uint32((uint64(x[n]) + f*uint64(y)) % prime)
		}
	}
	return x
}

// vanishes reports whether a combination is zero everywhere.
func (p *packing) vanishes(lambda []uint32, c *candidate) bool {
	for b := range c.shadow {
		sum := c.shadow[b]
		for n, x := range lambda[:len(lambda)-1] {
			if x != 0 {
				sum = (sum + uint64(x)*p.shadows[n][b]) % prime
			}
		}
		if sum != 0 {
			return false
		}
	}
	return true
}

// tries is how many elements of each class are looked at before all are.
const tries = 8

// find looks for an element, of nobody in another set, at which the combination
// is not zero. Without one, a.open has where it is not zero. sure is false if
// that would take too long.
func (p *packing) find(s int, a *addition, c *candidate, m *members, work *int) (found, sure bool) {
	free := func(slot uint32) bool {
		owner, ok := p.owner[p.unit(slot)]
		return !ok || owner == int32(s)
	}
	for _, class := range c.classes {
		of := m.of(class)
		step := max(1, len(of)/tries)
		for n := (s * 7) % step; n < len(of) && n < step*tries; n += step {
			if !free(of[n]) {
				continue
			}
			*work -= 40 * len(p.tables)
			if v := p.at(of[n], a.lambda); v != 0 {
				a.slot, a.value = of[n], v
				return true, true
			}
		}
	}
	for _, t := range p.tables {
		*work -= t.len()
	}
	if *work < 0 {
		return false, false
	}
	p.everywhere(a.lambda, func(slot uint32, v uint32) bool {
		if free(slot) {
			a.slot, a.value, found = slot, uint64(v), true
			return false
		}
		if a.open == nil {
			a.open = map[uint32]uint32{}
		}
		a.open[slot] = v
		return len(a.open) <= maxSupport
	})
	return found, found || len(a.open) <= maxSupport
}

// at is the value of a combination at an element.
func (p *packing) at(slot uint32, lambda []uint32) uint64 {
	sum := uint64(0)
	p.termsAt(slot, func(e entry) { sum = (sum + uint64(lambda[e.at])*e.v) % prime })
	return sum
}

// termsAt gives the columns that an element is in, ascending by table.
func (p *packing) termsAt(slot uint32, yield func(entry)) {
	for n, t := range p.tables {
		class := t.classOf(slot)
		if class == 0 {
			continue
		}
		for _, term := range t.columns[class] {
			if c := p.column[n][term.Number]; c >= 0 {
				yield(entry{c, modulo(term.Times)})
			}
		}
	}
}

// stretch is how many elements are looked at together.
const stretch = 1 << 16

// everywhere gives the elements at which a combination is not zero, in order, until
// yield says false. Mostly one of the first will do, so that it goes on by stretches.
func (p *packing) everywhere(lambda []uint32, yield func(slot, value uint32) bool) {
	type part struct {
		t      *keptTable
		values []uint64 // of the combination, by class
		next   int
	}
	var parts []part
	for n, t := range p.tables {
		values := make([]uint64, len(t.columns))
		some := false
		for class, column := range t.columns {
			for _, term := range column {
				if c := p.column[n][term.Number]; c >= 0 {
					values[class] = (values[class] + uint64(lambda[c])*modulo(term.Times)) % prime
				}
			}
			some = some || values[class] != 0
		}
		if some {
			parts = append(parts, part{t: t, values: values})
		}
	}
	if p.acc == nil {
		p.acc = make([]uint32, stretch)
	}
	defer clear(p.acc)
	for low := 0; low < p.elements; low += stretch {
		high := min(low+stretch, p.elements)
		for n := range parts {
			at := &parts[n]
			for ; at.next < at.t.len(); at.next++ {
				slot := int(at.t.slot(at.next))
				if slot >= high {
					break
				}
				if v := at.values[at.t.class(at.next)]; v != 0 {
					p.acc[slot-low] = uint32((uint64(p.acc[slot-low]) + v) % prime)
				}
			}
		}
		for n, v := range p.acc[:high-low] {
			if v != 0 && !yield(uint32(low+n), v) {
				return
			}
		}
		clear(p.acc)
	}
}

// commit makes a number a column.
func (p *packing) commit(c *candidate, adds []addition) {
	r := int32(len(p.shadows))
	p.shadows = append(p.shadows, c.shadow)
	for slot, v := range c.at {
		for _, at := range p.places[slot] {
			t := &p.sets[at.set].pivots[at.pivot].terms
			*t = append(*t, entry{r, v})
		}
	}
	for s := range p.sets {
		a, set := adds[s], &p.sets[s]
		set.lambda = append(set.lambda, a.lambda)
		if a.value == 0 {
			set.open = append(set.open, leftOpen{r, a.open})
			continue
		}
		v := pivot{column: r, slot: a.slot, inverse: power(a.value, prime-2)}
		p.termsAt(a.slot, func(e entry) { v.terms = append(v.terms, e) })
		slices.SortFunc(v.terms, func(a, b entry) int { return int(a.at - b.at) })
		p.places[a.slot] = append(p.places[a.slot], place{int32(s), int32(len(set.pivots))})
		set.pivots = append(set.pivots, v)
	}
	for s := range p.sets {
		if adds[s].value != 0 {
			p.meet(adds[s].slot)
		}
	}
}

// lightestOpen looks at the combinations of what a set leaves open and one more.
func (p *packing) lightestOpen(s int, more map[uint32]uint32) weight {
	vectors := make([]map[uint32]uint32, 0, len(p.sets[s].open)+1)
	for _, o := range p.sets[s].open {
		vectors = append(vectors, o.value)
	}
	vectors = append(vectors, more)
	if len(vectors) > maxOpen {
		return unsure
	}
	byValues := map[string]*weighed{}
	var columns []*weighed
	seen := map[uint32]bool{}
	for n := range vectors {
		for slot := range vectors[n] {
			if seen[slot] {
				continue
			}
			seen[slot] = true
			values := make([]uint64, len(vectors))
			key := make([]byte, 0, 4*len(vectors))
			for i, v := range vectors {
				x := v[slot]
				values[i] = uint64(x)
				key = append(key, byte(x), byte(x>>8), byte(x>>16), byte(x>>24))
			}
			c := byValues[string(key)]
			if c == nil {
				c = &weighed{values: values}
				byValues[string(key)] = c
				columns = append(columns, c)
			}
			if len(c.people) < p.k {
				c.people = distinct(c.people, p.unit(slot))
				c.many = len(c.people) >= p.k
			}
		}
	}
	return lightest(len(vectors), columns, p.k)
}

// bytes is about how much memory it takes.
func (p *packing) bytes() int {
	r := len(p.shadows)
	n := 4*len(p.acc) + p.k*r*r*2
	for _, s := range p.sets {
		for _, v := range s.pivots {
			n += 16 * len(v.terms)
		}
		for _, o := range s.open {
			n += 16 * len(o.value)
		}
	}
	return n
}
