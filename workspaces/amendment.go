package workspaces

import (
	"context"
	"slices"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
)

// ProposeAmendment proposes that the project say what to says. A lead of it
// may. The custodians of what it touches decide; until then nothing
// of the project changes. Versions and a policy that to does not pin stay as they
// are. One amendment is open at a time.
func (s *Service) ProposeAmendment(ctx context.Context, actor gatehouse.Principal, id string, to Project, why string) (Amendment, error) {
	a := Amendment{ID: gatehouse.NewID("amd"), Project: id, State: AmendmentProposed, By: actor.User, Why: strings.TrimSpace(why)}
	to = to.asApplication()
	to.ID = id
	if a.Why == "" || len(a.Why) > maxSaid || !showable(a.Why, true) {
		return a, invalid("An amendment says why, in at most %d bytes.", maxSaid).WithAdvice("Say what has changed, for the custodians.")
	}
	if err := to.Validate(); err != nil {
		return a, err
	}
	e := gatehouse.Event{Action: "amendment.proposed", Subject: a.ID, Detail: map[string]string{}}
	_, err := s.step(ctx, actor, id, gatehouse.ActionProjectCreate, e, StepPropose, func(tx Tx, p *Project) error {
		if open, err := openAmendment(ctx, tx, id); err != nil {
			return err
		} else if open != nil {
			return gatehouse.Errorf(gatehouse.CodeAmendment, "The amendment %s of this project is still open.", open.ID).WithAdvice("Withdraw it, or wait until it is decided.")
		}
		to.keep(*p)
		if err := to.complete(); err != nil {
			return err
		}
		if err := s.checkDraft(ctx, tx, &to); err != nil {
			return err
		}
		if err := requireUndecided(ctx, tx, *p, newcomers(*p, to)); err != nil {
			return err
		}
		a.To, a.Base, a.Changes, a.Proposed = to, p.Digest(""), Diff(*p, to), tx.Now()
		if len(a.Changes) == 0 {
			return invalid("The amendment changes nothing.").WithAdvice("Change what should be otherwise, then propose it.")
		}
		touched := a.Touched()
		e.Detail["datasets"], e.Detail["digest"] = strings.Join(touched, " "), a.Digest()
		var told []string
		for _, d := range touched {
			named, err := tx.Custodians(ctx, d)
			if err != nil {
				return err
			}
			for _, user := range named {
				if !slices.Contains(told, user) {
					told = append(told, user)
					tx.Notify(gatehouse.Notice{Kind: "amendment.proposed", To: user, Project: id, Subject: a.ID})
				}
			}
		}
		return tx.AddAmendment(ctx, a)
	})
	return a, err
}

// keep takes from p what an amendment leaves open.
func (p *Project) keep(now Project) {
	p.Datasets = slices.Clone(p.Datasets)
	for i, d := range p.Datasets {
		if old, known := now.grant(d.Dataset); known && d.Version == 0 {
			p.Datasets[i].Version = old.Version
		}
	}
	if name, _, _ := strings.Cut(now.Policy, "@"); p.Policy == name {
		p.Policy = now.Policy
	}
}

// newcomers are the members of to who are not members of p.
func newcomers(p, to Project) []Member {
	return slices.DeleteFunc(slices.Clone(to.Members), func(m Member) bool { _, known := p.member(m.User); return known })
}

func openAmendment(ctx context.Context, tx Tx, project string) (*Amendment, error) {
	all, err := tx.Amendments(ctx, project)
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		if a.State == AmendmentProposed {
			return &a, nil
		}
	}
	return nil, nil
}

// overtake ends the open amendment of a project that was changed otherwise.
func overtake(ctx context.Context, tx Tx, project string) error {
	a, err := openAmendment(ctx, tx, project)
	if err != nil || a == nil {
		return err
	}
	return concludeAmendment(ctx, tx, *a, AmendmentOvertake)
}

func concludeAmendment(ctx context.Context, tx Tx, a Amendment, step AmendmentStep) error {
	to, err := a.State.next(step)
	if err != nil {
		return err
	}
	tx.Record(gatehouse.Event{Actor: System.User, Action: "amendment." + string(to), Project: a.Project, Subject: a.ID})
	tx.Notify(gatehouse.Notice{Kind: "amendment." + string(to), To: a.By, Project: a.Project, Subject: a.ID})
	return tx.ConcludeAmendment(ctx, a.ID, to)
}

// amendmentOf gives an amendment of that project, and of no other.
func amendmentOf(ctx context.Context, tx Tx, project, id string) (Amendment, error) {
	a, err := tx.Amendment(ctx, id)
	if err == nil && a.Project != project {
		return Amendment{}, gatehouse.Errorf(gatehouse.CodeNotFound, "The project %q has no amendment %q.", project, id)
	}
	return a, err
}

// WithdrawAmendment gives a proposal up. A lead of the project may.
func (s *Service) WithdrawAmendment(ctx context.Context, actor gatehouse.Principal, project, id string) error {
	e := gatehouse.Event{Action: "amendment.given_up", Project: project, Subject: id}
	return s.act(ctx, actor, gatehouse.ActionProjectCreate, e, func(tx Tx) error {
		a, err := amendmentOf(ctx, tx, project, id)
		if err != nil {
			return err
		}
		p, err := tx.Project(ctx, project)
		if err != nil {
			return err
		}
		if err := s.requireParty(ctx, tx, actor, p, PartyLead); err != nil {
			return err
		}
		return concludeAmendment(ctx, tx, a, AmendmentWithdraw)
	})
}

// DecideAmendment records what the custodian of a dataset decides about an
// amendment that touches it, and draws the conclusion if it was the last decision
// that was missing: only then does the project change, in the same transaction.
func (s *Service) DecideAmendment(ctx context.Context, actor gatehouse.Principal, project, id, dataset string, j Judgement) (Amendment, error) {
	if err := j.check(); err != nil {
		return Amendment{}, err
	}
	var a Amendment
	e := gatehouse.Event{Action: "amendment.decided", Project: project, Subject: id, Detail: map[string]string{"dataset": dataset, "verdict": string(j.Verdict)}}
	err := s.act(ctx, actor, gatehouse.ActionProjectApprove, e, func(tx Tx) (err error) {
		if a, err = amendmentOf(ctx, tx, project, id); err != nil {
			return err
		}
		if _, err := a.State.next(AmendmentDecide); err != nil {
			return err
		}
		p, err := tx.Project(ctx, project)
		if err != nil {
			return err
		}
		if _, err := p.State.row(StepAmend); err != nil {
			return err
		}
		if a.Base != p.Digest("") {
			return gatehouse.Errorf(gatehouse.CodeEdited, "The project is not any more what the amendment departs from.")
		}
		if err := s.mayDecideAmendment(ctx, tx, actor, p, a, dataset); err != nil {
			return err
		}
		if j.Seen != "" && j.Seen != a.Digest() {
			return gatehouse.Errorf(gatehouse.CodeEdited, "The amendment is not what you looked at.")
		}
		j.Seen = a.Digest()
		if err := addDecision(ctx, tx, Decision{Project: project, Amendment: id, Dataset: dataset, Custodian: actor.User, Time: tx.Now(), Judgement: j}); err != nil {
			return err
		}
		return s.concludeIfDecided(ctx, tx, p, &a)
	})
	return a, err
}

func (s *Service) mayDecideAmendment(ctx context.Context, tx Tx, actor gatehouse.Principal, p Project, a Amendment, dataset string) error {
	for _, form := range []Project{p, a.To} {
		if _, member := form.member(actor.User); member {
			return separation("Members of a project do not decide about it.")
		}
	}
	if p.CreatedBy == actor.User || a.By == actor.User {
		return separation("Whoever created a project or proposed its amendment does not decide about it.")
	}
	if !slices.Contains(a.Touched(), dataset) {
		return gatehouse.Errorf(gatehouse.CodeNotFound, "The amendment does not touch a dataset %q.", dataset)
	}
	named, err := tx.Custodians(ctx, dataset)
	if err == nil && !slices.Contains(named, actor.User) {
		err = gatehouse.Errorf(gatehouse.CodeNotCustodian, "You are not custodian of the dataset %q.", dataset)
	}
	return err
}

// concludeIfDecided applies, returns or rejects an amendment on which every
// dataset that it touches has a decision.
func (s *Service) concludeIfDecided(ctx context.Context, tx Tx, p Project, a *Amendment) error {
	decided, err := tx.Decisions(ctx, p.ID)
	if err != nil {
		return err
	}
	a.Decisions = slices.DeleteFunc(decided, func(d Decision) bool { return d.Amendment != a.ID })
	step := AmendmentApply
	for _, dataset := range a.Touched() {
		i := slices.IndexFunc(a.Decisions, func(d Decision) bool { return d.Dataset == dataset })
		if i < 0 {
			return nil
		}
		switch v := a.Decisions[i].Verdict; {
		case v == VerdictReject:
			step = AmendmentReject
		case v == VerdictReturn && step != AmendmentReject:
			step = AmendmentReturn
		}
	}
	if step == AmendmentApply {
		if err := s.apply(ctx, tx, p, *a); err != nil {
			return err
		}
	}
	if err := concludeAmendment(ctx, tx, *a, step); err != nil {
		return err
	}
	a.State, err = a.State.next(step)
	a.Concluded = tx.Now()
	return err
}

// apply makes the project say what the amendment says.
func (s *Service) apply(ctx context.Context, tx Tx, p Project, a Amendment) error {
	next := a.To
	next.State, next.CreatedBy, next.Round, next.Version = p.State, p.CreatedBy, p.Round, p.Version
	next.ApprovedBy, next.Approved, next.SuspendedFor = p.ApprovedBy, p.Approved, p.SuspendedFor
	next.Members = slices.Clone(next.Members)
	for i, m := range next.Members {
		old, known := p.member(m.User)
		next.Members[i].Agreement, next.Members[i].AgreementUntil = old.Agreement, old.AgreementUntil
		if !known {
			tx.Notify(gatehouse.Notice{Kind: "agreement.to_sign", To: m.User, Project: p.ID, Subject: p.ID})
		}
	}
	if err := next.take(StepAmend); err != nil {
		return err
	}
	if err := requireUndecided(ctx, tx, p, newcomers(p, next)); err != nil {
		return err
	}
	if err := s.checkDraft(ctx, tx, &next); err != nil {
		return err
	}
	if err := next.revive(tx, System.User); err != nil {
		return err
	}
	return tx.ChangeProject(ctx, next)
}

// Amendments gives all amendments of a project that actor may see, oldest first,
// with what was decided on each.
func (s *Service) Amendments(ctx context.Context, actor gatehouse.Principal, project string) ([]Amendment, error) {
	if err := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionProjectRead, project); err != nil {
		return nil, err
	}
	var all []Amendment
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		all, err = amendmentsWithDecisions(ctx, tx, project)
		return err
	})
	return all, err
}

func amendmentsWithDecisions(ctx context.Context, tx Tx, project string) ([]Amendment, error) {
	all, err := tx.Amendments(ctx, project)
	if err != nil {
		return nil, err
	}
	decided, err := tx.Decisions(ctx, project)
	for i := range all {
		for _, d := range decided {
			if d.Amendment == all[i].ID {
				all[i].Decisions = append(all[i].Decisions, d)
			}
		}
	}
	return all, err
}
