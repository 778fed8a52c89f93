package disclosure

import (
	"math/rand/v2"
	"slices"
)

// Sums that are no multiples of each other can tell of one person together: a = b + c
// for everybody but her. Relations hold sums by their profiles, and find whether a new one
// is a combination of them for all but few.
//
// Each is a vector over the parts of the people, the rows of each part are one, too, and a new
// sum is one more with an error: what it differs in from every combination of the others. Errors in
// fewer than k parts are found by information set decoding: in each of some orders of the
// parts, chosen by chance, the vectors are an elimination in reduced form, so that the combination
// which agrees in the first parts can be read off; it is the right one if none of these is in error.
type Relations struct {
	orders  []order
	entries []relation // in the order in which they came
}

// maxRelated bounds what is compared: so many vectors that do not follow from each other,
// about the newest. Of so many an error in one part is found by two orders in three, in
// three parts by one in three, in nine by one in thirty.
const maxRelated = 96

// The last places of a vector say of what it is made: marks are chosen by chance.
const (
	markRows   = Buckets     // two sums of the rows of all parts, weighed by chance: of rows only
	markValues = Buckets + 2 // of values only
	related    = Buckets + 3
)

type relation [related]uint32

// order is an elimination that begins with the parts in an order of its own.
type order struct {
	parts [Buckets]uint8
	rows  []relation
	pivot []uint8 // part of each
}

// NewRelations holds nothing yet, in so many orders.
func NewRelations(orders int) *Relations {
	r := &Relations{orders: make([]order, orders)}
	for i := range r.orders {
		for at, part := range rand.Perm(Buckets) {
			r.orders[i].parts[at] = uint8(part)
		}
	}
	return r
}

// Add takes a sum that everybody knows, with how many rows of each part are in it.
func (r *Relations) Add(s *Profile) {
	r.add(r.ofRows(s))
	r.add(r.ofValues(s))
}

func (r *Relations) ofRows(s *Profile) (v relation) {
	for i := range s.Rows {
		v[i] = uint32(s.rows(i))
	}
	v.markRows()
	return v
}

func (r *Relations) ofValues(s *Profile) (v relation) {
	for i := range s.Rows {
		v[i] = uint32(s.mod(i))
	}
	v[markValues] = rand.Uint32N(prime)
	return v
}

// markRows puts in what tells combinations of rows apart.
func (v *relation) markRows() {
	var a, b, w uint64 = 0, 0, 1
	for i := range Buckets {
		w = w * 48271 % prime // of everybody the same, and of no table of counts
		a = (a + w*uint64(v[i])) % prime
		b = (b + w*w%prime*uint64(v[i])) % prime
	}
	v[markRows], v[markRows+1] = uint32(a), uint32(b)
}

func (r *Relations) add(v relation) {
	if !r.orders[0].add(v) {
		return
	}
	r.entries = append(r.entries, v)
	if len(r.entries) > maxRelated {
		r.entries = slices.Clone(r.entries[len(r.entries)-maxRelated/2:])
		for i := range r.orders {
			r.orders[i].rows, r.orders[i].pivot = nil, nil
			for _, e := range r.entries {
				r.orders[i].add(e)
			}
		}
		return
	}
	for i := 1; i < len(r.orders); i++ {
		r.orders[i].add(v)
	}
}

// add reports whether the vector does not follow from others.
func (o *order) add(v relation) bool {
	for i, row := range o.rows {
		v.subtract(uint64(v[o.pivot[i]]), &row)
	}
	for _, part := range o.parts {
		if v[part] == 0 {
			continue
		}
		inverse := power(uint64(v[part]), prime-2)
		for i := range v {
			v[i] = uint32(uint64(v[i]) * inverse % prime)
		}
		for i := range o.rows {
			o.rows[i].subtract(uint64(o.rows[i][part]), &v)
		}
		o.rows, o.pivot = append(o.rows, v), append(o.pivot, part)
		return true
	}
	return false
}

func (v *relation) subtract(times uint64, o *relation) {
	if times == 0 {
		return
	}
	times = prime - times
	for i := range v {
		v[i] = uint32((uint64(v[i]) + times*uint64(o[i])) % prime)
	}
}

// Tells reports whether a sum, with those that are known, tells of few people:
//
//   - it is a combination of them and of rows for all but 1 … k−1 parts of the people, and for
//     k more than there are known ones in it;
//   - what it has more than a combination of them is so much for each of some rows: the
//     people there are all alike.
func (r *Relations) Tells(s *Profile, k int) bool {
	if len(r.entries) == 0 {
		return false
	}
	r.add(r.ofRows(s))
	v, whose := r.ofValues(s), r.ofRows(s)
	for i := range r.orders {
		if r.orders[i].tells(&v, &whose, k) {
			return true
		}
	}
	return false
}

func (o *order) tells(v, whose *relation, k int) bool {
	pivots := [Buckets]bool{}
	for _, p := range o.pivot {
		pivots[p] = true
	}
	// Two more parts must agree before all are looked at.
	checks := 0
	for _, part := range o.parts {
		if v[part] == 0 || pivots[part] {
			continue
		}
		if o.rest(v, int(part)) != 0 {
			return false
		}
		if checks++; checks == 2 {
			break
		}
	}
	if checks < 2 {
		return false
	}
	left, used := *v, 0
	there := [Buckets]bool{}
	for i := range Buckets {
		there[i] = v[i] != 0
	}
	for i := range o.rows {
		times := uint64(v[o.pivot[i]])
		if times == 0 {
			continue
		}
		used++
		for part, x := range o.rows[i][:Buckets] {
			there[part] = there[part] || x != 0
		}
		left.subtract(times, &o.rows[i])
	}
	differ, agree := 0, 0
	for i := range Buckets {
		switch {
		case left[i] != 0:
			differ++
		case there[i]:
			agree++
		}
	}
	if differ >= k || agree-used < k {
		return false
	}
	return differ > 0 || left[markValues] != v[markValues] && !left.multipleOf(whose)
}

// rest is what is left of a vector in one part.
func (o *order) rest(v *relation, part int) uint64 {
	x := uint64(v[part])
	for i := range o.rows {
		if times := uint64(v[o.pivot[i]]); times != 0 {
			x = (x + (prime-times)*uint64(o.rows[i][part])) % prime
		}
	}
	return x
}

// multipleOf reports whether the rows that a vector is made of are a multiple of others,
// or none.
func (v *relation) multipleOf(o *relation) bool {
	return minor(uint64(v[markRows]), uint64(o[markRows+1]), uint64(v[markRows+1]), uint64(o[markRows])) == 0
}
