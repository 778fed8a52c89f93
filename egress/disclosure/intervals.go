package disclosure

import (
	"cmp"
	"slices"
)

// Shown is a number that would leave.
type Shown struct {
	Atoms []int
	// Kind says what numbers are of one sort, as groups by the same keys under the
	// same condition are: no atom is in two of them.
	Kind int
	// Falls are the numbers, by their places, that do not leave if this one does not,
	// itself among them. One without any cannot be withheld: it is taken to be known.
	Falls []int
}

// Widen says which of the shown numbers must be withheld too, so that each hidden
// one, given by its atoms, could be anything within k people or more: the largest
// that it could be less the smallest, where what is shown is as it is and no atom
// has fewer people than nobody. docs/design/0009 says why k, and proves that this is
// so without further ado where what is shown are two laminar families.
//
// What follows from the shown numbers, and so has no interval, is not to be among
// the hidden ones.
func Widen(k int, people []int, shown []Shown, hidden [][]int) (withhold []int) {
	if len(hidden) == 0 {
		return nil
	}
	v := &widening{k: k, people: people, shown: shown, gone: make([]bool, len(shown))}
	v.index()
	for {
		narrow, undecided := v.narrow(hidden)
		if v.simplify(undecided) {
			v.index()
			continue
		}
		before := slices.Clone(v.gone)
		for _, h := range narrow {
			if one := hidden[h : h+1]; v.narrowOne(one) {
				v.widen(one)
			}
		}
		if len(narrow) == 0 || slices.Equal(before, v.gone) {
			break
		}
	}
	for n, gone := range v.gone {
		if gone {
			withhold = append(withhold, n)
		}
	}
	return withhold
}

// widening is what is shown on the way.
type widening struct {
	k      int
	people []int
	shown  []Shown
	gone   []bool
	in     [][]int32 // of each atom: the numbers that it is in
	alone  []bool    // of each atom: is it a number by itself
	open   [][]int   // of each number: its atoms that are not
	part   []int     // of each of these atoms: its component
	parts  []component
}

// component is atoms that numbers hold together. Those of another say nothing of
// them.
type component struct {
	atoms  []int
	proved bool  // its numbers are two laminar families
	excess []int // the kinds without which they would be
}

// index finds the atoms that stand by themselves, and the components of the others.
func (v *widening) index() {
	v.in, v.alone, v.open = make([][]int32, len(v.people)), make([]bool, len(v.people)), make([][]int, len(v.shown))
	for n, s := range v.shown {
		if v.gone[n] {
			continue
		}
		for _, a := range s.Atoms {
			v.in[a] = append(v.in[a], int32(n))
		}
		if len(s.Atoms) == 1 {
			v.alone[s.Atoms[0]] = true
		}
	}
	root := make([]int, len(v.people))
	for a := range root {
		root[a] = a
	}
	find := func(a int) int {
		for root[a] != a {
			root[a] = root[root[a]]
			a = root[a]
		}
		return a
	}
	for n, s := range v.shown {
		for _, a := range s.Atoms {
			if !v.gone[n] && !v.alone[a] {
				v.open[n] = append(v.open[n], a)
				root[find(a)] = find(v.open[n][0])
			}
		}
	}
	v.part, v.parts = make([]int, len(v.people)), nil
	at := map[int]int{}
	for a := range v.people {
		if v.alone[a] || len(v.in[a]) == 0 {
			continue
		}
		p, ok := at[find(a)]
		if !ok {
			p = len(v.parts)
			at[find(a)] = p
			v.parts = append(v.parts, component{})
		}
		v.part[a] = p
		v.parts[p].atoms = append(v.parts[p].atoms, a)
	}
	for p := range v.parts {
		v.parts[p].excess = v.crossing(v.parts[p].atoms)
		v.parts[p].proved = len(v.parts[p].excess) == 0
	}
}

// crossing puts the kinds of numbers into two families, so that of each two numbers
// of a family one lies in the other or they have nothing in common, and returns
// those that fit into neither: beginning with the kinds of the largest numbers.
func (v *widening) crossing(atoms []int) (excess []int) {
	of := map[int][]int{} // of each kind: the number that each atom is in, or -1
	weight := map[int]int{}
	var kinds []int
	for i, a := range atoms {
		for _, n := range v.in[a] {
			kind := v.shown[n].Kind
			if of[kind] == nil {
				of[kind] = slices.Repeat([]int{-1}, len(atoms))
				kinds = append(kinds, kind)
			}
			of[kind][i] = int(n)
			weight[kind] = max(weight[kind], len(v.open[n]))
		}
	}
	slices.SortFunc(kinds, func(a, b int) int { return cmp.Or(weight[b]-weight[a], a-b) })
	family := map[int]bool{} // of each kind that is kept, as far as it must be one
	crossed := map[int][]int{}
	for n, kind := range kinds {
		crossed[kind] = nil
		for _, other := range kinds[:n] {
			if _, kept := crossed[other]; kept && crosses(of[kind], of[other]) {
				crossed[kind], crossed[other] = append(crossed[kind], other), append(crossed[other], kind)
			}
		}
		clear(family)
		if !twoFamilies(crossed, kind, family) {
			for _, other := range crossed[kind] {
				crossed[other] = crossed[other][:len(crossed[other])-1]
			}
			delete(crossed, kind)
			excess = append(excess, kind)
		}
	}
	return excess
}

// twoFamilies reports whether the kinds that are connected with one by crossings can
// be put into two families without any.
func twoFamilies(crossed map[int][]int, first int, family map[int]bool) bool {
	family[first] = true
	for queue := []int{first}; len(queue) > 0; queue = queue[1:] {
		mine := family[queue[0]]
		for _, other := range crossed[queue[0]] {
			if theirs, ok := family[other]; !ok {
				family[other] = !mine
				queue = append(queue, other)
			} else if theirs == mine {
				return false
			}
		}
	}
	return true
}

// crosses reports whether some number of one kind and one of another have atoms in
// common, and each has others.
func crosses(one, other []int) bool {
	const several = -2
	inside := func(a, b []int) map[int]int { // of each number: the only one of the other kind that it has atoms in
		out := map[int]int{}
		for i, n := range a {
			if n < 0 {
				continue
			}
			if m, ok := out[n]; !ok {
				out[n] = b[i]
			} else if m != b[i] {
				out[n] = several
			}
		}
		return out
	}
	within, around := inside(one, other), inside(other, one)
	for i, n := range one {
		if m := other[i]; n >= 0 && m >= 0 && within[n] < 0 && around[m] < 0 {
			return true
		}
	}
	return false
}

// narrow lists the hidden numbers whose intervals are less than k, and the
// components in which that was not found out.
func (v *widening) narrow(hidden [][]int) (narrow, undecided []int) {
	width := make([]float64, len(hidden))
	of := make([][]int, len(v.parts)) // the hidden numbers to look at
	for h, atoms := range hidden {
		if v.settled(atoms) {
			width[h] = float64(v.k)
			continue
		}
		for _, a := range atoms {
			if p := v.part[a]; !v.alone[a] && !v.parts[p].proved && (len(of[p]) == 0 || of[p][len(of[p])-1] != h) {
				of[p] = append(of[p], h)
			}
		}
	}
	for p, numbers := range of {
		numbers = slices.DeleteFunc(slices.Compact(numbers), func(h int) bool { return width[h] >= float64(v.k) })
		if len(numbers) == 0 {
			continue
		}
		decided := len(v.parts[p].atoms) <= maxMoved
		if decided {
			decided = newMoves(v, v.parts[p].atoms).widths(hidden, numbers, width)
		}
		if !decided {
			undecided = append(undecided, p)
		}
	}
	for h := range hidden {
		if width[h] < float64(v.k)-1e-6 {
			narrow = append(narrow, h)
		}
	}
	return narrow, undecided
}

func (v *widening) narrowOne(one [][]int) bool {
	narrow, _ := v.narrow(one)
	return len(narrow) > 0
}

// settled reports whether a hidden number needs no look: it is only in components
// that are proved, or of some atom nothing is said at all.
func (v *widening) settled(atoms []int) bool {
	proved := true
	for _, a := range atoms {
		switch {
		case v.alone[a]:
		case len(v.in[a]) == 0:
			return true
		case !v.parts[v.part[a]].proved:
			proved = false
		}
	}
	return proved
}

// simplify withholds, in components that are too large to look at, the kinds of
// numbers without which they are proved; where none of these can be withheld, all
// that can. It reports whether there were any.
func (v *widening) simplify(parts []int) bool {
	some := false
	for _, p := range parts {
		part := v.parts[p]
		if v.removeAll(part.atoms, func(kind int) bool { return slices.Contains(part.excess, kind) }) || v.removeAll(part.atoms, func(int) bool { return true }) {
			some = true
		}
	}
	return some
}

// removeAll withholds numbers of some kinds that atoms are in.
func (v *widening) removeAll(atoms []int, kind func(int) bool) bool {
	some := false
	for _, a := range atoms {
		for _, n := range v.in[a] {
			if !v.gone[n] && len(v.shown[n].Falls) > 0 && kind(v.shown[n].Kind) {
				v.remove(int(n))
				some = true
			}
		}
	}
	return some
}

// remove withholds a number and what falls with it.
func (v *widening) remove(n int) {
	for _, i := range v.shown[n].Falls {
		v.gone[i] = true
	}
}

// widen withholds numbers until a hidden one has a wide interval.
func (v *widening) widen(one [][]int) {
	for {
		n := v.next(one)
		if n < 0 {
			return
		}
		v.remove(n)
		v.index()
		if !v.narrowOne(one) {
			return
		}
	}
}

// maxTried bounds the numbers that are tried, one by one, before one is withheld
// that does not help by itself.
const maxTried = 8

// next is the number to withhold next for the sake of a hidden one, of those that
// stand beside it in a total or are such a total: the smallest that makes its
// interval wide, or the smallest; or -1 if there is none.
func (v *widening) next(one [][]int) int {
	var totals []int32
	for _, a := range one[0] {
		if !v.alone[a] {
			totals = append(totals, v.in[a]...)
		}
	}
	slices.Sort(totals)
	totals = slices.Compact(totals)
	size := func(n int32) int {
		sum := 0
		for _, a := range v.shown[n].Atoms {
			sum += v.people[a]
		}
		return sum
	}
	bySize := func(a, b int32) int { return cmp.Or(size(a)-size(b), int(a-b)) }
	slices.SortFunc(totals, bySize)
	candidates := slices.Clone(totals)
	for _, t := range totals[:min(len(totals), maxTried)] {
		for _, a := range v.shown[t].Atoms {
			if v.alone[a] {
				candidates = append(candidates, v.in[a]...)
			}
		}
	}
	slices.SortFunc(candidates, bySize)
	candidates = slices.DeleteFunc(slices.Compact(candidates), func(n int32) bool { return len(v.shown[n].Falls) == 0 })
	if len(candidates) == 0 {
		return -1
	}
	for _, n := range candidates[:min(len(candidates), maxTried)] {
		before := slices.Clone(v.gone)
		v.remove(int(n))
		v.index()
		narrow := v.narrowOne(one)
		v.gone = before
		if !narrow {
			return int(n)
		}
	}
	v.index()
	return int(candidates[0])
}
