package synth

import "time"

// UKHSA, COVID-19 vaccine surveillance: uptake of a first dose by age, and how
// many of them came back for the booster of autumn 2021.
var (
	firstDose   = curve{{11.9, 0}, {12, .48}, {17.9, .52}, {18, .70}, {30, .74}, {40, .82}, {50, .90}, {60, .94}, {70, .96}, {85, .96}}
	tookBooster = curve{{12, .08}, {17, .2}, {18, .45}, {30, .56}, {40, .70}, {50, .83}, {60, .91}, {70, .95}}
)

// UKHSA and OpenSAFELY 2021: uptake relative to White British people.
var uptakeByEthnicity = [16]float64{
	1, 0.97, 0.80, 0.72, 0.78, 0.86, 0.80, 0.94, 0.80, 0.86, 0.92, 0.66, 0.74, 0.66, 0.86, 0.78,
}

// When people of an age were called for their first dose.
var firstCalls = []struct {
	age  int
	from day
}{
	{80, dayOf(2020, time.December, 8)},
	{70, dayOf(2021, time.January, 15)},
	{60, dayOf(2021, time.February, 8)},
	{50, dayOf(2021, time.March, 6)},
	{40, dayOf(2021, time.April, 20)},
	{30, dayOf(2021, time.May, 18)},
	{18, dayOf(2021, time.June, 8)},
	{12, dayOf(2021, time.September, 20)},
}

var boosterFrom = dayOf(2021, time.September, 16)

// seasonal is a later campaign: who was called, and who came, by age (UKHSA weekly surveillance reports).
type seasonal struct {
	from          day
	age           int // from this age on
	younger, aged float64
}

var covidSeasons = []seasonal{
	{dayOf(2022, time.March, 21), 75, .79, .79},
	{dayOf(2022, time.September, 5), 50, .47, .80},
	{dayOf(2023, time.April, 3), 75, .69, .69},
	{dayOf(2023, time.September, 11), 65, .66, .74},
	{dayOf(2024, time.April, 22), 75, .60, .60},
	{dayOf(2024, time.October, 3), 65, .53, .65},
	{dayOf(2025, time.April, 1), 75, .53, .53},
}

func deprivedUptake(p *person) float64 { return 0.90 + 0.018*float64(p.lsoa.decile) }

// covidVaccinations appends a person's doses. One draw decides how willing the
// person is, so that who took the fifth dose took the four before.
func covidVaccinations(r stream, rows []event, who int32, p *person) []event {
	u := r.Float64() / (uptakeByEthnicity[p.ethnicity] * deprivedUptake(p))
	called := day(0)
	for _, c := range firstCalls {
		if years(p.born, c.from) >= c.age {
			called = c.from
			break
		}
	}
	if called == 0 || called > p.to {
		return rows
	}
	age := float64(p.age(called))
	uptake := firstDose.at(age)
	if u >= uptake {
		return rows
	}
	u /= uptake // now uniform among those who came
	last := called + r.after(16)
	dose := func(d day) bool {
		if d > p.to {
			return false
		}
		rows = append(rows, event{person: who, day: d, code: codeCovidVaccination, value: noValue})
		last = d
		return true
	}
	if !dose(last) || u > 0.955 || !dose(last+70+day(r.IntN(18))) {
		return rows
	}
	if u > tookBooster.at(age) || !dose(max(last+182, boosterFrom)+r.after(24)) {
		return rows
	}
	for _, s := range covidSeasons {
		a := p.age(s.from)
		came := s.younger
		if a >= 70 {
			came = s.aged
		}
		if a < s.age {
			// Those at clinical risk were called in autumn whatever their age.
			if s.age == 75 || !p.atRisk(s.from) || a < 12 {
				continue
			}
			came = 0.3
		}
		if d := s.from + r.after(22); u < came*1.05 && d > last+84 {
			if !dose(d) {
				return rows
			}
		}
	}
	return rows
}

func (p *person) atRisk(d day) bool {
	return p.has(typeTwoDiabetes, d) || p.has(copd, d) || p.has(chronicKidney, d) || p.has(hiv, d)
}

// UKHSA, seasonal influenza vaccine uptake, winters from 2018 to 2024: share of those aged 65 and over.
var fluWinters = [...]struct {
	from day
	aged float64
}{
	{dayOf(2018, time.September, 8), .72},
	{dayOf(2019, time.September, 8), .724},
	{dayOf(2020, time.September, 8), .809},
	{dayOf(2021, time.September, 8), .823},
	{dayOf(2022, time.September, 8), .799},
	{dayOf(2023, time.September, 8), .778},
	{dayOf(2024, time.September, 8), .75},
}

// fluVaccinations appends one vaccination for each winter in which the person came.
func fluVaccinations(r stream, rows []event, who int32, p *person) []event {
	u := r.Float64() / (0.5*uptakeByEthnicity[p.ethnicity] + 0.5) / deprivedUptake(p)
	for winter, w := range fluWinters {
		from := w.from
		if from > p.to || from < p.from {
			continue
		}
		came := 0.0
		switch age := p.age(from); {
		case age >= 65:
			came = w.aged
		case p.atRisk(from):
			came = 0.44
		case age >= 50 && winter >= 2 && winter <= 4: // offered in the pandemic's winters
			came = 0.40
		case age >= 2 && age <= 11:
			came = 0.46
		}
		if came == 0 || u >= came*(0.96+0.08*r.Float64()) {
			continue
		}
		if d := from + day(r.logNormal(33, 0.6)); d <= p.to && d < from+200 {
			rows = append(rows, event{person: who, day: d, code: codeFluVaccination, value: noValue})
		}
	}
	return rows
}
