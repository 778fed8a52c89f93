package egress

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/inspect"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Referral is what is known of a result that the gate withheld, in whole or in
// part, and that a researcher referred to the output checkers.
type Referral struct {
	Decision   string         `json:"decision"`
	By         string         `json:"asked_by"`
	Asked      time.Time      `json:"asked"`
	Statement  string         `json:"statement" doc:"As it was asked"`
	Parameters []string       `json:"parameters,omitempty"`
	Policy     string         `json:"policy"`
	Outcome    Outcome        `json:"outcome" enum:"released,suppressed,refused"`
	Code       gatehouse.Code `json:"code,omitempty" doc:"Of a refusal"`
	Sentence   string         `json:"sentence,omitempty" doc:"Of a refusal"`
	Datasets   []string       `json:"datasets"`

	// Findings are shown to people from outside the project.
	Findings *ReferralFindings `json:"findings,omitempty" doc:"What the gate found when the result was computed again: for checkers"`
}

// ReferralFindings are what the gate found when a referred result was computed
// again. They tell of the numbers that are withheld.
type ReferralFindings struct {
	Computed time.Time      `json:"computed"`
	Source   string         `json:"source" doc:"The SQL that the gate printed"`
	Rounding string         `json:"rounding"`
	Groups   int            `json:"groups"`
	Dropped  int            `json:"groups_left_out" doc:"That the gate would leave out whole"`
	Withheld map[string]int `json:"withheld_cells" doc:"Numbers that the gate would withhold, by rule"`
	Changed  []string       `json:"changed,omitempty" doc:"What is no longer as it was when the question was asked"`
	Evidence string         `json:"evidence_sha256" doc:"Of the table of people behind each number"`
	Bytes    int64          `json:"evidence_bytes"`
}

// Decisions gives what the gate decided.
type Decisions interface {
	// Decision is GH-103 if there is no such decision.
	Decision(ctx context.Context, id string) (Decision, error)
}

// Recomputer is the Gate, as referrals use it.
type Recomputer interface {
	Recompute(ctx context.Context, s *workspaces.Session, d Decision) (*Recomputed, error)
	// Hold waits until no question about some datasets is being judged, and lets
	// none be until done is called.
	Hold(ctx context.Context, datasets []string) (done func(), err error)
}

// Sessions lets people into their workspace; every check of a question is done.
type Sessions interface {
	Enter(ctx context.Context, p gatehouse.Principal) (*workspaces.Session, error)
	// EnterSignedIn is Enter for somebody who is signed in and has no token of the
	// workspace.
	EnterSignedIn(ctx context.Context, p gatehouse.Principal, workspace string) (*workspaces.Session, error)
}

// NewReferral is what a referral begins with.
type NewReferral struct {
	Decision string
	Title    string // "" for one that names the decision
	Context  RequestContext
}

// ReferDecision begins a request for the result of a question that the gate
// withheld in whole or in part. The result is computed again, with nothing
// withheld, and becomes a file of the request; beside it is kept what the gate
// found. Neither is ever shown to the author or to anybody of the project: they
// have the result when two checkers have approved it and it is released. What
// the caller is told, also by an error, does not depend on the numbers.
func (s *Requests) ReferDecision(ctx context.Context, p gatehouse.Principal, n NewReferral) (RequestView, error) {
	var d Decision
	r, err := s.refer(ctx, p, n, &d)
	if err != nil {
		return RequestView{}, s.journalRefusal(ctx, gatehouse.Event{Actor: p.User, Action: "query.refer", Project: d.Project, Subject: "decision"}, err)
	}
	return s.Request(ctx, p, r.ID)
}

func (s *Requests) refer(ctx context.Context, p gatehouse.Principal, n NewReferral, d *Decision) (Request, error) {
	if s.Decisions == nil || s.Gate == nil || s.Sessions == nil {
		return Request{}, gatehouse.Errorf(gatehouse.CodeUnsupported, "Nothing can be referred here.")
	}
	n.Title = strings.TrimSpace(n.Title)
	found, err := s.Decisions.Decision(ctx, n.Decision)
	if gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
		return Request{}, notFound("decision")
	} else if err != nil {
		return Request{}, err
	}
	if err := s.may(ctx, p, gatehouse.ActionRequestCreate, found.Project, "decision"); err != nil {
		return Request{}, err
	}
	*d = found
	if n.Title == "" {
		n.Title = "Referral of " + d.ID
	}
	if err := errors.Join(checkTitle(n.Title), n.Context.check("The request", false, false)); err != nil {
		return Request{}, err
	}
	if err := referable(*d); err != nil {
		return Request{}, err
	}
	session, err := s.enter(ctx, p, d.Workspace)
	if err != nil {
		return Request{}, err
	}
	if session.Workspace.ID != d.Workspace || session.Project.ID != d.Project {
		return Request{}, gatehouse.Errorf(gatehouse.CodeWrongWorkspace, "The question was asked in another workspace than your token is for.")
	}
	select { // one at a time: each is as much work as a question
	case s.referring <- struct{}{}:
		defer func() { <-s.referring }()
	case <-ctx.Done():
		return Request{}, gatehouse.Errorf(gatehouse.CodeCancelled, "The referral was cancelled.").Because(ctx.Err())
	}
	computed, err := s.Gate.Recompute(ctx, session, *d)
	if nothing := (*NotComputable)(nil); errors.As(err, &nothing) {
		return Request{}, gatehouse.Errorf(gatehouse.CodeRequestInvalid, "The question has no table of numbers that could be referred (%s).", nothing.Reason.Code).
			WithAdvice("%s To put the question itself to the checkers, hand its text in as a file of a request.", nothing.Reason.Message)
	} else if err != nil {
		return Request{}, err
	}
	f, err := s.referredFile(ctx, p, *d, computed)
	if err != nil {
		return Request{}, err
	}
	return s.addReferral(ctx, p, n, *d, f)
}

// enter lets p in: with a workspace's token into that one, or whoever is signed in
// into the one where the question was asked.
func (s *Requests) enter(ctx context.Context, p gatehouse.Principal, workspace string) (*workspaces.Session, error) {
	if p.Workspace == "" {
		return s.Sessions.EnterSignedIn(ctx, p, workspace)
	}
	return s.Sessions.Enter(ctx, p)
}

// Referable refuses decisions that can have withheld nothing, as ReferDecision
// does.
func (d Decision) Referable() error { return referable(d) }

// referable refuses decisions that can have withheld nothing.
func referable(d Decision) error {
	switch d.Outcome {
	case OutcomeSuppressed:
		return nil
	case OutcomeReleased:
		if d.Disclosure != nil && d.Disclosure.Groups == "some" { // whether any was left out is not said here either
			return nil
		}
	case OutcomeRefused:
		switch d.Code.Kind() {
		case gatehouse.KindInvalid, gatehouse.KindDenied:
			return nil
		}
		return gatehouse.Errorf(gatehouse.CodeRequestInvalid, "The question was not answered for a reason that no checker can lift (%s).", d.Code).WithAdvice("Ask it again.")
	case OutcomeKept:
		return gatehouse.Errorf(gatehouse.CodeRequestInvalid, "The statement made or dropped a table of the workspace: there is no result to refer.").WithAdvice("Refer a question that was asked of the table.")
	}
	return gatehouse.Errorf(gatehouse.CodeRequestInvalid, "Nothing of the answer was withheld.").WithAdvice("You have all of it; what you make of it can leave in a request.")
}

// referredFile stores what was computed.
func (s *Requests) referredFile(ctx context.Context, p gatehouse.Principal, d Decision, c *Recomputed) (RequestFile, error) {
	f := RequestFile{Name: d.ID + ".csv", Kind: KindOutput, Origin: OriginQuery, Decision: d.ID, AddedBy: p.User, Round: 1}
	answer, err := s.Objects.Put(ctx, bytes.NewReader(c.Answer))
	if err != nil {
		return f, err
	}
	evidence, err := s.Objects.Put(ctx, bytes.NewReader(c.Evidence))
	if err != nil {
		return f, err
	}
	f.SHA256, f.Bytes = answer.SHA256, answer.Bytes
	if c.Cohorts != nil {
		counted, err := s.Objects.Put(ctx, bytes.NewReader(c.Cohorts))
		if err != nil {
			return f, err
		}
		f.Cohorts = counted.SHA256
	}
	policy, err := s.Policies.Named(ctx, d.Policy)
	if err != nil {
		return f, err
	}
	// What inspection cannot look into is for the checkers to know, not for the author.
	f.Report, err = inspect.File(f.Name, bytes.NewReader(c.Answer), inspect.Options{Threshold: policy.Threshold, MaxBytes: s.Limits.FileBytes})
	if err != nil {
		f.Report = inspect.Report{Type: inspect.CSV, Findings: []inspect.Finding{{Rule: inspect.RuleByEye, Severity: inspect.Serious,
			What: "The table could not be inspected.", Do: "Look at all of it."}}}
	}
	parameters, err := parameterTexts(d.Parameters)
	f.Referral = &Referral{
		Decision: d.ID, By: d.User, Asked: d.Time, Statement: d.SQL, Parameters: parameters, Policy: d.Policy, Outcome: d.Outcome,
		Code: d.Code, Sentence: d.Sentence, Datasets: d.Datasets,
		Findings: &ReferralFindings{Computed: c.At, Source: c.Source, Rounding: c.Rounding, Groups: c.Groups, Dropped: c.Dropped,
			Withheld: c.Withheld, Changed: c.Changed, Evidence: evidence.SHA256, Bytes: evidence.Bytes},
	}
	return f, err
}

// addReferral begins the request, with the file in it, in one transaction.
func (s *Requests) addReferral(ctx context.Context, p gatehouse.Principal, n NewReferral, d Decision, f RequestFile) (Request, error) {
	r := Request{ID: gatehouse.NewID("req"), Project: d.Project, Title: n.Title, Context: n.Context, State: RequestDraft, Author: p.User, Version: 1}
	err := s.Store.Update(ctx, func(tx RequestTx) error {
		if err := s.may(ctx, p, gatehouse.ActionRequestCreate, d.Project, "decision"); err != nil {
			return err
		}
		project, err := tx.Project(ctx, d.Project)
		if err != nil {
			return err
		}
		if err := live(project, p.User, tx.Now()); err != nil {
			return err
		}
		r.Created = tx.Now()
		for _, m := range project.Members { // none of them will ever see the file before its release
			r.Insiders = append(r.Insiders, m.User)
		}
		if err := tx.AddRequest(ctx, r); err != nil {
			return err
		}
		f.ID, f.Request, f.Added = gatehouse.NewID("fil"), r.ID, tx.Now()
		tx.Record(gatehouse.Event{Time: tx.Now(), Actor: p.User, Action: "request.created", Project: r.Project, Subject: r.ID})
		tx.Record(gatehouse.Event{Time: tx.Now(), Actor: p.User, Action: "query.referred", Project: r.Project, Subject: d.ID, Detail: map[string]string{
			"request": r.ID, "file": f.ID, "sha256": f.SHA256, "evidence": f.Referral.Findings.Evidence, "outcome": string(d.Outcome), "code": string(d.Code),
		}})
		return errors.Join(tx.AddFile(ctx, f), s.turn(ctx, tx, &r, project))
	})
	return r, err
}

// holdsReferral reports whether a referred result is, or was, in the request.
func (r *Request) holdsReferral() bool {
	for _, f := range r.Files {
		if f.Origin == OriginQuery {
			return true
		}
	}
	return false
}

// forInsider leaves out of a referred file what its content says: with the hash,
// the size or the findings, a withheld number could be guessed and confirmed.
func (f FileView) forInsider() FileView {
	if f.Origin != OriginQuery {
		return f
	}
	f.SHA256, f.Bytes, f.Rows, f.Columns, f.Findings, f.Elsewhere = "", 0, 0, 0, []inspect.Finding{}, nil
	if f.Referral != nil {
		shown := *f.Referral
		shown.Findings = nil
		f.Referral = &shown
	}
	return f
}

// OpenEvidence gives a checker what the gate measured of a referred file: the
// people behind each number, and the rules. It never leaves. Each look is
// journaled before a byte is given.
func (s *Requests) OpenEvidence(ctx context.Context, p gatehouse.Principal, id, name string) (RequestFile, io.ReadCloser, error) {
	f, err := s.look(ctx, p, id, name, func(f RequestFile) (string, string, error) {
		if f.Referral == nil || f.Referral.Findings == nil {
			return "", "", gatehouse.Errorf(gatehouse.CodeNotFound, "There is no evidence for this file.").WithAdvice("Only the referred results of questions have any.")
		}
		return "request.evidence.viewed", f.Referral.Findings.Evidence, nil
	})
	if err != nil {
		return f, nil, err
	}
	content, err := s.Objects.Open(ctx, f.Referral.Findings.Evidence)
	return f, content, err
}
