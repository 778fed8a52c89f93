package linkage

import (
	"cmp"
	"math"
	"slices"
)

// Report tells how rows were linked. It holds no value of anybody.
type Report struct {
	Rows     int64             `json:"rows"`     // different rows that bear no identifier
	People   int64             `json:"people"`   // whom they were compared with
	Outcomes map[Outcome]int64 `json:"outcomes"` // by pass, or by why a row is not linked

	// Of the probabilistic part, where there is one.
	Compared   int64                `json:"compared,omitempty"`   // pairs
	Rounds     int                  `json:"rounds,omitempty"`     // of expectation and maximisation
	Share      float64              `json:"share,omitempty"`      // of rows whose person is among the people, estimated
	Precision  float64              `json:"precision,omitempty"`  // of its links, estimated: their mean probability
	Recall     float64              `json:"recall,omitempty"`     // estimated: of the rows it looked at whose person is there, those that it linked
	Weights    map[int]int64        `json:"weights,omitempty"`    // of each row's best candidate, in whole bits
	Parameters map[string][]LevelMU `json:"parameters,omitempty"` // by field
}

// LevelMU is how often a level of agreement occurs among pairs that are one person
// and among pairs that are not.
type LevelMU struct {
	Level string  `json:"level"`
	M     float64 `json:"m"`
	U     float64 `json:"u"`
}

var levelNames = [levels]string{"missing", "else", "loose", "close", "swapped", "exact"}

// mostAlike keeps the n candidates that agree most.
func mostAlike(all []candidate, n int) []candidate {
	slices.SortStableFunc(all, func(a, b candidate) int { return int(agreement(b.levels)) - int(agreement(a.levels)) })
	return all[:min(n, len(all))]
}

// Resolve decides about every row that was asked about: by the first pass that
// exactly one person fits, or that several do, which leaves the row to the model; then
// by the model. usable says of which people rows may be; a row of anybody else is
// linked to nobody.
func (l *Linker) Resolve(usable func(person uint32) bool) Report {
	l.resolved = true
	out := Report{Rows: int64(len(l.rows)), People: l.people, Outcomes: make(map[Outcome]int64)}
	var open []*row
	for n := range l.rows {
		r, settled := &l.rows[n], false
		for i, fits := range r.fits {
			if fits == severalPeople {
				r.outcome = Ambiguous
				break
			}
			if fits >= 0 {
				if settled, r.outcome = true, Excluded; usable(uint32(fits)) {
					r.person, r.outcome = fits, Outcome(l.rules.Passes[i].Name)
				}
				break
			}
		}
		if !settled && len(r.candidates) > 0 {
			open = append(open, r)
		}
	}
	if l.rules.Model != nil {
		l.estimate(open, usable, &out)
	}
	for n := range l.rows {
		out.Outcomes[l.rows[n].outcome]++
		l.rows[n].candidates = nil
	}
	return out
}

// model is what is estimated: how often each level occurs among true pairs (m) and
// by chance (u), by field, and the share of rows whose person is there at all.
type model struct {
	l     *Linker
	m, u  [][levels]float64
	share float64
}

// estimate fits the model and links what reaches the threshold. Unlike Splink's,
// which takes each pair by itself, a row here is one person's at most: of the people,
// N in all, each is its person with the probability share/N before anything is
// compared. So twins take each other's certainty, as they should. Everybody who is in
// no block with the row is taken for not its person.
func (l *Linker) estimate(open []*row, usable func(uint32) bool, out *Report) {
	f := &model{l: l, share: 0.5}
	f.chance()
	for range l.rules.Fields {
		f.m = append(f.m, [levels]float64{levelElse: 0.02, levelLoose: 0.02, levelClose: 0.05, levelSwapped: 0.01, levelExact: 0.9})
	}
	// Rows that a pass has linked teach what true pairs look like, and those without
	// a candidate how many have nobody.
	var train []*row
	for n := range l.rows {
		train = append(train, &l.rows[n])
		out.Compared += int64(len(l.rows[n].candidates))
	}
	last := math.Inf(-1)
	for out.Rounds < 100 && len(train) > 0 {
		out.Rounds++
		likelihood := f.round(train)
		if likelihood-last < 1e-6*float64(len(train)) {
			break
		}
		last = likelihood
	}
	out.Share = f.share
	var linked, expected, correct float64
	out.Weights = make(map[int]int64)
	for _, r := range open {
		best, at, rest := f.judge(r)
		expected += 1 - rest
		r.posterior = best
		out.Weights[int(math.Floor(r.weight))]++
		switch {
		case best >= l.rules.Model.Threshold && usable(r.candidates[at].person):
			r.person, r.outcome = int64(r.candidates[at].person), Probabilistic
			linked++
			correct += best
		case 1-rest >= l.rules.Model.Threshold:
			r.outcome = Ambiguous // one of several, surely
		case r.outcome == NoCandidate:
			r.outcome = Uncertain
		}
		if r.watched && r.person == noPerson {
			f.suspect(r)
		}
	}
	if linked > 0 {
		out.Precision = correct / linked
	}
	if expected > 0 {
		out.Recall = correct / expected
	}
	out.Parameters = make(map[string][]LevelMU)
	for i, field := range l.rules.Fields {
		for level := levelElse; level < levels; level++ {
			if f.u[i][level] > 0 && (f.m[i][level] > 1e-9 || level == levelExact || level == levelElse) {
				out.Parameters[field.Name] = append(out.Parameters[field.Name], LevelMU{levelNames[level], f.m[i][level], f.u[i][level]})
			}
		}
	}
}

// chance finds how often values of people drawn at random agree.
func (f *model) chance() {
	l := f.l
	f.u = make([][levels]float64, len(l.rules.Fields))
	pairs := 0
	for i := range l.sample {
		for step := 1; step <= 60 && step < len(l.sample); step++ {
			all := l.compare(l.sample[i], l.sample[(i+step*31)%len(l.sample)])
			if (step*31)%len(l.sample) == 0 {
				continue // a person with themselves
			}
			pairs++
			for k := range f.u {
				f.u[k][all>>(4*k)&15]++
			}
		}
	}
	for k := range f.u {
		sum := 0.0
		for level := levelElse; level < levels; level++ {
			f.u[k][level] += 0.5 // what never occurred in so many pairs may yet
			sum += f.u[k][level]
		}
		for level := range f.u[k] {
			f.u[k][level] /= sum
		}
		f.u[k][levelMissing] = 1
	}
}

// factor is how much more likely a candidate's levels are if it is the row's person.
func (f *model) factor(r *row, c candidate) float64 {
	bayes := 1.0
	for k, field := range f.l.rules.Fields {
		level := c.levels >> (4 * k) & 15
		if level == levelMissing {
			continue
		}
		u := f.u[k][level]
		if level == levelExact && field.Frequency && f.l.given[k] > 0 {
			// Who agrees by chance in this value, of those who have any.
			u = max(float64(f.l.terms[k][r.values[k]]), 1) / float64(f.l.given[k])
		}
		bayes *= f.m[k][level] / u
	}
	return bayes
}

// round is one of expectation and maximisation; it gives the likelihood before it.
func (f *model) round(rows []*row) (likelihood float64) {
	counts := make([][levels]float64, len(f.m))
	share := 0.0
	var factors []float64
	prior := f.share / float64(f.l.people)
	for _, r := range rows {
		factors = factors[:0]
		sum := 0.0
		for _, c := range r.candidates {
			b := prior * f.factor(r, c)
			factors = append(factors, b)
			sum += b
		}
		total := sum + 1 - f.share
		likelihood += math.Log(total)
		share += sum / total
		for j, c := range r.candidates {
			p := factors[j] / total
			for k := range counts {
				counts[k][c.levels>>(4*k)&15] += p
			}
		}
	}
	f.share = min(max(share/float64(len(rows)), 1e-6), 1-1e-6)
	for k := range counts {
		sum := 0.0
		for level := levelElse; level < levels; level++ {
			counts[k][level] += 0.01
			sum += counts[k][level]
		}
		for level := levelElse; level < levels; level++ {
			f.m[k][level] = counts[k][level] / sum
		}
	}
	return likelihood
}

// suspect adds the candidates whose a row may be: the likeliest first, until those that
// are left out are together less likely than a link may be wrong.
func (f *model) suspect(r *row) {
	prior := f.share / float64(f.l.people)
	_, _, none := f.judge(r)
	total := (1 - f.share) / none
	slices.SortStableFunc(r.candidates, func(a, b candidate) int { return cmp.Compare(f.factor(r, b), f.factor(r, a)) })
	left := 1 - none
	for _, c := range r.candidates {
		if left < 1-f.l.rules.Model.Threshold {
			return
		}
		left -= prior * f.factor(r, c) / total
		if !slices.Contains(r.suspects, c.person) {
			r.suspects = append(r.suspects, c.person)
		}
	}
}

// judge gives the probability of a row's best candidate, which one it is, and the
// probability that the row's person is none of them.
func (f *model) judge(r *row) (best float64, at int, none float64) {
	prior := f.share / float64(f.l.people)
	sum := 0.0
	for j, c := range r.candidates {
		b := f.factor(r, c)
		if b > best {
			best, at = b, j
		}
		sum += prior * b
	}
	r.weight = math.Log2(max(best, 1e-30))
	total := sum + 1 - f.share
	return prior * best / total, at, (1 - f.share) / total
}
