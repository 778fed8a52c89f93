package main

import (
	"context"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// How often it is looked whether somebody has withdrawn, by whatever command, and
// how long after a failure it is tried again.
const (
	withdrawalsEvery = 250 * time.Millisecond
	withdrawalsAgain = 15 * time.Second
)

// followWithdrawals brings every workspace up to date with withdrawals, until ctx
// ends: populations are written anew, questions that still run on the old one are
// cut, and whoever left is taken out of the workspace's own tables. Questions do
// not depend on it: each looks for itself. At the start all workspaces are looked
// at, for withdrawals while nothing ran.
func (h *house) followWithdrawals(ctx context.Context) {
	tick := time.NewTicker(withdrawalsEvery)
	defer tick.Stop()
	done := map[string]int64{} // marks by workspace
	again := map[string]time.Time{}
	for {
		marks, err := h.workspaces.WithdrawalMarks(ctx)
		if err != nil && ctx.Err() == nil {
			h.log.ErrorContext(ctx, "withdrawals could not be looked for", "cause", err.Error())
		}
		for workspace, mark := range marks {
			if known, ok := done[workspace]; ok && known == mark || time.Now().Before(again[workspace]) {
				continue
			}
			if err := h.followWithdrawal(ctx, workspace); err != nil && ctx.Err() == nil {
				h.log.ErrorContext(ctx, "a workspace could not be brought up to date with withdrawals", "workspace", workspace, "cause", err.Error())
				again[workspace] = time.Now().Add(withdrawalsAgain)
				continue
			}
			done[workspace] = mark
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (h *house) followWithdrawal(ctx context.Context, workspace string) error {
	session, err := h.workspaces.Remount(ctx, workspace)
	if gatehouse.CodeOf(err) == gatehouse.CodeWrongWorkspace {
		return nil // its project has let go of the dataset: no vault can be started for it
	}
	if err != nil {
		return err
	}
	return h.vaults.Refresh(ctx, session)
}
