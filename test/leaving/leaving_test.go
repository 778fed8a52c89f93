package leaving

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

var studies = []string{"asthma", "cancer"}

// history is what has happened so far, in the terms of people.
type history struct {
	*house
	rt        *rapid.T
	pool      []string          // every number that there is
	sex       map[string]string // of those whom the source holds, by number
	events    map[string][]string
	same      map[string]string // numbers that were merged, to any of them that stands for all
	national  map[string]bool   // whose allow-list row is missing
	objected  map[string]bool
	withdrawn map[string]map[string]bool // by project ("" for all): numbers
	left      map[int]map[uint32]bool    // by version: units of people whom its lists took out
	tables    int

	steps     int
	withdrew  map[string]int // from the dataset: at which step first, by number
	published map[int]int    // at which step, by version
	flows     map[string]int // projects with stop-flow: since which step; 0: never
}

func (w *history) root(n string) string {
	for w.same[n] != "" {
		n = w.same[n]
	}
	return n
}

// all gives every number of the people with these.
func (w *history) all(numbers map[string]bool) (out []string) {
	for _, n := range w.pool {
		for m := range numbers {
			if w.root(n) == w.root(m) {
				out = append(out, n)
				break
			}
		}
	}
	return out
}

func (w *history) given(n string) string    { return "Gvn" + n[4:9] + "q" }
func (w *history) postcode(n string) string { return "QX" + n[7:9] + " 9ZZ" }
func (w *history) born(n string) string {
	i := slices.Index(w.pool, n)
	return fmt.Sprintf("%d-%02d-%02d", 1900+i, i%12+1, i%27+2)
}

// write makes the extracts, of these people, and the lists.
func (w *history) write(numbers, deleted []string) {
	var people, events, national, objections strings.Builder
	people.WriteString("nhs_number,given,family,born,postcode,sex\n")
	events.WriteString("nhs_number,date,code,value\n")
	objections.WriteString("nhs_number\n")
	for _, n := range numbers {
		fmt.Fprintf(&people, "%s,%s,Fm%sy,%s,%s,%s\n", n, w.given(n), w.given(n), w.born(n), w.postcode(n), w.sex[n])
		for _, e := range w.events[n] {
			fmt.Fprintf(&events, "%s,%s\n", n, e)
		}
	}
	out := w.all(w.national)
	for _, n := range w.pool {
		if !slices.Contains(out, n) {
			national.WriteString(n + ",\n")
		}
	}
	for n := range w.objected {
		objections.WriteString(n + "\n")
	}
	for name, text := range map[string]string{"people.csv": people.String(), "events.csv": events.String(), "national.dat": national.String(), "objections.csv": objections.String(),
		"deleted.csv": "nhs_number\n" + strings.Join(append(deleted, ""), "\n")} {
		w.must(os.WriteFile(filepath.Join(w.extracts, name), []byte(text), 0o600))
	}
}

// publish publishes, and keeps whom the lists of that day took out.
func (w *history) publishOf(changes bool, numbers, deleted []string) {
	w.write(numbers, deleted)
	v, err := w.publish(changes)
	if changes && gatehouse.CodeOf(err) == gatehouse.CodeChanges { // people were merged since, for example
		return
	}
	w.must(err)
	out := maps.Clone(w.objected)
	maps.Copy(out, w.national)
	for n, events := range w.events {
		for _, e := range events {
			if strings.Contains(e, "9Nu0") {
				out[n] = true
			}
		}
	}
	w.published[v.Number] = w.steps
	w.left[v.Number] = w.units(w.all(out)...)
	if changes {
		for u := range w.units(deleted...) {
			w.left[v.Number][u] = true
		}
	}
}

func (w *history) people() []string { return slices.Sorted(maps.Keys(w.sex)) }

// some are the few people to whom everything happens, so that it happens to the same
// ones; the others stand still, so that files are shared.
func (w *history) some() []string { return append(w.pool[:4:4], w.pool[len(w.pool)-1]) }

// change gives a person other data, sometimes a dissent; a dissent stays.
func (w *history) change(n string) {
	had := slices.ContainsFunc(w.events[n], func(e string) bool { return strings.Contains(e, "9Nu0") })
	w.sex[n] = rapid.SampledFrom([]string{"F", "M"}).Draw(w.rt, "sex")
	w.events[n] = nil
	for i := range rapid.IntRange(0, 3).Draw(w.rt, "events") {
		w.events[n] = append(w.events[n], fmt.Sprintf("20%02d-03-04,A1,%d", 10+i, i))
	}
	if had || rapid.IntRange(0, 9).Draw(w.rt, "dissent") == 0 {
		w.events[n] = append(w.events[n], "2015-05-05,9Nu0,")
	}
}

func (w *history) pick(what string, from []string) string {
	return rapid.SampledFrom(from).Draw(w.rt, what)
}

// step does one thing that happens to an installation.
func (w *history) step() {
	ctx := context.Background()
	w.steps++
	switch what := rapid.SampledFrom([]string{"whole", "whole", "changes", "changes", "withdraw", "withdraw", "merge", "merge", "split", "move", "move", "table", "opt out", "leaving"}).Draw(w.rt, "step"); what {
	case "whole":
		w.publishOf(false, w.people(), nil)
	case "changes":
		var changed, deleted []string
		for range rapid.IntRange(0, 3).Draw(w.rt, "changed") {
			n := w.pick("who", w.some())
			w.change(n)
			changed = append(changed, n)
		}
		if rapid.Bool().Draw(w.rt, "deletes") {
			if n := w.pick("deleted", w.some()); !slices.Contains(changed, n) && w.sex[n] != "" {
				delete(w.sex, n)
				delete(w.events, n)
				deleted = append(deleted, n)
			}
		}
		slices.Sort(changed)
		w.publishOf(true, slices.Compact(changed), deleted)
	case "withdraw":
		project := w.pick("project", append([]string{""}, studies...))
		n := w.pick("who", w.some())
		v, err := w.catalogue.Version(ctx, "registry", 0)
		w.must(err)
		who, err := catalog.FindUnits(ctx, w.dir, v, strings.NewReader(n))
		w.must(err)
		if len(who.Units) == 0 { // never published: no unit, nobody to withdraw
			return
		}
		w.must(w.Withdraw(ctx, cora, "registry", project, who.Units))
		w.withdrawn[project][n] = true
		if _, before := w.withdrew[n]; project == "" && !before {
			w.withdrew[n] = w.steps
		}
	case "leaving":
		l := workspaces.Leaving{Dataset: "registry", Project: w.pick("project", studies), Document: "minutes", Policy: workspaces.LeavingStopFlow}
		w.flows[l.Project] = w.steps
		if rapid.Bool().Draw(w.rt, "removes") {
			l.Policy, w.flows[l.Project] = workspaces.LeavingRemove, 0
		}
		w.must(w.SetLeaving(ctx, cora, l))
	case "merge", "split":
		a, b := w.pick("kept", w.some()), w.pick("other", w.some())
		o := catalog.IndexOptions{Dir: w.dir, Family: "registry", Kind: catalog.IdentifierNHSNumber, Principal: cora, Authorizer: w.policy,
			Record: func(ctx context.Context, e gatehouse.Event, carried []catalog.Carried) error {
				return state.Catalogue{DB: w.db}.RecordIndexChange(ctx, []string{"registry"}, e, carried)
			}}
		var err error
		if what == "merge" {
			err = catalog.MergePeople(ctx, o, []catalog.Merge{{Kept: a, Superseded: b}})
		} else {
			err = catalog.SplitPeople(ctx, o, []catalog.Split{{Of: a, Separate: []string{b}}})
		}
		if gatehouse.CodeOf(err) == gatehouse.CodeIndexChange {
			return
		}
		w.must(err)
		if what == "merge" {
			w.same[w.root(b)] = w.root(a)
			return
		}
		var rest []string // of the group, without b
		for _, n := range w.pool {
			if w.root(n) == w.root(b) && n != b {
				rest = append(rest, n)
			}
		}
		for _, n := range append(rest, b) {
			delete(w.same, n)
		}
		for _, n := range rest[1:] {
			w.same[n] = rest[0]
		}
	case "move":
		v, err := w.catalogue.Version(ctx, "registry", 0)
		w.must(err)
		w.must(w.UseVersion(ctx, cora, w.pick("project", studies), "registry", max(1, v.Number-rapid.IntRange(0, 2).Draw(w.rt, "back"))))
	case "table":
		w.tables++
		s, err := w.Remount(ctx, w.pick("project", studies))
		w.must(err)
		vault, done, err := w.vaults.Vault(ctx, s)
		w.must(err)
		err = vault.Exec(ctx, fmt.Sprintf("CREATE TABLE scratch.main.t%d AS SELECT p._unit, n.person_id, birth_year, code FROM people p JOIN read_parquet('%s') n USING (_unit) LEFT JOIN events e USING (_unit)",
			w.tables, s.Mounts[0].Population))
		if err != nil { // a complete population is not mounted: the own tables then bear no pseudonym
			err = vault.Exec(ctx, fmt.Sprintf("CREATE TABLE scratch.main.t%d AS SELECT _unit, birth_year, code FROM people p LEFT JOIN events e USING (_unit)", w.tables))
		}
		done()
		w.must(err)
	case "opt out":
		n := w.pick("who", w.some())
		if rapid.Bool().Draw(w.rt, "nationally") {
			w.national[n] = true
		} else {
			w.objected[n] = true
		}
	}
}

// gone are the units that a project must not see in a version.
func (w *history) gone(project string, version int) map[uint32]bool {
	out := map[string]bool{}
	for n := range w.withdrawn[""] {
		// Of stop-flow only who left after it was decided, and after the version, may be seen.
		if since := w.flows[project]; since == 0 || w.withdrew[n] < max(since, w.published[version]) {
			out[n] = true
		}
	}
	maps.Copy(out, w.withdrawn[project])
	units := w.units(slices.Collect(maps.Keys(out))...)
	maps.Copy(units, w.left[version])
	return units
}

// check looks for whoever left, everywhere.
func (w *history) check() {
	ctx := context.Background()
	versions, err := w.catalogue.List(ctx)
	w.must(err)
	plain, err := w.start(ctx, []string{w.dir}, w.mkdir("reader"), w.mkdir("temp"))
	w.must(err)
	defer plain.Close()
	query := func(sql string) [][]string {
		r, err := plain.Query(ctx, sql)
		return w.rows(r, err)
	}
	nobody := func(where string, rows [][]string, gone map[uint32]bool) {
		for _, row := range rows {
			if u, err := strconv.ParseUint(row[0], 10, 32); err != nil || gone[uint32(u)] {
				w.Fatalf("unit %s, who left, is in %s", row[0], where)
			}
		}
	}
	// Versions: whoever their lists took out is in none of the rows that can be read.
	for _, v := range versions {
		v.Folder = filepath.Join(w.dir, "versions", v.Dataset, strconv.Itoa(v.Number))
		for _, t := range v.Tables {
			nobody(v.Name()+" "+t.Name, query("SELECT DISTINCT _unit FROM ("+v.RowsSQL(t, "_unit")+")"), w.left[v.Number])
			for _, f := range t.Files { // what is masked too
				for _, row := range query("SELECT x::VARCHAR FROM read_parquet('" + filepath.Join(v.Folder, f.Path) + "') x") {
					w.innocent(f.Path, []byte(row[0]))
				}
			}
		}
		nobody(v.Name()+" units", query("SELECT _unit FROM read_parquet('"+filepath.Join(v.Folder, v.UnitsFile.Path)+"')"), w.left[v.Number])
	}
	// Workspaces: neither the population, nor any view, nor any own table shows who left.
	for _, id := range studies {
		s, err := w.Remount(ctx, id)
		w.must(err)
		w.must(w.vaults.Cut(ctx, s))
		w.must(w.vaults.Clean(ctx, s))
		gone := w.gone(id, s.Mounts[0].Version.Number)
		nobody("the population of "+id, query("SELECT _unit FROM read_parquet('"+s.Mounts[0].Population+"')"), gone)
		vault, done, err := w.vaults.Vault(ctx, s)
		w.must(err)
		ask := func(sql string) [][]string {
			r, err := vault.Query(ctx, sql)
			return w.rows(r, err)
		}
		for _, t := range s.Mounts[0].Tables {
			nobody(t.Name+" of "+id, ask("SELECT DISTINCT _unit FROM "+t.Name), gone)
		}
		for _, t := range ask("SELECT table_name FROM duckdb_tables() WHERE database_name = 'scratch'") {
			nobody("the own table "+t[0]+" of "+id, ask("SELECT DISTINCT _unit FROM scratch.main."+t[0]), gone)
			for _, row := range ask("SELECT x::VARCHAR FROM scratch.main." + t[0] + " x") {
				w.innocent(t[0], []byte(row[0]))
			}
		}
		done()
		p, err := w.keys.ProjectPseudonyms(id, s.Mounts[0].Version.Family, 1)
		w.must(err)
		var names [][]byte
		for u := range gone {
			name, err := p.Pseudonym(u)
			w.must(err)
			names = append(names, []byte(name))
		}
		w.files(filepath.Join(w.dir, "workspaces", id), func(path string, b []byte) {
			for _, name := range names {
				if bytes.Contains(b, name) {
					w.Fatalf("the pseudonym of somebody who left is in %s", path)
				}
			}
		})
	}
	w.files(w.dir, w.innocent)
}

func (w *history) mkdir(name string) string {
	dir, err := os.MkdirTemp(filepath.Dir(w.dir), name)
	w.must(err)
	return dir
}

// innocent makes sure that nothing names anybody.
func (w *history) innocent(where string, b []byte) {
	for _, n := range w.pool {
		for _, secret := range []string{n, n[:9], w.given(n), w.postcode(n), w.born(n)} {
			if bytes.Contains(b, []byte(secret)) {
				w.Fatalf("%q stands in %s", secret, where)
			}
		}
	}
}

// files reads every file below a folder, but for the custodian zone.
func (w *history) files(root string, look func(path string, content []byte)) {
	w.must(filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			if path == filepath.Join(w.dir, "custodian") {
				return filepath.SkipDir
			}
			return err
		}
		if !e.Type().IsRegular() {
			return nil
		}
		b, err := os.ReadFile(path)
		look(path, b)
		return err
	}))
}

// Over generated histories of publications, whole and of changes, lists, withdrawals,
// merges, splits, versions and own tables: nobody who left can be found by any query of
// a version or workspace, nor by a pseudonym in a workspace's files, and nothing that
// names anybody stands outside the custodian zone.
func TestWhoeverLeftIsNowhere(t *testing.T) {
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		if err := checks.Value.Set("2"); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = checks.Value.Set(checks.DefValue) }()
	}
	rapid.Check(t, func(rt *rapid.T) {
		h := newHouse(rt)
		defer h.close()
		w := &history{house: h, rt: rt, sex: map[string]string{}, events: map[string][]string{}, same: map[string]string{}, national: map[string]bool{}, objected: map[string]bool{},
			withdrew: map[string]int{}, published: map[int]int{}, flows: map[string]int{}, withdrawn: map[string]map[string]bool{"": {}, "asthma": {}, "cancer": {}}, left: map[int]map[uint32]bool{}}
		for key := uint32(999_123_450); len(w.pool) < 40; key++ {
			if n := catalog.FormatNHSNumber(key); len(n) == 10 {
				if _, why := catalog.ParseNHSNumber([]byte(n)); why == "" {
					w.pool = append(w.pool, n)
				}
			}
		}
		for _, n := range w.pool[:35] {
			w.sex[n], w.events[n] = "F", []string{"2012-03-04,A1,1"}
		}
		w.publishOf(false, w.people(), nil)
		w.open(studies...)
		for range rapid.IntRange(6, 14).Draw(rt, "steps") {
			w.step()
		}
		w.check()
	})
}
