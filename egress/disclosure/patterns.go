package disclosure

import (
	"encoding/binary"
	"hash/maphash"
	"iter"
	"slices"
)

// Term says that something is in a number, and how many times.
type Term struct {
	Number int32
	Times  int32
}

// Patterns is a list of which numbers elements may be in. People have as many patterns as
// there are people if what is counted are their rows, so that they are kept packed: a byte or two
// for each term. The zero value is empty.
type Patterns struct {
	distinct bool     // no two are the same
	ends     []uint32 // of each pattern in terms
	terms    []byte   // of each: how far the number is from the one before, twice, plus one if how many times follows; else once
}

// PatternsOf packs patterns, of which each has its numbers in ascending order.
func PatternsOf(list ...[]Term) Patterns {
	var p Patterns
	for _, terms := range list {
		p.Add(terms)
	}
	return p
}

// Len is how many patterns there are.
func (p *Patterns) Len() int { return len(p.ends) }

// Bytes is about how much memory they take.
func (p *Patterns) Bytes() int { return 4*len(p.ends) + len(p.terms) }

// Add appends a pattern: numbers ascending, zeros are left out.
func (p *Patterns) Add(terms []Term) uint32 {
	p.distinct = false
	p.terms = appendTerms(p.terms, terms)
	p.ends = append(p.ends, uint32(len(p.terms)))
	return uint32(len(p.ends) - 1)
}

// Append appends all patterns of another list.
func (p *Patterns) Append(other Patterns) {
	p.distinct = false
	from := uint32(len(p.terms))
	p.terms = append(p.terms, other.terms...)
	for _, end := range other.ends {
		p.ends = append(p.ends, from+end)
	}
}

// At gives a pattern, appended to into.
func (p *Patterns) At(i int, into []Term) []Term {
	for number, times := range p.each(i) {
		into = append(into, Term{number, times})
	}
	return into
}

// raw is a pattern as it is packed: equal patterns are packed alike.
func (p *Patterns) raw(i int) []byte {
	start := uint32(0)
	if i > 0 {
		start = p.ends[i-1]
	}
	return p.terms[start:p.ends[i]]
}

func (p *Patterns) addRaw(raw []byte) {
	p.terms = append(p.terms, raw...)
	p.ends = append(p.ends, uint32(len(p.terms)))
}

func appendTerms(to []byte, terms []Term) []byte {
	before := int32(-1)
	for _, t := range terms {
		if t.Times == 0 {
			continue
		}
		step := uint64(t.Number-before) << 1
		if before = t.Number; t.Times == 1 {
			to = binary.AppendUvarint(to, step)
		} else {
			to = binary.AppendVarint(binary.AppendUvarint(to, step|1), int64(t.Times))
		}
	}
	return to
}

// each gives the terms of a pattern, one by one.
func (p *Patterns) each(i int) iter.Seq2[int32, int32] {
	return func(yield func(number, times int32) bool) {
		number := int32(-1)
		for raw := p.raw(i); len(raw) > 0; {
			step, n := uint64(raw[0]), 1
			if step >= 0x80 {
				step, n = binary.Uvarint(raw)
			}
			raw = raw[n:]
			number += int32(step >> 1)
			times := int64(1)
			if step&1 == 1 {
				if times, n = int64(raw[0]>>1)^-int64(raw[0]&1), 1; raw[0] >= 0x80 {
					times, n = binary.Varint(raw)
				}
				raw = raw[n:]
			}
			if !yield(number, int32(times)) {
				return
			}
		}
	}
}

// Distinct is a list of patterns that are all different.
type Distinct struct {
	list  Patterns
	index []uint32 // by hash: the pattern, plus one
	seed  maphash.Seed
	key   []byte
}

// List gives the patterns. Nothing may be put after that.
func (d *Distinct) List() Patterns {
	return Patterns{distinct: true, ends: slices.Clip(d.list.ends), terms: slices.Clip(d.list.terms)}
}

// Put gives the place of a pattern, which is added if it is new.
func (d *Distinct) Put(terms []Term) uint32 {
	d.key = appendTerms(d.key[:0], terms)
	return d.put(d.key)
}

func (d *Distinct) put(raw []byte) uint32 {
	if 2*len(d.list.ends) >= len(d.index) {
		d.grow()
	}
	at := d.find(raw)
	if d.index[at] == 0 {
		d.list.addRaw(raw)
		d.index[at] = uint32(len(d.list.ends))
	}
	return d.index[at] - 1
}

// find gives the place of a pattern in the index, or the empty one where it belongs.
func (d *Distinct) find(raw []byte) uint64 {
	mask := uint64(len(d.index) - 1)
	at := maphash.Bytes(d.seed, raw) & mask
	for d.index[at] != 0 && string(d.list.raw(int(d.index[at]-1))) != string(raw) {
		at = (at + 1) & mask
	}
	return at
}

func (d *Distinct) grow() {
	if d.index == nil {
		d.seed = maphash.MakeSeed()
	}
	d.index = make([]uint32, max(16, 2*len(d.index)))
	mask := uint64(len(d.index) - 1)
	for i := range d.list.ends {
		at := maphash.Bytes(d.seed, d.list.raw(i)) & mask
		for d.index[at] != 0 {
			at = (at + 1) & mask
		}
		d.index[at] = uint32(i) + 1
	}
}
