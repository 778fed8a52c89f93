package workspaces

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// policyName is how a project names its disclosure policy: name or name@version.
var policyName = regexp.MustCompile(`^([^@]+)(@[1-9][0-9]{0,8})?$`)

// Bases are the bases that a project may name.
var Bases = []OptOutBasis{BasisApplies, BasisConsent, BasisS251, BasisLegal}

func invalid(format string, args ...any) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.CodeInvalidProject, format, args...)
}

// faults gathers what is wrong with a project, so that it is told all at once.
type faults []string

func (f *faults) add(wrong bool, format string, args ...any) {
	if wrong {
		*f = append(*f, fmt.Sprintf(format, args...))
	}
}

// Validate reports whether the project is well formed by itself, or
// CodeInvalidProject with all that is wrong.
func (p Project) Validate() error {
	var f faults
	f.add(!gatehouse.ValidName(p.ID), "The project's id %q is not a name of lower-case letters, digits, '-' and '_'.", p.ID)
	f.add(IsCatalogue(p.ID), "Ids that begin with %q are the catalogue's own.", CataloguePrefix)
	f.add(p.Title == "", "The project has no title.")
	f.add(p.Purpose == "", "The project has no purpose.")
	policy := policyName.FindStringSubmatch(p.Policy)
	f.add(policy == nil || !gatehouse.ValidName(policy[1]), "The disclosure policy (policy) is %q, not a name such as sdap or sdap@1.", p.Policy)
	known := slices.Contains(Bases, p.OptOutBasis)
	f.add(!known, "The opt-out basis %q is not one of %v.", p.OptOutBasis, Bases)
	f.add(known && p.OptOutBasis != BasisApplies && p.OptOutRef == "", "The opt-out basis %q needs opt_out_ref, the document that supports it.", p.OptOutBasis)
	f.add(p.Expires.IsZero(), "The project has no expiry (expires).")
	p.validateMembers(&f)
	f.add(len(p.Datasets) == 0, "The project names no dataset.")
	f.add(!p.Starts.IsZero() && !p.Starts.Before(p.Expires), "The project would start after it expires.")
	p.validateTexts(&f)
	var datasets []string
	for _, d := range p.Datasets {
		f.add(slices.Contains(datasets, d.Dataset), "The dataset %q is asked for twice.", d.Dataset)
		datasets = append(datasets, d.Dataset)
		d.validate(&f)
	}
	if len(f) > 0 {
		return invalid("%s", strings.Join(f, " "))
	}
	return nil
}

func (p Project) validateMembers(f *faults) {
	leads := 0
	var users []string
	for _, m := range p.Members {
		f.add(!gatehouse.ValidName(m.User), "The member %q is not a user name.", m.User)
		f.add(m.Role != gatehouse.RoleLead && m.Role != gatehouse.RoleResearcher, "The role %q of %q is not lead or researcher.", m.Role, m.User)
		f.add(m.TrainingUntil.IsZero(), "The member %q has no training_until.", m.User)
		f.add(slices.Contains(users, m.User), "%q is a member twice.", m.User)
		users = append(users, m.User)
		if m.Role == gatehouse.RoleLead {
			leads++
		}
	}
	f.add(leads == 0, "The project has no lead among its members.")
}

// Limits of what an application may say, in bytes and in entries.
const (
	maxProjectLine = 300
	maxProjectText = 20_000
	maxEntries     = 100
)

// validateTexts bounds what people write, and refuses what cannot be shown.
func (p Project) validateTexts(f *faults) {
	texts := map[string]string{"purpose": p.Purpose, "lay_summary": p.LaySummary, "public_benefit": p.PublicBenefit, "funding": p.Funding}
	lines := map[string][]string{"title": {p.Title}, "organisation": {p.Organisation}, "opt_out_ref": {p.OptOutRef}, "public_names": p.PublicNames, "outputs": p.Outputs}
	for _, d := range p.Datasets {
		for _, t := range d.Tables {
			texts["why of "+t.Table] = t.Why
			for column, why := range t.ColumnsWhy {
				texts["columns_why of "+column] = why
				f.add(len(t.Columns) > 0 && !slices.Contains(t.Columns, column), "A reason is given for column %q of table %q, which is not asked for.", column, t.Table)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		f.add(!showable(texts[name], true) || len(texts[name]) > maxProjectText, "The %s is longer than %d bytes, or holds what cannot be shown.", name, maxProjectText)
	}
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		f.add(len(lines[name]) > maxEntries, "There are more than %d %s.", maxEntries, name)
		f.add(slices.ContainsFunc(lines[name], func(s string) bool { return len(s) > maxProjectLine || !showable(s, false) }),
			"The %s is longer than %d bytes, or holds what cannot be shown.", name, maxProjectLine)
	}
}

// showable reports whether text can be shown as it is.
func showable(text string, lines bool) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) && (!lines || r != '\n' && r != '\t' && r != '\r') || unicode.Is(unicode.Cf, r) && r != '\u200d'
	})
}

func (d DatasetGrant) validate(f *faults) {
	f.add(!gatehouse.ValidName(d.Dataset), "The dataset %q is not a name of lower-case letters, digits, '-' and '_'.", d.Dataset)
	f.add(d.Version < 0, "The version of %q is negative.", d.Dataset)
	f.add(len(d.Tables) == 0, "No table of %q is asked for.", d.Dataset)
	var tables []string
	for _, t := range d.Tables {
		f.add(slices.Contains(tables, t.Table), "Table %q of %q is asked for twice.", t.Table, d.Dataset)
		tables = append(tables, t.Table)
		for i, c := range t.Columns {
			f.add(slices.Contains(t.Columns[:i], c), "Column %q of table %q is asked for twice.", c, t.Table)
		}
	}
}

// Mounted gives the version's tables as the grant lets a project see them:
// approved tables in the version's order, with their approved columns only. The
// person's identity is in every table about people. Columns of other studies are not
// there. A table or column that the version does not have is CodeInvalidProject.
func (d DatasetGrant) Mounted(v catalog.Version, project string) ([]catalog.Table, error) {
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
		t.Columns = t.ColumnsOf(project)
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
// Datasets of one project are of one family: only there is a unit, and so a
// pseudonym, the same person in each of them.
func (p *Project) pin(ctx context.Context, c Catalogue) error {
	p.Datasets = slices.Clone(p.Datasets)
	family := ""
	for i, d := range p.Datasets {
		v, err := c.Version(ctx, d.Dataset, d.Version)
		if gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
			return invalid("There is no such version of dataset %q.", d.Dataset)
		}
		if err != nil {
			return err
		}
		if _, err := d.Mounted(v, p.ID); err != nil {
			return err
		}
		p.Datasets[i].Version = v.Number
		own := cmp.Or(v.Family, v.Dataset)
		if i > 0 && own != family {
			return invalid("The datasets %q and %q do not share a person index: apply for a project for each.", p.Datasets[0].Dataset, d.Dataset)
		}
		family = own
	}
	return nil
}

// pinPolicy fixes the version of the project's disclosure policy.
func (p *Project) pinPolicy(ctx context.Context, policies Policies) error {
	full, err := policies.PinPolicy(ctx, p.Policy)
	if gatehouse.CodeOf(err) == gatehouse.CodeConfig {
		return invalid("There is no disclosure policy %q.", p.Policy).WithAdvice("'gatehouse policy list' shows which there are.")
	}
	if err == nil {
		p.Policy = full
	}
	return err
}

// member gives the user's membership.
func (p Project) member(user string) (Member, bool) {
	i := slices.IndexFunc(p.Members, func(m Member) bool { return m.User == user })
	if i < 0 {
		return Member{}, false
	}
	return p.Members[i], true
}

// EverApproved reports whether the project was approved at some time, so that its
// members may have worked in it.
func (p Project) EverApproved() bool {
	switch p.State {
	case ProjectDraft, ProjectSubmitted, ProjectRejected:
		return false
	case ProjectClosed, ProjectArchived:
		return !p.Approved.IsZero() || p.ApprovedBy != ""
	}
	return true
}

// Live reports whether members may work in the project at now.
func (p Project) Live(now time.Time) error {
	switch {
	case p.State == ProjectExpired || p.State == ProjectActive && !now.Before(p.Expires):
		return refuse(gatehouse.CodeProjectExpired, "The project %q has expired.", p.ID)
	case p.State != ProjectActive:
		return refuse(gatehouse.CodeProjectNotActive, "The project %q is not active.", p.ID)
	case now.Before(p.Starts):
		return gatehouse.Errorf(gatehouse.CodeProjectNotActive, "The project %q has not begun.", p.ID).WithAdvice("It begins on %s.", p.Starts.UTC().Format("2 January 2006"))
	}
	return nil
}

// Admit reports whether user may work in the project at now: a member whose
// training and agreement hold, in a project that is live. What lapses, lapses at
// its instant.
func (p Project) Admit(user string, now time.Time) error {
	m, ok := p.member(user)
	switch {
	case !ok:
		return refuse(gatehouse.CodeDenied, "You are not a member of the project %q.", p.ID)
	case !now.Before(m.TrainingUntil):
		return refuse(gatehouse.CodeTrainingLapsed, "Your training certificate has lapsed.")
	case p.State != ProjectActive: // before the agreement: until then nobody can be expected to have signed
		return p.Live(now)
	case m.Agreement == 0:
		return refuse(gatehouse.CodeUnsigned, "You have not signed the agreement of the project %q.", p.ID)
	case !now.Before(m.AgreementUntil):
		return refuse(gatehouse.CodeUnsigned, "Your signature of the agreement of the project %q has lapsed.", p.ID)
	}
	return p.Live(now)
}
