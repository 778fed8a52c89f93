package web

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// ProjectDocuments are what supports the applications of projects.
type ProjectDocuments interface {
	AddDocument(ctx context.Context, p gatehouse.Principal, project string, d workspaces.Document, content io.Reader) (workspaces.Document, error)
	Documents(ctx context.Context, p gatehouse.Principal, project string) ([]workspaces.Document, error)
	OpenDocument(ctx context.Context, p gatehouse.Principal, project, id string) (workspaces.Document, []byte, error)
}

// arrivingDocument streams a body: the reader is the connection's own.
type arrivingDocument struct {
	Project string                  `path:"project" maxLength:"64"`
	Kind    workspaces.DocumentKind `query:"kind" enum:"training,opt-out-basis" default:"training"`
	User    string                  `query:"user" maxLength:"64" doc:"Whose training; your own if it is left out"`
	Name    string                  `query:"name" maxLength:"200" default:"document" doc:"Name of the file"`
	content io.Reader
}

// Resolve takes the body before anything reads it; huma calls it.
func (d *arrivingDocument) Resolve(ctx huma.Context) []error {
	d.content = ctx.BodyReader()
	return nil
}

func (s *server) describeDocuments(api huma.API) {
	tags := []string{"projects"}
	handle(s, api, huma.Operation{
		OperationID: "list-documents", Method: http.MethodGet, Path: "/v1/projects/{project}/documents", Summary: "Documents of a project that you may know of, newest first", Tags: tags, Security: signedIn,
		Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, func(ctx context.Context, in *struct {
		Project string `path:"project" maxLength:"64"`
	}) (*listOf[workspaces.Document], error) {
		all, err := s.Projects.Documents(ctx, principal(ctx), in.Project)
		return list(all), err
	})

	handle(s, api, huma.Operation{
		OperationID: "add-document", Method: http.MethodPost, Path: "/v1/projects/{project}/documents", Summary: "Add a certificate of training, or what the opt-out basis rests on: the body is its bytes", Tags: tags, Security: signedIn,
		Description:   "A PDF, PNG or JPEG of at most 4 MiB. It is never changed or removed, and read by the custodians who decide, whom it is about, and you.",
		RequestBody:   &huma.RequestBody{Required: true, Content: bytesOfAnyKind},
		DefaultStatus: http.StatusCreated, Errors: append([]int{http.StatusRequestEntityTooLarge}, stepErrors...),
	}, func(ctx context.Context, in *arrivingDocument) (*one[workspaces.Document], error) {
		d := workspaces.Document{Kind: in.Kind, User: in.User, Name: in.Name}
		if d.Kind == workspaces.DocumentTraining && d.User == "" {
			d.User = principal(ctx).User
		}
		d, err := s.Projects.AddDocument(ctx, principal(ctx), in.Project, d, in.content)
		return &one[workspaces.Document]{d}, err
	})

	handle(s, api, huma.Operation{
		OperationID: "get-document", Method: http.MethodGet, Path: "/v1/projects/{project}/documents/{document}", Summary: "What a document holds; journaled", Tags: tags, Security: signedIn,
		Errors:    []int{http.StatusForbidden, http.StatusNotFound},
		Responses: map[string]*huma.Response{"200": {Description: "The document", Content: bytesOfAnyKind}},
	}, func(ctx context.Context, in *struct {
		Project  string `path:"project" maxLength:"64"`
		Document string `path:"document" maxLength:"64"`
	}) (*stream, error) {
		d, content, err := s.Projects.OpenDocument(ctx, principal(ctx), in.Project, in.Document)
		if err != nil {
			return nil, err
		}
		return s.stream(io.NopCloser(bytes.NewReader(content)), d.Name, "application/octet-stream", d.SHA256, d.Bytes), nil
	})
}
