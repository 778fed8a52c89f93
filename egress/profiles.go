package egress

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// CatalogueSessions gives the catalogue its sessions.
type CatalogueSessions interface {
	// EnterCatalogue gives the session in which the catalogue asks about a version,
	// if actor may have it asked.
	EnterCatalogue(ctx context.Context, actor gatehouse.Principal, dataset string, number int, policy string) (*workspaces.Session, error)
}

// ProfileStore keeps profiles.
type ProfileStore interface {
	// KeepProfile keeps the profile of a version in the place of one before, and its
	// event, in one transaction.
	KeepProfile(ctx context.Context, p catalog.Profile, e gatehouse.Event) error
	// Profile gives the profile of a version; CodeNotFound if none was made.
	Profile(ctx context.Context, dataset string, number int) (catalog.Profile, error)
}

// Profiles makes and gives the profiles of the catalogue.
type Profiles struct {
	Gate       *Gate
	Sessions   CatalogueSessions
	Store      ProfileStore
	Authorizer Authorizer
	Policy     string // the disclosure policy, if none is named
	Now        func() time.Time
	Log        *slog.Logger

	mu      sync.Mutex
	work    sync.WaitGroup
	running map[string]*ProfileProgress // by name of the version; also the last that failed
	closed  bool
	stop    []context.CancelFunc
}

// ProfileProgress is how far the making of a profile is.
type ProfileProgress struct {
	Running bool   `json:"running"`
	Asked   int    `json:"asked"` // questions so far
	Of      int    `json:"of"`
	Failed  string `json:"failed,omitempty"` // why the last one was not finished
}

// Begin has the profile of a version made, under a policy ("" for the house's): a
// custodian of its dataset may. It returns as soon as the making has begun; a version
// whose profile is being made is CodeConflict. What was answered until something failed
// counts as released all the same.
func (p *Profiles) Begin(ctx context.Context, actor gatehouse.Principal, dataset string, number int, policy string) error {
	if policy == "" {
		policy = p.Policy
	}
	session, err := p.Sessions.EnterCatalogue(ctx, actor, dataset, number, policy)
	if err != nil {
		return err
	}
	name := session.Mounts[0].Version.Name()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return gatehouse.Errorf(gatehouse.CodeShutdown, "Gatehouse is being stopped.")
	case p.running[dataset] != nil && p.running[dataset].Running:
		return gatehouse.Errorf(gatehouse.CodeConflict, "A profile of %s is being made.", dataset).WithAdvice("Wait until it is done.")
	}
	if p.running == nil {
		p.running = map[string]*ProfileProgress{}
	}
	progress := &ProfileProgress{Running: true, Of: questionsOf(session.Mounts[0].Tables)}
	p.running[dataset] = progress // the workspace of a dataset's catalogue has one version at a time
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = append(p.stop, cancel)
	p.work.Go(func() {
		defer cancel()
		err := p.make(running, session, progress)
		p.mu.Lock()
		defer p.mu.Unlock()
		if progress.Running = false; err != nil {
			progress.Failed = gatehouse.Public(err).Error()
			if p.Log != nil {
				p.Log.Error("a profile could not be made", "version", name, "cause", errors.Unwrap(gatehouse.Public(err)))
			}
		}
	})
	return nil
}

func (p *Profiles) make(ctx context.Context, session *workspaces.Session, progress *ProfileProgress) error {
	work := &profiling{gate: p.Gate, session: session, tell: func(asked, of int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		progress.Asked, progress.Of = asked, of
	}}
	made, err := work.profile(ctx)
	if err != nil {
		return err
	}
	made.Made = p.Now().UTC().Truncate(time.Second)
	v := session.Mounts[0].Version
	return p.Store.KeepProfile(ctx, made, gatehouse.Event{Actor: session.Principal.User, Action: "profile.made", Subject: v.Name(), Detail: map[string]string{"policy": made.Policy}})
}

// Profile gives the profile of a version to whoever may read the catalogue;
// CodeNotFound if none was made.
func (p *Profiles) Profile(ctx context.Context, actor gatehouse.Principal, dataset string, number int) (catalog.Profile, error) {
	if err := p.Authorizer.Authorize(ctx, actor, gatehouse.ActionDatasetRead, ""); err != nil {
		return catalog.Profile{}, err
	}
	return p.Store.Profile(ctx, dataset, number)
}

// Progress tells how far the making of a dataset's profile is, to whoever may read
// the catalogue.
func (p *Profiles) Progress(ctx context.Context, actor gatehouse.Principal, dataset string) (ProfileProgress, error) {
	if err := p.Authorizer.Authorize(ctx, actor, gatehouse.ActionDatasetRead, ""); err != nil {
		return ProfileProgress{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if progress := p.running[dataset]; progress != nil {
		return *progress, nil
	}
	return ProfileProgress{}, nil
}

// Wait waits until nothing is being made.
func (p *Profiles) Wait() { p.work.Wait() }

// Close stops what is being made, and waits for it.
func (p *Profiles) Close() {
	p.mu.Lock()
	p.closed = true
	for _, stop := range p.stop {
		stop()
	}
	p.mu.Unlock()
	p.work.Wait()
}
