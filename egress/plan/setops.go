package plan

import (
	"github.com/gatehouse-tre/gatehouse"
)

// setOperation types EXCEPT and INTERSECT, and what is left of UNION. Of people
// whose person_id is among the columns they are joins on all columns; NULLs are
// equal there, as set operations have it. Without the person they are set
// operations of the groups that DISTINCT would give.
func setOperation(n *Union, slot *Node) error {
	lp, rp := n.L.People(), n.R.People()
	if !lp && !rp {
		return nil
	}
	if lp != rp || n.Kind == "UNION ALL" || n.Kind == "UNION" {
		return mixedUnion() // UNION ALL of people is a Concat, and UNION its DISTINCT
	}
	person, identities := false, false
	for i, l := range n.L.Columns() {
		r := n.R.Columns()[i]
		if (l.Identity != NotIdentity) != (r.Identity != NotIdentity) {
			return gatehouse.Errorf(gatehouse.CodePersonMixed, "One side of a set operation has person_id where the other has something else.").
				WithAdvice("Put person_id into the same column of both sides.")
		}
		identities = identities || l.Identity != NotIdentity
		person = person || l.Identity == Own && r.Identity == Own
	}
	switch {
	case person:
		return setJoin(n, slot)
	case identities:
		return gatehouse.Errorf(gatehouse.CodeJoin, "The person_id of a set operation may be NULL.").WithAdvice("Add WHERE person_id IS NOT NULL to both sides.")
	case n.Kind != "EXCEPT" && n.Kind != "INTERSECT":
		return gatehouse.Errorf(gatehouse.CodeOperator, "%s of rows of people without their person_id is not answered.", n.Kind).
			WithAdvice("Select person_id on both sides, or leave ALL out.")
	}
	for _, side := range []*Node{&n.L, &n.R} {
		groups := &Distinct{Input: *side, Targets: refsOf(*side, 0)}
		groups.cols = (*side).Columns()
		*side = groups
		if err := checkDistinct(groups, side); err != nil {
			return err
		}
	}
	return nil
}

// setJoin makes EXCEPT and INTERSECT of people into a join. ALL counts: the first
// row of equal ones meets the first, the second the second.
func setJoin(n *Union, slot *Node) error {
	kind, all := AntiJoin, false
	switch n.Kind {
	case "EXCEPT":
	case "EXCEPT ALL":
		all = true
	case "INTERSECT":
		kind = SemiJoin
	case "INTERSECT ALL":
		kind, all = SemiJoin, true
	default:
		return unknown("operator", n.Kind)
	}
	join := &Join{Kind: kind, L: n.L, R: n.R}
	for i, side := range []*Node{&join.L, &join.R} {
		switch {
		case all:
			numbered := &Window{Input: *side, Calls: []*WindowCall{{T: BigInt, Name: "row_number", Partitions: refsOf(*side, 0),
				Start: "UNBOUNDED_PRECEDING", End: "CURRENT_ROW_RANGE", Exclude: "NO_OTHER"}}}
			if err := checkWindow(numbered); err != nil {
				return err
			}
			*side = numbered
		case i == 0:
			rows := &Distinct{Input: *side, Targets: refsOf(*side, 0)}
			rows.cols = (*side).Columns()
			*side = rows
			if err := checkDistinct(rows, side); err != nil {
				return err
			}
		}
	}
	for i, c := range join.L.Columns() {
		join.Conds = append(join.Conds, JoinCond{Op: "IS NOT DISTINCT FROM", L: &Ref{T: c.Type, Index: i}, R: &Ref{T: c.Type, Index: i}})
	}
	if err := checkJoin(join); err != nil {
		return err
	}
	join.once = joinOnce(join)
	if !all {
		*slot = join
		return nil
	}
	out := &Project{Input: join, Exprs: refsOf(n.L, 0)}
	for _, c := range n.cols {
		out.cols = append(out.cols, Column{Name: c.Name, Type: c.Type})
	}
	*slot = out
	return checkProject(out)
}
