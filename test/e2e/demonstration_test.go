package e2e

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// finding is what test/gate_suite.py found of one attack or question.
type finding struct {
	Kind    string   `json:"kind"` // "attack" or "query"
	Name    string   `json:"name"`
	OK      bool     `json:"ok"`
	Outcome string   `json:"outcome"`
	Code    string   `json:"code"`
	Steps   int      `json:"steps"`
	Detail  []string `json:"detail"`
}

// TestDemonstration asks and attacks a demonstration as large as the default
// one, with the drivers that researchers use.
func TestDemonstration(t *testing.T) {
	in, ready := demonstrate(t)
	t.Run("the notebook", func(t *testing.T) {
		out, err := runPython(t, "test/notebook.py", "docs/notebooks/first-steps.ipynb", "--ready", ready)
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})

	t.Run("the module for notebooks", func(t *testing.T) {
		t.Setenv("GATEHOUSE_READY", ready)
		out, err := runPython(t, "-m", "unittest", "discover", "--start-directory", "docs/notebooks/gatehouse/tests")
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})

	rooms := buildRooms(t)
	t.Run("the gate, each question the first", func(t *testing.T) {
		judgeStrictly(t, suite(t, ready, "--fresh", "--jobs", "2", "--rooms", rooms))
	})

	if err := in.stop(); err != nil {
		t.Errorf("after SIGTERM: %v\n%s", err, in.output.String())
	}

	// Nothing was asked before the session's first question.
	in, ready = demonstrate(t)
	t.Run("the gate, all questions in one session", func(t *testing.T) {
		judgeSession(t, suite(t, ready, "--rooms", rooms))
	})

	// A judge that finds no leak where there is no gate would prove nothing.
	t.Run("the judge sees what an open database tells", func(t *testing.T) {
		findings := suite(t, ready, "--ungated") // fails by design
		for _, f := range findings {
			if f.Kind == "attack" && f.OK && f.Outcome != "not tried on an open database" {
				t.Errorf("attack %q counts as stopped (%s) where nothing stops it", f.Name, f.Outcome)
			}
			if f.Kind == "query" && !f.OK {
				t.Errorf("question %q: plain DuckDB does not agree with itself: %s", f.Name, f.Outcome)
			}
		}
	})

	if err := in.stop(); err != nil {
		t.Errorf("after SIGTERM: %v\n%s", err, in.output.String())
	}
}

// demonstrate starts a new demonstration. ready is its ready file.
func demonstrate(t *testing.T) (in *installation, ready string) {
	dir := t.TempDir()
	in, ready = &installation{}, filepath.Join(dir, "ready.json")
	t.Cleanup(in.end)
	if err := in.start(context.Background(), filepath.Join(dir, "demo"), ready, "--people", "20000", "--seed", "1"); err != nil {
		t.Fatal(err)
	}
	return in, ready
}

// suite runs test/gate_suite.py. That it fails is told by what it found.
func suite(t *testing.T, ready string, args ...string) []finding {
	judged := filepath.Join(t.TempDir(), "findings.json")
	out, err := runPython(t, "test/gate_suite.py", append([]string{"--ready", ready, "--json", judged}, args...)...)
	said, readErr := os.ReadFile(judged)
	if readErr != nil {
		t.Fatalf("the suite did not finish: %v\n%s", err, out)
	}
	var findings []finding
	if err := json.Unmarshal(said, &findings); err != nil {
		t.Fatal(err)
	}
	return findings
}

// buildRooms builds the program that makes projects quickly.
func buildRooms(t *testing.T) string {
	program := filepath.Join(t.TempDir(), "rooms")
	build := exec.Command("go", "build", "-o", program, "./test/rooms")
	build.Dir = repository
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building test/rooms: %v\n%s", err, out)
	}
	return program
}

// unanswered are the questions that are refused today, with their code; nothing
// comes to the list, and what is answered leaves it.
var unanswered = map[string]string{}

// judgeStrictly is for questions and attacks of which each has a project of its
// own: every question is answered, whole and right, and every attack is stopped
// by itself, not by what was asked before it.
func judgeStrictly(t *testing.T, findings []finding) {
	for _, f := range findings {
		t.Run(f.Kind+" "+f.Name, func(t *testing.T) {
			t.Log(f.Outcome)
			switch code, refused := unanswered[f.Name]; {
			case f.OK && f.Kind == "query" && refused:
				t.Error("it is answered now: take it off the list")
			case f.OK:
			case f.Kind == "query" && refused && f.Outcome == "refused "+code:
			default:
				t.Errorf("%s\n%s", f.Outcome, strings.Join(f.Detail, "\n"))
			}
		})
	}
}

// answered is how many of the questions, asked one after the other in one new
// workspace and after all of them the attacks, are answered whole and right; it
// only ever grows. Which of two numbers is withheld hangs on where pseudonyms put
// people, so that it is one or two more in most demonstrations.
const answered = 72

// judgeSession is for questions and attacks of one session. Late in it numbers are
// withheld that are too near to what was answered before, so that answers are
// counted. No number is wrong, and every attack is stopped.
func judgeSession(t *testing.T, findings []finding) {
	right := 0
	for _, f := range findings {
		t.Run(f.Kind+" "+f.Name, func(t *testing.T) {
			t.Log(f.Outcome)
			switch detail := strings.Join(f.Detail, "\n"); {
			case f.OK && f.Kind == "query":
				right++
			case f.OK:
			case f.Kind == "query" && unanswered[f.Name] != "" && f.Outcome == "refused "+unanswered[f.Name]:
			case f.Kind == "query" && strings.HasPrefix(f.Outcome, "withholds"), f.Kind == "query" && strings.Contains(detail, "answered without a single row"), f.Kind == "query" && strings.Contains(detail, "answered with nothing but NULL"):
			default:
				t.Errorf("%s\n%s", f.Outcome, detail)
			}
		})
	}
	if right < answered {
		t.Errorf("%d questions are answered right, and %d must be", right, answered)
	}
}

func runPython(t *testing.T, script string, args ...string) (string, error) {
	cmd := exec.Command(python(t), append([]string{script}, args...)...)
	cmd.Dir = repository
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	return string(out), err
}
