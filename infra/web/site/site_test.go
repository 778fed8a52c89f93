package site_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

const table = "sex,people\nfemale,120\nmale,3\n"

// submitted is a request of ada's with one table, handed to the checkers.
func (h *house) submitted() string {
	h.t.Helper()
	ada := h.as("ada")
	p := ada.post("/requests/new", "project", "a", "title", "Admissions", "what", "counts", "population", "adults", "dates", "2024", "people", "120 and 3", "controls", "k = 10").
		wants(h.t, http.StatusOK, "The request was begun")
	id := strings.TrimPrefix(p.path, "/requests/")
	ada.uploadAs(p.path, "table1.csv", table, "output", "").wants(h.t, http.StatusOK, "table1.csv", "The file was added")
	ada.post("/requests/"+id+"/submit").wants(h.t, http.StatusOK, "It was submitted", "checker")
	return id
}

func TestARequestGoesFromItsAuthorToARecalledRelease(t *testing.T) {
	h := newHouse(t)
	id := h.submitted()
	chris, chloe, ada, cora := h.as("chris"), h.as("chloe"), h.as("ada"), h.as("cora")

	chris.get("/queue").wants(t, http.StatusOK, "Admissions")
	room := chris.get("/requests/"+id+"/review").wants(t, http.StatusOK, "table1.csv", `sandbox=""`, "below the threshold", "line 3, column 2")
	frame := chris.get("/requests/"+id+"/files/table1.csv/view?line=3").wants(t, http.StatusOK, `id="L3C2"`, "female", "below the threshold")
	if got := frame.header.Get("Content-Security-Policy"); !strings.HasPrefix(got, "sandbox; default-src 'none'") {
		t.Errorf("a viewer's frame has the policy %q", got)
	}
	if strings.Contains(frame.body, "<script") {
		t.Error("a viewer's frame holds a script")
	}
	room.lacks(t, "female") // the file itself stands in the frame alone

	vote := []string{"file", "table1.csv", "verdict", "approve"}
	chris.post("/requests/"+id+"/votes", vote...).wants(t, http.StatusOK, "Your vote was cast", "You have voted")
	chloe.get("/requests/"+id).wants(t, http.StatusOK).lacks(t, "chris, round")
	chloe.post("/requests/"+id+"/votes", vote...).wants(t, http.StatusOK, "Approved", "Release the approved files")
	p := chris.post("/requests/"+id+"/release").wants(t, http.StatusOK, "were released", "table1.csv")
	release := p.path

	got := ada.post(release+"/bundle").wants(t, http.StatusOK)
	if got.header.Get("Content-Type") != "application/zip" || !strings.HasPrefix(got.body, "PK") {
		t.Errorf("the bundle came as %q", got.header.Get("Content-Type"))
	}
	cora.get(release).wants(t, http.StatusOK, "ada", "Recall the release")
	cora.post(release+"/recall").wants(t, http.StatusUnprocessableEntity, "recalled with a reason")
	cora.post(release+"/recall", "reason", "A cell was too small").wants(t, http.StatusOK, "A cell was too small", "ada")
	ada.post(release+"/bundle").wants(t, http.StatusConflict, "recalled")
	h.as("aud").get("/journal?action=release.recalled").wants(t, http.StatusOK, "cora", "downloaded_by_1")
}

func TestWhatOneMayNotSeeIsNotThere(t *testing.T) {
	h := newHouse(t)
	id := h.submitted()
	for _, c := range []struct {
		user, path string
		status     int
	}{
		{"bob", "/requests/" + id, http.StatusNotFound},
		{"bob", "/projects/a", http.StatusNotFound},
		{"bob", "/workspaces/ws-a", http.StatusNotFound},
		{"bob", "/workspaces/ws-a/questions", http.StatusNotFound},
		{"ada", "/requests/" + id + "/review", http.StatusForbidden},
		{"ada", "/requests/" + id + "/files/table1.csv/view", http.StatusForbidden},
		{"ada", "/requests/" + id + "/files/table1.csv/bytes", http.StatusForbidden},
		{"cora", "/requests/" + id + "/files/table1.csv/view", http.StatusForbidden},
		{"cora", "/workspaces/ws-a/questions", http.StatusForbidden},
		{"ada", "/journal", http.StatusForbidden},
		{"olga", "/journal", http.StatusForbidden},
		{"olga", "/requests/" + id, http.StatusNotFound},
		{"olga", "/datasets", http.StatusForbidden},
		{"ada", "/operations", http.StatusForbidden},
		{"ada", "/queue", http.StatusForbidden},
		{"ada", "/inbox", http.StatusForbidden},
		{"", "/projects", http.StatusUnauthorized},
		{"", "/requests/" + id, http.StatusUnauthorized},
		{"ada", "/nowhere", http.StatusNotFound},
	} {
		h.as(c.user).get(c.path).wants(t, c.status).lacks(t, "female")
	}
}

func TestVotesAreThoseOfWhoIsSignedIn(t *testing.T) {
	h := newHouse(t)
	id := h.submitted()
	vote := []string{"file", "table1.csv", "verdict", "approve"}
	for _, user := range []string{"ada", "ann", "cora", "aud"} {
		h.as(user).post("/requests/"+id+"/votes", vote...).wants(t, http.StatusForbidden)
	}
	chris := h.as("chris")
	chris.post("/requests/"+id+"/votes", append(vote, "checker", "chloe", "approvals", "2")...).wants(t, http.StatusOK)
	chris.post("/requests/"+id+"/votes", vote...).wants(t, http.StatusForbidden)
	chris.post("/requests/"+id+"/release").wants(t, http.StatusConflict)
	h.as("chloe").post("/requests/"+id+"/votes", "file", "table1.csv", "verdict", "reject").wants(t, http.StatusUnprocessableEntity, "with a comment", "checked")
}

func TestFormsFromElsewhereAreRefused(t *testing.T) {
	h := newHouse(t)
	id := h.submitted()
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/requests/"+id+"/withdraw", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(name, value)
		h.as("ada").do(r).wants(t, http.StatusForbidden, "sent from another site")
	}
	h.as("ada").get("/requests/"+id).wants(t, http.StatusOK, "Submitted")
}

var tags = regexp.MustCompile(`<(script|style|link|img|iframe)\b[^>]*>`)

func TestEveryPageRunsItsOwnScriptsAloneAndLoadsNothingFromElsewhere(t *testing.T) {
	h := newHouse(t)
	id := h.submitted()
	pages := map[string][]string{
		"":      {"/", "/register"},
		"ada":   {"/", "/projects", "/projects/a", "/workspaces/ws-a", "/workspaces/ws-a/questions", "/requests", "/requests/new", "/requests/" + id, "/datasets", "/datasets/shared_care/3", "/nowhere"},
		"bob":   {"/apply", "/projects/b/amend", "/projects/b/agreement"},
		"cora":  {"/", "/inbox", "/datasets/shared_care/3", "/projects/a", "/requests/" + id, "/requests/" + id + "/review"},
		"chris": {"/", "/queue", "/requests/" + id, "/requests/" + id + "/review"},
		"aud":   {"/", "/journal"},
		"olga":  {"/", "/operations"},
	}
	for user, paths := range pages {
		for _, path := range paths {
			p := h.as(user).get(path)
			for header, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store", "Cross-Origin-Opener-Policy": "same-origin"} {
				if got := p.header.Get(header); got != want {
					t.Errorf("%s %s: %s is %q", user, path, header, got)
				}
			}
			policy := p.header.Get("Content-Security-Policy")
			if !strings.Contains(policy, "default-src 'none'; script-src 'self'; style-src 'self'") || strings.Contains(policy, "unsafe") {
				t.Errorf("%s %s: its policy of content is %q", user, path, policy)
			}
			for _, tag := range tags.FindAllString(p.body, -1) {
				if strings.Contains(tag, "://") || strings.HasPrefix(tag, "<style") || strings.HasPrefix(tag, "<script") && !strings.Contains(tag, " src=") {
					t.Errorf("%s %s holds %s", user, path, tag)
				}
			}
			if regexp.MustCompile(`<[^>]*\s(style|on[a-z]+)="`).MatchString(p.body) {
				t.Errorf("%s %s holds an inline style or handler", user, path)
			}
			p.lacks(t, "ZgotmplZ", "<no value>", "%!")
		}
	}
}

func TestAWorkspaceTokenIsShownOnceToWhoMayHaveIt(t *testing.T) {
	h := newHouse(t)
	ada := h.as("ada")
	p := ada.post("/workspaces/ws-a/tokens", "hours", "8").wants(t, http.StatusOK, "It is shown this once", "grpc+tls://127.0.0.1:1", "gatehouse_")
	secret := regexp.MustCompile(`gatehouse_[A-Za-z0-9_-]{20,}`).FindString(p.body)
	who, err := h.services.Authenticate(t.Context(), secret)
	if err != nil || who.User != "ada" || who.Workspace != "ws-a" {
		t.Errorf("the token is of %+v: %v", who, err)
	}
	ada.get("/workspaces/ws-a").wants(t, http.StatusOK, who.Session).lacks(t, secret)
	h.as("ann").post("/workspaces/ws-a/tokens/"+who.Session+"/revoke").wants(t, http.StatusNotFound)
	ada.post("/workspaces/ws-a/tokens/"+who.Session+"/revoke").wants(t, http.StatusOK, "The token was revoked").lacks(t, who.Session)
	if _, err := h.services.Authenticate(t.Context(), secret); err == nil {
		t.Error("a revoked token still lets its holder in")
	}
	h.as("bob").post("/workspaces/ws-a/tokens", "hours", "8").wants(t, http.StatusNotFound)
	ada.post("/workspaces/ws-a/tokens", "hours", "999999").wants(t, http.StatusUnprocessableEntity, "at most")
	h.as("cora").post("/workspaces/ws-a/tokens", "hours", "1").wants(t, http.StatusForbidden)
}

func TestOnlyCustodiansSeeWhatBecameOfRows(t *testing.T) {
	h := newHouse(t)
	h.as("ada").get("/datasets/shared_care/3").wants(t, http.StatusOK, "1,000", "<svg", "The numbers of this plot", "As recorded").lacks(t, "1,003", "1003", "Opted out", "71 people")
	h.as("cora").get("/datasets/shared_care/3").wants(t, http.StatusOK, "Opted out", "74", "71 people")
}

func TestAuditorsReadAndVerifyTheJournal(t *testing.T) {
	h := newHouse(t)
	id := h.submitted()
	aud := h.as("aud")
	aud.get("/journal").wants(t, http.StatusOK, "request.submitted", id)
	aud.post("/journal/verify").wants(t, http.StatusOK, "The journal verifies")
	h.as("ada").post("/journal/verify").wants(t, http.StatusForbidden)
	h.as("olga").get("/operations").wants(t, http.StatusOK, "Too old")
}

func TestErrorsHoldNothingThatWasSent(t *testing.T) {
	h := newHouse(t)
	id := h.submitted()
	secret := "9434765919"
	ada := h.as("ada")
	ada.post("/requests/new", "project", secret, "title", "T").wants(t, http.StatusNotFound).lacks(t, secret)
	ada.get("/requests/"+secret).wants(t, http.StatusNotFound).lacks(t, secret)
	h.as("chris").post("/requests/"+id+"/votes", "file", secret, "verdict", "approve").wants(t, http.StatusNotFound).lacks(t, secret)
	if strings.Contains(h.log.String(), secret) {
		t.Error("the log holds what was sent")
	}
}
