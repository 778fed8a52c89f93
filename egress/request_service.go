package egress

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
	"github.com/gatehouse-tre/gatehouse/workspaces/strangers"
)

// RequestParts are what Requests is made of.
type RequestParts struct {
	Store      RequestStore
	Objects    Objects
	Authorizer Authorizer
	Signer     crypto.Signer // an Ed25519 key, which may be one that a key service holds
	Journal    JournalProver // nil: bundles carry no proof
	Policies   *Policies     // nil: only built-in ones
	Versions   Versions      // nil: bundles say nothing of opt-outs

	// What referrals need; nil: nothing can be referred.
	Decisions Decisions
	Gate      Recomputer
	Sessions  Sessions

	// What is told of files beside their own bytes; nil: nothing is.
	Pseudonyms Recognisers // finds the project's own pseudonyms in files
	Proofs     Proofs      // finds files that are answers of the gate

	// Strangers bounds the refusals of those who come with a link that is worth
	// nothing. Nil: one of its own.
	Strangers *strangers.Door

	Limits   RequestLimits // zero fields: those of DefaultRequestLimits
	Lifetime time.Duration // how long a release can be downloaded; 0: 14 days
	LinkTime time.Duration // how long a download link can be used; 0: 10 minutes
	Target   int           // working days that a request may take, the author's own left out; 0: DefaultTarget
	Claim    time.Duration // how long a claim holds; 0: DefaultClaim
}

// Requests takes files past two checkers and out. Who acts is given by the
// identity check; what they may do is decided by policy, by the request's
// state, and by who did what before, read in the transaction that acts.
type Requests struct {
	RequestParts
	public    ed25519.PublicKey // of Signer
	reading   chan struct{}     // bounds the files held in memory for inspection
	referring chan struct{}     // bounds the results that are computed again
}

// NewRequests makes the service, or is GH-503.
func NewRequests(parts RequestParts) (*Requests, error) {
	if parts.Store == nil || parts.Objects == nil || parts.Authorizer == nil || parts.Signer == nil {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The requests service is not fully configured.")
	}
	public, ok := parts.Signer.Public().(ed25519.PublicKey)
	if !ok {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The key that signs releases is not an Ed25519 key.")
	}
	d := DefaultRequestLimits
	l := &parts.Limits
	l.FileBytes, l.RequestBytes = cmp.Or(l.FileBytes, d.FileBytes), cmp.Or(l.RequestBytes, d.RequestBytes)
	l.Files, l.Added = cmp.Or(l.Files, d.Files), cmp.Or(l.Added, d.Added)
	parts.Lifetime, parts.LinkTime = cmp.Or(parts.Lifetime, 14*24*time.Hour), cmp.Or(parts.LinkTime, 10*time.Minute)
	parts.Target, parts.Claim = cmp.Or(parts.Target, DefaultTarget), cmp.Or(parts.Claim, DefaultClaim)
	if parts.Strangers == nil {
		parts.Strangers = strangers.New(time.Now)
	}
	return &Requests{RequestParts: parts, public: public, reading: make(chan struct{}, 4), referring: make(chan struct{}, 1)}, nil
}

// notFound is what somebody is told who may not know whether there is one.
func notFound(what string) error {
	return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such %s.", what)
}

// may asks policy whether p may take action on project. Somebody who may not
// even see is told that there is nothing.
func (s *Requests) may(ctx context.Context, p gatehouse.Principal, action gatehouse.Action, project, what string) error {
	if p.Anonymous() {
		return gatehouse.Errorf(gatehouse.CodeUnauthenticated, "Nobody is signed in.")
	}
	see := gatehouse.ActionRequestRead
	if action == gatehouse.ActionRequestCreate && what == "project" {
		see = gatehouse.ActionProjectRead
	}
	err := s.Authorizer.Authorize(ctx, p, action, project)
	if err == nil {
		return nil
	}
	if kind := gatehouse.Public(err).Kind(); kind != gatehouse.KindDenied && kind != gatehouse.KindNotFound {
		return err
	}
	if s.Authorizer.Authorize(ctx, p, see, project) != nil {
		return notFound(what)
	}
	return err
}

// read loads a request that p may take action on. Requests that were never
// submitted are known to members of their project only.
func (s *Requests) read(ctx context.Context, tx RequestReader, p gatehouse.Principal, action gatehouse.Action, id string) (Request, workspaces.Project, error) {
	r, err := tx.Request(ctx, id)
	if gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
		return r, workspaces.Project{}, notFound("request")
	} else if err != nil {
		return r, workspaces.Project{}, err
	}
	project, err := tx.Project(ctx, r.Project)
	if err != nil {
		return r, project, err
	}
	if r.Round == 0 && !p.Anonymous() && !isMember(project, p.User) {
		return r, project, notFound("request") // before the rules are asked: their answer would tell that it is there
	}
	if err := s.may(ctx, p, action, r.Project, "request"); err != nil {
		return r, workspaces.Project{}, err
	}
	return r, project, nil
}

// change runs one step of a request in one transaction: load, authorize, move
// the state, let do check and act, record its event (unless do recorded by
// itself and left the action empty), draw the conclusion, save.
func (s *Requests) change(ctx context.Context, p gatehouse.Principal, action gatehouse.Action, id string, step RequestStep,
	do func(tx RequestTx, r *Request, project workspaces.Project, e *gatehouse.Event) error,
) error {
	refused := gatehouse.Event{Actor: p.User, Action: "request." + string(step), Subject: id}
	err := s.Store.Update(ctx, func(tx RequestTx) error {
		r, project, err := s.read(ctx, tx, p, action, id)
		if err != nil {
			return err
		}
		refused.Project = r.Project
		if step == StepEdit || step == StepSubmit || step == StepWithdraw {
			if r.Author != p.User {
				return gatehouse.Errorf(gatehouse.CodeSeparation, "Only the author can change a request.").
					WithAdvice("Ask the author, or make a request of your own.")
			}
		}
		if r.State, err = r.State.next(step); err != nil {
			return err
		}
		e := gatehouse.Event{Time: tx.Now(), Actor: p.User, Project: r.Project, Subject: r.ID, Detail: map[string]string{}}
		if err := do(tx, &r, project, &e); err != nil {
			return err
		}
		if e.Action != "" {
			e.Detail["state"] = string(r.State)
			tx.Record(e)
		}
		if step == StepSubmit || step == StepVote || step == StepClear {
			if err := settle(ctx, tx, &r, project); err != nil {
				return err
			}
		}
		return s.save(ctx, tx, &r, project)
	})
	return s.journalRefusal(ctx, refused, err)
}

// journalRefusal records err as e.Action + ".refused", if somebody tried what
// they may not do, or not now, and returns it. If that cannot be recorded, the
// caller hears of that instead: refused either way.
func (s *Requests) journalRefusal(ctx context.Context, e gatehouse.Event, err error) error {
	var refusal *gatehouse.Error
	if !errors.As(err, &refusal) {
		return err
	}
	switch refusal.Kind() {
	case gatehouse.KindDenied, gatehouse.KindNotFound, gatehouse.KindConflict:
	default:
		return err
	}
	e.Action += ".refused"
	// What was asked for may be anything, of any length; what is no name is not
	// written down.
	if !gatehouse.ValidName(e.Project) {
		e.Project = ""
	}
	if !gatehouse.ValidName(strings.TrimPrefix(e.Subject, "new ")) {
		e.Subject = "not a name"
	}
	e.Detail = map[string]string{"code": string(refusal.Code)}
	// The caller may have gone away; the refusal is journaled all the same.
	recording := s.Store.Update(context.WithoutCancel(ctx), func(tx RequestTx) error {
		e.Time = tx.Now()
		tx.Record(e)
		return nil
	})
	if recording != nil {
		return recording
	}
	return err
}

// save writes the next version of a request that was read in this transaction.
// A new state is noted with its time, and those whose turn it is are told.
func (s *Requests) save(ctx context.Context, tx RequestTx, r *Request, project workspaces.Project) error {
	r.Version++
	if err := tx.SaveRequest(ctx, *r); err != nil {
		return err
	}
	if len(r.Turns) > 0 && r.Turns[len(r.Turns)-1].State == r.State {
		return nil
	}
	return s.turn(ctx, tx, r, project)
}

// turn notes that a request has come to its state.
func (s *Requests) turn(ctx context.Context, tx RequestTx, r *Request, project workspaces.Project) error {
	t := Turn{State: r.State, At: tx.Now()}
	if err := tx.AddTurn(ctx, r.ID, t); err != nil {
		return err
	}
	r.Turns = append(r.Turns, t)
	return s.notifyTurn(ctx, tx, *r, project)
}

// settle takes the step that the votes and the custodians' words lead to, if they
// lead to one.
func settle(ctx context.Context, tx RequestTx, r *Request, project workspaces.Project) error {
	step := conclusion(r)
	switch {
	case step == "" || r.State == RequestVetting && len(uncleared(r)) > 0:
		return nil
	case step == StepApprove && r.State != RequestVetting:
		var err error
		if r.Vetoes, err = asking(ctx, tx, project); err != nil {
			return err
		}
		if len(r.Vetoes) > 0 {
			step = StepVet
		}
	}
	next, err := r.State.next(step)
	if err != nil {
		return err
	}
	r.State = next
	action := "request.concluded"
	if step == StepDispute {
		action = "request.disputed"
	} else {
		r.Concluded = tx.Now()
	}
	detail := map[string]string{"state": string(r.State), "round": strconv.Itoa(r.Round)}
	n := map[FileOutcome]int{}
	for _, f := range r.outputs() {
		n[consolidate(f, r.Votes)]++
	}
	for outcome, files := range n {
		detail["files_"+string(outcome)] = strconv.Itoa(files)
	}
	tx.Record(gatehouse.Event{Time: tx.Now(), Actor: "system", Action: action, Project: r.Project, Subject: r.ID, Detail: detail})
	return nil
}

func isMember(project workspaces.Project, user string) bool {
	return slices.ContainsFunc(project.Members, func(m workspaces.Member) bool { return m.User == user })
}

// live refuses what a project may do no more, for a member of it, whose training
// and agreement must hold; "" is nobody in particular.
func live(project workspaces.Project, user string, now time.Time) error {
	if user == "" {
		return project.Live(now)
	}
	return project.Admit(user, now)
}

// NewRequest is what a request begins with.
type NewRequest struct {
	Project string
	Title   string
	Context RequestContext
	Groups  []OutputGroup
}

// CreateRequest begins a draft.
func (s *Requests) CreateRequest(ctx context.Context, p gatehouse.Principal, n NewRequest) (RequestView, error) {
	n.Title = strings.TrimSpace(n.Title)
	if n.Title == "" {
		return RequestView{}, gatehouse.Errorf(gatehouse.CodeRequestInvalid, "The request has no title.")
	}
	if err := errors.Join(checkTitle(n.Title), n.Context.check("The request", false, false)); err != nil {
		return RequestView{}, err
	}
	groups, err := cleanGroups(n.Groups)
	if err != nil {
		return RequestView{}, err
	}
	r := Request{ID: gatehouse.NewID("req"), Project: n.Project, Title: n.Title, Context: n.Context, Groups: groups, State: RequestDraft, Author: p.User, Version: 1}
	err = s.Store.Update(ctx, func(tx RequestTx) error {
		if err := s.may(ctx, p, gatehouse.ActionRequestCreate, n.Project, "project"); err != nil {
			return err
		}
		project, err := tx.Project(ctx, n.Project)
		if err != nil {
			return err
		}
		if err := live(project, p.User, tx.Now()); err != nil {
			return err
		}
		r.Created = tx.Now()
		tx.Record(gatehouse.Event{Time: tx.Now(), Actor: p.User, Action: "request.created", Project: r.Project, Subject: r.ID})
		return errors.Join(tx.AddRequest(ctx, r), s.turn(ctx, tx, &r, project))
	})
	if err != nil {
		return RequestView{}, s.journalRefusal(ctx, gatehouse.Event{Actor: p.User, Action: "request.create", Project: n.Project, Subject: "new request"}, err)
	}
	return s.Request(ctx, p, r.ID)
}

// RequestEdit changes what is not nil.
type RequestEdit struct {
	Title   *string
	Context *RequestContext
	Groups  *[]OutputGroup // all of them; a group with files in it stays
}

// EditRequest changes title, context and groups of a draft or returned request.
func (s *Requests) EditRequest(ctx context.Context, p gatehouse.Principal, id string, edit RequestEdit) (RequestView, error) {
	err := s.change(ctx, p, gatehouse.ActionRequestCreate, id, StepEdit,
		func(tx RequestTx, r *Request, _ workspaces.Project, e *gatehouse.Event) error {
			e.Action = "request.edited"
			if edit.Title != nil {
				if r.Title = strings.TrimSpace(*edit.Title); r.Title == "" {
					return gatehouse.Errorf(gatehouse.CodeRequestInvalid, "The request has no title.")
				}
			}
			if edit.Context != nil {
				r.Context = *edit.Context
			}
			if edit.Groups != nil {
				groups, err := cleanGroups(*edit.Groups)
				if err != nil {
					return err
				}
				r.Groups = groups
				for _, f := range r.current() {
					if _, err := r.group(f.Group); err != nil {
						return gatehouse.Errorf(gatehouse.CodeRequestInvalid, "The group %q has files in it.", f.Group).WithAdvice("Put them into another group first, or take them out.")
					}
				}
			}
			return errors.Join(checkTitle(r.Title), r.Context.check("The request", false, false))
		})
	if err != nil {
		return RequestView{}, err
	}
	return s.Request(ctx, p, id)
}

// SubmitRequest hands a request to the checkers. Coming back after a return,
// files that two checkers approved stay approved if neither they nor the
// context changed, rejected files stay rejected, and the rest is voted on anew.
func (s *Requests) SubmitRequest(ctx context.Context, p gatehouse.Principal, id string) (RequestView, error) {
	err := s.change(ctx, p, gatehouse.ActionRequestCreate, id, StepSubmit,
		func(tx RequestTx, r *Request, project workspaces.Project, e *gatehouse.Event) error {
			if err := live(project, p.User, tx.Now()); err != nil {
				return err
			}
			if err := r.explained(); err != nil {
				return err
			}
			r.Round++
			r.Submitted, r.Concluded, r.Vetoes = tx.Now(), time.Time{}, nil
			for _, m := range project.Members {
				if !r.insider(m.User) {
					r.Insiders = append(r.Insiders, m.User)
				}
			}
			for i, f := range r.Files {
				outcome, basis := consolidate(f, r.Votes), r.basis(f)
				if !f.Removed.IsZero() || f.Kind == KindSupporting || outcome == OutcomeFileRejected || outcome == OutcomeFileApproved && basis.stands(f.Basis) {
					continue
				}
				r.Files[i].Round, r.Files[i].Basis = r.Round, &basis
				if err := tx.SaveFile(ctx, r.Files[i]); err != nil {
					return err
				}
			}
			e.Action = "request.submitted"
			e.Detail["round"], e.Detail["files"] = strconv.Itoa(r.Round), strconv.Itoa(len(r.current()))
			return nil
		})
	if err != nil {
		return RequestView{}, err
	}
	return s.Request(ctx, p, id)
}

// WithdrawRequest gives a request up, at any time before its release.
func (s *Requests) WithdrawRequest(ctx context.Context, p gatehouse.Principal, id string) (RequestView, error) {
	err := s.change(ctx, p, gatehouse.ActionRequestCreate, id, StepWithdraw,
		func(_ RequestTx, _ *Request, _ workspaces.Project, e *gatehouse.Event) error {
			e.Action = "request.withdrawn"
			return nil
		})
	if err != nil {
		return RequestView{}, err
	}
	return s.Request(ctx, p, id)
}
