package disclosure

import "testing"

// The history is held to what the audit is held to (vectors_test.go).
func TestHistoryBesideOtherSoftware(t *testing.T) {
	for _, v := range readVectors(t).Suppression {
		v.compare(t, v.Software+", "+v.Test+": "+v.Note, releasedByHistory(v))
	}
}

func releasedByHistory(v suppressionVector) []bool {
	threshold, people := v.people()
	c := &Cohorts{}
	shown := make([]bool, len(v.Numbers))
	patterns := make([][]Term, len(v.Cells))
	var numbers []int
	for i, n := range v.Numbers {
		size := 0
		for _, cell := range n.Of {
			size += people[cell]
		}
		if size < threshold {
			continue
		}
		for _, cell := range n.Of {
			patterns[cell] = append(patterns[cell], Term{Number: int32(len(numbers)), Times: 1})
		}
		numbers = append(numbers, i)
	}
	c.Numbers, c.Patterns = len(numbers), PatternsOf(patterns...)
	for cell, n := range people {
		for range n {
			unit := uint32(c.Elements.Len() + 1)
			c.Elements.Add(uint64(unit), unit, uint32(cell))
		}
	}
	h := NewHistory(threshold, false)
	for n, withheld := range h.Judge(c).Withheld {
		shown[numbers[n]] = !withheld
	}
	return shown
}
