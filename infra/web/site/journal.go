package site

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gatehouse-tre/gatehouse"
)

// Journal is what auditors see of the journal. Every method is refused to those
// who may not read it.
type Journal interface {
	// Events gives matching events, newest first.
	Events(ctx context.Context, p gatehouse.Principal, f JournalFilter) ([]JournalEntry, error)
	// Head gives the newest signed checkpoint.
	Head(ctx context.Context, p gatehouse.Principal) (JournalHead, error)
	// Verify reads the whole journal. Its error is CodeJournal with what is wrong.
	Verify(ctx context.Context, p gatehouse.Principal) (JournalHead, error)
}

// JournalFilter selects events; empty fields match everything.
type JournalFilter struct {
	Actor, Action, Project, Subject string
	Before                          int64 // only events with a lower index; 0 for no bound
	Limit                           int
}

// JournalEntry is an event with its place in the journal, from 0.
type JournalEntry struct {
	Index int64
	Event gatehouse.Event
}

// JournalHead is how many events there are, and the root of the tree over them.
type JournalHead struct {
	Size int64
	Root string
	Note string // the signed checkpoint, to be kept elsewhere
}

const eventsPerPage = 100

func (s *server) routeJournal(mux *http.ServeMux) {
	mux.HandleFunc("GET /journal", s.signedIn(s.showJournal))
	mux.HandleFunc("POST /journal/verify", s.signedIn(s.verifyJournal))
	mux.HandleFunc("GET /journal/verified", s.signedIn(s.showVerified))
}

// journalPage is a page of the journal.
type journalPage struct {
	Head   JournalHead
	Filter JournalFilter
	Events []JournalEntry
	Older  string
}

func (s *server) showJournal(v *visit) error {
	q := v.r.URL.Query()
	p := journalPage{Filter: JournalFilter{Actor: q.Get("actor"), Action: q.Get("action"), Project: q.Get("project"), Subject: q.Get("subject"), Limit: eventsPerPage}}
	p.Filter.Before, _ = strconv.ParseInt(q.Get("before"), 10, 64)
	var err error
	if p.Head, err = v.Journal.Head(v.r.Context(), v.who); err != nil {
		return err
	}
	if p.Events, err = v.Journal.Events(v.r.Context(), v.who, p.Filter); err != nil {
		return err
	}
	if n := len(p.Events); n == eventsPerPage && p.Events[n-1].Index > 0 {
		older := url.Values{"before": {strconv.FormatInt(p.Events[n-1].Index, 10)}}
		for _, key := range []string{"actor", "action", "project", "subject"} {
			if value := q.Get(key); value != "" {
				older.Set(key, value)
			}
		}
		p.Older = "?" + older.Encode()
	}
	v.render(http.StatusOK, "journal", "Journal", p)
	return nil
}

// verifyJournal reads the whole journal, with progress.
func (s *server) verifyJournal(v *visit) error {
	who := v.who
	return v.start("Verifying the journal", func(ctx context.Context, w *work) (string, error) {
		head, err := s.Journal.Verify(ctx, who)
		return "/journal/verified?" + url.Values{"work": {w.id}, "size": {strconv.FormatInt(head.Size, 10)}}.Encode(), err
	})
}

// showVerified says what a verification found.
func (s *server) showVerified(v *visit) error {
	head, err := v.Journal.Head(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	s.works.mu.Lock()
	w := s.works.byID[v.r.URL.Query().Get("work")]
	s.works.mu.Unlock()
	if w == nil || w.user != v.who.User || w.running() || w.err != nil {
		return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such verification.").WithAdvice("Verify the journal again.")
	}
	verified, _ := strconv.ParseInt(v.r.URL.Query().Get("size"), 10, 64)
	v.render(http.StatusOK, "verified", "The journal verifies", map[string]any{"Head": head, "Size": verified, "Began": w.began})
	return nil
}
