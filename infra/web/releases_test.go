package web_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/web"
)

// released takes files from ada's hands to a release, as everybody would, and
// gives what each checker saw.
func (s *site) released(files map[string]string) (egress.Release, map[string]map[string]string) {
	s.t.Helper()
	ctx := s.t.Context()
	id := s.submitted(files)
	seen := map[string]map[string]string{}
	for _, checker := range []string{"chris", "chloe"} {
		seen[checker] = map[string]string{}
		var votes []web.BallotInput
		for _, name := range slices.Sorted(maps.Keys(files)) {
			var b bytes.Buffer
			if err := s.as(checker).File(ctx, id, name, &b); err != nil {
				s.t.Fatal(err)
			}
			seen[checker][name] = b.String()
			votes = append(votes, web.BallotInput{File: name, Verdict: egress.VerdictApprove})
		}
		if _, err := s.as(checker).Vote(ctx, id, votes); err != nil {
			s.t.Fatal(err)
		}
	}
	release, err := s.as("chris").ReleaseRequest(ctx, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return release, seen
}

// From the author's hands past both checkers' eyes into the bundle: the same
// bytes everywhere, whatever they are.
func TestTheFileThatLeavesIsTheFileThatWasReviewed(t *testing.T) {
	s := newSite(t)
	files := map[string]string{
		"windows.csv":         "region,n\r\nLondon,120\r\nLeeds,\"1\r\n40\"\r\n",
		"no newline.csv":      "region,n\nLondon,120",
		"marked.csv":          "\ufeffregion,n\nLondon,120\n",
		"Größe & 50% #1.txt":  "It’s  spaced \t and ends with blanks   \n\n\n",
		"figure.svg":          `<svg xmlns="http://www.w3.org/2000/svg"><rect width="1" height="1"/></svg>`,
		"large.csv":           "region,n\n" + strings.Repeat("London,120\n", 40_000),
		"percent%20name.csv":  "region,n\nLondon,120\n",
		"same as another.csv": "region,n\nLondon,120",
	}
	release, seen := s.released(files)
	link, err := s.as("ada").MakeLink(t.Context(), release.ID)
	if err != nil {
		t.Fatal(err)
	}
	var byToken bytes.Buffer
	if err := s.as("ann").Download(t.Context(), release.ID, &byToken); err != nil {
		t.Fatal(err)
	}
	status, header, byLink := s.send("", http.MethodGet, "/v1/downloads/"+link.Secret, "")
	if status != http.StatusOK || header.Get("Content-Type") != "application/zip" || byLink != byToken.String() {
		t.Fatalf("by link: %d, %d bytes; by token %d bytes", status, len(byLink), byToken.Len())
	}
	public, err := s.keys.Verifier(keys.Release)
	if err != nil {
		t.Fatal(err)
	}
	m, err := egress.VerifyBundle(bytes.NewReader(byToken.Bytes()), int64(byToken.Len()), public)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(byToken.Bytes()); hex.EncodeToString(sum[:]) != release.SHA256 || len(m.Files) != len(files) {
		t.Errorf("%d files, bundle %x, announced %s", len(m.Files), sum, release.SHA256)
	}
	z, err := zip.NewReader(bytes.NewReader(byToken.Bytes()), int64(byToken.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		var left []byte
		for _, f := range z.File { // by its exact name: (*zip.Reader).Open would refuse some
			if f.Name == release.ID+"/data/outputs/"+name {
				r, err := f.Open()
				if err != nil {
					t.Fatal(err)
				}
				if left, err = io.ReadAll(r); err != nil {
					t.Fatal(err)
				}
			}
		}
		if string(left) != content || seen["chris"][name] != content || seen["chloe"][name] != content {
			t.Errorf("%s: handed in %d bytes, seen %d and %d, left %d", name, len(content), len(seen["chris"][name]), len(seen["chloe"][name]), len(left))
		}
	}
}

func TestLinksOverHTTP(t *testing.T) {
	s := newSite(t)
	release, _ := s.released(map[string]string{"a.csv": "region,n\nLondon,120\n"})
	make := func() string {
		t.Helper()
		link, err := s.as("ada").MakeLink(t.Context(), release.ID)
		if err != nil {
			t.Fatal(err)
		}
		return "/v1/downloads/" + link.Secret
	}
	path := make()
	if status, header, _ := s.send("", http.MethodHead, path, ""); status != http.StatusMethodNotAllowed || header.Get("Allow") != "GET" {
		t.Errorf("HEAD: %d", status)
	}
	if status, _, _ := s.send("", http.MethodGet, path, ""); status != http.StatusOK {
		t.Errorf("a look at the headers used the link up: %d", status)
	}
	if status, _, body := s.send("", http.MethodGet, path, ""); status != http.StatusConflict || !strings.Contains(body, string(gatehouse.CodeLinkUsed)) {
		t.Errorf("second use: %d %s", status, body)
	}
	_, err := s.as("bob").MakeLink(t.Context(), release.ID)
	want(t, "a link by somebody else", err, gatehouse.CodeNotFound)
	path = make()
	if _, err := s.as("cora").RecallRelease(t.Context(), release.ID, "wrong"); err != nil {
		t.Fatal(err)
	}
	if status, _, body := s.send("", http.MethodGet, path, ""); status != http.StatusConflict || !strings.Contains(body, "recalled") {
		t.Errorf("after the recall: %d %s", status, body)
	}
	if status, _, _ := s.send("", http.MethodGet, "/v1/downloads/"+strings.Repeat("A", 43), ""); status != http.StatusNotFound {
		t.Errorf("a guess: %d", status)
	}
	if log := s.log.String(); strings.Contains(log, strings.TrimPrefix(path, "/v1/downloads/")) {
		t.Error("the log holds the secret of a link")
	}
}

func TestTheJournalOverHTTPIsForAuditors(t *testing.T) {
	s := newSite(t)
	release, _ := s.released(map[string]string{"a.csv": "region,n\nLondon,120\n"})
	for _, user := range []string{"ada", "chris", "cora"} {
		for _, path := range []string{"/v1/journal/events", "/v1/journal/checkpoint", "/v1/journal/events/0/proof", "/v1/journal/consistency?from=1"} {
			if status, _, body := s.send(user, http.MethodGet, path, ""); status != http.StatusForbidden {
				t.Errorf("%s of %s: %d %s", path, user, status, body)
			}
		}
	}
	aud := s.as("aud")
	page, err := aud.Events(t.Context(), web.JournalFilter{Subject: release.Request, Limit: 3})
	if err != nil || len(page.Items) != 3 || page.Items[0].Event.Action != "request.released" || page.Next != page.Items[2].Index {
		t.Fatalf("%+v, %v", page, err)
	}
	older, err := aud.Events(t.Context(), web.JournalFilter{Subject: release.Request, Before: page.Next})
	if err != nil || len(older.Items) == 0 || older.Items[0].Index >= page.Next || older.Next != 0 {
		t.Fatalf("%+v, %v", older, err)
	}
	for what, f := range map[string]web.JournalFilter{
		"of an actor": {Actor: "chloe"}, "of an action": {Action: "request.voted"}, "of a project": {Project: "a"},
		"later": {Since: release.Released.AddDate(0, 0, 1)}, "earlier": {Until: release.Released.AddDate(0, 0, -1)},
	} {
		found, err := aud.Events(t.Context(), f)
		if err != nil || (len(found.Items) == 0) != (what == "later" || what == "earlier") {
			t.Errorf("%s: %d events, %v", what, len(found.Items), err)
		}
		for _, e := range found.Items {
			if f.Actor != "" && e.Event.Actor != f.Actor || f.Action != "" && e.Event.Action != f.Action || f.Project != "" && e.Event.Project != f.Project {
				t.Errorf("%s: %+v", what, e)
			}
		}
	}
	for path, status := range map[string]int{
		fmt.Sprintf("/v1/journal/events/%d/proof", page.Items[0].Index): 200, "/v1/journal/events/99999/proof": 404, "/v1/journal/events/-1/proof": 422,
		"/v1/journal/consistency?from=1": 200, "/v1/journal/consistency?from=99999": 404, "/v1/journal/consistency?from=0": 422, "/v1/journal/checkpoint": 200,
	} {
		if got, _, body := s.send("aud", http.MethodGet, path, ""); got != status {
			t.Errorf("%s: %d %s", path, got, body)
		}
	}
}

// audited is how cmd joins the journal and the API.
type audited struct{ audit *journal.Audit }

func (a audited) Events(ctx context.Context, p gatehouse.Principal, f web.JournalFilter) (web.JournalPage, error) {
	found, next, err := a.audit.Events(ctx, p, journal.Filter{Actor: f.Actor, Action: f.Action, Project: f.Project, Subject: f.Subject, Since: f.Since, Until: f.Until, Before: f.Before, Limit: f.Limit})
	page := web.JournalPage{Items: []web.JournalEntry{}, Next: next}
	for _, e := range found {
		page.Items = append(page.Items, web.JournalEntry(e))
	}
	return page, err
}

func (a audited) Head(ctx context.Context, p gatehouse.Principal) (web.JournalHead, error) {
	h, err := a.audit.Head(ctx, p)
	return web.JournalHead(h), err
}

func (a audited) Proof(ctx context.Context, p gatehouse.Principal, index int64) (web.InclusionProof, error) {
	proof, err := a.audit.Proof(ctx, p, index)
	if err != nil {
		return web.InclusionProof{}, err
	}
	return web.InclusionProof{Index: proof.Index, Event: proof.Event, Proof: []string{}, Checkpoint: proof.Checkpoint}, nil
}

func (a audited) Consistency(ctx context.Context, p gatehouse.Principal, from int64) (web.ConsistencyProof, error) {
	proof, err := a.audit.Consistency(ctx, p, from)
	if err != nil {
		return web.ConsistencyProof{}, err
	}
	return web.ConsistencyProof{From: proof.From, Proof: []string{}, Checkpoint: proof.Checkpoint}, nil
}

func (s *site) journalKey() note.Verifier {
	s.t.Helper()
	public, err := s.keys.Verifier(keys.Journal)
	if err != nil {
		s.t.Fatal(err)
	}
	verifier, err := journal.NewVerifier(public)
	if err != nil {
		s.t.Fatal(err)
	}
	return verifier
}
