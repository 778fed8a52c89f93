package disclosure

// residual is a combination of the new numbers that the popular pairs leave open.
type residual struct {
	lambda []uint64 // of each number
	value  []uint64 // of each class
}

// maxResiduals bounds how many residuals are worked out; where there are more,
// all of their numbers are open.
const maxResiduals = 64

// unsettled gives, by residual, numbers that the popular pairs leave open. What
// follows from released sets is settled, and noted in j.follow. If anything is
// open, free has every number that has a part in something that the pairs leave
// free, settled or not: if one of them is withheld, others may give it away.
func (h *History) unsettled(j *Judgement, pairs [][2]int32) (open [][]int32, free []int32) {
	s := newSolution(j.c.Numbers)
	prints := j.fingerprints()
	sums, sets := prints.ofNumbers(j)
	for n, w := range j.Withheld {
		_, known := h.known[sums[n]]
		if w || sets[n] && known { // what is known already takes no part as a new number
			s.require([]entry{{int32(n), 1}})
		}
	}
	for _, p := range pairs {
		if s.full() {
			return nil, nil
		}
		s.require(subtract(j.columns[p[0]], j.columns[p[1]]))
	}
	live := make([]bool, j.c.Numbers) // in which there is anybody
	for _, column := range j.columns {
		for _, t := range column {
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
	j.follow = nil
	for _, lambda := range s.free() {
		r := residual{lambda: lambda, value: make([]uint64, len(j.columns))}
		var numbers []int32
		for n, v := range lambda {
			if v != 0 && live[n] {
				numbers = append(numbers, int32(n))
			}
		}
		free = append(free, numbers...)
		some := false
		for c, column := range j.columns {
			for _, t := range column {
				r.value[c] = (r.value[c] + lambda[t.Number]*modulo(t.Times)) % prime
			}
			some = some || r.value[c] != 0
		}
		if !some {
			continue
		}
		if f, ok := r.fingerprint(prints); ok {
			j.follow = append(j.follow, f)
			if _, ok := h.known[f]; ok {
				continue
			}
		}
		open = append(open, numbers)
	}
	return open, free
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
	out := make(prints, len(j.columns))
	for _, e := range j.c.Elements {
		out[j.class[e.Pattern]] += mix(e.Key)
	}
	return out
}

// fingerprint is of the set that a residual is, if it is one (a multiple of zeros
// and ones).
func (r residual) fingerprint(p prints) (uint64, bool) {
	scale, sum := uint64(0), uint64(0)
	for c, v := range r.value {
		if v == 0 {
			continue
		}
		if scale == 0 {
			scale = v
		}
		if v != scale {
			return 0, false
		}
		sum += p[c]
	}
	return sum, true
}

// ofNumbers are the fingerprints of all numbers, and which of them are sets that
// are released.
func (p prints) ofNumbers(j *Judgement) (sums []uint64, sets []bool) {
	sums, sets = make([]uint64, j.c.Numbers), make([]bool, j.c.Numbers)
	for i := range sets {
		sets[i] = !j.Withheld[i]
	}
	for c, column := range j.columns {
		for _, t := range column {
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
