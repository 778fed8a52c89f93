package flight

import (
	"context"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces/strangers"
)

// counting is a desk with the door that the house has.
type counting struct {
	*desk
	door     *strangers.Door
	journals int
}

func (c *counting) Authenticate(ctx context.Context, bearer string) (gatehouse.Principal, error) {
	p, err := c.desk.Authenticate(ctx, bearer)
	if err != nil {
		journal, answer := c.door.Refuse(ctx, strangers.Attempt{Action: "session"}, err)
		if journal {
			c.journals++
		}
		return p, answer
	}
	return p, nil
}

// Junk tokens are told to wait, in the form that gRPC has for it; who has a token
// is answered meanwhile, over the same address.
func TestStrangersAreToldToWait(t *testing.T) {
	h := open(t, Limits{})
	c := &counting{desk: h.desk, door: strangers.New(h.clock)}
	h.sessions = c
	junk, ada := h.client(t, "junk"), h.client(t, "ada-1")
	for i := range 100 {
		_, err := junk.Execute(t.Context(), "SELECT 1")
		if i < strangers.EachBurst {
			refused(t, err, codes.Unauthenticated, "GH-101")
			continue
		}
		refused(t, err, codes.ResourceExhausted, "GH-136")
		var wait time.Duration
		for _, detail := range status.Convert(err).Details() {
			if retry, is := detail.(*errdetails.RetryInfo); is {
				wait = retry.RetryDelay.AsDuration()
			}
		}
		if wait != strangers.EachEvery {
			t.Fatalf("it says to wait for %v", wait)
		}
	}
	asked(t, ada, countSQL)
	if c.journals != strangers.EachBurst {
		t.Errorf("%d were journaled", c.journals)
	}
	var sources int
	if err := c.door.Counted(func(c strangers.Count) error { sources = c.Sources; return nil }); err != nil || sources != 1 {
		t.Errorf("%d sources, %v", sources, err)
	}
}
