package egress_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
)

// grouped is a draft of ada's with two groups, one output in each, one in none,
// and a supporting file.
func (h *house) grouped() string {
	h.t.Helper()
	ctx := h.t.Context()
	r, err := h.CreateRequest(ctx, as("ada"), egress.NewRequest{Project: "a", Title: "Two analyses", Context: explained, Groups: []egress.OutputGroup{
		{Name: "Main", Context: explained}, {Name: "Sensitivity", Context: explained},
	}})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, f := range []egress.NewFile{
		{Name: "none.csv"}, {Name: "main.csv", Group: "main"}, {Name: "sensitivity.csv", Group: "Sensitivity"},
		{Name: "model.R", Kind: egress.KindSupporting}, {Name: "people.csv", Kind: egress.KindSupporting, Group: "Main"},
	} {
		if _, err := h.AddFileAs(ctx, as("ada"), r.ID, f, strings.NewReader("region,n\nLondon,120\n"+f.Name+",45\n")); err != nil {
			h.t.Fatal(err)
		}
	}
	return r.ID
}

func TestEachGroupIsExplained(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	id := h.grouped()
	edit := func(groups ...egress.OutputGroup) error {
		return second(h.EditRequest(ctx, as("ada"), id, egress.RequestEdit{Groups: &groups}))
	}
	main, sensitivity := egress.OutputGroup{Name: "Main", Context: explained}, egress.OutputGroup{Name: "Sensitivity", Context: explained}
	if f := h.see("ada", id).Files[1]; f.Group != "Main" {
		t.Errorf("the file is in %q", f.Group)
	}

	silent := sensitivity
	silent.Context.People = ""
	if err := edit(main, silent); err != nil {
		t.Fatal(err)
	}
	_, err := h.SubmitRequest(ctx, as("ada"), id)
	want(t, "a group that does not say how many people stand behind its numbers", err, gatehouse.CodeRequestInvalid)
	if err := edit(main, sensitivity, egress.OutputGroup{Name: "Empty", Context: explained}); err != nil {
		t.Fatal(err)
	}
	_, err = h.SubmitRequest(ctx, as("ada"), id)
	want(t, "a group without outputs", err, gatehouse.CodeRequestInvalid)

	want(t, "a group with files is taken out", edit(main), gatehouse.CodeRequestInvalid)
	want(t, "two groups of one name", edit(main, sensitivity, egress.OutputGroup{Name: "MAIN"}), gatehouse.CodeRequestInvalid)
	want(t, "a group without a name", edit(main, sensitivity, egress.OutputGroup{Name: " "}), gatehouse.CodeRequestInvalid)
	_, err = h.MoveFile(ctx, as("ada"), id, "none.csv", "No such")
	want(t, "a group that is not there", err, gatehouse.CodeRequestInvalid)
	_, err = h.MoveFile(ctx, as("ann"), id, "none.csv", "Main")
	want(t, "a member who is not the author moves a file", err, gatehouse.CodeSeparation)
	_, err = h.AddFileAs(ctx, as("ada"), id, egress.NewFile{Name: "x.csv", Group: "No such"}, strings.NewReader("n\n12\n"))
	want(t, "a file for a group that is not there", err, gatehouse.CodeRequestInvalid)

	if err := edit(main, sensitivity); err != nil {
		t.Fatal(err)
	}
	h.submit(id)
}

// Supporting files are seen by checkers, voted on by nobody, and released never.
func TestSupportingFilesNeverLeave(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	id := h.grouped()
	h.submit(id)
	_, r, err := h.OpenFile(ctx, as("chris"), id, "people.csv")
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	_, err = h.ReviewRequest(ctx, as("chris"), id, []egress.Ballot{{File: "model.R", Verdict: egress.VerdictApprove}})
	want(t, "a vote on a supporting file", err, gatehouse.CodeRequestState)
	_, _, err = h.OpenFile(ctx, as("cora"), id, "people.csv")
	want(t, "a custodian looks before the checkers have voted", err, gatehouse.CodeDenied)
	for _, checker := range []string{"chris", "chloe"} {
		for _, f := range []string{"none.csv", "main.csv", "sensitivity.csv"} {
			h.vote(id, checker, f, egress.VerdictApprove)
		}
	}
	release, err := h.ReleaseRequest(ctx, as("chris"), id)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(release.Files, []string{"main.csv", "none.csv", "sensitivity.csv"}) {
		t.Errorf("released: %q", release.Files)
	}
	bundle := h.download("ada", release.ID)
	m, err := egress.VerifyBundle(bytes.NewReader(bundle), int64(len(bundle)), h.key)
	if err != nil || m.Withheld != 0 {
		t.Errorf("%d withheld, %v", m.Withheld, err)
	}
	for _, hidden := range []string{"people.csv", "model.R"} {
		if bytes.Contains(bundle, []byte(hidden)) {
			t.Errorf("the bundle speaks of %s", hidden)
		}
	}
}

func TestARequestOfSupportingFilesAloneIsNotSubmitted(t *testing.T) {
	h := newHouse(t)
	id := h.draft()
	for _, f := range []egress.NewFile{{Name: "model.py", Kind: egress.KindSupporting}} {
		if _, err := h.AddFileAs(t.Context(), as("ada"), id, f, strings.NewReader("print(1)\n")); err != nil {
			t.Fatal(err)
		}
	}
	_, err := h.SubmitRequest(t.Context(), as("ada"), id)
	want(t, "nothing that is to leave", err, gatehouse.CodeRequestInvalid)
	_, err = h.AddFile(t.Context(), as("ada"), id, "model.R", strings.NewReader("1\n"))
	want(t, "a program as an output", err, gatehouse.CodeFileRefused)
	_, err = h.AddFileAs(t.Context(), as("ada"), id, egress.NewFile{Name: "a.csv", Kind: "secret"}, strings.NewReader("n\n12\n"))
	want(t, "a kind that is none", err, gatehouse.CodeRequestInvalid)
}

// What two checkers approved stays approved over a return while all that they
// judged it by stands, and only then.
func TestApprovalsOutliveAReturnWhileWhatTheyRestOnStands(t *testing.T) {
	for what, c := range map[string]struct {
		change func(h *house, id string) error
		stays  []string // of main.csv and sensitivity.csv
	}{
		"nothing else": {func(*house, string) error { return nil }, []string{"main.csv", "sensitivity.csv"}},
		"the other group's context": {func(h *house, id string) error {
			other := explained
			other.Dates = "2025"
			return second(h.EditRequest(h.t.Context(), as("ada"), id, egress.RequestEdit{Groups: &[]egress.OutputGroup{{Name: "Main", Context: explained}, {Name: "Sensitivity", Context: other}}}))
		}, []string{"main.csv"}},
		"the title": {func(h *house, id string) error {
			title := "Other"
			return second(h.EditRequest(h.t.Context(), as("ada"), id, egress.RequestEdit{Title: &title}))
		}, nil},
		"the group": {func(h *house, id string) error {
			return second(h.MoveFile(h.t.Context(), as("ada"), id, "main.csv", "Sensitivity"))
		}, []string{"sensitivity.csv"}},
		"a supporting file of its group is gone": {func(h *house, id string) error {
			return second(h.RemoveFile(h.t.Context(), as("ada"), id, "people.csv"))
		}, []string{"sensitivity.csv"}},
		"a supporting file of all is gone": {func(h *house, id string) error {
			return second(h.RemoveFile(h.t.Context(), as("ada"), id, "model.R"))
		}, nil},
		"a supporting file is replaced": {func(h *house, id string) error {
			if err := second(h.RemoveFile(h.t.Context(), as("ada"), id, "people.csv")); err != nil {
				return err
			}
			return second(h.AddFileAs(h.t.Context(), as("ada"), id, egress.NewFile{Name: "people.csv", Kind: egress.KindSupporting, Group: "Main"}, strings.NewReader("region,n\nLondon,9999\n")))
		}, []string{"sensitivity.csv"}},
		"one more supporting file": {func(h *house, id string) error {
			return second(h.AddFileAs(h.t.Context(), as("ada"), id, egress.NewFile{Name: "more.csv", Kind: egress.KindSupporting}, strings.NewReader("region,n\nLondon,77\n")))
		}, []string{"main.csv", "sensitivity.csv"}},
	} {
		t.Run(what, func(t *testing.T) {
			h := newHouse(t)
			h.Limits.Files = 8
			id := h.grouped()
			h.submit(id)
			for _, checker := range []string{"chris", "chloe"} {
				h.vote(id, checker, "main.csv", egress.VerdictApprove)
				h.vote(id, checker, "sensitivity.csv", egress.VerdictApprove)
				h.vote(id, checker, "none.csv", egress.VerdictReturn)
			}
			if err := c.change(h, id); err != nil {
				t.Fatal(err)
			}
			if what == "the group" { // a group without outputs is not submitted
				if err := second(h.AddFileAs(t.Context(), as("ada"), id, egress.NewFile{Name: "new.csv", Group: "Main"}, strings.NewReader("n\n55\n"))); err != nil {
					t.Fatal(err)
				}
			}
			h.submit(id)
			var stays []string
			for _, f := range h.see("chris", id).Files {
				if f.Kind == egress.KindOutput && f.Outcome == egress.OutcomeFileApproved {
					stays = append(stays, f.Name)
				}
			}
			if !slices.Equal(stays, c.stays) {
				t.Errorf("approved still: %q, want %q", stays, c.stays)
			}
		})
	}
}

// The author takes what was returned out, and what two checkers approved leaves at
// once: nobody votes again, and the rest is not lost from sight.
func TestAPartOfARequestLeaves(t *testing.T) {
	h := newHouse(t)
	id := h.submitted("good.csv", "later.csv")
	for _, checker := range []string{"chris", "chloe"} {
		h.vote(id, checker, "good.csv", egress.VerdictApprove)
		h.vote(id, checker, "later.csv", egress.VerdictReturn)
	}
	if _, err := h.ReleaseRequest(t.Context(), as("chris"), id); gatehouse.CodeOf(err) != gatehouse.CodeRequestState {
		t.Errorf("released while it is with its author: %v", err)
	}
	if err := second(h.RemoveFile(t.Context(), as("ada"), id, "later.csv")); err != nil {
		t.Fatal(err)
	}
	h.submit(id)
	release, err := h.ReleaseRequest(t.Context(), as("chris"), id)
	if err != nil || !slices.Equal(release.Files, []string{"good.csv"}) {
		t.Fatalf("%q, %v", release.Files, err)
	}
	if removed := h.see("ada", id).Removed; len(removed) != 1 || len(removed[0].Votes) != 2 {
		t.Errorf("what was said of the other file is gone: %+v", removed)
	}
}
