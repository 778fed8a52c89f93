package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse/catalog/synth"
)

// synthCommand runs gatehouse synth and gives its output, progress and exit status.
func synthCommand(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, progress bytes.Buffer
	root := newRootCommand()
	root.SetOut(&out)
	root.SetErr(&progress)
	root.SetArgs(append([]string{"synth"}, args...))
	if err := root.ExecuteContext(t.Context()); err != nil {
		return out.String(), err.Error(), exitStatus(err)
	}
	return out.String(), progress.String(), 0
}

func TestSynthWritesExtractsAndTellsWhat(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "extracts")
	out, progress, status := synthCommand(t, "--people", "150", "--seed", "9", "--out", dir, "--progress")
	if status != 0 || !strings.HasPrefix(out, "150 people, seed 9, in "+dir) || !strings.Contains(out, "events.csv") {
		t.Errorf("status %d, output %q", status, out)
	}
	if progress != "100 % of 150 people\n" {
		t.Errorf("progress %q", progress)
	}
	s, err := synth.Read(dir)
	if err != nil || s.People != 150 || s.Seed != 9 {
		t.Errorf("the folder holds %d people of seed %d: %v", s.People, s.Seed, err)
	}
}

func TestSynthTellsWhatIsWrong(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "thesis.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args   []string
		says   string
		status int
	}{
		"too few people":          {[]string{"--people", "5", "--out", t.TempDir()}, "between 100 and 60000000", 2},
		"somebody else's folder":  {[]string{"--people", "100", "--out", full}, "is not empty", 2},
		"a folder without a name": {[]string{"--people", "100", "--out", ""}, "No folder was given", 2},
	} {
		if _, message, status := synthCommand(t, c.args...); status != c.status || !strings.Contains(message, c.says) {
			t.Errorf("%s: status %d, %q", name, status, message)
		}
	}
}
