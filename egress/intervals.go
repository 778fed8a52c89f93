package egress

import (
	"slices"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// audited is a table, or one group of it, after the audit.
type audited struct {
	release  *plan.Release
	verdicts []disclosure.Verdict
	sort     func(row int) int64 // which keys are rolled up
	order    []int               // the groups
	few      []int               // those that are left out

	audit  *disclosure.Audit
	number func(row, set int) disclosure.Number
	people []int        // of each atom
	sized  map[int]bool // groups whose size may be known
}

// show lists the numbers that the audit admitted: sizes of groups, and what their
// cells are made of.
func (a *audited) show() map[number]bool {
	out := map[number]bool{}
	for _, i := range a.order {
		if a.sized[i] {
			out[number{row: i, set: -1}] = true
		}
		for c, cell := range a.release.Cells {
			if a.verdicts[i].Withheld[c] == "" {
				for _, set := range cell.RowSets {
					out[number{row: i, set: set}] = true
				}
			}
		}
	}
	return out
}

// sets are the conditions of the numbers asked for, and none.
func (a *audited) sets() []int {
	out := []int{-1}
	for _, cell := range a.release.Cells {
		out = append(out, cell.RowSets...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// widen withholds more numbers where those that are shown leave too narrow an
// interval of one that is not.
func (a *audited) widen(k int, subtotals bool) {
	shown, sets := a.show(), a.sets()
	var hidden [][]int
	for _, i := range append(slices.Clone(a.order), a.few...) {
		for _, set := range sets {
			if shown[number{row: i, set: set}] {
				continue
			}
			if n := a.number(i, set); len(n.Atoms) > 0 && !a.audit.Follows(n) {
				hidden = append(hidden, n.Atoms)
			}
		}
	}
	if len(hidden) == 0 {
		return
	}
	var list []number
	var table []disclosure.Shown
	at := map[number]int{}
	kinds := map[[2]int64]int{}
	for _, i := range a.order {
		for _, set := range sets {
			x := number{row: i, set: set}
			if !shown[x] {
				continue
			}
			kind := [2]int64{a.sort(i), int64(set)}
			if _, ok := kinds[kind]; !ok {
				kinds[kind] = len(kinds)
			}
			at[x] = len(list)
			list = append(list, x)
			table = append(table, disclosure.Shown{Atoms: a.number(i, set).Atoms, Kind: kinds[kind]})
		}
	}
	for n, x := range list {
		for _, y := range a.falls(x, subtotals) {
			table[n].Falls = append(table[n].Falls, at[y])
		}
	}
	for _, n := range disclosure.Widen(k, a.people, table, hidden) {
		x := list[n]
		for _, c := range a.cells(x) {
			a.verdicts[x.row].Withheld[c] = disclosure.RuleDifference
		}
		if x.set < 0 {
			a.sized[x.row] = false
		}
	}
}

// cells are those that show a number. All of a group's tell of its size.
func (a *audited) cells(x number) (out []int) {
	for c, cell := range a.release.Cells {
		if a.verdicts[x.row].Withheld[c] == "" && (x.set < 0 || slices.Contains(cell.RowSets, x.set)) {
			out = append(out, c)
		}
	}
	return out
}

// falls are the numbers that nothing shows any more if one is withheld. A group's
// size is only withheld with all of the group, and where the group can be left out.
func (a *audited) falls(x number, subtotals bool) (out []number) {
	cells := a.cells(x)
	if len(cells) == 0 || x.set < 0 && !subtotals {
		return nil
	}
	if x.set < 0 {
		out = append(out, x)
	}
	for _, set := range a.sets() {
		y := number{row: x.row, set: set}
		if set < 0 {
			continue
		}
		shows := a.cells(y)
		if len(shows) > 0 && !slices.ContainsFunc(shows, func(c int) bool { return !slices.Contains(cells, c) }) {
			out = append(out, y)
		}
	}
	return out
}

// leaveOut drops the groups that only shield others: none of their numbers is shown,
// nor is their size. A row without numbers would say that its group is not one of
// the small ones.
func (a *audited) leaveOut() {
	for _, i := range a.order {
		if !a.sized[i] && !slices.Contains(a.verdicts[i].Withheld, "") {
			a.verdicts[i].Dropped = true
		}
	}
}
