package site

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// Policies of content: what a browser may do with what the site serves. Pages
// run the site's own two scripts and nothing else; a viewer's frame runs nothing
// and may not even know where it came from.
const (
	pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; " +
		"form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
	framePolicy = "sandbox; default-src 'none'; style-src 'self'; img-src data:; form-action 'none'; frame-ancestors 'self'; base-uri 'none'"
	// A web page that is to be released, as it would look: its own styles and the
	// pictures inside it, and nothing from anywhere.
	renderedPolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; form-action 'none'; frame-ancestors 'self'; base-uri 'none'"
	assetPolicy    = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
)

// Times that a connection may take.
const (
	answerTime   = time.Minute
	transferTime = 30 * time.Minute
)

// formBytes bounds a form without files.
const formBytes = 1 << 20

// protect is what every request passes through.
func (s *server) protect(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.open(func(*visit) error {
			return gatehouse.Errorf(gatehouse.CodeDenied, "The form was sent from another site.").WithAdvice("Open the page here and send it again.")
		})(w, r)
	}))
	guarded := origin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.headers(w.Header())
		control := http.NewResponseController(w)
		took, bytes := answerTime, int64(formBytes)
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/files") {
			took, bytes = transferTime, s.Requests.Limits.RequestBytes+1<<20
		} else if strings.HasSuffix(r.URL.Path, "/bundle") {
			took = transferTime
		}
		_ = control.SetReadDeadline(time.Now().Add(took)) // a recorder in a test has none
		_ = control.SetWriteDeadline(time.Now().Add(took))
		r.Body = &whole{http.MaxBytesReader(w, r.Body, bytes), func() { _ = control.SetReadDeadline(time.Time{}) }}
		if r.ContentLength == 0 {
			_ = control.SetReadDeadline(time.Time{})
		}
		guarded.ServeHTTP(w, r)
	})
}

// headers are those of every answer; some answers set others afterwards.
func (s *server) headers(h http.Header) {
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-DNS-Prefetch-Control", "off") // a page in a viewer could have the names of its links looked up
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()")
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("Cache-Control", "no-store")
}

// whole calls done once the body was read to its end: a deadline left standing
// would cancel a handler that goes on working after it.
type whole struct {
	io.ReadCloser
	done func()
}

func (b *whole) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.done()
	}
	return n, err
}

// visit is one request by one reader.
type visit struct {
	*server
	w    http.ResponseWriter
	r    *http.Request
	id   string              // of the request, for the operator's log
	who  gatehouse.Principal // nobody, for pages that are open
	sent bool                // an answer has begun
}

// open makes a handler of a page that anybody may see.
func (s *server) open(do func(*visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := &visit{server: s, w: w, r: r, id: gatehouse.NewID("web")}
		w.Header().Set("X-Request-Id", v.id)
		defer v.recover()
		who, err := s.SignIn.Principal(r)
		if err == nil {
			v.who = who
		} else if gatehouse.Public(err).Kind() != gatehouse.KindUnauthenticated {
			v.fail(err)
			return
		}
		if err := do(v); err != nil {
			v.fail(err)
		}
	}
}

// page makes a handler of a page for people who are signed in; others are sent
// to sign in, and come back.
func (s *server) signedIn(do func(*visit) error) http.HandlerFunc {
	return s.open(func(v *visit) error {
		if v.who.Anonymous() {
			return gatehouse.Errorf(gatehouse.CodeUnauthenticated, "You are not signed in.").WithAdvice("Sign in, then try again.")
		}
		return do(v)
	})
}

// recover answers for a handler that panicked. The value of a panic may be data,
// so that only its type and the stack are logged.
func (v *visit) recover() {
	got := recover()
	if got == nil {
		return
	}
	if got == http.ErrAbortHandler {
		panic(got)
	}
	v.Log.ErrorContext(v.r.Context(), "a page panicked", "request", v.id, "method", v.r.Method, "type", fmt.Sprintf("%T", got), "stack", string(debug.Stack()))
	if !v.sent {
		v.fail(gatehouse.Errorf(gatehouse.CodeInternal, "Something went wrong inside Gatehouse."))
	}
}

var statuses = map[gatehouse.Kind]int{
	gatehouse.KindInternal:        http.StatusInternalServerError,
	gatehouse.KindInvalid:         http.StatusUnprocessableEntity,
	gatehouse.KindUnauthenticated: http.StatusUnauthorized,
	gatehouse.KindDenied:          http.StatusForbidden,
	gatehouse.KindNotFound:        http.StatusNotFound,
	gatehouse.KindConflict:        http.StatusConflict,
	gatehouse.KindUnavailable:     http.StatusServiceUnavailable,
	gatehouse.KindExhausted:       http.StatusTooManyRequests,
}

// problem is what a page says of an error.
type problem struct {
	*gatehouse.Error
	Status  int
	Request string
	Next    string // where to come back to after signing in
}

// problem logs what is ours to mend. A cause is never shown.
func (v *visit) problem(err error) *problem {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) && gatehouse.CodeOf(err) == gatehouse.CodeInternal {
		err = gatehouse.Errorf(gatehouse.CodeRequestInvalid, "More was sent than one form may hold.").WithAdvice("Send less, or in parts.").Because(err)
	}
	e := gatehouse.Public(err)
	if kind := e.Kind(); kind == gatehouse.KindInternal || kind == gatehouse.KindUnavailable {
		v.Log.ErrorContext(v.r.Context(), e.Message, "code", e.Code, "cause", errors.Unwrap(e), "request", v.id)
	}
	return &problem{Error: e, Status: statuses[e.Kind()], Request: v.id}
}

// fail shows an error as a page of its own.
func (v *visit) fail(err error) {
	if v.sent {
		panic(http.ErrAbortHandler) // half an answer must not look whole
	}
	p := v.problem(err)
	if v.r.Method == http.MethodGet {
		p.Next = v.r.URL.RequestURI()
	}
	v.w.Header().Set("Content-Security-Policy", pagePolicy)
	if p.Retry > 0 {
		v.w.Header().Set("Retry-After", strconv.Itoa(int(p.Retry/time.Second)))
	}
	v.render(p.Status, "error", titleOf(p), p)
}

func titleOf(p *problem) string {
	switch p.Kind() {
	case gatehouse.KindUnauthenticated:
		return "Sign in first"
	case gatehouse.KindDenied:
		return "You may not do this"
	case gatehouse.KindNotFound:
		return "There is nothing here"
	case gatehouse.KindConflict:
		return "Not as things stand now"
	case gatehouse.KindInvalid:
		return "Something needs correcting"
	case gatehouse.KindExhausted:
		return "That is too much at once"
	case gatehouse.KindUnavailable:
		return "This part does not work now"
	}
	return "Something went wrong"
}

// see sends the reader to another page after something was done; done names the
// sentence that is shown there.
func (v *visit) see(path, done string) error {
	if done != "" {
		path += "?done=" + done
	}
	v.sent = true
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}

// may reports whether to offer an action to the reader.
func (v *visit) may(action gatehouse.Action, project string) bool {
	return !v.who.Anonymous() && v.Authorizer.Authorize(v.r.Context(), v.who, action, project) == nil
}
