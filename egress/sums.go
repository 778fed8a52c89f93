package egress

import (
	"cmp"
	"maps"
	"slices"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// The history compares whom sums are of, not what is summed. Two values may be the same
// for everybody but one person, as where the rows are chosen by their being so; and
// what a sum has more than another may be of people who are all alike. So of each
// released sum it is kept what parts of the people add to it, and a new one is
// compared with each of them (disclosure.Profile).

// maxProfiles bounds how many profiles a question makes, in groups by conditions by
// values, maxShown how many sums it shows, and maxSums with how many sums a new one is
// compared: the newest. A question of more is refused.
const (
	maxProfiles = 16_384
	maxShown    = 4096
	maxSums     = 10_000
)

// Combinations of several sums are looked for among the newest recentSums, of which
// one table has relatedSums at most, its largest; and among the newest alikeSums that are of
// the same people but for a few. The one is asked in so many orders, and the other.
const (
	recentSums   = 96
	relatedSums  = 12
	alikeSums    = 24
	recentOrders = 40
	alikeOrders  = 12
)

// profiles are what the rows of each label add to sums of their values.
type profiles struct {
	measures []summed // of each
	values   []measure
	of       [][]*disclosure.Profile // of each measure, by label
	n        int
}

// summed is what is added up: a measure, as the release numbers them, or its squares.
type summed struct {
	measured int
	squared  bool
}

// measure gives what a value is of, exactly.
type measure struct {
	value int // column y
	of    []struct {
		value int
		times int64
	}
	plus int64 // in millionths
}

func measureOf(m plan.Measured) measure {
	out := measure{value: m.Value, plus: disclosure.Multiple(1_000_000, disclosure.Factor(m.Plus))}
	for _, c := range m.Of {
		out.of = append(out.of, struct {
			value int
			times int64
		}{c.Value, disclosure.Factor(c.Times)})
	}
	return out
}

// at is what row i adds, in millionths, without what moves all rows.
func (m *measure) at(y []numbers, i int) (x int64, there bool) {
	if !y[m.value].there(i) {
		return 0, false
	}
	for _, of := range m.of {
		x = disclosure.Plus(x, disclosure.Multiple(y[of.value].millionths(i), of.times))
	}
	return x, true
}

// summedValues are the measures that are summed.
func summedValues(r *plan.Release) *profiles {
	out := &profiles{}
	for _, s := range r.Shares {
		if s.Value < 0 || !additive(r, s) {
			continue
		}
		for _, of := range summedOf(s) {
			if !slices.Contains(out.measures, of) {
				out.measures = append(out.measures, of)
				out.values = append(out.values, measureOf(r.Measures[s.Measured]))
			}
		}
	}
	out.clear()
	return out
}

// summedOf is what a share of a number is made of.
func summedOf(s plan.RowShare) []summed {
	if s.Squares {
		return []summed{{s.Measured, false}, {s.Measured, true}}
	}
	return []summed{{s.Measured, false}}
}

func (p *profiles) clear() {
	if p != nil {
		p.of, p.n = make([][]*disclosure.Profile, len(p.measures)), 0
	}
}

// some reports whether anything is summed, and whole whether there are profiles of all of it.
func (p *profiles) some() bool  { return p != nil && len(p.measures) > 0 }
func (p *profiles) whole() bool { return p.n <= maxProfiles }

// add takes rows with their values.
func (p *profiles) add(u, labels []uint32, y []numbers) {
	if !p.some() || !p.whole() {
		return
	}
	for m := range p.values {
		value, of, squared := &p.values[m], p.of[m], p.measures[m].squared
		for i, label := range labels {
			x, there := value.at(y, i)
			if !there {
				continue
			}
			if int(label) >= len(of) {
				of = append(of, make([]*disclosure.Profile, int(label)+1-len(of))...)
			}
			one := of[label]
			if one == nil {
				if p.n++; p.n > maxProfiles {
					return
				}
				one = disclosure.NewProfile()
				one.Squared = squared
				of[label] = one
			}
			if squared {
				x = disclosure.Square(x)
			}
			one.AddRow(u[i], x)
		}
		p.of[m] = of
	}
}

// at is what the rows of a label add to a sum of a measure; nil for nothing.
func (p *profiles) at(label int, x summed) *disclosure.Profile {
	if of := p.of[slices.Index(p.measures, x)]; label < len(of) {
		return of[label]
	}
	return nil
}

// sums compares the counts (sums_counts.go) and the sums that the verdicts let out with those released before and with
// each other.
func (a *admission) sums() error {
	c := a.rows
	if !a.valued() {
		return nil
	}
	if err := a.counts(); err != nil || !c.sums.some() {
		return err
	}
	tooMany := gatehouse.Errorf(gatehouse.CodeTooLarge, "Sums and means of so many groups and conditions cannot be compared with what was answered before.").
		WithAdvice("Ask for up to %d groups by conditions by values at once: in parts (WHERE), or with coarser keys.", maxShown)
	if !c.sums.whole() {
		return tooMany
	}
	n := newNumbered()
	for i, v := range a.verdicts {
		if v.Dropped || !released(a.release, a.groups.gid.Value(i)) {
			continue
		}
		for _, share := range a.release.Shares {
			if share.Value >= 0 && additive(a.release, share) && v.Withheld[share.Cell] == "" {
				for _, x := range summedOf(share) {
					n.add(i, share.Cell, number{row: i, set: share.Set, y: share.Measured + 1, squared: x.squared})
				}
			}
		}
	}
	if len(n.list) > maxShown {
		return tooMany
	}
	of := make([]*disclosure.Profile, len(n.list))
	for i := range of {
		of[i] = disclosure.NewProfile()
		of[i].Squared = n.list[i].squared
	}
	for label, terms := range c.terms(a.groups, a.atoms, n) {
		for _, t := range terms {
			if p := c.sums.at(label, summed{n.list[t.Number].y - 1, n.list[t.Number].squared}); p != nil {
				of[t.Number].Add(p)
			}
		}
	}
	cells := make([][][2]int, len(n.list))
	for at, numbers := range n.cells {
		for _, x := range numbers {
			cells[x] = append(cells[x], at)
		}
	}
	order := make([]int, len(n.list)) // the largest first
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int {
		return cmp.Or(cmp.Compare(of[y].Size(), of[x].Size()), cmp.Compare(x, y)) // sums before their squares
	})
	for _, x := range order {
		if slices.ContainsFunc(cells[x], func(at [2]int) bool { return a.verdicts[at[0]].Withheld[at[1]] == "" }) && !a.keepSum(of[x], false) {
			for _, at := range cells[x] {
				a.verdicts[at[0]].Withheld[at[1]] = disclosure.RuleDifference
			}
		}
	}
	a.wholes(n, of, cells)
	return nil
}

// wholes judges what all groups shown of a sum make together, too: what another sum
// has more than they is the group that is not shown. The smallest are withheld
// until nothing is told.
func (a *admission) wholes(n *numbered, of []*disclosure.Profile, cells [][][2]int) {
	type kind struct {
		gid    int64
		set, y int
	}
	groups := map[kind][]int{}
	for x, number := range n.list {
		if number.squared {
			continue
		}
		k := kind{a.groups.gid.Value(number.row), number.set, number.y}
		groups[k] = append(groups[k], x)
	}
	for _, k := range slices.SortedFunc(maps.Keys(groups), func(x, y kind) int {
		return cmp.Or(cmp.Compare(x.gid, y.gid), cmp.Compare(x.set, y.set), cmp.Compare(x.y, y.y))
	}) {
		shown := groups[k]
		slices.SortStableFunc(shown, func(x, y int) int { return cmp.Compare(of[x].Size(), of[y].Size()) })
		for {
			whole, parts := disclosure.NewProfile(), 0
			shown = slices.DeleteFunc(shown, func(x int) bool {
				return slices.ContainsFunc(cells[x], func(at [2]int) bool { return a.verdicts[at[0]].Withheld[at[1]] != "" })
			})
			for _, x := range shown {
				whole.Add(of[x])
				parts++
			}
			if parts < 2 || a.keepSum(whole, true) {
				break
			}
			for _, at := range cells[shown[0]] {
				a.verdicts[at[0]].Withheld[at[1]] = disclosure.RuleDifference
			}
		}
	}
}

// keepSum notes a sum, unless it tells of few people beside others. together: it is what
// sums that are shown make together.
func (a *admission) keepSum(p *disclosure.Profile, together bool) bool {
	s := a.scope
	if p.Squared {
		return a.keepBeside(p)
	}
	known := false
	if s.policy != nil {
		for _, o := range s.sums {
			switch {
			case p.Equal(o):
				known = true
			case p.Tells(o, *s.policy):
				return false
			}
		}
		if !known && (s.related(p, together) || s.countedBefore(p) || !together && s.tellsBeside(p)) {
			return false
		}
	}
	if !known || s.shared {
		a.out.Sums = append(a.out.Sums, p)
	}
	if !known {
		s.damaged = true
		s.addSum(p, len(a.out.Sums) <= relatedSums)
		if !together && len(a.out.Sums) <= relatedSums {
			s.addBeside(p)
		}
	}
	return true
}

// related reports whether a sum tells of few people beside several others.
func (s *scope) related(p *disclosure.Profile, together bool) bool {
	tells := (*disclosure.Relations).Tells
	if together {
		tells = (*disclosure.Relations).TellTogether
	}
	if s.relations == nil {
		s.relations = disclosure.NewRelations(recentOrders)
		for _, o := range s.recent {
			s.relations.Add(o)
		}
	}
	if tells(s.relations, p, s.policy.Threshold) {
		return true
	}
	if len(s.sums) == len(s.recent) && len(s.recent) < recentSums/2 {
		return false // they were all there
	}
	alike := disclosure.NewRelations(alikeOrders)
	n := 0
	for _, o := range slices.Backward(s.sums) {
		if p.Alike(o, s.policy.Threshold) {
			alike.Add(o)
			if n++; n == alikeSums {
				break
			}
		}
	}
	return n > 1 && tells(alike, p, s.policy.Threshold)
}

func (s *scope) addSum(p *disclosure.Profile, recent bool) {
	if len(s.sums) == maxSums {
		s.sums = append(s.sums[:0:0], s.sums[1:]...)
	}
	s.sums = append(s.sums, p)
	if !recent {
		return
	}
	if len(s.recent) == recentSums {
		s.recent = append(s.recent[:0:0], s.recent[1:]...)
	}
	if s.recent = append(s.recent, p); s.relations != nil {
		s.relations.Add(p)
	}
}
