package site

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// Bounds of long work: pieces that one person, and all together, may have under
// way; how long one may take; how long its outcome can be looked up.
const (
	worksEach  = 2
	worksInAll = 16
	workTime   = 30 * time.Minute
	workKept   = time.Hour
	worksKept  = 256 // outcomes, of all together: the oldest are forgotten first
)

// shortWork is how long an answer waits before it shows progress instead.
const shortWork = 700 * time.Millisecond

// works are pieces of long work under way, and their outcomes.
type works struct {
	mu   sync.Mutex
	byID map[string]*work
}

// work is one piece: it goes on when the reader leaves the page.
type work struct {
	id, user, title string
	began           time.Time
	finished        chan struct{} // closed at the end; then path and err are set for good
	path            string        // where to go from there
	result          any           // what was found, for the page at path
	err             error

	mu       sync.Mutex // guards progress
	progress progress
}

// progress is how far a piece of work is; the zero progress is not known.
type progress struct {
	Done, Of int64
	Unit     string
}

// reached says how far the work is.
func (w *work) reached(done, of int64, unit string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.progress = progress{done, of, unit}
}

// of gives a piece of work of this user's; nil if there is none such.
func (s *works) of(user, id string) *work {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.byID[id]; w != nil && w.user == user {
		return w
	}
	return nil
}

func (w *work) running() bool {
	select {
	case <-w.finished:
		return false
	default:
		return true
	}
}

func (s *server) routeWork(mux *http.ServeMux) {
	mux.HandleFunc("GET /work/{work}", s.signedIn(s.showWork))
}

// start begins a piece of work, which gives the path to go to when it is done.
// What is done soon is answered at once.
func (v *visit) start(title string, do func(ctx context.Context, w *work) (string, error)) error {
	w := &work{id: gatehouse.NewID("wrk"), user: v.who.User, title: title, began: v.Now(), finished: make(chan struct{})}
	if err := v.works.add(w, v.Now()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.r.Context()), workTime)
	log, id := v.Log, v.id
	go func() {
		defer cancel()
		defer close(w.finished)
		defer func() {
			if got := recover(); got != nil { // its value may be data
				log.ErrorContext(ctx, "work panicked", "request", id)
				w.err = gatehouse.Errorf(gatehouse.CodeInternal, "Something went wrong inside Gatehouse.")
			}
		}()
		w.path, w.err = do(ctx, w)
	}()
	select {
	case <-w.finished:
	case <-time.After(shortWork):
	case <-v.r.Context().Done():
	}
	return v.outcome(w)
}

func (s *works) add(w *work, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID == nil {
		s.byID = map[string]*work{}
	}
	own, all := 0, 0
	var oldest *work // of those that are finished
	for id, other := range s.byID {
		switch {
		case other.running():
			all++
			if other.user == w.user {
				own++
			}
		case now.Sub(other.began) > workKept:
			delete(s.byID, id)
		case oldest == nil || other.began.Before(oldest.began):
			oldest = other
		}
	}
	if own >= worksEach || all >= worksInAll {
		return gatehouse.Errorf(gatehouse.CodeBusy, "As much as may be is being worked on already.")
	}
	if len(s.byID) >= worksKept && oldest != nil {
		delete(s.byID, oldest.id)
	}
	s.byID[w.id] = w
	return nil
}

// outcome sends the reader on when the work is done, and to its progress before.
func (v *visit) outcome(w *work) error {
	if w.running() {
		return v.see("/work/"+w.id, "")
	}
	if w.err != nil {
		return w.err
	}
	v.sent = true
	http.Redirect(v.w, v.r, w.path, http.StatusSeeOther)
	return nil
}

// workPage is how far a piece of work is.
type workPage struct {
	Since time.Duration
	progress
}

func (s *server) showWork(v *visit) error {
	w := v.works.of(v.who.User, v.r.PathValue("work"))
	if w == nil {
		return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such work.").WithAdvice("Its outcome can be looked up for an hour; look at the page where you began it.")
	}
	if !w.running() {
		return v.outcome(w)
	}
	w.mu.Lock()
	p := workPage{v.Now().Sub(w.began).Round(time.Second), w.progress}
	w.mu.Unlock()
	v.show(http.StatusOK, "work", view{Title: w.title, Data: p, Refresh: 2})
	return nil
}
