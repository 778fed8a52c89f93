package workspaces

import (
	"context"
	"slices"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// Policies are the disclosure policies that a project may name.
var Policies = []string{"sdap", "nhs", "opensafely"}

// Bases are the bases that a project may name.
var Bases = []OptOutBasis{BasisApplies, BasisConsent, BasisS251, BasisLegal}

func invalid(format string, args ...any) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.CodeInvalidProject, format, args...)
}

// Validate reports whether the project is well formed by itself, or
// CodeInvalidProject with what is wrong.
func (p Project) Validate() error {
	switch {
	case !gatehouse.ValidName(p.ID):
		return invalid("The project's id %q is not a name of lower-case letters, digits, '-' and '_'.", p.ID)
	case p.Title == "":
		return invalid("The project has no title.")
	case p.Purpose == "":
		return invalid("The project has no purpose.")
	case !slices.Contains(Policies, p.Policy):
		return invalid("The disclosure policy %q is not one of %v.", p.Policy, Policies)
	case !slices.Contains(Bases, p.OptOutBasis):
		return invalid("The opt-out basis %q is not one of %v.", p.OptOutBasis, Bases)
	case p.OptOutBasis != BasisApplies && p.OptOutRef == "":
		return invalid("The opt-out basis %q needs opt_out_ref, the document that supports it.", p.OptOutBasis)
	case p.Expires.IsZero():
		return invalid("The project has no expiry.")
	case len(p.Datasets) == 0:
		return invalid("The project names no dataset.")
	case len(p.Datasets) > 1:
		// Units of different dataset families mean different people: their
		// pseudonyms must not meet until a version says which family it is of.
		return invalid("The project names %d datasets; a project uses one.", len(p.Datasets))
	}
	leads := 0
	var users []string
	for _, m := range p.Members {
		if err := m.validate(); err != nil {
			return err
		}
		if slices.Contains(users, m.User) {
			return invalid("%q is a member twice.", m.User)
		}
		users = append(users, m.User)
		if m.Role == gatehouse.RoleLead {
			leads++
		}
	}
	if leads == 0 {
		return invalid("The project has no lead among its members.")
	}
	for _, d := range p.Datasets {
		if err := d.validate(); err != nil {
			return err
		}
	}
	return nil
}

func (m Member) validate() error {
	switch {
	case !gatehouse.ValidName(m.User):
		return invalid("The member %q is not a user name.", m.User)
	case m.Role != gatehouse.RoleLead && m.Role != gatehouse.RoleResearcher:
		return invalid("The role %q of %q is not lead or researcher.", m.Role, m.User)
	case m.TrainingUntil.IsZero():
		return invalid("The member %q has no training_until.", m.User)
	}
	return nil
}

func (d DatasetGrant) validate() error {
	switch {
	case !gatehouse.ValidName(d.Dataset):
		return invalid("The dataset %q is not a name of lower-case letters, digits, '-' and '_'.", d.Dataset)
	case d.Version < 0:
		return invalid("The version of %s is negative.", d.Dataset)
	case len(d.Tables) == 0:
		return invalid("No table of %s is asked for.", d.Dataset)
	}
	var tables []string
	for _, t := range d.Tables {
		if slices.Contains(tables, t.Table) {
			return invalid("Table %q of %s is asked for twice.", t.Table, d.Dataset)
		}
		tables = append(tables, t.Table)
		for i, c := range t.Columns {
			if slices.Contains(t.Columns[:i], c) {
				return invalid("Column %q of table %q is asked for twice.", c, t.Table)
			}
		}
	}
	return nil
}

// Mounted gives the version's tables as the grant lets a project see them:
// approved tables in the version's order, with their approved columns only. The
// person's identity is in every table about people. A table or column that the
// version does not have is CodeInvalidProject.
func (d DatasetGrant) Mounted(v catalog.Version) ([]catalog.Table, error) {
	granted := make(map[string]TableGrant, len(d.Tables))
	for _, t := range d.Tables {
		granted[t.Table] = t
	}
	var tables []catalog.Table
	for _, t := range v.Tables {
		grant, ok := granted[t.Name]
		if !ok {
			continue
		}
		delete(granted, t.Name)
		if len(grant.Columns) > 0 {
			for _, name := range grant.Columns {
				if !slices.ContainsFunc(t.Columns, func(c catalog.Column) bool { return c.Name == name }) {
					return nil, invalid("Table %q of %s has no column %q.", t.Name, v.Name(), name)
				}
			}
			var columns []catalog.Column
			for _, c := range t.Columns {
				if c.Class == catalog.ClassPerson || slices.Contains(grant.Columns, c.Name) {
					columns = append(columns, c)
				}
			}
			t.Columns = columns
		}
		tables = append(tables, t)
	}
	for _, t := range d.Tables {
		if _, missing := granted[t.Table]; missing {
			return nil, invalid("%s has no table %q.", v.Name(), t.Table)
		}
	}
	return tables, nil
}

// pin checks the project's grants against the catalogue and fixes the number of
// each dataset for which the newest version was asked.
func (p *Project) pin(ctx context.Context, c Catalogue) error {
	p.Datasets = slices.Clone(p.Datasets)
	for i, d := range p.Datasets {
		v, err := c.Version(ctx, d.Dataset, d.Version)
		if gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
			return invalid("There is no such version of dataset %q.", d.Dataset)
		}
		if err != nil {
			return err
		}
		if _, err := d.Mounted(v); err != nil {
			return err
		}
		p.Datasets[i].Version = v.Number
	}
	return nil
}

// member gives the user's membership.
func (p Project) member(user string) (Member, bool) {
	i := slices.IndexFunc(p.Members, func(m Member) bool { return m.User == user })
	if i < 0 {
		return Member{}, false
	}
	return p.Members[i], true
}

// usable reports whether the project is active and not expired at now.
func (p Project) usable(now time.Time) error {
	switch {
	case p.State != ProjectActive:
		return refuse(gatehouse.CodeProjectNotActive, "The project %q is not active.", p.ID)
	case !now.Before(p.Expires):
		return refuse(gatehouse.CodeProjectExpired, "The project %q has expired.", p.ID)
	}
	return nil
}
