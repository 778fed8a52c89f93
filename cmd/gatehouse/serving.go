package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/gatehouse-tre/gatehouse"
)

// holdServing makes this process the only one that serves the installation,
// else it is CodeBusy. The kernel ends the hold when the process ends, however
// it ends; release ends it before.
func holdServing(dir string) (release func() error, err error) {
	f, err := os.OpenFile(filepath.Join(dir, "state", "serving.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeStorage, "The lock of the installation cannot be opened.").Because(err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		holder, _ := io.ReadAll(io.LimitReader(f, 20))
		f.Close()
		who := "another process"
		if pid, err := strconv.Atoi(strings.TrimSpace(string(holder))); err == nil {
			who = "process " + strconv.Itoa(pid)
		}
		return nil, gatehouse.Errorf(gatehouse.CodeBusy, "The installation is already served by %s.", who).WithAdvice("Stop that one first, or choose another folder with --dir.")
	case err != nil:
		f.Close()
		return nil, gatehouse.Errorf(gatehouse.CodeStorage, "The installation cannot be locked.").Because(err)
	}
	text := []byte(strconv.Itoa(os.Getpid()) + "\n")
	if err := errors.Join(f.Truncate(0), func() error { _, err := f.WriteAt(text, 0); return err }()); err != nil {
		f.Close()
		return nil, gatehouse.Errorf(gatehouse.CodeStorage, "The lock of the installation cannot be written.").Because(err)
	}
	return f.Close, nil
}
