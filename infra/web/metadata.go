package web

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/catalog/metadata"
)

func (s *server) describeMetadata(api huma.API) {
	handle(s, api, huma.Operation{
		OperationID: "get-metadata", Method: http.MethodGet, Path: "/v1/datasets/{dataset}/versions/{number}/metadata",
		Summary: "A version's metadata, by the HDR UK dataset schema 3.0.0 or DCAT 3", Tags: []string{"catalogue"}, Security: signedIn,
		Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound},
	}, func(ctx context.Context, in *struct {
		Dataset string `path:"dataset" maxLength:"64"`
		Number  int    `path:"number" minimum:"1"`
		Form    string `query:"form" enum:"hdruk,dcat" default:"hdruk" doc:"The schema"`
	}) (*one[map[string]any], error) {
		text, err := s.metadata(ctx, in.Dataset, in.Number, in.Form)
		if err != nil {
			return nil, err
		}
		var out map[string]any
		err = json.Unmarshal(text, &out)
		return &one[map[string]any]{out}, err
	})
}

func (s *server) metadata(ctx context.Context, dataset string, number int, form string) ([]byte, error) {
	if err := s.Authorizer.Authorize(ctx, principal(ctx), gatehouse.ActionDatasetRead, ""); err != nil {
		return nil, err
	}
	all, err := s.Catalogue.List(ctx)
	i := slices.IndexFunc(all, func(v catalog.Version) bool { return v.Dataset == dataset && v.Number == number })
	if i < 0 {
		if err != nil {
			return nil, err
		}
		return nil, gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such version.")
	}
	var shown *catalog.Profile
	switch p, err := s.Profiles.Profile(ctx, principal(ctx), dataset, number); {
	case err == nil:
		shown = &p
	case gatehouse.CodeOf(err) != gatehouse.CodeNotFound:
		return nil, err
	}
	if form == "dcat" {
		return metadata.DCAT(all[i], shown)
	}
	return metadata.HDRUK(all[i], all, shown)
}
