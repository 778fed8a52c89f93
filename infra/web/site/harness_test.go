package site_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"html"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/catalog/codelist"
	"github.com/gatehouse-tre/gatehouse/docs"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/identity"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/notices"
	"github.com/gatehouse-tre/gatehouse/infra/objects"
	"github.com/gatehouse-tre/gatehouse/infra/pdf"
	"github.com/gatehouse-tre/gatehouse/infra/policy"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/infra/web/site"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// house is the site over TLS with a real database, policy, keys, sessions and
// services.
type house struct {
	codelists *codelist.Service
	rules     *policy.Policy
	t         *testing.T
	url       string
	server    *httptest.Server
	services  *workspaces.Service
	requests  *egress.Requests
	sessions  map[string]string // secrets by user
	log       *bytes.Buffer
	slow      slowness // of verifying the journal
	audit     *journal.Audit
	db        *state.DB
}

type prover struct{ db *state.DB }

func (p prover) ProveEvent(ctx context.Context, action, subject string) (json.RawMessage, error) {
	proof, err := journal.Proof(ctx, p.db.Reader(), action, subject)
	if err != nil {
		return nil, err
	}
	return json.Marshal(proof)
}

// shelf is a catalogue of a version and the one before.
type shelf struct{}

func (shelf) List(context.Context) ([]catalog.Version, error) {
	before := version
	before.Number, before.Units = 2, 994
	before.Tables = slices.Clone(version.Tables)
	before.Tables[0].Rows, before.Tables[0].People = 994, 994
	before.Tables[0].Columns = before.Tables[0].Columns[:1]
	return []catalog.Version{before, version}, nil
}
func (shelf) Version(context.Context, string, int) (catalog.Version, error) { return version, nil }

var version = catalog.Version{
	Dataset: "shared_care", Number: 3, Title: "Shared care", Custodian: "Northern Shared Care Record",
	Published: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Units: 1003,
	Tables: []catalog.Table{{Name: "patients", Description: "Everybody.", Rows: 1003, People: 1003, Columns: []catalog.Column{
		{Name: "person_id", Type: "VARCHAR", Class: catalog.ClassPerson}, {Name: "sex", Type: "VARCHAR", Class: catalog.ClassDimension, Description: "As recorded"},
	}}},
	Accounts: []catalog.Account{{Table: "patients", Extract: "patients.csv", Read: 1077, Published: 1003, OptedOut: 74}},
	Receipts: []catalog.Receipt{{List: "national", Dated: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Affected: 71}},
}

// auditing is the journal as cmd gives it to the site.
type auditing struct {
	audit *journal.Audit
	slow  *slowness
}

// slowness holds a verification up until the test lets it go on.
type slowness struct{ until chan struct{} }

func (a auditing) Head(ctx context.Context, p gatehouse.Principal) (site.JournalHead, error) {
	h, err := a.audit.Head(ctx, p)
	return site.JournalHead(h), err
}

func (a auditing) Events(ctx context.Context, p gatehouse.Principal, f site.JournalFilter) ([]site.JournalEntry, int64, error) {
	found, next, err := a.audit.Events(ctx, p, journal.Filter{Actor: f.Actor, Action: f.Action, Project: f.Project, Subject: f.Subject, Since: f.Since, Until: f.Until, Before: f.Before, Limit: f.Limit})
	var out []site.JournalEntry
	for _, e := range found {
		out = append(out, site.JournalEntry{Index: e.Index, Event: e.Event})
	}
	return out, next, err
}

func (a auditing) Verify(ctx context.Context, p gatehouse.Principal, watch func(done, of int64)) (site.JournalHead, error) {
	report, err := a.audit.Verify(ctx, p, func(done, of int64) {
		watch(done, of)
		if a.slow.until != nil {
			<-a.slow.until
		}
	})
	var head site.JournalHead
	if report != nil {
		head.Size, head.Root = report.Events, report.Root.String()
	}
	return head, err
}

func (a auditing) Proof(ctx context.Context, p gatehouse.Principal, index int64) (site.JournalProof, error) {
	proof, err := a.audit.Proof(ctx, p, index)
	if err != nil {
		return site.JournalProof{}, err
	}
	out := site.JournalProof{Index: proof.Index, Event: proof.Event, Checkpoint: proof.Checkpoint}
	for _, h := range proof.Proof {
		out.Proof = append(out.Proof, h.String())
	}
	return out, nil
}

func (a auditing) Key(ctx context.Context, p gatehouse.Principal) ([]byte, error) {
	if err := a.audit.Authorizer.Authorize(ctx, p, gatehouse.ActionJournalRead, ""); err != nil {
		return nil, err
	}
	return []byte("-----BEGIN PUBLIC KEY-----\n"), nil
}

// drawer draws in this process; cmd has a process of its own do it.
type drawer struct{}

// takenOver begins a document that took over what draws it.
const takenOver = "%PDF-1.7 taken over"

func (drawer) Draw(ctx context.Context, content []byte, page int) (site.DocumentPage, error) {
	if strings.HasPrefix(string(content), takenOver) {
		return site.DocumentPage{Pages: 1, Number: 1, Files: []string{"one.csv", "two.csv"}, Inside: -1, Scripts: -5}, nil
	}
	p, err := pdf.Draw(ctx, content, page)
	if err != nil {
		err = gatehouse.Errorf(gatehouse.CodeUnsupported, "It cannot be drawn.").Because(err)
	}
	return site.DocumentPage(p), err
}

// operating is the machinery as cmd gives it to the site.
type operating struct{ rules *policy.Policy }

func (o operating) Status(ctx context.Context, p gatehouse.Principal) (site.Status, error) {
	if err := o.rules.Authorize(ctx, p, gatehouse.ActionSystemOperate, ""); err != nil {
		return site.Status{}, err
	}
	return site.Status{Version: "test", Lists: []site.ListStatus{{Version: version.Name(), List: "national", Dated: version.Published, Stale: true}}}, nil
}

func newHouse(t *testing.T) *house {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	h := &house{t: t, log: &bytes.Buffer{}, sessions: map[string]string{}}
	kept, err := keys.Create(filepath.Join(dir, "keys"))
	must(err)
	journalKey, err := kept.Signer(keys.Journal)
	must(err)
	signer, err := journal.NewSigner(journalKey)
	must(err)
	db, err := state.Open(ctx, filepath.Join(dir, "state", "gatehouse.db"), state.Options{Journal: journal.New(signer, filepath.Join(dir, "journal", "checkpoint"))})
	must(err)
	t.Cleanup(func() { db.Close() })
	public, err := kept.Verifier(keys.Journal)
	must(err)
	verifier, err := journal.NewVerifier(public)
	must(err)
	store := state.Workspaces(db)
	rules, err := policy.New(store)
	must(err)
	h.rules = rules
	h.db, h.audit = db, &journal.Audit{DB: db.Reader(), Verifier: verifier, Authorizer: rules}
	h.services, err = workspaces.New(workspaces.Config{Store: store, Authorizer: rules, Catalogue: shelf{}, Pseudonymiser: kept, Policies: (*egress.Policies)(nil), Dir: dir, MaxListAge: time.Hour, Factors: workspaces.Factors{Any: true}})
	must(err)
	must(store.Update(ctx, func(tx workspaces.Tx) error {
		var errs []error
		for _, user := range []string{"ada", "ann", "bob", "chris", "chloe", "cora", "aud", "olga"} {
			errs = append(errs, tx.AddUser(ctx, user))
		}
		for user, role := range map[string]gatehouse.Role{"chris": gatehouse.RoleChecker, "chloe": gatehouse.RoleChecker, "cora": gatehouse.RoleCustodian, "aud": gatehouse.RoleAuditor, "olga": gatehouse.RoleOperator} {
			errs = append(errs, tx.GrantRole(ctx, user, role))
		}
		for id, members := range map[string][]string{"a": {"ada", "ann"}, "b": {"bob"}} {
			p := workspaces.Project{
				ID: id, Title: "Project " + id, Purpose: "P", State: workspaces.ProjectActive, Policy: "sdap", OptOutBasis: workspaces.BasisApplies,
				Expires: time.Now().AddDate(1, 0, 0), CreatedBy: members[0], ApprovedBy: "cora", Approved: time.Now(), LaySummary: "What project " + id + " is for.", Version: 1,
				Datasets: []workspaces.DatasetGrant{{Dataset: "shared_care", Version: 3, Tables: []workspaces.TableGrant{{Table: "patients"}}}},
			}
			for i, m := range members {
				role := gatehouse.RoleResearcher
				if i == 0 {
					role = gatehouse.RoleLead
				}
				p.Members = append(p.Members, workspaces.Member{User: m, Role: role, TrainingUntil: time.Now().AddDate(1, 0, 0), Agreement: 1, AgreementUntil: time.Now().AddDate(1, 0, 0)})
			}
			errs = append(errs, tx.AddProject(ctx, p), tx.AddWorkspace(ctx, workspaces.Workspace{ID: "ws-" + id, Project: id, Dataset: "shared_care"}))
		}
		return errors.Join(errs...)
	}))
	must(h.services.AddCustodian(ctx, workspaces.System, "shared_care", "cora"))
	folder, err := objects.NewFolder(filepath.Join(dir, "objects"))
	must(err)
	releaseKey, err := kept.Signer(keys.Release)
	must(err)
	h.requests, err = egress.NewRequests(egress.RequestParts{
		Store: state.Requests{DB: db}, Objects: folder, Authorizer: rules, Signer: releaseKey, Journal: prover{db}, Limits: egress.RequestLimits{FileBytes: 3 << 20},
	})
	must(err)
	for _, user := range []string{"ada", "ann", "bob", "chris", "chloe", "cora", "aud", "olga"} {
		account := workspaces.Identity{Issuer: "https://provider.example", Subject: user}
		must(h.services.LinkIdentity(ctx, workspaces.System, user, account))
		h.sessions[user], _, err = h.services.SignIn(ctx, workspaces.Authenticated{Identity: account}, workspaces.SignInBrowser, "")
		must(err)
	}
	log := slog.New(slog.NewTextHandler(h.log, nil))
	browser, err := identity.NewBrowser(nil, h.services, log)
	must(err)
	h.codelists = &codelist.Service{Dir: dir, Store: state.Codelists{DB: db}, Authorizer: rules}
	handler, err := site.New(site.Config{
		SignIn: browser, Projects: h.services, Requests: h.requests, Catalogue: shelf{}, Authorizer: rules,
		Codelists: h.codelists, Lineages: egress.Lineages{Catalogue: shelf{}, Projects: h.services, Store: state.Ledger{DB: db}, Authorizer: rules},
		Profiles:  &egress.Profiles{Sessions: h.services, Store: state.Profiles{DB: db}, Authorizer: rules, Policy: "nhs", Now: time.Now, Log: log},
		Questions: egress.Questions{Store: state.Ledger{DB: db}, Authorizer: rules}, Journal: auditing{h.audit, &h.slow}, VerifyJournal: docs.VerifyJournal, Operations: operating{rules},
		Notices: &workspaces.Notices{Store: state.Notices{DB: db}, Authorizer: rules}, Describe: notices.Describe, Documents: drawer{},
		Flight: "grpc+tls://127.0.0.1:1", CA: "-----BEGIN CERTIFICATE-----\n", Log: log,
	})
	must(err)
	h.server = httptest.NewTLSServer(handler)
	t.Cleanup(h.server.Close)
	h.url = h.server.URL
	return h
}

// reader is a person with a browser.
type reader struct {
	h    *house
	http *http.Client
}

func (h *house) as(user string) *reader {
	jar, _ := cookiejar.New(nil)
	at, _ := url.Parse(h.url)
	if user != "" {
		jar.SetCookies(at, []*http.Cookie{{Name: "__Host-gatehouse-session", Value: h.sessions[user], Secure: true, Path: "/"}})
	}
	return &reader{h, &http.Client{Transport: h.server.Client().Transport, Jar: jar}}
}

// page is an answer.
type page struct {
	status int
	path   string // after redirects
	query  string
	header http.Header
	body   string
}

func (b *reader) do(r *http.Request) page {
	b.h.t.Helper()
	resp, err := b.http.Do(r)
	if err != nil {
		b.h.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.h.t.Fatal(err)
	}
	return page{resp.StatusCode, resp.Request.URL.Path, resp.Request.URL.RawQuery, resp.Header, string(body)}
}

func (b *reader) get(path string) page {
	b.h.t.Helper()
	r, err := http.NewRequestWithContext(b.h.t.Context(), http.MethodGet, b.h.url+path, nil)
	if err != nil {
		b.h.t.Fatal(err)
	}
	return b.do(r)
}

// post sends a form as a browser does from a page of the site.
func (b *reader) post(path string, form ...string) page {
	b.h.t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(form); i += 2 {
		values.Add(form[i], form[i+1])
	}
	r, err := http.NewRequestWithContext(b.h.t.Context(), http.MethodPost, b.h.url+path, strings.NewReader(values.Encode()))
	if err != nil {
		b.h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

// uploadAs sends a file by the form of a request's page.
func (b *reader) uploadAs(at, name, content, kind, group string) page {
	b.h.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	err := errors.Join(w.WriteField("kind", kind), w.WriteField("group", group))
	part, more := w.CreateFormFile("file", name)
	if err = errors.Join(err, more); err == nil {
		_, err = io.WriteString(part, content)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		b.h.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(b.h.t.Context(), http.MethodPost, b.h.url+at+"/files", &body)
	if err != nil {
		b.h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

func contains(s, part string) bool { return strings.Contains(s, part) }

// wants fails unless the page has the status and holds every text.
func (p page) wants(t *testing.T, status int, texts ...string) page {
	t.Helper()
	if p.status != status {
		t.Fatalf("%s: status %d, want %d\n%s", p.path, p.status, status, p.body)
	}
	for _, text := range texts {
		if !strings.Contains(html.UnescapeString(p.body), text) {
			t.Errorf("%s does not hold %q\n%s", p.path, text, p.body)
		}
	}
	return p
}

// lacks fails if the page holds any of the texts.
func (p page) lacks(t *testing.T, texts ...string) page {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(p.body, text) {
			t.Errorf("%s holds %q", p.path, text)
		}
	}
	return p
}
