package workspaces

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/gatehouse-tre/gatehouse"
)

// projectFile is the form in which a project is written down. Dates may be days,
// which last until their end, or instants.
type projectFile struct {
	ID            string         `yaml:"id"`
	Title         string         `yaml:"title"`
	LaySummary    string         `yaml:"lay_summary"`
	Purpose       string         `yaml:"purpose"`
	PublicBenefit string         `yaml:"public_benefit"`
	Organisation  string         `yaml:"organisation"`
	PublicNames   []string       `yaml:"public_names"`
	Funding       string         `yaml:"funding"`
	Outputs       []string       `yaml:"outputs"`
	Policy        string         `yaml:"policy"`
	OptOutBasis   OptOutBasis    `yaml:"opt_out_basis"`
	OptOutRef     string         `yaml:"opt_out_ref"`
	Starts        string         `yaml:"starts"`
	Expires       string         `yaml:"expires"`
	Members       []memberFile   `yaml:"members"`
	Datasets      []DatasetGrant `yaml:"datasets"`
}

type memberFile struct {
	User          string         `yaml:"user"`
	Role          gatehouse.Role `yaml:"role"`
	TrainingUntil string         `yaml:"training_until"`
}

// ParseProject reads a project file (YAML). Unknown and repeated keys are
// errors, so that a misspelt restriction is never silently left out.
func ParseProject(r io.Reader) (Project, error) {
	var f projectFile
	dec := yaml.NewDecoder(r, yaml.Strict())
	if err := dec.Decode(&f); err != nil {
		return Project{}, invalid("The project file cannot be read: %s.", yamlReason(err)).Because(err)
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return Project{}, invalid("The project file holds more than one document.")
	}
	p := Project{
		ID: f.ID, Title: strings.TrimSpace(f.Title), Purpose: strings.TrimSpace(f.Purpose), State: ProjectDraft,
		LaySummary: strings.TrimSpace(f.LaySummary), PublicBenefit: strings.TrimSpace(f.PublicBenefit), Organisation: strings.TrimSpace(f.Organisation),
		PublicNames: f.PublicNames, Funding: strings.TrimSpace(f.Funding), Outputs: f.Outputs,
		Datasets: f.Datasets, Policy: f.Policy, OptOutBasis: f.OptOutBasis, OptOutRef: f.OptOutRef,
	}
	if p.OptOutBasis == "" {
		p.OptOutBasis = BasisApplies
	}
	var err error
	if p.Expires, err = ParseDay("expires", f.Expires); err != nil {
		return Project{}, err
	}
	if f.Starts != "" {
		if p.Starts, err = ParseDay("starts", f.Starts); err != nil {
			return Project{}, err
		}
		if _, err := time.Parse(time.DateOnly, f.Starts); err == nil {
			p.Starts = p.Starts.AddDate(0, 0, -1) // a day begins at its beginning
		}
	}
	for _, m := range f.Members {
		until, err := ParseDay("training_until", m.TrainingUntil)
		if err != nil {
			return Project{}, err
		}
		p.Members = append(p.Members, Member{User: m.User, Role: m.Role, TrainingUntil: until})
	}
	return p, p.Validate()
}

// yamlReason is the parser's explanation in one line, without the excerpt of
// the file that it would print below.
func yamlReason(err error) string {
	if errors.Is(err, io.EOF) {
		return "it is empty"
	}
	first, _, _ := strings.Cut(yaml.FormatError(err, false, false), "\n")
	return strings.TrimSuffix(first, ".")
}

// ParseDay reads a date of a project: "2027-01-31", which lasts until the end of that day in UTC, or
// an instant in RFC 3339.
func ParseDay(key, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil // Validate says what is missing
	}
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, invalid("%s is %q, which is not a date such as 2027-01-31.", key, s)
	}
	return t.UTC(), nil
}
