package disclosure

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// What the audit admits together shows nothing of fewer than threshold people:
// checked by brute force over every set of atoms of too few people, with exact
// arithmetic, on small tables.
func TestAdmittedNumbersShowNothingOfFewPeople(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		const threshold = 10
		people := rapid.SliceOfN(rapid.IntRange(1, 25), 2, 7).Draw(r, "people")
		audit := NewAudit(threshold, people, true, len(people))
		var admitted [][]int
		for range rapid.IntRange(1, 7).Draw(r, "numbers") {
			row := rapid.SliceOfN(rapid.IntRange(0, 1), len(people), len(people)).Draw(r, "row")
			var n Number
			for i, in := range row {
				if in == 1 {
					n.Atoms, n.Meanings = append(n.Atoms, i), append(n.Meanings, i)
				}
			}
			if audit.Admit(n) {
				admitted = append(admitted, row)
			}
		}
		full := rank(admitted, nil)
		for set := 1; set < 1<<len(people); set++ {
			sum := 0
			drop := map[int]bool{}
			for i := range people {
				if set>>i&1 == 1 {
					sum += people[i]
					drop[i] = true
				}
			}
			if sum < threshold && rank(admitted, drop) < full {
				r.Fatalf("people %v, admitted %v: a combination rests on atoms %v", people, admitted, drop)
			}
		}
	})
}

// rank is the rank of rows without some columns, in exact arithmetic.
func rank(rows [][]int, drop map[int]bool) int {
	var m [][]*big.Rat
	for _, row := range rows {
		var out []*big.Rat
		for i, x := range row {
			if !drop[i] {
				out = append(out, big.NewRat(int64(x), 1))
			}
		}
		m = append(m, out)
	}
	done := 0
	for c := 0; len(m) > 0 && c < len(m[0]) && done < len(m); c++ {
		pivot := -1
		for i := done; i < len(m); i++ {
			if m[i][c].Sign() != 0 {
				pivot = i
				break
			}
		}
		if pivot < 0 {
			continue
		}
		m[done], m[pivot] = m[pivot], m[done]
		for i := done + 1; i < len(m); i++ {
			f := new(big.Rat).Quo(m[i][c], m[done][c])
			for k := range m[i] {
				m[i][k].Sub(m[i][k], new(big.Rat).Mul(f, m[done][k]))
			}
		}
		done++
	}
	return done
}

// Numbers whose difference rests on nobody could have rested on somebody: the
// second is withheld, so that whether it is tells nothing.
func TestAnEmptyDifferenceIsWithheldToo(t *testing.T) {
	audit := NewAudit(10, []int{50, 60}, true, 3)
	if !audit.Admit(Number{Atoms: []int{0, 1}, Meanings: []int{0}}) {
		t.Fatal("the first number is withheld")
	}
	if audit.Admit(Number{Atoms: []int{0, 1}, Meanings: []int{1}}) {
		t.Error("two numbers that could have differed by one person are both released")
	}
	if !audit.Admit(Number{Atoms: []int{0, 1}, Meanings: []int{0}}) {
		t.Error("the same number twice is withheld")
	}
}
