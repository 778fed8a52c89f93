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
	k       int
	tables  []*keptTable
	column  [][]int32 // of each table and number: its column; −1 for none
	shadows []shadow  // of each column
	sets    []informationSet
	owner   map[uint32]int32   // which set a person belongs to
	pivots  map[uint32][]place // where each pivot's element is one
	seeds   [2]uint64
	reg     *register
	left    []int // numbers of the last table that were not looked at yet
	pending []*candidate
	trial   *trial
	from    int // the page at which everywhere begins
}

// trial is the newest table while it may still be taken back: numbers of it were added
// to judge them.
type trial struct {
	before    mark
	judgement *Judgement
	numbers   []int // that were looked at
}

// giveUp takes back what was tried.
func (p *packing) giveUp() {
	if p.trial != nil {
		p.rewind(p.trial.before)
		p.trial = nil
	}
}

// keep says that a table was released. If it was judged here, its numbers that were
// looked at, and not withheld, are there or follow from others.
func (p *packing) keep(j *Judgement, t *keptTable) {
	if p.trial == nil || p.trial.judgement != j {
		p.giveUp()
		return
	}
	p.tables[len(p.tables)-1] = t
	p.left, p.pending = slices.DeleteFunc(t.bySize(), func(n int) bool { return slices.Contains(p.trial.numbers, n) }), nil
	p.trial = nil
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
	// near are the values there of the combinations of those before it that are reduced
	// together with it.
	near [together - 1]uint64
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

func newPacking(k int, reg *register) *packing {
	return &packing{k: k, reg: reg, sets: make([]informationSet, k), owner: map[uint32]int32{}, pivots: map[uint32][]place{}, seeds: [2]uint64{rand.Uint64(), rand.Uint64()}}
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
	at := p.pivots[v.slot]
	if at = at[:len(at)-1]; len(at) == 0 {
		delete(p.pivots, v.slot)
	} else {
		p.pivots[v.slot] = at
	}
	unit := p.reg.unit(v.slot)
	for _, other := range p.sets[set].pivots[:len(p.sets[set].pivots)-1] {
		if p.reg.unit(other.slot) == unit {
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

// candidate is a number of the newest table on its way in.
type candidate struct {
	number  int
	classes []int32           // some in which it is
	at      map[uint32]uint64 // its value at pivots, where not zero
	shadow  shadow
}

// maxClasses bounds the classes of a number in which elements are looked at one by one.
const maxClasses = 1024

// consider prepares numbers of the newest table.
func (p *packing) consider(m *members, numbers []int) {
	t := p.tables[len(p.tables)-1]
	of := make([]*candidate, t.numbers)
	p.pending = p.pending[:0]
	for _, n := range numbers {
		of[n] = &candidate{number: n, at: map[uint32]uint64{}}
		p.pending = append(p.pending, of[n])
	}
	weights := make([]shadow, t.columns.Len())
	t.each(func(slot uint32, class int) {
		w := &weights[class]
		for b := range w { // below 2³² summands of less than 2³¹
			w[b] += mix(p.seeds[b]^uint64(slot)) % prime
		}
	})
	var terms []Term
	for class, weight := range weights {
		if class == 0 || len(m.of(class)) == 0 {
			continue
		}
		terms = t.columns.At(class, terms[:0])
		for _, term := range terms {
			if c := of[term.Number]; c != nil {
				if len(c.classes) < maxClasses {
					c.classes = append(c.classes, int32(class))
				}
				for b := range c.shadow {
					c.shadow[b] = (c.shadow[b] + weight[b]%prime*modulo(term.Times)) % prime
				}
			}
		}
	}
	for slot := range p.pivots {
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
	terms := t.columns.At(class, nil)
	for _, c := range p.pending {
		if i, ok := slices.BinarySearchFunc(terms, int32(c.number), func(t Term, n int32) int { return int(t.Number - n) }); ok {
			c.at[slot] = modulo(terms[i].Times)
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
	var others [][]uint32
	for s := range p.sets {
		a := &adds[s]
		if s == 0 {
			a.lambda = p.reduce(s, c, work)
		} else {
			if others == nil {
				others = p.reduced(c, work)
			}
			a.lambda = others[s]
		}
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
			unit := p.reg.unit(a.slot)
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

// commit makes a number a column.
func (p *packing) commit(c *candidate, adds []addition) {
	r := int32(len(p.shadows))
	p.shadows = append(p.shadows, c.shadow)
	for slot, v := range c.at {
		for _, at := range p.pivots[slot] {
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
		first := len(set.pivots) / together * together
		for n, before := range set.pivots[first:] {
			v.near[n] = valueOf(v.terms, set.lambda[before.column])
		}
		p.pivots[a.slot] = append(p.pivots[a.slot], place{int32(s), int32(len(set.pivots))})
		set.pivots = append(set.pivots, v)
	}
	for s := range p.sets {
		if adds[s].value != 0 {
			p.meet(adds[s].slot)
		}
	}
}

// bytes is about how much memory it takes.
func (p *packing) bytes() int {
	r := len(p.shadows)
	n := p.k * r * r * 2
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
