package main

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// demoMemory is what a run of the demonstration leaves for the next, in
// DIR/state/demo.json.
type demoMemory struct {
	HTTP     string   `json:"http"`     // where it listened
	Flight   string   `json:"flight"`   // where it listened
	Identity string   `json:"identity"` // where its provider for development listened
	Tokens   []string `json:"tokens"`   // ids of the tokens that it made
}

func demoMemoryFile(dir string) string { return filepath.Join(dir, "state", "demo.json") }

// recallDemo gives what the last run left; nothing of it is needed.
func recallDemo(dir string) (m demoMemory) {
	if text, err := os.ReadFile(demoMemoryFile(dir)); err != nil || json.Unmarshal(text, &m) != nil {
		return demoMemory{}
	}
	return m
}

// anyPort is where the demonstration listens when nothing else is said.
const anyPort = "127.0.0.1:0"

// address chooses where to listen: where the user says, else where the last run
// did, so that what points there goes on working, else on any free port.
func (d *demo) address(what, given, last string) string {
	switch {
	case given != "":
		return given
	case last == "":
		return anyPort
	}
	l, err := net.Listen("tcp", last)
	if err != nil {
		d.say("%s: the last run's address %s is taken, so it gets another", what, last)
		return anyPort
	}
	l.Close()
	d.say("%s at the last run's address %s", what, last)
	return last
}

// issueTokens gives everybody a token of this run, after ending those of the
// last one. It returns the tokens by user, and their ids.
func issueTokens(ctx context.Context, in *installation, old []string) (map[string]string, []string, error) {
	const life = 30 * 24 * time.Hour
	for _, id := range old {
		if err := in.workspaces.RevokeToken(ctx, workspaces.System, id); err != nil && gatehouse.CodeOf(err) != gatehouse.CodeNotFound {
			return nil, nil, err
		}
	}
	tokens, ids := map[string]string{}, []string{}
	keep := func(name, secret string, err error) error {
		if err != nil {
			return err
		}
		who, err := in.workspaces.Authenticate(ctx, secret)
		tokens[name], ids = secret, append(ids, who.Session)
		return err
	}
	for name := range demoMembers {
		secret, err := in.workspaces.IssueToken(ctx, workspaces.System, name, demoWorkspace, life)
		if err := keep(name, secret, err); err != nil {
			return nil, nil, err
		}
	}
	for name := range demoRoles {
		secret, err := in.workspaces.IssueHouseToken(ctx, workspaces.System, name, life)
		if err := keep(name, secret, err); err != nil {
			return nil, nil, err
		}
	}
	return tokens, ids, nil
}

// writePrivate writes v as JSON for the owner alone, and whole: who waits for
// the file never sees half of it.
func writePrivate(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, append(text, '\n'), 0o600); err != nil {
		return gatehouse.Errorf(gatehouse.CodeStorage, "The file %s cannot be written.", path).Because(err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return gatehouse.Errorf(gatehouse.CodeStorage, "The file %s cannot be written.", path).Because(err)
	}
	return nil
}
