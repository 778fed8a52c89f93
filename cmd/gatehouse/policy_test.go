package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const northPolicy = `name: north
source: the North's data access committee
threshold: 15
rounding: controlled
round_counts: 10
digits: 3
dominance: {n: 2, k: 0.85, p: 0.1}
degrees_of_freedom: 10
variance_extra: 1
quantile_grains: 1
allow_full: false
`

func (d *console) file(name, text string) string {
	d.t.Helper()
	path := filepath.Join(d.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

func TestACustodianAddsPolicies(t *testing.T) {
	d := newConsole(t)
	cora, ada := d.as("cora"), d.as("ada")
	north := d.file("north.yaml", northPolicy)

	d.refused(1, "GH-102", "policy", "add", ada, north) // no custodian
	d.refused(2, "GH-503", "policy", "show", "north")
	if out := d.ok("policy", "add", cora, north); !strings.HasPrefix(out, "The policy north@1 is added: SHA-256 ") {
		t.Errorf("said %q", out)
	}
	d.refused(2, "This file is the policy north@1 already", "policy", "add", cora, north)
	d.refused(2, "threshold is 4", "policy", "add", cora, d.file("weak.yaml", strings.Replace(northPolicy, "15", "4", 1)))
	d.refused(2, "is part of Gatehouse", "policy", "add", cora, d.file("sdap.yaml", strings.Replace(northPolicy, "north", "sdap", 1)))
	d.refused(2, "cannot be read", "policy", "add", cora, d.dir) // a folder
	changed := strings.Replace(northPolicy, "threshold: 15", "threshold: 20", 1)
	if out := d.ok("policy", "add", cora, d.file("north.yaml", changed)); !strings.HasPrefix(out, "The policy north@2 is added") {
		t.Errorf("said %q", out)
	}
	// Back to the first rules is a version of its own: what ran when stays readable.
	if out := d.ok("policy", "add", cora, north); !strings.HasPrefix(out, "The policy north@3 is added") {
		t.Errorf("said %q", out)
	}
	for name, want := range map[string]string{"north": northPolicy, "north@1": northPolicy, "north@2": changed, "north@3": northPolicy} {
		if out := d.ok("policy", "show", name); out != want {
			t.Errorf("%s is %q", name, out)
		}
	}
	d.refused(2, `The disclosure policy "north@4" is not known`, "policy", "show", "north@4")
	if out := d.ok("policy", "list"); !strings.Contains(out, "sdap@1") || !strings.Contains(out, "nhs@1") || !strings.Contains(out, "opensafely@1") || !strings.Contains(out, "north@2") || !strings.Contains(out, "by cora") {
		t.Errorf("listed %s", out)
	}
	if out := d.ok("journal", "list"); strings.Count(out, "policy.added.refused") != 1 || strings.Count(out, "policy.added") != 4 || !strings.Contains(out, "north@3") {
		t.Errorf("the journal says %s", out)
	}
	d.ok("journal", "verify")
}

func TestPoliciesAreCheckedAndShownWithoutAnInstallation(t *testing.T) {
	run := func(args ...string) (string, error) {
		var b bytes.Buffer
		root := newRootCommand()
		root.SetOut(&b)
		root.SetArgs(append([]string{"policy"}, args...))
		err := root.Execute()
		return b.String(), err
	}
	d := &console{t: t}
	out, err := run("check", d.file("north.yaml", northPolicy))
	if err != nil || !strings.Contains(out, "at least 15 people") || !strings.Contains(out, "less than 85 % of it") || !strings.Contains(out, "nearest 10") {
		t.Errorf("said %q, %v", out, err)
	}
	if _, err := run("check", d.file("x.yaml", northPolicy+"treshold: 3\n")); err == nil || !strings.Contains(err.Error(), "treshold") {
		t.Errorf("a misspelt key: %v", err)
	}
	// Every built-in file is one to begin with.
	for _, name := range []string{"sdap", "nhs", "opensafely@1"} {
		text, err := run("show", name)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := run("check", d.file(name, text)); err != nil || !strings.Contains(out, "needs another name") {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
	if _, err := run("show", "north"); err == nil {
		t.Error("a policy of nowhere is shown")
	}
}
