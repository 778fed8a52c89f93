package disclosure

// Rule says why a number was withheld.
type Rule string

// The rules, in the order in which they are tried.
const (
	RuleThreshold  Rule = "threshold"  // too few people in the group, or contributing
	RuleDominance  Rule = "dominance"  // one or two people make up too much of it
	RuleDifference Rule = "difference" // adding and subtracting the numbers shown would tell of too few people
)

// Cell is one number of every group, and the evidence that it needs.
type Cell struct {
	Need         int   // people that must contribute
	Contributors []int // channels that must each reach Need
	Sums, Rows   bool  // shares by absolute sums, by rows, are judged
	// Sides is, for quantiles, the smallest part of the rows that must still be of
	// enough people: on one side of a fraction, or between two. 0: not judged.
	Sides float64
}

// Shares is how much of a number its largest contributors make up.
type Shares struct {
	Total, First, Second float64
}

// Dominated reports whether the N largest contributors make up a share of K of
// the total or more, or whether the largest could be estimated by the second to
// within a share of P (the n,k rule and the p % rule).
func (s Shares) Dominated(d Dominance) bool {
	if s.Total <= 0 {
		return false // nobody adds anything: the threshold tells
	}
	largest := s.First
	if d.N > 1 {
		largest += s.Second
	}
	// Written so that what is not a number counts as dominated.
	return !(largest < d.K*s.Total && s.Total-s.First-s.Second >= d.P*s.First)
}

// Evidence is what was measured of one group: people of each channel (channel 0
// is the whole group; a count may be a lower bound as long as every rule is met
// by it), and shares by cell.
type Evidence struct {
	People []int
	Shares []CellShares
}

// CellShares is what single people make up of one piece of a cell.
type CellShares struct {
	Cell       int
	Sums, Rows Shares // by absolute values, by rows
	People     int    // with a value
	Common     int    // of them, those with the value that most have
	Two        int    // of them, those with one of the two values that most have; 0 where squares are not in the number, or people have several
	Literal    bool   // every value is the same: Sums and Common say nothing
}

// constant reports whether nearly everybody has one value, so that the number
// shows the few who have another.
func (s CellShares) constant(threshold int) bool {
	return !s.Literal && s.Common >= threshold && s.People-s.Common < threshold
}

// twoValues reports whether nearly everybody has one of two values, of a number
// that squares are in: with how many there are and their sum it shows the few who
// have another.
func (s CellShares) twoValues(threshold int) bool {
	return !s.Literal && s.Two > 0 && s.People-s.Two < threshold
}

// Verdict is what leaves of a group: nothing (Dropped), or the numbers that are
// not withheld.
type Verdict struct {
	Dropped  bool
	Withheld []Rule // per cell; "" for released
}

// Judge applies threshold and dominance to one group. Differences are the Audit's.
func Judge(p Policy, cells []Cell, e Evidence) Verdict {
	v := Verdict{Withheld: make([]Rule, len(cells))}
	if e.People[0] < p.Threshold {
		v.Dropped = true
		return v
	}
	for i, c := range cells {
		v.Withheld[i] = judgeCell(p, i, c, e)
	}
	return v
}

func judgeCell(p Policy, i int, c Cell, e Evidence) Rule {
	for _, ch := range c.Contributors {
		if e.People[ch] < c.Need {
			return RuleThreshold
		}
	}
	for _, s := range e.Shares {
		switch {
		case s.Cell != i:
		case c.Sums && !s.Literal && s.Sums.Dominated(p.Dominance), c.Rows && s.Rows.Dominated(p.Dominance), s.constant(p.Threshold), s.twoValues(p.Threshold):
			return RuleDominance
		// Fewer people than threshold cannot fill this part of the rows, if each has
		// at most as many rows as the person with most.
		case c.Sides > 0 && s.Rows.First > 0 && c.Sides*s.Rows.Total < float64(p.Threshold)*s.Rows.First:
			return RuleThreshold
		}
	}
	return ""
}

// InDoubt lists the channels whose lower bounds do not settle the group: the
// true number must be asked for.
func InDoubt(threshold int, cells []Cell, lower []int) []int {
	var out []int
	doubt := map[int]bool{}
	ask := func(channel, need int) {
		if lower[channel] < need && !doubt[channel] {
			doubt[channel] = true
			out = append(out, channel)
		}
	}
	ask(0, threshold)
	for _, c := range cells {
		for _, ch := range c.Contributors {
			ask(ch, c.Need)
		}
	}
	return out
}
