package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func installed(ts *testscript.TestScript) *installation {
	return ts.Value(installationKey{}).(*installation)
}

// demo DIR [flags]: start the demonstration on DIR, on free loopback ports, and
// wait until it serves. Sets READY, HTTP, FLIGHT, CA, WORKSPACE, EXTRACTS,
// CUSTODIAN, POPULATION and TOKEN_<role>. `! demo` expects it to fail to start.
func demoCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 {
		ts.Fatalf("usage: demo DIR [flags]")
	}
	in := installed(ts)
	ready := ts.MkAbs("ready.json")
	err := in.start(context.Background(), ts.MkAbs(args[0]), ready, args[1:]...)
	if neg {
		if err == nil {
			ts.Fatalf("the demonstration serves, and should not")
		}
		fmt.Fprintln(ts.Stderr(), err)
		return
	}
	ts.Check(err)
	for name, value := range map[string]string{
		"READY": ready, "HTTP": in.ready.HTTP, "FLIGHT": in.ready.Flight, "CA": in.ready.CA, "WORKSPACE": in.ready.Workspace,
		"EXTRACTS": in.ready.Extracts, "CUSTODIAN": in.ready.Custodian, "POPULATION": in.ready.Population,
	} {
		ts.Setenv(name, value)
	}
	for role, token := range in.ready.Tokens {
		ts.Setenv("TOKEN_"+role, token)
	}
}

// serve DIR: serve an installation that the script made, on free loopback ports.
// Sets HTTP, FLIGHT and CA.
func serveCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: serve DIR")
	}
	in := installed(ts)
	ts.Check(in.serve(context.Background(), ts.MkAbs(args[0])))
	ts.Setenv("HTTP", in.ready.HTTP)
	ts.Setenv("FLIGHT", in.ready.Flight)
	ts.Setenv("CA", in.ready.CA)
}

// drain: SIGTERM to the server, which must drain and exit with 0.
func drainCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: drain")
	}
	in := installed(ts)
	if err := in.stop(); err != nil {
		ts.Fatalf("%v\n%s", err, in.output.String())
	}
}

// kill9 server|vault|binder|lobby: SIGKILL, without warning.
func killCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: kill9 server|vault|binder|lobby")
	}
	ts.Check(installed(ts).kill(args[0]))
}

func (in *installation) kill(what string) error {
	if what == "server" {
		in.started = in.engines("")
		in.end()
		return nil
	}
	pids := in.engines(what)
	if len(pids) == 0 {
		return fmt.Errorf("no engine has the role %s", what)
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return err
		}
	}
	return in.gone(pids)
}

// gone waits until processes have ended, as the server too needs a moment to
// see it.
func (in *installation) gone(pids []int) error {
	late := time.After(10 * time.Second)
	for look := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case <-look.C:
			if !slices.ContainsFunc(pids, func(pid int) bool { return syscall.Kill(pid, 0) == nil }) {
				return nil
			}
		case <-late:
			return fmt.Errorf("some of the processes %v still run after ten seconds", pids)
		}
	}
}

// as ROLE: the gatehouse commands that follow speak to the server as that person.
func asCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: as ROLE")
	}
	in := installed(ts)
	token, ok := in.ready.Tokens[args[0]]
	if !ok {
		ts.Fatalf("the demonstration has no token for %s", args[0])
	}
	ts.Setenv("GATEHOUSE_SERVER", in.ready.HTTP)
	ts.Setenv("GATEHOUSE_CA", in.ready.CA)
	ts.Setenv("GATEHOUSE_TOKEN", token)
}

// ask ROLE|token=TOKEN SQL: one question over Flight SQL, with arrow-go's client.
// The rows go to stdout, one a line, cells parted by '|', NULL written as NULL.
func askCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: ask ROLE|token=TOKEN SQL")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	rows, err := installed(ts).ask(ctx, args[0], args[1])
	if neg {
		if err == nil {
			ts.Fatalf("answered, and should not be:\n%s", strings.Join(rows, "\n"))
		}
		fmt.Fprintln(ts.Stderr(), err)
		return
	}
	ts.Check(err)
	out := ts.Stdout() // also without any row, or the last command's output would stand
	for _, row := range rows {
		fmt.Fprintln(out, row)
	}
}

// during ROLE SQL kill9 server|vault: ask, and kill while the vault works on it.
// The question must then fail, and its error goes to stderr.
func duringCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 || args[2] != "kill9" {
		ts.Fatalf("usage: during ROLE SQL kill9 server|vault")
	}
	in := installed(ts)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	before := map[int]int{}
	for _, pid := range in.engines("vault") {
		before[pid] = cpu(pid)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := in.ask(ctx, args[0], args[1])
		failed <- err
	}()
	// In the middle means that the vault has computed for a fifth of a second.
	for look := time.NewTicker(5 * time.Millisecond); ; {
		select {
		case err := <-failed:
			ts.Fatalf("the question ended before the vault was busy with it: %v", err)
		case <-look.C:
		}
		busy := false
		for _, pid := range in.engines("vault") {
			busy = busy || cpu(pid)-before[pid] >= 20
		}
		if busy {
			break
		}
	}
	ts.Check(in.kill(args[3]))
	err := <-failed
	if err == nil {
		ts.Fatalf("the question was answered although the %s was killed", args[3])
	}
	if ctx.Err() != nil {
		ts.Fatalf("the question hung after the %s was killed", args[3])
	}
	fmt.Fprintln(ts.Stderr(), err)
}

// python FILE [args]: a script with the packages of .venv.
func pythonCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 {
		ts.Fatalf("usage: python FILE [args]")
	}
	if !filepath.IsAbs(args[0]) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err != nil {
			args[0] = filepath.Join(repository, args[0])
		}
	}
	err := ts.Exec(python(ts), args...)
	if neg == (err == nil) {
		ts.Fatalf("python %s: %v", args[0], err)
	}
}

// until CODE ROLE|token=TOKEN SQL: ask again and again, until the answer is the
// refusal CODE. Ends after a minute and a half.
func untilCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: until CODE ROLE|token=TOKEN SQL")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	for again := time.NewTicker(100 * time.Millisecond); ; <-again.C {
		_, err := installed(ts).ask(ctx, args[1], args[2])
		if err == nil {
			continue
		}
		if !strings.Contains(err.Error(), args[0]+":") {
			ts.Fatalf("refused otherwise than by %s: %v", args[0], err)
		}
		fmt.Fprintln(ts.Stderr(), err)
		return
	}
}

// issued NAME: keep the token that the last command printed in the variable NAME.
func issuedCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: issued NAME")
	}
	for _, word := range strings.Fields(ts.ReadFile("stdout")) {
		if strings.HasPrefix(word, "gatehouse_") {
			ts.Setenv(args[0], word)
			return
		}
	}
	ts.Fatalf("no token was printed")
}

// named KIND NAME: keep the id of a request or release (req_…, rel_…) that the last
// command printed in the variable NAME.
func namedCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: named request|release NAME")
	}
	id := regexp.MustCompile(args[0][:3] + `_[0-9a-f]+`).FindString(ts.ReadFile("stdout"))
	if id == "" {
		ts.Fatalf("no id of a %s was printed", args[0])
	}
	ts.Setenv(args[1], id)
}

// orphans: no engine outlives the server that started it.
func orphansCommand(ts *testscript.TestScript, neg bool, args []string) {
	in := installed(ts)
	if neg || len(args) > 0 || in.running() {
		ts.Fatalf("usage: orphans, once the server has ended")
	}
	ts.Check(in.gone(in.started))
}
