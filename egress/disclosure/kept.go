package disclosure

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// keptTable is one released table: which elements are in which class. Elements
// that are in nothing (class 0) are left out.
type keptTable struct {
	columns [][]Term // of each class
	numbers int

	n      int
	first  uint32
	slots  []uint32 // ascending; nil where they are first, first+1, …
	narrow []uint8  // classes, where there are few
	wide   []int32
}

// newKeptTable packs a table; slots and classes are taken over.
func newKeptTable(columns [][]Term, numbers int, slots []uint32, classes []int32) *keptTable {
	t := &keptTable{columns: columns, numbers: numbers, n: len(slots), wide: classes}
	if !slices.IsSorted(slots) {
		sort.Sort(bySlot{slots, classes})
	}
	if t.n > 0 {
		t.first = slots[0]
		if int(slots[t.n-1]-slots[0]) != t.n-1 {
			t.slots = slices.Clip(slots)
		}
	}
	if len(columns) <= math.MaxUint8 {
		t.narrow, t.wide = make([]uint8, t.n), nil
		for i, c := range classes {
			t.narrow[i] = uint8(c)
		}
	}
	return t
}

type bySlot struct {
	slots   []uint32
	classes []int32
}

func (b bySlot) Len() int           { return len(b.slots) }
func (b bySlot) Less(i, j int) bool { return b.slots[i] < b.slots[j] }
func (b bySlot) Swap(i, j int) {
	b.slots[i], b.slots[j] = b.slots[j], b.slots[i]
	b.classes[i], b.classes[j] = b.classes[j], b.classes[i]
}

// len is how many elements are in something.
func (t *keptTable) len() int { return t.n }

func (t *keptTable) slot(i int) uint32 {
	if t.slots == nil {
		return t.first + uint32(i)
	}
	return t.slots[i]
}

func (t *keptTable) class(i int) int {
	if t.narrow != nil {
		return int(t.narrow[i])
	}
	return int(t.wide[i])
}

// classOf is the class of an element.
func (t *keptTable) classOf(slot uint32) int {
	if t.slots != nil {
		if i, ok := slices.BinarySearch(t.slots, slot); ok {
			return t.class(i)
		}
		return 0
	}
	if i := int(slot) - int(t.first); i >= 0 && i < t.n {
		return t.class(i)
	}
	return 0
}

// bySize gives the numbers in which there is anybody, the largest first.
func (t *keptTable) bySize() []int {
	inClass := make([]int, len(t.columns))
	for i := range t.n {
		inClass[t.class(i)]++
	}
	size := make([]int, t.numbers)
	for c, column := range t.columns {
		for _, term := range column {
			size[term.Number] += inClass[c]
		}
	}
	var out []int
	for n, s := range size {
		if s > 0 {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b int) int { return cmp.Or(size[b]-size[a], a-b) })
	return out
}

// bytes is about how much memory it takes.
func (t *keptTable) bytes() int {
	n := 4*len(t.slots) + len(t.narrow) + 4*len(t.wide)
	for _, c := range t.columns {
		n += 24 + 8*len(c)
	}
	return n
}
