package catalog_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// changed publishes the extracts as they stand, as changes.
func (h *house) changed(d *catalog.Definition) (catalog.Version, error) {
	o := h.options(d)
	o.Changes = true
	return catalog.Publish(h.t.Context(), o)
}

func (h *house) mustChange(d *catalog.Definition) catalog.Version {
	h.t.Helper()
	v, err := h.changed(d)
	if err != nil {
		h.t.Fatalf("changes: %v (%s)", err, causeOf(errUnwrap(err)))
	}
	mustBalance(h.t, v)
	return v
}

func receipt(t testing.TB, v catalog.Version, list string) catalog.Receipt {
	t.Helper()
	for _, r := range v.Receipts {
		if r.List == list {
			return r
		}
	}
	t.Fatalf("%s has no receipt of %s", v.Name(), list)
	return catalog.Receipt{}
}

// mergedHouse has published a version of three people, of whom A also had the number D.
func mergedHouse(t *testing.T, d *catalog.Definition) *house {
	h := smallHouse(t)
	h.write("national.dat", nhsA+",\n"+nhsB+",\n"+nhsC+",\n"+nhsD+",\n")
	patients, err := os.ReadFile(filepath.Join(h.extracts, "patients.csv"))
	if err != nil {
		t.Fatal(err)
	}
	h.write("patients.csv", string(patients)+nhsD+",Di,Abel,1950-03-14,AA1 1AA,F,2020-05-17\n")
	h.mustPublish(d)
	h.mustMerge(catalog.Merge{Kept: nhsA, Superseded: nhsD})
	v := h.mustPublish(d)
	if v.Units != 3 {
		t.Fatalf("%d people", v.Units)
	}
	if r := receipt(t, v, "national"); r.In != 3 || r.Affected != 0 {
		t.Errorf("a person with two numbers is counted twice: %+v", r)
	}
	return h
}

// only leaves one person's row in the extract: everything else is unchanged.
func (h *house) only(person string) {
	h.write("patients.csv", patientsHeader+person)
	h.write("events.csv", eventsHeader)
	h.write("care.csv", careHeader)
}

const beaOlder = nhsB + ",Bea,Bell,1960-12-31,BB1 1BB,M,\n"

// A person is one, under however many numbers: an allow-list is asked for the number
// that was kept, a deny-list for all, and each counts the person once.
func TestChangesKnowAPersonBySeveralNumbers(t *testing.T) {
	t.Run("the superseded number is not on the allow-list", func(t *testing.T) {
		h := mergedHouse(t, small(t))
		h.only(beaOlder)
		h.write("national.dat", nhsA+",\n"+nhsB+",\n"+nhsC+",\n")
		v := h.mustChange(small(t))
		if r := receipt(t, v, "national"); v.Units != 3 || r.In != 3 || r.Affected != 0 {
			t.Errorf("%d people, %+v", v.Units, r)
		}
	})
	t.Run("the kept number is not on the allow-list", func(t *testing.T) {
		h := mergedHouse(t, small(t))
		h.only(beaOlder)
		h.write("national.dat", nhsD+",\n"+nhsB+",\n"+nhsC+",\n")
		v := h.mustChange(small(t))
		if r := receipt(t, v, "national"); v.Units != 2 || r.In != 3 || r.Affected != 1 {
			t.Errorf("%d people, %+v", v.Units, r)
		}
	})
	t.Run("both numbers are on the deny-list", func(t *testing.T) {
		h := mergedHouse(t, small(t))
		h.only(beaOlder)
		h.write("type1.csv", "nhs_number,code\n"+nhsA+",9Nu0\n"+nhsD+",9Nu0\n")
		v := h.mustChange(small(t))
		if r := receipt(t, v, "type1"); v.Units != 2 || r.In != 3 || r.Affected != 1 {
			t.Errorf("%d people, %+v", v.Units, r)
		}
	})
	t.Run("whom the extract names and who opted out is counted once", func(t *testing.T) {
		h := mergedHouse(t, small(t))
		h.only(beaOlder)
		h.write("type1.csv", "nhs_number,code\n"+nhsB+",9Nu0\n")
		v := h.mustChange(small(t))
		if r := receipt(t, v, "type1"); v.Units != 2 || r.In != 3 || r.Affected != 1 {
			t.Errorf("%d people, %+v", v.Units, r)
		}
	})
}

// A dissent without a number is that of the one person of the extract whom it fits;
// other rows without a number are not linked.
func TestChangesReadDissentWithoutANumber(t *testing.T) {
	d := smallWith(t, type1File, "{list: type1, coded: {table: care, code: client, date: started, withdrawn: [9Nu1]}, max_age: 720h}")
	d.RejectFloor = 100
	h := smallHouse(t)
	h.mustPublish(d)
	cy := "Cy,Cole,2000-02-29,CC1 1CC"
	h.write("patients.csv", patientsHeader+nhsC+","+cy+",M,\n")
	h.write("events.csv", eventsHeader)
	h.write("care.csv", careHeader+"9Nu0,,"+cy+",2011-01-01,\nk2,,"+cy+",2011-01-01,\n")
	v := h.mustChange(d)
	if r := receipt(t, v, "type1"); v.Units != 2 || r.Entries != 1 || r.Affected != 1 || r.Nobody != 0 {
		t.Errorf("%d people, %+v", v.Units, r)
	}
	if a := account(t, v, "care"); a.Rejected["unlinked"] != 2 {
		t.Errorf("%+v", a)
	}

	// Whom a dissent fits may be outside the extract: nothing is published.
	h.only(beaOlder)
	h.write("care.csv", careHeader+"9Nu0,,"+cy+",2011-01-01,\n")
	_, err := h.changed(d)
	wantCode(t, err, gatehouse.CodeChanges, "type1")
	// What ends a dissent is no reason to stop.
	h.write("care.csv", careHeader+"9Nu1,,"+cy+",2011-01-01,\n")
	if r := receipt(t, h.mustChange(d), "type1"); r.Nobody != 1 {
		t.Errorf("%+v", r)
	}
}

func TestChangesRefuseWhoeverIsBothThereAndDeleted(t *testing.T) {
	h := newHouse(t)
	d := registryDefinition(t)
	r := newRegistry(100)
	r.extract(h, r.some(100), nil)
	h.mustPublish(d)
	both := r.some(2)
	r.extract(h, both[:1], both)
	_, err := h.changed(d)
	wantCode(t, err, gatehouse.CodeChanges, "people.csv line 2", "deleted")
	if strings.Contains(err.Error(), both[0]) {
		t.Error("the message names a person")
	}
	r.extract(h, both[:1], both[1:])
	if v := h.mustChange(d); v.Units != 99 {
		t.Errorf("%d people", v.Units)
	}
}

// The custodian's record says of each list what the manifest says.
func TestReceiptsOfChangesAreThoseOfTheManifest(t *testing.T) {
	h := newHouse(t)
	d := registryDefinition(t)
	r := newRegistry(100)
	r.extract(h, r.some(100), nil)
	h.mustPublish(d)
	people := r.some(3)
	r.change(people[0])
	h.write("objections.csv", "nhs_number\n"+people[1]+"\n")
	r.extract(h, people[:1], people[2:])
	v := h.mustChange(d)
	text, err := os.ReadFile(filepath.Join(h.dir, "custodian", "reports", v.Name(), "opt-outs.json"))
	if err != nil {
		t.Fatal(err)
	}
	var records []struct {
		Receipt catalog.Receipt `json:"receipt"`
	}
	if err := json.Unmarshal(text, &records); err != nil {
		t.Fatal(err)
	}
	var kept []catalog.Receipt
	for _, r := range records {
		kept = append(kept, r.Receipt)
	}
	if !reflect.DeepEqual(kept, v.Receipts) {
		t.Errorf("the report says %+v, the manifest %+v", kept, v.Receipts)
	}
	for _, list := range []string{"objections", "deleted"} {
		if r := receipt(t, v, list); r.Root == "" || r.Entries != 1 || r.Affected != 1 || r.In == 0 {
			t.Errorf("%+v", r)
		}
	}
	if got := receipt(t, v, "objections"); got.In != 100 {
		t.Errorf("the list was applied to %d people of 100", got.In)
	}
}
