package site_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
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

// Whoever reads the catalogue sees which tables were made of a version, of the workspaces
// that they may know; extracts are the custodians' of the dataset.
func TestLineageNamesWhatTheReaderMayKnow(t *testing.T) {
	h := newHouse(t)
	ledger := state.Ledger{DB: h.db}
	for name, of := range map[string]string{"smokers": "a", "walkers": "b"} {
		made := egress.ScratchTable{Table: catalog.Table{Name: name}, SQL: "CREATE TABLE …", Made: time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)}
		d := egress.Decision{ID: gatehouse.NewID("qry"), Time: made.Made, Project: of, Workspace: "ws-" + of, User: "ada", SQL: made.SQL, Outcome: egress.OutcomeKept, Policy: "sdap@1", Datasets: []string{"shared_care@3"}}
		if err := ledger.Commit(t.Context(), d, egress.ScratchChange{Put: &made}, gatehouse.Event{Time: made.Made, Actor: "ada", Action: "workspace.table_made", Project: of, Subject: d.ID}); err != nil {
			t.Fatal(err)
		}
	}
	h.as("ada").get("/datasets/shared_care/3").wants(t, http.StatusOK, "smokers", "ws-a").lacks(t, "walkers", "ws-b")
	h.as("bob").get("/datasets/shared_care/3").wants(t, http.StatusOK, "walkers").lacks(t, "smokers")
	h.as("ada").get("/datasets/shared_care/2").wants(t, http.StatusOK).lacks(t, "smokers")

	store := egress.Lineages{Catalogue: shelf{}, Projects: h.services, Store: ledger, Authorizer: h.rules}
	for who, sees := range map[string]struct {
		derived int
		sources bool
	}{"ada": {1, false}, "bob": {1, false}, "cora": {2, true}, "aud": {2, false}} {
		l, err := store.Lineage(t.Context(), gatehouse.Principal{User: who}, "shared_care", 0)
		if err != nil || l.Version != "shared_care@3" || len(l.Derived) != sees.derived || len(l.Sources) > 0 != sees.sources {
			t.Errorf("%s: %+v %v", who, l, err)
		}
		for _, table := range l.Tables {
			if len(table.SHA256) > 0 && !sees.sources {
				t.Errorf("%s sees hashes of files", who)
			}
		}
	}
	if _, err := store.Lineage(t.Context(), gatehouse.Principal{User: "olga"}, "shared_care", 3); err == nil {
		t.Error("an operator reads the lineage")
	}
	if _, err := store.Lineage(t.Context(), gatehouse.Principal{User: "ada"}, "shared_care", 9); gatehouse.CodeOf(err) != gatehouse.CodeNotFound {
		t.Error(err)
	}
}

// Variables of two versions stand beside each other where both have a profile, by what
// these show alone.
func TestVariablesOfTwoVersionsAreCompared(t *testing.T) {
	h := newHouse(t)
	h.as("ada").get("/datasets/shared_care/3/since/2").wants(t, http.StatusOK).lacks(t, "Variables</h2>")
	number := func(n int64) *int64 { return &n }
	for version, women := range map[int]int64{2: 600, 3: 505} {
		p := catalog.Profile{Dataset: "shared_care", Number: version, Policy: "nhs@1", Tables: []catalog.TableProfile{{Name: "patients", Rows: number(1000), People: number(1000), Columns: []catalog.ColumnProfile{
			{Name: "sex", Class: catalog.ClassDimension, Missing: number(25), Values: []catalog.ValueCount{{Value: "<F>", Rows: women}}},
		}}}}
		if version == 3 {
			p.Tables[0].Columns[0].Values = append(p.Tables[0].Columns[0].Values, catalog.ValueCount{Value: "I", Rows: 12})
		}
		if err := (state.Profiles{DB: h.db}).KeepProfile(t.Context(), p, gatehouse.Event{Actor: "cora", Action: "profile.made", Subject: "shared_care"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, who := range []string{"ada", "cora"} {
		h.as(who).get("/datasets/shared_care/3/since/2").wants(t, http.StatusOK, "Variables", "<F>", "60.0 %", "50.5 %", "2.5 %", "1.2 %", "not shown").lacks(t, "<F>")
	}
}
