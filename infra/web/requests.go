package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-tre/gatehouse/egress"
)

// RequestInput begins a request.
type RequestInput struct {
	Project string                `json:"project" maxLength:"64"`
	Title   string                `json:"title" minLength:"1" maxLength:"200"`
	Context egress.RequestContext `json:"context,omitempty"`
	Groups  []egress.OutputGroup  `json:"groups,omitempty" maxItems:"50" nullable:"false"`
}

// ReferralInput refers a question to the checkers.
type ReferralInput struct {
	Decision string                `json:"decision" doc:"Id of the gate's decision" maxLength:"64"`
	Title    string                `json:"title,omitempty" maxLength:"200"`
	Context  egress.RequestContext `json:"context,omitempty"`
}

// RequestChange changes what it holds.
type RequestChange struct {
	Title   *string                `json:"title,omitempty" minLength:"1" maxLength:"200"`
	Context *egress.RequestContext `json:"context,omitempty"`
	Groups  *[]egress.OutputGroup  `json:"groups,omitempty" maxItems:"50" doc:"All groups, in the place of those that there are" nullable:"false"`
}

// Votes are one checker's.
type Votes struct {
	Votes []BallotInput `json:"votes" minItems:"1" maxItems:"200" nullable:"false"`
}

// BallotInput is a verdict on one file.
type BallotInput struct {
	File    string         `json:"file" doc:"Its name" maxLength:"255"`
	Verdict egress.Verdict `json:"verdict" enum:"approve,return,reject"`
	Comment string         `json:"comment,omitempty" doc:"Required to return or reject" maxLength:"4000"`
}

// RequestPath names a request.
type RequestPath struct {
	Request string `path:"request" maxLength:"64" doc:"Id of the request"`
}

type view = one[egress.RequestView]

// outcome answers with a request after something was done to it.
func outcome(v egress.RequestView, err error) (*view, error) {
	if err != nil {
		return nil, err
	}
	return &view{v}, nil
}

// Errors that a step of a request may answer with.
var stepErrors = []int{http.StatusForbidden, http.StatusNotFound, http.StatusConflict}

func (s *server) describeRequests(api huma.API) {
	tags := []string{"requests"}
	handle(s, api, huma.Operation{
		OperationID: "list-requests", Method: http.MethodGet, Path: "/v1/requests", Summary: "Requests that you may see, newest first", Tags: tags, Security: signedIn,
	}, func(ctx context.Context, in *struct {
		Project string              `query:"project" maxLength:"64"`
		State   egress.RequestState `query:"state" enum:"draft,submitted,in_review,disputed,vetting,approved,returned,rejected,released,recalled,withdrawn"`
		After   string              `query:"after" maxLength:"64" doc:"Id of a request: only older ones"`
		Limit   int                 `query:"limit" minimum:"1" maximum:"500" default:"100"`
	}) (*listOf[egress.RequestSummary], error) {
		found, err := s.Requests.Requests(ctx, principal(ctx), egress.RequestFilter{Project: in.Project, State: in.State, After: in.After, Limit: in.Limit})
		return list(found), err
	})

	handle(s, api, huma.Operation{
		OperationID: "create-request", Method: http.MethodPost, Path: "/v1/requests", Summary: "Begin a request", Tags: tags, Security: signedIn,
		DefaultStatus: http.StatusCreated, Errors: stepErrors,
	}, func(ctx context.Context, in *one[RequestInput]) (*view, error) {
		return outcome(s.Requests.CreateRequest(ctx, principal(ctx), egress.NewRequest{Project: in.Body.Project, Title: in.Body.Title, Context: in.Body.Context, Groups: in.Body.Groups}))
	})

	handle(s, api, huma.Operation{
		OperationID: "create-referral", Method: http.MethodPost, Path: "/v1/referrals", Summary: "Begin a request for a result that the gate withheld", Tags: tags, Security: signedIn,
		DefaultStatus: http.StatusCreated, Errors: stepErrors,
		Description: "The result is computed again with nothing withheld, and shown to the checkers alone.",
	}, func(ctx context.Context, in *one[ReferralInput]) (*view, error) {
		return outcome(s.Requests.ReferDecision(ctx, principal(ctx), egress.NewReferral{Decision: in.Body.Decision, Title: in.Body.Title, Context: in.Body.Context}))
	})

	handle(s, api, huma.Operation{
		OperationID: "get-request", Method: http.MethodGet, Path: "/v1/requests/{request}", Summary: "A request, as far as you may see it", Tags: tags, Security: signedIn,
		Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, func(ctx context.Context, in *RequestPath) (*view, error) {
		return outcome(s.Requests.Request(ctx, principal(ctx), in.Request))
	})

	handle(s, api, huma.Operation{
		OperationID: "edit-request", Method: http.MethodPatch, Path: "/v1/requests/{request}", Summary: "Change title, context or groups", Tags: tags, Security: signedIn, Errors: stepErrors,
	}, func(ctx context.Context, in *struct {
		RequestPath
		Body RequestChange
	}) (*view, error) {
		return outcome(s.Requests.EditRequest(ctx, principal(ctx), in.Request, egress.RequestEdit{Title: in.Body.Title, Context: in.Body.Context, Groups: in.Body.Groups}))
	})

	handle(s, api, huma.Operation{
		OperationID: "submit-request", Method: http.MethodPost, Path: "/v1/requests/{request}/submit", Summary: "Hand a request to the checkers", Tags: tags, Security: signedIn, Errors: stepErrors,
	}, func(ctx context.Context, in *RequestPath) (*view, error) {
		return outcome(s.Requests.SubmitRequest(ctx, principal(ctx), in.Request))
	})

	handle(s, api, huma.Operation{
		OperationID: "withdraw-request", Method: http.MethodPost, Path: "/v1/requests/{request}/withdraw", Summary: "Give a request up", Tags: tags, Security: signedIn, Errors: stepErrors,
	}, func(ctx context.Context, in *RequestPath) (*view, error) {
		return outcome(s.Requests.WithdrawRequest(ctx, principal(ctx), in.Request))
	})

	handle(s, api, huma.Operation{
		OperationID: "vote", Method: http.MethodPost, Path: "/v1/requests/{request}/votes", Summary: "Vote on files, all or none", Tags: tags, Security: signedIn, Errors: stepErrors,
		Description: "The vote is the token's owner's. What others voted is shown when every file has two votes.",
	}, func(ctx context.Context, in *struct {
		RequestPath
		Body Votes
	}) (*view, error) {
		ballots := make([]egress.Ballot, 0, len(in.Body.Votes))
		for _, v := range in.Body.Votes {
			ballots = append(ballots, egress.Ballot{File: v.File, Verdict: v.Verdict, Comment: v.Comment})
		}
		return outcome(s.Requests.ReviewRequest(ctx, principal(ctx), in.Request, ballots))
	})

	handle(s, api, huma.Operation{
		OperationID: "release-request", Method: http.MethodPost, Path: "/v1/requests/{request}/release", Summary: "Seal the approved files into a bundle", Tags: tags, Security: signedIn,
		DefaultStatus: http.StatusCreated, Errors: stepErrors,
	}, func(ctx context.Context, in *RequestPath) (*one[egress.Release], error) {
		release, err := s.Requests.ReleaseRequest(ctx, principal(ctx), in.Request)
		return &one[egress.Release]{release}, err
	})
}
