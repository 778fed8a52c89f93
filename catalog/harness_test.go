package catalog_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/engine"
)

// engineFolder is where engineBinary built, if it did.
var engineFolder string

// engineBinary builds the real engine once for all tests of the package.
var engineBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "gatehouse-engine-")
	if err != nil {
		return "", err
	}
	engineFolder = dir
	binary := filepath.Join(dir, "gatehouse-engine")
	build := exec.Command("go", "build", "-tags", "duckdb_arrow", "-o", binary, "github.com/gatehouse-tre/gatehouse/cmd/gatehouse-engine")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	if os.Getenv(publishInChild) != "" {
		os.Exit(childPublishes())
	}
	status := m.Run()
	if engineFolder != "" {
		os.RemoveAll(engineFolder)
	}
	os.Exit(status)
}

// publishEngine is the engine's client as the catalogue uses it.
type publishEngine struct{ engine.Publish }

func engineError(err error) error {
	var f *egress.EngineFailure
	if errors.As(err, &f) {
		return &catalog.EngineFailure{Lost: f.Kind == egress.FailureLost || f.Kind == egress.FailureMissing, Cause: f.Cause}
	}
	return err
}

func (e publishEngine) Load(ctx context.Context, table string, rows array.RecordReader) error {
	return engineError(e.Publish.Load(ctx, table, rows))
}

func (e publishEngine) Exec(ctx context.Context, sql ...string) error {
	return engineError(e.Publish.Exec(ctx, sql...))
}

func (e publishEngine) Copy(ctx context.Context, sql string, rows array.RecordReader) error {
	return engineError(e.Publish.Copy(ctx, sql, rows))
}

func (e publishEngine) Query(ctx context.Context, sql string) (array.RecordReader, error) {
	r, err := e.Publish.Query(ctx, sql)
	return r, engineError(err)
}

// startEngine starts the real engine, without the sandbox, which has tests of
// its own.
func startEngine(binary, sockets string, threads int) catalog.StartEngine {
	return func(ctx context.Context, read []string, write, temp string) (catalog.Engine, error) {
		p, err := engine.Start(ctx, engine.Config{Binary: binary, Role: engine.RolePublish, Read: read, Write: []string{write, temp},
			Threads: threads, MemoryMB: 2048, Sockets: sockets, Log: os.Stderr})
		if err != nil {
			return nil, engineError(err)
		}
		e := publishEngine{engine.Publish{Process: p}}
		if err := e.Open(ctx, "SET temp_directory='"+temp+"'"); err != nil {
			p.Close()
			return nil, engineError(err)
		}
		return e, nil
	}
}

// house is an installation in a folder of its own, with everything that
// publishing needs.
type house struct {
	t        testing.TB
	dir      string
	extracts string
	start    catalog.StartEngine
	reader   catalog.Engine // of query
	signer   signer
	store    *recorder
	now      time.Time
	policy   policy
	progress []catalog.Progress
}

func newHouse(t testing.TB) *house {
	t.Helper()
	binary, err := engineBinary()
	if err != nil {
		t.Fatal(err)
	}
	sockets, err := os.MkdirTemp("", "gh") // unix socket paths are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(sockets) })
	h := &house{t: t, dir: filepath.Join(t.TempDir(), "house"), extracts: t.TempDir(), store: &recorder{}, now: time.Now(),
		start: startEngine(binary, sockets, 2), signer: newSigner()}
	if err := os.Mkdir(h.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) options(d *catalog.Definition) catalog.PublishOptions {
	return catalog.PublishOptions{
		Dir: h.dir, Definition: d, Extracts: h.extracts,
		Principal: gatehouse.Principal{User: "olive"}, Authorizer: h.policy,
		Start: h.start, Signer: h.signer, Public: h.signer.public(), Store: h.store,
		Now:      func() time.Time { return h.now },
		Progress: func(p catalog.Progress) { h.progress = append(h.progress, p) },
	}
}

func (h *house) publish(d *catalog.Definition) (catalog.Version, error) {
	return catalog.Publish(context.Background(), h.options(d))
}

func (h *house) mustPublish(d *catalog.Definition) catalog.Version {
	h.t.Helper()
	v, err := h.publish(d)
	if err != nil {
		h.t.Fatalf("publish: %v (cause: %v)", err, errors.Unwrap(err))
	}
	return v
}

// write writes a file into the extracts folder.
func (h *house) write(name, content string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.extracts, name), []byte(content), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// query answers SQL with an engine that may read the installation.
func (h *house) query(sql string) [][]string {
	h.t.Helper()
	ctx := context.Background()
	if h.reader == nil {
		var err error
		if h.reader, err = h.start(ctx, nil, h.dir, h.t.TempDir()); err != nil {
			h.t.Fatal(err)
		}
		h.t.Cleanup(func() { h.reader.Close() })
	}
	r, err := h.reader.Query(ctx, sql)
	if err != nil {
		h.t.Fatalf("%s: %v", sql, causeOf(err))
	}
	defer r.Release()
	var rows [][]string
	for r.Next() {
		b := r.RecordBatch()
		for i := range int(b.NumRows()) {
			row := make([]string, b.NumCols())
			for j := range row {
				row[j] = b.Column(j).ValueStr(i)
			}
			rows = append(rows, row)
		}
	}
	if r.Err() != nil {
		h.t.Fatal(r.Err())
	}
	return rows
}

func causeOf(err error) string {
	var f *catalog.EngineFailure
	if errors.As(err, &f) {
		return f.Cause
	}
	return err.Error()
}

// table is the path of a published table, quoted for SQL.
func table(v catalog.Version, name string) string {
	return "read_parquet('" + filepath.Join(v.Folder, name+".parquet") + "')"
}

// rejects reads a custodian's report, without its header.
func (h *house) rejects(folder string) [][]string {
	h.t.Helper()
	path := filepath.Join(h.dir, "custodian", "reports", folder, "rejects.csv")
	info, err := os.Stat(path)
	if err != nil {
		h.t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		h.t.Errorf("the report has mode %v", info.Mode())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		h.t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		h.t.Fatal(err)
	}
	return rows[1:]
}

// mustNotHavePublished checks that nothing of a failed publication is left: no
// version, no work, no record.
func (h *house) mustNotHavePublished() {
	h.t.Helper()
	if found, _ := filepath.Glob(filepath.Join(h.dir, "versions", "*", "*")); len(found) > 0 {
		h.t.Errorf("a version stands: %v", found)
	}
	if found, _ := filepath.Glob(filepath.Join(h.dir, "custodian", "work", "publish-*")); len(found) > 0 {
		h.t.Errorf("work is left: %v", found)
	}
	if len(h.store.versions) > 0 {
		h.t.Error("a version was recorded")
	}
}

// mustBalance checks the promise of every account.
func mustBalance(t testing.TB, v catalog.Version) {
	t.Helper()
	for _, a := range v.Accounts {
		if !a.Balanced() {
			t.Errorf("%s does not balance: %+v", a.Extract, a)
		}
	}
}

func account(t testing.TB, v catalog.Version, table string) catalog.Account {
	t.Helper()
	for _, a := range v.Accounts {
		if a.Table == table {
			return a
		}
	}
	t.Fatalf("no account of %s", table)
	return catalog.Account{}
}

// wantCode checks an error's code and what its message names and does not name.
func wantCode(t testing.TB, err error, code gatehouse.Code, names ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want %s", code)
	}
	if gatehouse.CodeOf(err) != code {
		t.Errorf("got %v (cause: %v), want %s", err, errors.Unwrap(err), code)
	}
	for _, name := range names {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%q does not name %q", err, name)
		}
	}
}

// signer is an Ed25519 key.
type signer struct{ key ed25519.PrivateKey }

func newSigner() signer {
	seed := sha256.Sum256([]byte("a key for tests"))
	return signer{ed25519.NewKeyFromSeed(seed[:])}
}

func (s signer) public() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

func (s signer) KeyID() string {
	sum := sha256.Sum256(s.public())
	return hex.EncodeToString(sum[:8])
}

func (s signer) Sign(_ context.Context, message []byte) ([]byte, error) {
	return ed25519.Sign(s.key, message), nil
}

// policy allows olive to publish, and nobody else.
type policy struct{}

func (policy) Authorize(_ context.Context, p gatehouse.Principal, a gatehouse.Action, project string) error {
	if p.User == "olive" && a == gatehouse.ActionDatasetPublish && project == gatehouse.Everywhere {
		return nil
	}
	return gatehouse.Errorf(gatehouse.CodeDenied, "You may not do this.")
}

// recorder keeps the versions that were recorded, each once.
type recorder struct {
	versions []string
	fail     error
}

func (r *recorder) Recalled(context.Context, string) ([]catalog.Recall, error) { return nil, nil }

func (r *recorder) RecordPublished(_ context.Context, _ string, v catalog.Version) error {
	if r.fail != nil {
		return r.fail
	}
	for _, name := range r.versions {
		if name == v.Name() {
			return nil
		}
	}
	r.versions = append(r.versions, v.Name())
	return nil
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func readCSV(t testing.TB, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
