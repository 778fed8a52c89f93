package disclosure

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// apart is how far the keys of elements are from each other: some are in a page of their
// own.
const apart = pageSize / 2

// released keeps what a history let out, as dense rows over elements.
type released struct {
	rows [][]int
}

func (r *released) add(c *Cohorts, withheld []bool, elements int) {
	for n := range c.Numbers {
		if withheld[n] {
			continue
		}
		row := make([]int, elements)
		for e := range c.Elements.All() {
			for _, t := range c.Patterns.At(int(e.Pattern), nil) {
				if int(t.Number) == n {
					row[e.Key/apart] += int(t.Times)
				}
			}
		}
		r.rows = append(r.rows, row)
	}
}

// leak looks for fewer than k people on whom alone a combination rests, by trying
// every set of people with exact arithmetic.
func (r *released) leak(units []uint32, people, k int) []int {
	full := rank(r.rows, nil)
	var set []int
	var walk func(from int) []int
	walk = func(from int) []int {
		if len(set) > 0 {
			drop := map[int]bool{}
			for e, u := range units {
				for _, s := range set {
					if int(u) == s {
						drop[e] = true
					}
				}
			}
			if rank(r.rows, drop) < full {
				return set
			}
		}
		if len(set) == k-1 {
			return nil
		}
		for u := from; u < people; u++ {
			set = append(set, u)
			if found := walk(u + 1); found != nil {
				return found
			}
			set = set[:len(set)-1]
		}
		return nil
	}
	return walk(0)
}

// table draws a question: elements in or out, grouped by some attribute; or
// overlapping numbers.
func drawTable(t *rapid.T, attributes [][]int, units []uint32) *Cohorts {
	elements := len(units)
	by := attributes[rapid.IntRange(0, len(attributes)-1).Draw(t, "by")]
	where := attributes[rapid.IntRange(0, len(attributes)-1).Draw(t, "where")]
	keep := rapid.IntRange(-1, 2).Draw(t, "keep")
	except := rapid.IntRange(-2, elements-1).Draw(t, "except")
	total := rapid.Bool().Draw(t, "total")
	c := &Cohorts{}
	groups := 0
	for _, g := range by {
		groups = max(groups, g+1)
	}
	c.Numbers = groups
	var patterns [][]Term
	for g := range groups {
		patterns = append(patterns, []Term{{int32(g), 1}})
		if total {
			patterns[g] = append(patterns[g], Term{int32(groups), 1})
		}
	}
	if total {
		c.Numbers++
	}
	most := 1 // how often an element may be in a number
	if rapid.IntRange(0, 2).Draw(t, "weighed") == 0 {
		most = 3
	}
	for e := range elements {
		if keep >= 0 && where[e] == keep || e == except {
			continue
		}
		pattern := by[e]
		if times := rapid.IntRange(1, most).Draw(t, "times"); times > 1 {
			pattern = len(patterns)
			patterns = append(patterns, slices.Clone(patterns[by[e]]))
			for i := range patterns[pattern] {
				patterns[pattern][i].Times = int32(times)
			}
		}
		c.Elements.Add(uint64(e)*apart, units[e], uint32(pattern))
	}
	c.Patterns = PatternsOf(patterns...)
	return c
}

func testHistory(t *rapid.T, rows bool) {
	const k = 3
	elements := rapid.IntRange(6, 14).Draw(t, "elements")
	units := make([]uint32, elements)
	people := elements
	for i := range units {
		units[i] = uint32(i)
	}
	if rows {
		people = 0
		for i := range units {
			if i > 0 && !rapid.Bool().Draw(t, "same person") {
				people++
			}
			units[i] = uint32(people)
		}
		people++
	}
	attributes := make([][]int, 4)
	for a := range attributes {
		attributes[a] = make([]int, elements)
		for e := range elements {
			attributes[a][e] = rapid.IntRange(0, a+1).Draw(t, "attribute")
		}
	}
	h := NewHistory(k, rows)
	h.few = rapid.SampledFrom([]int{fewElements, 0}).Draw(t, "few")
	out := &released{}
	if rapid.Bool().Draw(t, "public total") {
		everybody := &Cohorts{Numbers: 1, Patterns: PatternsOf([]Term{{0, 1}})}
		for e := range elements {
			everybody.Elements.Add(uint64(e)*apart, units[e], 0)
		}
		if people < k {
			return
		}
		h.Restore(everybody, make([]bool, 1))
		out.add(everybody, []bool{false}, elements)
	}
	for range rapid.IntRange(1, 6).Draw(t, "tables") {
		c := drawTable(t, attributes, units)
		j := h.Judge(c)
		h.Keep(j)
		out.add(c, j.Withheld, elements)
		if found := out.leak(units, people, k); found != nil {
			t.Fatalf("a combination of %v rests on people %v", out.rows, found)
		}
		for n, w := range j.Withheld { // nothing is withheld that does no harm
			if !w || !j.Searched {
				continue
			}
			only := make([]bool, c.Numbers)
			for i := range only {
				only[i] = i != n
			}
			with := &released{rows: slices.Clone(out.rows)}
			with.add(c, only, elements)
			if last := with.rows[len(with.rows)-1]; slices.Max(last) > 0 && with.leak(units, people, k) == nil {
				t.Fatalf("%v is withheld beside %v, and tells of nobody", last, out.rows)
			}
		}
	}
}

// Nothing that a history lets out can be combined to tell of fewer than k people:
// by brute force over every set of people, with exact arithmetic.
func TestAHistoryLetsOutNothingOfFewPeople(t *testing.T) {
	t.Run("people", func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { testHistory(t, false) }) })
	t.Run("rows", func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { testHistory(t, true) }) })
}

// byClass makes a table of one number for each class of people 0 … n−1; class −1
// is in none.
func byClass(n int, class func(i int) int) *Cohorts {
	c := &Cohorts{}
	for i := range n {
		g := class(i)
		if g < 0 {
			continue
		}
		for c.Numbers <= g {
			c.Patterns.Add([]Term{{int32(c.Numbers), 1}})
			c.Numbers++
		}
		c.Elements.Add(uint64(i), uint32(i), uint32(g))
	}
	return c
}

func withheld(j *Judgement) int {
	n := 0
	for _, w := range j.Withheld {
		if w {
			n++
		}
	}
	return n
}

// What an analyst asks of 1,000 people one after the other is answered in full;
// what singles somebody out is not.
func TestASessionIsAnswered(t *testing.T) {
	const n = 1000
	h := NewHistory(10, false)
	all := byClass(n, func(int) int { return 0 })
	h.Restore(all, make([]bool, 1))
	sex := func(i int) int { return i % 2 }
	region := func(i int) int { return int(mix(uint64(i))) & 7 }
	band := func(i int) int { return int(mix(uint64(i)+9999) % 10) }
	ill := func(i int) bool { return mix(uint64(i)+5555)%5 == 0 }
	steps := []struct {
		name  string
		class func(i int) int
		want  int
	}{
		{"by sex", sex, 0},
		{"by region", region, 0},
		{"by sex and region", func(i int) int { return region(i)*2 + sex(i) }, 0},
		{"by band", band, 0},
		{"women", func(i int) int { return sex(i) - 1 }, 0},
		{"everybody", func(int) int { return 0 }, 0},
		{"women of region 3", func(i int) int { return pick(sex(i) == 1 && region(i) == 3) }, 0},
		{"the ill by band", func(i int) int {
			if !ill(i) {
				return -1
			}
			return band(i)
		}, 0},
		{"all but one", func(i int) int { return pick(i != 77) }, 1},
		{"women but one", func(i int) int { return pick(sex(i) == 1 && i != 77) }, 1},
		{"by region, without one", func(i int) int {
			if i == 77 {
				return -1
			}
			return region(i)
		}, 1},
		{"the ill by region", func(i int) int {
			if !ill(i) {
				return -1
			}
			return region(i)
		}, 0},
	}
	for _, s := range steps {
		c := byClass(n, s.class)
		j := h.Judge(c)
		if got := withheld(j); got != s.want {
			t.Errorf("%s: %d of %d numbers withheld, not %d", s.name, got, c.Numbers, s.want)
		}
		h.Keep(j)
	}
}

// pick is class 0 for true.
func pick(in bool) int {
	if in {
		return 0
	}
	return -1
}

// The tracker (Denning, Denning and Schwartz 1979): what A or T, A or not T and
// everybody tell together is A.
func TestTheTrackerFindsNothing(t *testing.T) {
	const n = 400
	h := NewHistory(10, false)
	h.Restore(byClass(n, func(int) int { return 0 }), make([]bool, 1))
	a := func(i int) bool { return i == 5 }
	b := func(i int) bool { return i%2 == 0 }
	got := 0
	for _, class := range []func(int) int{
		func(i int) int { return pick(a(i) || b(i)) },
		func(i int) int { return pick(a(i) || !b(i)) },
	} {
		j := h.Judge(byClass(n, class))
		got += withheld(j)
		h.Keep(j)
	}
	if got == 0 {
		t.Error("both halves of a tracker are answered")
	}
}

// A new table of 100 cells beside 100 tables of 100 cells over a million people,
// as a project asks them: by two dimensions, of everybody and of people with an
// illness. The goal is 250 ms.
func BenchmarkHistoryNewTable(b *testing.B) {
	const people, tables = 1_000_000, 100
	sizes := []uint64{10, 10, 9, 12, 11, 8}
	dimension := func(d, i int) int { return int(mix(uint64(d)<<40|uint64(i)) % sizes[d]) }
	ill := func(code, i int) bool { return mix(uint64(code+100)<<40|uint64(i))%uint64(5+code%20) == 0 }
	ask := func(q int) *Cohorts {
		x, y := q%len(sizes), (q/2+1)%len(sizes)
		return byClass(people, func(i int) int {
			if q%2 == 1 && !ill(q/2, i) {
				return -1
			}
			return dimension(x, i)*int(sizes[y]) + dimension(y, i)
		})
	}
	h := NewHistory(10, false)
	h.Restore(byClass(people, func(int) int { return 0 }), make([]bool, 1))
	hidden := 0
	for q := range tables {
		j := h.Judge(ask(q))
		hidden += withheld(j)
		h.Keep(j)
	}
	for name, c := range map[string]*Cohorts{"everybody": ask(1000), "the ill": ask(1001)} {
		b.Run(name, func(b *testing.B) {
			n := 0
			for range b.N {
				n = withheld(h.Judge(c))
			}
			b.ReportMetric(float64(n), "withheld")
			b.ReportMetric(float64(hidden), "withheld-before")
		})
	}
}
