package web

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"io"
	"mime"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
)

// FilePath names a file of a request.
type FilePath struct {
	RequestPath
	Name string `path:"name" maxLength:"255" doc:"Name of the file"`
}

// FileChange changes what is said of a file.
type FileChange struct {
	Group string `json:"group" maxLength:"100" doc:"Name of a group of outputs of the request; empty for none"`
}

// upload streams a body: the reader is the connection's own.
type upload struct {
	FilePath
	Kind    egress.FileKind `query:"kind" enum:"output,supporting" default:"output" doc:"A supporting file helps the checkers and never leaves"`
	Group   string          `query:"group" maxLength:"100" doc:"Name of a group of outputs of the request"`
	content io.Reader
}

// Resolve takes the body before anything reads it; huma calls it.
func (u *upload) Resolve(ctx huma.Context) []error {
	u.content = ctx.BodyReader()
	return nil
}

// stream answers with bytes that are not held in memory.
type stream struct{ Body func(huma.Context) }

var bytesOfAnyKind = map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}

func (s *server) describeFiles(api huma.API) {
	tags := []string{"requests"}
	handle(s, api, huma.Operation{
		OperationID: "put-file", Method: http.MethodPut, Path: "/v1/requests/{request}/files/{name}", Summary: "Add a file: the body is its bytes", Tags: tags, Security: signedIn,
		RequestBody:   &huma.RequestBody{Required: true, Content: bytesOfAnyKind},
		DefaultStatus: http.StatusCreated, Errors: append([]int{http.StatusRequestEntityTooLarge}, stepErrors...),
	}, func(ctx context.Context, in *upload) (*view, error) {
		return outcome(s.Requests.AddFileAs(ctx, principal(ctx), in.Request, egress.NewFile{Name: in.Name, Kind: in.Kind, Group: in.Group}, body{in.content}))
	})

	handle(s, api, huma.Operation{
		OperationID: "move-file", Method: http.MethodPatch, Path: "/v1/requests/{request}/files/{name}", Summary: "Put a file into another group of outputs", Tags: tags, Security: signedIn, Errors: stepErrors,
	}, func(ctx context.Context, in *struct {
		FilePath
		Body FileChange
	}) (*view, error) {
		return outcome(s.Requests.MoveFile(ctx, principal(ctx), in.Request, in.Name, in.Body.Group))
	})

	handle(s, api, huma.Operation{
		OperationID: "remove-file", Method: http.MethodDelete, Path: "/v1/requests/{request}/files/{name}", Summary: "Take a file out of a request", Tags: tags, Security: signedIn, Errors: stepErrors,
	}, func(ctx context.Context, in *FilePath) (*view, error) {
		return outcome(s.Requests.RemoveFile(ctx, principal(ctx), in.Request, in.Name))
	})

	handle(s, api, huma.Operation{
		OperationID: "get-file", Method: http.MethodGet, Path: "/v1/requests/{request}/files/{name}", Summary: "A file's bytes, for its checkers; journaled", Tags: tags, Security: signedIn,
		Errors:    stepErrors,
		Responses: map[string]*huma.Response{"200": {Description: "The file, as it would leave", Content: bytesOfAnyKind}},
	}, func(ctx context.Context, in *FilePath) (*stream, error) {
		f, content, err := s.Requests.OpenFile(ctx, principal(ctx), in.Request, in.Name)
		if err != nil {
			return nil, err
		}
		return s.stream(content, f.Name, "application/octet-stream", f.SHA256, f.Bytes), nil
	})

	handle(s, api, huma.Operation{
		OperationID: "get-evidence", Method: http.MethodGet, Path: "/v1/requests/{request}/files/{name}/evidence", Tags: tags, Security: signedIn,
		Summary:   "What the gate measured of a referred result, for its checkers; journaled",
		Errors:    stepErrors,
		Responses: map[string]*huma.Response{"200": {Description: "A CSV file: the people behind each number, and the rules that withhold it", Content: bytesOfAnyKind}},
	}, func(ctx context.Context, in *FilePath) (*stream, error) {
		f, content, err := s.Requests.OpenEvidence(ctx, principal(ctx), in.Request, in.Name)
		if err != nil {
			return nil, err
		}
		return s.stream(content, "evidence-"+f.Name, "application/octet-stream", f.Referral.Findings.Evidence, f.Referral.Findings.Bytes), nil
	})
}

// body renders what goes wrong with an upload's connection.
type body struct{ r io.Reader }

func (b body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF {
		err = gatehouse.Errorf(gatehouse.CodeFileRefused, "The file did not arrive whole.").WithAdvice("Send it again.").Because(err)
	}
	return n, err
}

// stream sends content as a download that a browser neither shows nor guesses
// the type of. If it fails on the way, the answer is cut off: half a file must
// not look whole.
func (s *server) stream(content io.ReadCloser, name, kind, sha256 string, size int64) *stream {
	return &stream{func(ctx huma.Context) {
		defer content.Close()
		ctx.SetHeader("Content-Type", kind)
		ctx.SetHeader("Content-Length", strconv.FormatInt(size, 10))
		ctx.SetHeader("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
		if sum, err := hex.DecodeString(sha256); err == nil {
			ctx.SetHeader("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":")
		}
		ctx.SetStatus(http.StatusOK)
		if n, err := io.Copy(ctx.BodyWriter(), content); err != nil || n != size {
			s.Log.ErrorContext(ctx.Context(), "a download was cut off", "cause", err, "sha256", sha256, "request", requestID(ctx.Context()))
			panic(http.ErrAbortHandler)
		}
	}}
}
