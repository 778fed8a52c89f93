package workspaces

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// transitions are the moves between a project's states: from, to.
var transitions = map[ProjectState][]ProjectState{
	ProjectDraft:     {ProjectSubmitted, ProjectClosed},
	ProjectSubmitted: {ProjectActive, ProjectDraft, ProjectClosed},
	ProjectActive:    {ProjectSuspended, ProjectClosed},
	ProjectSuspended: {ProjectActive, ProjectClosed},
	ProjectClosed:    {},
}

// CreateProject drafts a project. Its members must be known users, and its
// tables and columns must be in the catalogue; where it names no version, it
// gets the newest, and so of its disclosure policy. The state, creator and
// approver of p are ignored.
func (s *Service) CreateProject(ctx context.Context, actor gatehouse.Principal, p Project) (Project, error) {
	p.State, p.CreatedBy, p.ApprovedBy, p.Version = ProjectDraft, actor.User, "", 1
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

// describe is what the journal says of a project.
func describe(p Project) map[string]string {
	d := map[string]string{
		"policy": p.Policy, "opt_out_basis": string(p.OptOutBasis), "expires": p.Expires.UTC().Format(time.RFC3339),
	}
	if p.OptOutRef != "" {
		d["opt_out_ref"] = p.OptOutRef
	}
	for _, g := range p.Datasets {
		d["dataset"] = g.Dataset + "@" + strconv.Itoa(g.Version)
	}
	return d
}

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
	return p.pin(ctx, s.Catalogue)
}

// move changes a project's state.
func (s *Service) move(ctx context.Context, actor gatehouse.Principal, id string, action gatehouse.Action, event string, to ProjectState, check func(Tx, *Project) error) error {
	e := gatehouse.Event{Action: event, Project: id, Subject: id}
	return s.act(ctx, actor, action, e, func(tx Tx) error {
		p, err := tx.Project(ctx, id)
		if err != nil {
			return err
		}
		if !slices.Contains(transitions[p.State], to) {
			if p.State == to {
				return gatehouse.Errorf(gatehouse.CodeConflict, "The project is %s already.", p.State)
			}
			return gatehouse.Errorf(gatehouse.CodeConflict, "The project is %s and cannot become %s.", p.State, to)
		}
		if check != nil {
			if err := check(tx, &p); err != nil {
				return err
			}
		}
		p.State = to
		return tx.ChangeProject(ctx, p)
	})
}

// SubmitProject puts a draft before the custodians. Its creator or a lead may.
func (s *Service) SubmitProject(ctx context.Context, actor gatehouse.Principal, id string) error {
	return s.move(ctx, actor, id, gatehouse.ActionProjectCreate, "project.submitted", ProjectSubmitted, func(tx Tx, p *Project) error {
		if p.State != ProjectDraft {
			return gatehouse.Errorf(gatehouse.CodeConflict, "The project is %s, not a draft.", p.State)
		}
		return s.checkDraft(ctx, tx, p)
	})
}

// ApproveProject makes a submitted project active. A custodian may who neither
// created it nor is a member of it, else CodeSeparation.
func (s *Service) ApproveProject(ctx context.Context, actor gatehouse.Principal, id string) error {
	return s.move(ctx, actor, id, gatehouse.ActionProjectApprove, "project.approved", ProjectActive, func(tx Tx, p *Project) error {
		if p.State != ProjectSubmitted {
			return gatehouse.Errorf(gatehouse.CodeConflict, "The project is %s, not submitted.", p.State)
		}
		if err := disinterested(actor, *p); err != nil {
			return err
		}
		p.ApprovedBy = actor.User
		return s.checkDraft(ctx, tx, p)
	})
}

// disinterested refuses custodians to decide about a project of their own.
func disinterested(actor gatehouse.Principal, p Project) error {
	if _, member := p.member(actor.User); member {
		return separation("Members of a project do not decide about it.")
	}
	if p.CreatedBy == actor.User {
		return separation("Whoever created a project does not decide about it.")
	}
	return nil
}

// ReturnProject gives a submitted project back to its creator as a draft.
func (s *Service) ReturnProject(ctx context.Context, actor gatehouse.Principal, id string) error {
	return s.move(ctx, actor, id, gatehouse.ActionProjectApprove, "project.returned", ProjectDraft, nil)
}

// SuspendProject stops an active project at once.
func (s *Service) SuspendProject(ctx context.Context, actor gatehouse.Principal, id string) error {
	return s.move(ctx, actor, id, gatehouse.ActionProjectApprove, "project.suspended", ProjectSuspended, nil)
}

// ResumeProject makes a suspended project active again.
func (s *Service) ResumeProject(ctx context.Context, actor gatehouse.Principal, id string) error {
	return s.move(ctx, actor, id, gatehouse.ActionProjectApprove, "project.resumed", ProjectActive, func(tx Tx, p *Project) error {
		if p.State != ProjectSuspended {
			return gatehouse.Errorf(gatehouse.CodeConflict, "The project is %s, not suspended.", p.State)
		}
		return disinterested(actor, *p)
	})
}

// CloseProject ends a project for good.
func (s *Service) CloseProject(ctx context.Context, actor gatehouse.Principal, id string) error {
	return s.move(ctx, actor, id, gatehouse.ActionProjectApprove, "project.closed", ProjectClosed, nil)
}

// amend changes an approved project's particulars: a custodian's decision.
func (s *Service) amend(ctx context.Context, actor gatehouse.Principal, id string, e gatehouse.Event, change func(Tx, *Project) error) error {
	e.Project = id
	return s.act(ctx, actor, gatehouse.ActionProjectApprove, e, func(tx Tx) error {
		p, err := tx.Project(ctx, id)
		if err != nil {
			return err
		}
		if p.State == ProjectClosed {
			return gatehouse.Errorf(gatehouse.CodeConflict, "The project is closed.")
		}
		if err := disinterested(actor, p); err != nil {
			return err
		}
		if err := change(tx, &p); err != nil {
			return err
		}
		if err := p.Validate(); err != nil {
			return err
		}
		return tx.ChangeProject(ctx, p)
	})
}

// SetMember adds a member, or replaces a member's role and training.
func (s *Service) SetMember(ctx context.Context, actor gatehouse.Principal, id string, m Member) error {
	e := gatehouse.Event{Action: "member.set", Subject: m.User, Detail: map[string]string{
		"role": string(m.Role), "training_until": m.TrainingUntil.UTC().Format(time.RFC3339),
	}}
	return s.amend(ctx, actor, id, e, func(tx Tx, p *Project) error {
		if m.User == actor.User || m.User == p.ApprovedBy {
			return separation("Whoever decides about a project does not become a member of it.")
		}
		if err := requireResearchers(ctx, tx, []Member{m}); err != nil {
			return err
		}
		p.Members = append(slices.DeleteFunc(p.Members, func(o Member) bool { return o.User == m.User }), m)
		return nil
	})
}

// RemoveMember ends a membership at once.
func (s *Service) RemoveMember(ctx context.Context, actor gatehouse.Principal, id, user string) error {
	return s.amend(ctx, actor, id, gatehouse.Event{Action: "member.removed", Subject: user}, func(_ Tx, p *Project) error {
		if _, member := p.member(user); !member {
			return gatehouse.Errorf(gatehouse.CodeNotFound, "The project has no member %q.", user)
		}
		p.Members = slices.DeleteFunc(p.Members, func(o Member) bool { return o.User == user })
		return nil
	})
}

// SetExpiry moves a project's expiry. A time that has passed ends it at once.
func (s *Service) SetExpiry(ctx context.Context, actor gatehouse.Principal, id string, expires time.Time) error {
	e := gatehouse.Event{Action: "project.expiry_set", Subject: id, Detail: map[string]string{"expires": expires.UTC().Format(time.RFC3339)}}
	return s.amend(ctx, actor, id, e, func(_ Tx, p *Project) error {
		p.Expires = expires.UTC()
		return nil
	})
}

// UseVersion moves a project to another version of its dataset; 0 is the newest.
func (s *Service) UseVersion(ctx context.Context, actor gatehouse.Principal, id, dataset string, number int) error {
	e := gatehouse.Event{Action: "project.version_set", Subject: dataset + "@" + strconv.Itoa(number)}
	return s.amend(ctx, actor, id, e, func(_ Tx, p *Project) error {
		i := slices.IndexFunc(p.Datasets, func(d DatasetGrant) bool { return d.Dataset == dataset })
		if i < 0 {
			return gatehouse.Errorf(gatehouse.CodeNotFound, "The project does not use a dataset %q.", dataset)
		}
		p.Datasets[i].Version = number
		return p.pin(ctx, s.Catalogue)
	})
}

// SetPolicy moves a project to a disclosure policy, or to another version of its
// own: the newest, if none is named.
func (s *Service) SetPolicy(ctx context.Context, actor gatehouse.Principal, id, policy string) error {
	e := gatehouse.Event{Action: "project.policy_set", Subject: id, Detail: map[string]string{}}
	return s.amend(ctx, actor, id, e, func(_ Tx, p *Project) error {
		e.Detail["from"] = p.Policy
		p.Policy = policy
		err := p.pinPolicy(ctx, s.Policies)
		e.Detail["policy"] = p.Policy
		return err
	})
}

// Project gives a project that actor may see.
func (s *Service) Project(ctx context.Context, actor gatehouse.Principal, id string) (Project, error) {
	if err := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionProjectRead, id); err != nil {
		return Project{}, err
	}
	var p Project
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		p, err = tx.Project(ctx, id)
		return err
	})
	return p, err
}

// Projects gives the projects that actor may see, by id.
func (s *Service) Projects(ctx context.Context, actor gatehouse.Principal) ([]Project, error) {
	var visible []Project
	err := s.Store.View(ctx, func(tx Tx) error {
		all, err := tx.Projects(ctx)
		if err != nil {
			return err
		}
		for _, p := range all {
			err := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionProjectRead, p.ID)
			switch gatehouse.CodeOf(err) {
			case gatehouse.CodeNotFound, gatehouse.CodeDenied:
				continue
			}
			if err != nil {
				return err
			}
			visible = append(visible, p)
		}
		return nil
	})
	return visible, err
}
