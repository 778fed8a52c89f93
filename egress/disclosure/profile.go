package disclosure

import (
	"math"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// Buckets is into how many parts the people behind a sum are divided, by chance.
const Buckets = 256

// Profile is what a released sum is made of: of each part of the people their values, in
// millionths, and how many rows of them have one. Two sums can so be compared person by person
// nearly: fewer than k people who differ are in fewer than k parts.
type Profile struct {
	Values []int64 // none of a count
	Rows   []int32
	// Squared: the values are squares, modulo the prime of the arithmetic here.
	Squared bool
}

// NewCount is of a count of nobody.
func NewCount() *Profile { return &Profile{Rows: make([]int32, Buckets)} }

// Counts reports whether it is of a count.
func (s *Profile) Counts() bool { return len(s.Values) == 0 }

// Square is the square of a value, as a profile adds it.
func Square(x int64) int64 {
	r := residue(x)
	return int64(r * r % prime)
}

// NewProfile is of a sum of nobody.
func NewProfile() *Profile {
	return &Profile{Values: make([]int64, Buckets), Rows: make([]int32, Buckets)}
}

// Add adds another sum.
func (s *Profile) Add(o *Profile) {
	for i := range s.Values {
		s.Values[i] = within(s.Values[i] + o.Values[i])
		s.Rows[i] += o.Rows[i]
	}
}

// AddRow adds a row with a value, in millionths.
func (s *Profile) AddRow(unit uint32, x int64) {
	i := unit % Buckets
	s.Values[i] = within(s.Values[i] + x)
	s.Rows[i]++
}

// manyPrimes is a multiple of the prime: sums that would not fit are smaller by it, so that
// a multiple of a sum is known as one however large it is.
const manyPrimes = prime << 32

func within(x int64) int64 {
	switch {
	case x > manyPrimes/2:
		return x - manyPrimes
	case x < -(manyPrimes / 2):
		return x + manyPrimes
	}
	return x
}

// Millionths is a value as a whole number of millionths: less a multiple of the modulus
// of the arithmetic here if that is large.
func Millionths(x float64) int64 {
	switch {
	case math.Abs(x) <= 9e12:
		return within(int64(math.Round(x * 1e6)))
	case math.IsNaN(x) || math.IsInf(x, 0):
		return int64(math.Float64bits(x) >> 12)
	}
	exact, _ := new(big.Float).SetPrec(128).Mul(big.NewFloat(x), big.NewFloat(1e6)).Int(nil)
	return within(exact.Mod(exact, big.NewInt(manyPrimes)).Int64())
}

// Factor is a whole number as Multiple counts with it.
func Factor(x *big.Int) int64 {
	return within(new(big.Int).Mod(x, big.NewInt(manyPrimes)).Int64())
}

// Multiple is a value so many times, less a multiple of the modulus if that is large.
func Multiple(x, times int64) int64 {
	if times == 1 {
		return x
	}
	hi, lo := bits.Mul64(absolute(x), absolute(times))
	_, rest := bits.Div64(hi%manyPrimes, lo, manyPrimes)
	if (x < 0) != (times < 0) {
		return within(-int64(rest))
	}
	return within(int64(rest))
}

func absolute(x int64) uint64 {
	if x < 0 {
		return uint64(-x)
	}
	return uint64(x)
}

// Plus adds values, less a multiple of the modulus if that is large.
func Plus(x, y int64) int64 { return within(x + y) }

// Size is how many rows there are.
func (s *Profile) Size() int {
	n := 0
	for _, rows := range s.Rows {
		n += int(rows)
	}
	return n
}

// Equal reports whether two profiles are the same.
func (s *Profile) Equal(o *Profile) bool {
	return s.Squared == o.Squared && slices.Equal(s.Values, o.Values) && slices.Equal(s.Rows, o.Rows)
}

// Alike reports whether two sums are of the same rows, but in fewer than k parts.
func (s *Profile) Alike(o *Profile, k int) bool {
	differ := 0
	for i, rows := range s.Rows {
		if rows != o.Rows[i] {
			if differ++; differ == k {
				return false
			}
		}
	}
	return true
}

// Tells reports whether two sums, one subtracted from the other, tell of few people:
//
//   - twins: one is a multiple of the other, perhaps moved, for all but 1 … k−1 people. Their
//     difference is of these;
//   - sums of one value, of some people and of more: what the others add would be
//     withheld if it were asked for, because nearly all of them are alike, one or two
//     make up most of it, or few add anything.
func (s *Profile) Tells(o *Profile, p Policy) bool {
	return s.twin(o, p.Threshold) || o.twin(s, p.Threshold) || s.rest(o, p)
}

// rest judges what one sum has more than the other.
func (s *Profile) rest(o *Profile, p Policy) bool {
	scale, some := 1.0, false
	sign, parts := 0, 0
	for i, rows := range s.Rows {
		more := int(rows) - int(o.Rows[i])
		switch {
		case more == 0 && (s.Values[i] == 0) != (o.Values[i] == 0):
			return false
		case more == 0 && s.Values[i] != 0:
			x := float64(s.Values[i]) / float64(o.Values[i])
			if some && math.Abs(x-scale) > 1e-9*math.Abs(scale) {
				return false // another value
			}
			scale, some = x, true
		case more != 0:
			if sign*more < 0 {
				return false // neither is of more people
			}
			sign = more
			parts++
		}
	}
	if parts < p.Threshold {
		return false // of few people: the history's to judge, unless chance has put many together
	}
	var shares Shares
	alike := map[float64]int{}
	adding := 0
	for i, rows := range s.Rows {
		more := float64(int(rows) - int(o.Rows[i]))
		if more == 0 {
			continue
		}
		x := float64(s.Values[i]) - scale*float64(o.Values[i])
		if math.Abs(x) < 1e-6*(math.Abs(float64(s.Values[i]))+1) {
			x = 0
		}
		if x != 0 {
			adding++
		}
		alike[math.Round(x/more)]++
		x = math.Abs(x)
		shares.Total += x
		switch {
		case x > shares.First:
			shares.First, shares.Second = x, shares.First
		case x > shares.Second:
			shares.Second = x
		}
	}
	common := 0
	for _, n := range alike {
		common = max(common, n)
	}
	return adding < p.Threshold || common >= p.Threshold && parts-common < p.Threshold || shares.Dominated(p.Dominance)
}

// twin reports whether a sum is a multiple of another, moved by a number for each
// row, for all but 1 … k−1 people; of at least k+2 it must be, since any two values
// are a multiple of any two others.
func (s *Profile) twin(o *Profile, k int) bool { return s.multiple(o.Values, k) }

// CountedBy reports whether a sum is so much for each of its rows, and so much for each that a
// count is of, for all but 1 … k−1 people: it is of two values, and the count of one of them.
func (s *Profile) CountedBy(count *Profile, k int) bool {
	var ones [Buckets]int64
	for i, rows := range count.Rows {
		ones[i] = int64(rows)
	}
	return s.multiple(ones[:], k)
}

// multiple is twin of the values of another.
func (s *Profile) multiple(o []int64, k int) bool {
	var there [Buckets]int
	n := 0
	for i, rows := range s.Rows {
		if rows != 0 {
			there[n] = i
			n++
		}
	}
	if n < k+3 {
		return false
	}
	good := 1.0 // chance that three parts are none of those that differ
	for i := range 3 {
		good *= float64(max(n-k+1-i, 1)) / float64(n-i)
	}
	for range int(14/good) + 1 {
		a, b, c := there[rand.IntN(n)], there[rand.IntN(n)], there[rand.IntN(n)]
		if a == b || b == c || a == c {
			continue
		}
		below := minor(residue(o[a]), s.rows(b), residue(o[b]), s.rows(a))
		if below == 0 {
			continue // the other is alike for both
		}
		scale := minor(s.mod(a), s.rows(b), s.mod(b), s.rows(a))
		if scale == 0 {
			continue
		}
		scale = scale * power(below, prime-2) % prime
		rowsA := s.rows(a)
		move := (s.mod(a) + (prime-scale)*residue(o[a])) % prime * power(rowsA, prime-2) % prime
		same := func(i int) bool {
			return s.mod(i) == (scale*residue(o[i])+move*s.rows(i)%prime)%prime
		}
		if !same(c) {
			continue
		}
		differ, agree := 0, 0
		for i := range s.Rows {
			switch {
			case !same(i):
				differ++
			case s.Rows[i] != 0:
				agree++
			}
			if differ >= k {
				break
			}
		}
		if differ > 0 && differ < k && agree >= k+2 {
			return true
		}
		if differ == 0 {
			return false // it says the same
		}
	}
	return false
}

func (s *Profile) mod(i int) uint64  { return residue(s.Values[i]) }
func (s *Profile) rows(i int) uint64 { return residue(int64(s.Rows[i])) }

func residue(x int64) uint64 {
	if x >= 0 {
		return uint64(x) % prime
	}
	return prime - 1 - (uint64(^x) % prime)
}

// minor is ad − bc.
func minor(a, d, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a, d)
	_ = hi // both are below 2³¹
	return (lo%prime + prime - b*c%prime) % prime
}
