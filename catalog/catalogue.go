package catalog

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// Catalogue reads the published versions of an installation. What it gives has
// been verified: a manifest by its signature, files by the manifest's hashes. It
// may be used by many goroutines.
type Catalogue struct {
	root   installation
	public ed25519.PublicKey

	mu     sync.Mutex
	hashed map[string]hashedFile // by path: files that were hashed and have not changed since
}

type hashedFile struct {
	size     int64
	modified time.Time
	info     fs.FileInfo
	file     File
}

// Open opens the catalogue of the installation in dir; public is the key that
// its manifests are signed with. An installation without versions is an empty
// catalogue.
func Open(dir string, public ed25519.PublicKey) (*Catalogue, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, storageFailure(err)
	}
	if len(public) != ed25519.PublicKeySize {
		return nil, gatehouse.Errorf(gatehouse.CodeKeys, "The key that manifests are verified with is missing.")
	}
	return &Catalogue{root: installation(dir), public: public, hashed: make(map[string]hashedFile)}, nil
}

// Version gives a version of a dataset, 0 for the newest. It is CodeNotFound if
// there is none, and CodeManifest if anything of it does not verify. Files are
// hashed once, and again when their size or time has changed.
func (c *Catalogue) Version(ctx context.Context, dataset string, number int) (Version, error) {
	if !gatehouse.ValidName(dataset) || number < 0 {
		return Version{}, gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such dataset.")
	}
	if number == 0 {
		numbers, err := c.root.numbers(dataset)
		if err != nil {
			return Version{}, err
		}
		if len(numbers) == 0 {
			return Version{}, gatehouse.Errorf(gatehouse.CodeNotFound, "There is no version of dataset %s.", dataset)
		}
		number = slices.Max(numbers)
	}
	v, err := readManifest(c.root.version(dataset, number), dataset, number, c.public)
	if err != nil {
		return Version{}, err
	}
	return v, c.verifyFiles(ctx, v)
}

// verifyFiles checks that a version's folder holds the manifest's files, as they
// were signed, and no others.
func (c *Catalogue) verifyFiles(ctx context.Context, v Version) error {
	known := map[string]bool{".": true, manifestFile: true, signatureFile: true}
	for _, f := range v.Files() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !filepath.IsLocal(f.Path) {
			return unverified(v.Name(), "the manifest names a file elsewhere.")
		}
		for path := filepath.Clean(f.Path); path != "."; path = filepath.Dir(path) {
			known[path] = true // with the folders above it
		}
		found, err := c.describe(v.Folder, f.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return unverified(v.Name(), "the file %s is missing.", f.Path)
		case err != nil:
			return unverified(v.Name(), "the file %s cannot be read.", f.Path).Because(err)
		case found.SHA256 != f.SHA256 || found.Bytes != f.Bytes:
			return unverified(v.Name(), "the file %s is not the one that was published.", f.Path)
		}
	}
	return filepath.WalkDir(v.Folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return unverified(v.Name(), "its folder cannot be read.").Because(err)
		}
		if name, _ := filepath.Rel(v.Folder, path); !known[name] {
			return unverified(v.Name(), "the folder holds a file that was not published with it.")
		}
		return nil
	})
}

// describe hashes a file unless it did so before and the file is still the same.
func (c *Catalogue) describe(dir, path string) (File, error) {
	full := filepath.Join(dir, path)
	info, err := os.Lstat(full)
	if err != nil {
		return File{}, err
	}
	if !info.Mode().IsRegular() {
		return File{}, errors.New("not a regular file")
	}
	c.mu.Lock()
	before, ok := c.hashed[full]
	c.mu.Unlock()
	if ok && before.size == info.Size() && before.modified.Equal(info.ModTime()) && os.SameFile(before.info, info) {
		return before.file, nil
	}
	f, err := describeFile(dir, path)
	if err != nil {
		return File{}, err
	}
	c.mu.Lock()
	c.hashed[full] = hashedFile{size: info.Size(), modified: info.ModTime(), info: info, file: f}
	c.mu.Unlock()
	return f, nil
}

// List gives every version whose manifest verifies, by dataset and number, and
// an error that joins one of CodeManifest for each that does not. It does not
// hash files: Version does.
func (c *Catalogue) List(ctx context.Context) ([]Version, error) {
	datasets, err := os.ReadDir(filepath.Join(string(c.root), "versions"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, storageFailure(err)
	}
	var out []Version
	var faults []error
	for _, d := range datasets { // sorted by name
		if !gatehouse.ValidName(d.Name()) {
			continue
		}
		numbers, err := c.root.numbers(d.Name())
		if err != nil {
			return nil, err
		}
		slices.Sort(numbers)
		for _, n := range numbers {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			v, err := readManifest(c.root.version(d.Name(), n), d.Name(), n, c.public)
			if err != nil {
				faults = append(faults, err)
				continue
			}
			out = append(out, v)
		}
	}
	return out, errors.Join(faults...)
}
