package synth

import "strings"

// code is an entry of the vocabulary of events.
type code uint8

// The codes that events carry (SNOMED CT).
const (
	codeTypeTwoDiabetes code = iota
	codeHypertension
	codeAsthma
	codeCOPD
	codeChronicKidney
	codeDepression
	codeHIV
	codeCurrentSmoker
	codeExSmoker
	codeNeverSmoked
	codeBMI
	codeSystolic
	codeDiastolic
	codeHbA1c
	codeCholesterol
	codeCovidVaccination
	codeFluVaccination
	codeStatin
	codeCount
)

var eventCodes = [codeCount]struct {
	text, term, codelist string
	decimal              bool // values have one decimal; otherwise they are whole
}{
	codeTypeTwoDiabetes:  {"44054006", "Diabetes mellitus type 2", "type-2-diabetes", false},
	codeHypertension:     {"38341003", "Hypertensive disorder", "hypertension", false},
	codeAsthma:           {"195967001", "Asthma", "asthma", false},
	codeCOPD:             {"13645005", "Chronic obstructive pulmonary disease", "copd", false},
	codeChronicKidney:    {"433144002", "Chronic kidney disease stage 3", "chronic-kidney-disease", false},
	codeDepression:       {"35489007", "Depressive disorder", "depression", false},
	codeHIV:              {"86406008", "Human immunodeficiency virus infection", "hiv", false},
	codeCurrentSmoker:    {"77176002", "Smoker", "smoking-status", false},
	codeExSmoker:         {"8517006", "Ex-smoker", "smoking-status", false},
	codeNeverSmoked:      {"266919005", "Never smoked tobacco", "smoking-status", false},
	codeBMI:              {"60621009", "Body mass index (kg/m2)", "body-mass-index", true},
	codeSystolic:         {"271649006", "Systolic blood pressure (mmHg)", "blood-pressure", false},
	codeDiastolic:        {"271650006", "Diastolic blood pressure (mmHg)", "blood-pressure", false},
	codeHbA1c:            {"1003671000000109", "Haemoglobin A1c level - IFCC standardised (mmol/mol)", "hba1c", false},
	codeCholesterol:      {"1005671000000105", "Serum total cholesterol level (mmol/L)", "cholesterol", true},
	codeCovidVaccination: {"1324681000000101", "COVID-19 vaccination", "covid-vaccination", false},
	codeFluVaccination:   {"86198006", "Influenza vaccination", "influenza-vaccination", false},
	codeStatin:           {"372912004", "HMG-CoA reductase inhibitor (mg daily)", "statins", false},
}

// Codes that look right and stand in no vocabulary here.
var (
	unknownEventCodes = []string{"99999999", "123456789", "XE2aA", "44054O06"}
	unknownDiagnoses  = []string{"ZZZ9", "I21", "Q999", "0800"}
)

// The codes of a type 1 opt-out in Read v2, CTV3 and SNOMED CT.
var dissentCodes = []string{"9Nu0", "XaZ89", "827241000000103"}

// codesFile is codes.csv: every code of events.csv and admissions.csv, once.
func codesFile() []byte {
	var b strings.Builder
	b.WriteString(headerCodes + "\n")
	line := func(code, system, term, codelist string) {
		if strings.Contains(term, ",") {
			term = `"` + term + `"`
		}
		b.WriteString(strings.Join([]string{code, system, term, codelist}, ",") + "\n")
	}
	for _, c := range eventCodes {
		line(c.text, "SNOMED CT", c.term, c.codelist)
	}
	for _, d := range diagnoses {
		line(d.code, "ICD-10", d.term, d.codelist)
	}
	for _, p := range procedures[1:] {
		line(p.code, "OPCS-4", p.term, p.codelist)
	}
	return []byte(b.String())
}
