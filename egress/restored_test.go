package egress

import (
	"testing"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// oneOf is a question of one number of some people, who each have one row, with what
// was computed for each if there are values.
func oneOf(t *testing.T, cell plan.Cell, people int, values []float64) (*plan.Release, *groupTable, *atomTable, *cohorts) {
	t.Helper()
	cell.RowSets = []int{-1}
	if cell.Call == nil {
		cell.Call = &plan.AggregateCall{}
	}
	r := &plan.Release{Node: &plan.Aggregate{}, Counted: true, Cells: []plan.Cell{cell}}
	c := &cohorts{}
	c.Begin()
	for u := range uint32(people) {
		if err := c.Rows([]uint32{u}, []uint64{uint64(u)}, []uint64{0}, []int64{0}); err != nil {
			t.Fatal(err)
		}
	}
	if values != nil {
		r.Shares = []plan.RowShare{{Cell: 0, Set: -1, Value: 0, Computed: true}}
		of := make([]uint32, len(values))
		for i, x := range values {
			of[i] = residue(disclosure.Millionths(x))
		}
		c.values = &computedValues{measures: []int{0}, of: [][]uint32{of}}
	}
	table, atoms, _ := oneGroup()
	return r, table, atoms, c
}

func nothingWithheld() []disclosure.Verdict {
	return []disclosure.Verdict{{Withheld: make([]disclosure.Rule, 1)}}
}

func everybody(people int) *disclosure.Cohorts {
	c := &disclosure.Cohorts{Numbers: 1, Patterns: disclosure.PatternsOf([]disclosure.Term{{Number: 0, Times: 1}})}
	for u := range uint32(people) {
		c.Elements.Add(uint64(u), u, 0)
	}
	return c
}

// What one history knows of a number that another withheld is in the ledger: when it
// is asked for again nothing is kept, since it is known.
func TestWhatIsKnownIsInTheLedger(t *testing.T) {
	s := newScope(3)
	s.valued()
	s.computed.Restore(everybody(11), []bool{false})
	r, groups, atoms, c := oneOf(t, plan.Cell{People: true}, 10, nil)
	verdicts := nothingWithheld()
	kept, err := s.admit("qry_1", r, groups, atoms, verdicts, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if verdicts[0].Withheld[0] == "" || kept == nil {
		t.Fatal("ten of eleven people are let out")
	}
	again := newScope(3)
	again.valued()
	again.computed.Restore(everybody(11), []bool{false})
	again.restore(kept)
	if known, restored := !s.people.Judge(everybody(10)).New(), !again.people.Judge(everybody(10)).New(); known != restored {
		t.Errorf("known: %v, and after a restart %v", known, restored)
	}
	if j := again.computed.Judge(everybody(10)); !j.Withheld[0] {
		t.Error("what was withheld is let out after a restart")
	}
}

// How many people a sum and a mean are of is known where both were released, whatever
// the other projects were told that the sum was judged for.
func TestWhoIsSummedIsRestored(t *testing.T) {
	values := []float64{1, 2, 3, 4, 5, 6, 7, 8}
	_, prints := everybody(8).Sets()
	told := func() *scope {
		s := newScope(5)
		s.shared = true
		s.few[prints[0]] = asMean
		return s
	}
	untold := newScope(5)
	untold.shared = true
	r, groups, atoms, c := oneOf(t, plan.Cell{Measure: plan.MeasureSum}, 8, values)
	first, verdicts := told(), nothingWithheld()
	kept, err := admit([]*scope{first, untold}, "qry_1", r, groups, atoms, verdicts, c, nil)
	if err != nil || verdicts[0].Withheld[0] != "" || kept == nil {
		t.Fatalf("withheld %q: %v", verdicts[0].Withheld[0], err)
	}
	plain, err := encodeReleased(kept)
	if err != nil {
		t.Fatal(err)
	}
	if kept, err = decodeReleased(plain); err != nil {
		t.Fatal(err)
	}
	restored, without := told(), newScope(5)
	restored.restore(kept)
	without.restore(kept)
	for _, at := range []struct {
		name  string
		scope *scope
		known bool
	}{{"judged", first, true}, {"restored", restored, true}, {"judged without the mean", untold, false}, {"restored without the mean", without, false}} {
		if known := !at.scope.computed.Judge(everybody(8)).New(); known != at.known {
			t.Errorf("%s: known is %v", at.name, known)
		}
	}
}

// What a request lets out counts as people and as a product: the one is not left out
// because the other is of the same people.
func TestReleasedProductsCountAsPeople(t *testing.T) {
	x, y := &plan.Const{Text: "x"}, &plan.Const{Text: "y"}
	cell := plan.Cell{Measure: plan.MeasureRegression, Call: &plan.AggregateCall{Args: []plan.Expr{x, y}}}
	r, groups, atoms, c := oneOf(t, cell, 50, nil)
	kept, err := openScope(10, false).admit("qry_1", r, groups, atoms, nothingWithheld(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := newScope(10)
	s.restore(kept)
	if s.people.Tables() != 1 || s.products.Tables() != 1 || len(s.weights) != 2 {
		t.Errorf("%d tables of people, %d of products, %d weights", s.people.Tables(), s.products.Tables(), len(s.weights))
	}
}

// Public totals that any of the histories took in go to the ledger, once, and stay to
// be kept until a decision has them.
func TestPublicTotalsReachTheLedger(t *testing.T) {
	total := func(name string) publicTotal {
		return publicTotal{name, &releasedTable{People: everybody(3), PeopleWithheld: []bool{false}}}
	}
	one, other := newScope(2), newScope(2)
	one.totals, other.totals = []publicTotal{total("a")}, []publicTotal{total("a"), total("b")}
	sealed, err := (&Histories{Sealer: bound{}}).sealTotals("diabetes", []*scope{one, other})
	if err != nil || len(sealed) != 2 {
		t.Fatalf("%d totals: %v", len(sealed), err)
	}
	q := &question{scopes: []*scope{one, other}, left: func() {}}
	q.leave(true)
	if len(one.totals) != 1 {
		t.Error("a total is given up though no decision has it")
	}
	q.totals = true
	q.leave(true)
	if len(one.totals)+len(other.totals) != 0 {
		t.Error("a total is kept again")
	}
}
