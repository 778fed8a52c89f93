package site_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// routes gives every route of the site, as the sources register them, with names
// filled in: of project a, and of a request of it.
func routes(t *testing.T, method, request string) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	pattern := regexp.MustCompile(`mux\.HandleFunc\("` + method + ` ([^"]+)"`)
	fill := strings.NewReplacer("{project}", "a", "{request}", request, "{workspace}", "ws-a", "{dataset}", "shared_care", "{number}", "3", "{earlier}", "2", "{name}", "table1.csv", "{index}", "1", "{user}", "bob",
		"{$}", "", "{amendment}", "amd_0", "{release}", "rel_0", "{token}", "tok_0", "{session}", "ses_0", "{question}", "qry_0", "{work}", "wrk_0", "{parcel}", "msg_0", "{document}", "doc_0", "{appointment}", "app_0", "{role}", "checker", "{hash}", "0", "{codelist}", "asthma", "{version}", "1", "{path...}", "x")
	var found []string
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range pattern.FindAllStringSubmatch(string(source), -1) {
			path := fill.Replace(m[1])
			if strings.Contains(path, "{") {
				t.Errorf("the test does not know how to fill in %s", m[1])
			}
			found = append(found, path)
		}
	}
	return found
}

// TestNoFormIsTakenFromAnotherSite: every route that changes something, found in the
// sources, as whoever might be led there.
func TestNoFormIsTakenFromAnotherSite(t *testing.T) {
	h := newHouse(t)
	id := h.submitted()
	posts := routes(t, "POST", id)
	if len(posts) < 35 {
		t.Fatalf("only %d routes were found", len(posts))
	}
	before := h.size()
	for _, path := range posts {
		for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"} {
			for _, user := range []string{"ada", "cora", "olga"} {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+path, strings.NewReader("verdict=approve&ask=yes&step=submit&mail=daily&reason=r&read=yes"))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set(name, value)
				h.as(user).do(r).wants(t, http.StatusForbidden, "sent from another site", "Skip to main content")
			}
		}
	}
	if after := h.size(); after != before {
		t.Errorf("%d events came of it", after-before)
	}
}

// TestNoPageTellsOfAnothersProject tries every page by its id as somebody of another
// project, and as nobody: neither the project's title, nor its people, nor what is
// in its requests.
func TestNoPageTellsOfAnothersProject(t *testing.T) {
	h := newHouse(t)
	id := h.submitted()
	for _, user := range []string{"bob", ""} {
		reader := h.as(user)
		for _, path := range routes(t, "GET", id) {
			p := reader.get(path)
			if path == "/register" { // open to everybody, on purpose
				continue
			}
			p.lacks(t, "Project a", "What project a is for", "Admissions", "female", ">ada<", ">ann<")
			// What depends on an id of project a is not there at all.
			if named := strings.Contains(path, id) || strings.HasPrefix(path, "/projects/a") || strings.Contains(path, "ws-a"); named && p.status < 400 {
				t.Errorf("%q gets %s: %d", user, path, p.status)
			}
		}
		for _, path := range routes(t, "POST", id) {
			if path == "/me/revoke" {
				continue
			}
			p := reader.post(path, "verdict", "approve", "comment", "c", "reason", "r", "hours", "1", "file", "table1.csv", "ask", "yes", "read", "yes", "version", "1", "dataset", "shared_care", "workspace", "w2", "step", "close", "title", "T", "what", "w")
			p.lacks(t, "Project a", "Admissions", "female", ">ada<", ">ann<")
			if named := strings.Contains(path, id) || strings.HasPrefix(path, "/projects/a") || strings.Contains(path, "ws-a"); named && p.status < 400 {
				t.Errorf("%q posts to %s: %d", user, path, p.status)
			}
		}
	}
}
