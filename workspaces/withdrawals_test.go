package workspaces_test

import (
	"testing"

	"github.com/gatehouse-tre/gatehouse"
)

// Whoever keeps engines up to date sees each withdrawal, and what a workspace
// shows after it, also of projects in which nobody may ask any more.
func TestEnginesCanFollowWithdrawals(t *testing.T) {
	h := newHouse(t)
	h.activate()
	ctx := t.Context()
	const id = "diabetes-outcomes"
	marks, err := h.Marks(ctx)
	h.must(err)
	before, err := h.Remount(ctx, id)
	h.must(err)
	if before.Mounts[0].Digest == "" || before.Workspace.Folder == "" || len(before.Mounts[0].Tables) == 0 {
		t.Errorf("%+v", before)
	}
	h.must(h.Withdraw(ctx, custodian, "shared_care", "", []uint32{3}))
	after, err := h.Marks(ctx)
	h.must(err)
	if after[id].Withdrawals <= marks[id].Withdrawals {
		t.Errorf("the mark was %v and is %v", marks[id], after[id])
	}
	now, err := h.Remount(ctx, id)
	h.must(err)
	if now.Mounts[0].Digest == before.Mounts[0].Digest || now.Mounts[0].Complete {
		t.Errorf("%+v", now.Mounts[0])
	}
	h.must(h.CloseProject(ctx, custodian, id, "a reason"))
	h.must(h.Withdraw(ctx, custodian, "shared_care", "", []uint32{6}))
	closed, err := h.Remount(ctx, id)
	h.must(err)
	if closed.Mounts[0].Digest == now.Mounts[0].Digest {
		t.Error("the workspace of a closed project still shows who has left")
	}
	_, err = h.Remount(ctx, "nothing")
	h.want(err, gatehouse.CodeNotFound)
}
