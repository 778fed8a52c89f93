package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/web"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

var update = flag.Bool("update", false, "write docs/api/openapi.json")

// The committed description is what the handlers say.
func TestTheDescriptionIsCurrent(t *testing.T) {
	raw, err := web.Description()
	if err != nil {
		t.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	indented.WriteByte('\n')
	file := filepath.Join("..", "..", "docs", "api", "openapi.json")
	if *update {
		if err := os.WriteFile(file, indented.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, indented.Bytes()) {
		t.Error("docs/api/openapi.json is not what the handlers say: run `go test ./infra/web -run Description -update`")
	}
}

func TestTheWholeWayOverHTTP(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	id := s.submitted(map[string]string{"Größe (1).csv": "region,n\nLondon,120\n", "b.csv": "region,n\nWales,3\n"})

	chris, chloe := s.as("chris"), s.as("chloe")
	queue, err := chris.Requests(ctx, egress.RequestFilter{State: egress.RequestSubmitted})
	if err != nil || len(queue) != 1 || queue[0].ID != id {
		t.Fatalf("queue %+v, %v", queue, err)
	}
	var content bytes.Buffer
	if err := chris.File(ctx, id, "Größe (1).csv", &content); err != nil || content.String() != "region,n\nLondon,120\n" {
		t.Fatalf("file %q, %v", content.String(), err)
	}
	approve := []web.BallotInput{{File: "Größe (1).csv", Verdict: egress.VerdictApprove}, {File: "b.csv", Verdict: egress.VerdictReject, Comment: "a small count"}}
	if _, err := chris.Vote(ctx, id, approve); err != nil {
		t.Fatal(err)
	}
	v, err := chloe.Vote(ctx, id, approve)
	if err != nil || v.State != egress.RequestApproved {
		t.Fatalf("%s, %v", v.State, err)
	}
	release, err := chloe.ReleaseRequest(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	var bundle bytes.Buffer
	if err := s.as("ada").Download(ctx, release.ID, &bundle); err != nil {
		t.Fatal(err)
	}
	public, err := s.keys.Verifier(keys.Release)
	if err != nil {
		t.Fatal(err)
	}
	m, err := egress.VerifyBundle(bytes.NewReader(bundle.Bytes()), int64(bundle.Len()), public)
	if err != nil || len(m.Files) != 1 || m.Withheld != 1 {
		t.Fatalf("%+v, %v", m, err)
	}
	recalled, err := s.as("cora").RecallRelease(ctx, release.ID, "wrong population")
	if err != nil || len(recalled.Downloads) != 1 || recalled.Downloads[0].By != "ada" {
		t.Fatalf("%+v, %v", recalled, err)
	}
	want(t, "download after recall", s.as("ada").Download(ctx, release.ID, io.Discard), gatehouse.CodeRequestState)
	if shown, err := s.as("ada").Request(ctx, id); err != nil || shown.State != egress.RequestRecalled || shown.Release != release.ID {
		t.Errorf("%+v, %v", shown, err)
	}
}

func TestReturnEditWithdrawOverHTTP(t *testing.T) {
	s := newSite(t)
	ctx, ada := t.Context(), s.as("ada")
	id := s.submitted(map[string]string{"a.csv": "region,n\nLondon,120\n"})
	for _, checker := range []string{"chris", "chloe"} {
		if _, err := s.as(checker).Vote(ctx, id, []web.BallotInput{{File: "a.csv", Verdict: egress.VerdictReturn, Comment: "say more"}}); err != nil {
			t.Fatal(err)
		}
	}
	title := "Admissions by region"
	if v, err := ada.EditRequest(ctx, id, web.RequestChange{Title: &title}); err != nil || v.Title != title || v.State != egress.RequestReturned {
		t.Fatalf("%+v, %v", v, err)
	}
	if v, err := ada.RemoveFile(ctx, id, "a.csv"); err != nil || len(v.Files) != 0 {
		t.Fatalf("%+v, %v", v, err)
	}
	if v, err := ada.WithdrawRequest(ctx, id); err != nil || v.State != egress.RequestWithdrawn {
		t.Fatalf("%+v, %v", v, err)
	}
}

// A rival lets the client say how many approvals are needed, or who approves.
func TestNothingOfAVoteIsTakenFromTheBody(t *testing.T) {
	s := newSite(t)
	id := s.submitted(map[string]string{"a.csv": "region,n\nLondon,120\n"})
	for _, body := range []string{
		`{"votes": [{"file": "a.csv", "verdict": "approve", "checker": "chloe"}]}`,
		`{"votes": [{"file": "a.csv", "verdict": "approve", "stage": "dispute"}]}`,
		`{"votes": [{"file": "a.csv", "verdict": "approve", "round": 7}]}`,
		`{"votes": [{"file": "a.csv", "verdict": "approve"}], "approvals_required": 1}`,
		`{"votes": [{"file": "a.csv", "verdict": "approve"}], "checker": "chloe"}`,
		`{"votes": []}`, `{"votes": null}`, `{}`, `[]`, `{"votes": "x"}`, `{"votes": [{"file": "a.csv", "verdict": "fine"}]}`, `{`,
	} {
		status, _, answer := s.send("chris", "POST", "/v1/requests/"+id+"/votes", body)
		if status != 422 && status != 400 {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
	status, _, _ := s.send("chris", "POST", "/v1/requests/"+id+"/votes?checker=chloe", `{"votes": [{"file": "a.csv", "verdict": "approve"}]}`)
	if status != 422 {
		t.Errorf("a checker in the query: %d", status)
	}
	if v, err := s.as("aud").Request(t.Context(), id); err != nil || v.Files[0].Cast != 0 || v.State != egress.RequestSubmitted {
		t.Errorf("%+v, %v", v, err)
	}
	for user, status := range map[string]int{"ada": 403, "ann": 403, "cora": 403, "aud": 403, "bob": 404, "": 401} {
		got, _, answer := s.send(user, "POST", "/v1/requests/"+id+"/votes", `{"votes": [{"file": "a.csv", "verdict": "approve"}]}`)
		if got != status {
			t.Errorf("%q votes: %d %s", user, got, answer)
		}
	}
}

func TestOtherProjectsAreNotThere(t *testing.T) {
	s := newSite(t)
	id := s.submitted(map[string]string{"a.csv": "region,n\nLondon,120\n"})
	for _, c := range [][2]string{
		{"GET", "/v1/requests/" + id}, {"PATCH", "/v1/requests/" + id}, {"POST", "/v1/requests/" + id + "/submit"}, {"POST", "/v1/requests/" + id + "/withdraw"},
		{"POST", "/v1/requests/" + id + "/release"}, {"DELETE", "/v1/requests/" + id + "/files/a.csv"}, {"GET", "/v1/requests/" + id + "/files/a.csv"},
		{"PUT", "/v1/requests/" + id + "/files/b.csv"}, {"GET", "/v1/projects/a"}, {"GET", "/v1/releases/rel_0"}, {"GET", "/v1/releases/rel_0/bundle"},
	} {
		body := ""
		if c[0] == "PATCH" {
			body = "{}"
		}
		status, _, answer := s.send("bob", c[0], c[1], body)
		if status != 404 {
			t.Errorf("%s %s: %d %s", c[0], c[1], status, answer)
		}
	}
	_, _, there := s.send("bob", "GET", "/v1/requests/"+id, "")
	_, _, missing := s.send("bob", "GET", "/v1/requests/req_00000000000000000000", "")
	if withoutID(there) != withoutID(missing) {
		t.Errorf("what is can be told from what is not:\n%s%s", there, missing)
	}
	_, _, projects := s.send("bob", "GET", "/v1/projects", "")
	if !strings.Contains(projects, `"id":"b"`) || strings.Contains(projects, `"id":"a"`) {
		t.Errorf("bob's projects: %s", projects)
	}
	_, _, requests := s.send("bob", "GET", "/v1/requests", "")
	if strings.TrimSpace(requests) != `{"items":[]}` {
		t.Errorf("bob's requests: %s", requests)
	}
}

func withoutID(problem string) string {
	var p web.Problem
	if err := json.Unmarshal([]byte(problem), &p); err != nil {
		return err.Error()
	}
	p.Request = ""
	b, _ := json.Marshal(p)
	return string(b)
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	s := newSite(t)
	for path, status := range map[string]int{"/healthz": 200, "/v1/me": 401, "/openapi.json": 200, "/openapi.yaml": 200, "/nothing": 404, "/": 404, "/v1/requests/": 404} {
		got, h, body := s.send("", "GET", path, "")
		if got != status {
			t.Errorf("%s: %d %s", path, got, body)
		}
		for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Strict-Transport-Security", "Referrer-Policy", "X-Request-Id"} {
			if h.Get(name) == "" {
				t.Errorf("%s: no %s", path, name)
			}
		}
		if h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be cached", path)
		}
		if status >= 400 {
			var p web.Problem
			if err := json.Unmarshal([]byte(body), &p); err != nil || h.Get("Content-Type") != "application/problem+json" || p.Code == "" || p.Detail == "" || p.Advice == "" || p.Status != status || p.Request == "" {
				t.Errorf("%s: %s %s", path, h.Get("Content-Type"), body)
			}
		}
	}
	if status, h, _ := s.send("", "GET", "/v1/me", ""); status != 401 || !strings.HasPrefix(h.Get("WWW-Authenticate"), "Bearer") {
		t.Errorf("%d %v", status, h)
	}
	s.tokens["nobody"] = "not-a-token"
	if status, _, _ := s.send("nobody", "GET", "/v1/me", ""); status != 401 {
		t.Errorf("unknown token: %d", status)
	}
	if status, h, _ := s.send("ada", "DELETE", "/v1/requests", ""); status != 405 || !strings.Contains(h.Get("Allow"), "POST") {
		t.Errorf("DELETE: %d %v", status, h.Get("Allow"))
	}
	if status, _, body := s.send("ada", "GET", "/v1/me", ""); status != 200 || !strings.Contains(body, `"user":"ada"`) {
		t.Errorf("%d %s", status, body)
	}
	if status, _, body := s.send("ada", "POST", "/v1/requests", `{"project": "a", "title": "`+strings.Repeat("x", 1<<20)+`"}`); status != 413 {
		t.Errorf("a large body: %d %.200s", status, body)
	}
}

func TestErrorsRepeatNoValue(t *testing.T) {
	s := newSite(t)
	for _, body := range []string{`{"project": 9434765919, "title": "x"}`, `{"project": "a", "title": "x", "context": {"what": 9434765919}}`, `{"project": "9434765919", "title": "x"}`} {
		status, _, answer := s.send("ada", "POST", "/v1/requests", body)
		if status < 400 || strings.Contains(answer, "9434765919") {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
	id := s.submitted(map[string]string{"a.csv": "nhs_number,n\n9434765919,3\n"})
	if _, _, answer := s.send("chris", "GET", "/v1/requests/"+id, ""); strings.Contains(answer, "9434765919") || !strings.Contains(answer, "nhs-number") {
		t.Errorf("%s", answer)
	}
	if strings.Contains(s.log.String(), "9434765919") {
		t.Errorf("the log repeats a value: %s", s.log)
	}
}

func TestUploadsStreamAndAreLimited(t *testing.T) {
	s := newSite(t)
	ctx, ada := t.Context(), s.as("ada")
	r, err := ada.CreateRequest(ctx, web.RequestInput{Project: "a", Title: "T"})
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("x", 99) + "\n"
	if _, err := ada.AddFile(ctx, r.ID, "large.txt", strings.NewReader(strings.Repeat(line, 25_000))); err != nil {
		t.Error(err)
	}
	_, err = ada.AddFile(ctx, r.ID, "larger.txt", strings.NewReader(strings.Repeat(line, 80_000)))
	want(t, "a file over the limit", err, gatehouse.CodeFileRefused)
	_, err = ada.AddFile(ctx, r.ID, "../up.csv", strings.NewReader("n\n12\n"))
	want(t, "a name with a folder", err, gatehouse.CodeFileRefused)
	_, err = ada.AddFile(ctx, r.ID, "LARGE.txt", strings.NewReader("x"))
	want(t, "a name that is there", err, gatehouse.CodeFileRefused)
	_, err = ada.AddFile(ctx, r.ID, "empty.csv", strings.NewReader(""))
	want(t, "an empty file", err, gatehouse.CodeFileRefused)
	broken, writer := io.Pipe()
	go func() {
		_, _ = writer.Write([]byte("n\n"))
		writer.CloseWithError(errors.New("the line went dead"))
	}()
	if _, err = ada.AddFile(ctx, r.ID, "half.csv", broken); err == nil {
		t.Error("half a file was accepted")
	}
	if v, err := ada.Request(ctx, r.ID); err != nil || len(v.Files) != 1 {
		t.Errorf("%d files, %v", len(v.Files), err)
	}
	for _, path := range []string{"/files/..%2f..%2fetc%2fpasswd", "/files/a%00b.csv", "/files/%2e%2e"} {
		if status, _, _ := s.send("ada", "PUT", "/v1/requests/"+r.ID+path, "n\n12\n"); status/100 == 2 {
			t.Errorf("%s: %d", path, status)
		}
	}
}

func TestTheCatalogueShowsNoCountsOfThoseLeftOut(t *testing.T) {
	s := newSite(t)
	status, _, body := s.send("ada", "GET", "/v1/datasets", "")
	if status != 200 || !strings.Contains(body, `"dataset":"shared_care"`) || !strings.Contains(body, `"person_id"`) {
		t.Errorf("%d %s", status, body)
	}
	for _, hidden := range []string{"opted_out", "affected", "parquet", strings.Repeat("a", 64), "1003"} {
		if strings.Contains(body, hidden) {
			t.Errorf("the catalogue shows %q: %s", hidden, body)
		}
	}
	if status, _, _ := s.send("ada", "GET", "/v1/datasets/shared_care/versions/3", ""); status != 200 {
		t.Errorf("%d", status)
	}
	if status, _, _ := s.send("ada", "GET", "/v1/datasets/shared_care/versions/9", ""); status != 404 {
		t.Errorf("%d", status)
	}
}

// bent fails in ways that a service must not.
type bent struct {
	web.Applications
	web.Adjustments
	web.ProjectDocuments
}

func (bent) Authenticate(context.Context, string) (gatehouse.Principal, error) {
	return gatehouse.Principal{User: "ada"}, nil
}
func (bent) Projects(context.Context, gatehouse.Principal) ([]workspaces.Project, error) {
	panic("9434765919")
}
func (bent) Project(context.Context, gatehouse.Principal, string) (workspaces.Project, error) {
	return workspaces.Project{}, nil
}
func (bent) Workspaces(context.Context, gatehouse.Principal) ([]workspaces.Workspace, error) {
	return nil, errors.New("9434765919")
}
func (bent) MoveCatalogue(context.Context, gatehouse.Principal, string, int) error { return nil }

func (bent) Recalls(context.Context, gatehouse.Principal, string) ([]catalog.Recall, error) {
	return nil, errors.New("9434765919")
}

func TestFaultsShowNothing(t *testing.T) {
	var log bytes.Buffer
	requests := &egress.Requests{}
	server := httptest.NewServer(web.New(web.Config{
		Projects: bent{}, Requests: requests, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Ready: func(context.Context) error { return errors.New("9434765919") },
	}))
	defer server.Close()
	for path, want := range map[string]int{"/v1/projects": 500, "/v1/workspaces": 500, "/healthz": 503} {
		req, err := http.NewRequest("GET", server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer x")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != want || bytes.Contains(body, []byte("9434765919")) || !bytes.Contains(body, []byte(resp.Header.Get("X-Request-Id"))) {
			t.Errorf("%s: %d %s, %v", path, resp.StatusCode, body, err)
		}
		if !strings.Contains(log.String(), resp.Header.Get("X-Request-Id")) {
			t.Errorf("%s: nothing in the operator's log", path)
		}
	}
	if panicked := strings.Split(log.String(), "a handler panicked"); len(panicked) != 2 || strings.Contains(strings.SplitN(panicked[1], "\n", 2)[0], "9434765919") {
		t.Errorf("the log of a panic holds its value: %s", log.String())
	}
}

func TestClientsAreCarefulWithTokens(t *testing.T) {
	s := newSite(t)
	for _, server := range []string{"http://localhost:1", "localhost", "https://", "https://h/?q", "ftp://h"} {
		_, err := web.NewClient(server, nil, "t")
		want(t, server, err, gatehouse.CodeConfig)
	}
	_, err := web.NewClient(s.url, nil, "two\nlines")
	want(t, "a token of two lines", err, gatehouse.CodeConfig)
	_, err = web.NewClient(s.url, []byte("nothing"), "t")
	want(t, "no certificate", err, gatehouse.CodeConfig)
	stranger, err := web.NewClient(s.url, nil, s.tokens["ada"])
	if err != nil {
		t.Fatal(err)
	}
	_, err = stranger.Requests(t.Context(), egress.RequestFilter{})
	want(t, "a server that nobody vouches for", err, gatehouse.CodeBusy)
}
