package workspaces

import (
	"context"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// FiveSafes is a project seen by the five questions that a data access committee
// asks: is this use right, can these people be trusted, does the setting prevent
// misuse, how much could the data tell of anybody, and may what leaves be
// published.
type FiveSafes struct {
	Projects SafeProjects `json:"projects"`
	People   []SafePerson `json:"people"`
	Settings SafeSettings `json:"settings"`
	Data     []SafeData   `json:"data"`
	Outputs  SafeOutputs  `json:"outputs"`
}

// SafeProjects: is this use of the data right?
type SafeProjects struct {
	ID            string       `json:"id"`
	Title         string       `json:"title"`
	State         ProjectState `json:"state"`
	Purpose       string       `json:"purpose"`
	LaySummary    string       `json:"lay_summary"`
	PublicBenefit string       `json:"public_benefit"`
	Organisation  string       `json:"organisation"`
	Funding       string       `json:"funding"`
	Starts        time.Time    `json:"starts,omitzero"`
	Expires       time.Time    `json:"expires"`
	OptOutBasis   OptOutBasis  `json:"opt_out_basis"`
	OptOutRef     string       `json:"opt_out_ref,omitempty"`
	Decisions     []Decision   `json:"decisions"`  // that stand
	Conditions    []Condition  `json:"conditions"` // in force
}

// SafePerson: can this member be trusted with it?
type SafePerson struct {
	User           string         `json:"user"`
	Role           gatehouse.Role `json:"role"`
	TrainingUntil  time.Time      `json:"training_until"`
	Agreement      int            `json:"agreement"`
	AgreementUntil time.Time      `json:"agreement_until,omitzero"`
	Access         bool           `json:"access"` // may work in the project now
	Why            string         `json:"why,omitempty"`
}

// SafeSettings: does the place prevent misuse?
type SafeSettings struct {
	Workspaces []Workspace `json:"workspaces"`
	// OptOutDays is the greatest age of opt-out lists, in days, with which questions
	// are answered.
	OptOutDays float64  `json:"opt_out_days"`
	Controls   []string `json:"controls"` // what holds in every workspace of this house
}

// SafeData: how much could it tell of anybody?
type SafeData struct {
	Dataset   string      `json:"dataset"`
	Version   int         `json:"version"`
	Title     string      `json:"title"`
	Custodian string      `json:"custodian"` // the organisation
	People    int64       `json:"people"`    // to two significant digits, and to hundreds
	Tables    []SafeTable `json:"tables"`
	Lists     []SafeList  `json:"opt_out_lists"`
	Fresh     bool        `json:"fresh"` // its opt-out lists are young enough now
	Why       string      `json:"why,omitempty"`
}

// SafeTable is a table as the project sees it.
type SafeTable struct {
	Table   string       `json:"table"`
	Why     string       `json:"why,omitempty"`
	Columns []SafeColumn `json:"columns"`
}

// SafeColumn is a column as the project sees it.
type SafeColumn struct {
	Name  string        `json:"name"`
	Class catalog.Class `json:"class"`
	Grain string        `json:"grain,omitempty"`
	Why   string        `json:"why,omitempty"`
}

// SafeList is an opt-out list that was applied.
type SafeList struct {
	List  string    `json:"list"`
	Dated time.Time `json:"dated"`
}

// SafeOutputs: may what leaves be published?
type SafeOutputs struct {
	Policy   string   `json:"policy"` // disclosure policy: name@version
	Expected []string `json:"expected"`
	Controls []string `json:"controls"`
}

// What the house does for every project; docs/gate.md and
// docs/life-of-a-request.md say how.
var (
	settingControls = []string{
		"Questions are answered through the gate; rows about single people are never shown.",
		"Engines that hold data run in a sandbox without any network.",
		"Pseudonyms are the project's own and cannot be linked to another project's.",
		"Every question, refusal and decision is in a journal that cannot be changed unseen.",
	}
	outputControls = []string{
		"Each answer is checked against the policy, and against all that ever left.",
		"Files leave after two output checkers who have no part in the project approved them.",
		"Each release is a signed bundle that can be recalled.",
	}
)

// FiveSafes gives the view of a project that actor may see.
func (s *Service) FiveSafes(ctx context.Context, actor gatehouse.Principal, id string) (FiveSafes, error) {
	r, err := s.Review(ctx, actor, id)
	if err != nil {
		return FiveSafes{}, err
	}
	p := r.Project
	v := FiveSafes{
		Projects: SafeProjects{
			ID: p.ID, Title: p.Title, State: p.State, Purpose: p.Purpose, LaySummary: p.LaySummary, PublicBenefit: p.PublicBenefit, Organisation: p.Organisation,
			Funding: p.Funding, Starts: p.Starts, Expires: p.Expires, OptOutBasis: p.OptOutBasis, OptOutRef: p.OptOutRef, Decisions: []Decision{}, Conditions: r.Conditions,
		},
		People:   []SafePerson{},
		Settings: SafeSettings{Workspaces: []Workspace{}, OptOutDays: s.MaxListAge.Hours() / 24, Controls: settingControls},
		Data:     []SafeData{},
		Outputs:  SafeOutputs{Policy: p.Policy, Expected: append([]string{}, p.Outputs...), Controls: outputControls},
	}
	for _, d := range r.Datasets {
		if d.Decision != nil {
			v.Projects.Decisions = append(v.Projects.Decisions, *d.Decision)
		}
	}
	var now time.Time
	err = s.Store.View(ctx, func(tx Tx) error {
		now = tx.Now()
		all, err := tx.Workspaces(ctx)
		for _, w := range all {
			if w.Project == id {
				v.Settings.Workspaces = append(v.Settings.Workspaces, w)
			}
		}
		return err
	})
	if err != nil {
		return v, err
	}
	for _, m := range p.Members {
		person := SafePerson{User: m.User, Role: m.Role, TrainingUntil: m.TrainingUntil, Agreement: m.Agreement, AgreementUntil: m.AgreementUntil}
		if err := p.Admit(m.User, now); err != nil {
			person.Why = gatehouse.Public(err).Message
		}
		person.Access = person.Why == ""
		v.People = append(v.People, person)
	}
	for _, g := range p.Datasets {
		data, err := s.safeData(ctx, p, g, now)
		if err != nil {
			return v, err
		}
		v.Data = append(v.Data, data)
	}
	return v, nil
}

func (s *Service) safeData(ctx context.Context, p Project, g DatasetGrant, now time.Time) (SafeData, error) {
	v, err := s.Catalogue.Version(ctx, g.Dataset, g.Version)
	if err != nil {
		return SafeData{}, err
	}
	d := SafeData{Dataset: v.Dataset, Version: v.Number, Title: v.Title, Custodian: v.Custodian, People: catalog.About(v.Units), Tables: []SafeTable{}, Lists: []SafeList{}}
	for _, r := range v.Receipts {
		d.Lists = append(d.Lists, SafeList{r.List, r.Dated})
	}
	if err := s.listsFresh(p, v, now); err != nil {
		d.Why = gatehouse.Public(err).Message
	}
	d.Fresh = d.Why == ""
	mounted, err := g.Mounted(v, p.ID)
	if err != nil {
		return d, err
	}
	asked := map[string]TableGrant{}
	for _, t := range g.Tables {
		asked[t.Table] = t
	}
	for _, t := range mounted {
		table := SafeTable{Table: t.Name, Why: asked[t.Name].Why, Columns: []SafeColumn{}}
		for _, c := range t.Columns {
			table.Columns = append(table.Columns, SafeColumn{c.Name, c.Class, c.Grain, asked[t.Name].ColumnsWhy[c.Name]})
		}
		d.Tables = append(d.Tables, table)
	}
	return d, nil
}
