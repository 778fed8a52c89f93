package disclosure

// residual is a combination of the new numbers that the popular pairs leave open.
type residual struct {
	lambda []uint64 // of each number
	value  []uint64 // of each class
}

// residuals solves the equations of the popular pairs.
func (h *History) residuals(numbers int, j *Judgement, pairs [][2]int32) []residual {
	s := newSolution(numbers)
	withheld := 0
	for n, w := range j.Withheld {
		if w {
			s.require([]entry{{int32(n), 1}})
			withheld++
		}
	}
	for _, p := range pairs {
		if s.full() {
			return nil
		}
		s.require(subtract(j.columns[p[0]], j.columns[p[1]]))
	}
	return residualsOf(s, j.columns)
}

// residualsOf gives the solutions that are not zero everywhere.
func residualsOf(s *solution, columns [][]Term) []residual {
	var out []residual
	for _, lambda := range s.free() {
		r := residual{lambda: lambda, value: make([]uint64, len(columns))}
		some := false
		for c, column := range columns {
			r.value[c] = dot(lambda, column)
			some = some || r.value[c] != 0
		}
		if some {
			out = append(out, r)
		}
	}
	return out
}

func dot(lambda []uint64, column []Term) uint64 {
	sum := uint64(0)
	for _, t := range column {
		sum = (sum + lambda[t.Number]*modulo(t.Times)) % prime
	}
	return sum
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

// numbers are the fingerprints of the numbers that are released.
func (p prints) numbers(j *Judgement) []uint64 {
	sums, sets := make([]uint64, j.c.Numbers), make([]bool, j.c.Numbers)
	for i := range sets {
		sets[i] = !j.Withheld[i]
	}
	for c, column := range j.columns {
		for _, t := range column {
			sums[t.Number] += p[c]
			sets[t.Number] = sets[t.Number] && t.Times == 1
		}
	}
	var out []uint64
	for i, s := range sums {
		if sets[i] {
			out = append(out, s)
		}
	}
	return out
}
