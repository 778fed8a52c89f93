package disclosure

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// together is how many pivots are reduced at once: as many products as fit in 64 bits.
const together = 3

// reduce takes from a number what the pivots of a set have of it, those of a few pivots at
// once: most of the work is to go through x.
func (p *packing) reduce(s int, c *candidate, work *int) []uint32 {
	set := &p.sets[s]
	r := len(p.shadows)
	x := make([]uint64, r+1) // each below 2³⁴
	x[r] = 1
	for from := 0; from < len(set.pivots); from += together {
		var some multiples
		var by [together]uint64
		for i := range min(together, len(set.pivots)-from) {
			v := &set.pivots[from+i]
			sum := c.at[v.slot]
			for _, t := range v.terms { // fewer than 2²⁹
				y := x[t.at]
				if t.v != 1 {
					y = y % prime * t.v % prime
				}
				sum += y
			}
			for n := range i {
				sum += folded(by[n] * v.near[n])
			}
			if sum %= prime; sum != 0 {
				by[i] = prime - sum*v.inverse%prime
				*work -= int(v.column)
				some.add(by[i], set.lambda[v.column])
			}
		}
		some.addTo(x)
	}
	out := make([]uint32, r+1)
	for n, v := range x {
		out[n] = uint32(v % prime)
	}
	return out
}

// valueOf is the value of a combination at an element in some columns.
func valueOf(terms []entry, lambda []uint32) uint64 {
	sum := uint64(0)
	for _, t := range terms {
		if int(t.at) < len(lambda) {
			sum = (sum + uint64(lambda[t.at])*t.v) % prime
		}
	}
	return sum
}

// multiples are some vectors, each no shorter than those before it, so many times.
type multiples struct {
	of [together][]uint32
	by [together]uint64
	n  int
}

func (m *multiples) add(by uint64, of []uint32) {
	m.of[m.n], m.by[m.n] = of, by
	m.n++
}

// folded is a smaller number that is the same modulo prime, which is 2³¹−1.
func folded(x uint64) uint64 { return x&prime + x>>31 }

// addTo adds them to x, whose numbers are below 2³⁴ and stay so. Three products of less than
// 2⁶² and one of these are less than 2⁶⁴.
func (m *multiples) addTo(x []uint64) {
	n := m.n
	m.n = 0
	if n == 0 {
		return
	}
	last := m.of[n-1]
	from := 0
	if n > 1 {
		if n == 3 {
			a, fa, fb, fc := m.of[0], m.by[0], m.by[1], m.by[2]
			b, c, part := m.of[1][:len(a)], last[:len(a)], x[:len(a)]
			for i, y := range a {
				part[i] = folded(part[i] + fa*uint64(y) + fb*uint64(b[i]) + fc*uint64(c[i]))
			}
			from = len(a)
		}
		b, fb, fc := m.of[n-2], m.by[n-2], m.by[n-1]
		c, part := last[:len(b)], x[:len(b)]
		for i := from; i < len(b); i++ {
			part[i] = folded(part[i] + fb*uint64(b[i]) + fc*uint64(c[i]))
		}
		from = len(b)
	}
	f := m.by[n-1]
	for i := from; i < len(last); i++ {
		x[i] = folded(x[i] + f*uint64(last[i]))
	}
}

// reduced are what is left of a number in every set but the first, worked out side by
// side.
func (p *packing) reduced(c *candidate, work *int) [][]uint32 {
	out, took := make([][]uint32, len(p.sets)), make([]int, len(p.sets))
	var next atomic.Int32
	var done sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), 4) {
		done.Go(func() {
			for s := int(next.Add(1)); s < len(p.sets); s = int(next.Add(1)) {
				out[s] = p.reduce(s, c, &took[s])
			}
		})
	}
	done.Wait()
	for _, t := range took {
		*work += t
	}
	return out
}
