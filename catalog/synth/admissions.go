package synth

// admission is one row of admissions.csv.
type admission struct {
	person     int32
	admitted   day
	discharged day // 0 while in hospital on the extract date
	provider   uint16
	diagnosis  uint8
	procedure  uint8 // 0 for none
	method     method
	mark       mark
}

type method uint8

const (
	elective method = iota
	emergency
	maternity
	otherMethod
)

var methods = [...]string{"elective", "emergency", "maternity", "other"}

// The groups of age that diagnoses are drawn by: 0 to 1, 2 to 14, 15 to 44, 45 to 64, 65 to 74, 75 and over.
const ageGroups = 6

func ageGroup(age int) int {
	switch {
	case age < 2:
		return 0
	case age < 15:
		return 1
	case age < 45:
		return 2
	case age < 65:
		return 3
	case age < 75:
		return 4
	default:
		return 5
	}
}

// diagnoses follow the primary diagnoses of NHS England's Hospital Admitted
// Patient Care Activity 2023/24: weight is the share of its method's admissions
// by age group; median and sigma shape the stay in days; winter is by how much
// January exceeds the mean.
var diagnoses = [...]struct {
	code, term, codelist string
	method               method
	weight               [ageGroups]float64
	median, sigma        float64
	winter               float32
	procedure            uint8   // the usual one, 0 for none
	share                float64 // how often it is done
	needs                need
}{
	{"I219", "Acute myocardial infarction, unspecified", "myocardial-infarction", emergency, [6]float64{0, 0, .6, 5, 5, 3.6}, 3.2, .8, .10, procStent, .55, anyone},
	{"I639", "Cerebral infarction, unspecified", "stroke", emergency, [6]float64{0, 0, .4, 3, 4.2, 5}, 6.5, 1.1, .05, procScan, .9, anyone},
	{"J441", "COPD with acute exacerbation, unspecified", "copd", emergency, [6]float64{0, 0, .5, 5, 9, 6}, 4.2, .85, .35, 0, 0, ofCOPD},
	{"E119", "Type 2 diabetes mellitus without complications", "type-2-diabetes", emergency, [6]float64{0, 0, .8, 3, 3, 2.4}, 3.5, 1.0, 0, 0, 0, ofDiabetes},
	{"N183", "Chronic kidney disease, stage 3", "chronic-kidney-disease", emergency, [6]float64{0, 0, .5, 2, 3, 3}, 4, 1.0, 0, procDialysis, .1, ofKidney},
	{"F329", "Depressive episode, unspecified", "depression", emergency, [6]float64{0, .6, 5, 2.5, 1, .6}, 11, 1.3, 0, 0, 0, anyone},
	{"S720", "Fracture of neck of femur", "hip-fracture", emergency, [6]float64{0, 0, .1, .8, 2.5, 6.5}, 13, .65, .08, procHip, .85, anyone},
	{"J189", "Pneumonia, unspecified", "pneumonia", emergency, [6]float64{2.5, 3.5, 2, 5, 8, 10}, 5.2, .95, .40, procScan, .15, anyone},
	{"K529", "Noninfective gastroenteritis and colitis, unspecified", "gastroenteritis", emergency, [6]float64{4, 5, 4, 3.2, 2.5, 2.6}, 1.4, .95, .05, 0, 0, anyone},
	{"U071", "COVID-19, virus identified", "covid-19", emergency, [6]float64{1.5, .8, 1.5, 3, 5, 7}, 6.2, 1.0, .20, 0, 0, anyone},
	{"R074", "Chest pain, unspecified", "chest-pain", emergency, [6]float64{0, .5, 8, 10, 6, 4}, .9, .8, 0, 0, 0, anyone},
	{"R104", "Other and unspecified abdominal pain", "abdominal-pain", emergency, [6]float64{.5, 6, 10, 5, 3, 2}, 1.0, .85, 0, procScan, .35, anyone},
	{"N390", "Urinary tract infection, site not specified", "urinary-infection", emergency, [6]float64{2.5, 2.5, 4.5, 3.5, 5, 8}, 4, 1.0, -.03, 0, 0, anyone},
	{"I500", "Congestive heart failure", "heart-failure", emergency, [6]float64{0, 0, .3, 2, 4, 6}, 7, .9, .15, 0, 0, anyone},
	{"A419", "Sepsis, unspecified", "sepsis", emergency, [6]float64{1, 1, 1.5, 3, 5, 6}, 7, .95, .10, procScan, .2, anyone},
	{"R55X", "Syncope and collapse", "syncope", emergency, [6]float64{0, 1, 2, 2, 3, 5}, 1.2, 1.0, 0, 0, 0, anyone},
	{"S525", "Fracture of lower end of radius", "wrist-fracture", emergency, [6]float64{0, 6, 1.5, 1.8, 1.5, 1.4}, 1.0, .7, .05, procFixation, .6, anyone},
	{"T391", "Poisoning by 4-aminophenol derivatives", "poisoning", emergency, [6]float64{.2, 2, 6, 2, .5, .2}, 1.2, .8, 0, 0, 0, anyone},
	{"K358", "Acute appendicitis, other and unspecified", "appendicitis", emergency, [6]float64{0, 5, 4, 1.5, .6, .2}, 2.6, .6, 0, procAppendix, .9, anyone},
	{"J459", "Asthma, unspecified", "asthma", emergency, [6]float64{2, 7, 3, 2, 1, .6}, 1.4, .8, .25, 0, 0, anyone},
	{"J219", "Acute bronchiolitis, unspecified", "bronchiolitis", emergency, [6]float64{20, .4, 0, 0, 0, 0}, 1.5, .8, .85, 0, 0, anyone},
	{"J069", "Acute upper respiratory infection, unspecified", "upper-respiratory-infection", emergency, [6]float64{14, 10, 1.5, .6, .4, .4}, .8, .7, .45, 0, 0, anyone},
	{"B349", "Viral infection, unspecified", "viral-infection", emergency, [6]float64{12, 8, 1.5, .8, .6, .6}, .9, .7, .30, 0, 0, anyone},

	{"C509", "Malignant neoplasm of breast, unspecified", "breast-cancer", elective, [6]float64{0, 0, 2, 5, 5, 3}, .9, .9, 0, procBreast, .5, mostlyWomen},
	{"C61X", "Malignant neoplasm of prostate", "prostate-cancer", elective, [6]float64{0, 0, 0, 2.5, 5, 4}, .9, .9, 0, procProstate, .4, onlyMen},
	{"C189", "Malignant neoplasm of colon, unspecified", "colon-cancer", elective, [6]float64{0, 0, .6, 3, 4, 4}, 1.2, 1.2, 0, procColonoscopy, .3, anyone},
	{"Z511", "Chemotherapy session for neoplasm", "chemotherapy", elective, [6]float64{.5, 2, 3, 8, 9, 5}, .4, .5, 0, procChemotherapy, .95, anyone},
	{"H269", "Cataract, unspecified", "cataract", elective, [6]float64{0, .3, .6, 6, 16, 24}, .3, .5, 0, procCataract, .95, anyone},
	{"M171", "Other primary gonarthrosis", "knee-osteoarthritis", elective, [6]float64{0, 0, .5, 4, 6, 5}, 2.8, .6, -.05, procKnee, .7, anyone},
	{"M169", "Coxarthrosis, unspecified", "hip-osteoarthritis", elective, [6]float64{0, 0, .5, 3, 4.5, 4}, 2.8, .6, -.05, procHip, .75, anyone},
	{"K409", "Inguinal hernia, unilateral, without obstruction", "hernia", elective, [6]float64{3, 2, 2, 4, 4, 3}, .4, .6, 0, procHernia, .95, anyone},
	{"K802", "Calculus of gallbladder without cholecystitis", "gallstones", elective, [6]float64{0, .1, 4, 4, 3, 2}, .7, .9, 0, procGallbladder, .7, anyone},
	{"D509", "Iron deficiency anaemia, unspecified", "anaemia", elective, [6]float64{.5, 1, 4, 4, 4, 5}, .4, .7, 0, procEndoscopy, .5, anyone},
	{"K219", "Gastro-oesophageal reflux disease without oesophagitis", "reflux", elective, [6]float64{1, 1, 6, 7, 5, 3}, .3, .4, 0, procEndoscopy, .85, anyone},
	{"K635", "Polyp of colon", "colon-polyp", elective, [6]float64{0, .2, 2, 8, 9, 5}, .3, .4, 0, procColonoscopy, .95, anyone},
	{"J353", "Hypertrophy of tonsils with hypertrophy of adenoids", "tonsils", elective, [6]float64{3, 9, 3, .1, 0, 0}, .5, .6, 0, procTonsils, .9, anyone},

	{"O800", "Spontaneous vertex delivery", "delivery", maternity, [6]float64{0, 0, 52, 50, 0, 0}, 1.4, .55, 0, procDelivery, .95, anyone},
	{"O829", "Delivery by caesarean section, unspecified", "delivery", maternity, [6]float64{0, 0, 30, 40, 0, 0}, 2.6, .45, 0, procCaesarean, .98, anyone},
	{"O479", "False labour, unspecified", "false-labour", maternity, [6]float64{0, 0, 18, 10, 0, 0}, .5, .6, 0, 0, 0, anyone},

	{"Z380", "Singleton, born in hospital", "birth", otherMethod, [6]float64{1, 0, 0, 0, 0, 0}, 1.4, .6, 0, 0, 0, anyone},
	{"Z508", "Care involving use of other rehabilitation procedures", "rehabilitation", otherMethod, [6]float64{0, 1, 1, 1, 1, 1}, 9, .9, 0, 0, 0, anyone},
}

var (
	diagnosisBirth = diagnosisIndex("Z380")
	diagnosisCOPD  = diagnosisIndex("J441")
	// What is left when the draw keeps falling on what a person cannot have.
	diagnosisOther = [len(methods)]int{
		elective: diagnosisIndex("K219"), emergency: diagnosisIndex("R104"),
		maternity: diagnosisIndex("O479"), otherMethod: diagnosisIndex("Z508"),
	}
)

func diagnosisIndex(code string) int {
	for i, d := range diagnoses {
		if d.code == code {
			return i
		}
	}
	panic("synth: no diagnosis " + code)
}

// need is who a diagnosis can befall.
type need uint8

const (
	anyone need = iota
	ofCOPD
	ofDiabetes
	ofKidney
	mostlyWomen
	onlyMen
)

func (n need) met(r stream, p *person, d day) bool {
	switch n {
	case ofCOPD:
		return p.has(copd, d) || r.chance(0.03)
	case ofDiabetes:
		return p.has(typeTwoDiabetes, d)
	case ofKidney:
		return p.has(chronicKidney, d)
	case mostlyWomen:
		return p.female || r.chance(0.01)
	case onlyMen:
		return !p.female
	default:
		return true
	}
}

const (
	procNone uint8 = iota
	procStent
	procScan
	procDialysis
	procHip
	procFixation
	procAppendix
	procBreast
	procProstate
	procColonoscopy
	procChemotherapy
	procCataract
	procKnee
	procHernia
	procGallbladder
	procEndoscopy
	procTonsils
	procDelivery
	procCaesarean
)

var procedures = [...]struct{ code, term, codelist string }{
	procNone:         {},
	procStent:        {"K751", "Percutaneous transluminal insertion of drug-eluting stent into coronary artery", "coronary-stent"},
	procScan:         {"U212", "Computed tomography", "imaging"},
	procDialysis:     {"X403", "Haemodialysis", "dialysis"},
	procHip:          {"W371", "Primary total prosthetic replacement of hip joint using cement", "hip-replacement"},
	procFixation:     {"W242", "Closed reduction of fracture of long bone and rigid internal fixation", "fracture-fixation"},
	procAppendix:     {"H011", "Emergency excision of abnormal appendix", "appendicectomy"},
	procBreast:       {"B283", "Excision of lesion of breast", "breast-surgery"},
	procProstate:     {"M703", "Rectal needle biopsy of prostate", "prostate-biopsy"},
	procColonoscopy:  {"H229", "Unspecified diagnostic endoscopic examination of colon", "colonoscopy"},
	procChemotherapy: {"X723", "Delivery of complex chemotherapy for neoplasm", "chemotherapy"},
	procCataract:     {"C712", "Phacoemulsification of lens", "cataract-surgery"},
	procKnee:         {"W401", "Primary total prosthetic replacement of knee joint using cement", "knee-replacement"},
	procHernia:       {"T202", "Primary repair of inguinal hernia using insert of prosthetic material", "hernia-repair"},
	procGallbladder:  {"J183", "Total cholecystectomy", "cholecystectomy"},
	procEndoscopy:    {"G459", "Unspecified diagnostic fibreoptic endoscopic examination of upper gastrointestinal tract", "endoscopy"},
	procTonsils:      {"F341", "Bilateral dissection tonsillectomy", "tonsillectomy"},
	procDelivery:     {"R249", "Normal delivery", "delivery"},
	procCaesarean:    {"R182", "Lower uterine segment caesarean delivery", "delivery"},
}

// Hospital Admitted Patient Care Activity 2023/24, admissions in a year per person by age (17.6 million in all, 6.6
// million of them emergencies).
var (
	emergencyRate = curve{{0, .28}, {2, .10}, {6, .045}, {14, .045}, {20, .066}, {45, .075}, {60, .11}, {70, .17}, {80, .32}, {90, .56}}
	electiveRate  = curve{{0, .033}, {14, .037}, {20, .066}, {35, .10}, {50, .20}, {65, .34}, {78, .44}, {90, .28}}
	// ONS births by age of mother 2022, and one more admission for every five births.
	maternityRate = curve{{15, 0}, {18, .012}, {22, .06}, {30, .12}, {34, .12}, {40, .04}, {46, 0}}
)

// More than the seasons ever ask for: candidates are drawn this much too often and thinned.
const seasonPeak = 1.9

// admissionTables are the diagnoses by method and age group.
type admissionTables [len(methods)][ageGroups]shares

func newAdmissionTables() *admissionTables {
	var t admissionTables
	for m := range t {
		for a := range ageGroups {
			w, total := make([]float64, len(diagnoses)), 0.0
			for i, d := range diagnoses {
				if d.method == method(m) {
					w[i] = d.weight[a]
					total += w[i]
				}
			}
			if total > 0 {
				t[m][a] = newShares(w...)
			}
		}
	}
	return &t
}

// admissions appends a person's stays in hospital, one after the other.
func (g *generator) admissions(r stream, rows []admission, who int32, p *person) []admission {
	from, to := max(admissionsFrom, p.born), p.to
	d := from
	next := from // the first day on which the person may be admitted again
	stay := func(m method, dx int, d day, end day) {
		spec := &diagnoses[dx]
		a := admission{person: who, admitted: d, diagnosis: uint8(dx), method: m, provider: g.provider(r, p)}
		if spec.procedure != 0 && r.chance(spec.share) {
			a.procedure = spec.procedure
		}
		a.discharged = end
		if end > extractDay {
			a.discharged = 0
		}
		rows = append(rows, a)
		next = end + 1
	}
	// NHS births are nearly all in hospital; those of the window are here.
	if p.born >= admissionsFrom && p.born <= extractDay-3 && r.chance(0.96) {
		stay(otherMethod, diagnosisBirth, p.born, min(to, p.born+g.length(r, diagnosisBirth)))
	}
	// ONS and NHS England: 43 in 100 deaths happen in hospital.
	final, finalDiagnosis := day(0), 0
	if p.died != 0 && p.died > from+40 && r.chance(0.43) {
		finalDiagnosis = g.diagnosis(r, p, emergency, p.died)
		final = p.died - min(40, g.length(r, finalDiagnosis))
		to = final - 1
	}
	decile := p.lsoa.decile
	for {
		years := float64(d-p.born) / 365.25
		urgent := emergencyRate.at(years) * emergencyByDecile[decile] * p.frailty(d)
		planned := electiveRate.at(years) * plannedByDecile[decile]
		birth := 0.0
		if p.female {
			birth = maternityRate.at(years)
		}
		other := 0.004
		total := urgent + planned + birth + other
		// Rates change with age: look again at least twice a year.
		gap := r.ExpFloat64() / (total * seasonPeak)
		if gap > 0.5 {
			if d += 182; d > to {
				break
			}
			continue
		}
		d += day(gap*365.25) + 1
		if d < next {
			d = next
		}
		if d > to {
			break
		}
		var m method
		switch u := r.Float64() * total; {
		case u < urgent:
			m = emergency
		case u < urgent+planned:
			m = elective
		case u < urgent+planned+birth:
			m = maternity
		default:
			m = otherMethod
		}
		dx := g.diagnosis(r, p, m, d)
		if r.Float64()*seasonPeak > g.season(m, dx, d) {
			continue
		}
		end := d + g.length(r, dx)
		if p.died != 0 {
			end = min(end, to)
		}
		stay(m, dx, d, end)
		d = end
		if m == maternity {
			d += 240
		}
		// NHS England: some 14 in 100 emergency stays are followed by another within 30 days.
		for m == emergency && r.chance(0.13) {
			d += 1 + r.after(9)
			if d > to {
				break
			}
			dx = g.diagnosis(r, p, emergency, d)
			end = d + g.length(r, dx)
			if p.died != 0 {
				end = min(end, to)
			}
			stay(emergency, dx, d, end)
			d = end
		}
	}
	if final != 0 && final >= next {
		stay(emergency, finalDiagnosis, final, p.died)
	}
	return rows
}

// NHS England and OHID: emergency admissions rise with deprivation about twofold; planned ones hardly.
var (
	emergencyByDecile = ratio(1.3)
	plannedByDecile   = ratio(1.04)
)

// frailty is how much likelier an emergency admission is with long-term conditions (Payne 2013).
func (p *person) frailty(d day) float64 {
	f := 0.86
	if p.has(copd, d) {
		f *= 1.9
	}
	if p.has(typeTwoDiabetes, d) {
		f *= 1.35
	}
	if p.has(chronicKidney, d) {
		f *= 1.3
	}
	if p.has(depression, d) {
		f *= 1.3
	}
	return f
}

// diagnosis draws a primary diagnosis that the person can have.
func (g *generator) diagnosis(r stream, p *person, m method, d day) int {
	table := g.stays[m][ageGroup(p.age(d))]
	if m == maternity && p.age(d) < 45 {
		table = g.stays[m][2]
	}
	// Half of the urgent stays of people with severe lung disease are for it.
	if m == emergency && p.has(copd, d) && r.chance(0.12) {
		return diagnosisCOPD
	}
	for range 8 {
		if dx := table.pick(r); diagnoses[dx].needs.met(r, p, d) {
			return dx
		}
	}
	return diagnosisOther[m]
}

// length draws a stay in whole nights.
func (g *generator) length(r stream, dx int) day {
	return day(min(180, r.logNormal(diagnoses[dx].median, diagnoses[dx].sigma)))
}

// season is how busy a day is for a diagnosis, 1 in the mean.
func (g *generator) season(m method, dx int, d day) float64 {
	f := 1 + float64(diagnoses[dx].winter*g.calendar.winter[d])
	if m == elective { // few planned admissions at weekends
		if g.calendar.weekday[d] >= 5 {
			return f * 0.25
		}
		return f * 1.3
	}
	return f
}

// provider is the trust: mostly the nearest.
func (g *generator) provider(r stream, p *person) uint16 {
	if r.chance(0.86) {
		return p.lsoa.provider
	}
	t := g.places.trusts[p.lsoa.region]
	return uint16(t.from + r.IntN(t.to-t.from))
}
