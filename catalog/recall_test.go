package catalog_test

import (
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/infra/state"
)

// Only a custodian of the dataset recalls a version, with a reason, once, and what is
// wrong with it does not come into the next.
func TestAVersionIsRecalled(t *testing.T) {
	h := newHouse(t)
	db := openState(t, h)
	store := state.Catalogue{DB: db}
	r := newRegistry(40)
	publish := func(numbers []string, changes bool) error {
		r.extract(h, numbers, nil)
		o := h.options(registryDefinition(t))
		o.Store, o.Changes = store, changes
		_, err := catalog.Publish(t.Context(), o)
		return err
	}
	if err := publish(r.some(40), false); err != nil {
		t.Fatal(err)
	}
	service := catalog.Retention{Dir: h.dir, Public: h.signer.public(), Signer: h.signer, Authorizer: h.policy, Store: store, Now: func() time.Time { return h.now }}
	olive, ctx := gatehouse.Principal{User: "olive"}, t.Context()

	wantCode(t, service.Recall(ctx, gatehouse.Principal{User: "other"}, "registry", 1, "mine"), gatehouse.CodeDenied)
	wantCode(t, service.Recall(ctx, olive, "registry", 1, "  "), gatehouse.CodeRetention)
	wantCode(t, service.Recall(ctx, olive, "registry", 2, "wrong units"), gatehouse.CodeNotFound)
	wantCode(t, service.Reinstate(ctx, olive, "registry", 1, "it is right"), gatehouse.CodeConflict)
	run(t, db, `DELETE FROM custodians`)
	wantCode(t, service.Recall(ctx, olive, "registry", 1, "wrong units"), gatehouse.CodeDenied)
	run(t, db, `INSERT INTO custodians (dataset, user_name, named) VALUES ('registry', 'olive', '2026-01-01T00:00:00Z')`)
	if n := events(t, db, "version.recalled"); n != 0 {
		t.Fatalf("%d recalls were journaled", n)
	}

	if err := service.Recall(ctx, olive, "registry", 1, "wrong units"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, service.Recall(ctx, olive, "registry", 1, "wrong units"), gatehouse.CodeConflict)
	found, err := store.Recalled(ctx, "registry")
	if err != nil || len(found) != 1 || found[0].Number != 1 || found[0].Reason != "wrong units" || found[0].Actor != "olive" || events(t, db, "version.recalled") != 1 {
		t.Fatalf("%+v, %v, %d events", found, err, events(t, db, "version.recalled"))
	}
	wantCode(t, publish(r.some(2), true), gatehouse.CodeChanges, "recalled")
	if err := publish(r.some(40), false); err != nil {
		t.Errorf("a whole extract: %v", err)
	}

	wantCode(t, service.Reinstate(ctx, gatehouse.Principal{User: "other"}, "registry", 1, "it is right"), gatehouse.CodeDenied)
	if err := service.Reinstate(ctx, olive, "registry", 1, "it is right"); err != nil || events(t, db, "version.reinstated") != 1 {
		t.Errorf("%v, %d events", err, events(t, db, "version.reinstated"))
	}
	if found, err := store.Recalled(ctx, "registry"); err != nil || len(found) != 0 {
		t.Errorf("%+v, %v", found, err)
	}
}
