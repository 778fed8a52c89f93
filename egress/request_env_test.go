package egress_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/objects"
	"github.com/gatehouse-tre/gatehouse/infra/policy"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// house is an installation with everything that requests need, all of it real:
// two projects, their members, three checkers, and a clock to turn.
type house struct {
	*egress.Requests
	t   *testing.T
	db  *state.DB
	dir string
	key ed25519.PublicKey
	// keys hold those of pseudonyms.
	keys *keys.Keys
	told int    // notices that notices has given
	id   string // the request at hand, where a test has one

	mu  sync.Mutex
	now time.Time
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) later(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// prover is how cmd joins journal and requests.
type prover struct{ db *state.DB }

func (p prover) ProveEvent(ctx context.Context, action, subject string) (json.RawMessage, error) {
	proof, err := journal.Proof(ctx, p.db.Reader(), action, subject)
	if err != nil {
		return nil, err
	}
	return json.Marshal(proof)
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), now: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)}
	journalKey := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	signer, err := journal.NewSigner(journalKey)
	if err != nil {
		t.Fatal(err)
	}
	h.db, err = state.Open(t.Context(), filepath.Join(h.dir, "state", "gatehouse.db"), state.Options{
		Journal: journal.New(signer, filepath.Join(h.dir, "journal", "checkpoint")), Now: h.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.db.Close() })
	h.people()
	folder, err := objects.NewFolder(filepath.Join(h.dir, "objects"))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := policy.New(state.Workspaces(h.db))
	if err != nil {
		t.Fatal(err)
	}
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, 32))
	h.key = key.Public().(ed25519.PublicKey)
	if h.keys, err = keys.Create(filepath.Join(h.dir, "keys")); err != nil {
		t.Fatal(err)
	}
	h.Requests, err = egress.NewRequests(egress.RequestParts{
		Store: state.Requests{DB: h.db}, Objects: folder, Authorizer: rules, Signer: key, Journal: prover{h.db},
		Pseudonyms: h.keys, Proofs: state.Ledger{DB: h.db},
		Limits: egress.RequestLimits{FileBytes: 10_000, RequestBytes: 25_000, Files: 5, Added: 12},
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// people: ann (lead) and ada of project a; bob of project b; three checkers, two
// custodians (cora of shared_care, which both projects use, carl of no dataset
// that they use), an operator and an auditor of the house.
func (h *house) people() {
	h.t.Helper()
	err := state.Workspaces(h.db).Update(h.t.Context(), func(tx workspaces.Tx) error {
		ctx := h.t.Context()
		for _, user := range []string{"ann", "ada", "bob", "chris", "chloe", "chen", "cora", "carl", "olga", "aud"} {
			if err := tx.AddUser(ctx, user); err != nil {
				return err
			}
		}
		for user, role := range map[string]gatehouse.Role{
			"chris": gatehouse.RoleChecker, "chloe": gatehouse.RoleChecker, "chen": gatehouse.RoleChecker,
			"cora": gatehouse.RoleCustodian, "carl": gatehouse.RoleCustodian, "olga": gatehouse.RoleOperator, "aud": gatehouse.RoleAuditor,
		} {
			if err := tx.GrantRole(ctx, user, role); err != nil {
				return err
			}
		}
		if err := errors.Join(tx.AddCustodian(ctx, "shared_care", "cora"), tx.AddCustodian(ctx, "weather", "carl")); err != nil {
			return err
		}
		member := func(user string, role gatehouse.Role) workspaces.Member {
			return workspaces.Member{User: user, Role: role, TrainingUntil: h.now.AddDate(1, 0, 0), Agreement: 1, AgreementUntil: h.now.AddDate(1, 0, 0)}
		}
		for id, members := range map[string][]workspaces.Member{
			"a": {member("ann", gatehouse.RoleLead), member("ada", gatehouse.RoleResearcher)},
			"b": {member("bob", gatehouse.RoleLead)},
		} {
			err := tx.AddProject(ctx, workspaces.Project{
				ID: id, Title: "T", Purpose: "P", State: workspaces.ProjectActive, Members: members, Policy: "sdap",
				OptOutBasis: workspaces.BasisApplies, Expires: h.now.AddDate(1, 0, 0), CreatedBy: members[0].User, ApprovedBy: "cora", Version: 1,
				Datasets: []workspaces.DatasetGrant{{Dataset: "shared_care", Version: 3, Tables: []workspaces.TableGrant{{Table: "patients"}}}},
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// project changes a project behind everybody's back.
func (h *house) project(id string, change func(*workspaces.Project)) {
	h.t.Helper()
	err := state.Workspaces(h.db).Update(h.t.Context(), func(tx workspaces.Tx) error {
		p, err := tx.Project(h.t.Context(), id)
		if err != nil {
			return err
		}
		change(&p)
		return tx.ChangeProject(h.t.Context(), p)
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func as(user string) gatehouse.Principal {
	return gatehouse.Principal{User: user, Session: "tok_" + user}
}

var explained = egress.RequestContext{What: "counts", Population: "adults", Dates: "2024", People: "at least 45", Controls: "k = 10"}

// draft is a request of ada's with these files.
func (h *house) draft(files ...string) string {
	h.t.Helper()
	r, err := h.CreateRequest(h.t.Context(), as("ada"), egress.NewRequest{Project: "a", Title: "Admissions", Context: explained})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, f := range files {
		h.add(r.ID, f, "region,n\nLondon,120\n"+f+",45\n")
	}
	return r.ID
}

func (h *house) add(id, name, content string) {
	h.t.Helper()
	if _, err := h.AddFile(h.t.Context(), as("ada"), id, name, strings.NewReader(content)); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) submitted(files ...string) string {
	h.t.Helper()
	id := h.draft(files...)
	h.submit(id)
	return id
}

func (h *house) submit(id string) {
	h.t.Helper()
	if _, err := h.SubmitRequest(h.t.Context(), as("ada"), id); err != nil {
		h.t.Fatal(err)
	}
}

// vote casts one checker's verdict on one file and gives the state after it.
func (h *house) vote(id, checker, file string, verdict egress.Verdict) egress.RequestState {
	h.t.Helper()
	view, err := h.ReviewRequest(h.t.Context(), as(checker), id, []egress.Ballot{{File: file, Verdict: verdict, Comment: "because of " + checker}})
	if err != nil {
		h.t.Fatal(err)
	}
	return view.State
}

func (h *house) approved(files ...string) string {
	h.t.Helper()
	id := h.submitted(files...)
	for _, f := range files {
		h.vote(id, "chris", f, egress.VerdictApprove)
		h.vote(id, "chloe", f, egress.VerdictApprove)
	}
	return id
}

func (h *house) released(files ...string) egress.Release {
	h.t.Helper()
	r, err := h.ReleaseRequest(h.t.Context(), as("chris"), h.approved(files...))
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func (h *house) see(user, id string) egress.RequestView {
	h.t.Helper()
	v, err := h.Request(h.t.Context(), as(user), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

func (h *house) download(user, id string) []byte {
	h.t.Helper()
	_, r, err := h.DownloadRelease(h.t.Context(), as(user), id)
	if err != nil {
		h.t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

// want fails unless err has the code.
func want(t *testing.T, what string, err error, code gatehouse.Code) {
	t.Helper()
	if err == nil || gatehouse.CodeOf(err) != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// events gives the journal's events about a subject, oldest first, as
// "actor action".
func (h *house) events(subject string) []string {
	h.t.Helper()
	entries, err := journal.List(h.t.Context(), h.db.Reader(), journal.Filter{Subject: subject})
	if err != nil {
		h.t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append([]string{e.Event.Actor + " " + e.Event.Action}, out...)
	}
	return out
}

// damage changes a stored object behind the store's back.
func (h *house) damage(sha string, content []byte) {
	h.t.Helper()
	path := filepath.Join(h.dir, "objects", sha[:2], sha)
	if err := os.Remove(path); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// notices gives what people were told since it was last called, as "kind user",
// sorted.
func (h *house) notices() []string {
	h.t.Helper()
	rows, err := h.db.Reader().QueryContext(h.t.Context(), `SELECT kind || ' ' || user_name FROM notices ORDER BY rowid`)
	if err != nil {
		h.t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			h.t.Fatal(err)
		}
		all = append(all, line)
	}
	told := slices.Clone(all[h.told:])
	h.told = len(all)
	slices.Sort(told)
	return told
}
