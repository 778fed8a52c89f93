package egress

import (
	"context"

	"github.com/gatehouse-tre/gatehouse"
)

// Questions shows what was asked in a project, and what the gate decided.
type Questions struct {
	Store      QuestionStore
	Authorizer Authorizer
}

// QuestionStore keeps decisions.
type QuestionStore interface {
	// Asked gives decisions of a project, newest first, without their entries and
	// parameters; those older than the decision with the id after, if it is not "".
	Asked(ctx context.Context, project, after string, limit int) ([]Decision, error)
	Decisions
}

// mostAsked is how many questions are given at once.
const mostAsked = 500

// Asked gives the questions of a project, newest first, to those who may ask
// there (its members) and to auditors. A statement can name people by pseudonym,
// so that nobody else sees it.
func (q Questions) Asked(ctx context.Context, p gatehouse.Principal, project, after string, limit int) ([]Decision, error) {
	err := q.Authorizer.Authorize(ctx, p, gatehouse.ActionWorkspaceQuery, project)
	if err != nil && q.Authorizer.Authorize(ctx, p, gatehouse.ActionJournalRead, "") != nil {
		return nil, err
	}
	if limit <= 0 || limit > mostAsked {
		limit = 100
	}
	return q.Store.Asked(ctx, project, after, limit)
}

// Question gives one question of a project, to those to whom Asked shows it.
func (q Questions) Question(ctx context.Context, p gatehouse.Principal, project, id string) (Decision, error) {
	err := q.Authorizer.Authorize(ctx, p, gatehouse.ActionWorkspaceQuery, project)
	if err != nil && q.Authorizer.Authorize(ctx, p, gatehouse.ActionJournalRead, "") != nil {
		return Decision{}, err
	}
	d, err := q.Store.Decision(ctx, id)
	if gatehouse.CodeOf(err) == gatehouse.CodeNotFound || err == nil && d.Project != project {
		return Decision{}, gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such question.")
	}
	d.Parameters = nil // as Asked gives it
	return d, err
}
