// Package leaving tests that whoever opts out or withdraws is gone, over generated
// histories of the real parts.
package leaving

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/engine"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/policy"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

var engineBinary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "gatehouse-engine-")
	if err != nil {
		panic(err)
	}
	engineBinary = filepath.Join(dir, "gatehouse-engine")
	build := exec.Command("go", "build", "-tags", "duckdb_arrow", "-o", engineBinary, "github.com/gatehouse-tre/gatehouse/cmd/gatehouse-engine")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s", out)
		panic(err)
	}
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

var (
	cora = gatehouse.Principal{User: "cora"} // custodian
	ada  = gatehouse.Principal{User: "ada"}  // lead of every project
)

const registryText = `
dataset: registry
title: Registry
custodian: Somebody
encoding: utf-8
reject_limit: 1
opt_outs:
  - {list: national, file: national.dat, kind: allow, max_age: 720h}
  - {list: type1, coded: {table: events, code: code, date: date}, max_age: 720h}
  - {list: objections, file: objections.csv, kind: deny, header: [nhs_number], column: nhs_number, max_age: 720h, optional: true}
deleted: {list: deleted, file: deleted.csv, header: [nhs_number], column: nhs_number, max_age: 720h}
people: {table: people, identifier: nhs_number, kind: nhs_number}
tables:
  - name: people
    file: people.csv
    columns:
      - {name: nhs_number, treatment: unit}
      - {name: given, treatment: drop}
      - {name: family, treatment: drop}
      - {name: born, type: date, required: true, treatment: year, as: birth_year, class: dimension}
      - {name: postcode, treatment: drop}
      - {name: sex, required: true, values: [F, M], treatment: keep, class: dimension}
  - name: events
    file: events.csv
    may_be_empty: true
    columns:
      - {name: nhs_number, treatment: unit}
      - {name: date, type: date, required: true, treatment: keep, class: date, grain: month}
      - {name: code, required: true, treatment: keep, class: dimension}
      - {name: value, type: number, treatment: keep, class: measure, grain: "1"}
`

const projectText = `
id: %s
title: A study
purpose: To find out who does well.
lay_summary: Some people do better than others. We want to know why.
public_benefit: Clinics learn whom to help first.
organisation: University of Northtown
funding: Northtown Research Council
outputs: [a paper with tables]
policy: sdap
expires: 2099-12-31
members:
  - {user: ada, role: lead, training_until: 2099-09-30}
datasets:
  - dataset: registry
    tables:
      - {table: people, why: Outcomes differ by sex and age.}
      - {table: events, why: They are the outcomes.}
`

// tb is a test, or one history of a property.
type tb interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

// house is an installation of the real parts.
type house struct {
	tb
	*workspaces.Service
	dir, extracts string
	sockets       string
	keys          *keys.Keys
	db            *state.DB
	policy        *policy.Policy
	catalogue     *catalog.Catalogue
	definition    *catalog.Definition
	vaults        *engine.Vaults
	log           *os.File
	closers       []func()
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatalf("%v (%v)", err, errors.Unwrap(err))
	}
}

func (h *house) close() {
	for i := len(h.closers) - 1; i >= 0; i-- {
		h.closers[i]()
	}
}

// signer signs manifests.
type signer struct{ key crypto.Signer }

func (s signer) KeyID() string { return "manifest" }
func (s signer) Sign(_ context.Context, m []byte) ([]byte, error) {
	return s.key.Sign(nil, m, crypto.Hash(0))
}

func newHouse(t tb) *house {
	h := &house{tb: t}
	ctx := context.Background()
	root, err := os.MkdirTemp("", "gh") // paths of sockets are short
	h.must(err)
	h.closers = append(h.closers, func() { os.RemoveAll(root) })
	h.dir, h.extracts, h.sockets = filepath.Join(root, "house"), filepath.Join(root, "house", "custodian", "extracts"), filepath.Join(root, "s")
	for _, dir := range []string{h.extracts, h.sockets, filepath.Join(h.dir, "state")} {
		h.must(os.MkdirAll(dir, 0o700))
	}
	h.log, err = os.Create(filepath.Join(h.dir, "state", "engines.log"))
	h.must(err)
	h.keys, err = keys.Create(filepath.Join(h.dir, "keys"))
	h.must(err)
	key, err := h.keys.Signer(keys.Journal)
	h.must(err)
	note, err := journal.NewSigner(key)
	h.must(err)
	h.db, err = state.Open(ctx, filepath.Join(h.dir, "state", "gatehouse.db"), state.Options{Journal: journal.New(note, filepath.Join(h.dir, "journal", "checkpoint"))})
	h.must(err)
	h.closers = append(h.closers, func() { h.db.Close() })
	store := state.Workspaces(h.db)
	h.policy, err = policy.New(store)
	h.must(err)
	public, err := h.keys.Verifier(keys.Manifest)
	h.must(err)
	h.catalogue, err = catalog.Open(h.dir, public)
	h.must(err)
	h.Service, err = workspaces.New(workspaces.Config{Store: store, Authorizer: h.policy, Catalogue: h.catalogue, Pseudonymiser: h.keys,
		Policies: &egress.Policies{Store: state.Policies{DB: h.db}, Authorizer: h.policy}, Dir: h.dir, MaxListAge: 30 * 24 * time.Hour})
	h.must(err)
	h.definition, err = catalog.ParseDefinition("registry.yaml", []byte(registryText))
	h.must(err)
	h.vaults = &engine.Vaults{Config: func(string) engine.Config { return h.config(engine.RoleVault) }}
	h.closers = append(h.closers, func() { h.vaults.Close() })
	for user, role := range map[string]gatehouse.Role{"cora": gatehouse.RoleCustodian, "ada": ""} {
		h.must(h.AddUser(ctx, workspaces.System, user))
		if role != "" {
			h.must(h.GrantRole(ctx, workspaces.System, user, role))
		}
	}
	return h
}

// open approves projects with a workspace each, of the newest version.
func (h *house) open(projects ...string) {
	h.Helper()
	ctx := context.Background()
	for _, id := range projects {
		p, err := workspaces.ParseProject(strings.NewReader(fmt.Sprintf(projectText, id)))
		h.must(err)
		_, err = h.CreateProject(ctx, ada, p)
		h.must(err)
		h.must(h.SubmitProject(ctx, ada, id))
		h.must(h.ApproveProject(ctx, cora, id))
		a, err := h.Agreement(ctx)
		h.must(err)
		_, err = h.SignAgreement(ctx, ada, id, a.Version)
		h.must(err)
		_, err = h.OpenWorkspace(ctx, ada, id, id)
		h.must(err)
	}
}

func (h *house) config(role engine.Role) engine.Config {
	return engine.Config{Binary: engineBinary, Role: role, Sockets: h.sockets, Threads: 2, MemoryMB: 1024, Log: h.log}
}

// publisher is the engine as publications use it.
type publisher struct{ engine.Publish }

func (h *house) start(ctx context.Context, read []string, write, temp string) (catalog.Engine, error) {
	c := h.config(engine.RolePublish)
	c.Read, c.Write = read, []string{write, temp}
	p, err := engine.Start(ctx, c)
	if err != nil {
		return nil, err
	}
	e := publisher{engine.Publish{Process: p}}
	return e, e.Open(ctx, "SET temp_directory='"+temp+"'")
}

func (h *house) publish(changes bool) (catalog.Version, error) {
	h.Helper()
	key, err := h.keys.Signer(keys.Manifest)
	h.must(err)
	return catalog.Publish(context.Background(), catalog.PublishOptions{Dir: h.dir, Definition: h.definition, Extracts: h.extracts, Changes: changes, Principal: cora, Authorizer: h.policy,
		Start: h.start, Signer: signer{key}, Public: key.Public().(ed25519.PublicKey), Store: state.Catalogue{DB: h.db}})
}

// units are all that ever stood for the people with these numbers.
func (h *house) units(numbers ...string) map[uint32]bool {
	h.Helper()
	found := map[uint32]bool{}
	if len(numbers) == 0 {
		return found
	}
	v, err := h.catalogue.Version(context.Background(), "registry", 0)
	h.must(err)
	who, err := catalog.FindUnits(context.Background(), h.dir, v, strings.NewReader(strings.Join(numbers, "\n")))
	h.must(err)
	for _, u := range who.Units {
		found[u] = true
	}
	return found
}

// rows reads an answer as text.
func (h *house) rows(r array.RecordReader, err error) (rows [][]string) {
	h.Helper()
	h.must(err)
	defer r.Release()
	for r.Next() {
		b := r.RecordBatch()
		for i := range int(b.NumRows()) {
			row := make([]string, b.NumCols())
			for j := range row {
				row[j] = b.Column(j).ValueStr(i)
			}
			rows = append(rows, row)
		}
	}
	h.must(r.Err())
	return rows
}

var _ testing.TB = (*testing.T)(nil)
