package catalog

import "time"

// Profile is what the catalogue shows of the variables of a version: every number
// in it was asked through the gate, under Policy, and counts as told to everybody.
// What the gate withheld is absent, not zero.
type Profile struct {
	Dataset string         `json:"dataset"`
	Number  int            `json:"number"`
	Made    time.Time      `json:"made"`
	Policy  string         `json:"policy"` // disclosure policy: name@version
	Tables  []TableProfile `json:"tables"`
}

// TableProfile is what is shown of one table.
type TableProfile struct {
	Name    string          `json:"name"`
	Public  bool            `json:"public,omitempty"` // a reference table, which is shown whole
	Rows    *int64          `json:"rows,omitempty"`
	People  *int64          `json:"people,omitempty"`
	Columns []ColumnProfile `json:"columns"`
}

// ColumnProfile is what is shown of one variable. Which of its fields are set
// depends on its class: dimensions have Values, dates Values by year with First and
// Last, measures Mean and Quantiles, quasi-identifiers only what is missing.
type ColumnProfile struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Class   Class  `json:"class"`
	Missing *int64 `json:"missing,omitempty"` // rows without a value; absent where they are none, or too few people's to be shown
	// Values are the most frequent values with their rows, the most frequent first
	// (of dates: years, in their order).
	Values []ValueCount `json:"values,omitempty"`
	// More is that there are, or may be, values that are not in Values: too rare to
	// be shown, or beyond the first MaxProfileValues.
	More      bool       `json:"more,omitempty"`
	First     string     `json:"first,omitempty"` // dates: the first and the last year that can be shown
	Last      string     `json:"last,omitempty"`
	Mean      *float64   `json:"mean,omitempty"`
	Quantiles []Quantile `json:"quantiles,omitempty"`
	// Refused is the code of the gate's refusal, where it answered nothing of the column.
	Refused string `json:"refused,omitempty"`
}

// ValueCount is a value and the rows that have it.
type ValueCount struct {
	Value string `json:"value"`
	Rows  int64  `json:"rows"`
}

// Quantile is the value below which a share P of the rows lies.
type Quantile struct {
	P     float64 `json:"p"`
	Value float64 `json:"value"`
}

// MaxProfileValues is how many values of a dimension a profile shows.
const MaxProfileValues = 50

// ProfileQuantiles are the shares of a profile's quantiles.
var ProfileQuantiles = []float64{0.05, 0.25, 0.5, 0.75, 0.95}

// Table gives what is shown of a table; nil for one that the profile does not have.
func (p *Profile) Table(name string) *TableProfile {
	for i := range p.Tables {
		if p.Tables[i].Name == name {
			return &p.Tables[i]
		}
	}
	return nil
}

// Column gives what is shown of a column; nil for one that the profile does not have.
func (t *TableProfile) Column(name string) *ColumnProfile {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}
