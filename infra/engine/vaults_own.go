package engine

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// A vault whose workspace's own tables still hold somebody who has left starts without
// them. They are cleaned beside it, and attached when they are clean: what does not ask
// them need not wait, and what does never sees them before.

// cleaning takes whoever left out of a workspace's own tables, for one population. It
// begins when somebody waits for it, and ends with it done, failed or stopped.
type cleaning struct {
	people string // the population
	do     func(context.Context) error
	ctx    context.Context // of do
	stop   context.CancelFunc
	begun  sync.Once
	ended  chan struct{}
	err    error // read after ended
}

func newCleaning(people string, do func(context.Context) error) *cleaning {
	c := &cleaning{people: people, do: do, ended: make(chan struct{})}
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
}

// begin begins it, once, for everybody who waits.
func (c *cleaning) begin() {
	c.begun.Do(func() {
		go func() {
			defer close(c.ended)
			defer c.stop()
			if c.err = c.ctx.Err(); c.err == nil {
				c.err = c.do(c.ctx)
			}
			if c.ctx.Err() != nil {
				c.err = &egress.EngineFailure{Kind: egress.FailureLost, Cause: "the own tables were to be those of another population"}
			}
		}()
	})
}

// wait begins it, and waits until it has ended.
func (c *cleaning) wait(ctx context.Context) error {
	c.begin()
	if over, _ := c.over(); over {
		return c.err
	}
	select {
	case <-c.ended:
		return c.err
	case <-ctx.Done():
		return timed(ctx, ctx.Err())
	}
}

// over reports whether it has ended, and failed whether without success.
func (c *cleaning) over() (over, failed bool) {
	select {
	case <-c.ended:
		return true, c.err != nil
	default:
		return false, false
	}
}

// ownPatience is how long a question waits for own tables that are being cleaned,
// unless the Vaults say so.
const ownPatience = 30 * time.Second

// ownTables are the workspace's own tables as one vault has them.
type ownTables struct {
	cleaning *cleaning
	attach   string        // statement
	patience time.Duration // how long a question waits

	mu   sync.Mutex
	done bool
}

// shownVault is a vault as a question has it. What names its own tables waits until
// they are clean.
type shownVault struct {
	Vault
	own *ownTables
}

// Query implements egress.Vault.
func (v shownVault) Query(ctx context.Context, sql string) (array.RecordReader, error) {
	if err := v.ready(ctx, sql); err != nil {
		return nil, err
	}
	return v.Vault.Query(ctx, sql)
}

// Exec implements egress.Vault.
func (v shownVault) Exec(ctx context.Context, statements ...string) error {
	if err := v.ready(ctx, statements...); err != nil {
		return err
	}
	return v.Vault.Exec(ctx, statements...)
}

// ready waits for the own tables, if a statement names them: as scratch.main.NAME,
// wherever the gate prints it. One that only seems to waits, too; one that named them
// otherwise would find no such database.
func (v shownVault) ready(ctx context.Context, statements ...string) error {
	for _, sql := range statements {
		if strings.Contains(sql, scratchName) {
			return v.own.ready(ctx, v.Vault)
		}
	}
	return nil
}

func (o *ownTables) ready(ctx context.Context, vault Vault) error {
	waiting, enough := context.WithTimeout(ctx, o.patience)
	defer enough()
	if err := o.cleaning.wait(waiting); err != nil {
		if over, _ := o.cleaning.over(); !over && ctx.Err() == nil {
			return gatehouse.Errorf(gatehouse.CodeBusy, "The workspace's own tables are being cleaned of people who have left.").
				WithAdvice("Ask again in a moment; questions that do not name them are answered meanwhile.")
		}
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done {
		return nil
	}
	// It is attached for whoever asks, not only for the first who did.
	if err := vault.Exec(context.WithoutCancel(ctx), o.attach); err != nil {
		return err
	}
	o.done = true
	return nil
}

// failed reports whether the tables could not be cleaned: it is to be tried again.
func (o *ownTables) failed() bool {
	_, failed := o.cleaning.over()
	return failed
}

// tablesToClean gives what takes those who left out of the workspace's own tables, for
// the session's population; nil if that is done. The slot is locked, and its process, if
// there is one, is of that population.
func (v *Vaults) tablesToClean(ctx context.Context, slot *vaultSlot, s *workspaces.Session) (*cleaning, error) {
	people := populations(s)
	if c := slot.cleaning; c != nil && c.people == people {
		if over, _ := c.over(); !over {
			return c, nil
		}
	}
	slot.stopCleaning()
	long, err := copyNeeded(s)
	if err != nil {
		return nil, err
	}
	if !long {
		return nil, v.cleanScratch(ctx, s)
	}
	slot.cleaning = newCleaning(people, func(ctx context.Context) error { return v.cleanScratch(ctx, s) })
	return slot.cleaning, nil
}

// stopCleaning ends what is cleaned, if anything is. The slot is locked.
func (s *vaultSlot) stopCleaning() {
	if s.cleaning == nil {
		return
	}
	s.cleaning.stop()
	_ = s.cleaning.wait(context.Background()) // it says that it was stopped
	s.cleaning = nil
}
