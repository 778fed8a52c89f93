package disclosure

// Rule says why a number was withheld.
type Rule string

// The rules, in the order in which they are tried.
const (
	RuleThreshold     Rule = "threshold"     // too few people in the group, or contributing
	RuleDifference    Rule = "difference"    // too near to another number of the same group
	RuleComplementary Rule = "complementary" // could be worked out from totals
)

// Cell is one number of every group, and the evidence that it needs.
type Cell struct {
	Need         int          // people that must contribute
	Contributors []int        // channels that must each reach Need
	Differences  []Difference // rows in which it differs from the group or an earlier cell
}

// Difference is the rows that two numbers of a group do not share.
type Difference struct {
	Channel int
	With    int  // earlier cell, −1 for the whole group
	Lax     bool // no rows at all is fine
}

// Group is one group of a table: people of each channel (channel 0 is the whole
// group). A count may be a lower bound as long as every rule is met by it.
type Group struct {
	People []int
}

// Verdict is what leaves of a group: nothing (Dropped), or the numbers that are
// not withheld.
type Verdict struct {
	Dropped  bool
	Withheld []Rule // per cell; "" for released
}

// Judge applies threshold and in-group differencing to one group.
func Judge(threshold int, cells []Cell, g Group) Verdict {
	v := Verdict{Withheld: make([]Rule, len(cells))}
	if g.People[0] < threshold {
		v.Dropped = true
		return v
	}
	for i, c := range cells {
		v.Withheld[i] = judgeCell(threshold, c, g, v.Withheld)
	}
	return v
}

func judgeCell(threshold int, c Cell, g Group, before []Rule) Rule {
	for _, ch := range c.Contributors {
		if g.People[ch] < c.Need {
			return RuleThreshold
		}
	}
	for _, d := range c.Differences {
		if d.With >= 0 && before[d.With] != "" {
			continue // the other number does not leave
		}
		if n := g.People[d.Channel]; n < threshold && !(d.Lax && n == 0) {
			return RuleDifference
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
		for _, d := range c.Differences {
			ask(d.Channel, threshold)
		}
	}
	return out
}
