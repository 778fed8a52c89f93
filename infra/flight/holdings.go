package flight

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
)

// holdings keeps what clients come back for: prepared statements and decided
// answers. Each belongs to one principal (user, token, workspace) and is looked
// up among that principal's own, so another's handle is simply not found.
type holdings struct {
	limits Limits
	now    func() time.Time

	mu   sync.Mutex
	own  map[gatehouse.Principal]*owned
	left chan struct{} // closed and replaced when an answer leaves
}

// owned is what one principal holds; guarded by holdings.mu.
type owned struct {
	statements map[string]*statement
	answers    map[string]*answer
	bytes      int64 // of all answers' ready batches
}

// statement is a prepared statement. params is guarded by holdings.mu; the rest
// does not change, but for used.
type statement struct {
	connection *connection
	sql        string
	shape      *egress.Shape
	params     arrow.RecordBatch // bound, or nil
	used       time.Time         // guarded by holdings.mu
}

func newHoldings(limits Limits, now func() time.Time) *holdings {
	return &holdings{limits: limits, now: now, own: map[gatehouse.Principal]*owned{}, left: make(chan struct{})}
}

// newHandle gives a name that cannot be guessed (at least 128 random bits).
func newHandle() string { return rand.Text() }

// of gives what the principal holds; the caller has the lock.
func (h *holdings) of(p gatehouse.Principal) *owned {
	o := h.own[p]
	if o == nil {
		o = &owned{statements: map[string]*statement{}, answers: map[string]*answer{}}
		h.own[p] = o
	}
	return o
}

// keepStatement gives a handle for the statement. The least recently used one
// goes when the principal has too many.
func (h *holdings) keepStatement(p gatehouse.Principal, st *statement) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	o := h.of(p)
	if len(o.statements) >= h.limits.Statements {
		var oldest string
		for handle, other := range o.statements {
			if oldest == "" || other.used.Before(o.statements[oldest].used) {
				oldest = handle
			}
		}
		delete(o.statements, oldest)
	}
	handle := newHandle()
	st.used = h.now()
	o.statements[handle] = st
	return handle
}

// statement finds a prepared statement and its bound parameters.
func (h *holdings) statement(p gatehouse.Principal, handle []byte) (*statement, arrow.RecordBatch, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if o := h.own[p]; o != nil {
		if st := o.statements[string(handle)]; st != nil && !h.stale(st) {
			st.used = h.now()
			return st, st.params, nil
		}
	}
	return nil, nil, gatehouse.Errorf(gatehouse.CodeNotFound, "This prepared statement is not known.").
		WithAdvice("Prepare it again; statements that are not used for long are let go.")
}

func (h *holdings) stale(st *statement) bool {
	return h.now().Sub(st.used) > h.limits.StatementLife
}

// bind sets the parameters of a prepared statement for the executions to come.
func (h *holdings) bind(st *statement, params arrow.RecordBatch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	st.params = params
}

// closeStatement forgets a prepared statement; one that is not known is not an
// error, for it may have been let go.
func (h *holdings) closeStatement(p gatehouse.Principal, handle []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if o := h.own[p]; o != nil {
		delete(o.statements, string(handle))
		h.tidy(p, o)
	}
}

// room is how many bytes of answers the principal may still hold in memory.
func (h *holdings) room(p gatehouse.Principal) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if o := h.own[p]; o != nil {
		return h.limits.HeldBytes - o.bytes
	}
	return h.limits.HeldBytes
}

// keepAnswer gives a ticket for a decided answer. The oldest ones that nobody
// fetches go when the principal has too many, or too many bytes of them: to ask
// again gives the same answer.
func (h *holdings) keepAnswer(p gatehouse.Principal, a *answer) string {
	ticket := newHandle()
	var dropped []*answer
	h.mu.Lock()
	o := h.of(p)
	o.answers[ticket] = a
	o.bytes += a.bytes
	a.until = h.now().Add(h.limits.AnswerLife)
	for {
		var oldest string
		waiting := 0
		for t, other := range o.answers {
			if other.fetching || t == ticket {
				continue
			}
			waiting++
			if oldest == "" || other.until.Before(o.answers[oldest].until) {
				oldest = t
			}
		}
		if oldest == "" || (waiting < h.limits.HeldAnswers && o.bytes <= h.limits.HeldBytes+targetBytes) {
			break
		}
		dropped = append(dropped, h.removed(p, o, oldest))
	}
	h.mu.Unlock()
	closeAll(dropped)
	return ticket
}

// takeAnswer redeems a ticket, once. Whoever takes an answer calls fetched.
func (h *holdings) takeAnswer(p gatehouse.Principal, ticket []byte) (*answer, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if o := h.own[p]; o != nil {
		if a := o.answers[string(ticket)]; a != nil && !a.fetching && a.until.After(h.now()) {
			a.fetching = true
			h.moved()
			return a, nil
		}
	}
	return nil, unknownTicket()
}

func unknownTicket() error {
	return gatehouse.Errorf(gatehouse.CodeNotFound, "This ticket is not known: it was used already, it has expired, or it is not yours.").
		WithAdvice("Run the question again; an answer is fetched once, soon after it is decided.")
}

// fetched lets go of an answer that was taken.
func (h *holdings) fetched(p gatehouse.Principal, ticket []byte) {
	h.mu.Lock()
	a := h.removed(p, h.own[p], string(ticket))
	h.mu.Unlock()
	a.close()
}

// cancelAnswer lets go of an answer, or interrupts the fetching of it.
func (h *holdings) cancelAnswer(p gatehouse.Principal, ticket []byte) error {
	h.mu.Lock()
	o := h.own[p]
	if o == nil || o.answers[string(ticket)] == nil {
		h.mu.Unlock()
		return unknownTicket()
	}
	dropped := h.let(nil, p, o, string(ticket))
	h.mu.Unlock()
	closeAll(dropped)
	return nil
}

// let interrupts an answer that is being fetched, whose fetcher closes it, and
// adds one that waits to those that the caller closes, without the lock that
// it has now.
func (h *holdings) let(dropped []*answer, p gatehouse.Principal, o *owned, ticket string) []*answer {
	if a := o.answers[ticket]; a.fetching {
		a.stop(errDropped)
		return dropped
	}
	return append(dropped, h.removed(p, o, ticket))
}

// removed takes an answer out; the caller has the lock.
func (h *holdings) removed(p gatehouse.Principal, o *owned, ticket string) *answer {
	a := o.answers[ticket]
	delete(o.answers, ticket)
	o.bytes -= a.bytes
	h.tidy(p, o)
	h.moved()
	return a
}

// moved wakes who waits for answers to be fetched; the caller has the lock.
func (h *holdings) moved() {
	close(h.left)
	h.left = make(chan struct{})
}

func (h *holdings) tidy(p gatehouse.Principal, o *owned) {
	if len(o.statements) == 0 && len(o.answers) == 0 {
		delete(h.own, p)
	}
}

// dropConnection lets go of what the principal made over one connection.
func (h *holdings) dropConnection(p gatehouse.Principal, c *connection) {
	h.drop(func(owner gatehouse.Principal, of *connection, _ bool) bool { return owner == p && of == c })
}

// expire lets go of what nobody came back for.
func (h *holdings) expire() {
	h.drop(func(_ gatehouse.Principal, _ *connection, old bool) bool { return old })
}

func (h *holdings) dropAll() {
	h.drop(func(gatehouse.Principal, *connection, bool) bool { return true })
}

func (h *holdings) drop(which func(owner gatehouse.Principal, of *connection, old bool) bool) {
	var dropped []*answer
	h.mu.Lock()
	now := h.now()
	for p, o := range h.own {
		for handle, st := range o.statements {
			if which(p, st.connection, h.stale(st)) {
				delete(o.statements, handle)
			}
		}
		for ticket, a := range o.answers {
			if which(p, a.connection, !a.fetching && !a.until.After(now)) {
				dropped = h.let(dropped, p, o, ticket)
			}
		}
		h.tidy(p, o)
	}
	h.mu.Unlock()
	closeAll(dropped)
}

// waitFetched returns when no answer waits to be fetched, or ctx ends.
func (h *holdings) waitFetched(ctx context.Context) {
	for {
		h.mu.Lock()
		waiting := 0
		for _, o := range h.own {
			for _, a := range o.answers {
				if !a.fetching {
					waiting++
				}
			}
		}
		left := h.left
		h.mu.Unlock()
		if waiting == 0 {
			return
		}
		select {
		case <-left:
		case <-ctx.Done():
			return
		}
	}
}
