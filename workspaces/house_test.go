package workspaces_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/policy"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// house is an installation made of the real parts, with a clock of its own.
type house struct {
	*workspaces.Service
	t         testing.TB
	dir       string
	db        *state.DB
	keys      *keys.Keys
	catalogue *shelf

	mu  sync.Mutex
	now time.Time
}

// shelf is a catalogue of versions that a test publishes.
type shelf struct{ versions []catalog.Version }

func (s *shelf) Version(_ context.Context, dataset string, number int) (catalog.Version, error) {
	for i := len(s.versions) - 1; i >= 0; i-- {
		if v := s.versions[i]; v.Dataset == dataset && (number == 0 || number == v.Number) {
			return v, nil
		}
	}
	return catalog.Version{}, gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such version.")
}

var (
	custodian = gatehouse.Principal{User: "cora"}
	lead      = gatehouse.Principal{User: "ada"}
	start     = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
)

const projectText = `
id: diabetes-outcomes
title: Outcomes of type 2 diabetes
purpose: To find out who does well.
lay_summary: Some people with diabetes do better than others. We want to know why.
public_benefit: Clinics learn whom to help first.
organisation: University of Northtown
funding: Northtown Research Council
outputs: [a paper with tables]
policy: sdap
expires: 2026-12-31
members:
  - {user: ada, role: lead, training_until: 2026-09-30}
  - {user: ben, role: researcher, training_until: 2026-06-30}
datasets:
  - dataset: shared_care
    tables:
      - table: patients
        why: Outcomes differ by sex and age.
        columns: [sex, birth_year]
      - table: codes
        why: Codes are read by their terms.
`

// newHouse has users, roles and a published version of 1,000 people.
func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), now: start, catalogue: &shelf{}}
	var err error
	h.keys, err = keys.Create(filepath.Join(h.dir, "keys"))
	h.must(err)
	signer, err := h.keys.Signer(keys.Journal)
	h.must(err)
	note, err := journal.NewSigner(signer)
	h.must(err)
	h.db, err = state.Open(t.Context(), filepath.Join(h.dir, "state", "gatehouse.db"), state.Options{
		Journal: journal.New(note, h.checkpoint()), Now: h.clock,
	})
	h.must(err)
	t.Cleanup(func() { h.db.Close() })
	store := state.Workspaces(h.db)
	rules, err := policy.New(store)
	h.must(err)
	h.Service, err = workspaces.New(workspaces.Config{
		Store: store, Authorizer: rules, Catalogue: h.catalogue, Pseudonymiser: h.keys,
		Policies: &egress.Policies{Store: state.Policies{DB: h.db}, Authorizer: rules}, Dir: h.dir, MaxListAge: 30 * 24 * time.Hour,
	})
	h.must(err)
	h.publish(1, 1000)
	for _, user := range []string{"ada", "ben", "eve", "cora", "carl", "chad", "oona", "aude"} {
		h.must(h.AddUser(t.Context(), workspaces.System, user))
	}
	for user, role := range map[string]gatehouse.Role{
		"cora": gatehouse.RoleCustodian, "carl": gatehouse.RoleCustodian, "chad": gatehouse.RoleChecker,
		"oona": gatehouse.RoleOperator, "aude": gatehouse.RoleAuditor,
	} {
		h.must(h.GrantRole(t.Context(), workspaces.System, user, role))
	}
	for _, user := range []string{"cora", "carl"} {
		h.must(h.AddCustodian(t.Context(), workspaces.System, "shared_care", user))
	}
	return h
}

func (h *house) checkpoint() string { return filepath.Join(h.dir, "journal", "checkpoint") }

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) at(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = now
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// want checks an error's code.
func (h *house) want(err error, code gatehouse.Code) {
	h.t.Helper()
	if err == nil || gatehouse.CodeOf(err) != code {
		h.t.Errorf("got %v, want %s", err, code)
	}
}

// publish puts a version with units 0, 3, 6 … on the shelf.
func (h *house) publish(number, people int) catalog.Version {
	h.t.Helper()
	units := make([]uint32, people)
	for i := range units {
		units[i] = uint32(3 * i)
	}
	return h.publishUnits(number, units)
}

func (h *house) publishUnits(number int, units []uint32) catalog.Version {
	h.t.Helper()
	folder := filepath.Join(h.t.TempDir(), "version")
	h.must(os.MkdirAll(folder, 0o700))
	path := filepath.Join(folder, "units.parquet")
	writeUnits(h.t, path, units)
	content, err := os.ReadFile(path)
	h.must(err)
	sum := sha256.Sum256(content)
	v := catalog.Version{
		Dataset: "shared_care", Number: number, Units: int64(len(units)), Folder: folder,
		UnitsFile: catalog.File{Path: "units.parquet", SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(content))},
		Tables: []catalog.Table{
			{Name: "patients", Columns: []catalog.Column{
				{Name: "person_id", Type: "VARCHAR", Class: catalog.ClassPerson}, {Name: "sex", Type: "VARCHAR", Class: catalog.ClassDimension},
				{Name: "birth_year", Type: "INTEGER", Class: catalog.ClassDimension}, {Name: "lsoa", Type: "VARCHAR", Class: catalog.ClassQuasi},
			}},
			{Name: "events", Columns: []catalog.Column{{Name: "person_id", Type: "VARCHAR", Class: catalog.ClassPerson}}},
			{Name: "codes", Public: true, Columns: []catalog.Column{{Name: "code", Type: "VARCHAR", Class: catalog.ClassReference}}},
		},
		Receipts: []catalog.Receipt{
			{List: "national", Dated: start.AddDate(0, 0, -2)}, {List: "type1", Dated: start.AddDate(0, 0, -1)},
		},
	}
	h.catalogue.versions = append(h.catalogue.versions, v)
	return v
}

func writeUnits(t testing.TB, path string, units []uint32) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "_unit", Type: arrow.PrimitiveTypes.Uint32}}, nil)
	w, err := pqarrow.NewFileWriter(schema, f, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	b.Field(0).(*array.Uint32Builder).AppendValues(units, nil)
	if err := w.Write(b.NewRecordBatch()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func parse(t testing.TB, text string) workspaces.Project {
	t.Helper()
	p, err := workspaces.ParseProject(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// activate takes the demonstration project to its workspace.
func (h *house) activate() {
	h.t.Helper()
	ctx := h.t.Context()
	_, err := h.CreateProject(ctx, lead, parse(h.t, projectText))
	h.must(err)
	h.must(h.SubmitProject(ctx, lead, "diabetes-outcomes"))
	h.must(h.ApproveProject(ctx, custodian, "diabetes-outcomes"))
	h.sign("diabetes-outcomes", "ada", "ben")
	_, err = h.OpenWorkspace(ctx, lead, "diabetes-outcomes", "diabetes-outcomes")
	h.must(err)
}

// sign signs the newest agreement for members of a project.
func (h *house) sign(project string, users ...string) {
	h.t.Helper()
	a, err := h.Agreement(h.t.Context())
	h.must(err)
	for _, user := range users {
		_, err := h.SignAgreement(h.t.Context(), gatehouse.Principal{User: user}, project, a.Version)
		h.must(err)
	}
}

// signIn gives the principal of a new token of a member.
func (h *house) signIn(user string) gatehouse.Principal {
	h.t.Helper()
	secret, err := h.IssueToken(h.t.Context(), workspaces.System, user, "diabetes-outcomes", workspaces.MaxTokenLife)
	h.must(err)
	p, err := h.Authenticate(h.t.Context(), secret)
	h.must(err)
	return p
}

// events gives the journal's actions, oldest first, of which it checks that it
// verifies and never holds a token.
func (h *house) events() []gatehouse.Event {
	h.t.Helper()
	public, err := h.keys.Verifier(keys.Journal)
	h.must(err)
	verifier, err := journal.NewVerifier(public)
	h.must(err)
	if _, err := journal.Verify(h.t.Context(), h.db.Reader(), verifier, h.checkpoint()); err != nil {
		h.t.Error(err)
	}
	entries, err := journal.List(h.t.Context(), h.db.Reader(), journal.Filter{})
	h.must(err)
	events := make([]gatehouse.Event, len(entries))
	for i, e := range entries {
		events[len(entries)-1-i] = e.Event
	}
	return events
}

// last gives the newest event.
func (h *house) last() gatehouse.Event {
	events := h.events()
	return events[len(events)-1]
}
