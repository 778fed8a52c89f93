package gatehouse

import (
	"errors"
	"fmt"
	"time"
)

// Kind is the class of an error, from which the edges (HTTP status, gRPC code,
// exit status) are derived. Nothing else decides them.
type Kind int

// The kinds.
const (
	KindInternal        Kind = iota // a fault of ours
	KindInvalid                     // what was asked is malformed or does not bind
	KindUnauthenticated             // nobody we know
	KindDenied                      // known, and not allowed; every refusal of the gate
	KindNotFound                    // absent, or not to be known to exist
	KindConflict                    // the state does not allow it now
	KindUnavailable                 // a part is missing or too old: failing closed
	KindExhausted                   // over a limit of size, time or number
)

// Code names one reason, for people to look up and programs to switch on:
// "GH-nnn". The complete list is in codes.go, with the advice for each.
type Code string

// Error is the only error that is rendered to a user. Message and Advice are
// plain sentences that never hold a data value, a count or a timing. Err is the
// cause for the operator's log; it is never shown to a researcher.
type Error struct {
	Code    Code
	Message string        // one sentence: what was refused or went wrong
	Advice  string        // one sentence: what to do instead
	Err     error         // the cause, for the operator; may hold anything, so never rendered
	Retry   time.Duration // when it may be tried again; zero where that is not said
}

// Errorf makes an Error with the code's standard advice.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Advice: code.advice()}
}

// Because attaches the cause, for the operator's log.
func (e *Error) Because(err error) *Error {
	e.Err = err
	return e
}

// WithAdvice replaces the standard advice.
func (e *Error) WithAdvice(format string, args ...any) *Error {
	e.Advice = fmt.Sprintf(format, args...)
	return e
}

// After says when it may be tried again, rounded up to a second.
func (e *Error) After(wait time.Duration) *Error {
	e.Retry = (wait + time.Second - 1).Truncate(time.Second)
	return e
}

// Error renders code, message and advice; never the cause.
func (e *Error) Error() string {
	s := string(e.Code) + ": " + e.Message
	if e.Advice != "" {
		s += " " + e.Advice
	}
	return s
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// Kind is the class of the error's code.
func (e *Error) Kind() Kind { return e.Code.Kind() }

// CodeOf gives the code of the first Error in err's chain, or CodeInternal.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// Public turns any error into one that may be shown: an Error as it is, and
// everything else as an internal fault that names no cause.
func Public(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return Errorf(CodeInternal, "Something went wrong inside Gatehouse.").Because(err)
}
