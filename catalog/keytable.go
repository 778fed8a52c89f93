package catalog

// keyTable maps keys to numbers: a hash table of 32-bit keys and numbers with
// linear probing, since it is asked once for every row of every extract and
// Go's maps take three times as long.
type keyTable struct {
	slots []uint64 // key in the upper half, number+1 in the lower; 0 is free
	used  int
	shift uint
}

func newKeyTable() *keyTable {
	const bits = 10
	return &keyTable{slots: make([]uint64, 1<<bits), shift: 64 - bits}
}

// slot is where a key begins its search (Fibonacci hashing).
func (t *keyTable) slot(key uint32) int { return int(uint64(key) * 0x9e3779b97f4a7c15 >> t.shift) }

// get gives the number of a key.
func (t *keyTable) get(key uint32) (number uint32, ok bool) {
	for i := t.slot(key); ; i = (i + 1) & (len(t.slots) - 1) {
		s := t.slots[i]
		switch {
		case s == 0:
			return 0, false
		case uint32(s>>32) == key:
			return uint32(s) - 1, true
		}
	}
}

// put adds a key that is not there; number is below the largest uint32.
func (t *keyTable) put(key, number uint32) {
	if t.used*2 >= len(t.slots) {
		old := t.slots
		t.slots, t.shift, t.used = make([]uint64, 2*len(old)), t.shift-1, 0
		for _, s := range old {
			if s != 0 {
				t.put(uint32(s>>32), uint32(s)-1)
			}
		}
	}
	i := t.slot(key)
	for t.slots[i] != 0 {
		i = (i + 1) & (len(t.slots) - 1)
	}
	t.slots[i] = uint64(key)<<32 | uint64(number+1)
	t.used++
}
