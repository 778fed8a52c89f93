package workspaces_test

import (
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

var secondCustodian = gatehouse.Principal{User: "carl"}

// index is a person index that a test writes.
type index map[uint32][]string

func (x index) Identifiers(_ context.Context, _ string, units []uint32) (map[uint32][]string, error) {
	out := map[uint32][]string{}
	for _, u := range units {
		if names, ok := x[u]; ok {
			out[u] = names
		}
	}
	return out, nil
}

const because = "A laboratory result that cannot wait."

// traceable is a house with an active project and two of its pseudonyms.
func traceable(t *testing.T) (*house, []string) {
	h := newHouse(t)
	h.Service.Index = index{3: {"9990000018", "RXX/H12"}}
	h.activate()
	people := readPopulation(t, filepath.Join(h.dir, "workspaces", "diabetes-outcomes", "population.parquet"))
	return h, []string{people[3], people[6]}
}

func readTraced(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

func TestTwoCustodiansTraceAPseudonym(t *testing.T) {
	h, names := traceable(t)
	ctx := t.Context()
	nobody := strings.Repeat("a", 32)
	a, err := h.AskReidentification(ctx, custodian, "diabetes-outcomes", "shared_care", "safety", because, []string{names[0], names[1], nobody})
	h.must(err)
	if _, err := os.Stat(h.TracedFile(a)); err == nil {
		t.Fatal("traced before it was approved")
	}
	// Whoever asked, and whoever is no custodian, approve nothing.
	for _, who := range []gatehouse.Principal{custodian, lead, {User: "chad"}, {User: "oona"}, {User: "aude"}, {User: "ben"}, {}} {
		if _, err := h.ApproveJointAct(ctx, who, a.ID); err == nil {
			t.Errorf("%q approved", who.User)
		}
	}
	_, err = h.ApproveJointAct(ctx, custodian, a.ID)
	h.want(err, gatehouse.CodeSeparation)
	if _, err := os.Stat(filepath.Join(h.dir, "custodian", "reidentified")); err == nil {
		t.Fatal("something was traced")
	}

	done, err := h.ApproveJointAct(ctx, secondCustodian, a.ID)
	h.must(err)
	if done.State != workspaces.JointDone || done.AskedBy != "cora" || done.DecidedBy != "carl" {
		t.Errorf("%+v", done)
	}
	rows := readTraced(t, h.TracedFile(a))
	want := [][]string{{nobody, "", "", "no pseudonym of this project"}, {names[0], "1", "9990000018", "found"}, {names[0], "1", "RXX/H12", "found"},
		{names[1], "1", "", "nobody of this dataset's person index"}}
	slices.SortFunc(rows, slices.Compare)
	slices.SortFunc(want, slices.Compare)
	if !slices.EqualFunc(rows, want, slices.Equal) {
		t.Errorf("got %q", rows)
	}
	if info, err := os.Stat(h.TracedFile(a)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the result: %v, %v", info.Mode(), err)
	}
	var told []string
	for _, e := range h.events() {
		if e.Subject != a.ID {
			continue
		}
		told = append(told, e.Actor+" "+e.Action)
		for _, v := range e.Detail {
			if strings.Contains(v, "999000") || strings.Contains(v, names[0]) || strings.Contains(v, "laboratory") {
				t.Errorf("the journal says %q", v)
			}
		}
	}
	for _, want := range []string{"cora reidentify.asked", "cora reidentify.approved.refused", "carl reidentify.approved", "system reidentify.done"} {
		if !slices.Contains(told, want) {
			t.Errorf("the journal lacks %q: %q", want, told)
		}
	}
	_, err = h.ApproveJointAct(ctx, secondCustodian, a.ID)
	h.want(err, gatehouse.CodeJointState)
}

func TestWhatIsRefusedOfTracing(t *testing.T) {
	h, names := traceable(t)
	ctx := t.Context()
	for what, c := range map[string]struct {
		who              gatehouse.Principal
		dataset, purpose string
		reason           string
		names            []string
		code             gatehouse.Code
	}{
		"the lead":             {lead, "shared_care", "safety", because, names, gatehouse.CodeDenied},
		"a checker":            {gatehouse.Principal{User: "chad"}, "shared_care", "safety", because, names, gatehouse.CodeDenied},
		"an auditor":           {gatehouse.Principal{User: "aude"}, "shared_care", "safety", because, names, gatehouse.CodeDenied},
		"another dataset":      {custodian, "other", "safety", because, names, gatehouse.CodeNotFound},
		"no purpose":           {custodian, "shared_care", "curiosity", because, names, gatehouse.CodeJointInvalid},
		"no reason":            {custodian, "shared_care", "safety", "  because  ", names, gatehouse.CodeJointInvalid},
		"nobody":               {custodian, "shared_care", "safety", because, nil, gatehouse.CodeJointInvalid},
		"what is no pseudonym": {custodian, "shared_care", "safety", because, []string{"9990000018"}, gatehouse.CodeJointInvalid},
		"everybody":            {custodian, "shared_care", "safety", because, make([]string, 1001), gatehouse.CodeJointInvalid},
	} {
		_, err := h.AskReidentification(ctx, c.who, "diabetes-outcomes", c.dataset, c.purpose, c.reason, c.names)
		if gatehouse.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", what, err, c.code)
		}
	}
	ask := func() string {
		a, err := h.AskReidentification(ctx, custodian, "diabetes-outcomes", "shared_care", "safety", because, names)
		h.must(err)
		return a.ID
	}
	// A custodian of another dataset only.
	h.must(h.AddUser(ctx, workspaces.System, "cleo"))
	h.must(h.GrantRole(ctx, workspaces.System, "cleo", gatehouse.RoleCustodian))
	_, err := h.ApproveJointAct(ctx, gatehouse.Principal{User: "cleo"}, ask())
	h.want(err, gatehouse.CodeNotCustodian)
	// Declined by the second, withdrawn by the first, lapsed.
	id := ask()
	if a, err := h.DeclineJointAct(ctx, secondCustodian, id); err != nil || a.State != workspaces.JointDeclined {
		t.Errorf("%v, %v", a.State, err)
	}
	_, err = h.ApproveJointAct(ctx, secondCustodian, id)
	h.want(err, gatehouse.CodeJointState)
	id = ask()
	if a, err := h.DeclineJointAct(ctx, custodian, id); err != nil || a.State != workspaces.JointWithdrawn {
		t.Errorf("%v, %v", a.State, err)
	}
	id = ask()
	h.at(start.Add(workspaces.JointLife + time.Minute))
	_, err = h.ApproveJointAct(ctx, secondCustodian, id)
	h.want(err, gatehouse.CodeJointState)
	// Who asked has lost the dataset, or the role, in between.
	id = ask()
	h.must(h.RemoveCustodian(ctx, workspaces.System, "shared_care", "cora"))
	_, err = h.ApproveJointAct(ctx, secondCustodian, id)
	h.want(err, gatehouse.CodeSeparation)
	h.must(h.AddCustodian(ctx, workspaces.System, "shared_care", "cora"))
	h.must(h.RevokeRole(ctx, workspaces.System, "cora", gatehouse.RoleCustodian))
	_, err = h.ApproveJointAct(ctx, secondCustodian, id)
	h.want(err, gatehouse.CodeSeparation)
	if found, _ := filepath.Glob(filepath.Join(h.dir, "custodian", "reidentified", "*")); len(found) > 0 {
		t.Errorf("traced: %v", found)
	}
	if _, err := h.JointActs(ctx, lead, "diabetes-outcomes"); err == nil {
		t.Error("the lead sees what custodians trace")
	}
	if all, err := h.JointActs(ctx, gatehouse.Principal{User: "aude"}, "diabetes-outcomes"); err != nil || len(all) != 5 {
		t.Errorf("the auditor sees %d, %v", len(all), err)
	}
}

// A new epoch gives new workspaces new pseudonyms; those of before keep theirs, and
// pseudonyms of any epoch are traced.
func TestEpochsOfAProject(t *testing.T) {
	h, names := traceable(t)
	ctx := t.Context()
	_, err := h.StartEpoch(ctx, lead, "diabetes-outcomes")
	h.want(err, gatehouse.CodeDenied)
	epoch, err := h.StartEpoch(ctx, custodian, "diabetes-outcomes")
	h.must(err)
	if epoch != 2 || h.last().Detail["epoch"] != "2" {
		t.Errorf("epoch %d, %v", epoch, h.last())
	}
	old, err := h.Enter(ctx, h.signIn("ben"))
	h.must(err)
	if people := readPopulation(t, old.Mounts[0].Population); people[3] != names[0] || old.Workspace.Epoch != 1 {
		t.Error("a workspace's pseudonyms changed under it")
	}
	w, err := h.OpenWorkspace(ctx, lead, "diabetes-outcomes", "second")
	h.must(err)
	fresh := readPopulation(t, filepath.Join(h.dir, "workspaces", "second", "population.parquet"))
	if w.Epoch != 2 || fresh[3] == names[0] || len(fresh) != 1000 {
		t.Errorf("epoch %d, %d people", w.Epoch, len(fresh))
	}
	for _, name := range readPopulation(t, old.Mounts[0].Population) {
		for unit := range fresh {
			if fresh[unit] == name {
				t.Fatal("two epochs share a pseudonym")
			}
		}
		break
	}
	a, err := h.AskReidentification(ctx, custodian, "diabetes-outcomes", "shared_care", "safety", because, []string{names[0], fresh[3]})
	h.must(err)
	_, err = h.ApproveJointAct(ctx, secondCustodian, a.ID)
	h.must(err)
	epochs := map[string]string{}
	for _, row := range readTraced(t, h.TracedFile(a)) {
		if row[2] == "9990000018" {
			epochs[row[0]] = row[1]
		}
	}
	if epochs[names[0]] != "1" || epochs[fresh[3]] != "2" {
		t.Errorf("traced in %v", epochs)
	}
}

// Two custodians destroy the keys of an archived project: neither the keys nor the
// populations, which say as much, are left, and nothing is traced any more.
func TestTwoCustodiansDestroyAKey(t *testing.T) {
	h, names := traceable(t)
	ctx := t.Context()
	_, err := h.AskKeyDestruction(ctx, custodian, "diabetes-outcomes", "archived", "The study is over and reported.")
	h.want(err, gatehouse.CodeJointState)
	pending, err := h.AskReidentification(ctx, custodian, "diabetes-outcomes", "shared_care", "safety", because, names)
	h.must(err)
	h.must(h.CloseProject(ctx, custodian, "diabetes-outcomes", "a reason"))
	h.must(h.ArchiveProject(ctx, custodian, "diabetes-outcomes"))
	a, err := h.AskKeyDestruction(ctx, custodian, "diabetes-outcomes", "archived", "The study is over and reported.")
	h.must(err)
	_, err = h.ApproveJointAct(ctx, custodian, a.ID)
	h.want(err, gatehouse.CodeSeparation)
	if keyFiles(t, h) == 0 {
		t.Fatal("the key is gone already")
	}
	a, err = h.ApproveJointAct(ctx, secondCustodian, a.ID)
	h.must(err)
	if a.State != workspaces.JointDone || keyFiles(t, h) != 0 {
		t.Errorf("%s, %d files of keys", a.State, keyFiles(t, h))
	}
	left, err := filepath.Glob(filepath.Join(h.dir, "*", "*", "*opulation*"))
	h.must(err)
	more, err := filepath.Glob(filepath.Join(h.dir, "custodian", "populations", "*"))
	h.must(err)
	if left = append(left, more...); len(left) > 0 {
		t.Errorf("what says who is who is left: %v", left)
	}
	_, err = h.ApproveJointAct(ctx, secondCustodian, pending.ID)
	h.want(err, gatehouse.CodeJointState)
	_, err = h.AskReidentification(ctx, custodian, "diabetes-outcomes", "shared_care", "safety", because, names)
	h.want(err, gatehouse.CodeJointState)
	_, err = h.Pseudonymiser.Pseudonyms(ctx, "diabetes-outcomes", "", 1)
	h.want(err, gatehouse.CodeKeys)
}

func keyFiles(t *testing.T, h *house) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(h.dir, "keys", "project-diabetes-outcomes*.keyset"))
	h.must(err)
	return len(found)
}

// What was approved and then left undone by a crash is done at the next start, and
// only once.
func TestAnApprovedActSurvivesACrash(t *testing.T) {
	h, names := traceable(t)
	ctx := t.Context()
	a, err := h.AskReidentification(ctx, custodian, "diabetes-outcomes", "shared_care", "data-error", because, names)
	h.must(err)
	// The result cannot be written: as if the machine had stopped after the decision.
	folder := filepath.Join(h.dir, "custodian", "reidentified")
	h.must(os.WriteFile(folder, nil, 0o600))
	_, err = h.ApproveJointAct(ctx, secondCustodian, a.ID)
	h.want(err, gatehouse.CodeStorage)
	h.must(os.Remove(folder))
	for range 2 {
		h.must(h.FinishJointActs(ctx))
	}
	if rows := readTraced(t, h.TracedFile(a)); len(rows) != 3 {
		t.Errorf("%q", rows)
	}
	done := 0
	for _, e := range h.events() {
		if e.Action == "reidentify.done" {
			done++
		}
	}
	if done != 1 {
		t.Errorf("done %d times", done)
	}
}
