//go:build linux

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-tre/gatehouse"
)

// A worker's user may not be able to walk to the folders that it is given: an
// installation lies below folders that are closed to others, and its files are
// root's. So root binds what the worker may reach to a stage that only workers
// see, and where the file system can (idmapped mounts, Linux 5.12), the files
// appear there as the worker's own. On disk they stay root's.

// stagePoint is where the stage is mounted, in the spawning thread's own mount
// namespace: an empty folder to everybody else.
const stagePoint = "/run/gatehouse-stage"

var stageOnce = sync.OnceValue(makeStage)

// makeStage gives the calling thread a mount namespace of its own, for good.
func makeStage() error {
	if err := os.MkdirAll(stagePoint, 0o711); err != nil {
		return err
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("a mount namespace: %w", err)
	}
	// Mounts of the host still come in; none of ours goes out.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("a mount namespace of one's own: %w", err)
	}
	return unix.Mount("stage", stagePoint, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0711,size=1m")
}

// stage binds everything that r reaches for the user uid.
func (r reach) stage(uid int) (reach, func(), error) {
	if err := stageOnce(); err != nil {
		return r, nil, err
	}
	owner, err := userNamespace(uid)
	if err != nil {
		return r, nil, err
	}
	defer owner.Close()
	folder := filepath.Join(stagePoint, gatehouse.NewID("engine"))
	if err := os.Mkdir(folder, 0o711); err != nil {
		return r, nil, err
	}
	r.sources = make(map[string]string)
	var targets []string
	unstage := func() {
		for _, t := range targets {
			_ = unix.Unmount(t, unix.MNT_DETACH)
		}
		_ = os.RemoveAll(folder) // holds empty mount points only
	}
	bind := func(path string, attributes uint64) error {
		target := filepath.Join(folder, strconv.Itoa(len(targets)))
		if err := bindAs(path, target, attributes, owner); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		targets = append(targets, target)
		r.sources[path] = target
		return nil
	}
	failed := bind(r.program, unix.MOUNT_ATTR_RDONLY)
	for _, dir := range r.read {
		failed = errors.Join(failed, bind(dir, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOEXEC))
	}
	for _, dir := range r.write {
		failed = errors.Join(failed, bind(dir, unix.MOUNT_ATTR_NOEXEC))
	}
	if failed != nil {
		unstage()
		return r, nil, failed
	}
	return r, unstage, nil
}

// bindAs binds path to target, with root's files shown as the owner's.
func bindAs(path, target string, attributes uint64, owner *os.File) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		err = os.Mkdir(target, 0o700)
	} else {
		err = os.WriteFile(target, nil, 0o600)
	}
	if err != nil {
		return err
	}
	tree, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return fmt.Errorf("open_tree: %w", err)
	}
	defer unix.Close(tree)
	attr := unix.MountAttr{Attr_set: attributes | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV}
	mapped := attr
	mapped.Attr_set |= unix.MOUNT_ATTR_IDMAP
	mapped.Userns_fd = uint64(owner.Fd())
	err = unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &mapped)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) {
		// A file system without idmapped mounts: its files keep their owners, and
		// the worker reads what others may read.
		err = unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &attr)
	}
	if err != nil {
		return fmt.Errorf("mount_setattr: %w", err)
	}
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("move_mount: %w", err)
	}
	return nil
}

// userNamespace gives a user namespace in which root is the host's uid. It takes
// a process to make one, which lives only until it is opened.
func userNamespace(uid int) (*os.File, error) {
	cmd := exec.Command("/proc/self/exe")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Ptrace:      true, // stops before its first instruction: nothing of it runs
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}},
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("a user namespace: %w", err)
	}
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", cmd.Process.Pid))
	return f, errors.Join(err, cmd.Process.Kill(), ignoreExit(cmd.Wait()))
}

// ignoreExit drops the news that a process which was killed was killed.
func ignoreExit(err error) error {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil
	}
	return err
}
