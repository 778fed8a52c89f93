package disclosure

import (
	"math"
	"math/rand/v2"
	"testing"
)

// sumOf makes a sum of people's values.
func sumOf(values map[int]float64) *Profile {
	s := NewProfile()
	for u, x := range values {
		s.Values[u%Buckets] += int64(math.Round(x * 1e6))
		s.Rows[u%Buckets]++
	}
	return s
}

func values(from, to int, of func(u int) float64) map[int]float64 {
	out := map[int]float64{}
	for u := from; u < to; u++ {
		out[u] = of(u)
	}
	return out
}

func TestSumsThatTellOfFewPeople(t *testing.T) {
	p, err := PolicyNamed("sdap")
	if err != nil {
		t.Fatal(err)
	}
	chance := func(seed uint64) func(int) float64 {
		r := rand.New(rand.NewPCG(seed, seed))
		list := make([]float64, 5000)
		for i := range list {
			list[i] = float64(r.IntN(1000)) / 10
		}
		return func(u int) float64 { return list[u] }
	}
	a, b := chance(1), chance(2)
	but := func(of func(int) float64, differ int) func(int) float64 {
		return func(u int) float64 {
			if u%40 == 7 && u/40 < differ {
				return of(u) + 1
			}
			return of(u)
		}
	}
	for _, size := range []int{60, 500, 5000} {
		for _, c := range []struct {
			name   string
			s, o   *Profile
			reveal bool
		}{
			{"the same", sumOf(values(0, size, a)), sumOf(values(0, size, a)), false},
			{"another value", sumOf(values(0, size, a)), sumOf(values(0, size, b)), false},
			{"all but one", sumOf(values(0, size, a)), sumOf(values(0, size, but(a, 1))), true},
			{"moved and scaled, all but one", sumOf(values(0, size, func(u int) float64 { return 3*a(u) + 5 })), sumOf(values(0, size, but(a, 1))), true},
			{"half of the people differ", sumOf(values(0, size, a)), sumOf(values(0, size, func(u int) float64 { return a(u) + float64(u%2) })), false},
			{"fewer people", sumOf(values(0, size, a)), sumOf(values(0, size-25, a)), false},
			{"fewer people, those left out are alike", sumOf(values(0, size, func(u int) float64 {
				if u >= size-25 {
					return 4
				}
				return a(u)
			})), sumOf(values(0, size-25, a)), true},
			{"the same, and scaled", sumOf(values(0, size-25, a)), sumOf(values(0, size, func(u int) float64 {
				if u >= size-25 {
					return 8
				}
				return 2 * a(u)
			})), true},
			{"one of those left out has most", sumOf(values(0, size, func(u int) float64 {
				if u == size-1 {
					return 100000
				}
				return a(u)
			})), sumOf(values(0, size-25, a)), true},
			{"those left out have nothing", sumOf(values(0, size, func(u int) float64 {
				if u >= size-25 {
					return 0
				}
				return a(u)
			})), sumOf(values(0, size-25, a)), true},
			{"other people", sumOf(values(0, size/2, a)), sumOf(values(size/2, size, a)), false},
		} {
			if got := c.s.Tells(c.o, p); got != c.reveal {
				t.Errorf("%d people, %s: %v", size, c.name, got)
			}
			if got := c.o.Tells(c.s, p); got != c.reveal {
				t.Errorf("%d people, %s, the other way: %v", size, c.name, got)
			}
		}
	}
}

// A multiple of a value is known as one, however large it is.
func TestLargeMultiplesAreKnown(t *testing.T) {
	policy := Policy{Threshold: 10}
	for _, scale := range []float64{1, 1e6, 1e10, 1 << 50} {
		a, b := NewProfile(), NewProfile()
		for unit := range uint32(100_000) {
			x := float64(unit*2654435761>>20) + 20_000
			a.AddRow(unit, Millionths(x*scale))
			if unit == 777 {
				x++
			}
			b.AddRow(unit, Millionths(x))
		}
		if !a.Tells(b, policy) {
			t.Errorf("sums of which one is %g times the other, but for one person, are told apart", scale)
		}
	}
}
