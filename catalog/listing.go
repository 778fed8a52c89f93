package catalog

import (
	"net/mail"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// Listing is what a catalogue says of a dataset beside its tables, for people who
// look for data. It is exported as metadata of the HDR UK dataset schema 3.0.0 and of
// DCAT, whose words the values are: catalog/metadata checks them there.
type Listing struct {
	Abstract     string   `yaml:"abstract" json:"abstract,omitempty"`         // one to three sentences, at most 500 characters
	Description  string   `yaml:"description" json:"description,omitempty"`   // default: the definition's
	Keywords     []string `yaml:"keywords" json:"keywords,omitempty"`         //
	Contact      string   `yaml:"contact" json:"contact,omitempty"`           // e-mail address for questions about the data
	CustodianID  string   `yaml:"custodian_id" json:"custodian_id,omitempty"` // of the organisation, e.g. its ODS code
	AccessRights string   `yaml:"access_rights" json:"access_rights,omitempty"`
	Controller   string   `yaml:"controller" json:"controller,omitempty"`
	Jurisdiction []string `yaml:"jurisdiction" json:"jurisdiction,omitempty"` // ISO 3166 codes, e.g. GB-ENG
	Spatial      []string `yaml:"spatial" json:"spatial,omitempty"`           // places
	Starts       string   `yaml:"starts" json:"starts,omitempty"`             // first day that the data is about, YYYY-MM-DD
	Frequency    string   `yaml:"frequency" json:"frequency,omitempty"`       // Static, Monthly, …
	Lag          string   `yaml:"lag" json:"lag,omitempty"`                   // 1-2 weeks, 1-2 months, …
	Types        []string `yaml:"types" json:"types,omitempty"`               // Health and disease, …
	Vocabularies []string `yaml:"vocabularies" json:"vocabularies,omitempty"` // SNOMED CT, ICD10, OPCS4, …
	Models       []string `yaml:"models" json:"models,omitempty"`             // OMOP, HL7 FHIR, …
	Homepage     string   `yaml:"homepage" json:"homepage,omitempty"`         // URL that identifies the dataset
}

// check notes what is wrong with a listing.
func (l *Listing) check(c *checker) {
	if l == nil {
		return
	}
	address, err := mail.ParseAddress(l.Contact)
	c.want(l.Contact == "" || err == nil && address.Address == l.Contact, "$.listing.contact", "contact is not an e-mail address")
	_, err = time.Parse(time.DateOnly, l.Starts)
	c.want(l.Starts == "" || err == nil, "$.listing.starts", "starts is not a day such as 2010-04-01")
	c.want(len(l.Abstract) <= 500, "$.listing.abstract", "abstract is longer than 500 characters")
	for _, d := range l.Jurisdiction {
		c.want(len(d) >= 2 && len(d) <= 6, "$.listing.jurisdiction", "jurisdiction has codes such as GB-ENG")
	}
}

// listing is what a version keeps of a definition's.
func (d *Definition) listing() *Listing {
	l := Listing{}
	if d.Listing != nil {
		l = *d.Listing
	}
	if l.Description == "" {
		l.Description = d.Description
	}
	return &l
}

// Listed gives the listing of a version, which older ones do not have.
func (v Version) Listed() (Listing, error) {
	if v.Listing == nil {
		return Listing{}, gatehouse.Errorf(gatehouse.CodeNotFound, "%s was published without a listing.", v.Name()).
			WithAdvice("Add 'listing' to the definition and publish again.")
	}
	return *v.Listing, nil
}
