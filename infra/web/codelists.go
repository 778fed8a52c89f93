package web

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog/codelist"
)

// Codelists adds codelists and shows them.
type Codelists interface {
	Add(ctx context.Context, who gatehouse.Principal, n codelist.New) (codelist.Codelist, error)
	List(ctx context.Context, who gatehouse.Principal) ([]codelist.Codelist, error)
	Codelist(ctx context.Context, who gatehouse.Principal, name, version string) (codelist.Codelist, []codelist.Term, error)
	Search(ctx context.Context, who gatehouse.Principal, text string) (found []codelist.Found, more bool, err error)
}

// CodelistPath names a version of a codelist.
type CodelistPath struct {
	Name    string `path:"codelist" maxLength:"63" doc:"Name of the codelist"`
	Version string `path:"version" maxLength:"40" doc:"Its version, as its publisher calls it"`
}

// CodelistTerms is a version of a codelist with its codes.
type CodelistTerms struct {
	codelist.Codelist
	Terms []codelist.Term `json:"terms"`
}

// CodelistSearch is what a search of terms found.
type CodelistSearch struct {
	Items []codelist.Found `json:"items"`
	More  bool             `json:"more" doc:"There are more than are given: search for more words"`
}

// addition streams a body: the reader is the connection's own.
type addition struct {
	CodelistPath
	Title     string          `query:"title" maxLength:"200"`
	Reference string          `query:"reference" maxLength:"200" doc:"Where it was published"`
	System    codelist.System `query:"system" enum:"snomedct,dmd,icd10,opcs4,ctv3,readv2,bnf,other" doc:"System of the codes, if the file's header does not say it"`
	Column    string          `query:"column" maxLength:"100" doc:"Column of the codes, if its name is not a known one"`
	content   io.Reader
}

// Resolve takes the body before anything reads it; huma calls it.
func (a *addition) Resolve(ctx huma.Context) []error {
	a.content = ctx.BodyReader()
	return nil
}

func (s *server) describeCodelists(api huma.API) {
	tags := []string{"codelists"}
	notHere := []int{http.StatusForbidden, http.StatusNotFound}
	handle(s, api, huma.Operation{
		OperationID: "list-codelists", Method: http.MethodGet, Path: "/v1/codelists", Summary: "Every version of every codelist", Tags: tags, Security: signedIn, Errors: notHere,
	}, func(ctx context.Context, _ *struct{}) (*listOf[codelist.Codelist], error) {
		found, err := s.Codelists.List(ctx, principal(ctx))
		return list(found), err
	})

	handle(s, api, huma.Operation{
		OperationID: "search-codelists", Method: http.MethodGet, Path: "/v1/codelist-terms", Summary: "Terms of the newest versions that have every word that is searched for", Tags: tags, Security: signedIn,
		Errors: append([]int{http.StatusBadRequest}, notHere...),
	}, func(ctx context.Context, in *struct {
		Text string `query:"q" maxLength:"200" doc:"Words, parts of words or a code"`
	}) (*one[CodelistSearch], error) {
		found, more, err := s.Codelists.Search(ctx, principal(ctx), in.Text)
		return &one[CodelistSearch]{CodelistSearch{list(found).Body.Items, more}}, err
	})

	handle(s, api, huma.Operation{
		OperationID: "get-codelist", Method: http.MethodGet, Path: "/v1/codelists/{codelist}/{version}", Summary: "A version of a codelist with its codes", Tags: tags, Security: signedIn, Errors: notHere,
	}, func(ctx context.Context, in *CodelistPath) (*one[CodelistTerms], error) {
		c, terms, err := s.Codelists.Codelist(ctx, principal(ctx), in.Name, in.Version)
		return &one[CodelistTerms]{CodelistTerms{c, terms}}, err
	})

	handle(s, api, huma.Operation{
		OperationID: "add-codelist", Method: http.MethodPut, Path: "/v1/codelists/{codelist}/{version}", Summary: "Add a version of a codelist, which never changes: the body is its CSV", Tags: tags, Security: signedIn,
		RequestBody:   &huma.RequestBody{Required: true, Content: bytesOfAnyKind},
		DefaultStatus: http.StatusCreated, Errors: append([]int{http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge}, notHere...),
	}, func(ctx context.Context, in *addition) (*one[codelist.Codelist], error) {
		c, err := s.Codelists.Add(ctx, principal(ctx), codelist.New{Name: in.Name, Version: in.Version, Title: in.Title, Reference: in.Reference, System: in.System, Column: in.Column, Content: in.content})
		return &one[codelist.Codelist]{c}, err
	})
}
