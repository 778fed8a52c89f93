package synth

import (
	"math"
	"math/rand/v2"
)

// stream is the random numbers of one block.
type stream struct{ *rand.Rand }

func newStream(seed, purpose, n uint64) stream {
	key := mix(seed, purpose)
	return stream{rand.New(rand.NewPCG(mix(key, n), mix(n, key)))}
}

// chance is true with probability p.
func (r stream) chance(p float64) bool { return r.Float64() < p }

// within is uniform in [from, to]; from when the range is empty.
func (r stream) within(from, to day) day {
	if to <= from {
		return from
	}
	return from + day(r.IntN(int(to-from)+1))
}

// after is an exponential number of whole days with the given mean.
func (r stream) after(mean float64) day { return day(r.ExpFloat64() * mean) }

// logNormal has the given median.
func (r stream) logNormal(median, sigma float64) float64 {
	return median * math.Exp(sigma*r.NormFloat64())
}

// shares is a discrete distribution, kept as running totals.
type shares []float64

func newShares(weights ...float64) shares {
	s := make(shares, len(weights))
	total := 0.0
	for i, w := range weights {
		total += w
		s[i] = total
	}
	for i := range s {
		s[i] /= total
	}
	return s
}

func (s shares) pick(r stream) int {
	u := r.Float64()
	for i, t := range s {
		if u < t {
			return i
		}
	}
	return len(s) - 1
}

// curve is a piecewise linear function of age in years: pairs of age and value,
// ascending by age, held level outside.
type curve []point

type point struct{ x, y float64 }

func (c curve) at(x float64) float64 {
	if x <= c[0].x {
		return c[0].y
	}
	for i := 1; i < len(c); i++ {
		if x < c[i].x {
			a, b := c[i-1], c[i]
			return a.y + (b.y-a.y)*(x-a.x)/(b.x-a.x)
		}
	}
	return c[len(c)-1].y
}

// inverse is the x at which a non-decreasing curve reaches y, or ok = false.
func (c curve) inverse(y float64) (x float64, ok bool) {
	for i := 1; i < len(c); i++ {
		if y < c[i].y {
			a, b := c[i-1], c[i]
			return a.x + (b.x-a.x)*(y-a.y)/(b.y-a.y), true
		}
	}
	return 0, false
}

func winterness(yearDay int) float32 {
	return float32(math.Cos(2 * math.Pi * float64(yearDay-15) / 365.25))
}

func clamp[T int | int32 | float64](v, low, high T) T { return max(low, min(high, v)) }
