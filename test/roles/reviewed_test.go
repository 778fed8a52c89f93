package roles

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata: look at every line that changes")

// reviewed compares a table with the one that people have read.
func reviewed(t *testing.T, file, got string) {
	t.Helper()
	var trimmed strings.Builder
	for line := range strings.Lines(got) {
		trimmed.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	got = trimmed.String()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
	}
	a, b := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for i := range b {
		if i >= len(a) || a[i] != b[i] {
			t.Errorf("%s is not what happens; if it should be, review it and keep what -update writes. The first line that differs, %d:\n%s", file, i+1, b[i])
			return
		}
	}
	if len(a) != len(b) {
		t.Errorf("%s has more lines than what happens", file)
	}
}

func writeFile(folder, name, text string) error {
	return os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600)
}
