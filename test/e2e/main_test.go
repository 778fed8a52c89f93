// Package e2e runs the two programs as people run them: built binaries, real
// processes, sockets, files and signals.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/tools/txtar"
)

var (
	repository string // the top of the source tree
	binaries   string // the folder of gatehouse and gatehouse-engine
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if repository, err = filepath.Abs("../.."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// `make test` has just built them; by hand they are built here.
	if binaries = os.Getenv("GATEHOUSE_BIN"); binaries == "" {
		if binaries, err = os.MkdirTemp("", "gatehouse-e2e-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(binaries)
		build := exec.Command("go", "build", "-tags", "duckdb_arrow", "-o", binaries, "./cmd/gatehouse", "./cmd/gatehouse-engine")
		build.Dir = repository
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "building the programs:", err)
			return 1
		}
	}
	return m.Run()
}

// What testscript does by itself goes before what is registered here, and its own "stop"
// ends a script as passed: nothing after it would ever run.
func TestNoScriptEndsBeforeItsEnd(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(scripts) < 20 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	ends := regexp.MustCompile(`(?m)^(\[[^\]]*\] *)?(stop|skip)\b`)
	for _, name := range scripts {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range ends.FindAllString(string(archive.Comment), -1) {
			if !strings.HasPrefix(line, "[") { // a condition may skip a whole script
				t.Errorf("%s: the line %q ends it there, as passed", name, line)
			}
		}
	}
}

// TestScripts runs testdata/*.txtar: each is a story of several people, told in
// commands. The commands beyond testscript's own are in commands_test.go.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", binaries+string(os.PathListSeparator)+os.Getenv("PATH"))
			env.Setenv("REPOSITORY", repository)
			// Unix sockets have short names only, and scripts long folders.
			env.Setenv("TMPDIR", os.TempDir())
			env.Values[installationKey{}] = &installation{}
			env.Defer(func() { env.Values[installationKey{}].(*installation).end() })
			away := &outside{how: "up", arrived: map[string][]string{}}
			env.Values[outsideKey{}] = away
			env.Defer(away.end)
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"demo":    demoCommand,
			"serve":   serveCommand,
			"drain":   drainCommand,
			"kill9":   killCommand,
			"as":      asCommand,
			"ask":     askCommand,
			"confirm": confirmCommand,
			"during":  duringCommand,
			"python":  pythonCommand,
			"until":   untilCommand,
			"issued":  issuedCommand,
			"named":   namedCommand,
			"orphans": orphansCommand,
			"said":    saidCommand,
			"abort":   abortCommand,
			"outside": outsideCommand,
			"arrived": arrivedCommand,

			"eventually": eventuallyCommand,
		},
	})
}

// python is the interpreter of .venv, which `make test` makes.
func python(t interface{ Fatalf(string, ...any) }) string {
	path := filepath.Join(repository, ".venv", "bin", "python")
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is missing: run make python", path)
	}
	return path
}
