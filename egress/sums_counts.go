package egress

import (
	"cmp"
	"slices"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// A sum of few different values says how many there are of each: of rows in which x is 3
// or 4, as many have 4 as the sum of x is more than three times their number. Whom that count
// is of stands nowhere in the history, so that the count of those with 4 but for one
// person would be judged as if nothing like it had been asked. So counts and sums,
// and sums of squares (of spreads), are compared together, too (disclosure.TellsBeside).

// Each sum is compared with each count, the newest maxCounts of these, of which one table
// has tableCounts at most, its largest. Combinations of several are looked for among the newest
// maxBeside profiles, of one table besideCounts counts, in so many orders.
const (
	maxCounts    = 4096
	tableCounts  = 256
	maxBeside    = 64
	besideCounts = 16
	besideOrders = 16
)

// counts judges the counts that the verdicts let out beside known sums, and keeps the largest.
func (a *admission) counts() error {
	s := a.scope
	n := shownCounts(a.release, a.groups, a.verdicts)
	if len(n.list) == 0 {
		return nil
	}
	sizes := a.rows.sizes(a.groups, a.atoms, n)
	order := make([]int, len(n.list)) // the largest first
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(sizes[y], sizes[x]) })
	judged := s.policy != nil && len(s.sums) > 0
	switch {
	case !judged:
		order = order[:min(len(order), tableCounts)]
	case len(order) > maxProfiles:
		return gatehouse.Errorf(gatehouse.CodeTooLarge, "So many numbers cannot be compared with what was answered before.").
			WithAdvice("Ask for up to %d groups by conditions at once: in parts (WHERE), or with coarser keys.", maxProfiles)
	}
	of := a.rows.counted(a.groups, a.atoms, n, order)
	cells := make([][][2]int, len(n.list))
	for at, numbers := range n.cells {
		for _, x := range numbers {
			cells[x] = append(cells[x], at)
		}
	}
	for _, x := range order {
		if slices.ContainsFunc(cells[x], func(at [2]int) bool { return a.verdicts[at[0]].Withheld[at[1]] == "" }) && !a.keepBeside(of[x]) {
			for _, at := range cells[x] {
				a.verdicts[at[0]].Withheld[at[1]] = disclosure.RuleDifference
			}
		}
	}
	if judged {
		a.countedTogether(n, of, cells, order)
	}
	return nil
}

// countedTogether judges what all groups shown of a count make together, as wholes does
// of sums. The smallest are withheld until nothing is told.
func (a *admission) countedTogether(n *numbered, of []*disclosure.Profile, cells [][][2]int, order []int) {
	type kind struct {
		gid    int64
		number number
	}
	groups := map[kind][]int{}
	var kinds []kind
	for _, x := range slices.Backward(order) { // the smallest first
		k := kind{a.groups.gid.Value(n.list[x].row), n.list[x]}
		k.number.row = 0
		if groups[k] == nil {
			kinds = append(kinds, k)
		}
		groups[k] = append(groups[k], x)
	}
	for _, k := range kinds {
		shown := groups[k]
		for {
			whole := disclosure.NewCount()
			shown = slices.DeleteFunc(shown, func(x int) bool {
				return slices.ContainsFunc(cells[x], func(at [2]int) bool { return a.verdicts[at[0]].Withheld[at[1]] != "" })
			})
			for _, x := range shown {
				whole.Add(of[x])
			}
			if len(shown) < 2 || a.keepBeside(whole) {
				break
			}
			for _, at := range cells[shown[0]] {
				a.verdicts[at[0]].Withheld[at[1]] = disclosure.RuleDifference
			}
		}
	}
}

// shownCounts lists what is counted in the cells that the verdicts let out: rows, or people (weighed).
// Of sums and means it is taken to be known how many rows are in them.
func shownCounts(r *plan.Release, t *groupTable, verdicts []disclosure.Verdict) *numbered {
	out := newNumbered()
	for i, v := range verdicts {
		if v.Dropped || !released(r, t.gid.Value(i)) {
			continue
		}
		for c, cell := range r.Cells {
			if v.Withheld[c] != "" {
				continue
			}
			for _, set := range cell.RowSets {
				out.add(i, c, number{row: i, set: set, weighed: cell.People})
			}
		}
	}
	return out
}

// maxParts bounds of how many labels the parts are counted while the rows come in; of
// more they are counted afterwards, of those that matter.
const maxParts = 4096

// sizes are how many rows numbers are of.
func (c *cohorts) sizes(t *groupTable, atoms *atomTable, n *numbered) []int {
	rows := make([]int, len(c.list))
	for label, parts := range c.parts {
		for _, some := range parts {
			rows[label] += int(some)
		}
	}
	if c.parts == nil {
		for b := range c.rows.Blocks() {
			for _, label := range b.Patterns {
				rows[label]++
			}
		}
	}
	out := make([]int, len(n.list))
	for label, terms := range c.terms(t, atoms, n) {
		for _, term := range terms {
			out[term.Number] += rows[label]
		}
	}
	return out
}

// counted gives the profiles of some numbers.
func (c *cohorts) counted(t *groupTable, atoms *atomTable, n *numbered, some []int) []*disclosure.Profile {
	of := make([]*disclosure.Profile, len(n.list))
	for _, x := range some {
		of[x] = disclosure.NewCount()
	}
	terms := c.terms(t, atoms, n)
	people := false // some are counted once, however many rows they have
	for label, all := range terms {
		terms[label] = slices.DeleteFunc(all, func(term disclosure.Term) bool { return of[term.Number] == nil })
		for _, term := range terms[label] {
			people = people || n.list[term.Number].weighed && c.several
		}
	}
	switch {
	case people:
		c.countPeople(n, terms, of)
	case c.parts == nil:
		for b := range c.rows.Blocks() {
			for i, label := range b.Patterns {
				for _, term := range terms[label] {
					of[term.Number].Rows[b.Units[i]%disclosure.Buckets]++
				}
			}
		}
	default:
		for label, parts := range c.parts {
			for _, term := range terms[label] {
				for i, rows := range parts {
					of[term.Number].Rows[i] += rows
				}
			}
		}
	}
	return of
}

// countPeople counts numbers of people once for each person, and others for each row.
func (c *cohorts) countPeople(n *numbered, terms [][]disclosure.Term, of []*disclosure.Profile) {
	last := make([]int, len(n.list)) // the person who was counted last, and one
	person := 0
	c.eachPerson(func(unit uint32, _ []uint64, labels []uint32) {
		person++
		for _, label := range labels {
			for _, term := range terms[label] {
				if n.list[term.Number].weighed && last[term.Number] == person {
					continue
				}
				last[term.Number] = person
				of[term.Number].Rows[unit%disclosure.Buckets]++
			}
		}
	})
}

// keepBeside notes a count or a sum of squares, unless it tells of few people beside others.
func (a *admission) keepBeside(p *disclosure.Profile) bool {
	s := a.scope
	known := slices.ContainsFunc(s.counts, p.Equal) || slices.ContainsFunc(s.beside, p.Equal)
	if !known && s.policy != nil {
		k := s.policy.Threshold
		if s.tellsBeside(p) || p.Counts() && slices.ContainsFunc(s.sums, func(o *disclosure.Profile) bool { return o.CountedBy(p, k) }) {
			return false
		}
	}
	if p.Counts() && len(a.out.Beside) >= tableCounts || known && !s.shared {
		return true
	}
	a.out.Beside = append(a.out.Beside, p)
	if !known {
		s.damaged = true
		s.keepCount(p, p.Squared || len(a.out.Beside) <= besideCounts)
	}
	return true
}

// keepCount puts a count or a sum of squares into the history.
func (s *scope) keepCount(p *disclosure.Profile, beside bool) {
	if p.Counts() {
		if slices.ContainsFunc(s.counts, p.Equal) {
			return
		}
		if len(s.counts) == maxCounts {
			s.counts = append(s.counts[:0:0], s.counts[1:]...)
		}
		s.counts = append(s.counts, p)
	}
	if beside {
		s.addBeside(p)
	}
}

// countedBefore reports whether a sum and a known count tell of few people.
func (s *scope) countedBefore(p *disclosure.Profile) bool {
	return slices.ContainsFunc(s.counts, func(o *disclosure.Profile) bool { return p.CountedBy(o, s.policy.Threshold) })
}

// tellsBeside reports whether a sum tells of few people beside counts, or a count beside
// sums.
func (s *scope) tellsBeside(p *disclosure.Profile) bool {
	if !slices.ContainsFunc(s.beside, func(o *disclosure.Profile) bool { return o.Counts() != p.Counts() || o.Squared != p.Squared }) {
		return false // sums alone are compared elsewhere, as are counts
	}
	if s.mixed == nil {
		s.mixed = disclosure.NewRelations(besideOrders)
		for _, o := range s.beside {
			s.mixed.Add(o)
		}
	}
	return s.mixed.TellsBeside(p, s.policy.Threshold)
}

func (s *scope) addBeside(p *disclosure.Profile) {
	if slices.ContainsFunc(s.beside, p.Equal) {
		return
	}
	if len(s.beside) == maxBeside {
		s.beside = append(s.beside[:0:0], s.beside[1:]...)
	}
	if s.beside = append(s.beside, p); s.mixed != nil {
		s.mixed.Add(p)
	}
}
