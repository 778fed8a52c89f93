package workspaces

import (
	"context"
	"slices"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// ProjectReview is how a project stands: whose turn it is, what was decided, and
// what its reader can do.
type ProjectReview struct {
	Project    Project         `json:"project"`
	Owner      ProjectParty    `json:"owner"`      // whose turn it is
	Turn       []string        `json:"turn"`       // who that is, by user name
	Steps      []ProjectStep   `json:"steps"`      // what the reader may do now
	Datasets   []DatasetReview `json:"datasets"`   // what each custodian decided in this round
	Conditions []Condition     `json:"conditions"` // in force
	Unsigned   []string        `json:"unsigned"`   // members whose signature is missing or has lapsed
	Agreement  int             `json:"agreement"`  // newest version
	Missing    string          `json:"missing,omitempty"`
	History    []Decision      `json:"history"` // everything ever decided, oldest first
	Amendments []Amendment     `json:"amendments"`
	Since      *Resubmission   `json:"since,omitempty"` // what has changed since it was last submitted
}

// DatasetReview is one dataset of a project, as its custodian sees it.
type DatasetReview struct {
	Dataset    string    `json:"dataset"`
	Version    int       `json:"version"`
	Digest     string    `json:"digest"` // of what is decided on: Judgement.Seen
	Custodians []string  `json:"custodians"`
	Mine       bool      `json:"mine"`               // the reader is custodian of it
	Decision   *Decision `json:"decision,omitempty"` // that stands
	Open       bool      `json:"open"`               // waits for a decision
}

// Condition is something under which a custodian agreed.
type Condition struct {
	Dataset   string `json:"dataset"`
	Custodian string `json:"custodian"`
	Text      string `json:"text"`
}

// Review gives how a project stands, to whoever may see it.
func (s *Service) Review(ctx context.Context, actor gatehouse.Principal, id string) (ProjectReview, error) {
	if err := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionProjectRead, id); err != nil {
		return ProjectReview{}, err
	}
	var r ProjectReview
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		r, err = s.review(ctx, tx, actor, id)
		return err
	})
	if err != nil {
		return r, err
	}
	r.Steps, err = s.stepsFor(ctx, actor, r)
	return r, err
}

func (s *Service) review(ctx context.Context, tx Tx, actor gatehouse.Principal, id string) (ProjectReview, error) {
	p, err := tx.Project(ctx, id)
	if err != nil {
		return ProjectReview{}, err
	}
	r := ProjectReview{Project: p, Owner: ProjectOwners[p.State], Turn: []string{}, Conditions: []Condition{}, Unsigned: p.unsigned(tx.Now()), History: []Decision{}, Amendments: []Amendment{}}
	if p.State == ProjectDraft {
		if err := p.complete(); err != nil {
			r.Missing = gatehouse.Public(err).Message
		}
	}
	a, err := newestAgreement(ctx, tx)
	if err != nil {
		return r, err
	}
	r.Agreement = a.Version
	standing, err := standingDecisions(ctx, tx, p)
	if err != nil {
		return r, err
	}
	for _, g := range p.Datasets {
		named, err := tx.Custodians(ctx, g.Dataset)
		if err != nil {
			return r, err
		}
		d := DatasetReview{Dataset: g.Dataset, Version: g.Version, Digest: p.Digest(g.Dataset), Custodians: append([]string{}, named...), Mine: slices.Contains(named, actor.User)}
		if decided, ok := standing[g.Dataset]; ok && p.State != ProjectDraft {
			d.Decision = &decided
		}
		d.Open = p.State == ProjectSubmitted && d.Decision == nil
		r.Datasets = append(r.Datasets, d)
	}
	history, err := tx.Decisions(ctx, id)
	if err != nil {
		return r, err
	}
	r.History = append(r.History, history...)
	amendments, err := amendmentsWithDecisions(ctx, tx, id)
	if err != nil {
		return r, err
	}
	r.Amendments = append(r.Amendments, amendments...)
	r.Conditions = conditionsInForce(p, history, amendments)
	r.Turn = append(r.Turn, r.turn()...)
	if r.Since, err = resubmission(ctx, tx, p); err != nil {
		return r, err
	}
	if r.Unsigned == nil {
		r.Unsigned = []string{}
	}
	return r, nil
}

// conditionsInForce are those of the decisions by which the project was approved,
// and of the amendments that were applied since.
func conditionsInForce(p Project, history []Decision, amendments []Amendment) []Condition {
	conditions := []Condition{}
	if p.Approved.IsZero() {
		return conditions
	}
	latest := map[string]Decision{}
	for _, d := range history {
		if d.Amendment == "" && d.Verdict.approves() {
			latest[d.Dataset] = d
		}
	}
	add := func(d Decision) {
		if _, uses := p.grant(d.Dataset); !uses {
			return
		}
		for _, c := range d.Conditions {
			conditions = append(conditions, Condition{d.Dataset, d.Custodian, c})
		}
	}
	for _, g := range p.Datasets {
		if d, ok := latest[g.Dataset]; ok {
			add(d)
		}
	}
	for _, a := range amendments {
		if a.State == AmendmentApplied {
			for _, d := range a.Decisions {
				add(d)
			}
		}
	}
	return conditions
}

// turn gives the users whose turn it is.
func (r ProjectReview) turn() []string {
	p := r.Project
	var users []string
	switch r.Owner {
	case PartyApplicant:
		return p.applicants()
	case PartyMember:
		return r.Unsigned
	case PartyLead:
		for _, m := range p.Members {
			if m.Role == gatehouse.RoleLead {
				users = append(users, m.User)
			}
		}
	case PartyCustodian:
		for _, d := range r.Datasets {
			if p.State == ProjectSubmitted && !d.Open {
				continue
			}
			for _, c := range d.Custodians {
				if disinterested(gatehouse.Principal{User: c}, p) == nil && !slices.Contains(users, c) {
					users = append(users, c)
				}
			}
		}
	}
	return users
}

// stepsFor gives the steps that the reader may ask for.
func (s *Service) stepsFor(ctx context.Context, actor gatehouse.Principal, r ProjectReview) ([]ProjectStep, error) {
	var parties []ProjectParty
	may := func(action gatehouse.Action) (bool, error) {
		err := s.Authorizer.Authorize(ctx, actor, action, r.Project.ID)
		switch gatehouse.CodeOf(err) {
		case gatehouse.CodeDenied, gatehouse.CodeNotFound, gatehouse.CodeUnauthenticated:
			return false, nil
		}
		return err == nil, err
	}
	me, member := r.Project.member(actor.User)
	mine := slices.ContainsFunc(r.Datasets, func(d DatasetReview) bool { return d.Mine }) && disinterested(actor, r.Project) == nil
	for _, c := range []struct {
		action gatehouse.Action
		holds  bool
		gives  []ProjectParty
	}{
		{gatehouse.ActionProjectCreate, slices.Contains(r.Project.applicants(), actor.User), []ProjectParty{PartyApplicant}},
		{gatehouse.ActionProjectCreate, me.Role == gatehouse.RoleLead, []ProjectParty{PartyLead}},
		{gatehouse.ActionProjectApprove, mine, []ProjectParty{PartyCustodian}},
		{gatehouse.ActionProjectSign, member, []ProjectParty{PartyMember}},
	} {
		allowed, err := may(c.action)
		if err != nil {
			return nil, err
		}
		if allowed && c.holds {
			parties = append(parties, c.gives...)
		}
	}
	steps := stepsBy(r.Project.State, parties)
	canDecide := slices.ContainsFunc(r.Datasets, func(d DatasetReview) bool { return d.Mine && d.Open })
	return slices.DeleteFunc(steps, func(step ProjectStep) bool { return step == StepDecide && !canDecide }), nil
}

// Task is something that waits for a person.
type Task struct {
	Kind    string    `json:"kind"` // decide, decide-amendment, sign, complete, train
	Project string    `json:"project"`
	Title   string    `json:"title"`
	Subject string    `json:"subject"`      // dataset, amendment or member that it is about
	Due     time.Time `json:"due,omitzero"` // when it lapses, if it does
}

// Tasks gives what waits for actor, of the projects that actor may see.
func (s *Service) Tasks(ctx context.Context, actor gatehouse.Principal) ([]Task, error) {
	visible, err := s.Projects(ctx, actor)
	if err != nil {
		return nil, err
	}
	tasks := []Task{}
	err = s.Store.View(ctx, func(tx Tx) error {
		for _, p := range visible {
			r, err := s.review(ctx, tx, actor, p.ID)
			if err != nil {
				return err
			}
			tasks = append(tasks, r.tasks(actor, tx.Now())...)
		}
		return nil
	})
	return tasks, err
}

func (r ProjectReview) tasks(actor gatehouse.Principal, now time.Time) []Task {
	p := r.Project
	var tasks []Task
	add := func(kind, subject string, due time.Time) {
		tasks = append(tasks, Task{Kind: kind, Project: p.ID, Title: p.Title, Subject: subject, Due: due})
	}
	if p.State == ProjectDraft && slices.Contains(p.applicants(), actor.User) {
		add("complete", p.ID, time.Time{})
	}
	outsider := disinterested(actor, p) == nil
	for _, d := range r.Datasets {
		if d.Open && d.Mine && outsider {
			add("decide", d.Dataset, time.Time{})
		}
	}
	for _, a := range r.Amendments {
		if _, joins := a.To.member(actor.User); a.State != AmendmentProposed || !outsider || a.By == actor.User || joins {
			continue
		}
		for _, dataset := range a.Touched() {
			mine := slices.ContainsFunc(r.Datasets, func(d DatasetReview) bool { return d.Dataset == dataset && d.Mine })
			if mine && !slices.ContainsFunc(a.Decisions, func(d Decision) bool { return d.Dataset == dataset }) {
				add("decide-amendment", a.ID, time.Time{})
				break
			}
		}
	}
	m, member := p.member(actor.User)
	if !member || p.State != ProjectApproved && p.State != ProjectActive && p.State != ProjectSuspended {
		return tasks
	}
	soon := now.AddDate(0, 0, WarningDays[0])
	if !soon.Before(m.AgreementUntil) {
		add("sign", p.ID, m.AgreementUntil)
	}
	if !soon.Before(m.TrainingUntil) {
		add("train", actor.User, m.TrainingUntil)
	}
	return tasks
}
