package main

import (
	"context"
	"time"

	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// journalStrangers journals every so often, until ctx ends, how many refusals of
// strangers were counted in place of being journaled one by one.
func (h *house) journalStrangers(ctx context.Context) {
	next := time.NewTicker(workspaces.StrangersEvery)
	defer next.Stop()
	for {
		select {
		case <-next.C:
		case <-ctx.Done():
			return // stop journals what is left
		}
		if err := h.workspaces.JournalStrangers(ctx); err != nil && ctx.Err() == nil {
			h.log.ErrorContext(ctx, "refusals that were counted could not be journaled", "cause", err)
		}
	}
}
