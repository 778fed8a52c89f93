package keys_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
)

func TestAProjectsPseudonymsAreRecognisedAndNoOthers(t *testing.T) {
	k, err := keys.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if recognise, err := k.Recogniser(ctx, "fresh"); err != nil || recognise != nil {
		t.Errorf("a project without a key: %v", err)
	}
	mine, err := k.Pseudonyms(ctx, "mine", "people", 1)
	if err != nil {
		t.Fatal(err)
	}
	others, err := k.Pseudonyms(ctx, "others", "people", 1)
	if err != nil {
		t.Fatal(err)
	}
	recognise, err := k.Recogniser(ctx, "mine")
	if err != nil {
		t.Fatal(err)
	}
	for unit := range uint32(200) {
		name, err := mine.Pseudonym(unit)
		if err != nil || !recognise([]byte(name)) {
			t.Fatalf("unit %d is not recognised: %v", unit, err)
		}
		bent := []byte(name)
		bent[unit%32] ^= 1
		if recognise(bent) {
			t.Error("a pseudonym with one letter changed is recognised")
		}
		if name, err = others.Pseudonym(unit); err != nil || recognise([]byte(name)) {
			t.Errorf("another project's pseudonym is recognised, or: %v", err)
		}
	}
	for _, text := range []string{"", "a", strings.Repeat("a", 31), strings.Repeat("a", 32), strings.Repeat("1", 32), strings.Repeat("a", 64)} {
		if recognise([]byte(text)) {
			t.Errorf("%q is recognised", text)
		}
	}
	if err := k.DestroyProjectKey(ctx, "mine"); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Recogniser(ctx, "mine"); gatehouse.CodeOf(err) != gatehouse.CodeKeys {
		t.Errorf("after the key was destroyed: %v", err)
	}
}

// The names of an epoch stay what they are: those of a key from before names said the
// index keep their form, for every index, until the next epoch, and are traced.
func TestNamesOfAnEpochKeepTheirForm(t *testing.T) {
	dir := t.TempDir()
	k, err := keys.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	name := func(family string, epoch int) string {
		t.Helper()
		opened, err := keys.Open(dir) // as after a restart
		if err != nil {
			t.Fatal(err)
		}
		p, err := opened.Pseudonyms(ctx, "old", family, epoch)
		if err != nil {
			t.Fatal(err)
		}
		text, err := p.Pseudonym(7)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	// Two epochs of before: their keys, and names that say no index; no marks.
	before := []string{name("", 1), name("", 2)}
	marks, err := filepath.Glob(filepath.Join(dir, "project-old.form-*"))
	if err != nil || len(marks) != 2 {
		t.Fatalf("%v, %v", marks, err)
	}
	for _, path := range marks {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	// The next epoch comes first, so that names which say an index are there already.
	third := name("people", 3)
	for _, family := range []string{"people", "others", "people"} {
		for epoch, want := range before {
			if got := name(family, epoch+1); got != want {
				t.Errorf("a name of epoch %d was %s, and is %s now", epoch+1, want, got)
			}
		}
	}
	if other := name("others", 3); other == third || third == before[0] {
		t.Errorf("names of two indexes, or epochs, are the same: %s", other)
	}
	found, err := k.Reverse(ctx, "old", []string{before[0], before[1], third})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range found {
		if r.Unit != 7 || r.Epoch != i+1 {
			t.Errorf("%+v", r)
		}
	}
	recognise, err := k.Recogniser(ctx, "old")
	if err != nil || !recognise([]byte(before[0])) || !recognise([]byte(third)) {
		t.Errorf("a name is not recognised: %v", err)
	}
}

func BenchmarkRecognise(b *testing.B) {
	k, err := keys.Create(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	p, err := k.Pseudonyms(b.Context(), "mine", "people", 1)
	if err != nil {
		b.Fatal(err)
	}
	name, err := p.Pseudonym(7)
	if err != nil {
		b.Fatal(err)
	}
	recognise, err := k.Recogniser(b.Context(), "mine")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		recognise([]byte(name))
	}
}
