package disclosure

// Element is what a released number is made of: a row of a table, or a person.
// Elements of different tables have different keys; a person's key is the unit
// itself. In a Cohorts each key occurs once.
type Element struct {
	Key     uint64
	Unit    uint32 // whose it is
	Pattern uint32 // which numbers it is in: position in Cohorts.Patterns
}

// Term says that something is in a number, and how many times.
type Term struct {
	Number int32
	Times  int32
}

// Cohorts is one table as the history sees it: of each of its numbers, the
// elements that it is made of.
type Cohorts struct {
	Numbers  int
	Patterns [][]Term // by number, ascending, without zeros
	Elements []Element
}

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

// register gives elements dense numbers (slots), in pages of neighbouring keys:
// rows and people that are near each other are asked for together.
type register struct {
	pages map[uint64]*[pageSize]uint32 // slot+1; 0 for none
	other map[uint64]uint32            // keys that are hashes: no neighbours
	atom  []uint32                     // of each slot: which atom it is in
	unit  []uint32
}

const pageSize = 4096

const hashed = uint64(1) << 63

func newRegister() *register {
	return &register{pages: map[uint64]*[pageSize]uint32{}, other: map[uint64]uint32{}}
}

// find gives the slots of elements, −1 for those that are not known.
func (r *register) find(elements []Element) []int32 {
	out := make([]int32, len(elements))
	var page *[pageSize]uint32
	last := ^uint64(0)
	for i, e := range elements {
		if e.Key&hashed != 0 {
			out[i] = int32(r.other[e.Key]) - 1
			continue
		}
		if n := e.Key / pageSize; n != last {
			page, last = r.pages[n], n
		}
		if page == nil {
			out[i] = -1
		} else {
			out[i] = int32(page[e.Key%pageSize]) - 1
		}
	}
	return out
}

// add makes a slot.
func (r *register) add(e Element, atom uint32) int32 {
	slot := uint32(len(r.atom))
	r.atom, r.unit = append(r.atom, atom), append(r.unit, e.Unit)
	if e.Key&hashed != 0 {
		r.other[e.Key] = slot + 1
		return int32(slot)
	}
	page := r.pages[e.Key/pageSize]
	if page == nil {
		page = new([pageSize]uint32)
		r.pages[e.Key/pageSize] = page
	}
	page[e.Key%pageSize] = slot + 1
	return int32(slot)
}

// mix is a random function of a key (the finalizer of splitmix64; Steele, Lea and
// Flood, Fast splittable pseudorandom number generators, 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
