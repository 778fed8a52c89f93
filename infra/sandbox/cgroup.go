//go:build linux

package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-tre/gatehouse"
)

// maxTasks bounds the threads of a worker: Go's, and DuckDB's.
const maxTasks = 256

// hardLimit is the limit of the kernel above DuckDB's own, which is soft.
func hardLimit(memory int64) int64 { return memory + memory/2 + 256<<20 }

// group is a worker's cgroup: one folder in version 2, one for each controller
// in version 1.
type group struct {
	folders []string
	unified bool
}

// newGroup makes a cgroup below the caller's own.
func newGroup(memory int64) (*group, error) {
	own, err := ownGroups("/proc/self/cgroup", "/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	sweepOnce(own)
	name := gatehouse.NewID(groupPrefix)
	if own.memory != "" && own.pids != "" {
		return newGroupV1(own, name, memory)
	}
	if own.unified != "" {
		return newGroupV2(own.unified, name, memory)
	}
	return nil, errors.New("no cgroup hierarchy with the controllers memory and pids")
}

// groupPrefix begins the names of workers' groups.
const groupPrefix = "engine"

// leftAfter is how old an empty group must be to have been left behind by a
// control plane that was killed: a younger one may be about to be used.
const leftAfter = time.Minute

var swept sync.Once

// sweepOnce removes what earlier control planes left behind. The kernel itself
// keeps groups with processes from being removed.
func sweepOnce(own ownFolders) {
	swept.Do(func() {
		for _, parent := range []string{own.memory, own.pids, own.unified, filepath.Dir(own.unified)} {
			left, _ := filepath.Glob(filepath.Join(parent, groupPrefix+"_*"))
			for _, folder := range left {
				if info, err := os.Stat(folder); err == nil && time.Since(info.ModTime()) > leftAfter {
					_ = os.Remove(folder)
				}
			}
		}
	})
}

func newGroupV1(own ownFolders, name string, memory int64) (*group, error) {
	g := &group{}
	limits := []struct{ folder, file, value string }{
		{own.memory, "memory.limit_in_bytes", strconv.FormatInt(hardLimit(memory), 10)},
		{own.pids, "pids.max", strconv.Itoa(maxTasks)},
	}
	for _, l := range limits {
		folder := filepath.Join(l.folder, name)
		if err := os.Mkdir(folder, 0o755); err != nil {
			g.remove()
			return nil, err
		}
		g.folders = append(g.folders, folder)
		if err := writeFile(filepath.Join(folder, l.file), l.value); err != nil {
			g.remove()
			return nil, err
		}
	}
	return g, nil
}

func newGroupV2(own, name string, memory int64) (*group, error) {
	parent, err := delegated(own)
	if err != nil {
		return nil, err
	}
	g := &group{folders: []string{filepath.Join(parent, name)}, unified: true}
	if err := os.Mkdir(g.folders[0], 0o755); err != nil {
		return nil, err
	}
	for file, value := range map[string]string{
		"memory.max":       strconv.FormatInt(hardLimit(memory), 10),
		"memory.oom.group": "1",
		"pids.max":         strconv.Itoa(maxTasks),
	} {
		if err := writeFile(filepath.Join(g.folders[0], file), value); err != nil {
			g.remove()
			return nil, err
		}
	}
	// No swap where there is an account of it.
	if err := writeFile(filepath.Join(g.folders[0], "memory.swap.max"), "0"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		g.remove()
		return nil, err
	}
	return g, nil
}

// controlLeaf is where the control plane itself lives in version 2, since only
// a group without processes of its own can hand controllers on.
const controlLeaf = "control"

// delegated gives the group below which workers' groups can be made, after
// having moved the control plane into a leaf of it if need be.
func delegated(own string) (string, error) {
	parent := own
	if filepath.Base(own) == controlLeaf {
		parent = filepath.Dir(own)
	}
	if err := writeFile(filepath.Join(parent, "cgroup.subtree_control"), "+memory +pids"); err == nil {
		return parent, nil
	} else if parent != own || !errors.Is(err, unix.EBUSY) {
		return "", err
	}
	members, err := os.ReadFile(filepath.Join(own, "cgroup.procs"))
	if err != nil {
		return "", err
	}
	if strings.TrimSpace(string(members)) != strconv.Itoa(os.Getpid()) {
		return "", fmt.Errorf("%s holds other processes: start the service with Delegate=yes in a group of its own", own)
	}
	leaf := filepath.Join(own, controlLeaf)
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	if err := writeFile(filepath.Join(leaf, "cgroup.procs"), strconv.Itoa(os.Getpid())); err != nil {
		return "", err
	}
	return parent, writeFile(filepath.Join(parent, "cgroup.subtree_control"), "+memory +pids")
}

// start starts cmd inside the group, from its first instruction on.
func (g *group) start(cmd *exec.Cmd) error {
	if g.unified {
		folder, err := os.Open(g.folders[0])
		if err != nil {
			return err
		}
		defer folder.Close()
		cmd.SysProcAttr.UseCgroupFD = true
		cmd.SysProcAttr.CgroupFD = int(folder.Fd())
		return cmd.Start()
	}
	// A child begins in the groups of the thread that forks it, and version 1
	// knows groups of threads: this thread goes in, forks, and comes back out.
	for _, folder := range g.folders {
		if err := writeFile(filepath.Join(folder, "tasks"), strconv.Itoa(unix.Gettid())); err != nil {
			return errors.Join(err, g.leave())
		}
	}
	return errors.Join(cmd.Start(), g.leave())
}

func (g *group) leave() error {
	var failed error
	for _, folder := range g.folders {
		tasks := filepath.Join(filepath.Dir(folder), "tasks")
		failed = errors.Join(failed, writeFile(tasks, strconv.Itoa(unix.Gettid())))
	}
	return failed
}

// outOfMemory reports whether the kernel killed in the group for want of memory.
func (g *group) outOfMemory() bool {
	for _, file := range []string{"memory.events", "memory.oom_control"} { // version 2, version 1
		lines, err := readLines(filepath.Join(g.folders[0], file))
		if err != nil {
			continue
		}
		for _, line := range lines {
			if count, ok := strings.CutPrefix(line, "oom_kill "); ok && count != "0" {
				return true
			}
		}
	}
	return false
}

// remove removes the group once its processes are gone. The kernel may take a
// moment to see that; a group left behind is empty and harmless.
func (g *group) remove() {
	for _, folder := range g.folders {
		for range 50 {
			if err := os.Remove(folder); !errors.Is(err, unix.EBUSY) {
				break
			}
			_ = unix.Nanosleep(&unix.Timespec{Nsec: 2_000_000}, nil)
		}
	}
}

// ownFolders are the folders of the caller's own groups.
type ownFolders struct{ memory, pids, unified string }

// ownGroups finds the caller's groups from its lists of groups and mounts.
func ownGroups(groups, mounts string) (ownFolders, error) {
	var own ownFolders
	lines, err := readLines(groups)
	if err != nil {
		return own, err
	}
	mounted, err := groupMounts(mounts)
	if err != nil {
		return own, err
	}
	for _, line := range lines {
		parts := strings.SplitN(line, ":", 3)
		if len(parts) != 3 {
			continue
		}
		if parts[1] == "" {
			own.unified = mounted.folder("", parts[2])
			continue
		}
		for _, controller := range strings.Split(parts[1], ",") {
			switch controller {
			case "memory":
				own.memory = mounted.folder(controller, parts[2])
			case "pids":
				own.pids = mounted.folder(controller, parts[2])
			}
		}
	}
	return own, nil
}

// groupMount is where a hierarchy is mounted, and which part of it.
type groupMount struct{ point, root string }

// mountedGroups are the hierarchies by controller, "" for version 2.
type mountedGroups map[string]groupMount

func (m mountedGroups) folder(controller, path string) string {
	mount, ok := m[controller]
	if !ok {
		return ""
	}
	below, err := filepath.Rel(mount.root, path)
	if err != nil || strings.HasPrefix(below, "..") {
		return mount.point // a group outside of what this container sees
	}
	return filepath.Join(mount.point, below)
}

func groupMounts(path string) (mountedGroups, error) {
	lines, err := readLines(path)
	if err != nil {
		return nil, err
	}
	out := mountedGroups{}
	for _, line := range lines {
		// id parent major:minor root point options… - type source superoptions
		before, after, ok := strings.Cut(line, " - ")
		head, tail := strings.Fields(before), strings.Fields(after)
		if !ok || len(head) < 5 || len(tail) < 3 {
			continue
		}
		mount := groupMount{root: head[3], point: head[4]}
		switch tail[0] {
		case "cgroup2":
			out[""] = mount
		case "cgroup":
			for _, option := range strings.Split(tail[2], ",") {
				out[option] = mount
			}
		}
	}
	return out, nil
}

func readLines(path string) ([]string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n"), nil
}

// writeFile writes to a file of the kernel, which is never created.
func writeFile(path, value string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}
