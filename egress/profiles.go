package egress

import (
	"cmp"
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
	// OpenCatalogue lets the catalogue ask about a version under a disclosure policy,
	// if actor may have it ask.
	OpenCatalogue(ctx context.Context, actor gatehouse.Principal, dataset string, number int, policy string) error
	// EnterCatalogue gives the session of one question about the version, if actor may
	// still have it asked.
	EnterCatalogue(ctx context.Context, actor gatehouse.Principal, dataset string, number int) (*workspaces.Session, error)
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
	running map[string]*ProfileProgress // by dataset: what is being made, or was made last
	base    context.Context             // everything that is made ends with it; nil until something was
	stop    context.CancelFunc          // ends base
	closed  bool
}

// ProfileProgress is how far the making of a profile is.
type ProfileProgress struct {
	Running bool   `json:"running"`
	Asked   int    `json:"asked"` // questions so far
	Of      int    `json:"of"`
	Failed  string `json:"failed,omitempty"` // why the last one was not finished
}

// Begin has the profile of a version made, under a policy ("" for the house's): a
// custodian of its dataset may, and must still be one at each of its questions. It
// returns as soon as the making has begun; a dataset of which a profile is being made is
// CodeConflict. What was answered until something failed counts as released all the same.
func (p *Profiles) Begin(ctx context.Context, actor gatehouse.Principal, dataset string, number int, policy string) error {
	if policy == "" {
		policy = p.Policy
	}
	if denied := p.Authorizer.Authorize(ctx, actor, gatehouse.ActionDatasetPublish, ""); denied != nil {
		// They take no dataset's place, and are not told whether it is taken; the refusal is journaled.
		return cmp.Or(p.Sessions.OpenCatalogue(ctx, actor, dataset, number, policy), denied)
	}
	progress, before, err := p.reserve(dataset)
	if err != nil {
		return err
	}
	work := &profiling{gate: p.Gate, enter: func(ctx context.Context) (*workspaces.Session, error) {
		return p.Sessions.EnterCatalogue(ctx, actor, dataset, number)
	}, tell: func(asked, of int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		progress.Asked, progress.Of = asked, of
	}}
	if err = p.Sessions.OpenCatalogue(ctx, actor, dataset, number, policy); err == nil {
		err = work.begin(ctx)
	}
	if err != nil {
		p.giveBack(dataset, before)
		return err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	keep := context.AfterFunc(p.base, cancel)
	go func() {
		defer p.work.Done()
		defer cancel()
		err := p.make(running, work, actor)
		keep()
		p.mu.Lock()
		defer p.mu.Unlock()
		if progress.Running = false; err != nil {
			progress.Failed = gatehouse.Public(err).Error()
			if p.Log != nil {
				p.Log.Error("a profile could not be made", "version", work.first.Mounts[0].Version.Name(), "cause", errors.Unwrap(gatehouse.Public(err)))
			}
		}
	}()
	return nil
}

// reserve takes a dataset's place, in which one profile is made at a time, and gives
// what stood there.
func (p *Profiles) reserve(dataset string) (progress, before *ProfileProgress, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before = p.running[dataset]
	switch {
	case p.closed:
		return nil, nil, gatehouse.Errorf(gatehouse.CodeShutdown, "Gatehouse is being stopped.")
	case before != nil && before.Running:
		return nil, nil, gatehouse.Errorf(gatehouse.CodeConflict, "A profile of %s is being made.", dataset).WithAdvice("Wait until it is done.")
	case p.running == nil:
		p.running = map[string]*ProfileProgress{}
		p.base, p.stop = context.WithCancel(context.Background())
	}
	progress = &ProfileProgress{Running: true}
	p.running[dataset] = progress
	p.work.Add(1)
	return progress, before, nil
}

// giveBack ends what reserve began, of which nothing came.
func (p *Profiles) giveBack(dataset string, before *ProfileProgress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running[dataset] = before; before == nil {
		delete(p.running, dataset)
	}
	p.work.Done()
}

func (p *Profiles) make(ctx context.Context, work *profiling, actor gatehouse.Principal) error {
	made, err := work.profile(ctx)
	if err != nil {
		return err
	}
	made.Made = p.Now().UTC().Truncate(time.Second)
	return p.Store.KeepProfile(ctx, made, gatehouse.Event{Actor: actor.User, Action: "profile.made", Subject: work.first.Mounts[0].Version.Name(), Detail: map[string]string{"policy": made.Policy}})
}

// Profile gives the profile of a version to whoever may read the catalogue;
// CodeNotFound if none was made.
func (p *Profiles) Profile(ctx context.Context, actor gatehouse.Principal, dataset string, number int) (catalog.Profile, error) {
	if err := p.Authorizer.Authorize(ctx, actor, gatehouse.ActionDatasetRead, ""); err != nil {
		return catalog.Profile{}, err
	}
	return p.Store.Profile(ctx, dataset, number)
}

// Compare compares the profiles of two versions of a dataset, for whoever may read the
// catalogue; CodeNotFound if one of them was not made.
func (p *Profiles) Compare(ctx context.Context, actor gatehouse.Principal, dataset string, from, to int) (catalog.ProfileDiff, error) {
	before, err := p.Profile(ctx, actor, dataset, from)
	if err != nil {
		return catalog.ProfileDiff{}, err
	}
	after, err := p.Profile(ctx, actor, dataset, to)
	return catalog.CompareProfiles(before, after), err
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
	if p.stop != nil {
		p.stop()
	}
	p.mu.Unlock()
	p.work.Wait()
}
