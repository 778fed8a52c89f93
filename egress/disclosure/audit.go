package disclosure

import (
	"math/bits"
	"slices"
)

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
	scratch   []uint64     // zeros between two calls
	touched   []uint64     // a bit for each of them that may not be zero
}

// auditRow is an admitted combination, over atoms, then meanings. In later rows
// the entry at its pivot is zero; its own is 1.
type auditRow struct {
	pivot int
	v     []auditEntry
}

// auditEntry is a coefficient that is not zero, modulo prime.
type auditEntry struct {
	at int32
	v  uint32
}

// NewAudit begins an audit over atoms of so many people. meanings is the number
// of conditions by groups that numbers can be made of, whether or not anybody
// meets them.
func NewAudit(threshold int, people []int, exact bool, meanings int) *Audit {
	return &Audit{threshold: threshold, people: people, exact: exact, meanings: meanings, claimed: map[int]bool{}, scratch: make([]uint64, len(people)+meanings), touched: make([]uint64, (len(people)+meanings+63)/64)}
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
	v := a.reduce(n)
	var small []int
	big, units, meant := -1, 0, false
	for _, e := range v {
		i := int(e.at)
		switch {
		case i >= len(a.people):
			meant = true
		case a.people[i] < a.threshold:
			small = append(small, i)
			units += a.people[i]
		// The smallest group is asked for last. With its atom as pivot, larger
		// ones are admitted without any arithmetic, and rows stay short.
		case big < 0 || a.people[i] < a.people[big]:
			big = i
		}
	}
	switch {
	case big >= 0:
		a.add(v, big)
		return true, nil
	case len(small) == 0:
		// Nothing is left: it follows from what was released. Or the combination
		// rests on nobody, and could have rested on somebody.
		return !meant, nil
	case !a.exact || units < a.threshold:
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

// Follows reports whether a number says nothing of people that the admitted ones do
// not say: that it is withheld, if it is, hides only what its words could have meant.
func (a *Audit) Follows(n Number) bool {
	for _, e := range a.reduce(n) {
		if int(e.at) < len(a.people) {
			return false
		}
	}
	return true
}

// reduce takes from a number what the basis has of it. Its entries are in order.
func (a *Audit) reduce(n Number) []auditEntry {
	v, touched := a.scratch, a.touched
	set := func(i int) {
		v[i] = 1
		touched[i>>6] |= 1 << (i & 63)
	}
	for _, i := range n.Atoms {
		set(i)
	}
	for _, i := range n.Meanings {
		set(len(a.people) + i)
	}
	for _, row := range a.basis {
		if v[row.pivot] == 0 {
			continue
		}
		f := prime - v[row.pivot]
		for _, e := range row.v {
			touched[e.at>>6] |= 1 << (e.at & 63)
			v[e.at] = modPrime(v[e.at] + f*uint64(e.v))
		}
	}
	out := make([]auditEntry, 0, len(n.Atoms)+len(n.Meanings))
	for w, word := range touched {
		for ; word != 0; word &= word - 1 {
			i := w<<6 + bits.TrailingZeros64(word)
			if v[i] != 0 {
				out = append(out, auditEntry{int32(i), uint32(v[i])})
				v[i] = 0
			}
		}
		touched[w] = 0
	}
	return out
}

// add keeps a row, scaled so that its pivot is 1.
func (a *Audit) add(v []auditEntry, pivot int) {
	at := slices.IndexFunc(v, func(e auditEntry) bool { return int(e.at) == pivot })
	inverse := power(uint64(v[at].v), prime-2)
	for i := range v {
		v[i].v = uint32(uint64(v[i].v) * inverse % prime)
	}
	a.basis = append(a.basis, auditRow{pivot: pivot, v: v})
}

// modPrime is x modulo prime, which is one less than a power of two.
func modPrime(x uint64) uint64 {
	x = x&prime + x>>31
	if x = x&prime + x>>31; x >= prime {
		x -= prime
	}
	return x
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
