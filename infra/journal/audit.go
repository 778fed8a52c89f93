package journal

import (
	"context"
	"database/sql"

	"golang.org/x/mod/sumdb/note"

	"github.com/gatehouse-tre/gatehouse"
)

// Authorizer says who may read the journal; infra/policy holds the rules.
type Authorizer interface {
	Authorize(ctx context.Context, p gatehouse.Principal, action gatehouse.Action, project string) error
}

// Audit shows the journal to those who may read it: auditors, of the whole house.
// Reading changes nothing, and so is no event.
type Audit struct {
	DB         *sql.DB
	Verifier   note.Verifier
	Checkpoint string // file of the newest checkpoint
	Authorizer Authorizer
}

func (a *Audit) may(ctx context.Context, p gatehouse.Principal) error {
	return a.Authorizer.Authorize(ctx, p, gatehouse.ActionJournalRead, "")
}

// Events gives a page of events, newest first; see Page.
func (a *Audit) Events(ctx context.Context, p gatehouse.Principal, f Filter) ([]Entry, int64, error) {
	if err := a.may(ctx, p); err != nil {
		return nil, 0, err
	}
	return Page(ctx, a.DB, f)
}

// Head is the newest checkpoint.
type Head struct {
	Size int64  `json:"size" doc:"Events that it covers"`
	Root string `json:"root" doc:"Of the tree over them, in base64"`
	Note string `json:"note" doc:"The signed checkpoint, to be kept elsewhere"`
}

// Head gives the newest checkpoint, as the database has it; CodeNotFound if
// nothing has ever happened.
func (a *Audit) Head(ctx context.Context, p gatehouse.Principal) (Head, error) {
	var h Head
	if err := a.may(ctx, p); err != nil {
		return h, err
	}
	err := a.DB.QueryRowContext(ctx, `SELECT note FROM journal_checkpoint WHERE id = 1`).Scan(&h.Note)
	if err == sql.ErrNoRows {
		return h, gatehouse.Errorf(gatehouse.CodeNotFound, "The journal is empty.")
	}
	if err != nil {
		return h, unreadable(err)
	}
	c, err := OpenCheckpoint([]byte(h.Note), a.Verifier)
	if err != nil {
		return h, unreadable(err)
	}
	h.Size, h.Root = c.Size, c.Root.String()
	return h, nil
}

// Proof proves that an event is in the journal.
func (a *Audit) Proof(ctx context.Context, p gatehouse.Principal, index int64) (*Inclusion, error) {
	if err := a.may(ctx, p); err != nil {
		return nil, err
	}
	return ProofAt(ctx, a.DB, index)
}

// Consistency proves that the journal begins with its first from events.
func (a *Audit) Consistency(ctx context.Context, p gatehouse.Principal, from int64) (*Consistency, error) {
	if err := a.may(ctx, p); err != nil {
		return nil, err
	}
	return ProveConsistency(ctx, a.DB, from)
}

// Verify reads the whole journal; see VerifyWatched.
func (a *Audit) Verify(ctx context.Context, p gatehouse.Principal, watch func(done, of int64)) (*Report, error) {
	if err := a.may(ctx, p); err != nil {
		return nil, err
	}
	return VerifyWatched(ctx, a.DB, a.Verifier, a.Checkpoint, watch)
}
