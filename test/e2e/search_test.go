package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// said FILE: what the server has written so far to its output and its log.
func saidCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: said FILE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(installed(ts).output.String()), 0o600))
}

// abort server|vault|binder|lobby: SIGABRT, of which a process leaves a core file if
// anything lets it. Nothing may: the limit of each is looked at first.
func abortCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: abort server|vault|binder|lobby")
	}
	in := installed(ts)
	pids := []int{in.process.Process.Pid}
	if args[0] != "server" {
		if pids = in.engines(args[0]); len(pids) == 0 {
			ts.Fatalf("no engine has the role %s", args[0])
		}
	}
	for _, pid := range pids {
		limits, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "limits"))
		ts.Check(err)
		for line := range strings.Lines(string(limits)) {
			if rest, is := strings.CutPrefix(line, "Max core file size"); is && strings.Join(strings.Fields(rest), " ") != "0 0 bytes" {
				ts.Fatalf("the %s may leave a core file: %s", args[0], line)
			}
		}
		ts.Check(syscall.Kill(pid, syscall.SIGABRT))
	}
	if args[0] == "server" {
		<-in.exited
		return
	}
	ts.Check(in.gone(pids))
}
