package disclosure

import "sort"

// entry is one coefficient of a sparse vector over the integers modulo prime.
type entry struct {
	at int32
	v  uint64
}

// solution collects linear equations over n unknowns, and tells which unknowns
// they leave free. Arithmetic is modulo prime: equations that are dependent
// there may be independent over the rationals, never the other way, so that
// what is found determined is determined.
type solution struct {
	n       int
	rows    [][]entry // by pivot: entries right of it; the pivot itself is 1
	rank    int
	scratch []uint64
}

func newSolution(n int) *solution {
	return &solution{n: n, rows: make([][]entry, n), scratch: make([]uint64, n)}
}

// full reports whether only the zero solution is left.
func (s *solution) full() bool { return s.rank == s.n }

// require adds the equation Σ v·λ = 0.
func (s *solution) require(equation []entry) {
	if s.full() || len(equation) == 0 {
		return
	}
	first, last := s.n, 0
	for _, e := range equation {
		s.scratch[e.at] = (s.scratch[e.at] + e.v) % prime
		first, last = min(first, int(e.at)), max(last, int(e.at))
	}
	for i := first; i <= last; i++ {
		f := s.scratch[i]
		if f == 0 {
			continue
		}
		row := s.rows[i]
		if row == nil {
			s.keep(i, last)
			return
		}
		s.scratch[i] = 0
		for _, e := range row {
			s.scratch[e.at] = (s.scratch[e.at] + (prime-f)*e.v) % prime
			last = max(last, int(e.at))
		}
	}
}

// keep makes what is in scratch from pivot on a row, and clears it.
func (s *solution) keep(pivot, last int) {
	inverse := power(s.scratch[pivot], prime-2)
	row := []entry{}
	for i := pivot; i <= last; i++ {
		if x := s.scratch[i]; x != 0 && i > pivot {
			row = append(row, entry{int32(i), x * inverse % prime})
		}
		s.scratch[i] = 0
	}
	s.rows[pivot] = row
	s.rank++
}

// free gives a basis of the solutions, each as a dense vector.
func (s *solution) free() [][]uint64 {
	var out [][]uint64
	for f := range s.n {
		if s.rows[f] != nil {
			continue
		}
		v := make([]uint64, s.n)
		v[f] = 1
		for p := f - 1; p >= 0; p-- {
			sum := uint64(0)
			for _, e := range s.rows[p] {
				sum = (sum + e.v*v[e.at]) % prime
			}
			if s.rows[p] != nil && sum != 0 {
				v[p] = prime - sum
			}
		}
		out = append(out, v)
	}
	return out
}

// weighed is a column of vectors, and the people behind it: if many, at least as
// many as the threshold.
type weighed struct {
	values []uint64 // one for each vector
	many   bool
	people []uint32
}

// maxSets bounds what lightestOf tries: sets of columns, times columns, times vectors.
const maxSets = 5_000_000

// weight is what a search for the lightest combination found.
type weight int8

const (
	heavy   weight = iota // every combination rests on k people or more
	light                 // one rests on fewer
	follows               // the last vector follows from the others
	unsure                // the search was given up
)

// lightest looks for the combination of vectors, in which the last one has a
// part, that rests on the fewest people without being zero.
func lightest(vectors int, columns []*weighed, k int) weight {
	s := newSolution(vectors)
	for _, c := range columns {
		if c.many {
			s.require(sparse(c.values))
		}
	}
	if s.rows[vectors-1] != nil {
		return heavy // no part of any combination that is zero on the columns of many
	}
	combinations := s.free() // the last of them is the one with the last vector
	basis := independent(combinations[:len(combinations)-1], columns)
	older := len(basis)
	basis = append(basis, independent(combinations, columns)[older:]...)
	if len(basis) == older {
		return follows
	}
	return lightestOf(basis, columns, k)
}

// independent gives, of each combination that is zero on the columns of many,
// its values on the other columns: an echelon basis of them.
func independent(combinations [][]uint64, columns []*weighed) [][]uint64 {
	var small []int
	for i, c := range columns {
		if !c.many {
			small = append(small, i)
		}
	}
	var basis [][]uint64
	var pivots []int
	for _, lambda := range combinations {
		v := make([]uint64, len(columns))
		for _, i := range small {
			sum := uint64(0)
			for n, x := range columns[i].values {
				if x != 0 && lambda[n] != 0 {
					sum = (sum + lambda[n]*x) % prime
				}
			}
			v[i] = sum
		}
		for b, row := range basis {
			if f := v[pivots[b]]; f != 0 {
				for _, i := range small {
					v[i] = (v[i] + (prime-f)*row[i]) % prime
				}
			}
		}
		for _, i := range small {
			if v[i] == 0 {
				continue
			}
			inverse := power(v[i], prime-2)
			for _, j := range small {
				v[j] = v[j] * inverse % prime
			}
			basis, pivots = append(basis, v), append(pivots, i)
			break
		}
	}
	return basis
}

// lightestOf looks for a combination of d vectors, with a part of the last, of
// fewer than k people. Of those with the fewest people there is one that is zero
// on as much as possible, which is on d−1 independent columns: trying every d−1
// of the different columns finds it.
func lightestOf(basis [][]uint64, columns []*weighed, k int) weight {
	d := len(basis)
	type ray struct {
		values []uint64
		people map[uint32]bool
	}
	var rays []ray
	index := map[string]int{}
	for i, c := range columns {
		if c.many {
			continue
		}
		values := make([]uint64, d)
		scale := uint64(0)
		for n := range basis {
			values[n] = basis[n][i]
			if scale == 0 && values[n] != 0 {
				scale = power(values[n], prime-2)
			}
		}
		if scale == 0 {
			continue // zero here, whatever the combination
		}
		key := make([]byte, 0, 4*d)
		for n := range values {
			values[n] = values[n] * scale % prime
			key = append(key, byte(values[n]), byte(values[n]>>8), byte(values[n]>>16), byte(values[n]>>24))
		}
		at, ok := index[string(key)]
		if !ok {
			at = len(rays)
			index[string(key)] = at
			rays = append(rays, ray{values: values, people: map[uint32]bool{}})
		}
		if len(rays[at].people) < 2*k {
			for _, u := range c.people {
				rays[at].people[u] = true
			}
		}
	}
	sort.SliceStable(rays, func(a, b int) bool { return len(rays[a].people) > len(rays[b].people) })
	if choose(len(rays), d-1)*len(rays)*d > maxSets {
		return unsure
	}
	isLight := func(zero []int) bool {
		s := newSolution(d)
		for _, i := range zero {
			s.require(sparse(rays[i].values))
		}
		if s.rank != d-1 {
			return false // another choice says the same
		}
		lambda := s.free()[0]
		if lambda[d-1] == 0 {
			return false
		}
		people := map[uint32]bool{}
		for _, r := range rays {
			sum := uint64(0)
			for n, x := range r.values {
				sum = (sum + lambda[n]*x) % prime
			}
			if sum == 0 {
				continue
			}
			for u := range r.people {
				people[u] = true
			}
			if len(people) >= k {
				return false
			}
		}
		return true
	}
	if subsets(len(rays), d-1, isLight) {
		return light
	}
	return heavy
}

// choose is the number of subsets of r of n things, or a number above maxSets.
func choose(n, r int) int {
	out := 1
	for i := range r {
		if out = out * (n - i) / (i + 1); out > maxSets {
			return out
		}
	}
	return out
}

// subsets tries every subset of r of n things until try says true.
func subsets(n, r int, try func([]int) bool) bool {
	set := make([]int, 0, r)
	var walk func(from int) bool
	walk = func(from int) bool {
		if len(set) == r {
			return try(set)
		}
		for i := from; i <= n-(r-len(set)); i++ {
			set = append(set, i)
			if walk(i + 1) {
				return true
			}
			set = set[:len(set)-1]
		}
		return false
	}
	return walk(0)
}

func sparse(values []uint64) []entry {
	var out []entry
	for i, v := range values {
		if v != 0 {
			out = append(out, entry{int32(i), v})
		}
	}
	return out
}
