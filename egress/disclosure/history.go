package disclosure

import (
	"cmp"
	"math/rand/v2"
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
	seed   uint64              // of atoms
	few    int                 // elements that are looked at all at once
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
	return &History{k: k, rows: rows, reg: newRegister(), seed: rand.Uint64(), few: fewElements, known: map[uint64]struct{}{}}
}

// Elements is how many elements are known.
func (h *History) Elements() int { return h.reg.known }

// Tables is how many tables were kept.
func (h *History) Tables() int { return len(h.tables) }

// Bytes is about how much memory the history takes.
func (h *History) Bytes() int {
	n := h.reg.bytes() + 16*len(h.known)
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

	c        *Cohorts
	of       []int32    // of each pattern: elements
	prints   []uint64   // of each pattern: the sum of random numbers of its elements
	people   []int      // of each number, at most
	class    []int32    // of each pattern
	columns  Patterns   // of each class: the first is nothing
	patterns *keptTable // the elements by pattern, and one
	kept     *keptTable // what is not withheld; nil until it is asked for
	follow   []uint64   // fingerprints that follow
	history  *History
	version  int
}

// maxNumbers bounds the numbers of one table.
const maxNumbers = 20_000

// Judge decides what of a table may be released. What was released stays as it is.
func (h *History) Judge(c *Cohorts) *Judgement {
	j := &Judgement{c: c, Withheld: make([]bool, c.Numbers), Searched: true, history: h, version: len(h.tables)}
	j.measure()
	if c.Numbers > maxNumbers {
		for i := range j.Withheld {
			j.Withheld[i] = true
		}
		j.Searched = false
		j.classify()
		return j
	}
	less := 1 // how many of the smallest numbers are withheld if what is open cannot be searched
	for {
		j.classify()
		open, free := h.settle(j, !j.Searched)
		if len(open) == 0 {
			j.follow = append(j.follow, j.fingerprints().numbers(j)...)
			return j
		}
		if j.Searched {
			if j.Searched = h.examine(j, free); j.Searched {
				j.classify()
				j.follow = j.fingerprints().numbers(j)
				return j
			}
			continue // without what was found dangerous
		}
		for _, numbers := range open {
			slices.SortFunc(numbers, func(a, b int32) int { return cmp.Or(j.people[a]-j.people[b], int(a-b)) })
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
func (h *History) examine(j *Judgement, free []int32) bool {
	work := cmp.Or(h.Work, DefaultWork)
	if h.packed == nil {
		h.packed = newPacking(h.k, h.reg)
	}
	p := h.packed
	p.giveUp()
	if !p.catchUp(h.tables, &work) {
		return false
	}
	var numbers []int
	for _, n := range free {
		numbers = append(numbers, int(n))
	}
	slices.SortFunc(numbers, func(a, b int) int { return cmp.Or(j.people[b]-j.people[a], a-b) })
	numbers = slices.Compact(numbers)

	p.trial = &trial{before: p.mark(), judgement: j, numbers: numbers}
	t := j.table()
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
	if !all {
		p.giveUp()
	}
	return all
}

// table is what is not withheld, as it is kept.
func (j *Judgement) table() *keptTable {
	if j.kept != nil {
		return j.kept
	}
	j.kept = &keptTable{columns: j.columns, numbers: j.c.Numbers}
	same := true
	for p, class := range j.class {
		same = same && int(class) == p+1
	}
	if same {
		j.kept.n, j.kept.parts = j.patterns.n, j.patterns.parts
		return j.kept
	}
	var of [pageSize]uint32
	for i := range j.patterns.parts {
		j.patterns.parts[i].spread(&of)
		for offset, pattern := range of {
			if pattern != 0 {
				of[offset] = uint32(j.class[pattern-1])
			}
		}
		if p, ok := packPart(j.patterns.parts[i].page, &of); ok {
			j.kept.parts = append(j.kept.parts, p)
			j.kept.n += int(p.n) + 1
		}
	}
	return j.kept
}

// classify puts together the patterns that are alike in what is not withheld.
// Class 0 is in no number.
func (j *Judgement) classify() {
	patterns := &j.c.Patterns
	j.kept = nil
	j.class = make([]int32, patterns.Len())
	whole := !slices.Contains(j.Withheld, true)
	if whole && patterns.distinct {
		list := Patterns{ends: make([]uint32, 1, 1+len(patterns.ends)), terms: patterns.terms}
		for p := range j.class {
			if len(patterns.raw(p)) > 0 {
				list.ends = append(list.ends, patterns.ends[p])
				j.class[p] = int32(len(list.ends) - 1)
			}
		}
		j.columns = list
		return
	}
	var columns Distinct
	columns.Put(nil)
	var terms, shown []Term
	for p := range j.class {
		if whole {
			j.class[p] = int32(columns.put(patterns.raw(p)))
			continue
		}
		terms, shown = patterns.At(p, terms[:0]), shown[:0]
		for _, t := range terms {
			if !j.Withheld[t.Number] {
				shown = append(shown, t)
			}
		}
		j.class[p] = int32(columns.Put(shown))
	}
	j.columns = columns.List()
}

// Keep adds what a judgement lets out to the history. Nothing may have been kept
// between the judgement and this.
func (h *History) Keep(j *Judgement) {
	if j.history != h || j.version != len(h.tables) {
		panic("disclosure: a judgement of another history")
	}
	t := j.table()
	seed := mix(h.seed + uint64(j.version) + 1)
	for i := range t.parts {
		p := h.reg.pages[t.parts[i].page]
		fresh := h.freshAtom(p.space())
		t.parts[i].each(func(offset uint32, class int) {
			atom := p.atom[offset]
			if atom == 0 {
				h.reg.known++
				atom = fresh
			}
			p.atom[offset] = atom + mix(seed+uint64(class))
		})
	}
	h.tables = append(h.tables, t)
	if h.packed != nil {
		h.packed.keep(j, t)
	}
	for _, f := range j.follow {
		h.known[f] = struct{}{}
	}
}

// Restore adds a table as it was released: withheld says which numbers were not.
func (h *History) Restore(c *Cohorts, withheld []bool) {
	j := &Judgement{c: c, Withheld: slices.Clone(withheld), history: h, version: len(h.tables)}
	j.classify()
	j.measure()
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
