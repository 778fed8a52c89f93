package web

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-tre/gatehouse"
)

// Journal is what auditors see of the journal. Every method is refused to those
// who may not read it. docs/journal-format.md says how to check the proofs.
type Journal interface {
	// Events gives matching events, newest first, of a stretch of the journal.
	Events(ctx context.Context, p gatehouse.Principal, f JournalFilter) (JournalPage, error)
	// Head gives the newest signed checkpoint, or CodeNotFound.
	Head(ctx context.Context, p gatehouse.Principal) (JournalHead, error)
	// Proof proves that an event is in the journal.
	Proof(ctx context.Context, p gatehouse.Principal, index int64) (InclusionProof, error)
	// Consistency proves that the journal begins with its first from events.
	Consistency(ctx context.Context, p gatehouse.Principal, from int64) (ConsistencyProof, error)
}

// JournalFilter selects events; empty fields match everything.
type JournalFilter struct {
	Actor   string    `query:"actor" maxLength:"64" doc:"User name, or system"`
	Action  string    `query:"action" maxLength:"64" doc:"What happened, such as release.downloaded"`
	Project string    `query:"project" maxLength:"64"`
	Subject string    `query:"subject" maxLength:"255" doc:"Id of what it happened to"`
	Since   time.Time `query:"since" doc:"From this time on"`
	Until   time.Time `query:"until" doc:"Before this time"`
	Before  int64     `query:"before" minimum:"0" doc:"Only events with a lower index; 0 for the newest"`
	Limit   int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

// JournalPage is a page of events.
type JournalPage struct {
	Items []JournalEntry `json:"items" nullable:"false"`
	Next  int64          `json:"next" doc:"The 'before' of the next page; 0 at the journal's beginning. A page may be empty and not the last"`
}

// JournalEntry is an event with its place.
type JournalEntry struct {
	Index int64           `json:"index" doc:"From 0"`
	Event gatehouse.Event `json:"event"`
}

// JournalHead is the newest checkpoint.
type JournalHead struct {
	Size int64  `json:"size" doc:"Events that it covers"`
	Root string `json:"root" doc:"Of the tree over them, in base64"`
	Note string `json:"note" doc:"The signed checkpoint, to be kept elsewhere"`
}

// InclusionProof proves that an event is in the journal.
type InclusionProof struct {
	Index      int64    `json:"index"`
	Event      string   `json:"event" doc:"As it was hashed"`
	Proof      []string `json:"proof" nullable:"false" doc:"RFC 6962 audit path, in base64"`
	Checkpoint string   `json:"checkpoint" doc:"Signed, of a tree that holds the event"`
}

// ConsistencyProof proves that the journal begins with the tree of its first
// events.
type ConsistencyProof struct {
	From       int64    `json:"from" doc:"Events of the older tree"`
	Proof      []string `json:"proof" nullable:"false" doc:"RFC 6962 consistency proof, in base64"`
	Checkpoint string   `json:"checkpoint" doc:"Signed, the newest"`
}

func (s *server) describeJournal(api huma.API) {
	tags := []string{"journal"}
	notHere := []int{http.StatusForbidden, http.StatusNotFound}
	handle(s, api, huma.Operation{
		OperationID: "list-events", Method: http.MethodGet, Path: "/v1/journal/events", Summary: "Events, newest first, for auditors", Tags: tags, Security: signedIn, Errors: notHere,
	}, func(ctx context.Context, in *JournalFilter) (*one[JournalPage], error) {
		return shownJournal(s, func(j Journal) (JournalPage, error) { return j.Events(ctx, principal(ctx), *in) })
	})

	handle(s, api, huma.Operation{
		OperationID: "get-checkpoint", Method: http.MethodGet, Path: "/v1/journal/checkpoint", Summary: "The journal's newest signed checkpoint", Tags: tags, Security: signedIn, Errors: notHere,
	}, func(ctx context.Context, _ *struct{}) (*one[JournalHead], error) {
		return shownJournal(s, func(j Journal) (JournalHead, error) { return j.Head(ctx, principal(ctx)) })
	})

	handle(s, api, huma.Operation{
		OperationID: "prove-event", Method: http.MethodGet, Path: "/v1/journal/events/{index}/proof", Summary: "Proof that an event is in the journal", Tags: tags, Security: signedIn, Errors: notHere,
	}, func(ctx context.Context, in *struct {
		Index int64 `path:"index" minimum:"0"`
	}) (*one[InclusionProof], error) {
		return shownJournal(s, func(j Journal) (InclusionProof, error) { return j.Proof(ctx, principal(ctx), in.Index) })
	})

	handle(s, api, huma.Operation{
		OperationID: "prove-consistency", Method: http.MethodGet, Path: "/v1/journal/consistency", Summary: "Proof that the journal begins with what an older checkpoint was signed for", Tags: tags, Security: signedIn, Errors: notHere,
	}, func(ctx context.Context, in *struct {
		From int64 `query:"from" minimum:"1" required:"true" doc:"Size of the older checkpoint"`
	}) (*one[ConsistencyProof], error) {
		return shownJournal(s, func(j Journal) (ConsistencyProof, error) { return j.Consistency(ctx, principal(ctx), in.From) })
	})
}

func shownJournal[T any](s *server, show func(Journal) (T, error)) (*one[T], error) {
	if s.Journal == nil {
		return nil, gatehouse.Errorf(gatehouse.CodeNotFound, "The journal is not shown here.")
	}
	shown, err := show(s.Journal)
	return &one[T]{shown}, err
}
