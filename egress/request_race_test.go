package egress_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
)

// Everybody at once: no vote is lost or counted twice, and there is one release.
func TestVotesAndReleasesAtOnce(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	files := []string{"a.csv", "b.csv", "c.csv"}
	for range 3 {
		id := h.submitted(files...)
		var (
			mu    sync.Mutex
			taken = map[string]int{}
			wg    sync.WaitGroup
		)
		for _, checker := range []string{"chris", "chloe", "chen"} {
			for _, file := range files {
				for range 2 {
					wg.Go(func() {
						_, err := h.ReviewRequest(ctx, as(checker), id, []egress.Ballot{{File: file, Verdict: egress.VerdictApprove}})
						switch gatehouse.CodeOf(err) {
						case gatehouse.CodeSeparation, gatehouse.CodeRequestState:
						default:
							if err != nil {
								t.Error(err)
								return
							}
							mu.Lock()
							taken[file]++
							mu.Unlock()
						}
					})
				}
			}
		}
		wg.Wait()
		for _, file := range files {
			if taken[file] != 2 {
				t.Errorf("%d votes on %s were accepted", taken[file], file)
			}
		}
		if got := h.see("chris", id); got.State != egress.RequestApproved || got.Files[0].Cast != 2 {
			t.Errorf("%s with %d votes", got.State, got.Files[0].Cast)
		}

		var releases []string
		for _, checker := range []string{"chris", "chloe", "chen", "chris", "chloe", "chen"} {
			wg.Go(func() {
				r, err := h.ReleaseRequest(ctx, as(checker), id)
				if gatehouse.CodeOf(err) == gatehouse.CodeRequestState {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				releases = append(releases, r.ID)
				mu.Unlock()
			})
		}
		wg.Wait()
		if len(releases) != 1 || h.see("chris", id).Release != releases[0] {
			t.Fatalf("%d releases: %v", len(releases), releases)
		}

		// Downloads against a recall: whoever got it is named by the recall, or came before it.
		got := map[string]int{}
		var recalled egress.Release
		for i := range 8 {
			wg.Go(func() {
				if i == 4 {
					var err error
					if recalled, err = h.RecallRelease(ctx, as("cora"), releases[0], "stop"); err != nil {
						t.Error(err)
					}
					return
				}
				user := []string{"ada", "ann"}[i%2]
				_, r, err := h.DownloadRelease(ctx, as(user), releases[0])
				if err != nil {
					return
				}
				r.Close()
				mu.Lock()
				got[user]++
				mu.Unlock()
			})
		}
		wg.Wait()
		if len(recalled.Downloads) != got["ada"]+got["ann"] {
			t.Errorf("the recall names %d downloads, and there were %v", len(recalled.Downloads), got)
		}
	}
}

// While a request is sealed, its author withdraws it: one of the two happens.
func TestReleaseAgainstWithdrawal(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	for range 8 {
		id := h.approved("a.csv")
		var released, withdrawn error
		var wg sync.WaitGroup
		wg.Go(func() { _, released = h.ReleaseRequest(ctx, as("chris"), id) })
		wg.Go(func() { _, withdrawn = h.WithdrawRequest(ctx, as("ada"), id) })
		wg.Wait()
		if (released == nil) == (withdrawn == nil) {
			t.Fatalf("release: %v, withdrawal: %v", released, withdrawn)
		}
		state := h.see("ada", id).State
		if released == nil && state != egress.RequestReleased || withdrawn == nil && state != egress.RequestWithdrawn {
			t.Fatalf("state %s after release %v, withdrawal %v", state, released, withdrawn)
		}
	}
}

// Two uploads of one name at once: one is kept.
func TestUploadsAtOnce(t *testing.T) {
	h := newHouse(t)
	id := h.draft()
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			_, err := h.AddFile(t.Context(), as("ada"), id, "a.csv", strings.NewReader("n\n1"+strings.Repeat("0", i+1)+"\n"))
			if err != nil && gatehouse.CodeOf(err) != gatehouse.CodeFileRefused {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(h.see("ada", id).Files); n != 1 {
		t.Errorf("%d files", n)
	}
}
