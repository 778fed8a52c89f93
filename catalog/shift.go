package catalog

import (
	"context"
	"os"
	"slices"
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
	if err := p.shiftedAlike(days); err != nil {
		return err
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

// shiftedAlike refuses to publish dates that move otherwise than those of another
// dataset about the same people: a project that has both subtracts them. A dataset whose
// dates do not move is one in which they move by nothing. It is asked of every version
// that stands, with the installation locked.
func (p *publication) shiftedAlike(days int) error {
	if !p.Definition.datesPublished() {
		return nil
	}
	datasets, err := os.ReadDir(p.root.versions(""))
	if err != nil {
		return storageFailure(err)
	}
	for _, e := range datasets {
		if e.Name() == p.Definition.Dataset || !gatehouse.ValidName(e.Name()) {
			continue
		}
		numbers, err := p.root.numbers(e.Name())
		if err != nil {
			return err
		}
		for _, n := range numbers {
			v, err := readManifest(p.root.version(e.Name(), n), e.Name(), n, p.Public)
			if err != nil {
				return err
			}
			if v.Family == p.Definition.Index && v.ShiftedDays != days && v.datesPublished() {
				return gatehouse.Errorf(gatehouse.CodeShift, "The dates of %s, which is about the same people, move by up to %d days; by up to %d, the two together would tell by how many.",
					v.Name(), v.ShiftedDays, days).WithAdvice("Say the same number, delete that version, or publish about an index of its own.")
			}
		}
	}
	return nil
}

// datesPublished reports whether any date of people is published, to the month at
// least.
func (d *Definition) datesPublished() bool {
	return slices.ContainsFunc(d.Tables, func(t TableRule) bool {
		return !t.Public && t.Withheld == "" && slices.ContainsFunc(t.Columns, func(c ColumnRule) bool {
			return c.published() && (c.Type == FieldDate || c.Type == FieldTimestamp) && c.Treatment != TreatYear
		})
	})
}

// datesPublished is that of the definition, as far as a manifest tells: a year is a
// number like others.
func (v Version) datesPublished() bool {
	return slices.ContainsFunc(v.Tables, func(t Table) bool {
		return !t.Public && slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Type == "DATE" || c.Type == "TIMESTAMP" || c.Class == ClassDate })
	})
}

// Of a date that moves, one day that so many rows have tells by how many days their
// people's dates moved, to whoever knows the day: the day a study began, or what a
// system writes where it knows none. Of fewer dates nothing is said.
const (
	fewDates    = 20
	commonDates = 20 // one row in so many: the manifest names the column
	mostDates   = 2  // more than one row in so many: it is refused
)

// commonDates looks at the dates that moved of a table that was read.
func (p *publication) commonDates(in *intake) error {
	for _, out := range in.outputs {
		var all, most int64
		for _, n := range out.days {
			all += n
			most = max(most, n)
		}
		if all < fewDates || most*commonDates < all {
			continue
		}
		name := in.table.Name + "." + in.table.Columns[out.from].As
		if most*mostDates > all {
			return gatehouse.Errorf(gatehouse.CodeShift, "More than half of the dates of %s are one day: who knows it can tell by how many days each person's dates moved.", name).
				WithAdvice("Drop the column, or say what stands for no date under 'missing'.")
		}
		p.version.CommonDates = append(p.version.CommonDates, name)
	}
	return nil
}
