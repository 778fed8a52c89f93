package synth

// blockPeople is how many people one random stream makes. Changing it changes every file.
const blockPeople = 1024

// generator holds what all blocks share; it is read-only once made.
type generator struct {
	seed      uint64
	people    int
	calendar  *calendar
	places    *places
	draws     *population
	stays     *admissionTables
	optOuts   optOuts
	hospital  permutation
	client    permutation
	careTopUp float64
}

func newGenerator(seed uint64, people int) *generator {
	draws := newPopulation(seed, people)
	return &generator{
		seed: seed, people: people,
		calendar:  newCalendar(),
		places:    draws.places,
		draws:     draws,
		stays:     newAdmissionTables(),
		optOuts:   newOptOuts(seed, people),
		hospital:  newPermutation(eightDigits, mix(seed, purposeHospital)),
		client:    newPermutation(eightDigits, mix(seed, purposeClient)),
		careTopUp: careTopUp(people),
	}
}

func (g *generator) blocks() int { return (g.people + blockPeople - 1) / blockPeople }

// section is what a block adds to one file.
type section struct {
	text    []byte
	rows    int
	faults  []planted
	orphans []int // rows within the section, from 0, of people whose row of patients.csv is to be rejected
}

// planted is a fault at a row of a section, from 0; of is the row that it
// repeats, or -1.
type planted struct {
	fault fault
	row   int
	of    int
}

// block is the work of one stream, and its buffers, which are used again.
type block struct {
	people     []person
	known      []bool // the person's number stands in a good row somewhere
	patients   []patientRow
	events     []event
	admissions []admission
	care       []care
	sections   [fileCount]section
}

// fill makes the n-th group of people.
func (g *generator) fill(b *block, n int) {
	first := n * blockPeople
	last := min(first+blockPeople, g.people)
	r := newStream(g.seed, purposeBlocks, uint64(n))
	b.people, b.known = b.people[:0], b.known[:0]
	b.patients, b.events, b.admissions, b.care = b.patients[:0], b.events[:0], b.admissions[:0], b.care[:0]
	for i := range b.sections {
		s := &b.sections[i]
		*s = section{text: s.text[:0], faults: s.faults[:0], orphans: s.orphans[:0]}
	}

	for index := first; index < last; index++ {
		b.people = append(b.people, g.draws.draw(r, index))
		b.known = append(b.known, false)
		b.patients = append(b.patients, patientRow{person: int32(index - first)})
	}
	if n == 0 {
		g.ensureRare(b)
	}
	for i := range b.people {
		p, who := &b.people[i], int32(i)
		b.events = g.events(r, b.events, who, p)
		b.admissions = g.admissions(r, b.admissions, who, p)
		b.care = g.care(r, b.care, who, p)
	}
	// Exports come in the order of their system, not by person.
	r.Shuffle(len(b.events), func(i, j int) { b.events[i], b.events[j] = b.events[j], b.events[i] })
	r.Shuffle(len(b.admissions), func(i, j int) { b.admissions[i], b.admissions[j] = b.admissions[j], b.admissions[i] })
	r.Shuffle(len(b.care), func(i, j int) { b.care[i], b.care[j] = b.care[j], b.care[i] })

	g.plantFaults(r, b, first, last)
	g.write(b)
	g.writeLists(r, b)
}

// ensureRare gives the first block what may not occur by chance in a few
// hundred people: one person living with HIV who has not opted out.
func (g *generator) ensureRare(b *block) {
	first := -1
	for i := range b.people {
		p := &b.people[i]
		if p.to != extractDay || p.age(extractDay) < 30 || g.optOuts.any(p.index) {
			continue
		}
		if p.onset[hiv] != 0 {
			return
		}
		if first < 0 && p.age(extractDay) < 60 {
			first = i
		}
	}
	if first >= 0 {
		b.people[first].onset[hiv] = extractDay - 2000
	}
}

func (g *generator) plantFaults(r stream, b *block, first, last int) {
	b.patients = plant(r, b.patients, plans[filePatients], first, last,
		func(p *patientRow) *mark { return &p.mark },
		func(p *patientRow, _ fault) bool { return b.people[p.person].onset[hiv] == 0 }) // what is rare shall be published
	for i := range b.patients {
		row := &b.patients[i]
		f := row.mark.fault
		copied := f == faultDuplicateRow || f == faultDuplicateNumber
		if !copied && faultKinds[f].treatment == TreatReject {
			b.people[row.person].lost = true
		}
	}
	good := func(who int32) bool { return !b.people[who].lost }
	b.events = plant(r, b.events, plans[fileEvents], first, last,
		func(e *event) *mark { return &e.mark },
		func(e *event, f fault) bool {
			return good(e.person) && e.code != codeHIV && (f != faultNotNumeric || e.value != noValue)
		})
	b.admissions = plant(r, b.admissions, plans[fileAdmissions], first, last,
		func(a *admission) *mark { return &a.mark },
		func(a *admission, f fault) bool {
			return good(a.person) && (f != faultNotNumeric && f != faultDischargedBeforeAdmitted || a.discharged != 0)
		})
	b.care = plant(r, b.care, plans[fileCare], first, last,
		func(c *care) *mark { return &c.mark },
		func(c *care, f fault) bool {
			return good(c.person) && (f != faultNotNumeric || c.hours != noValue) && (f != faultEndedBeforeStarted || c.ended != 0)
		})
}

// write turns the block's rows into text, and records what is wrong with them.
func (g *generator) write(b *block) {
	s := &b.sections[filePatients]
	var originals [256]int
	for i := range b.patients {
		row := &b.patients[i]
		s.text = g.appendPatient(s.text, &b.people[row.person], row.mark)
		b.account(s, &originals, row.person, row.mark)
	}
	s = &b.sections[fileEvents]
	for i := range b.events {
		e := &b.events[i]
		s.text = g.appendEvent(s.text, &b.people[e.person], e)
		b.account(s, &originals, e.person, e.mark)
	}
	s = &b.sections[fileAdmissions]
	for i := range b.admissions {
		a := &b.admissions[i]
		s.text = g.appendAdmission(s.text, &b.people[a.person], a)
		b.account(s, &originals, a.person, a.mark)
	}
	s = &b.sections[fileCare]
	for i := range b.care {
		c := &b.care[i]
		s.text = g.appendCare(s.text, &b.people[c.person], c)
		b.account(s, &originals, c.person, c.mark)
	}
}

// account counts a written row. originals holds the row of each pair's first.
func (b *block) account(s *section, originals *[256]int, who int32, m mark) {
	row := s.rows
	s.rows++
	if m.fault == noFault {
		if m.pair != 0 {
			originals[m.pair] = row
		}
		b.known[who] = true
		if b.people[who].lost {
			s.orphans = append(s.orphans, row)
		}
		return
	}
	of := -1
	if m.pair != 0 {
		of = originals[m.pair]
	}
	if faultKinds[m.fault].treatment == TreatClean {
		b.known[who] = true
	}
	s.faults = append(s.faults, planted{m.fault, row, of})
}

// writeLists adds the block's people to the three lists.
func (g *generator) writeLists(r stream, b *block) {
	for i := range b.people {
		p := &b.people[i]
		if g.optOuts.type1.picks(p.index) {
			s := &b.sections[fileType1]
			s.text = append(append(s.text, p.nhs[:]...), ',')
			s.text = append(append(s.text, dissentCodes[r.IntN(len(dissentCodes))]...), ',')
			s.text = append(g.calendar.append(s.text, r.within(max(p.registered, type1From), extractDay)), '\n')
			s.rows++
		}
		if g.optOuts.withdraws(p.index) {
			s := &b.sections[fileWithdrawals]
			s.text = append(append(s.text, p.nhs[:]...), ',')
			s.text = append(g.calendar.append(s.text, extractDay+1+day(r.IntN(withdrawalsLast))), ',')
			s.text = append(append(s.text, withdrawalReasons[r.IntN(len(withdrawalReasons))]...), '\n')
			s.rows++
		}
		// What was asked about is what stands in the extracts; what comes back
		// lacks the opted out.
		if b.known[i] && !g.optOuts.national.picks(p.index) {
			s := &b.sections[fileNational]
			s.text = append(append(s.text, p.nhs[:]...), ',', '\n')
			s.rows++
		}
	}
}
