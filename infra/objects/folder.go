// Package objects keeps immutable bytes under their SHA-256: the files of
// requests and the bundles of releases.
package objects

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
)

// Folder keeps objects as files of a folder: ab/abcdef…, by their hash. It is
// an egress.Objects. Any number of processes may use one folder.
type Folder struct{ dir string }

// NewFolder uses dir, making it if need be. It is readable by its owner only.
func NewFolder(dir string) (*Folder, error) {
	f := &Folder{dir}
	if err := os.MkdirAll(f.incoming(), 0o700); err != nil {
		return nil, storage(err)
	}
	return f, f.sweep(time.Now())
}

// sweep removes what a process that died left unfinished. No upload takes a day.
func (f *Folder) sweep(now time.Time) error {
	left, err := os.ReadDir(f.incoming())
	if err != nil {
		return storage(err)
	}
	for _, entry := range left {
		info, err := entry.Info()
		if err == nil && now.Sub(info.ModTime()) > 24*time.Hour {
			err = os.Remove(filepath.Join(f.incoming(), entry.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // another process may have been faster
			return storage(err)
		}
	}
	return nil
}

// incoming holds what is not whole yet; it is on the same volume, so that a
// finished object gets its name in one step.
func (f *Folder) incoming() string { return filepath.Join(f.dir, "incoming") }

func (f *Folder) path(sha string) string { return filepath.Join(f.dir, sha[:2], sha) }

var shaPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Put stores what r gives, durably, before it returns.
func (f *Folder) Put(ctx context.Context, r io.Reader) (egress.Object, error) {
	var o egress.Object
	file, err := os.CreateTemp(f.incoming(), "*")
	if err != nil {
		return o, storage(err)
	}
	defer os.Remove(file.Name()) // fails once it has its name
	defer file.Close()

	h := sha256.New()
	reader := &source{ctx: ctx, r: r}
	if o.Bytes, err = io.Copy(io.MultiWriter(file, h), reader); err != nil {
		if reader.err != nil {
			return egress.Object{}, reader.err
		}
		return egress.Object{}, storage(err)
	}
	o.SHA256 = hex.EncodeToString(h.Sum(nil))
	if err := errors.Join(file.Chmod(0o400), file.Sync(), file.Close()); err != nil {
		return egress.Object{}, storage(err)
	}
	path := f.path(o.SHA256)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return egress.Object{}, storage(err)
	}
	// A whole object of that name is replaced by the same bytes; a damaged one is
	// healed.
	if err := os.Rename(file.Name(), path); err != nil {
		return egress.Object{}, storage(err)
	}
	if err := errors.Join(syncFolder(filepath.Dir(path)), syncFolder(f.dir)); err != nil {
		return egress.Object{}, storage(err)
	}
	return o, nil
}

// source remembers that it was the reader that failed, and stops when ctx ends.
type source struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (s *source) Read(b []byte) (int, error) {
	if s.err = s.ctx.Err(); s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Open reads an object; see egress.Objects.
func (f *Folder) Open(ctx context.Context, sha string) (io.ReadCloser, error) {
	if !shaPattern.MatchString(sha) {
		return nil, egress.ErrObjectMissing
	}
	file, err := os.Open(f.path(sha))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, egress.ErrObjectMissing
	} else if err != nil {
		return nil, storage(err)
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, fmt.Errorf("%w: not a file", egress.ErrObjectDamaged)
	}
	return &verified{ctx: ctx, file: file, left: info.Size(), want: sha, hash: sha256.New()}, nil
}

// verified gives the last bytes of a file only once all of them have the right
// hash.
type verified struct {
	ctx  context.Context
	file *os.File
	left int64 // bytes that the file is said to have left
	want string
	hash hash.Hash
	err  error
}

func (v *verified) Read(b []byte) (int, error) {
	if v.err != nil {
		return 0, v.err
	}
	if v.err = v.ctx.Err(); v.err != nil {
		return 0, v.err
	}
	if len(b) == 0 && v.left > 0 {
		return 0, nil
	}
	n, err := io.ReadFull(v.file, b[:min(int64(len(b)), v.left)])
	v.hash.Write(b[:n])
	v.left -= int64(n)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		v.err = egress.ErrObjectDamaged // shorter than when it was opened
	case err != nil:
		v.err = storage(err)
	case v.left > 0:
		return n, nil
	case hex.EncodeToString(v.hash.Sum(nil)) != v.want:
		v.err = egress.ErrObjectDamaged
	default:
		v.err = io.EOF
		return n, nil
	}
	clear(b[:n])
	return 0, v.err
}

func (v *verified) Close() error { return v.file.Close() }

// storage is a fault of the volume.
func storage(err error) error {
	e := gatehouse.Errorf(gatehouse.CodeStorage, "The object store cannot be used.").Because(err)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return e.WithAdvice("Free space on the volume, then try again; nothing was kept.")
	}
	return e.WithAdvice("The operator must make the object store readable and writable.")
}
