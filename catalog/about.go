package catalog

import (
	"math"
	"strconv"
)

// About is how many rows or people something has, as researchers see it: to two
// significant digits, and to hundreds. An exact total would tell, beside a number
// of all but a few, of the few, and beside the next version's, of who left.
func About(n int64) int64 {
	step := int64(100)
	if digits := len(strconv.FormatInt(n, 10)); digits > 4 {
		step = int64(math.Pow10(digits - 2))
	}
	return (n + step/2) / step * step
}
