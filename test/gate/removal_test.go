package gate

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/state"
)

// without is a session of the same data in which some people are not: their
// population leaves them out. It has a project and a workspace of its own.
func (w *world) without(name string, removed []int) *world {
	w.Helper()
	out := *w
	session := *w.session
	session.Project.ID, session.Workspace.ID, session.Workspace.Project = name, name, name
	session.Principal.Workspace = name
	session.Workspace.Folder = filepath.Join(filepath.Dir(w.session.Workspace.Folder), name)
	must(w, os.MkdirAll(filepath.Join(session.Workspace.Folder, "scratch"), 0o755))
	mounts := append(session.Mounts[:0:0], session.Mounts...)
	mounts[0].Complete, mounts[0].Digest = false, name
	// The engine that writes may write beside the version only.
	mounts[0].Population = filepath.Join(mounts[0].Version.Folder, name+".parquet")
	must(w, w.plain.Exec(w.Context(), fmt.Sprintf("COPY (SELECT i::UINTEGER AS _unit FROM range(1, %d) t(i) WHERE i NOT IN (%s) ORDER BY i) TO '%s' (FORMAT parquet)",
		people+1, strings.ReplaceAll(strings.Trim(fmt.Sprint(removed), "[]"), " ", ", "), mounts[0].Population)))
	session.Mounts = mounts
	must(w, w.state.Update(w.Context(), func(tx *state.Tx) error {
		for _, q := range []string{
			`INSERT INTO projects (id, title, purpose, state, policy, opt_out_basis, opt_out_ref, expires, created_by, version) VALUES (?, 't', 'p', 'active', 'sdap', 'applies', '', '2030-01-01T00:00:00.000000Z', 'ada', 1)`,
			`INSERT INTO workspaces (id, project, opened) SELECT id, id, '2026-01-01T00:00:00.000000Z' FROM projects WHERE id = ?`,
		} {
			if _, err := tx.SQL().ExecContext(w.Context(), q, name); err != nil {
				return err
			}
		}
		return nil
	}))
	out.session = &session
	return &out
}

// What is answered does not hang on fewer than ten people. Each question is asked
// again of data from which one person, or up to nine, were taken:
//
//   - it is refused in both or answered in both, by the same code and with the same columns;
//   - groups of which nobody was taken are the same, to the last digit and mark;
//   - a group is shown in one and not in the other only where those who were taken
//     make the difference: it had ten people or more, and without them has fewer;
//   - a number that leaves in either still has ten people behind its group there.
//
// A number may change, or be withheld, in groups of which somebody was taken.
func TestNoAnswerHangsOnFewPeople(t *testing.T) {
	checks(t, 25)
	w := newWorld(t)
	taken := [][]int{{1}, {401}, {1234}, {3, 5, 8, 13, 21, 34, 55, 89, 144}, {802, 1203, 1604, 17, 1999}}
	worlds := make([]*world, len(taken))
	for i, removed := range taken {
		worlds[i] = w.without(fmt.Sprint("without", i), removed)
	}
	compared := 0
	rapid.Check(t, func(r *rapid.T) {
		q := drawMeasured(r)
		at := rapid.IntRange(0, len(taken)-1).Draw(r, "taken")
		whole, errWhole := w.ask(q.sql())
		less, errLess := worlds[at].ask(q.sql())
		if (errWhole == nil) != (errLess == nil) || errWhole != nil && gatehouse.CodeOf(errWhole) != gatehouse.CodeOf(errLess) {
			r.Fatalf("%s\n%v, and without %v: %v", q.sql(), errWhole, taken[at], errLess)
		}
		if errWhole != nil {
			return
		}
		if fmt.Sprint(whole.columns) != fmt.Sprint(less.columns) {
			r.Fatalf("%s\n%v, and without %v: %v", q.sql(), whole.columns, taken[at], less.columns)
		}
		keys := len(q.keys)
		before, after := byKey(whole, keys), byKey(less, keys)
		names := make([]string, len(taken[at]))
		for i, u := range taken[at] {
			names[i] = fmt.Sprintf("'p%d'", u)
		}
		inGroup := q.selecting("count(DISTINCT t.person_id), count(DISTINCT t.person_id) FILTER (WHERE t.person_id IN (" + strings.Join(names, ", ") + "))")
		for _, row := range w.truth(inGroup) {
			key := fmt.Sprint(row[:keys])
			n, gone := count(row[keys]), count(row[keys+1])
			a, inA := before[key]
			b, inB := after[key]
			compared++
			switch {
			case gone == 0 && (a != b || inA != inB):
				r.Fatalf("%s\ngroup %s holds nobody of %v: %q (%v) became %q (%v)", q.sql(), key, taken[at], a, inA, b, inB)
			case keys > 0 && (inA != (n >= 10) || inB != (n-gone >= 10)):
				r.Fatalf("%s\ngroup %s of %d people, %d of them taken: shown %v, then %v", q.sql(), key, n, gone, inA, inB)
			case inA && a != "NULL" && n < 10 || inB && b != "NULL" && n-gone < 10:
				r.Fatalf("%s\ngroup %s of %d people, %d of them taken: %q, then %q", q.sql(), key, n, gone, a, b)
			}
		}
	})
	t.Logf("%d groups compared", compared)
}

func byKey(r *result, keys int) map[string]string {
	out := map[string]string{}
	for _, row := range r.rows {
		out[fmt.Sprint(row[:keys])] = row[keys]
	}
	return out
}

func count(text string) int {
	var n int
	fmt.Sscan(text, &n)
	return n
}
