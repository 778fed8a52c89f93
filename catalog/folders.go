package catalog

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/gatehouse-tre/gatehouse"
)

// installation is the folder of an installation, as the catalogue uses it.
type installation string

func (i installation) custodian() string           { return filepath.Join(string(i), "custodian") }
func (i installation) work() string                { return filepath.Join(i.custodian(), "work") }
func (i installation) index(name string) string    { return filepath.Join(i.custodian(), "index", name) }
func (i installation) reports() string             { return filepath.Join(i.custodian(), "reports") }
func (i installation) versions(name string) string { return filepath.Join(string(i), "versions", name) }
func (i installation) version(name string, number int) string {
	return filepath.Join(i.versions(name), strconv.Itoa(number))
}

// make makes the folders that a publication needs.
func (i installation) make(dataset string) error {
	for _, dir := range []string{i.custodian(), i.work(), i.reports()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return storageFailure(err)
		}
	}
	// The custodian zone may have been made by somebody careless.
	if err := os.Chmod(i.custodian(), 0o700); err != nil {
		return storageFailure(err)
	}
	if err := os.MkdirAll(i.versions(dataset), 0o755); err != nil {
		return storageFailure(err)
	}
	return nil
}

// lock takes the installation's one publication at a time. The kernel lets go of
// it when the process dies.
func (i installation) lock() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(i.work(), "publish.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, storageFailure(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, gatehouse.Errorf(gatehouse.CodeBusy, "Another publication is under way in this installation.")
		}
		return nil, storageFailure(err)
	}
	return func() { f.Close() }, nil
}

const workPrefix = "publish-"

// sweep removes what publications that died have left in the work folder.
func (i installation) sweep() error {
	entries, err := os.ReadDir(i.work())
	if err != nil {
		return storageFailure(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), workPrefix) {
			if err := os.RemoveAll(filepath.Join(i.work(), e.Name())); err != nil {
				return storageFailure(err)
			}
		}
	}
	return nil
}

// numbers are the versions of a dataset that stand, ascending in no order.
func (i installation) numbers(dataset string) ([]int, error) {
	entries, err := os.ReadDir(i.versions(dataset))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, storageFailure(err)
	}
	var out []int
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil && n > 0 && e.Name() == strconv.Itoa(n) {
			out = append(out, n)
		}
	}
	return out, nil
}

// syncFolder makes new and removed names in a folder durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// writeSynced writes a new file durably.
func writeSynced(path string, content []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}
