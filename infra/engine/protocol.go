package engine

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/gatehouse-tre/gatehouse/egress"
)

// The operations, as paths. A worker answers those of its role with what they
// promise, and every other path with 404.
const (
	pathReady = "/ready" // all roles: GET, answers when the worker can work
	pathOpen  = "/open"  // vault, publish
	pathQuery = "/query" // vault, publish
	pathExec  = "/exec"  // vault, publish
	pathStop  = "/stop"  // vault, publish: interrupts an /exec
	pathLoad  = "/load"  // publish: ?table=NAME, body is an Arrow stream
	pathCopy  = "/copy"  // publish: ?sql=STATEMENT, body is an Arrow stream
	pathBind  = "/bind"  // binder
	pathRun   = "/run"   // lobby: body is frames (frame.go)
)

// Limits of what a worker reads from a request, in bytes.
const (
	maxJSON  = 8 << 20   // statements and SQL
	maxFrame = 256 << 20 // one table of a lobby
	maxRun   = 512 << 20 // all tables of a lobby
)

// maxAnswer is the limit of what the control plane reads of a worker's JSON.
const maxAnswer = 64 << 20

// Limits of what one message of an Arrow stream may claim to hold, in bytes:
// neither side trusts the other's lengths.
const (
	maxMetadata = 4 << 20
	maxBody     = 64 << 20
)

// readStream reads an Arrow IPC stream within the limits. (ipc.NewReader takes
// the same options, and in arrow-go 18.8 forgets them: a length of a few bytes
// then ends the process for lack of memory.)
func readStream(r io.Reader) (*ipc.Reader, error) {
	return ipc.NewReaderFromMessageReader(ipc.NewMessageReader(r,
		ipc.WithMetadataSizeLimit(maxMetadata), ipc.WithBodySizeLimit(maxBody)))
}

// batchBytes is the size that batches are brought to on the wire; DuckDB's own
// hold 2,048 rows, which costs more in framing than in data.
const batchBytes = 1 << 20

// maxCause bounds a failure's cause: it must fit into an HTTP trailer, which
// net/http wants to see whole in its 4 KiB buffer.
const maxCause = 1500

const arrowStream = "application/vnd.apache.arrow.stream"

// statusTrailer ends every stream: "ok", or a failure as JSON. A stream without
// it was cut off.
const statusTrailer = "Gatehouse-Status"

type openRequest struct {
	Statements []string `json:"statements"`
}

type queryRequest struct {
	SQL string `json:"sql"`
}

// execRequest has a name of its own, by which it is stopped.
type execRequest struct {
	ID         string   `json:"id"`
	Statements []string `json:"statements"`
}

type stopRequest struct {
	ID string `json:"id"`
}

type bindRequest struct {
	DDL []string `json:"ddl"`
	SQL string   `json:"sql"`
}

type bindAnswer struct {
	Bound   *egress.Bound       `json:"bound,omitempty"`
	Failure *egress.BindFailure `json:"failure,omitempty"`
}

// readyAnswer is what a worker says of itself.
type readyAnswer struct {
	Role Role `json:"role"`
}

// failure is an egress.EngineFailure on the wire.
type failure struct {
	Kind  egress.FailureKind `json:"kind"`
	Cause string             `json:"cause"`
}

// failureOf classes any error; what is not an *egress.EngineFailure is "other".
func failureOf(err error) failure {
	f := failure{Kind: egress.FailureOther, Cause: err.Error()}
	if known := (*egress.EngineFailure)(nil); errors.As(err, &known) {
		f = failure{Kind: known.Kind, Cause: known.Cause}
	}
	f.Cause = cut(strings.ToValidUTF8(f.Cause, "?"), maxCause)
	return f
}

func (f failure) error() error {
	switch f.Kind {
	case egress.FailureArithmetic, egress.FailureMemory, egress.FailureTime, egress.FailureCancelled, egress.FailureOther:
		return &egress.EngineFailure{Kind: f.Kind, Cause: f.Cause}
	}
	// A worker cannot call itself lost or missing.
	return &egress.EngineFailure{Kind: egress.FailureOther, Cause: string(f.Kind) + ": " + f.Cause}
}

// header renders f for a trailer: ASCII only, JSON escapes the rest.
func (f failure) header() string {
	b, _ := json.Marshal(f) // two strings always marshal
	var out strings.Builder
	for _, r := range string(b) {
		if r < utf8.RuneSelf {
			out.WriteRune(r)
		} else {
			out.WriteByte('?')
		}
	}
	return out.String()
}

// cut shortens s to at most n bytes, at a rune's edge.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
