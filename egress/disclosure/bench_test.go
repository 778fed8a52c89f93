package disclosure

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// cube is a table of three keys with all its subtotals: people by innermost
// cell, and of each number the cells that it is made of, totals first.
func cube(keys [3]int) (people []int, numbers [][]int) {
	chance := rand.New(rand.NewPCG(3, 4))
	people = make([]int, keys[0]*keys[1]*keys[2])
	for i := range people {
		people[i] = max(1, int(math.Exp(chance.NormFloat64()*1.2+3.9)))
	}
	at := func(a, b, c int) int { return (a*keys[1]+b)*keys[2] + c }
	span := func(key, k int) (int, int) { // of a value, or of all
		if k < 0 {
			return 0, keys[key]
		}
		return k, k + 1
	}
	for rolled := 3; rolled >= 0; rolled-- {
		for a := -1; a < keys[0]; a++ {
			for b := -1; b < keys[1]; b++ {
				for c := -1; c < keys[2]; c++ {
					n := 0
					for _, k := range []int{a, b, c} {
						if k < 0 {
							n++
						}
					}
					if n != rolled {
						continue
					}
					var of []int
					a0, a1 := span(0, a)
					b0, b1 := span(1, b)
					c0, c1 := span(2, c)
					for x := a0; x < a1; x++ {
						for y := b0; y < b1; y++ {
							for z := c0; z < c1; z++ {
								of = append(of, at(x, y, z))
							}
						}
					}
					numbers = append(numbers, of)
				}
			}
		}
	}
	return people, numbers
}

var cubes = map[string][3]int{"1000": {9, 9, 9}, "10000": {21, 21, 20}}

// BenchmarkCube protects a table of three keys and all its subtotals, as the gate does
// where there are no conditions (a cell's meaning is the cell). Goal for 10,000 numbers:
// 2 s.
func BenchmarkCube(b *testing.B) {
	for _, size := range []string{"1000", "10000"} {
		people, numbers := cube(cubes[size])
		small := 0
		for _, p := range people {
			if p < 10 {
				small++
			}
		}
		b.Run(fmt.Sprintf("audit/%s", size), func(b *testing.B) {
			order := bySize(numbers, people)
			for b.Loop() {
				a := NewAudit(10, people, true, 0)
				withheld := 0
				for _, i := range order {
					if !a.Admit(Number{Atoms: numbers[i]}) {
						withheld++
					}
				}
				b.ReportMetric(float64(len(numbers)), "numbers")
				b.ReportMetric(float64(small), "small")
				b.ReportMetric(float64(withheld), "withheld")
			}
		})
	}
}
