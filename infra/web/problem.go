package web

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-tre/gatehouse"
)

// Problem is every error of the API: RFC 9457, with the code and advice that
// Gatehouse gives everywhere.
type Problem struct {
	Title   string         `json:"title" doc:"The HTTP status in words"`
	Status  int            `json:"status"`
	Code    gatehouse.Code `json:"code" pattern:"^GH-[0-9]{3}$" doc:"What programs switch on"`
	Detail  string         `json:"detail" doc:"One plain sentence: what was refused or went wrong"`
	Advice  string         `json:"advice" doc:"What to do instead"`
	Request string         `json:"request,omitempty" doc:"Id of this HTTP request, for the operator"`
	Errors  []FieldError   `json:"errors,omitempty" doc:"Which parts of what was sent are wrong"`

	retry time.Duration // sent as Retry-After
}

// FieldError is what is wrong with one part of what was sent. It does not repeat
// the value.
type FieldError struct {
	Location string `json:"location" doc:"Such as body.title or query.limit"`
	Message  string `json:"message"`
}

func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status; huma asks for it.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders is Retry-After, where it is known; huma asks for it.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(p.retry/time.Second)))
	}
	return h
}

// ContentType is application/problem+json; huma asks for it.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

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

// newProblem renders err; a cause is never part of it.
func newProblem(ctx context.Context, err error) *Problem {
	e := gatehouse.Public(err)
	status := statuses[e.Kind()]
	return &Problem{Title: http.StatusText(status), Status: status, Code: e.Code, Detail: e.Message, Advice: e.Advice, Request: requestID(ctx), retry: e.Retry}
}

// problem is newProblem, with a line in the operator's log for what is ours to
// mend.
func (s *server) problem(ctx context.Context, err error) *Problem {
	e := gatehouse.Public(err)
	if kind := e.Kind(); kind == gatehouse.KindInternal || kind == gatehouse.KindUnavailable {
		s.Log.ErrorContext(ctx, e.Message, "code", e.Code, "cause", errors.Unwrap(e), "request", requestID(ctx))
	}
	return newProblem(ctx, err)
}

// handle registers an operation whose errors are rendered as problems.
func handle[I, O any](s *server, api huma.API, op huma.Operation, do func(context.Context, *I) (*O, error)) {
	if op.Security != nil {
		op.Errors = append(op.Errors, http.StatusUnauthorized)
	}
	op.Errors = append(op.Errors, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusServiceUnavailable)
	if _, has := reflect.TypeFor[I]().FieldByName("Body"); has {
		op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	op.BodyReadTimeout = -1 // protect has set the deadline
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := do(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return out, nil
	})
}

// huma makes its own errors (of validation) through this variable, which is the
// only way to give them the form of a Problem. Values that were sent are left
// out: they may be data.
func init() {
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		p := newProblem(context.Background(), gatehouse.Errorf(gatehouse.CodeRequestInvalid, "What was sent is not what this operation takes."))
		if status >= 500 {
			p = newProblem(context.Background(), gatehouse.Errorf(gatehouse.CodeInternal, "Something went wrong inside Gatehouse."))
		} else {
			p.Advice = "Correct it as /openapi.json describes, then send it again."
		}
		if status != 0 {
			p.Status, p.Title = status, http.StatusText(status)
		}
		for _, err := range errs {
			var detail huma.ErrorDetailer
			if errors.As(err, &detail) {
				p.Errors = append(p.Errors, FieldError{detail.ErrorDetail().Location, detail.ErrorDetail().Message})
			}
		}
		return p
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		p := huma.NewError(status, message, errs...)
		if p, ok := p.(*Problem); ok {
			p.Request = requestID(ctx.Context())
		}
		return p
	}
}
