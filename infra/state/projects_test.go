package state

import (
	"context"
	"database/sql"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/pressly/goose/v3"

	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// A database of before projects had their whole life keeps what it has: projects
// with their states, members who must sign, and whoever published a dataset first
// as its custodian.
func TestProjectsOfBeforeAreKept(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "gatehouse.db")
	old, err := sql.Open("sqlite", dsn(path, "_txlock", "immediate"))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(err)
	old.SetMaxOpenConns(1)
	files, err := fs.Sub(migrations, "migrations")
	must(err)
	provider, err := goose.NewProvider(goose.DialectSQLite3, old, files, goose.WithAllowOutofOrder(true))
	must(err)
	_, err = provider.UpTo(ctx, 62)
	must(err)
	_, err = old.ExecContext(ctx, `
		INSERT INTO users VALUES ('ada', '2026-01-01T00:00:00.000000Z'), ('cora', '2026-01-01T00:00:00.000000Z'), ('carl', '2026-01-01T00:00:00.000000Z'), ('dora', '2026-01-01T00:00:00.000000Z');
		INSERT INTO journal_events VALUES (0, CAST('{"action":"role.granted","actor":"system","subject":"carl","time":"2026-01-01T00:00:00Z"}' AS BLOB)),
			(1, CAST('{"action":"user.added","actor":"system","subject":"dora","time":"2026-01-01T00:00:00Z"}' AS BLOB)), (2, CAST('{"action":"role.gra' AS BLOB));
		INSERT INTO house_roles (user_name, role, granted) VALUES ('cora', 'custodian', '2026-01-01T00:00:00.000000Z');
		INSERT INTO projects (id, title, purpose, state, policy, opt_out_basis, opt_out_ref, expires, created_by, approved_by, version)
			VALUES ('a', 'A', 'P', 'active', 'sdap@1', 'applies', '', '2027-01-01T00:00:00.000000Z', 'ada', 'cora', 3),
				('b', 'B', 'P', 'suspended', 'sdap@1', 'applies', '', '2027-01-01T00:00:00.000000Z', 'ada', 'cora', 4);
		INSERT INTO members (project, user_name, role, training_until) VALUES ('a', 'ada', 'lead', '2026-12-01T00:00:00.000000Z');
		INSERT INTO grants VALUES ('a', 'care', 2, '[{"table":"patients"}]');
		INSERT INTO workspaces (id, project, opened) VALUES ('room', 'a', '2026-01-01T00:00:00.000000Z');
		INSERT INTO versions VALUES ('care', 1, '2026-01-01T00:00:00.000000Z', 'cora', 9), ('care', 2, '2026-01-02T00:00:00.000000Z', 'carl', 9), ('gp', 1, '2026-01-01T00:00:00.000000Z', 'nobody', 9);`)
	must(err)
	must(old.Close())

	db, err := Open(ctx, path, Options{})
	must(err)
	defer db.Close()
	must(Workspaces(db).View(ctx, func(tx workspaces.Tx) error {
		a, err := tx.Project(ctx, "a")
		must(err)
		b, err := tx.Project(ctx, "b")
		must(err)
		if a.State != workspaces.ProjectActive || a.Version != 3 || a.Members[0].Agreement != 0 || !a.Members[0].AgreementUntil.IsZero() || a.Datasets[0].Dataset != "care" || b.State != workspaces.ProjectSuspended {
			t.Errorf("%+v\n%+v", a, b)
		}
		w, err := tx.Workspace(ctx, "room")
		must(err)
		if w.Dataset != "care" {
			t.Errorf("the workspace is over %q", w.Dataset)
		}
		for dataset, want := range map[string]int{"care": 1, "gp": 0} {
			named, err := tx.Custodians(ctx, dataset)
			must(err)
			if len(named) != want || want == 1 && named[0] != "cora" {
				t.Errorf("custodians of %s: %v", dataset, named)
			}
		}
		// Who was somebody stays it, though the journal alone remembers.
		for user, want := range map[string]bool{"ada": true, "cora": true, "carl": true, "dora": false} {
			ever, err := tx.Somebody(ctx, user)
			must(err)
			if ever != want {
				t.Errorf("%s was somebody: %v", user, ever)
			}
		}
		return nil
	}))
}

// What custodians decided cannot be changed or removed, whoever asks.
func TestDecisionsStay(t *testing.T) {
	ctx := t.Context()
	db, err := Open(ctx, filepath.Join(t.TempDir(), "gatehouse.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.writer.ExecContext(ctx, `
		INSERT INTO users (name, created) VALUES ('ada', '2026-01-01T00:00:00.000000Z');
		INSERT INTO projects (id, title, purpose, state, policy, opt_out_basis, opt_out_ref, expires, created_by, version)
			VALUES ('a', 'A', 'P', 'active', 'sdap@1', 'applies', '', '2027-01-01T00:00:00.000000Z', 'ada', 3);
		INSERT INTO project_decisions (project, amendment, round, dataset, custodian, verdict, conditions, comment, seen, decided)
			VALUES ('a', '', 1, 'care', 'ada', 'reject', '[]', 'No.', '', '2026-01-01T00:00:00.000000Z')`); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{`UPDATE project_decisions SET verdict = 'approve'`, `DELETE FROM project_decisions`} {
		if _, err := db.writer.ExecContext(ctx, statement); err == nil {
			t.Errorf("%s was done", statement)
		}
	}
}
