package egress

import (
	"testing"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// Conditions that overlap in a ring would leave one person known to be 0 to 5.5,
// though every combination of the numbers rests on ten people: one of them is
// withheld, and no more.
func TestANumberBesideANarrowOneIsWithheld(t *testing.T) {
	const a, b, c, s1, s2, s3, u, one, others = 100, 110, 120, 3, 3, 3, 90, 1, 200
	people := []int{a, b, c, s1, s2, s3, u, one, others}
	conditions := [][]int{{0, 1, 3}, {1, 2, 4}, {0, 2, 5}, {0, 1, 2, 6}, {6, 7}, {7}} // by atoms; the last is one person
	r := &plan.Release{Counted: true, RowSets: len(conditions), Meant: len(conditions) + 1, Meanings: [][]int{{0}}}
	group := atomGroup{}
	atoms := &atomTable{people: people, sig: make([]int64, len(people)), members: [][]int{{0}}, group: []int{0}}
	for i := range people {
		group.atoms = append(group.atoms, i)
	}
	atoms.groups = []atomGroup{group}
	for set, in := range conditions {
		for _, atom := range in {
			atoms.sig[atom] |= 1 << set
		}
		r.Cells = append(r.Cells, plan.Cell{RowSets: []int{set}})
		r.Meanings = append(r.Meanings, []int{set + 1})
	}
	withheld := make([]disclosure.Rule, len(conditions))
	withheld[5] = disclosure.RuleThreshold
	verdicts := []disclosure.Verdict{{Withheld: withheld}}
	table := &audited{release: r, order: []int{0}, verdicts: verdicts, sort: func(int) int64 { return 0 }}
	auditGroups(disclosure.Policy{Threshold: 10}, table, atoms, func(int) []int { return []int{0} })
	for set, rule := range withheld[:5] {
		if rule != "" {
			t.Fatalf("the audit withholds condition %d", set)
		}
	}
	table.widen(10, false)
	lost := 0
	for _, rule := range withheld[:5] {
		if rule == disclosure.RuleDifference {
			lost++
		}
	}
	if lost != 1 {
		t.Errorf("%d of five numbers are withheld: %v", lost, withheld)
	}
	if verdicts[0].Dropped {
		t.Error("the group is left out")
	}
}

// A group of subtotals that nothing is shown of is left out; one with a number, or
// with a known size, is not.
func TestOnlyGroupsWithoutAnyNumberAreLeftOut(t *testing.T) {
	verdicts := make([]disclosure.Verdict, 3)
	for i := range verdicts {
		verdicts[i].Withheld = []disclosure.Rule{disclosure.RuleDifference, disclosure.RuleDifference}
	}
	verdicts[1].Withheld[1] = ""
	groups := &audited{order: []int{0, 1, 2}, verdicts: verdicts, sized: map[int]bool{2: true}}
	groups.leaveOut()
	if !verdicts[0].Dropped || verdicts[1].Dropped || verdicts[2].Dropped {
		t.Errorf("%+v", verdicts)
	}
}
