package synth

// event is one row of events.csv.
type event struct {
	person int32 // within the block
	day    day
	value  int32 // tenths where the code has a decimal; noValue where there is none
	code   code
	mark   mark
}

const noValue = int32(-1)

// body is what a person's measurements vary around.
type body struct {
	bmi, systolic, diastolic, hba1c, cholesterol float64
	statinFrom                                   day // 0 when never on a statin
	statinDose                                   int32
}

func newBody(r stream, p *person) body {
	deprived := 5.5 - float64(p.lsoa.decile)
	b := body{
		// Health Survey for England 2021: BMI is skewed, with a standard deviation of about 5.
		bmi:         r.logNormal(1, 0.165) * (1 + 0.006*deprived),
		systolic:    r.NormFloat64() * 10,
		hba1c:       r.NormFloat64(),
		cholesterol: r.NormFloat64() * 0.75,
	}
	b.diastolic = 0.45*b.systolic + r.NormFloat64()*5
	if p.onset[typeTwoDiabetes] != 0 {
		b.bmi *= 1.11
	}

	// NHS Digital, prescribing 2023: some eight million people on a statin, a quarter of those over 40.
	age, share := p.age(extractDay), 0.0
	switch {
	case p.onset[typeTwoDiabetes] != 0 && age >= 40:
		share = 0.75
	case (p.onset[hypertension] != 0 || p.onset[chronicKidney] != 0) && age >= 50:
		share = 0.50
	case age >= 60:
		share = 0.20
	}
	if share > 0 && r.chance(share) {
		b.statinFrom = max(p.born+40*365, extractDay-r.after(6*365))
		b.statinDose = [...]int32{10, 20, 20, 40, 40, 80}[r.IntN(6)]
	}
	return b
}

// Health Survey for England 2021: mean BMI by age.
var meanBMI = curve{{16, 22.8}, {25, 25.2}, {40, 27.4}, {60, 28.3}, {75, 27.8}, {90, 25.6}}

// Health Survey for England 2021: mean systolic and diastolic pressure by age; diastolic falls from 55 on.
var (
	meanSystolic  = curve{{18, 114}, {40, 120}, {60, 129}, {75, 134}, {90, 135}}
	meanDiastolic = curve{{18, 68}, {40, 75}, {55, 77}, {75, 71}, {90, 68}}
)

// Health Survey for England 2021: mean total cholesterol by age, mmol/L; about 5.
var meanCholesterol = curve{{16, 4.1}, {30, 4.7}, {50, 5.4}, {65, 5.3}, {80, 4.9}}

// visits is how often an adult is measured in a year without and with the
// conditions whose yearly reviews QOF pays for (CPRD, Hippisley-Cox 2007: consultation rates rise with age).
var visits = curve{{18, .50}, {30, .60}, {45, .80}, {60, 1.05}, {75, 1.3}, {90, 1.3}}

// events appends what the practice recorded about a person.
func (g *generator) events(r stream, rows []event, who int32, p *person) []event {
	add := func(d day, c code, value int32) {
		rows = append(rows, event{person: who, day: d, code: c, value: value})
	}
	for c := range conditions {
		if on := p.onset[c]; on != 0 && on <= p.to {
			add(on, conditions[c].code, noValue)
		}
	}
	rows = covidVaccinations(r, rows, who, p)
	rows = fluVaccinations(r, rows, who, p)
	if p.to-p.born < 18*365 || p.to <= p.from {
		return rows
	}
	b := newBody(r, p)
	if b.statinFrom != 0 {
		d := b.statinFrom
		if d < p.from { // the first repeat within the window
			d = p.from + r.after(45)
		}
		for ; d <= p.to; d += 84 + day(r.IntN(29)) { // repeat dispensing, about every three months
			add(d, codeStatin, b.statinDose)
		}
	}

	d := max(p.from, p.born+18*365+5)
	for {
		rate := visits.at(float64(p.age(d)))
		if p.has(typeTwoDiabetes, d) {
			rate += 0.9
		}
		if p.has(hypertension, d) {
			rate += 0.55
		}
		if p.has(copd, d) || p.has(chronicKidney, d) {
			rate += 0.5
		}
		d += 1 + r.after(365.25/rate)
		if d > p.to {
			return rows
		}
		rows = measurements(r, rows, who, p, &b, d)
	}
}

// measurements appends what one visit found.
func measurements(r stream, rows []event, who int32, p *person, b *body, d day) []event {
	add := func(c code, value int32) {
		rows = append(rows, event{person: who, day: d, code: c, value: value})
	}
	age := float64(d-p.born) / 365.25
	diabetic, onStatin := p.has(typeTwoDiabetes, d), b.statinFrom != 0 && b.statinFrom <= d

	bmi := clamp(meanBMI.at(age)*b.bmi+r.NormFloat64()*0.5, 13, 68)
	if r.chance(0.42) {
		add(codeBMI, int32(bmi*10+0.5))
	}
	if r.chance(0.88) {
		systolic := meanSystolic.at(age) + bySex(p, -2, 2) + b.systolic + 0.35*(bmi-27)
		diastolic := meanDiastolic.at(age) + bySex(p, -1, 1) + b.diastolic + 0.2*(bmi-27)
		if p.has(hypertension, d) {
			systolic += 8
			diastolic += 4
		}
		systolic += r.NormFloat64() * 8
		diastolic += r.NormFloat64() * 5
		s := clamp(int32(systolic), 76, 240)
		add(codeSystolic, s)
		add(codeDiastolic, clamp(int32(diastolic), 40, s-10))
	}
	if p.smoking != tooYoung && r.chance(0.36) {
		switch {
		case p.smoking == currentSmoker, p.smoking == exSmoker && d < p.quit:
			add(codeCurrentSmoker, noValue)
		case p.smoking == exSmoker:
			add(codeExSmoker, noValue)
		default:
			add(codeNeverSmoked, noValue)
		}
	}
	tested := 0.10
	if diabetic {
		tested = 0.75
	} else if age >= 40 {
		tested = 0.24
	}
	if r.chance(tested) {
		// National Diabetes Audit 2022/23: median 52 mmol/mol in type 2, a third above 58; UK Biobank: 36 otherwise.
		hba1c := 33.5 + 0.055*(age-20) + 0.18*(bmi-27) + 2.6*b.hba1c + r.NormFloat64()*1.2
		if diabetic {
			deprived := 5.5 - float64(p.lsoa.decile)
			spread := 11.5 * b.hba1c
			if spread > 0 {
				spread *= 1.5
			}
			hba1c = 52 + spread + 0.4*deprived - 0.08*(age-60) + r.NormFloat64()*4
		} else if p.onset[typeTwoDiabetes] != 0 {
			hba1c += 6 // who will be diagnosed is often known to be at risk
		}
		add(codeHbA1c, clamp(int32(hba1c+0.5), 20, 160))
	}
	if r.chance(tested * 1.05) {
		cholesterol := meanCholesterol.at(age) + bySex(p, 0.1, -0.1) + b.cholesterol + r.NormFloat64()*0.35
		if onStatin { // CTT 2010: statins lower it by about a quarter
			cholesterol *= 0.76
		}
		add(codeCholesterol, int32(clamp(cholesterol, 1.8, 11)*10+0.5))
	}
	return rows
}
