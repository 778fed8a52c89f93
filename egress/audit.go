package egress

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// maxAuditWork bounds one audit, in entries times rows squared.
const maxAuditWork = 4e9

// audit withholds numbers from which, with the others shown, something of too
// few people could be worked out: within a group between numbers with different
// conditions, and across subtotals.
func audit(r *plan.Release, policy disclosure.Policy, t *groupTable, atoms *atomTable, verdicts []disclosure.Verdict) error {
	conditions := r.RowSets + 1 // no condition is one
	if len(r.Node.Sets) < 2 {
		for i := range t.rows {
			if !verdicts[i].Dropped {
				one := &audited{release: r, order: []int{i}, verdicts: verdicts, sort: t.gid.Value}
				within, members := atoms.within(i), func(int) []int { return []int{0} }
				auditGroups(policy, one, within, members)
				one.shield(policy.Threshold, within, members)
				one.widen(policy.Threshold, false)
			}
		}
		return nil
	}
	var order, few []int
	for i := range t.rows {
		switch {
		case !released(r, t.gid.Value(i)):
		case verdicts[i].Dropped:
			few = append(few, i)
		default:
			order = append(order, i)
		}
	}
	if work := float64(len(order)*conditions) * float64(len(order)*conditions) * float64(len(atoms.people)+len(atoms.groups)*conditions); work > maxAuditWork {
		return gatehouse.Errorf(gatehouse.CodeTooSmall, "Subtotals of so many groups cannot be protected in one question.").WithAdvice("Ask with fewer or coarser keys in ROLLUP, CUBE or GROUPING SETS, or for the subtotals in questions of their own.").
			WithAdvice("Ask without ROLLUP, CUBE or GROUPING SETS, or with coarser groups.")
	}
	// Totals before what they are made of, the largest first: what is given up is
	// the smallest of the finest.
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(rolledUp(t.gid.Value(b)), rolledUp(t.gid.Value(a))), cmp.Compare(t.evidence[b].People[0], t.evidence[a].People[0]))
	})
	all := &audited{release: r, order: order, few: few, verdicts: verdicts, sort: t.gid.Value}
	members := func(i int) []int { return atoms.members[i] }
	auditGroups(policy, all, atoms, members)
	all.shield(policy.Threshold, atoms, members)
	all.widen(policy.Threshold, true)
	all.leaveOut()
	return nil
}

func rolledUp(gid int64) int {
	n := 0
	for ; gid != 0; gid &= gid - 1 {
		n++
	}
	return n
}

// auditGroups admits the numbers of groups, cell by cell, in order. members are
// the finest groups that one is made of.
func auditGroups(policy disclosure.Policy, t *audited, atoms *atomTable, members func(i int) []int) {
	r := t.release
	// Without conditions a group is one atom and one meaning, which are always in a number
	// together: the atom says it all.
	meant := r.Meant
	if r.RowSets == 0 && !slices.ContainsFunc(atoms.groups, func(g atomGroup) bool { return len(g.atoms) != 1 }) {
		meant = 0
	}
	a := disclosure.NewAudit(policy.Threshold, atoms.people, r.Counted, len(atoms.groups)*meant)
	number := func(i, set int) disclosure.Number {
		var n disclosure.Number
		if policy.AllowFull && set >= 0 && atoms.same(members(i), -1, set) {
			set = -1 // that everybody meets the condition may show
		}
		for base, ok := r.MissingOf[set]; ok && atoms.same(members(i), base, set); base, ok = r.MissingOf[set] {
			set = base // nothing is missing here
		}
		for _, g := range members(i) {
			if meant > 0 {
				for _, m := range r.Meanings[set+1] {
					n.Meanings = append(n.Meanings, g*meant+m)
				}
			}
			for _, at := range atoms.groups[g].atoms {
				if set < 0 || atoms.sig[at]>>set&1 == 1 {
					n.Atoms = append(n.Atoms, at)
				}
			}
		}
		return n
	}
	// Groups' sizes are taken to be known, asked for or not: a condition must
	// leave out enough people too.
	t.audit, t.number, t.people, t.sized = a, number, atoms.people, map[int]bool{}
	for _, i := range t.order {
		t.sized[i] = a.Admit(number(i, -1))
	}
	for c, cell := range r.Cells {
		for _, i := range t.order {
			if t.verdicts[i].Withheld[c] != "" {
				continue
			}
			var parts []disclosure.Number
			for _, set := range cell.RowSets {
				parts = append(parts, number(i, set))
			}
			if !a.Admit(parts...) {
				t.verdicts[i].Withheld[c] = disclosure.RuleDifference
			}
		}
	}
}

// atomTable is people by finest group and combination of conditions.
type atomTable struct {
	people []int
	sig    []int64
	groups []atomGroup
	// members are the finest groups that make up each row of the group table, and
	// group is, of a row that is one itself, which.
	members [][]int
	group   []int
}

type atomGroup struct {
	row   int // in the group table
	atoms []int
	at    map[int64]int // by combination, where there are many
}

// newAtomTable lists the finest groups, still without atoms, and what the others
// are made of.
func newAtomTable(r *plan.Release, t *groupTable) *atomTable {
	out := &atomTable{members: make([][]int, t.rows), group: make([]int, t.rows)}
	byKey := map[int64]map[string][]int{} // finest groups, by the keys that a grouping keeps
	for i := range t.rows {
		if gid := t.gid.Value(i); gid != 0 {
			byKey[gid] = nil
			continue
		}
		out.group[i] = len(out.groups)
		out.members[i] = []int{len(out.groups)}
		out.groups = append(out.groups, atomGroup{row: i})
	}
	for gid := range byKey {
		at := map[string][]int{}
		for g, group := range out.groups {
			key := keyOf(t.keys, gid, group.row)
			at[key] = append(at[key], g)
		}
		byKey[gid] = at
	}
	for i := range t.rows {
		if gid := t.gid.Value(i); gid != 0 {
			out.members[i] = byKey[gid][keyOf(t.keys, gid, i)]
		}
	}
	return out
}

// fewAtoms are looked through one by one.
const fewAtoms = 16

// atom is the number of a combination in a finest group, which is made if it is new.
func (a *atomTable) atom(row int, sig int64) int {
	g := &a.groups[a.group[row]]
	if g.at == nil {
		for _, at := range g.atoms {
			if a.sig[at] == sig {
				return at
			}
		}
	} else if at, ok := g.at[sig]; ok {
		return at
	}
	n := len(a.sig)
	a.sig, a.people = append(a.sig, sig), append(a.people, 0)
	g.atoms = append(g.atoms, n)
	if g.at != nil {
		g.at[sig] = n
	} else if len(g.atoms) > fewAtoms {
		g.at = make(map[int64]int, 2*fewAtoms)
		for _, at := range g.atoms {
			g.at[a.sig[at]] = at
		}
	}
	return n
}

// keyOf is the keys of a row that are not rolled up in gid.
func keyOf(keys []arrow.Array, gid int64, row int) string {
	var b strings.Builder
	for k, col := range keys {
		if gid>>(len(keys)-1-k)&1 == 1 {
			continue
		}
		if col.IsNull(row) {
			b.WriteString("|-")
		} else {
			s := col.ValueStr(row)
			fmt.Fprintf(&b, "|%d:%s", len(s), s)
		}
	}
	return b.String()
}

// same reports whether two row sets are the same in some finest groups.
func (a *atomTable) same(groups []int, base, set int) bool {
	for _, g := range groups {
		for _, at := range a.groups[g].atoms {
			inBase := base < 0 || a.sig[at]>>base&1 == 1
			if inBase != (a.sig[at]>>set&1 == 1) {
				return false
			}
		}
	}
	return true
}

// within is the atoms of one finest group alone.
func (a *atomTable) within(row int) *atomTable {
	group := atomGroup{row: row}
	out := &atomTable{}
	for _, at := range a.groups[a.group[row]].atoms {
		group.atoms = append(group.atoms, len(out.people))
		out.people, out.sig = append(out.people, a.people[at]), append(out.sig, a.sig[at])
	}
	out.groups = []atomGroup{group}
	return out
}
