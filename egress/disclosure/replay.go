package disclosure

// Replay gives every kept table again, in order: at is how many were kept before it.
// Numbers that were withheld are in it as numbers of nobody.
func (h *History) Replay(each func(at int, c *Cohorts)) {
	keys := map[uint32]uint64{} // of slots without neighbours
	for key, slot := range h.reg.hashes {
		keys[slot] = key
	}
	for at, t := range h.tables {
		c := &Cohorts{Numbers: t.numbers, Patterns: t.columns}
		t.each(func(slot uint32, class int) {
			key, ok := keys[slot]
			if !ok {
				key = h.reg.pages[slot>>pageBits].key + uint64(slot&inPage)
			}
			c.Elements.Add(key, h.reg.unit(slot), uint32(class))
		})
		each(at, c)
	}
}

// Sets gives, of each number of a table, how many elements are in it, and a
// fingerprint of which.
func (c *Cohorts) Sets() (elements []int, prints []uint64) {
	elements, prints = make([]int, c.Numbers), make([]uint64, c.Numbers)
	of, sums := make([]int, c.Patterns.Len()), make([]uint64, c.Patterns.Len())
	for e := range c.Elements.All() {
		of[e.Pattern]++
		sums[e.Pattern] += mix(e.Key)
	}
	var terms []Term
	for p := range of {
		terms = c.Patterns.At(p, terms[:0])
		for _, t := range terms {
			elements[t.Number] += of[p]
			prints[t.Number] += sums[p]
		}
	}
	return elements, prints
}

// Without gives a table in which some numbers are of nobody.
func (c *Cohorts) Without(left []bool) *Cohorts {
	out := &Cohorts{Numbers: c.Numbers, Elements: c.Elements.Clone()}
	var terms []Term
	for p := range c.Patterns.Len() {
		terms = c.Patterns.At(p, terms[:0])
		some := terms[:0]
		for _, t := range terms {
			if !left[t.Number] {
				some = append(some, t)
			}
		}
		out.Patterns.Add(some)
	}
	return out
}
