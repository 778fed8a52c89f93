package gate

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/state"
)

// related is a project of its own over the same data, with members.
func (w *world) related(name string, members ...string) *world {
	w.Helper()
	out := *w
	session := *w.session
	session.Project.ID, session.Workspace.ID, session.Workspace.Project = name, name, name
	session.Principal.User, session.Principal.Workspace = members[0], name
	session.Workspace.Folder = filepath.Join(filepath.Dir(w.session.Workspace.Folder), name)
	must(w, os.MkdirAll(filepath.Join(session.Workspace.Folder, "scratch"), 0o755))
	must(w, w.state.Update(w.Context(), func(tx *state.Tx) error {
		statements := []string{
			`INSERT INTO projects (id, title, purpose, state, policy, opt_out_basis, opt_out_ref, expires, created_by, version) VALUES ('` + name + `', 't', 'p', 'active', 'sdap', 'applies', '', '2030-01-01T00:00:00.000000Z', 'ada', 1)`,
			`INSERT INTO workspaces (id, project, opened) VALUES ('` + name + `', '` + name + `', '2026-01-01T00:00:00.000000Z')`,
		}
		for _, m := range members {
			statements = append(statements, `INSERT INTO users (name, created) VALUES ('`+m+`', '2026-01-01T00:00:00.000000Z') ON CONFLICT DO NOTHING`,
				fmt.Sprintf(`INSERT INTO members (project, user_name, role, training_until) VALUES ('%s', '%s', 'researcher', '2030-01-01T00:00:00.000000Z')`, name, m))
		}
		for _, s := range statements {
			if _, err := tx.SQL().ExecContext(w.Context(), s); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
		}
		return nil
	}))
	out.session = &session
	return &out
}

// Two questions that are each fine and together tell of one person cannot both
// pass, in whichever of the projects that share a member they are asked, and at
// once: exactly one of each pair is answered whole.
func TestPairsAtOnceInRelatedProjects(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	one := w.onePerson()
	// chain1 and chain2 share bea, chain2 and chain3 share cy; the pairs are asked
	// in neighbours.
	projects := []*world{w.related("chain1", "ada", "bea"), w.related("chain2", "bea", "cy"), w.related("chain3", "cy", "dee")}
	pairs := [][2]string{
		{"SELECT count(*) FROM patients WHERE sex = 'F'", "SELECT count(*) FROM patients WHERE sex = 'F' AND NOT {1}"},
		{"SELECT sum(imd_decile) FROM patients WHERE birth_year > 1900 AND sex = 'F'", "SELECT avg(birth_year) FROM patients WHERE sex = 'F' AND NOT {1} AND birth_year > 1900"},
		{"SELECT count(*) FROM events JOIN patients USING (person_id) WHERE sex = 'F'", "SELECT count(*) FROM events JOIN patients USING (person_id) WHERE sex = 'F' AND NOT {1}"},
		{"SELECT count(DISTINCT person_id) FROM events", "SELECT count(DISTINCT a.person_id) FROM events a JOIN patients USING (person_id) WHERE person_id NOT IN (SELECT person_id FROM patients WHERE {1})"},
	}
	type try struct {
		pair, side, project int
	}
	for range 2 {
		w.forget()
		var tries []try
		for p := range pairs {
			near := rand.IntN(2)
			for side := range 2 {
				for range 3 { // several clients ask the same
					tries = append(tries, try{p, side, near + (side+rand.IntN(2))%2})
				}
			}
		}
		rand.Shuffle(len(tries), func(i, j int) { tries[i], tries[j] = tries[j], tries[i] })
		whole := make([][2]bool, len(pairs))
		var mu sync.Mutex
		var wait sync.WaitGroup
		begin := make(chan struct{})
		for _, x := range tries {
			wait.Go(func() {
				<-begin
				r, err := projects[x.project].ask(strings.ReplaceAll(pairs[x.pair][x.side], "{1}", one))
				mu.Lock()
				defer mu.Unlock()
				if err == nil && r.disclosure.Outcome == egress.OutcomeReleased {
					whole[x.pair][x.side] = true
				}
			})
		}
		close(begin)
		wait.Wait()
		some := 0
		for p, got := range whole {
			if got[0] && got[1] {
				t.Errorf("both are answered: %s", pairs[p])
			}
			if got[0] || got[1] {
				some++
			}
		}
		if some == 0 {
			t.Error("nothing is answered")
		}
		t.Logf("of %d pairs one of %d was answered", len(pairs), some)
	}
}

// What two projects may each know, and a third that shares members with both may
// not: the third's members know both. Nor does what follows from the two together
// follow for either.
func TestMembersOfTwoProjectsBringThemTogether(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	all, less := "SELECT count(*) FROM patients WHERE sex = 'F'", "SELECT count(*) FROM patients WHERE sex = 'F' AND NOT "+w.onePerson()
	again := "SELECT avg(birth_year) FROM patients WHERE sex = 'F' AND NOT " + w.onePerson()
	chain := []*world{w.related("link1", "eve", "fay"), w.related("link2", "fay", "gus"), w.related("link3", "gus", "hal"), w.related("link4", "hal", "ida")}
	whole := func(at int, sql string) bool {
		r, err := chain[at].ask(sql)
		return err == nil && r.disclosure.Outcome == egress.OutcomeReleased
	}
	for _, restart := range []bool{false, true} {
		w.forget()
		if !whole(0, all) {
			t.Fatal("the first is not answered")
		}
		if restart {
			w.restart()
		}
		if whole(2, less) {
			t.Error("gus and fay, who are in the middle, know of one person")
		}
		if !whole(3, less) {
			t.Error("nobody knows both, and the second is not answered")
		}
		if restart {
			w.restart()
		}
		if whole(1, again) || whole(2, again) || whole(1, all) && whole(2, all) {
			t.Error("what follows from what two others know is told to a third")
		}
	}
}
