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
	dir := t.TempDir()
	in := &installation{}
	t.Cleanup(in.end)
	ready := filepath.Join(dir, "ready.json")
	if err := in.start(context.Background(), filepath.Join(dir, "demo"), ready, "--people", "20000", "--seed", "1"); err != nil {
		t.Fatal(err)
	}

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

	t.Run("the gate", func(t *testing.T) {
		judged := filepath.Join(dir, "findings.json")
		out, err := runPython(t, "test/gate_suite.py", "--ready", ready, "--json", judged)
		said, readErr := os.ReadFile(judged)
		if readErr != nil {
			t.Fatalf("the suite did not finish: %v\n%s", err, out)
		}
		var findings []finding
		if err := json.Unmarshal(said, &findings); err != nil {
			t.Fatal(err)
		}
		judge(t, findings)
	})

	// A judge that finds no leak where there is no gate would prove nothing.
	t.Run("the judge sees what an open database tells", func(t *testing.T) {
		judged := filepath.Join(dir, "ungated.json")
		out, _ := runPython(t, "test/gate_suite.py", "--ready", ready, "--json", judged, "--ungated") // fails by design
		said, err := os.ReadFile(judged)
		if err != nil {
			t.Fatalf("the suite did not finish: %v\n%s", err, out)
		}
		var findings []finding
		if err := json.Unmarshal(said, &findings); err != nil {
			t.Fatal(err)
		}
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

// answered is how many of the questions, asked one after the other in one
// workspace, must be answered whole and right; it only ever grows.
const answered = 46

// overWithheld are questions that add up protected numbers: late in a session some
// of those are withheld, and what is made of the others is another number
// (docs/gate.md, "What is not promised yet").
var overWithheld = map[string]bool{
	"share of the total, by window over aggregates": true,
	"moving mean of monthly admissions":             true,
	"deprivation fifths within regions":             true,
}

func judge(t *testing.T, findings []finding) {
	right := 0
	for _, f := range findings {
		t.Run(f.Kind+" "+f.Name, func(t *testing.T) {
			t.Log(f.Outcome)
			switch {
			case f.OK && f.Kind == "query":
				right++
			case f.OK:
			case f.Kind == "query" && strings.HasPrefix(f.Outcome, "refused"):
				// Not understood yet: an honest refusal, and counted below.
			case f.Kind == "query" && (strings.HasPrefix(f.Outcome, "withholds") || strings.Contains(strings.Join(f.Detail, ""), "without a single row")):
				// Too near to what was answered before in the same session: counted below.
			case f.Kind == "query" && overWithheld[f.Name]:
				// Made of numbers of which some may be withheld by now: counted below.
			default:
				t.Errorf("%s\n%s", f.Outcome, strings.Join(f.Detail, "\n"))
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
