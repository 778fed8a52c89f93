package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// console runs commands on one installation, as somebody who types them.
type console struct {
	t   *testing.T
	dir string
}

// newConsole has an installation with the users ada, and cora the custodian.
func newConsole(t *testing.T) *console {
	t.Helper()
	t.Setenv("GATEHOUSE_TOKEN", "")
	d := &console{t, filepath.Join(t.TempDir(), "house")}
	if err := initialise(d.dir, settings{MaxListAge: 720 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	d.ok("user", "add", "ada")
	d.ok("user", "add", "cora")
	d.ok("user", "grant", "cora", "custodian")
	return d
}

// run gives what a command wrote, its message, and its exit status.
func (d *console) run(args ...string) (out, message string, status int) {
	d.t.Helper()
	var b bytes.Buffer
	root := newRootCommand()
	root.SetOut(&b)
	root.SetErr(&b)
	root.SetArgs(append(args, "--dir", d.dir))
	if err := root.ExecuteContext(context.Background()); err != nil {
		return b.String(), err.Error(), exitStatus(err)
	}
	return b.String(), "", 0
}

// ok runs a command that must succeed.
func (d *console) ok(args ...string) string {
	d.t.Helper()
	out, message, status := d.run(args...)
	if status != 0 {
		d.t.Fatalf("%v: %s", args, message)
	}
	return out
}

// refused runs a command that must fail, saying something.
func (d *console) refused(status int, says string, args ...string) {
	d.t.Helper()
	if _, message, got := d.run(args...); got != status || !strings.Contains(message, says) {
		d.t.Errorf("%v: status %d, %q; want %d and %q", args, got, message, status, says)
	}
}

// as gives the file of a new token of a user.
func (d *console) as(user string) string {
	d.t.Helper()
	file := filepath.Join(d.t.TempDir(), user)
	if err := os.WriteFile(file, []byte(d.ok("token", "issue", user)), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return "--token-file=" + file
}

func TestUsersAndTokensFromTheCommandLine(t *testing.T) {
	d := newConsole(t)
	d.refused(2, "GH-110", "user", "add", "ada")
	d.refused(1, "GH-402", "user", "grant", "cora", "operator")
	if out := d.ok("user", "add", "olive") + d.ok("user", "grant", "olive", "auditor") + d.ok("user", "revoke", "olive", "auditor"); strings.Count(out, "\n") != 3 || !strings.Contains(out, "olive has the role auditor now.") {
		t.Errorf("said %q", out)
	}
	if out := d.ok("user", "list"); out != fmt.Sprintf("%-20s -\n%-20s custodian\n%-20s -\n", "ada", "cora", "olive") {
		t.Errorf("listed %q", out)
	}
	d.refused(2, "GH-103", "token", "issue", "zoe")
	ada := d.as("ada")
	d.refused(1, "GH-102", "token", "issue", "ada", ada) // house tokens are the owner's to give
	listed := d.ok("token", "list", "ada", ada)
	id, _, _ := strings.Cut(listed, " ")
	if strings.Count(listed, "\n") != 1 || !strings.HasPrefix(id, "tok_") {
		t.Fatalf("listed %q", listed)
	}
	d.refused(1, "GH-102", "token", "list", "ada", d.as("cora"))
	d.ok("token", "revoke", id)
	d.refused(1, "GH-101", "project", "list", ada)
	if listed := d.ok("token", "list", "ada"); !strings.Contains(listed, "revoked") {
		t.Errorf("listed %q", listed)
	}
}

func TestProjectsFromTheCommandLine(t *testing.T) {
	d := newConsole(t)
	file := filepath.Join(t.TempDir(), "project.yaml")
	text := "id: asthma\ntitle: T\npurpose: P\npolicy: sdap\nexpires: 2999-12-31\nmembers: [{user: ada, role: lead, training_until: 2999-01-01}]\n" +
		"datasets: [{dataset: shared_care, tables: [{table: patients}]}]\n"
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(text)
	d.refused(1, "GH-101", "project", "create", file)
	ada := d.as("ada")
	d.refused(2, "no such version of dataset", "project", "create", file, ada)
	write(text + "thresold: 3\n")
	d.refused(2, `unknown field "thresold"`, "project", "create", file, ada)
	d.refused(2, "GH-109", "project", "create", filepath.Join(t.TempDir(), "missing.yaml"), ada)
	d.refused(2, "GH-103", "project", "approve", "asthma", d.as("cora"))
	d.refused(2, "GH-103", "project", "submit", "asthma", ada)
	d.refused(2, "GH-103", "workspace", "open", "asthma")
	if out := d.ok("project", "list", ada); out != "" {
		t.Errorf("listed %q", out)
	}
}

func TestAProjectBeginsWithTheExample(t *testing.T) {
	for _, wrong := range [][]string{{"project", "create"}, {"project", "create", "--example", "--dir", "x"}, {"project", "create", "--example", "file"}} {
		if _, err := commandLine(t, wrong...); gatehouse.CodeOf(err) != gatehouse.CodeUsage {
			t.Errorf("%v: %v", wrong, err)
		}
	}
	out, err := commandLine(t, "project", "create", "--example")
	if err != nil {
		t.Fatal(err)
	}
	p, err := workspaces.ParseProject(strings.NewReader(out))
	if err != nil || !p.Expires.After(time.Now()) {
		t.Fatalf("%v\n%s", err, out)
	}
	definition, err := commandLine(t, "catalog", "definition", p.Datasets[0].Dataset)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := catalog.ParseDefinition("d.yaml", []byte(definition)); err != nil {
		t.Error(err)
	}
	for _, g := range p.Datasets[0].Tables {
		if !strings.Contains(definition, "- name: "+g.Table+"\n") {
			t.Errorf("there is no table %s", g.Table)
		}
		for _, c := range g.Columns {
			if !strings.Contains(definition, c) {
				t.Errorf("there is no column %s", c)
			}
		}
	}
	if _, err := commandLine(t, "catalog", "definition", "../x"); gatehouse.CodeOf(err) != gatehouse.CodeNotFound {
		t.Error(err)
	}
}

// TestEachStepOfAProjectSaysThatItIsDone takes a project from its draft to its
// end, by the lead and a custodian.
func TestEachStepOfAProjectSaysThatItIsDone(t *testing.T) {
	d := newConsole(t)
	in, err := openInstallation(t.Context(), d.dir)
	if err != nil {
		t.Fatal(err)
	}
	err = state.Workspaces(in.state).Update(t.Context(), func(tx workspaces.Tx) error {
		if err := tx.AddCustodian(t.Context(), "shared_care", "cora"); err != nil {
			return err
		}
		return tx.AddProject(t.Context(), workspaces.Project{ID: "asthma", Title: "T", Purpose: "P", State: workspaces.ProjectActive, Policy: "sdap",
			OptOutBasis: workspaces.BasisApplies, Expires: time.Now().AddDate(1, 0, 0), CreatedBy: "ada", ApprovedBy: "dora", Version: 1,
			Members:  []workspaces.Member{{User: "ada", Role: gatehouse.RoleLead, TrainingUntil: time.Now().AddDate(1, 0, 0)}},
			Datasets: []workspaces.DatasetGrant{{Dataset: "shared_care", Version: 1, Tables: []workspaces.TableGrant{{Table: "patients"}}}}})
	})
	if err := errors.Join(err, in.close()); err != nil {
		t.Fatal(err)
	}
	d.ok("user", "add", "ben")
	cora := d.as("cora")
	for _, step := range []struct {
		args []string
		says string
	}{
		{[]string{"suspend", "asthma", "--why", "A question about the data"}, "The project asthma is suspended.\n"},
		{[]string{"resume", "asthma"}, "The project asthma is active again.\n"},
		{[]string{"member", "asthma", "ben", "--training-until", "2999-01-01"}, "ben is researcher of the project asthma, trained until 2999-01-02T00:00:00Z.\n"},
		{[]string{"member", "asthma", "ben", "--remove"}, "ben is not a member of the project asthma any more.\n"},
		{[]string{"expiry", "asthma", "2999-01-01"}, "The project asthma expires at 2999-01-02T00:00:00Z.\n"},
		{[]string{"close", "asthma", "--why", "The work is done"}, "The project asthma is closed.\n"},
		{[]string{"archive", "asthma"}, "The project asthma is archived.\n"},
	} {
		if out := d.ok(append(append([]string{"project"}, step.args...), cora)...); out != step.says {
			t.Errorf("%v said %q", step.args, out)
		}
	}
	d.refused(2, "The project is archived already.", "project", "archive", "asthma", cora)
}

func TestPolicyIsExplained(t *testing.T) {
	d := newConsole(t)
	for question, answer := range map[string]string{
		"cora project.approve asthma": `allowed: project.approve in project asthma, by the rule "custodian, project.approve"`,
		"ada project.create":          `allowed: project.create in the house, by the rule "applicant, project.create"`,
		"ada project.approve asthma":  "denied: project.approve in project asthma",
	} {
		if out := d.ok(append([]string{"policy", "explain"}, strings.Fields(question)...)...); !strings.Contains(out, answer) {
			t.Errorf("%s: %s", question, out)
		}
	}
	d.refused(2, "There is no user zoe.", "policy", "explain", "zoe", "dataset.read")
	d.refused(2, `There is no action "dataset.publsh".`, "policy", "explain", "cora", "dataset.publsh")
	if help := d.ok("policy", "explain", "--help"); !strings.Contains(help, "\n  workspace.query\n") {
		t.Errorf("the help names no actions: %s", help)
	}
}

func TestJournalFromTheCommandLine(t *testing.T) {
	d := newConsole(t)
	kept := filepath.Join(t.TempDir(), "kept")
	checkpoint, err := os.ReadFile(filepath.Join(d.dir, "journal", "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kept, checkpoint, 0o600); err != nil {
		t.Fatal(err)
	}
	if out := d.ok("journal", "verify"); !strings.HasPrefix(out, "The journal is in order: 3 events") {
		t.Errorf("said %q", out)
	}
	if out := d.ok("journal", "list", "--subject", "cora", "--limit", "1"); !strings.Contains(out, "role.granted") || strings.Count(out, "\n") != 1 {
		t.Errorf("listed %q", out)
	}
	if out := d.ok("journal", "list", "--json"); strings.Count(out, "\n") != 3 || !strings.HasPrefix(out, `{"index":0,"event":{`) {
		t.Errorf("listed %q", out)
	}
	if out := d.ok("journal", "proof", "user.added", "ada"); !strings.Contains(out, `"checkpoint"`) {
		t.Errorf("proved %q", out)
	}
	d.refused(2, "GH-103", "journal", "proof", "user.added", "zoe")

	tamper := func(statement string) {
		t.Helper()
		db, err := state.Open(t.Context(), filepath.Join(d.dir, "state", "gatehouse.db"), state.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.Update(t.Context(), func(tx *state.Tx) error { _, err := tx.SQL().Exec(statement); return err }); err != nil {
			t.Fatal(err)
		}
	}
	tamper(`UPDATE journal_events SET event = replace(event, 'cora', 'eve') WHERE idx = 2`)
	d.refused(1, "event 2: it was changed", "journal", "verify")
	// Taken out altogether, with the hashes and checkpoints of before: the service
	// does not know, but whoever kept a checkpoint does.
	tamper(`DELETE FROM journal_events`)
	tamper(`DELETE FROM journal_hashes`)
	tamper(`DELETE FROM journal_checkpoint`)
	d.refused(1, "the checkpoint file covers 3 events, the database 0", "user", "add", "eve")
	if err := os.Remove(filepath.Join(d.dir, "journal", "checkpoint")); err != nil {
		t.Fatal(err)
	}
	d.ok("journal", "verify")
	d.refused(1, "event 0: it is missing", "journal", "verify", "--checkpoint", kept)
}
