package site_test

import (
	"net/http"
	"strings"
	"testing"
)

// application is what ann says of a new project.
func application(id string, more ...string) []string {
	return append([]string{
		"id", id, "title", "Outcomes", "lay_summary", "We look at outcomes.", "purpose", "To find out.", "public_benefit", "Better care.", "organisation", "A university",
		"funding", "A charity", "outputs", "A paper\nTables", "starts", "2026-01-01", "expires", "2099-12-31", "opt_out_basis", "applies", "policy", "sdap",
		"member", "ann", "role", "lead", "until", "2099-06-30", "member", "", "role", "researcher", "until", "",
		"table", "shared_care/patients", "why:shared_care/patients", "Everybody is counted", "some:shared_care/patients", "yes", "column:shared_care/patients", "sex",
	}, more...)
}

func TestAProjectGoesFromItsApplicationToAnAmendment(t *testing.T) {
	h := newHouse(t)
	ann, cora := h.as("ann"), h.as("cora")
	ann.get("/apply").wants(t, http.StatusOK, "shared_care@3", "Ask for patients", "As recorded")
	ann.post("/apply", application("outcomes")...).wants(t, http.StatusOK, "saved as a draft", "Draft", "Everybody is counted", "1 of 1 columns")
	edit := ann.get("/projects/outcomes/edit").wants(t, http.StatusOK, `value="2099-12-31"`, `value="2099-06-30"`, "Everybody is counted", "A paper\nTables")
	if strings.Count(edit.body, `value="sex" checked`) != 1 {
		t.Error("the column that was asked for is not ticked in the form")
	}
	ann.post("/projects/outcomes/edit", application("ignored", "title", "unused")...).wants(t, http.StatusOK, "Your changes were saved")
	ann.post("/projects/outcomes/step", "step", "submit").wants(t, http.StatusOK, "It was submitted", "It is the turn of: cora")

	cora.get("/inbox").wants(t, http.StatusOK, "Outcomes", "decide about the application")
	page := cora.get("/projects/outcomes").wants(t, http.StatusOK, "Your decision for shared_care", "Is this use of the data right?", "patients.sex")
	seen := between(t, page.body, `name="seen" value="`, `"`)
	decide := []string{"dataset", "shared_care", "seen", seen}
	cora.post("/projects/outcomes/decide", append(decide, "verdict", "return")...).wants(t, http.StatusUnprocessableEntity, "there is no comment", "checked")
	cora.post("/projects/outcomes/decide", append(decide[:2:2], "seen", "another", "verdict", "approve")...).wants(t, http.StatusConflict, "not any more what you looked at")
	cora.post("/projects/outcomes/decide", append(decide, "verdict", "approve-with-conditions", "conditions", "Publish within a year\n")...).
		wants(t, http.StatusOK, "Your decision was recorded", "Conditions in force", "Publish within a year", "Approved")

	ann.get("/projects/outcomes/agreement").wants(t, http.StatusOK, "Agreement, version 1")
	ann.post("/projects/outcomes/agreement", "version", "1").wants(t, http.StatusUnprocessableEntity, "read the agreement")
	ann.post("/projects/outcomes/agreement", "version", "1", "read", "yes").wants(t, http.StatusOK, "You have signed", "Active")
	h.as("").get("/register").wants(t, http.StatusOK, "Outcomes", "We look at outcomes.", "A university").lacks(t, "Everybody is counted", ">ann<")

	ann.get("/projects/outcomes/amend").wants(t, http.StatusOK, "Why the project should change")
	amended := application("outcomes", "reason", "Another year is needed")
	ann.post("/projects/outcomes/amend", amended...).wants(t, http.StatusUnprocessableEntity, "changes nothing")
	for i := range amended {
		if amended[i] == "2099-12-31" {
			amended[i] = "2100-12-31"
		}
	}
	ann.post("/projects/outcomes/amend", amended...).wants(t, http.StatusOK, "was proposed", "Another year is needed", "<del>31 December 2099", "<ins>31 December 2100").lacks(t, "Member ann")
	page = cora.get("/projects/outcomes").wants(t, http.StatusOK, "/amendments/", "Your decision for shared_care")
	path := between(t, page.body, `action="/projects/outcomes/amendments/`, `/decide"`)
	cora.post("/projects/outcomes/amendments/"+path+"/decide", "dataset", "shared_care", "seen", between(t, page.body, `name="seen" value="`, `"`), "verdict", "approve").
		wants(t, http.StatusOK, "Applied", "31 December 2100")
}

// TestACustodianSeesWhatHasChangedSinceTheLastTime: an application that was
// returned comes back.
func TestACustodianSeesWhatHasChangedSinceTheLastTime(t *testing.T) {
	h := newHouse(t)
	ann, cora := h.as("ann"), h.as("cora")
	ann.post("/apply", application("outcomes")...).wants(t, http.StatusOK)
	ann.post("/projects/outcomes/step", "step", "submit").wants(t, http.StatusOK)
	page := cora.get("/projects/outcomes").wants(t, http.StatusOK).lacks(t, "What has changed since")
	cora.post("/projects/outcomes/decide", "dataset", "shared_care", "seen", between(t, page.body, `name="seen" value="`, `"`), "verdict", "return", "comment", "Say more of the benefit.").wants(t, http.StatusOK)
	again := application("outcomes")
	for i := range again {
		if again[i] == "Better care." {
			again[i] = "Better care, sooner."
		}
	}
	ann.post("/projects/outcomes/edit", again...).wants(t, http.StatusOK, "What has changed since it was submitted for the 1st time", "<ins>Better care, sooner.", "Say more of the benefit.")
	ann.post("/projects/outcomes/step", "step", "submit").wants(t, http.StatusOK)
	since := between(t, cora.get("/projects/outcomes").wants(t, http.StatusOK, "What has changed since it was submitted for the 1st time", "Say more of the benefit.").body, `id="since"`, "</table>")
	for _, want := range []string{"Public benefit", "<del>Better care.</del>", "<ins>Better care, sooner.</ins>"} {
		if !strings.Contains(since, want) {
			t.Errorf("what has changed does not hold %q", want)
		}
	}
	if strings.Count(since, "<ins>") != 1 {
		t.Error("more is shown than has changed")
	}
	page = cora.get("/projects/outcomes")
	cora.post("/projects/outcomes/decide", "dataset", "shared_care", "seen", between(t, page.body, `name="seen" value="`, `"`), "verdict", "approve").wants(t, http.StatusOK).lacks(t, "What has changed since")
}

func TestStepsOfAProjectAreRefusedToOthers(t *testing.T) {
	h := newHouse(t)
	h.as("ann").post("/apply", application("outcomes")...).wants(t, http.StatusOK)
	h.as("ann").post("/projects/outcomes/step", "step", "submit").wants(t, http.StatusOK)
	for _, c := range []struct {
		user, path string
		form       []string
		status     int
	}{
		{"ann", "/projects/outcomes/decide", []string{"dataset", "shared_care", "verdict", "approve"}, http.StatusForbidden},
		{"bob", "/projects/outcomes/decide", []string{"dataset", "shared_care", "verdict", "approve"}, http.StatusNotFound},
		{"chris", "/projects/outcomes/decide", []string{"dataset", "shared_care", "verdict", "approve"}, http.StatusForbidden},
		{"aud", "/projects/outcomes/decide", []string{"dataset", "shared_care", "verdict", "approve"}, http.StatusForbidden},
		{"olga", "/projects/outcomes/decide", []string{"dataset", "shared_care", "verdict", "approve"}, http.StatusNotFound},
		{"bob", "/projects/outcomes/step", []string{"step", "withdraw"}, http.StatusNotFound},
		{"ann", "/projects/a/step", []string{"step", "suspend"}, http.StatusForbidden},
		{"bob", "/projects/a/step", []string{"step", "close"}, http.StatusNotFound},
		{"ann", "/projects/outcomes/step", []string{"step", "approve"}, http.StatusNotFound},
		{"aud", "/apply", application("another"), http.StatusForbidden},
		{"olga", "/apply", application("another"), http.StatusForbidden},
	} {
		h.as(c.user).post(c.path, c.form...).wants(t, c.status)
	}
	h.as("cora").get("/projects/outcomes").wants(t, http.StatusOK, "Submitted")
}

// between gives what stands between two texts.
func between(t *testing.T, s, from, to string) string {
	t.Helper()
	_, rest, found := strings.Cut(s, from)
	inside, _, ends := strings.Cut(rest, to)
	if !found || !ends {
		t.Fatalf("nothing stands between %q and %q in\n%s", from, to, s)
	}
	return inside
}
