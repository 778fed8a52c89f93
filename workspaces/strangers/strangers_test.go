package strangers_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces/strangers"
)

var errRefused = gatehouse.Errorf(gatehouse.CodeUnauthenticated, "The token is not known.")

type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newDoor() (*strangers.Door, *clock) {
	c := &clock{at: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)}
	return strangers.New(c.now), c
}

func from(t testing.TB, ip string) context.Context {
	return strangers.From(t.Context(), &net.TCPAddr{IP: net.ParseIP(ip), Port: 4711})
}

// counted takes what was counted.
func counted(t testing.TB, d *strangers.Door) (got strangers.Count) {
	t.Helper()
	if err := d.Counted(func(c strangers.Count) error { got = c; return nil }); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestOneSourceIsJournaledUntilItIsTooMuch(t *testing.T) {
	d, c := newDoor()
	ctx := from(t, "192.0.2.7")
	for i := range strangers.EachBurst {
		journal, err := d.Refuse(ctx, strangers.Attempt{Action: "session"}, errRefused)
		if !journal || gatehouse.CodeOf(err) != gatehouse.CodeUnauthenticated {
			t.Fatalf("attempt %d: %v, %v", i, journal, err)
		}
	}
	for range 1000 {
		journal, err := d.Refuse(from(t, "192.0.2.200"), strangers.Attempt{Action: "session"}, errRefused) // its neighbour
		if journal || gatehouse.CodeOf(err) != gatehouse.CodeTooManyAttempts || gatehouse.Public(err).Retry != strangers.EachEvery {
			t.Fatalf("%v, %v, again in %v", journal, err, gatehouse.Public(err).Retry)
		}
	}
	// Others have rows of their own; so has a secret that was once worth something.
	if journal, err := d.Refuse(from(t, "198.51.100.1"), strangers.Attempt{Action: "session"}, errRefused); !journal || gatehouse.CodeOf(err) != gatehouse.CodeUnauthenticated {
		t.Errorf("another source: %v, %v", journal, err)
	}
	if journal, err := d.Refuse(ctx, strangers.Attempt{Action: "session", Known: "ses_1"}, errRefused); !journal || gatehouse.CodeOf(err) != gatehouse.CodeUnauthenticated {
		t.Errorf("an ended session from the same source: %v, %v", journal, err)
	}
	got := counted(t, d)
	if got.Refusals != 1000 || got.Sources != 1 || got.More || got.Actions["session"] != 1000 || !got.Since.Equal(c.at) {
		t.Errorf("counted %+v", got)
	}
	if again := counted(t, d); again.Refusals != 0 {
		t.Errorf("told twice: %+v", again)
	}
	c.at = c.at.Add(strangers.EachEvery)
	if journal, _ := d.Refuse(ctx, strangers.Attempt{Action: "session"}, errRefused); !journal {
		t.Error("after the time that was said it is not journaled again")
	}
}

// However many sources there are, the journal and the memory are bounded, and
// everybody is refused.
func TestManySourcesTogetherAreTooMuch(t *testing.T) {
	d, _ := newDoor()
	journaled := 0
	for i := range 3 * strangers.Sources {
		journal, err := d.Refuse(from(t, fmt.Sprintf("2001:db8:%x::1", i)), strangers.Attempt{Action: "session"}, errRefused)
		if err == nil {
			t.Fatal("somebody was let in")
		}
		if journal {
			journaled++
		} else if gatehouse.CodeOf(err) != gatehouse.CodeTooManyAttempts || gatehouse.Public(err).Retry != strangers.AllEvery {
			t.Fatal(err)
		}
	}
	if journaled != strangers.AllBurst {
		t.Errorf("%d were journaled one by one", journaled)
	}
	if got := counted(t, d); got.Refusals != 3*strangers.Sources-strangers.AllBurst || got.Sources != strangers.Sources || !got.More {
		t.Errorf("counted %d of %d sources, more: %v", got.Refusals, got.Sources, got.More)
	}
}

// What once was worth something is no stranger's: however much they try, and from
// however many places, it is journaled by itself and its holder hears what became of
// it; and the other way round. It is bounded all the same.
func TestStrangersTakeNothingFromWhatIsKnown(t *testing.T) {
	for _, flood := range []string{"one source", "many sources"} {
		t.Run(flood, func(t *testing.T) {
			d, _ := newDoor()
			junk := func(n int) {
				for i := range n {
					ip := "192.0.2.7"
					if flood == "many sources" {
						ip = fmt.Sprintf("2001:db8:%x::1", i%0xffff)
					}
					_, _ = d.Refuse(from(t, ip), strangers.Attempt{Action: "session"}, errRefused)
				}
			}
			known := func(id string) bool {
				journal, err := d.Refuse(from(t, "192.0.2.7"), strangers.Attempt{Action: "session", Known: id}, errRefused)
				if gatehouse.CodeOf(err) != gatehouse.CodeUnauthenticated {
					t.Fatalf("the holder of %s hears %v", id, err)
				}
				return journal
			}
			for i := range strangers.EachBurst {
				junk(strangers.Sources + 1) // enough that whoever came before is forgotten
				if !known("ses_1") {
					t.Fatalf("attempt %d with an ended session is not journaled by itself", i)
				}
			}
			if known("ses_1") {
				t.Error("one ended session is journaled without a bound")
			}
			journaled := strangers.EachBurst
			for i := range 10 * strangers.AllBurst {
				if known(fmt.Sprint("ses_", i+2)) {
					journaled++
				}
			}
			if journaled != strangers.AllBurst {
				t.Errorf("%d refusals of what is known were journaled one by one", journaled)
			}
		})
	}
	d, _ := newDoor()
	for i := range 2 * strangers.AllBurst {
		_, _ = d.Refuse(t.Context(), strangers.Attempt{Action: "session", Known: fmt.Sprint("tok_", i)}, errRefused)
	}
	if journal, err := d.Refuse(t.Context(), strangers.Attempt{Action: "session"}, errRefused); !journal || gatehouse.CodeOf(err) != gatehouse.CodeUnauthenticated {
		t.Errorf("a stranger waits for what is known: %v, %v", journal, err)
	}
}

// Nothing is forgotten, whatever comes between and however often it cannot be
// journaled, and nobody is ever let in.
func TestEveryRefusalIsJournaledOrCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &clock{at: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)}
		d := strangers.New(c.now)
		tried, told := 0, 0
		keep := func(c strangers.Count) error { told += c.Refusals; return nil }
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				c.at = c.at.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "seconds")) * time.Second)
			case 1:
				fails := rapid.Bool().Draw(t, "fails")
				err := d.Counted(func(c strangers.Count) error {
					if fails {
						return errors.New("the disk is full")
					}
					return keep(c)
				})
				if err != nil && !fails {
					t.Fatal(err)
				}
			default:
				ctx := strangers.From(context.Background(), &net.TCPAddr{IP: net.IPv4(10, 0, byte(rapid.IntRange(0, 3).Draw(t, "net")), 1)})
				a := strangers.Attempt{Action: "session", Known: rapid.SampledFrom([]string{"", "", "tok_1"}).Draw(t, "known")}
				for range rapid.IntRange(1, 80).Draw(t, "attempts") {
					journal, err := d.Refuse(ctx, a, errRefused)
					if err == nil {
						t.Fatal("let in")
					}
					tried++
					if journal {
						told++
					}
				}
			}
		}
		if err := d.Counted(keep); err != nil || told != tried {
			t.Fatalf("%d were tried and %d told, %v", tried, told, err)
		}
	})
}

func TestConcurrentAttemptsAreAllCounted(t *testing.T) {
	d, _ := newDoor()
	ctx := from(t, "192.0.2.7")
	var journaled sync.Map
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			n := 0
			for range 500 {
				if journal, _ := d.Refuse(ctx, strangers.Attempt{Action: "session"}, errRefused); journal {
					n++
				}
			}
			journaled.Store(g, n)
		})
	}
	all.Wait()
	sum := 0
	journaled.Range(func(_, n any) bool { sum += n.(int); return true })
	if got := counted(t, d); sum != strangers.EachBurst || got.Refusals != 4000-strangers.EachBurst {
		t.Errorf("%d journaled, %d counted", sum, got.Refusals)
	}
}
