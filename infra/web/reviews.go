package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-tre/gatehouse/egress"
)

// MessageInput is something to say about a request.
type MessageInput struct {
	Body    string `json:"body" minLength:"1" maxLength:"4000"`
	Thread  string `json:"thread,omitempty" maxLength:"64" doc:"Id of a thread, to answer in it; absent to begin one"`
	File    string `json:"file,omitempty" maxLength:"255" doc:"Name of the file that a new thread is about"`
	Private bool   `json:"private,omitempty" doc:"A new thread among checkers and custodians: the author never sees it"`
}

// ClearanceInput is a custodian's word.
type ClearanceInput struct {
	Verdict  egress.ClearanceVerdict `json:"verdict" enum:"clear,veto"`
	Datasets []string                `json:"datasets,omitempty" maxItems:"100" nullable:"false" doc:"Absent: every dataset of yours that the request still waits for"`
	Reason   string                  `json:"reason,omitempty" maxLength:"4000" doc:"Required to veto"`
}

// VetoInput says whether a dataset asks for its custodian's agreement.
type VetoInput struct {
	Dataset string `json:"dataset" maxLength:"64"`
	Asked   bool   `json:"asked" doc:"Whether its custodian must agree before anything of a project that uses it is released"`
}

func (s *server) describeReviews(api huma.API) {
	tags := []string{"requests"}
	handle(s, api, huma.Operation{
		OperationID: "list-queue", Method: http.MethodGet, Path: "/v1/queue", Summary: "What waits for checkers and custodians, what you can act on first, by when it is due",
		Tags: tags, Security: signedIn,
	}, func(ctx context.Context, _ *struct{}) (*listOf[egress.QueueItem], error) {
		items, err := s.Requests.Queue(ctx, principal(ctx))
		return list(items), err
	})

	for _, op := range []struct {
		id, method, summary string
		do                  func(context.Context, string) (egress.RequestView, error)
	}{
		{"claim-request", http.MethodPost, "Say that you are looking at it; it binds nobody and runs out", func(ctx context.Context, id string) (egress.RequestView, error) {
			return s.Requests.ClaimRequest(ctx, principal(ctx), id)
		}},
		{"unclaim-request", http.MethodDelete, "Say that you no longer are", func(ctx context.Context, id string) (egress.RequestView, error) {
			return s.Requests.UnclaimRequest(ctx, principal(ctx), id)
		}},
	} {
		handle(s, api, huma.Operation{
			OperationID: op.id, Method: op.method, Path: "/v1/requests/{request}/claim", Summary: op.summary, Tags: tags, Security: signedIn, Errors: stepErrors,
		}, func(ctx context.Context, in *RequestPath) (*view, error) { return outcome(op.do(ctx, in.Request)) })
	}

	handle(s, api, huma.Operation{
		OperationID: "say-message", Method: http.MethodPost, Path: "/v1/requests/{request}/messages", Summary: "Ask, answer or remark", Tags: tags, Security: signedIn,
		DefaultStatus: http.StatusCreated, Errors: stepErrors,
		Description: "An answer goes where its thread goes. Until every file has two votes, checkers do not see each other's threads.",
	}, func(ctx context.Context, in *struct {
		RequestPath
		Body MessageInput
	}) (*view, error) {
		m := in.Body
		return outcome(s.Requests.SayMessage(ctx, principal(ctx), in.Request, egress.NewMessage{Thread: m.Thread, File: m.File, Private: m.Private, Body: m.Body}))
	})

	handle(s, api, huma.Operation{
		OperationID: "clear-request", Method: http.MethodPost, Path: "/v1/requests/{request}/clearances", Summary: "Agree to a release, or veto it, as custodian of its data",
		Tags: tags, Security: signedIn, Errors: stepErrors,
	}, func(ctx context.Context, in *struct {
		RequestPath
		Body ClearanceInput
	}) (*view, error) {
		return outcome(s.Requests.ClearRequest(ctx, principal(ctx), in.Request, egress.NewClearance{Verdict: in.Body.Verdict, Datasets: in.Body.Datasets, Reason: in.Body.Reason}))
	})

	handle(s, api, huma.Operation{
		OperationID: "list-earlier-releases", Method: http.MethodGet, Path: "/v1/requests/{request}/earlier", Summary: "What left the request's project before, for its checkers",
		Tags: tags, Security: signedIn, Errors: stepErrors,
	}, func(ctx context.Context, in *RequestPath) (*listOf[egress.EarlierRelease], error) {
		found, err := s.Requests.EarlierReleases(ctx, principal(ctx), in.Request)
		return list(found), err
	})

	handle(s, api, huma.Operation{
		OperationID: "compare-file", Method: http.MethodGet, Path: "/v1/requests/{request}/files/{name}/earlier", Tags: tags, Security: signedIn, Errors: stepErrors,
		Summary: "How a file differs from those of its name that left before, cell by cell, for its checkers; journaled",
	}, func(ctx context.Context, in *FilePath) (*listOf[egress.FileComparison], error) {
		found, err := s.Requests.CompareFile(ctx, principal(ctx), in.Request, in.Name)
		return list(found), err
	})

	handle(s, api, huma.Operation{
		OperationID: "list-vetoes", Method: http.MethodGet, Path: "/v1/vetoes", Summary: "Datasets whose custodian must agree before a release", Tags: []string{"catalogue"}, Security: signedIn,
		Errors: []int{http.StatusForbidden},
	}, func(ctx context.Context, _ *struct{}) (*listOf[egress.DatasetVeto], error) {
		found, err := s.Requests.Vetoes(ctx, principal(ctx))
		return list(found), err
	})

	handle(s, api, huma.Operation{
		OperationID: "set-veto", Method: http.MethodPost, Path: "/v1/vetoes", Summary: "Ask for the custodian's agreement before releases, or no longer", Tags: []string{"catalogue"}, Security: signedIn,
		Errors: stepErrors,
	}, func(ctx context.Context, in *one[VetoInput]) (*listOf[egress.DatasetVeto], error) {
		found, err := s.Requests.AskVeto(ctx, principal(ctx), in.Body.Dataset, in.Body.Asked)
		return list(found), err
	})
}
