package disclosure

import (
	"encoding/binary"
	"errors"
	"iter"
	"math/bits"
	"slices"
)

// Element is what a released number is made of: a row of a table, or a person.
// Elements of different tables have different keys; a person's key is the unit
// itself. In a Cohorts each key occurs once.
type Element struct {
	Key     uint64
	Unit    uint32 // whose it is
	Pattern uint32 // which numbers it is in: position in Cohorts.Patterns
}

// blockSize is how many elements are packed together.
const blockSize = 4096

// Elements is a list of elements in little memory: a list of 20 million rows that stand in
// order takes two or three bytes for each. Blocks of neighbours are packed by column, with as
// many bytes for each as the largest difference needs. The zero value is empty.
type Elements struct {
	packed  [][]byte
	n       int    // in all
	last    *Block // the elements that are not packed yet; nil for none
	scratch []byte
}

// Block is some neighbouring elements, by column.
type Block struct {
	Keys     []uint64
	Units    []uint32
	Patterns []uint32
}

func newBlock() *Block {
	return &Block{Keys: make([]uint64, 0, blockSize), Units: make([]uint32, 0, blockSize), Patterns: make([]uint32, 0, blockSize)}
}

// Len is how many elements there are.
func (l *Elements) Len() int { return l.n }

// Bytes is about how much memory they take.
func (l *Elements) Bytes() int {
	n := 24 * len(l.packed)
	for _, b := range l.packed {
		n += len(b)
	}
	return n
}

// Add appends an element.
func (l *Elements) Add(key uint64, unit, pattern uint32) {
	if l.last == nil {
		l.last = newBlock()
	}
	b := l.last
	b.Keys, b.Units, b.Patterns = append(b.Keys, key), append(b.Units, unit), append(b.Patterns, pattern)
	if l.n++; len(b.Keys) == blockSize {
		l.pack()
	}
}

// AddAll appends elements by column.
func (l *Elements) AddAll(keys []uint64, units, patterns []uint32) {
	for len(keys) > 0 {
		if l.last == nil {
			l.last = newBlock()
		}
		b := l.last
		n := min(len(keys), blockSize-len(b.Keys))
		b.Keys, b.Units, b.Patterns = append(b.Keys, keys[:n]...), append(b.Units, units[:n]...), append(b.Patterns, patterns[:n]...)
		keys, units, patterns = keys[n:], units[n:], patterns[n:]
		if l.n += n; len(b.Keys) == blockSize {
			l.pack()
		}
	}
}

// Clone is a list of its own: what is added to it is not added to l.
func (l *Elements) Clone() Elements {
	out := Elements{packed: slices.Clip(l.packed), n: l.n}
	if l.last != nil {
		out.last = newBlock()
		out.last.Keys = append(out.last.Keys, l.last.Keys...)
		out.last.Units = append(out.last.Units, l.last.Units...)
		out.last.Patterns = append(out.last.Patterns, l.last.Patterns...)
	}
	return out
}

// Blocks gives the elements in order, some at a time: valid until the next are given.
func (l *Elements) Blocks() iter.Seq[*Block] {
	return func(yield func(*Block) bool) {
		if len(l.packed) > 0 {
			into := newBlock()
			for _, p := range l.packed {
				into.unpack(p)
				if !yield(into) {
					return
				}
			}
		}
		if l.last != nil && len(l.last.Keys) > 0 {
			yield(l.last)
		}
	}
}

// All gives the elements one by one.
func (l *Elements) All() iter.Seq[Element] {
	return func(yield func(Element) bool) {
		for b := range l.Blocks() {
			for i, k := range b.Keys {
				if !yield(Element{k, b.Units[i], b.Patterns[i]}) {
					return
				}
			}
		}
	}
}

func (l *Elements) pack() {
	b := l.last
	l.scratch = b.pack(l.scratch[:0])
	l.packed = append(l.packed, slices.Clone(l.scratch))
	b.Keys, b.Units, b.Patterns = b.Keys[:0], b.Units[:0], b.Patterns[:0]
}

// How a column is packed, beside the widths of 1, 2, 4 and 8 bytes.
const (
	evenly = 0   // every difference is the same
	asKeys = 255 // units that are the keys
)

// pack appends the block, packed: keys and units as differences of neighbours, signed
// (the lowest bit is the sign), patterns as they are.
func (b *Block) pack(out []byte) []byte {
	out = binary.LittleEndian.AppendUint16(out, uint16(len(b.Keys)))
	out = packDifferences(out, b.Keys)
	if b.people() {
		out = append(out, asKeys)
	} else {
		out = packDifferences(out, b.Units)
	}
	var values [blockSize]uint64
	all, same := uint64(0), true
	for i, p := range b.Patterns {
		values[i] = uint64(p)
		all |= values[i]
		same = same && p == b.Patterns[0]
	}
	if same {
		out = binary.LittleEndian.AppendUint64(append(out, evenly), values[0])
	} else {
		out = packValues(append(out, widthOf(all)), widthOf(all), values[:len(b.Patterns)])
	}
	return out
}

// people reports whether the keys are the units.
func (b *Block) people() bool {
	for i, k := range b.Keys {
		if uint64(b.Units[i]) != k {
			return false
		}
	}
	return true
}

func packDifferences[T uint32 | uint64](out []byte, column []T) []byte {
	var values [blockSize]uint64
	before, all, same := uint64(column[0]), uint64(0), true
	for i, x := range column {
		d := int64(uint64(x) - before)
		z := uint64(d)<<1 ^ uint64(d>>63)
		values[i], before = z, uint64(x)
		all |= z
		same = same && (i < 2 || z == values[1])
	}
	if same {
		step := uint64(0)
		if len(column) > 1 {
			step = values[1]
		}
		out = binary.LittleEndian.AppendUint64(append(out, evenly), uint64(column[0]))
		return binary.LittleEndian.AppendUint64(out, step)
	}
	out = binary.LittleEndian.AppendUint64(append(out, widthOf(all)), uint64(column[0]))
	return packValues(out, widthOf(all), values[1:len(column)])
}

func widthOf(all uint64) byte {
	switch l := bits.Len64(all); {
	case l > 32:
		return 8
	case l > 16:
		return 4
	case l > 8:
		return 2
	}
	return 1
}

func packValues(out []byte, width byte, values []uint64) []byte {
	size := len(values) * int(width)
	out = slices.Grow(out, size)
	to := out[len(out) : len(out)+size]
	switch width {
	case 1:
		for i, v := range values {
			to[i] = byte(v)
		}
	case 2:
		for i, v := range values {
			binary.LittleEndian.PutUint16(to[2*i:], uint16(v))
		}
	case 4:
		for i, v := range values {
			binary.LittleEndian.PutUint32(to[4*i:], uint32(v))
		}
	default:
		for i, v := range values {
			binary.LittleEndian.PutUint64(to[8*i:], v)
		}
	}
	return out[:len(out)+size]
}

var errPacked = errors.New("disclosure: packed elements are damaged")

// unpack reads what pack wrote. Whoever has packed elements from elsewhere checks
// them first.
func (b *Block) unpack(p []byte) {
	n := int(binary.LittleEndian.Uint16(p))
	p = p[2:]
	b.Keys, b.Units, b.Patterns = b.Keys[:n], b.Units[:n], b.Patterns[:n]
	p = differences(b.Keys, p)
	if p[0] == asKeys {
		p = p[1:]
		for i, k := range b.Keys {
			b.Units[i] = uint32(k)
		}
	} else {
		p = differences(b.Units, p)
	}
	width, p := p[0], p[1:]
	switch width {
	case evenly:
		x := uint32(binary.LittleEndian.Uint64(p))
		for i := range b.Patterns {
			b.Patterns[i] = x
		}
	case 1:
		for i, x := range p[:n] {
			b.Patterns[i] = uint32(x)
		}
	case 2:
		for i := range b.Patterns {
			b.Patterns[i] = uint32(binary.LittleEndian.Uint16(p[2*i:]))
		}
	default:
		for i := range b.Patterns {
			b.Patterns[i] = binary.LittleEndian.Uint32(p[4*i:])
		}
	}
}

// differences unpacks a column of differences, and gives what follows it.
func differences[T uint32 | uint64](into []T, p []byte) []byte {
	width := p[0]
	x := binary.LittleEndian.Uint64(p[1:])
	p = p[9:]
	into[0] = T(x)
	sum := func(z uint64) T {
		x += z>>1 ^ -(z & 1)
		return T(x)
	}
	rest := into[1:]
	switch width {
	case evenly:
		z := binary.LittleEndian.Uint64(p)
		d := z>>1 ^ -(z & 1)
		for i := range rest {
			x += d
			rest[i] = T(x)
		}
		return p[8:]
	case 1:
		for i, z := range p[:len(rest)] {
			rest[i] = sum(uint64(z))
		}
	case 2:
		for i := range rest {
			rest[i] = sum(uint64(binary.LittleEndian.Uint16(p[2*i:])))
		}
	case 4:
		for i := range rest {
			rest[i] = sum(uint64(binary.LittleEndian.Uint32(p[4*i:])))
		}
	default:
		for i := range rest {
			rest[i] = sum(binary.LittleEndian.Uint64(p[8*i:]))
		}
	}
	return p[int(width)*len(rest):]
}

// checkPacked makes sure that unpack can read what it says that it is.
func checkPacked(p []byte) error {
	if len(p) < 2 {
		return errPacked
	}
	n, at := int(binary.LittleEndian.Uint16(p)), 2
	if n == 0 || n > blockSize {
		return errPacked
	}
	for column := range 3 {
		if at >= len(p) {
			return errPacked
		}
		width := p[at]
		at++
		switch {
		case width == asKeys && column == 1:
			continue
		case width == evenly, width == 1, width == 2, width == 4, width == 8 && column < 2:
		default:
			return errPacked
		}
		values := n
		if column < 2 {
			at, values = at+8, n-1
		}
		if width == evenly {
			at += 8
		} else {
			at += int(width) * values
		}
	}
	if at != len(p) {
		return errPacked
	}
	return nil
}

// addPacked appends a packed block, which holds n elements.
func (l *Elements) addPacked(p []byte, n int) { l.packed, l.n = append(l.packed, p), l.n+n }
