package egress

import (
	"slices"
	"strconv"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// maxPlaces bounds how many withheld numbers an explanation names.
const maxPlaces = 20

// Explanation says why numbers were withheld, where, and what to ask instead. It
// names withheld numbers as the answer shows them, and does not say which rule
// withheld which: that one is of few people and another only shields it would
// narrow both.
type Explanation struct {
	Rules []RuleExplanation `json:"rules"`
	Where []Place           `json:"where,omitempty"`
	More  bool              `json:"more,omitempty"` // there are more places
}

// RuleExplanation is a rule that withheld something of the answer, or, of groups,
// that may have.
type RuleExplanation struct {
	Rule    string `json:"rule"` // "group", or as in suppressed_cells
	Why     string `json:"why"`
	Rewrite string `json:"rewrite"` // what would pass, as far as can be told without the data
}

// Place is one withheld number: its column, and its row's keys by their names as
// they were released; null for NULL, absent where they are rolled up.
type Place struct {
	Column string             `json:"column"`
	Keys   map[string]*string `json:"keys,omitempty"`
}

// place is a withheld number of a protected table.
type place struct{ cell, row int }

// incomplete reports whether an answer shows that something is missing: numbers are
// withheld, or there is no group at all. It looks at nothing but what is released.
func (p *protected) incomplete(agg *plan.Aggregate) bool {
	return len(p.suppressed) > 0 || len(agg.Groups) > 0 && p.table.NumRows() == 0
}

// explain adds to the disclosure record what became of one protected table.
func (q *question) explain(d *Disclosure, agg *plan.Aggregate, p *protected) {
	if !p.incomplete(agg) {
		return
	}
	if d.Explanation == nil {
		d.Explanation = &Explanation{}
	}
	e := d.Explanation
	if len(agg.Groups) > 0 { // whether one was left out is not said
		e.add("group", q.policy, agg)
	}
	for _, rule := range []disclosure.Rule{disclosure.RuleThreshold, disclosure.RuleDominance, disclosure.RuleDifference} {
		if p.suppressed[rule] > 0 {
			e.add(string(rule), q.policy, agg)
			if last := &e.Rules[len(e.Rules)-1]; rule == disclosure.RuleDifference && last.Rule == string(rule) {
				last.Why, last.Rewrite = q.differences(agg)
			}
		}
	}
	names := q.names(agg)
	for _, at := range p.places {
		if len(e.Where) == maxPlaces {
			e.More = true
			return
		}
		e.Where = append(e.Where, Place{Column: names[len(agg.Groups)+at.cell], Keys: p.keysOf(at.row, names)})
	}
	e.More = e.More || p.morePlaces
}

func (e *Explanation) add(rule string, p disclosure.Policy, agg *plan.Aggregate) {
	if slices.ContainsFunc(e.Rules, func(r RuleExplanation) bool { return r.Rule == rule }) {
		return
	}
	k := strconv.Itoa(p.Threshold)
	wider := "Ask with fewer conditions in WHERE, FILTER or CASE, or with wider bands."
	if len(agg.Groups) > 0 {
		wider = "GROUP BY fewer keys or coarser ones (years for months, bands for years), put rare values together with CASE WHEN … END, or ask with fewer conditions."
	}
	r := RuleExplanation{Rule: rule, Rewrite: wider}
	switch rule {
	case "group":
		r.Why = "A group is shown from " + k + " people on; whether smaller ones were left out is not said."
	case string(disclosure.RuleThreshold):
		r.Why = "Behind each number are at least " + k + " people who add something to it; variances need " + strconv.Itoa(p.Needs(disclosure.Spread)) +
			", regressions " + strconv.Itoa(p.Needs(disclosure.Regression)) + ", quantiles " + k + " on each side. A number of nobody is withheld like one of few."
	case string(disclosure.RuleDominance):
		r.Why = "Nobody may make up too much of a number, and a number does not show that nearly everybody has one value."
		r.Rewrite = "Ask for a median instead of a sum or mean, or count the people within bands of the measure. " + wider
	case string(disclosure.RuleDifference):
		r.Why, r.Rewrite = "", "" // by what the question can be compared with (causes.go)
	}
	e.Rules = append(e.Rules, r)
}

// keysOf names the keys of a row of the protected table.
func (p *protected) keysOf(row int, names []string) map[string]*string {
	keys := map[string]*string{}
	for k, rolled := range p.rolledUp[row] {
		if rolled {
			continue
		}
		keys[names[k]] = nil
		if c := p.table.Column(k); !c.IsNull(row) {
			text := c.ValueStr(row)
			keys[names[k]] = &text
		}
	}
	return keys
}

// names gives the columns of a protected aggregate as the statement shows them:
// the result's names where they come to it as they are, else the source's name
// of a key, the aggregate's of a number, and their place.
func (q *question) names(agg *plan.Aggregate) []string {
	out := make([]string, len(agg.Columns()))
	for i := range out {
		switch {
		case i >= len(agg.Groups) && i < len(agg.Groups)+len(agg.Aggs):
			out[i] = agg.Aggs[i-len(agg.Groups)].Name + " (number " + strconv.Itoa(i-len(agg.Groups)+1) + ")"
		case i < len(agg.Groups):
			out[i] = "key " + strconv.Itoa(i+1)
			if ref, ok := agg.Groups[i].(*plan.Ref); ok && agg.Input.Columns()[ref.Index].Name != "" {
				out[i] = agg.Input.Columns()[ref.Index].Name
			}
		}
	}
	for i, c := range q.bound.Columns {
		if from, place := origin(q.stmt.Root, i); from == agg && place < len(out) {
			out[place] = c.Name
		}
	}
	return out
}

// origin finds the protected aggregate, and the column of it, that a column comes
// from as it is; nil for what is computed.
func origin(n plan.Node, column int) (*plan.Aggregate, int) {
	for {
		switch x := n.(type) {
		case *plan.Sort:
			n = x.Input
		case *plan.Limit:
			n = x.Input
		case *plan.Filter:
			n = x.Input
		case *plan.With:
			n = x.Body
		case *plan.WithRef:
			n = x.Def
		case *plan.Window:
			n = x.Input
		case *plan.Project:
			if column >= len(x.Exprs) {
				return nil, 0
			}
			e := x.Exprs[column]
			if op, ok := e.(*plan.Op); ok && op.Name == "COALESCE" { // a count that a group does not have is 0
				e = op.Args[0]
			}
			ref, ok := e.(*plan.Ref)
			if !ok {
				return nil, 0
			}
			n, column = x.Input, ref.Index
		case *plan.Join:
			width := len(x.L.Columns())
			if n = x.L; column >= width {
				n, column = x.R, column-width
			}
		case *plan.Aggregate:
			if x.Protected {
				return x, column
			}
			return nil, 0
		default:
			return nil, 0
		}
		if column >= len(n.Columns()) {
			return nil, 0
		}
	}
}
