package disclosure

// spaceOf names the table that an element belongs to: whatever is left of the
// row number. Keys that are hashes are all of one space.
func spaceOf(key uint64) uint64 {
	if key&hashed != 0 {
		return hashed
	}
	return key >> rowBits
}

// rowBits is the width of row numbers in keys (plan prints keys as space<<rowBits | row).
const rowBits = 39

const hashed = uint64(1) << 63

// Elements are registered in pages of neighbouring keys: rows and people that are
// near each other are asked for together. An element's slot is its place in a page.
const (
	pageBits = 12
	pageSize = 1 << pageBits
	inPage   = pageSize - 1
)

// register gives elements slots, and knows the atom and the person of each. Elements
// of one atom have been the same in everything that was released: it is a random number of
// the space, and one more for each table and the class in which they were.
type register struct {
	pages  []*page
	byKey  map[uint64]int32  // pages, by key / pageSize
	hashes map[uint64]uint32 // slots of keys that are hashes: these have no neighbours
	spare  int               // slots that are left in the newest page of hashes
	page   int32             // that page
	known  int               // elements with an atom
}

// page is the elements of neighbouring keys: their atoms (0 for those that are in
// nothing), and their people unless these are the keys themselves.
type page struct {
	atom [pageSize]uint64
	key  uint64 // of the first; hashed for a page of hashes
	// Units as differences from base, or as they are if one is too far from it.
	base   uint32
	narrow *[pageSize]uint16
	wide   *[pageSize]uint32
}

// space is the table that its elements belong to.
func (p *page) space() uint64 { return spaceOf(p.key) }

func newRegister() *register {
	return &register{byKey: map[uint64]int32{}, hashes: map[uint64]uint32{}}
}

func (r *register) newPage(key uint64) int32 {
	p := &page{key: key}
	if key == hashed {
		p.wide = new([pageSize]uint32)
	}
	r.pages = append(r.pages, p)
	return int32(len(r.pages) - 1)
}

// slots gives the slots of elements, appended to into. What has none yet gets one.
func (r *register) slots(b *Block, into []uint32) []uint32 {
	last, at := ^uint64(0), int32(0)
	var p *page
	for i, key := range b.Keys {
		if key&hashed != 0 {
			slot, ok := r.hashes[key]
			if !ok {
				slot = r.newHash(key)
				r.pages[slot>>pageBits].wide[slot&inPage] = b.Units[i]
			}
			into = append(into, slot)
			continue
		}
		if n := key >> pageBits; n != last {
			var ok bool
			if at, ok = r.byKey[n]; !ok {
				at = r.newPage(n << pageBits)
				r.byKey[n] = at
			}
			p, last = r.pages[at], n
		}
		offset := uint32(key & inPage)
		if p.atom[offset] == 0 {
			p.setUnit(offset, b.Units[i])
		}
		into = append(into, uint32(at)<<pageBits|offset)
	}
	return into
}

func (r *register) newHash(key uint64) uint32 {
	if r.spare == 0 {
		r.page, r.spare = r.newPage(hashed), pageSize
	}
	slot := uint32(r.page)<<pageBits | uint32(pageSize-r.spare)
	r.spare--
	r.hashes[key] = slot
	return slot
}

// setUnit notes whose an element is.
func (p *page) setUnit(offset, unit uint32) {
	switch {
	case p.wide != nil:
		p.wide[offset] = unit
		return
	case p.narrow == nil && uint64(unit) == p.key+uint64(offset):
		return
	case p.narrow == nil:
		p.narrow = new([pageSize]uint16)
		if p.base = unit - min(unit, 1<<12); p.key+pageSize <= 1<<32 { // so far, units were keys
			p.base = uint32(p.key)
			for i := range p.narrow {
				p.narrow[i] = uint16(i)
			}
		}
	}
	if unit >= p.base && unit-p.base <= 0xffff {
		p.narrow[offset] = uint16(unit - p.base)
		return
	}
	p.wide = new([pageSize]uint32)
	for i, d := range p.narrow {
		p.wide[i] = p.base + uint32(d)
	}
	p.narrow = nil
	p.wide[offset] = unit
}

func (p *page) unit(offset uint32) uint32 {
	switch {
	case p.narrow != nil:
		return p.base + uint32(p.narrow[offset])
	case p.wide != nil:
		return p.wide[offset]
	}
	return uint32(p.key) + offset
}

// unit is whose an element is.
func (r *register) unit(slot uint32) uint32 { return r.pages[slot>>pageBits].unit(slot & inPage) }

// bytes is about how much memory it takes.
func (r *register) bytes() int {
	n := 40*len(r.hashes) + 32*len(r.byKey)
	for _, p := range r.pages {
		n += 8*pageSize + 40
		if p.narrow != nil {
			n += 2 * pageSize
		}
		if p.wide != nil {
			n += 4 * pageSize
		}
	}
	return n
}

// mix is a random function of a key (the finalizer of splitmix64; Steele, Lea and
// Flood, Fast splittable pseudorandom number generators, 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// places is a table of small numbers by a key of two.
type places struct {
	keys   []uint64 // plus one; 0 for an empty place
	values []uint32
	n      int
}

// at gives the value of a key to read and to set: 0 if it is new. It is valid until the next
// call.
func (t *places) at(a, b uint32) *uint32 {
	if 2*t.n >= len(t.keys) {
		t.grow()
	}
	key := uint64(a)<<32 | uint64(b)
	mask := uint64(len(t.keys) - 1)
	for at := mixed(key) & mask; ; at = (at + 1) & mask {
		switch t.keys[at] {
		case key + 1:
			return &t.values[at]
		case 0:
			t.keys[at] = key + 1
			t.n++
			return &t.values[at]
		}
	}
}

func mixed(key uint64) uint64 {
	key *= 0x9e3779b97f4a7c15
	return key ^ key>>32
}

func (t *places) grow() {
	keys, values := t.keys, t.values
	t.keys, t.values = make([]uint64, max(64, 2*len(keys))), make([]uint32, max(64, 2*len(keys)))
	mask := uint64(len(t.keys) - 1)
	for i, key := range keys {
		if key == 0 {
			continue
		}
		at := mixed(key-1) & mask
		for t.keys[at] != 0 {
			at = (at + 1) & mask
		}
		t.keys[at], t.values[at] = key, values[i]
	}
}
