package flight

import (
	"context"
	"sync"

	"github.com/gatehouse-tre/gatehouse"
)

// turns bounds how many questions of one user run at once. Some more wait for
// their turn, as cells of a notebook do; the rest are told to come back.
type turns struct {
	running, waiting int // bounds, per user

	mu    sync.Mutex
	users map[string]*queue // users with a question that runs or waits
}

type queue struct {
	slots   chan struct{}
	present int // questions that run or wait; guarded by turns.mu
}

func newTurns(running, waiting int) *turns {
	return &turns{running: running, waiting: waiting, users: map[string]*queue{}}
}

// take waits for a turn of the user and gives the function that ends it. It
// gives a CodeBusy error when too many wait already, and ctx's error when ctx
// ends first.
func (t *turns) take(ctx context.Context, user string) (func(), error) {
	t.mu.Lock()
	q := t.users[user]
	if q == nil {
		q = &queue{slots: make(chan struct{}, t.running)}
		t.users[user] = q
	}
	if q.present >= t.running+t.waiting {
		t.mu.Unlock()
		return nil, gatehouse.Errorf(gatehouse.CodeBusy, "Too many of your questions run at once.").
			WithAdvice("Wait for some of them to end, or cancel them.")
	}
	q.present++
	t.mu.Unlock()

	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if q.present--; q.present == 0 {
			delete(t.users, user)
		}
	}
	select {
	case q.slots <- struct{}{}:
		return func() { <-q.slots; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
