package egress

import (
	"math/rand/v2"
	"testing"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
)

// The parts of the people that are counted while rows come in are those of the rows, and
// of too many labels they are not there at all.
func TestPartsAreThoseOfTheRows(t *testing.T) {
	for labels, counted := range map[uint64]bool{1: true, 40: true, maxParts: true, maxParts + 1: false, 3 * maxParts: false} {
		chance := rand.New(rand.NewPCG(labels, 1))
		c := &cohorts{}
		c.Begin()
		var units []uint32
		var rows, groups []uint64
		var sig []int64
		for row := range max(20_000, 2*labels) {
			units, rows = append(units, uint32(row/3)), append(rows, 1<<32+row)
			groups, sig = append(groups, row%labels), append(sig, 0)
			if len(units) == 1+chance.IntN(5000) || row+1 == max(20_000, 2*labels) {
				if err := c.Rows(units, rows, groups, sig); err != nil {
					t.Fatal(err)
				}
				units, rows, groups, sig = units[:0], rows[:0], groups[:0], sig[:0]
			}
		}
		if (c.parts != nil) != counted {
			t.Fatalf("of %d labels: %v", labels, c.parts != nil)
		}
		want := make([][disclosure.Buckets]int32, len(c.list))
		for b := range c.rows.Blocks() {
			for i, label := range b.Patterns {
				want[label][b.Units[i]%disclosure.Buckets]++
			}
		}
		for label, parts := range c.parts {
			if *parts != want[label] {
				t.Fatalf("of %d labels, those of %d differ", labels, label)
			}
		}
	}
}
