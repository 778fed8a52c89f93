package keys_test

import (
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
