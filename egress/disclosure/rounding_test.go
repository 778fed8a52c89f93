package disclosure

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func roundingPolicy(step int64) Policy {
	return Policy{Threshold: 8, CountRounding: RoundControlled, RoundCounts: step}
}

// checkRounded holds a rounded table to what is promised of it.
func checkRounded(t interface{ Fatalf(string, ...any) }, step int64, counts, rounded []int64, totals []Total) {
	for i, n := range counts {
		if rounded[i]%step != 0 || rounded[i] <= n-step || rounded[i] >= n+step {
			t.Fatalf("%d becomes %d", n, rounded[i])
		}
	}
	for _, total := range totals {
		exact, sum := int64(0), int64(0)
		for _, i := range total.Parts {
			exact, sum = exact+counts[i], sum+rounded[i]
		}
		if exact == counts[total.Of] && sum != rounded[total.Of] {
			t.Fatalf("the parts %v are %d together, and their total %d", total.Parts, sum, rounded[total.Of])
		}
	}
}

// twoWay is a table of rows and columns with both margins and the grand total;
// hidden says of each inner cell whether it is missing.
func twoWay(cells [][]int64, hidden func(i, j int) bool) (counts []int64, totals []Total) {
	columns := make([]Total, len(cells[0]))
	sums := make([]int64, len(columns))
	var rows []Total
	grand := int64(0)
	for i, row := range cells {
		r, sum := Total{}, int64(0)
		for j, n := range row {
			sum, sums[j], grand = sum+n, sums[j]+n, grand+n
			if hidden == nil || !hidden(i, j) {
				r.Parts, columns[j].Parts = append(r.Parts, len(counts)), append(columns[j].Parts, len(counts))
				counts = append(counts, n)
			}
		}
		r.Of, counts = len(counts), append(counts, sum)
		rows = append(rows, r)
	}
	byRow, byColumn := Total{}, Total{}
	for _, r := range rows {
		byRow.Parts = append(byRow.Parts, r.Of)
	}
	for j := range columns {
		columns[j].Of, counts = len(counts), append(counts, sums[j])
		byColumn.Parts = append(byColumn.Parts, columns[j].Of)
	}
	byRow.Of, byColumn.Of = len(counts), len(counts)
	return append(counts, grand), append(append(rows, columns...), byRow, byColumn)
}

func seedsOf(n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = uint64(i+1) * 0x9e3779b97f4a7c15
	}
	return out
}

func TestRoundedTablesAddUp(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		step := int64(rapid.IntRange(2, 12).Draw(r, "step"))
		cells := make([][]int64, rapid.IntRange(1, 7).Draw(r, "rows"))
		columns := rapid.IntRange(1, 7).Draw(r, "columns")
		missing := map[[2]int]bool{}
		for i := range cells {
			for j := range columns {
				cells[i] = append(cells[i], int64(rapid.IntRange(0, 60).Draw(r, "count")))
				missing[[2]int{i, j}] = rapid.IntRange(0, 9).Draw(r, "hidden") == 0
			}
		}
		counts, totals := twoWay(cells, func(i, j int) bool { return missing[[2]int{i, j}] })
		p := roundingPolicy(step)
		seeds := seedsOf(len(counts))
		rounded, ok := p.RoundTable(counts, totals, seeds)
		if !ok {
			r.Fatalf("a two-way table was not rounded as a whole")
		}
		checkRounded(r, step, counts, rounded, totals)
		if again, _ := p.RoundTable(counts, totals, seeds); !slices.Equal(again, rounded) {
			r.Fatalf("asked again: %v, not %v", again, rounded)
		}
	})
}

func TestRoundedHierarchiesAddUp(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		step := int64(rapid.IntRange(2, 10).Draw(r, "step"))
		var counts []int64
		var totals []Total
		var grow func(depth int) int
		grow = func(depth int) int {
			if depth == 0 {
				counts = append(counts, int64(rapid.IntRange(0, 200).Draw(r, "count")))
				return len(counts) - 1
			}
			total, sum := Total{}, int64(0)
			for range rapid.IntRange(1, 4).Draw(r, "children") {
				i := grow(depth - 1)
				total.Parts, sum = append(total.Parts, i), sum+counts[i]
			}
			total.Of, counts = len(counts), append(counts, sum)
			totals = append(totals, total)
			return total.Of
		}
		grand := grow(3)
		p := roundingPolicy(step)
		rounded, ok := p.RoundTable(counts, totals, seedsOf(len(counts)))
		if !ok {
			r.Fatalf("a hierarchy was not rounded as a whole")
		}
		checkRounded(r, step, counts, rounded, totals)
		_ = grand
	})
}

// The fewest possible are moved: compared with every other way, on small tables.
func TestRoundingMovesAsLittleAsPossible(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		const step = 5
		cells := make([][]int64, 2)
		for i := range cells {
			for range 2 {
				cells[i] = append(cells[i], int64(rapid.IntRange(8, 30).Draw(r, "count")))
			}
		}
		counts, totals := twoWay(cells, nil)
		p := roundingPolicy(step)
		seeds := make([]uint64, len(counts))
		rounded, _ := p.RoundTable(counts, totals, seeds)
		cost := func(rounded []int64) int64 {
			sum := int64(0)
			for i, n := range counts {
				if rounded[i] != p.RoundCount(n) {
					weight := int64(1)
					if slices.ContainsFunc(totals, func(t Total) bool { return t.Of == i }) {
						weight = totalWeight
					}
					rest := n % step
					sum += weight * max(step-2*rest, 2*rest-step)
				}
			}
			return sum
		}
		best := int64(-1)
		for choice := range 1 << len(counts) {
			other := make([]int64, len(counts))
			for i, n := range counts {
				other[i] = n / step * step
				if choice>>i&1 == 1 && n%step != 0 {
					other[i] += step
				}
			}
			adds := !slices.ContainsFunc(totals, func(t Total) bool {
				left := other[t.Of]
				for _, i := range t.Parts {
					left -= other[i]
				}
				return left != 0
			})
			if c := cost(other); adds && (best < 0 || c < best) {
				best = c
			}
		}
		if got := cost(rounded); got != best {
			r.Fatalf("%v becomes %v at a cost of %d; %d is possible", counts, rounded, got, best)
		}
	})
}

// Three ways at once are no network: each count is rounded by itself.
func TestAThreeWayTableIsRoundedCellByCell(t *testing.T) {
	counts := []int64{12, 12, 12, 12}
	totals := []Total{{0, []int{1}}, {0, []int{2}}, {0, []int{3}}}
	rounded, ok := roundingPolicy(5).RoundTable(counts, totals, seedsOf(4))
	if ok || fmt.Sprint(rounded) != "[10 10 10 10]" {
		t.Errorf("%v, %v", rounded, ok)
	}
}

func BenchmarkRoundTable(b *testing.B) {
	cells := make([][]int64, 100)
	for i := range cells {
		for j := range 100 {
			cells[i] = append(cells[i], int64(8+(i*7919+j*104729)%500))
		}
	}
	counts, totals := twoWay(cells, nil)
	for b.Loop() {
		if _, ok := roundingPolicy(5).RoundTable(counts, totals, seedsOf(len(counts))); !ok {
			b.Fatal("not rounded")
		}
	}
}
