package state

import (
	"fmt"
	"time"
)

// timeLayout sorts as text: always UTC, always six digits of fraction.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// timeText is how the database keeps t.
func timeText(t time.Time) string { return t.UTC().Format(timeLayout) }

// parseTime reads what timeText wrote.
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(timeLayout, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("state: a time in the database is malformed: %w", err)
	}
	return t, nil
}
