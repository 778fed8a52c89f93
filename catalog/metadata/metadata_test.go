package metadata

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

func version() catalog.Version {
	rows := []catalog.Column{
		{Name: "person_id", Type: "VARCHAR", Class: catalog.ClassPerson}, {Name: "sex", Type: "VARCHAR", Class: catalog.ClassDimension, Description: "Sex"},
		{Name: "lsoa", Type: "VARCHAR", Class: catalog.ClassQuasi}, {Name: "value", Type: "DOUBLE", Class: catalog.ClassMeasure},
	}
	return catalog.Version{
		Dataset: "shared_care", Number: 2, Title: "Shared care record", Custodian: "Northern Shared Care Record", Published: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), Units: 123_456,
		Tables:   []catalog.Table{{Name: "patients", Columns: rows, Rows: 123_456, People: 123_456}, {Name: "codes", Public: true, Rows: 7, Columns: []catalog.Column{{Name: "code", Type: "VARCHAR", Class: catalog.ClassReference}}}},
		Receipts: []catalog.Receipt{{List: "national", Dated: time.Date(2026, 2, 27, 0, 0, 0, 0, time.UTC)}},
		Listing: &catalog.Listing{
			Abstract: "Registrations and events of a region.", Contact: "data@example.org", CustodianID: "X99", AccessRights: "By application to the custodian.",
			Jurisdiction: []string{"GB-ENG"}, Spatial: []string{"Northumberland", "Tyne and Wear"}, Starts: "2010-04-01", Frequency: "Monthly", Lag: "1-2 months",
			Types: []string{"Health and disease"}, Vocabularies: []string{"SNOMED CT", "ICD10", "OPCS4"}, Models: []string{"OMOP"}, Keywords: []string{"primary care"}, Homepage: "https://example.org/shared-care",
		},
	}
}

func profile() *catalog.Profile {
	n, missing := int64(123_460), int64(12_346)
	return &catalog.Profile{Dataset: "shared_care", Number: 2, Tables: []catalog.TableProfile{{Name: "patients", Rows: &n, People: &n, Columns: []catalog.ColumnProfile{
		{Name: "sex", Values: []catalog.ValueCount{{Value: "F", Rows: 62_000}}}, {Name: "value", Missing: &missing},
	}}}}
}

// HDRUK checks what it makes against the published schema.
func TestTheHDRUKSchemaAcceptsWhatIsExported(t *testing.T) {
	v := version()
	first := v
	first.Number, first.Published = 1, v.Published.AddDate(-1, 0, 0)
	for _, p := range []*catalog.Profile{nil, profile()} {
		out, err := HDRUK(v, []catalog.Version{first, v}, p)
		if err != nil {
			t.Fatal(err)
		}
		var m hdruk
		if err := json.Unmarshal(out, &m); err != nil {
			t.Fatal(err)
		}
		if m.Version != "2.0.0" || len(m.Revisions) != 2 || !m.Issued.Equal(first.Published) || m.Summary.Population != 120_000 {
			t.Errorf("%+v", m)
		}
		if strings.Contains(string(out), "123456") || strings.Contains(string(out), `"codes"`) != true {
			t.Error("an exact number of people, or a table is missing")
		}
		if p != nil && (!strings.Contains(string(out), `"frequency": 62000`) || m.Observations[1].Value != 123_460) {
			t.Errorf("the profile's numbers are not there: %s", out)
		}
	}
}

func TestWhatTheSchemaDoesNotAcceptIsNamed(t *testing.T) {
	v := version()
	v.Listing.Frequency = "now and then"
	_, err := HDRUK(v, nil, nil)
	if gatehouse.CodeOf(err) != gatehouse.CodeDefinition || !strings.Contains(err.Error(), "publishingFrequency") {
		t.Errorf("%v", err)
	}
	v = version()
	v.Listing.Contact, v.Listing.AccessRights = "", ""
	_, err = HDRUK(v, nil, nil)
	if gatehouse.CodeOf(err) != gatehouse.CodeDefinition || !strings.Contains(err.Error(), "contact, access_rights") {
		t.Errorf("%v", err)
	}
	v.Listing = nil
	if _, err = HDRUK(v, nil, nil); gatehouse.CodeOf(err) != gatehouse.CodeNotFound {
		t.Errorf("%v", err)
	}
}

func TestDCATSaysWhichOptOutsWereApplied(t *testing.T) {
	out, err := DCAT(version(), profile())
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"dct:identifier": "shared_care@2"`, `"gatehouse:list": "national"`, `2026-02-27T00:00:00Z`, `"gatehouse:missingShare": 0.1`, `"@type": "dcat:Dataset"`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%s is not in\n%s", want, out)
		}
	}
	if strings.Contains(string(out), "123456") {
		t.Error("an exact number of people")
	}
}
