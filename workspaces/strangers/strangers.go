// Package strangers bounds what those can do to the journal, and to its one
// writer, whom nobody knows. Every refusal of a secret that is worth nothing (a
// token, a cookie, a download link, an answer of the identity provider) is
// journaled by itself for as long as they are few. Beyond that they are counted,
// and the journal is told how many there were.
//
// Nothing here lets anybody in: a Door is asked once it is decided that somebody
// is refused, so that whoever has a secret that counts never waits for others.
package strangers

import (
	"context"
	"errors"
	"maps"
	"math"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"github.com/gatehouse-tre/gatehouse"
)

// Refusals that are journaled one by one, in a row and in the long run: from one
// source, or of one thing that once was worth something, and altogether, of each of
// the two by itself.
const (
	EachBurst = 30
	EachEvery = 10 * time.Second
	AllBurst  = 200
	AllEvery  = 5 * time.Second
)

// Sources is how many sources are remembered, which bounds the memory: those that
// were quiet the longest are forgotten first, and then have a row of their own anew.
// The bound for all holds whatever is forgotten.
const Sources = 4096

type sourceKey struct{}

// From gives a context that tells from where a request came, as the connection
// says; nothing that was sent over it counts.
func From(ctx context.Context, addr net.Addr) context.Context {
	return context.WithValue(ctx, sourceKey{}, source(addr))
}

// source is the network of an address: the size in which one party gets them.
func source(addr net.Addr) string {
	if addr == nil {
		return ""
	}
	at, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return "" // a unix socket: everybody on this machine is one source
	}
	ip, bits := at.Addr().Unmap().WithZone(""), 24
	if ip.Is6() {
		bits = 48
	}
	return netip.PrefixFrom(ip, bits).Masked().String()
}

// Attempt is what somebody tried in vain.
type Attempt struct {
	// Action is what the journal calls it, such as "session".
	Action string
	// Known is the id of what was presented, where it once was worth something: an
	// ended session, a link that was used, a user who is locked. What strangers try
	// does not count against it, and whoever has it always hears what became of it. ""
	// is somebody whom nobody knows, who is judged by where they come from.
	Known string
}

// Door decides which refusals are journaled one by one. Its methods may be called
// by any number of goroutines at once.
type Door struct {
	now func() time.Time

	mu       sync.Mutex // guards what follows
	strange  limits     // of those whom nobody knows, by where they come from
	familiar limits     // of what once was worth something, by its id
	counted  Count
	from     map[string]struct{} // the sources of counted; at most Sources
}

// limits are those of each source and of all together.
type limits struct {
	each *simplelru.LRU[string, *rate.Limiter]
	all  *rate.Limiter
}

func newLimits() limits {
	each, err := simplelru.NewLRU[string, *rate.Limiter](Sources, nil)
	if err != nil {
		panic("strangers: " + err.Error()) // the size is a constant above zero
	}
	return limits{each, rate.NewLimiter(rate.Every(AllEvery), AllBurst)}
}

// take takes one of a source, or gives how long it would have to wait for it.
func (l limits) take(key string, now time.Time) time.Duration {
	each, found := l.each.Get(key)
	if !found {
		each = rate.NewLimiter(rate.Every(EachEvery), EachBurst)
		l.each.Add(key, each)
	}
	if wait := take(each, now); wait > 0 {
		return wait
	}
	return take(l.all, now)
}

// New makes a Door with the clock now.
func New(now func() time.Time) *Door {
	return &Door{now: now, strange: newLimits(), familiar: newLimits(), from: map[string]struct{}{}}
}

// Refuse takes the error with which an attempt is refused. It gives whether to
// journal the refusal, and the error to answer with: never nil, and for somebody
// unknown CodeTooManyAttempts, with the time to wait, in place of the refusal where
// there were too many. What is not journaled is counted.
func (d *Door) Refuse(ctx context.Context, a Attempt, refusal error) (journal bool, answer error) {
	if refusal == nil {
		refusal = errors.New("strangers: refused without a reason")
	}
	from, _ := ctx.Value(sourceKey{}).(string)
	limits, key := d.strange, "from "+from
	if a.Known != "" {
		limits, key = d.familiar, "with "+a.Known
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	wait := limits.take(key, now)
	if wait == 0 {
		return true, refusal
	}
	d.count(a.Action, key, now)
	if a.Known != "" {
		return false, refusal
	}
	return false, gatehouse.Errorf(gatehouse.CodeTooManyAttempts, "Too much was tried here that is worth nothing.").After(wait)
}

// take takes one from a limiter, or gives how long it would have to wait for it.
func take(l *rate.Limiter, now time.Time) time.Duration {
	r := l.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// Count is how much was refused without being journaled one by one.
type Count struct {
	Refusals int
	Actions  map[string]int // by what was tried
	Sources  int            // that tried
	More     bool           // there were more sources than are remembered
	Since    time.Time      // the first
	Until    time.Time      // the last
}

// count is called with the lock held.
func (d *Door) count(action, key string, now time.Time) {
	c := &d.counted
	if c.Refusals == 0 {
		c.Since, c.Actions = now, map[string]int{}
	}
	if c.Refusals < math.MaxInt {
		c.Refusals++
		c.Actions[action]++
	}
	c.Until = now
	if _, seen := d.from[key]; !seen {
		if len(d.from) < Sources {
			d.from[key] = struct{}{}
			c.Sources++
		} else {
			c.More = true
		}
	}
}

// Counted hands what was counted since it was last called to journal. What it
// cannot keep is counted on, and given the next time. With nothing to tell,
// journal is not called.
func (d *Door) Counted(journal func(Count) error) error {
	d.mu.Lock()
	c, from := d.counted, d.from
	d.counted, d.from = Count{}, map[string]struct{}{}
	d.mu.Unlock()
	if c.Refusals == 0 {
		return nil
	}
	err := journal(c)
	if err == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	later := d.counted
	d.counted = c
	d.counted.Actions = maps.Clone(c.Actions)
	d.counted.More = c.More || later.More
	if later.Refusals > 0 {
		d.counted.Refusals += later.Refusals
		d.counted.Until = later.Until
		for action, n := range later.Actions {
			d.counted.Actions[action] += n
		}
	}
	for key := range d.from {
		if len(from) < Sources {
			from[key] = struct{}{}
		} else if _, known := from[key]; !known {
			d.counted.More = true
		}
	}
	d.from, d.counted.Sources = from, len(from)
	return err
}
