package workspaces_test

import (
	"context"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// sql changes the database behind the services, as what they do not do would.
func (h *house) sql(statements ...string) {
	h.t.Helper()
	h.must(h.db.Update(context.Background(), func(tx *state.Tx) error {
		for _, s := range statements {
			if _, err := tx.SQL().ExecContext(context.Background(), s); err != nil {
				return err
			}
		}
		return nil
	}))
}

// A version that was recalled is asked by nobody, whatever project is on it; the newest
// that stands is the one before; and projects move to it.
func TestNobodyUsesARecalledVersion(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	before := h.catalogue.versions[len(h.catalogue.versions)-1]
	h.publish(2, 1000)
	h.catalogue.versions[len(h.catalogue.versions)-1].Before = &catalog.Link{Number: before.Number}
	h.activate()
	h.must(h.UseVersion(ctx, custodian, "diabetes-outcomes", "shared_care", 2))
	secret, err := h.IssueToken(ctx, workspaces.System, "ada", "diabetes-outcomes", time.Hour)
	h.must(err)
	p, err := h.Authenticate(ctx, secret)
	h.must(err)
	_, err = h.Enter(ctx, p)
	h.must(err)

	h.sql(`INSERT INTO versions (dataset, number, published, actor, units) VALUES ('shared_care', 1, '2026-01-01T00:00:00.000000Z', 'cora', 1), ('shared_care', 2, '2026-01-01T00:00:00.000000Z', 'cora', 1)`,
		`INSERT INTO version_recalls (dataset, number, reason, actor, since) VALUES ('shared_care', 2, 'wrong units', 'cora', '2026-01-01T00:00:00.000000Z')`)
	_, err = h.Enter(ctx, p)
	h.want(err, gatehouse.CodeRecalled)
	last := h.events()[len(h.events())-1]
	if last.Action != "session.refused" || last.Detail["code"] != string(gatehouse.CodeRecalled) {
		t.Errorf("journaled: %+v", last)
	}
	h.want(h.OpenCatalogue(ctx, custodian, "shared_care", 2, "nhs"), gatehouse.CodeRecalled)
	h.want(h.UseVersion(ctx, custodian, "diabetes-outcomes", "shared_care", 2), gatehouse.CodeRecalled)
	h.must(h.UseVersion(ctx, custodian, "diabetes-outcomes", "shared_care", 0))
	session, err := h.Enter(ctx, p)
	h.must(err)
	if session.Mounts[0].Version.Number != 1 {
		t.Errorf("the newest that stands is %s", session.Mounts[0].Version.Name())
	}
	draft := parse(t, projectText)
	draft.ID = "another"
	draft.Datasets[0].Version = 0
	made, err := h.CreateProject(ctx, lead, draft)
	h.must(err)
	if made.Datasets[0].Version != 1 {
		t.Errorf("a new project is on version %d", made.Datasets[0].Version)
	}

	h.sql(`DELETE FROM version_recalls`)
	h.must(h.UseVersion(ctx, custodian, "diabetes-outcomes", "shared_care", 0))
	if session, err = h.Enter(ctx, p); err != nil || session.Mounts[0].Version.Number != 2 {
		t.Errorf("after it was reinstated: %v", err)
	}
}

// A catalogue's session ends with a recall as well.
func TestTheCatalogueDoesNotAskOfARecalledVersion(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.must(h.OpenCatalogue(ctx, custodian, "shared_care", 1, "nhs"))
	h.sql(`INSERT INTO versions (dataset, number, published, actor, units) VALUES ('shared_care', 1, '2026-01-01T00:00:00.000000Z', 'cora', 1)`,
		`INSERT INTO version_recalls (dataset, number, reason, actor, since) VALUES ('shared_care', 1, 'wrong units', 'cora', '2026-01-01T00:00:00.000000Z')`)
	_, err := h.EnterCatalogue(ctx, custodian, "shared_care", 1)
	h.want(err, gatehouse.CodeRecalled)
}
