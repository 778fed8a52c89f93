package flight

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const requirements = "testdata/requirements.txt"

// python gives an interpreter that has the standard drivers: the one of
// GATEHOUSE_TEST_PYTHON, the one that `make python` made, or one in the user's
// cache, made when it is first needed and anew when the requirements change.
func python(t *testing.T) string {
	t.Helper()
	if given := os.Getenv("GATEHOUSE_TEST_PYTHON"); given != "" {
		return given
	}
	if made, err := filepath.Abs("../../.venv"); err == nil {
		if _, err := os.Stat(filepath.Join(made, "requirements.txt")); err == nil {
			return filepath.Join(made, "bin", "python")
		}
	}
	system, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("python3 is needed to test with the standard drivers")
	}
	wanted, err := os.ReadFile(requirements)
	if err != nil {
		t.Fatal(err)
	}
	version := run(t, system, "--version")
	sum := sha256.Sum256(append(wanted, version...))
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(cache, "gatehouse-test")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	venv := filepath.Join(folder, "venv-"+hex.EncodeToString(sum[:6]))
	interpreter := filepath.Join(venv, "bin", "python")

	lock, err := os.OpenFile(venv+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	done := filepath.Join(venv, "complete")
	if _, err := os.Stat(done); err == nil {
		return interpreter
	}
	if err := os.RemoveAll(venv); err != nil {
		t.Fatal(err)
	}
	t.Logf("making %s", venv)
	run(t, system, "-m", "venv", venv)
	run(t, interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements)
	if err := os.WriteFile(done, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return interpreter
}

func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

func TestTheStandardPythonDrivers(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a Python with the drivers")
	}
	interpreter := python(t)
	h := open(t, Limits{})
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, h.ca, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tests := exec.CommandContext(ctx, interpreter, append([]string{"testdata/drivers.py"}, only()...)...)
	tests.Env = append(os.Environ(),
		"GATEHOUSE_URI=grpc+tls://"+h.addr, "GATEHOUSE_CA="+ca,
		"GATEHOUSE_TOKEN=ada-1", "GATEHOUSE_OTHER_TOKEN=grace-1", "GATEHOUSE_WRONG_TOKEN=nobody-1",
		"PYTHONWARNINGS=default")
	input, err := tests.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := tests.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	tests.Stderr = tests.Stdout // one stream, in order
	if err := tests.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(output); lines.Scan(); {
		t.Log(lines.Text())
		if strings.Contains(lines.Text(), "# waiting") {
			go func() { // tells the script when its question runs
				<-h.gate.started
				_, _ = io.WriteString(input, "it runs\n")
			}()
		}
	}
	if err := tests.Wait(); err != nil {
		t.Errorf("drivers.py: %v", err)
	}
}

// only names the Python tests of GATEHOUSE_TEST_DRIVERS, for work on one.
func only() []string {
	return strings.Fields(os.Getenv("GATEHOUSE_TEST_DRIVERS"))
}
