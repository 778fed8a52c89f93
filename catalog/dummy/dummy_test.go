package dummy

import (
	"bytes"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

var tables = []catalog.Table{
	{Name: "patients", Columns: []catalog.Column{{Name: "person_id", Type: "VARCHAR", Class: catalog.ClassPerson}, {Name: "sex", Type: "VARCHAR", Class: catalog.ClassDimension}, {Name: "lsoa", Type: "VARCHAR", Class: catalog.ClassQuasi}}},
	{Name: "events", Columns: []catalog.Column{{Name: "person_id", Type: "VARCHAR", Class: catalog.ClassPerson}, {Name: "date", Type: "DATE", Class: catalog.ClassDate}, {Name: "code", Type: "VARCHAR", Class: catalog.ClassDimension},
		{Name: "value", Type: "DOUBLE", Class: catalog.ClassMeasure}}},
	{Name: "codes", Public: true, Columns: []catalog.Column{{Name: "code", Type: "VARCHAR", Class: catalog.ClassReference}, {Name: "term", Type: "VARCHAR", Class: catalog.ClassReference}}},
}

func profile() *catalog.Profile {
	people, events, missing := int64(100_000), int64(400_000), int64(100_000)
	return &catalog.Profile{Dataset: "d", Number: 1, Tables: []catalog.TableProfile{
		{Name: "patients", Rows: &people, People: &people, Columns: []catalog.ColumnProfile{{Name: "sex", Values: []catalog.ValueCount{{Value: "F", Rows: 75_000}, {Value: "M", Rows: 25_000}}}}},
		{Name: "events", Rows: &events, People: &people, Columns: []catalog.ColumnProfile{
			{Name: "date", Values: []catalog.ValueCount{{Value: "2019", Rows: 100_000}, {Value: "2020", Rows: 300_000}}},
			{Name: "code", Values: []catalog.ValueCount{{Value: "c1", Rows: 300_000}, {Value: "c2", Rows: 100_000}}},
			{Name: "value", Missing: &missing, Quantiles: []catalog.Quantile{{P: 0.25, Value: 10}, {P: 0.5, Value: 20}, {P: 0.75, Value: 40}}},
		}},
		{Name: "codes", Public: true},
	}}
}

func read(t *testing.T, dir, name string) [][]string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 0.05*want {
		t.Errorf("%s: %g, not about %g", what, got, want)
	}
}

func TestDummyDataIsLikeItsProfile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dummy")
	if err := Write(dir, tables, profile(), 5000, 1); err != nil {
		t.Fatal(err)
	}
	patients, events := read(t, dir, "patients.csv"), read(t, dir, "events.csv")
	near(t, "people", float64(len(patients)), 5000)
	near(t, "rows of each", float64(len(events))/5000, 4)
	share := func(rows [][]string, column int, is func(string) bool) float64 {
		n := 0
		for _, r := range rows {
			if is(r[column]) {
				n++
			}
		}
		return float64(n) / float64(len(rows))
	}
	near(t, "women", share(patients, 1, func(s string) bool { return s == "F" }), 0.75)
	near(t, "events of 2020", share(events, 1, func(s string) bool { return strings.HasPrefix(s, "2020-") }), 0.75)
	near(t, "missing values", share(events, 3, func(s string) bool { return s == "" }), 0.25)
	var values []float64
	for _, r := range events {
		if x, err := strconv.ParseFloat(r[3], 64); err == nil {
			values = append(values, x)
		}
	}
	slices.Sort(values)
	near(t, "median", values[len(values)/2], 20)
	known := map[string]bool{}
	for _, r := range patients {
		known[r[0]] = true
	}
	if len(known) != 5000 || slices.ContainsFunc(events, func(r []string) bool { return !known[r[0]] }) {
		t.Error("people of events are not those of patients")
	}
	if codes := read(t, dir, "codes.csv"); len(codes) != 2 || codes[0][0] != "c1" {
		t.Errorf("codes: %v", codes)
	}
	load, err := os.ReadFile(filepath.Join(dir, "load.sql"))
	if err != nil || strings.Count(string(load), "CREATE TABLE") != 3 {
		t.Errorf("%s %v", load, err)
	}
}

func TestTheSameSeedMakesTheSame(t *testing.T) {
	a, b := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	for _, dir := range []string{a, b} {
		if err := Write(dir, tables, profile(), 100, 7); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"patients.csv", "events.csv"} {
		one, _ := os.ReadFile(filepath.Join(a, name))
		two, _ := os.ReadFile(filepath.Join(b, name))
		if len(one) == 0 || !bytes.Equal(one, two) {
			t.Errorf("%s differs", name)
		}
	}
	if err := Write(a, tables, profile(), 100, 7); gatehouse.CodeOf(err) != gatehouse.CodeUsage {
		t.Errorf("a folder with something in it is written to: %v", err)
	}
}
