package disclosure

// arrangement is elements by atom: what stands together has been the same in
// everything released before.
type arrangement struct {
	start []int32  // of each atom's run in class and unit; one more at the end
	class []int32  // what each element is in the new table; 0 for nothing
	unit  []uint32 // whose each is
	// beyond: how many more elements of each atom are in nothing of the new table.
	beyond []int32
	// beyondUnits: their people, as far as is known (rows only).
	beyondUnits [][]uint32
}

const maxMatrix = 1500 // classes; above, weights are kept in a map

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
	matrix  []uint8
	sparse  map[uint64]uint8
	used    map[uint64][]uint32
	popular [][2]int32
}

func newPopularity(k, classes int, rows bool) *popularity {
	p := &popularity{k: k, rows: rows, n: classes, used: map[uint64][]uint32{}}
	if classes <= maxMatrix {
		p.matrix = make([]uint8, classes*classes)
	} else {
		p.sparse = map[uint64]uint8{}
	}
	return p
}

func (p *popularity) weight(at uint64) int {
	if p.matrix != nil {
		return int(p.matrix[at])
	}
	return int(p.sparse[at])
}

func (p *popularity) set(at uint64, w int) {
	w = min(w, p.k)
	if p.matrix != nil {
		p.matrix[at] = uint8(w)
	} else {
		p.sparse[at] = uint8(w)
	}
}

// count goes through all atoms.
func (p *popularity) count(a *arrangement) [][2]int32 {
	people := make([]int32, p.n)
	lists := make([][]uint32, p.n)
	var touched []int32
	for atom := range len(a.start) - 1 {
		touched = touched[:0]
		for i := a.start[atom]; i < a.start[atom+1]; i++ {
			c := a.class[i]
			if people[c] == 0 {
				touched = append(touched, c)
				lists[c] = lists[c][:0]
			}
			people[c]++
			if p.rows && len(lists[c]) < 3*p.k {
				lists[c] = distinct(lists[c], a.unit[i])
			}
		}
		if a.beyond[atom] > 0 {
			if people[0] == 0 {
				touched = append(touched, 0)
				lists[0] = lists[0][:0]
			}
			people[0] += a.beyond[atom]
			if p.rows && a.beyondUnits != nil {
				for _, u := range a.beyondUnits[atom] {
					lists[0] = distinct(lists[0], u)
				}
			}
		}
		if len(touched) > 1 {
			p.pairs(touched, people, lists)
		}
		for _, c := range touched {
			people[c] = 0
		}
	}
	return p.popular
}

// manyClasses: atoms of more classes are not compared each with each, but with
// the largest and with class 0.
const manyClasses = 12

func (p *popularity) pairs(touched []int32, people []int32, lists [][]uint32) {
	if len(touched) <= manyClasses {
		for i, a := range touched {
			for _, b := range touched[i+1:] {
				p.add(a, b, people, lists)
			}
		}
		return
	}
	hub := touched[0]
	for _, c := range touched {
		if people[c] > people[hub] {
			hub = c
		}
	}
	for _, c := range touched {
		if c != hub {
			p.add(c, hub, people, lists)
		}
		if c != 0 && hub != 0 && people[0] > 0 {
			p.add(c, 0, people, lists)
		}
	}
}

func (p *popularity) add(a, b int32, people []int32, lists [][]uint32) {
	if a > b {
		a, b = b, a
	}
	at := uint64(a)*uint64(p.n) + uint64(b)
	before := p.weight(at)
	if before >= p.k {
		return
	}
	after := before
	if p.rows {
		used := p.used[at]
		after, used = p.disjoint(before, used, lists[a], lists[b])
		if after >= p.k {
			delete(p.used, at)
		} else if after > before {
			p.used[at] = used
		}
	} else {
		after += int(min(people[a], people[b]))
	}
	if after == before {
		return
	}
	p.set(at, after)
	if after >= p.k {
		p.popular = append(p.popular, [2]int32{a, b})
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
