package egress

import (
	"cmp"
	"maps"
	"slices"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// shield withholds numbers from which one would follow that a rule withholds although
// many people are behind it: of which one or two people make up most, in which nearly
// all are alike, or to which few add anything. The audit protects few people only, and a
// total beside all of its parts but such a one gives that one. Numbers of one argument are
// compared, whatever is made of it; sets of fewer than k people are taken for nothing, so
// that a withheld number is not known to within the values of few people either.
func (t *audited) shield(k int, atoms *atomTable, members func(i int) []int) {
	r := t.release
	of := func(i, set int) []int {
		var out []int
		for _, g := range members(i) {
			for _, at := range atoms.groups[g].atoms {
				if atoms.people[at] >= k && (set < 0 || atoms.sig[at]>>set&1 == 1) {
					out = append(out, at)
				}
			}
		}
		return out
	}
	shields := map[int]*disclosure.Shield{} // by argument
	for _, i := range t.order {
		for _, s := range r.Shares {
			if rule := t.verdicts[i].Withheld[s.Cell]; rule == "" || rule == disclosure.RuleDifference || !additive(r, s) {
				continue
			}
			if shields[s.Value] == nil {
				shields[s.Value] = disclosure.NewShield(len(atoms.people))
			}
			shields[s.Value].Withhold(of(i, s.Set))
		}
	}
	for _, value := range slices.Sorted(maps.Keys(shields)) {
		type part struct {
			row, cell int
			atoms     []int
			people    int
		}
		var parts []part
		for _, i := range t.order {
			for _, s := range r.Shares {
				if s.Value != value || t.verdicts[i].Withheld[s.Cell] != "" || !additive(r, s) {
					continue
				}
				p := part{row: i, cell: s.Cell, atoms: of(i, s.Set)}
				for _, at := range p.atoms {
					p.people += atoms.people[at]
				}
				parts = append(parts, p)
			}
		}
		slices.SortStableFunc(parts, func(a, b part) int {
			return cmp.Or(cmp.Compare(rolledUp(t.sort(b.row)), rolledUp(t.sort(a.row))), cmp.Compare(b.people, a.people))
		})
		for _, p := range parts {
			if t.verdicts[p.row].Withheld[p.cell] == "" && !shields[value].Show(p.atoms) {
				t.verdicts[p.row].Withheld[p.cell] = disclosure.RuleDifference
			}
		}
	}
}

// additive reports whether a share is of a number that is a sum over rows, or made of one.
func additive(r *plan.Release, s plan.RowShare) bool {
	return r.Cells[s.Cell].Measure != plan.MeasureQuantile
}
