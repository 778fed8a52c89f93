package catalog_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// publishInChild is set in processes that only publish, to be killed: the
// installation, the extracts, whether they are of changes, the engine's binary, its
// sockets, and the step at which the process kills itself, 0 for none.
const publishInChild = "GATEHOUSE_TEST_PUBLISH"

// steps kills its process at one of the calls by which a publication reaches
// anything outside of itself: before it, or after it was done.
type steps struct{ at, now int }

func (s *steps) step() {
	if s.now++; s.now == s.at {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
}

func (s *steps) around(do func() error) error {
	s.step()
	defer s.step()
	return do()
}

// killedEngine is an engine whose user may die at each call.
type killedEngine struct {
	catalog.Engine
	steps *steps
}

func (e killedEngine) Load(ctx context.Context, table string, rows array.RecordReader) error {
	return e.steps.around(func() error { return e.Engine.Load(ctx, table, rows) })
}

func (e killedEngine) Copy(ctx context.Context, sql string, rows array.RecordReader) error {
	return e.steps.around(func() error { return e.Engine.Copy(ctx, sql, rows) })
}

func (e killedEngine) Exec(ctx context.Context, sql ...string) error {
	return e.steps.around(func() error { return e.Engine.Exec(ctx, sql...) })
}

func (e killedEngine) Query(ctx context.Context, sql string) (r array.RecordReader, err error) {
	err = e.steps.around(func() error { r, err = e.Engine.Query(ctx, sql); return err })
	return r, err
}

func (e killedEngine) Close() error { return e.steps.around(e.Engine.Close) }

// killedSigner and killedStore are the last steps: between the files and the
// manifest, and between the version and its record.
type killedSigner struct {
	signer
	steps *steps
}

func (s killedSigner) Sign(ctx context.Context, message []byte) (out []byte, err error) {
	err = s.steps.around(func() error { out, err = s.signer.Sign(ctx, message); return err })
	return out, err
}

type killedStore struct {
	catalog.Store
	steps *steps
}

func (s killedStore) RecordPublished(ctx context.Context, actor string, v catalog.Version) error {
	return s.steps.around(func() error { return s.Store.RecordPublished(ctx, actor, v) })
}

func childPublishes() int {
	args := strings.Split(os.Getenv(publishInChild), "\n")
	d, err := catalog.ParseDefinition("registry.yaml", []byte(registryText))
	if err != nil {
		return 2
	}
	at, err := strconv.Atoi(args[5])
	if err != nil {
		return 2
	}
	key, s := newSigner(), &steps{at: at}
	start := startEngine(args[3], args[4], 1)
	_, err = catalog.Publish(context.Background(), catalog.PublishOptions{
		Dir: args[0], Definition: d, Extracts: args[1], Changes: args[2] == "changes",
		Principal: gatehouse.Principal{User: "olive"}, Authorizer: policy{},
		Start: func(ctx context.Context, read []string, write, temp string) (e catalog.Engine, err error) {
			err = s.around(func() error { e, err = start(ctx, read, write, temp); return err })
			return killedEngine{e, s}, err
		},
		Signer: killedSigner{key, s}, Public: key.public(), Store: killedStore{&recorder{}, s},
		Progress: func(catalog.Progress) { s.step() },
	})
	fmt.Println("steps", s.now)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// Killed at any moment, a publication leaves the old versions or the old and the
// new: never a half one, and nothing that stands in the way of the next; and the
// manifests are one chain. Half of the kills are at steps, half at any time; every
// other publication is of changes, which share files with what stands.
// GATEHOUSE_KILLS says how many (make test-kill: 500).
func TestAKilledPublicationLeavesTheOldOrTheNew(t *testing.T) {
	rounds := 16
	if given, err := strconv.Atoi(os.Getenv("GATEHOUSE_KILLS")); err == nil {
		rounds = given
	}
	h := newHouse(t)
	r := newRegistry(200)
	r.extract(h, r.some(200), nil)
	whole := h.extracts
	h.extracts = t.TempDir()
	r.extract(h, r.some(3), nil)
	parts := h.extracts
	binary, err := engineBinary()
	if err != nil {
		t.Fatal(err)
	}
	sockets, err := os.MkdirTemp("", "gh")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(sockets)
	start := func(changes bool, at int) (*exec.Cmd, *strings.Builder) {
		cmd, out, from, mode := exec.Command(os.Args[0]), &strings.Builder{}, whole, "whole"
		if changes {
			from, mode = parts, "changes"
		}
		cmd.Env = append(os.Environ(), publishInChild+"="+strings.Join([]string{h.dir, from, mode, binary, sockets, strconv.Itoa(at)}, "\n"))
		cmd.Stdout = out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, out
	}
	count := map[bool]int{}          // steps of an undisturbed publication
	took := map[bool]time.Duration{} // and its time
	for _, changes := range []bool{false, true} {
		began := time.Now()
		cmd, out := start(changes, 0)
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		took[changes] = time.Since(began)
		n, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(out.String(), "steps ")))
		if err != nil || n < 20 {
			t.Fatalf("%q: %v", out, err)
		}
		count[changes] = n
	}
	catalogue := mustOpen(t, h)
	shown := h.content(mustVersion(t, catalogue, 2), "events")
	killed, published, checked := 0, 0, 0
	for round := range rounds {
		changes := round%2 == 1
		var cmd *exec.Cmd
		if round%4 < 2 {
			cmd, _ = start(changes, 1+rand.IntN(count[changes]))
		} else {
			cmd, _ = start(changes, 0)
			kill := time.AfterFunc(time.Duration(rand.Int64N(int64(took[changes]*5/4))), func() { _ = cmd.Process.Kill() })
			defer kill.Stop()
		}
		if cmd.Wait() != nil {
			killed++
		} else {
			published++
		}
		versions, err := catalogue.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		folders, _ := filepath.Glob(filepath.Join(h.dir, "versions", "*", "*"))
		if len(folders) != len(versions) {
			t.Fatalf("%d folders of %d versions", len(folders), len(versions))
		}
		if len(versions) < 2+published {
			t.Fatalf("a version is lost: %d stand, %d were published", len(versions), 2+published)
		}
		for ; checked < len(versions); checked++ { // all of them once more at the end
			if _, err := catalogue.Version(t.Context(), versions[checked].Dataset, versions[checked].Number); err != nil {
				t.Fatal(err)
			}
		}
		if err := catalog.VerifyChain(h.dir, "registry", h.signer.public(), nil); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d of %d publications were killed", killed, rounds)
	if killed < rounds/4 {
		t.Errorf("only %d of %d were killed on the way", killed, rounds)
	}
	h.extracts = whole
	last := h.mustPublish(registryDefinition(t))
	left, _ := filepath.Glob(filepath.Join(h.dir, "custodian", "work", "publish-*"))
	if len(left) > 0 {
		t.Errorf("work is left: %v", left)
	}
	for n := 1; n <= last.Number; n++ {
		if v := mustVersion(t, mustOpen(t, h), n); (n < 5 || n == last.Number) && !sameContent(h.content(v, "events"), shown) {
			t.Errorf("%s shows other rows, or people have other units", v.Name())
		}
	}
	if !slices.Equal(h.store.versions, []string{fmt.Sprintf("registry@%d", last.Number-1), last.Name()}) {
		t.Errorf("recorded: %v", h.store.versions)
	}
}

func mustVersion(t testing.TB, c *catalog.Catalogue, number int) catalog.Version {
	t.Helper()
	v, err := c.Version(context.Background(), "registry", number)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
