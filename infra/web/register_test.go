package web_test

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse/infra/web"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// The register is for everybody, holds what was approved and released, and names
// no person, title or file.
func TestTheRegisterNeedsNoToken(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	approved := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	if err := s.services.Store.Update(ctx, func(tx workspaces.Tx) error {
		p, err := tx.Project(ctx, "a")
		if err != nil {
			return err
		}
		p.Approved, p.LaySummary, p.Organisation, p.Title = approved, "We count <people> & see.", "University of Northtown", "Counting"
		return tx.ChangeProject(ctx, p)
	}); err != nil {
		t.Fatal(err)
	}
	id := s.submitted(map[string]string{"secret-name.csv": "region,n\nLondon,120\n"})
	for _, user := range []string{"chris", "chloe"} {
		if _, err := s.as(user).Vote(ctx, id, []web.BallotInput{{File: "secret-name.csv", Verdict: "approve"}}); err != nil {
			t.Fatal(err)
		}
	}
	release, err := s.as("chloe").ReleaseRequest(ctx, id)
	if err != nil {
		t.Fatal(err)
	}

	status, header, body := s.send("", http.MethodGet, "/v1/register", "")
	var register web.Register
	if err := json.Unmarshal([]byte(body), &register); err != nil || status != http.StatusOK {
		t.Fatalf("%d, %v: %s", status, err, body)
	}
	if len(register.Projects) != 1 || register.Projects[0].ID != "a" || len(register.Projects[0].Releases) != 1 || register.Projects[0].Releases[0].Files != 1 || register.Projects[0].Releases[0].Recalled {
		t.Errorf("the register's projects are %+v", register.Projects) // b was never approved
	}
	if header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control is %q", header.Get("Cache-Control"))
	}

	status, header, feed := s.send("", http.MethodGet, "/v1/register.atom", "")
	var atom struct {
		XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
		Updated string   `xml:"updated"`
		Entries []struct {
			ID, Title, Updated string
			Content            string `xml:"content"`
		} `xml:"entry"`
	}
	if err := xml.Unmarshal([]byte(feed), &atom); err != nil || status != http.StatusOK || header.Get("Content-Type") != "application/atom+xml" {
		t.Fatalf("%d, %v, %s: %s", status, err, header.Get("Content-Type"), feed)
	}
	if !strings.Contains(feed, "urn:gatehouse:project:a") || !strings.Contains(feed, "urn:gatehouse:release:"+release.ID) || !strings.Contains(feed, "We count &lt;people&gt; &amp; see.") {
		t.Errorf("the feed is %s", feed)
	}
	if atom.Updated != atom.Entries[0].Updated && len(atom.Entries) > 0 && atom.Updated < atom.Entries[len(atom.Entries)-1].Updated {
		t.Errorf("the feed was updated at %s", atom.Updated)
	}
	for _, private := range []string{"ada", "ann", "cora", "chris", "chloe", "secret-name"} {
		if strings.Contains(body, `"`+private) || strings.Contains(feed, ">"+private) {
			t.Errorf("the register names %s", private)
		}
	}
}

// What a custodian decides over HTTP holds for what they looked at; nobody decides
// without saying what that was.
func TestDecisionsOverHTTPNameWhatWasSeen(t *testing.T) {
	s := newSite(t)
	for user, want := range map[string]int{"cora": http.StatusConflict, "ada": http.StatusForbidden, "bob": http.StatusNotFound, "chris": http.StatusForbidden, "": http.StatusUnauthorized} {
		status, _, body := s.send(user, http.MethodPost, "/v1/projects/a/decisions", `{"dataset": "shared_care", "verdict": "approve", "seen": "`+strings.Repeat("0", 64)+`"}`)
		if status != want {
			t.Errorf("%q: %d, want %d: %s", user, status, want, body)
		}
	}
	status, _, body := s.send("cora", http.MethodPost, "/v1/projects/a/decisions", `{"dataset": "shared_care", "verdict": "approve"}`)
	if status != http.StatusUnprocessableEntity || !strings.Contains(body, "seen") {
		t.Errorf("%d: %s", status, body)
	}
	status, _, body = s.send("ada", http.MethodGet, "/v1/projects/a/review", "")
	var r workspaces.ProjectReview
	if err := json.Unmarshal([]byte(body), &r); err != nil || status != http.StatusOK || r.Owner != workspaces.PartyLead || len(r.Datasets) != 1 || r.Datasets[0].Digest == "" {
		t.Errorf("%d, %v: %s", status, err, body)
	}
}
