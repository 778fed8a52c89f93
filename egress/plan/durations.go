package plan

import "github.com/gatehouse-tre/gatehouse/catalog"

// Durations between dates are group keys in steps of a month or more, as the dates
// themselves are.

// grainDays are the fewest days of a step as coarse as a grain.
var grainDays = map[string]float64{"month": 28, "quarter": 90, "year": 365}

// coarseDates reports whether something may be grouped by the distance of two
// dates, and in which steps: both are dates that may be grouped by, dimensions, or
// literals.
func coarseDates(dates []Column) (float64, bool) {
	coarse := grainDays["month"]
	for _, d := range dates {
		switch d.Class {
		case catalog.ClassDimension, catalog.ClassReference:
		case catalog.ClassDate:
			coarse = max(coarse, grainDays[d.Grain])
		default:
			return 0, false
		}
	}
	return coarse, true
}

// step makes a key of a duration that was rounded to whole units, if these are
// coarse enough.
func (c *Column) step() {
	if c.Days > 0 && c.Days >= c.Coarse {
		c.Class = catalog.ClassDimension
	}
	c.Days, c.Coarse = 0, 0
}

// datesMoved derives the difference of two dates, in days, and a date that was
// moved by whole months, which is as coarse as before.
func datesMoved(e *Call, args []Column, out *Column) {
	switch left, right := args[0].Type, args[1].Type; {
	case e.Name == "-" && left.ID == "DATE" && right.ID == "DATE":
		if coarse, ok := coarseDates(args); ok && out.Class == "" {
			out.Days, out.Coarse = 1, coarse
		}
	case left.Temporal() && args[0].Class == catalog.ClassDate && wholeMonths(e.Args[1]):
		out.Class, out.Grain = catalog.ClassDate, args[0].Grain
	case e.Name == "+" && right.Temporal() && args[1].Class == catalog.ClassDate && wholeMonths(e.Args[0]):
		out.Class, out.Grain = catalog.ClassDate, args[1].Grain
	}
}

// wholeMonths reports whether an interval is of literal months or years.
func wholeMonths(e Expr) bool {
	call, ok := e.(*Call)
	if !ok || call.Name != "to_months" && call.Name != "to_years" {
		return false
	}
	_, fixed := constant(call)
	return fixed
}
