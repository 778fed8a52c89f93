package main

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/infra/web/site"
)

// auditing is the journal as the pages show it, to those who may read it.
type auditing struct{ *installation }

var _ site.Journal = auditing{}

func (a auditing) may(ctx context.Context, p gatehouse.Principal) error {
	return a.policy.Authorize(ctx, p, gatehouse.ActionJournalRead, "")
}

func (a auditing) Events(ctx context.Context, p gatehouse.Principal, f site.JournalFilter) ([]site.JournalEntry, error) {
	if err := a.may(ctx, p); err != nil {
		return nil, err
	}
	found, err := journal.List(ctx, a.state.Reader(), journal.Filter{Actor: f.Actor, Action: f.Action, Project: f.Project, Subject: f.Subject, Before: f.Before, Limit: f.Limit})
	var entries []site.JournalEntry
	for _, e := range found {
		entries = append(entries, site.JournalEntry{Index: e.Index, Event: e.Event})
	}
	return entries, err
}

func (a auditing) Head(ctx context.Context, p gatehouse.Principal) (site.JournalHead, error) {
	if err := a.may(ctx, p); err != nil {
		return site.JournalHead{}, err
	}
	return a.head(ctx)
}

// head is the newest checkpoint of the database.
func (in *installation) head(ctx context.Context) (site.JournalHead, error) {
	var head site.JournalHead
	err := in.state.View(ctx, func(tx *state.Tx) error {
		return tx.SQL().QueryRowContext(ctx, `SELECT size, note FROM journal_checkpoint WHERE id = 1`).Scan(&head.Size, &head.Note)
	})
	if err != nil {
		return head, gatehouse.Errorf(gatehouse.CodeJournal, "The journal cannot be read.").Because(err)
	}
	if lines := strings.SplitN(head.Note, "\n", 4); len(lines) == 4 {
		head.Root = lines[2]
	}
	return head, nil
}

func (a auditing) Verify(ctx context.Context, p gatehouse.Principal) (site.JournalHead, error) {
	head, err := a.Head(ctx, p)
	if err != nil {
		return head, err
	}
	public, err := a.keys.Verifier(keys.Journal)
	if err != nil {
		return head, err
	}
	verifier, err := journal.NewVerifier(public)
	if err != nil {
		return head, err
	}
	report, err := journal.Verify(ctx, a.state.Reader(), verifier, filepath.Join(a.dir, "journal", "checkpoint"))
	if report != nil {
		head.Size, head.Root = report.Events, report.Root.String()
	}
	return head, err
}
