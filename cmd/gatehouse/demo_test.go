package main

import (
	"bytes"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog/synth"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func TestADemonstrationOfOtherPeopleIsRefused(t *testing.T) {
	dir := t.TempDir()
	d := &demo{dir: dir, people: 20_000, seed: 1}
	if err := d.checkPeople(); err != nil {
		t.Fatalf("an empty folder: %v", err)
	}
	if _, err := synth.Write(t.Context(), synth.Options{People: synth.MinPeople, Seed: 9, Dir: d.extracts()}); err != nil {
		t.Fatal(err)
	}
	if err := d.checkPeople(); err != nil {
		t.Errorf("defaults fit whatever is there: %v", err)
	}
	for _, flags := range [][]string{{"--people", "20000"}, {"--seed", "1"}} {
		_, err := commandLine(t, append([]string{"demo", "--dir", dir}, flags...)...)
		if gatehouse.CodeOf(err) != gatehouse.CodeConflict || !strings.Contains(err.Error(), "(seed 9)") || !strings.Contains(err.Error(), "--dir") {
			t.Errorf("%v: %v", flags, err)
		}
	}
	d.people, d.seed, d.peopleGiven, d.seedGiven = synth.MinPeople, 9, true, true
	if err := d.checkPeople(); err != nil {
		t.Errorf("the same people: %v", err)
	}
}

func TestARestartedDemonstrationListensWhereItDid(t *testing.T) {
	var said bytes.Buffer
	d := &demo{out: &said, began: time.Now()}
	taken, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	gone, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	free := gone.Addr().String()
	gone.Close()
	for _, c := range []struct{ given, last, want, says string }{
		{"", "", anyPort, ""},
		{"", free, free, "last run's address " + free},
		{"", taken.Addr().String(), anyPort, "is taken"},
		{"127.0.0.1:7", free, "127.0.0.1:7", ""},
	} {
		said.Reset()
		if got := d.address("HTTP API", c.given, c.last); got != c.want || !strings.Contains(said.String(), c.says) {
			t.Errorf("given %q after %q: %q, saying %q", c.given, c.last, got, said.String())
		}
	}
	dir := t.TempDir()
	if m := recallDemo(dir); m.HTTP != "" {
		t.Errorf("a first run remembers %v", m)
	}
	if err := initialise(dir, settings{MaxListAge: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if err := writePrivate(demoMemoryFile(dir), demoMemory{HTTP: free, Tokens: []string{"tok-1"}}); err != nil {
		t.Fatal(err)
	}
	if m := recallDemo(dir); m.HTTP != free || !slices.Equal(m.Tokens, []string{"tok-1"}) {
		t.Errorf("it remembers %v", m)
	}
}

func TestTheTokensOfTheLastDemonstrationEnd(t *testing.T) {
	ctx, dir := t.Context(), filepath.Join(t.TempDir(), "house")
	if err := initialise(dir, settings{MaxListAge: time.Hour}); err != nil {
		t.Fatal(err)
	}
	in, err := openInstallation(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	if err := (&demo{}).enrol(ctx, in); err != nil {
		t.Fatal(err)
	}
	p := workspaces.Project{ID: demoProject, Title: "T", Purpose: "P", State: workspaces.ProjectActive, Policy: "sdap", OptOutBasis: workspaces.BasisApplies,
		Expires: time.Now().AddDate(1, 0, 0), CreatedBy: "lead", Version: 1}
	for name, role := range demoMembers {
		p.Members = append(p.Members, workspaces.Member{User: name, Role: role, TrainingUntil: p.Expires})
	}
	if err := state.Workspaces(in.state).Update(ctx, func(tx workspaces.Tx) error {
		if err := tx.AddProject(ctx, p); err != nil {
			return err
		}
		return tx.AddWorkspace(ctx, workspaces.Workspace{ID: demoWorkspace, Project: demoProject})
	}); err != nil {
		t.Fatal(err)
	}
	own, err := in.workspaces.IssueHouseToken(ctx, workspaces.System, "custodian", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	first, ids, err := issueTokens(ctx, in, nil)
	if err != nil || len(first) != 8 || len(ids) != 8 {
		t.Fatalf("%d tokens, %d ids, %v", len(first), len(ids), err)
	}
	second, _, err := issueTokens(ctx, in, append(ids, "tok-unknown"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(first)) {
		if _, err := in.workspaces.Authenticate(ctx, first[name]); gatehouse.CodeOf(err) != gatehouse.CodeUnauthenticated {
			t.Errorf("the old token of %s: %v", name, err)
		}
		if who, err := in.workspaces.Authenticate(ctx, second[name]); err != nil || who.User != name {
			t.Errorf("the new token of %s: %v", name, err)
		}
	}
	if _, err := in.workspaces.Authenticate(ctx, own); err != nil {
		t.Errorf("a token that the demonstration did not make: %v", err)
	}
}

func TestTheSnippetOfTheDemonstrationAsksWithoutTransactions(t *testing.T) {
	var said bytes.Buffer
	(&demo{out: &said}).explain(readiness{})
	if !strings.Contains(said.String(), "autocommit=True") {
		t.Error("the driver would warn that it cannot turn autocommit off")
	}
}
