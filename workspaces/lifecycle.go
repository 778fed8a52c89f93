package workspaces

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-tre/gatehouse"
)

// custodianStep moves a project by a step that the custodian of one of its datasets
// may take alone. mine are the datasets of which actor is.
func (s *Service) custodianStep(ctx context.Context, actor gatehouse.Principal, id string, e gatehouse.Event, step ProjectStep, change func(tx Tx, p *Project, mine []string) error) error {
	_, err := s.step(ctx, actor, id, gatehouse.ActionProjectApprove, e, step, func(tx Tx, p *Project) error {
		mine, err := s.custody(ctx, tx, actor, *p)
		if err != nil {
			return err
		}
		for _, m := range p.Members {
			tx.Notify(gatehouse.Notice{Kind: e.Action, To: m.User, Project: p.ID, Subject: p.ID})
		}
		if change == nil {
			return nil
		}
		return change(tx, p, mine)
	})
	return err
}

// stopped is the event of a project that is stopped, with why, which is kept in the
// journal.
func stopped(action, why string) gatehouse.Event {
	return gatehouse.Event{Action: action, Detail: map[string]string{"why": strings.TrimSpace(why)}}
}

// stop keeps why a project is stopped.
func (p *Project) stop(why string) error {
	switch {
	case strings.TrimSpace(why) == "":
		return gatehouse.Errorf(gatehouse.CodeInvalidProject, "It is not said why the project is stopped.").WithAdvice("Say why, for its members and for the record; name nobody whose data it is.")
	case len(why) > maxStopped || !utf8.ValidString(why):
		return gatehouse.Errorf(gatehouse.CodeInvalidProject, "The reason is longer than %d bytes, or not valid UTF-8.", maxStopped).WithAdvice("Say it in fewer words.")
	}
	p.StoppedWhy = strings.TrimSpace(why)
	return nil
}

// maxStopped bounds why a project is stopped, in bytes.
const maxStopped = 1_000

// SuspendProject stops an active project at once.
func (s *Service) SuspendProject(ctx context.Context, actor gatehouse.Principal, id, why string) error {
	return s.custodianStep(ctx, actor, id, stopped("project.suspended", why), StepSuspend, func(_ Tx, p *Project, mine []string) error {
		p.SuspendedFor = mine
		return p.stop(why)
	})
}

// ResumeProject makes a suspended project active again. Whoever does it is
// custodian of all the datasets for which it was suspended.
func (s *Service) ResumeProject(ctx context.Context, actor gatehouse.Principal, id string) error {
	return s.custodianStep(ctx, actor, id, gatehouse.Event{Action: "project.resumed"}, StepResume, func(_ Tx, p *Project, mine []string) error {
		for _, d := range p.SuspendedFor {
			if _, asked := p.grant(d); asked && !slices.Contains(mine, d) {
				return gatehouse.Errorf(gatehouse.CodeNotCustodian, "The project was suspended for the dataset %q, of which you are not custodian.", d)
			}
		}
		p.SuspendedFor, p.StoppedWhy = nil, ""
		return nil
	})
}

// CloseProject ends a project for good.
func (s *Service) CloseProject(ctx context.Context, actor gatehouse.Principal, id, why string) error {
	return s.custodianStep(ctx, actor, id, stopped("project.closed", why), StepClose, func(tx Tx, p *Project, _ []string) error {
		if err := p.stop(why); err != nil {
			return err
		}
		return overtake(ctx, tx, p.ID)
	})
}

// ArchiveProject puts a closed or rejected project away, for the record.
func (s *Service) ArchiveProject(ctx context.Context, actor gatehouse.Principal, id string) error {
	return s.custodianStep(ctx, actor, id, gatehouse.Event{Action: "project.archived"}, StepArchive, nil)
}

// adjust changes an approved project's particulars: a custodian's decision, who
// is custodian of every dataset that the change touches. What others must agree
// to is an amendment.
func (s *Service) adjust(ctx context.Context, actor gatehouse.Principal, id string, e gatehouse.Event, change func(Tx, *Project) (touched []string, err error)) error {
	_, err := s.step(ctx, actor, id, gatehouse.ActionProjectApprove, e, StepAdjust, func(tx Tx, p *Project) error {
		touched, err := change(tx, p)
		if err != nil {
			return err
		}
		if err := s.requireCustodian(ctx, tx, actor, *p, touched...); err != nil {
			if gatehouse.CodeOf(err) == gatehouse.CodeNotCustodian {
				return gatehouse.Public(err).WithAdvice("The project's lead can propose an amendment, which the custodian of each dataset decides on.")
			}
			return err
		}
		if err := p.Validate(); err != nil {
			return err
		}
		if err := p.revive(tx, actor.User); err != nil {
			return err
		}
		return overtake(ctx, tx, p.ID)
	})
	return err
}

// revive makes an expired project active if its expiry was moved ahead.
func (p *Project) revive(tx Tx, by string) error {
	if p.State != ProjectExpired || !tx.Now().Before(p.Expires) {
		return nil
	}
	if err := p.take(StepExtend); err != nil {
		return err
	}
	tx.Record(gatehouse.Event{Actor: by, Action: "project.extended", Project: p.ID, Subject: p.ID, Detail: map[string]string{"expires": p.Expires.UTC().Format(time.RFC3339)}})
	return nil
}

// SetMember adds a member, or replaces a member's role and training. A new member
// must sign the agreement before working.
func (s *Service) SetMember(ctx context.Context, actor gatehouse.Principal, id string, m Member) error {
	e := gatehouse.Event{Action: "member.set", Subject: m.User, Detail: map[string]string{
		"role": string(m.Role), "training_until": m.TrainingUntil.UTC().Format(time.RFC3339),
	}}
	return s.adjust(ctx, actor, id, e, func(tx Tx, p *Project) ([]string, error) {
		if m.User == actor.User {
			return nil, separation("Whoever decides about a project does not become a member of it.")
		}
		if err := requireUndecided(ctx, tx, *p, []Member{m}); err != nil {
			return nil, err
		}
		if err := requireResearchers(ctx, tx, []Member{m}); err != nil {
			return nil, err
		}
		old, known := p.member(m.User)
		m.Agreement, m.AgreementUntil = old.Agreement, old.AgreementUntil
		if !known {
			tx.Notify(gatehouse.Notice{Kind: "agreement.to_sign", To: m.User, Project: p.ID, Subject: p.ID})
		}
		p.Members = append(slices.DeleteFunc(p.Members, func(o Member) bool { return o.User == m.User }), m)
		return names(*p), nil
	})
}

// RemoveMember ends a membership at once. The custodian of any dataset of the
// project may: it only takes away.
func (s *Service) RemoveMember(ctx context.Context, actor gatehouse.Principal, id, user string) error {
	return s.adjust(ctx, actor, id, gatehouse.Event{Action: "member.removed", Subject: user}, func(tx Tx, p *Project) ([]string, error) {
		if _, member := p.member(user); !member {
			return nil, gatehouse.Errorf(gatehouse.CodeNotFound, "The project has no member %q.", user)
		}
		p.Members = slices.DeleteFunc(p.Members, func(o Member) bool { return o.User == user })
		return nil, p.activate(tx)
	})
}

// SetExpiry moves a project's expiry. A time that has passed ends it at once.
func (s *Service) SetExpiry(ctx context.Context, actor gatehouse.Principal, id string, expires time.Time) error {
	e := gatehouse.Event{Action: "project.expiry_set", Subject: id, Detail: map[string]string{"expires": expires.UTC().Format(time.RFC3339)}}
	return s.adjust(ctx, actor, id, e, func(_ Tx, p *Project) ([]string, error) {
		p.Expires = expires.UTC()
		return names(*p), nil
	})
}

// UseVersion moves a project to another version of its dataset; 0 is the newest.
func (s *Service) UseVersion(ctx context.Context, actor gatehouse.Principal, id, dataset string, number int) error {
	e := gatehouse.Event{Action: "project.version_set", Subject: dataset + "@" + strconv.Itoa(number)}
	return s.adjust(ctx, actor, id, e, func(tx Tx, p *Project) ([]string, error) {
		i := slices.IndexFunc(p.Datasets, func(d DatasetGrant) bool { return d.Dataset == dataset })
		if i < 0 {
			return nil, gatehouse.Errorf(gatehouse.CodeNotFound, "The project does not use a dataset %q.", dataset)
		}
		before := p.Datasets[i]
		p.Datasets = slices.Clone(p.Datasets)
		p.Datasets[i].Version = number
		if err := p.pin(ctx, standing{s.Catalogue, tx}); err != nil {
			return nil, err
		}
		if err := s.consentHolds(ctx, *p, before, p.Datasets[i]); err != nil {
			return nil, err
		}
		return []string{dataset}, notRecalled(ctx, tx, dataset, p.Datasets[i].Version)
	})
}

// SetPolicy moves a project to a disclosure policy, or to another version of its
// own: the newest, if none is named.
func (s *Service) SetPolicy(ctx context.Context, actor gatehouse.Principal, id, policy string) error {
	e := gatehouse.Event{Action: "project.policy_set", Subject: id, Detail: map[string]string{}}
	return s.adjust(ctx, actor, id, e, func(_ Tx, p *Project) ([]string, error) {
		e.Detail["from"] = p.Policy
		p.Policy = policy
		err := p.pinPolicy(ctx, s.Policies)
		e.Detail["policy"] = p.Policy
		return names(*p), err
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
		ids := make([]string, len(all))
		for i, p := range all {
			ids[i] = p.ID
		}
		may, err := s.Authorizer.Among(ctx, actor, gatehouse.ActionProjectRead, ids)
		if err != nil {
			return err
		}
		visible = slices.DeleteFunc(all, func(p Project) bool { return !slices.Contains(may, p.ID) })
		return nil
	})
	return visible, err
}
