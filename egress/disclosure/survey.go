package disclosure

import "math/bits"

// measure goes through the elements once: for which there are, how many each number has,
// at most, and for the fingerprints of the patterns.
func (j *Judgement) measure() {
	j.of, j.prints = make([]int32, j.c.Patterns.Len()), make([]uint64, j.c.Patterns.Len())
	b := buildTable(j.c.Patterns.Len()+1, j.c.Numbers)
	slots := make([]uint32, 0, blockSize)
	for block := range j.c.Elements.Blocks() {
		slots = j.history.reg.slots(block, slots[:0])
		for i, key := range block.Keys {
			pattern := block.Patterns[i]
			j.of[pattern]++
			j.prints[pattern] += mix(key)
			b.add(slots[i], int32(pattern+1))
		}
	}
	j.patterns = b.done()
	j.people = make([]int, j.c.Numbers)
	var terms []Term
	for p, n := range j.of {
		terms = j.c.Patterns.At(p, terms[:0])
		for _, t := range terms {
			j.people[t.Number] += int(n)
		}
	}
}

// rare says of each class whether it has fewer than k elements: it is in no popular
// pair. Where classes are few it does not matter: nil.
func (h *History) rare(j *Judgement) []bool {
	if j.columns.Len() <= maxMatrix {
		return nil
	}
	of := make([]int32, j.columns.Len())
	for p, n := range j.of {
		of[j.class[p]] += n
	}
	out := make([]bool, len(of))
	for c, n := range of {
		out[c] = c > 0 && int(n) < h.k
	}
	return out
}

// freshAtom is the atom of what was in nothing yet.
func (h *History) freshAtom(space uint64) uint64 { return mix(h.seed ^ space) }

// fewElements are looked at all at once. Of more, some are first: if these settle
// everything, as they mostly do, the others would say nothing else.
const fewElements = 1 << 17

// fewNumbers are looked at beside everything released sooner than most elements are
// compared.
const fewNumbers = 64

// settle finds popular pairs, and what they leave open (see unsettled). Unless it has
// to be exact, others may settle more: what is looked at beside them is then more than it
// need be.
func (h *History) settle(j *Judgement, exact bool) (open [][]int32, free []int32) {
	n := j.patterns.len()
	if n <= h.few { // what is in no atom of theirs says nothing
		return h.unsettled(j, h.survey(j, look{near: h.near(j, nil)}))
	}
	// Where many are alike some pages have enough of them; where few are, all elements
	// of some atoms.
	some := look{pages: max(1, len(j.patterns.parts)/max(1, h.few/pageSize))}
	atoms := look{mask: uint64(1)<<bits.Len(uint(n/(h.few/4+1))) - 1}
	pairs := append(h.survey(j, some), h.survey(j, atoms)...)
	if open, free = h.unsettled(j, pairs); len(open) == 0 {
		return nil, free
	}
	// A pair says more only if one of the two is in a number that is still free: so all
	// elements of the atoms are looked at in which there is one of these.
	of, many := j.in(free)
	if many > n/4 && len(free) <= fewNumbers && !exact {
		return open, free
	}
	return h.unsettled(j, append(pairs, h.survey(j, look{near: h.near(j, of)})...))
}

// look is which elements a survey looks at.
type look struct {
	pages int    // of every so many pages; 0 for of all
	mask  uint64 // those whose atom has none of these bits
	near  *atomSet
}

// atomSet is a set of atoms, and of others by chance.
type atomSet struct {
	words []uint64
	shift int
}

func (s *atomSet) has(atom uint64) bool {
	at := atom >> s.shift
	return s.words[at>>6]>>(at&63)&1 == 1
}

// in says of which patterns, and one, the elements are in some numbers, and how many
// these are.
func (j *Judgement) in(numbers []int32) (of []bool, elements int) {
	in := make([]bool, j.c.Numbers)
	for _, n := range numbers {
		in[n] = true
	}
	wanted := make([]bool, j.columns.Len())
	var terms []Term
	for c := range wanted {
		terms = j.columns.At(c, terms[:0])
		for _, t := range terms {
			wanted[c] = wanted[c] || in[t.Number]
		}
	}
	of = make([]bool, len(j.of)+1)
	for p, n := range j.of {
		if wanted[j.class[p]] {
			of[p+1] = true
			elements += int(n)
		}
	}
	return of, elements
}

// near are the atoms of elements of some patterns; of all for nil.
func (h *History) near(j *Judgement, of []bool) *atomSet {
	n := 0
	for p, some := range j.of {
		if of == nil || of[p+1] {
			n += int(some)
		}
	}
	width := min(max(12, bits.Len(uint(16*n))), 24)
	s := &atomSet{words: make([]uint64, 1<<(width-6)), shift: 64 - width}
	for i := range j.patterns.parts {
		part := &j.patterns.parts[i]
		p := h.reg.pages[part.page]
		fresh := h.freshAtom(p.space())
		part.each(func(offset uint32, pattern int) {
			if of != nil && !of[pattern] {
				return
			}
			atom := p.atom[offset]
			if atom == 0 {
				atom = fresh
			}
			s.words[atom>>s.shift>>6] |= 1 << (atom >> s.shift & 63)
		})
	}
	return s
}

// survey gives the popular pairs of classes of a table, as far as it looks. Elements
// of which nothing was released and that are not in the table are not known.
func (h *History) survey(j *Judgement, l look) [][2]int32 {
	var all pieces
	var people [][]uint32 // of each piece, up to 3k (rows only)
	rare := h.rare(j)     // classes that no pieces are made of
	spaces := map[uint64]bool{}
	for i := range j.patterns.parts {
		spaces[h.reg.pages[j.patterns.parts[i].page].space()] = true
	}
	classes := append(make([]int32, 1, len(j.class)+1), j.class...) // by pattern, and one
	var patterns [pageSize]uint32
	parts := j.patterns.parts
	for n, p := range h.reg.pages {
		for len(parts) > 0 && int(parts[0].page) < n {
			parts = parts[1:]
		}
		if l.pages > 1 && n%l.pages != 0 || !spaces[p.space()] {
			continue
		}
		if len(parts) > 0 && int(parts[0].page) == n {
			parts[0].spread(&patterns)
		} else {
			clear(patterns[:])
		}
		fresh := h.freshAtom(p.space())
		for offset, atom := range p.atom {
			pattern := patterns[offset]
			if atom == 0 {
				if pattern == 0 {
					continue
				}
				atom = fresh
			}
			if atom&l.mask != 0 || l.near != nil && !l.near.has(atom) {
				continue
			}
			class := classes[pattern]
			if rare != nil && rare[class] {
				continue
			}
			at := all.find(atom, class)
			all.list[at].n++
			if h.rows {
				if at == len(people) {
					people = append(people, nil)
				}
				if len(people[at]) < 3*h.k {
					people[at] = distinct(people[at], p.unit(uint32(offset)))
				}
			}
		}
	}
	return h.pairs(j, &all, people)
}

// pairs goes through the atoms.
func (h *History) pairs(j *Judgement, all *pieces, people [][]uint32) [][2]int32 {
	pairs := newPopularity(h.k, j.columns.Len(), h.rows)
	var sides []side
	for _, a := range all.atoms {
		newest := a.newest
		if newest == 0 || all.list[newest-1].before == 0 {
			continue
		}
		sides = sides[:0]
		for i := newest; i > 0; i = all.list[i-1].before {
			s := side{class: all.list[i-1].class, n: all.list[i-1].n}
			if h.rows {
				s.people = people[i-1]
			}
			sides = append(sides, s)
		}
		pairs.atom(sides)
	}
	return pairs.popular
}

// pieces are the elements of a table by atom and class. They hang together by atom.
type pieces struct {
	atoms []piecesOf // by atom, where there is room
	used  int
	shift int
	list  []piece
	many  places // of atoms with more than fewPieces, and classes: the piece, plus one
}

type piecesOf struct {
	atom   uint64
	newest uint32 // the piece that was made last, plus one; 0 for an empty place
}

type piece struct {
	class  int32
	n      int32  // elements
	before uint32 // the piece of the atom that was made before, plus one
	first  uint32 // the atom's first piece
	depth  int32  // how many were before
}

// fewPieces of an atom are looked through one by one.
const fewPieces = 8

// find gives a piece, which is made if it is new.
func (p *pieces) find(atom uint64, class int32) int {
	if 2*p.used >= len(p.atoms) {
		p.grow()
	}
	at := p.place(atom)
	if at.newest == 0 {
		p.used++
		at.atom = atom
		return p.add(at, piece{class: class, first: uint32(len(p.list))})
	}
	newest := &p.list[at.newest-1]
	if newest.class == class {
		return int(at.newest - 1)
	}
	first, depth := newest.first, newest.depth+1
	if depth <= fewPieces {
		for i := newest.before; i > 0; i = p.list[i-1].before {
			if p.list[i-1].class == class {
				return int(i - 1)
			}
		}
	} else if known := p.many.at(first, uint32(class)); *known > 0 {
		return int(*known - 1)
	} else {
		*known = uint32(len(p.list) + 1)
	}
	made := p.add(at, piece{class: class, before: at.newest, first: first, depth: depth})
	if depth == fewPieces { // from now on they are found by the table
		for i := at.newest; i > 0; i = p.list[i-1].before {
			*p.many.at(first, uint32(p.list[i-1].class)) = i
		}
	}
	return made
}

func (p *pieces) add(to *piecesOf, one piece) int {
	p.list = append(p.list, one)
	to.newest = uint32(len(p.list))
	return len(p.list) - 1
}

// place is where an atom is, or the empty place where it belongs.
func (p *pieces) place(atom uint64) *piecesOf {
	for at := int(atom >> p.shift); ; at = (at + 1) & (len(p.atoms) - 1) {
		if a := &p.atoms[at]; a.newest == 0 || a.atom == atom {
			return a
		}
	}
}

func (p *pieces) grow() {
	before := p.atoms
	p.atoms = make([]piecesOf, max(1<<10, 4*len(before)))
	p.shift = 64 - bits.Len(uint(len(p.atoms)-1))
	for _, a := range before {
		if a.newest != 0 {
			*p.place(a.atom) = a
		}
	}
}
