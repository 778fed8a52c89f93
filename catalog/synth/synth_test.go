package synth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
)

// The extracts of 20,000 people that several tests look at, made once.
var (
	sharedFolder string
	shared       = sync.OnceValues(func() (extracts, error) {
		dir := filepath.Join(sharedFolder, "extracts")
		s, err := Write(context.Background(), Options{People: 20_000, Seed: 42, Dir: dir})
		return extracts{dir, s}, err
	})
)

type extracts struct {
	dir     string
	summary Summary
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "synth-test-")
	if err != nil {
		panic(err)
	}
	sharedFolder = dir
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

func twentyThousand(t *testing.T) extracts {
	t.Helper()
	e, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func mustWrite(t *testing.T, o Options) extracts {
	t.Helper()
	if o.Dir == "" {
		o.Dir = filepath.Join(t.TempDir(), "out")
	}
	s, err := Write(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return extracts{o.Dir, s}
}

// hashes gives the hash of every file, the marker too.
func hashes(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = fmt.Sprintf("%x", sha256.Sum256(text))
	}
	return out
}

func TestHeadersAreExactlyThoseOfTheReadme(t *testing.T) {
	e := twentyThousand(t)
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, header := range map[string]string{
		"patients.csv":      "nhs_number,given_name,family_name,date_of_birth,postcode,address,sex,ethnicity,region,lsoa,imd_decile,practice_id,registered_from,registered_to,date_of_death",
		"events.csv":        "nhs_number,date,code,value",
		"admissions.csv":    "hospital_number,nhs_number,admitted,discharged,method,diagnosis,procedure,provider,length_of_stay",
		"social_care.csv":   "client_number,nhs_number,given_name,family_name,date_of_birth,postcode,started,ended,service,hours_per_week,council",
		"codes.csv":         "code,system,term,codelist",
		"type1-dissent.csv": "nhs_number,code,date",
		"withdrawals.csv":   "nhs_number,date,reason",
	} {
		text, err := os.ReadFile(filepath.Join(e.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		if first != header {
			t.Errorf("%s begins with %q, want %q", name, first, header)
		}
		if !strings.Contains(string(readme), "`"+header+"`") {
			t.Errorf("README.md does not give the header of %s", name)
		}
		if rows := bytes.Count(text, []byte("\n")) - 1; rows != e.summary.Files[name].Rows {
			t.Errorf("%s has %d rows, and the summary says %d", name, rows, e.summary.Files[name].Rows)
		}
	}
}

func TestSameSeedGivesSameBytesOnAnyNumberOfCores(t *testing.T) {
	want := hashes(t, mustWrite(t, Options{People: 5_000, Seed: 7}).dir)
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for _, cores := range []int{1, 2, 5} {
		runtime.GOMAXPROCS(cores)
		if got := hashes(t, mustWrite(t, Options{People: 5_000, Seed: 7}).dir); !maps.Equal(got, want) {
			t.Errorf("on %d cores the files differ: %v, want %v", cores, got, want)
		}
	}
}

func TestDifferentSeedsDiffer(t *testing.T) {
	a, b := hashes(t, mustWrite(t, Options{People: 200, Seed: 1}).dir), hashes(t, mustWrite(t, Options{People: 200, Seed: 2}).dir)
	for name := range a {
		same := name == "codes.csv" || name == markerFile
		if (a[name] == b[name]) != same {
			t.Errorf("%s: the same under both seeds is %v, want %v", name, a[name] == b[name], same)
		}
	}
}

func TestSummaryIsReadBack(t *testing.T) {
	e := twentyThousand(t)
	s, err := Read(e.dir)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(s.Files["events.csv"].Faults["duplicate_row"]) != fmt.Sprint(e.summary.Files["events.csv"].Faults["duplicate_row"]) ||
		s.People != 20_000 || s.Seed != 42 || len(s.Files) != 8 {
		t.Errorf("read back %+v", s)
	}
	if _, err := Read(t.TempDir()); gatehouse.CodeOf(err) != gatehouse.CodeExtractMissing {
		t.Errorf("an empty folder gives %v", err)
	}
}

func TestProgressGoesUpToAll(t *testing.T) {
	last := 0
	mustWrite(t, Options{People: 3_000, Seed: 1, Progress: func(done, total int) {
		if done <= last || total != 3_000 {
			t.Errorf("progress went from %d to %d of %d", last, done, total)
		}
		last = done
	}})
	if last != 3_000 {
		t.Errorf("progress ended at %d", last)
	}
}

func TestSizesOutOfRangeAreRefused(t *testing.T) {
	for _, people := range []int{-1, 0, MinPeople - 1, MaxPeople + 1} {
		dir := filepath.Join(t.TempDir(), "out")
		if _, err := Write(context.Background(), Options{People: people, Dir: dir}); gatehouse.CodeOf(err) != gatehouse.CodeConfig {
			t.Errorf("%d people: %v", people, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%d people: the folder was made", people)
		}
	}
}

func TestOnlyAnEarlierRunIsReplaced(t *testing.T) {
	dir := t.TempDir()
	notes := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(notes, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(context.Background(), Options{People: 100, Dir: dir}); gatehouse.CodeOf(err) != gatehouse.CodeConfig {
		t.Fatalf("a folder with somebody's file: %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Fatalf("the refused folder was changed: %v", entries)
	}
	if err := os.Remove(notes); err != nil {
		t.Fatal(err)
	}

	mustWrite(t, Options{People: 100, Seed: 1, Dir: dir})
	if err := os.WriteFile(notes, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	// What a killed run leaves is taken away.
	stale := filepath.Join(dir, partialFolder)
	if err := os.MkdirAll(filepath.Join(stale, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	want := hashes(t, mustWrite(t, Options{People: 300, Seed: 2}).dir)
	mustWrite(t, Options{People: 300, Seed: 2, Dir: dir})
	got := hashes(t, dir)
	if got["notes.txt"] == "" {
		t.Error("a file that is not ours was lost")
	}
	delete(got, "notes.txt")
	if !maps.Equal(got, want) {
		t.Errorf("after a second run the folder holds %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

func TestFilesAreForTheOwnerOnly(t *testing.T) {
	e := mustWrite(t, Options{People: 100})
	err := filepath.Walk(e.dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is open to others: %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCancelledRunLeavesTheEarlierSet(t *testing.T) {
	e := mustWrite(t, Options{People: 100, Seed: 1})
	want := hashes(t, e.dir)
	ctx, cancel := context.WithCancel(context.Background())
	_, err := Write(ctx, Options{People: 50_000, Seed: 2, Dir: e.dir, Progress: func(done, _ int) {
		if done > 5_000 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if got := hashes(t, e.dir); !maps.Equal(got, want) {
		t.Errorf("the folder was changed: %v, want %v", got, want)
	}
}

func TestTwoRunsInOneFolderAreRefused(t *testing.T) {
	dir := t.TempDir()
	var inner error
	mustWrite(t, Options{People: 100, Dir: dir, Progress: func(int, int) {
		_, inner = Write(context.Background(), Options{People: 100, Dir: dir})
	}})
	if gatehouse.CodeOf(inner) != gatehouse.CodeBusy {
		t.Errorf("the second run: %v", inner)
	}
}

func TestFullDiskLeavesTheEarlierSet(t *testing.T) {
	dir := mount(t, "size=2m", 0)
	e := mustWrite(t, Options{People: 100, Seed: 1, Dir: filepath.Join(dir, "out")})
	want := hashes(t, e.dir)
	_, err := Write(context.Background(), Options{People: 20_000, Seed: 2, Dir: e.dir})
	if gatehouse.CodeOf(err) != gatehouse.CodeStorage || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "disk is full") {
		t.Fatalf("got %v", err)
	}
	if got := hashes(t, e.dir); !maps.Equal(got, want) {
		t.Errorf("the folder was changed: %v, want %v", got, want)
	}
}

func TestUnwritableFolderIsRefused(t *testing.T) {
	dir := mount(t, "size=64k", syscall.MS_RDONLY)
	_, err := Write(context.Background(), Options{People: 100, Dir: filepath.Join(dir, "out")})
	if gatehouse.CodeOf(err) != gatehouse.CodeStorage || !strings.Contains(err.Error(), "not writable") {
		t.Errorf("got %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(context.Background(), Options{People: 100, Dir: file}); gatehouse.CodeOf(err) != gatehouse.CodeStorage || !strings.Contains(err.Error(), "not a folder") {
		t.Errorf("a file in the folder's place: %v", err)
	}
}

// mount makes a small file system in memory, or skips where that is not allowed.
func mount(t *testing.T, options string, flags uintptr) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
		t.Skipf("no file system of a fixed size can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestMemoryDoesNotGrowWithPeople(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 180,000 people")
	}
	peak := func(people int) uint64 {
		runtime.GC()
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		most := uint64(0)
		if err := discard(context.Background(), people, func(int, int) {
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
		}); err != nil {
			t.Fatal(err)
		}
		return most
	}
	small, large := peak(20_000), peak(160_000)
	t.Logf("at most %.1f MB for 20,000 people, %.1f MB for 160,000", float64(small)/1e6, float64(large)/1e6)
	if large > small*3/2+8<<20 {
		t.Errorf("eight times the people took %d bytes after %d", large, small)
	}
}

// discard makes people and throws their rows away.
func discard(ctx context.Context, people int, progress func(done, total int)) error {
	out := &output{progress: progress, total: people}
	for i := range out.files {
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer null.Close()
		out.files[i], out.summaries[i] = null, &FileSummary{}
	}
	return run(ctx, newGenerator(1, people), out)
}
