package gate

import (
	"fmt"
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// brute is what the plain tables say of one number of one group.
type brute struct {
	people, adding, leaving                          int
	sum, sum1, sum2, rows, rows1, rows2, has, common float64
	core, core1, core2                               float64
	two                                              float64 // of those who have a value: one of the two most common, where each has one
	one                                              bool    // nobody has two of the question's rows
}

func readBrute(row []string) (b brute) {
	f := func(i int) float64 { x, _ := strconv.ParseFloat(row[i], 64); return x }
	return brute{int(f(0)), int(f(1)), int(f(2)), f(3), f(4), f(5), f(6), f(7), f(8), f(9), f(10), f(13), f(14), f(15), f(12), row[11] == "true"}
}

// reason is why a number of the group is withheld, by docs/gate.md; "" where
// nothing there asks for it.
func (b brute) reason(n measure) string {
	dominated := func(total, first, second float64) bool {
		return total > 0 && (first+second >= 0.9*total*(1-1e-9) || total-first-second < 0.1*first*(1+1e-9))
	}
	switch {
	case b.people < 10:
		return "group"
	case b.adding < n.need:
		return "contributors"
	case (n.where != "true" || b.leaving > 0) && b.leaving < 10:
		return "people left out"
	case n.sums && dominated(b.sum, b.sum1, b.sum2), n.sums && dominated(b.core, b.core1, b.core2), n.rows && dominated(b.rows, b.rows1, b.rows2):
		return "dominance"
	case (n.sums || n.side > 0) && b.common >= 10 && b.has-b.common < 10:
		return "nearly constant"
	case n.side > 0 && n.side*b.rows < 10*b.rows1:
		return "side of a quantile"
	case n.squares && b.rows == b.has && b.has-b.two < 10:
		return "nearly two values"
	}
	return ""
}

// The evidence is what brute force says: no number leaves with fewer people
// behind it than its rule asks for, and none is withheld without a reason that
// plain SQL finds too. Each number that leaves is the plain one.
func TestEvidenceIsWhatBruteForceSays(t *testing.T) {
	checks(t, 50)
	w := newWorld(t)
	shown, withheld := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		q := drawMeasured(r)
		got, err := w.ask(q.sql())
		if err != nil {
			r.Fatalf("%s\n%v", q.sql(), err)
		}
		keys := len(q.keys)
		plain := map[string]string{}
		for _, row := range w.truth(q.sql()) {
			plain[fmt.Sprint(row[:keys])] = row[keys]
		}
		released := map[string]string{}
		for _, row := range got.rows {
			released[fmt.Sprint(row[:keys])] = row[keys]
		}
		var lost []brute // withheld, and no rule of the group itself asks for it
		rest, least, one := float64(people), math.Inf(1), false
		// Of numbers of rows, where nobody has more than two: everybody twice, less the
		// rows, rests on those who have not two of them.
		double, but := q.number.rows && !q.number.sums && q.number.side == 0, float64(people)
		for _, row := range w.truth(q.counted()) {
			key, b := fmt.Sprint(row[:keys]), readBrute(row[keys:])
			one = b.one
			double = double && b.rows1 <= 2
			value, there := released[key]
			delete(released, key)
			switch why := b.reason(q.number); {
			case there && value != "NULL":
				shown++
				rest, least, but = rest-b.has, min(least, b.has), but-(b.rows-b.has)
				if why != "" {
					r.Fatalf("%s\ngroup %s: %s is shown, although: %s (%+v)", q.sql(), key, value, why, b)
				}
				if !near(value, plain[key]) && !(q.number.side > 0 && nearStep(value, plain[key])) {
					r.Fatalf("%s\ngroup %s: %s, not %s", q.sql(), key, value, plain[key])
				}
			case why == "" && plain[key] != "NULL" && !(q.number.where != "true" && b.leaving < 20):
				// Of rows that a condition leaves out and rows where the value is missing, both
				// of few people, the audit counts the more only: a person may be in both.
				withheld++
				lost = append(lost, b)
			default:
				withheld++
			}
		}
		// How many people there are is public: what is shown of people may not leave
		// just a few of them. Where it would, the smallest number is withheld.
		if one && 1 <= rest && rest < 10 {
			r.Fatalf("%s\nleaves %v people of %d", q.sql(), rest, people)
		}
		if double && 1 <= but && but < 10 {
			r.Fatalf("%s\nleaves %v people of %d who have not two rows", q.sql(), but, people)
		}
		few := func(left float64) bool { return 1 <= left && left < 10 }
		for _, b := range lost {
			if len(lost) > 1 || b.has > least || !(one && few(rest-b.has)) && !(double && few(but-(b.rows-b.has))) {
				r.Fatalf("%s\nwithheld without a reason (%+v)\n%v", q.sql(), b, got.disclosure)
			}
		}
		for key, value := range released {
			if value != "NULL" {
				r.Fatalf("%s\nshows a group that is not there: %s", q.sql(), key)
			}
		}
	})
	t.Logf("%d numbers shown, %d withheld", shown, withheld)
}
