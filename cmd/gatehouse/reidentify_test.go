package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
)

// A file that is no list of pseudonyms is not read to its end.
func TestALongListOfPseudonymsIsNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "names")
	if err := os.WriteFile(path, []byte("aaaa\n bbbb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if names, err := readPseudonyms(path); err != nil || len(names) != 2 {
		t.Errorf("%v, %v", names, err)
	}
	if err := os.Truncate(path, 1<<40); err != nil {
		t.Fatal(err)
	}
	if _, err := readPseudonyms(path); gatehouse.CodeOf(err) != gatehouse.CodeTooLarge {
		t.Error(err)
	}
}
