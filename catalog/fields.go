package catalog

import (
	"encoding/binary"
	"math"
	"strconv"
	"unsafe"
)

// kind is a FieldType as a small number: rows are switched on it.
type kind uint8

const (
	kindText kind = iota
	kindInteger
	kindBigint
	kindNumber
	kindDate
	kindTimestamp
)

var kinds = map[FieldType]kind{FieldText: kindText, FieldInteger: kindInteger, FieldBigint: kindBigint,
	FieldNumber: kindNumber, FieldDate: kindDate, FieldTimestamp: kindTimestamp}

// cell is one field, read as its column's type.
type cell struct {
	null  bool
	whole int64   // integers; dates as days, timestamps as microseconds since 1970
	real  float64 // numbers
	text  []byte
}

// days is the cell of a date or timestamp column, in days since 1970.
func (c *cell) days(k kind) int64 {
	if k == kindTimestamp {
		return floorDiv(c.whole, microsPerDay)
	}
	return c.whole
}

const microsPerDay = 24 * 60 * 60 * 1_000_000

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// field reads one column of a file: its type and every check that needs nothing
// but the value.
type field struct {
	rule     ColumnRule
	kind     kind
	layout   *dateLayout         // of dates that are not written YYYY-MM-DD
	missing  map[string]struct{} // what stands for no value; nil: only nothing
	values   map[string]struct{} // allowed; nil: all
	codes    map[string]struct{} // allowed by a reference table; nil: all
	min, max float64
	today    int64 // not later than this day, if rule.NotFuture
	outcode  bool  // a postcode, of which the first half is published
	room     [8]byte
}

func newField(rule ColumnRule, today int64) field {
	f := field{rule: rule, kind: kinds[rule.Type], min: math.Inf(-1), max: math.Inf(1), today: today, outcode: rule.Treatment == TreatOutcode}
	if len(rule.Values) > 0 {
		f.values = make(map[string]struct{}, len(rule.Values))
		for _, v := range rule.Values {
			f.values[v] = struct{}{}
		}
	}
	if len(rule.Missing) > 0 {
		f.missing = make(map[string]struct{}, len(rule.Missing))
		for _, v := range rule.Missing {
			f.missing[v] = struct{}{}
		}
	}
	if rule.Format != "" {
		f.layout, _ = parseLayout(rule.Format, rule.Type) // checked with the definition
	}
	if rule.Min != nil {
		f.min, _ = rule.bound(*rule.Min) // checked with the definition
	}
	if rule.Max != nil {
		f.max, _ = rule.bound(*rule.Max)
	}
	return f
}

// read reads b into c, or says why it cannot.
func (f *field) read(b []byte, c *cell) Reason {
	if f.missing != nil {
		if _, ok := f.missing[string(b)]; ok {
			b = nil
		}
	}
	c.null = len(b) == 0
	if c.null {
		if f.rule.Required {
			return ReasonValueMissing
		}
		return ""
	}
	switch f.kind {
	case kindText:
		c.text = b
		if f.values != nil {
			if _, ok := f.values[string(b)]; !ok {
				return ReasonValueUnknown
			}
		}
		if f.codes != nil {
			if _, ok := f.codes[string(b)]; !ok {
				return ReasonCodeUnknown
			}
		}
		if f.outcode {
			if _, ok := outcode(f.room[:], b); !ok {
				return ReasonPostcodeFormat
			}
		}
		return ""
	case kindInteger, kindBigint:
		n, why := parseWhole(b)
		if why != "" {
			return why
		}
		if (f.kind == kindInteger && n != int64(int32(n))) || float64(n) < f.min || float64(n) > f.max {
			return ReasonValueRange
		}
		c.whole = n
		return ""
	case kindNumber:
		x, ok := parseReal(b)
		if !ok {
			return ReasonValueNotNumeric
		}
		if x < f.min || x > f.max {
			return ReasonValueRange
		}
		c.real = x
		return ""
	case kindDate, kindTimestamp:
		if f.layout != nil {
			return f.readLayout(b, c)
		}
		return f.readDate(b, c)
	}
	panic("catalog: unknown field type") // the definition was checked
}

func (f *field) readLayout(b []byte, c *cell) Reason {
	micros, why := f.layout.read(b)
	if why != "" {
		return why
	}
	day := floorDiv(micros, microsPerDay)
	if c.whole = micros; f.kind == kindDate {
		c.whole = day
	}
	return f.checkDay(day)
}

func (f *field) readDate(b []byte, c *cell) Reason {
	if f.kind == kindDate {
		n, ok := parseDate(b)
		if !ok {
			return ReasonDateImpossible
		}
		c.whole = n
		return f.checkDay(n)
	}
	n, ok := parseTimestamp(b)
	if !ok {
		return ReasonDateImpossible
	}
	c.whole = n
	return f.checkDay(floorDiv(n, microsPerDay))
}

func (f *field) checkDay(day int64) Reason {
	switch {
	case f.rule.NotFuture && day > f.today:
		return ReasonDateInFuture
	case float64(day) < f.min || float64(day) > f.max:
		return ReasonValueRange
	}
	return ""
}

// parseWhole reads an optional minus and at most 18 digits.
func parseWhole(b []byte) (int64, Reason) {
	digits := b
	if digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		if _, ok := parseReal(b); ok {
			return 0, ReasonValueRange
		}
		return 0, ReasonValueNotNumeric
	}
	n := int64(0)
	for _, c := range digits {
		if c < '0' || c > '9' {
			if _, ok := parseReal(b); ok {
				return 0, ReasonValueNotWhole
			}
			return 0, ReasonValueNotNumeric
		}
		n = n*10 + int64(c-'0')
	}
	if b[0] == '-' {
		n = -n
	}
	return n, ""
}

// parseReal reads a finite decimal number: digits, a point, an exponent. Names
// such as NaN, hexadecimal, grouping and decimal commas are not numbers here.
func parseReal(b []byte) (float64, bool) {
	for _, c := range b {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	x, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(b), len(b)), 64) // not kept
	return x, err == nil
}

var monthDays = [13]int64{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// The years that a date may have; others stand for "unknown" or are mistyped.
const firstYear, lastYear = 1850, 2199

// parseDate reads YYYY-MM-DD into days since 1970; nothing else is a date.
func parseDate(b []byte) (int64, bool) {
	if len(b) != 10 || b[4] != '-' || b[7] != '-' {
		return 0, false
	}
	y, ok1 := digits(b[:4])
	m, ok2 := digits(b[5:7])
	d, ok3 := digits(b[8:10])
	if !ok1 || !ok2 || !ok3 {
		return 0, false
	}
	return civilDay(y, m, d)
}

// civilDay is the day of a date that the calendar has, in days since 1970.
func civilDay(y, m, d int64) (int64, bool) {
	if y < firstYear || y > lastYear || m < 1 || m > 12 || d < 1 {
		return 0, false
	}
	leap := m == 2 && d == 29 && y%4 == 0 && (y%100 != 0 || y%400 == 0)
	if d > monthDays[m] && !leap {
		return 0, false
	}
	return daysFromCivil(y, m, d), true
}

// parseTimestamp reads a date, or a date and HH:MM:SS with up to six decimals
// after a blank or a T, into microseconds since 1970, without a time zone.
func parseTimestamp(b []byte) (int64, bool) {
	if len(b) < 10 {
		return 0, false
	}
	days, ok := parseDate(b[:10])
	if !ok || len(b) == 10 {
		return days * microsPerDay, ok
	}
	clock := b[10:]
	if len(clock) < 9 || (clock[0] != ' ' && clock[0] != 'T') || clock[3] != ':' || clock[6] != ':' {
		return 0, false
	}
	h, ok1 := digits(clock[1:3])
	m, ok2 := digits(clock[4:6])
	s, ok3 := digits(clock[7:9])
	if !ok1 || !ok2 || !ok3 || h > 23 || m > 59 || s > 59 {
		return 0, false
	}
	micros := int64(0)
	if rest := clock[9:]; len(rest) > 0 {
		if rest[0] != '.' || len(rest) == 1 || len(rest) > 7 {
			return 0, false
		}
		if micros, ok = digits(rest[1:]); !ok {
			return 0, false
		}
		for range 7 - len(rest) {
			micros *= 10
		}
	}
	return days*microsPerDay + ((h*60+m)*60+s)*1_000_000 + micros, true
}

func digits(b []byte) (n int64, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// daysFromCivil and civilFromDays convert between dates of the Gregorian
// calendar and days since 1970 (Howard Hinnant's algorithms), which time.Date
// does at ten times the cost.
func daysFromCivil(y, m, d int64) int64 {
	if m <= 2 {
		y--
	}
	era := floorDiv(y, 400)
	yearOfEra := y - era*400
	dayOfYear := (153*((m+9)%12)+2)/5 + d - 1
	dayOfEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear
	return era*146097 + dayOfEra - 719468
}

func civilFromDays(z int64) (y, m, d int64) {
	z += 719468
	era := floorDiv(z, 146097)
	dayOfEra := z - era*146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	shifted := (5*dayOfYear + 2) / 153
	d = dayOfYear - (153*shifted+2)/5 + 1
	if m = shifted + 3; m > 12 {
		m -= 12
	}
	y = yearOfEra + era*400
	if m <= 2 {
		y++
	}
	return y, m, d
}

// plainText reports whether b is ASCII without control characters, eight bytes
// at a time: nearly every row is, and needs no closer look.
func plainText(b []byte) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for len(b) >= 8 {
		x := binary.LittleEndian.Uint64(b)
		if (x|(x-ones*' ')&^x)&tops != 0 { // above ASCII, or below a blank
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c < ' ' || c >= 0x80 {
			return false
		}
	}
	return true
}

// hasControl finds bytes that no text of an extract holds: everything below a
// blank but tabs, the line ends of a quoted field and the delimiter, and delete.
func hasControl(b []byte, delimiter byte) bool {
	for _, c := range b {
		if (c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f) && c != delimiter {
			return true
		}
	}
	return false
}
