package catalog

import (
	"testing"

	"pgregory.net/rapid"
)

func TestTotalsAreShownRoughly(t *testing.T) {
	for n, want := range map[int64]int64{0: 0, 49: 0, 50: 100, 149: 100, 1_250: 1_300, 20_000: 20_000, 20_499: 20_000, 6_812_345: 6_800_000} {
		if got := About(n); got != want {
			t.Errorf("%d is shown as %d, not %d", n, got, want)
		}
	}
	// Fewer people than any threshold do not show, but where the rounding turns.
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, 100_000_000).Draw(t, "n")
		if d := About(n) - n; d > 50 && d*20 > n || d < -50 && -d*20 > n {
			t.Fatalf("%d is shown as %d", n, About(n))
		}
	})
}
