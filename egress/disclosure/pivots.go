package disclosure

import "slices"

// members are elements of the newest table by class, to look for pivots in: all or some
// of them, evenly.
type members struct {
	start []int32
	slots []uint32
}

// maxMembers bounds the elements of one class that are looked at one by one.
const maxMembers = 512

func (t *keptTable) members() *members {
	count := make([]int32, t.columns.Len())
	t.each(func(_ uint32, class int) { count[class]++ })
	m := &members{start: make([]int32, len(count)+1)}
	for c, n := range count {
		m.start[c+1] = m.start[c] + min(n, maxMembers)
	}
	m.slots = make([]uint32, m.start[len(count)])
	next, seen := slices.Clone(m.start), make([]int32, len(count))
	t.each(func(slot uint32, class int) {
		at := next[class]
		// The ith of them is the one at i·count/taken.
		if n, taken := int64(count[class]), int64(m.start[class+1]-m.start[class]); at < m.start[class+1] && int64(seen[class]) == int64(at-m.start[class])*n/taken {
			m.slots[at] = slot
			next[class]++
		}
		seen[class]++
	})
	return m
}

func (m *members) of(class int) []uint32 { return m.slots[m.start[class]:m.start[class+1]] }

// tries is how many elements of each class are looked at before all are, and maxTries how
// many together: where so many do not do, few will, and these are found by pages.
const (
	tries    = 8
	maxTries = 256
)

// find looks for an element, of nobody in another set, at which the combination
// is not zero. Without one, a.open has where it is not zero. sure is false if
// that would take too long.
func (p *packing) find(s int, a *addition, c *candidate, m *members, work *int) (found, sure bool) {
	free := func(slot uint32) bool {
		owner, ok := p.owner[p.reg.unit(slot)]
		return !ok || owner == int32(s)
	}
	left := maxTries
	for try := range tries {
		for _, class := range c.classes {
			of := m.of(int(class))
			step := max(1, len(of)/tries)
			n := (s*7)%step + try*step
			if left == 0 || n >= len(of) || !free(of[n]) {
				continue
			}
			left--
			*work -= 40 * len(p.tables)
			if v := p.at(of[n], a.lambda); v != 0 {
				a.slot, a.value = of[n], v
				return true, true
			}
		}
	}
	p.everywhere(a.lambda, work, func(slot uint32, v uint32) bool {
		if free(slot) {
			a.slot, a.value, found = slot, uint64(v), true
			return false
		}
		if a.open == nil {
			a.open = map[uint32]uint32{}
		}
		a.open[slot] = v
		return len(a.open) <= maxSupport
	})
	return found, found || *work >= 0 && len(a.open) <= maxSupport
}

// at is the value of a combination at an element.
func (p *packing) at(slot uint32, lambda []uint32) uint64 {
	sum := uint64(0)
	p.termsAt(slot, func(e entry) { sum = (sum + uint64(lambda[e.at])*e.v) % prime })
	return sum
}

// termsAt gives the columns that an element is in, ascending by table.
func (p *packing) termsAt(slot uint32, yield func(entry)) {
	var terms []Term
	for n, t := range p.tables {
		class := t.classOf(slot)
		if class == 0 {
			continue
		}
		terms = t.columns.At(class, terms[:0])
		for _, term := range terms {
			if c := p.column[n][term.Number]; c >= 0 {
				yield(entry{c, modulo(term.Times)})
			}
		}
	}
}

// manyColumns are more classes than values are kept of.
const manyColumns = 1 << 18

// everywhere gives the elements at which a combination is not zero, until yield says
// false, or there is no work left. Mostly one of the first will do, so that it goes by pages;
// and from where it ended before, since what is before that is mostly of people of other sets.
func (p *packing) everywhere(lambda []uint32, work *int, yield func(slot, value uint32) bool) {
	type table struct {
		*keptTable
		column []int32
		values []uint32 // of the combination, by class, and one as far as they are known; nil where there are many
		next   int
	}
	value := func(t *keptTable, column []int32, class int) uint64 {
		sum := uint64(0)
		for number, times := range t.columns.each(class) {
			if c := column[number]; c >= 0 && lambda[c] != 0 {
				sum = (sum + uint64(lambda[c])*modulo(times)) % prime
			}
		}
		return sum
	}
	var tables []*table
	for n, t := range p.tables {
		if !slices.ContainsFunc(p.column[n], func(c int32) bool { return c >= 0 && lambda[c] != 0 }) {
			continue
		}
		at := &table{keptTable: t, column: p.column[n]}
		if t.columns.Len() <= manyColumns {
			at.values = make([]uint32, t.columns.Len())
		}
		tables = append(tables, at)
	}
	var sums [pageSize]uint64
	var classes, offsets [pageSize]uint32
	for n := range len(p.reg.pages) {
		page := uint32((n + p.from) % len(p.reg.pages))
		if page == 0 {
			for _, t := range tables {
				t.next = 0
			}
		}
		some := false
		for _, t := range tables {
			for t.next < len(t.parts) && t.parts[t.next].page < page {
				t.next++
			}
			if t.next == len(t.parts) || t.parts[t.next].page != page {
				continue
			}
			some = true
			part := &t.parts[t.next]
			at := part.offsets(&offsets)
			*work -= len(at)
			for i, class := range part.classes(&classes) {
				var v uint64
				if t.values != nil && t.values[class] != 0 {
					v = uint64(t.values[class] - 1)
				} else if v = value(t.keptTable, t.column, int(class)); t.values != nil {
					t.values[class] = uint32(v + 1)
				}
				sums[at[i]&inPage] += v // as many as there are tables, each below 2³¹
			}
		}
		if !some {
			continue
		}
		for offset, v := range sums {
			if v %= prime; v != 0 && !yield(page<<pageBits|uint32(offset), uint32(v)) {
				p.from = int(page)
				return
			}
		}
		if clear(sums[:]); *work < 0 {
			return
		}
	}
}

// lightestOpen looks at the combinations of what a set leaves open and one more.
func (p *packing) lightestOpen(s int, more map[uint32]uint32) weight {
	vectors := make([]map[uint32]uint32, 0, len(p.sets[s].open)+1)
	for _, o := range p.sets[s].open {
		vectors = append(vectors, o.value)
	}
	vectors = append(vectors, more)
	if len(vectors) > maxOpen {
		return unsure
	}
	byValues := map[string]*weighed{}
	var columns []*weighed
	seen := map[uint32]bool{}
	for n := range vectors {
		for slot := range vectors[n] {
			if seen[slot] {
				continue
			}
			seen[slot] = true
			values := make([]uint64, len(vectors))
			key := make([]byte, 0, 4*len(vectors))
			for i, v := range vectors {
				x := v[slot]
				values[i] = uint64(x)
				key = append(key, byte(x), byte(x>>8), byte(x>>16), byte(x>>24))
			}
			c := byValues[string(key)]
			if c == nil {
				c = &weighed{values: values}
				byValues[string(key)] = c
				columns = append(columns, c)
			}
			if len(c.people) < p.k {
				c.people = distinct(c.people, p.reg.unit(slot))
				c.many = len(c.people) >= p.k
			}
		}
	}
	return lightest(len(vectors), columns, p.k)
}
