package egress_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/egress/inspect"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// A table comes again with one number two people higher: whoever checks it sees
// that, and nobody of the project is shown what checkers see.
func TestWhatLeftBeforeStandsBesideARequest(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	first := h.released("table.csv") // London,120 and table.csv,45
	h.later(workday)
	id := h.draft("other.csv")
	h.add(id, "Table.csv", "region,n\nLondon,122\ntable.csv,45\nLeeds,60\n")
	h.submit(id)

	earlier, err := h.EarlierReleases(ctx, as("chris"), id)
	if err != nil || len(earlier) != 1 || earlier[0].Release != first.ID || earlier[0].Files[0].Namesake != "Table.csv" || earlier[0].Files[0].Context != explained {
		t.Fatalf("%+v, %v", earlier, err)
	}
	found, err := h.CompareFile(ctx, as("chris"), id, "Table.csv")
	if err != nil || len(found) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	c := found[0].Comparison
	if !c.Comparable || c.Small != 1 || len(c.Cells) != 1 || c.Cells[0].Row != "London" || c.Cells[0].Column != "n" || c.Cells[0].Before != "120" ||
		c.Cells[0].After != "122" || *c.Cells[0].Difference != 2 || c.Cells[0].Line != 2 || len(c.RowsAdded) != 1 || c.RowsAdded[0] != "Leeds" {
		t.Errorf("%+v", c)
	}
	if found, err := h.CompareFile(ctx, as("chris"), id, "other.csv"); err != nil || len(found) != 0 {
		t.Errorf("a file of another name: %+v, %v", found, err)
	}
	for user, code := range map[string]gatehouse.Code{"ada": gatehouse.CodeDenied, "ann": gatehouse.CodeDenied, "aud": gatehouse.CodeDenied, "cora": gatehouse.CodeDenied, "bob": gatehouse.CodeNotFound} {
		_, err := h.CompareFile(ctx, as(user), id, "Table.csv")
		want(t, "a comparison for "+user, err, code)
		_, err = h.EarlierReleases(ctx, as(user), id)
		want(t, "what left before, for "+user, err, code)
	}
	looked := false
	for _, e := range h.events(id) {
		looked = looked || e == "chris request.earlier.viewed"
	}
	if !looked {
		t.Error("the look is not in the journal")
	}

	// A recalled one is still known: copies of it are.
	if _, err := h.RecallRelease(ctx, as("cora"), first.ID, "wrong"); err != nil {
		t.Fatal(err)
	}
	if earlier, err = h.EarlierReleases(ctx, as("chris"), id); err != nil || earlier[0].Recalled == nil {
		t.Errorf("%+v, %v", earlier, err)
	}
}

func TestAFileThatTheGateLetOutIsProvedByWhatItHolds(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	const table = "region,n\nLondon,120\nLeeds,45\n"
	// The digest is the one that the gate keeps; table_test.go shows that it is the answer's.
	err := state.Workspaces(h.db).Update(ctx, func(tx workspaces.Tx) error {
		return tx.AddWorkspace(ctx, workspaces.Workspace{ID: "a", Project: "a", Dataset: "shared_care"})
	})
	if err != nil {
		t.Fatal(err)
	}
	err = state.Ledger{DB: h.db}.Commit(ctx, egress.Decision{ID: "qry_1", Time: h.clock(), Project: "a", Workspace: "a", User: "ada", Outcome: egress.OutcomeReleased, Policy: "sdap"}, egress.ScratchChange{})
	if err != nil {
		t.Fatal(err)
	}
	err = state.Ledger{DB: h.db}.Finish(ctx, egress.Decision{ID: "qry_1", Project: "a"}, egress.FileDigest([]byte(table), ','), gatehouse.Event{Actor: "ada", Action: "query.finished", Subject: "qry_1"})
	if err != nil {
		t.Fatal(err)
	}
	id := h.draft()
	h.add(id, "proved.csv", table)
	h.add(id, "spaced.csv", strings.Replace(table, "London", "London ", 1))
	h.add(id, "changed.csv", strings.Replace(table, "120", "121", 1))
	h.add(id, "qry_1.csv", strings.Replace(table, "45", "44", 1)) // a name is no proof
	for _, f := range h.see("ada", id).Files {
		if proved := f.Proof != nil; proved != (f.Name == "proved.csv") || proved && (f.Proof.Decision != "qry_1" || f.Proof.Outcome != egress.OutcomeReleased) {
			t.Errorf("%s: %+v", f.Name, f.Proof)
		}
	}
	h.submit(id)
	if items, err := h.Queue(ctx, as("chris")); err != nil || items[0].Proved != 1 || items[0].Files != 4 {
		t.Errorf("%+v, %v", items, err)
	}
	// What was let out to one project proves nothing in another.
	r, err := h.CreateRequest(ctx, as("bob"), egress.NewRequest{Project: "b", Title: "T"})
	if err != nil {
		t.Fatal(err)
	}
	if r, err = h.AddFile(ctx, as("bob"), r.ID, "a.csv", strings.NewReader(table)); err != nil || r.Files[0].Proof != nil {
		t.Errorf("in another project: %+v, %v", r.Files[0].Proof, err)
	}
}

// The project's own pseudonyms are found in any text, another project's are not.
func TestPseudonymsOfTheProjectAreFound(t *testing.T) {
	h := newHouse(t)
	names := map[string]string{}
	for _, project := range []string{"a", "b"} {
		p, err := h.keys.Pseudonyms(t.Context(), project, "", 1)
		if err != nil {
			t.Fatal(err)
		}
		if names[project], err = p.Pseudonym(4711); err != nil {
			t.Fatal(err)
		}
	}
	id := h.draft()
	h.add(id, "note.txt", "One of them is "+strings.ToUpper(names["a"])+", as we saw.\n")
	h.add(id, "table.csv", "region,who\nLondon,x"+names["a"]+"y\n")
	h.add(id, "plot.svg", `<svg xmlns="http://www.w3.org/2000/svg"><text>`+names["a"]+`</text></svg>`)
	h.add(id, "theirs.txt", "Of another project: "+names["b"]+"\n")
	for _, f := range h.see("ada", id).Files {
		found := false
		for _, finding := range f.Findings {
			found = found || finding.Rule == inspect.RulePseudonym && finding.Severity == inspect.Serious
			if strings.Contains(strings.ToLower(finding.What+finding.Do), names["a"]) {
				t.Error("a finding prints a pseudonym")
			}
		}
		if found == (f.Name == "theirs.txt") {
			t.Errorf("%s: found %t", f.Name, found)
		}
	}
}
