package egress

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// DefaultClaim is how long a claim holds.
const DefaultClaim = 4 * time.Hour

// Claim is a checker's word that they are looking at a request, so that others
// take another one. It binds nobody: whoever may vote without it may vote beside
// it, and it runs out.
type Claim struct {
	Checker string    `json:"checker"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
}

// standing are the claims that have not run out.
func standing(claims []Claim, now time.Time) []Claim {
	return slices.DeleteFunc(slices.Clone(claims), func(c Claim) bool { return !now.Before(c.Until) })
}

// ClaimRequest says that a checker is looking at a request that they can vote on.
// Claiming again makes the claim longer.
func (s *Requests) ClaimRequest(ctx context.Context, p gatehouse.Principal, id string) (RequestView, error) {
	return s.claim(ctx, p, id, "request.claimed", func(tx RequestTx, r Request) error {
		if RequestOwners[r.State] != PartyChecker {
			return gatehouse.Errorf(gatehouse.CodeRequestState, "The request is %s, and does not wait for checkers.", r.State.words()).WithAdvice("%s", r.State.advice())
		}
		if len(pendingFor(&r, p.User)) == 0 {
			return gatehouse.Errorf(gatehouse.CodeSeparation, "There is nothing in the request that you can vote on now.").WithAdvice("Take another one from the queue.")
		}
		c := Claim{Checker: p.User, Since: tx.Now(), Until: tx.Now().Add(s.Claim)}
		for _, earlier := range standing(r.Claims, tx.Now()) {
			if earlier.Checker == p.User {
				c.Since = earlier.Since
			}
		}
		return tx.SetClaim(ctx, r.ID, c)
	})
}

// UnclaimRequest takes a claim back; it is idempotent.
func (s *Requests) UnclaimRequest(ctx context.Context, p gatehouse.Principal, id string) (RequestView, error) {
	return s.claim(ctx, p, id, "request.unclaimed", func(tx RequestTx, r Request) error { return tx.DropClaim(ctx, r.ID, p.User) })
}

func (s *Requests) claim(ctx context.Context, p gatehouse.Principal, id, action string, do func(RequestTx, Request) error) (RequestView, error) {
	refused := gatehouse.Event{Actor: p.User, Action: "request.claim", Subject: id}
	err := s.Store.Update(ctx, func(tx RequestTx) error {
		r, project, err := s.read(ctx, tx, p, gatehouse.ActionRequestReview, id)
		if err != nil {
			return err
		}
		refused.Project = r.Project
		if err := mayCheck(r, project, p.User); err != nil {
			return err
		}
		if err := do(tx, r); err != nil {
			return err
		}
		tx.Record(gatehouse.Event{Time: tx.Now(), Actor: p.User, Action: action, Project: r.Project, Subject: r.ID})
		return nil
	})
	if err != nil {
		return RequestView{}, s.journalRefusal(ctx, refused, err)
	}
	return s.Request(ctx, p, id)
}

// Task is what a request waits for somebody to do.
type Task string

// The tasks.
const (
	TaskVote      Task = "vote"
	TaskVoteAgain Task = "vote-again" // two checkers disagree, and you are one
	TaskClear     Task = "clear"      // decide for a dataset's custodian
	TaskRelease   Task = "release"
	TaskNone      Task = "none" // others must act first
)

// QueueItem is a request that waits for somebody other than its author.
type QueueItem struct {
	RequestSummary
	Task     Task     `json:"task" doc:"What you can do for it now" enum:"vote,vote-again,clear,release,none"`
	Files    int      `json:"files" doc:"Files that are to leave"`
	Waiting  int      `json:"waiting" doc:"Those of them that you can vote on now"`
	Serious  int      `json:"serious" doc:"Files that are to leave in which inspection found something serious"`
	Proved   int      `json:"proved" doc:"Files that are to leave whose bytes the gate let out already"`
	Claims   []Claim  `json:"claims" doc:"Checkers who said that they are looking at it"`
	Vetoes   []string `json:"vetoes,omitempty" doc:"Datasets whose custodian it still waits for"`
	Checkers int      `json:"checkers" doc:"How many have voted in this round"`
}

// Queue lists what waits for checkers and custodians, as far as p is one from
// outside the project: first what p can do something for, then by when it is due.
func (s *Requests) Queue(ctx context.Context, p gatehouse.Principal) ([]QueueItem, error) {
	if p.Anonymous() {
		return nil, gatehouse.Errorf(gatehouse.CodeUnauthenticated, "Nobody is signed in.")
	}
	items := []QueueItem{}
	err := s.Store.View(ctx, func(tx RequestReader) error {
		waiting, err := tx.Waiting(ctx)
		if err != nil {
			return err
		}
		projects := map[string]workspaces.Project{}
		for _, r := range waiting {
			project, known := projects[r.Project]
			if !known {
				if project, err = tx.Project(ctx, r.Project); err != nil {
					return err
				}
				projects[r.Project] = project
			}
			sees, err := s.sight(ctx, tx, p, r, project)
			if err != nil {
				return err
			}
			if sees.checker || sees.custodian && r.State == RequestVetting {
				items = append(items, s.item(sees, r, project, tx.Now()))
			}
		}
		return nil
	})
	slices.SortStableFunc(items, func(a, b QueueItem) int {
		idle := func(i QueueItem) int {
			if i.Task == TaskNone {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(idle(a), idle(b)), dueOf(a).Compare(dueOf(b)))
	})
	return items, err
}

func dueOf(i QueueItem) time.Time {
	if i.Clock.Due == nil {
		return i.Created
	}
	return *i.Clock.Due
}

// item is a request as it stands in somebody's queue.
func (s *Requests) item(sees sight, r Request, project workspaces.Project, now time.Time) QueueItem {
	i := QueueItem{RequestSummary: s.summary(r, now), Task: TaskNone, Claims: append([]Claim{}, standing(r.Claims, now)...)}
	voted := map[string]bool{}
	for _, f := range r.outputs() {
		i.Files++
		if seriously(f) {
			i.Serious++
		}
		if f.Proof != nil {
			i.Proved++
		}
		blind, _ := deciding(f, r.Votes)
		for _, v := range blind {
			voted[v.Checker] = true
		}
	}
	i.Checkers = len(voted)
	if sees.checker {
		i.Waiting = len(pendingFor(&r, sees.user))
	}
	switch {
	case r.State == RequestVetting:
		i.Vetoes = uncleared(&r)
		if mayClear(sees, r, project) {
			i.Task = TaskClear
		}
	case i.Waiting > 0 && r.State == RequestDisputed:
		i.Task = TaskVoteAgain
	case i.Waiting > 0:
		i.Task = TaskVote
	case r.State == RequestApproved:
		i.Task = TaskRelease
	}
	return i
}
