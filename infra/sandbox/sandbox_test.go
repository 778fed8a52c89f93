//go:build linux

package sandbox_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/sandbox"
)

// This test's binary plays the worker too: it is started behind the walls with
// the name of a probe, tries what a worker must not be able to do, and tells.
func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == "probe" {
		if err := probes[os.Args[2]](os.Args[3], os.Args[4]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var probes = map[string]func(read, write string) error{
	"reach": probeReach,
	"serve": probeServe,
	"eat":   probeEat,
	"wait":  probeWait,
}

// walls are all of them, as root or as anybody.
func walls(t *testing.T) sandbox.Walls {
	w := sandbox.Walls{Log: func(line string) { t.Log(line) }}
	if os.Geteuid() == 0 {
		w.UID = sandbox.UserOf(t.Name())
	} else {
		w.AllowMissing = []sandbox.Layer{sandbox.Cgroup}
	}
	return w
}

// spawner is the thread on which workers are started, as the package asks for.
var spawner = sync.OnceValue(func() chan<- func() {
	jobs := make(chan func())
	go spawn(jobs)
	return jobs
})

func spawn(jobs <-chan func()) {
	runtime.LockOSThread()
	if unix.Gettid() == os.Getpid() {
		go spawn(jobs)
		select {}
	}
	for job := range jobs {
		job()
	}
}

func on(f func()) {
	done := make(chan struct{})
	spawner() <- func() { defer close(done); f() }
	<-done
}

type worker struct {
	*exec.Cmd
	out     bytes.Buffer
	release func() bool
	starved bool // once it is gone: it died of the hard limit of memory
}

func startProbe(t *testing.T, probe, read, write string, memoryMB int, files ...*os.File) *worker {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{Cmd: exec.Command(self, "probe", probe, read, write)}
	w.Stdout, w.Stderr, w.ExtraFiles = &w.out, t.Output(), files
	on(func() { w.release, err = walls(t).Start(w.Cmd, []string{read}, []string{write}, memoryMB) })
	if err != nil {
		t.Fatal(err, errors.Unwrap(err))
	}
	return w
}

func (w *worker) wait() error {
	err := w.Wait()
	on(func() { w.starved = w.release() })
	return err
}

// folders makes a folder to read and one to write, below one that is closed to others.
func folders(t *testing.T) (read, write string) {
	t.Helper()
	read, write = t.TempDir(), t.TempDir()
	if err := os.Chmod(read, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(read, "given"), []byte("given"), 0o600); err != nil {
		t.Fatal(err)
	}
	return read, write
}

func TestAWorkerReachesOnlyWhatItIsGiven(t *testing.T) {
	read, write := folders(t)
	outside := filepath.Join(filepath.Dir(read), "outside")
	if err := os.WriteFile(outside, []byte("outside"), 0o666); err != nil {
		t.Fatal(err)
	}
	w := startProbe(t, "reach", read, write, 64)
	if err := w.wait(); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	if err := json.Unmarshal(w.out.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, w.out.Bytes())
	}
	for try, result := range got {
		want := "EPERM"
		switch {
		case strings.HasPrefix(try, "may: "):
			want = "ok"
		case strings.HasPrefix(try, "is: "):
			_, want, _ = strings.Cut(try, " = ")
		case strings.HasPrefix(try, "file: "):
			if result == "ENOENT" || result == "EACCES" || result == "EROFS" {
				want = result
			}
		}
		if result != want {
			t.Errorf("%s: got %s, want %s", try, result, want)
		}
	}
	if len(got) < 40 {
		t.Errorf("only %d things were tried", len(got))
	}
	b, err := os.ReadFile(filepath.Join(write, "made"))
	if err != nil || string(b) != "made" {
		t.Errorf("what the worker wrote: %q %v", b, err)
	}
}

// probeReach tries things and prints what came of each, as JSON.
func probeReach(read, write string) error {
	got := map[string]string{}
	note := func(try string, err error) {
		errno := syscall.Errno(0)
		switch {
		case err == nil:
			got[try] = "ok"
		case errors.As(err, &errno):
			got[try] = unix.ErrnoName(errno)
		default:
			got[try] = err.Error()
		}
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for _, want := range []string{"CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Pid:\t1"} {
		got["is: "+want+" = true"] = fmt.Sprint(strings.Contains(string(status), want))
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return err
	}
	got["is: interfaces = 1"] = fmt.Sprint(len(interfaces))
	got["is: environment = []"] = fmt.Sprint(slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "PWD=") }))

	if err := (sandbox.Walls{AllowMissing: nil}).Enter([]string{read}, []string{write}); err != nil {
		return fmt.Errorf("%w: %w", err, errors.Unwrap(err))
	}

	_, err = os.ReadFile(filepath.Join(read, "given"))
	note("may: read what is given", err)
	note("may: write where it may", os.WriteFile(filepath.Join(write, "made"), []byte("made"), 0o600))
	note("may: rename where it may", os.Rename(filepath.Join(write, "made"), filepath.Join(write, "renamed")))
	note("may: rename back", os.Rename(filepath.Join(write, "renamed"), filepath.Join(write, "made")))
	note("file: change what is given", os.WriteFile(filepath.Join(read, "given"), nil, 0o600))
	note("file: add to what is given", os.WriteFile(filepath.Join(read, "more"), nil, 0o600))
	for _, path := range []string{"/etc/passwd", "/etc/hostname", filepath.Join(filepath.Dir(read), "outside"), "/gatehouse-engine",
		"/proc/self/environ", "/proc/self/mem", "/proc/self/maps", "/proc/self/status", "/proc/version", "/sys/kernel", "/dev/null", "/root",
		"/usr/lib/os-release", "/run", "/home", read + "/../outside"} {
		_, err := os.Open(path)
		note("file: open "+path, err)
	}
	for _, path := range []string{"/made", "/tmp/made", "/usr/lib/made", "/proc/self/comm"} {
		note("file: write "+path, os.WriteFile(path, []byte("x"), 0o600))
	}
	note("file: link out", syscall.Link("/usr/lib/os-release", filepath.Join(write, "link")))

	for name, family := range map[string]int{"inet": unix.AF_INET, "inet6": unix.AF_INET6, "unix": unix.AF_UNIX, "netlink": unix.AF_NETLINK, "packet": unix.AF_PACKET, "vsock": unix.AF_VSOCK} {
		_, err := unix.Socket(family, unix.SOCK_STREAM, 0)
		note("socket "+name, err)
	}
	_, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	note("socketpair", err)
	note("connect", unix.Connect(0, &unix.SockaddrUnix{Name: "/x"}))
	note("bind", unix.Bind(0, &unix.SockaddrUnix{Name: "/x"}))
	note("execve", syscall.Exec("/gatehouse-engine", []string{"x"}, nil))
	note("mount", unix.Mount("x", "/", "tmpfs", 0, ""))
	note("umount2", unix.Unmount("/", unix.MNT_DETACH))
	note("chroot", unix.Chroot("/"))
	note("ptrace", unix.PtraceAttach(1))
	note("kill", unix.Kill(1, 0))
	note("setuid", rawCall(unix.SYS_SETUID, 0))
	_, err = unix.MemfdCreate("x", 0)
	note("memfd_create", err)
	for name, number := range map[string]uintptr{
		"fork": unix.SYS_CLONE, "unshare": unix.SYS_UNSHARE, "setns": unix.SYS_SETNS, "bpf": unix.SYS_BPF,
		"io_uring_setup": unix.SYS_IO_URING_SETUP, "io_uring_enter": unix.SYS_IO_URING_ENTER, "perf_event_open": unix.SYS_PERF_EVENT_OPEN,
		"userfaultfd": unix.SYS_USERFAULTFD, "keyctl": unix.SYS_KEYCTL, "add_key": unix.SYS_ADD_KEY, "process_vm_readv": unix.SYS_PROCESS_VM_READV,
		"open_by_handle_at": unix.SYS_OPEN_BY_HANDLE_AT, "name_to_handle_at": unix.SYS_NAME_TO_HANDLE_AT, "pidfd_getfd": unix.SYS_PIDFD_GETFD,
		"open_tree": unix.SYS_OPEN_TREE, "fsopen": unix.SYS_FSOPEN, "move_mount": unix.SYS_MOVE_MOUNT, "init_module": unix.SYS_INIT_MODULE,
		"kexec_load": unix.SYS_KEXEC_LOAD, "reboot": unix.SYS_REBOOT, "swapon": unix.SYS_SWAPON, "sethostname": unix.SYS_SETHOSTNAME,
		"sendmsg": unix.SYS_SENDMSG, "recvmsg": unix.SYS_RECVMSG, "personality": unix.SYS_PERSONALITY, "ioctl": unix.SYS_IOCTL, "mknodat": unix.SYS_MKNODAT,
	} {
		note(name, rawCall(number, 0))
	}
	note("prctl PR_SET_DUMPABLE", unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0))
	// Another architecture's numbers are refused as well: see the filter's default.
	return json.NewEncoder(os.Stdout).Encode(got)
}

func rawCall(number, argument uintptr) error {
	if _, _, errno := unix.RawSyscall6(number, argument, 0, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

func TestAWorkerServesTheSocketItInherits(t *testing.T) {
	read, write := folders(t)
	sockets, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(sockets)
	path := filepath.Join(sockets, "socket")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	w := startProbe(t, "serve", read, write, 64, f)
	f.Close()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got, err := io.ReadAll(conn)
	if err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := w.wait(); err != nil {
		t.Error(err)
	}
}

func probeServe(read, write string) error {
	l, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	if err := (sandbox.Walls{}).Enter([]string{read}, []string{write}); err != nil {
		return err
	}
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	_, err = conn.Write([]byte("hello"))
	return errors.Join(err, conn.Close())
}

func TestTheKernelLimitsAWorkersMemory(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root is sure to have a cgroup here")
	}
	read, write := folders(t)
	w := startProbe(t, "eat", read, write, 16)
	err := w.wait()
	exit := (*exec.ExitError)(nil)
	if !errors.As(err, &exit) || !strings.Contains(exit.String(), "137") && exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("got %v, want it killed; it said %s", err, w.out.String())
	}
	if !w.starved {
		t.Error("nobody says that it was the memory")
	}
}

// probeEat takes far more memory than it is allowed, up to 4 GB.
func probeEat(_, _ string) error {
	var held [][]byte
	for range 64 {
		b := make([]byte, 64<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		held = append(held, b)
	}
	fmt.Println("held", len(held), unsafe.Sizeof(held))
	return nil
}

func TestAWorkerHasAHostUserOfItsOwn(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a worker a user")
	}
	read, write := folders(t)
	r, stdin, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	said, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	w := startProbe(t, "wait", read, write, 64, r, out)
	r.Close()
	out.Close()
	if _, err := said.Read(make([]byte, 1)); err != nil { // it runs
		t.Fatal(err)
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", w.Process.Pid, w.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(string(children)), "status"))
	if err != nil {
		t.Fatal(err)
	}
	uid := sandbox.UserOf(t.Name())
	if want := fmt.Sprintf("Uid:\t%d\t%d\t%d\t%d\n", uid, uid, uid, uid); !strings.Contains(string(status), want) {
		t.Errorf("want %q in %s", want, status)
	}
	if !strings.Contains(string(status), "Groups:\t\n") && !strings.Contains(string(status), "Groups:\t \n") {
		t.Errorf("it has other groups: %s", status)
	}
	stdin.Close()
	if err := w.wait(); err != nil {
		t.Error(err)
	}
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(mounts), "gatehouse-stage") {
		t.Errorf("the stage shows in the control plane's own mounts: %v", err)
	}
}

func probeWait(_, _ string) error {
	if _, err := os.NewFile(4, "said").Write([]byte("!")); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.NewFile(3, "stdin"))
	return err
}

func TestEnterOutsideOfBubblewrapIsRefused(t *testing.T) {
	err := sandbox.Walls{}.Enter(nil, nil)
	if gatehouse.CodeOf(err) != gatehouse.CodeSandbox || !strings.Contains(err.Error(), string(sandbox.Bubblewrap)) {
		t.Errorf("got %v", err)
	}
}

func TestUsersDiffer(t *testing.T) {
	seen := map[int]string{}
	for i := range 1000 {
		name := fmt.Sprint("workspace-", i)
		uid := sandbox.UserOf(name)
		if other, taken := seen[uid]; taken {
			t.Errorf("%s and %s are the same user", name, other)
		}
		if uid < 0x70000000 || uid > 0x7FFDFFFF || uid != sandbox.UserOf(name) {
			t.Errorf("%s: %d", name, uid)
		}
		seen[uid] = name
	}
}
