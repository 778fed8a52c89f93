package egress

import (
	"slices"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// admission is one table on its way into the history.
type admission struct {
	scope    *scope
	release  *plan.Release
	groups   *groupTable
	atoms    *atomTable
	verdicts []disclosure.Verdict
	rows     *cohorts
	out      *releasedTable
}

// admit withholds what, with everything released before to any of some sets of
// projects, would tell of too few people. It gives what the ledger must keep of the
// rest; nil for nothing new. A history may then hold numbers that another withheld:
// what it lets out is as safe, since what it holds is.
func admit(scopes []*scope, decision string, r *plan.Release, t *groupTable, atoms *atomTable, verdicts []disclosure.Verdict, c *cohorts, under *beneath) (kept *releasedTable, err error) {
	for _, s := range scopes { // the last has seen everything that is released
		if kept, err = s.admit(decision, r, t, atoms, verdicts, c, under); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// admit withholds what, with everything released before, would tell of too few
// people, and keeps the rest. It gives what the ledger must keep; nil for nothing
// new. Until that is committed the scope is damaged.
func (s *scope) admit(decision string, r *plan.Release, t *groupTable, atoms *atomTable, verdicts []disclosure.Verdict, c *cohorts, under *beneath) (*releasedTable, error) {
	s.own = decision
	a := &admission{scope: s, release: r, groups: t, atoms: atoms, verdicts: verdicts, rows: c, out: &releasedTable{}}
	if a.valued() && c.values != nil {
		s.valued() // so that the people of this table are beside what is computed for them
	}
	if err := s.multiplied(r, t, atoms, verdicts, c, a.out, a.judge, a.keep); err != nil {
		return nil, err
	}
	if under != nil {
		if n, table := under.table(r, t, atoms, verdicts); table != nil {
			a.out.Beneath, a.out.BeneathWithheld = a.keep(s.rows, a.judge(s.rows, n, table), table)
		}
	}
	if r.Repeats || !r.Counted && c.ofBoth() {
		if err := a.repeated(); err != nil {
			return nil, err
		}
	} else {
		a.plain()
	}
	if a.valued() && c.values != nil {
		a.admitComputed()
	}
	if err := a.sums(); err != nil {
		return nil, err
	}
	return a.out.orNothing(), nil
}

// valued reports whether the rows have what is computed for each person. Those of
// another version do not: what was released of that was judged then.
func (a *admission) valued() bool { return a.rows.changed == nil }

// judge marks what may not leave beside what is in a history.
func (a *admission) judge(h *disclosure.History, n *numbered, table *disclosure.Cohorts) *disclosure.Judgement {
	if a.rows.changed != nil {
		a.rows.changed(n, table)
	}
	j := h.Judge(table)
	for at, numbers := range n.cells {
		for _, x := range numbers {
			if j.Withheld[x] {
				a.verdicts[at[0]].Withheld[at[1]] = disclosure.RuleDifference
			}
		}
	}
	return j
}

// keep puts what was judged into a history. It gives what the ledger must keep; nil
// where it has all of it.
func (a *admission) keep(h *disclosure.History, j *disclosure.Judgement, table *disclosure.Cohorts) (*disclosure.Cohorts, []bool) {
	// What follows from numbers of other projects does not follow for those that are
	// related to this one and not to them: the ledger has it as this project's.
	if !j.New() && !(a.scope.shared && slices.Contains(j.Withheld, false)) {
		return nil, nil
	}
	a.scope.damaged = true
	h.Keep(j)
	return table, j.Withheld
}

// repeated judges a table whose rows may occur several times.
func (a *admission) repeated() error {
	n, rows, err := a.rows.repeated(a.release, a.groups, a.atoms, a.verdicts)
	if err != nil {
		return err
	}
	if len(n.list) > 0 {
		a.people(n, a.rows.byPersonWeighed(a.groups, a.atoms, n))
	}
	if len(rows.list) > 0 {
		table := a.rows.byRow(a.groups, a.atoms, rows, true)
		a.out.Rows, a.out.RowsWithheld = a.keep(a.scope.rows, a.judge(a.scope.rows, rows, table), table)
	}
	return nil
}

// plain judges any other. What counts people, what is made of rows that the question
// made, and rows of which everybody has one: they may be people by another name.
// Whatever the rows, what is summed may be the person's own: then how many rows each
// person has is their weight in a sum over people, and is judged as that too.
func (a *admission) plain() {
	r, c := a.release, a.rows
	made := !r.Counted && (c.madeRows() || c.oneEach())
	rowNumbers := func() *numbered {
		return shown(r, a.groups, a.verdicts, func(cell plan.Cell) bool { return !cell.People })
	}
	n := shown(r, a.groups, a.verdicts, func(cell plan.Cell) bool { return cell.People || r.Counted || made })
	rows := newNumbered()
	if !r.Counted {
		rows = rowNumbers()
	}
	if !r.Counted && !c.oneEach() {
		c.perRow(n, rows)
		a.people(n, c.byPersonWeighed(a.groups, a.atoms, n))
	} else if len(n.list) > 0 {
		a.people(n, c.byPerson(a.groups, a.atoms, n))
	}
	if len(rows.list) > 0 {
		if rows = rowNumbers(); len(rows.list) > 0 {
			table := c.byRow(a.groups, a.atoms, rows, false)
			a.out.Rows, a.out.RowsWithheld = a.keep(a.scope.rows, a.judge(a.scope.rows, rows, table), table)
		}
	}
}

// people judges numbers of people, and those that count them beside what was computed
// for each person, too, if anything was.
func (a *admission) people(n *numbered, table *disclosure.Cohorts) {
	s, out := a.scope, a.out
	out.Over = overComputed(a.release, n)
	if !a.valued() {
		for i := range out.Over {
			out.Over[i] = true
		}
	}
	j, at := a.judge(s.people, n, table), s.people.Tables()
	if out.People, out.PeopleWithheld = a.keep(s.people, j, table); out.People != nil {
		s.over[at] = out.Over
	}
	if s.computed == nil || !a.valued() {
		return
	}
	counts := table.Without(either(out.Over, j.Withheld))
	beside := a.judge(s.computed, n, counts)
	if out.People == nil {
		out.Counted, out.CountedWithheld = a.keep(s.computed, beside, counts)
		return
	}
	s.computed.Keep(beside)
	// The ledger has of each history what is in it: what were left out of this one, and
	// asked for again, would be known here and be kept nowhere.
	out.Over = either(out.Over, beside.Withheld)
}

func (r *releasedTable) orNothing() *releasedTable {
	if r.People == nil && r.Rows == nil && r.Beneath == nil && r.Products == nil && r.Computed == nil && r.Counted == nil && len(r.Few) == 0 && len(r.Sums) == 0 && len(r.Beside) == 0 && len(r.Pairs) == 0 {
		return nil
	}
	return r
}
