package mesh_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog/optout"
	"github.com/gatehouse-tre/gatehouse/infra/mesh/meshtest"
	"github.com/gatehouse-tre/gatehouse/infra/state"
)

var errDied = errors.New("the process died")

// death is how far a process gets: it dies before its nth step at the mailbox or
// the store, or after that step has had its effect and before it hears of it.
type death struct {
	step  int
	after bool
}

func (d *death) do(step func() error) error {
	d.step--
	if d.step < 0 || d.step == 0 && !d.after {
		return errDied
	}
	err := step()
	if d.step == 0 {
		d.step = -1
		return errDied
	}
	return err
}

type dyingMailbox struct {
	optout.Mailbox
	*death
}

func (m dyingMailbox) Handshake(ctx context.Context) error {
	return m.do(func() error { return m.Mailbox.Handshake(ctx) })
}

func (m dyingMailbox) Begin(ctx context.Context, h optout.Header, chunks int, first []byte) (id string, err error) {
	err = m.do(func() (err error) { id, err = m.Mailbox.Begin(ctx, h, chunks, first); return err })
	return id, err
}

func (m dyingMailbox) Continue(ctx context.Context, id string, n, chunks int, chunk []byte) error {
	return m.do(func() error { return m.Mailbox.Continue(ctx, id, n, chunks, chunk) })
}

func (m dyingMailbox) Download(ctx context.Context, id string, w io.Writer, limit int64) (h optout.Header, err error) {
	err = m.do(func() (err error) { h, err = m.Mailbox.Download(ctx, id, w, limit); return err })
	return h, err
}

func (m dyingMailbox) Acknowledge(ctx context.Context, id string) error {
	return m.do(func() error { return m.Mailbox.Acknowledge(ctx, id) })
}

type dyingStore struct {
	optout.Store
	*death
}

func (s dyingStore) Update(ctx context.Context, change func(optout.Tx) error) error {
	return s.do(func() error { return s.Store.Update(ctx, change) })
}

// A process that dies at any step leaves what the next one finishes: one
// question, one list, nothing lost.
func TestADeathAtAnyStepLosesAndRepeatsNothing(t *testing.T) {
	for _, after := range []bool{false, true} {
		for step := 1; ; step++ {
			h := newHouse(t, 60)
			h.service.ChunkBytes, h.sandbox.ReplyChunk = 300, 250
			d := &death{step: step, after: after}
			h.service.Store, h.service.Mailbox = dyingStore{state.OptOuts{DB: h.db}, d}, dyingMailbox{h.client, d}
			_, err := h.fetch()
			if err == nil {
				if step < 12 {
					t.Fatalf("a check has only %d steps", step)
				}
				break
			}
			h.service.Store, h.service.Mailbox = state.OptOuts{DB: h.db}, h.client
			for range 3 {
				h.now = h.now.Add(16 * time.Minute)
				var c optout.Check
				if c, err = h.fetch(); err == nil && c.State == optout.StateAnswered {
					break
				}
			}
			if err != nil {
				t.Fatalf("after a death at step %d (after: %v): %v", step, after, err)
			}
			h.checkList(true)
			checks, err := h.service.Checks(t.Context(), cara, "")
			if err != nil {
				t.Fatal(err)
			}
			// A check whose answer had been taken is over; the next fetch asks anew.
			if sent := len(h.sandbox.Sent()); sent != len(checks) {
				t.Errorf("after a death at step %d (after: %v): %d questions were sent for %d checks", step, after, sent, len(checks))
			}
			for _, c := range checks {
				if c.State != optout.StateAnswered {
					t.Errorf("after a death at step %d (after: %v): a check is %s", step, after, c.State)
				}
			}
		}
	}
}

func TestWhoMayNotPublishAsksNothing(t *testing.T) {
	h := newHouse(t, 10)
	h.service.Authorizer = nobodyMay{}
	if _, err := h.fetch(); gatehouse.CodeOf(err) != gatehouse.CodeDenied {
		t.Error(err)
	}
	if _, err := h.service.GiveUp(t.Context(), cara, "shared_care"); gatehouse.CodeOf(err) != gatehouse.CodeDenied {
		t.Error(err)
	}
	if n := len(h.sandbox.Sent()); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
	h.sandbox.Fault(meshtest.Faults{})
}

type nobodyMay struct{}

func (nobodyMay) Authorize(context.Context, gatehouse.Principal, gatehouse.Action, string) error {
	return gatehouse.Errorf(gatehouse.CodeDenied, "No.")
}
