package workspaces_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/daead/aessiv"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/infra/engine"
)

// projectSecret is the bytes of a project's key, as an intruder with the key
// encryption key would read them.
func projectSecret(t *testing.T, dir, name string) []byte {
	t.Helper()
	read := func(file string) []byte {
		text, err := os.ReadFile(filepath.Join(dir, "keys", file))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(read("kek"))))
	if err != nil {
		t.Fatal(err)
	}
	kek, err := aead.New(handle)
	if err != nil {
		t.Fatal(err)
	}
	handle, err = keyset.ReadWithAssociatedData(keyset.NewJSONReader(bytes.NewReader(read(name+".keyset"))), kek, []byte("gatehouse keyset v1 "+name))
	if err != nil {
		t.Fatal(err)
	}
	entry, err := handle.Primary()
	if err != nil {
		t.Fatal(err)
	}
	return entry.Key().(*aessiv.Key).KeyBytes().Data(insecuresecretdataaccess.Token{})
}

// unreadable ends a test that cannot look: as root, as in CI, that is a failure.
func unreadable(t *testing.T, err error) {
	t.Helper()
	if os.Geteuid() == 0 {
		t.Fatal("the memory of an engine cannot be read: ", err)
	}
	t.Skip("only root reads the memory of other processes: ", err)
}

// holds reports how many of the needles stand in the memory of a process, and
// how many bytes of it were read.
func holds(t *testing.T, pid int, needles ...[]byte) (found []bool, size int64) {
	t.Helper()
	found = make([]bool, len(needles))
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		unreadable(t, err)
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		unreadable(t, err)
	}
	defer mem.Close()
	for _, line := range strings.Split(string(maps), "\n") {
		var from, to int64
		var mode string
		if n, _ := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); n < 3 || mode[0] != 'r' || strings.HasSuffix(line, "[vvar]") || strings.HasSuffix(line, "[vsyscall]") {
			continue
		}
		const step, overlap = 4 << 20, 128
		for at := from; at < to; at += step {
			part := make([]byte, min(to-at, step+overlap))
			n, err := mem.ReadAt(part, at)
			if err != nil && err != io.EOF && n == 0 {
				continue // reserved, and not there
			}
			size += int64(n)
			for i, needle := range needles {
				found[i] = found[i] || bytes.Contains(part[:n], needle)
			}
		}
	}
	return found, size
}

// A project's key stands neither in the memory nor in the environment, command line
// or open files of an engine while its workspace is used; that the search finds what
// is there is shown by a value of the environment and by a name that the engine knows.
func TestNoKeyInAnEngine(t *testing.T) {
	h := newHouse(t)
	h.activate()
	session, err := h.Enter(t.Context(), h.signIn("ben"))
	h.must(err)
	m := &session.Mounts[0]
	m.Tables = []catalog.Table{{Name: "everybody_here", Files: []catalog.File{m.Version.UnitsFile}}}
	m.Complete = false // so that the engine reads the population

	binary := filepath.Join(t.TempDir(), "gatehouse-engine")
	if out, err := exec.Command("go", "build", "-tags", "duckdb_arrow", "-o", binary, "github.com/gatehouse-tre/gatehouse/cmd/gatehouse-engine").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	sockets, err := os.MkdirTemp("", "gh") // unix socket paths are short
	h.must(err)
	t.Cleanup(func() { os.RemoveAll(sockets) })
	vaults := &engine.Vaults{Config: func(string) engine.Config {
		return engine.Config{Binary: binary, MemoryMB: 256, Sockets: sockets, Log: os.Stderr}
	}}
	t.Cleanup(func() { vaults.Close() })
	vault, done, err := vaults.Vault(t.Context(), session)
	h.must(err)
	defer done()
	r, err := vault.Query(t.Context(), "SELECT count(*) FROM everybody_here")
	h.must(err)
	for r.Next() {
	}
	h.must(r.Err())
	r.Release()

	secret := projectSecret(t, h.dir, "project-diabetes-outcomes")
	keyset, err := os.ReadFile(filepath.Join(h.dir, "keys", "project-diabetes-outcomes.keyset"))
	h.must(err)
	kek, err := os.ReadFile(filepath.Join(h.dir, "keys", "kek"))
	h.must(err)
	if len(secret) != 64 {
		t.Fatalf("the key has %d bytes", len(secret))
	}
	pids := vaults.Pids()
	if len(pids) != 1 {
		t.Fatalf("engines: %v", pids)
	}
	for _, pid := range pids {
		found, size := holds(t, pid, secret[:32], secret[32:], secret[:16], secret[32:48], keyset[:64], kek[:64], []byte("everybody_here"))
		t.Logf("%d MiB of engine %d", size>>20, pid)
		for i, there := range found[:len(found)-1] {
			if there {
				t.Errorf("part %d of the keys stands in the engine", i)
			}
		}
		if !found[len(found)-1] {
			t.Error("the search does not find what is there")
		}
		for _, file := range []string{"environ", "cmdline"} {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
			h.must(err)
			if bytes.Contains(text, secret[:16]) || bytes.Contains(text, []byte("kek")) || bytes.Contains(text, []byte("keyset")) {
				t.Errorf("%s tells of keys", file)
			}
		}
		open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		h.must(err)
		for _, f := range open {
			if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, f.Name())); err == nil && strings.HasPrefix(to, filepath.Join(h.dir, "keys")) {
				t.Errorf("the engine has %s open", to)
			}
		}
	}
}
