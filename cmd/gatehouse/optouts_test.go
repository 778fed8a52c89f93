package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse/infra/mesh/meshtest"
)

// The command fetches the list that a publication then reads.
func TestOptOutsFetch(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tre")
	run := func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		root := newRootCommand()
		root.SetArgs(args)
		root.SetOut(&out)
		root.SetErr(&out)
		if err := root.ExecuteContext(t.Context()); err != nil {
			return "error: " + err.Error()
		}
		return out.String()
	}
	run("init", "--dir", dir, "--max-list-age", "720h")
	run("user", "add", "--dir", dir, "cara")
	run("user", "grant", "--dir", dir, "cara", "custodian")
	extracts := filepath.Join(dir, "custodian", "extracts", "care")
	run("synth", "--people", "200", "--out", extracts)
	want, err := os.ReadFile(filepath.Join(extracts, "national-opt-out.dat"))
	if err != nil {
		t.Fatal(err)
	}
	fetch := []string{"optouts", "fetch", "--dir", dir, "--definition", "shared_care", "--extracts", extracts, "--as", "cara"}
	if got := run(fetch...); !strings.Contains(got, "MESH is not configured") {
		t.Errorf("without settings: %s", got)
	}

	sandbox, err := meshtest.New(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer sandbox.Close()
	keys := filepath.Join(dir, "keys")
	for name, content := range map[string]string{"mesh.password": meshtest.Password, "mesh.shared": meshtest.SharedKey, "mesh.pem": string(sandbox.Credentials.CertificatePEM),
		"mesh.key.pem": string(sandbox.Credentials.KeyPEM), "mesh.authorities.pem": string(sandbox.Credentials.RootPEM)} {
		if err := os.WriteFile(filepath.Join(keys, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	settings, err := os.OpenFile(settingsFile(dir), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(settings, "mesh: {url: '%s', mailbox: %s, to: %s, password_file: keys/mesh.password, shared_key_file: keys/mesh.shared, certificate: keys/mesh.pem, key: keys/mesh.key.pem, authorities: keys/mesh.authorities.pem}\n",
		sandbox.URL, meshtest.Mailbox, meshtest.Service)
	settings.Close()

	// Who is on the generated list remains; everybody else has opted out.
	everybody, err := os.ReadFile(filepath.Join(extracts, "patients.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for row := range strings.Lines(string(everybody)) {
		if number, _, _ := strings.Cut(row, ","); !strings.Contains(string(want), number+",") {
			sandbox.OptedOut[number] = true
		}
	}
	sandbox.Fault(meshtest.Faults{NoReply: true})
	if got := run(fetch...); !strings.Contains(got, "there is no answer yet") {
		t.Errorf("without an answer: %s", got)
	}
	if got := run("optouts", "status", "--dir", dir, "--as", "cara"); !strings.Contains(got, "awaiting") {
		t.Errorf("status: %s", got)
	}
	if got := run("optouts", "give-up", "--dir", dir, "--as", "cara", "shared_care"); !strings.Contains(got, "was given up") {
		t.Errorf("give-up: %s", got)
	}
	sandbox.Fault(meshtest.Faults{})
	if got := run(fetch...); !strings.Contains(got, "The list stands in") {
		t.Fatalf("fetch: %s", got)
	}
	got, err := os.ReadFile(filepath.Join(extracts, "national-opt-out.dat"))
	if err != nil {
		t.Fatal(err)
	}
	for row := range strings.Lines(string(got)) {
		if !strings.Contains(string(want), row) {
			t.Error("the list names somebody who opted out")
		}
	}
	if err := os.Chmod(filepath.Join(keys, "mesh.password"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := run(fetch...); !strings.Contains(got, "Others can read") {
		t.Errorf("a secret that others can read: %s", got)
	}
}
