package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// DecisionInput is what a custodian decides for one dataset.
type DecisionInput struct {
	Dataset    string             `json:"dataset" maxLength:"63"`
	Verdict    workspaces.Verdict `json:"verdict" enum:"approve,approve-with-conditions,return,reject"`
	Conditions []string           `json:"conditions,omitempty" maxItems:"20" nullable:"false" doc:"Of approve-with-conditions, and of no other"`
	Comment    string             `json:"comment,omitempty" maxLength:"4000" doc:"Required to return or reject"`
	Seen       string             `json:"seen" minLength:"64" maxLength:"64" pattern:"^[0-9a-f]{64}$" doc:"Digest of what you looked at; if it is another now, the decision is refused"`
}

func (in DecisionInput) judgement() workspaces.Judgement {
	return workspaces.Judgement{Verdict: in.Verdict, Conditions: in.Conditions, Comment: in.Comment, Seen: in.Seen}
}

// SignatureInput names what was read.
type SignatureInput struct {
	Agreement int `json:"agreement" minimum:"1" maximum:"1000000000" doc:"Version of the agreement that you have read"`
}

// AmendmentInput is what a project should say.
type AmendmentInput struct {
	Why string           `json:"why" minLength:"1" maxLength:"4000" doc:"Why the change is needed, for the custodians"`
	To  ApplicationInput `json:"to" doc:"All that the project would say"`
}

// AmendmentPath names an amendment.
type AmendmentPath struct {
	ProjectPath
	Amendment string `path:"amendment" maxLength:"64" doc:"Id of the amendment"`
}

// ProposedChange is an amendment, and what custodians need to decide on it.
type ProposedChange struct {
	workspaces.Amendment
	Digest  string   `json:"digest" doc:"Of what is decided on: seen in a decision"`
	Touched []string `json:"touched" nullable:"false" doc:"Datasets whose custodians decide"`
}

// Proposed is an amendment with what is decided on.
func Proposed(a workspaces.Amendment) ProposedChange {
	return ProposedChange{Amendment: a, Digest: a.Digest(), Touched: append([]string{}, a.Touched()...)}
}

func (s *server) describeDecisions(api huma.API) {
	tags := []string{"projects"}
	handle(s, api, huma.Operation{
		OperationID: "decide-project", Method: http.MethodPost, Path: "/v1/projects/{project}/decisions", Summary: "Decide about a submitted project for a dataset of which you are custodian", Tags: tags, Security: signedIn, Errors: stepErrors,
	}, func(ctx context.Context, in *struct {
		ProjectPath
		Body DecisionInput
	}) (*one[workspaces.ProjectReview], error) {
		_, err := s.Projects.DecideProject(ctx, principal(ctx), in.Project, in.Body.Dataset, in.Body.judgement())
		return s.reviewed(ctx, in.Project, err)
	})

	handle(s, api, huma.Operation{
		OperationID: "sign-agreement", Method: http.MethodPost, Path: "/v1/projects/{project}/signatures", Summary: "Sign the agreement for a project of yours", Tags: tags, Security: signedIn, Errors: stepErrors,
	}, func(ctx context.Context, in *struct {
		ProjectPath
		Body SignatureInput
	}) (*one[workspaces.ProjectReview], error) {
		_, err := s.Projects.SignAgreement(ctx, principal(ctx), in.Project, in.Body.Agreement)
		return s.reviewed(ctx, in.Project, err)
	})

	handle(s, api, huma.Operation{
		OperationID: "get-agreement", Method: http.MethodGet, Path: "/v1/agreement", Summary: "The agreement that members sign", Tags: tags,
	}, func(ctx context.Context, _ *struct{}) (*one[workspaces.Agreement], error) {
		a, err := s.Projects.Agreement(ctx)
		return &one[workspaces.Agreement]{a}, err
	})
}

func (s *server) describeAmendments(api huma.API) {
	tags := []string{"projects"}
	answer := func(a workspaces.Amendment, err error) (*one[ProposedChange], error) {
		if err != nil {
			return nil, err
		}
		return &one[ProposedChange]{Proposed(a)}, nil
	}
	handle(s, api, huma.Operation{
		OperationID: "list-amendments", Method: http.MethodGet, Path: "/v1/projects/{project}/amendments", Summary: "Amendments of a project, field by field", Tags: tags, Security: signedIn,
		Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, func(ctx context.Context, in *ProjectPath) (*listOf[ProposedChange], error) {
		all, err := s.Projects.Amendments(ctx, principal(ctx), in.Project)
		var shown []ProposedChange
		for _, a := range all {
			shown = append(shown, Proposed(a))
		}
		return list(shown), err
	})

	handle(s, api, huma.Operation{
		OperationID: "propose-amendment", Method: http.MethodPost, Path: "/v1/projects/{project}/amendments", Summary: "Propose a change of a project", Tags: tags, Security: signedIn,
		DefaultStatus: http.StatusCreated, Errors: stepErrors,
	}, func(ctx context.Context, in *struct {
		ProjectPath
		Body AmendmentInput
	}) (*one[ProposedChange], error) {
		return answer(s.Projects.ProposeAmendment(ctx, principal(ctx), in.Project, in.Body.To.project(in.Project), in.Body.Why))
	})

	handle(s, api, huma.Operation{
		OperationID: "decide-amendment", Method: http.MethodPost, Path: "/v1/projects/{project}/amendments/{amendment}/decisions", Summary: "Decide on an amendment for a dataset of which you are custodian", Tags: tags, Security: signedIn, Errors: stepErrors,
	}, func(ctx context.Context, in *struct {
		AmendmentPath
		Body DecisionInput
	}) (*one[ProposedChange], error) {
		return answer(s.Projects.DecideAmendment(ctx, principal(ctx), in.Project, in.Amendment, in.Body.Dataset, in.Body.judgement()))
	})

	handle(s, api, huma.Operation{
		OperationID: "withdraw-amendment", Method: http.MethodPost, Path: "/v1/projects/{project}/amendments/{amendment}/withdraw", Summary: "Give an amendment up", Tags: tags, Security: signedIn,
		DefaultStatus: http.StatusNoContent, Errors: stepErrors,
	}, func(ctx context.Context, in *AmendmentPath) (*struct{}, error) {
		return nil, s.Projects.WithdrawAmendment(ctx, principal(ctx), in.Project, in.Amendment)
	})
}
