package disclosure

// maxResiduals bounds how many residuals are worked out; where there are more,
// all of their numbers are open.
const maxResiduals = 64

// unsettled gives, by residual, numbers that the popular pairs leave open. What
// follows from released sets is settled, and noted in j.follow. If anything is
// open, free has every number that has a part in something that the pairs leave
// free, settled or not: if one of them is withheld, others may give it away.
func (h *History) unsettled(j *Judgement, pairs [][2]int32) (open [][]int32, free []int32) {
	j.follow = nil
	s := newSolution(j.c.Numbers)
	prints := j.fingerprints()
	sums, sets := prints.ofNumbers(j)
	for n, w := range j.Withheld {
		_, known := h.known[sums[n]]
		if w || sets[n] && known { // what is known already takes no part as a new number
			s.require([]entry{{int32(n), 1}})
		}
	}
	var left, right []Term
	for _, p := range pairs {
		if s.full() {
			return nil, nil
		}
		left, right = j.columns.At(int(p[0]), left[:0]), j.columns.At(int(p[1]), right[:0])
		s.require(subtract(left, right))
	}
	live := make([]bool, j.c.Numbers) // in which there is anybody
	for c := range j.columns.Len() {
		left = j.columns.At(c, left[:0])
		for _, t := range left {
			live[t.Number] = true
		}
	}
	if s.n-s.rank > maxResiduals {
		for n, row := range s.rows {
			if live[n] && (row == nil || len(row) > 0) { // an empty row says that it is zero
				free = append(free, int32(n))
			}
		}
		return [][]int32{free}, free
	}
	for _, r := range j.residuals(s.free(), prints) {
		var numbers []int32
		for n, v := range r.lambda {
			if v != 0 && live[n] {
				numbers = append(numbers, int32(n))
			}
		}
		free = append(free, numbers...)
		if r.scale == 0 {
			continue
		}
		if !r.mixed {
			j.follow = append(j.follow, r.print)
			if _, ok := h.known[r.print]; ok {
				continue
			}
		}
		open = append(open, numbers)
	}
	return open, free
}

// residual is a combination of the new numbers that the popular pairs leave open.
type residual struct {
	lambda []uint64 // of each number
	scale  uint64   // its value where it is not zero; 0 where it is zero everywhere
	mixed  bool     // it has other values too
	print  uint64   // if not, it is a multiple of zeros and ones: the fingerprint of that set
}

// residuals says what combinations are.
func (j *Judgement) residuals(lambdas [][]uint64, p prints) []residual {
	out := make([]residual, len(lambdas))
	for i := range out {
		out[i].lambda = lambdas[i]
	}
	var terms []Term
	for c := range j.columns.Len() {
		terms = j.columns.At(c, terms[:0])
		for i := range out {
			r, value := &out[i], uint64(0)
			for _, t := range terms {
				if x := r.lambda[t.Number]; x != 0 {
					value = (value + x*modulo(t.Times)) % prime
				}
			}
			if value == 0 {
				continue
			}
			if r.scale == 0 {
				r.scale = value
			}
			r.mixed = r.mixed || value != r.scale
			r.print += p[c]
		}
	}
	return out
}

func modulo(x int32) uint64 { return uint64((int64(x)%prime + prime) % prime) }

func subtract(a, b []Term) []entry {
	var out []entry
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Number < b[0].Number:
			out = append(out, entry{a[0].Number, modulo(a[0].Times)})
			a = a[1:]
		case len(a) == 0 || b[0].Number < a[0].Number:
			out = append(out, entry{b[0].Number, modulo(-b[0].Times)})
			b = b[1:]
		default:
			if d := modulo(a[0].Times - b[0].Times); d != 0 {
				out = append(out, entry{a[0].Number, d})
			}
			a, b = a[1:], b[1:]
		}
	}
	return out
}

// prints are the fingerprints of the classes of a table: sums of random numbers
// of their elements, so that equal sets have equal fingerprints.
type prints []uint64

func (j *Judgement) fingerprints() prints {
	out := make(prints, j.columns.Len())
	for pattern, sum := range j.prints {
		out[j.class[pattern]] += sum
	}
	return out
}

// ofNumbers are the fingerprints of all numbers, and which of them are sets that
// are released.
func (p prints) ofNumbers(j *Judgement) (sums []uint64, sets []bool) {
	sums, sets = make([]uint64, j.c.Numbers), make([]bool, j.c.Numbers)
	for i := range sets {
		sets[i] = !j.Withheld[i]
	}
	var terms []Term
	for c := range j.columns.Len() {
		terms = j.columns.At(c, terms[:0])
		for _, t := range terms {
			sums[t.Number] += p[c]
			sets[t.Number] = sets[t.Number] && t.Times == 1
		}
	}
	return sums, sets
}

// numbers are the fingerprints of the numbers that are released.
func (p prints) numbers(j *Judgement) []uint64 {
	sums, sets := p.ofNumbers(j)
	var out []uint64
	for i, s := range sums {
		if sets[i] {
			out = append(out, s)
		}
	}
	return out
}
