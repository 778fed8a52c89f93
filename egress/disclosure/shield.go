package disclosure

// Shield finds numbers from which others, that are withheld whatever else is shown,
// would follow by adding and subtracting: a total and all parts of it but one give
// that one. Numbers are of one measure; atoms as in Audit.
type Shield struct {
	basis    []auditRow
	withheld [][]auditEntry // what is left of each
	scratch  []uint64
}

// NewShield begins with nothing shown, over so many atoms.
func NewShield(atoms int) *Shield { return &Shield{scratch: make([]uint64, atoms)} }

// Withhold says that a number, of some atoms, is not shown.
func (s *Shield) Withhold(atoms []int) {
	if v := s.reduce(ones(atoms)); len(v) > 0 {
		s.withheld = append(s.withheld, v)
	}
}

// Show reports whether a number can be shown without giving away one that is not. If
// so, it counts as shown. Every withheld number must be known by then.
func (s *Shield) Show(atoms []int) bool {
	v := s.reduce(ones(atoms))
	if len(v) == 0 {
		return true // it follows
	}
	inverse := power(uint64(v[0].v), prime-2)
	for i := range v {
		v[i].v = uint32(uint64(v[i].v) * inverse % prime)
	}
	row := auditRow{pivot: int(v[0].at), v: v}
	left := make([][]auditEntry, len(s.withheld))
	for i, w := range s.withheld {
		if left[i] = s.take(w, []auditRow{row}); len(left[i]) == 0 {
			return false
		}
	}
	s.basis, s.withheld = append(s.basis, row), left
	return true
}

func ones(atoms []int) []auditEntry {
	out := make([]auditEntry, len(atoms))
	for i, at := range atoms {
		out[i] = auditEntry{int32(at), 1}
	}
	return out
}

func (s *Shield) reduce(v []auditEntry) []auditEntry { return s.take(v, s.basis) }

// take takes from a vector what rows have of it, one after the other.
func (s *Shield) take(v []auditEntry, rows []auditRow) []auditEntry {
	touched := make([]int32, 0, 2*len(v))
	for _, e := range v {
		s.scratch[e.at] = uint64(e.v)
		touched = append(touched, e.at)
	}
	for _, row := range rows {
		x := s.scratch[row.pivot]
		if x == 0 {
			continue
		}
		f := prime - x
		for _, e := range row.v {
			if s.scratch[e.at] == 0 {
				touched = append(touched, e.at)
			}
			s.scratch[e.at] = (s.scratch[e.at] + f*uint64(e.v)) % prime
		}
	}
	var out []auditEntry
	for _, at := range touched {
		if x := s.scratch[at]; x != 0 { // some are touched twice
			out = append(out, auditEntry{at, uint32(x)})
			s.scratch[at] = 0
		}
	}
	return out
}
