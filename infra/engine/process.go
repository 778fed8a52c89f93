package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
)

// Config says which worker to start and what it may reach.
type Config struct {
	Binary   string   // path of gatehouse-engine
	Role     Role     //
	Read     []string // folders that the worker may read, absolute
	Write    []string // folders that the worker may also write, absolute
	Threads  int      // of DuckDB; 0 means one
	MemoryMB int      // DuckDB's own limit; 0 means 512. The sandbox holds a harder one above it
	Sockets  string   // an existing folder, closed to others, for the worker's socket
	// Sandbox turns the plain command into a sandboxed one. Without it the worker
	// runs with the rights of the control plane: for tests of other things only.
	Sandbox Sandbox
	Log     io.Writer // takes the worker's stderr; nil throws it away
}

// Sandbox starts a worker behind walls.
type Sandbox interface {
	// Start starts cmd, a plain command of the worker, so that it reaches nothing
	// of the host but the folders read and write, at their own paths, and the
	// descriptors in cmd.ExtraFiles; memoryMB is what DuckDB may use. A missing wall
	// is an error, never a weaker start. Start and, once the worker is gone,
	// release are called on the same OS thread, which is used for nothing else,
	// is not the main thread, and lives as long as the process. release reports
	// whether the worker died of the hard limit of memory.
	Start(cmd *exec.Cmd, read, write []string, memoryMB int) (release func() (outOfMemory bool), err error)
}

// The descriptors that a worker inherits.
const (
	ListenerFD = 3 // its unix listener
	LifelineFD = 4 // a pipe that the parent never writes to: at its end, the parent is gone
)

// ExitSandbox is a worker's exit status when it could not close its walls; the
// last line that it wrote says which.
const ExitSandbox = 77

// startTime is how long a worker may take to answer for the first time.
const startTime = 15 * time.Second

// closeTime is how long Close waits for a worker to leave before it is killed.
const closeTime = 5 * time.Second

// Process is a running worker.
type Process struct {
	role     Role
	client   *client
	cmd      *exec.Cmd
	socket   string
	lifeline *os.File
	gone     chan struct{} // closed when the process is dead and cleaned up
	exit     error         // how it died; read after gone
	starved  bool          // it died of the hard limit of memory; read after gone
	said     *tail         // the end of what it wrote to stderr
	stop     sync.Once
}

// Start starts a worker and waits until it answers, or ctx ends. The worker
// lives until Close, not until ctx ends. A failure is a *gatehouse.Error with
// CodeSandbox that names the wall that is missing, or an *egress.EngineFailure
// of FailureMissing.
func Start(ctx context.Context, c Config) (*Process, error) {
	p, err := spawn(c)
	if err != nil {
		if gatehouse.CodeOf(err) == gatehouse.CodeSandbox {
			return nil, err
		}
		return nil, &egress.EngineFailure{Kind: egress.FailureMissing, Cause: err.Error()}
	}
	starting, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	ready, err := p.client.ready(starting)
	if err == nil && ready.Role != c.Role {
		err = fmt.Errorf("engine: the worker has role %q, not %q", ready.Role, c.Role)
	}
	if err != nil {
		if starting.Err() == nil { // it is leaving by itself, and says why
			select {
			case <-p.gone:
			case <-time.After(time.Second):
			}
		}
		p.Kill()
		return nil, p.stillborn(err)
	}
	return p, nil
}

// stillborn explains why a worker never answered.
func (p *Process) stillborn(err error) error {
	last := p.said.lastLine()
	cause := fmt.Errorf("engine %s does not start: %v (%v): %s", p.role, err, p.exit, last)
	exit := (*exec.ExitError)(nil)
	if strings.HasPrefix(last, "bwrap: ") || errors.As(p.exit, &exit) && exit.ExitCode() == ExitSandbox {
		return gatehouse.Errorf(gatehouse.CodeSandbox, "The engine cannot be closed in: %s", last).Because(cause)
	}
	return &egress.EngineFailure{Kind: egress.FailureMissing, Cause: cause.Error()}
}

func spawn(c Config) (*Process, error) {
	if !c.Role.Valid() {
		return nil, fmt.Errorf("engine: unknown role %q", c.Role)
	}
	for _, dir := range append(append([]string(nil), c.Read...), c.Write...) {
		if !filepath.IsAbs(dir) {
			return nil, fmt.Errorf("engine: %s is not an absolute path", dir)
		}
	}
	socket := filepath.Join(c.Sockets, gatehouse.NewID(string(c.Role))+".sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	defer l.Close() // the worker holds its own copy
	if err := os.Chmod(socket, 0o600); err != nil {
		return nil, err
	}
	listener, err := l.File()
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	life, lifeline, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer life.Close()

	cmd := exec.Command(c.Binary, c.args()...)
	cmd.Env = []string{}
	cmd.ExtraFiles = []*os.File{listener, life}
	cmd.WaitDelay = time.Second // for its stderr, once it is gone
	said := new(tail)
	cmd.Stderr = said
	if c.Log != nil {
		cmd.Stderr = io.MultiWriter(said, c.Log)
	}
	release := func() bool { return false }
	err = onSpawner(func() (err error) {
		if c.Sandbox == nil {
			cmd.Args = append(cmd.Args, "--allow-missing", "bubblewrap")
			return cmd.Start()
		}
		release, err = c.Sandbox.Start(cmd, c.Read, c.Write, c.memory())
		return err
	})
	if err != nil {
		lifeline.Close()
		os.Remove(socket)
		return nil, err
	}
	p := &Process{role: c.Role, client: newClient(socket), cmd: cmd, socket: socket, lifeline: lifeline,
		gone: make(chan struct{}), said: said}
	go func() {
		p.exit = cmd.Wait()
		lifeline.Close()
		p.client.close()
		os.Remove(socket)
		_ = onSpawner(func() error { p.starved = release(); return nil })
		close(p.gone)
	}()
	return p, nil
}

func (c Config) memory() int {
	if c.MemoryMB <= 0 {
		return 512
	}
	return c.MemoryMB
}

func (c Config) args() []string {
	args := []string{"--role", string(c.Role), "--threads", strconv.Itoa(max(c.Threads, 1)), "--memory", strconv.Itoa(c.memory())}
	for _, dir := range c.Read {
		args = append(args, "--read", dir)
	}
	for _, dir := range c.Write {
		args = append(args, "--write", dir)
	}
	return args
}

// Done is closed when the worker is dead.
func (p *Process) Done() <-chan struct{} { return p.gone }

// Alive reports whether the worker has not died yet.
func (p *Process) Alive() bool {
	select {
	case <-p.gone:
		return false
	default:
		return true
	}
}

// Pid is the id of the worker's outermost process on the host.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Close lets the worker leave, kills it after a while, and returns when it is
// gone. It may be called more than once.
func (p *Process) Close() error {
	p.stop.Do(func() {
		p.lifeline.Close()
		patience := time.AfterFunc(closeTime, p.kill)
		<-p.gone
		patience.Stop()
	})
	<-p.gone
	return nil
}

// Kill ends the worker at once and returns when it is gone.
func (p *Process) Kill() {
	p.kill()
	<-p.gone
}

func (p *Process) kill() { _ = p.cmd.Process.Signal(syscall.SIGKILL) }

// explain adds to a lost connection how the process died, for which it waits
// a moment if need be.
func (p *Process) explain(err error) error {
	lost := (*egress.EngineFailure)(nil)
	if !errors.As(err, &lost) || lost.Kind != egress.FailureLost {
		return err
	}
	select {
	case <-p.gone:
	case <-time.After(time.Second):
		return err
	}
	kind := lost.Kind
	if p.starved {
		kind = egress.FailureMemory
	}
	return &egress.EngineFailure{Kind: kind, Cause: fmt.Sprintf("%s (%s engine: %v): %s", lost.Cause, p.role, p.exit, p.said.lastLine())}
}

// onSpawner runs f on one thread that lives as long as the process. A worker
// asks the kernel to die with its parent, and for the kernel the parent is the
// thread that forked, not the process.
func onSpawner(f func() error) error {
	spawner.once.Do(func() {
		spawner.work = make(chan func())
		go spawnLoop()
	})
	result := make(chan error)
	spawner.work <- func() { result <- f() }
	return <-result
}

func spawnLoop() {
	runtime.LockOSThread()
	if unix.Gettid() == os.Getpid() {
		// A sandbox may change what this thread sees of the host's files, and what
		// the main thread sees is what /proc tells of the whole process.
		go spawnLoop()
		select {}
	}
	for job := range spawner.work {
		job()
	}
}

var spawner struct {
	once sync.Once
	work chan func()
}
