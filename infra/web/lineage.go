package web

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// Lineages tells what versions were made of, and what was made of them.
type Lineages interface {
	Lineage(ctx context.Context, reader gatehouse.Principal, dataset string, number int) (catalog.Lineage, error)
}

func (s *server) describeLineage(api huma.API) {
	handle(s, api, huma.Operation{
		OperationID: "get-lineage", Method: http.MethodGet, Path: "/v1/datasets/{dataset}/versions/{number}/lineage",
		Summary: "What a version was made of, and what the workspaces that you may see made of it", Tags: []string{"catalogue"}, Security: signedIn,
		Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, func(ctx context.Context, in *versionPath) (*one[catalog.Lineage], error) {
		l, err := s.Lineages.Lineage(ctx, principal(ctx), in.Dataset, in.Number)
		return &one[catalog.Lineage]{l}, err
	})
}

// Lineage tells what a version was made of, and what was made of it.
func (c *Client) Lineage(ctx context.Context, dataset string, number int) (l catalog.Lineage, err error) {
	return l, c.call(ctx, http.MethodGet, nil, &l, nil, "v1", "datasets", dataset, "versions", strconv.Itoa(number), "lineage")
}
