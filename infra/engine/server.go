package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gatehouse-tre/gatehouse/egress"
)

// drainTime is how long a worker that is told to stop lets running work finish.
const drainTime = 2 * time.Second

// stuckTime is how long an operation may go on after its caller has gone.
const stuckTime = 5 * time.Second

// ErrStuck says that an operation did not stop when it was told to. Nothing but
// the end of the process stops it: the caller must exit at once.
var ErrStuck = errors.New("engine: an operation cannot be interrupted")

// Serve answers the operations of role on l until ctx ends, then drains for a
// moment and returns nil. It returns an error if l fails, ErrStuck if an
// interrupted operation goes on, or an error at once if role is unknown or exec
// has no part for it.
func Serve(ctx context.Context, l net.Listener, role Role, exec Executor) error {
	mux, err := routes(role, exec)
	if err != nil {
		return err
	}
	base, interrupt := context.WithCancel(context.WithoutCancel(ctx))
	defer interrupt()
	failed := make(chan error, 2)
	server := &http.Server{
		Handler:           guarded(mux, stuckTime, func() { failed <- ErrStuck }),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return base },
	}
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("engine: serve: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(base, drainTime)
	defer cancel()
	if server.Shutdown(drain) != nil {
		interrupt() // what still runs is interrupted
		return server.Close()
	}
	return nil
}

// guarded calls stuck when an operation outlives its request by patience.
func guarded(next http.Handler, patience time.Duration, stuck func()) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		done := make(chan struct{})
		defer close(done)
		stop := context.AfterFunc(r.Context(), func() {
			select {
			case <-done:
			case <-time.After(patience):
				stuck()
			}
		})
		defer stop()
		next.ServeHTTP(w, r)
	})
}

func routes(role Role, exec Executor) (*http.ServeMux, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+pathReady, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, readyAnswer{Role: role})
	})
	switch {
	case (role == RoleVault || role == RolePublish) && exec.Database != nil:
		mux.HandleFunc("POST "+pathOpen, serveOpen(exec.Database))
		mux.HandleFunc("POST "+pathQuery, serveQuery(exec.Database))
		var running sync.Map // context.CancelFunc by the request's ID
		mux.HandleFunc("POST "+pathExec, serveExec(exec.Database, &running))
		mux.HandleFunc("POST "+pathStop, serveStop(&running))
		if role == RolePublish {
			mux.HandleFunc("POST "+pathLoad, serveStream("table", exec.Database.Load))
			mux.HandleFunc("POST "+pathCopy, serveStream("sql", exec.Database.Copy))
		}
	case role == RoleBinder && exec.Binder != nil:
		mux.HandleFunc("POST "+pathBind, serveBind(exec.Binder))
	case role == RoleLobby && exec.Lobby != nil:
		mux.HandleFunc("POST "+pathRun, serveRun(exec.Lobby))
	default:
		return nil, fmt.Errorf("engine: role %q has nothing to run", role)
	}
	return mux, nil
}

func serveOpen(db Database) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in openRequest
		if !ask(w, r, &in) {
			return
		}
		if err := db.Open(r.Context(), in.Statements); err != nil {
			fail(w, err)
			return
		}
		answer(w, struct{}{})
	}
}

func serveExec(db Database, running *sync.Map) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in execRequest
		if !ask(w, r, &in) {
			return
		}
		ctx, stop := context.WithCancel(r.Context())
		defer stop()
		running.Store(in.ID, stop)
		defer running.Delete(in.ID)
		if err := db.Exec(ctx, in.Statements...); err != nil {
			fail(w, err)
			return
		}
		answer(w, struct{}{})
	}
}

func serveStop(running *sync.Map) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in stopRequest
		if !ask(w, r, &in) {
			return
		}
		if stop, ok := running.Load(in.ID); ok {
			stop.(context.CancelFunc)()
		}
		answer(w, struct{}{})
	}
}

func serveQuery(db Database) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in queryRequest
		if !ask(w, r, &in) {
			return
		}
		rows, err := db.Query(r.Context(), in.SQL)
		if err != nil {
			fail(w, err)
			return
		}
		stream(w, rows)
	}
}

// serveStream does something with the rows in a request's body, and with the
// parameter of this name.
func serveStream(parameter string, do func(ctx context.Context, value string, rows array.RecordReader) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rows, err := readStream(r.Body)
		if err != nil {
			refuse(w, err)
			return
		}
		defer rows.Release()
		if err := do(r.Context(), r.URL.Query().Get(parameter), rows); err != nil {
			fail(w, err)
			return
		}
		answer(w, struct{}{})
	}
}

func serveBind(binder egress.Binder) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in bindRequest
		if !ask(w, r, &in) {
			return
		}
		bound, err := binder.Bind(r.Context(), in.DDL, in.SQL)
		if refusal := (*egress.BindFailure)(nil); errors.As(err, &refusal) {
			answer(w, bindAnswer{Failure: refusal})
			return
		}
		if err != nil {
			fail(w, err)
			return
		}
		answer(w, bindAnswer{Bound: bound})
	}
}

func serveRun(lobby egress.Lobby) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		header, payloads, err := readRun(r.Body)
		if err != nil {
			refuse(w, err)
			return
		}
		tables := make(map[string]arrow.RecordBatch, len(payloads))
		defer func() {
			for _, t := range tables {
				t.Release()
			}
		}()
		for i, name := range header.Tables {
			if _, twice := tables[name]; twice {
				refuse(w, errors.New("a table is named twice"))
				return
			}
			table, err := readTable(payloads[i])
			if err != nil {
				refuse(w, err)
				return
			}
			tables[name] = table
		}
		rows, err := lobby.Run(r.Context(), tables, header.SQL)
		if err != nil {
			fail(w, err)
			return
		}
		stream(w, rows)
	}
}

// readTable reads an Arrow stream whole, as one batch.
func readTable(payload []byte) (arrow.RecordBatch, error) {
	rows, err := readStream(bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	var batches []arrow.RecordBatch
	defer func() {
		for _, b := range batches {
			b.Release()
		}
	}()
	for rows.Next() {
		batch := rows.RecordBatch()
		batch.Retain()
		batches = append(batches, batch)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if len(batches) == 0 {
		b := array.NewRecordBuilder(memory.DefaultAllocator, rows.Schema())
		defer b.Release()
		return b.NewRecordBatch(), nil
	}
	return joined(rows.Schema(), batches)
}

// ask decodes a JSON request; on failure it has answered. It reads the body to
// its end: only then does net/http notice a client that goes away, and cancel
// the request's context.
func ask(w http.ResponseWriter, r *http.Request, in any) bool {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxJSON))
	if err == nil {
		err = json.Unmarshal(body, in)
	}
	if err != nil {
		refuse(w, err)
	}
	return err == nil
}

func answer(w http.ResponseWriter, out any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out) // a client that is gone needs no answer
}

// refuse answers a request that is not of this protocol.
func refuse(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(failureOf(err))
}

func fail(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusInternalServerError)
	_ = json.NewEncoder(w).Encode(failureOf(err))
}

// stream sends rows and releases them.
func stream(w http.ResponseWriter, rows array.RecordReader) {
	defer rows.Release()
	w.Header().Set("Content-Type", arrowStream)
	w.Header().Set("Trailer", statusTrailer)
	flush := func() { _ = http.NewResponseController(w).Flush() }
	if err := writeRows(w, rows, flush); err != nil {
		w.Header().Set(statusTrailer, failureOf(err).header())
		return
	}
	w.Header().Set(statusTrailer, "ok")
}
