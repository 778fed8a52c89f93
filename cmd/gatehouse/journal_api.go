package main

import (
	"context"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/web"
)

// journalAPI is the journal as the API shows it.
type journalAPI struct{ audit *journal.Audit }

var _ web.Journal = journalAPI{}

// audit is the installation's journal for those who may read it.
func (in *installation) audit() (*journal.Audit, error) {
	public, err := in.keys.Verifier(keys.Journal)
	if err != nil {
		return nil, err
	}
	verifier, err := journal.NewVerifier(public)
	if err != nil {
		return nil, err
	}
	return &journal.Audit{DB: in.state.Reader(), Verifier: verifier, Checkpoint: filepath.Join(in.dir, "journal", "checkpoint"), Authorizer: in.policy}, nil
}

func (j journalAPI) Events(ctx context.Context, p gatehouse.Principal, f web.JournalFilter) (web.JournalPage, error) {
	found, next, err := j.audit.Events(ctx, p, journal.Filter{Actor: f.Actor, Action: f.Action, Project: f.Project, Subject: f.Subject, Since: f.Since, Until: f.Until, Before: f.Before, Limit: f.Limit})
	page := web.JournalPage{Items: []web.JournalEntry{}, Next: next}
	for _, e := range found {
		page.Items = append(page.Items, web.JournalEntry(e))
	}
	return page, err
}

func (j journalAPI) Head(ctx context.Context, p gatehouse.Principal) (web.JournalHead, error) {
	h, err := j.audit.Head(ctx, p)
	return web.JournalHead(h), err
}

func (j journalAPI) Proof(ctx context.Context, p gatehouse.Principal, index int64) (web.InclusionProof, error) {
	proof, err := j.audit.Proof(ctx, p, index)
	if err != nil {
		return web.InclusionProof{}, err
	}
	return web.InclusionProof{Index: proof.Index, Event: proof.Event, Proof: texts(proof.Proof), Checkpoint: proof.Checkpoint}, nil
}

func (j journalAPI) Consistency(ctx context.Context, p gatehouse.Principal, from int64) (web.ConsistencyProof, error) {
	proof, err := j.audit.Consistency(ctx, p, from)
	if err != nil {
		return web.ConsistencyProof{}, err
	}
	return web.ConsistencyProof{From: proof.From, Proof: texts(proof.Proof), Checkpoint: proof.Checkpoint}, nil
}

func texts(hashes []tlog.Hash) []string {
	out := make([]string, len(hashes))
	for i, h := range hashes {
		out[i] = h.String()
	}
	return out
}
