package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
)

func TestInitDoesNotSeemToChangeAnInstallation(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "house")
	if _, err := commandLine(t, "init", "--dir", dir, "--max-list-age", "720h"); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(settingsFile(dir))
	if err != nil || !strings.Contains(string(before), "max_list_age: 720h\n") {
		t.Fatalf("the settings are %q, %v", before, err)
	}
	if _, err := commandLine(t, "init", "--dir", dir, "--max-list-age", "720h"); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "run")); err != nil { // what init would make anew
		t.Fatal(err)
	}
	_, err = commandLine(t, "init", "--dir", dir, "--max-list-age", "36h")
	if gatehouse.CodeOf(err) != gatehouse.CodeConflict || !strings.Contains(err.Error(), "30 days, not 36h") || !strings.Contains(err.Error(), settingsFile(dir)) {
		t.Errorf("got %v", err)
	}
	if after, err := os.ReadFile(settingsFile(dir)); err != nil || string(after) != string(before) {
		t.Errorf("the settings are now %q, %v", after, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "run")); err == nil {
		t.Error("a folder was made")
	}
}

func TestWhoCannotPublishIsToldWhatTheyLack(t *testing.T) {
	d := newConsole(t)
	t.Setenv("GATEHOUSE_ENGINE", os.Args[0]) // never started
	publish := []string{"publish", "--definition", "shared_care", "--extracts", t.TempDir()}
	d.refused(2, "There is no user custodian. Add one with 'gatehouse user add --dir DIR NAME' and 'gatehouse user grant", publish...)
	d.refused(1, "GH-102: ada is not a custodian.", append(publish, "--as", "ada")...)
	d.refused(2, "GH-302", append(publish, "--as", "cora")...)
}
