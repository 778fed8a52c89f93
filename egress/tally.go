package egress

import (
	"math"
	"slices"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// shareTally finds the largest shares of single people, and whether nearly
// everybody has one value.
type shareTally struct {
	last       int64 // unit whose rows are being added up
	sum, n     float64
	sums, rows disclosure.Shares
	people     int
	common     []candidate
	ended      bool        // no value can be common any more
	values     []candidate // different values, by row
	many       bool        // they are more than two that nearly everybody has, and of few people
}

// candidate is a value that nearly everybody may turn out to have.
type candidate struct {
	value  float64
	people int
	last   int64
}

// row adds a row of a unit.
func (s *shareTally) row(unit int64) {
	if s.last != unit {
		s.flush()
		s.last = unit
		s.people++
	}
	s.n++
}

// once adds the value of the only row of a unit.
func (s *shareTally) once(unit int64, x float64, k int) {
	s.people++
	if !s.ended {
		s.last, s.sum, s.n = unit, 0, 0
		s.value(unit, x, k)
		s.sum = 0
	}
	add(&s.sums, math.Abs(x))
	s.rows.Total++
	s.rows.Second = s.rows.First
	s.rows.First = 1
}

// times adds the value of the only rows of n units.
func (s *shareTally) times(x float64, n, k int) {
	before := s.people
	s.people += n
	if !s.ended {
		s.common = candidates(s.common, x, n, before < k)
		if s.people > k {
			s.common = slices.DeleteFunc(s.common, func(c candidate) bool { return s.people-c.people >= k })
			s.ended = len(s.common) == 0
		}
	}
	absolute := math.Abs(x)
	for range min(n, 2) {
		add(&s.sums, absolute)
		add(&s.rows, 1)
	}
	if n > 2 {
		s.sums.Total += absolute * float64(n-2)
		s.rows.Total += float64(n - 2)
	}
}

// candidates counts n more of a value; one that is not there is added if it may be.
func candidates(list []candidate, x float64, n int, more bool) []candidate {
	for i := range list {
		if c := &list[i]; c.value == x || c.value != c.value && x != x {
			c.people += n
			return list
		}
	}
	if more {
		list = append(list, candidate{value: x, people: n, last: nobody})
	}
	return list
}

// value adds the row's value. A value that all but k−1 people have is had by one
// of the first k, so only theirs need to be followed.
func (s *shareTally) value(unit int64, x float64, k int) {
	s.sum += math.Abs(x)
	if s.ended {
		return
	}
	for i := range s.common {
		c := &s.common[i]
		if c.value == x || c.value != c.value && x != x {
			if c.last != unit {
				c.last = unit
				c.people++
			}
			return
		}
	}
	if s.people <= k {
		s.common = append(s.common, candidate{value: x, people: 1, last: unit})
		return
	}
	kept := s.common[:0]
	for _, c := range s.common {
		had := s.people - 1 // people whose rows are all seen
		with := c.people
		if c.last == unit {
			with--
		}
		if had-with < k {
			kept = append(kept, c)
		}
	}
	s.common = kept
	s.ended = len(kept) == 0
}

// follow counts n rows of a value. Of two values that all but k−1 people have
// there are no more than k+1 different ones in all.
func (s *shareTally) follow(x float64, n, k int) {
	if s.many {
		return
	}
	if s.values = candidates(s.values, x, n, true); len(s.values) > k+1 {
		s.many, s.values = true, nil
	}
}

// twoMost is how many people have one of the two values that most have, where each
// has one row; 0 where they have more, or there are many values.
func (s *shareTally) twoMost() int {
	if int(s.rows.Total) != s.people {
		return 0
	}
	first, second := 0, 0
	for _, c := range s.values {
		if c.people > first {
			first, second = c.people, first
		} else {
			second = max(second, c.people)
		}
	}
	return first + second
}

// flush ends the rows of a unit.
func (s *shareTally) flush() {
	if s.n > 0 {
		add(&s.sums, s.sum)
		add(&s.rows, s.n)
	}
	s.sum, s.n = 0, 0
}

// add takes in what one person adds.
func add(to *disclosure.Shares, x float64) {
	to.Total += x
	switch {
	case x > to.First:
		to.First, to.Second = x, to.First
	case x > to.Second:
		to.Second = x
	}
}

func (s *shareTally) finish(of plan.RowShare) disclosure.CellShares {
	s.flush()
	out := disclosure.CellShares{Cell: of.Cell, Sums: s.sums, Rows: s.rows, People: s.people, Literal: of.Value < 0}
	for _, c := range s.common {
		out.Common = max(out.Common, c.people)
	}
	out.Two = s.twoMost()
	return out
}
