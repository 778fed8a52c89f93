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

// Verdict is what a custodian decides.
type Verdict string

// The verdicts.
const (
	VerdictApprove    Verdict = "approve"
	VerdictConditions Verdict = "approve-with-conditions"
	VerdictReturn     Verdict = "return" // could be approved once something is changed
	VerdictReject     Verdict = "reject"
)

// Verdicts lists every verdict.
var Verdicts = []Verdict{VerdictApprove, VerdictConditions, VerdictReturn, VerdictReject}

func (v Verdict) approves() bool { return v == VerdictApprove || v == VerdictConditions }

// Judgement is what a custodian says of an application or amendment.
type Judgement struct {
	Verdict    Verdict  `json:"verdict"`
	Conditions []string `json:"conditions,omitempty"` // for VerdictConditions, and for no other
	Comment    string   `json:"comment,omitempty"`    // required to return or reject
	// Seen is the fingerprint of what the custodian looked at (Project.Digest or
	// Amendment.Digest). If what stands now has another, the decision is
	// CodeEdited. Empty means whatever stands now.
	Seen string `json:"seen,omitempty"`
}

// Decision is a custodian's judgement for one dataset. It is never changed.
type Decision struct {
	Project   string    `json:"project"`
	Amendment string    `json:"amendment,omitempty"` // what it decides on, unless it is the application
	Round     int       `json:"round"`               // submission that it decides on; 0 for an amendment
	Dataset   string    `json:"dataset"`
	Custodian string    `json:"custodian"`
	Time      time.Time `json:"time"`
	Judgement
}

// Limits of what people write about a project.
const (
	maxConditions = 20
	maxSaid       = 4_000 // bytes of a comment or condition
)

func (j Judgement) check() error {
	wrong := func(format string, args ...any) error {
		return gatehouse.Errorf(gatehouse.CodeInvalidProject, format, args...).WithAdvice("Correct the decision and try again.")
	}
	if !slices.Contains(Verdicts, j.Verdict) {
		return wrong("%q is not one of %v.", j.Verdict, Verdicts)
	}
	if (j.Verdict == VerdictConditions) != (len(j.Conditions) > 0) {
		return wrong("Conditions belong to %q, and only to it.", VerdictConditions)
	}
	if len(j.Conditions) > maxConditions {
		return wrong("There are more than %d conditions.", maxConditions)
	}
	if !j.Verdict.approves() && strings.TrimSpace(j.Comment) == "" {
		return wrong("The applicant must be told why: there is no comment.")
	}
	for _, text := range append([]string{j.Comment}, j.Conditions...) {
		if len(text) > maxSaid || !utf8.ValidString(text) {
			return wrong("A comment or condition is longer than %d bytes, or not valid UTF-8.", maxSaid)
		}
	}
	if slices.ContainsFunc(j.Conditions, func(c string) bool { return strings.TrimSpace(c) == "" }) {
		return wrong("A condition is empty.")
	}
	return nil
}

// DecideProject records what the custodian of a dataset decides about a
// submitted project, and draws the conclusion if it was the last decision that
// was missing. The custodian must be named for that dataset, and have no part in
// the project, else CodeNotCustodian or CodeSeparation.
func (s *Service) DecideProject(ctx context.Context, actor gatehouse.Principal, id, dataset string, j Judgement) (Project, error) {
	return s.decide(ctx, actor, id, j, func(_ Tx, _ Project) ([]string, error) { return []string{dataset}, nil })
}

// DecideForMine is DecideProject for every dataset of the project of which actor
// is custodian and that is still to be decided.
func (s *Service) DecideForMine(ctx context.Context, actor gatehouse.Principal, id string, j Judgement) (Project, error) {
	return s.decide(ctx, actor, id, j, func(tx Tx, p Project) ([]string, error) {
		mine, err := s.custody(ctx, tx, actor, p)
		if err != nil {
			return nil, err
		}
		standing, err := standingDecisions(ctx, tx, p)
		if err != nil {
			return nil, err
		}
		open := slices.DeleteFunc(mine, func(d string) bool { _, done := standing[d]; return done })
		if len(open) == 0 {
			return nil, gatehouse.Errorf(gatehouse.CodeDecided, "Your datasets in the project %q are decided already.", id)
		}
		return open, nil
	})
}

// ApproveProject approves a submitted project for the datasets of which actor is
// custodian.
func (s *Service) ApproveProject(ctx context.Context, actor gatehouse.Principal, id string) error {
	_, err := s.DecideForMine(ctx, actor, id, Judgement{Verdict: VerdictApprove})
	return err
}

// ReturnProject gives a submitted project back for the datasets of which actor is
// custodian. The applicant is told why.
func (s *Service) ReturnProject(ctx context.Context, actor gatehouse.Principal, id, why string) error {
	_, err := s.DecideForMine(ctx, actor, id, Judgement{Verdict: VerdictReturn, Comment: why})
	return err
}

func (s *Service) decide(ctx context.Context, actor gatehouse.Principal, id string, j Judgement, which func(Tx, Project) ([]string, error)) (Project, error) {
	if err := j.check(); err != nil {
		return Project{}, err
	}
	e := gatehouse.Event{Action: "project.decided", Detail: map[string]string{"verdict": string(j.Verdict)}}
	return s.step(ctx, actor, id, gatehouse.ActionProjectApprove, e, StepDecide, func(tx Tx, p *Project) error {
		datasets, err := which(tx, *p)
		if err != nil {
			return err
		}
		for _, d := range datasets {
			if err := s.requireCustodian(ctx, tx, actor, *p, d); err != nil {
				return err
			}
			given := j
			if given.Seen == "" {
				given.Seen = p.Digest(d)
			}
			if given.Seen != p.Digest(d) {
				return gatehouse.Errorf(gatehouse.CodeEdited, "The application is not any more what you looked at.")
			}
			if err := addDecision(ctx, tx, Decision{Project: p.ID, Round: p.Round, Dataset: d, Custodian: actor.User, Time: tx.Now(), Judgement: given}); err != nil {
				return err
			}
		}
		e.Detail["datasets"], e.Detail["round"] = strings.Join(datasets, " "), strconv.Itoa(p.Round)
		if err := s.checkDraft(ctx, tx, p); err != nil && j.Verdict.approves() {
			return err
		}
		return s.conclude(ctx, tx, p)
	})
}

// addDecision keeps d, or is CodeDecided.
func addDecision(ctx context.Context, tx Tx, d Decision) error {
	err := tx.AddDecision(ctx, d)
	if gatehouse.CodeOf(err) == gatehouse.CodeConflict {
		return gatehouse.Errorf(gatehouse.CodeDecided, "For the dataset %q this is decided already.", d.Dataset)
	}
	return err
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

// standingDecisions gives, for each dataset, the decision that stands: of this
// round, or an earlier approval of exactly what is asked now, by somebody who is
// still the dataset's custodian.
func standingDecisions(ctx context.Context, tx Tx, p Project) (map[string]Decision, error) {
	all, err := tx.Decisions(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	standing := map[string]Decision{}
	for _, d := range all { // oldest first
		if d.Amendment != "" {
			continue
		}
		if _, asked := p.grant(d.Dataset); !asked {
			continue
		}
		if d.Round != p.Round && (!d.Verdict.approves() || d.Seen != p.Digest(d.Dataset)) {
			delete(standing, d.Dataset)
			continue
		}
		named, err := tx.Custodians(ctx, d.Dataset)
		if err != nil {
			return nil, err
		}
		if d.Round != p.Round && !slices.Contains(named, d.Custodian) {
			continue
		}
		standing[d.Dataset] = d
	}
	return standing, nil
}

// conclude draws the conclusion of the decisions that stand, or tells the
// custodians whose decision is still missing that it is their turn.
func (s *Service) conclude(ctx context.Context, tx Tx, p *Project) error {
	standing, err := standingDecisions(ctx, tx, *p)
	if err != nil {
		return err
	}
	step, last := StepApprove, Decision{}
	for _, g := range p.Datasets {
		d, decided := standing[g.Dataset]
		if !decided {
			return s.tellCustodians(ctx, tx, *p, standing)
		}
		switch {
		case d.Verdict == VerdictReject:
			step = StepReject
		case d.Verdict == VerdictReturn && step != StepReject:
			step = StepReturn
		}
		if !d.Time.Before(last.Time) {
			last = d
		}
	}
	if err := p.take(step); err != nil {
		return err
	}
	event := map[ProjectStep]string{StepApprove: "project.approved", StepReturn: "project.returned", StepReject: "project.rejected"}[step]
	tx.Record(gatehouse.Event{Actor: System.User, Action: event, Project: p.ID, Subject: p.ID, Detail: map[string]string{"round": strconv.Itoa(p.Round)}})
	for _, user := range p.applicants() {
		tx.Notify(gatehouse.Notice{Kind: event, To: user, Project: p.ID, Subject: p.ID})
	}
	if step != StepApprove {
		return nil
	}
	p.ApprovedBy, p.Approved = last.Custodian, tx.Now()
	for _, m := range p.Members {
		tx.Notify(gatehouse.Notice{Kind: "agreement.to_sign", To: m.User, Project: p.ID, Subject: p.ID})
	}
	return p.activate(tx)
}

// tellCustodians gives notice to the custodians whose datasets nobody has decided
// for, once, when the project is submitted.
func (s *Service) tellCustodians(ctx context.Context, tx Tx, p Project, standing map[string]Decision) error {
	for _, d := range standing {
		if d.Round == p.Round {
			return nil // they were told when it was submitted
		}
	}
	var told []string
	for _, g := range p.Datasets {
		if _, decided := standing[g.Dataset]; decided {
			continue
		}
		named, err := tx.Custodians(ctx, g.Dataset)
		if err != nil {
			return err
		}
		for _, user := range named {
			if !slices.Contains(told, user) {
				told = append(told, user)
				tx.Notify(gatehouse.Notice{Kind: "project.submitted", To: user, Project: p.ID, Subject: p.ID})
			}
		}
	}
	return nil
}

// applicants are who drafted the project, and its leads.
func (p Project) applicants() []string {
	users := []string{p.CreatedBy}
	for _, m := range p.Members {
		if m.Role == gatehouse.RoleLead && m.User != p.CreatedBy {
			users = append(users, m.User)
		}
	}
	return users
}
