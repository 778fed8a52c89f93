package catalog

import (
	"fmt"
	"strings"
)

// dateLayout reads dates that are written otherwise than YYYY-MM-DD. A layout is
// made of
//
//	YYYY  year          MM  month         DD  day       MON  month as JAN … DEC
//	hh    hour          mm  minute        ss  second
//
// and of what stands between them, each character for itself. Without DD it is
// the first day of the month, without a month the first day of the year: only a
// definition can say that this is meant. Alternatives are separated by '|', and
// no two of them may be able to read the same text, so that nothing is guessed:
// "DD/MM/YYYY|YYYYMMDD" is a layout, "DD/MM/YYYY|MM/DD/YYYY" is none.
//
// The layouts "fhir" and "fhir-partial" read the dates and times of FHIR: the
// calendar day and clock as they were written, whatever zone follows. The first
// rejects a year or month alone, the second takes its first day.
type dateLayout struct {
	alternatives []dateForm
	fhir         bool
	partial      bool
}

// dateForm is one alternative: what each piece of a text of its length is.
type dateForm struct {
	pieces []datePiece
	length int
	clock  bool
}

// datePiece is a part of a date, or a character that stands for itself.
type datePiece struct {
	part    string // "" for a literal
	literal byte
	at      int
}

var dateParts = []string{"YYYY", "MON", "MM", "DD", "hh", "mm", "ss"}

// The layouts that have names.
const (
	layoutFHIR        = "fhir"
	layoutFHIRPartial = "fhir-partial"
)

// parseLayout reads a layout for columns of a type.
func parseLayout(s string, t FieldType) (*dateLayout, error) {
	switch s {
	case layoutFHIR:
		return &dateLayout{fhir: true}, nil
	case layoutFHIRPartial:
		return &dateLayout{fhir: true, partial: true}, nil
	}
	l := &dateLayout{}
	for _, alternative := range strings.Split(s, "|") {
		form, err := parseDateForm(alternative)
		if err != nil {
			return nil, err
		}
		if form.clock && t != FieldTimestamp {
			return nil, fmt.Errorf("the date format %q has a clock; the type must be timestamp", alternative)
		}
		for _, other := range l.alternatives {
			if form.overlaps(other) {
				return nil, fmt.Errorf("two alternatives of the date format %q can read the same text", s)
			}
		}
		l.alternatives = append(l.alternatives, form)
	}
	return l, nil
}

func parseDateForm(s string) (dateForm, error) {
	var form dateForm
	seen := make(map[string]bool)
next:
	for rest := s; rest != ""; {
		for _, part := range dateParts {
			if strings.HasPrefix(rest, part) {
				if seen[part] {
					return form, fmt.Errorf("the date format %q names %s twice", s, part)
				}
				seen[part] = true
				form.pieces = append(form.pieces, datePiece{part: part, at: form.length})
				form.length += len(part)
				rest = rest[len(part):]
				continue next
			}
		}
		c := rest[0]
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' && c != 'T' && c != 'Z' || c < ' ' || c >= 0x7f {
			return form, fmt.Errorf("the date format %q is not made of YYYY, MM, MON, DD, hh, mm, ss and punctuation", s)
		}
		form.pieces = append(form.pieces, datePiece{literal: c, at: form.length})
		form.length++
		rest = rest[1:]
	}
	form.clock = seen["hh"] || seen["mm"] || seen["ss"]
	switch {
	case !seen["YYYY"]:
		return form, fmt.Errorf("the date format %q has no YYYY: a year of two digits is never guessed", s)
	case seen["MM"] && seen["MON"], seen["DD"] && !seen["MM"] && !seen["MON"]:
		return form, fmt.Errorf("the date format %q needs one month", s)
	case form.clock && (!seen["hh"] || !seen["mm"] || !seen["DD"]):
		return form, fmt.Errorf("the date format %q needs a day, hh and mm for its clock", s)
	}
	return form, nil
}

// overlaps reports whether some text could be read by both.
func (f dateForm) overlaps(o dateForm) bool {
	if f.length != o.length {
		return false
	}
	a, b := f.shape(), o.shape()
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// shape has '0' for digits, 'A' for letters of a month, and literals.
func (f dateForm) shape() []byte {
	var out []byte
	for _, p := range f.pieces {
		switch p.part {
		case "":
			out = append(out, p.literal)
		case "MON":
			out = append(out, "AAA"...)
		default:
			out = append(out, strings.Repeat("0", len(p.part))...)
		}
	}
	return out
}

// read gives microseconds since 1970.
func (l *dateLayout) read(b []byte) (int64, Reason) {
	if l.fhir {
		return l.readFHIR(b)
	}
	for i := range l.alternatives {
		if micros, ok := l.alternatives[i].read(b); ok {
			return micros, ""
		}
	}
	return 0, ReasonDateImpossible
}

const monthNames = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"

func (f *dateForm) read(b []byte) (int64, bool) {
	if len(b) != f.length {
		return 0, false
	}
	y, m, d, h, min, s := int64(0), int64(1), int64(1), int64(0), int64(0), int64(0)
	for i := range f.pieces {
		p := &f.pieces[i]
		if p.part == "" {
			if b[p.at] != p.literal {
				return 0, false
			}
			continue
		}
		text := b[p.at : p.at+len(p.part)]
		if p.part == "MON" {
			at := strings.Index(monthNames, strings.ToUpper(string(text)))
			if at < 0 || at%3 != 0 {
				return 0, false
			}
			m = int64(at/3 + 1)
			continue
		}
		n, ok := digits(text)
		if !ok {
			return 0, false
		}
		switch p.part {
		case "YYYY":
			y = n
		case "MM":
			m = n
		case "DD":
			d = n
		case "hh":
			h = n
		case "mm":
			min = n
		case "ss":
			s = n
		}
	}
	days, ok := civilDay(y, m, d)
	if !ok || h > 23 || min > 59 || s > 59 {
		return 0, false
	}
	return days*microsPerDay + ((h*60+min)*60+s)*1_000_000, true
}

// readFHIR reads a FHIR date, dateTime or instant
// (https://hl7.org/fhir/R4/datatypes.html#dateTime).
func (l *dateLayout) readFHIR(b []byte) (int64, Reason) {
	var buf [10]byte
	switch len(b) {
	case 4, 7:
		day := append(append(buf[:0], b...), "-01-01"[len(b)-4:]...)
		days, ok := parseDate(day)
		switch {
		case !ok:
			return 0, ReasonDateImpossible
		case !l.partial:
			return 0, ReasonDatePartial
		}
		return days * microsPerDay, ""
	}
	clock, ok := withoutZone(b)
	if !ok {
		return 0, ReasonDateImpossible
	}
	if len(clock) > len("2006-01-02T15:04:05.000000") {
		clock = clock[:len("2006-01-02T15:04:05.000000")] // FHIR allows more decimals than a timestamp has
	}
	micros, ok := parseTimestamp(clock)
	if !ok {
		return 0, ReasonDateImpossible
	}
	return micros, ""
}

// withoutZone takes a zone away: Z, +hh:mm or -hh:mm. A FHIR time must have one.
func withoutZone(b []byte) ([]byte, bool) {
	if len(b) == 10 {
		return b, true
	}
	if len(b) < 20 || b[10] != 'T' {
		return nil, false
	}
	if b[len(b)-1] == 'Z' {
		return b[:len(b)-1], true
	}
	zone := b[len(b)-6:]
	h, ok1 := digits(zone[1:3])
	m, ok2 := digits(zone[4:6])
	if (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' || !ok1 || !ok2 || h > 14 || m > 59 {
		return nil, false
	}
	return b[:len(b)-6], true
}
