// Package disclosure holds the rules of what may be released: evidence in,
// verdicts out. It does no I/O and knows nothing of SQL.
package disclosure

import (
	"math/big"
	"slices"
	"strconv"
)

// Policy is the numbers of the rules (gate.md §2), as a policy file says them
// (ParsePolicy).
type Policy struct {
	// Name and Version say which policy this is; Hash is the SHA-256 of the file
	// that it was read from, in hexadecimal.
	Name    string
	Version int
	Hash    string
	// Source is whose rules these are: a document, or who decided them.
	Source string
	// Threshold is k: the fewest people that a group, and what contributes to
	// each of its numbers, may have (SDAP handbook, rule of thumb for frequency
	// tables: 10; NHS England's counts: more than 7).
	Threshold int
	// CountRounding says how counts are rounded, to multiples of RoundCounts
	// (0 with RoundNone).
	CountRounding RoundingMode
	RoundCounts   int64
	// Digits is the number of significant digits of real numbers. More would show
	// the last person's contribution to a sum of many, and exact counts behind
	// means.
	Digits int
	// Dominance bounds what one or two people may make up of a number.
	Dominance Dominance
	// FreedomDegrees is the fewest people beyond the parameters of a regression
	// (SDAP handbook, linear and non-linear estimates: 10).
	FreedomDegrees int
	// VarianceExtra is how many people a variance needs beyond the threshold: it
	// and a mean tell of a sum of squares as a count and a mean do of a sum, with
	// one more unknown (SDAP handbook, higher moments).
	VarianceExtra int
	// QuantileGrains is the step that quantiles are rounded to, in steps of their
	// column: a quantile is one person's value (SDAP handbook, position statistics).
	QuantileGrains int
	// AllowFull says whether a condition that every person of a group meets may be
	// shown as such ("100 %"): class disclosure (SDAP handbook, class disclosure;
	// ACRO's zeros_are_disclosive). That nobody meets it never is.
	AllowFull bool
}

// RoundingMode says how counts are rounded.
type RoundingMode string

// The modes. With RoundControlled, totals that are shown beside the cells which
// they are made of are their sum (Round).
const (
	RoundNone       RoundingMode = "none"
	RoundNearest    RoundingMode = "nearest"
	RoundControlled RoundingMode = "controlled"
)

// Dominance is the n,k rule and the p % rule (Hundepool et al., Statistical
// Disclosure Control, 2012, §4.2; defaults as in ACRO: safe_nk_n, safe_nk_k,
// safe_pratio_p).
type Dominance struct {
	// N people who make up most of a number, by absolute values, have less than
	// K of it. 1 or 2.
	N int
	K float64
	// P: what all but the two largest have together is at least so much of the
	// largest, or the second could estimate the largest too well.
	P float64
}

// FullName is the name by which a project holds on to a policy: name@version.
func (p Policy) FullName() string { return p.Name + "@" + strconv.Itoa(p.Version) }

// Rounding says in words what the policy does to numbers.
func (p Policy) Rounding() string {
	reals := "real numbers to " + strconv.Itoa(p.Digits) + " significant digits"
	step := strconv.FormatInt(p.RoundCounts, 10)
	switch p.CountRounding {
	case RoundNearest:
		return "counts to the nearest " + step + "; " + reals
	case RoundControlled:
		return "counts to the nearest " + step + ", or the next multiple where cells and totals add up so; " + reals
	}
	return reals
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

// Needs is how many people must contribute to a number: Threshold, VarianceExtra
// more for a variance, the parameters and degrees of freedom for a regression
// (two parameters). Quantiles need Threshold people on each side of every fraction,
// and between two of them: Sides tells the smallest such part.
func (p Policy) Needs(s Statistic) int {
	switch s {
	case Spread:
		return p.Threshold + p.VarianceExtra
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
