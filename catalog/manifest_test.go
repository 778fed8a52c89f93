package catalog_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// Whatever is changed in a version's folder, the catalogue does not give it.
func TestATamperedVersionIsNotGiven(t *testing.T) {
	h := smallHouse(t)
	v := h.mustPublish(small(t))
	other := h.mustPublish(small(t))
	for name, tamper := range map[string]func(dir string) error{
		"a byte of the manifest": func(dir string) error {
			return change(filepath.Join(dir, "manifest.json"), func(b []byte) []byte { return bytes.Replace(b, []byte(`"units": 3`), []byte(`"units": 4`), 1) })
		},
		"a blank after the manifest": func(dir string) error {
			return change(filepath.Join(dir, "manifest.json"), func(b []byte) []byte { return append(b, ' ') })
		},
		"the signature": func(dir string) error {
			return change(filepath.Join(dir, "manifest.sig"), func(b []byte) []byte { b[3] ^= 1; return b })
		},
		"no signature":  func(dir string) error { return os.Remove(filepath.Join(dir, "manifest.sig")) },
		"no manifest":   func(dir string) error { return os.Remove(filepath.Join(dir, "manifest.json")) },
		"a table":       func(dir string) error { return change(filepath.Join(dir, "events.parquet"), flip) },
		"the units":     func(dir string) error { return change(filepath.Join(dir, "units.parquet"), flip) },
		"a table gone":  func(dir string) error { return os.Remove(filepath.Join(dir, "events.parquet")) },
		"a file more":   func(dir string) error { return os.WriteFile(filepath.Join(dir, "events2.parquet"), nil, 0o600) },
		"a folder more": func(dir string) error { return os.MkdirAll(filepath.Join(dir, "events", "part.parquet"), 0o700) },
		"a link": func(dir string) error {
			path := filepath.Join(dir, "events.parquet")
			if err := os.Rename(path, filepath.Join(h.dir, "elsewhere")); err != nil {
				return err
			}
			return os.Symlink(filepath.Join(h.dir, "elsewhere"), path)
		},
		"another version's manifest": func(dir string) error {
			for _, name := range []string{"manifest.json", "manifest.sig"} {
				b, err := os.ReadFile(filepath.Join(other.Folder, name))
				if err != nil {
					return err
				}
				if err := change(filepath.Join(dir, name), func([]byte) []byte { return b }); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			dir := filepath.Join(root, "versions", "small", "1")
			if err := os.CopyFS(dir, os.DirFS(v.Folder)); err != nil {
				t.Fatal(err)
			}
			c, err := catalog.Open(root, h.signer.public())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Version(t.Context(), "small", 0); err != nil {
				t.Fatal(err)
			}
			if err := tamper(dir); err != nil {
				t.Fatal(err)
			}
			_, err = c.Version(t.Context(), "small", 1) // the same catalogue, which has hashed the files before
			wantCode(t, err, gatehouse.CodeManifest, "small@1")
		})
	}
}

func flip(b []byte) []byte {
	b[len(b)/2] ^= 1
	return b
}

func change(path string, edit func([]byte) []byte) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return os.WriteFile(path, edit(b), 0o444)
}

func TestVersionsAreFoundByNumber(t *testing.T) {
	h := smallHouse(t)
	h.mustPublish(small(t))
	h.mustPublish(small(t))
	c := mustOpen(t, h)
	for number, want := range map[int]int{0: 2, 1: 1, 2: 2} {
		if v, err := c.Version(t.Context(), "small", number); err != nil || v.Number != want || v.Folder == "" {
			t.Errorf("%d: %+v, %v", number, v, err)
		}
	}
	for _, c2 := range []struct {
		dataset string
		number  int
	}{{"small", 3}, {"small", -1}, {"other", 0}, {"../versions/small", 1}, {"", 0}} {
		_, err := c.Version(t.Context(), c2.dataset, c2.number)
		wantCode(t, err, gatehouse.CodeNotFound)
	}
	versions, err := c.List(t.Context())
	if err != nil || len(versions) != 2 || versions[0].Name() != "small@1" || versions[1].Name() != "small@2" {
		t.Errorf("%v, %v", versions, err)
	}
	// One version that does not verify does not hide the others.
	if err := change(filepath.Join(versions[0].Folder, "manifest.json"), flip); err != nil {
		t.Fatal(err)
	}
	versions, err = c.List(t.Context())
	wantCode(t, err, gatehouse.CodeManifest, "small@1")
	if len(versions) != 1 {
		t.Errorf("%v", versions)
	}
}

func TestAnotherKeyVerifiesNothing(t *testing.T) {
	h := smallHouse(t)
	h.mustPublish(small(t))
	public := bytes.Clone(h.signer.public())
	public[0] ^= 1
	c, err := catalog.Open(h.dir, public)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Version(t.Context(), "small", 1)
	wantCode(t, err, gatehouse.CodeManifest)
	_, err = catalog.Open(h.dir, nil)
	wantCode(t, err, gatehouse.CodeKeys)
}
