package workspaces_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// readPopulation gives pseudonyms by unit, and checks the file's form.
func readPopulation(t testing.TB, path string) map[uint32]string {
	t.Helper()
	f, err := file.OpenParquetFile(path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := r.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	if got := table.Schema().Fields()[0].Name + " " + table.Schema().Field(0).Type.String() + ", " + table.Schema().Field(1).Name + " " + table.Schema().Field(1).Type.String(); got != "_unit uint32, person_id utf8" {
		t.Errorf("the columns are %s", got)
	}
	people := map[uint32]string{}
	last := int64(-1)
	rows := array.NewTableReader(table, 0)
	defer rows.Release()
	for rows.Next() {
		units, names := rows.RecordBatch().Column(0).(*array.Uint32), rows.RecordBatch().Column(1).(*array.String)
		for i := range units.Len() {
			if int64(units.Value(i)) <= last {
				t.Fatal("units are not ascending")
			}
			last = int64(units.Value(i))
			people[units.Value(i)] = strings.Clone(names.Value(i))
		}
	}
	return people
}

func TestPopulationHoldsEverybodyUnderTheProjectsPseudonym(t *testing.T) {
	h := newHouse(t)
	h.activate()
	path := filepath.Join(h.dir, "workspaces", "diabetes-outcomes", "population.parquet")
	people := readPopulation(t, path)
	p, err := h.keys.ProjectPseudonyms("diabetes-outcomes", "", 1)
	h.must(err)
	if len(people) != 1000 {
		t.Errorf("%d people", len(people))
	}
	seen := map[string]bool{}
	for unit, name := range people {
		if want, _ := p.Pseudonym(unit); name != want || unit%3 != 0 || seen[name] {
			t.Fatalf("unit %d is %s", unit, name)
		}
		seen[name] = true
	}
	copied := filepath.Join(h.dir, "custodian", "populations", "diabetes-outcomes.parquet")
	if got := readPopulation(t, copied); len(got) != 1000 {
		t.Errorf("the custodian's copy has %d people", len(got))
	}
	for path, want := range map[string]os.FileMode{
		path: 0o400, copied: 0o600,
		filepath.Dir(path): 0o700, filepath.Join(filepath.Dir(path), "scratch"): 0o700, filepath.Dir(copied): 0o700,
	} {
		info, err := os.Stat(path)
		h.must(err)
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
	}
}

func TestWhoWithdrawsIsGoneAtTheNextQuestion(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.activate()
	ben := h.signIn("ben")
	before, err := h.Enter(ctx, ben)
	h.must(err)
	all := readPopulation(t, before.Mounts[0].Population)

	h.want(h.Withdraw(ctx, lead, "shared_care", "", []uint32{3}), gatehouse.CodeDenied)
	h.must(h.Withdraw(ctx, custodian, "shared_care", "", []uint32{3, 6, 3, 999_999}))
	h.must(h.Withdraw(ctx, custodian, "shared_care", "diabetes-outcomes", []uint32{9}))
	h.must(h.Withdraw(ctx, custodian, "other", "", []uint32{12}))
	for _, e := range h.events() {
		if e.Action == "withdrawal.recorded" && len(e.Detail) > 0 {
			t.Errorf("the journal tells %v of a withdrawal", e.Detail)
		}
	}
	after, err := h.Enter(ctx, ben)
	h.must(err)
	m := after.Mounts[0]
	left := readPopulation(t, m.Population)
	if m.Complete || m.Digest == before.Mounts[0].Digest {
		t.Error("the mount looks as before")
	}
	for _, unit := range []uint32{3, 6, 9} {
		if _, there := left[unit]; there {
			t.Errorf("unit %d is still there", unit)
		}
	}
	if len(left) != 997 || left[0] != all[0] || left[12] != all[12] {
		t.Errorf("%d people are left, or their pseudonyms changed", len(left))
	}
	again, err := h.Enter(ctx, ben)
	h.must(err)
	if again.Mounts[0].Digest != m.Digest {
		t.Error("the population was written again without need")
	}
}

func TestPopulationIsWrittenAnewWhenTheVersionMovesOrTheFileIsGone(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.activate()
	ben := h.signIn("ben")
	h.publish(2, 10)
	h.must(h.UseVersion(ctx, custodian, "diabetes-outcomes", "shared_care", 2))
	s, err := h.Enter(ctx, ben)
	h.must(err)
	if people := readPopulation(t, s.Mounts[0].Population); len(people) != 10 || s.Mounts[0].Version.Number != 2 {
		t.Errorf("%d people of version %d", len(people), s.Mounts[0].Version.Number)
	}
	h.must(os.RemoveAll(s.Workspace.Folder))
	s, err = h.Enter(ctx, ben)
	h.must(err)
	if people := readPopulation(t, s.Mounts[0].Population); len(people) != 10 {
		t.Errorf("%d people", len(people))
	}
}

// Many questions at once after a withdrawal: each gets a population without who
// left, and nobody reads half a file.
func TestManyEnterAtOnce(t *testing.T) {
	h := newHouse(t)
	h.activate()
	ben := h.signIn("ben")
	var wg sync.WaitGroup
	for i := range 3 {
		h.must(h.Withdraw(t.Context(), custodian, "shared_care", "", []uint32{uint32(3 * i)}))
		for range 6 {
			wg.Go(func() {
				s, err := h.Enter(t.Context(), ben)
				if err != nil {
					t.Error(err)
					return
				}
				if _, there := readPopulation(t, s.Mounts[0].Population)[uint32(3*i)]; there {
					t.Error("who withdrew is still there")
				}
			})
		}
		wg.Wait()
	}
	if left, _ := filepath.Glob(filepath.Join(h.dir, "workspaces", "*", ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDamagedUnitsMakeNoPopulation(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, h *house){
		"not ascending":                func(t *testing.T, h *house) { h.catalogue.versions = nil; h.publishUnits(1, []uint32{1, 3, 2}) },
		"repeated":                     func(t *testing.T, h *house) { h.catalogue.versions = nil; h.publishUnits(1, []uint32{1, 1}) },
		"fewer than the manifest says": func(t *testing.T, h *house) { h.catalogue.versions[0].Units++ },
		"missing":                      func(t *testing.T, h *house) { h.must(os.RemoveAll(h.catalogue.versions[0].Folder)) },
		"cut off": func(t *testing.T, h *house) {
			h.must(os.Truncate(filepath.Join(h.catalogue.versions[0].Folder, "units.parquet"), 100))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			spoil(t, h)
			_, err := h.CreateProject(t.Context(), lead, parse(t, projectText))
			h.must(err)
			h.must(h.SubmitProject(t.Context(), lead, "diabetes-outcomes"))
			h.must(h.ApproveProject(t.Context(), custodian, "diabetes-outcomes"))
			h.sign("diabetes-outcomes", "ada", "ben")
			_, err = h.OpenWorkspace(t.Context(), lead, "diabetes-outcomes", "diabetes-outcomes")
			h.want(err, gatehouse.CodeManifest)
			if left, _ := filepath.Glob(filepath.Join(h.dir, "workspaces", "diabetes-outcomes", "*population*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestTheEngineOwnsItsFolderAndNoOther(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	h := newHouse(t)
	c := h.Config
	c.Engine = func(string) (int, int) { return 61234, 61234 }
	var err error
	h.Service, err = workspaces.New(c)
	h.must(err)
	h.activate()
	for path, want := range map[string]uint32{
		"workspaces": 0, "workspaces/diabetes-outcomes": 61234, "workspaces/diabetes-outcomes/scratch": 61234,
		"workspaces/diabetes-outcomes/population.parquet": 61234, "custodian/populations/diabetes-outcomes.parquet": 0,
	} {
		info, err := os.Stat(filepath.Join(h.dir, path))
		h.must(err)
		if uid := info.Sys().(*syscall.Stat_t).Uid; uid != want {
			t.Errorf("%s belongs to %d, want %d", path, uid, want)
		}
	}
}

// A full volume leaves the last good population and no half of a new one.
func TestPopulationOnAFullVolume(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small volume")
	}
	h := newHouse(t)
	h.activate()
	ben := h.signIn("ben")
	volume := filepath.Join(h.dir, "workspaces", "diabetes-outcomes")
	if err := syscall.Mount("tmpfs", volume, "tmpfs", 0, "size=16k"); err != nil {
		t.Skip("cannot mount: ", err)
	}
	t.Cleanup(func() { syscall.Unmount(volume, 0) })
	_, err := h.Enter(t.Context(), ben)
	h.want(err, gatehouse.CodeStorage)
	if left, _ := filepath.Glob(filepath.Join(volume, "*.parquet*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if left, _ := filepath.Glob(filepath.Join(volume, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func BenchmarkWritePopulation(b *testing.B) {
	const people = 1_000_000
	h := newHouse(b)
	v := h.publish(2, people)
	store, err := keys.Create(filepath.Join(b.TempDir(), "keys"))
	h.must(err)
	p, err := store.ProjectPseudonyms("asthma", "", 1)
	h.must(err)
	var before, after syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	for b.Loop() {
		if _, err := workspaces.WritePopulation(b.Context(), io.Discard, v, roaring.BitmapOf(3, 6), workspaces.Names{Pseudonyms: p}); err != nil {
			b.Fatal(err)
		}
	}
	syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	cpu := time.Duration(after.Utime.Nano() - before.Utime.Nano() + after.Stime.Nano() - before.Stime.Nano())
	b.ReportMetric(float64(people*b.N)/b.Elapsed().Seconds(), "people/s")
	b.ReportMetric(float64(people*b.N)/cpu.Seconds(), "people/cpu-s")
}

// slowKeys hold the first population that is written until they are let go.
type slowKeys struct {
	workspaces.Pseudonymiser
	once  sync.Once
	began chan struct{}
	letGo chan struct{}
}

func (k *slowKeys) Pseudonyms(ctx context.Context, project, family string, epoch int) (workspaces.Pseudonyms, error) {
	k.once.Do(func() {
		close(k.began)
		<-k.letGo
	})
	return k.Pseudonymiser.Pseudonyms(ctx, project, family, epoch)
}

// A question that begins after a withdrawal does not get the population that another
// began to write before it.
func TestAPopulationThatBeganBeforeAWithdrawalIsNotThatAfterIt(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.activate()
	ben := h.signIn("ben")
	_, err := h.Enter(ctx, ben)
	h.must(err)
	slow := &slowKeys{Pseudonymiser: h.Pseudonymiser, began: make(chan struct{}), letGo: make(chan struct{})}
	h.Pseudonymiser = slow
	h.must(h.Withdraw(ctx, custodian, "shared_care", "", []uint32{3}))
	var before, after *workspaces.Session
	var failed [2]error
	var both sync.WaitGroup
	both.Go(func() { before, failed[0] = h.Enter(ctx, ben) })
	<-slow.began
	h.must(h.Withdraw(ctx, custodian, "shared_care", "", []uint32{6}))
	asked := make(chan struct{})
	both.Go(func() {
		close(asked)
		after, failed[1] = h.Enter(ctx, ben)
	})
	<-asked
	close(slow.letGo)
	both.Wait()
	h.must(errors.Join(failed[:]...))
	if got := h.seen(); slices.Contains(got, 3) || slices.Contains(got, 6) {
		t.Errorf("it sees %v", got)
	}
	now, err := h.Enter(ctx, ben)
	h.must(err)
	if after.Mounts[0].Digest != now.Mounts[0].Digest || before == nil {
		t.Error("the second question was given the population of the first")
	}
}

// With stop-flow a project goes on seeing, in the version that it has, who withdraws
// after it was decided; in no later version, nor in an older one that it moves back to.
// Who withdrew before, or from the project, is gone, and comes back by no decision.
func TestStopFlowKeepsAVersionAsItWas(t *testing.T) {
	h := newHouse(t)
	h.activate()
	ctx := t.Context()
	h.publish(2, 1000)
	h.catalogue.versions[0].Published = start.Add(-time.Hour)
	sees := func(units ...uint32) {
		t.Helper()
		_, err := h.Enter(ctx, h.signIn("ada"))
		h.must(err)
		seen := h.seen()
		for _, u := range units {
			if slices.Contains(seen, u) {
				t.Errorf("unit %d, who left, is seen", u)
			}
		}
		if len(seen) != 1000-len(units) {
			t.Errorf("%d people are seen, with %d gone", len(seen), len(units))
		}
	}
	decide := func(policy workspaces.LeavingPolicy) {
		t.Helper()
		h.must(h.SetLeaving(ctx, custodian, workspaces.Leaving{Dataset: "shared_care", Project: study, Policy: policy, Document: "minutes of 3 May"}))
	}
	at := func(minutes int) { h.at(start.Add(time.Duration(minutes) * time.Minute)) }
	withdraw := func(project string, unit uint32) {
		t.Helper()
		h.must(h.Withdraw(ctx, custodian, "shared_care", project, []uint32{unit}))
	}
	at(1)
	withdraw("", 3)
	at(2)
	decide(workspaces.LeavingStopFlow)
	sees(3) // from before it was decided
	at(3)
	withdraw("", 6)
	withdraw(study, 9)
	withdraw("", 9)
	sees(3, 9)
	at(4) // the next version is published after they left
	h.catalogue.versions[1].Published = start.Add(4 * time.Minute)
	h.must(h.UseVersion(ctx, custodian, study, "shared_care", 2))
	sees(3, 6, 9)
	at(5)
	withdraw("", 12)
	sees(3, 6, 9)
	h.must(h.UseVersion(ctx, custodian, study, "shared_care", 1))
	sees(3, 6, 9) // who had left the newer does not come back with the older
	at(6)
	decide(workspaces.LeavingRemove)
	sees(3, 6, 9, 12)
	at(7)
	decide(workspaces.LeavingStopFlow)
	sees(3, 6, 9, 12)
	at(8)
	withdraw("", 15)
	sees(3, 6, 9, 12)
	// Nobody but a custodian without a part in the project decides, of something, with a document.
	good := workspaces.Leaving{Dataset: "shared_care", Project: study, Policy: workspaces.LeavingStopFlow, Document: "minutes"}
	for name, c := range map[string]struct {
		who  gatehouse.Principal
		with func(*workspaces.Leaving)
		code gatehouse.Code
	}{
		"the lead":           {lead, func(*workspaces.Leaving) {}, gatehouse.CodeDenied},
		"without a document": {custodian, func(l *workspaces.Leaving) { l.Document = " " }, gatehouse.CodeInvalidProject},
		"of another policy":  {custodian, func(l *workspaces.Leaving) { l.Policy = "stay" }, gatehouse.CodeInvalidProject},
		"of another dataset": {custodian, func(l *workspaces.Leaving) { l.Dataset = "other" }, gatehouse.CodeNotFound},
	} {
		l := good
		c.with(&l)
		if err := h.SetLeaving(ctx, c.who, l); gatehouse.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	told := 0
	for _, e := range h.events() {
		if e.Action == "leaving.decided" {
			told++
		}
	}
	if told != 3 {
		t.Errorf("%d decisions are in the journal", told)
	}
}

// What one workspace of a project has seen counts for the others: who left a newer
// version stays in none of them.
func TestStopFlowIsOfAllWorkspacesOfAProject(t *testing.T) {
	h := newHouse(t)
	h.activate()
	ctx := t.Context()
	h.publish(2, 1000)
	h.catalogue.versions[0].Published = start.Add(-time.Hour)
	h.catalogue.versions[1].Published = start.Add(4 * time.Minute)
	_, err := h.OpenWorkspace(ctx, lead, study, "second")
	h.must(err)
	h.must(h.SetLeaving(ctx, custodian, workspaces.Leaving{Dataset: "shared_care", Project: study, Policy: workspaces.LeavingStopFlow, Document: "minutes"}))
	h.at(start.Add(3 * time.Minute))
	h.must(h.Withdraw(ctx, custodian, "shared_care", "", []uint32{6}))
	sees := func(workspace string) bool {
		t.Helper()
		_, err := h.Remount(ctx, workspace)
		h.must(err)
		_, sees := readPopulation(t, filepath.Join(h.dir, "workspaces", workspace, "population.parquet"))[6]
		return sees
	}
	if !sees(study) || !sees("second") {
		t.Error("who left after the version does not stay in it")
	}
	h.at(start.Add(5 * time.Minute))
	h.must(h.UseVersion(ctx, custodian, study, "shared_care", 2))
	written := func() (n int) {
		for _, e := range h.events() {
			if e.Action == "population.written" {
				n++
			}
		}
		return n
	}
	before := written()
	if sees(study) {
		t.Error("who left is in a version of later")
	}
	if n := written() - before; n != 1 {
		t.Errorf("the population was written %d times", n)
	}
	h.must(h.UseVersion(ctx, custodian, study, "shared_care", 1))
	for _, workspace := range []string{study, "second"} {
		if sees(workspace) {
			t.Errorf("the workspace %q shows who left a newer version", workspace)
		}
	}
}
