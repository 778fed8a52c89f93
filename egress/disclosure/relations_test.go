package disclosure

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Sums of which one is a combination of the others for all but few people are found,
// whatever came between; those that only have much in common are not.
func TestRelationsOfSeveralSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		chance := rand.New(rand.NewPCG(seed, 1))
		people := rapid.SampledFrom([]int{60, 300, 5000}).Draw(t, "people")
		terms := rapid.IntRange(2, 6).Draw(t, "terms")
		differ := rapid.IntRange(0, 3).Draw(t, "differ")
		between := rapid.IntRange(0, 20).Draw(t, "between")
		values := func() []float64 {
			out := make([]float64, people)
			for i := range out {
				out[i] = float64(chance.IntN(100))
			}
			return out
		}
		r := NewRelations(40)
		last := make([]float64, people)
		for range terms {
			v, times := values(), float64(1+chance.IntN(9))
			from, to := 0, people
			if chance.IntN(3) == 0 && people > 60 { // of some people
				from = chance.IntN(people / 2)
				to = from + people/2
			}
			some := map[int]float64{}
			for u := from; u < to; u++ {
				some[u] = v[u]
				last[u] += times * v[u]
			}
			r.Add(sumOf(some))
		}
		for range between {
			v, some := values(), map[int]float64{}
			for u, x := range v {
				if chance.IntN(2) == 0 {
					some[u] = x
				}
			}
			r.Add(sumOf(some))
		}
		for i := range differ {
			last[7+11*i] += 1 + float64(i)
		}
		all := map[int]float64{}
		for u, x := range last {
			all[u] = x
		}
		// of few people many sums say everything
		if people == 60 && terms+between > 10 {
			return
		}
		if got := r.Tells(sumOf(all), 10); got != (differ > 0) {
			t.Fatalf("%d people differ: %v", differ, got)
		}
		if r.Tells(sumOf(map[int]float64{}), 10) {
			t.Fatal("nobody tells of somebody")
		}
		other := map[int]float64{}
		for u, x := range values() {
			other[u] = x + last[u]/1000
		}
		if r.Tells(sumOf(other), 10) {
			t.Fatal("another sum tells of few people")
		}
	})
}

// What a total has more than parts of it is all alike, or it is not.
func TestWhatIsLeftOfATotalIsAlike(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	const people = 2000
	part, total := [4]map[int]float64{{}, {}, {}, {}}, [2]map[int]float64{{}, {}}
	for u := range people {
		x := float64(1 + chance.IntN(10))
		part[u%4][u] = x
		total[0][u], total[1][u] = x, x
		if u%4 == 3 {
			total[0][u] = 7
		}
	}
	for last := range 2 {
		r := NewRelations(40)
		r.Add(sumOf(part[0]))
		r.Add(sumOf(part[1]))
		r.Add(sumOf(part[2]))
		if got := r.Tells(sumOf(total[last]), 10); got != (last == 0) {
			t.Errorf("total %d: %v", last, got)
		}
		r = NewRelations(40)
		r.Add(sumOf(total[last]))
		r.Add(sumOf(part[0]))
		r.Add(sumOf(part[1]))
		if got := r.Tells(sumOf(part[2]), 10); got != (last == 0) {
			t.Errorf("last part %d: %v", last, got)
		}
		r.Add(sumOf(part[2]))
		if last == 1 && r.Tells(sumOf(part[2]), 10) {
			t.Error("what is known tells")
		}
	}
}

// Products with large whole numbers are those of arithmetic without bounds.
func TestMultiplesAreExact(t *testing.T) {
	modulus := big.NewInt(manyPrimes)
	rapid.Check(t, func(t *rapid.T) {
		x := within(rapid.Int64Range(-manyPrimes/2, manyPrimes/2).Draw(t, "x"))
		n := new(big.Int).Mul(big.NewInt(rapid.Int64().Draw(t, "a")), big.NewInt(rapid.Int64().Draw(t, "b")))
		got := big.NewInt(Multiple(x, Factor(n)))
		want := new(big.Int).Mul(big.NewInt(x), n)
		if want.Sub(want, got).Mod(want, modulus).Sign() != 0 {
			t.Fatalf("%d times %d is %d", x, n, got)
		}
	})
}

func BenchmarkRelations(b *testing.B) {
	for _, n := range []int{4, 40} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			chance := rand.New(rand.NewPCG(1, 2))
			sum := func() *Profile {
				s := NewProfile()
				for u := range uint32(4000) {
					s.AddRow(u, Millionths(float64(chance.IntN(1000))))
				}
				return s
			}
			r := NewRelations(40)
			for range n {
				r.Add(sum())
			}
			s := sum()
			for b.Loop() {
				r.Tells(s, 10)
			}
		})
	}
}

// Sums of groups of other people, of few small values, tell nothing of each other: that
// so much for each row is a sum but for some people is judged by how many these are
// and how many they are not, whatever other sums are known. Chance makes one in
// 20,000 such sums look alike (measured); what is searched is in orders of chance, too.
func TestSmallValuesOfOtherPeopleAreNoRelation(t *testing.T) {
	told, all := 0, 0
	for seed := range uint64(60) {
		chance := rand.New(rand.NewPCG(seed, 1))
		r, unit := NewRelations(40), 0
		for range 2 + chance.IntN(23) {
			some, often := map[int]float64{}, map[float64]int{}
			for range 10 + chance.IntN(20) {
				x := 2.5 * float64(1+chance.IntN(3))
				some[unit] = x
				often[x]++
				unit += 1 + chance.IntN(5)
			}
			common := 0
			for _, n := range often {
				common = max(common, n)
			}
			s := sumOf(some)
			all++
			if r.Tells(s, 10) && common < 10 {
				told++
			}
			r.Add(s)
		}
	}
	if told > 2 {
		t.Errorf("%d of %d sums are taken for relations", told, all)
	}
}

// A count that is a combination of sums, of their squares and of their rows for all but few people is
// found, whatever others are known; counts of other people, and combinations for
// everybody, are not.
func TestCountsBesideSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		chance := rand.New(rand.NewPCG(seed, 2))
		const k = 10
		few := rapid.IntRange(0, 3).Draw(t, "few")
		squares := rapid.Bool().Draw(t, "squares")
		r := NewRelations(16)
		for range rapid.IntRange(0, 8).Draw(t, "others") {
			other, count := NewProfile(), NewCount()
			for range 20 + chance.IntN(400) {
				u := uint32(chance.IntN(100_000))
				other.AddRow(u, Millionths(float64(chance.IntN(40))))
				count.Rows[uint32(chance.IntN(100_000))%Buckets]++
			}
			r.Add(other)
			r.Add(count)
		}
		// x is 3 or 4, or one of three values whose squares are summed, too.
		sum, squared, count, all := NewProfile(), NewProfile(), NewCount(), NewCount()
		squared.Squared = true
		left := few
		for u := range uint32(100 + chance.IntN(900)) {
			values := []int64{3_000_000, 4_000_000, 5_500_000}
			x := values[chance.IntN(2)]
			if squares {
				x = values[chance.IntN(3)]
			}
			sum.AddRow(u*7, x)
			squared.AddRow(u*7, Square(x))
			if x != 4_000_000 {
				continue
			}
			all.Rows[u*7%Buckets]++
			if left > 0 {
				left--
				continue
			}
			count.Rows[u*7%Buckets]++
		}
		if left > 0 {
			t.Fatalf("%d of a hundred people and more have no 4", left)
		}
		if !squares {
			if sum.CountedBy(count, k) != (few > 0) || sum.CountedBy(all, k) {
				t.Errorf("%d people more, in pairs: %v, all: %v", few, sum.CountedBy(count, k), sum.CountedBy(all, k))
			}
		}
		first, then := []*Profile{sum}, count
		if squares {
			first = append(first, squared)
		}
		if rapid.Bool().Draw(t, "count first") {
			first[len(first)-1], then = count, first[len(first)-1]
		}
		for _, p := range first {
			r.Add(p)
		}
		if squares && then == squared && !slices.Contains(first, sum) {
			t.Fatal("the sum is not there")
		}
		if got := r.TellsBeside(then, k); got != (few > 0) {
			t.Errorf("%d people more: %v", few, got)
		}
		if few == 0 && r.TellsBeside(all, k) {
			t.Error("all tell")
		}
	})
}

// Sums of small values and counts that have nothing to do with these tell nothing of each
// other, where the people are the same, and where they are others.
func TestCountsOfOtherPeopleAreNoRelation(t *testing.T) {
	told, all := 0, 0
	for seed := range uint64(40) {
		chance := rand.New(rand.NewPCG(seed, 3))
		r := NewRelations(16)
		for range 20 {
			sum, count := NewProfile(), NewCount()
			for range 40 + chance.IntN(100) {
				u := uint32(chance.IntN(3000))
				sum.AddRow(u, 1_000_000*int64(chance.IntN(3)))
				if chance.IntN(2) == 0 {
					count.Rows[u%Buckets]++
				}
			}
			for _, p := range []*Profile{sum, count} {
				all++
				if r.TellsBeside(p, 10) {
					told++
				}
				r.Add(p)
			}
		}
	}
	if told > 2 {
		t.Errorf("%d of %d are taken for relations", told, all)
	}
}
