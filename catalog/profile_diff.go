package catalog

import (
	"slices"
	"strings"
)

// ProfileDiff is how the profiles of two versions of a dataset differ. It is computed of
// numbers that the gate released to everybody, and of nothing else: where one of them was
// withheld, the comparison lacks it as well.
type ProfileDiff struct {
	From   string             `json:"from"`
	To     string             `json:"to"`
	Tables []TableProfileDiff `json:"tables"` // that both profiles have, in the later one's order
}

// TableProfileDiff is a table in both profiles.
type TableProfileDiff struct {
	Name      string         `json:"name"`
	Rows      Shift          `json:"rows"`
	People    Shift          `json:"people"`
	Variables []VariableDiff `json:"variables"`
}

// VariableDiff is a variable in both profiles.
type VariableDiff struct {
	Name    string `json:"name"`
	Class   Class  `json:"class"`
	Missing Shift  `json:"missing" doc:"Share of the rows without a value"`
	// Values are the shares of the rows that have a value, or dates of a year: each that
	// either profile shows.
	Values []ValueShift `json:"values,omitempty"`
	First  []string     `json:"first,omitempty" doc:"First year before and now"`
	Last   []string     `json:"last,omitempty" doc:"Last year before and now"`
	Mean   Shift        `json:"mean"`
	// Quantiles are those that both profiles show.
	Quantiles []QuantileShift `json:"quantiles,omitempty"`
}

// Shift is a number in both profiles; nil where it was not shown.
type Shift struct {
	Before *float64 `json:"before,omitempty"`
	After  *float64 `json:"after,omitempty"`
}

// Known reports whether both profiles show it.
func (s Shift) Known() bool { return s.Before != nil && s.After != nil }

// ValueShift is the share of the rows that have a value.
type ValueShift struct {
	Value string `json:"value"`
	Shift
}

// QuantileShift is a quantile.
type QuantileShift struct {
	P float64 `json:"p"`
	Shift
}

// CompareProfiles compares the profiles of two versions.
func CompareProfiles(from, to Profile) ProfileDiff {
	d := ProfileDiff{From: Version{Dataset: from.Dataset, Number: from.Number}.Name(), To: Version{Dataset: to.Dataset, Number: to.Number}.Name(), Tables: []TableProfileDiff{}}
	for i := range to.Tables {
		now := &to.Tables[i]
		was := from.Table(now.Name)
		if was == nil || was.Public || now.Public {
			continue
		}
		t := TableProfileDiff{Name: now.Name, Rows: Shift{float(was.Rows), float(now.Rows)}, People: Shift{float(was.People), float(now.People)}, Variables: []VariableDiff{}}
		for j := range now.Columns {
			if before := was.Column(now.Columns[j].Name); before != nil && before.Class == now.Columns[j].Class {
				t.Variables = append(t.Variables, compareVariables(was, before, now, &now.Columns[j]))
			}
		}
		d.Tables = append(d.Tables, t)
	}
	return d
}

func compareVariables(was *TableProfile, before *ColumnProfile, now *TableProfile, after *ColumnProfile) VariableDiff {
	v := VariableDiff{Name: after.Name, Class: after.Class, Missing: Shift{shareOf(before.Missing, was.Rows), shareOf(after.Missing, now.Rows)}, Mean: Shift{before.Mean, after.Mean}}
	if before.First != "" && after.First != "" {
		v.First, v.Last = []string{before.First, after.First}, []string{before.Last, after.Last}
	}
	values := slices.Concat(after.Values, before.Values) // the later profile's order
	for _, c := range values {
		if !slices.ContainsFunc(v.Values, func(x ValueShift) bool { return x.Value == c.Value }) {
			v.Values = append(v.Values, ValueShift{c.Value, Shift{shareOf(rowsOf(before, c.Value), was.Rows), shareOf(rowsOf(after, c.Value), now.Rows)}})
		}
	}
	if after.Class == ClassDate { // years are in their order
		slices.SortFunc(v.Values, func(a, b ValueShift) int { return strings.Compare(a.Value, b.Value) })
	}
	for _, q := range after.Quantiles {
		for _, b := range before.Quantiles {
			if b.P == q.P {
				v.Quantiles = append(v.Quantiles, QuantileShift{q.P, Shift{&b.Value, &q.Value}})
			}
		}
	}
	return v
}

func rowsOf(c *ColumnProfile, value string) *int64 {
	for i := range c.Values {
		if c.Values[i].Value == value {
			return &c.Values[i].Rows
		}
	}
	return nil
}

func float(n *int64) *float64 {
	if n == nil {
		return nil
	}
	f := float64(*n)
	return &f
}

// shareOf is n of rows; nil where either is not shown.
func shareOf(n, rows *int64) *float64 {
	if n == nil || rows == nil || *rows <= 0 {
		return nil
	}
	f := float64(*n) / float64(*rows)
	return &f
}
