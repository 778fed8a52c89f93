package egress

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// A union may have a row several times. It is one element then, and in a number
// as often: how often each row is in each number is all that the history needs to
// tell what numbers give when they are added and subtracted.
//
// Rows that are the person themself (plan's r below 1<<39) and other rows may
// stand together in such a number. They are judged apart, the ones as people and
// the others as rows, as if both sums were released: a combination of numbers that
// rests on few people rests on few in each part.

// rowBits is the width of row numbers in what plan prints as r; below are people.
const rowBits = 39

func isPerson(row uint64) bool { return row>>rowBits == 0 }

// byRow makes the table of numbers that are made of rows, each one element
// however often it occurs. apart leaves out the rows that are people.
func (c *cohorts) byRow(t *groupTable, atoms *atomTable, n *numbered, apart bool) *disclosure.Cohorts {
	out := &disclosure.Cohorts{Numbers: len(n.list), Elements: make([]disclosure.Element, 0, len(c.rows))}
	sums := newPatterns(c.terms(t, atoms, n))
	var run []int
	c.eachPerson(func(from, to int) {
		run = run[:0]
		ascending := true
		for i := from; i < to; i++ {
			if apart && isPerson(c.rows[i]) {
				continue
			}
			ascending = ascending && (len(run) == 0 || c.rows[run[len(run)-1]] < c.rows[i])
			run = append(run, i)
		}
		if !ascending {
			slices.SortFunc(run, func(a, b int) int { return cmp.Compare(c.rows[a], c.rows[b]) })
		}
		for at := 0; at < len(run); {
			e := disclosure.Element{Key: c.rows[run[at]], Unit: c.units[from], Pattern: c.labels[run[at]]}
			end := at + 1
			for end < len(run) && c.rows[run[end]] == e.Key {
				end++
			}
			if end-at > 1 {
				for _, i := range run[at:end] {
					sums.add(c.labels[i])
				}
				e.Pattern = sums.pattern()
			}
			out.Elements = append(out.Elements, e)
			at = end
		}
	})
	out.Patterns = sums.list
	return out
}

// eachPerson calls f with the rows of each person, which stand together.
func (c *cohorts) eachPerson(f func(from, to int)) {
	for from := 0; from < len(c.units); {
		to := from + 1
		for to < len(c.units) && c.units[to] == c.units[from] {
			to++
		}
		f(from, to)
		from = to
	}
}

// patterns adds up terms of labels, and gives equal sums one place.
type patterns struct {
	list  [][]disclosure.Term // those of the labels first
	known map[string]uint32
	times []int32 // of each number, while adding up
	in    []int32 // the numbers of which there are some
	key   []byte
}

func newPatterns(ofLabels [][]disclosure.Term) *patterns {
	return &patterns{list: slices.Clip(ofLabels), known: map[string]uint32{}}
}

func (p *patterns) add(label uint32) {
	for _, t := range p.list[label] {
		p.addTerm(t.Number, t.Times)
	}
}

func (p *patterns) addTerm(number, times int32) {
	if int(number) >= len(p.times) {
		p.times = append(p.times, make([]int32, int(number)+1-len(p.times))...)
	}
	if p.times[number] == 0 {
		p.in = append(p.in, number)
	}
	p.times[number] += times
}

// pattern is the place of what was added up since the last.
func (p *patterns) pattern() uint32 {
	slices.Sort(p.in)
	p.key = p.key[:0]
	for _, n := range p.in {
		p.key = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(p.key, uint32(n)), uint32(p.times[n]))
	}
	at, ok := p.known[string(p.key)]
	if !ok {
		at = uint32(len(p.list))
		p.known[string(p.key)] = at
		terms := make([]disclosure.Term, len(p.in))
		for i, n := range p.in {
			terms[i] = disclosure.Term{Number: n, Times: p.times[n]}
		}
		p.list = append(p.list, terms)
	}
	for _, n := range p.in {
		p.times[n] = 0
	}
	p.in = p.in[:0]
	return at
}

// repeated lists the numbers of a question whose rows may occur several times: as
// people, those that count people and those that are people by another name
// (everybody has one row in it, or the question made the rows: see perRow), and what
// is made of people themselves, weighed by how often; as rows, what is made of others.
func (c *cohorts) repeated(r *plan.Release, t *groupTable, atoms *atomTable, verdicts []disclosure.Verdict) (people, rows *numbered, err error) {
	if err := c.distinctRows(); err != nil {
		return nil, nil, err
	}
	all := shown(r, t, verdicts, func(cell plan.Cell) bool { return !cell.People })
	terms := c.terms(t, atoms, all)
	type kinds struct{ several, made, person, other bool }
	of := make([]kinds, len(all.list))
	last := make([]int64, len(all.list)) // the person who was last seen in it
	for i := range last {
		last[i] = nobody
	}
	for i, label := range c.labels {
		unit, row := int64(c.units[i]), c.rows[i]
		for _, term := range terms[label] {
			k := &of[term.Number]
			k.several = k.several || last[term.Number] == unit
			last[term.Number] = unit
			k.made = k.made || row>>63 == 1
			k.person = k.person || isPerson(row)
			k.other = k.other || !isPerson(row)
		}
	}
	people = shown(r, t, verdicts, func(cell plan.Cell) bool { return cell.People })
	rows = newNumbered()
	for at, numbers := range all.cells {
		for _, x := range numbers {
			n, k := all.list[x], of[x]
			if k.made || !k.several {
				people.add(at[0], at[1], n)
			}
			if k.other && k.several {
				people.add(at[0], at[1], number{row: n.row, set: n.set, every: true})
			}
			if k.person && (k.several || k.other) {
				people.add(at[0], at[1], number{row: n.row, set: n.set, weighed: true})
			}
			if k.other {
				rows.add(at[0], at[1], n)
			}
		}
	}
	return people, rows, nil
}

// perRow adds to numbers of people those of rows that the question made, as numbers
// of people with as many of each as they have rows: where nearly everybody has one
// row, the number of rows beside that of people tells who has two.
func (c *cohorts) perRow(n, rows *numbered) {
	for at, numbers := range rows.cells {
		for _, x := range numbers {
			more := rows.list[x]
			more.every = true
			n.add(at[0], at[1], more)
		}
	}
}

// mixed reports whether some rows are a person and others are not, as after an outer
// join.
func (c *cohorts) mixed() bool {
	people := slices.ContainsFunc(c.rows, isPerson)
	return people && slices.ContainsFunc(c.rows, func(r uint64) bool { return !isPerson(r) })
}

// distinctRows makes sure that no row is of two people.
func (c *cohorts) distinctRows() error {
	keys := make([]uint64, 0, len(c.rows))
	var mine []uint64
	ascending, bad := true, false
	c.eachPerson(func(from, to int) {
		mine = append(mine[:0], c.rows[from:to]...)
		slices.Sort(mine)
		for _, r := range slices.Compact(mine) {
			bad = bad || isPerson(r) && r != uint64(c.units[from])
			ascending = ascending && (len(keys) == 0 || keys[len(keys)-1] < r)
			keys = append(keys, r)
		}
	})
	if !ascending {
		slices.Sort(keys)
		for i := 1; i < len(keys); i++ {
			bad = bad || keys[i] == keys[i-1]
		}
	}
	if bad {
		return misshapen()
	}
	return nil
}

// byPersonWeighed is byPerson with weighed numbers among the others.
func (c *cohorts) byPersonWeighed(t *groupTable, atoms *atomTable, n *numbered) *disclosure.Cohorts {
	terms := c.terms(t, atoms, n)
	sums := newPatterns(nil)
	out := &disclosure.Cohorts{Numbers: len(n.list)}
	c.eachPerson(func(from, to int) {
		for i := from; i < to; i++ {
			for _, term := range terms[c.labels[i]] {
				switch x := n.list[term.Number]; {
				case x.every, x.weighed && isPerson(c.rows[i]):
					sums.addTerm(term.Number, 1)
				case x.weighed:
				case int(term.Number) >= len(sums.times) || sums.times[term.Number] == 0:
					sums.addTerm(term.Number, 1)
				}
			}
		}
		out.Elements = append(out.Elements, disclosure.Element{Key: uint64(c.units[from]), Unit: c.units[from], Pattern: sums.pattern()})
	})
	out.Patterns = sums.list
	return out
}
