package mesh_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/catalog/optout"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/mesh"
	"github.com/gatehouse-tre/gatehouse/infra/mesh/meshtest"
	"github.com/gatehouse-tre/gatehouse/infra/state"

	"golang.org/x/mod/sumdb/note"
)

// house is an installation with a sandbox to ask.
type house struct {
	t          testing.TB
	dir        string
	extracts   string
	definition *catalog.Definition
	sandbox    *meshtest.Sandbox
	client     *mesh.Client
	service    *optout.Service
	db         *state.DB
	now        time.Time
	people     []string
}

type everybodyMay struct{}

func (everybodyMay) Authorize(context.Context, gatehouse.Principal, gatehouse.Action, string) error {
	return nil
}

var cara = gatehouse.Principal{User: "cara"}

// newHouse has an extract of so many people, every tenth of whom opted out.
func newHouse(t testing.TB, people int) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), now: time.Date(2026, 11, 23, 19, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return h.now }
	var err error
	if h.sandbox, err = meshtest.New(clock); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.sandbox.Close)
	h.definition, _ = catalog.ShippedDefinition("shared_care")
	h.extracts = filepath.Join(h.dir, "custodian", "extracts")
	if err := os.MkdirAll(h.extracts, 0o700); err != nil {
		t.Fatal(err)
	}
	h.writeExtract(people)
	if h.client, err = mesh.New(h.config()); err != nil {
		t.Fatal(err)
	}
	private, _, err := note.GenerateKey(nil, "journal")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	h.db, err = state.Open(t.Context(), filepath.Join(h.dir, "state", "gatehouse.db"), state.Options{Now: clock, Journal: journal.New(signer, filepath.Join(h.dir, "checkpoint"))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.db.Close() })
	h.service = &optout.Service{Dir: h.dir, Store: state.OptOuts{DB: h.db}, Authorizer: everybodyMay{}, Mailbox: h.client, To: meshtest.Service}
	return h
}

func (h *house) config() mesh.Config {
	return mesh.Config{URL: h.sandbox.URL, Mailbox: meshtest.Mailbox, Password: meshtest.Password, SharedKey: meshtest.SharedKey,
		Certificate: h.sandbox.Credentials.Certificate, Roots: h.sandbox.Credentials.Roots, Now: func() time.Time { return h.now },
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
}

// writeExtract writes a people table with some rows that name nobody.
func (h *house) writeExtract(people int) {
	var t catalog.TableRule
	for _, table := range h.definition.Tables {
		if table.Name == h.definition.People.Table {
			t = table
		}
	}
	var b bytes.Buffer
	var names []string
	for _, c := range t.Columns {
		names = append(names, c.Name)
	}
	fmt.Fprintln(&b, strings.Join(names, ","))
	row := func(number string) { fmt.Fprintln(&b, number+strings.Repeat(",", len(names)-1)) }
	for key := uint32(999_000_000); len(h.people) < people; key++ {
		number := catalog.FormatNHSNumber(key)
		if _, why := catalog.ParseNHSNumber([]byte(number)); why != "" {
			continue
		}
		h.people = append(h.people, number)
		row(number)
		if len(h.people)%10 == 0 {
			h.sandbox.OptedOut[number] = true
		}
	}
	row(h.people[0])  // twice
	row("9990000001") // no NHS number
	row("")
	if err := os.WriteFile(filepath.Join(h.extracts, t.File), b.Bytes(), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) listFile() string { return filepath.Join(h.extracts, "national-opt-out.dat") }

func (h *house) fetch() (optout.Check, error) {
	return h.service.Fetch(h.t.Context(), cara, h.definition, "national", h.extracts)
}

// wantList is the list that a true answer makes.
func (h *house) wantList() string {
	var b strings.Builder
	for _, number := range h.people {
		if !h.sandbox.OptedOut[number] {
			b.WriteString(number + ",\n")
		}
	}
	return b.String()
}

// checkList makes sure that the list is there and true, or not there.
func (h *house) checkList(there bool) {
	h.t.Helper()
	got, err := os.ReadFile(h.listFile())
	switch {
	case !there && !errors.Is(err, os.ErrNotExist):
		h.t.Errorf("there is a list of %d bytes", len(got))
	case there && err != nil:
		h.t.Error(err)
	case there && string(got) != h.wantList():
		h.t.Error("the list is not that of the people who have not opted out")
	}
}
