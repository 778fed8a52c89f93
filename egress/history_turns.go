package egress

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// everything is more than there are questions at once.
const everything = 1 << 30

// beside lets no other question that bears on the datasets in alone be judged until done is
// called, and waits for one of any of datasets that is alone.
func (h *Histories) beside(ctx context.Context, datasets, alone []string) (done func(), err error) {
	var held []func()
	done = sync.OnceFunc(func() {
		for _, release := range held {
			release()
		}
	})
	for _, d := range unionOf(datasets, alone) { // in order, so that no two wait for each other
		h.mu.Lock()
		if h.on == nil {
			h.on = map[string]*semaphore.Weighted{}
		}
		all := h.on[d]
		if all == nil {
			all = semaphore.NewWeighted(everything)
			h.on[d] = all
		}
		h.mu.Unlock()
		part := int64(1)
		if slices.Contains(alone, d) {
			part = everything
		}
		if err := all.Acquire(ctx, part); err != nil {
			done()
			return nil, gatehouse.Errorf(gatehouse.CodeCancelled, "The question was cancelled.").Because(context.Cause(ctx))
		}
		held = append(held, func() { all.Release(part) })
	}
	return done, nil
}

// unionOf is everything in any of some lists once, in order.
func unionOf(lists ...[]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}

// turn waits until no question that bears on this one is being judged, and gives the sets
// of projects that hear of it. What somebody joined, or was granted, while it waited counts.
func (h *Histories) turn(ctx context.Context, q *question) (views [][]string, leave func(), err error) {
	var alone, mounted []string
	for _, m := range q.session.Mounts {
		mounted = append(mounted, m.Version.Dataset)
	}
	if workspaces.IsCatalogue(q.session.Project.ID) {
		alone = mounted
	}
	heard := func() (views [][]string, projects, datasets []string, err error) {
		if views, err = h.views(ctx, q.session.Project.ID); err == nil && len(alone) > 0 {
			views, err = h.viewsOfAll(ctx, views, alone)
		}
		if err != nil {
			return nil, nil, nil, err
		}
		projects = unionOf(views...)
		granted, err := h.Ledger.Granted(ctx, projects)
		return views, projects, unionOf(granted, mounted), err
	}
	_, projects, datasets, err := heard()
	for err == nil {
		var together, unlock func()
		if together, err = h.beside(ctx, datasets, alone); err != nil {
			break
		}
		if unlock, err = h.lock(ctx, projects); err != nil {
			together()
			break
		}
		var nowProjects, nowDatasets []string
		views, nowProjects, nowDatasets, err = heard()
		if err == nil && len(unionOf(projects, nowProjects)) == len(projects) && len(unionOf(datasets, nowDatasets)) == len(datasets) {
			return views, func() { unlock(); together() }, nil
		}
		unlock()
		together()
		projects, datasets = nowProjects, nowDatasets
	}
	return nil, nil, err
}

// views gives the sets of projects whose members, together, hear of what is
// released to a project; its own first.
func (h *Histories) views(ctx context.Context, project string) ([][]string, error) {
	related, err := h.Ledger.Related(ctx, project)
	if err != nil {
		return nil, err
	}
	var views [][]string
	for _, p := range append([]string{project}, related...) {
		theirs, err := h.Ledger.Related(ctx, p)
		if err != nil {
			return nil, err
		}
		slices.Sort(theirs)
		theirs = slices.Compact(theirs)
		if !slices.ContainsFunc(views, func(v []string) bool { return slices.Equal(v, theirs) }) {
			views = append(views, theirs)
		}
	}
	return views, nil
}

// viewsOfAll adds the views of every project on the datasets: what the catalogue
// shows is told to all of them.
func (h *Histories) viewsOfAll(ctx context.Context, views [][]string, datasets []string) ([][]string, error) {
	projects, err := h.Ledger.OnDatasets(ctx, datasets)
	if err != nil {
		return nil, err
	}
	for _, p := range projects {
		theirs, err := h.Ledger.Related(ctx, p)
		if err != nil {
			return nil, err
		}
		slices.Sort(theirs)
		theirs = slices.Compact(theirs)
		if !slices.ContainsFunc(views, func(v []string) bool { return slices.Equal(v, theirs) }) {
			views = append(views, theirs)
		}
	}
	return views, nil
}

// lock takes the projects one after the other, in order, so that no two
// questions wait for each other.
func (h *Histories) lock(ctx context.Context, projects []string) (unlock func(), err error) {
	var held []chan struct{}
	unlock = func() {
		for _, c := range held {
			<-c
		}
	}
	for _, p := range projects {
		h.mu.Lock()
		if h.busy == nil {
			h.busy = map[string]chan struct{}{}
		}
		c := h.busy[p]
		if c == nil {
			c = make(chan struct{}, 1)
			h.busy[p] = c
		}
		h.mu.Unlock()
		select {
		case c <- struct{}{}:
			held = append(held, c)
		case <-ctx.Done():
			unlock()
			return nil, gatehouse.Errorf(gatehouse.CodeCancelled, "The question was cancelled.").Because(context.Cause(ctx))
		}
	}
	return unlock, nil
}
