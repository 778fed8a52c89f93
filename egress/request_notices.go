package egress

import (
	"context"
	"slices"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Kinds of notices of requests are "request." and the state that it came to, and
// these.
const (
	noticeOverdue  = "request.overdue"
	noticeQuestion = "request.question" // somebody asks you
	noticeAnswer   = "request.answer"   // somebody answered in a thread of yours
)

// owners names the people whose turn it is.
func owners(ctx context.Context, tx RequestReader, r Request, project workspaces.Project) ([]string, error) {
	outside := func(role gatehouse.Role) ([]string, error) {
		holders, err := tx.Holders(ctx, role)
		return slices.DeleteFunc(holders, func(user string) bool { return mayCheck(r, project, user) != nil }), err
	}
	switch RequestOwners[r.State] {
	case PartyAuthor:
		return []string{r.Author}, nil
	case PartyChecker:
		if r.State == RequestDisputed {
			return undecided(r), nil
		}
		checkers, err := outside(gatehouse.RoleChecker)
		return slices.DeleteFunc(checkers, func(user string) bool { return len(pendingFor(&r, user)) == 0 }), err
	case PartyCustodian:
		var custodians []string
		for _, dataset := range uncleared(&r) {
			named, err := tx.Custodians(ctx, dataset)
			if err != nil {
				return nil, err
			}
			custodians = append(custodians, named...)
		}
		slices.Sort(custodians)
		return slices.DeleteFunc(slices.Compact(custodians), func(user string) bool { return mayVet(r, project, user) != nil }), nil
	case PartyReleaser:
		return outside(gatehouse.RoleChecker)
	case PartyMember:
		var members []string
		for _, m := range project.Members {
			members = append(members, m.User)
		}
		return members, nil
	}
	return nil, nil
}

// notifyOwners tells those whose turn it is.
func notifyOwners(ctx context.Context, tx RequestTx, r Request, project workspaces.Project, kind string, due time.Time) error {
	to, err := owners(ctx, tx, r, project)
	for _, user := range to {
		tx.Notify(gatehouse.Notice{Kind: kind, To: user, Project: r.Project, Subject: r.ID, Due: due})
	}
	return err
}

// notifyTurn tells of the state that a request came to: those whose turn it is
// now, and its author.
func (s *Requests) notifyTurn(ctx context.Context, tx RequestTx, r Request, project workspaces.Project) error {
	switch r.State {
	case RequestDraft, RequestInReview, RequestWithdrawn:
		return nil // nobody's turn has come
	}
	to, err := owners(ctx, tx, r, project)
	if err != nil {
		return err
	}
	switch r.State {
	case RequestVetting, RequestApproved, RequestRejected:
		to = append(to, r.Author)
	case RequestRecalled:
		for _, m := range project.Members {
			to = append(to, m.User)
		}
	}
	due := time.Time{}
	if c := s.clock(r, tx.Now()); c.Due != nil {
		due = *c.Due
	}
	slices.Sort(to)
	for _, user := range slices.Compact(to) {
		tx.Notify(gatehouse.Notice{Kind: "request." + string(r.State), To: user, Project: r.Project, Subject: r.ID, Due: due})
	}
	return nil
}
