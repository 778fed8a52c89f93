package synth

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/gatehouse-tre/gatehouse"
)

// markerFile shows that a folder was filled by an earlier run, which a later one may replace.
const markerFile = ".gatehouse-synth"

const markerText = "Synthetic extracts, written by gatehouse synth. A later run replaces them.\n"

const partialFolder = ".partial"

// folder is where extracts are written. Files are made in a folder of their own
// below it and moved into place together once all of them are complete and on
// disk; until then an earlier set stays as it was.
type folder struct {
	dir     string
	partial string
	lock    *os.File
	files   []*os.File
}

func storageError(dir string, err error) error {
	e := gatehouse.Errorf(gatehouse.CodeStorage, "The extracts cannot be written to %s.", dir).Because(err)
	what := "Choose another folder, then try again; files of an earlier run are untouched."
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e.Message = "The disk is full: the extracts cannot be written to " + dir + "."
		what = "Free space on the volume, then try again; files of an earlier run are untouched."
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EROFS):
		e.Message = "The folder " + dir + " is not writable."
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EEXIST):
		e.Message = dir + " is not a folder."
	}
	return e.WithAdvice("%s", what)
}

// openFolder claims dir for one run. It refuses a folder that holds anything but
// an earlier run's output.
func openFolder(dir string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, storageError(dir, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, storageError(dir, err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if e.Name() != "lost+found" {
			names = append(names, e.Name())
		}
	}
	if len(names) > 0 && !slices.Contains(names, markerFile) {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The folder %s is not empty and was not filled by gatehouse synth.", dir).
			WithAdvice("Choose an empty or a new folder; nothing was changed.")
	}
	lock, err := os.OpenFile(filepath.Join(dir, markerFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, storageError(dir, err)
	}
	f := &folder{dir: dir, partial: filepath.Join(dir, partialFolder), lock: lock}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, gatehouse.Errorf(gatehouse.CodeBusy, "Another gatehouse synth is writing to %s.", dir).Because(err)
	}
	if err := f.begin(); err != nil {
		f.close()
		return nil, storageError(dir, err)
	}
	return f, nil
}

func (f *folder) begin() error {
	if _, err := f.lock.WriteAt([]byte(markerText), 0); err != nil {
		return err
	}
	// What a run that was killed left behind.
	if err := os.RemoveAll(f.partial); err != nil {
		return err
	}
	return os.Mkdir(f.partial, 0o700)
}

// create opens a new file that will stand under name.
func (f *folder) create(name string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(f.partial, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	f.files = append(f.files, file)
	return file, nil
}

// publish puts every file in its place. The summary is taken away first and
// comes back last, so that a set of old and new files never looks complete.
func (f *folder) publish() error {
	var names []string
	for _, file := range f.files {
		if err := errors.Join(file.Sync(), file.Close()); err != nil {
			return err
		}
		names = append(names, filepath.Base(file.Name()))
	}
	f.files = nil
	if err := os.Remove(filepath.Join(f.dir, SummaryFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := syncFolder(f.dir); err != nil {
		return err
	}
	for _, name := range names {
		if name == SummaryFile {
			continue
		}
		if err := os.Rename(filepath.Join(f.partial, name), filepath.Join(f.dir, name)); err != nil {
			return err
		}
	}
	if err := syncFolder(f.dir); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(f.partial, SummaryFile), filepath.Join(f.dir, SummaryFile)); err != nil {
		return err
	}
	return syncFolder(f.dir)
}

// close lets the folder go, and takes away what was not published.
func (f *folder) close() {
	for _, file := range f.files {
		file.Close()
	}
	os.RemoveAll(f.partial)
	f.lock.Close()
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
