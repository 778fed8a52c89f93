package catalog_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

func (h *house) indexOptions() catalog.IndexOptions {
	return catalog.IndexOptions{Dir: h.dir, Family: "small", Kind: catalog.IdentifierNHSNumber, Principal: gatehouse.Principal{User: "olive"}, Authorizer: h.policy,
		Record: func(context.Context, gatehouse.Event, []catalog.Carried) error { return nil }}
}

// unitOf gives the units that stand for a number.
func (h *house) unitsOf(v catalog.Version, number string) []uint32 {
	h.t.Helper()
	who, err := catalog.FindUnits(h.t.Context(), h.dir, v, strings.NewReader(number+"\n"))
	if err != nil {
		h.t.Fatal(err)
	}
	return who.Units
}

func (h *house) mustMerge(merges ...catalog.Merge) {
	h.t.Helper()
	if err := catalog.MergePeople(h.t.Context(), h.indexOptions(), merges); err != nil {
		h.t.Fatal(err)
	}
}

// Two numbers that were merged are one person of the next version: under the unit of
// the number that was kept, with the rows of both. The version of before stands as it
// was, and a withdrawal by either number reaches both units of it.
func TestMergedNumbersAreOnePersonFromThenOn(t *testing.T) {
	h := smallHouse(t)
	first := h.mustPublish(small(t))
	a, b := h.unitsOf(first, nhsA), h.unitsOf(first, nhsB)
	if len(a) != 1 || len(b) != 1 || a[0] == b[0] {
		t.Fatalf("units %v and %v", a, b)
	}
	h.mustMerge(catalog.Merge{Kept: nhsB, Superseded: nhsA})
	second := h.mustPublish(small(t))
	mustBalance(t, second)
	if second.Units != 2 || account(t, second, "patients").Rejected["superseded_number"] != 1 {
		t.Errorf("%d people, %+v", second.Units, account(t, second, "patients"))
	}
	// Ada's two events and Bea's one.
	wantRows(t, h.query(fmt.Sprintf("SELECT count(*) FROM %s WHERE _unit = %d", table(second, "events"), b[0])), "3")
	wantRows(t, h.query(fmt.Sprintf("SELECT count(*) FROM %s WHERE _unit = %d", table(second, "events"), a[0])), "0")
	wantRows(t, h.query(fmt.Sprintf("SELECT birth_year FROM %s WHERE _unit = %d", table(second, "patients"), b[0])), "1960")
	wantRows(t, h.query(fmt.Sprintf("SELECT count(*) FROM %s WHERE _unit = %d", table(first, "events"), a[0])), "2")
	both := []uint32{a[0], b[0]}
	slices.Sort(both)
	for _, number := range []string{nhsA, nhsB} {
		if got := h.unitsOf(second, number); !slices.Equal(got, both) {
			t.Errorf("%s is found as %v, want %v", number, got, both)
		}
	}
	// The kept number alone in the people table: rows under the other are hers.
	h.write("patients.csv", patientsHeader+nhsB+",Bea,Bell,1960-12-31,BB1 1BB,F,\n"+nhsC+",Cy,Cole,2000-02-29,CC1 1CC,M,\n")
	third := h.mustPublish(small(t))
	wantRows(t, h.query(fmt.Sprintf("SELECT count(*) FROM %s WHERE _unit = %d", table(third, "events"), b[0])), "3")
	// The superseded number alone: the same person.
	h.write("patients.csv", patientsHeader+nhsA+",Ada,Abel,1950-03-14,AA1 1AA,F,2020-05-17\n"+nhsC+",Cy,Cole,2000-02-29,CC1 1CC,M,\n")
	fourth := h.mustPublish(small(t))
	wantRows(t, h.query(fmt.Sprintf("SELECT birth_year FROM %s WHERE _unit = %d", table(fourth, "patients"), b[0])), "1950")
}

// An opt-out by any number of a person takes the person out, also by one that no
// extract holds any more.
func TestAnOptOutByAnyNumberOfAPerson(t *testing.T) {
	for name, change := range map[string]func(h *house){
		"denied by the kept number":         func(h *house) { h.write("type1.csv", "nhs_number,code\n"+nhsB+",9Nu0\n") },
		"denied by the superseded number":   func(h *house) { h.write("type1.csv", "nhs_number,code\n"+nhsA+",9Nu0\n") },
		"not allowed by the superseded one": func(h *house) { h.write("national.dat", nhsB+",\n"+nhsC+",\n") },
		"not allowed by the kept one":       func(h *house) { h.write("national.dat", nhsA+",\n"+nhsC+",\n") },
		"denied by one that no row bears now": func(h *house) {
			h.write("type1.csv", "nhs_number,code\n"+nhsA+",9Nu0\n")
			h.write("patients.csv", patientsHeader+nhsB+",Bea,Bell,1960-12-31,BB1 1BB,F,\n"+nhsC+",Cy,Cole,2000-02-29,CC1 1CC,M,\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := smallHouse(t)
			first := h.mustPublish(small(t))
			units := append(h.unitsOf(first, nhsA), h.unitsOf(first, nhsB)...)
			h.mustMerge(catalog.Merge{Kept: nhsB, Superseded: nhsA})
			change(h)
			v := h.mustPublish(small(t))
			if v.Units != 1 {
				t.Errorf("%d people", v.Units)
			}
			for _, file := range []string{"patients", "events", "care", "units"} {
				wantRows(t, h.query(fmt.Sprintf("SELECT count(*) FROM %s WHERE _unit IN (%d, %d)", table(v, file), units[0], units[1])), "0")
			}
		})
	}
	// A number that was sent to no check, since no extract holds it, is on no allow-list.
	h := smallHouse(t)
	h.mustPublish(small(t))
	h.mustMerge(catalog.Merge{Kept: nhsB, Superseded: nhsA})
	h.write("national.dat", nhsB+",\n"+nhsC+",\n")
	h.write("patients.csv", patientsHeader+nhsB+",Bea,Bell,1960-12-31,BB1 1BB,F,\n"+nhsC+",Cy,Cole,2000-02-29,CC1 1CC,M,\n")
	if v := h.mustPublish(small(t)); v.Units != 2 {
		t.Errorf("%d people", v.Units)
	}
}

// A split gives the other person a unit that nobody had; the shared unit of before is
// found by both numbers, the new one by the other's alone. A merge that was wrong is
// undone by a split, and does not bring the old unit back.
func TestASplitGivesANewUnit(t *testing.T) {
	h := smallHouse(t)
	first := h.mustPublish(small(t))
	a, b := h.unitsOf(first, nhsA)[0], h.unitsOf(first, nhsB)[0]
	h.mustMerge(catalog.Merge{Kept: nhsB, Superseded: nhsA})
	if err := catalog.SplitPeople(t.Context(), h.indexOptions(), []catalog.Split{{Of: nhsB, Separate: []string{nhsA}}}); err != nil {
		t.Fatal(err)
	}
	v := h.mustPublish(small(t))
	if v.Units != 3 {
		t.Errorf("%d people", v.Units)
	}
	got := h.unitsOf(v, nhsA)
	slices.Sort(got)
	want := []uint32{a, b, 3}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s is found as %v, want %v", nhsA, got, want)
	}
	if got := h.unitsOf(v, nhsB); !slices.Equal(got, []uint32{b}) {
		t.Errorf("%s is found as %v, want %v", nhsB, got, b)
	}
	wantRows(t, h.query(fmt.Sprintf("SELECT count(*) FROM %s WHERE _unit = 3", table(v, "events"))), "2")
	names, err := catalog.Identifiers(t.Context(), h.dir, "small", []uint32{3, b})
	if err != nil || !slices.Equal(names[3], []string{nhsA}) || len(names[b]) != 2 {
		t.Errorf("%v, %v", names, err)
	}
	if units, segments, err := catalog.CheckIndex(t.Context(), h.dir, "small"); err != nil || units != 4 || segments != 3 {
		t.Errorf("%d units in %d segments, %v", units, segments, err)
	}
}

func TestChangesOfTheIndexThatAreRefused(t *testing.T) {
	h := smallHouse(t)
	h.mustPublish(small(t))
	ctx, o := t.Context(), h.indexOptions()
	for what, err := range map[string]error{
		"nobody known":   catalog.MergePeople(ctx, o, []catalog.Merge{{Kept: nhsA, Superseded: nhsG}}),
		"one person":     catalog.MergePeople(ctx, o, []catalog.Merge{{Kept: nhsA, Superseded: nhsA}}),
		"the second bad": catalog.MergePeople(ctx, o, []catalog.Merge{{Kept: nhsA, Superseded: nhsB}, {Kept: nhsA, Superseded: nhsB}}),
		"not together":   catalog.SplitPeople(ctx, o, []catalog.Split{{Of: nhsA, Separate: []string{nhsB}}}),
		"from herself":   catalog.SplitPeople(ctx, o, []catalog.Split{{Of: nhsA, Separate: []string{nhsA}}}),
		"nobody":         catalog.MergePeople(ctx, o, nil),
	} {
		if gatehouse.CodeOf(err) != gatehouse.CodeIndexChange {
			t.Errorf("%s: %v", what, err)
		}
		if err != nil && (strings.Contains(err.Error(), nhsA) || strings.Contains(err.Error(), nhsB)) {
			t.Errorf("%s: the message names a person", what)
		}
	}
	o.Principal.User = "ada"
	wantCode(t, catalog.MergePeople(ctx, o, []catalog.Merge{{Kept: nhsA, Superseded: nhsB}}), gatehouse.CodeDenied)
	o = h.indexOptions()
	o.Record = func(context.Context, gatehouse.Event, []catalog.Carried) error {
		return gatehouse.Errorf(gatehouse.CodeJournal, "The journal cannot be written.")
	}
	wantCode(t, catalog.MergePeople(ctx, o, []catalog.Merge{{Kept: nhsA, Superseded: nhsB}}), gatehouse.CodeJournal)
	if _, segments, err := catalog.CheckIndex(ctx, h.dir, "small"); err != nil || segments != 1 {
		t.Errorf("%d segments, %v", segments, err)
	}
}

// Whatever is done to the files of an index, short of making its chain anew, is
// noticed before anything is published with it.
func TestADamagedIndexPublishesNothing(t *testing.T) {
	h := smallHouse(t)
	h.mustPublish(small(t))
	h.mustMerge(catalog.Merge{Kept: nhsB, Superseded: nhsA})
	dir := filepath.Join(h.dir, "custodian", "index", "small")
	segments, _ := filepath.Glob(filepath.Join(dir, "*.arrow"))
	if len(segments) != 2 {
		t.Fatalf("segments: %v", segments)
	}
	kept := t.TempDir()
	if err := os.CopyFS(kept, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	flip := func(path string, at int) error {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		content[at] ^= 1
		return os.WriteFile(path, content, 0o600)
	}
	for name, spoil := range map[string]func() error{
		"first segment gone":  func() error { return os.Remove(segments[0]) },
		"last segment gone":   func() error { return os.Remove(segments[1]) },
		"all segments gone":   func() error { os.Remove(segments[0]); return os.Remove(segments[1]) },
		"head gone":           func() error { return os.Remove(filepath.Join(dir, "head")) },
		"head of another":     func() error { return flip(filepath.Join(dir, "head"), 30) },
		"first segment cut":   func() error { return os.Truncate(segments[0], 100) },
		"last segment cut":    func() error { return os.Truncate(segments[1], 100) },
		"a byte of the first": func() error { return flip(segments[0], 400) },
		"a byte of the last":  func() error { return flip(segments[1], 400) },
		"renamed":             func() error { return os.Rename(segments[1], filepath.Join(dir, "0000000004-000001.arrow")) },
	} {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(dir, os.DirFS(kept)); err != nil {
			t.Fatal(err)
		}
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		_, err := h.publish(small(t))
		if gatehouse.CodeOf(err) != gatehouse.CodeManifest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A crash between a segment and its head leaves an index that is whole.
func TestAHeadMayBeOneBehind(t *testing.T) {
	h := smallHouse(t)
	h.mustPublish(small(t))
	head := filepath.Join(h.dir, "custodian", "index", "small", "head")
	before, err := os.ReadFile(head)
	if err != nil {
		t.Fatal(err)
	}
	h.mustMerge(catalog.Merge{Kept: nhsB, Superseded: nhsA})
	if err := os.WriteFile(head, before, 0o600); err != nil {
		t.Fatal(err)
	}
	if v := h.mustPublish(small(t)); v.Units != 2 {
		t.Errorf("%d people", v.Units)
	}
	h.write("patients.csv", patientsHeader+nhsG+",Gil,Gray,1970-01-01,GG1 1GG,M,\n")
	h.write("national.dat", nhsG+",\n")
	h.write("events.csv", eventsHeader+nhsG+",2001-02-03,c1,1.5\n")
	h.write("care.csv", careHeader)
	if v := h.mustPublish(small(t)); v.Units != 1 {
		t.Errorf("%d people", v.Units)
	}
}

func TestListsOfMergesAndSplits(t *testing.T) {
	merges, err := catalog.ReadMerges(strings.NewReader("\ufeff# kept, superseded\n" + nhsA + ", " + nhsB + "\r\n\n"))
	if err != nil || len(merges) != 1 || merges[0] != (catalog.Merge{Kept: nhsA, Superseded: nhsB}) {
		t.Errorf("%v, %v", merges, err)
	}
	for _, bad := range []string{nhsA + "\n", nhsA + ",\n", nhsA + "," + nhsB + "," + nhsC + "\n"} {
		if _, err := catalog.ReadMerges(strings.NewReader(bad)); err == nil || strings.Contains(err.Error(), nhsA) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	splits, err := catalog.ReadSplits(strings.NewReader(nhsA + "," + nhsB + ",RXX/1\n"))
	if err != nil || len(splits) != 1 || splits[0].Of != nhsA || !slices.Equal(splits[0].Separate, []string{nhsB, "RXX/1"}) {
		t.Errorf("%v, %v", splits, err)
	}
}

// A change tells under which units who has withdrawn is withdrawn from then on: all
// that ever stood for either person of a merge, and the new one of a split.
func TestAChangeCarriesWithdrawals(t *testing.T) {
	h := smallHouse(t)
	v := h.mustPublish(small(t))
	a, b, c := h.unitsOf(v, nhsA)[0], h.unitsOf(v, nhsB)[0], h.unitsOf(v, nhsC)[0]
	var told []catalog.Carried
	o := h.indexOptions()
	o.Record = func(_ context.Context, _ gatehouse.Event, carried []catalog.Carried) error {
		told = carried
		return nil
	}
	want := func(from, to []uint32) {
		t.Helper()
		slices.Sort(from)
		slices.Sort(to)
		if len(told) != 1 {
			t.Fatalf("carried: %v", told)
		}
		got := catalog.Carried{From: slices.Compact(slices.Sorted(slices.Values(told[0].From))), To: slices.Compact(slices.Sorted(slices.Values(told[0].To)))}
		if !slices.Equal(got.From, from) || !slices.Equal(got.To, to) {
			t.Errorf("carried: %v, want %v to %v", got, from, to)
		}
	}
	ctx := t.Context()
	if err := catalog.MergePeople(ctx, o, []catalog.Merge{{Kept: nhsB, Superseded: nhsA}}); err != nil {
		t.Fatal(err)
	}
	want([]uint32{a, b}, []uint32{a, b})
	if err := catalog.MergePeople(ctx, o, []catalog.Merge{{Kept: nhsC, Superseded: nhsB}}); err != nil {
		t.Fatal(err)
	}
	want([]uint32{a, b, c}, []uint32{a, b, c}) // A's first unit too
	if err := catalog.SplitPeople(ctx, o, []catalog.Split{{Of: nhsC, Separate: []string{nhsA}}}); err != nil {
		t.Fatal(err)
	}
	want([]uint32{a, b, c}, []uint32{3})
}

// Of who may be seen, a unit that stood for somebody else too is left out until both
// are on the list; of who withdraws, every unit counts.
func TestASharedUnitNeedsTheConsentOfBoth(t *testing.T) {
	h := smallHouse(t)
	v := h.mustPublish(small(t))
	a, b := h.unitsOf(v, nhsA)[0], h.unitsOf(v, nhsB)[0]
	consent := func(numbers ...string) []uint32 {
		t.Helper()
		who, err := catalog.FindConsenting(t.Context(), h.dir, v, strings.NewReader(strings.Join(numbers, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		return who.Units
	}
	sorted := func(units ...uint32) []uint32 { slices.Sort(units); return units }
	if got := consent(nhsA); !slices.Equal(got, []uint32{a}) {
		t.Errorf("one person: %v", got)
	}
	h.mustMerge(catalog.Merge{Kept: nhsB, Superseded: nhsA})
	if got := consent(nhsA); !slices.Equal(got, sorted(a, b)) {
		t.Errorf("both numbers are one person's: %v", got)
	}
	if err := catalog.SplitPeople(t.Context(), h.indexOptions(), []catalog.Split{{Of: nhsB, Separate: []string{nhsA}}}); err != nil {
		t.Fatal(err)
	}
	// A has now the unit 3; a was A's alone, b both's.
	if got := consent(nhsA); !slices.Equal(got, sorted(a, 3)) {
		t.Errorf("without the other: %v", got)
	}
	if got := consent(nhsB); len(got) != 0 {
		t.Errorf("without the other: %v", got)
	}
	if got := consent(nhsA, nhsB); !slices.Equal(got, sorted(a, b, 3)) {
		t.Errorf("of both: %v", got)
	}
}
