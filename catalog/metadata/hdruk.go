// Package metadata writes what a catalogue says of a published version in the words
// of others: the HDR UK dataset schema 3.0.0 (the Health Data Research Gateway's) and
// W3C DCAT 3. Numbers of people in it come from the version's profile, which was
// asked through the gate, or are rounded as the catalogue rounds them.
package metadata

import (
	"bytes"
	_ "embed" // the schema
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// hdrukSchema is the HDR UK dataset schema 3.0.0 as HDRUK/schemata-2 publishes it (MIT licence).
//
//go:embed hdruk-3.0.0.json
var hdrukSchema []byte

var compiled = sync.OnceValues(func() (*jsonschema.Schema, error) {
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(hdrukSchema))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("hdruk-3.0.0.json", schema); err != nil {
		return nil, err
	}
	return c.Compile("hdruk-3.0.0.json")
})

type organisation struct {
	Identifier string `json:"identifier"`
	Name       string `json:"name"`
	Contact    string `json:"contactPoint"`
}

type summary struct {
	Title      string       `json:"title"`
	Abstract   string       `json:"abstract"`
	Custodian  organisation `json:"dataCustodian"`
	Population int64        `json:"populationSize"`
	Keywords   []string     `json:"keywords,omitempty"`
	Contact    string       `json:"contactPoint"`
}

type revision struct {
	Version string `json:"version"`
}

type observation struct {
	Node     string `json:"observedNode"`
	Value    int64  `json:"measuredValue"`
	About    string `json:"disambiguatingDescription,omitempty"`
	Date     string `json:"observationDate"`
	Property string `json:"measuredProperty"`
}

type dataValue struct {
	Name      string `json:"name"`
	Frequency int64  `json:"frequency"`
}

type dataColumn struct {
	Name        string      `json:"name"`
	Type        string      `json:"dataType"`
	Description string      `json:"description,omitempty"`
	Sensitive   bool        `json:"sensitive"`
	Values      []dataValue `json:"values,omitempty"`
}

type dataTable struct {
	Name        string       `json:"name"`
	Description string       `json:"description,omitempty"`
	Columns     []dataColumn `json:"columns"`
}

type hdruk struct {
	Identifier    any            `json:"identifier"`
	Version       string         `json:"version"`
	Revisions     []revision     `json:"revisions"`
	Issued        time.Time      `json:"issued"`
	Modified      time.Time      `json:"modified"`
	Summary       summary        `json:"summary"`
	Documentation map[string]any `json:"documentation,omitempty"`
	Coverage      map[string]any `json:"coverage,omitempty"`
	Provenance    map[string]any `json:"provenance,omitempty"`
	Accessibility map[string]any `json:"accessibility"`
	Observations  []observation  `json:"observations"`
	Structure     map[string]any `json:"structuralMetadata"`
}

// HDRUK gives the metadata of a version by the HDR UK dataset schema 3.0.0, checked
// against that schema. others are the published versions of the dataset; p is the
// version's profile, nil if none was made. CodeDefinition says what the definition's
// listing lacks.
func HDRUK(v catalog.Version, others []catalog.Version, p *catalog.Profile) ([]byte, error) {
	l, err := v.Listed()
	if err != nil {
		return nil, err
	}
	lacks := []string{}
	for _, field := range []struct{ name, value string }{
		{"abstract", l.Abstract}, {"contact", l.Contact}, {"custodian_id", l.CustodianID}, {"access_rights", l.AccessRights},
	} {
		if field.value == "" {
			lacks = append(lacks, field.name)
		}
	}
	if len(lacks) > 0 {
		return nil, gatehouse.Errorf(gatehouse.CodeDefinition, "The listing of %s does not say %s.", v.Name(), strings.Join(lacks, ", ")).
			WithAdvice("Add it under 'listing' in the definition and publish again.")
	}
	m := hdruk{
		Version: semantic(v.Number), Issued: v.Published, Modified: v.Published,
		Summary: summary{Title: v.Title, Abstract: l.Abstract, Custodian: organisation{l.CustodianID, v.Custodian, l.Contact}, Population: catalog.About(v.Units), Keywords: l.Keywords, Contact: l.Contact},
		Accessibility: map[string]any{"access": without(map[string]any{
			"accessRights": l.AccessRights, "accessServiceCategory": "TRE/SDE", "jurisdiction": l.Jurisdiction, "dataController": l.Controller,
		})},
		Structure: map[string]any{"tables": tables(v, p)},
	}
	if l.Homepage != "" {
		m.Identifier = l.Homepage
	}
	for _, o := range others {
		if o.Dataset == v.Dataset && o.Published.Before(m.Issued) {
			m.Issued = o.Published
		}
		if o.Dataset == v.Dataset && o.Number <= v.Number {
			m.Revisions = append(m.Revisions, revision{semantic(o.Number)})
		}
	}
	if len(m.Revisions) == 0 {
		m.Revisions = []revision{{semantic(v.Number)}}
	}
	if l.Description != "" {
		m.Documentation = map[string]any{"description": l.Description}
	}
	if len(l.Spatial) > 0 {
		m.Coverage = map[string]any{"spatial": strings.Join(l.Spatial, ",")}
	}
	if l.Starts != "" && l.Frequency != "" && l.Lag != "" {
		m.Provenance = map[string]any{"temporal": map[string]any{"publishingFrequency": l.Frequency, "startDate": l.Starts, "timeLag": l.Lag, "distributionReleaseDate": v.Published.Format(time.DateOnly)}}
		if len(l.Types) > 0 {
			m.Provenance["origin"] = map[string]any{"datasetType": l.Types}
		}
	}
	if len(l.Vocabularies) > 0 || len(l.Models) > 0 {
		m.Accessibility["formatAndStandards"] = map[string]any{"vocabularyEncodingScheme": list(l.Vocabularies), "conformsTo": list(l.Models), "language": []string{"en"}, "format": []string{"application/vnd.apache.arrow.stream"}}
	}
	m.Observations = observations(v, p)
	out, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	return out, check(out)
}

// check reports what of the metadata the schema does not accept.
func check(out []byte) error {
	schema, err := compiled()
	if err != nil {
		return err
	}
	made, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
	if err != nil {
		return err
	}
	var wrong *jsonschema.ValidationError
	if err := schema.Validate(made); errors.As(err, &wrong) {
		return gatehouse.Errorf(gatehouse.CodeDefinition, "The listing is not what the HDR UK schema accepts: %s.", strings.Join(places(wrong), ", ")).
			WithAdvice("Use the schema's own words in the definition's listing, and publish again.").Because(err)
	} else if err != nil {
		return err
	}
	return nil
}

// places are where the innermost faults stand.
func places(e *jsonschema.ValidationError) []string {
	if len(e.Causes) == 0 {
		return []string{strings.Join(e.InstanceLocation, ".")}
	}
	var out []string
	for _, c := range e.Causes {
		for _, p := range places(c) {
			if !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	return out
}

// semantic is a version's number as the schema writes versions.
func semantic(n int) string { return fmt.Sprintf("%d.0.0", n) }

// without leaves out what is empty.
func without(m map[string]any) map[string]any {
	for k, v := range m {
		switch v := v.(type) {
		case string:
			if v == "" {
				delete(m, k)
			}
		case []string:
			if len(v) == 0 {
				delete(m, k)
			}
		}
	}
	return m
}

func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// observations are the sizes of the tables: as the profile shows them, else rounded.
func observations(v catalog.Version, p *catalog.Profile) []observation {
	at := v.Published.Format(time.DateOnly)
	out := []observation{{"Persons", catalog.About(v.Units), "People in the dataset, about", at, "COUNT"}}
	for _, t := range v.Tables {
		if t.Public {
			continue
		}
		o := observation{"Events", catalog.About(t.Rows), "Rows of the table " + t.Name + ", about", at, "COUNT"}
		if shown := profiled(p, t.Name); shown != nil && shown.Rows != nil {
			o.Value, o.About = *shown.Rows, "Rows of the table "+t.Name
		}
		out = append(out, o)
	}
	return out
}

func profiled(p *catalog.Profile, table string) *catalog.TableProfile {
	if p == nil {
		return nil
	}
	return p.Table(table)
}

func tables(v catalog.Version, p *catalog.Profile) []dataTable {
	out := []dataTable{}
	for _, t := range v.Tables {
		shown := dataTable{Name: t.Name, Description: t.Description, Columns: []dataColumn{}}
		profile := profiled(p, t.Name)
		for _, c := range t.ColumnsOf("") {
			column := dataColumn{Name: c.Name, Type: c.Type, Description: c.Description, Sensitive: c.Class == catalog.ClassPerson || c.Class == catalog.ClassQuasi}
			if profile != nil {
				if known := profile.Column(c.Name); known != nil {
					for _, value := range known.Values {
						column.Values = append(column.Values, dataValue{value.Value, value.Rows})
					}
				}
			}
			shown.Columns = append(shown.Columns, column)
		}
		out = append(out, shown)
	}
	return out
}
