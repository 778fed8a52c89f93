package egress

import (
	"testing"
	"time"
)

// london is a moment of the clock in London.
func london(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", text, working().london)
	if err != nil {
		t.Fatal(err)
	}
	return at.UTC()
}

// As gov.uk lists them.
func TestBankHolidaysOfEnglandAreFree(t *testing.T) {
	free := []string{
		"2022-01-03", "2022-04-15", "2022-04-18", "2022-05-02", "2022-06-02", "2022-06-03", "2022-08-29", "2022-09-19", "2022-12-26", "2022-12-27",
		"2023-01-02", "2023-04-07", "2023-04-10", "2023-05-01", "2023-05-08", "2023-05-29", "2023-08-28", "2023-12-25", "2023-12-26",
		"2024-01-01", "2024-03-29", "2024-04-01", "2024-05-06", "2024-05-27", "2024-08-26", "2024-12-25", "2024-12-26",
		"2025-01-01", "2025-04-18", "2025-04-21", "2025-05-05", "2025-05-26", "2025-08-25", "2025-12-25", "2025-12-26",
		"2026-01-01", "2026-04-03", "2026-04-06", "2026-05-04", "2026-05-25", "2026-08-31", "2026-12-25", "2026-12-28",
		"2027-01-01", "2027-03-26", "2027-03-29", "2027-05-03", "2027-05-31", "2027-08-30", "2027-12-27", "2027-12-28",
	}
	listed := map[string]bool{}
	for _, day := range free {
		listed[day] = true
	}
	for day := london(t, "2022-01-01 12:00"); day.Year() < 2028; day = day.AddDate(0, 0, 1) {
		text := day.Format("2006-01-02")
		weekday := day.Weekday() != time.Saturday && day.Weekday() != time.Sunday
		if got, want := working().calendar.IsWorkday(day), weekday && !listed[text]; got != want {
			t.Errorf("%s, %s: a working day is %t, want %t", text, day.Weekday(), got, want)
		}
	}
}

func TestWorkingTimeStandsAtNightAndOnHolidays(t *testing.T) {
	for _, c := range []struct {
		from, to string
		days     float64
	}{
		{"2026-03-02 09:00", "2026-03-02 17:00", 1},   // a Monday
		{"2026-03-02 13:00", "2026-03-03 13:00", 1},   // over a night
		{"2026-03-06 13:00", "2026-03-09 13:00", 1},   // over a weekend
		{"2026-03-07 10:00", "2026-03-08 20:00", 0},   // a weekend
		{"2026-04-02 13:00", "2026-04-07 13:00", 1},   // over Easter
		{"2026-12-24 09:00", "2026-12-29 17:00", 2},   // over Christmas
		{"2026-03-27 13:00", "2026-03-30 13:00", 1},   // over the night when clocks go forward
		{"2026-10-23 13:00", "2026-10-26 13:00", 1},   // and back
		{"2026-03-02 17:30", "2026-03-03 08:00", 0},   // a night
		{"2026-03-02 12:00", "2026-03-02 11:00", 0},   // backwards
		{"2026-03-02 09:00", "2026-03-02 09:05", .01}, // five minutes
	} {
		from, to := london(t, c.from), london(t, c.to)
		if got := inDays(working().between(from, to)); got != c.days {
			t.Errorf("from %s to %s: %g working days, want %g", c.from, c.to, got, c.days)
		}
	}
	for from, want := range map[string]string{
		"2026-03-02 10:00": "2026-03-09 10:00", "2026-03-06 18:00": "2026-03-13 17:00", "2026-03-07 12:00": "2026-03-13 17:00",
		"2026-04-01 10:00": "2026-04-10 10:00", "2026-12-23 09:00": "2026-12-31 17:00",
	} {
		if got := working().after(london(t, from), 5*workingDay); !got.Equal(london(t, want)) {
			t.Errorf("5 working days after %s: %s, want %s", from, got.In(working().london), want)
		}
	}
}

// Adding working time and taking it again are one thing.
func TestWorkingTimeAddsUp(t *testing.T) {
	start := london(t, "2026-01-01 00:00")
	for i := range 400 {
		from := start.Add(time.Duration(i) * 37 * time.Hour)
		d := time.Duration(i%97) * 17 * time.Minute
		if d == 0 {
			continue
		}
		if got := working().between(from, working().after(from, d)); got != d {
			t.Fatalf("%s after %s, and back: %s", d, from, got)
		}
	}
}
