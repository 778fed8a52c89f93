package linkage

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"slices"
)

// maxCandidates is how many people are kept for a row; when there are more, those
// that agree least are left out, half at a time.
const maxCandidates = 4096

// sampleSize is how many people, drawn at random, say how often values agree by
// chance.
const sampleSize = 2000

// What stands for a person where a rule fits none, or several.
const noPerson, severalPeople = -1, -2

// Linker links rows to people. First every row that bears no identifier is asked,
// then every person is offered, then it is resolved, then it answers. It keeps the
// rows and their candidates, not the people. It is used by one goroutine.
type Linker struct {
	rules    Rules
	fields   map[string]int
	swaps    []int // by field: the one it may be exchanged with, or -1
	seed     maphash.Seed
	rows     []row
	byKey    map[key]int32
	passes   []map[key][]int32 // by pass: rows with these values
	blocks   []map[key][]int32
	people   int64
	sample   [][]string // of people
	random   *rand.Rand
	terms    []map[string]int64 // by field with frequencies: how many people have a value that some row has
	given    []int64            // by field: how many people have any
	resolved bool
	scratch  []string
	stamp    int32
}

// key is a keyed hash, wide enough never to meet another's.
type key [2]uint64

// row is what a row without an identifier says, once for all rows that say the same.
type row struct {
	values     []string
	fits       []int64 // by pass: a person, noPerson or severalPeople
	candidates []candidate
	watched    bool
	suspects   []uint32 // of a watched row that is not linked: the people whose it may be
	seen       int32    // the last person that was compared
	person     int64
	outcome    Outcome
	weight     float64 // of the best candidate, in bits
	posterior  float64
}

type candidate struct {
	person uint32
	levels uint32 // four bits a field
}

// New makes a linker, or says what is wrong with the rules.
func New(rules Rules) (*Linker, error) {
	l := &Linker{rules: rules, fields: make(map[string]int), seed: maphash.MakeSeed(), byKey: make(map[key]int32), random: rand.New(rand.NewPCG(1, 2))}
	if len(rules.Fields) == 0 || len(rules.Fields) > 8 {
		return nil, errors.New("there must be 1 to 8 fields")
	}
	for i, f := range rules.Fields {
		if _, twice := l.fields[f.Name]; twice || f.Name == "" {
			return nil, fmt.Errorf("the field %q has no name, or is there twice", f.Name)
		}
		switch f.Kind {
		case KindText, KindCode, KindName, KindDate, KindPostcode:
		default:
			return nil, fmt.Errorf("the field %q is of the unknown kind %q", f.Name, f.Kind)
		}
		l.fields[f.Name] = i
	}
	for _, f := range rules.Fields {
		other := -1
		if f.SwapWith != "" {
			n, ok := l.fields[f.SwapWith]
			if !ok || f.Kind != KindName || rules.Fields[n].Kind != KindName || f.SwapWith == f.Name {
				return nil, fmt.Errorf("the field %q cannot be exchanged with %q", f.Name, f.SwapWith)
			}
			other = n
		}
		l.swaps = append(l.swaps, other)
		l.terms = append(l.terms, make(map[string]int64))
	}
	l.given = make([]int64, len(rules.Fields))
	names := make(map[string]bool)
	for _, p := range rules.Passes {
		if p.Name == "" || names[p.Name] || Outcome(p.Name) == Probabilistic {
			return nil, fmt.Errorf("the pass %q has no name of its own", p.Name)
		}
		names[p.Name] = true
		if err := l.check(p.On); err != nil {
			return nil, err
		}
		l.passes = append(l.passes, make(map[key][]int32))
	}
	if m := rules.Model; m != nil {
		if m.Threshold <= 0.5 || m.Threshold >= 1 {
			return nil, errors.New("the threshold is a probability above 0.5 and below 1")
		}
		if len(m.Blocks) == 0 {
			return nil, errors.New("there are no blocks")
		}
		for _, b := range m.Blocks {
			if err := l.check(b); err != nil {
				return nil, err
			}
			l.blocks = append(l.blocks, make(map[key][]int32))
		}
	} else if len(rules.Passes) == 0 {
		return nil, errors.New("there are no passes")
	}
	return l, nil
}

func (l *Linker) check(parts []Part) error {
	if len(parts) == 0 {
		return errors.New("a rule names no field")
	}
	for _, p := range parts {
		i, ok := l.fields[p.Field]
		if !ok || !p.valid(l.rules.Fields[i].Kind) {
			return fmt.Errorf("a rule asks for %q of the field %q, which is not there", p.Of, p.Field)
		}
	}
	return nil
}

// read normalises the values of a row or person, in the order of the fields.
func (l *Linker) read(values [][]byte) []string {
	l.scratch = l.scratch[:0]
	for i, f := range l.rules.Fields {
		l.scratch = append(l.scratch, normalise(f.Kind, values[i]))
	}
	return l.scratch
}

func (l *Linker) whole(values []string) key {
	var k key
	for i := range k {
		var h maphash.Hash
		h.SetSeed(l.seed)
		h.WriteByte(byte(i))
		for _, v := range values {
			h.WriteString(v)
			h.WriteByte(0)
		}
		k[i] = h.Sum64()
	}
	return k
}

// keyOf is the key of what a rule takes; ok is false if any of it is missing.
func (l *Linker) keyOf(parts []Part, values []string) (k key, ok bool) {
	var a, b maphash.Hash
	a.SetSeed(l.seed)
	b.SetSeed(l.seed)
	b.WriteByte(1)
	for _, p := range parts {
		i := l.fields[p.Field]
		v := p.take(l.rules.Fields[i].Kind, values[i])
		if v == "" {
			return k, false
		}
		a.WriteString(v)
		a.WriteByte(0)
		b.WriteString(v)
		b.WriteByte(0)
	}
	return key{a.Sum64(), b.Sum64()}, true
}

// Ask takes a row that bears no identifier: its values in the order of the fields,
// empty ones for what it does not say. It gives the row's number, which rows that say
// the same share. Once it is resolved, it only looks for the number, -1 for none.
func (l *Linker) Ask(values [][]byte) int {
	read := l.read(values)
	k := l.whole(read)
	if n, known := l.byKey[k]; known {
		return int(n)
	}
	if l.resolved {
		return -1
	}
	n := int32(len(l.rows))
	l.byKey[k] = n
	r := row{values: append([]string(nil), read...), seen: -1, person: noPerson, outcome: NoCandidate}
	for i, p := range l.rules.Passes {
		r.fits = append(r.fits, noPerson)
		if k, ok := l.keyOf(p.On, read); ok {
			l.passes[i][k] = append(l.passes[i][k], n)
		}
	}
	if l.rules.Model != nil {
		for i, b := range l.rules.Model.Blocks {
			if k, ok := l.keyOf(b, read); ok {
				l.blocks[i][k] = append(l.blocks[i][k], n)
			}
		}
		for i, f := range l.rules.Fields {
			if f.Frequency && read[i] != "" {
				l.terms[i][read[i]] += 0
			}
		}
	}
	l.rows = append(l.rows, r)
	return int(n)
}

// Watch says of a row that it must be known whose it may be, where it is in doubt. It is
// said before anybody is offered.
func (l *Linker) Watch(n int) {
	if n >= 0 {
		l.rows[n].watched = true
	}
}

// Suspects gives the people whose a watched row may be that was not linked: all whom
// a pass fits, and of those whom the model compared as many,
// the likeliest first, as make it as sure as a link must be that it is nobody else's.
func (l *Linker) Suspects(n int) []uint32 {
	if n < 0 || !l.resolved {
		return nil
	}
	return l.rows[n].suspects
}

// Says reports whether a row has any value to be linked by.
func (l *Linker) Says(n int) bool {
	return n >= 0 && slices.ContainsFunc(l.rows[n].values, func(v string) bool { return v != "" })
}

// Rows reports how many different rows were asked about.
func (l *Linker) Rows() int { return len(l.rows) }

// Offer takes a person. Everybody is offered, once.
func (l *Linker) Offer(person uint32, values [][]byte) {
	l.people++
	l.offer(person, values, false)
}

// OfferAgain takes other values of a person who was offered.
func (l *Linker) OfferAgain(person uint32, values [][]byte) { l.offer(person, values, true) }

func (l *Linker) offer(person uint32, values [][]byte, again bool) {
	read := l.read(values)
	if len(l.rows) == 0 {
		return
	}
	for i, p := range l.rules.Passes {
		if k, ok := l.keyOf(p.On, read); ok {
			for _, n := range l.passes[i][k] {
				if r := &l.rows[n]; r.watched && !slices.Contains(r.suspects, person) {
					r.suspects = append(r.suspects, person)
				}
				if fits := &l.rows[n].fits[i]; *fits == noPerson {
					*fits = int64(person)
				} else if *fits != int64(person) {
					*fits = severalPeople
				}
			}
		}
	}
	if l.rules.Model == nil {
		return
	}
	for i := range read {
		if read[i] == "" {
			continue
		}
		l.given[i]++
		if l.rules.Fields[i].Frequency {
			if n, asked := l.terms[i][read[i]]; asked {
				l.terms[i][read[i]] = n + 1
			}
		}
	}
	if len(l.sample) < sampleSize {
		l.sample = append(l.sample, append([]string(nil), read...))
	} else if at := l.random.Int64N(l.people); at < sampleSize {
		l.sample[at] = append([]string(nil), read...)
	}
	l.stamp++
	for i, b := range l.rules.Model.Blocks {
		k, ok := l.keyOf(b, read)
		if !ok {
			continue
		}
		for _, n := range l.blocks[i][k] {
			if r := &l.rows[n]; r.seen != l.stamp {
				r.seen = l.stamp
				if levels := l.compare(r.values, read); !l.differs(levels) && !(again && r.better(candidate{person, levels})) {
					r.add(candidate{person, levels})
				}
			}
		}
	}
}

// compare gives the levels at which a row and a person agree.
func (l *Linker) compare(a, b []string) (all uint32) {
	for i, f := range l.rules.Fields {
		level := compare(f.Kind, a[i], b[i])
		if o := l.swaps[i]; o >= 0 && level != levelExact && level != levelMissing && a[i] == b[o] && a[o] == b[i] {
			level = levelSwapped
		}
		all |= uint32(level) << (4 * i)
	}
	return all
}

// differs reports whether a pair differs outright in what is decisive.
func (l *Linker) differs(all uint32) bool {
	for i, f := range l.rules.Fields {
		if f.Decisive && all>>(4*i)&15 == levelElse {
			return true
		}
	}
	return false
}

// agreement is a rough measure of how much two agree.
func agreement(all uint32) (sum uint32) {
	for ; all > 0; all >>= 4 {
		sum += all & 15
	}
	return sum
}

func (r *row) add(c candidate) {
	if len(r.candidates) >= maxCandidates {
		r.candidates = mostAlike(r.candidates, maxCandidates/2)
	}
	r.candidates = append(r.candidates, c)
}

// better keeps the better of two candidates that are one person, if the row has that
// person already.
func (r *row) better(c candidate) bool {
	for i := range r.candidates {
		if old := &r.candidates[i]; old.person == c.person {
			if agreement(c.levels) > agreement(old.levels) {
				*old = c
			}
			return true
		}
	}
	return false
}

// Decision is what became of a row.
type Decision struct {
	Person  uint32
	Linked  bool
	Outcome Outcome // the pass that linked, or why it is not linked
}

// Answer says to whom a row belongs that was asked about.
func (l *Linker) Answer(values [][]byte) Decision {
	n, ok := l.byKey[l.whole(l.read(values))]
	if !ok {
		n = -1
	}
	return l.Decided(int(n))
}

// Decided says to whom the row with this number belongs.
func (l *Linker) Decided(n int) Decision {
	if n < 0 || !l.resolved {
		return Decision{Outcome: NoCandidate}
	}
	r := &l.rows[n]
	if r.person < 0 {
		return Decision{Outcome: r.outcome}
	}
	return Decision{Person: uint32(r.person), Linked: true, Outcome: r.outcome}
}
