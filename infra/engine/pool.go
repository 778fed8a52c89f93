package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gatehouse-tre/gatehouse/egress"
)

// Pool keeps a number of like workers warm. One that dies is replaced. Workers
// are shared: a call goes to the one with the least to do.
type Pool struct {
	start  func(context.Context) (*Process, error)
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex
	workers map[*Process]int // the calls that run on each
	failed  error            // why the latest start failed; nil after one that did not
	changed chan struct{}    // closed and replaced whenever workers or failed change
}

// The pause between a failed start and the next try, which doubles.
const (
	firstPause = 250 * time.Millisecond
	lastPause  = 30 * time.Second
)

// NewPool begins to start size workers and returns at once.
func NewPool(size int, start func(context.Context) (*Process, error)) *Pool {
	ctx, cancel := context.WithCancel(context.Background())
	p := &Pool{start: start, ctx: ctx, cancel: cancel, workers: make(map[*Process]int), changed: make(chan struct{})}
	for range max(size, 1) {
		p.done.Go(p.keep)
	}
	return p
}

// keep holds one place of the pool filled until the pool closes.
func (p *Pool) keep() {
	pause := firstPause
	for p.ctx.Err() == nil {
		w, err := p.start(p.ctx)
		if err != nil {
			p.change(func() { p.failed = err })
			select {
			case <-time.After(pause):
			case <-p.ctx.Done():
			}
			pause = min(2*pause, lastPause)
			continue
		}
		pause = firstPause
		p.change(func() { p.workers[w], p.failed = 0, nil })
		select {
		case <-w.Done():
		case <-p.ctx.Done():
			w.Close()
		}
		p.change(func() { delete(p.workers, w) })
	}
}

func (p *Pool) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	close(p.changed)
	p.changed = make(chan struct{})
}

// Ready waits until the pool has a worker. It returns the start's own error if
// that failed.
func (p *Pool) Ready(ctx context.Context) error {
	_, release, err := p.take(ctx)
	if err == nil {
		release()
	}
	return err
}

// Close ends all workers and returns when they are gone.
func (p *Pool) Close() error {
	p.cancel()
	p.done.Wait()
	return nil
}

// take gives a live worker, waiting for one that is being started.
func (p *Pool) take(ctx context.Context) (*Process, func(), error) {
	for {
		p.mu.Lock()
		var best *Process
		for w, calls := range p.workers {
			if w.Alive() && (best == nil || calls < p.workers[best]) {
				best = w
			}
		}
		if best != nil {
			p.workers[best]++
			p.mu.Unlock()
			return best, sync.OnceFunc(func() { p.giveBack(best) }), nil
		}
		failed, changed := p.failed, p.changed
		p.mu.Unlock()
		switch {
		case p.ctx.Err() != nil:
			return nil, nil, &egress.EngineFailure{Kind: egress.FailureMissing, Cause: "engine: the pool is closed"}
		case failed != nil:
			return nil, nil, failed
		}
		select {
		case <-changed:
		case <-p.ctx.Done():
		case <-ctx.Done():
			return nil, nil, timed(ctx, errors.New("engine: no worker yet"))
		}
	}
}

func (p *Pool) giveBack(w *Process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, held := p.workers[w]; held { // else it died meanwhile
		p.workers[w]--
	}
}

// Binders is a pool of binders.
type Binders struct{ *Pool }

// Lobbies is a pool of lobbies.
type Lobbies struct{ *Pool }

var (
	_ egress.Binder = Binders{}
	_ egress.Lobby  = Lobbies{}
)

// Bind implements egress.Binder.
func (b Binders) Bind(ctx context.Context, ddl []string, sql string) (*egress.Bound, error) {
	w, release, err := b.take(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	return Binder{w}.Bind(ctx, ddl, sql)
}

// Run implements egress.Lobby.
func (l Lobbies) Run(ctx context.Context, tables map[string]arrow.RecordBatch, sql string) (array.RecordReader, error) {
	w, release, err := l.take(ctx)
	if err != nil {
		return nil, err
	}
	out, err := Lobby{w}.Run(ctx, tables, sql)
	if err != nil {
		release()
		return nil, err
	}
	out.(*rows).then = release
	return out, nil
}
