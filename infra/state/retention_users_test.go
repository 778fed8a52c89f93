package state_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// A version is used as long as the gate may have to compare something with what was told
// of it: to a project that lives, to one that has ended whose people are in one that
// lives, or in one of people of such, to everybody on the dataset, or to the catalogue.
func TestWhoUsesAVersion(t *testing.T) {
	db, _ := open(t)
	ctx, n := t.Context(), 0
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	project := func(id, projectState string) string {
		return fmt.Sprintf(`INSERT INTO projects (id, title, purpose, state, policy, opt_out_basis, opt_out_ref, expires, created_by, version, approved_by) VALUES ('%[1]s', 't', 'p', '%[2]s', 'sdap', 'applies', '', '2030-01-01T00:00:00.000000Z', 'ada', 1, 'cora');
			INSERT INTO workspaces (id, project, opened) VALUES ('%[1]s', '%[1]s', '2026-01-01T00:00:00.000000Z')`, id, projectState)
	}
	member := func(project, user string) string {
		return fmt.Sprintf(`INSERT INTO members (project, user_name, role, training_until) VALUES ('%s', '%s', 'researcher', '2030-01-01T00:00:00.000000Z')`, project, user)
	}
	insider := func(project, user string) string {
		return fmt.Sprintf(`INSERT INTO project_insiders (project, user_name) VALUES ('%s', '%s')`, project, user)
	}
	told := func(project, version, outcome string) string {
		return fmt.Sprintf(`INSERT INTO decisions (id, decided, project, workspace, author, session, statement, outcome, code, policy, datasets, detail)
			VALUES ('qry_%[1]s', '2026-01-01T00:00:00.000000Z', '%[1]s', '%[1]s', 'ada', 's', 'SELECT', '%[3]s', '', 'sdap@1', '["%[2]s"]', '{}')`, project, version, outcome)
	}
	grant := func(project string, number int) string {
		return fmt.Sprintf(`INSERT INTO grants (project, dataset, version, tables) VALUES ('%s', 'gp', %d, '[]')`, project, number)
	}
	counted := `INSERT INTO cohorts (place, decision, project, content, dataset, release) VALUES (1, 'qry_over', 'over', '', 'gp', 'rel_1')`
	catalogue := workspaces.CatalogueProject("gp")
	for name, x := range map[string]struct {
		with []string
		want []string
	}{
		"nobody":                                {[]string{project("live", "active"), grant("live", 2)}, nil},
		"by its grant":                          {[]string{project("live", "suspended"), grant("live", 1)}, []string{"live"}},
		"a project that has ended":              {[]string{project("over", "closed"), grant("over", 1)}, nil},
		"by what was told":                      {[]string{project("live", "active"), grant("live", 2), told("live", "gp@1", "suppressed")}, []string{"live"}},
		"by a refusal":                          {[]string{project("live", "active"), told("live", "gp@1", "refused")}, nil},
		"by what was told of another":           {[]string{project("live", "active"), told("live", "gp@10", "released")}, nil},
		"the catalogue, by its grant":           {[]string{project(catalogue, "archived"), grant(catalogue, 1)}, []string{catalogue}},
		"the catalogue, by what was told":       {[]string{project(catalogue, "archived"), told(catalogue, "gp@1", "released")}, []string{catalogue}},
		"an ended project told nobody who is":   {[]string{project("over", "closed"), member("over", "ada"), told("over", "gp@1", "released"), project("live", "active"), member("live", "ben")}, nil},
		"an ended project told a member":        {[]string{project("over", "closed"), member("over", "ada"), told("over", "gp@1", "released"), project("live", "active"), member("live", "ada")}, []string{"live"}},
		"an ended project told who had left it": {[]string{project("over", "closed"), insider("over", "ada"), told("over", "gp@1", "released"), project("live", "active"), member("live", "ada")}, []string{"live"}},
		"an ended project told a colleague": {[]string{project("over", "archived"), member("over", "ada"), told("over", "gp@1", "released"), project("between", "closed"), member("between", "ada"), member("between", "ben"),
			project("live", "active"), member("live", "ben")}, []string{"live"}},
		"a release, told to everybody on it": {[]string{project("over", "closed"), told("over", "gp@1", "refused"), counted, project("live", "active"), grant("live", 2), project("elsewhere", "active")}, []string{"live"}},
	} {
		of := strconv.Itoa(n) // each in names of its own
		n++
		own := strings.NewReplacer("over", "over"+of, "live", "live"+of, "between", "between"+of, "elsewhere", "elsewhere"+of, "gp", "gp"+of, "'ada'", "'ada"+of+"'", "'ben'", "'ben"+of+"'", "(1, ", "("+of+", ")
		must(db.Update(ctx, func(tx *state.Tx) error {
			for _, user := range []string{"ada", "ben"} {
				if err := addUser(ctx, tx, user+of); err != nil {
					return err
				}
			}
			for _, sql := range x.with {
				if _, err := tx.SQL().ExecContext(ctx, own.Replace(sql)); err != nil {
					return fmt.Errorf("%s: %w", sql, err)
				}
			}
			return nil
		}))
		must(state.Catalogue{DB: db}.Retain(ctx, func(tx catalog.RetentionTx) error {
			users, err := tx.Users(ctx, own.Replace("gp"), 1)
			for i := range x.want {
				x.want[i] = own.Replace(x.want[i])
			}
			if !slices.Equal(users, x.want) {
				t.Errorf("%s: used by %q, want %q", name, users, x.want)
			}
			return err
		}))
	}
}
