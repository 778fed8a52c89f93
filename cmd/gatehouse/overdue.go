package main

import (
	"context"
	"time"
)

// overdueEvery is how often requests are looked through for those that are late.
const overdueEvery = 10 * time.Minute

// noticeOverdue tells people of requests that are late, until ctx ends. What fails
// is tried again the next time: nothing waits for it.
func (h *house) noticeOverdue(ctx context.Context) {
	tick := time.NewTicker(overdueEvery)
	defer tick.Stop()
	for {
		if _, err := h.requests.NoticeOverdue(ctx); err != nil && ctx.Err() == nil {
			h.log.ErrorContext(ctx, "late requests could not be looked through", "cause", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
