// Package attacker is what an attacker makes of released sums: elimination and
// linear programming. Tests play it against the gate.
package attacker

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"
)

// Sums are what was released: sums of a secret over sets of elements, and what the
// attacker knows of the elements. A secret is between 0 and Most, and whole.
type Sums struct {
	Unit   []uint32 // of each element, whose it is
	Rows   [][]int  // of each sum, how many times each element is in it
	Secret []int    // of each element: what he wants to know; he knows the sums of it
	Most   int
	Rng    *rand.Rand
}

// Add releases a sum over some elements.
func (s *Sums) Add(elements []int) {
	row := make([]int, len(s.Unit))
	for _, e := range elements {
		row[e]++
	}
	s.Rows = append(s.Rows, row)
}

// Spoils are what the attacker gets, in people.
type Spoils struct {
	Eliminated int // the people of a combination of fewer than k; 0 for none
	Determined int // of whom every assignment of numbers that agrees with the sums has the same
	Whole      int // more of them, if secrets are whole numbers
	Undecided  int // unknowns of which the solver could not say
}

// Won reports whether somebody was recovered: by elimination, or together with fewer
// than k people.
func (s Spoils) Won(k int) bool { return s.Eliminated > 0 || 0 < s.Determined && s.Determined < k }

// Attack is all that the attacker can do.
func (s *Sums) Attack(k int) Spoils {
	if n := s.Eliminate(k); n > 0 {
		return Spoils{Eliminated: n}
	}
	return s.programme()
}

// Eliminate looks for multiples of what was released that add up to something of
// fewer than k people, and gives how many they are; 0 for none. Such a sum is a word of low weight of a linear code; it is
// found by eliminating with other pivots again and again (information set
// decoding: Prange, The use of information sets in decoding cyclic codes, 1962).
func (s *Sums) Eliminate(k int) (people int) {
	order := make([]int, len(s.Unit))
	for i := range order {
		order[i] = i
	}
	for range 40 {
		s.Rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, row := range echelon(s.Rows, order).rows {
			in := map[uint32]bool{}
			for i, x := range row {
				if x != 0 {
					in[s.Unit[i]] = true
				}
			}
			if len(in) < k {
				return len(in)
			}
		}
	}
	return 0
}

// reduced is equations of which each has a pivot of its own.
type reduced struct {
	rows   [][]float64
	pivots []int
}

const tiny = 1e-6

// echelon solves for pivots, the first columns of an order that can be.
func echelon(equations [][]int, order []int) reduced {
	var out reduced
	for _, row := range equations {
		v := make([]float64, len(row))
		for at, x := range row {
			v[at] = float64(x)
		}
		out.rows = append(out.rows, v)
	}
	done := 0
	for _, at := range order {
		best := done
		for i := done; i < len(out.rows); i++ {
			if math.Abs(out.rows[i][at]) > math.Abs(out.rows[best][at]) {
				best = i
			}
		}
		if done == len(out.rows) || math.Abs(out.rows[best][at]) < tiny {
			continue
		}
		out.rows[done], out.rows[best] = out.rows[best], out.rows[done]
		pivot := out.rows[done]
		scale := 1 / pivot[at]
		for c := range pivot {
			pivot[c] *= scale
		}
		for i, row := range out.rows {
			f := row[at]
			if i == done || f == 0 {
				continue
			}
			for c, x := range pivot {
				if x != 0 {
					if row[c] -= f * x; math.Abs(row[c]) < tiny {
						row[c] = 0
					}
				}
			}
		}
		out.pivots = append(out.pivots, at)
		done++
	}
	out.rows = out.rows[:done]
	return out
}

// programme counts the people of whom some secret is the same in everything that
// agrees with what was released.
func (s *Sums) programme() (out Spoils) {
	// Elements that are always together are one unknown.
	index := map[string]int{}
	var atoms [][]int
	var columns [][]int
	for e := range s.Unit {
		column := make([]int, len(s.Rows))
		some := false
		for i, row := range s.Rows {
			column[i] = row[e]
			some = some || row[e] != 0
		}
		if !some {
			continue
		}
		key := fmt.Sprint(column)
		at, ok := index[key]
		if !ok {
			at = len(atoms)
			index[key] = at
			atoms, columns = append(atoms, nil), append(columns, column)
		}
		atoms[at] = append(atoms[at], e)
	}
	p := programme{rng: s.Rng, equations: make([][]int, len(s.Rows)), most: make([]int, len(atoms)), truth: make([]int, len(atoms)), held: map[int]float64{}}
	for i := range p.equations {
		p.equations[i] = make([]int, len(atoms))
		for at, c := range columns {
			p.equations[i][at] = c[i]
		}
	}
	for at, elements := range atoms {
		p.most[at] = len(elements) * s.Most
		for _, e := range elements {
			p.truth[at] += s.Secret[e]
		}
		if len(elements) == 1 || p.truth[at] == 0 || p.truth[at] == p.most[at] {
			p.held[at] = 0
		}
	}
	p.solve()
	people := map[uint32]bool{}
	for at, far := range p.held {
		for _, e := range atoms[at] {
			people[s.Unit[e]] = people[s.Unit[e]] || far < tiny
		}
	}
	for _, exactly := range people {
		if exactly {
			out.Determined++
		} else {
			out.Whole++
		}
	}
	out.Undecided = p.undecided
	return out
}

// programme is a system of equations over unknowns between 0 and most.
type programme struct {
	rng         *rand.Rand
	equations   [][]int
	most, truth []int
	held        map[int]float64 // unknowns that stay within less than one of the truth, and how far they can be from it
	undecided   int
}

// free takes out of held what a solution shows to be free.
func (p *programme) free(x []float64) {
	for at := range p.held {
		if math.Abs(x[at]-float64(p.truth[at])) > 1-tiny {
			delete(p.held, at)
		}
	}
}

// solve narrows held down. A walk among solutions, which begins at the truth, frees
// most of the unknowns, and the solver decides about the rest.
func (p *programme) solve() {
	order, x := make([]int, len(p.most)), make([]float64, len(p.most))
	for at := range order {
		order[at], x[at] = at, float64(p.truth[at])
	}
	eliminate := func() reduced {
		p.rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		return echelon(p.equations, order)
	}
	for range 60 {
		if len(p.held) == 0 {
			return
		}
		e := eliminate()
		pivot := map[int]bool{}
		for _, c := range e.pivots {
			pivot[c] = true
		}
		for at := range p.most {
			if pivot[at] {
				continue
			}
			for _, way := range []float64{1, -1} {
				direction := make([]float64, len(p.most))
				direction[at] = way
				for i, c := range e.pivots {
					direction[c] = -way * e.rows[i][at]
				}
				far := room(x, direction, p.most)
				if far < tiny {
					continue
				}
				end := make([]float64, len(x))
				for i := range x {
					end[i] = x[i] + far*direction[i]
					x[i] += far * direction[i] / 2
				}
				p.free(end)
			}
		}
	}
	e := eliminate()
	for at := range p.most {
		for _, way := range []int{1, -1} {
			if _, ok := p.held[at]; !ok {
				break
			}
			x, err := p.farthest(e, at, way)
			for tries := 0; err != nil && tries < 5; tries++ { // other pivots may suit the solver better
				x, err = p.farthest(eliminate(), at, way)
			}
			if err != nil {
				p.undecided++
				delete(p.held, at)
				break
			}
			p.held[at] = max(p.held[at], math.Abs(x[at]-float64(p.truth[at])))
			p.free(x)
		}
	}
}

// room is how far one can go from x in a direction.
func room(x, direction []float64, most []int) float64 {
	far := math.Inf(1)
	for i, d := range direction {
		switch {
		case d > tiny:
			far = min(far, (float64(most[i])-x[i])/d)
		case d < -tiny:
			far = min(far, x[i]/-d)
		}
	}
	return far
}

// farthest is a solution in which one unknown is as far above or below the truth as
// it can be. The programme is written in moves from the truth, up and down, so that a first
// solution is to move nothing.
func (p *programme) farthest(e reduced, at, way int) ([]float64, error) {
	type move struct{ of, way, most int }
	var moves []move
	first := make([]int, len(p.most)) // of each unknown, one of its moves
	for i, n := range p.most {
		first[i] = len(moves)
		if p.truth[i] < n {
			moves = append(moves, move{i, 1, n - p.truth[i]})
		}
		if p.truth[i] > 0 {
			moves = append(moves, move{i, -1, p.truth[i]})
		}
	}
	// Moves cancel in every equation; each has what is left of it to the most.
	m, n := len(e.rows), len(moves)
	A, b, c := mat.NewDense(m+n, 2*n, nil), make([]float64, m+n), make([]float64, 2*n)
	var basic []int
	for i, row := range e.rows {
		for v, move := range moves {
			A.Set(i, v, float64(move.way)*row[move.of])
		}
		// Nothing is exactly nothing: of many moves that are as good the solver might try one after the other for ever.
		pivot := first[e.pivots[i]]
		b[i] = A.At(i, pivot) * 1e-8 * (1 + p.rng.Float64())
		basic = append(basic, pivot)
	}
	for v, move := range moves {
		A.Set(m+v, v, 1)
		A.Set(m+v, n+v, 1)
		b[m+v] = float64(move.most)
		basic = append(basic, n+v)
		if move.of == at {
			c[v] = float64(-way * move.way)
		}
	}
	_, moved, err := lp.Simplex(c, A, b, 1e-9, basic)
	if err != nil {
		return nil, err
	}
	x := make([]float64, len(p.most))
	for i, t := range p.truth {
		x[i] = float64(t)
	}
	for v, move := range moves {
		x[move.of] += float64(move.way) * moved[v]
	}
	return x, nil
}
