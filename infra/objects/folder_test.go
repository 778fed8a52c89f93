package objects_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/objects"
	"github.com/gatehouse-tre/gatehouse/infra/objects/objectstest"
)

func TestFolder(t *testing.T) {
	objectstest.Test(t, func(t *testing.T) objectstest.Store {
		dir := filepath.Join(t.TempDir(), "objects")
		f, err := objects.NewFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		return objectstest.Store{
			Objects: f,
			Damage: func(sha string, change func([]byte) []byte) {
				path := filepath.Join(dir, sha[:2], sha)
				content, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, change(content), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			Count: func() (n int) {
				filepath.WalkDir(dir, func(_ string, d fs.DirEntry, _ error) error {
					if !d.IsDir() {
						n++
					}
					return nil
				})
				return n
			},
		}
	})
}

func TestObjectsAreTheOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "objects")
	f, err := objects.NewFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Put(t.Context(), strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is open to others: %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestWhatACrashLeftIsSweptUp(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "objects")
	if _, err := objects.NewFolder(dir); err != nil {
		t.Fatal(err)
	}
	old, fresh := filepath.Join(dir, "incoming", "1"), filepath.Join(dir, "incoming", "2")
	for _, path := range []string{old, fresh} {
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-25*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := objects.NewFolder(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); err == nil {
		t.Error("a day-old half of an object is kept")
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Error("an upload under way was removed")
	}
}

func TestFaultsOfTheVolumeSayWhoMustAct(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := objects.NewFolder(filepath.Join(file, "objects")); gatehouse.CodeOf(err) != gatehouse.CodeStorage {
		t.Errorf("%v", err)
	}
}
