package catalog

import (
	"context"
	"strconv"

	"github.com/gatehouse-tre/gatehouse"
)

// openShifts gets ready to move dates, if the definition says so (docs/design/0020).
func (p *publication) openShifts(ctx context.Context) (err error) {
	rule, days := p.Definition.ShiftDates, 0
	if rule != nil {
		days = rule.Days
	}
	if p.before != nil && p.before.ShiftedDays != 0 && p.before.ShiftedDays != days {
		return gatehouse.Errorf(gatehouse.CodeShift, "The dates of %s move by up to %d days; by up to %d, the two versions together would tell by how many.",
			p.before.Name(), p.before.ShiftedDays, days).WithAdvice("Say the same number, or publish another dataset about an index of its own.")
	}
	if rule == nil {
		return nil
	}
	if p.Shifts == nil {
		return gatehouse.Errorf(gatehouse.CodeShift, "This installation has no keys to move dates by.")
	}
	p.version.ShiftedDays = rule.Days
	p.people.shifts, err = p.Shifts(ctx, p.Definition.Index, rule.Days)
	return err
}

// shiftOf gives by how many days the dates of the person with an identifier move. It
// follows the unit, under whichever number a person stands in the extract: the unit's
// first identifier says it, which is this one for people who are new.
func (p *people) shiftOf(identifier uint32) (int16, error) {
	if p.shifts == nil {
		return 0, nil
	}
	text := []byte("identifier ")
	unit, known := p.index.units[identifier]
	switch {
	case known && p.index.owners[unit] == noKey:
		return p.unitShift(unit)
	case known:
		identifier = p.index.owners[unit]
	}
	days, err := p.shifts.Days(append(text, p.identifiers.text(identifier)...))
	return int16(days), err
}

// unitShift is shiftOf for people who are known by a local number alone.
func (p *people) unitShift(unit uint32) (int16, error) {
	if p.shifts == nil {
		return 0, nil
	}
	days, err := p.shifts.Days(strconv.AppendUint([]byte("unit "), uint64(unit), 10))
	return int16(days), err
}
