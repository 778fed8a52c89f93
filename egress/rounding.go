package egress

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// rounded is how the numbers of a column are rounded, by row of the group table;
// nil functions leave them.
type rounded struct {
	whole func(row int, n int64) int64
	real  func(row int, x float64) float64
}

// rounding gives the rounding of a cell. keep are the rows that are shown, and
// hide those of them whose number is withheld.
//
// Where a policy rounds counts, nothing else may give back the counts. Sums and
// means of literals and conditions are counts in another dress: sums are rounded
// as such, and means are made from rounded counts. A mean of a measure is no finer
// than one step of the measure by the rounded count, so that every count which is
// rounded to the same has a sum that gives this mean; and a sum is that mean by
// the rounded count.
func rounding(r *plan.Release, c int, policy disclosure.Policy, t *groupTable, keep []int, hide func(row int) bool) rounded {
	cell := r.Cells[c]
	out := rounded{real: func(_ int, x float64) float64 { return policy.RoundReal(x) }}
	switch {
	case cell.Measure == plan.MeasureCount, cell.Measure == plan.MeasureDistinct, cell.Measure == plan.MeasureRegression && cell.Call.Name == "regr_count":
		out.whole = roundCounts(r, policy, t, keep, hide, t.cells[c])
	case cell.Measure == plan.MeasureQuantile:
		step, ok := new(big.Rat).SetString(cell.Grain)
		if ok && step.Sign() > 0 {
			grain, _ := step.Float64()
			grain *= float64(policy.QuantileGrains)
			out.real = func(_ int, x float64) float64 { return policy.RoundReal(math.Round(x/grain) * grain) }
		}
	case policy.RoundCounts == 0:
	case cell.Measure == plan.MeasureSum, cell.Measure == plan.MeasureMean:
		m := measureRounding{r: r, c: c, policy: policy, t: t, sum: cell.Measure == plan.MeasureSum}
		var step string
		m.largest, step, m.counts = cell.Weight(r.Node)
		if s, ok := new(big.Rat).SetString(step); ok {
			m.step, _ = s.Float64()
		}
		out.real = m.round
		out.whole = func(row int, n int64) int64 { return int64(math.Round(m.round(row, float64(n)))) }
	}
	return out
}

// measureRounding rounds the sums or means of one cell under a policy that rounds
// counts.
type measureRounding struct {
	r       *plan.Release
	c       int
	policy  disclosure.Policy
	t       *groupTable
	sum     bool
	counts  bool    // every value is a literal or an indicator
	largest float64 // of the literals
	step    float64 // of the measure's values; 0 if it is not known
}

func (m measureRounding) round(row int, x float64) float64 {
	n := m.rowsBehind(row)
	shown := float64(m.policy.RoundCount(int64(n)))
	unit := float64(m.policy.RoundCounts)
	switch {
	case m.counts && m.sum:
		return math.Round(x/(unit*m.largest)) * unit * m.largest
	case shown <= 0: // not reached: what is shown has more people than half a step
		return math.NaN()
	case m.counts:
		return m.policy.RoundReal(math.Round(x*n/(unit*m.largest)) * unit * m.largest / shown)
	}
	mean := x
	if m.sum {
		mean = x / n
	}
	if m.step > 0 {
		coarse := atLeast(m.step / max(shown-unit, unit))
		mean = math.Round(mean/coarse) * coarse
	}
	if m.sum {
		return m.policy.RoundReal(mean * shown)
	}
	return m.policy.RoundReal(mean)
}

// rowsBehind is how many rows have a value in the cell; where that was not
// measured, how many people are in the group.
func (m measureRounding) rowsBehind(row int) float64 {
	e := m.t.evidence[row]
	n := 0.0
	for i, s := range e.Shares {
		if s.Cell == m.c && !m.r.Shares[i].Extra {
			n += s.Rows.Total
		}
	}
	if n == 0 && m.r.Counted && m.counts && !m.sum {
		for _, channel := range m.r.Cells[m.c].Contributors {
			n += float64(e.People[channel])
		}
	}
	if n == 0 {
		n = float64(e.People[0])
	}
	return n
}

// atLeast is the smallest of 1, 2 and 5 by a power of ten that is not below x.
func atLeast(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, f := range []float64{1, 2, 5, 10} {
		if f*power >= x*(1-1e-12) {
			return f * power
		}
	}
	return 10 * power
}

// roundCounts rounds a column of counts as one table, in which the totals of
// rolled-up groups are found again among what they are made of.
func roundCounts(r *plan.Release, policy disclosure.Policy, t *groupTable, keep []int, hide func(row int) bool, column any) func(int, int64) int64 {
	each := func(_ int, n int64) int64 { return policy.RoundCount(n) }
	values, ok := column.(*array.Int64)
	if policy.RoundCounts == 0 {
		return nil
	}
	if !ok || policy.CountRounding != disclosure.RoundControlled || len(r.Node.Sets) < 2 {
		return each
	}
	var rows []int
	names := map[int]string{}
	for _, i := range keep {
		if !values.IsNull(i) && !hide(i) {
			names[i] = t.partKey(t.gid.Value(i), t.gid.Value(i), i)
			rows = append(rows, i)
		}
	}
	// The engine's order of groups may differ from one time to the next.
	slices.SortFunc(rows, func(a, b int) int { return strings.Compare(names[a], names[b]) })
	place := map[int]int{} // of rows of t
	var counts []int64
	var seeds []uint64
	for _, i := range rows {
		h := fnv.New64a()
		fmt.Fprint(h, names[i])
		place[i] = len(counts)
		counts, seeds = append(counts, values.Value(i)), append(seeds, h.Sum64())
	}
	result, _ := policy.RoundTable(counts, t.totals(rows, place), seeds)
	return func(row int, n int64) int64 {
		if p, ok := place[row]; ok {
			return result[p]
		}
		return policy.RoundCount(n)
	}
}

// totals lists, by place, the groups among rows that are made of others among
// them: those of the next finer groupings that there are.
func (t *groupTable) totals(rows []int, place map[int]int) []disclosure.Total {
	byGrouping := map[int64][]int{}
	var groupings []int64
	for _, i := range rows {
		gid := t.gid.Value(i)
		if byGrouping[gid] == nil {
			groupings = append(groupings, gid)
		}
		byGrouping[gid] = append(byGrouping[gid], i)
	}
	finer := func(a, b int64) bool { return a != b && a&b == a } // rolled up less
	var out []disclosure.Total
	for _, coarse := range groupings {
		for _, fine := range groupings {
			next := finer(fine, coarse)
			for _, between := range groupings {
				next = next && !(finer(fine, between) && finer(between, coarse))
			}
			if !next {
				continue
			}
			at := map[string]int{}
			for _, i := range byGrouping[coarse] {
				at[t.partKey(coarse, coarse, i)] = len(out)
				out = append(out, disclosure.Total{Of: place[i]})
			}
			for _, i := range byGrouping[fine] {
				if total, ok := at[t.partKey(coarse, coarse, i)]; ok {
					out[total].Parts = append(out[total].Parts, place[i])
				}
			}
		}
	}
	return out
}

// partKey is the keys of a row that are not rolled up in gid, after a label.
func (t *groupTable) partKey(label, gid int64, row int) string {
	key := fmt.Sprint(label)
	for k, column := range t.keys {
		switch {
		case gid>>(len(t.keys)-1-k)&1 == 1:
		case column.IsNull(row):
			key += "|-"
		default:
			s := column.ValueStr(row)
			key += fmt.Sprintf("|%d:%s", len(s), s)
		}
	}
	return key
}
