package disclosure

import (
	"math"
	"strconv"
)

// RoundCount rounds a count by itself to the nearest multiple of the policy's
// step, half of a step up.
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
