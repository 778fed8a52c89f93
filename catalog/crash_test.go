package catalog_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// publishInChild is set in processes that only publish, to be killed: the
// installation, the extracts, the engine's binary and its sockets.
const publishInChild = "GATEHOUSE_TEST_PUBLISH"

func childPublishes() int {
	args := strings.Split(os.Getenv(publishInChild), "\n")
	d, ok := catalog.ShippedDefinition("shared_care")
	if !ok {
		return 2
	}
	key := newSigner()
	_, err := catalog.Publish(context.Background(), catalog.PublishOptions{
		Dir: args[0], Definition: d, Extracts: args[1],
		Principal: gatehouse.Principal{User: "olive"}, Authorizer: policy{},
		Start: startEngine(args[2], args[3], 1), Signer: key, Public: key.public(), Store: &recorder{},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// Killed at any moment, a publication leaves the old versions or the old and the
// new: never a half one, and nothing that stands in the way of the next.
func TestAKilledPublicationLeavesTheOldOrTheNew(t *testing.T) {
	h := newHouse(t)
	h.synthesize(1000)
	binary, err := engineBinary()
	if err != nil {
		t.Fatal(err)
	}
	sockets, err := os.MkdirTemp("", "gh")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(sockets)
	start := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), publishInChild+"="+strings.Join([]string{h.dir, h.extracts, binary, sockets}, "\n"))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	began := time.Now()
	if err := start().Wait(); err != nil {
		t.Fatal(err)
	}
	whole := time.Since(began)

	catalogue := mustOpen(t, h)
	const rounds = 15
	killed := 0
	for range rounds {
		cmd := start()
		kill := time.AfterFunc(time.Duration(rand.Int64N(int64(whole*5/4))), func() { _ = cmd.Process.Kill() })
		if cmd.Wait() != nil {
			killed++
		}
		kill.Stop()
		versions, err := catalogue.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		folders, _ := filepath.Glob(filepath.Join(h.dir, "versions", "*", "*"))
		if len(folders) != len(versions) {
			t.Fatalf("%d folders of %d versions", len(folders), len(versions))
		}
		for _, v := range versions {
			if _, err := catalogue.Version(t.Context(), v.Dataset, v.Number); err != nil {
				t.Fatal(err)
			}
		}
	}
	if killed < rounds/5 {
		t.Errorf("only %d of %d were killed on the way", killed, rounds)
	}
	last := h.mustPublish(sharedCare(t))
	left, _ := filepath.Glob(filepath.Join(h.dir, "custodian", "work", "publish-*"))
	if len(left) > 0 {
		t.Errorf("work is left: %v", left)
	}
	first, err := catalogue.Version(t.Context(), "shared_care", 1)
	if err != nil {
		t.Fatal(err)
	}
	people := func(v catalog.Version) string {
		return fmt.Sprint(h.query("SELECT * FROM " + table(v, "patients") + " ORDER BY ALL"))
	}
	if people(first) != people(last) {
		t.Error("people have other units than before")
	}
	if !slices.Equal(h.store.versions, []string{fmt.Sprintf("shared_care@%d", last.Number-1), last.Name()}) {
		t.Errorf("recorded: %v", h.store.versions)
	}
}
