package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

type contextKey int

const (
	principalKey contextKey = iota
	requestKey
)

// principal is who acts: put there by authenticate and by nothing else.
func principal(ctx context.Context) gatehouse.Principal {
	p, _ := ctx.Value(principalKey).(gatehouse.Principal)
	return p
}

// requestID names one HTTP request in answers and in the operator's log.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey).(string)
	return id
}

// signedIn is what operations for people say of themselves; authenticate
// enforces it.
var signedIn = []map[string][]string{{"bearer": {}}}

// authenticate turns the bearer token of operations that ask for one into a
// principal.
func (s *server) authenticate(ctx huma.Context, next func(huma.Context)) {
	if len(ctx.Operation().Security) == 0 {
		next(ctx)
		return
	}
	scheme, token, _ := strings.Cut(ctx.Header("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		s.refuse(ctx, gatehouse.Errorf(gatehouse.CodeUnauthenticated, "The request carries no token."))
		return
	}
	p, err := s.Projects.Authenticate(ctx.Context(), token)
	if err == nil && p.Anonymous() {
		err = gatehouse.Errorf(gatehouse.CodeUnauthenticated, "The token belongs to nobody.")
	}
	if err != nil {
		s.refuse(ctx, err)
		return
	}
	next(huma.WithValue(ctx, principalKey, p))
}

// refuse answers before a handler was reached.
func (s *server) refuse(ctx huma.Context, err error) {
	p := s.problem(ctx.Context(), err)
	if p.Status == http.StatusUnauthorized {
		ctx.SetHeader("WWW-Authenticate", `Bearer realm="gatehouse"`)
	}
	for name, values := range p.GetHeaders() {
		ctx.SetHeader(name, values[0])
	}
	ctx.SetHeader("Content-Type", "application/problem+json")
	ctx.SetStatus(p.Status)
	_ = json.NewEncoder(ctx.BodyWriter()).Encode(p) // the client may have gone
}

// protect is what every request passes through: an id, headers, time and size
// limits, and a net for panics.
func (s *server) protect(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := gatehouse.NewID("web")
		h := w.Header()
		h.Set("X-Request-Id", id)
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Strict-Transport-Security", "max-age=31536000")
		h.Set("Cache-Control", "no-store")
		r = r.WithContext(context.WithValue(r.Context(), requestKey, id))
		defer s.recoverPanic(w, r, time.Now())

		control := http.NewResponseController(w)
		reading, writing := bodyTime, answerTime
		if isTransfer(r) {
			reading, writing = transferTime, transferTime
		}
		_ = control.SetReadDeadline(time.Now().Add(reading)) // a recorder in a test has none
		_ = control.SetWriteDeadline(time.Now().Add(writing))
		// The deadline is for the body: left standing, it would cancel a handler
		// that goes on working after it.
		r.Body = &timedBody{http.MaxBytesReader(w, r.Body, s.bodyLimit(r)), func() { _ = control.SetReadDeadline(time.Time{}) }}
		if r.ContentLength == 0 {
			_ = control.SetReadDeadline(time.Time{})
		}

		if r.Method == http.MethodHead && strings.HasPrefix(r.URL.Path, "/v1/") {
			// A download that took nothing out must not be journaled as one, nor use a link up.
			s.refuseMethod(w, r, "GET")
			return
		}
		handler, pattern := mux.Handler(r)
		if pattern == "" {
			s.unrouted(handler, w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// isTransfer tells the operations that move files.
func isTransfer(r *http.Request) bool {
	return r.Method == http.MethodPut || strings.HasSuffix(r.URL.Path, "/bundle") || strings.HasPrefix(r.URL.Path, "/v1/downloads/") || strings.Contains(r.URL.Path, "/files/") || strings.HasSuffix(r.URL.Path, "/release") || r.URL.Path == "/v1/referrals" || isDocument(r)
}

// isDocument reports whether a document of a project arrives.
func isDocument(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/documents")
}

// bodyLimit is the most that is read of a body. The limits of huma (1 MiB) and
// of the service are lower, and have the better words.
func (s *server) bodyLimit(r *http.Request) int64 {
	if r.Method == http.MethodPut {
		return s.Requests.Limits.FileBytes + 1<<20
	}
	if isDocument(r) {
		return workspaces.MaxDocument + 1<<20
	}
	return 2 << 20
}

// timedBody calls done once the body was read to its end.
type timedBody struct {
	io.ReadCloser
	done func()
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.done()
	}
	return n, err
}

// recoverPanic answers for a handler that panicked. The value of a panic may be
// data, so that only its type and the stack are logged.
func (s *server) recoverPanic(w http.ResponseWriter, r *http.Request, began time.Time) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler { // the way to cut an answer short
		panic(v)
	}
	s.Log.ErrorContext(r.Context(), "a handler panicked", "request", requestID(r.Context()), "method", r.Method,
		"type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()), "after", time.Since(began))
	writeProblem(w, newProblem(r.Context(), gatehouse.Errorf(gatehouse.CodeInternal, "Something went wrong inside Gatehouse.")))
}

// unrouted answers for paths and methods that the API does not have.
func (s *server) unrouted(handler http.Handler, w http.ResponseWriter, r *http.Request) {
	answer := &statusOnly{header: http.Header{}}
	handler.ServeHTTP(answer, r)
	if answer.status == http.StatusMethodNotAllowed {
		s.refuseMethod(w, r, strings.ReplaceAll(answer.header.Get("Allow"), ", HEAD", ""))
		return
	}
	writeProblem(w, newProblem(r.Context(), gatehouse.Errorf(gatehouse.CodeNotFound, "The API has no such path.")))
}

// refuseMethod answers a method that a path does not have.
func (s *server) refuseMethod(w http.ResponseWriter, r *http.Request, allow string) {
	p := newProblem(r.Context(), gatehouse.Errorf(gatehouse.CodeNotFound, "The path does not have this method.").WithAdvice("Look it up in /openapi.json."))
	w.Header().Set("Allow", allow)
	p.Status, p.Title = http.StatusMethodNotAllowed, http.StatusText(http.StatusMethodNotAllowed)
	writeProblem(w, p)
}

// statusOnly takes a status and headers and drops the body.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header { return s.header }
func (s *statusOnly) WriteHeader(code int) {
	if s.status == 0 {
		s.status = code
	}
}
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }

func writeProblem(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client may have gone
}
