package flight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/gatehouse-tre/gatehouse"
)

// maxMessage bounds the text of an error; it travels in a header.
const maxMessage = 4 << 10

// rendered is the gRPC status of an error as a client may see it: code, one
// sentence, advice. Causes go to the operators' log.
func (s *Server) rendered(ctx context.Context, method string, err error) error {
	if err == nil {
		return nil
	}
	// A client that left gets the usual code, whatever broke because it left.
	if cause := ctx.Err(); cause != nil {
		err = cause
	}
	var e *gatehouse.Error
	if !errors.As(err, &e) {
		e = adopted(err)
	}
	code := grpcCode(e)
	if code == codes.Internal {
		s.log.ErrorContext(ctx, "a call failed", "method", method, "user", caller(ctx).User, "code", e.Code, "cause", e.Err)
	} else {
		s.log.DebugContext(ctx, "a call was refused", "method", method, "user", caller(ctx).User, "code", e.Code)
	}
	inParts(ctx, e)
	answer := status.New(code, clipped(e.Error()))
	if e.Retry > 0 {
		if told, err := answer.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(e.Retry)}); err == nil {
			answer = told
		}
	}
	return answer.Err()
}

// refusalKey is the trailer that tells programs the parts of an error.
const refusalKey = "gatehouse-refusal-bin"

// inParts sends code, sentence and advice beside the error, whose text joins
// them. Errors too long for a trailer have their text alone.
func inParts(ctx context.Context, e *gatehouse.Error) {
	parts, err := json.Marshal(struct {
		Code     gatehouse.Code `json:"code"`
		Sentence string         `json:"sentence"`
		Advice   string         `json:"advice"`
	}{e.Code, e.Message, e.Advice})
	if err == nil && len(parts) <= maxMessage {
		_ = grpc.SetTrailer(ctx, metadata.Pairs(refusalKey, string(parts))) // fails where the call is over
	}
}

// grpcCode derives the gRPC code from the error's kind. Two codes have a gRPC
// code of their own that no kind names.
func grpcCode(e *gatehouse.Error) codes.Code {
	switch e.Code {
	case gatehouse.CodeCancelled:
		return codes.Canceled
	case gatehouse.CodeUnsupported:
		return codes.Unimplemented
	}
	switch e.Kind() {
	case gatehouse.KindInvalid:
		return codes.InvalidArgument
	case gatehouse.KindUnauthenticated:
		return codes.Unauthenticated
	case gatehouse.KindDenied:
		return codes.PermissionDenied
	case gatehouse.KindNotFound:
		return codes.NotFound
	case gatehouse.KindConflict:
		return codes.FailedPrecondition
	case gatehouse.KindUnavailable:
		return codes.Unavailable
	case gatehouse.KindExhausted:
		return codes.ResourceExhausted
	}
	return codes.Internal
}

// adopted gives an error of ours for one of the protocol library's, whose text
// is not shown: it may quote what it choked on.
func adopted(err error) *gatehouse.Error {
	switch {
	case errors.Is(err, context.Canceled):
		return gatehouse.Errorf(gatehouse.CodeCancelled, "The question was cancelled.").Because(err)
	case errors.Is(err, context.DeadlineExceeded):
		return gatehouse.Errorf(gatehouse.CodeTimeLimit, "The time that was allowed for this is over.").Because(err)
	}
	switch status.Code(err) {
	case codes.Unimplemented:
		return unsupported("This part of Flight SQL").Because(err)
	case codes.InvalidArgument:
		return malformed().Because(err)
	case codes.Canceled:
		return gatehouse.Errorf(gatehouse.CodeCancelled, "The question was cancelled.").Because(err)
	case codes.DeadlineExceeded:
		return gatehouse.Errorf(gatehouse.CodeTimeLimit, "The time that was allowed for this is over.").Because(err)
	case codes.ResourceExhausted:
		return gatehouse.Errorf(gatehouse.CodeTooLarge, "A message is larger than this server takes.").Because(err)
	}
	return gatehouse.Public(err)
}

func malformed() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.CodeProtocol, "The message is not valid Flight SQL.")
}

func unsupported(what string) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.CodeUnsupported, "%s is not offered here.", what)
}

// panicked is the error of a panic. Its text stays out of every log, since it
// may quote data; its type and place tell where to look.
func panicked(recovered any) error {
	what := fmt.Sprintf("%T", recovered)
	var fault runtime.Error
	if err, ok := recovered.(error); ok && errors.As(err, &fault) {
		what = fault.Error() // "index out of range", "nil pointer": no data in it
	}
	return fmt.Errorf("panic (%s)\n%s", what, debug.Stack())
}

func clipped(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	end := maxMessage
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
