package egress

import (
	"slices"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// maxWeights bounds with how many others a value is multiplied in everything that is
// released to the same people. A covariance with something that is known of
// everybody is one more equation about the values of those in it: with as many
// known weights as people, every value follows.
//
// Beside their sum that are maxWeights+1 equations about any set of people, so that
// such numbers, and whatever can be worked out from them, must be of so many times
// the threshold.
const maxWeights = 3

// weights are, of each value, those that it was multiplied with.
type weights map[string][]string

// add notes pairs; it reports whether one was new.
func (w weights) add(pairs [][2]string) bool {
	added := false
	for _, p := range pairs {
		for i, of := range p {
			if with := p[1-i]; !slices.Contains(w[of], with) {
				w[of] = append(w[of], with)
				added = true
			}
		}
	}
	return added
}

// multiplied judges the numbers in which two values are multiplied.
func (s *scope) multiplied(r *plan.Release, t *groupTable, atoms *atomTable, verdicts []disclosure.Verdict, c *cohorts, out *releasedTable,
	judge func(*disclosure.History, *numbered, *disclosure.Cohorts) *disclosure.Judgement,
	keep func(*disclosure.History, *disclosure.Judgement, *disclosure.Cohorts) (*disclosure.Cohorts, []bool),
) error {
	products := r.Products()
	pairs := slices.Concat(products...)
	if len(pairs) == 0 {
		return nil
	}
	after := weights{}
	bounded := s.weights != nil // not where everything is let out (release_counted.go)
	for of, with := range s.weights {
		after[of] = slices.Clone(with)
	}
	if !after.add(pairs) && !s.shared {
		pairs = nil // the ledger has them
	}
	for _, with := range after {
		if bounded && len(with) > maxWeights {
			return gatehouse.Errorf(gatehouse.CodeMeasure, "A value is multiplied with more than %d others, in all questions of the project together.", maxWeights).
				WithAdvice("Ask for means of the one by bands of the other (GROUP BY, CASE WHEN) instead of a product, covariance or regression, or send the model that you need to the output checkers as a request.")
		}
	}
	n := newNumbered()
	for i, v := range verdicts {
		if v.Dropped || !released(r, t.gid.Value(i)) {
			continue
		}
		for at, cell := range r.Cells {
			if v.Withheld[at] != "" || len(products[at]) == 0 {
				continue
			}
			for _, set := range cell.RowSets {
				n.add(i, at, number{row: i, set: set, every: !r.Counted})
			}
		}
	}
	if len(n.list) > 0 {
		table := c.byPersonWeighed(t, atoms, n)
		out.Products, out.ProductsWithheld = keep(s.products, judge(s.products, n, table), table)
	}
	if pairs != nil {
		s.damaged = true
		s.weights, out.Pairs = after, pairs
	}
	return nil
}

// newScope begins a history of nothing.
func newScope(threshold int) *scope {
	return &scope{
		people:   disclosure.NewHistory(threshold, false),
		rows:     disclosure.NewHistory(threshold, true),
		products: disclosure.NewHistory((maxWeights+1)*threshold, false),
		few:      map[uint64]sumKind{}, over: map[int][]bool{}, threshold: threshold,
		weights: weights{}, counted: map[string]bool{}, versions: map[string]bool{},
	}
}
