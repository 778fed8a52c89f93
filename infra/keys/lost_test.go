package keys_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
)

// A key that was made and is lost is never made again: people would have other names,
// their dates would move by other days, signatures would be another's. Nor does
// anybody take files for free of pseudonyms that cannot be recognised any more.
func TestALostKeyIsNotMadeAgain(t *testing.T) {
	k, dir := create(t)
	ctx := t.Context()
	for epoch := 1; epoch <= 2; epoch++ {
		if _, err := k.Pseudonyms(ctx, "asthma", "people", epoch); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := k.DateShifts(ctx, "people", 10); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Pseudonyms(ctx, "asthma-2", "people", 1); err != nil {
		t.Fatal(err)
	}
	lose := func(name string) {
		if err := os.Remove(filepath.Join(dir, name+".keyset")); err != nil {
			t.Fatal(err)
		}
	}
	lose("project-asthma.epoch-2")
	lose("index-people.shift")
	_, err := k.Pseudonyms(ctx, "asthma", "people", 2)
	want(t, err, gatehouse.CodeKeys)
	_, err = k.DateShifts(ctx, "people", 10)
	want(t, err, gatehouse.CodeKeys)
	_, err = k.Reverse(ctx, "asthma", nil)
	want(t, err, gatehouse.CodeKeys)
	_, err = k.Recogniser(ctx, "asthma")
	want(t, err, gatehouse.CodeKeys)
	if left, _ := filepath.Glob(filepath.Join(dir, "*epoch-2.keyset")); len(left) > 0 {
		t.Errorf("made again: %v", left)
	}
	// Others go on: the first epoch, a project with a name that begins alike, a new epoch.
	for _, other := range []struct {
		project string
		epoch   int
	}{{"asthma", 1}, {"asthma-2", 1}, {"asthma", 3}} {
		if _, err := k.Pseudonyms(ctx, other.project, "people", other.epoch); err != nil {
			t.Error(err)
		}
	}
	if _, err := k.Recogniser(ctx, "asthma-2"); err != nil {
		t.Error(err)
	}
	lose("sign-journal")
	_, err = keys.Create(dir)
	want(t, err, gatehouse.CodeKeys)
}

// While a key is lost nothing is decided about its names: once it is restored, people of
// an installation from before the index was part of their names have the same ones.
func TestARestoredKeyGivesTheNamesOfBefore(t *testing.T) {
	k, dir := create(t)
	ctx := t.Context()
	name := func() string {
		t.Helper()
		p, err := k.Pseudonyms(ctx, "asthma", "north", 1)
		if err != nil {
			t.Fatal(err)
		}
		text, err := p.Pseudonym(7)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	older := func() { // as it was left by a version that did not know of forms
		t.Helper()
		for _, pattern := range []string{"project-asthma.form-*", "project-asthma.family-*"} {
			found, _ := filepath.Glob(filepath.Join(dir, pattern))
			for _, path := range found {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	name()
	older()
	before := name()
	older()
	key := filepath.Join(dir, "project-asthma.keyset")
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	_, err := k.Pseudonyms(ctx, "asthma", "north", 1)
	want(t, err, gatehouse.CodeKeys)
	if written, _ := filepath.Glob(filepath.Join(dir, "project-asthma.form-*")); len(written) > 0 {
		t.Errorf("decided without the key: %v", written)
	}
	if err := os.Rename(key+".away", key); err != nil {
		t.Fatal(err)
	}
	if after := name(); after != before {
		t.Errorf("%s became %s", before, after)
	}
}

// A key of before there were markers is marked when it is opened, and then not made again.
func TestAKeyFromBeforeMarkersIsMarked(t *testing.T) {
	k, dir := create(t)
	pseudonyms(t, k, "asthma")
	marker := filepath.Join(dir, "project-asthma.made")
	if err := os.Remove(marker); err != nil {
		t.Fatal(err)
	}
	pseudonyms(t, k, "asthma")
	if _, err := os.Stat(marker); err != nil {
		t.Error(err)
	}
}

// Unit 7 of one index is not unit 7 of another: the index is part of the name.
func TestTheIndexIsPartOfAPseudonym(t *testing.T) {
	k, _ := create(t)
	ctx := t.Context()
	var names []string
	for _, family := range []string{"north", "south", ""} { // "" as it was before
		p, err := k.Pseudonyms(ctx, "asthma", family, 1)
		if err != nil {
			t.Fatal(err)
		}
		name, err := p.Pseudonym(7)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if names[0] == names[1] || names[1] == names[2] || names[0] == names[2] {
		t.Errorf("%v", names)
	}
	traced, err := k.Reverse(ctx, "asthma", append(names, strings.Repeat("a", 32)))
	if err != nil {
		t.Fatal(err)
	}
	for i, family := range []string{"north", "south", ""} {
		if traced[i].Unit != 7 || traced[i].Epoch != 1 || traced[i].Family != family {
			t.Errorf("%s is traced to %+v", names[i], traced[i])
		}
	}
	if traced[3].Epoch != 0 {
		t.Errorf("%+v", traced[3])
	}
	recognise, err := k.Recogniser(ctx, "asthma")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !recognise([]byte(name)) {
			t.Errorf("%s is not recognised", name)
		}
	}
	south, err := k.ProjectPseudonyms("asthma", "south", 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := south.Unit(names[0]); gatehouse.CodeOf(err) != gatehouse.CodeNotFound {
		t.Errorf("a name of the north is one of the south: %v", err)
	}
}
