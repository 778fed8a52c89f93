package workspaces

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// Mark tells what a workspace is to be brought up to date with. When it is another
// than before, something is to be done.
type Mark struct {
	Withdrawals int64 // grows with each withdrawal, and list of consent, that concerns the workspace
	Consent     bool  // the project sees only who consented to it
	Forgotten   bool  // the keys of its project were destroyed: it knows nobody any more
}

// Marks gives the mark of each workspace.
func (s *Service) Marks(ctx context.Context) (map[string]Mark, error) {
	marks := map[string]Mark{}
	err := s.Store.View(ctx, func(tx Tx) error {
		all, err := tx.Workspaces(ctx)
		if err != nil {
			return err
		}
		acts, err := tx.JointActs(ctx, "")
		if err != nil {
			return err
		}
		destroyed := map[string]bool{}
		for _, a := range acts {
			if a.Kind == JointDestroyKey && a.State == JointDone {
				destroyed[a.Project] = true
			}
		}
		projects := map[string]Project{}
		for _, w := range all {
			p, known := projects[w.Project]
			if !known {
				if p, err = tx.Project(ctx, w.Project); err != nil {
					return err
				}
				projects[w.Project] = p
			}
			m := Mark{Consent: p.OptOutBasis == BasisConsent, Forgotten: destroyed[w.Project]}
			if m.Withdrawals, err = tx.WithdrawalMark(ctx, w.Dataset, w.Project); err != nil {
				return err
			}
			marks[w.ID] = m
		}
		return nil
	})
	return marks, err
}

// Mounts are the engines that show workspaces.
type Mounts interface {
	// Cut ends, at once, whatever shows the session's workspace with other people than
	// the session's.
	Cut(ctx context.Context, s *Session) error
	// Clean takes whoever is not in the session's population out of the workspace's own
	// tables, for good.
	Clean(ctx context.Context, s *Session) error
	// Forget ends whatever shows a workspace, and removes its own tables.
	Forget(ctx context.Context, w Workspace) error
}

// Follower keeps engines up to date with withdrawals. Questions do not depend on it:
// each looks for itself whether somebody has left.
type Follower struct {
	Service *Service
	Mounts  Mounts
	Log     *slog.Logger
	Every   time.Duration // how often it is looked
	Again   time.Duration // how long after a failure it is tried again
	// Cuts and Cleans are how many workspaces are cut, and cleaned, at once. Cleaning may
	// take long, and holds up no cut.
	Cuts, Cleans int
}

// followed is what became of a workspace.
type followed struct {
	workspace string
	mark      Mark
	err       error
}

// Run brings every workspace up to date, until ctx ends: populations are written anew,
// questions that still run on an old one are cut, and whoever left is taken out of the
// workspace's own tables. At the start all workspaces are looked at, for withdrawals
// while nothing ran. One that fails is tried again, and holds up no other.
func (f *Follower) Run(ctx context.Context) {
	cuts, cleans := make(chan struct{}, f.Cuts), make(chan struct{}, f.Cleans)
	outcomes := make(chan followed)
	var under sync.WaitGroup
	tick := time.NewTicker(f.Every)
	defer tick.Stop()
	done, busy, again := map[string]Mark{}, map[string]bool{}, map[string]time.Time{}
	settle := func(o followed) {
		delete(busy, o.workspace)
		if o.err == nil {
			done[o.workspace] = o.mark
		} else if ctx.Err() == nil {
			f.Log.ErrorContext(ctx, "a workspace could not be brought up to date with withdrawals", "workspace", o.workspace, "cause", o.err.Error())
			again[o.workspace] = time.Now().Add(f.Again)
		}
	}
	for {
		marks, err := f.Service.Marks(ctx)
		if err != nil && ctx.Err() == nil {
			f.Log.ErrorContext(ctx, "withdrawals could not be looked for", "cause", err.Error())
		}
		for workspace, mark := range marks {
			known, ok := done[workspace]
			if ok && known == mark || busy[workspace] || time.Now().Before(again[workspace]) {
				continue
			}
			busy[workspace] = true
			under.Go(func() {
				o := followed{workspace, mark, f.follow(ctx, workspace, mark, cuts, cleans)}
				select {
				case outcomes <- o:
				case <-ctx.Done():
				}
			})
		}
		for more := true; more; {
			select {
			case <-ctx.Done():
				under.Wait()
				return
			case o := <-outcomes:
				settle(o)
			case <-tick.C:
				more = false
			}
		}
	}
}

// follow brings one workspace up to date.
func (f *Follower) follow(ctx context.Context, workspace string, mark Mark, cuts, cleans chan struct{}) error {
	var session *Session
	err := in(ctx, cuts, func() (err error) {
		if mark.Forgotten {
			return f.Mounts.Forget(ctx, Workspace{ID: workspace, Folder: f.Service.folder(workspace)})
		}
		session, err = f.Service.Remount(ctx, workspace)
		if gatehouse.CodeOf(err) == gatehouse.CodeWrongWorkspace {
			return nil // it never had a population, and so no tables of its own
		}
		if err != nil {
			return err
		}
		return f.Mounts.Cut(ctx, session)
	})
	if err != nil || session == nil {
		return err
	}
	return in(ctx, cleans, func() error { return f.Mounts.Clean(ctx, session) })
}

// in does something once there is a place.
func in(ctx context.Context, places chan struct{}, do func() error) error {
	select {
	case places <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-places }()
	return do()
}

// SweepPopulations removes what a crash has left of populations that were being written.
// Whoever serves calls it when it starts, and nobody else writes populations then.
func (s *Service) SweepPopulations() error {
	files, err := filepath.Glob(filepath.Join(s.Dir, "workspaces", "*", ".population.parquet.*"))
	if err != nil {
		return err
	}
	for _, dir := range []string{filepath.Join(s.Dir, "custodian", "populations"), s.reidentified()} {
		left, err := filepath.Glob(filepath.Join(dir, ".*"))
		if err != nil {
			return err
		}
		files = append(files, left...)
	}
	return removeDurably(files)
}

// removeDurably removes files, some of which may be gone.
func removeDurably(files []string) error {
	for _, path := range files {
		err := os.Remove(path)
		if os.IsNotExist(err) {
			continue
		}
		if err == nil {
			err = syncFolder(filepath.Dir(path))
		}
		if err != nil {
			return gatehouse.Errorf(gatehouse.CodeStorage, "A population cannot be removed.").
				WithAdvice("Make the folder %s writable, then start the service again.", filepath.Base(filepath.Dir(path))).Because(err)
		}
	}
	return nil
}
