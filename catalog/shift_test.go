package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
)

// shifted moves dates by up to 30 days, and keeps the days of deaths.
func shifted(t testing.TB, replace ...string) *catalog.Definition {
	d := smallWith(t, append([]string{"custodian: Tests\n", "custodian: Tests\nshift_dates: {days: 30}\n",
		"treatment: month, as: death_month, class: dimension}", "treatment: keep, as: death, class: date, grain: month}",
		"treatment: year, as: birth_year, class: dimension}", "treatment: month, as: birth, class: date, grain: month}"}, replace...)...)
	d.RejectFloor = 100
	return d
}

func (h *house) publishShifted(d *catalog.Definition, shifts catalog.OpenShifts, changes bool) (catalog.Version, error) {
	o := h.options(d)
	o.Shifts, o.Changes = shifts, changes
	return catalog.Publish(h.t.Context(), o)
}

// moves gives by how many days the first event of each person moved, by the value that
// names the person in these extracts.
func (h *house) moves(v catalog.Version) map[string]int {
	h.t.Helper()
	out := map[string]int{}
	for _, row := range h.query("SELECT value::INTEGER, date_diff('day', DATE '2001-06-15' + value::INTEGER, min(date)) FROM (" + v.RowsSQL(versionTable(h.t, v, "events"), "*") + ") GROUP BY 1") {
		var n int
		fmt.Sscan(row[1], &n)
		out[row[0]] = n
	}
	return out
}

func versionTable(t testing.TB, v catalog.Version, name string) catalog.Table {
	for _, tb := range v.Tables {
		if tb.Name == name {
			return tb
		}
	}
	t.Fatalf("%s has no table %s", v.Name(), name)
	return catalog.Table{}
}

// All dates of a person move by the same days: births, deaths, and events of every
// table, in every version, of an extract of changes too, and after a merge those of
// the unit that was kept. Intervals stay; people differ.
func TestDatesOfAPersonMoveTogether(t *testing.T) {
	h := smallHouse(t)
	store, err := keys.Create(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	people := manyPeople(40)
	patients, allowed, events, care := patientsHeader, "", eventsHeader, careHeader
	// Each person's dates are so many days later as the person's value says: one day that
	// most had would tell how dates moved.
	on := func(day string, i int) string {
		d, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		return d.AddDate(0, 0, i).Format(time.DateOnly)
	}
	for i, number := range people {
		patients += fmt.Sprintf("%s,P,Q%d,%s,AA1 1AA,F,%s\n", number, i, on("1950-03-15", i), on("2010-06-15", i))
		allowed += number + ",\n"
		events += fmt.Sprintf("%s,%s,c1,%d\n%s,%s,c2,%d\n", number, on("2001-06-15", i), i, number, on("2002-06-15", i), i)
		care += fmt.Sprintf("k,%s,,,,,%s,%s\n", number, on("2001-06-20", i), on("2001-07-20", i))
	}
	h.write("patients.csv", patients)
	h.write("national.dat", allowed)
	h.write("events.csv", events)
	h.write("care.csv", care)
	v, err := h.publishShifted(shifted(t), store.DateShifts, false)
	if err != nil {
		t.Fatal(err)
	}
	first := h.moves(v)
	different := map[int]bool{}
	for _, n := range first {
		if n < -30 || n > 30 {
			t.Errorf("moved by %d days", n)
		}
		different[n] = true
	}
	if len(first) != 40 || len(different) < 15 || v.ShiftedDays != 30 {
		t.Errorf("%d people move by %d numbers of days; the manifest says %d", len(first), len(different), v.ShiftedDays)
	}
	// Everything else of the person moved by the same.
	wantRows(t, h.query(fmt.Sprintf(`SELECT count(*), count(*) FILTER (WHERE death - e.first = DATE '2010-06-15' - DATE '2001-06-15' AND e.last - e.first = 365
		AND c.started - e.first = 5 AND c.ended - c.started = 30 AND c.days = 30 AND birth = date_trunc('month', DATE '1950-03-15' + (e.first - DATE '2001-06-15')::INTEGER))
		FROM %s JOIN (SELECT _unit, min(date) AS first, max(date) AS last FROM %s GROUP BY 1) e USING (_unit) JOIN %s c USING (_unit)`,
		table(v, "patients"), table(v, "events"), table(v, "care"))), "40|40")

	same := func(what string, v catalog.Version, err error, but ...string) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v (%v)", what, err, errors.Unwrap(err))
		}
		for who, n := range h.moves(v) {
			if n != first[who] && !strings.Contains(strings.Join(but, ","), who) {
				t.Errorf("%s: %s moved by %d days, and by %d now", what, who, first[who], n)
			}
		}
	}
	v, err = h.publishShifted(shifted(t), store.DateShifts, false)
	same("again", v, err)
	h.write("patients.csv", patientsHeader+people[3]+",P,Q3,1950-03-18,AA1 1AA,F,2010-06-18\n")
	h.write("events.csv", eventsHeader+people[3]+",2001-06-18,c1,3\n")
	h.write("care.csv", careHeader)
	v, err = h.publishShifted(shifted(t), store.DateShifts, true)
	same("changes", v, err)
	h.write("patients.csv", patients)
	h.write("events.csv", events)
	h.write("care.csv", care)
	h.mustMerge(catalog.Merge{Kept: people[1], Superseded: people[0]})
	v, err = h.publishShifted(shifted(t), store.DateShifts, false)
	if err != nil {
		t.Fatal(err)
	}
	if now := h.moves(v); now["0"] != first["1"] || now["1"] != first["1"] {
		t.Errorf("the merged person's dates moved by %d and %d days, want %d", now["0"], now["1"], first["1"])
	}

	// Another number of days, no keys, and a lost key: nothing is published.
	_, err = h.publishShifted(shifted(t, "shift_dates: {days: 30}", "shift_dates: {days: 20}"), store.DateShifts, false)
	wantCode(t, err, gatehouse.CodeShift)
	_, err = h.publishShifted(shifted(t), nil, false)
	wantCode(t, err, gatehouse.CodeShift)
	_, err = h.publishShifted(shifted(t, "shift_dates: {days: 30}\n", ""), store.DateShifts, false) // nor as they are
	wantCode(t, err, gatehouse.CodeShift)
	other := shifted(t) // nor about people of another index, whose numbers are other people's
	other.Index = "elsewhere"
	_, err = h.publishShifted(other, store.DateShifts, false)
	wantCode(t, err, gatehouse.CodeDefinition)
	lost := func(ctx context.Context, family string, most int) (catalog.DateShifts, error) {
		return nil, gatehouse.Errorf(gatehouse.CodeKeys, "lost")
	}
	_, err = h.publishShifted(shifted(t), lost, false)
	wantCode(t, err, gatehouse.CodeKeys)
}

// Two datasets about the same people whose dates move otherwise tell, to whoever has
// both, by how many days they move: the second is not published.
func TestDatasetsOfOneIndexMoveDatesAlike(t *testing.T) {
	h := smallHouse(t)
	store, err := keys.Create(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	named := func(dataset string, replace ...string) *catalog.Definition {
		d := shifted(t, replace...)
		d.Dataset, d.Index = dataset, "people"
		return d
	}
	const thirty = "shift_dates: {days: 30}\n"
	if _, err := h.publishShifted(named("first"), store.DateShifts, false); err != nil {
		t.Fatal(err)
	}
	_, err = h.publishShifted(named("second", thirty, "shift_dates: {days: 20}\n"), store.DateShifts, false)
	wantCode(t, err, gatehouse.CodeShift, "first@1")
	_, err = h.publishShifted(named("second", thirty, ""), store.DateShifts, false)
	wantCode(t, err, gatehouse.CodeShift, "first@1")
	alone := named("second", thirty, "shift_dates: {days: 20}\n") // about others
	alone.Index = "others"
	if _, err := h.publishShifted(alone, store.DateShifts, false); err != nil {
		t.Error(err)
	}
	if _, err := h.publishShifted(named("third"), store.DateShifts, false); err != nil {
		t.Error(err)
	}
	// True dates that were published first are as good to subtract.
	still := named("fourth", thirty, "")
	still.Index = "elsewhere"
	if _, err := h.publishShifted(still, store.DateShifts, false); err != nil {
		t.Fatal(err)
	}
	moving := named("fifth")
	moving.Index = "elsewhere"
	_, err = h.publishShifted(moving, store.DateShifts, false)
	wantCode(t, err, gatehouse.CodeShift, "fourth@1")
}

// One day that many dates of a column are tells by how many days they moved: of most it
// is refused, of many the manifest says so.
func TestADayThatManyDatesAreIsNotHiddenByMovingIt(t *testing.T) {
	h := smallHouse(t)
	store, err := keys.Create(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	people := manyPeople(40)
	publish := func(alike int) (catalog.Version, error) {
		patients, allowed, care := patientsHeader, "", careHeader
		for i, number := range people {
			patients += fmt.Sprintf("%s,P,Q%d,19%02d-03-15,AA1 1AA,F,\n", number, i, 10+i)
			allowed += number + ",\n"
			day := "2001-06-15"
			if i >= alike {
				day = fmt.Sprintf("2001-%02d-%02d", 1+i%12, 1+i%28)
			}
			care += fmt.Sprintf("k,%s,,,,,%s,\n", number, day)
		}
		h.write("patients.csv", patients)
		h.write("national.dat", allowed)
		h.write("events.csv", eventsHeader+people[0]+",2001-06-15,c1,1\n")
		h.write("care.csv", care)
		h.now = h.now.Add(time.Minute)
		return h.publishShifted(shifted(t), store.DateShifts, false)
	}
	v, err := publish(1)
	if err != nil || len(v.CommonDates) != 0 {
		t.Errorf("%v, %v", v.CommonDates, err)
	}
	v, err = publish(18)
	if err != nil || fmt.Sprint(v.CommonDates) != "[care.started]" {
		t.Errorf("%v, %v", v.CommonDates, err)
	}
	_, err = publish(30)
	wantCode(t, err, gatehouse.CodeShift, "care.started")
}

// People who are known by a hospital's number alone have a shift, too, and keep it.
func TestDatesOfLinkedRowsMoveWithTheirPerson(t *testing.T) {
	h := hospitalHouse(t)
	store, err := keys.Create(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	h.write("care.csv", careHeader+"h20,,,,,,2010-01-01,2010-02-01\nh1,,,,,,2010-01-01,2010-02-01\n,"+nhsA+",,,,,2010-01-01,2010-03-01\n")
	d := func() *catalog.Definition {
		return linkedDefinition(t, append(ownUnits(), "custodian: Tests\n", "custodian: Tests\nshift_dates: {days: 300}\n")...)
	}
	read := func() [][]string {
		h.now = h.now.Add(time.Minute)
		v, err := h.publishShifted(d(), store.DateShifts, false)
		if err != nil {
			t.Fatal(err)
		}
		wantRows(t, h.query("SELECT count(DISTINCT started), count(*) FROM "+table(v, "care")), "2|3")
		return h.query("SELECT started::VARCHAR, days FROM " + table(v, "care") + " ORDER BY 1, 2")
	}
	if a, b := read(), read(); fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("%v became %v", a, b)
	}
}

// A column of one study is another's only in name: see workspaces.
func TestStudyColumnsAreNamedInTheManifest(t *testing.T) {
	h := smallHouse(t)
	v := h.mustPublish(smallWith(t, "{name: sex, values: [F, M], treatment: keep, class: dimension}", "{name: sex, values: [F, M], treatment: keep, class: dimension, study: asthma}"))
	for project, want := range map[string]bool{"asthma": true, "stroke": false, "": false} {
		has := false
		for _, c := range versionTable(t, v, "patients").ColumnsOf(project) {
			has = has || c.Name == "sex"
		}
		if has != want {
			t.Errorf("%q has the column: %v", project, has)
		}
	}
	for _, replace := range [][]string{
		{"{name: sex, values: [F, M], treatment: keep, class: dimension}", "{name: sex, values: [F, M], treatment: drop, study: asthma}"},
		{"- {name: term, treatment: keep}", "- {name: term, treatment: keep, study: asthma}"},
		{"{name: sex, values: [F, M], treatment: keep, class: dimension}", "{name: sex, values: [F, M], treatment: keep, class: dimension, study: ../x}"},
		{"custodian: Tests\n", "custodian: Tests\nshift_dates: {days: 366}\n"},
		{"custodian: Tests\n", "custodian: Tests\nshift_dates: {days: 0}\n"},
	} {
		text, err := os.ReadFile(filepath.Join("testdata", "small.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = catalog.ParseDefinition("small.yaml", []byte(strings.ReplaceAll(string(text), replace[0], replace[1])))
		wantCode(t, err, gatehouse.CodeDefinition)
	}
}
