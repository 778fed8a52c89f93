package catalog_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// registry is a source system: people by NHS number, with what is known of each.
type registry struct {
	rng    *rand.Rand
	people map[string]registered
	next   uint32
}

type registered struct {
	sex    string
	events []string // date,code,value
}

func newRegistry(people int) *registry {
	r := &registry{rng: rand.New(rand.NewPCG(1, 2)), people: map[string]registered{}, next: 999_000_000}
	for range people {
		r.register()
	}
	return r
}

func (r *registry) register() string {
	for {
		r.next++
		number := catalog.FormatNHSNumber(r.next)
		if _, why := catalog.ParseNHSNumber([]byte(number)); why == "" {
			r.people[number] = registered{sex: "F"}
			r.change(number)
			return number
		}
	}
}

// change gives a person other data.
func (r *registry) change(number string) {
	p := registered{sex: []string{"F", "M"}[r.rng.IntN(2)]}
	for range r.rng.IntN(6) {
		p.events = append(p.events, fmt.Sprintf("2020-%02d-%02d,%s,%d", 1+r.rng.IntN(12), 1+r.rng.IntN(28), []string{"A1", "B2"}[r.rng.IntN(2)], r.rng.IntN(90)))
	}
	r.people[number] = p
}

func (r *registry) some(n int) []string {
	all := slices.Sorted(maps.Keys(r.people))
	r.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(n, len(all))]
}

// extract writes what the source exports about these people.
func (r *registry) extract(h *house, numbers, deleted []string) {
	var people, events strings.Builder
	people.WriteString("nhs_number,sex\n")
	events.WriteString("nhs_number,date,code,value\n")
	for _, n := range numbers {
		fmt.Fprintf(&people, "%s,%s\n", n, r.people[n].sex)
		for _, e := range r.people[n].events {
			fmt.Fprintf(&events, "%s,%s\n", n, e)
		}
	}
	h.write("people.csv", people.String())
	h.write("events.csv", events.String())
	h.write("kinds.csv", "code\nA1\nB2\n")
	h.write("deleted.csv", "nhs_number\n"+strings.Join(deleted, "\n")+"\n")
	if len(deleted) == 0 {
		os.Remove(filepath.Join(h.extracts, "deleted.csv"))
	}
}

const registryText = `
dataset: registry
title: Registry
custodian: Somebody
encoding: utf-8
reject_limit: 0.5
reject_floor: 50
opt_outs:
  - {list: objections, file: objections.csv, kind: deny, header: [nhs_number], column: nhs_number, max_age: 720h, optional: true}
deleted: {list: deleted, file: deleted.csv, header: [nhs_number], column: nhs_number, max_age: 720h}
people: {table: people, identifier: nhs_number, kind: nhs_number}
tables:
  - name: people
    file: people.csv
    columns:
      - {name: nhs_number, treatment: unit}
      - {name: sex, required: true, values: [F, M], treatment: keep, class: dimension}
  - name: events
    file: events.csv
    may_be_empty: true
    columns:
      - {name: nhs_number, treatment: unit}
      - {name: date, type: date, required: true, treatment: keep, class: date, grain: month}
      - {name: code, required: true, in: kinds.code, treatment: keep, class: dimension}
      - {name: value, type: number, treatment: keep, class: measure, grain: "1"}
  - name: kinds
    file: kinds.csv
    public: true
    columns:
      - {name: code, required: true, treatment: keep}
`

func registryDefinition(t testing.TB) *catalog.Definition {
	t.Helper()
	d, err := catalog.ParseDefinition("registry.yaml", []byte(registryText))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// content is what a researcher may see of a table: its rows that count.
func (h *house) content(v catalog.Version, table string) [][]string {
	h.t.Helper()
	for _, t := range v.Tables {
		if t.Name == table {
			return h.query("SELECT * FROM (" + v.RowsSQL(t, "*") + ") ORDER BY ALL")
		}
	}
	h.t.Fatalf("no table %s", table)
	return nil
}

func sameContent(a, b [][]string) bool {
	return slices.EqualFunc(a, b, func(x, y []string) bool { return slices.Equal(x, y) })
}

// Whatever changes: a version made of changes shows exactly the rows that one made
// of a whole extract of the same day shows, with the same units; its accounts and
// counts are right, and every version before it still shows what it showed.
func TestChangesMakeTheVersionThatAWholeExtractMakes(t *testing.T) {
	h, twin := newHouse(t), newHouse(t)
	d := registryDefinition(t)
	r := newRegistry(300)
	r.extract(h, r.some(1000), nil)
	v := h.mustPublish(d)
	shown := map[string][][]string{v.Name(): h.content(v, "events")}
	versions := []catalog.Version{v}
	shared, whole := 0, 0
	out := map[string]bool{}
	for step := range 7 {
		var changed, deleted []string
		for _, n := range r.some(1 + r.rng.IntN(6)) {
			switch r.rng.IntN(3) {
			case 0:
				deleted = append(deleted, n)
				delete(r.people, n)
			default:
				changed = append(changed, n)
				r.change(n)
			}
		}
		if step%3 == 1 {
			changed = append(changed, r.register())
		}
		if step == 2 { // somebody objects, of whom the extract does not tell
			for _, n := range r.some(300) {
				if !slices.Contains(changed, n) {
					out[n] = true
					break
				}
			}
		}
		if step == 4 { // much changes
			for _, n := range r.some(60) {
				r.change(n)
				changed = append(changed, n)
			}
			slices.Sort(changed)
			changed = slices.Compact(changed)
		}
		objections := "nhs_number\n" + strings.Join(slices.Sorted(maps.Keys(out)), "\n") + "\n"
		h.write("objections.csv", objections)
		r.extract(h, changed, deleted)
		o := h.options(d)
		o.Changes = true
		before := versions[len(versions)-1]
		v, err := catalog.Publish(t.Context(), o)
		if err != nil {
			t.Fatalf("step %d: %v (%v)", step, err, causeOf(errUnwrap(err)))
		}
		mustBalance(t, v)
		if v.Before == nil || v.Before.Number != before.Number || !v.Changes {
			t.Fatalf("%s follows %+v", v.Name(), v.Before)
		}
		// The same day's whole extract, in a house that has the same index of people.
		twin.write("objections.csv", objections)
		r.extract(twin, r.some(10_000), nil)
		if err := os.RemoveAll(filepath.Join(twin.dir, "custodian", "index")); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(twin.dir, "custodian"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(filepath.Join(twin.dir, "custodian", "index"), os.DirFS(filepath.Join(h.dir, "custodian", "index"))); err != nil {
			t.Fatal(err)
		}
		want := twin.mustPublish(d)
		for i, table := range v.Tables {
			if got, want := h.content(v, table.Name), twin.content(want, table.Name); !sameContent(got, want) {
				t.Fatalf("step %d: %s of %s shows %d rows, a whole extract %d", step, table.Name, v.Name(), len(got), len(want))
			}
			if table.Rows != want.Tables[i].Rows || table.People != want.Tables[i].People {
				t.Errorf("%s: %d rows of %d people, want %d of %d", table.Name, table.Rows, table.People, want.Tables[i].Rows, want.Tables[i].People)
			}
		}
		if v.Units != want.Units {
			t.Errorf("%d people, want %d", v.Units, want.Units)
		}
		if v.Superseded != nil {
			shared++
			a, errA := os.Stat(filepath.Join(before.Folder, "events.parquet"))
			b, errB := os.Stat(filepath.Join(v.Folder, "events.parquet"))
			if errA != nil || errB != nil || !os.SameFile(a, b) {
				t.Errorf("%s does not share its file with %s", v.Name(), before.Name())
			}
		} else {
			whole++
		}
		shown[v.Name()] = h.content(v, "events")
		versions = append(versions, v)
	}
	catalogue := mustOpen(t, h)
	for _, v := range versions {
		found, err := catalogue.Version(t.Context(), v.Dataset, v.Number)
		if err != nil {
			t.Fatal(err)
		}
		if !sameContent(h.content(found, "events"), shown[v.Name()]) {
			t.Errorf("%s shows something else since others share its files", v.Name())
		}
	}
	if shared < 3 || whole == 0 {
		t.Errorf("%d versions share files, %d are written whole", shared, whole)
	}
	if err := catalog.VerifyChain(h.dir, "registry", h.signer.public(), nil); err != nil {
		t.Error(err)
	}
}

func errUnwrap(err error) error {
	if u, ok := err.(interface{ Unwrap() error }); ok && u.Unwrap() != nil {
		return u.Unwrap()
	}
	return err
}

// Whoever a row of changes names and which is rejected stays as before.
func TestARejectedChangeChangesNothing(t *testing.T) {
	h := newHouse(t)
	d := registryDefinition(t)
	r := newRegistry(100)
	r.extract(h, r.some(100), nil)
	first := h.mustPublish(d)
	number := r.some(1)[0]
	h.write("people.csv", "nhs_number,sex\n"+number+",unknown\n")
	h.write("events.csv", "nhs_number,date,code,value\n"+number+",2021-01-01,A1,7\n")
	o := h.options(d)
	o.Changes = true
	v, err := catalog.Publish(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"people", "events"} {
		if !sameContent(h.content(first, table), h.content(v, table)) {
			t.Errorf("%s has changed", table)
		}
	}
	if got := account(t, v, "events"); got.Rejected["unknown_person"] != 1 || account(t, v, "people").Rejected["value_unknown"] != 1 {
		t.Errorf("accounts: %+v", v.Accounts)
	}
}

func TestChangesAreRefusedWhereTheyCannotBeMade(t *testing.T) {
	h := newHouse(t)
	d := registryDefinition(t)
	r := newRegistry(100)
	r.extract(h, r.some(100), nil)
	o := h.options(d)
	o.Changes = true
	_, err := catalog.Publish(t.Context(), o)
	wantCode(t, err, gatehouse.CodeChanges, "no version")
	v := h.mustPublish(d)
	other := *d
	other.SHA256 = strings.Repeat("0", 64)
	o.Definition = &other
	_, err = catalog.Publish(t.Context(), o)
	wantCode(t, err, gatehouse.CodeChanges, "another definition")

	// Nothing is built on a version that is damaged.
	file := filepath.Join(v.Folder, "events.parquet")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	o.Definition = d
	_, err = catalog.Publish(t.Context(), o)
	wantCode(t, err, gatehouse.CodeManifest, "events.parquet")
	if len(h.store.versions) != 1 {
		t.Errorf("recorded: %v", h.store.versions)
	}
}

// An allow-list that was asked of the changed people alone would take everybody
// else out.
func TestChangesDoNotBelieveAListOfTheChangedAlone(t *testing.T) {
	h := smallHouse(t)
	var patients, allowed strings.Builder
	patients.WriteString(patientsHeader)
	first, people := "", 0
	for key := uint32(999_100_000); people < 150; key++ {
		number := catalog.FormatNHSNumber(key)
		if _, why := catalog.ParseNHSNumber([]byte(number)); why != "" {
			continue
		}
		if people++; first == "" {
			first = number
		}
		fmt.Fprintf(&patients, "%s,P,Q%d,1950-01-01,AA1 1AA,F,\n", number, people)
		allowed.WriteString(number + ",\n")
	}
	h.write("patients.csv", patients.String())
	h.write("events.csv", eventsHeader+first+",2001-02-03,c1,1.5\n")
	h.write("care.csv", careHeader)
	h.write("national.dat", allowed.String())
	v := h.mustPublish(small(t))

	h.write("patients.csv", patientsHeader+first+",P,Q1,1950-01-01,AA1 1AA,M,\n")
	h.write("national.dat", first+",\n")
	o := h.options(small(t))
	o.Changes = true
	_, err := catalog.Publish(t.Context(), o)
	if gatehouse.CodeOf(err) != gatehouse.CodeChanges || !strings.Contains(err.Error(), "more than a tenth") {
		t.Fatalf("of %d people: %v", v.Units, err)
	}
	h.write("national.dat", allowed.String())
	if v, err = catalog.Publish(t.Context(), o); err != nil || v.Units != int64(people) {
		t.Errorf("%d people: %v", v.Units, err)
	}
}
