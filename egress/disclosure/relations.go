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
	rowsOf  []int      // of each that is a sum's values: which is of its rows; −1 for none
}

// maxRelated bounds what is compared: so many vectors that do not follow from each other,
// about the newest. Of so many an error in one part is found by two orders in three, in
// three parts by one in three, in nine by one in thirty.
const maxRelated = 96

// The last places of a vector say of what it is made: marks are chosen by chance, and
// how often each of the known ones is in it.
const (
	markRows   = Buckets     // two sums of the rows of all parts, weighed by chance: of rows only
	markValues = Buckets + 2 // of values only
	made       = Buckets + 3
	related    = made + maxRelated + 1
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

// Add takes a sum or a count that everybody knows, with how many rows of each part are in it.
func (r *Relations) Add(s *Profile) {
	rows := r.ofRows(s)
	r.add(rows, -1)
	if s.Counts() {
		return
	}
	r.add(r.ofValues(s), slices.IndexFunc(r.entries, func(e relation) bool { return [made]uint32(e[:made]) == [made]uint32(rows[:made]) }))
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

func (r *Relations) add(v relation, rows int) {
	v[made+len(r.entries)] = 1
	if !r.orders[0].add(v) {
		return
	}
	r.entries, r.rowsOf = append(r.entries, v), append(r.rowsOf, rows)
	if old := len(r.entries) - maxRelated/2; len(r.entries) > maxRelated {
		r.entries, r.rowsOf = slices.Clone(r.entries[old:]), slices.Clone(r.rowsOf[old:])
		for at, rows := range r.rowsOf {
			r.rowsOf[at] = max(rows-old, -1)
		}
		for at := range r.entries {
			clear(r.entries[at][made:])
			r.entries[at][made+at] = 1
		}
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
func (r *Relations) Tells(s *Profile, k int) bool { return r.judge(s, k, false) }

// TellTogether is Tells of what several sums make together, all of which are shown. Not all of
// them need be known here: rows of a sum whose values are not known stand for these, and
// what is more or less for each of them was judged when they were.
func (r *Relations) TellTogether(s *Profile, k int) bool { return r.judge(s, k, true) }

func (r *Relations) judge(s *Profile, k int, together bool) bool {
	if len(r.entries) == 0 {
		return false
	}
	r.add(r.ofRows(s), -1)
	v, whose := r.ofValues(s), r.ofRows(s)
	for i := range r.orders {
		left := r.orders[i].rests(&v, k)
		if left != nil && r.tells(&v, left, &whose, k) && !(together && r.ofRowsAlone(left, &whose)) {
			return true
		}
	}
	return false
}

// TellsBeside reports whether a count is a combination of what is known, with a sum in it, for
// all but 1 … k−1 parts of the people, or a sum is a combination with counts in it. Rows of which
// x is 3 or 4 have as many with 4 as sum(x) is more than three times their number.
func (r *Relations) TellsBeside(s *Profile, k int) bool {
	if len(r.entries) == 0 {
		return false
	}
	v := r.ofRows(s)
	if !s.Counts() {
		r.add(v, -1)
		v = r.ofValues(s)
	}
	for i := range r.orders {
		left := r.orders[i].rests(&v, k)
		if left == nil {
			continue
		}
		r.simplify(left, k)
		if left.parts() > 0 && left[markValues] != 0 && r.agrees(&v, left, k) {
			return true
		}
	}
	return false
}

// rests is what is left of a vector by the combination that agrees in the first parts; nil
// if that is not of fewer than k parts.
func (o *order) rests(v *relation, k int) *relation {
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
			return nil
		}
		if checks++; checks == 2 {
			break
		}
	}
	if checks < 2 {
		return nil
	}
	left := *v
	for i := range o.rows {
		left.subtract(uint64(v[o.pivot[i]]), &o.rows[i])
	}
	if left.parts() >= k {
		return nil
	}
	return &left
}

// tells judges what is left of a vector by a combination of known ones.
func (r *Relations) tells(v, left, whose *relation, k int) bool {
	r.simplify(left, k)
	if !r.agrees(v, left, k) {
		return false
	}
	return left.parts() > 0 || left[markValues] != v[markValues] && !left.multipleOf(whose)
}

// simplify leaves out of a combination what chance put together: a part of it that is one
// of the known sums less so much for each of its rows, and without which the rest is of few
// people as well. Of small values many are alike.
func (r *Relations) simplify(left *relation, k int) {
	for i, j := range r.rowsOf {
		if j < 0 || left[made+i] == 0 || left[made+j] == 0 {
			continue
		}
		without := *left
		without.subtract(uint64(left[made+i]), &r.entries[i])
		without.subtract(uint64(left[made+j]), &r.entries[j])
		if without.parts() < k {
			*left = without
		}
	}
}

// agrees reports whether a combination is right for k more parts than there are vectors
// in it. Those count that are in the combination: the vectors of an elimination are made of
// others, too, that cancel.
func (r *Relations) agrees(v, left *relation, k int) bool {
	used := 0
	there := [Buckets]bool{}
	for i := range Buckets {
		there[i] = v[i] != 0
	}
	for at, e := range r.entries {
		if left[made+at] == 0 {
			continue
		}
		used++
		for part, x := range e[:Buckets] {
			there[part] = there[part] || x != 0
		}
	}
	agree := 0
	for i := range Buckets {
		if left[i] == 0 && there[i] {
			agree++
		}
	}
	return agree-used >= k
}

// ofRowsAlone reports whether a combination has rows of which no values are known.
func (r *Relations) ofRowsAlone(left, whose *relation) bool {
	for at := range r.entries {
		e := &r.entries[at]
		if left[made+at] != 0 && e[markValues] == 0 && !slices.Contains(r.rowsOf, at) && *(*[made]uint32)(e[:made]) != *(*[made]uint32)(whose[:made]) {
			return true
		}
	}
	return false
}

// parts is in how many a vector is not zero.
func (v *relation) parts() int {
	n := 0
	for _, x := range v[:Buckets] {
		if x != 0 {
			n++
		}
	}
	return n
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
