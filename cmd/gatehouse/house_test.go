package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse/infra/state"
)

// What two custodians decided and cannot be done is told to the operator, and does not
// keep a server from starting.
func TestAServerStartsAlthoughAJointActCannotBeDone(t *testing.T) {
	d := newConsole(t)
	d.ok("user", "add", "carl")
	ctx := t.Context()
	in, err := openInstallation(ctx, d.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	err = in.state.Update(ctx, func(tx *state.Tx) error {
		for _, sql := range []string{
			`INSERT INTO projects (id, title, purpose, state, policy, opt_out_basis, opt_out_ref, expires, created_by, version) VALUES ('asthma', 't', 'p', 'active', 'sdap@1', 'applies', '', '2030-01-01T00:00:00.000000Z', 'ada', 1)`,
			`INSERT INTO joint_acts (id, kind, project, dataset, purpose, reason, names, state, asked_by, asked, decided_by, decided)
				VALUES ('act_1', 'reidentify', 'asthma', 'gone', 'safety', 'x', '["p1"]', 'approved', 'cora', '2026-01-01T00:00:00.000000Z', 'carl', '2026-01-01T00:00:00.000000Z')`,
		} {
			if _, err := tx.SQL().ExecContext(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := in.workspaces.FinishJointActs(ctx); err == nil {
		t.Fatal("it can be done")
	}
	var log bytes.Buffer
	h := &house{installation: in, log: slog.New(slog.NewTextHandler(&log, nil))}
	if err := h.checkPast(ctx); err != nil || !strings.Contains(log.String(), "two custodians") {
		t.Errorf("%v, told: %s", err, log.String())
	}
}
