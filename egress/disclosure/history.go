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
	totals map[uint64]total    // of each space
	seen   map[uint64]int      // of each space: known elements
	known  map[uint64]struct{} // fingerprints of sets that follow from what was released
	tables []*keptTable

	// Work bounds the audit of everything at once, in elements times tables; 0 for
	// DefaultWork. Above it a number is withheld instead.
	Work int
}

// DefaultWork keeps an audit of everything below a few seconds.
const DefaultWork = 4_000_000

// total is what is publicly known of a table from the start.
type total struct {
	elements int // how many rows (or people) there are
	most     int // the most that one person has
}

// keptTable is one released table: which slots are in which class.
type keptTable struct {
	slots   []uint32
	class   []int32
	columns [][]Term // of each class; class 0 is in nothing
	numbers int
}

// NewHistory begins a history under threshold k. rows: a person may have several
// elements; else keys are people.
func NewHistory(k int, rows bool) *History {
	return &History{k: k, rows: rows, reg: newRegister(), fresh: map[uint64]uint32{}, totals: map[uint64]total{}, seen: map[uint64]int{}, known: map[uint64]struct{}{}}
}

// Total declares what is known of a table from the start: how many elements of
// its space there are, and that no person has more than most of them.
func (h *History) Total(key uint64, elements, most int) {
	h.totals[spaceOf(key)] = total{elements, max(1, most)}
}

// Elements is how many elements are known.
func (h *History) Elements() int { return len(h.reg.atom) }

// Tables is how many tables were kept.
func (h *History) Tables() int { return len(h.tables) }

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

// Judge decides what of a table may be released. It changes nothing.
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
	full := 0
	for {
		j.classify()
		a := h.arrangement(c, j, order, atoms)
		pairs := newPopularity(h.k, len(j.columns), h.rows).count(a)
		left := h.residuals(c.Numbers, j, pairs)
		prints := j.fingerprints()
		var open []residual
		for _, r := range left {
			if f, ok := r.fingerprint(prints); ok {
				j.follow = append(j.follow, f)
				if _, ok := h.known[f]; ok {
					continue
				}
			}
			open = append(open, r)
		}
		if len(open) == 0 {
			j.follow = append(j.follow, prints.numbers(j)...)
			return j
		}
		full++
		some := false
		withhold := func(r residual) {
			if n := smallest(r, people, j.Withheld); n >= 0 {
				j.Withheld[n], some = true, true
			}
		}
		if full <= maxFull && full*(len(h.tables)+1)*(h.Elements()+len(c.Elements)) <= cmp.Or(h.Work, DefaultWork) {
			bad := h.audit(j, open)
			if bad == nil {
				j.follow = append(j.follow, prints.numbers(j)...)
				return j
			}
			withhold(*bad)
		} else {
			j.Searched = false
			for _, r := range open {
				withhold(r)
			}
		}
		j.follow = nil
		if !some {
			return j.nothing()
		}
	}
}

// maxFull bounds the audits of everything in one judgement.
const maxFull = 24

// nothing withholds all.
func (j *Judgement) nothing() *Judgement {
	for i := range j.Withheld {
		j.Withheld[i] = true
	}
	j.classify()
	return j
}

// smallest is the number of a residual of the fewest people.
func smallest(r residual, people []int, withheld []bool) int {
	best := -1
	for n, v := range r.lambda {
		if v != 0 && !withheld[n] && (best < 0 || people[n] < people[best]) {
			best = n
		}
	}
	return best
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
	if key&hashed != 0 {
		space = hashed
	}
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
		members := int(r.end - r.start)
		if first := c.Elements[order[r.start]]; h.fresh[spaceKey(first.Key)] == r.atom && j.slots[order[r.start]] < 0 {
			// Never seen: what is not in this table either is known by its total.
			space := spaceOf(first.Key)
			if t, ok := h.totals[space]; ok && first.Key&hashed == 0 {
				others := (t.elements - h.seen[space] - members) / t.most
				if !h.rows || others >= 2*h.k { // enough to be beside any k people
					a.beyond[n] = int32(max(0, others))
				}
			}
			continue
		}
		a.beyond[n] = h.size[r.atom] - int32(members)
	}
	if h.rows {
		h.beyondUnits(a, j, runs)
	}
	return a
}

func spaceKey(key uint64) uint64 {
	if key&hashed != 0 {
		return hashed
	}
	return spaceOf(key)
}

// beyondUnits finds people of the elements of each atom that are in nothing of
// the table, up to 3k.
func (h *History) beyondUnits(a *arrangement, j *Judgement, runs []atomRun) {
	a.beyondUnits = make([][]uint32, len(runs))
	place := map[uint32]int{}
	for n, r := range runs {
		switch {
		case a.beyond[n] <= 0:
		case h.isFresh(r.atom):
			for i := range 2 * h.k { // people whom nobody has seen: numbers that no unit has
				a.beyondUnits[n] = append(a.beyondUnits[n], ^uint32(0)-uint32(i))
			}
		default:
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
	t := &keptTable{columns: j.columns, numbers: j.c.Numbers}
	type piece struct {
		atom  uint32
		class int32
	}
	split := map[piece]uint32{}
	for i, e := range j.c.Elements {
		class := j.class[e.Pattern]
		if class == 0 {
			continue
		}
		slot := j.slots[i]
		if slot < 0 {
			slot = h.reg.add(e, h.freshAtom(e.Key))
			h.seen[spaceOf(e.Key)]++
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
		t.slots, t.class = append(t.slots, uint32(slot)), append(t.class, class)
	}
	emptied := map[uint32]bool{}
	for p := range split {
		if h.size[p.atom] == 0 && !h.isFresh(p.atom) && !emptied[p.atom] {
			emptied[p.atom] = true
			h.spare = append(h.spare, p.atom)
		}
	}
	h.tables = append(h.tables, t)
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

// Public adds numbers that are known to everybody, without judging them.
func (h *History) Public(c *Cohorts) {
	j := &Judgement{c: c, Withheld: make([]bool, c.Numbers), history: h, version: len(h.tables)}
	j.slots = h.reg.find(c.Elements)
	j.classify()
	j.follow = j.fingerprints().numbers(j)
	h.Keep(j)
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
