package gate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/test/attacker"
)

// The game of egress/disclosure/attacker_test.go through the whole gate, with real
// engines: two researchers, of two projects that share one of them, ask for sums of a measure over
// a practice's patients in one region, some 40 people of whom they know everything
// else. Some time on, a few of these have withdrawn. The attacker puts together what both
// were told.
func TestAnAttackerRecoversNobodyThroughTheGate(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	must(w, w.state.Update(w.Context(), func(tx *state.Tx) error {
		_, err := tx.SQL().ExecContext(w.Context(), `INSERT INTO members (project, user_name, role, training_until) VALUES ('p', 'ada', 'researcher', '2030-01-01T00:00:00.000000Z')`)
		return err
	}))
	for _, kind := range []string{"people", "rows"} {
		t.Run(kind, func(t *testing.T) {
			asked, released, again, alike := 0, 0, 0, 0
			for seed := range uint64(12) {
				g := newGame(w, t, seed, kind == "rows")
				g.play(10 + g.rng.IntN(10))
				asked, released, again = asked+g.asked, released+len(g.sums.Rows), again+g.again
				s := g.attack()
				if s.Won(threshold) {
					t.Errorf("session %d: %+v of %d people from\n%s", seed, s, len(g.sums.Unit), strings.Join(g.log, "\n"))
				}
				if s.Determined > 0 {
					alike++
				}
			}
			t.Logf("12 sessions of %d questions: %d sums released, %d of them given again as they were; all alike in %d", asked, released, again, alike)
			if released < 24 {
				t.Errorf("only %d sums were released: there is nothing to attack", released)
			}
		})
	}
	// Without a memory the same sessions are lost to the attacker.
	t.Run("without history", func(t *testing.T) {
		forgetful := *w
		forgetful.remembers = false
		won := 0
		for seed := range uint64(4) {
			g := newGame(&forgetful, t, seed, false)
			g.play(20)
			if g.attack().Won(threshold) {
				won++
			}
		}
		if won == 0 {
			t.Error("the attacker wins none of four sessions against a gate without history")
		}
	})
}

// threshold is the policy's (sdap).
const threshold = 10

// game is one session and what is told in it.
type game struct {
	t       *testing.T
	rng     *rand.Rand
	askers  []*world
	plain   *world
	from    string // whose rows: patients, or events of them
	where   string
	measure string
	rows    bool
	gone    string // a condition: who has withdrawn

	sums    attacker.Sums
	index   map[string]int // elements by what names them
	value   []float64
	asked   int
	again   int
	history []string // conditions that were asked with
	log     []string
}

func newGame(w *world, t *testing.T, seed uint64, rows bool) *game {
	w.forget()
	g := &game{t: t, rng: rand.New(rand.NewPCG(seed, 2)), plain: w, rows: rows, index: map[string]int{}}
	region := []string{"North", "South", "East", "West"}[g.rng.IntN(4)]
	g.from, g.where, g.measure = "patients p", fmt.Sprintf("practice_id = 'P%d' AND region = '%s'", g.rng.IntN(12), region), "imd_decile"
	if rows {
		g.from, g.where, g.measure = "patients p JOIN events e USING (person_id)", fmt.Sprintf("practice_id = 'P%d' AND value IS NOT NULL", g.rng.IntN(12)), "value"
	}
	g.sums.Rng, g.sums.Most = g.rng, 9
	for _, row := range w.truth("SELECT " + g.names() + ", p._unit, " + g.measure + " FROM " + g.from + " WHERE " + g.where) {
		unit, _ := strconv.Atoi(row[1])
		value, _ := strconv.ParseFloat(row[2], 64)
		g.index[row[0]] = len(g.value)
		g.value = append(g.value, value)
		g.sums.Unit, g.sums.Secret = append(g.sums.Unit, uint32(unit)), append(g.sums.Secret, int(value)-1)
	}
	g.askers = []*world{w, colleague(w, fmt.Sprint("colleague", seed, rows, w.remembers))}
	return g
}

// colleague asks in another project, of which ada is a member too.
func colleague(w *world, name string) *world {
	out := *w
	session := *w.session
	session.Project.ID, session.Workspace.ID, session.Workspace.Project = name, name, name
	session.Principal.Workspace = name
	session.Workspace.Folder = filepath.Join(filepath.Dir(w.session.Workspace.Folder), name)
	must(w, os.MkdirAll(filepath.Join(session.Workspace.Folder, "scratch"), 0o755))
	must(w, w.state.Update(w.Context(), func(tx *state.Tx) error {
		for _, q := range []string{
			`INSERT INTO projects (id, title, purpose, state, policy, opt_out_basis, opt_out_ref, expires, created_by, version) VALUES (?, 't', 'p', 'active', 'sdap', 'applies', '', '2030-01-01T00:00:00.000000Z', 'ada', 1)`,
			`INSERT INTO workspaces (id, project, opened) SELECT id, id, '2026-01-01T00:00:00.000000Z' FROM projects WHERE id = ?`,
			`INSERT INTO members (project, user_name, role, training_until) VALUES (?, 'ada', 'lead', '2030-01-01T00:00:00.000000Z')`,
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

// names tells rows apart in the plain tables.
func (g *game) names() string {
	if !g.rows {
		return "p.person_id"
	}
	return "concat_ws('|', p.person_id, e.date, e.code, e.value, row_number() OVER (PARTITION BY p.person_id, e.date, e.code, e.value ORDER BY p.sex))"
}

// condition draws one over what the attacker knows.
func (g *game) condition() string {
	n := g.rng.IntN
	target := g.plain.truth("SELECT sex, birth_year, ethnicity, lsoa FROM patients WHERE _unit = " + fmt.Sprint(g.sums.Unit[n(len(g.sums.Unit))]))[0]
	someone := fmt.Sprintf("(sex = '%s' AND birth_year = %s AND ethnicity = '%s' AND lsoa = '%s')", target[0], target[1], target[2], target[3])
	switch n(9) {
	case 0:
		return "sex = 'F'"
	case 1:
		return fmt.Sprintf("birth_year <= %d", 1935+n(75))
	case 2:
		return fmt.Sprintf("(birth_year <= %d OR %s)", 1935+n(75), someone)
	case 3, 4:
		return "NOT " + someone
	case 5:
		return fmt.Sprintf("birth_year > %d", 1800+n(50)) // a clone
	case 6:
		return fmt.Sprintf("ethnicity <> '%s'", target[2])
	case 7: // a subset by the digits of what is known (Cohen and Nissim)
		return fmt.Sprintf("(((birth_year + %d) * %d) %% %d < %d) <> (right(lsoa, 1) > '%d')", n(40), 3+2*n(6), 7, 4, n(10))
	default:
		return fmt.Sprintf("(birth_year + %d) %% 4 > 0", n(4))
	}
}

// play asks some questions; halfway, people withdraw.
func (g *game) play(questions int) {
	for i := range questions {
		if i == questions/2 && g.plain.remembers {
			g.withdraw()
		}
		where := "true"
		switch {
		case len(g.history) > 0 && g.rng.IntN(4) == 0: // the same again
			where = g.history[g.rng.IntN(len(g.history))]
		case len(g.history) > 0 && g.rng.IntN(2) == 0: // with a change
			where = g.history[g.rng.IntN(len(g.history))] + " AND " + g.condition()
		default:
			for range g.rng.IntN(3) {
				where += " AND " + g.condition()
			}
		}
		g.history = append(g.history, where)
		key := []string{"", "", "", "sex", "birth_year < 1970", "ethnicity IN ('white', 'asian')"}[g.rng.IntN(6)]
		g.ask(where, key, g.rng.IntN(2) == 0, g.rng.IntN(3) == 0)
	}
}

// withdraw takes some of the people out of both projects.
func (g *game) withdraw() {
	var units []string
	for range 1 + g.rng.IntN(3) {
		units = append(units, fmt.Sprint(g.sums.Unit[g.rng.IntN(len(g.sums.Unit))]))
	}
	list := strings.Join(units, ", ")
	file := filepath.Join(g.plain.session.Mounts[0].Version.Folder, fmt.Sprint("left", g.rng.Uint64(), ".parquet"))
	must(g.t, g.plain.plain.Exec(g.plain.Context(), fmt.Sprintf("COPY (SELECT i::UINTEGER AS _unit FROM range(1, %d) t(i) WHERE i NOT IN (%s) ORDER BY i) TO '%s' (FORMAT parquet)", people+1, list, file)))
	for i, asker := range g.askers {
		changed := *asker
		session := *asker.session
		session.Mounts = append(session.Mounts[:0:0], session.Mounts...)
		session.Mounts[0].Complete, session.Mounts[0].Digest, session.Mounts[0].Population = false, file, file
		changed.session = &session
		g.askers[i] = &changed
	}
	g.gone = " AND p._unit NOT IN (" + list + ")"
	g.log = append(g.log, "-- "+list+" withdraw")
}

// ask asks one of the two, and takes down what is told.
func (g *game) ask(where, key string, mean, total bool) {
	number := "sum(" + g.measure + ")"
	if mean {
		number = "avg(" + g.measure + ")"
	}
	sql := "SELECT " + number + " FROM " + g.from + " WHERE " + g.where + " AND " + where
	columns, keyed := g.names(), "'' AS key"
	if key != "" {
		grouping := key
		if total {
			grouping = "ROLLUP (" + key + ")"
		}
		sql = "SELECT " + key + " AS key, " + number + " FROM " + g.from + " WHERE " + g.where + " AND " + where + " GROUP BY " + grouping
		keyed = key + " AS key"
	}
	who := g.rng.IntN(2)
	answer, err := g.askers[who].ask(sql)
	g.asked++
	g.log = append(g.log, fmt.Sprintf("-- %d\n%s", who, sql))
	if err != nil {
		g.t.Fatalf("%s\n%v", sql, err)
	}
	groups := map[string][]int{}
	for _, row := range g.plain.truth("SELECT " + columns + ", " + keyed + " FROM " + g.from + " WHERE " + g.where + " AND " + where + g.gone) {
		at, ok := g.index[row[0]]
		if !ok {
			g.t.Fatalf("an element without a name: %v", row)
		}
		groups[row[1]] = append(groups[row[1]], at)
		if total {
			groups["NULL"] = append(groups["NULL"], at)
		}
	}
	for _, row := range answer.rows {
		if row[len(row)-1] == "NULL" {
			continue
		}
		name := ""
		if len(row) > 1 {
			name = row[0]
		}
		got, err := strconv.ParseFloat(row[len(row)-1], 64)
		must(g.t, err)
		switch truth := g.truth(groups[name], mean); {
		case math.Abs(truth-got) <= 1e-5*math.Abs(got):
			g.sums.Add(groups[name])
		case answer.disclosure.Reused: // as it was before people left, and added then
			g.again++
		default:
			g.t.Errorf("%s\n%v: %v, and it is %v", sql, name, got, truth)
		}
		g.log = append(g.log, fmt.Sprintf("   %s %v", name, got))
	}
}

func (g *game) truth(elements []int, mean bool) float64 {
	sum := 0.0
	for _, e := range elements {
		sum += g.value[e]
	}
	if mean {
		sum /= float64(len(elements))
	}
	return sum
}

// attack: a measure of rows has no bounds that are known, which leaves elimination.
func (g *game) attack() attacker.Spoils {
	if g.rows {
		return attacker.Spoils{Eliminated: g.sums.Eliminate(threshold)}
	}
	return g.sums.Attack(threshold)
}
