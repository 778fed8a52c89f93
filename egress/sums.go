package egress

import (
	"cmp"
	"maps"
	"slices"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// The history compares whom sums are of, not what is summed. Two values may be the same
// for everybody but one person, as where the rows are chosen by their being so; and
// what a sum has more than another may be of people who are all alike. So of each
// released sum it is kept what parts of the people add to it, and a new one is
// compared with each of them (disclosure.Profile).

// maxProfiles bounds how many profiles a question makes, in groups by conditions by
// values, and maxSums with how many sums a new one is compared: the newest.
const (
	maxProfiles = 4096
	maxSums     = 10_000
)

// profiles are what the rows of each label add to sums of their values.
type profiles struct {
	columns []int                   // y, of each
	of      [][]*disclosure.Profile // of each column, by label
	n       int
}

// summedValues are the columns of values that are summed.
func summedValues(r *plan.Release) *profiles {
	out := &profiles{}
	for _, s := range r.Shares {
		if s.Value >= 0 && additive(r, s) && !slices.Contains(out.columns, s.Value) {
			out.columns = append(out.columns, s.Value)
		}
	}
	out.clear()
	return out
}

func (p *profiles) clear() {
	if p != nil {
		p.of, p.n = make([][]*disclosure.Profile, len(p.columns)), 0
	}
}

// known reports whether there are profiles of every sum.
func (p *profiles) known() bool { return p != nil && len(p.columns) > 0 && p.n <= maxProfiles }

// add takes rows with their values.
func (p *profiles) add(u, labels []uint32, y []*array.Float64) {
	if !p.known() {
		return
	}
	for c, column := range p.columns {
		of := p.of[c]
		for i, x := range y[column].Float64Values() {
			if y[column].IsNull(i) {
				continue
			}
			label := int(labels[i])
			if label >= len(of) {
				of = append(of, make([]*disclosure.Profile, label+1-len(of))...)
			}
			one := of[label]
			if one == nil {
				if p.n++; p.n > maxProfiles {
					return
				}
				one = disclosure.NewProfile()
				of[label] = one
			}
			one.AddRow(u[i], x)
		}
		p.of[c] = of
	}
}

// at is what the rows of a label add to a sum of column y; nil for nothing.
func (p *profiles) at(label, y int) *disclosure.Profile {
	if of := p.of[slices.Index(p.columns, y)]; label < len(of) {
		return of[label]
	}
	return nil
}

// sums compares the sums that the verdicts let out with those released before and with
// each other.
func (a *admission) sums() {
	c := a.rows
	if !c.sums.known() || !a.valued() {
		return
	}
	n := newNumbered()
	for i, v := range a.verdicts {
		if v.Dropped || !released(a.release, a.groups.gid.Value(i)) {
			continue
		}
		for _, share := range a.release.Shares {
			if share.Value >= 0 && additive(a.release, share) && v.Withheld[share.Cell] == "" {
				n.add(i, share.Cell, number{row: i, set: share.Set, y: share.Value + 1})
			}
		}
	}
	of := make([]*disclosure.Profile, len(n.list))
	for i := range of {
		of[i] = disclosure.NewProfile()
	}
	for label, terms := range c.terms(a.groups, a.atoms, n) {
		for _, t := range terms {
			if p := c.sums.at(label, n.list[t.Number].y-1); p != nil {
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
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(of[y].Size(), of[x].Size()) })
	for _, x := range order {
		if slices.ContainsFunc(cells[x], func(at [2]int) bool { return a.verdicts[at[0]].Withheld[at[1]] == "" }) && !a.keepSum(of[x]) {
			for _, at := range cells[x] {
				a.verdicts[at[0]].Withheld[at[1]] = disclosure.RuleDifference
			}
		}
	}
	a.wholes(n, of, cells)
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
			if parts < 2 || a.keepSum(whole) {
				break
			}
			for _, at := range cells[shown[0]] {
				a.verdicts[at[0]].Withheld[at[1]] = disclosure.RuleDifference
			}
		}
	}
}

// keepSum notes a sum, unless it tells of few people beside others.
func (a *admission) keepSum(p *disclosure.Profile) bool {
	s := a.scope
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
	}
	if !known || s.shared {
		a.out.Sums = append(a.out.Sums, p)
	}
	if !known {
		s.damaged = true
		s.addSum(p)
	}
	return true
}

func (s *scope) addSum(p *disclosure.Profile) {
	if len(s.sums) == maxSums {
		s.sums = append(s.sums[:0:0], s.sums[1:]...)
	}
	s.sums = append(s.sums, p)
}
