package egress

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// cause is a way in which numbers that are shown could tell of few people, as far as a
// statement says: which of them it was hangs on the data, and is not said.
type cause struct{ why, rewrite string }

// causes lists those of a protected aggregate, what is nearest to it first.
func (q *question) causes(agg *plan.Aggregate) []cause {
	var out []cause
	r, err := plan.NewRelease(agg)
	if err == nil {
		if len(agg.Sets) > 1 {
			out = append(out, cause{"its subtotals (ROLLUP, CUBE, GROUPING SETS)", "ask without the subtotals, or with coarser keys"})
		}
		if conditional(agg) {
			out = append(out, cause{"the conditions of its numbers (FILTER, CASE), and those whom they leave out", "leave the condition out, or put it into GROUP BY or WHERE, so that it leaves out nobody or at least " + strconv.Itoa(q.policy.Threshold) + " people"})
		}
		if len(r.MissingOf) > 0 {
			out = append(out, cause{"rows in which a value is missing (NULL)", "ask for them alike: WHERE … IS NOT NULL for the whole question, or only numbers of one column"})
		}
		if r.Repeats {
			out = append(out, cause{"the branches of its UNION", "ask for one branch at a time, or for count(DISTINCT person_id)"})
		}
		if slices.ContainsFunc(r.Shares, func(s plan.RowShare) bool { return s.Computed }) {
			out = append(out, cause{"a number that is computed for each person, as a weight of these", "GROUP BY bands of it (CASE WHEN n < 3 …) and count the people"})
		}
	}
	if q.ofOtherVersions() {
		out = append(out, cause{"what was answered of another version of the dataset", "ask for coarser groups, in which more people have changed between the versions, or nobody"})
	}
	return append(out, cause{"what was answered before, to your project or one that shares a member with it, and the table's own totals",
		"use the conditions and bands of your earlier questions again: what follows from their answers is answered"})
}

// conditional reports whether a number hangs on a condition of its own.
func conditional(agg *plan.Aggregate) bool {
	return slices.ContainsFunc(agg.Aggs, func(c *plan.AggregateCall) bool {
		if c.Filter != nil {
			return true
		}
		parts, err := plan.CellParts(c)
		return err == nil && (len(parts) > 1 || len(parts) == 1 && len(parts[0].Conds) > 0)
	})
}

// ofOtherVersions reports whether something was released of other versions than those
// asked.
func (q *question) ofOtherVersions() bool {
	for _, s := range q.scopes {
		for name := range s.versions {
			dataset, _, _ := strings.Cut(name, "@")
			for _, m := range q.session.Mounts {
				if m.Version.Dataset == dataset && m.Version.Name() != name {
					return true
				}
			}
		}
	}
	return false
}

// differences says what rule difference asks of a question, and what would pass.
func (q *question) differences(agg *plan.Aggregate) (why, rewrite string) {
	causes := q.causes(agg)
	whys, rewrites := make([]string, len(causes)), make([]string, len(causes))
	for i, c := range causes {
		whys[i], rewrites[i] = c.why, c.rewrite
	}
	why = "Numbers that are shown may not, added or subtracted, show something of fewer than " + strconv.Itoa(q.policy.Threshold) +
		" people, nor what another rule withholds. They are compared with " + strings.Join(whys, "; with ") + ". Which of these it was is not said, since that hangs on the data."
	rewrite = "For these in turn: " + strings.Join(rewrites, "; ") + "."
	return why, rewrite
}
