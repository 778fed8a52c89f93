//go:build duckdb_arrow

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/engine"
	"github.com/gatehouse-tre/gatehouse/infra/sandbox"
)

// patience bounds every wait of these tests; none of them takes it unless it fails.
const patience = 20 * time.Second

// until waits for a condition that no event announces.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); !holds(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func waitUntilBusy(t *testing.T, p *engine.Process) {
	t.Helper()
	first := cpu(t, p)
	until(t, "the engine computes", func() bool { return cpu(t, p) > first+5 })
}

// waitUntilIdle waits until the engine uses no processor time for a while.
func waitUntilIdle(t *testing.T, p *engine.Process) {
	t.Helper()
	last, since := cpu(t, p), time.Now()
	until(t, "the engine rests", func() bool {
		if now := cpu(t, p); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 100*time.Millisecond
	})
}

// cpu is the processor time of a worker in the kernel's ticks. The worker is
// the only child of bubblewrap.
func cpu(t *testing.T, p *engine.Process) (ticks int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", inner(t, p)))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+2:]))
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return ticks
}

func inner(t *testing.T, p *engine.Process) int {
	t.Helper()
	pid := p.Pid()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatalf("bubblewrap has the children %q", b)
	}
	return child
}

func TestAKilledEngineIsLost(t *testing.T) {
	for _, whom := range []string{"bubblewrap", "worker"} {
		t.Run(whom, func(t *testing.T) {
			v := engine.Vault{Process: start(t, config(t, engine.RoleVault))}
			if err := v.Open(t.Context()); err != nil {
				t.Fatal(describe(err))
			}
			failed := make(chan error, 1)
			go func() {
				_, err := v.Query(t.Context(), slow)
				failed <- err
			}()
			waitUntilBusy(t, v.Process)
			pid := v.Pid()
			if whom == "worker" {
				pid = inner(t, v.Process)
			}
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-failed:
				if kindOf(err) != egress.FailureLost {
					t.Errorf("got %v, want lost", err)
				}
			case <-time.After(patience):
				t.Fatal("the query hangs")
			}
			<-v.Done()
			if _, err := v.Query(t.Context(), "SELECT 1"); kindOf(err) != egress.FailureLost {
				t.Errorf("a query afterwards: got %v, want lost", err)
			}
		})
	}
}

func TestAnEngineKilledWhileItStreamsIsLost(t *testing.T) {
	v := engine.Vault{Process: start(t, config(t, engine.RoleVault))}
	if err := v.Open(t.Context()); err != nil {
		t.Fatal(describe(err))
	}
	rows, err := v.Query(t.Context(), "SELECT i, i AS j FROM range(5000000) r(i)")
	if err != nil {
		t.Fatal(describe(err))
	}
	defer rows.Release()
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	v.Kill()
	for rows.Next() {
	}
	if kindOf(rows.Err()) != egress.FailureLost {
		t.Errorf("half an answer: got %v, want lost", rows.Err())
	}
}

func TestAPoolReplacesTheDead(t *testing.T) {
	c := config(t, engine.RoleBinder)
	started := make(chan *engine.Process, 10)
	pool := engine.NewPool(1, func(ctx context.Context) (*engine.Process, error) {
		p, err := engine.Start(ctx, c)
		if err == nil {
			started <- p
		}
		return p, err
	})
	binders := engine.Binders{Pool: pool}
	bind := func() error {
		_, err := binders.Bind(t.Context(), nil, "SELECT 1")
		return err
	}
	if err := bind(); err != nil {
		t.Fatal(describe(err))
	}
	(<-started).Kill()
	until(t, "the pool answers again", func() bool { return bind() == nil })
	second := <-started
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	if second.Alive() {
		t.Error("a closed pool leaves a worker")
	}
	if err := bind(); kindOf(err) != egress.FailureMissing {
		t.Errorf("a closed pool: got %v, want missing", err)
	}
}

func TestAPoolThatCannotStartSaysWhy(t *testing.T) {
	c := config(t, engine.RoleLobby)
	c.Binary = "/nowhere/gatehouse-engine"
	pool := engine.NewPool(2, func(ctx context.Context) (*engine.Process, error) { return engine.Start(ctx, c) })
	defer pool.Close()
	if err := pool.Ready(t.Context()); err == nil || !strings.Contains(describe(err), "/nowhere/gatehouse-engine") {
		t.Errorf("got %v", err)
	}
}

func TestCloseIsGraceful(t *testing.T) {
	c := config(t, engine.RoleVault)
	v := engine.Vault{Process: start(t, c)}
	worker := open(t, inner(t, v.Process))
	began := time.Now()
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("closed in %v", time.Since(began))
	waitGone(t, worker)
	if left, err := os.ReadDir(c.Sockets); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if time.Since(began) > 2*time.Second {
		t.Error("an idle worker had to be killed")
	}
}

func TestSIGTERMEndsAWorker(t *testing.T) {
	v := start(t, config(t, engine.RoleLobby))
	if err := syscall.Kill(inner(t, v), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-v.Done():
	case <-time.After(patience):
		t.Fatal("it goes on")
	}
}

// parentMode makes this test's binary play a control plane that is killed; it
// holds the path of gatehouse-engine.
const parentMode = "GATEHOUSE_TEST_PARENT"

func TestAWorkerDiesWithItsParent(t *testing.T) {
	if os.Getenv(parentMode) != "" {
		v := start(t, config(t, engine.RoleVault))
		fmt.Printf("worker %d\n", inner(t, v))
		_, _ = os.Stdin.Read(make([]byte, 1)) // until it is killed
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	temp, err := os.MkdirTemp("", "p")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(temp)
	cmd := exec.Command(self, "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), parentMode+"="+binary, "TMPDIR="+temp)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := 0
	buffer := make([]byte, 0, 1<<16)
	for pid == 0 {
		n, err := stdout.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		if _, after, ok := strings.Cut(string(buffer), "worker "); ok && strings.Contains(after, "\n") {
			pid, _ = strconv.Atoi(strings.TrimSpace(after[:strings.IndexByte(after, '\n')]))
		}
		if err != nil && pid == 0 {
			t.Fatalf("%v: %s", err, buffer)
		}
	}
	worker := open(t, pid)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	waitGone(t, worker)
}

// open gives a descriptor of a process, which tells of its end whoever it is.
func open(t *testing.T, pid int) int {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func waitGone(t *testing.T, pidfd int) {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if n, err := unix.Poll(fds, 1000); n == 1 {
			return
		} else if err != nil && !errors.Is(err, unix.EINTR) {
			t.Fatal(err)
		}
	}
	t.Fatal("the worker outlives its parent")
}

func TestAWorkerWithoutBubblewrapDoesNotStart(t *testing.T) {
	c := config(t, engine.RoleVault)
	c.Sandbox = bare{}
	_, err := engine.Start(t.Context(), c)
	if gatehouse.CodeOf(err) != gatehouse.CodeSandbox || !strings.Contains(err.Error(), "bubblewrap") {
		t.Errorf("got %v, want %s that names bubblewrap", describe(err), gatehouse.CodeSandbox)
	}
}

// bare starts a worker as it is, allowing for nothing.
type bare struct{}

func (bare) Start(cmd *exec.Cmd, _, _ []string, _ int) (func() bool, error) {
	return func() bool { return false }, cmd.Start()
}

func TestTheMissingLayerIsNamed(t *testing.T) {
	c := config(t, engine.RoleVault)
	t.Setenv("PATH", t.TempDir())
	_, err := engine.Start(t.Context(), c)
	if gatehouse.CodeOf(err) != gatehouse.CodeSandbox || !strings.Contains(err.Error(), "bubblewrap") {
		t.Errorf("got %v, want %s that names bubblewrap", describe(err), gatehouse.CodeSandbox)
	}
	if os.Geteuid() == 0 {
		c = config(t, engine.RoleVault)
		c.Sandbox = sandbox.Walls{}
		if _, err = engine.Start(t.Context(), c); gatehouse.CodeOf(err) != gatehouse.CodeSandbox || !strings.Contains(err.Error(), "user") {
			t.Errorf("as root: got %v, want %s that names the user", describe(err), gatehouse.CodeSandbox)
		}
	}
}
