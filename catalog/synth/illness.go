package synth

// condition is a long-term condition that practices keep a register of.
type condition uint8

const (
	typeTwoDiabetes condition = iota
	hypertension
	asthma
	copd
	chronicKidney
	depression
	hiv
	conditionCount
)

// conditions gives, for each, the share of people who have been diagnosed by an
// age. Levels are set so that everyone together meets NHS England's Quality and
// Outcomes Framework 2023/24 (diabetes 7.7 % of those over 16, nine in ten of them type 2; hypertension
// 14.8 %; asthma 6.5 %; COPD 1.9 %; CKD 3 to 5 4.4 % of adults; depression 13.2 % of adults), and the
// shapes follow the Health Survey for England by age.
var conditions = [conditionCount]struct {
	code  code
	byAge curve
}{
	typeTwoDiabetes: {codeTypeTwoDiabetes, curve{{15, 0}, {20, .001}, {30, .007}, {40, .024}, {50, .062}, {60, .105}, {70, .148}, {80, .18}, {90, .185}}},
	hypertension:    {codeHypertension, curve{{15, 0}, {20, .002}, {30, .013}, {40, .05}, {50, .14}, {60, .265}, {70, .41}, {80, .53}, {90, .57}}},
	asthma:          {codeAsthma, curve{{1, 0}, {5, .017}, {10, .05}, {20, .067}, {40, .072}, {60, .078}, {80, .083}}},
	copd:            {codeCOPD, curve{{35, 0}, {40, .002}, {50, .011}, {60, .03}, {70, .06}, {80, .085}, {90, .095}}},
	chronicKidney:   {codeChronicKidney, curve{{30, 0}, {50, .005}, {60, .024}, {70, .082}, {80, .20}, {90, .32}, {100, .36}}},
	depression:      {codeDepression, curve{{11, 0}, {15, .012}, {20, .055}, {30, .11}, {40, .14}, {50, .155}, {60, .162}, {80, .17}}},
	// UKHSA, HIV in the United Kingdom 2023: about 100,000 people in care in England.
	hiv: {codeHIV, curve{{18, 0}, {25, .0006}, {35, .0018}, {45, .0027}, {55, .0034}, {70, .0036}}},
}

type smoking uint8

const (
	neverSmoked smoking = iota
	exSmoker
	currentSmoker
	tooYoung
)

// ONS Annual Population Survey 2022 and QOF 2023/24: current smokers by age, 13 % to 15 % of adults.
var currentSmokers = curve{{16, .04}, {20, .13}, {30, .18}, {45, .165}, {60, .145}, {75, .08}, {90, .03}}

// Health Survey for England 2021: ex-smokers by age, a quarter of adults.
var exSmokers = curve{{16, .01}, {25, .10}, {35, .19}, {50, .25}, {65, .34}, {80, .42}}

// ratio is the relative risk of each deprivation decile: steepest in decile 1,
// 1 in the middle, and its inverse in decile 10.
func ratio(steepest float64) (r [11]float64) {
	for d := 1; d <= 10; d++ {
		t := (5.5 - float64(d)) / 4.5
		if t >= 0 {
			r[d] = 1 + t*(steepest-1)
		} else {
			r[d] = 1 / (1 - t*(steepest-1))
		}
	}
	return r
}

// OHID, Public health profiles (Fingertips), QOF prevalences by deprivation of the practice: relative to
// the middle, the most deprived tenth has this much more of each.
var (
	diabetesByDecile   = ratio(1.35)
	pressureByDecile   = ratio(1.08)
	asthmaByDecile     = ratio(1.10)
	copdByDecile       = ratio(1.9)
	kidneyByDecile     = ratio(1.12)
	depressionByDecile = ratio(1.3)
	hivByDecile        = ratio(1.7)
	smokingByDecile    = ratio(1.8)
)

// illnesses draws smoking and the onset of each condition. Each condition's
// draw is made once for the whole life: who would fall ill at 80 is not ill at 50.
func (pop *population) illnesses(r stream, p *person) {
	decile, age := p.lsoa.decile, float64(extractDay-p.born)/365.25
	pop.smokes(r, p, age)

	m := diabetesByDecile[decile] * bySex(p, 0.84, 1.16)
	switch p.ethnicity { // Diabetes UK and Khunti 2013: two to four times commoner in South Asian and Black people
	case indian, otherAsian:
		m *= 2.0
	case pakistani, bangladeshi:
		m *= 2.6
	case caribbean, african, otherBlack:
		m *= 1.8
	}
	p.fallIll(r, typeTwoDiabetes, m)
	diabetic := p.onset[typeTwoDiabetes] != 0

	m = pressureByDecile[decile] * bySex(p, 0.96, 1.04)
	if broadGroup(int(p.ethnicity)) == 3 { // Health Survey for England 2004: higher in Black people
		m *= 1.35
	}
	if diabetic {
		m *= 1.5
	} else {
		m *= 0.95
	}
	p.fallIll(r, hypertension, m)

	p.fallIll(r, asthma, asthmaByDecile[decile]*bySex(p, 1.1, 0.9))

	m = copdByDecile[decile] * 0.92
	switch p.smoking { // GOLD report: nine in ten cases follow smoking
	case currentSmoker:
		m *= 2.6
	case exSmoker:
		m *= 1.7
	default:
		m *= 0.3
	}
	p.fallIll(r, copd, m)

	m = kidneyByDecile[decile] * bySex(p, 1.1, 0.88)
	if diabetic {
		m *= 1.6
	}
	p.fallIll(r, chronicKidney, m)

	p.fallIll(r, depression, depressionByDecile[decile]*bySex(p, 1.28, 0.7))

	m = hivByDecile[decile] * bySex(p, 0.6, 1.35)
	if p.lsoa.region == regionLondon {
		m *= 1.9
	}
	switch p.ethnicity { // UKHSA 2023: a third of people in care are Black African
	case african:
		m *= 7
	case caribbean, otherBlack:
		m *= 2
	default:
		m *= 0.62
	}
	p.fallIll(r, hiv, m)
}

func (pop *population) smokes(r stream, p *person, age float64) {
	if age < 16 {
		p.smoking = tooYoung
		return
	}
	u := r.Float64()
	current := currentSmokers.at(age) * smokingByDecile[p.lsoa.decile] * bySex(p, 0.88, 1.13)
	switch broadGroup(int(p.ethnicity)) { // ONS 2022: fewer smokers among Asian and Black people
	case 2, 3:
		current *= 0.62
	case 1:
		current *= 1.2
	}
	switch {
	case u < current:
		p.smoking = currentSmoker
	case u < current+exSmokers.at(age)*bySex(p, 0.9, 1.1):
		p.smoking = exSmoker
		p.quit = p.born + day((18+(age-18)*max(0.05, r.Float64()))*365.25)
		p.quit = min(p.quit, extractDay)
	}
}

// fallIll draws the onset of a condition; m is the person's risk relative to
// everyone's. Who would fall ill after the extract date does not.
func (p *person) fallIll(r stream, c condition, m float64) {
	u := r.Float64()
	age, ok := conditions[c].byAge.inverse(u / m)
	if !ok {
		return
	}
	if onset := p.born + day(age*365.25); onset <= extractDay {
		p.onset[c] = onset
	}
}

func bySex(p *person, female, male float64) float64 {
	if p.female {
		return female
	}
	return male
}
