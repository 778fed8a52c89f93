package egress

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
)

// oneGroup is an answer of one group of everybody, with the numbers of some row sets.
func oneGroup(sets ...int) (*groupTable, *atomTable, *numbered) {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	b.Append(0)
	t := &groupTable{rows: 1, gid: b.NewInt64Array(), groups: []uint64{0}}
	n := newNumbered()
	for c, set := range sets {
		n.add(0, c, number{row: 0, set: set})
	}
	return t, &atomTable{members: [][]int{{0}}, groups: []atomGroup{{row: 0}}, group: []int{0}}, n
}

// A row that comes several times is one element, which is in a number as often.
func TestRepeatedRowsAreCountedAsOften(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		c := &cohorts{}
		c.Begin()
		type at struct {
			row    uint64
			number int32
		}
		want := map[at]int32{}
		for u := range uint32(20) {
			for range random.IntN(6) {
				row := 5<<rowBits | uint64(u*8) | random.Uint64N(3)
				sig := random.Int64N(4)
				if err := c.Rows([]uint32{u}, []uint64{row}, []uint64{0}, []int64{sig}); err != nil {
					t.Fatal(err)
				}
				want[at{row, 0}]++
				for bit := range int32(2) {
					if sig>>bit&1 == 1 {
						want[at{row, 1 + bit}]++
					}
				}
			}
		}
		table, atoms, n := oneGroup(-1, 0, 1)
		got := c.byRow(table, atoms, n, false)
		seen := map[uint64]bool{}
		total := 0
		for e := range got.Elements.All() {
			if seen[e.Key] {
				t.Fatalf("row %d is two elements", e.Key)
			}
			seen[e.Key] = true
			terms := got.Patterns.At(int(e.Pattern), nil)
			if !slices.IsSortedFunc(terms, func(a, b disclosure.Term) int { return int(a.Number - b.Number) }) {
				t.Fatal("terms out of order")
			}
			for _, term := range terms {
				total++
				if want[at{e.Key, term.Number}] != term.Times {
					t.Fatalf("row %d is %d times in number %d, not %d", e.Key, term.Times, term.Number, want[at{e.Key, term.Number}])
				}
			}
		}
		if total != len(want) {
			t.Fatalf("%d terms, not %d", total, len(want))
		}
	}
}

// A row of two people, or one that is another person, refuses the question.
func TestARowOfTwoPeopleIsRefused(t *testing.T) {
	for _, rows := range [][]uint64{{1<<rowBits | 7, 1<<rowBits | 7}, {1<<63 | 9, 1<<63 | 9}, {1, 3}, {2 << rowBits, 1}} {
		c := &cohorts{}
		c.Begin()
		if err := c.Rows([]uint32{1, 2}, rows, []uint64{0, 0}, []int64{0, 0}); err != nil {
			t.Fatal(err)
		}
		if c.distinctRows() == nil {
			t.Errorf("rows %x of persons 1 and 2 are accepted", rows)
		}
	}
	c := &cohorts{}
	c.Begin()
	if err := c.Rows([]uint32{1, 1, 2, 2}, []uint64{5 << rowBits, 1, 4 << rowBits, 2}, make([]uint64, 4), make([]int64, 4)); err != nil {
		t.Fatal(err)
	}
	if err := c.distinctRows(); err != nil {
		t.Error(err)
	}
}
