package flight

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	arrowflight "github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
)

func TestCancellingInterruptsTheWork(t *testing.T) {
	h := open(t, Limits{HeldBytes: 1})
	client := h.client(t, "ada-1")

	t.Run("while it is decided", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, err := client.Execute(ctx, "SELECT wait")
			failed <- err
		}()
		<-h.gate.started
		cancel()
		if err := <-failed; err == nil {
			t.Error("no error")
		}
	})
	t.Run("by its deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := client.Execute(ctx, "SELECT wait"); err == nil {
			t.Error("no error")
		}
		<-ctx.Done() // the server may have noticed a moment before the client
		<-h.gate.started
	})
	t.Run("while it waits to be fetched", func(t *testing.T) {
		info, err := client.Execute(t.Context(), "SELECT * FROM rows(500000)")
		if err != nil {
			t.Fatal(err)
		}
		result, err := client.CancelFlightInfo(t.Context(), &arrowflight.CancelFlightInfoRequest{Info: info})
		if err != nil || result.GetStatus() != arrowflight.CancelStatusCancelled {
			t.Fatalf("%v, %v", result.GetStatus(), err)
		}
		h.gate.waitReleased(t)
		_, _, err = fetched(t.Context(), client, info)
		refused(t, err, codes.NotFound, "GH-103")
	})
	t.Run("while it is fetched, by another call", func(t *testing.T) {
		info, err := client.Execute(t.Context(), "SELECT stall")
		if err != nil {
			t.Fatal(err)
		}
		failed := make(chan error)
		go func() {
			_, _, err := fetched(t.Context(), client, info)
			failed <- err
		}()
		<-h.gate.started
		if _, err := client.CancelFlightInfo(t.Context(), &arrowflight.CancelFlightInfoRequest{Info: info}); err != nil {
			t.Fatal(err)
		}
		refused(t, <-failed, codes.Canceled, "GH-231: The question was cancelled.")
		h.gate.waitReleased(t)
	})
	t.Run("while it is fetched, by leaving", func(t *testing.T) {
		info, err := client.Execute(t.Context(), "SELECT stall")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		reader, err := client.DoGet(ctx, info.Endpoint[0].Ticket)
		if err != nil {
			t.Fatal(err)
		}
		if !reader.Next() { // nobody reads on: the server waits in the middle of the answer
			t.Fatal(reader.Err())
		}
		cancel()
		h.gate.waitReleased(t)
	})
}

func TestFetchingHasATimeLimit(t *testing.T) {
	h := open(t, Limits{HeldBytes: 1, FetchTime: 50 * time.Millisecond})
	client := h.client(t, "ada-1")
	info, err := client.Execute(t.Context(), "SELECT stall")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = fetched(t.Context(), client, info)
	refused(t, err, codes.ResourceExhausted, "GH-230: Fetching the answer took too long.")
}

func TestQuestionsOfOneUserTakeTurns(t *testing.T) {
	h := open(t, Limits{Questions: 2, Waiting: 1})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error)
	ask := func(token string) {
		_, err := h.client(t, token).Execute(ctx, "SELECT wait")
		ended <- err
	}
	go ask("ada-1")
	go ask("ada-2") // another token of the same user counts as well
	<-h.gate.started
	<-h.gate.started
	go ask("ada-1") // waits
	for !h.waits("ada") {
		select {
		case <-h.gate.started:
			t.Fatal("three questions run at once")
		default:
			runtime.Gosched()
		}
	}
	_, err := h.client(t, "ada-1").Execute(ctx, countSQL)
	refused(t, err, codes.Unavailable, "GH-504: Too many of your questions run at once.")
	// Others are not held up.
	asked(t, h.client(t, "grace-1"), countSQL)
	cancel()
	for range 3 {
		<-ended
	}
}

// waits reports whether a third question of the user is in the queue.
func (h *house) waits(user string) bool {
	h.turns.mu.Lock()
	defer h.turns.mu.Unlock()
	q := h.turns.users[user]
	return q != nil && q.present == 3
}

func TestShutdownLetsQuestionsEnd(t *testing.T) {
	h := open(t, Limits{HeldBytes: 1})
	client := h.client(t, "ada-1")
	info, err := client.Execute(t.Context(), "SELECT * FROM rows(500000)")
	if err != nil {
		t.Fatal(err)
	}
	drained := make(chan error, 1)
	go func() { drained <- h.Shutdown(t.Context()) }()
	for !h.closing.Load() {
		runtime.Gosched()
	}
	_, err = client.Execute(t.Context(), countSQL)
	refused(t, err, codes.Unavailable, "GH-505: The service is being stopped.")
	_, batches, err := fetched(t.Context(), client, info)
	if err != nil {
		t.Fatalf("a decided answer could not be fetched: %v", err)
	}
	expectRows(t, batches, 500000)
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

func TestShutdownCutsOffWhatDoesNotEnd(t *testing.T) {
	h := open(t, Limits{})
	failed := make(chan error, 1)
	client := h.client(t, "ada-1")
	go func() {
		_, err := client.Execute(t.Context(), "SELECT wait")
		failed <- err
	}()
	<-h.gate.started
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := h.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	if err := <-failed; err == nil {
		t.Error("the question got an answer")
	}
}
