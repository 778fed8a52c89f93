package disclosure

import (
	"cmp"
	"slices"
)

// History is everything that was released to some researchers, as sets of
// elements, and decides what may be released beside it: no combination of
// numbers, by adding and subtracting multiples, may rest on elements of 1 … k−1
// people. docs/design/0006 has the mathematics and what is searched.
//
// A History is used by one goroutine at a time.
type History struct {
	k    int
	rows bool

	reg    *register
	size   []int32             // of each atom: known elements
	spare  []uint32            // atoms without elements, to be used again
	fresh  map[uint64]uint32   // of each space: the atom of what was in nothing yet
	known  map[uint64]struct{} // fingerprints of sets that follow from what was released
	tables []*keptTable
	packed *packing

	// Work bounds the search of one judgement, in steps of about a nanosecond; 0 for
	// DefaultWork. Above it a number is withheld instead.
	Work int
}

// DefaultWork keeps a judgement to about a second.
const DefaultWork = 1_000_000_000

// NewHistory begins a history under threshold k. rows: a person may have several
// elements; else keys are people.
func NewHistory(k int, rows bool) *History {
	return &History{k: k, rows: rows, reg: newRegister(), fresh: map[uint64]uint32{}, known: map[uint64]struct{}{}}
}

// Elements is how many elements are known.
func (h *History) Elements() int { return len(h.reg.atom) }

// Tables is how many tables were kept.
func (h *History) Tables() int { return len(h.tables) }

// Bytes is about how much memory the history takes.
func (h *History) Bytes() int {
	n := 8*len(h.reg.atom) + 4*pageSize*len(h.reg.pages) + 32*len(h.reg.other) + 4*len(h.size) + 16*len(h.known)
	for _, t := range h.tables {
		n += t.bytes()
	}
	if h.packed != nil {
		n += h.packed.bytes()
	}
	return n
}

// Judgement is what a history says of one table.
type Judgement struct {
	// Withheld says of each number whether it may not be released.
	Withheld []bool
	// Searched is false if some number was withheld because what would have to be
	// searched is more than the bound, not because a leak was found.
	Searched bool

	c       *Cohorts
	slots   []int32
	class   []int32 // of each pattern
	columns [][]Term
	follow  []uint64 // fingerprints that follow
	history *History
	version int
}

// maxNumbers bounds the numbers of one table.
const maxNumbers = 20_000

// Judge decides what of a table may be released. What was released stays as it is.
func (h *History) Judge(c *Cohorts) *Judgement {
	j := &Judgement{c: c, Withheld: make([]bool, c.Numbers), Searched: true, history: h, version: len(h.tables)}
	j.slots = h.reg.find(c.Elements)
	if c.Numbers > maxNumbers {
		for i := range j.Withheld {
			j.Withheld[i] = true
		}
		j.Searched = false
		j.classify()
		return j
	}
	order, atoms := h.arrange(c, j.slots)
	people := c.people()
	less := 1 // how many of the smallest numbers are withheld if what is open cannot be searched
	for {
		j.classify()
		pairs := newPopularity(h.k, len(j.columns), h.rows).count(h.arrangement(c, j, order, atoms))
		open, free := h.unsettled(j, pairs)
		if len(open) == 0 {
			j.follow = append(j.follow, j.fingerprints().numbers(j)...)
			return j
		}
		if j.Searched {
			if j.Searched = h.examine(j, free, people); j.Searched {
				j.classify()
				j.follow = j.fingerprints().numbers(j)
				return j
			}
			continue // without what was found dangerous
		}
		for _, numbers := range open {
			slices.SortFunc(numbers, func(a, b int32) int { return cmp.Or(people[a]-people[b], int(a-b)) })
			for _, n := range numbers[:min(less, len(numbers))] {
				j.Withheld[n] = true
			}
		}
		less *= 2
	}
}

// examine withholds, of some numbers, those that are dangerous beside the others
// and everything that was released. It reports whether that was found out of all
// of them.
func (h *History) examine(j *Judgement, free []int32, people []int) bool {
	work := cmp.Or(h.Work, DefaultWork)
	if h.packed == nil {
		h.packed = newPacking(h.k)
	}
	p := h.packed
	p.unit, p.elements = func(slot uint32) uint32 { return h.reg.unit[slot] }, len(h.reg.atom)
	if !p.catchUp(h.tables, &work) {
		return false
	}
	var numbers []int
	for _, n := range free {
		numbers = append(numbers, int(n))
	}
	slices.SortFunc(numbers, func(a, b int) int { return cmp.Or(people[b]-people[a], a-b) })
	numbers = slices.Compact(numbers)

	// New elements stand behind all that are known, until the table is kept.
	known := uint32(len(h.reg.atom))
	var slots []uint32
	var classes []int32
	for _, fresh := range []bool{false, true} {
		for i, e := range j.c.Elements {
			class := j.class[e.Pattern]
			if class == 0 || fresh != (j.slots[i] < 0) {
				continue
			}
			slot := known + uint32(i)
			if !fresh {
				slot = uint32(j.slots[i])
			}
			slots, classes = append(slots, slot), append(classes, class)
		}
	}
	p.elements += len(j.c.Elements)
	p.unit = func(slot uint32) uint32 {
		if slot >= known {
			return j.c.Elements[slot-known].Unit
		}
		return h.reg.unit[slot]
	}
	before := p.mark()
	defer p.rewind(before)
	t := newKeptTable(j.columns, j.c.Numbers, slots, classes)
	p.begin(t)
	m := t.members()
	p.consider(m, numbers)
	all := true
	for _, c := range p.pending {
		switch p.add(c, m, false, &work) {
		case dangerous:
			j.Withheld[c.number] = true
		case unknown:
			all = false
		}
	}
	return all
}

// people is of each number how many people are in it, at most.
func (c *Cohorts) people() []int {
	of := make([]int, len(c.Patterns))
	for _, e := range c.Elements {
		of[e.Pattern]++
	}
	out := make([]int, c.Numbers)
	for p, terms := range c.Patterns {
		for _, t := range terms {
			out[t.Number] += of[p]
		}
	}
	return out
}

// classify puts together the patterns that are alike in what is not withheld.
// Class 0 is in no number.
func (j *Judgement) classify() {
	j.class, j.columns = make([]int32, len(j.c.Patterns)), [][]Term{nil}
	index := map[string]int32{"": 0}
	var key []byte
	for p, terms := range j.c.Patterns {
		key = key[:0]
		var column []Term
		for _, t := range terms {
			if !j.Withheld[t.Number] && t.Times != 0 {
				column = append(column, t)
				key = append(key, byte(t.Number), byte(t.Number>>8), byte(t.Number>>16), byte(t.Times), byte(t.Times>>8), byte(t.Times>>16), byte(t.Times>>24))
			}
		}
		class, ok := index[string(key)]
		if !ok {
			class = int32(len(j.columns))
			index[string(key)] = class
			j.columns = append(j.columns, column)
		}
		j.class[p] = class
	}
}

// atomOf is the atom of an element: of those never seen, what was in nothing.
func (h *History) atomOf(e Element, slot int32) uint32 {
	if slot >= 0 {
		return h.reg.atom[slot]
	}
	return h.freshAtom(e.Key)
}

func (h *History) freshAtom(key uint64) uint32 {
	space := spaceOf(key)
	atom, ok := h.fresh[space]
	if !ok {
		atom = uint32(len(h.size))
		h.fresh[space] = atom
		h.size = append(h.size, 0)
	}
	return atom
}

// atomRun is the elements of one atom in an order.
type atomRun struct {
	atom       uint32
	start, end int32
}

// arrange orders the elements by atom.
func (h *History) arrange(c *Cohorts, slots []int32) (order []int32, runs []atomRun) {
	atoms := make([]uint32, len(c.Elements))
	for i, e := range c.Elements {
		atoms[i] = h.atomOf(e, slots[i])
	}
	count := make([]int32, len(h.size)+1)
	for _, a := range atoms {
		count[a+1]++
	}
	for a := range h.size {
		if n := count[a+1]; n > 0 {
			runs = append(runs, atomRun{uint32(a), count[a], count[a] + n})
		}
		count[a+1] += count[a]
	}
	order = make([]int32, len(c.Elements))
	for i, a := range atoms {
		order[count[a]] = int32(i)
		count[a]++
	}
	return order, runs
}

// arrangement gives the classes and people of the elements by atom, and what of
// each atom is in nothing of the table.
func (h *History) arrangement(c *Cohorts, j *Judgement, order []int32, runs []atomRun) *arrangement {
	a := &arrangement{start: make([]int32, 1, len(runs)+1), class: make([]int32, len(order)), unit: make([]uint32, len(order)), beyond: make([]int32, len(runs))}
	for i, e := range order {
		a.class[i], a.unit[i] = j.class[c.Elements[e].Pattern], c.Elements[e].Unit
	}
	for n, r := range runs {
		a.start = append(a.start, r.end)
		if !h.isFresh(r.atom) { // of what was never seen, what else there is is not known
			a.beyond[n] = h.size[r.atom] - (r.end - r.start)
		}
	}
	if h.rows {
		h.beyondUnits(a, j, runs)
	}
	return a
}

// beyondUnits finds people of the elements of each atom that are in nothing of
// the table, up to 3k.
func (h *History) beyondUnits(a *arrangement, j *Judgement, runs []atomRun) {
	a.beyondUnits = make([][]uint32, len(runs))
	place := map[uint32]int{}
	for n, r := range runs {
		if a.beyond[n] > 0 {
			place[r.atom] = n
		}
	}
	if len(place) == 0 {
		return
	}
	inside := make([]bool, len(h.reg.atom))
	for _, s := range j.slots {
		if s >= 0 {
			inside[s] = true
		}
	}
	for slot, atom := range h.reg.atom {
		if inside[slot] {
			continue
		}
		if n, ok := place[atom]; ok && len(a.beyondUnits[n]) < 3*h.k {
			a.beyondUnits[n] = distinct(a.beyondUnits[n], h.reg.unit[slot])
		}
	}
}

func (h *History) isFresh(atom uint32) bool {
	for _, a := range h.fresh {
		if a == atom {
			return true
		}
	}
	return false
}

// Keep adds what a judgement lets out to the history. Nothing may have been kept
// between the judgement and this.
func (h *History) Keep(j *Judgement) {
	if j.history != h || j.version != len(h.tables) {
		panic("disclosure: a judgement of another history")
	}
	type piece struct {
		atom  uint32
		class int32
	}
	split := map[piece]uint32{}
	var slots []uint32
	var classes []int32
	for i, e := range j.c.Elements {
		class := j.class[e.Pattern]
		if class == 0 {
			continue
		}
		slot := j.slots[i]
		if slot < 0 {
			slot = h.reg.add(e, h.freshAtom(e.Key))
		} else {
			h.size[h.reg.atom[slot]]--
		}
		p := piece{h.reg.atom[slot], class}
		atom, ok := split[p]
		if !ok {
			atom = h.newAtom()
			split[p] = atom
		}
		h.reg.atom[slot] = atom
		h.size[atom]++
		slots, classes = append(slots, uint32(slot)), append(classes, class)
	}
	emptied := map[uint32]bool{}
	for p := range split {
		if h.size[p.atom] == 0 && !h.isFresh(p.atom) && !emptied[p.atom] {
			emptied[p.atom] = true
			h.spare = append(h.spare, p.atom)
		}
	}
	h.tables = append(h.tables, newKeptTable(j.columns, j.c.Numbers, slots, classes))
	for _, f := range j.follow {
		h.known[f] = struct{}{}
	}
}

// newAtom gives an empty atom.
func (h *History) newAtom() uint32 {
	if n := len(h.spare); n > 0 {
		atom := h.spare[n-1]
		h.spare = h.spare[:n-1]
		return atom
	}
	h.size = append(h.size, 0)
	return uint32(len(h.size) - 1)
}

// Restore adds a table as it was released: withheld says which numbers were not.
func (h *History) Restore(c *Cohorts, withheld []bool) {
	j := &Judgement{c: c, Withheld: slices.Clone(withheld), history: h, version: len(h.tables)}
	j.slots = h.reg.find(c.Elements)
	j.classify()
	j.follow = j.fingerprints().numbers(j)
	h.Keep(j)
}

// New reports whether a judgement lets out anything that does not follow from
// what was released before: if not, there is nothing to keep.
func (j *Judgement) New() bool {
	if j.history == nil {
		return false
	}
	sets := j.fingerprints().numbers(j)
	shown := 0
	for _, w := range j.Withheld {
		if !w {
			shown++
		}
	}
	if len(sets) < shown {
		return true // some are no plain sets
	}
	for _, f := range sets {
		if _, ok := j.history.known[f]; !ok {
			return true
		}
	}
	return false
}
