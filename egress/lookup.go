package egress

// unitSet is a set of units, which are dense.
type unitSet struct{ words []uint64 }

// add reports whether the unit was there already.
func (s *unitSet) add(unit uint32) bool {
	at, bit := int(unit>>6), uint64(1)<<(unit&63)
	if at >= len(s.words) {
		s.words = append(s.words, make([]uint64, max(at+1-len(s.words), len(s.words), 1024))...)
	}
	there := s.words[at]&bit != 0
	s.words[at] |= bit
	return there
}

// groupIndex finds a group by the hash of its keys, which is as good as chance.
type groupIndex struct {
	hashes []uint64
	rows   []int32 // −1 for an empty place
	mask   uint64
}

func newGroupIndex(groups map[uint64]int32) groupIndex {
	size := 8
	for size < 3*len(groups) {
		size *= 2
	}
	x := groupIndex{hashes: make([]uint64, size), rows: make([]int32, size), mask: uint64(size - 1)}
	for i := range x.rows {
		x.rows[i] = -1
	}
	for hash, row := range groups {
		at := hash & x.mask
		for x.rows[at] >= 0 {
			at = (at + 1) & x.mask
		}
		x.hashes[at], x.rows[at] = hash, row
	}
	return x
}

func (x *groupIndex) find(hash uint64) (int, bool) {
	for at := hash & x.mask; x.rows[at] >= 0; at = (at + 1) & x.mask {
		if x.hashes[at] == hash {
			return int(x.rows[at]), true
		}
	}
	return 0, false
}

// atomIndex finds an atom by the hash of its group's keys and its combination of
// conditions.
type atomIndex struct {
	places []atomPlace
	n      int
}

type atomPlace struct {
	g   uint64
	sig int64
	at  uint32 // the atom, plus one; 0 for an empty place
}

func (x *atomIndex) find(g uint64, sig int64) (uint32, bool) {
	if len(x.places) == 0 {
		return 0, false
	}
	a := x.place(g, sig)
	return a.at - 1, a.at != 0
}

func (x *atomIndex) place(g uint64, sig int64) *atomPlace {
	mask := uint64(len(x.places) - 1)
	for at := (g ^ uint64(sig)*0x9e3779b97f4a7c15>>20) & mask; ; at = (at + 1) & mask {
		if a := &x.places[at]; a.at == 0 || a.g == g && a.sig == sig {
			return a
		}
	}
}

func (x *atomIndex) put(g uint64, sig int64, at uint32) {
	if 3*x.n >= len(x.places) {
		before := x.places
		x.places = make([]atomPlace, max(16, 4*len(before)))
		for _, a := range before {
			if a.at != 0 {
				*x.place(a.g, a.sig) = a
			}
		}
	}
	x.n++
	*x.place(g, sig) = atomPlace{g, sig, at + 1}
}
