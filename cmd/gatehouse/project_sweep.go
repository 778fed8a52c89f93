package main

import (
	"context"
	"time"
)

// sweepEvery is how often a running house looks for what lapses. Nobody's access
// waits for it.
const sweepEvery = time.Hour

// sweep tells people what of theirs lapses, and removes notices of long ago, at once
// and then every hour, until ctx ends.
func (h *house) sweep(ctx context.Context) {
	next := time.NewTicker(sweepEvery)
	defer next.Stop()
	for {
		if done, err := h.workspaces.Sweep(ctx); err != nil && ctx.Err() == nil {
			h.log.ErrorContext(ctx, "what lapses could not be looked for", "cause", err)
		} else if err == nil {
			h.log.InfoContext(ctx, "looked for what lapses", "warned", done.Warned, "lapsed", done.Lapsed, "expired", done.Expired)
		}
		if _, err := h.notices().Prune(ctx); err != nil && ctx.Err() == nil {
			h.log.ErrorContext(ctx, "old notices could not be removed", "cause", err)
		}
		select {
		case <-next.C:
		case <-ctx.Done():
			return
		}
	}
}
