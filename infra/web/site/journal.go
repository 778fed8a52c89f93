package site

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Journal is what auditors see of the journal. Every method is refused to those
// who may not read it.
type Journal interface {
	// Events gives matching events, newest first, of a stretch of the journal, and
	// where the next stretch begins: 0 at the journal's beginning. A stretch may hold
	// no match and not be the last.
	Events(ctx context.Context, p gatehouse.Principal, f JournalFilter) (found []JournalEntry, next int64, err error)
	// Head gives the newest signed checkpoint.
	Head(ctx context.Context, p gatehouse.Principal) (JournalHead, error)
	// Verify reads the whole journal, and says now and then how many events it has
	// read. Its error is CodeJournal with what is wrong.
	Verify(ctx context.Context, p gatehouse.Principal, watch func(done, of int64)) (JournalHead, error)
	// Proof proves that an event is in the journal, or is CodeNotFound.
	Proof(ctx context.Context, p gatehouse.Principal, index int64) (JournalProof, error)
	// Key is the public key that proofs are checked with, as PEM.
	Key(ctx context.Context, p gatehouse.Principal) ([]byte, error)
}

// JournalFilter selects events; empty fields match everything.
type JournalFilter struct {
	Actor, Action, Project, Subject string
	Since, Until                    time.Time // from Since on, and before Until
	Before                          int64     // only events with a lower index; 0 for no bound
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

// JournalProof is an event with the proof that it is in the journal, as
// docs/journal-format.md has it.
type JournalProof struct {
	Index      int64    `json:"index"`
	Event      string   `json:"event"` // canonical JSON, as it was hashed
	Proof      []string `json:"proof"` // RFC 6962 audit path, base64
	Checkpoint string   `json:"checkpoint"`
}

const eventsPerPage = 100

func (s *server) routeJournal(mux *http.ServeMux) {
	mux.HandleFunc("GET /journal", s.signedIn(s.showJournal))
	mux.HandleFunc("POST /journal/verify", s.signedIn(s.verifyJournal))
	mux.HandleFunc("GET /journal/verified", s.signedIn(s.showVerified))
	mux.HandleFunc("GET /journal/events/{index}", s.signedIn(s.showEvent))
	mux.HandleFunc("GET /journal/events/{index}/proof", s.signedIn(s.proveEvent))
	mux.HandleFunc("GET /journal/key", s.signedIn(s.journalKey))
	mux.HandleFunc("GET /journal/verify_journal.py", s.signedIn(s.journalVerifier))
}

// journalPage is a page of the journal.
type journalPage struct {
	Head         JournalHead
	Filter       JournalFilter
	Since, Until string // days, as they were given
	Events       []JournalEntry
	Older        string
	Looked       int64 // the oldest event that was looked at, where there may be more before it
}

// journalFields are what the explorer filters by; they go on to the next page.
var journalFields = []string{"actor", "action", "project", "subject", "since", "until"}

func (s *server) showJournal(v *visit) error {
	q := v.r.URL.Query()
	p := journalPage{Filter: JournalFilter{Actor: q.Get("actor"), Action: q.Get("action"), Project: q.Get("project"), Subject: q.Get("subject"), Limit: eventsPerPage}, Since: q.Get("since"), Until: q.Get("until")}
	p.Filter.Before, _ = strconv.ParseInt(q.Get("before"), 10, 64)
	if p.Filter.Before < 0 {
		p.Filter.Before = 0
	}
	var err error
	if p.Head, err = v.Journal.Head(v.r.Context(), v.who); err != nil {
		return err
	}
	if err := p.days(); err != nil {
		return v.again("journal", "Journal", p, err)
	}
	next := int64(0)
	if p.Events, next, err = v.Journal.Events(v.r.Context(), v.who, p.Filter); err != nil {
		return err
	}
	if next > 0 {
		older := url.Values{"before": {strconv.FormatInt(next, 10)}}
		for _, key := range journalFields {
			if value := q.Get(key); value != "" {
				older.Set(key, value)
			}
		}
		p.Older = "?" + older.Encode()
		if len(p.Events) < eventsPerPage {
			p.Looked = next
		}
	}
	v.render(http.StatusOK, "journal", "Journal", p)
	return nil
}

// days reads the days of the filter: from the first one's beginning to the other
// one's end.
func (p *journalPage) days() error {
	var err error
	if p.Since != "" {
		if p.Filter.Since, err = time.Parse(time.DateOnly, p.Since); err != nil {
			return badDay()
		}
	}
	if p.Until != "" {
		if p.Filter.Until, err = workspaces.ParseDay("until", p.Until); err != nil {
			return badDay()
		}
	}
	return nil
}

func badDay() error {
	return gatehouse.Errorf(gatehouse.CodeRequestInvalid, "That is not a day.").WithAdvice("Write it as 2026-03-31.")
}

// verifyJournal reads the whole journal, with progress.
func (s *server) verifyJournal(v *visit) error {
	if _, err := v.Journal.Head(v.r.Context(), v.who); err != nil {
		return err
	}
	who := v.who
	return v.start("Verifying the journal", func(ctx context.Context, w *work) (string, error) {
		head, err := s.Journal.Verify(ctx, who, func(done, of int64) { w.reached(done, of, "events") })
		w.result = head
		return "/journal/verified?" + url.Values{"work": {w.id}}.Encode(), err
	})
}

// showVerified says what a verification found: what it found itself, and nothing
// that stands in the address.
func (s *server) showVerified(v *visit) error {
	if _, err := v.Journal.Head(v.r.Context(), v.who); err != nil {
		return err
	}
	w := v.works.of(v.who.User, v.r.URL.Query().Get("work"))
	if w != nil && !w.running() && w.err == nil {
		if head, ok := w.result.(JournalHead); ok {
			v.render(http.StatusOK, "verified", "The journal verifies", map[string]any{"Size": head.Size, "Root": head.Root, "Began": w.began})
			return nil
		}
	}
	return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such verification.").WithAdvice("Verify the journal again.")
}

// eventPage is one event, with how to prove to others that it happened.
type eventPage struct {
	JournalProof
	Entry gatehouse.Event
	Size  int64 // of the checkpoint that the proof leads to
}

func (v *visit) proof() (JournalProof, error) {
	index, err := strconv.ParseInt(v.r.PathValue("index"), 10, 64)
	if err != nil || index < 0 {
		return JournalProof{}, gatehouse.Errorf(gatehouse.CodeNotFound, "The journal has no such event.")
	}
	return v.Journal.Proof(v.r.Context(), v.who, index)
}

func (s *server) showEvent(v *visit) error {
	proof, err := v.proof()
	if err != nil {
		return err
	}
	p := eventPage{JournalProof: proof}
	if err := json.Unmarshal([]byte(proof.Event), &p.Entry); err != nil {
		return gatehouse.Errorf(gatehouse.CodeJournal, "The event cannot be read.").Because(err)
	}
	head, err := v.Journal.Head(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	p.Size = head.Size
	v.render(http.StatusOK, "event", "Event "+strconv.FormatInt(proof.Index, 10), p)
	return nil
}

func (s *server) proveEvent(v *visit) error {
	proof, err := v.proof()
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(proof, "", "  ")
	if err != nil {
		return gatehouse.Errorf(gatehouse.CodeInternal, "The proof cannot be written.").Because(err)
	}
	return v.attach("event-"+strconv.FormatInt(proof.Index, 10)+"-proof.json", "application/json", append(text, '\n'))
}

func (s *server) journalKey(v *visit) error {
	key, err := v.Journal.Key(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	return v.attach("journal.pub.pem", "application/x-pem-file", key)
}

// journalVerifier gives the program that checks proofs without Gatehouse.
func (s *server) journalVerifier(v *visit) error {
	if len(s.VerifyJournal) == 0 {
		return notThere(v)
	}
	return v.attach("verify_journal.py", "text/x-python", s.VerifyJournal)
}

// attach answers with a file that browsers save.
func (v *visit) attach(name, kind string, content []byte) error {
	h := v.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	v.sent = true
	_, _ = v.w.Write(content) // the client may have gone
	return nil
}
