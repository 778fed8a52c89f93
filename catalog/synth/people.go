package synth

import "math"

// The ethnic groups, as the NHS records them (the 16 of the 2001 census).
var ethnicities = [...]string{
	"White British", "White Irish", "Any other White background",
	"White and Black Caribbean", "White and Black African", "White and Asian", "Any other Mixed background",
	"Indian", "Pakistani", "Bangladeshi", "Any other Asian background",
	"Caribbean", "African", "Any other Black background",
	"Chinese", "Any other ethnic group", "unknown",
}

const (
	whiteBritish     = 0
	otherWhite       = 2
	mixedFrom        = 3
	indian           = 7
	pakistani        = 8
	bangladeshi      = 9
	otherAsian       = 10
	caribbean        = 11
	african          = 12
	otherBlack       = 13
	chinese          = 14
	otherEthnicity   = 15
	unknownEthnicity = 16
)

// Census 2021, table TS021 (ONS), ethnic group by region of England, per cent,
// rounded; its 19 groups folded into the 16.
var ethnicityByRegion = [len(regions)][16]float64{
	{90.6, 0.3, 2.2, 0.2, 0.3, 0.4, 0.3, 0.9, 1.0, 0.6, 0.7, 0.1, 0.8, 0.1, 0.6, 1.0},
	{81.2, 0.8, 3.6, 0.7, 0.4, 0.6, 0.5, 1.9, 4.1, 0.8, 1.0, 0.3, 1.7, 0.3, 0.7, 1.5},
	{80.9, 0.5, 4.0, 0.8, 0.3, 0.6, 0.4, 1.5, 5.4, 0.5, 1.0, 0.4, 1.5, 0.3, 0.5, 1.4},
	{79.6, 0.6, 5.5, 1.0, 0.3, 0.6, 0.5, 4.7, 1.4, 0.3, 1.2, 0.6, 1.8, 0.3, 0.5, 1.3},
	{71.8, 0.9, 4.4, 1.3, 0.3, 0.8, 0.6, 4.6, 5.4, 1.3, 1.5, 1.5, 2.3, 0.7, 0.6, 2.1},
	{78.5, 0.9, 7.1, 0.8, 0.5, 0.8, 0.7, 2.2, 1.6, 0.8, 1.2, 0.6, 2.0, 0.4, 0.6, 1.4},
	{36.8, 1.8, 15.2, 1.5, 0.9, 1.4, 1.9, 7.5, 3.3, 3.7, 4.6, 3.9, 7.9, 1.7, 1.7, 6.3},
	{78.8, 0.9, 6.6, 0.6, 0.5, 0.9, 0.8, 2.6, 1.6, 0.5, 1.7, 0.4, 1.6, 0.3, 0.7, 1.5},
	{87.8, 0.5, 4.7, 0.6, 0.3, 0.6, 0.5, 1.1, 0.3, 0.3, 0.8, 0.3, 0.7, 0.2, 0.5, 0.9},
}

// NHS England, ethnicity recording: about 95 in 100 people have a usable group.
const ethnicityUnknown = 0.045

// ONS mid-2023 population estimates, England: per cent in five-year bands from 0 to 4, to 100 to 104.
var ageBands = [21]float64{
	5.3, 5.8, 6.1, 5.8, 6.1, 6.6, 7.0, 6.8, 6.5, 6.0, 6.7,
	6.7, 5.9, 5.0, 4.7, 4.2, 2.6, 1.6, 0.7, 0.2, 0.03,
}

// Census 2021 (ONS), ethnic group by age: how much commoner than in everyone
// under 20, 20 to 39, 40 to 64, and 65 and over are, in White, Mixed, Asian (with
// Chinese), Black and other people. Zeros are filled in as what remains.
var ageByEthnicity = [5][4]float64{
	{0, 0, 0, 0},
	{2.05, 1.10, 0.50, 0.18},
	{1.30, 1.25, 0.95, 0.40},
	{1.40, 1.10, 1.05, 0.36},
	{1.25, 1.30, 1.00, 0.33},
}

// Census 2021 (ONS): England's shares of those five.
var broadShares = [5]float64{0.81, 0.03, 0.101, 0.042, 0.022}

func broadGroup(ethnicity int) int {
	switch {
	case ethnicity < mixedFrom:
		return 0
	case ethnicity < indian:
		return 1
	case ethnicity <= otherAsian || ethnicity == chinese:
		return 2
	case ethnicity <= otherBlack:
		return 3
	default:
		return 4
	}
}

// ONS mid-2023 population estimates: London is younger than its ethnic mix tells, the South West older.
func ageTilt(region, quarter int) float64 {
	switch region {
	case regionLondon:
		return [4]float64{1.0, 1.25, 0.97, 0.75}[quarter]
	case regionSouthWest:
		return [4]float64{0.95, 0.92, 1.0, 1.2}[quarter]
	default:
		return 1
	}
}

// ONS national life tables, England 2020 to 2022: the yearly risk of death in the form a·e^(b·age).
var mortality = [2]struct{ a, b float64 }{
	{8.45e-6, 0.108}, // women
	{2.10e-5, 0.0999},
}

// ONS, deaths by deprivation decile, England: age-standardised rates fall about
// twofold from the most to the least deprived.
func mortalityByDecile(decile int) float64 { return 1.45 - 0.08*float64(decile-1) }

// person is one made-up person of a block.
type person struct {
	nhs       [10]byte
	postcode  [8]byte
	index     int // among all people
	lsoa      *lsoa
	practice  uint16
	given     uint8
	family    uint8
	house     uint8
	street    uint8
	sex       byte // F, M, I
	female    bool // of the two sexes, the one that biology here follows
	ethnicity uint8
	recorded  uint8 // the ethnicity that the practice holds; may be unknown

	born, died               day // died is 0 for the living
	registered, deregistered day // deregistered is 0 for those who are still on the list
	from, to                 day // what the record covers

	onset   [len(conditions)]day // 0 for those who never fall ill
	smoking smoking
	quit    day // when an ex-smoker stopped

	lost bool // its row of patients.csv is to be rejected
}

func (p *person) age(d day) int { return years(p.born, d) }

// has reports whether the person has a condition on a day.
func (p *person) has(c condition, d day) bool { return p.onset[c] != 0 && p.onset[c] <= d }

// population draws people.
type population struct {
	places    *places
	numbers   nhsNumbers
	ethnicity [len(regions)]shares
	ages      [len(regions)][5]shares
}

func newPopulation(seed uint64, people int) *population {
	p := &population{places: newPlaces(seed, people), numbers: newNHSNumbers(seed)}
	byAge := ageByEthnicity
	for q := range 4 {
		rest := 1.0
		for g := 1; g < 5; g++ {
			rest -= broadShares[g] * byAge[g][q]
		}
		byAge[0][q] = rest / broadShares[0]
	}
	window := float64(extractDay-deathsFrom) / 365.25
	for r := range regions {
		p.ethnicity[r] = newShares(ethnicityByRegion[r][:]...)
		for g := range byAge {
			weights := make([]float64, len(ageBands))
			for b, share := range ageBands {
				quarter := [21]int{0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2}[b]
				if b >= 13 {
					quarter = 3
				}
				// The bands are those of the living at the end: as many more are
				// drawn as die in the window.
				end := float64(b)*5 + 2.5
				start := max(0, end-window)
				survival := 0.0
				for _, m := range mortality {
					survival += 0.5 * math.Exp(-m.a/m.b*(math.Exp(m.b*end)-math.Exp(m.b*start)))
				}
				weights[b] = share * byAge[g][quarter] * ageTilt(r, quarter) / survival
			}
			p.ages[r][g] = newShares(weights...)
		}
	}
	return p
}

// draw makes the person of an index.
func (pop *population) draw(r stream, index int) person {
	p := person{index: index, nhs: pop.numbers.at(index)}
	region := pop.places.share.pick(r)
	area := pop.places.byRegion[region]
	p.lsoa = &pop.places.lsoas[area.from+r.IntN(area.to-area.from)]
	// NHS Digital, patients registered at a practice by LSOA: most neighbours share one, some go further.
	switch u := r.Float64(); {
	case u < 0.68:
		p.practice = p.lsoa.practices[0]
	case u < 0.86:
		p.practice = p.lsoa.practices[1]
	default:
		p.practice = p.lsoa.practices[2]
	}
	p.postcode = p.lsoa.postcode(r.IntN(unitsPerLSOA))
	p.house = uint8(1 + r.IntN(180))
	p.street = uint8(r.IntN(len(streets) * len(streetKinds)))

	ethnicity := pop.ethnicity[region].pick(r)
	p.ethnicity, p.recorded = uint8(ethnicity), uint8(ethnicity)
	if r.chance(ethnicityUnknown) {
		p.recorded = unknownEthnicity
	}

	band := pop.ages[region][broadGroup(ethnicity)].pick(r)
	p.born = extractDay - day((float64(band)+r.Float64())*5*365.25)
	// ONS mid-2023: 51 in 100 are female; fewer among children, two thirds past 90.
	p.female = r.chance(0.487 + 0.0008*float64(clamp(5*band-20, 0, 60)) + 0.008*float64(max(0, 5*band-75)))
	p.sex = 'M'
	if p.female {
		p.sex = 'F'
	}
	// NHS Data Dictionary "indeterminate". In England a few in ten thousand; here a
	// hundred times as many on purpose, so that every region of a demonstration of
	// 20,000 has enough of them for a table by sex and region to be shown whole.
	if r.chance(0.03) {
		p.sex = 'I'
	}
	p.given, p.family = uint8(r.IntN(len(givenMale))), uint8(r.IntN(len(familyNames)))

	pop.illnesses(r, &p)
	p.died = timeOfDeath(r, &p)
	pop.registration(r, &p)
	return p
}

// timeOfDeath is the day of death within the window, or 0.
func timeOfDeath(r stream, p *person) day {
	sex := 1
	if p.female {
		sex = 0
	}
	// Relative risks about as in the Emerging Risk Factors Collaboration (diabetes 1.8), Doll 2004 (smoking
	// 2, averaged over ages) and published COPD and CKD cohorts; 0.66 brings the mean back to the life table.
	risk := 0.66 * mortalityByDecile(int(p.lsoa.decile))
	if p.smoking == currentSmoker {
		risk *= 1.9
	}
	for c, m := range [...]float64{typeTwoDiabetes: 1.5, copd: 1.9, chronicKidney: 1.4} {
		if m != 0 && p.has(condition(c), extractDay-730) {
			risk *= m
		}
	}
	a, b := mortality[sex].a*risk, mortality[sex].b
	start := max(0, float64(deathsFrom-p.born)/365.25)
	age := math.Log(math.Exp(b*start)+r.ExpFloat64()*b/a) / b
	if p.born > deathsFrom && r.chance(0.0038) { // ONS child mortality 2022: 3.8 of 1,000 die in their first year
		age = math.Abs(r.NormFloat64()) * 0.2
	}
	died := p.born + day(age*365.25) + 1
	if died > extractDay || died < deathsFrom {
		return 0
	}
	return died
}

// registration says when the person joined and left the practice's list.
func (pop *population) registration(r stream, p *person) {
	p.to = extractDay
	if p.died != 0 {
		p.to, p.deregistered = p.died, p.died
	}
	// NHS Digital, registrations: people stay with a practice for some 14 years in the mean.
	p.registered = max(p.born+min(p.to-p.born, 14+day(r.IntN(42))), p.to-20-r.after(14*365.25))
	if p.died == 0 && r.chance(0.055) { // who moved away since
		p.deregistered = r.within(max(p.registered, eventsFrom), extractDay)
		p.to = p.deregistered
	}
	p.from = max(p.born, eventsFrom)
}
