package synth

import "time"

// day counts days from 1 January 1900, which is day 0; nobody here was born
// before 1910, so 0 also stands for "no date".
type day int32

var epoch = time.Date(1900, time.January, 1, 0, 0, 0, 0, time.UTC)

func dayOf(year int, month time.Month, d int) day {
	return day(time.Date(year, month, d, 0, 0, 0, 0, time.UTC).Sub(epoch) / (24 * time.Hour))
}

func (d day) time() time.Time { return epoch.AddDate(0, 0, int(d)) }

// years is the whole years from one day to a later one, leap days evened out.
func years(from, to day) int { return int(to-from) * 4 / 1461 }

// The windows of the extracts.
var (
	extractDay     = dayOf(2025, time.June, 30)     // nothing is later
	eventsFrom     = dayOf(2018, time.January, 1)   // measurements and vaccinations; diagnoses go back further
	deathsFrom     = dayOf(2020, time.January, 1)   // who died before is not in the extract
	careFrom       = dayOf(2020, time.January, 1)   // social care
	admissionsFrom = dayOf(2022, time.January, 1)   // three and a half years, which makes one admission a person
	lastDay        = dayOf(2026, time.December, 31) // the end of the printed calendar
)

// calendar holds each day as text and the season of each day of a year, so that
// rows are written without arithmetic on dates.
type calendar struct {
	text    [][10]byte
	winter  []float32 // 1 in mid-January, -1 in mid-July
	weekday []uint8   // 0 Monday … 6 Sunday
}

func newCalendar() *calendar {
	n := int(lastDay) + 1
	c := &calendar{text: make([][10]byte, n), winter: make([]float32, n), weekday: make([]uint8, n)}
	for d := range n {
		t := day(d).time()
		copy(c.text[d][:], t.Format(time.DateOnly))
		c.winter[d] = winterness(t.YearDay())
		c.weekday[d] = uint8(d % 7) // 1 January 1900 was a Monday
	}
	return c
}
