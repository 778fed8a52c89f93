package workspaces

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse-tre/gatehouse"
)

// DocumentKind is what a document of a project supports.
type DocumentKind string

// The kinds.
const (
	DocumentTraining DocumentKind = "training"      // a member's certificate
	DocumentOptOut   DocumentKind = "opt-out-basis" // what the project's opt-out basis rests on
)

// Document supports what a project's application says. It is added once, and never
// changed or removed. What it holds is for the custodians who decide about the
// project, whom it is about, and whoever added it.
type Document struct {
	ID      string       `json:"id"`
	Project string       `json:"project"`
	Kind    DocumentKind `json:"kind" enum:"training,opt-out-basis"`
	User    string       `json:"user,omitempty" doc:"Whose training it certifies"`
	Name    string       `json:"name" doc:"Of the file"`
	SHA256  string       `json:"sha256"`
	Bytes   int64        `json:"bytes"`
	AddedBy string       `json:"added_by"`
	Added   time.Time    `json:"added"`
	Open    bool         `json:"may_open" doc:"You may read it"`
}

// DocumentTx is what a transaction keeps of documents. What is asked for and absent is
// CodeNotFound.
type DocumentTx interface {
	AddDocument(ctx context.Context, d Document, content []byte) error
	// Documents gives those of a project, newest first.
	Documents(ctx context.Context, project string) ([]Document, error)
	DocumentContent(ctx context.Context, id string) ([]byte, error)
}

// Bounds of documents.
const (
	MaxDocument  = 4 << 20 // bytes
	maxDocuments = 200     // of a project
)

// documentTypes are what a document may truly be, whatever its name says.
var documentTypes = []string{"application/pdf", "image/png", "image/jpeg"}

// documentStates are those in which documents are added: not while custodians decide
// about what they have looked at, nor once a project has ended.
var documentStates = []ProjectState{ProjectDraft, ProjectApproved, ProjectActive, ProjectSuspended, ProjectExpired}

// TakesDocuments reports whether documents can be added to a project in its state.
func (p Project) TakesDocuments() bool { return slices.Contains(documentStates, p.State) }

// AddDocument adds a document to a project. Of a member's training that member may, and
// whoever may change the application; of the opt-out basis these alone. Once the project
// was approved its custodians are told: it is for them to say until when a training holds.
// What is no PDF, PNG or JPEG, or larger than MaxDocument, is CodeDocument.
func (s *Service) AddDocument(ctx context.Context, actor gatehouse.Principal, project string, d Document, content io.Reader) (Document, error) {
	data, err := io.ReadAll(io.LimitReader(content, MaxDocument+1))
	if err != nil {
		var known *gatehouse.Error
		if errors.As(err, &known) {
			return d, err
		}
		return d, gatehouse.Errorf(gatehouse.CodeDocument, "The document did not arrive whole.").WithAdvice("Send it again.").Because(err)
	}
	sum := sha256.Sum256(data)
	d.ID, d.Project, d.AddedBy, d.SHA256, d.Bytes, d.Open = gatehouse.NewID("doc"), project, actor.User, hex.EncodeToString(sum[:]), int64(len(data)), true
	e := gatehouse.Event{Action: "document.added", Project: project, Subject: d.ID, Detail: map[string]string{"kind": string(d.Kind), "sha256": d.SHA256}}
	if d.User != "" {
		e.Detail["user"] = d.User
	}
	err = s.act(ctx, actor, gatehouse.ActionDocumentAdd, e, func(tx Tx) error {
		if err := d.check(data); err != nil {
			return err
		}
		p, err := tx.Project(ctx, project)
		if err != nil {
			return err
		}
		if !slices.Contains(p.applicants(), actor.User) && (d.User != actor.User || d.Kind != DocumentTraining) {
			return gatehouse.Errorf(gatehouse.CodeDenied, "People add certificates of their own training; all else is added by whoever drafted the project, and its leads.")
		}
		if _, member := p.member(d.User); d.Kind == DocumentTraining && !member {
			return gatehouse.Errorf(gatehouse.CodeDocument, "The project has no member of that name.")
		}
		if !p.TakesDocuments() {
			return gatehouse.Errorf(gatehouse.CodeConflict, "The project is %s: no document is added now.", p.State).WithAdvice("While custodians decide, what they look at stays as it is.")
		}
		before, err := tx.Documents(ctx, project)
		if err != nil {
			return err
		}
		if len(before) >= maxDocuments {
			return gatehouse.Errorf(gatehouse.CodeDocument, "The project has %d documents already.", len(before))
		}
		for _, b := range before {
			if b.Kind == d.Kind && b.User == d.User && b.SHA256 == d.SHA256 {
				return gatehouse.Errorf(gatehouse.CodeConflict, "That document was added already.")
			}
		}
		d.Added = tx.Now()
		if p.EverApproved() {
			if err := tellCustodians(ctx, tx, p, d); err != nil {
				return err
			}
		}
		return tx.AddDocument(ctx, d, data)
	})
	return d, err
}

func tellCustodians(ctx context.Context, tx Tx, p Project, d Document) error {
	var told []string
	for _, dataset := range names(p) {
		named, err := tx.Custodians(ctx, dataset)
		if err != nil {
			return err
		}
		told = append(told, named...)
	}
	slices.Sort(told)
	for _, user := range slices.Compact(told) {
		if disinterested(gatehouse.Principal{User: user}, p) == nil {
			tx.Notify(gatehouse.Notice{Kind: "document.added", To: user, Project: p.ID, Subject: d.ID})
		}
	}
	return nil
}

// check is CodeDocument for what cannot be a document.
func (d Document) check(data []byte) error {
	wrong := func(format string, args ...any) error {
		return gatehouse.Errorf(gatehouse.CodeDocument, format, args...)
	}
	switch {
	case d.Kind != DocumentTraining && d.Kind != DocumentOptOut:
		return wrong("A document is %q or %q.", DocumentTraining, DocumentOptOut)
	case (d.Kind == DocumentTraining) != (d.User != ""):
		return wrong("A certificate of training is somebody's, and nothing else is.")
	case d.Name == "" || len(d.Name) > 200 || !utf8.ValidString(d.Name) || slices.ContainsFunc([]rune(d.Name), func(c rune) bool { return !unicode.IsPrint(c) || c == '/' || c == '\\' }):
		return wrong("The file's name is empty, too long, or holds what no name does.")
	case len(data) > MaxDocument:
		return wrong("The document is larger than %d MiB.", MaxDocument>>20)
	case !slices.Contains(documentTypes, http.DetectContentType(data)), !bytes.HasPrefix(data, []byte("%PDF-")) && http.DetectContentType(data) == "application/pdf":
		return wrong("The document is no PDF, PNG or JPEG.")
	}
	return nil
}

// Documents lists the documents of a project, newest first, as far as the reader may
// know of them: those who may read them, whoever may change the application, and auditors.
func (s *Service) Documents(ctx context.Context, actor gatehouse.Principal, project string) ([]Document, error) {
	if err := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionProjectRead, project); err != nil {
		return nil, err
	}
	audits := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionJournalRead, project) == nil
	reads := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionDocumentRead, project) == nil
	known := []Document{}
	err := s.Store.View(ctx, func(tx Tx) error {
		p, err := tx.Project(ctx, project)
		if err != nil {
			return err
		}
		all, err := tx.Documents(ctx, project)
		for _, d := range all {
			if err == nil {
				d.Open, err = s.opens(ctx, tx, actor, p, d)
			}
			d.Open = d.Open && reads
			if d.Open || audits || reads && slices.Contains(p.applicants(), actor.User) {
				known = append(known, d)
			}
		}
		return err
	})
	return known, err
}

// opens reports whether the reader may see what a document holds: custodians of the
// project's data once it was put before them, who have no part in it; whom it is about;
// whoever added it.
func (s *Service) opens(ctx context.Context, tx Tx, actor gatehouse.Principal, p Project, d Document) (bool, error) {
	if d.User == actor.User || d.AddedBy == actor.User {
		return true, nil
	}
	if p.Round == 0 && !p.EverApproved() || disinterested(actor, p) != nil {
		return false, nil
	}
	_, err := s.custody(ctx, tx, actor, p)
	if gatehouse.CodeOf(err) == gatehouse.CodeNotCustodian {
		return false, nil
	}
	return err == nil, err
}

// OpenDocument gives what a document holds, to those who may read it; to others there is
// none. Each look is journaled before anything is given.
func (s *Service) OpenDocument(ctx context.Context, actor gatehouse.Principal, project, id string) (Document, []byte, error) {
	var d Document
	var content []byte
	e := gatehouse.Event{Action: "document.read", Project: project, Subject: id}
	err := s.act(ctx, actor, gatehouse.ActionDocumentRead, e, func(tx Tx) error {
		p, err := tx.Project(ctx, project)
		if err != nil {
			return err
		}
		all, err := tx.Documents(ctx, project)
		if err != nil {
			return err
		}
		missing := gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such document that you may read.")
		at := slices.IndexFunc(all, func(d Document) bool { return d.ID == id })
		if at < 0 {
			return missing
		}
		d = all[at]
		if d.Open, err = s.opens(ctx, tx, actor, p, d); err != nil {
			return err
		}
		if !d.Open {
			return missing
		}
		content, err = tx.DocumentContent(ctx, id)
		return err
	})
	if err != nil {
		return Document{}, nil, err
	}
	return d, content, nil
}
