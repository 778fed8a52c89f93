//go:build linux

package sandbox

import (
	"errors"
	"fmt"
	"os"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"github.com/landlock-lsm/go-landlock/landlock"
	landlocksys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// Enter closes the walls that a worker builds around itself: Landlock, which
// leaves it the folders read and write, and seccomp. It must be called before
// the worker opens anything or reads anything from the socket. A
// *gatehouse.Error of CodeSandbox names the layer that is missing.
func (w Walls) Enter(read, write []string) error {
	if os.Getpid() != 1 { // bubblewrap makes it the first of its own processes
		if err := w.missing(Bubblewrap, errors.New("the worker sees other processes")); err != nil {
			return err
		}
	}
	if err := restrictFiles(read, write, w.Log); err != nil {
		if err := w.missing(Landlock, err); err != nil {
			return err
		}
	}
	if err := restrictCalls(); err != nil {
		return w.missing(Seccomp, err)
	}
	return nil
}

func restrictFiles(read, write []string, log func(string)) error {
	abi, err := landlocksys.LandlockGetABIVersion()
	if err != nil || abi < 1 {
		return fmt.Errorf("the kernel has no Landlock: %w", err)
	}
	if log != nil {
		log(fmt.Sprintf("sandbox: Landlock ABI %d", abi))
	}
	// DuckDB reads its cgroup where it sees one, and ends the process if it sees
	// but cannot read it. In bubblewrap there is none to see.
	return landlock.V8.BestEffort().Restrict(landlock.RODirs(read...), landlock.RWDirs(write...),
		landlock.ROFiles("/proc/self/cgroup").IgnoreIfMissing(), landlock.RODirs("/sys/fs/cgroup").IgnoreIfMissing())
}

func restrictCalls() error {
	info, err := arch.GetInfo("")
	if err != nil {
		return err
	}
	// Some calls do not exist on every architecture, having newer forms there.
	known := func(names []string) []string {
		var out []string
		for _, name := range names {
			if _, ok := info.SyscallNames[name]; ok {
				out = append(out, name)
			}
		}
		return out
	}
	return seccomp.LoadFilter(seccomp.Filter{
		NoNewPrivs: true,
		Flag:       seccomp.FilterFlagTSync,
		Policy: seccomp.Policy{
			// Also for other architectures' calls: the filter's last word is no.
			DefaultAction: seccomp.ActionErrno,
			Syscalls: []seccomp.SyscallGroup{
				{Action: seccomp.ActionAllow, Names: known(allowed), NamesWithCondtions: conditions()},
				// The C library then falls back to clone, whose flags can be seen.
				{Action: seccomp.ActionErrno&^0xffff | seccomp.Action(unix.ENOSYS), Names: known([]string{"clone3"})},
			},
		},
	})
}

// conditions are the calls that are allowed with some arguments only.
func conditions() []seccomp.NameWithConditions {
	is := func(call string, argument uint32, value uint64) seccomp.NameWithConditions {
		return seccomp.NameWithConditions{Name: call, Conditions: seccomp.ArgumentConditions{
			{Argument: argument, Operation: seccomp.Equal, Value: value},
		}}
	}
	return []seccomp.NameWithConditions{
		// Threads, never processes; the kernel refuses a new namespace for a thread.
		{Name: "clone", Conditions: seccomp.ArgumentConditions{
			{Argument: 0, Operation: seccomp.BitsSet, Value: unix.CLONE_THREAD},
		}},
		is("tgkill", 0, uint64(os.Getpid())), // Go preempts its own threads
		is("prctl", 0, unix.PR_SET_NAME),     // DuckDB names its threads
		is("prctl", 0, unix.PR_SET_VMA),      // Go names its memory
		is("fcntl", 1, unix.F_DUPFD_CLOEXEC),
		is("fcntl", 1, unix.F_GETFD),
		is("fcntl", 1, unix.F_SETFD),
		is("fcntl", 1, unix.F_GETFL),
		is("fcntl", 1, unix.F_SETFL),
		is("fcntl", 1, unix.F_SETLK), // DuckDB locks its files
		is("fcntl", 1, unix.F_SETLKW),
		is("fcntl", 1, unix.F_GETLK),
		is("fcntl", 1, unix.F_OFD_SETLK),
		is("fcntl", 1, unix.F_OFD_SETLKW),
		is("fcntl", 1, unix.F_OFD_GETLK),
	}
}

// allowed are the calls that Go, the C library and DuckDB need to serve a
// socket that they were given and to work with files. Not among them, so
// refused: new sockets and connections, passing descriptors, programs and
// processes, tracing and other processes' memory, mounts and namespaces, keys,
// bpf, io_uring, perf, userfaultfd, and whatever later kernels add.
var allowed = []string{
	// memory
	"brk", "madvise", "mincore", "mmap", "mprotect", "mremap", "munmap", "membarrier",
	// threads, signals, time
	"arch_prctl", "clock_getres", "clock_gettime", "clock_nanosleep", "exit", "exit_group", "futex",
	"get_robust_list", "getcpu", "getpid", "getppid", "gettid", "gettimeofday", "nanosleep", "restart_syscall",
	"rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
	"sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getparam", "sched_getscheduler",
	"sched_yield", "set_robust_list", "set_tid_address", "setitimer", "sigaltstack", "time", "timer_create",
	"timer_delete", "timer_settime", "getrusage", "sysinfo", "times", "uname", "getrandom",
	"getuid", "geteuid", "getgid", "getegid", "getrlimit", "capget",
	// descriptors and the socket that was inherited
	"accept", "accept4", "close", "close_range", "dup", "dup2", "dup3", "epoll_create1", "epoll_ctl", "epoll_pwait",
	"epoll_pwait2", "epoll_wait", "eventfd2", "getpeername", "getsockname", "getsockopt", "setsockopt", "shutdown",
	"pipe2", "poll", "ppoll", "pselect6", "select", "read", "readv", "write", "writev", "recvfrom",
	// files, as far as Landlock and the mounts leave any
	"access", "faccessat", "faccessat2", "chdir", "copy_file_range", "fadvise64", "fallocate", "fchmod", "fdatasync", "flock", "fstat",
	"fstatfs", "fsync", "ftruncate", "getcwd", "getdents64", "lseek", "lstat", "mkdir", "mkdirat", "newfstatat",
	"open", "openat", "pread64", "preadv", "pwrite64", "pwritev", "readlink", "readlinkat", "rename", "renameat", "renameat2",
	"rmdir", "stat", "statfs", "statx", "sync_file_range", "truncate", "umask", "unlink", "unlinkat", "utimensat",
}
