package infer

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/gatehouse-tre/gatehouse/catalog"
)

// decision is what is proposed for a column.
type decision struct {
	kind      catalog.FieldType
	format    string
	treatment catalog.Treatment
	as        string
	class     catalog.Class
	grain     string
	notes     []string // why, and what the values look like
	person    bool     // a direct identifier
	birth     bool
	death     bool
}

func (d *decision) note(format string, args ...any) {
	d.notes = append(d.notes, fmt.Sprintf(format, args...))
}

func (d *decision) drop() *decision {
	d.treatment, d.class, d.grain, d.as = catalog.TreatDrop, "", "", ""
	return d
}

func (d *decision) keep(class catalog.Class, grain string) *decision {
	d.treatment, d.class, d.grain = catalog.TreatKeep, class, grain
	return d
}

// lookShares are the shares of values from which a column is said to be of a
// look. A text that holds one now and then is said to hold it, from any share on.
var lookShares = [looks]float64{lookNHSNumber: 0.5, lookPostcode: 0.5, lookEmail: 0.5, lookPhone: 0.5, lookName: 0.25, lookAddress: 0.4, lookArea: 0.9}

// decide proposes what becomes of a column. What may identify somebody directly
// is dropped, and so is what is not understood.
func (c *column) decide() *decision {
	d := &decision{kind: catalog.FieldText}
	if c.filled == 0 {
		d.note("empty in the sample")
		return d.drop()
	}
	c.flag(d)
	switch {
	case c.share(c.looks[lookArea]) >= lookShares[lookArea]:
		return d.keep(catalog.ClassQuasi, "")
	case d.person, namedName.MatchString(c.name), namedAddress.MatchString(c.name), namedContact.MatchString(c.name), namedPerson.MatchString(c.name):
		if !d.person {
			d.person = true
			d.note("direct identifier by its name")
		}
		return d.drop()
	}
	if forms := c.dateForm(); len(forms) > 0 {
		return c.decideDate(d, forms)
	}
	if c.share(c.numbers) >= mostly && c.padded == 0 {
		return c.decideNumber(d)
	}
	return c.decideText(d)
}

// flag says what the values look like, with the share of those that are there.
func (c *column) flag(d *decision) {
	text := c.words > 3*c.filled // one number in a hundred may stand in a note
	for look := range looks {
		share := c.share(c.looks[look])
		if look == lookName && (text || c.share(int64(len(c.distinct))) < 0.01 && !c.full) {
			continue // a few words over and over are no names
		}
		switch {
		case share >= lookShares[look]:
			d.note("looks like %s: %s", lookNames[look], percent(share))
			d.person = d.person || look != lookArea
		case share >= 0.001 && look < lookName && (text || share >= 0.05) && (look != lookNHSNumber || text || share > 0.15):
			d.note("some hold what looks like %s: %s", lookNames[look], percent(share))
			d.person = d.person || share >= 0.05
		}
	}
}

func percent(share float64) string {
	if share > 0 && share < 0.001 {
		return "under 0.1 % of rows"
	}
	return fmt.Sprintf("%.1f %% of rows", 100*share)
}

func (c *column) decideDate(d *decision, forms []int) *decision {
	f := dateForms[forms[0]]
	if len(forms) > 1 {
		d.note("dates that may be %s or %s: declare which", f.format, dateForms[forms[1]].format)
		return d.drop()
	}
	d.kind, d.format = catalog.FieldDate, f.format
	if f.clock {
		d.kind = catalog.FieldTimestamp
	}
	switch {
	case namedDeath.MatchString(c.name):
		d.death = true
		d.note("date of death by its name")
		d.treatment, d.as, d.class = catalog.TreatMonth, "death_month", catalog.ClassDimension
	case namedBirth.MatchString(c.name), c.last-c.first >= 50 && c.share(c.early) >= 0.05 && !namedSpan.MatchString(c.name):
		d.birth = true
		d.note("looks like dates of birth: %s lie before 1960", percent(c.share(c.early)))
		d.treatment, d.as, d.class = catalog.TreatYear, "birth_year", catalog.ClassDimension
	case f.clock:
		d.treatment, d.class, d.grain = catalog.TreatDay, catalog.ClassDate, "month"
	default:
		d.keep(catalog.ClassDate, "month")
	}
	return d
}

func (c *column) decideNumber(d *decision) *decision {
	switch {
	case c.share(c.integers) >= mostly:
		d.kind = catalog.FieldInteger
	case c.share(c.bigints) >= mostly:
		d.kind = catalog.FieldBigint
	default:
		d.kind = catalog.FieldNumber
		return d.keep(catalog.ClassMeasure, "0.1")
	}
	switch {
	case namedYear.MatchString(c.name):
		return d.keep(catalog.ClassDimension, "")
	case c.unique() && (namedRowID.MatchString(c.name) || d.kind == catalog.FieldBigint):
		d.note("a number for each row")
		return d.drop()
	case codes.MatchString(c.name), !c.full && len(c.distinct) <= 30 && c.filled >= 100, d.kind == catalog.FieldBigint:
		d.kind = catalog.FieldText // a code: its digits are no amount
		return d.keep(catalog.ClassDimension, "")
	case namedRowID.MatchString(c.name):
		d.note("may be a reference to other rows")
		return d.drop()
	}
	return d.keep(catalog.ClassMeasure, "1")
}

var codes = regexp.MustCompile(`(?i)(code|concept|snomed|icd|opcs|read|type|status|class)`)

func (c *column) decideText(d *decision) *decision {
	average := c.length / c.filled
	few := !c.full && (len(c.distinct) <= 60 || c.share(int64(len(c.distinct))) <= 0.05)
	switch {
	case c.unique() && c.filled > 20 && !codes.MatchString(c.name):
		d.note("a different value in each row")
		return d.drop()
	case namedText.MatchString(c.name) && !few, c.longest > 80 && !few, c.words > 3*c.filled && !few:
		d.note("free text, which may hold anything")
		return d.drop()
	case few && average <= 60 && c.longest <= 120, codes.MatchString(c.name) && average <= 20:
		return d.keep(catalog.ClassDimension, "")
	}
	d.note("many different values, which may identify")
	return d.drop()
}

// publishedName makes a name that a definition may publish.
func publishedName(name string, taken map[string]bool) string {
	s := strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(name), "_"), "_")
	if s == "" || s[0] >= '0' && s[0] <= '9' {
		s = "c_" + s
	}
	switch s {
	case catalog.PersonColumn, "file_row_number", "file_index", "filename":
		s += "_value"
	}
	s = s[:min(len(s), 50)]
	for n, first := 2, s; taken[s]; n++ {
		s = fmt.Sprintf("%s_%d", first, n)
	}
	taken[s] = true
	return s
}
