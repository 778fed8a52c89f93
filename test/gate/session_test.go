package gate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse-tre/gatehouse/test/attacker"
)

// Sessions of generated questions, judged against each other:
//
//   - every number that leaves is the plain one, as where each question is the first;
//   - no combination of all the numbers that left, of rows of one table or of
//     people, is of fewer than ten people: by what plain SQL says of the rows behind
//     each;
//   - asked of data from which some people were taken, no group without any of them
//     shows another number, and none is refused that is answered otherwise.
func TestSessionsTellOfNobody(t *testing.T) {
	checks(t, 8)
	w := newWorld(t)
	w.remembers = true
	taken := []int{3, 401, 1234, 802, 1999}
	less := w.without("session", taken)
	numbers, withheld := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		w.forget()
		told := map[string]*toldOf{}
		for range rapid.IntRange(4, 10).Draw(r, "questions") {
			q := drawMeasured(r)
			got, err := w.ask(q.sql())
			if err != nil {
				r.Fatalf("%s\n%v", q.sql(), err)
			}
			gotLess, err := less.ask(q.sql())
			if err != nil {
				r.Fatalf("without %v: %s\n%v", taken, q.sql(), err)
			}
			keys := len(q.keys)
			elements := q.elements(w)
			plain, after := map[string]string{}, byKey(gotLess, keys)
			for _, row := range w.truth(q.sql()) {
				plain[fmt.Sprint(row[:keys])] = row[keys]
			}
			for _, row := range got.rows {
				key, value := fmt.Sprint(row[:keys]), row[keys]
				if value == "NULL" {
					withheld++
					continue
				}
				numbers++
				if !near(value, plain[key]) && !q.rounds(value, plain[key]) {
					r.Fatalf("%s\ngroup %s: %s, not %s", q.sql(), key, value, plain[key])
				}
				of := told[q.space()]
				if of == nil {
					of = &toldOf{index: map[string]int{}}
					told[q.space()] = of
				}
				gone := of.add(elements[key], taken)
				if other, both := after[key]; both && other != "NULL" && gone == 0 && q.elementsAreAll() && value != other {
					r.Fatalf("%s\ngroup %s holds nobody of %v: %s became %s", q.sql(), key, taken, value, other)
				}
			}
		}
		for space, of := range told {
			if n := of.attack(); n > 0 {
				r.Fatalf("a combination of numbers over %s is of %d people", space, n)
			}
		}
	})
	t.Logf("%d numbers left, %d were withheld", numbers, withheld)
}

// rounds reports whether a quantile is the plain one to its column's step.
func (q measured) rounds(value, plain string) bool {
	step := 0.0
	switch {
	case q.number.side == 0:
	case strings.Contains(q.with+q.number.sql, "length_of_stay"):
		step = 1
	case strings.Contains(q.number.sql, "e.value"):
		step = 0.1
	}
	a, errA := strconv.ParseFloat(value, 64)
	b, errB := strconv.ParseFloat(plain, 64)
	return errA == nil && errB == nil && math.Abs(a-b) <= step/2*(1+1e-9)
}

// space is the table whose rows are counted: numbers of rows and numbers of people
// are judged apart (docs/gate.md).
func (q measured) space() string {
	for _, table := range []string{" events e ", "JOIN e ", " admissions a "} {
		if strings.Contains(q.from+" ", table) {
			return strings.Fields(table)[0] + strings.Fields(table)[1]
		}
	}
	return "people"
}

// elementsAreAll: elements are all rows of the group, not only those with a value.
func (q measured) elementsAreAll() bool { return q.number.where == "true" && q.number.value == "1" }

// element is a row behind a number, and whose it is.
type element struct {
	name string
	unit int
}

// elements asks the plain tables for the rows behind each group's number.
func (q measured) elements(w *world) map[string][]element {
	name := "'p'"
	switch q.space() {
	case "eventse", "JOINe":
		name = "concat_ws('|', e.date, e.code, e.value)"
	case "admissionsa":
		name = "concat_ws('|', a.admitted, a.discharged, a.method, a.diagnosis)"
	}
	columns := append(append([]string{}, q.keys...), name, "substr(t.person_id, 2)")
	sql := q.with + "SELECT " + strings.Join(columns, ", ") + " FROM " + q.from + " WHERE " + q.where + " AND coalesce(" + q.number.where + ", false) AND (" + q.number.value + ") IS NOT NULL"
	out := map[string][]element{}
	for _, row := range w.truth(sql) {
		k := len(q.keys)
		key := fmt.Sprint(row[:k])
		out[key] = append(out[key], element{row[k] + "|" + row[k+1], count(row[k+1])})
	}
	return out
}

// toldOf is what left of the numbers over one table.
type toldOf struct {
	index map[string]int
	units []uint32
	rows  [][]int // elements of each number
}

// add notes a number, and reports how many of its elements are of some people.
func (o *toldOf) add(of []element, people []int) (theirs int) {
	row := make([]int, 0, len(of))
	for _, e := range of {
		at, ok := o.index[e.name]
		if !ok {
			at = len(o.units)
			o.index[e.name] = at
			o.units = append(o.units, uint32(e.unit))
		}
		row = append(row, at)
		for _, p := range people {
			if p == e.unit {
				theirs++
			}
		}
	}
	o.rows = append(o.rows, row)
	return theirs
}

// attack gives the people of the smallest combination that is found of fewer than ten.
func (o *toldOf) attack() int {
	s := attacker.Sums{Unit: o.units, Rng: rand.New(rand.NewPCG(1, 1))}
	for _, row := range o.rows {
		s.Add(row)
	}
	return s.Eliminate(threshold)
}
