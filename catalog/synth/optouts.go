package synth

import "time"

// choice picks one person of each group of size consecutive ones: a share of
// people that is exact in every extract, and known from the index alone.
type choice struct {
	key  uint64
	size int
}

func (c choice) picks(person int) bool {
	group := person / c.size
	return int(mix(c.key, uint64(group))%uint64(c.size)) == person%c.size
}

// optOuts says who opted out, and how.
type optOuts struct {
	national, type1, withdrawn choice
}

// NHS England, National Data Opt-out statistics: some 5.4 % of people. Type 1
// and withdrawals are shares of our own choosing (2 % and 0.1 %).
func newOptOuts(seed uint64, people int) optOuts {
	return optOuts{
		national:  choice{mix(seed, purposeNational), 20},
		type1:     choice{mix(seed, purposeType1), 50},
		withdrawn: choice{mix(seed, purposeWithdrawal), min(1000, max(1, people/5))},
	}
}

// any reports whether the person is on any of the lists.
func (o optOuts) any(person int) bool {
	return o.national.picks(person) || o.type1.picks(person) || o.withdraws(person)
}

// withdraws reports whether the person withdrew later: one of each group who
// had not opted out by then, so that each withdrawal takes effect.
func (o optOuts) withdraws(person int) bool {
	if o.national.picks(person) || o.type1.picks(person) {
		return false
	}
	c := o.withdrawn
	first := person / c.size * c.size
	start := int(mix(c.key, uint64(first/c.size)) % uint64(c.size))
	for i := range c.size {
		candidate := first + (start+i)%c.size
		if candidate == person {
			return true
		}
		if !o.national.picks(candidate) && !o.type1.picks(candidate) {
			return false
		}
	}
	return false
}

var withdrawalReasons = []string{
	"consent to the study withdrawn", "objection under Article 21", "withdrawal by next of kin", "request of the person",
}

// Withdrawals reach the custodian after the extract.
const withdrawalsLast = 90 // days

// Type 1 opt-outs could be recorded from then on.
var type1From = dayOf(2013, time.September, 1)
