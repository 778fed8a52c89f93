package workspaces

import (
	"context"
	"slices"
	"strings"
	"time"
)

// PublicProject is what anybody may know of a project that was approved. It names
// the lead's organisation, and no person but those who asked to be named.
type PublicProject struct {
	ID            string       `json:"id"`
	Title         string       `json:"title"`
	LaySummary    string       `json:"lay_summary"`
	PublicBenefit string       `json:"public_benefit"`
	Organisation  string       `json:"organisation"`
	People        []string     `json:"people"` // as they wish to be named
	Funding       string       `json:"funding"`
	OptOutBasis   OptOutBasis  `json:"opt_out_basis"`
	OptOutRef     string       `json:"opt_out_ref,omitempty"`
	Datasets      []PublicUse  `json:"datasets"`
	State         ProjectState `json:"state"`
	Approved      time.Time    `json:"approved"`
	Starts        time.Time    `json:"starts,omitzero"`
	Expires       time.Time    `json:"expires"`
	// Releases are what left the project, the newest first.
	Releases []PublicRelease `json:"releases"`
}

// PublicRelease is that something left a project: when and how much, and nothing
// of what it was.
type PublicRelease struct {
	ID       string    `json:"id"`
	Project  string    `json:"project"`
	Released time.Time `json:"released"`
	Files    int       `json:"files"`
	Recalled bool      `json:"recalled"`
}

// PublicUse is a dataset that a project uses.
type PublicUse struct {
	Dataset string   `json:"dataset"`
	Tables  []string `json:"tables"`
}

// Register gives the projects that were ever approved, the newest first. It asks
// nothing of who reads it: it is for the public.
func (s *Service) Register(ctx context.Context) ([]PublicProject, error) {
	register := []PublicProject{}
	err := s.Store.View(ctx, func(tx Tx) error {
		all, err := tx.Projects(ctx)
		if err != nil {
			return err
		}
		left, err := tx.Released(ctx)
		for _, p := range all {
			if !p.Approved.IsZero() {
				v := p.public()
				for _, r := range left {
					if r.Project == p.ID {
						v.Releases = append(v.Releases, r)
					}
				}
				register = append(register, v)
			}
		}
		return err
	})
	slices.SortFunc(register, func(a, b PublicProject) int {
		if order := b.Approved.Compare(a.Approved); order != 0 {
			return order
		}
		return strings.Compare(a.ID, b.ID)
	})
	return register, err
}

func (p Project) public() PublicProject {
	v := PublicProject{
		ID: p.ID, Title: p.Title, LaySummary: p.LaySummary, PublicBenefit: p.PublicBenefit, Organisation: p.Organisation, People: append([]string{}, p.PublicNames...),
		Funding: p.Funding, OptOutBasis: p.OptOutBasis, OptOutRef: p.OptOutRef, State: p.State, Approved: p.Approved, Starts: p.Starts, Expires: p.Expires, Datasets: []PublicUse{}, Releases: []PublicRelease{},
	}
	for _, d := range p.Datasets {
		use := PublicUse{Dataset: d.Dataset, Tables: []string{}}
		for _, t := range d.Tables {
			use.Tables = append(use.Tables, t.Table)
		}
		v.Datasets = append(v.Datasets, use)
	}
	return v
}
