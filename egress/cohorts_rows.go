package egress

import (
	"cmp"
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
	out := &disclosure.Cohorts{Numbers: len(n.list)}
	terms := c.terms(t, atoms, n)
	if !c.again && !(apart && c.people) {
		out.Patterns, out.Elements = disclosure.PatternsOf(terms...), c.rows.Clone()
		return out
	}
	sums := newPatterns(terms, true)
	var run []int
	c.eachPerson(func(unit uint32, rows []uint64, labels []uint32) {
		run = run[:0]
		ascending := true
		for i, row := range rows {
			if apart && isPerson(row) {
				continue
			}
			ascending = ascending && (len(run) == 0 || rows[run[len(run)-1]] < row)
			run = append(run, i)
		}
		if !ascending {
			slices.SortFunc(run, func(a, b int) int { return cmp.Compare(rows[a], rows[b]) })
		}
		for at := 0; at < len(run); {
			key, pattern := rows[run[at]], labels[run[at]]
			end := at + 1
			for end < len(run) && rows[run[end]] == key {
				end++
			}
			if end-at > 1 {
				for _, i := range run[at:end] {
					sums.add(labels[i])
				}
				pattern = sums.pattern()
			}
			out.Elements.Add(key, unit, pattern)
			at = end
		}
	})
	out.Patterns = sums.all()
	return out
}

// patterns adds up terms of labels, and gives equal sums one place.
type patterns struct {
	terms  [][]disclosure.Term // of the labels
	before int                 // how many patterns stand before the sums: those of the labels, or none
	sums   disclosure.Distinct
	times  []int32 // of each number, while adding up
	in     []int32 // the numbers of which there are some
	sum    []disclosure.Term
}

// newPatterns begins with the terms of labels: as patterns themselves if first.
func newPatterns(ofLabels [][]disclosure.Term, first bool) *patterns {
	p := &patterns{terms: ofLabels}
	if first {
		p.before = len(ofLabels)
	}
	return p
}

func (p *patterns) add(label uint32) {
	for _, t := range p.terms[label] {
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
	p.sum = p.sum[:0]
	for _, n := range p.in {
		p.sum = append(p.sum, disclosure.Term{Number: n, Times: p.times[n]})
		p.times[n] = 0
	}
	p.in = p.in[:0]
	return uint32(p.before) + p.sums.Put(p.sum)
}

// all are the patterns of the labels, if they were to be first, and the sums.
func (p *patterns) all() disclosure.Patterns {
	if p.before == 0 {
		return p.sums.List()
	}
	out := disclosure.PatternsOf(p.terms[:p.before]...)
	out.Append(p.sums.List())
	return out
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
	for b := range c.rows.Blocks() {
		for i, label := range b.Patterns {
			unit, row := int64(b.Units[i]), b.Keys[i]
			for _, term := range terms[label] {
				k := &of[term.Number]
				k.several = k.several || last[term.Number] == unit
				last[term.Number] = unit
				k.made = k.made || row>>63 == 1
				k.person = k.person || isPerson(row)
				k.other = k.other || !isPerson(row)
			}
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

// ofBoth reports whether some rows are a person and others are not, as after an outer
// join.
func (c *cohorts) ofBoth() bool { return c.people && c.others }

// distinctRows makes sure that no row is of two people.
func (c *cohorts) distinctRows() error {
	bad := !c.own
	if c.anyOrder && !bad {
		keys := make([]uint64, 0, c.rows.Len())
		var mine []uint64
		c.eachPerson(func(_ uint32, rows []uint64, _ []uint32) {
			mine = append(mine[:0], rows...)
			slices.Sort(mine)
			keys = append(keys, slices.Compact(mine)...)
		})
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
	sums := newPatterns(terms, false)
	out := &disclosure.Cohorts{Numbers: len(n.list)}
	c.eachPerson(func(unit uint32, rows []uint64, labels []uint32) {
		for i, label := range labels {
			for _, term := range terms[label] {
				switch x := &n.list[term.Number]; {
				case x.every, x.weighed && isPerson(rows[i]):
					sums.addTerm(term.Number, 1)
				case x.weighed:
				case int(term.Number) >= len(sums.times) || sums.times[term.Number] == 0:
					sums.addTerm(term.Number, 1)
				}
			}
		}
		out.Elements.Add(uint64(unit), unit, sums.pattern())
	})
	out.Patterns = sums.all()
	return out
}
