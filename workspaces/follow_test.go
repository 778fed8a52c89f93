package workspaces_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

const study = "diabetes-outcomes"

// mounts are engines that tell what they are asked to do, and do it when the test says.
type mounts struct {
	mu      sync.Mutex
	told    []string // "cut w", "clean w", "forget w"
	fail    map[string]int
	hold    map[string]chan struct{}
	at      map[string]int // how many are under way, by kind
	most    map[string]int
	changed chan struct{}
}

func newMounts() *mounts {
	return &mounts{fail: map[string]int{}, hold: map[string]chan struct{}{}, at: map[string]int{}, most: map[string]int{}, changed: make(chan struct{}, 1000)}
}

func (m *mounts) do(kind, workspace string) error {
	what := kind + " " + workspace
	m.mu.Lock()
	m.told = append(m.told, what)
	m.at[kind]++
	m.most[kind] = max(m.most[kind], m.at[kind])
	hold := m.hold[what]
	fails := m.fail[what] > 0
	m.fail[what]--
	m.mu.Unlock()
	m.changed <- struct{}{}
	if hold != nil {
		<-hold
	}
	m.mu.Lock()
	m.at[kind]--
	m.mu.Unlock()
	if fails {
		return errors.New("not now")
	}
	return nil
}

func (m *mounts) Cut(_ context.Context, s *workspaces.Session) error {
	return m.do("cut", s.Workspace.ID)
}
func (m *mounts) Clean(_ context.Context, s *workspaces.Session) error {
	return m.do("clean", s.Workspace.ID)
}
func (m *mounts) Forget(_ context.Context, w workspaces.Workspace) error {
	return m.do("forget", w.ID)
}

// until waits for something to have been told so often.
func (m *mounts) until(t *testing.T, what string, times int) {
	t.Helper()
	late := time.After(time.Minute)
	for {
		m.mu.Lock()
		n := 0
		for _, told := range m.told {
			if told == what {
				n++
			}
		}
		m.mu.Unlock()
		if n >= times {
			return
		}
		select {
		case <-m.changed:
		case <-late:
			t.Fatalf("%q was told %d times", what, n)
		}
	}
}

// follow runs a follower until the test ends.
func (h *house) follow(m *mounts) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	f := workspaces.Follower{Service: h.Service, Mounts: m, Log: slog.New(slog.DiscardHandler), Every: time.Millisecond, Again: time.Millisecond, Cuts: 2, Cleans: 2}
	go func() {
		defer close(ended)
		f.Run(ctx)
	}()
	h.t.Cleanup(func() {
		stop()
		m.mu.Lock()
		for what, hold := range m.hold {
			if hold != nil {
				close(hold)
			}
			delete(m.hold, what)
		}
		m.mu.Unlock()
		<-ended
	})
}

// One workspace whose cleaning takes long, or fails, holds up no other; no more than so
// many are worked on at once.
func TestWorkspacesFollowWithdrawalsBesideEachOther(t *testing.T) {
	h := newHouse(t)
	h.activate()
	ctx := t.Context()
	ids := []string{study, "w2", "w3", "w4", "w5"}
	for _, id := range ids[1:] {
		_, err := h.OpenWorkspace(ctx, lead, study, id)
		h.must(err)
	}
	m := newMounts()
	m.hold["clean w2"] = make(chan struct{})
	m.fail["cut w3"] = 2
	h.follow(m)
	for _, id := range ids {
		m.until(t, "cut "+id, 1)
	}
	m.until(t, "cut w3", 3) // the third does it
	m.until(t, "clean w3", 1)
	for _, id := range []string{study, "w4", "w5"} {
		m.until(t, "clean "+id, 1)
	}
	// While w2 is still being cleaned, somebody leaves: all others are cut and cleaned.
	h.must(h.Withdraw(ctx, custodian, "shared_care", "", []uint32{3}))
	for _, id := range []string{study, "w3", "w4", "w5"} {
		m.until(t, "clean "+id, 2)
	}
	m.mu.Lock()
	if m.at["clean"] != 1 || slices.Index(m.told, "cut w2") != lastIndex(m.told, "cut w2") {
		t.Errorf("%d are being cleaned: %v", m.at["clean"], m.told)
	}
	close(m.hold["clean w2"])
	delete(m.hold, "clean w2")
	m.mu.Unlock()
	m.until(t, "clean w2", 2) // for who has left meanwhile
	if m.most["cut"] > 2 || m.most["clean"] > 2 {
		t.Errorf("at once: %v", m.most)
	}
}

func lastIndex(all []string, what string) int {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i] == what {
			return i
		}
	}
	return -1
}

// The own tables of a workspace lose whoever withdraws, also where its project has let
// go of the dataset, or the version is deleted.
func TestWithdrawalsReachWorkspacesThatShowNothingAnyMore(t *testing.T) {
	for name, letGo := range map[string]func(h *house){
		"the dataset is not the project's any more": func(h *house) {
			h.must(h.Store.Update(t.Context(), func(tx workspaces.Tx) error {
				p, err := tx.Project(t.Context(), study)
				if err != nil {
					return err
				}
				p.Datasets[0].Dataset = "other"
				return tx.ChangeProject(t.Context(), p)
			}))
		},
		"the version was deleted": func(h *house) { h.catalogue.versions = nil },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.activate()
			file := filepath.Join(h.dir, "workspaces", study, "population.parquet")
			before := readPopulation(t, file)
			letGo(h)
			h.must(h.Withdraw(t.Context(), custodian, "shared_care", "", []uint32{3, 9}))
			s, err := h.Remount(t.Context(), study)
			h.must(err)
			after := readPopulation(t, file)
			if len(after) != len(before)-2 || after[3] != "" || after[9] != "" || after[6] != before[6] || s.Mounts[0].Population != file || len(s.Mounts[0].Tables) != 0 {
				t.Errorf("%d people of %d: %+v", len(after), len(before), s.Mounts[0])
			}
			again, err := h.Remount(t.Context(), study)
			h.must(err)
			if again.Mounts[0].Digest != s.Mounts[0].Digest {
				t.Error("written twice")
			}
		})
	}
}

// leftover makes what a crash leaves of populations that were being written.
func (h *house) leftover() []string {
	h.t.Helper()
	left := []string{
		filepath.Join(h.dir, "workspaces", study, ".population.parquet.123"),
		filepath.Join(h.dir, "custodian", "populations", "."+study+".parquet.456"),
	}
	for _, path := range left {
		h.must(os.WriteFile(path, []byte("who is who"), 0o600))
	}
	return left
}

func TestWhatACrashLeavesOfPopulationsIsSwept(t *testing.T) {
	h := newHouse(t)
	h.activate()
	left := h.leftover()
	h.must(h.SweepPopulations())
	for _, path := range left {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
	readPopulation(t, filepath.Join(h.dir, "workspaces", study, "population.parquet"))
	h.must(h.SweepPopulations())
}

// After keys are destroyed nothing is left that says who is who, and the engines are
// told once to forget the workspace.
func TestAWorkspaceWithoutKeysIsForgotten(t *testing.T) {
	h := newHouse(t)
	h.activate()
	ctx := t.Context()
	left := h.leftover()
	scratch := filepath.Join(h.dir, "workspaces", study, "scratch")
	left = append(left, filepath.Join(scratch, "scratch-1.duckdb"), filepath.Join(scratch, "scratch-1.duckdb.wal"))
	for _, path := range left[2:] {
		h.must(os.WriteFile(path, []byte("rows of people"), 0o600))
	}
	m := newMounts()
	m.fail["forget "+study] = 1
	h.follow(m)
	m.until(t, "clean "+study, 1)
	h.must(h.CloseProject(ctx, custodian, study, "a reason"))
	h.must(h.ArchiveProject(ctx, custodian, study))
	a, err := h.AskKeyDestruction(ctx, custodian, study, "archived", "The study is over and reported.")
	h.must(err)
	_, err = h.ApproveJointAct(ctx, secondCustodian, a.ID)
	h.must(err)
	for _, path := range left {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
	m.until(t, "forget "+study, 2)
	_, err = h.Remount(ctx, study)
	h.want(err, gatehouse.CodeKeys)
	h.must(h.Withdraw(ctx, custodian, "shared_care", "", []uint32{3}))
	m.until(t, "forget "+study, 3)
}
