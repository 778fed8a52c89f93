package site_test

import (
	"html"
	"net/http"
	"strconv"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
)

func TestQuestionsAndAnswersGoWhereTheyBelong(t *testing.T) {
	h := newHouse(t)
	id := h.submitted()
	chris, chloe, ada := h.as("chris"), h.as("chloe"), h.as("ada")
	chris.post("/requests/"+id+"/messages", "body", "Which year is it?").wants(t, http.StatusOK, "Your message was added", "Which year is it?")
	chris.post("/requests/"+id+"/messages", "body", "It looks small to me", "private", "yes").wants(t, http.StatusOK, "Among checkers and custodians")
	p := ada.get("/requests/"+id).wants(t, http.StatusOK, "Which year is it?").lacks(t, "looks small to me")
	thread := between(t, p.body, `name="thread" value="`, `"`)
	ada.post("/requests/"+id+"/messages", "thread", thread, "body", "The year 2024").wants(t, http.StatusOK, "The year 2024")
	chris.get("/requests/"+id).wants(t, http.StatusOK, "The year 2024")
	chloe.get("/requests/"+id).wants(t, http.StatusOK).lacks(t, "looks small to me")
	ada.post("/requests/"+id+"/messages", "body", "secret among us", "private", "yes").wants(t, http.StatusForbidden)
	h.as("bob").post("/requests/"+id+"/messages", "body", "hello").wants(t, http.StatusNotFound)
}

func TestCheckersSeeWhoIsLookingAndWhatIsDue(t *testing.T) {
	h := newHouse(t)
	id := h.submitted()
	chris := h.as("chris")
	chris.post("/requests/"+id+"/claim").wants(t, http.StatusOK, "you are looking at this request")
	h.as("chloe").get("/queue").wants(t, http.StatusOK, "Admissions", "chris", "vote", "1 with something serious")
	chris.post("/requests/"+id+"/claim", "undo", "yes").wants(t, http.StatusOK, "not looking at")
	h.as("ada").post("/requests/"+id+"/claim").wants(t, http.StatusForbidden)
}

func TestTheCustodianHasTheLastWordWhereADatasetAsksForIt(t *testing.T) {
	h := newHouse(t)
	if _, err := h.requests.AskVeto(t.Context(), gatehouse.Principal{User: "cora"}, "shared_care", true); err != nil {
		t.Fatal(err)
	}
	id := h.submitted()
	for _, checker := range []string{"chris", "chloe"} {
		h.as(checker).post("/requests/"+id+"/votes", "file", "table1.csv", "verdict", "approve").wants(t, http.StatusOK)
	}
	h.as("chris").post("/requests/"+id+"/release").wants(t, http.StatusConflict)
	cora := h.as("cora")
	cora.get("/inbox").wants(t, http.StatusOK, "Releases that need a custodian", "Admissions")
	cora.get("/requests/"+id+"/review").wants(t, http.StatusOK, "table1.csv")
	cora.get("/requests/"+id).wants(t, http.StatusOK, "Your word for shared_care")
	cora.post("/requests/"+id+"/clear", "verdict", "veto").wants(t, http.StatusUnprocessableEntity, "with a reason")
	cora.post("/requests/"+id+"/clear", "verdict", "veto", "reason", "Too fine").wants(t, http.StatusOK, "Too fine", "Rejected")
}

func TestGroupsAndSupportingFilesAreMadeOnThePage(t *testing.T) {
	h := newHouse(t)
	ada := h.as("ada")
	p := ada.post("/requests/new", "project", "a", "title", "Two tables").wants(t, http.StatusOK)
	base := p.path
	ada.post(base+"/groups", "group", "Main analysis").wants(t, http.StatusOK, "Main analysis")
	ada.post(base+"/groups", "group", "Main analysis", "what", "counts", "population", "adults", "dates", "2024", "people", "many", "controls", "none").wants(t, http.StatusOK, "Your changes were saved")
	ada.uploadAs(base, "table1.csv", table, "output", "Main analysis").wants(t, http.StatusOK, "Group Main analysis")
	ada.uploadAs(base, "people.csv", table, "supporting", "").wants(t, http.StatusOK, "never leaves")
	ada.post(base+"/submit").wants(t, http.StatusOK, "It was submitted")
	chris := h.as("chris")
	chris.get(base+"/review?file=people.csv").wants(t, http.StatusOK, "nobody votes on it")
	chris.get(base+"/review?file=table1.csv").wants(t, http.StatusOK, "of Main analysis", "adults")
	chris.post(base+"/votes", "file", "people.csv", "verdict", "approve").wants(t, http.StatusConflict)
}

func TestAFileIsSetBesideWhatLeftBefore(t *testing.T) {
	h := newHouse(t)
	first := h.submitted()
	vote := []string{"file", "table1.csv", "verdict", "approve"}
	for _, checker := range []string{"chris", "chloe"} {
		h.as(checker).post("/requests/"+first+"/votes", vote...).wants(t, http.StatusOK)
	}
	h.as("chris").post("/requests/"+first+"/release").wants(t, http.StatusOK)

	ada := h.as("ada")
	p := ada.post("/requests/new", "project", "a", "title", "Again", "what", "counts", "population", "adults", "dates", "2024", "people", "many", "controls", "k = 10").wants(t, http.StatusOK)
	ada.uploadAs(p.path, "table1.csv", "sex,people\nfemale,122\nmale,3\n", "output", "").wants(t, http.StatusOK)
	ada.post(p.path+"/submit").wants(t, http.StatusOK)
	chris := h.as("chris")
	chris.get(p.path+"/review").wants(t, http.StatusOK, "Released before from a", "Beside what left before")
	frame := chris.get(p.path+"/files/table1.csv/earlier").wants(t, http.StatusOK, "120", "122", "fewer people than the threshold")
	if frame.header.Get("X-Frame-Options") != "SAMEORIGIN" {
		t.Error("the comparison cannot stand in the review room's frame")
	}
	ada.get(p.path+"/files/table1.csv/earlier").wants(t, http.StatusForbidden).lacks(t, "122")
}

func TestFilesOfEveryTypeAreShownWithoutRunningAnything(t *testing.T) {
	h := newHouse(t)
	ada := h.as("ada")
	p := ada.post("/requests/new", "project", "a", "title", "All types", "what", "counts", "population", "adults", "dates", "2024", "people", "many", "controls", "k = 10").wants(t, http.StatusOK)
	const drawing = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="9" height="9"/></svg>`
	for name, content := range map[string]string{
		"plot.svg": drawing, "notes.txt": "Notes\n<script>alert(1)</script>\nNHS number 943 476 5919\n", "page.html": "<html><LINK\nrel=dns-prefetch href=//who.example><body><script>alert(1)</script><p>Results</p></body></html>",
		"data.json": `[{"sex":"female","people":3}]`, "script.csv": "name,people\n<script>alert(1)</script>,120\n",
	} {
		ada.uploadAs(p.path, name, content, "output", "").wants(t, http.StatusOK, name)
	}
	ada.post(p.path+"/submit").wants(t, http.StatusOK)
	chris := h.as("chris")
	for path, want := range map[string]string{
		"plot.svg/view?as=picture": "data:image/svg+xml;base64,", "plot.svg/view": "&lt;rect", "notes.txt/view": "&lt;script&gt;", "page.html/view": "&lt;script&gt;",
		"data.json/view": "female", "script.csv/view": "&lt;script&gt;", "page.html/rendered": "<p>Results</p>",
	} {
		got := chris.get(p.path + "/files/" + path)
		if got.status != http.StatusOK || !contains(got.body, want) && !contains(html.UnescapeString(got.body), want) {
			t.Errorf("%s: %d, without %q", path, got.status, want)
		}
		if policy := got.header.Get("Content-Security-Policy"); !contains(policy, "sandbox;") || !contains(policy, "default-src 'none'") || contains(policy, "script-src") {
			t.Errorf("%s: its policy of content is %q", path, policy)
		}
	}
	rendered := chris.get(p.path+"/files/page.html/rendered").lacks(t, "<LINK", "<link")
	if rendered.header.Get("X-DNS-Prefetch-Control") != "off" {
		t.Error("a browser may look up the names of what a page links to")
	}
	chris.get(p.path+"/files/notes.txt/rendered").wants(t, http.StatusNotFound)
	got := chris.get(p.path+"/files/page.html/bytes").wants(t, http.StatusOK)
	if kind := got.header.Get("Content-Type"); kind != "application/octet-stream" || !contains(got.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("a file's bytes come as %q", kind)
	}
}

func TestLongFilesAreShownInParts(t *testing.T) {
	h := newHouse(t)
	ada := h.as("ada")
	p := ada.post("/requests/new", "project", "a", "title", "Long", "what", "counts", "population", "adults", "dates", "2024", "people", "many", "controls", "k = 10").wants(t, http.StatusOK)
	rows := "place,people\n"
	for i := range 1200 {
		rows += "place " + strconv.Itoa(i+2) + ",120\n"
	}
	ada.uploadAs(p.path, "long.csv", rows, "output", "").wants(t, http.StatusOK)
	ada.post(p.path+"/submit").wants(t, http.StatusOK)
	chris := h.as("chris")
	chris.get(p.path+"/review").wants(t, http.StatusOK, "Go to line", `target="viewer"`)
	view := p.path + "/files/long.csv/view"
	chris.get(view).wants(t, http.StatusOK, "place 500<", "go to line 501").lacks(t, "place 501<", "lines before")
	chris.get(view+"?line=777").wants(t, http.StatusOK, "place 501<", "place 1000<", "go to line 1 ", "go to line 1001").lacks(t, "place 500<", "place 1001<")
	chris.get(view+"?line=1201").wants(t, http.StatusOK, "place 1201<").lacks(t, "lines after")
}
