package web_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/objects"
	"github.com/gatehouse-tre/gatehouse/infra/policy"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/infra/web"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// site is the API over TLS with a real database, policy, keys and services.
type site struct {
	t        *testing.T
	url      string
	ca       []byte
	http     *http.Client
	tokens   map[string]string
	keys     *keys.Keys
	log      *bytes.Buffer
	services *workspaces.Service
}

type prover struct{ db *state.DB }

func (p prover) ProveEvent(ctx context.Context, action, subject string) (json.RawMessage, error) {
	proof, err := journal.Proof(ctx, p.db.Reader(), action, subject)
	if err != nil {
		return nil, err
	}
	return json.Marshal(proof)
}

// published is a catalogue of one version.
type published struct{}

func (published) List(context.Context) ([]catalog.Version, error) {
	return []catalog.Version{version}, nil
}

func (published) Version(context.Context, string, int) (catalog.Version, error) { return version, nil }

var version = catalog.Version{
	Dataset: "shared_care", Number: 3, Title: "Shared care", Custodian: "Northern Shared Care Record",
	Published: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Units: 1000,
	Tables:   []catalog.Table{{Name: "patients", Rows: 1000, People: 1000, Columns: []catalog.Column{{Name: "person_id", Type: "VARCHAR", Class: catalog.ClassPerson}}, Files: []catalog.File{{Path: "patients.parquet", SHA256: strings.Repeat("a", 64)}}}},
	Accounts: []catalog.Account{{Table: "patients", Read: 1003, Published: 1000, OptedOut: 3}},
	Receipts: []catalog.Receipt{{List: "national", Dated: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Affected: 3}},
}

func newSite(t *testing.T) *site {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s := &site{t: t, tokens: map[string]string{}, log: &bytes.Buffer{}}
	var err error
	s.keys, err = keys.Create(filepath.Join(dir, "keys"))
	must(err)
	journalKey, err := s.keys.Signer(keys.Journal)
	must(err)
	signer, err := journal.NewSigner(journalKey)
	must(err)
	db, err := state.Open(ctx, filepath.Join(dir, "state", "gatehouse.db"), state.Options{Journal: journal.New(signer, filepath.Join(dir, "journal", "checkpoint"))})
	must(err)
	t.Cleanup(func() { db.Close() })
	store := state.Workspaces(db)
	rules, err := policy.New(store)
	must(err)
	s.services, err = workspaces.New(workspaces.Config{Store: store, Authorizer: rules, Catalogue: published{}, Pseudonymiser: s.keys, Policies: (*egress.Policies)(nil), Dir: dir, MaxListAge: time.Hour})
	must(err)
	must(store.Update(ctx, func(tx workspaces.Tx) error {
		var errs []error
		for _, user := range []string{"ada", "ann", "bob", "chris", "chloe", "cora", "aud"} {
			errs = append(errs, tx.AddUser(ctx, user))
		}
		for user, role := range map[string]gatehouse.Role{"chris": gatehouse.RoleChecker, "chloe": gatehouse.RoleChecker, "cora": gatehouse.RoleCustodian, "aud": gatehouse.RoleAuditor} {
			errs = append(errs, tx.GrantRole(ctx, user, role))
		}
		for id, members := range map[string][]string{"a": {"ada", "ann"}, "b": {"bob"}} {
			p := workspaces.Project{
				ID: id, Title: "T", Purpose: "P", State: workspaces.ProjectActive, Policy: "sdap", OptOutBasis: workspaces.BasisApplies,
				Expires: time.Now().AddDate(1, 0, 0), CreatedBy: members[0], ApprovedBy: "cora", Version: 1,
				Datasets: []workspaces.DatasetGrant{{Dataset: "shared_care", Version: 3, Tables: []workspaces.TableGrant{{Table: "patients"}}}},
			}
			for _, m := range members {
				p.Members = append(p.Members, workspaces.Member{User: m, Role: gatehouse.RoleResearcher, TrainingUntil: time.Now().AddDate(1, 0, 0), Agreement: 1, AgreementUntil: time.Now().AddDate(1, 0, 0)})
			}
			errs = append(errs, tx.AddProject(ctx, p))
		}
		return errors.Join(errs...)
	}))
	for _, user := range []string{"ada", "ann", "bob", "chris", "chloe", "cora", "aud"} {
		s.tokens[user], err = s.services.IssueHouseToken(ctx, workspaces.System, user, time.Hour)
		must(err)
	}
	folder, err := objects.NewFolder(filepath.Join(dir, "objects"))
	must(err)
	releaseKey, err := s.keys.Signer(keys.Release)
	must(err)
	requests, err := egress.NewRequests(egress.RequestParts{
		Store: state.Requests{DB: db}, Objects: folder, Authorizer: rules, Signer: releaseKey, Journal: prover{db},
		Limits: egress.RequestLimits{FileBytes: 3 << 20},
	})
	must(err)

	server := httptest.NewUnstartedServer(nil)
	server.Config = web.NewServer(web.Config{
		Projects: s.services, Requests: requests, Catalogue: published{}, Authorizer: rules, Log: slog.New(slog.NewTextHandler(s.log, nil)),
		Journal: audited{&journal.Audit{DB: db.Reader(), Verifier: s.journalKey(), Authorizer: rules}},
	}, &tls.Config{MinVersion: tls.VersionTLS12})
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	s.url, s.http = server.URL, server.Client()
	s.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return s
}

func (s *site) as(user string) *web.Client {
	s.t.Helper()
	c, err := web.NewClient(s.url, s.ca, s.tokens[user])
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// send is a request as any program could make it.
func (s *site) send(user, method, path, body string) (int, http.Header, string) {
	s.t.Helper()
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if user != "" {
		req.Header.Set("Authorization", "Bearer "+s.tokens[user])
	}
	if strings.HasPrefix(body, "{") {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := s.http.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

var explained = egress.RequestContext{What: "counts", Population: "adults", Dates: "2024", People: "at least 45", Controls: "k = 10"}

func (s *site) submitted(files map[string]string) string {
	s.t.Helper()
	ctx, ada := s.t.Context(), s.as("ada")
	r, err := ada.CreateRequest(ctx, web.RequestInput{Project: "a", Title: "Admissions", Context: explained})
	if err != nil {
		s.t.Fatal(err)
	}
	for name, content := range files {
		if _, err := ada.AddFile(ctx, r.ID, name, strings.NewReader(content)); err != nil {
			s.t.Fatal(err)
		}
	}
	if _, err := ada.SubmitRequest(ctx, r.ID); err != nil {
		s.t.Fatal(err)
	}
	return r.ID
}

func want(t *testing.T, what string, err error, code gatehouse.Code) {
	t.Helper()
	if err == nil || gatehouse.CodeOf(err) != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}
