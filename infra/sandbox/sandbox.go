//go:build linux

// Package sandbox puts an engine's worker behind walls. The parent's side starts
// it in bubblewrap (no network, no other files, no capabilities), as a host user
// of its own, in a cgroup with a hard limit of memory; the child's side, Enter,
// adds Landlock and seccomp before the worker opens anything.
//
// Every layer must stand. One that is missing is an error, unless it is named in
// AllowMissing, which is for development.
package sandbox

import (
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"github.com/gatehouse-tre/gatehouse"
)

// Layer names one wall.
type Layer string

// The layers.
const (
	Bubblewrap Layer = "bubblewrap" // namespaces: files, network, processes; no capabilities
	User       Layer = "user"       // a host user of its own; only root can give one
	Cgroup     Layer = "cgroup"     // hard limits of memory and processes
	Landlock   Layer = "landlock"   // files, by the kernel's own rules
	Seccomp    Layer = "seccomp"    // the system calls that DuckDB and Go need, and no others
)

// Walls starts workers of one kind or workspace.
type Walls struct {
	// UID is the host user and group of the worker: see UserOf. 0 keeps the
	// caller's own, which is a missing layer if that is root.
	UID int
	// AllowMissing are the layers that may be missing: for development only.
	AllowMissing []Layer
	// Log takes a line about each layer that is missing and allowed to be; nil
	// throws it away.
	Log func(line string)
}

// firstUser begins the range of user ids that systemd leaves unused
// (0x70000000 … 0x7FFDFFFF), in which UserOf chooses.
const (
	firstUser = 0x70000000
	userRange = 0x0FFE0000
)

// UserOf gives the host user id for the worker of that name: the same for the
// same name, and different for different names but by a chance of 1 in 268 million.
func UserOf(name string) int {
	h := fnv.New64a()
	h.Write([]byte(name))
	return firstUser + int(h.Sum64()%userRange)
}

// missing is what becomes of a layer that does not stand.
func (w Walls) missing(layer Layer, err error) error {
	if slices.Contains(w.AllowMissing, layer) {
		if w.Log != nil {
			w.Log(fmt.Sprintf("sandbox: without the layer %s: %v", layer, err))
		}
		return nil
	}
	return fault(layer, err)
}

func fault(layer Layer, err error) error {
	return gatehouse.Errorf(gatehouse.CodeSandbox, "The sandbox layer %s is missing.", layer).Because(err)
}

// Start starts cmd behind the walls, with the folders read and write at their
// own paths in it, and arranges for descriptors in cmd.ExtraFiles to reach it.
// It must be called on one locked OS thread, not the main one, that lives as long
// as the process (the worker dies with that thread), and so must release, once
// the worker is gone; release reports whether it died of the hard limit of memory. A *gatehouse.Error of CodeSandbox names the layer that is missing.
func (w Walls) Start(cmd *exec.Cmd, read, write []string, memoryMB int) (release func() (outOfMemory bool), err error) {
	var undo []func()
	undoAll := func() {
		for _, f := range slices.Backward(undo) {
			f()
		}
	}
	defer func() {
		if err != nil {
			undoAll()
		}
	}()
	for _, path := range slices.Concat([]string{cmd.Path}, read, write) {
		if _, err := os.Stat(path); err != nil {
			return nil, err
		}
	}

	for _, layer := range w.AllowMissing {
		cmd.Args = append(cmd.Args, "--allow-missing", string(layer))
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	reach := reach{program: cmd.Path, read: read, write: write}
	switch root := os.Geteuid() == 0; {
	case w.UID != 0 && root:
		staged, unstage, err := reach.stage(w.UID)
		if err != nil {
			return nil, fault(User, err)
		}
		undo = append(undo, unstage)
		reach = staged
		id := uint32(w.UID)
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: id, Gid: id, Groups: []uint32{}}
	case w.UID != 0 && w.UID != os.Geteuid():
		return nil, fault(User, errors.New("only root can start a worker as another user"))
	case root:
		if err := w.missing(User, errors.New("a worker would run as root")); err != nil {
			return nil, err
		}
	}
	if err := reach.wrap(cmd); err != nil {
		if err := w.missing(Bubblewrap, err); err != nil {
			return nil, err
		}
	}
	group, err := newGroup(int64(memoryMB) << 20)
	if err != nil {
		if err := w.missing(Cgroup, err); err != nil {
			return nil, err
		}
		return func() bool { undoAll(); return false }, cmd.Start()
	}
	undo = append(undo, group.remove)
	release = func() bool {
		defer undoAll()
		return group.outOfMemory()
	}
	return release, group.start(cmd)
}

// reach is all that a worker can reach of the host's files.
type reach struct {
	program     string
	read, write []string
	sources     map[string]string // host paths to bind instead, by path
}

func (r reach) source(path string) string {
	if s, ok := r.sources[path]; ok {
		return s
	}
	return path
}

// program is where the worker's binary stands inside.
const program = "/gatehouse-engine"

// libraries are what a dynamically linked binary needs.
var libraries = []string{"/usr/lib", "/usr/lib64", "/lib", "/lib64"}

// wrap turns cmd into a bubblewrap command.
func (r reach) wrap(cmd *exec.Cmd) error {
	bwrap, err := exec.LookPath("bwrap")
	if err != nil {
		return err
	}
	args := []string{bwrap,
		"--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session", "--as-pid-1",
		"--cap-drop", "ALL", "--clearenv", "--hostname", "engine",
	}
	for _, lib := range libraries {
		switch target, err := os.Readlink(lib); {
		case err == nil:
			args = append(args, "--symlink", target, lib)
		case exists(lib):
			args = append(args, "--ro-bind", lib, lib)
		}
	}
	// Landlock before ABI 8 finds the process's threads in /proc, which shows the
	// worker only itself, and is closed by Landlock then.
	args = append(args, "--proc", "/proc", "--ro-bind", r.source(r.program), program)
	for _, p := range r.places() {
		args = append(args, p...)
	}
	// Nothing can be written but the folders given for it, not even in memory.
	args = append(args, "--remount-ro", "/", "--chdir", "/", "--", program)
	cmd.Args = append(args, cmd.Args[1:]...)
	cmd.Path = bwrap
	cmd.Env = []string{}
	cmd.Dir = "/"
	return nil
}

// places are bubblewrap's arguments for the folders, the outer before the
// inner, so that none hides another.
func (r reach) places() [][]string {
	var out [][]string
	for _, dir := range r.read {
		out = append(out, []string{"--ro-bind", r.source(dir), dir})
	}
	for _, dir := range r.write {
		out = append(out, []string{"--bind", r.source(dir), dir})
	}
	slices.SortStableFunc(out, func(a, b []string) int { return strings.Compare(a[2], b[2]) })
	return out
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
