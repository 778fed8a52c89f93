package disclosure

// side is those of one atom's elements that are in one class of the new table.
type side struct {
	class  int32 // 0 for nothing
	n      int32
	people []uint32 // some of them, up to 3k (rows only)
}

const maxMatrix = 1500 // classes; above, weights are kept in a table

// popularity counts, for pairs of classes, in how many disjoint pairs of people
// of the same atom one is in the first and the other in the second.
//
// Fewer than k people cannot be in all of k disjoint pairs. So if a combination
// of released numbers rests on fewer than k people, there is a pair of which it
// rests on neither: its coefficients of the two are equal, because they are zero.
// The two are alike in every earlier number, so that the combination's
// coefficients of the new numbers must cancel between their classes. That is one
// linear equation for each popular pair of classes (docs/design/0006).
type popularity struct {
	k       int
	rows    bool // a person may have several elements
	n       int
	matrix  []uint16
	sparse  places
	used    map[uint64][]uint32
	popular [][2]int32
}

func newPopularity(k, classes int, rows bool) *popularity {
	p := &popularity{k: k, rows: rows, n: classes, used: map[uint64][]uint32{}}
	if classes <= maxMatrix {
		p.matrix = make([]uint16, classes*classes)
	}
	return p
}

// atom takes in one atom: what stands together has been the same in everything
// released before.
func (p *popularity) atom(sides []side) {
	if len(sides) < 2 {
		return
	}
	if len(sides) <= manyClasses {
		for i := range sides {
			for j := range sides[i+1:] {
				p.add(&sides[i], &sides[i+1+j])
			}
		}
		return
	}
	hub, nothing := &sides[0], (*side)(nil)
	for i := range sides {
		if sides[i].n > hub.n {
			hub = &sides[i]
		}
		if sides[i].class == 0 {
			nothing = &sides[i]
		}
	}
	for i := range sides {
		s := &sides[i]
		if s != hub {
			p.add(s, hub)
		}
		if s.class != 0 && hub.class != 0 && nothing != nil {
			p.add(s, nothing)
		}
	}
}

// manyClasses: atoms of more classes are not compared each with each, but with
// the largest and with class 0.
const manyClasses = 12

func (p *popularity) add(a, b *side) {
	if a.class > b.class {
		a, b = b, a
	}
	at := uint64(a.class)*uint64(p.n) + uint64(b.class)
	var before int
	var cell *uint32
	if p.matrix != nil {
		before = int(p.matrix[at])
	} else {
		cell = p.sparse.at(uint32(a.class), uint32(b.class))
		before = int(*cell)
	}
	if before >= p.k {
		return
	}
	after := before
	if p.rows {
		used := p.used[at]
		after, used = p.disjoint(before, used, a.people, b.people)
		if after >= p.k {
			delete(p.used, at)
		} else if after > before {
			p.used[at] = used
		}
	} else {
		after = min(before+int(min(a.n, b.n)), p.k)
	}
	if after == before {
		return
	}
	if p.matrix != nil {
		p.matrix[at] = uint16(after)
	} else {
		*cell = uint32(after)
	}
	if after >= p.k {
		p.popular = append(p.popular, [2]int32{a.class, b.class})
	}
}

// disjoint finds pairs of people, one of each list, of whom none is in a pair yet.
func (p *popularity) disjoint(weight int, used []uint32, left, right []uint32) (int, []uint32) {
	taken := func(u uint32) bool {
		for _, x := range used {
			if x == u {
				return true
			}
		}
		return false
	}
	j := 0
	for _, u := range left {
		if weight >= p.k {
			break
		}
		if taken(u) {
			continue
		}
		for j < len(right) && taken(right[j]) {
			j++
		}
		if j == len(right) {
			break
		}
		used = append(used, u, right[j])
		j++
		weight++
	}
	return weight, used
}

// distinct appends u if it is not there; runs come by person nearly always.
func distinct(list []uint32, u uint32) []uint32 {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i] == u {
			return list
		}
	}
	return append(list, u)
}
