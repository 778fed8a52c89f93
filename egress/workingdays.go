package egress

import (
	"sync"
	"time"
	_ "time/tzdata" // working hours are London's, also on a machine without time zones

	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/gb"
)

// workingDay is how long a working day is: from 9 to 17 in London, Monday to
// Friday, without the bank holidays of England.
const workingDay = 8 * time.Hour

// The years for which bank holidays are known: outside of them only weekends are
// free.
const (
	firstHolidays = 2020
	lastHolidays  = 2070
)

// stateFuneral is the one bank holiday that the library does not have.
var stateFuneral = civil{2022, time.September, 19}

type civil struct {
	year  int
	month time.Month
	day   int
}

func civilOf(t time.Time) civil {
	y, m, d := t.Date()
	return civil{y, m, d}
}

// working is the calendar of working time and where it holds. Holidays are
// worked out once: the library would do so for each day that is asked for.
var working = sync.OnceValue(func() *workingTime {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		panic("egress: the time zone of London is missing") // it is compiled in
	}
	holidays := cal.NewBusinessCalendar()
	holidays.AddHoliday(gb.Holidays...)
	free := map[civil]bool{stateFuneral: true}
	for day := time.Date(firstHolidays, 1, 1, 12, 0, 0, 0, london); day.Year() <= lastHolidays; day = day.AddDate(0, 0, 1) {
		if !holidays.IsWorkday(day) {
			free[civilOf(day)] = true
		}
	}
	w := &workingTime{london: london, calendar: cal.NewBusinessCalendar()}
	w.calendar.WorkdayFunc = func(day time.Time) bool {
		return day.Weekday() != time.Saturday && day.Weekday() != time.Sunday && !free[civilOf(day)]
	}
	return w
})

type workingTime struct {
	london   *time.Location
	calendar *cal.BusinessCalendar // only read
}

// between is the working time from one instant to a later one.
func (w *workingTime) between(from, to time.Time) time.Duration {
	if !from.Before(to) {
		return 0
	}
	return w.calendar.WorkHoursInRange(from.In(w.london).Truncate(time.Second), to.In(w.london).Truncate(time.Second))
}

// after is the instant at which so much working time has gone by.
func (w *workingTime) after(from time.Time, d time.Duration) time.Time {
	return w.calendar.AddWorkHours(from.In(w.london).Truncate(time.Second), d).UTC()
}

// inDays is working time in days, to the hundredth.
func inDays(d time.Duration) float64 {
	return float64((d*100+workingDay/2)/workingDay) / 100
}
