package disclosure

import (
	"cmp"
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// vectors are results of other disclosure-control software: testdata/vectors.json.
type vectors struct {
	Dominance []struct {
		Software, Test, Note string
		Rule                 vectorRule
		Also                 *vectorRule // a second rule of the same run
		Cells                []struct {
			Cell                 string
			Total, First, Second float64
			Flagged              bool
		}
	}
	Suppression []suppressionVector
}

// vectorRule is an n,k rule or a p % rule, never both.
type vectorRule struct {
	N    int
	K, P float64
}

type suppressionVector struct {
	Software, Test, Note string
	Cells                []vectorCell
	Numbers              []vectorNumber
	Suppressed           []string
	Safe                 bool
}

type vectorCell struct {
	Cell      string
	People    int
	Sensitive bool
}

type vectorNumber struct {
	Number string
	Of     []int
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// dominance is a rule with the other switched off.
func (r vectorRule) dominance() Dominance {
	if r.N == 0 {
		return Dominance{N: 2, K: 2, P: r.P}
	}
	return Dominance{N: r.N, K: r.K}
}

// The rules flag what sdcTable, GaussSuppression and ACRO flag in their own
// tests, and nothing else, with two differences, both on the strict side or
// elsewhere: a share of exactly K is dominated here, and a total of nothing is
// left to the threshold, since nobody contributes to it.
func TestDominanceAgreesWithOtherSoftware(t *testing.T) {
	cells := 0
	for _, v := range readVectors(t).Dominance {
		for _, c := range v.Cells {
			cells++
			s := Shares{Total: c.Total, First: c.First, Second: c.Second}
			got := s.Dominated(v.Rule.dominance()) || v.Also != nil && s.Dominated(v.Also.dominance())
			exactly := v.Rule.N == 2 && c.First+c.Second == v.Rule.K*c.Total
			if got != c.Flagged && !exactly && c.Total > 0 {
				t.Errorf("%s, %s (%s): %s, total %v, largest %v and %v: %v here", v.Software, v.Test, v.Note, c.Cell, c.Total, c.First, c.Second, got)
			}
		}
	}
	if cells < 100 {
		t.Errorf("only %d cells were compared", cells)
	}
	policy, err := PolicyNamed("sdap")
	if err != nil {
		t.Fatal(err)
	}
	if want := (Dominance{N: 2, K: 0.9, P: 0.1}); policy.Dominance != want {
		t.Errorf("sdap has %+v, and ACRO's defaults are %+v", policy.Dominance, want)
	}
}

// threshold and people stand for what is sensitive: cells of fewer people than
// the threshold. Where the test marks cells by hand, those get 9 people of 10.
func (v suppressionVector) people() (threshold int, people []int) {
	most := 0
	for _, c := range v.Cells {
		people = append(people, c.People)
		if c.Sensitive {
			most = max(most, c.People)
		}
	}
	for _, c := range v.Cells {
		if !c.Sensitive && c.People <= most {
			for i, c := range v.Cells {
				if people[i] = max(10, c.People); c.Sensitive {
					people[i] = 9
				}
			}
			return 10, people
		}
	}
	return most + 1, people
}

// leaks reports whether something of a single sensitive cell can be worked out
// from the numbers that are shown, in exact arithmetic.
func (v suppressionVector) leaks(shown func(number int) bool) string {
	var rows [][]int
	for i, n := range v.Numbers {
		if shown(i) {
			row := make([]int, len(v.Cells))
			for _, c := range n.Of {
				row[c] = 1
			}
			rows = append(rows, row)
		}
	}
	full := rank(rows, nil)
	for i, c := range v.Cells {
		if c.Sensitive && rank(rows, map[int]bool{i: true}) < full {
			return c.Cell
		}
	}
	return ""
}

// What others suppress is judged as they judge it, and nothing of a sensitive
// cell can be worked out from what the audit releases of the same tables. It
// makes more gaps, up to half as many again: it also keeps apart several
// sensitive cells that are too few people together.
func TestSuppressionBesideOtherSoftware(t *testing.T) {
	for _, v := range readVectors(t).Suppression {
		name := v.Software + ", " + v.Test + ": " + v.Note
		leak := v.leaks(func(i int) bool { return !slices.Contains(v.Suppressed, v.Numbers[i].Number) })
		if (leak == "") != v.Safe {
			t.Errorf("%s: safe is %v, and %q can be worked out", name, v.Safe, leak)
		}
		v.compare(t, name, releasedByAudit(v))
	}
}

func (v suppressionVector) compare(t *testing.T, name string, shown []bool) {
	t.Helper()
	withheld := 0
	for _, s := range shown {
		if !s {
			withheld++
		}
	}
	t.Logf("%s: %d of %d numbers withheld, theirs %d", name, withheld, len(shown), len(v.Suppressed))
	if leak := v.leaks(func(i int) bool { return shown[i] }); leak != "" {
		t.Errorf("%s: %s can be worked out", name, leak)
	}
	if v.Safe && 2*withheld > 3*len(v.Suppressed) {
		t.Errorf("%s: %d numbers withheld, theirs %d", name, withheld, len(v.Suppressed))
	}
}

// bySize orders numbers, each made of cells, as the gate does: totals first,
// larger ones first.
func bySize(numbers [][]int, people []int) []int {
	order, size := make([]int, len(numbers)), make([]int, len(numbers))
	for i, of := range numbers {
		order[i] = i
		for _, c := range of {
			size[i] += people[c]
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(len(numbers[b]), len(numbers[a])), cmp.Compare(size[b], size[a]))
	})
	return order
}

func (v suppressionVector) made() [][]int {
	var out [][]int
	for _, n := range v.Numbers {
		out = append(out, n.Of)
	}
	return out
}

func releasedByAudit(v suppressionVector) []bool {
	threshold, people := v.people()
	a := NewAudit(threshold, people, true, len(people))
	shown := make([]bool, len(v.Numbers))
	for _, i := range bySize(v.made(), people) {
		shown[i] = a.Admit(Number{Atoms: v.Numbers[i].Of, Meanings: v.Numbers[i].Of})
	}
	return shown
}
