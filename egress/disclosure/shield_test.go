package disclosure

import "testing"

// A total and its parts but one give that one; so do sums of parts.
func TestWhatIsWithheldDoesNotFollow(t *testing.T) {
	for name, c := range map[string]struct {
		withheld, shown [][]int
		want            []bool
	}{
		"total and parts":         {[][]int{{0}}, [][]int{{0, 1, 2}, {1}, {2}}, []bool{true, true, false}},
		"two are withheld":        {[][]int{{0}, {1}}, [][]int{{0, 1, 2}, {2}}, []bool{true, true}},
		"itself":                  {[][]int{{0, 1}}, [][]int{{0, 1}}, []bool{false}},
		"two keys":                {[][]int{{0}}, [][]int{{0, 1, 2, 3}, {0, 1}, {0, 2}, {2, 3}, {1, 3}, {3}, {1}}, []bool{true, true, true, true, true, false, false}},
		"complement of a part":    {[][]int{{1, 2}}, [][]int{{0, 1, 2}, {0}}, []bool{true, false}},
		"of no atom that matters": {[][]int{{}}, [][]int{{0, 1}, {0}}, []bool{true, true}},
	} {
		s := NewShield(4)
		for _, w := range c.withheld {
			s.Withhold(w)
		}
		for i, n := range c.shown {
			if got := s.Show(n); got != c.want[i] {
				t.Errorf("%s: number %d is shown: %v", name, i, got)
			}
		}
	}
}
