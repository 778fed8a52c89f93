package gate

import (
	"slices"
	"testing"
)

// A group that shields a small one is left out as that is: a row of it without
// numbers would say that it is the larger of the two.
func TestGroupsThatShieldOthersAreLeftOutLikeThem(t *testing.T) {
	w := newWorld(t)
	const sql = "SELECT sex, grouping(sex), count(*) FROM patients GROUP BY ROLLUP (sex) ORDER BY 2, 1"
	truth := w.truth(sql)
	small := slices.IndexFunc(truth, func(row []string) bool { return len(row[2]) == 1 })
	if small < 0 {
		t.Fatalf("no group is small: %v", truth)
	}
	r, err := w.ask(sql)
	must(t, err)
	if len(r.rows) != len(truth)-2 {
		t.Errorf("of %v there is %v: not all but the small group and one more", truth, r.rows)
	}
	for _, row := range r.rows {
		if row[2] == "NULL" {
			t.Errorf("%v has no number", row)
		}
		if !slices.ContainsFunc(truth, func(other []string) bool { return slices.Equal(row, other) }) {
			t.Errorf("%v is not so: %v", row, truth)
		}
	}
}
