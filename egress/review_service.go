package egress

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// mayCheck refuses those who may never check this request: its author, and
// whoever is or was of its project.
func mayCheck(r Request, project workspaces.Project, user string) error {
	added := slices.ContainsFunc(r.Files, func(f RequestFile) bool { return f.AddedBy == user })
	switch {
	case r.Author == user || added:
		return gatehouse.Errorf(gatehouse.CodeSeparation, "The author of a request cannot check it.")
	case isMember(project, user) || r.insider(user):
		return gatehouse.Errorf(gatehouse.CodeSeparation, "A member of the project cannot check its requests.").
			WithAdvice("Somebody from outside the project must do this.")
	}
	return nil
}

// Ballot is a checker's verdict on one file, by its name.
type Ballot struct {
	File    string
	Verdict Verdict
	Comment string // required unless the verdict is to approve
}

// ReviewRequest casts a checker's votes, all or none. The last vote that is
// missing draws the conclusion in the same transaction.
func (s *Requests) ReviewRequest(ctx context.Context, p gatehouse.Principal, id string, ballots []Ballot) (RequestView, error) {
	if len(ballots) == 0 {
		return RequestView{}, gatehouse.Errorf(gatehouse.CodeRequestInvalid, "There is no vote to cast.")
	}
	err := s.change(ctx, p, gatehouse.ActionRequestReview, id, StepVote,
		func(tx RequestTx, r *Request, project workspaces.Project, _ *gatehouse.Event) error {
			if err := mayCheck(*r, project, p.User); err != nil {
				return err
			}
			for _, b := range ballots {
				v, err := vote(r, p.User, b)
				if err != nil {
					return err
				}
				v.Cast = tx.Now()
				if err := tx.AddVote(ctx, r.ID, v); err != nil {
					return err
				}
				r.Votes = append(r.Votes, v)
				tx.Record(gatehouse.Event{
					Time: tx.Now(), Actor: p.User, Action: "request.voted", Project: r.Project, Subject: r.ID,
					Detail: map[string]string{
						"file": v.File, "verdict": string(v.Verdict), "stage": string(v.Stage), "round": strconv.Itoa(v.Round),
					},
				})
			}
			// Whoever has nothing left to vote on claims it no more.
			if len(pendingFor(r, p.User)) == 0 {
				return tx.DropClaim(ctx, r.ID, p.User)
			}
			return nil
		})
	if err != nil {
		return RequestView{}, err
	}
	return s.Request(ctx, p, id)
}

// vote makes the vote that user may cast on a file now, or says why not. The
// stage follows from the request, not from what was asked.
func vote(r *Request, user string, b Ballot) (Vote, error) {
	f, err := r.file(b.File)
	if err != nil {
		return Vote{}, err
	}
	if f.Kind == KindSupporting {
		return Vote{}, gatehouse.Errorf(gatehouse.CodeRequestState, "A supporting file never leaves, and nobody votes on it.")
	}
	if strictness[b.Verdict] == 0 {
		return Vote{}, gatehouse.Errorf(gatehouse.CodeRequestInvalid, "A verdict is one of approve, return and reject.")
	}
	b.Comment = strings.TrimSpace(b.Comment)
	if b.Comment == "" && b.Verdict != VerdictApprove {
		return Vote{}, gatehouse.Errorf(gatehouse.CodeRequestInvalid, "A file is returned or rejected with a comment.").
			WithAdvice("Say what is wrong, and what the author could do.")
	}
	if err := checkText("comment", b.Comment, maxComment, true); err != nil {
		return Vote{}, err
	}
	v := Vote{File: f.ID, Checker: user, Round: f.Round, Stage: StageBlind, Verdict: b.Verdict, Comment: b.Comment}
	blind, dispute := deciding(f, r.Votes)
	by := func(votes []Vote) bool {
		return slices.ContainsFunc(votes, func(v Vote) bool { return v.Checker == user })
	}
	if r.State == RequestDisputed {
		v.Stage = StageDispute
		switch {
		case consolidate(f, r.Votes) != OutcomeDisputed:
			return v, gatehouse.Errorf(gatehouse.CodeRequestState, "The checkers do not disagree on this file.")
		case !by(blind):
			return v, gatehouse.Errorf(gatehouse.CodeSeparation, "Only the two checkers who disagree can settle it.")
		case by(dispute):
			return v, gatehouse.Errorf(gatehouse.CodeSeparation, "You have voted on this file again already.").
				WithAdvice("Wait for the other checker's second vote.")
		}
		return v, nil
	}
	switch {
	case f.Round != r.Round:
		return v, gatehouse.Errorf(gatehouse.CodeRequestState, "This file was decided in an earlier round, and has not changed.")
	case by(blind):
		return v, gatehouse.Errorf(gatehouse.CodeSeparation, "You have voted on this file already.").
			WithAdvice("Another checker must cast the second vote.")
	case len(blind) >= 2:
		return v, gatehouse.Errorf(gatehouse.CodeRequestState, "Two checkers have voted on this file already.")
	}
	return v, nil
}

// OpenFile gives a checker, or a custodian whose word the request waits for, the
// bytes of a file, as they would leave. Each look is journaled before a byte is
// given. The author does not get them: they may be rows from inside a workspace.
func (s *Requests) OpenFile(ctx context.Context, p gatehouse.Principal, id, name string) (RequestFile, io.ReadCloser, error) {
	f, err := s.look(ctx, p, id, name, func(f RequestFile) (string, string, error) { return "request.file.viewed", f.SHA256, nil })
	if err != nil {
		return f, nil, err
	}
	content, err := s.Objects.Open(ctx, f.SHA256)
	return f, content, err
}

// look lets a checker look at something of a file; at says which event that is,
// and which object is looked at.
func (s *Requests) look(ctx context.Context, p gatehouse.Principal, id, name string, at func(RequestFile) (action, sha256 string, err error)) (RequestFile, error) {
	var f RequestFile
	err := s.Store.Update(ctx, func(tx RequestTx) error {
		r, err := s.lookedAt(ctx, tx, p, id)
		if err != nil {
			return err
		}
		if f, err = r.file(name); err != nil {
			return err
		}
		action, sha256, err := at(f)
		if err != nil {
			return err
		}
		tx.Record(gatehouse.Event{
			Time: tx.Now(), Actor: p.User, Action: action, Project: r.Project, Subject: r.ID,
			Detail: map[string]string{"file": f.ID, "sha256": sha256},
		})
		return nil
	})
	return f, s.journalRefusal(ctx, gatehouse.Event{Actor: p.User, Action: "request.file.view", Subject: id}, err)
}

// lookedAt loads a request for somebody who may look into its files.
func (s *Requests) lookedAt(ctx context.Context, tx RequestReader, p gatehouse.Principal, id string) (Request, error) {
	r, project, err := s.read(ctx, tx, p, gatehouse.ActionRequestReview, id)
	if gatehouse.CodeOf(err) == gatehouse.CodeDenied && r.State == RequestVetting {
		return s.vettedBy(ctx, tx, p, id, err)
	}
	if err != nil {
		return r, err
	}
	if r.Round == 0 {
		return r, notFound("request")
	}
	return r, mayCheck(r, project, p.User)
}

// vettedBy loads a request for a custodian whom it waits for; denied is what
// everybody else is told.
func (s *Requests) vettedBy(ctx context.Context, tx RequestReader, p gatehouse.Principal, id string, denied error) (Request, error) {
	r, project, err := s.read(ctx, tx, p, gatehouse.ActionRequestVet, id)
	if err != nil {
		return r, err
	}
	mine, err := custody(ctx, tx, p.User, r.Vetoes)
	if err == nil && len(mine) == 0 {
		err = denied
	}
	return r, cmp.Or(err, mayCheck(r, project, p.User))
}
