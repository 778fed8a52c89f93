package egress

import (
	"math"
	"slices"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// A number that a question computes for each person can be chosen: how many of their
// rows are counted, or which of their values is the highest, may hang on anything,
// and two such numbers can be alike for everybody but one person. Such a sum is
// judged by what each person adds to it, as a number of people of whom each counts as
// often, beside the numbers of people: in a history of its own, because in that of
// people every sum is there as the people whom it is of, whatever they add
// (docs/design/0006).

// computedValues are what numbers that were computed for each person are of.
type computedValues struct {
	measures []int // as the release numbers them
	values   []measure
	of       [][]uint32 // of each, by row: residues, or noValue
}

// noValue is a value that is not there.
const noValue = math.MaxUint32

// computedOf lists what is computed for each person; nil for nothing.
func computedOf(r *plan.Release) *computedValues {
	var out *computedValues
	for _, s := range r.Shares {
		if s.Computed && s.Value >= 0 && (out == nil || !slices.Contains(out.measures, s.Measured)) {
			if out == nil {
				out = &computedValues{}
			}
			out.measures, out.values, out.of = append(out.measures, s.Measured), append(out.values, measureOf(r.Measures[s.Measured])), append(out.of, nil)
		}
	}
	return out
}

func (v *computedValues) clear() {
	if v != nil {
		for m := range v.of {
			v.of[m] = v.of[m][:0]
		}
	}
}

// at is the value of a row.
func (v *computedValues) at(measured, row int) (x uint64, there bool) {
	r := v.of[slices.Index(v.measures, measured)][row]
	return uint64(r), r != noValue
}

// wantsValues reports whether valued does anything.
func (c *cohorts) wantsValues() bool { return c.values != nil || c.sums.some() && c.sums.whole() }

// valued takes the values of the rows that were labelled last.
func (c *cohorts) valued(u, labels []uint32, y []numbers) {
	c.sums.add(u, labels, y)
	if c.values == nil {
		return
	}
	for m := range c.values.values {
		value, kept := &c.values.values[m], c.values.of[m]
		for i := range labels {
			if x, there := value.at(y, i); there {
				kept = append(kept, residue(disclosure.Plus(x, value.plus)))
			} else {
				kept = append(kept, noValue)
			}
		}
		c.values.of[m] = kept
	}
}

// sumKind says how a number computed for each person was released.
type sumKind uint8

const (
	asSum sumKind = 1 << iota
	asMean
)

// computed lists the sums of numbers computed for each person that the verdicts let
// out, each with how many are summed, and how it is released.
func (c *cohorts) computed(r *plan.Release, t *groupTable, verdicts []disclosure.Verdict) (n *numbered, kinds map[int32]sumKind) {
	n, kinds = newNumbered(), map[int32]sumKind{}
	for i, v := range verdicts {
		if v.Dropped || !released(r, t.gid.Value(i)) {
			continue
		}
		for _, s := range r.Shares {
			if !s.Computed || s.Value < 0 || v.Withheld[s.Cell] != "" {
				continue
			}
			x := number{row: i, set: s.Set, y: s.Measured + 1}
			n.add(i, s.Cell, x)
			x.divided = true
			n.add(i, s.Cell, x)
			if r.Cells[s.Cell].Measure == plan.MeasureSum {
				kinds[n.index[x]] |= asSum
			} else {
				kinds[n.index[x]] |= asMean
			}
		}
	}
	return n, kinds
}

// admitComputed judges them. A mean is of a sum and of how many are in it. Of few
// people, that they are so many is released only when both the sum and the mean are:
// if it always were, the number could not be shown where fewer than k people have another
// value than one of them, whichever.
func (a *admission) admitComputed() {
	s := a.scope
	n, kinds := a.rows.computed(a.release, a.groups, a.verdicts)
	if len(n.list) == 0 {
		return
	}
	table := a.rows.byValue(a.groups, a.atoms, n)
	people, prints := table.Sets()
	left, waits := make([]bool, len(n.list)), make([]bool, len(n.list))
	for x, kind := range kinds {
		if people[x] < 2*s.threshold {
			before := s.few[prints[x]]
			waits[x] = before|kind != asSum|asMean
			s.few[prints[x]], s.damaged = before|kind, true
			a.out.Few = append(a.out.Few, fewSummed{prints[x], kind, x + 1})
		} else {
			left[x] = kind == asSum
		}
	}
	table = table.Without(left)
	some := table.Without(waits)
	j := a.judge(s.computed, n, some)
	kept, withheld := a.keep(s.computed, j, some)
	if kept == nil {
		return
	}
	for x, number := range n.list { // what waits beside a sum that is withheld never counts
		number.divided = false
		withheld[x] = withheld[x] || waits[x] && withheld[n.index[number]]
	}
	a.out.Computed, a.out.ComputedWithheld = table, withheld
}

// fewSummed says of a set of few people how numbers computed for each were released.
type fewSummed struct {
	People uint64 // their fingerprint
	Kind   sumKind
	// Number is that of Computed that counts them, and one; 0 if the table does not have it.
	// It counts once both kinds were released, to whichever projects a history is of.
	Number int32
}

// The arithmetic of the history is modulo a prime. Values are counted in millionths.
const modulus = 1<<31 - 1

// residue is a value in millionths as the history counts it.
func residue(millionths int64) uint32 {
	return uint32((millionths%modulus + modulus) % modulus)
}

// byValue makes the table of numbers computed for each person: of each, what every
// person adds to it.
func (c *cohorts) byValue(t *groupTable, atoms *atomTable, n *numbered) *disclosure.Cohorts {
	terms := c.terms(t, atoms, n)
	var patterns disclosure.Distinct
	out := &disclosure.Cohorts{Numbers: len(n.list)}
	adds, some := make([]uint64, len(n.list)), make([]bool, len(n.list))
	var in []int32
	var sum []disclosure.Term
	row := 0
	c.eachPerson(func(unit uint32, _ []uint64, labels []uint32) {
		in, sum = in[:0], sum[:0]
		for _, label := range labels {
			for _, term := range terms[label] {
				x := &n.list[term.Number]
				add, there := c.values.at(x.y-1, row)
				if !there {
					continue
				}
				if !some[term.Number] {
					some[term.Number] = true
					in = append(in, term.Number)
				}
				if x.divided {
					add = 1
				}
				adds[term.Number] = (adds[term.Number] + add) % modulus
			}
			row++
		}
		slices.Sort(in)
		for _, number := range in {
			sum = append(sum, disclosure.Term{Number: number, Times: int32(adds[number])})
			adds[number], some[number] = 0, false
		}
		out.Elements.Add(uint64(unit), unit, patterns.Put(sum))
	})
	out.Patterns = patterns.List()
	return out
}

// valued gives the history of numbers computed for each person. Until the first is
// asked for there is none; then it is everything that counts people.
func (s *scope) valued() *disclosure.History {
	if s.computed == nil {
		s.computed = disclosure.NewHistory(s.threshold, false)
		s.people.Replay(func(at int, c *disclosure.Cohorts) {
			s.computed.Restore(c, s.uncounted(at, c.Numbers))
		})
	}
	return s.computed
}

// uncounted are the numbers of a kept table of people that are only whom something
// computed is summed over.
func (s *scope) uncounted(table, numbers int) []bool {
	if of := s.over[table]; len(of) == numbers {
		return of
	}
	return make([]bool, numbers)
}

// overComputed reports of each number whether it is only whom something computed for
// each person is summed over, and counts nobody.
func overComputed(r *plan.Release, n *numbered) []bool {
	computed := make([]bool, len(r.Cells))
	for _, s := range r.Shares {
		computed[s.Cell] = computed[s.Cell] || s.Computed
	}
	out := make([]bool, len(n.list))
	for i := range out {
		out[i] = true
	}
	for at, numbers := range n.cells {
		for _, x := range numbers {
			out[x] = out[x] && computed[at[1]]
		}
	}
	return out
}

func either(a, b []bool) []bool {
	out := make([]bool, len(a))
	for i := range out {
		out[i] = a[i] || b[i]
	}
	return out
}
