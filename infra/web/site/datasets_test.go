package site_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/infra/state"
)

// Everybody who reads the catalogue sees what the gate let out of each variable, as a
// picture and as a table.
func TestAProfileIsOnTheDatasetsPage(t *testing.T) {
	h := newHouse(t)
	h.as("cora").get("/datasets/shared_care/3").wants(t, http.StatusOK, "Have the profile made")
	h.as("ada").get("/datasets/shared_care/3").wants(t, http.StatusOK).lacks(t, "Have the profile made")
	for _, who := range []string{"ada", "chris", "aud"} {
		h.as(who).post("/datasets/shared_care/3/profile").wants(t, http.StatusForbidden)
	}
	number := func(n int64) *int64 { return &n }
	mean := 31.25
	p := catalog.Profile{Dataset: "shared_care", Number: 3, Made: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), Policy: "nhs@1", Tables: []catalog.TableProfile{
		{Name: "patients", Rows: number(1000), People: number(1000), Columns: []catalog.ColumnProfile{
			{Name: "sex", Type: "VARCHAR", Class: catalog.ClassDimension, Missing: number(25), More: true, Values: []catalog.ValueCount{{Value: "<F>", Rows: 515}, {Value: "M", Rows: 460}}},
			{Name: "registered", Type: "DATE", Class: catalog.ClassDate, First: "1998", Last: "2025", Values: []catalog.ValueCount{{Value: "1998", Rows: 40}, {Value: "2025", Rows: 960}}},
			{Name: "bmi", Type: "DOUBLE", Class: catalog.ClassMeasure, Mean: &mean, Quantiles: []catalog.Quantile{{P: 0.05, Value: 18.5}, {P: 0.25, Value: 22}, {P: 0.5, Value: 27}, {P: 0.75, Value: 33}, {P: 0.95, Value: 41}}},
			{Name: "lsoa", Type: "VARCHAR", Class: catalog.ClassQuasi, Refused: "GH-205"},
		}},
	}}
	if err := (state.Profiles{DB: h.db}).KeepProfile(t.Context(), p, gatehouse.Event{Actor: "cora", Action: "profile.made", Subject: "shared_care@3"}); err != nil {
		t.Fatal(err)
	}
	h.as("ada").get("/datasets/shared_care/3").wants(t, http.StatusOK, "under nhs@1", "2.5 % of the rows have no value", "515", "from 1998 to 2025", "mean 31.25", "18.5", "41", "95 %", "not shown (GH-205)",
		"patients.sex: rows of each value, as a table", "patients.registered: rows of each year, as a picture").lacks(t, "<F>", "Have the profile made")
}

// What changed from a version to the next is exact for the dataset's custodians, and
// for others tells of nobody.
func TestVersionsAreComparedOnThePage(t *testing.T) {
	h := newHouse(t)
	h.as("ada").get("/datasets/shared_care/3").wants(t, http.StatusOK, "since shared_care@2", "Project a").lacks(t, "Project b", "patients.csv")
	h.as("ada").get("/datasets/shared_care/3/since/2").wants(t, http.StatusOK, "added sex", "not shown").lacks(t, "994", "1,003", "are exact")
	h.as("cora").get("/datasets/shared_care/3/since/2").wants(t, http.StatusOK, "994 before, 1,003 now", "are exact")
	h.as("ada").get("/datasets/shared_care/3/since/9").wants(t, http.StatusNotFound)
	h.as("olga").get("/datasets/shared_care/3/since/2").wants(t, http.StatusForbidden)
}
