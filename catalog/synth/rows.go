package synth

import "strconv"

// The files that blocks add to, in the order in which they are reported.
const (
	filePatients = iota
	fileEvents
	fileAdmissions
	fileCare
	fileType1
	fileWithdrawals
	fileNational
	fileCount
)

const (
	headerPatients    = "nhs_number,given_name,family_name,date_of_birth,postcode,address,sex,ethnicity,region,lsoa,imd_decile,practice_id,registered_from,registered_to,date_of_death"
	headerEvents      = "nhs_number,date,code,value"
	headerAdmissions  = "hospital_number,nhs_number,admitted,discharged,method,diagnosis,procedure,provider,length_of_stay"
	headerCare        = "client_number,nhs_number,given_name,family_name,date_of_birth,postcode,started,ended,service,hours_per_week,council"
	headerCodes       = "code,system,term,codelist"
	headerType1       = "nhs_number,code,date"
	headerWithdrawals = "nhs_number,date,reason"
)

var files = [fileCount]struct{ name, header string }{
	filePatients:    {"patients.csv", headerPatients},
	fileEvents:      {"events.csv", headerEvents},
	fileAdmissions:  {"admissions.csv", headerAdmissions},
	fileCare:        {"social_care.csv", headerCare},
	fileType1:       {"type1-dissent.csv", headerType1},
	fileWithdrawals: {"withdrawals.csv", headerWithdrawals},
	fileNational:    {"national-opt-out.dat", ""}, // the response format has no header
}

// patientRow is one row of patients.csv.
type patientRow struct {
	person int32
	mark   mark
}

const futureYear = "2092" // a leap year, so that every day of a year stands in it

// Ends of dates that no year has.
var impossibleDays = [...]string{"-02-31", "-04-31", "-13-05", "-00-17", "-06-31", "-02-30"}

func (c *calendar) append(b []byte, d day) []byte {
	if d == 0 {
		return b
	}
	return append(b, c.text[d][:]...)
}

// appendFaulty writes the day that a date fault makes of d.
func (c *calendar) appendFaulty(b []byte, d day, m mark) []byte {
	switch text := c.text[d]; m.fault {
	case faultDateImpossible:
		b = append(b, text[:4]...)
		return append(b, impossibleDays[int(m.variant)%len(impossibleDays)]...)
	case faultDateInFuture:
		b = append(b, futureYear...)
		return append(b, text[4:]...)
	default:
		return append(b, text[:]...)
	}
}

// appendNumber writes the NHS number, or what the fault makes of it, and a comma.
func appendNumber(b []byte, p *person, m mark) []byte {
	switch m.fault {
	case faultMissing, faultMissingLinkable, faultMissingUnlinkable:
	case faultCheckDigit:
		b = append(b, p.nhs[:9]...)
		b = append(b, '0'+(p.nhs[9]-'0'+1+m.variant%9)%10)
	default:
		b = append(b, p.nhs[:]...)
		if m.variant%2 == 1 {
			b = appendSpaces(b, m)
		}
	}
	return append(b, ',')
}

// appendCode writes a code, with spaces after it when the number has none.
func appendCode(b []byte, code string, m mark) []byte {
	b = append(b, code...)
	if m.variant%2 == 0 {
		b = appendSpaces(b, m)
	}
	return b
}

func appendSpaces(b []byte, m mark) []byte {
	if m.fault == faultTrailingSpaces {
		b = append(b, "   "[:1+m.variant/2%3]...)
	}
	return b
}

func appendNames(b []byte, p *person, m mark) []byte {
	switch {
	case m.fault == faultEncoding:
		b = append(b, windows1252Names[int(m.variant)%len(windows1252Names)]...)
	case p.female:
		b = append(b, givenFemale[p.given]...)
	default:
		b = append(b, givenMale[p.given]...)
	}
	b = append(b, ',')
	if m.fault == faultMissingUnlinkable {
		b = append(b, unmatchedNames[int(m.variant)%len(unmatchedNames)]...)
	} else {
		b = append(b, familyNames[p.family]...)
	}
	return append(b, ',')
}

func (g *generator) appendPatient(b []byte, p *person, m mark) []byte {
	house, postcode, from, to := int(p.house), p.postcode, p.registered, p.deregistered
	if m.fault == faultDuplicateNumber { // the same person, registered once more at another address
		house += 1 + int(m.variant)
		postcode = p.lsoa.postcode(int(m.variant) % unitsPerLSOA)
		from, to = min(from+1+3*day(m.variant), extractDay), 0
	}
	b = appendNumber(b, p, m)
	b = appendNames(b, p, m)
	b = g.calendar.appendFaulty(b, p.born, m)
	b = append(b, ',')
	b = append(b, postcode[:]...)
	b = append(b, ',', '"')
	b = strconv.AppendInt(b, int64(house), 10)
	b = append(b, ' ')
	b = append(b, streets[int(p.street)%len(streets)]...)
	b = append(b, ' ')
	b = append(b, streetKinds[int(p.street)/len(streets)]...)
	b = append(b, ',', ' ')
	b = append(b, towns[p.lsoa.council]...)
	b = append(b, '"', ',', p.sex, ',')
	b = append(b, ethnicities[p.recorded]...)
	b = append(b, ',')
	b = append(b, regions[p.lsoa.region].name...)
	b = append(b, ',')
	b = append(b, p.lsoa.code[:]...)
	b = append(b, ',')
	b = strconv.AppendInt(b, int64(p.lsoa.decile), 10)
	b = append(b, ',')
	b = appendCode(b, string(g.places.practices[p.practice][:]), m)
	b = append(b, ',')
	b = g.calendar.append(b, from)
	b = append(b, ',')
	b = g.calendar.append(b, to)
	b = append(b, ',')
	if m.fault == faultDeathBeforeBirth {
		b = g.calendar.append(b, p.born-1-day(m.variant))
	} else {
		b = g.calendar.append(b, p.died)
	}
	return append(b, '\n')
}

func (g *generator) appendEvent(b []byte, p *person, e *event) []byte {
	m, d := e.mark, e.day
	if m.fault == faultDateBeforeBirth {
		d = p.born - 30 - 10*day(m.variant)
	}
	b = appendNumber(b, p, m)
	b = g.calendar.appendFaulty(b, d, m)
	b = append(b, ',')
	if m.fault == faultCodeUnknown {
		b = append(b, unknownEventCodes[int(m.variant)%len(unknownEventCodes)]...)
	} else {
		b = appendCode(b, eventCodes[e.code].text, m)
	}
	b = append(b, ',')
	switch {
	case m.fault == faultNotNumeric:
		b = append(b, notNumeric[int(m.variant)%len(notNumeric)]...)
	case e.value == noValue:
	case eventCodes[e.code].decimal:
		b = strconv.AppendInt(b, int64(e.value/10), 10)
		b = append(b, '.', byte('0'+e.value%10))
	default:
		b = strconv.AppendInt(b, int64(e.value), 10)
	}
	return append(b, '\n')
}

var notNumeric = [...]string{"n/a", "see notes", "high", "12o", "++"}

func (g *generator) appendAdmission(b []byte, p *person, a *admission) []byte {
	m, admitted, discharged := a.mark, a.admitted, a.discharged
	switch m.fault {
	case faultDateBeforeBirth:
		by := a.admitted - p.born + 30 + 10*day(m.variant)
		admitted -= by
		if discharged != 0 {
			discharged -= by
		}
	case faultDischargedBeforeAdmitted:
		discharged = admitted - 1 - day(m.variant%30)
	}
	b = append(b, 'H')
	b = appendDigits(b, (g.hospital.at(uint64(p.index))+uint64(a.provider)*7_368_787)%eightDigits)
	b = append(b, ',')
	b = appendNumber(b, p, m)
	b = g.calendar.appendFaulty(b, admitted, m)
	b = append(b, ',')
	if m.fault == faultDateInFuture && discharged != 0 { // the whole stay, whatever its length
		b = append(b, "2099-12-31"...)
	} else {
		b = g.calendar.append(b, discharged)
	}
	b = append(b, ',')
	b = append(b, methods[a.method]...)
	b = append(b, ',')
	if m.fault == faultCodeUnknown {
		b = append(b, unknownDiagnoses[int(m.variant)%len(unknownDiagnoses)]...)
	} else {
		b = appendCode(b, diagnoses[a.diagnosis].code, m)
	}
	b = append(b, ',')
	b = append(b, procedures[a.procedure].code...)
	b = append(b, ',')
	b = append(b, g.places.providers[a.provider][:]...)
	b = append(b, ',')
	switch {
	case m.fault == faultNotNumeric:
		b = append(b, notNumeric[int(m.variant)%len(notNumeric)]...)
	case a.discharged != 0:
		b = strconv.AppendInt(b, int64(a.discharged-a.admitted), 10)
	}
	return append(b, '\n')
}

func (g *generator) appendCare(b []byte, p *person, c *care) []byte {
	m, ended := c.mark, c.ended
	if m.fault == faultEndedBeforeStarted {
		ended = c.started - 1 - day(m.variant)
	}
	b = appendTwo(b, int(p.lsoa.council)+1)
	b = appendDigits(b, g.client.at(uint64(p.index)))
	b = append(b, ',')
	b = appendNumber(b, p, m)
	b = appendNames(b, p, m)
	b = g.calendar.append(b, p.born)
	b = append(b, ',')
	b = append(b, p.postcode[:]...)
	b = append(b, ',')
	b = g.calendar.appendFaulty(b, c.started, m)
	b = append(b, ',')
	if m.fault == faultDateInFuture && ended != 0 {
		b = append(b, "2099-12-31"...)
	} else {
		b = g.calendar.append(b, ended)
	}
	b = append(b, ',')
	b = appendCode(b, services[c.service].name, m)
	b = append(b, ',')
	switch {
	case m.fault == faultNotNumeric:
		b = append(b, notNumeric[int(m.variant)%len(notNumeric)]...)
	case c.hours != noValue:
		b = strconv.AppendInt(b, int64(c.hours/100), 10)
		if part := c.hours % 100; part != 0 {
			b = appendTwo(append(b, '.'), int(part))
		}
	}
	b = append(b, ',')
	b = append(b, councils[p.lsoa.council]...)
	return append(b, '\n')
}

const eightDigits = 100_000_000

func appendDigits(b []byte, n uint64) []byte {
	for unit := uint64(eightDigits / 10); unit > 0; unit /= 10 {
		b = append(b, byte('0'+n/unit%10))
	}
	return b
}

func appendTwo(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }
