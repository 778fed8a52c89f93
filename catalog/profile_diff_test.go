package catalog_test

import (
	"testing"

	"github.com/gatehouse-tre/gatehouse/catalog"
)

// Profiles are compared by what both show: nothing is made up for what was withheld.
func TestProfilesAreComparedByWhatBothShow(t *testing.T) {
	n := func(v int64) *int64 { return &v }
	f := func(v float64) *float64 { return &v }
	table := func(rows *int64, columns ...catalog.ColumnProfile) []catalog.TableProfile {
		return []catalog.TableProfile{{Name: "patients", Rows: rows, People: rows, Columns: columns}, {Name: "codes", Public: true, Rows: n(7)}}
	}
	from := catalog.Profile{Dataset: "care", Number: 1, Tables: table(n(1000),
		catalog.ColumnProfile{Name: "sex", Class: catalog.ClassDimension, Missing: n(100), Values: []catalog.ValueCount{{Value: "F", Rows: 500}, {Value: "I", Rows: 20}}},
		catalog.ColumnProfile{Name: "bmi", Class: catalog.ClassMeasure, Mean: f(27), Quantiles: []catalog.Quantile{{P: 0.5, Value: 26}}},
		catalog.ColumnProfile{Name: "died", Class: catalog.ClassDate, First: "2001", Last: "2024", Values: []catalog.ValueCount{{Value: "2001", Rows: 50}, {Value: "2024", Rows: 10}}},
		catalog.ColumnProfile{Name: "gone", Class: catalog.ClassMeasure})}
	to := catalog.Profile{Dataset: "care", Number: 2, Tables: table(n(2000),
		catalog.ColumnProfile{Name: "sex", Class: catalog.ClassDimension, Values: []catalog.ValueCount{{Value: "F", Rows: 1200}, {Value: "M", Rows: 700}}},
		catalog.ColumnProfile{Name: "bmi", Class: catalog.ClassMeasure, Mean: f(28), Quantiles: []catalog.Quantile{{P: 0.25, Value: 22}, {P: 0.5, Value: 27}}},
		catalog.ColumnProfile{Name: "died", Class: catalog.ClassDate, First: "2002", Last: "2025", Values: []catalog.ValueCount{{Value: "2025", Rows: 100}}},
		catalog.ColumnProfile{Name: "new", Class: catalog.ClassMeasure})}
	d := catalog.CompareProfiles(from, to)
	if d.From != "care@1" || d.To != "care@2" || len(d.Tables) != 1 || len(d.Tables[0].Variables) != 3 {
		t.Fatalf("%+v", d)
	}
	sex, bmi, died := d.Tables[0].Variables[0], d.Tables[0].Variables[1], d.Tables[0].Variables[2]
	if sex.Missing.Known() || sex.Missing.After != nil || *sex.Missing.Before != 0.1 {
		t.Errorf("missing: %+v", sex.Missing)
	}
	if len(sex.Values) != 3 || *sex.Values[0].Before != 0.5 || *sex.Values[0].After != 0.6 || sex.Values[1].Before != nil || sex.Values[2].After != nil {
		t.Errorf("values: %+v", sex.Values)
	}
	if *bmi.Mean.Before != 27 || *bmi.Mean.After != 28 || len(bmi.Quantiles) != 1 || *bmi.Quantiles[0].Before != 26 || *bmi.Quantiles[0].After != 27 {
		t.Errorf("%+v", bmi)
	}
	if died.First[0] != "2001" || died.Last[1] != "2025" || len(died.Values) != 3 || died.Values[0].Value != "2001" {
		t.Errorf("%+v", died)
	}
	to.Tables[0].Rows = nil // withheld: no share can be told
	if d := catalog.CompareProfiles(from, to); d.Tables[0].Variables[0].Values[0].After != nil || d.Tables[0].Rows.Known() {
		t.Errorf("%+v", d)
	}
}
