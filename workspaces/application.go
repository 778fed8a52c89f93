package workspaces

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// CreateProject drafts a project. Its members must be known users, and its
// tables and columns must be in the catalogue; where it names no version, it
// gets the newest, and so of its disclosure policy. What p says of its state, of
// who made or approved it, and of signatures is ignored.
func (s *Service) CreateProject(ctx context.Context, actor gatehouse.Principal, p Project) (Project, error) {
	p = p.asApplication()
	p.State, p.CreatedBy, p.Version = ProjectDraft, actor.User, 1
	e := gatehouse.Event{Action: "project.created", Subject: p.ID, Actor: actor.User}
	if err := p.Validate(); err != nil {
		return Project{}, err
	}
	// The project does not exist yet, so the permission is the house's; the event
	// is the project's.
	err := s.Store.Update(ctx, func(tx Tx) error {
		if err := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionProjectCreate, ""); err != nil {
			return err
		}
		if err := s.checkDraft(ctx, tx, &p); err != nil {
			return err
		}
		tx.Record(gatehouse.Event{Action: e.Action, Actor: e.Actor, Subject: p.ID, Project: p.ID, Detail: describe(p)})
		return tx.AddProject(ctx, p)
	})
	if err := s.journalRefusal(ctx, e, err); err != nil {
		return Project{}, err
	}
	return p, nil
}

// asApplication is p with nothing but what an applicant may say.
func (p Project) asApplication() Project {
	p.State, p.CreatedBy, p.ApprovedBy, p.Approved, p.SuspendedFor, p.StoppedWhy, p.Round, p.Version = "", "", "", time.Time{}, nil, "", 0, 0
	p.Members = slices.Clone(p.Members)
	for i := range p.Members {
		p.Members[i].Agreement, p.Members[i].AgreementUntil = 0, time.Time{}
	}
	return p
}

// describe is what the journal says of a project.
func describe(p Project) map[string]string {
	d := map[string]string{
		"policy": p.Policy, "opt_out_basis": string(p.OptOutBasis), "expires": p.Expires.UTC().Format(time.RFC3339),
	}
	if p.OptOutRef != "" {
		d["opt_out_ref"] = p.OptOutRef
	}
	var datasets []string
	for _, g := range p.Datasets {
		datasets = append(datasets, g.name())
	}
	d["dataset"] = strings.Join(datasets, " ")
	return d
}

func (d DatasetGrant) name() string { return d.Dataset + "@" + strconv.Itoa(d.Version) }

func (s *Service) checkDraft(ctx context.Context, tx Tx, p *Project) error {
	if !tx.Now().Before(p.Expires) {
		return invalid("The project would expire in the past.")
	}
	if err := requireResearchers(ctx, tx, p.Members); err != nil {
		return err
	}
	if err := p.pinPolicy(ctx, s.Policies); err != nil {
		return err
	}
	return p.pin(ctx, standing{s.Catalogue, tx})
}

// EditProject replaces what a draft says. Its creator or a lead may. What p says
// of its state, of who made or approved it, and of signatures is ignored.
func (s *Service) EditProject(ctx context.Context, actor gatehouse.Principal, p Project) (Project, error) {
	p = p.asApplication()
	if err := p.Validate(); err != nil {
		return Project{}, err
	}
	_, err := s.step(ctx, actor, p.ID, gatehouse.ActionProjectCreate, gatehouse.Event{Action: "project.edited"}, StepEdit, func(tx Tx, old *Project) error {
		kept := *old
		p.State, p.CreatedBy, p.Round, p.Version = kept.State, kept.CreatedBy, kept.Round, kept.Version
		if err := s.checkDraft(ctx, tx, &p); err != nil {
			return err
		}
		*old = p
		return nil
	})
	return p, err
}

// step moves a project by one step of the state machine, in one transaction with
// what change does to it, and gives it as it is then. The step must be in the
// table, and actor be who the table says.
func (s *Service) step(ctx context.Context, actor gatehouse.Principal, id string, action gatehouse.Action, e gatehouse.Event, step ProjectStep, change func(Tx, *Project) error) (Project, error) {
	e.Project = id
	if e.Subject == "" {
		e.Subject = id
	}
	var p Project
	err := s.act(ctx, actor, action, e, func(tx Tx) (err error) {
		if p, err = tx.Project(ctx, id); err != nil {
			return err
		}
		row, err := p.State.row(step)
		if err != nil {
			return err
		}
		if err := s.requireParty(ctx, tx, actor, p, row.By); err != nil {
			return err
		}
		p.State = row.To
		if change != nil {
			if err := change(tx, &p); err != nil {
				return err
			}
		}
		return tx.ChangeProject(ctx, p)
	})
	return p, err
}

// requireParty refuses actor unless it is who takes a step of the project.
func (s *Service) requireParty(ctx context.Context, tx Tx, actor gatehouse.Principal, p Project, by ProjectParty) error {
	m, member := p.member(actor.User)
	switch by {
	case PartyApplicant:
		if slices.Contains(p.applicants(), actor.User) {
			return nil
		}
		return gatehouse.Errorf(gatehouse.CodeDenied, "Only whoever drafted the project %q, and its leads, do this.", p.ID)
	case PartyLead:
		if m.Role == gatehouse.RoleLead {
			return nil
		}
		return gatehouse.Errorf(gatehouse.CodeDenied, "Only a lead of the project %q does this.", p.ID)
	case PartyMember:
		if member {
			return nil
		}
		return gatehouse.Errorf(gatehouse.CodeDenied, "You are not a member of the project %q.", p.ID)
	case PartyCustodian:
		if err := disinterested(actor, p); err != nil {
			return err
		}
		_, err := s.custody(ctx, tx, actor, p)
		return err
	}
	return gatehouse.Errorf(gatehouse.CodeDenied, "Nobody can ask for this: it follows from what others do.")
}

// SubmitProject puts a draft before the custodians of its datasets. Its creator
// or a lead may. An application that does not say all that it must is
// CodeIncomplete. Approvals of an earlier round stand where nothing of what was
// approved has changed; if nothing is left to decide, it is approved at once.
func (s *Service) SubmitProject(ctx context.Context, actor gatehouse.Principal, id string) error {
	_, err := s.step(ctx, actor, id, gatehouse.ActionProjectCreate, gatehouse.Event{Action: "project.submitted"}, StepSubmit, func(tx Tx, p *Project) error {
		if err := p.complete(); err != nil {
			return err
		}
		if err := s.checkDraft(ctx, tx, p); err != nil {
			return err
		}
		p.Round++
		if err := tx.AddSubmission(ctx, p.Round, p.asApplication()); err != nil {
			return err
		}
		return s.conclude(ctx, tx, p)
	})
	return err
}

// WithdrawProject gives an application up. Its creator or a lead may, until it is
// active.
func (s *Service) WithdrawProject(ctx context.Context, actor gatehouse.Principal, id string) error {
	_, err := s.step(ctx, actor, id, gatehouse.ActionProjectCreate, gatehouse.Event{Action: "project.withdrawn"}, StepWithdraw, nil)
	return err
}

// complete reports whether an application says all that custodians and the public
// must know, or CodeIncomplete with all that is missing.
func (p Project) complete() error {
	var missing []string
	for _, f := range []struct{ name, text string }{
		{"lay_summary", p.LaySummary}, {"purpose", p.Purpose}, {"public_benefit", p.PublicBenefit}, {"organisation", p.Organisation},
		{"funding", p.Funding}, {"outputs", strings.Join(p.Outputs, "")},
	} {
		if strings.TrimSpace(f.text) == "" {
			missing = append(missing, f.name)
		}
	}
	for _, d := range p.Datasets {
		for _, t := range d.Tables {
			if strings.TrimSpace(t.Why) == "" && !t.columnsJustified() {
				missing = append(missing, "why of table "+t.Table+" of "+d.Dataset)
			}
		}
	}
	if len(missing) > 0 {
		return gatehouse.Errorf(gatehouse.CodeIncomplete, "The application does not say: %s.", strings.Join(missing, ", "))
	}
	return nil
}

// columnsJustified reports whether each column that is asked for has a reason of
// its own.
func (t TableGrant) columnsJustified() bool {
	return len(t.Columns) > 0 && !slices.ContainsFunc(t.Columns, func(c string) bool { return strings.TrimSpace(t.ColumnsWhy[c]) == "" })
}

// grant gives what the project asks of a dataset.
func (p Project) grant(dataset string) (DatasetGrant, bool) {
	i := slices.IndexFunc(p.Datasets, func(d DatasetGrant) bool { return d.Dataset == dataset })
	if i < 0 {
		return DatasetGrant{}, false
	}
	return p.Datasets[i], true
}

// Digest is the fingerprint of all that the custodian of a dataset decides on:
// everything that the application says, but what it asks of other datasets. A
// decision holds for what has the fingerprint that was decided on, and for
// nothing else. With dataset "" it is the fingerprint of the whole application.
func (p Project) Digest(dataset string) string {
	content := p.asApplication()
	slices.SortFunc(content.Members, func(a, b Member) int { return strings.Compare(a.User, b.User) })
	for i := range content.Members {
		content.Members[i].TrainingUntil = content.Members[i].TrainingUntil.UTC()
	}
	content.Starts, content.Expires = content.Starts.UTC(), content.Expires.UTC()
	content.Datasets = slices.DeleteFunc(slices.Clone(p.Datasets), func(d DatasetGrant) bool { return dataset != "" && d.Dataset != dataset })
	slices.SortFunc(content.Datasets, func(a, b DatasetGrant) int { return strings.Compare(a.Dataset, b.Dataset) })
	text, err := json.Marshal(content)
	if err != nil {
		panic("workspaces: a project cannot be written as JSON") // it holds texts, numbers and times
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
