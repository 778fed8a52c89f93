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
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/gatehouse-tre/gatehouse/egress"
)

// client speaks the protocol to one worker.
type client struct {
	http *http.Client
}

func newClient(socket string) *client {
	var dialer net.Dialer
	return &client{http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		},
		MaxIdleConnsPerHost: 8,
		ReadBufferSize:      256 << 10,
		WriteBufferSize:     64 << 10,
		DisableCompression:  true,
	}}}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// do sends a request; every failure comes back as an *egress.EngineFailure, and
// the response, if there is one, is a success whose body the caller closes.
func (c *client) do(ctx context.Context, method, path, contentType string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://engine"+path, body)
	if err != nil {
		return nil, &egress.EngineFailure{Kind: egress.FailureOther, Cause: err.Error()}
	}
	r.Header.Set("Content-Type", contentType)
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, transportFailure(ctx, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return nil, transportFailure(ctx, err)
	}
	var f failure
	if json.Unmarshal(b, &f) != nil {
		f = failure{Kind: egress.FailureOther, Cause: fmt.Sprintf("engine: %s answers %s", path, resp.Status)}
	}
	return nil, timed(ctx, f.error())
}

// call sends a JSON request and decodes a JSON answer.
func (c *client) call(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return &egress.EngineFailure{Kind: egress.FailureOther, Cause: err.Error()}
	}
	resp, err := c.do(ctx, http.MethodPost, path, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return transportFailure(ctx, err)
	}
	if err := json.Unmarshal(b, out); err != nil {
		return &egress.EngineFailure{Kind: egress.FailureOther, Cause: err.Error()}
	}
	return nil
}

// ready waits until the worker answers.
func (c *client) ready(ctx context.Context) (readyAnswer, error) {
	var out readyAnswer
	resp, err := c.do(ctx, http.MethodGet, pathReady, "application/json", nil)
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxJSON)).Decode(&out); err != nil {
		return out, transportFailure(ctx, err)
	}
	return out, nil
}

// transportFailure classes an error of the connection itself.
func transportFailure(ctx context.Context, err error) error {
	return timed(ctx, &egress.EngineFailure{Kind: egress.FailureLost, Cause: err.Error()})
}

// timed lets the caller's own deadline or cancellation explain a failure.
func timed(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &egress.EngineFailure{Kind: egress.FailureTime, Cause: err.Error()}
	case ctx.Err() != nil:
		return &egress.EngineFailure{Kind: egress.FailureCancelled, Cause: err.Error()}
	}
	return err
}

// rows is an Arrow stream from a worker, as a RecordReader.
type rows struct {
	ctx      context.Context
	resp     *http.Response
	in       *ipc.Reader
	count    atomic.Int64
	shutdown sync.Once
	explain  func(error) error
	then     func() // called once, when the rows are released
	err      error
	ended    bool
}

func newRows(ctx context.Context, resp *http.Response, explain func(error) error) (array.RecordReader, error) {
	r := &rows{ctx: ctx, resp: resp, explain: explain}
	in, err := readStream(resp.Body)
	if err != nil {
		defer resp.Body.Close()
		if err = r.end(err); err == nil {
			err = &egress.EngineFailure{Kind: egress.FailureOther, Cause: "engine: a stream without a schema"}
		}
		return nil, err
	}
	r.in = in
	r.count.Store(1)
	return r, nil
}

func (r *rows) Schema() *arrow.Schema          { return r.in.Schema() }
func (r *rows) RecordBatch() arrow.RecordBatch { return r.in.RecordBatch() }
func (r *rows) Record() arrow.RecordBatch      { return r.in.RecordBatch() }
func (r *rows) Err() error                     { return r.err }
func (r *rows) Retain()                        { r.count.Add(1) }

// Release closes the stream when nobody holds it; a worker that still computes
// is interrupted by that.
func (r *rows) Release() {
	if r.count.Add(-1) == 0 {
		r.shutdown.Do(func() {
			r.in.Release()
			r.resp.Body.Close()
			if r.then != nil {
				r.then()
			}
		})
	}
}

func (r *rows) Next() bool {
	if r.ended {
		return false
	}
	if r.in.Next() {
		return true
	}
	r.ended = true
	r.err = r.end(r.in.Err())
	return false
}

// end reads up to the trailer, which comes after everything else.
func (r *rows) end(read error) error {
	_, drained := io.Copy(io.Discard, r.resp.Body)
	return r.explain(r.verdict(errors.Join(read, drained)))
}

// verdict says how the stream ended: only the worker's own "ok" is success.
func (r *rows) verdict(read error) error {
	switch status := r.resp.Trailer.Get(statusTrailer); status {
	case "ok":
		if read == nil {
			return nil
		}
		return &egress.EngineFailure{Kind: egress.FailureOther, Cause: read.Error()}
	case "":
		if read == nil {
			read = io.ErrUnexpectedEOF
		}
		return transportFailure(r.ctx, read)
	default:
		var f failure
		if err := json.Unmarshal([]byte(status), &f); err != nil {
			f = failure{Kind: egress.FailureOther, Cause: err.Error()}
		}
		return timed(r.ctx, f.error())
	}
}
