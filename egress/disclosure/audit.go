package disclosure

// prime is the modulus of the audit's arithmetic. A combination that is not
// zero is taken for zero by a chance of about one in two thousand million, and
// only if its entries happen to be multiples of it; taking one that is zero
// for another cannot happen.
const prime = 1<<31 - 1

// Audit decides, number by number, what may be released beside what has been
// (Audit Expert, Chin and Özsoyoğlu 1982). Rows of people fall into atoms:
// those of one finest group that meet the same conditions. A number is made of
// whole atoms. The audit admits a number only if no combination of it with
// those admitted before, by adding and subtracting multiples, rests on atoms of
// together fewer than threshold people, and on none that might have been empty:
// that nobody is there must not show either.
type Audit struct {
	threshold int
	people    []int // of each atom
	exact     bool  // no person is in two atoms, so people of atoms may be added up
	meanings  int
	basis     []auditRow
	claimed   map[int]bool // small atoms that an admitted combination rests on
}

type auditRow struct {
	pivot int
	v     []uint64 // atoms, then meanings
}

// NewAudit begins an audit over atoms of so many people. meanings is the number
// of conditions by groups that numbers can be made of, whether or not anybody
// meets them.
func NewAudit(threshold int, people []int, exact bool, meanings int) *Audit {
	return &Audit{threshold: threshold, people: people, exact: exact, meanings: meanings, claimed: map[int]bool{}}
}

// Number is what a number is made of: the atoms in it, and what it means (group
// by condition).
type Number struct {
	Atoms, Meanings []int
}

// Admit releases all of the parts of a number, or none: a number with several
// conditional parts is taken to show each of them.
func (a *Audit) Admit(parts ...Number) bool {
	before, claimed := len(a.basis), make([]int, 0)
	for _, p := range parts {
		ok, atoms := a.admit(p)
		claimed = append(claimed, atoms...)
		if !ok {
			a.basis = a.basis[:before]
			for _, atom := range claimed {
				delete(a.claimed, atom)
			}
			return false
		}
	}
	return true
}

func (a *Audit) admit(n Number) (bool, []int) {
	v := make([]uint64, len(a.people)+a.meanings)
	for _, i := range n.Atoms {
		v[i] = 1
	}
	for _, i := range n.Meanings {
		v[len(a.people)+i] = 1
	}
	for _, row := range a.basis {
		if f := v[row.pivot]; f != 0 {
			for i, x := range row.v {
				if x != 0 {
					v[i] = (v[i] + (prime-f)*x) % prime
				}
			}
		}
	}
	var small []int
	units := 0
	for i, people := range a.people {
		switch {
		case v[i] == 0:
		case people >= a.threshold:
			a.add(v, i)
			return true, nil
		default:
			small = append(small, i)
			units += people
		}
	}
	if len(small) == 0 {
		for _, x := range v[len(a.people):] {
			if x != 0 {
				return false, nil // the combination rests on nobody, and could have rested on somebody
			}
		}
		return true, nil // it follows from what was released
	}
	if !a.exact || units < a.threshold {
		return false, nil
	}
	for _, i := range small {
		if a.claimed[i] {
			return false, nil
		}
	}
	for _, i := range small {
		a.claimed[i] = true
	}
	a.add(v, small[0])
	return true, small
}

// add keeps a row, scaled so that its pivot is 1.
func (a *Audit) add(v []uint64, pivot int) {
	inverse := power(v[pivot], prime-2)
	for i := range v {
		v[i] = v[i] * inverse % prime
	}
	a.basis = append(a.basis, auditRow{pivot: pivot, v: v})
}

func power(x, n uint64) uint64 {
	out := uint64(1)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			out = out * x % prime
		}
		x = x * x % prime
	}
	return out
}
