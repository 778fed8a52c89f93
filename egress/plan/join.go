package plan

import (
	"slices"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// checkJoin types a join (gate.md §1). Rows of people join rows of people only
// where both sides are the same person, so that a row never holds two.
func checkJoin(n *Join) error {
	lp, rp := n.L.People(), n.R.People()
	if !lp && !rp {
		return nil
	}
	for _, c := range n.Conds {
		if err := checkFunctions(c.L, c.R); err != nil {
			return err
		}
	}
	if n.Delim && lp != rp {
		return gatehouse.Errorf(gatehouse.CodeJoin, "A correlated subquery over people must read people too.").WithAdvice("Use a join with the reference table.")
	}
	n.people = true
	left, right := slices.Clone(n.L.Columns()), slices.Clone(n.R.Columns())
	if lp != rp {
		return joinPublic(n, left, right)
	}
	same, err := equatesPerson(n, left, right)
	if err != nil {
		return err
	}
	if !same {
		return gatehouse.Errorf(gatehouse.CodeJoin, "Two tables of people are joined other than on the person.")
	}
	if n.Delim && n.Kind != MarkJoin && n.Kind != InnerJoin && n.Kind != LeftJoin && n.Kind != SingleJoin {
		return unknown("correlated join", n.Kind)
	}
	if err := checkDegree(n); err != nil {
		return err
	}
	switch n.Kind {
	case InnerJoin:
	case LeftJoin:
		padded(right)
	case SingleJoin:
		if !atMostOne(n.R) {
			return gatehouse.Errorf(gatehouse.CodeOperator, "A scalar subquery may have several rows for one person.").WithAdvice("Use an aggregate such as max inside it, or a join.")
		}
		if whole := slices.Clone(right); exactlyOne(n) {
			padded(right)
			for i := range right {
				right[i].Nulls = whole[i].Nulls
			}
		} else {
			padded(right)
		}
	case RightJoin:
		padded(left)
	case FullJoin:
		padded(left)
		padded(right)
	case SemiJoin, AntiJoin:
		n.cols = left
		return nil
	case MarkJoin:
		return checkMark(n, left, right)
	default:
		return unknown("join", n.Kind)
	}
	n.cols = append(left, right...)
	return nil
}

// joinOnce reports whether the rows of a join of people have no person twice.
func joinOnce(n *Join) bool {
	if !n.people {
		return false
	}
	l, r := n.L.node().once, n.R.node().once
	switch n.Kind {
	case SemiJoin, AntiJoin, MarkJoin:
		return l
	case InnerJoin, LeftJoin, RightJoin, FullJoin, SingleJoin:
		return l && r // a public side has many rows for a person
	}
	return false
}

// joinPublic joins people with public rows: the rows of people may be many
// times there, or not at all, but each still belongs to its person.
func joinPublic(n *Join, left, right []Column) error {
	public := right
	if n.R.People() {
		public = left
	}
	for i := range public {
		// Which public row a person meets may hang on a condition: a number of it
		// would be a hidden weight, so it is a key and a condition, not a measure.
		public[i].Class, public[i].Form, public[i].Scanned = catalog.ClassReference, FormNone, false
	}
	for _, c := range n.Conds {
		l, err := derive(c.L, left)
		if err != nil {
			return err
		}
		r, err := derive(c.R, right)
		if err != nil {
			return err
		}
		if err := noIdentity([]Column{l, r}); err != nil {
			return err
		}
	}
	switch {
	case n.Kind == InnerJoin || n.Kind == CrossJoin:
	case n.Kind == LeftJoin && n.L.People():
		padded(right)
	case n.Kind == RightJoin && n.R.People():
		padded(left)
	case (n.Kind == SemiJoin || n.Kind == AntiJoin) && n.L.People():
		n.cols = left
		return nil
	case n.Kind == MarkJoin && n.L.People() && len(n.Conds) == 1:
		n.cols = append(left, condition())
		return nil
	default:
		return gatehouse.Errorf(gatehouse.CodeJoin, "This join would keep public rows according to whether people have them.").
			WithAdvice("Put the table of people on the left of a LEFT JOIN, or use an inner join.")
	}
	n.cols = append(left, right...)
	return nil
}

// equatesPerson reports whether a condition makes both sides the same person,
// and where an inner join proves an identity not to be NULL, says so.
func equatesPerson(n *Join, left, right []Column) (bool, error) {
	same := false
	for _, c := range n.Conds {
		l, err := derive(c.L, left)
		if err != nil {
			return false, err
		}
		r, err := derive(c.R, right)
		if err != nil {
			return false, err
		}
		if (l.Identity != NotIdentity) != (r.Identity != NotIdentity) {
			return false, gatehouse.Errorf(gatehouse.CodePersonMixed, "person_id is compared with something that is not a person_id.")
		}
		if l.Identity == NotIdentity {
			continue
		}
		if c.Op == "=" || (c.Op == "IS NOT DISTINCT FROM" && l.Identity == Own && r.Identity == Own) {
			same = true
		}
		if c.Op == "=" && n.Kind == InnerJoin {
			for side, e := range map[*[]Column]Expr{&left: c.L, &right: c.R} {
				if ref, ok := e.(*Ref); ok {
					(*side)[ref.Index].Identity = Own
				}
			}
		}
	}
	return same, nil
}

// padded marks the columns of the side that an outer join fills with NULLs.
func padded(cols []Column) {
	for i := range cols {
		cols[i].Nulls = NullsDerived
		if cols[i].Identity == Own {
			cols[i].Identity = OwnOrNull
		}
	}
}

// checkMark: does the left row have a match on the right, for IN and EXISTS. The
// conditions must be certain: with a NULL on the right, IN would answer NULL for
// everybody, which depends on other people's rows.
func checkMark(n *Join, left, right []Column) error {
	for _, cond := range n.Conds {
		l, err := derive(cond.L, left)
		if err != nil {
			return err
		}
		r, err := derive(cond.R, right)
		if err != nil {
			return err
		}
		switch {
		case cond.Op == "IS NOT DISTINCT FROM":
		case cond.Op == "=" && l.Identity == Own && r.Identity == Own:
		case l.Identity != NotIdentity:
			return gatehouse.Errorf(gatehouse.CodeJoin, "The subquery's person_id may be NULL.").WithAdvice("Add WHERE person_id IS NOT NULL to it.")
		default:
			return gatehouse.Errorf(gatehouse.CodeJoin, "IN over people is answered for person_id alone.").WithAdvice("Use EXISTS, or a join on person_id.")
		}
	}
	n.cols = append(left, condition())
	return nil
}

// atMostOne reports whether a correlated scalar subquery has, by its shape, no
// more than one row for each row outside: an aggregate by exactly what it reads
// of them.
func atMostOne(n Node) bool {
	switch n := n.(type) {
	case *Project:
		return atMostOne(n.Input)
	case *Join:
		_, reads := n.L.(*Correlated)
		agg, ok := n.R.(*Aggregate)
		return reads && ok && (n.Kind == InnerJoin || n.Kind == LeftJoin) && len(agg.Groups) == len(n.Conds)
	}
	return false
}

// exactlyOne reports whether a correlated scalar subquery has, by its shape, one row for
// each row outside: it keeps all that it reads of them, and is met on all of that.
func exactlyOne(n *Join) bool {
	reads := make([]Expr, len(n.Conds)) // columns of the subquery
	for i, c := range n.Conds {
		if c.Op != "IS NOT DISTINCT FROM" {
			return false
		}
		reads[i] = c.R
	}
	in := n.R
	for {
		p, ok := in.(*Project)
		if !ok {
			break
		}
		for i, e := range reads {
			ref, ok := e.(*Ref)
			if !ok {
				return false
			}
			reads[i] = p.Exprs[ref.Index]
		}
		in = p.Input
	}
	j, ok := in.(*Join)
	if !ok || j.Kind != LeftJoin || j.Delim {
		return false
	}
	of, ok := j.L.(*Correlated)
	if !ok || of.Of != n || len(of.Reads) != len(n.Conds) {
		return false
	}
	met := map[int]bool{}
	for i, c := range n.Conds {
		ref, ok := reads[i].(*Ref)
		l, same := c.L.(*Ref)
		if !ok || !same || ref.Index >= len(of.Reads) {
			return false
		}
		read, ok := of.Reads[ref.Index].(*Ref)
		if !ok || read.Index != l.Index {
			return false
		}
		met[ref.Index] = true
	}
	return len(met) == len(of.Reads)
}

// Once reports whether no person has two rows of a checked node.
func Once(n Node) bool { return n.People() && n.node().once }

// PublicJoins lists the joins of people with public rows that could repeat
// rows of people.
func PublicJoins(root Node) []*Join {
	var out []*Join
	VisitNodes(root, func(n Node) {
		j, ok := n.(*Join)
		if !ok || !j.people || j.L.People() == j.R.People() {
			return
		}
		switch j.Kind {
		case InnerJoin, LeftJoin, RightJoin, CrossJoin:
			out = append(out, j)
		}
	})
	return out
}

// RepeatsSQL asks, of the public side alone, whether two of its rows could meet
// the same row of people: one column, 0 for no.
func (n *Join) RepeatsSQL() (string, error) {
	public := n.L
	if n.L.People() {
		public = n.R
	}
	p := &Printer{Vault: true, listed: map[int]bool{}}
	from := p.from(public, "t")
	ref := p.single(public)
	var keys []string
	for _, c := range n.Conds {
		x := c.L
		if n.L.People() {
			x = c.R
		}
		if _, fixed := constant(x); !fixed && c.Op == "=" {
			keys = append(keys, p.expr(x, ref))
		}
	}
	by := "" // without a key, any two rows
	if len(keys) > 0 {
		by = " GROUP BY " + strings.Join(keys, ", ")
	}
	return p.with() + "SELECT count(*) FROM (SELECT count(*) AS n FROM " + from + by + ") AS g WHERE n > 1", p.err
}
