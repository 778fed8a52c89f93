// Package quality checks published tables against what a dataset's definition says of
// them: how complete columns are, which range they keep, that what they refer to is
// there, that one date does not come before another, that no month is missing. It sees
// no identifiers, and what it finds is for the custodian: its numbers are exact.
package quality

import (
	"fmt"
	"slices"
	"strings"
)

// Severity says what a failed check means.
type Severity string

// The severities.
const (
	Refuse Severity = "refuse" // nothing is published
	Warn   Severity = "warn"   // the version is published, and marked
)

// Check is one thing that must hold of a table. Exactly one of the kinds is set.
type Check struct {
	Name     string   `yaml:"name" json:"name"` // a sentence for people, e.g. "Most entries have a value"
	Table    string   `yaml:"table" json:"table"`
	Severity Severity `yaml:"severity" json:"severity"` // default: warn
	// AtLeast is the share of the rows that must pass, 0 to 1; of months, the share of
	// the median month that each month must reach. Default: 1, of months 0.5.
	AtLeast *float64 `yaml:"at_least" json:"at_least,omitempty"`

	Complete string   `yaml:"complete" json:"complete,omitempty"` // a column that has a value
	Range    *Range   `yaml:"range" json:"range,omitempty"`
	Unique   []string `yaml:"unique" json:"unique,omitempty"` // columns that together occur once
	Refers   *Refers  `yaml:"refers" json:"refers,omitempty"`
	Order    []string `yaml:"order" json:"order,omitempty"`     // two columns, the second not before the first
	Monthly  string   `yaml:"monthly" json:"monthly,omitempty"` // a date column: no month between the first and the last has no or too few rows
	Rows     *Rows    `yaml:"rows" json:"rows,omitempty"`
}

// Range is a column's values from Min to Max, either of which may be absent; rows
// without a value pass.
type Range struct {
	Column string   `yaml:"column" json:"column"`
	Min    *float64 `yaml:"min" json:"min,omitempty"`
	Max    *float64 `yaml:"max" json:"max,omitempty"`
}

// Refers is a column whose values are in a column of another table; rows without a
// value pass.
type Refers struct {
	Column string `yaml:"column" json:"column"`
	To     string `yaml:"to" json:"to"` // table.column
}

// Rows is how many rows a table has.
type Rows struct {
	Min int64 `yaml:"min" json:"min,omitempty"`
	Max int64 `yaml:"max" json:"max,omitempty"` // 0: no bound
}

// Default completes what a definition may leave out.
func (c *Check) Default() {
	if c.Severity == "" {
		c.Severity = Warn
	}
	if c.AtLeast == nil {
		c.AtLeast = new(1.0)
		if c.Monthly != "" {
			*c.AtLeast = 0.5
		}
	}
}

// Faults gives what is wrong with a check, in sentences. columns has the published
// columns of each table.
func (c Check) Faults(columns map[string][]string) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if c.Name == "" {
		say("the check has no name")
	}
	if c.Severity != Refuse && c.Severity != Warn {
		say("severity is refuse or warn")
	}
	if *c.AtLeast < 0 || *c.AtLeast > 1 {
		say("at_least is a share from 0 to 1")
	}
	kinds := 0
	for _, set := range []bool{c.Complete != "", c.Range != nil, len(c.Unique) > 0, c.Refers != nil, len(c.Order) > 0, c.Monthly != "", c.Rows != nil} {
		if set {
			kinds++
		}
	}
	if kinds != 1 {
		say("a check has exactly one of complete, range, unique, refers, order, monthly, rows")
		return out
	}
	known, there := columns[c.Table]
	if !there {
		say("there is no table %q", c.Table)
		return out
	}
	needs := append(append([]string{}, c.Unique...), c.Order...)
	for _, name := range []string{c.Complete, c.Monthly} {
		if name != "" {
			needs = append(needs, name)
		}
	}
	switch {
	case c.Range != nil:
		needs = append(needs, c.Range.Column)
		if c.Range.Min == nil && c.Range.Max == nil {
			say("range has neither min nor max")
		}
	case c.Refers != nil:
		needs = append(needs, c.Refers.Column)
		table, column, _ := strings.Cut(c.Refers.To, ".")
		if !slices.Contains(columns[table], column) {
			say("refers to %q, which is no published column", c.Refers.To)
		}
	case len(c.Order) > 0 && len(c.Order) != 2:
		say("order has two columns")
	case c.Rows != nil && (c.Rows.Min < 0 || c.Rows.Max != 0 && c.Rows.Max < c.Rows.Min):
		say("rows has a min of 0 or more, and a max not below it")
	}
	for _, name := range needs {
		if !slices.Contains(known, name) {
			say("the table %s publishes no column %q", c.Table, name)
		}
	}
	return out
}
