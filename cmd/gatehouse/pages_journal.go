package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/infra/web/site"
)

// auditing is the journal as the pages show it, to those who may read it.
type auditing struct {
	*installation
	audit *journal.Audit
}

var _ site.Journal = auditing{}

func (a auditing) Events(ctx context.Context, p gatehouse.Principal, f site.JournalFilter) ([]site.JournalEntry, int64, error) {
	found, next, err := a.audit.Events(ctx, p, journal.Filter{Actor: f.Actor, Action: f.Action, Project: f.Project, Subject: f.Subject, Since: f.Since, Until: f.Until, Before: f.Before, Limit: f.Limit})
	var entries []site.JournalEntry
	for _, e := range found {
		entries = append(entries, site.JournalEntry{Index: e.Index, Event: e.Event})
	}
	return entries, next, err
}

func (a auditing) Head(ctx context.Context, p gatehouse.Principal) (site.JournalHead, error) {
	h, err := a.audit.Head(ctx, p)
	return site.JournalHead(h), err
}

func (a auditing) Proof(ctx context.Context, p gatehouse.Principal, index int64) (site.JournalProof, error) {
	proof, err := a.audit.Proof(ctx, p, index)
	if err != nil {
		return site.JournalProof{}, err
	}
	return site.JournalProof{Index: proof.Index, Event: proof.Event, Proof: texts(proof.Proof), Checkpoint: proof.Checkpoint}, nil
}

func (a auditing) Key(ctx context.Context, p gatehouse.Principal) ([]byte, error) {
	if err := a.policy.Authorize(ctx, p, gatehouse.ActionJournalRead, ""); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(a.dir, "keys", keys.Journal+".pub.pem"))
	if err != nil {
		err = gatehouse.Errorf(gatehouse.CodeKeys, "The journal's public key cannot be read.").Because(err)
	}
	return text, err
}

func (a auditing) Verify(ctx context.Context, p gatehouse.Principal, watch func(done, of int64)) (site.JournalHead, error) {
	report, err := a.audit.Verify(ctx, p, watch)
	var head site.JournalHead
	if report != nil {
		head.Size, head.Root = report.Events, report.Root.String()
	}
	return head, err
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
