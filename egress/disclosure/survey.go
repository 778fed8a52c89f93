package disclosure

// measure goes through the elements for how many each number has, at most, and for the
// fingerprints of the patterns.
func (j *Judgement) measure() {
	j.of, j.prints = make([]int32, j.c.Patterns.Len()), make([]uint64, j.c.Patterns.Len())
	for block := range j.c.Elements.Blocks() {
		for i, key := range block.Keys {
			pattern := block.Patterns[i]
			j.of[pattern]++
			j.prints[pattern] += mix(key)
		}
	}
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

// pieces are the elements of a table by atom and class. They hang together by atom.
type pieces struct {
	newest []uint32 // of each atom: the piece that was made last, plus one
	list   []piece
	many   places // of atoms with more than fewPieces, and classes: the piece, plus one
}

type piece struct {
	atom   uint32
	class  int32
	n      int32  // elements
	before uint32 // the piece of the atom that was made before, plus one
	depth  int32  // how many were
}

// fewPieces of an atom are looked through one by one.
const fewPieces = 8

// find gives a piece, which is made if it is new.
func (p *pieces) find(atom uint32, class int32) int {
	if int(atom) >= len(p.newest) {
		p.newest = append(p.newest, make([]uint32, int(atom)+1-len(p.newest))...)
	}
	newest := p.newest[atom]
	depth := int32(0)
	if newest > 0 {
		if depth = p.list[newest-1].depth + 1; depth <= fewPieces {
			for i := newest; i > 0; i = p.list[i-1].before {
				if p.list[i-1].class == class {
					return int(i - 1)
				}
			}
		} else if at := p.list[newest-1]; at.class == class {
			return int(newest - 1)
		}
	}
	if depth > fewPieces {
		at := p.many.at(atom, uint32(class))
		if *at > 0 {
			return int(*at - 1)
		}
		*at = uint32(len(p.list) + 1)
	}
	p.list = append(p.list, piece{atom: atom, class: class, before: newest, depth: depth})
	p.newest[atom] = uint32(len(p.list))
	if depth == fewPieces { // from now on they are found by the table
		for i := p.newest[atom]; i > 0; i = p.list[i-1].before {
			*p.many.at(atom, uint32(p.list[i-1].class)) = i
		}
	}
	return len(p.list) - 1
}

// has reports whether there is a piece of an atom.
func (p *pieces) has(atom uint32) bool { return int(atom) < len(p.newest) && p.newest[atom] > 0 }

// survey gives the popular pairs of classes of a table.
func (h *History) survey(j *Judgement) [][2]int32 {
	all := pieces{newest: make([]uint32, len(h.size))}
	var people [][]uint32                   // of each piece, up to 3k (rows only)
	rare := h.rare(j)                       // classes that no pieces are made of
	without := make([]int32, len(h.size)+1) // of each atom: elements of them
	slots := make([]uint32, 0, blockSize)
	var inside []uint64 // a bit for each slot
	fresh, ofSpace := uint32(0), ^uint64(0)
	for block := range j.c.Elements.Blocks() {
		slots = h.reg.slots(block, slots[:0])
		if n := len(h.reg.pages) * pageSize / 64; h.rows && n > len(inside) {
			inside = append(inside, make([]uint64, n-len(inside))...)
		}
		for i, slot := range slots {
			atom := h.reg.pages[slot>>pageBits].atom[slot&inPage]
			if atom == 0 {
				if space := spaceOf(block.Keys[i]); space != ofSpace {
					fresh, ofSpace = h.freshAtom(space), space
				}
				atom = fresh
			} else if h.size[atom] == 1 {
				continue // there is nobody to pair it with
			}
			if h.rows {
				inside[slot>>6] |= 1 << (slot & 63)
			}
			class := j.class[block.Patterns[i]]
			if rare != nil && rare[class] {
				if int(atom) < len(without) { // else it is of what was never seen
					without[atom]++
				}
				continue
			}
			at := all.find(atom, class)
			all.list[at].n++
			if h.rows {
				if at == len(people) {
					people = append(people, nil)
				}
				if len(people[at]) < 3*h.k {
					people[at] = distinct(people[at], block.Units[i])
				}
			}
		}
	}
	return h.pairs(j, &all, people, without, inside)
}

// pairs goes through the atoms.
func (h *History) pairs(j *Judgement, all *pieces, people [][]uint32, without []int32, inside []uint64) [][2]int32 {
	// What else there is of an atom is in nothing of the table. Of what was never seen,
	// that is not known.
	beyond := make([]int32, len(h.size))
	for _, p := range all.list {
		if !h.isNew[p.atom] {
			if beyond[p.atom] == 0 {
				beyond[p.atom] = h.size[p.atom] - without[p.atom]
			}
			if beyond[p.atom] -= p.n; beyond[p.atom] == 0 {
				beyond[p.atom] = none
			}
		}
	}
	var others map[uint32][]uint32
	if h.rows {
		others = h.beyond(beyond, inside)
	}
	pairs := newPopularity(h.k, j.columns.Len(), h.rows)
	var sides []side
	for atom, newest := range all.newest {
		if newest == 0 || all.list[newest-1].before == 0 && beyond[atom] <= 0 {
			continue
		}
		sides = sides[:0]
		nothing := -1
		for i := newest; i > 0; i = all.list[i-1].before {
			p := &all.list[i-1]
			if p.class == 0 {
				nothing = len(sides)
			}
			s := side{class: p.class, n: p.n}
			if h.rows {
				s.people = people[i-1]
			}
			sides = append(sides, s)
		}
		if beyond[atom] > 0 {
			if nothing < 0 {
				nothing = len(sides)
				sides = append(sides, side{})
			}
			s := &sides[nothing]
			s.n += beyond[atom]
			for _, u := range others[uint32(atom)] {
				s.people = distinct(s.people, u)
			}
		}
		pairs.atom(sides)
	}
	return pairs.popular
}

// none of an atom's elements are beyond the table.
const none = -1

// beyond finds people of the elements of atoms that are in nothing of the table, up to
// 3k of each.
func (h *History) beyond(elements []int32, inside []uint64) map[uint32][]uint32 {
	people := map[uint32][]uint32{}
	wanted := make([]bool, len(elements))
	n := 0
	for atom, e := range elements {
		if e > 0 {
			wanted[atom] = true
			n++
		}
	}
	for i, p := range h.reg.pages {
		for offset, atom := range p.atom {
			if n == 0 {
				return people
			}
			slot := uint32(i)<<pageBits | uint32(offset)
			if !wanted[atom] || inside[slot>>6]>>(slot&63)&1 == 1 {
				continue
			}
			of := distinct(people[atom], p.unit(uint32(offset)))
			people[atom] = of
			if len(of) == 3*h.k {
				wanted[atom] = false
				n--
			}
		}
	}
	return people
}
