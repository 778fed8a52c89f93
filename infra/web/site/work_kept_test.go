package site

import (
	"strconv"
	"testing"
	"time"
)

// However often somebody begins something, few outcomes are kept: the newest.
func TestOutcomesOfWorkAreForgotten(t *testing.T) {
	var kept works
	done := make(chan struct{})
	close(done)
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	last := ""
	for i := range 2 * worksKept {
		now = now.Add(time.Second)
		last = strconv.Itoa(i)
		if err := kept.add(&work{id: last, user: "aud", began: now, finished: done}, now); err != nil {
			t.Fatal(err)
		}
	}
	if len(kept.byID) != worksKept || kept.byID[last] == nil || kept.byID["0"] != nil {
		t.Errorf("%d outcomes are kept", len(kept.byID))
	}
}
