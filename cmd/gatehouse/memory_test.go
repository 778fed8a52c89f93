package main

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
)

// The service keeps to its memory, unless the environment says otherwise.
func TestTheServiceKeepsToItsMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	dir := filepath.Join(t.TempDir(), "house")
	if _, err := commandLine(t, "init", "--dir", dir, "--max-list-age", "720h"); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(settingsFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	limit := func(more string) (int64, error) {
		if err := os.WriteFile(settingsFile(dir), []byte(string(file)+more), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := readSettings(dir)
		if err == nil {
			err = s.limitMemory()
		}
		return debug.SetMemoryLimit(-1) >> 20, err
	}
	t.Setenv("GOMEMLIMIT", "")
	for more, want := range map[string]int64{"": 1024, "memory_mb: 3000\n": 3000} {
		if mb, err := limit(more); err != nil || mb != want {
			t.Errorf("%q: %d MiB, %v", more, mb, err)
		}
	}
	if _, err := limit("memory_mb: 64\n"); gatehouse.CodeOf(err) != gatehouse.CodeConfig {
		t.Errorf("too little memory: %v", err)
	}
	debug.SetMemoryLimit(7 << 20)
	t.Setenv("GOMEMLIMIT", "7MiB")
	if mb, err := limit(""); err != nil || mb != 7 {
		t.Errorf("beside GOMEMLIMIT: %d MiB, %v", mb, err)
	}
}
