package disclosure

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
)

// keptTable is one released table: which elements are in which class. Elements
// that are in nothing (class 0) are left out.
type keptTable struct {
	columns Patterns // of each class
	numbers int
	n       int    // elements
	parts   []part // by page, ascending
}

// part is what a table has of one page of elements, packed: which of them, and their
// classes with as few bits as there are different ones.
type part struct {
	page  uint32
	n     uint16 // elements, less one
	form  form
	bits  uint8  // of each class: 0 where they are all first
	first uint32 // the smallest class
	data  []byte
}

type form uint8

const (
	everyone form = iota
	listed        // offsets of two bytes each, ascending
	marked        // a bit for each element of the page
)

// maxListed is how many offsets take less room than a bit for each.
const maxListed = pageSize / 16

// tableBuilder collects the elements of a table, in any order.
type tableBuilder struct {
	table *keptTable
	width int               // of a class in bytes
	pages map[uint32][]byte // classes of all elements of a page; 0 for none
	last  uint32
	open  []byte // of last
}

func buildTable(classes, numbers int) *tableBuilder {
	b := &tableBuilder{table: &keptTable{numbers: numbers}, width: 4, pages: map[uint32][]byte{}}
	if classes <= 1<<8 {
		b.width = 1
	} else if classes <= 1<<16 {
		b.width = 2
	}
	return b
}

func (b *tableBuilder) add(slot uint32, class int32) {
	if n := slot >> pageBits; b.open == nil || n != b.last {
		b.last, b.open = n, b.pages[n]
		if b.open == nil {
			b.open = make([]byte, pageSize*b.width)
			b.pages[n] = b.open
		}
	}
	switch at := slot & inPage; b.width {
	case 1:
		b.open[at] = byte(class)
	case 2:
		binary.LittleEndian.PutUint16(b.open[2*at:], uint16(class))
	default:
		binary.LittleEndian.PutUint32(b.open[4*at:], uint32(class))
	}
}

// done gives the table.
func (b *tableBuilder) done() *keptTable {
	t := b.table
	numbers := make([]uint32, 0, len(b.pages))
	for n := range b.pages {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	t.parts = make([]part, 0, len(numbers))
	var classes [pageSize]uint32
	for _, n := range numbers {
		raw := b.pages[n]
		for i := range classes {
			switch b.width {
			case 1:
				classes[i] = uint32(raw[i])
			case 2:
				classes[i] = uint32(binary.LittleEndian.Uint16(raw[2*i:]))
			default:
				classes[i] = binary.LittleEndian.Uint32(raw[4*i:])
			}
		}
		delete(b.pages, n)
		if p, ok := packPart(n, &classes); ok {
			t.parts = append(t.parts, p)
			t.n += int(p.n) + 1
		}
	}
	b.open = nil
	return t
}

func packPart(page uint32, classes *[pageSize]uint32) (part, bool) {
	n, low, high := 0, ^uint32(0), uint32(0)
	for _, c := range classes {
		if c != 0 {
			n++
			low, high = min(low, c), max(high, c)
		}
	}
	if n == 0 {
		return part{}, false
	}
	p := part{page: page, n: uint16(n - 1), first: low}
	for bits.Len32(high-low) > int(p.bits) {
		p.bits = max(1, 2*p.bits)
	}
	head := 0
	switch {
	case n == pageSize:
	case n <= maxListed:
		p.form, head = listed, 2*n
	default:
		p.form, head = marked, pageSize/8
	}
	p.data = make([]byte, head+(n*int(p.bits)+7)/8)
	i := 0
	for at, c := range classes {
		if c == 0 {
			continue
		}
		switch p.form {
		case listed:
			binary.LittleEndian.PutUint16(p.data[2*i:], uint16(at))
		case marked:
			p.data[at>>3] |= 1 << (at & 7)
		}
		d := c - low
		switch rest := p.data[head:]; p.bits {
		case 0:
		case 8:
			rest[i] = byte(d)
		case 16:
			binary.LittleEndian.PutUint16(rest[2*i:], uint16(d))
		case 32:
			binary.LittleEndian.PutUint32(rest[4*i:], d)
		default:
			bit := i * int(p.bits)
			rest[bit>>3] |= byte(d << (bit & 7))
		}
		i++
	}
	return p, true
}

// class is that of the ith element of the part.
func (p *part) class(i int) int {
	if p.bits == 0 {
		return int(p.first)
	}
	rest := p.data
	switch p.form {
	case listed:
		rest = rest[2*(int(p.n)+1):]
	case marked:
		rest = rest[pageSize/8:]
	}
	d := uint32(0)
	switch p.bits {
	case 8:
		d = uint32(rest[i])
	case 16:
		d = uint32(binary.LittleEndian.Uint16(rest[2*i:]))
	case 32:
		d = binary.LittleEndian.Uint32(rest[4*i:])
	default:
		bit := i * int(p.bits)
		d = uint32(rest[bit>>3]>>(bit&7)) & (1<<p.bits - 1)
	}
	return int(p.first + d)
}

// classes gives the classes of the part's elements, in order.
func (p *part) classes(into *[pageSize]uint32) []uint32 {
	out := into[:int(p.n)+1]
	rest := p.data
	switch p.form {
	case listed:
		rest = rest[2*len(out):]
	case marked:
		rest = rest[pageSize/8:]
	}
	switch first := p.first; p.bits {
	case 0:
		for i := range out {
			out[i] = first
		}
	case 8:
		for i, d := range rest[:len(out)] {
			out[i] = first + uint32(d)
		}
	case 16:
		for i := range out {
			out[i] = first + uint32(binary.LittleEndian.Uint16(rest[2*i:]))
		}
	case 32:
		for i := range out {
			out[i] = first + binary.LittleEndian.Uint32(rest[4*i:])
		}
	default:
		mask, width := uint32(1)<<p.bits-1, int(p.bits)
		for i := range out {
			bit := i * width
			out[i] = first + uint32(rest[bit>>3])>>(bit&7)&mask
		}
	}
	return out
}

// offsets gives where in the page the part's elements are, ascending.
func (p *part) offsets(into *[pageSize]uint32) []uint32 {
	out := into[:int(p.n)+1]
	switch p.form {
	case everyone:
		for i := range out {
			out[i] = uint32(i)
		}
	case listed:
		for i := range out {
			out[i] = uint32(binary.LittleEndian.Uint16(p.data[2*i:]))
		}
	default:
		i := 0
		for w := range pageSize / 64 {
			for word := binary.LittleEndian.Uint64(p.data[8*w:]); word != 0; word &= word - 1 {
				out[i] = uint32(64*w + bits.TrailingZeros64(word))
				i++
			}
		}
	}
	return out
}

// spread gives the classes of all elements of the page, 0 for none.
func (p *part) spread(into *[pageSize]uint32) {
	if p.form == everyone {
		p.classes(into)
		return
	}
	clear(into[:])
	p.each(func(offset uint32, class int) { into[offset] = uint32(class) })
}

// each gives the elements of the part: offsets in the page, ascending, and classes.
func (p *part) each(yield func(offset uint32, class int)) {
	var a, b [pageSize]uint32
	offsets := p.offsets(&a)
	for i, class := range p.classes(&b) {
		yield(offsets[i], int(class))
	}
}

// find gives the class of an element of the page, 0 for none.
func (p *part) find(offset uint32) int {
	switch p.form {
	case everyone:
		return p.class(int(offset))
	case listed:
		low, high := 0, int(p.n)+1
		for low < high {
			at := (low + high) / 2
			switch o := uint32(binary.LittleEndian.Uint16(p.data[2*at:])); {
			case o == offset:
				return p.class(at)
			case o < offset:
				low = at + 1
			default:
				high = at
			}
		}
		return 0
	}
	if p.data[offset>>3]>>(offset&7)&1 == 0 {
		return 0
	}
	before, word := 0, int(offset>>6)
	for w := range word {
		before += bits.OnesCount64(binary.LittleEndian.Uint64(p.data[8*w:]))
	}
	return p.class(before + bits.OnesCount64(binary.LittleEndian.Uint64(p.data[8*word:])&(1<<(offset&63)-1)))
}

// len is how many elements are in something.
func (t *keptTable) len() int { return t.n }

// classOf is the class of an element.
func (t *keptTable) classOf(slot uint32) int {
	page := slot >> pageBits
	at, ok := slices.BinarySearchFunc(t.parts, page, func(p part, page uint32) int { return cmp.Compare(p.page, page) })
	if !ok {
		return 0
	}
	return t.parts[at].find(slot & inPage)
}

// each gives the elements and their classes, by slot.
func (t *keptTable) each(yield func(slot uint32, class int)) {
	for i := range t.parts {
		from := t.parts[i].page << pageBits
		t.parts[i].each(func(offset uint32, class int) { yield(from|offset, class) })
	}
}

// bySize gives the numbers in which there is anybody, the largest first.
func (t *keptTable) bySize() []int {
	inClass := make([]int, t.columns.Len())
	t.each(func(_ uint32, class int) { inClass[class]++ })
	size := make([]int, t.numbers)
	var terms []Term
	for c, n := range inClass {
		terms = t.columns.At(c, terms[:0])
		for _, term := range terms {
			size[term.Number] += n
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
	n := 48*len(t.parts) + t.columns.Bytes()
	for i := range t.parts {
		n += len(t.parts[i].data)
	}
	return n
}
