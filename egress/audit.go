package egress

import (
	"cmp"
	"context"
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
func audit(ctx context.Context, vault Vault, r *plan.Release, policy disclosure.Policy, t *groupTable, verdicts []disclosure.Verdict) error {
	atoms, err := readAtoms(ctx, vault, r)
	if err != nil {
		return err
	}
	conditions := r.RowSets + 1 // no condition is one
	if len(r.Node.Sets) < 2 {
		for i := range t.rows {
			if !verdicts[i].Dropped {
				key := atoms.keyOf(t.keys, 0, i)
				auditGroups(policy, r, atoms.within(key), conditions, t, verdicts, []int{i})
			}
		}
		return nil
	}
	var order []int
	for i := range t.rows {
		if !verdicts[i].Dropped && released(r, t.gid.Value(i)) {
			order = append(order, i)
		}
	}
	if work := float64(len(order)*conditions) * float64(len(order)*conditions) * float64(len(atoms.people)+len(atoms.groups)*conditions); work > maxAuditWork {
		return gatehouse.Errorf(gatehouse.CodeTooSmall, "Subtotals of so many groups cannot be protected in one question.").
			WithAdvice("Ask without ROLLUP, CUBE or GROUPING SETS, or with coarser groups.")
	}
	// Totals before what they are made of, the largest first: what is given up is
	// the smallest of the finest.
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(rolledUp(t.gid.Value(b)), rolledUp(t.gid.Value(a))), cmp.Compare(t.evidence[b].People[0], t.evidence[a].People[0]))
	})
	auditGroups(policy, r, atoms, conditions, t, verdicts, order)
	return nil
}

func rolledUp(gid int64) int {
	n := 0
	for ; gid != 0; gid &= gid - 1 {
		n++
	}
	return n
}

// auditGroups admits the numbers of groups, cell by cell, in order.
func auditGroups(policy disclosure.Policy, r *plan.Release, atoms *atomTable, conditions int, t *groupTable, verdicts []disclosure.Verdict, order []int) {
	a := disclosure.NewAudit(policy.Threshold, atoms.people, r.Counted, len(atoms.groups)*conditions)
	members := make(map[int][]int, len(order)) // finest groups of each group
	number := func(i, set int) disclosure.Number {
		var n disclosure.Number
		for base, ok := r.MissingOf[set]; ok && atoms.same(members[i], base, set); base, ok = r.MissingOf[set] {
			set = base // nothing is missing here
		}
		for _, g := range members[i] {
			n.Meanings = append(n.Meanings, g*conditions+set+1)
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
	for _, i := range order {
		members[i] = atoms.members(t, t.gid.Value(i), i)
		a.Admit(number(i, -1))
	}
	for c, cell := range r.Cells {
		for _, i := range order {
			if verdicts[i].Withheld[c] != "" {
				continue
			}
			var parts []disclosure.Number
			for _, set := range cell.RowSets {
				parts = append(parts, number(i, set))
			}
			if !a.Admit(parts...) {
				verdicts[i].Withheld[c] = disclosure.RuleDifference
			}
		}
	}
}

// atomTable is the vault's answer to Release.Atoms: people by finest group and
// combination of conditions.
type atomTable struct {
	people []int
	sig    []int64
	groups []atomGroup
	byKey  map[string]int
	keys   []arrow.Array
}

type atomGroup struct {
	row   int // one of its rows in keys
	atoms []int
}

func readAtoms(ctx context.Context, vault Vault, r *plan.Release) (*atomTable, error) {
	answer, err := readAll(ctx, vault, r.Atoms())
	if err != nil {
		return nil, err
	}
	if int(answer.NumCols()) != 1+r.Keys+2 {
		return nil, misshapen()
	}
	sig, err := integers(answer.Column(1 + r.Keys))
	if err != nil {
		return nil, err
	}
	people, err := integers(answer.Column(2 + r.Keys))
	if err != nil {
		return nil, err
	}
	out := &atomTable{byKey: map[string]int{}, keys: answer.Columns()[1 : 1+r.Keys]}
	for i := range int(answer.NumRows()) {
		out.sig, out.people = append(out.sig, sig.Value(i)), append(out.people, int(people.Value(i)))
		key := out.keyOf(out.keys, 0, i)
		g, ok := out.byKey[key]
		if !ok {
			g = len(out.groups)
			out.byKey[key] = g
			out.groups = append(out.groups, atomGroup{row: i})
		}
		out.groups[g].atoms = append(out.groups[g].atoms, i)
	}
	return out, nil
}

// keyOf is the keys of a row that are not rolled up in gid.
func (a *atomTable) keyOf(keys []arrow.Array, gid int64, row int) string {
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

// members lists the finest groups that make up a group.
func (a *atomTable) members(t *groupTable, gid int64, row int) []int {
	want := a.keyOf(t.keys, gid, row)
	out := []int{}
	for g, group := range a.groups {
		if a.keyOf(a.keys, gid, group.row) == want {
			out = append(out, g)
		}
	}
	return out
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
func (a *atomTable) within(key string) *atomTable {
	out := &atomTable{byKey: map[string]int{key: 0}, keys: a.keys}
	g, ok := a.byKey[key]
	if !ok {
		return out
	}
	group := atomGroup{row: a.groups[g].row}
	for _, at := range a.groups[g].atoms {
		group.atoms = append(group.atoms, len(out.people))
		out.people, out.sig = append(out.people, a.people[at]), append(out.sig, a.sig[at])
	}
	out.groups = []atomGroup{group}
	return out
}
