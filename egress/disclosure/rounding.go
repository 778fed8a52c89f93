package disclosure

import (
	"math"
	"slices"
	"strconv"
)

// RoundCount rounds a count by itself to the nearest multiple of the policy's
// step, half of a step up.
func (p Policy) RoundCount(n int64) int64 {
	if p.RoundCounts == 0 {
		return n
	}
	return (n + p.RoundCounts/2) / p.RoundCounts * p.RoundCounts
}

// RoundReal rounds to the policy's significant digits; NaN and infinities,
// which tell of single values, become NaN.
func (p Policy) RoundReal(x float64) float64 {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		if x == 0 {
			return 0
		}
		return math.NaN()
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', p.Digits, 64), 64)
	if err != nil {
		return math.NaN()
	}
	return rounded
}

// Total is a sum that is shown beside its parts, by their places in a table.
type Total struct {
	Of    int
	Parts []int
}

// maxRounded bounds the table that is rounded as a whole.
const maxRounded = 50_000

// RoundTable rounds counts to multiples of the policy's step, each to the one
// below or above it, so that every total of them that is a sum stays one, and
// moves as few of them as possible off the nearest multiple, totals last
// (controlled rounding: Cox and Ernst, Controlled rounding, 1982; Bacharach,
// Matrix rounding problems, 1966). It depends on nothing but the counts, the
// totals and the seeds, of which each cell has one for good: the same table is
// always rounded the same way. Totals that are no sums are left out.
//
// Hierarchies and two-way tables with their margins are flows in a network, for
// which a solution always exists. Where the totals are no network (a CUBE of
// three keys), finding one is NP-hard (Kelly, Golden and Assad, 1990): each count
// is then rounded by itself, and consistent is false.
func (p Policy) RoundTable(counts []int64, totals []Total, seeds []uint64) (rounded []int64, consistent bool) {
	rounded = make([]int64, len(counts))
	for i, n := range counts {
		rounded[i] = p.RoundCount(n)
	}
	if p.CountRounding != RoundControlled {
		return rounded, false
	}
	sums := slices.DeleteFunc(slices.Clone(totals), func(t Total) bool {
		left := counts[t.Of]
		for _, i := range t.Parts {
			left -= counts[i]
		}
		return left != 0
	})
	if len(sums) == 0 {
		return rounded, true
	}
	if len(counts) > maxRounded {
		return rounded, false
	}
	net, ok := newRoundingNetwork(counts, sums)
	if !ok {
		return rounded, false
	}
	for i, n := range counts {
		a := &net.arcs[i]
		r := n % p.RoundCounts
		a.fixed = r == 0
		a.up = rounded[i] > n
		a.cost = max(p.RoundCounts-2*r, 2*r-p.RoundCounts)<<20*a.weight + int64(seeds[i]>>48)
		net.excess[a.to] += rounded[i] / p.RoundCounts
		net.excess[a.from] -= rounded[i] / p.RoundCounts
	}
	if !net.balance() {
		return rounded, false
	}
	for i, n := range counts {
		if a := net.arcs[i]; !a.fixed {
			rounded[i] = n / p.RoundCounts * p.RoundCounts
			if a.up {
				rounded[i] += p.RoundCounts
			}
		}
	}
	return rounded, true
}

// roundingNetwork has a node for each total, at which what flows in is to flow
// out, and an arc for each count. The last node stands for everything else.
type roundingNetwork struct {
	arcs   []roundingArc
	at     [][]int // arcs of each node
	excess []int64 // of each node: in less out, in steps
}

type roundingArc struct {
	from, to int
	fixed    bool  // the count is a multiple already
	up       bool  // it is rounded up
	moved    bool  // it is not at the nearest multiple
	weight   int64 // of moving it
	cost     int64 // of moving it off the nearest multiple
}

// totalWeight is how many parts are rather moved than a total.
const totalWeight = 64

// newRoundingNetwork gives each total's equation a sign, so that every count
// stands in at most one with + and in one with −; or reports that none do.
func newRoundingNetwork(counts []int64, sums []Total) (*roundingNetwork, bool) {
	type place struct {
		node  int
		total bool
	}
	places := make([][]place, len(counts))
	add := func(i, node int, total bool) bool {
		places[i] = append(places[i], place{node, total})
		return len(places[i]) <= 2
	}
	for s, t := range sums {
		ok := add(t.Of, s, true)
		for _, i := range t.Parts {
			ok = ok && add(i, s, false)
		}
		if !ok {
			return nil, false
		}
	}
	// Two equations with one count in the same role have different signs.
	type tie struct {
		node   int
		differ bool
	}
	ties := make([][]tie, len(sums))
	for _, p := range places {
		if len(p) == 2 {
			differ := p[0].total == p[1].total
			ties[p[0].node] = append(ties[p[0].node], tie{p[1].node, differ})
			ties[p[1].node] = append(ties[p[1].node], tie{p[0].node, differ})
		}
	}
	sign := make([]int, len(sums))
	for first := range sums {
		if sign[first] != 0 {
			continue
		}
		sign[first] = 1
		for queue := []int{first}; len(queue) > 0; queue = queue[1:] {
			for _, t := range ties[queue[0]] {
				want := sign[queue[0]]
				if t.differ {
					want = -want
				}
				if sign[t.node] == 0 {
					sign[t.node] = want
					queue = append(queue, t.node)
				} else if sign[t.node] != want {
					return nil, false
				}
			}
		}
	}
	outside := len(sums)
	net := &roundingNetwork{arcs: make([]roundingArc, len(counts)), at: make([][]int, outside+1), excess: make([]int64, outside+1)}
	for i, ps := range places {
		a := &net.arcs[i]
		a.from, a.to, a.weight = outside, outside, 1
		for _, p := range ps {
			if p.total {
				a.weight = totalWeight
			}
			if p.total == (sign[p.node] > 0) {
				a.to = p.node
			} else {
				a.from = p.node
			}
		}
		if a.from != a.to {
			net.at[a.from] = append(net.at[a.from], i)
			net.at[a.to] = append(net.at[a.to], i)
		}
	}
	return net, true
}

// balance moves counts until nothing is in excess anywhere, along cheapest paths
// (successive shortest paths; Ahuja, Magnanti and Orlin, Network Flows, 1993, §9.7).
func (net *roundingNetwork) balance() bool {
	distance, by := make([]int64, len(net.at)), make([]int, len(net.at))
	queued := make([]bool, len(net.at))
	for {
		var queue []int
		for node := range net.at {
			distance[node], by[node] = math.MaxInt64, -1
			if net.excess[node] > 0 {
				distance[node] = 0
				queue, queued[node] = append(queue, node), true
			}
		}
		if len(queue) == 0 {
			return true
		}
		for ; len(queue) > 0; queue = queue[1:] {
			node := queue[0]
			queued[node] = false
			for _, i := range net.at[node] {
				a := net.arcs[i]
				// A unit leaves a node by less flowing in, or more out.
				if a.fixed || a.up != (a.to == node) {
					continue
				}
				other, cost := a.from+a.to-node, a.cost
				if a.moved {
					cost = -cost
				}
				if d := distance[node] + cost; d < distance[other] {
					distance[other], by[other] = d, i
					if !queued[other] {
						queue, queued[other] = append(queue, other), true
					}
				}
			}
		}
		end := -1
		for node, e := range net.excess {
			if e < 0 && distance[node] != math.MaxInt64 && (end < 0 || distance[node] < distance[end]) {
				end = node
			}
		}
		if end < 0 {
			return false
		}
		net.excess[end]++
		for by[end] >= 0 {
			a := &net.arcs[by[end]]
			a.up, a.moved = !a.up, !a.moved
			end = a.from + a.to - end
		}
		net.excess[end]--
	}
}
