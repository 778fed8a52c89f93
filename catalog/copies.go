package catalog

import (
	"bytes"
	"hash/maphash"
	"slices"
)

// copies finds rows that are exact copies of earlier ones, in two passes over a
// file. The first keeps 41 bits of a hash of every row (four bytes a row, more or
// less), dealt into parts by its first bits, so that looking for those that come
// twice is done a part at a time, within the processor's cache. The second
// compares the rows of just these by their bytes: what it finds is exact.
type copies struct {
	seed     maphash.Seed
	parts    [1 << partBits][]uint32
	suspects map[uint64][]byte // what came twice → the first row of it, once the second pass has met it
	sieve    []uint64          // of suspects: spares most rows the look-up
}

const partBits = 9

// split gives the part of a hash, and what of it is kept there.
func splitHash(h uint64) (part int, rest uint32) { return int(h >> (64 - partBits)), uint32(h) }

func joinHash(part int, rest uint32) uint64 { return uint64(part)<<32 | uint64(rest) }

func newCopies() *copies { return &copies{seed: maphash.MakeSeed()} }

// note is the first pass over a row.
func (c *copies) note(raw []byte) {
	part, rest := splitHash(maphash.Bytes(c.seed, raw))
	c.parts[part] = append(c.parts[part], rest)
}

// seal ends the first pass.
func (c *copies) seal() {
	c.suspects = make(map[uint64][]byte)
	var once, twice []uint64
	for part, rests := range c.parts {
		words := 1
		for words*8 < len(rests) {
			words *= 2
		}
		once, twice = cleared(once, words), cleared(twice, words)
		at := func(rest uint32) (word, bit uint64) { return uint64(rest>>6) & uint64(words-1), 1 << (rest & 63) }
		for _, rest := range rests {
			word, bit := at(rest)
			twice[word] |= once[word] & bit
			once[word] |= bit
		}
		var same []uint32
		for _, rest := range rests {
			if word, bit := at(rest); twice[word]&bit != 0 {
				same = append(same, rest)
			}
		}
		slices.Sort(same)
		for i := 1; i < len(same); i++ {
			if same[i] == same[i-1] {
				c.suspects[joinHash(part, same[i])] = nil
			}
		}
		c.parts[part] = nil
	}
	words := 1
	for words < len(c.suspects) {
		words *= 2
	}
	c.sieve = make([]uint64, words)
	for h := range c.suspects {
		c.sieve[(h>>6)&uint64(words-1)] |= 1 << (h & 63)
	}
}

func cleared(b []uint64, n int) []uint64 {
	b = slices.Grow(b[:0], n)[:n]
	clear(b)
	return b
}

// seen is the second pass over a row: whether the same bytes came before.
func (c *copies) seen(raw []byte) bool {
	h := joinHash(splitHash(maphash.Bytes(c.seed, raw)))
	if c.sieve[(h>>6)&uint64(len(c.sieve)-1)]&(1<<(h&63)) == 0 {
		return false
	}
	first, suspect := c.suspects[h]
	switch {
	case !suspect:
		return false
	case first == nil:
		c.suspects[h] = bytes.Clone(raw)
		return false
	}
	return bytes.Equal(first, raw)
}
