package keys_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
)

func create(t testing.TB) (*keys.Keys, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	k, err := keys.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	return k, dir
}

func pseudonyms(t testing.TB, k *keys.Keys, project string) *keys.Pseudonyms {
	t.Helper()
	p, err := k.ProjectPseudonyms(project, "people", 1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func want(t *testing.T, err error, code gatehouse.Code) {
	t.Helper()
	if err == nil || gatehouse.CodeOf(err) != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

var form = regexp.MustCompile(`^[a-z2-7]{32}$`)

func TestPseudonyms(t *testing.T) {
	k, _ := create(t)
	other, _ := create(t)
	asthma, stroke := pseudonyms(t, k, "asthma"), pseudonyms(t, k, "stroke")
	elsewhere := pseudonyms(t, other, "asthma")
	seen := map[string]uint32{}
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.Uint32().Draw(t, "unit")
		name, err := asthma.Pseudonym(unit)
		if err != nil {
			t.Fatal(err)
		}
		if !form.MatchString(name) {
			t.Fatalf("the pseudonym is %q", name)
		}
		if before, ok := seen[name]; ok && before != unit {
			t.Fatalf("units %d and %d have one pseudonym", before, unit)
		}
		seen[name] = unit
		if again, _ := asthma.Pseudonym(unit); again != name {
			t.Fatal("a unit has two pseudonyms")
		}
		if back, err := asthma.Unit(name); err != nil || back != unit {
			t.Fatalf("reversed to %d, %v", back, err)
		}
		for _, stranger := range []*keys.Pseudonyms{stroke, elsewhere} {
			if theirs, _ := stranger.Pseudonym(unit); theirs == name {
				t.Fatal("two projects share a pseudonym")
			}
			if _, err := stranger.Unit(name); gatehouse.CodeOf(err) != gatehouse.CodeNotFound {
				t.Fatalf("another key reverses it: %v", err)
			}
		}
		// Nothing but a pseudonym that was made can be reversed.
		i := rapid.IntRange(0, 31).Draw(t, "place")
		forged := []byte(name)
		forged[i] = rapid.SampledFrom([]byte("abcdefghijklmnopqrstuvwxyz234567")).Filter(func(c byte) bool { return c != name[i] }).Draw(t, "letter")
		if _, err := asthma.Unit(string(forged)); gatehouse.CodeOf(err) != gatehouse.CodeNotFound {
			t.Fatalf("a forged pseudonym is reversed: %v", err)
		}
	})
}

// The same project key under another project's name would make other pseudonyms:
// the name is authenticated, and a keyset does not open under another name.
func TestAKeysetOpensUnderItsOwnNameOnly(t *testing.T) {
	k, dir := create(t)
	pseudonyms(t, k, "asthma")
	content, err := os.ReadFile(filepath.Join(dir, "project-asthma.keyset"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "project-stroke.keyset"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = k.ProjectPseudonyms("stroke", "people", 1)
	want(t, err, gatehouse.CodeKeys)
}

func TestPseudonymsOutliveTheProcess(t *testing.T) {
	k, dir := create(t)
	first, _ := pseudonyms(t, k, "asthma").Pseudonym(7)
	again, err := keys.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if second, _ := pseudonyms(t, again, "asthma").Pseudonym(7); second != first {
		t.Errorf("%s became %s", first, second)
	}
	if again, err = keys.Create(dir); err != nil {
		t.Fatal(err)
	}
	if third, _ := pseudonyms(t, again, "asthma").Pseudonym(7); third != first {
		t.Errorf("%s became %s", first, third)
	}
}

func TestADestroyedKeyDoesNotComeBack(t *testing.T) {
	k, dir := create(t)
	pseudonyms(t, k, "asthma")
	for range 2 {
		if err := k.DestroyProjectKey(t.Context(), "asthma"); err != nil {
			t.Fatal(err)
		}
	}
	_, err := k.ProjectPseudonyms("asthma", "people", 1)
	want(t, err, gatehouse.CodeKeys)
	if left, _ := filepath.Glob(filepath.Join(dir, "*asthma*keyset*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	_, err = k.ProjectPseudonyms("../escape", "people", 1)
	want(t, err, gatehouse.CodeKeys)
	want(t, k.DestroyProjectKey(t.Context(), "../escape"), gatehouse.CodeKeys)
}

func TestSigners(t *testing.T) {
	k, dir := create(t)
	again, err := keys.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("what is signed")
	var publics []ed25519.PublicKey
	for _, name := range []string{keys.Manifest, keys.Journal, keys.Release} {
		signer, err := k.Signer(name)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := signer.Sign(nil, message, crypto.Hash(0))
		if err != nil {
			t.Fatal(err)
		}
		public, err := again.Verifier(name)
		if err != nil {
			t.Fatal(err)
		}
		if !ed25519.Verify(public, message, signature) {
			t.Errorf("%s: the signature does not verify", name)
		}
		for _, other := range publics {
			if other.Equal(public) {
				t.Error("two names share a key")
			}
		}
		publics = append(publics, public)
		text, err := os.ReadFile(filepath.Join(dir, name+".pub.pem"))
		if err != nil {
			t.Fatal(err)
		}
		if parsed, err := keys.ParsePublic(text); err != nil || !parsed.Equal(public) {
			t.Errorf("%s.pub.pem: %v", name, err)
		}
	}
	_, err = k.Signer("guest")
	want(t, err, gatehouse.CodeKeys)
	_, err = keys.ParsePublic([]byte("hello"))
	want(t, err, gatehouse.CodeKeys)
}

func TestUnreadableKeys(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"KEK missing":            func(dir string) error { return os.Remove(filepath.Join(dir, "kek")) },
		"KEK cut off":            func(dir string) error { return os.Truncate(filepath.Join(dir, "kek"), 40) },
		"KEK readable by others": func(dir string) error { return os.Chmod(filepath.Join(dir, "kek"), 0o640) },
		"keyset missing":         func(dir string) error { return os.Remove(filepath.Join(dir, "sign-journal.keyset")) },
		"keyset cut off":         func(dir string) error { return os.Truncate(filepath.Join(dir, "sign-journal.keyset"), 40) },
		"keyset of another house": func(dir string) error {
			_, other := create(t)
			content, err := os.ReadFile(filepath.Join(other, "sign-journal.keyset"))
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "sign-journal.keyset"), content, 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, dir := create(t)
			if err := spoil(dir); err != nil {
				t.Fatal(err)
			}
			k, err := keys.Open(dir)
			if err == nil {
				_, err = k.Signer(keys.Journal)
			}
			want(t, err, gatehouse.CodeKeys)
			// No new key takes the place of one that others depend on.
			if name == "KEK missing" {
				_, err := keys.Create(dir)
				want(t, err, gatehouse.CodeKeys)
			}
		})
	}
}

// Nothing in the folder but the KEK is a secret in clear, and no one else reads
// any of it.
func TestTheFolderIsPrivate(t *testing.T) {
	k, dir := create(t)
	pseudonyms(t, k, "asthma")
	if info, _ := os.Stat(dir); info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v", info.Mode())
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(f.Name()) == ".pem" {
			continue
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", f.Name(), info.Mode())
		}
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(f.Name()) == ".made" && len(content) == 0 {
			continue // says that a key was made, and nothing else
		}
		if strings.Contains(f.Name(), ".form-") && string(content) == "v2" {
			continue // says of which form names are
		}
		if f.Name() != "kek" && !bytes.Contains(content, []byte("encryptedKeyset")) {
			t.Errorf("%s is not encrypted", f.Name())
		}
	}
}

func TestManyStartAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	names := make([]string, 8)
	var wg sync.WaitGroup
	for i := range names {
		wg.Go(func() {
			k, err := keys.Create(dir)
			if err != nil {
				t.Error(err)
				return
			}
			p, err := k.ProjectPseudonyms("asthma", "people", 1)
			if err != nil {
				t.Error(err)
				return
			}
			names[i], err = p.Pseudonym(1)
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, name := range names[1:] {
		if name != names[0] {
			t.Errorf("one unit is %s and %s", names[0], name)
		}
	}
}

func BenchmarkPseudonym(b *testing.B) {
	k, _ := create(b)
	p := pseudonyms(b, k, "asthma")
	for b.Loop() {
		if _, err := p.Pseudonym(123_456_789); err != nil {
			b.Fatal(err)
		}
	}
}
