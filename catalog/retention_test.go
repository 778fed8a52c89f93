package catalog_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/state"
)

// openState opens a real state database with olive, who publishes, and a project.
func openState(t testing.TB, h *house) *state.DB {
	t.Helper()
	note, err := journal.NewSigner(h.signer.key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	db, err := state.Open(t.Context(), filepath.Join(dir, "gatehouse.db"), state.Options{Journal: journal.New(note, filepath.Join(dir, "checkpoint"))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	run(t, db, `INSERT INTO users (name, created) VALUES ('olive', '2026-01-01T00:00:00Z'), ('other', '2026-01-01T00:00:00Z')`)
	run(t, db, `INSERT INTO projects (id, title, purpose, state, policy, opt_out_basis, opt_out_ref, expires, created_by, version)
		VALUES ('asthma', 'Asthma', 'x', 'active', 'sdap@1', 'applies', '', '2030-01-01T00:00:00Z', 'olive', 1)`)
	return db
}

func run(t testing.TB, db *state.DB, sql string) {
	t.Helper()
	err := db.Update(context.Background(), func(tx *state.Tx) error {
		_, err := tx.SQL().ExecContext(context.Background(), sql)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func events(t testing.TB, db *state.DB, action string) int {
	t.Helper()
	found, err := journal.List(t.Context(), db.Reader(), journal.Filter{Action: action, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

// A version is deleted only if nothing keeps it; what later versions share of it
// stays whole; and the record proves it to whoever has the public key.
func TestAVersionIsDeletedWithProof(t *testing.T) {
	h := newHouse(t)
	db := openState(t, h)
	store := state.Catalogue{DB: db}
	d := registryDefinition(t)
	r := newRegistry(200)
	publish := func(numbers []string, changes bool) catalog.Version {
		t.Helper()
		r.extract(h, numbers, nil)
		o := h.options(d)
		o.Store, o.Changes = store, changes
		v, err := catalog.Publish(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	publish(r.some(200), false)
	for range 2 {
		changed := r.some(3)
		for _, n := range changed {
			r.change(n)
		}
		publish(changed, true)
	}
	third := mustVersion(t, mustOpen(t, h), 3)
	shown := h.content(third, "events")

	now := h.now
	service := catalog.Retention{Dir: h.dir, Public: h.signer.public(), Signer: h.signer, Authorizer: h.policy, Store: store, Now: func() time.Time { return now }}
	olive, ctx := gatehouse.Principal{User: "olive"}, t.Context()
	remove := func(number int) (catalog.Deletion, error) {
		return service.Delete(ctx, olive, "registry", number, "agreed")
	}

	if _, err := service.Delete(ctx, gatehouse.Principal{User: "other"}, "registry", 1, "mine"); gatehouse.CodeOf(err) != gatehouse.CodeDenied {
		t.Errorf("who is no custodian: %v", err)
	}
	_, err := remove(3)
	wantCode(t, err, gatehouse.CodeVersionInUse, "newest")
	_, err = service.Delete(ctx, olive, "registry", 1, " ")
	wantCode(t, err, gatehouse.CodeRetention)
	run(t, db, `INSERT INTO grants (project, dataset, version, tables) VALUES ('asthma', 'registry', 1, '[]')`)
	_, err = remove(1)
	wantCode(t, err, gatehouse.CodeVersionInUse, "asthma")
	run(t, db, `UPDATE grants SET version = 3`)
	if err := service.Hold(ctx, olive, "registry", 1, "an inquiry"); err != nil {
		t.Fatal(err)
	}
	_, err = remove(1)
	wantCode(t, err, gatehouse.CodeVersionInUse, "inquiry")
	if err := service.Lift(ctx, olive, "registry", 1); err != nil {
		t.Fatal(err)
	}
	if n := events(t, db, "version.deleted"); n != 0 {
		t.Fatalf("%d deletions were journaled", n)
	}

	// The rule: one newest, and 30 days.
	if err := service.SetRule(ctx, olive, "registry", catalog.Rule{Keep: 2, Days: 30}); err != nil {
		t.Fatal(err)
	}
	due := func() (numbers []int) {
		_, fates, err := service.Fates(ctx, olive, "registry")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fates {
			if f.Delete {
				numbers = append(numbers, f.Version.Number)
			}
		}
		return numbers
	}
	if got := due(); len(got) != 0 {
		t.Errorf("too young, and may go: %v", got)
	}
	now = now.Add(31 * 24 * time.Hour)
	if got := due(); !slices.Equal(got, []int{1}) {
		t.Errorf("may go: %v, want 1", got)
	}

	deletion, err := remove(1)
	if err != nil {
		t.Fatal(err)
	}
	if events(t, db, "version.deleted") != 1 {
		t.Error("the deletion is not journaled")
	}
	if _, err := os.Stat(filepath.Join(h.dir, "versions", "registry", "1")); !os.IsNotExist(err) {
		t.Errorf("the version stands: %v", err)
	}
	if !slices.ContainsFunc(deletion.Files, func(f catalog.DeletedFile) bool {
		return f.Path == "events.parquet" && slices.Contains(f.SharedWith, "registry@2")
	}) {
		t.Errorf("who shares what was deleted: %+v", deletion.Files)
	}
	if v := mustVersion(t, mustOpen(t, h), 3); !sameContent(h.content(v, "events"), shown) {
		t.Error("a version that shared files has changed")
	}
	path := filepath.Join(h.dir, "versions", "registry", "deleted", "1.json")
	if read, err := catalog.ReadDeletion(path, h.signer.public()); err != nil || read.Reason != "agreed" || read.By != "olive" || read.Manifest != deletion.Manifest {
		t.Errorf("%+v, %v", read, err)
	}
	records, err := catalog.Deletions(h.dir, "registry", h.signer.public())
	if err != nil {
		t.Fatal(err)
	}
	if err := catalog.VerifyChain(h.dir, "registry", h.signer.public(), records); err != nil {
		t.Error(err)
	}
	if err := catalog.VerifyChain(h.dir, "registry", h.signer.public(), nil); gatehouse.CodeOf(err) != gatehouse.CodeManifest {
		t.Errorf("a version that is gone without a record: %v", err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	forged := filepath.Join(t.TempDir(), "1.json")
	if err := os.WriteFile(forged, bytes.Replace(b, []byte("agreed"), []byte("forged"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := catalog.ReadDeletion(forged, h.signer.public()); gatehouse.CodeOf(err) != gatehouse.CodeManifest {
		t.Errorf("a forged record: %v", err)
	}
	if _, err := catalog.ReadDeletion(path, ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey)); gatehouse.CodeOf(err) != gatehouse.CodeManifest {
		t.Errorf("another's key: %v", err)
	}

	// A deletion that was recorded and not carried out is ended.
	run(t, db, `DELETE FROM grants`)
	if err := os.Rename(filepath.Join(h.dir, "versions", "registry", "2"), filepath.Join(h.dir, "kept")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(h.dir, "versions", "registry", "2"), os.DirFS(filepath.Join(h.dir, "kept"))); err != nil {
		t.Fatal(err)
	}
	if _, err := remove(2); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(h.dir, "kept"), filepath.Join(h.dir, "versions", "registry", "2")); err != nil {
		t.Fatal(err)
	}
	if err := service.FinishAll(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(h.dir, "versions", "registry", "2")); !os.IsNotExist(err) {
		t.Errorf("the version stands: %v", err)
	}
	// Numbers are never given again, and the chain goes on.
	if v := publish(r.some(200), false); v.Number != 4 || v.Before.Number != 3 {
		t.Errorf("%s follows %+v", v.Name(), v.Before)
	}
}

// Nobody but a custodian sees by how few people or rows two versions differ.
func TestADifferenceOfFewIsNotShown(t *testing.T) {
	table := func(rows, people int64, columns ...catalog.Column) catalog.Table {
		return catalog.Table{Name: "events", Rows: rows, People: people, Columns: columns}
	}
	from := catalog.Version{Dataset: "d", Number: 1, Units: 10_000, Tables: []catalog.Table{table(50_000, 9_000, catalog.Column{Name: "code", Type: "VARCHAR"}, catalog.Column{Name: "old"})}}
	for _, c := range []struct {
		people, rows     int64
		shown, rowsShown bool
	}{
		{10_000, 50_000, false, false}, // nothing
		{9_991, 49_000, false, false},  // nine left, with a thousand rows: the rows would tell
		{9_949, 40_000, true, true},    // 51 left, which crosses a step of what is shown
		{12_000, 50_009, true, false},
	} {
		to := catalog.Version{Dataset: "d", Number: 2, Units: c.people, Tables: []catalog.Table{table(c.rows, c.people-1_000, catalog.Column{Name: "code", Type: "INTEGER"}, catalog.Column{Name: "new"})}}
		exact := catalog.Compare(from, to)
		if exact.People.After != c.people || exact.Tables[0].Rows.After != c.rows || !slices.Equal(exact.Tables[0].Changed, []string{"code"}) ||
			!slices.Equal(exact.Tables[0].Added, []string{"new"}) || !slices.Equal(exact.Tables[0].Removed, []string{"old"}) {
			t.Errorf("%+v", exact)
		}
		shown := exact.Shown(10)
		if shown.People.Known != c.shown || shown.Tables[0].Rows.Known != c.rowsShown {
			t.Errorf("%d people and %d rows: %+v", c.people, c.rows, shown)
		}
		if !shown.People.Known && shown.People != (catalog.Count{}) || !shown.Tables[0].Rows.Known && shown.Tables[0].Rows != (catalog.Count{}) {
			t.Errorf("a count that is not shown is given: %+v", shown)
		}
		if exact.Tables[0].Rows.After != c.rows {
			t.Error("the exact difference was changed")
		}
	}
}
