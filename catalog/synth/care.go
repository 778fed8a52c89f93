package synth

// care is one row of social_care.csv: a package of care that a council arranged.
type care struct {
	person  int32
	started day
	ended   day   // 0 while it goes on
	hours   int32 // hundredths of an hour a week; noValue for equipment
	service service
	mark    mark
}

type service uint8

const (
	homeCare service = iota
	reablement
	residential
	nursing
	dayCare
	equipment
	serviceCount
)

var services = [serviceCount]struct {
	name          string
	hours, spread float64 // a week: median, and sigma of its logarithm; 0 for none
	lasts         float64 // days, mean
}{
	homeCare:    {"home care", 11, 0.55, 640},
	reablement:  {"reablement", 9, 0.45, 38},
	residential: {"residential", 168, 0, 900},
	nursing:     {"nursing", 168, 0, 560},
	dayCare:     {"day care", 10, 0.4, 700},
	equipment:   {"equipment", 0, 0, 500},
}

// NHS England, Adult Social Care Activity and Finance 2022/23: long-term and
// short-term support by age; people begin care within the window at these rates a year.
var careRate = curve{{18, .0025}, {40, .0031}, {60, .0048}, {65, .0104}, {75, .028}, {85, .090}, {95, .155}}

// Which services begin, for people under and over 65 (the same source).
var (
	careUnder65 = newShares(.34, .16, .06, .01, .28, .15)
	careOver65  = newShares(.34, .30, .10, .06, .05, .15)
)

// careTopUp makes care commoner in extracts of fewer than 600 people, so that there are
// good rows beside one of every fault.
func careTopUp(people int) float64 { return max(1, 36/(0.06*float64(people))) }

// care appends a person's packages of care, one after the other.
func (g *generator) care(r stream, rows []care, who int32, p *person) []care {
	d := max(careFrom, p.born+18*365)
	for {
		rate := careRate.at(float64(p.age(d))) * careByDecile[p.lsoa.decile] * g.careTopUp
		if p.died != 0 && p.died-d < 3*365 { // most who die old are cared for before
			rate *= 2.2
		}
		gap := r.ExpFloat64() / rate
		if gap > 1 {
			if d += 365; d > p.to {
				return rows
			}
			continue
		}
		d += 1 + day(gap*365.25)
		if d > p.to {
			return rows
		}
		s := service(careOver65.pick(r))
		if p.age(d) < 65 {
			s = service(careUnder65.pick(r))
		}
		// Reablement leads on to care at home for a third.
		for {
			c := care{person: who, started: d, service: s, hours: noValue}
			spec := &services[s]
			if spec.hours > 0 {
				// Councils commission whole quarters of an hour, at most the whole week.
				quarters := int(4 * min(168, r.logNormal(spec.hours, spec.spread)))
				c.hours = int32(max(2, quarters)) * 25
			}
			c.ended = d + 7 + r.after(spec.lasts)
			if p.died != 0 {
				c.ended = min(c.ended, p.died)
			}
			d = c.ended
			if c.ended > extractDay {
				c.ended = 0
			}
			rows = append(rows, c)
			if s != reablement || d >= p.to || !r.chance(0.35) {
				break
			}
			s = homeCare
			d++
		}
		d += 30
		if d > p.to {
			return rows
		}
	}
}

var careByDecile = ratio(1.5)
