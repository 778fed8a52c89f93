// Package disclosure holds the rules of what may be released: evidence in,
// verdicts out. It does no I/O and knows nothing of SQL.
package disclosure

import (
	"math"
	"math/big"
	"slices"
	"strconv"

	"github.com/gatehouse-tre/gatehouse"
)

// Policy is the numbers of the rules (gate.md §2).
type Policy struct {
	Name string
	// Threshold is k: the fewest people that a group, and what contributes to
	// each of its numbers, may have.
	Threshold int
	// RoundCounts is the step that counts are rounded to; 0 for none.
	RoundCounts int64
	// Digits is the number of significant digits of real numbers.
	Digits int
	// FreedomDegrees is the fewest people beyond the parameters of a regression.
	FreedomDegrees int
}

// The policies that projects may name. sdap follows the SDAP handbook on
// statistical disclosure control (2024), §§3–5: threshold 10, ten degrees of
// freedom; nhs the NHS England rule for published counts (suppress 1 … 7, round
// to 5); opensafely the same, as OpenSAFELY's output-checking rules state it.
var policies = map[string]Policy{
	"sdap":       {Name: "sdap", Threshold: 10, Digits: 6, FreedomDegrees: 10},
	"nhs":        {Name: "nhs", Threshold: 8, RoundCounts: 5, Digits: 4, FreedomDegrees: 10},
	"opensafely": {Name: "opensafely", Threshold: 8, RoundCounts: 5, Digits: 4, FreedomDegrees: 10},
}

// PolicyNamed gives a policy; an unknown name refuses.
func PolicyNamed(name string) (Policy, error) {
	p, ok := policies[name]
	if !ok {
		return Policy{}, gatehouse.Errorf(gatehouse.CodeConfig, "The disclosure policy of this project is not known.")
	}
	return p, nil
}

// Rounding says in words what the policy does to numbers.
func (p Policy) Rounding() string {
	if p.RoundCounts > 0 {
		return "counts to the nearest 5; real numbers to 4 significant digits"
	}
	return "real numbers to 6 significant digits"
}

// RoundCount rounds a count by the policy.
func (p Policy) RoundCount(n int64) int64 {
	if p.RoundCounts == 0 {
		return n
	}
	return (n + p.RoundCounts/2) / p.RoundCounts * p.RoundCounts
}

// RoundReal rounds to the policy's significant digits; NaN and infinities,
// which tell of single values, become NaN.
func (p Policy) RoundReal(x float64) float64 {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		if x == 0 {
			return 0
		}
		return math.NaN()
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', p.Digits, 64), 64)
	if err != nil {
		return math.NaN()
	}
	return rounded
}

// Statistic is the family of a number, which decides how many people it needs.
type Statistic int

// The families.
const (
	Count Statistic = iota
	DistinctCount
	Sum
	Mean
	Spread
	Quantile
	Regression
)

// Needs is how many people must contribute to a number: Threshold, one more for
// a variance, the parameters and degrees of freedom for a regression (two
// parameters). Quantiles need Threshold people on each side of every fraction,
// and between two of them: Sides tells the smallest such part.
func (p Policy) Needs(s Statistic) int {
	switch s {
	case Spread:
		return p.Threshold + 1
	case Regression:
		return max(p.Threshold, p.FreedomDegrees) + 2
	case Quantile:
		return 2 * p.Threshold
	}
	return p.Threshold
}

// Sides gives the smallest part of the rows that lies on one side of a fraction
// or between two; the fractions may come in any order.
func Sides(quantiles []*big.Rat) float64 {
	fractions := make([]float64, 0, len(quantiles)+2)
	for _, q := range quantiles {
		f, _ := q.Float64()
		fractions = append(fractions, f)
	}
	fractions = append(fractions, 0, 1)
	slices.Sort(fractions)
	smallest := 1.0
	for i := 1; i < len(fractions); i++ {
		if d := fractions[i] - fractions[i-1]; d > 0 {
			smallest = min(smallest, d)
		}
	}
	return smallest
}
