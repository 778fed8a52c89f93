// Rooms makes projects to ask questions in, many and quickly: the command line
// opens the installation anew for each user, draft, approval and token. It goes
// through the same services, beside the server that runs.
//
//	rooms --dir DIR
//
// reads one request for each line of the standard input, and answers with a line:
//
//	{"id": "p", "members": ["ada"], "dataset": "shared_care", "version": 1, "tables": ["patients"], "policy": "sdap"}
//	{"tokens": {"ada": "gatehouse_…"}}
//
// Users are made who are not there yet. {"close": "p"} closes a project.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/policy"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// listAge: the demonstration's opt-out lists are as old as it is.
const listAge = 100 * 365 * 24 * time.Hour

type request struct {
	ID, Close, Dataset, Policy string
	Members, Tables            []string
	Version                    int
}

type reply struct {
	Tokens map[string]string `json:"tokens,omitempty"`
	Error  string            `json:"error,omitempty"`
}

func main() {
	dir := flag.String("dir", "", "folder of the installation")
	flag.Parse()
	if err := serve(context.Background(), *dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, dir string) (err error) {
	h, db, err := open(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	out := json.NewEncoder(os.Stdout)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var ask request
		if err := json.Unmarshal(in.Bytes(), &ask); err != nil {
			return err
		}
		var answer reply
		var failed error
		if ask.Close != "" {
			failed = h.CloseProject(ctx, custodian, ask.Close, "a reason")
		} else {
			answer.Tokens, failed = h.project(ctx, ask)
		}
		if failed != nil {
			answer.Error = failed.Error()
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
	return nil
}

// house makes projects in one installation.
type house struct{ *workspaces.Service }

// custodian is the demonstration's, who approves.
var custodian = gatehouse.Principal{User: "custodian"}

func open(ctx context.Context, dir string) (house, *state.DB, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return house{}, nil, err
	}
	store, err := keys.Open(filepath.Join(dir, "keys"))
	if err != nil {
		return house{}, nil, err
	}
	key, err := store.Signer(keys.Journal)
	if err != nil {
		return house{}, nil, err
	}
	signer, err := journal.NewSigner(key)
	if err != nil {
		return house{}, nil, err
	}
	public, err := store.Verifier(keys.Manifest)
	if err != nil {
		return house{}, nil, err
	}
	catalogue, err := catalog.Open(dir, public)
	if err != nil {
		return house{}, nil, err
	}
	db, err := state.Open(ctx, filepath.Join(dir, "state", "gatehouse.db"), state.Options{Journal: journal.New(signer, filepath.Join(dir, "journal", "checkpoint"))})
	if err != nil {
		return house{}, nil, err
	}
	authorizer, err := policy.New(state.Workspaces(db))
	if err != nil {
		return house{}, nil, errors.Join(err, db.Close())
	}
	service, err := workspaces.New(workspaces.Config{Store: state.Workspaces(db), Authorizer: authorizer, Catalogue: catalogue, Pseudonymiser: store,
		Policies: &egress.Policies{Store: state.Policies{DB: db}, Authorizer: authorizer}, Dir: dir, MaxListAge: listAge})
	if err != nil {
		return house{}, nil, errors.Join(err, db.Close())
	}
	return house{service}, db, nil
}

// project takes a project from its lead's draft to an open workspace, and gives
// its members tokens for it.
func (h house) project(ctx context.Context, ask request) (map[string]string, error) {
	lead := ask.ID + "-lead"
	until := time.Now().AddDate(1, 0, 0)
	p := workspaces.Project{ID: ask.ID, Title: "Questions for the gate", Purpose: "To see what the gate lets out.",
		LaySummary: "Made-up people are counted.", PublicBenefit: "The gate is tried.", Organisation: "The suite", Funding: "None", Outputs: []string{"Nothing"}, Policy: ask.Policy, OptOutBasis: workspaces.BasisApplies, Expires: until,
		Members: []workspaces.Member{{User: lead, Role: gatehouse.RoleLead, TrainingUntil: until}}}
	for _, user := range append([]string{lead}, ask.Members...) {
		if err := h.AddUser(ctx, workspaces.System, user); err != nil && gatehouse.Public(err).Kind() != gatehouse.KindConflict {
			return nil, err
		}
	}
	for _, user := range ask.Members {
		p.Members = append(p.Members, workspaces.Member{User: user, Role: gatehouse.RoleResearcher, TrainingUntil: until})
	}
	grant := workspaces.DatasetGrant{Dataset: ask.Dataset, Version: ask.Version}
	for _, table := range ask.Tables {
		grant.Tables = append(grant.Tables, workspaces.TableGrant{Table: table, Why: "Questions are asked of it."})
	}
	p.Datasets = []workspaces.DatasetGrant{grant}
	author := gatehouse.Principal{User: lead}
	if _, err := h.CreateProject(ctx, author, p); err != nil {
		return nil, err
	}
	if err := h.SubmitProject(ctx, author, p.ID); err != nil {
		return nil, err
	}
	if err := h.ApproveProject(ctx, custodian, p.ID); err != nil {
		return nil, err
	}
	agreement, err := h.Agreement(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range p.Members {
		if _, err := h.SignAgreement(ctx, gatehouse.Principal{User: m.User}, p.ID, agreement.Version); err != nil {
			return nil, err
		}
	}
	if _, err := h.OpenWorkspace(ctx, custodian, p.ID, p.ID); err != nil {
		return nil, err
	}
	tokens := map[string]string{}
	for _, user := range ask.Members {
		token, err := h.IssueToken(ctx, workspaces.System, user, p.ID, time.Hour)
		if err != nil {
			return nil, err
		}
		tokens[user] = token
	}
	return tokens, nil
}
