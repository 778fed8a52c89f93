package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-tre/gatehouse/egress"
)

// ReleasePath names a release.
type ReleasePath struct {
	Release string `path:"release" maxLength:"64" doc:"Id of the release"`
}

// Recall says why.
type Recall struct {
	Reason string `json:"reason" minLength:"1" maxLength:"4000"`
}

var bundleAnswer = map[string]*huma.Response{"200": {Description: "The bundle, for gatehouse verify", Content: map[string]*huma.MediaType{"application/zip": bytesOfAnyKind["application/octet-stream"]}}}

func (s *server) describeReleases(api huma.API) {
	tags := []string{"releases"}
	handle(s, api, huma.Operation{
		OperationID: "get-release", Method: http.MethodGet, Path: "/v1/releases/{release}", Summary: "A release", Tags: tags, Security: signedIn,
		Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, func(ctx context.Context, in *ReleasePath) (*one[egress.Release], error) {
		release, err := s.Requests.Release(ctx, principal(ctx), in.Release)
		return &one[egress.Release]{release}, err
	})

	handle(s, api, huma.Operation{
		OperationID: "download-release", Method: http.MethodGet, Path: "/v1/releases/{release}/bundle", Summary: "The signed bundle; journaled", Tags: tags, Security: signedIn,
		Errors:    stepErrors,
		Responses: bundleAnswer,
	}, func(ctx context.Context, in *ReleasePath) (*stream, error) {
		release, bundle, err := s.Requests.DownloadRelease(ctx, principal(ctx), in.Release)
		if err != nil {
			return nil, err
		}
		return s.stream(bundle, release.ID+".zip", "application/zip", release.SHA256, release.Bytes), nil
	})

	handle(s, api, huma.Operation{
		OperationID: "link-release", Method: http.MethodPost, Path: "/v1/releases/{release}/links", Summary: "A link that downloads the bundle once, within minutes, without a token; journaled", Tags: tags, Security: signedIn,
		DefaultStatus: http.StatusCreated, Errors: stepErrors,
	}, func(ctx context.Context, in *ReleasePath) (*one[egress.Link], error) {
		link, err := s.Requests.MakeLink(ctx, principal(ctx), in.Release)
		return &one[egress.Link]{link}, err
	})

	handle(s, api, huma.Operation{
		OperationID: "follow-link", Method: http.MethodGet, Path: "/v1/downloads/{secret}", Summary: "The bundle that a link is for, once; journaled as its maker's download", Tags: tags,
		Errors:    stepErrors,
		Responses: bundleAnswer,
	}, func(ctx context.Context, in *struct {
		Secret string `path:"secret" maxLength:"64" doc:"What the link ends in"`
	}) (*stream, error) {
		release, bundle, err := s.Requests.DownloadByLink(ctx, in.Secret)
		if err != nil {
			return nil, err
		}
		return s.stream(bundle, release.ID+".zip", "application/zip", release.SHA256, release.Bytes), nil
	})

	handle(s, api, huma.Operation{
		OperationID: "recall-release", Method: http.MethodPost, Path: "/v1/releases/{release}/recall", Summary: "Call a release back; the answer names who downloaded it", Tags: tags, Security: signedIn,
		Errors: stepErrors,
	}, func(ctx context.Context, in *struct {
		ReleasePath
		Body Recall
	}) (*one[egress.Release], error) {
		release, err := s.Requests.RecallRelease(ctx, principal(ctx), in.Release, in.Body.Reason)
		return &one[egress.Release]{release}, err
	})
}
