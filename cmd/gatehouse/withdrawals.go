package main

import (
	"context"
	"runtime"
	"time"

	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// followWithdrawals brings every workspace up to date with withdrawals, whichever
// command recorded them, until ctx ends.
func (h *house) followWithdrawals(ctx context.Context) {
	f := workspaces.Follower{Service: h.workspaces, Mounts: h.vaults, Log: h.log, Every: 250 * time.Millisecond, Again: 15 * time.Second,
		Cuts: runtime.NumCPU(), Cleans: max(2, runtime.NumCPU()/2)}
	f.Run(ctx)
}
