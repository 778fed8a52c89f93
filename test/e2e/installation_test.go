package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// readyWithin is far more than a small demonstration needs, so that reaching it
// means that something hangs.
const readyWithin = 3 * time.Minute

// readiness is what `gatehouse demo --ready FILE` writes.
type readiness struct {
	HTTP       string            `json:"http"`
	Flight     string            `json:"flight"`
	CA         string            `json:"ca"`
	Workspace  string            `json:"workspace"`
	Tokens     map[string]string `json:"tokens"`
	Datasets   map[string]string `json:"datasets"`
	Population string            `json:"population"`
	Extracts   string            `json:"extracts"`
	Custodian  string            `json:"custodian"`
	Accounts   map[string]string `json:"accounts"`
}

// installation is one running `gatehouse demo` or `gatehouse serve`. The goroutine of the script owns
// it; output is written by the process's copier.
type installation struct {
	process *exec.Cmd
	exited  chan struct{} // closed when the process has ended
	status  error         // of Wait; read after exited
	output  output
	ready   readiness
	started []int // engines that ran when the server was killed
}

type installationKey struct{}

type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf.Reset()
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// start runs the demonstration on dir and returns when it says that it serves.
func (in *installation) start(ctx context.Context, dir, readyFile string, args ...string) error {
	if err := os.Remove(readyFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	args = append([]string{"demo", "--dir", dir, "--http", "127.0.0.1:0", "--flight", "127.0.0.1:0", "--ready", readyFile}, args...)
	return in.run(ctx, args, func() (bool, error) {
		said, err := os.ReadFile(readyFile)
		if err != nil {
			return false, nil
		}
		in.ready = readiness{}
		if err := json.Unmarshal(said, &in.ready); err != nil {
			return false, fmt.Errorf("the ready file is not whole when it appears: %w", err)
		}
		return true, nil
	})
}

var serving = regexp.MustCompile(`(?s)HTTP API +(https://\S+)\nFlight SQL +(grpc\+tls://\S+)\nCA +(\S+)\n`)

// serve runs the installation in dir and returns when it says where it serves.
func (in *installation) serve(ctx context.Context, dir string) error {
	return in.run(ctx, []string{"serve", "--dir", dir, "--http", "127.0.0.1:0", "--flight", "127.0.0.1:0"}, func() (bool, error) {
		said := serving.FindStringSubmatch(in.output.String())
		if said == nil {
			return false, nil
		}
		in.ready = readiness{HTTP: said[1], Flight: said[2], CA: said[3]}
		return true, nil
	})
}

// run starts gatehouse and looks, again and again, whether it is ready.
func (in *installation) run(ctx context.Context, args []string, ready func() (bool, error)) error {
	if in.running() {
		return errors.New("a server is running already")
	}
	in.output.reset()
	in.exited = make(chan struct{})
	in.process = exec.Command(filepath.Join(binaries, "gatehouse"), args...)
	in.process.Stdout, in.process.Stderr = &in.output, &in.output
	in.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := in.process.Start(); err != nil {
		return err
	}
	go func(process *exec.Cmd, exited chan struct{}) {
		in.status = process.Wait()
		close(exited)
	}(in.process, in.exited)

	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for look := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case <-in.exited:
			return fmt.Errorf("the server ended before it served: %v\n%s", in.status, in.output.String())
		case <-ctx.Done():
			in.end()
			return fmt.Errorf("the server is not ready after %v\n%s", readyWithin, in.output.String())
		case <-look.C:
			if is, err := ready(); is || err != nil {
				return err
			}
		}
	}
}

func (in *installation) running() bool {
	if in.process == nil {
		return false
	}
	select {
	case <-in.exited:
		return false
	default:
		return true
	}
}

// stop asks the server to leave, as a service manager does, and gives its status.
func (in *installation) stop() error {
	if !in.running() {
		return errors.New("no server is running")
	}
	if err := in.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-in.exited:
		return in.status
	case <-time.After(time.Minute):
		in.end()
		return errors.New("the server has not left a minute after SIGTERM")
	}
}

// end kills the server, if it runs, and waits for it.
func (in *installation) end() {
	if in.running() {
		_ = in.process.Process.Kill()
		<-in.exited
	}
}

// engines are the pids of the engine processes below the server that have the
// role ("" for any), innermost processes (below bubblewrap) only.
func (in *installation) engines(role string) []int {
	parents := map[int]int{}
	arguments := map[int][]string{}
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "stat"))
		if err != nil {
			continue // it ended meanwhile
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		parents[pid], _ = strconv.Atoi(fields[1])
		cmdline, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		arguments[pid] = strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00")
	}
	var found []int
	for pid, args := range arguments {
		if filepath.Base(args[0]) != "gatehouse-engine" || !hasRole(args, role) {
			continue
		}
		for at := pid; at > 1; at = parents[at] {
			if at == in.process.Process.Pid {
				found = append(found, pid)
				break
			}
		}
	}
	return found
}

func hasRole(args []string, role string) bool {
	if role == "" {
		return true
	}
	for i, arg := range args {
		if arg == "--role="+role || arg == "--role" && i+1 < len(args) && args[i+1] == role {
			return true
		}
	}
	return false
}

// cpu is the processor time that a process has used, in clock ticks.
func cpu(pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return user + system
}
