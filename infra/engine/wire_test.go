package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/gatehouse-tre/gatehouse/egress"
)

// serve serves a role on a socket and gives a client of it. The work behind it
// is the test's own: DuckDB is tested where it is linked.
func serve(t *testing.T, role Role, exec Executor) *client {
	t.Helper()
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, l, role, exec) }()
	c := newClient(l.Addr().String())
	t.Cleanup(func() {
		c.close()
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return c
}

// database is a Database of one function.
type database func(ctx context.Context, sql string) (array.RecordReader, error)

func (d database) Query(ctx context.Context, sql string) (array.RecordReader, error) {
	return d(ctx, sql)
}
func (d database) Exec(ctx context.Context, sql ...string) error {
	_, err := d(ctx, strings.Join(sql, ";"))
	return err
}
func (d database) Open(context.Context, []string) error                   { return nil }
func (d database) Load(context.Context, string, array.RecordReader) error { return nil }
func (d database) Copy(context.Context, string, array.RecordReader) error { return nil }

// failing gives some batches, and then an error.
type failing struct {
	array.RecordReader
	err error
}

func (f failing) Err() error { return f.err }

func query(ctx context.Context, c *client, sql string) (array.RecordReader, error) {
	p := &Process{client: c, gone: make(chan struct{})}
	return p.query(ctx, sql)
}

func TestAFailureAfterTheAnswerBeganIsTheAnswer(t *testing.T) {
	cause := &egress.EngineFailure{Kind: egress.FailureMemory, Cause: "out of memory: naïve\nvalue " + strings.Repeat("x", 10_000)}
	c := serve(t, RoleVault, Executor{Database: database(func(context.Context, string) (array.RecordReader, error) {
		batch := sample(1, 2, 3)
		rows, err := array.NewRecordReader(batch.Schema(), []arrow.RecordBatch{batch})
		return failing{rows, cause}, err
	})})
	// The first batch is not full, so nothing is sent before the failure is known.
	_, err := query(t.Context(), c, "SELECT 1")
	got := (*egress.EngineFailure)(nil)
	if !errors.As(err, &got) || got.Kind != egress.FailureMemory || !strings.HasPrefix(got.Cause, "out of memory: na?ve\nvalue xxx") {
		t.Fatalf("got %+v", err)
	}
	if len(got.Error()) > 50 || strings.Contains(got.Error(), "value") {
		t.Errorf("the error tells the cause: %v", got)
	}
}

func TestAFailureInMidStreamReachesTheReader(t *testing.T) {
	c := serve(t, RoleVault, Executor{Database: database(func(context.Context, string) (array.RecordReader, error) {
		full := sample(make([]int64, 2*batchBytes/8)...)
		rows, err := array.NewRecordReader(full.Schema(), []arrow.RecordBatch{full, full})
		return failing{rows, &egress.EngineFailure{Kind: egress.FailureArithmetic, Cause: "overflow"}}, err
	})})
	rows, err := query(t.Context(), c, "SELECT 1")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Release()
	batches := 0
	for rows.Next() {
		batches++
	}
	got := (*egress.EngineFailure)(nil)
	if !errors.As(rows.Err(), &got) || got.Kind != egress.FailureArithmetic || got.Cause != "overflow" || batches != 2 {
		t.Errorf("got %d batches and %+v", batches, rows.Err())
	}
}

func TestAFailureBeforeTheStreamKeepsItsKind(t *testing.T) {
	for _, kind := range []egress.FailureKind{egress.FailureArithmetic, egress.FailureMemory, egress.FailureTime, egress.FailureCancelled, egress.FailureOther} {
		c := serve(t, RoleVault, Executor{Database: database(func(context.Context, string) (array.RecordReader, error) {
			return nil, fmt.Errorf("wrapped: %w", &egress.EngineFailure{Kind: kind, Cause: "why"})
		})})
		_, err := query(t.Context(), c, "SELECT 1")
		got := (*egress.EngineFailure)(nil)
		if !errors.As(err, &got) || got.Kind != kind || got.Cause != "why" {
			t.Errorf("%s: got %#v", kind, err)
		}
	}
	// That it is lost or missing, only the control plane can tell.
	c := serve(t, RoleVault, Executor{Database: database(func(context.Context, string) (array.RecordReader, error) {
		return nil, &egress.EngineFailure{Kind: egress.FailureLost, Cause: "a lie"}
	})})
	_, err := query(t.Context(), c, "SELECT 1")
	if got := (*egress.EngineFailure)(nil); !errors.As(err, &got) || got.Kind != egress.FailureOther {
		t.Errorf("got %#v", err)
	}
}

func TestEndingTheContextReachesTheWorker(t *testing.T) {
	began, interrupted := make(chan struct{}), make(chan struct{})
	c := serve(t, RoleVault, Executor{Database: database(func(ctx context.Context, _ string) (array.RecordReader, error) {
		close(began)
		<-ctx.Done()
		close(interrupted)
		return nil, ctx.Err()
	})})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-began
		cancel()
	}()
	_, err := query(ctx, c, "SELECT 1")
	if got := (*egress.EngineFailure)(nil); !errors.As(err, &got) || got.Kind != egress.FailureCancelled {
		t.Errorf("got %#v", err)
	}
	<-interrupted
}

// Whoever cancels statements may undo what they did: they are over when the call returns.
func TestStatementsThatAreCancelledHaveEnded(t *testing.T) {
	began, let := make(chan struct{}), make(chan struct{})
	var ended atomic.Bool
	c := serve(t, RoleVault, Executor{Database: database(func(ctx context.Context, _ string) (array.RecordReader, error) {
		close(began)
		<-ctx.Done() // interrupted, and still at work
		<-let
		ended.Store(true)
		return nil, nil
	})})
	ctx, cancel := context.WithCancel(t.Context())
	returned := make(chan error, 1)
	go func() {
		returned <- (&Process{client: c, gone: make(chan struct{})}).exec(ctx, []string{"CREATE TABLE t"})
	}()
	<-began
	cancel()
	select {
	case err := <-returned:
		t.Fatalf("returned while the statements ran: %v", err)
	case <-time.After(50 * time.Millisecond): // long enough to return if nothing is waited for
	}
	close(let)
	err := <-returned
	if !ended.Load() {
		t.Error("returned before the statements had ended")
	}
	if got := (*egress.EngineFailure)(nil); !errors.As(err, &got) || got.Kind != egress.FailureCancelled {
		t.Errorf("got %#v", err)
	}
}

func TestAnOperationThatCannotBeInterruptedEndsTheWorker(t *testing.T) {
	stuck, release := make(chan struct{}), make(chan struct{})
	h := guarded(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }), time.Millisecond, func() { close(stuck) })
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://engine/", nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.ServeHTTP(nil, r)
	}()
	cancel()
	<-stuck
	close(release)
	<-done
}

func TestWhatIsNotTheProtocolIsRefused(t *testing.T) {
	ran := false
	work := database(func(context.Context, string) (array.RecordReader, error) {
		ran = true
		return nil, errors.New("ran")
	})
	c := serve(t, RolePublish, Executor{Database: work})
	for _, r := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", pathQuery, "", 400},
		{"POST", pathQuery, "{", 400},
		{"POST", pathQuery, `{"sql": 1}`, 400},
		{"POST", pathQuery, `{"sql": "SELECT 1"} trailing`, 400},
		{"POST", pathQuery, `{"sql": "` + strings.Repeat("x", maxJSON) + `"}`, 400},
		{"GET", pathQuery, "", 405},
		{"POST", pathBind, "{}", 404},
		{"POST", pathRun, "{}", 404},
		{"POST", "/", "{}", 404},
		{"POST", pathLoad + "?table=t", "not arrow", 400},
	} {
		req, err := http.NewRequestWithContext(t.Context(), r.method, "http://engine"+r.path, strings.NewReader(r.body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.http.Do(req)
		if err != nil {
			t.Errorf("%s %s: %v", r.method, r.path, err)
			continue
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != r.status {
			t.Errorf("%s %s %.20q: got %d, want %d", r.method, r.path, r.body, resp.StatusCode, r.status)
		}
	}
	if ran {
		t.Error("something ran")
	}
}

func TestARoleWithoutItsExecutorDoesNotServe(t *testing.T) {
	for _, role := range []Role{RoleVault, RoleBinder, RoleLobby, RolePublish, "other", ""} {
		if err := Serve(t.Context(), nil, role, Executor{}); err == nil {
			t.Errorf("%s: it serves", role)
		}
	}
}

// A worker that lies, or is cut off, is never believed.
func TestOnlyAWholeStreamIsAnAnswer(t *testing.T) {
	var whole bytes.Buffer
	w := ipc.NewWriter(&whole, ipc.WithSchema(sample().Schema()))
	if err := errors.Join(w.Write(sample(1, 2, 3)), w.Close()); err != nil {
		t.Fatal(err)
	}
	for n := range whole.Len() + 1 {
		if err := readAll(whole.Bytes()[:n], ""); err == nil {
			t.Fatalf("cut off at %d: it is believed", n)
		}
	}
	if err := readAll(whole.Bytes(), "ok"); err != nil {
		t.Errorf("a whole stream: %v", err)
	}
	if err := readAll(whole.Bytes(), "nonsense"); err == nil {
		t.Error("a status of nonsense is believed")
	}
	if err := readAll(whole.Bytes()[:whole.Len()/2], "ok"); err == nil {
		t.Error("half a stream that calls itself whole is believed")
	}
}

// readAll reads a stream as it would come from a worker.
func readAll(body []byte, status string) error {
	resp := &http.Response{Body: io.NopCloser(bytes.NewReader(body)), Trailer: http.Header{}}
	resp.Trailer.Set(statusTrailer, status)
	rows, err := newRows(context.Background(), resp, func(err error) error { return err })
	if err != nil {
		return err
	}
	defer rows.Release()
	for rows.Next() {
	}
	return rows.Err()
}

func TestALengthBeyondTheLimitIsRefused(t *testing.T) {
	var whole bytes.Buffer
	w := ipc.NewWriter(&whole, ipc.WithSchema(sample().Schema()))
	if err := errors.Join(w.Write(sample(make([]int64, maxBody/8+1)...)), w.Close()); err != nil {
		t.Fatal(err)
	}
	if err := readAll(whole.Bytes(), "ok"); err == nil || !strings.Contains(err.(*egress.EngineFailure).Cause, "limit") {
		t.Errorf("got %v", err)
	}
}
