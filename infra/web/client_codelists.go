package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog/codelist"
)

// Codelists lists every version of every codelist.
func (c *Client) Codelists(ctx context.Context) ([]codelist.Codelist, error) {
	var out struct{ Items []codelist.Codelist }
	err := c.call(ctx, http.MethodGet, nil, &out, nil, "v1", "codelists")
	return out.Items, err
}

// Codelist gives a version of a codelist with its codes.
func (c *Client) Codelist(ctx context.Context, name, version string) (out CodelistTerms, err error) {
	return out, c.call(ctx, http.MethodGet, nil, &out, nil, "v1", "codelists", name, version)
}

// SearchCodelists finds terms that have every word of a text.
func (c *Client) SearchCodelists(ctx context.Context, text string) (out CodelistSearch, err error) {
	return out, c.call(ctx, http.MethodGet, nil, &out, url.Values{"q": {text}}, "v1", "codelist-terms")
}

// AddCodelist adds a version of a codelist.
func (c *Client) AddCodelist(ctx context.Context, n codelist.New) (out codelist.Codelist, err error) {
	query := url.Values{}
	for name, value := range map[string]string{"title": n.Title, "reference": n.Reference, "system": string(n.System), "column": n.Column} {
		if value != "" {
			query.Set(name, value)
		}
	}
	resp, err := c.send(ctx, http.MethodPut, n.Content, "application/octet-stream", query, "v1", "codelists", n.Name, n.Version)
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return out, gatehouse.Errorf(gatehouse.CodeInternal, "The server's answer cannot be read.").Because(err)
	}
	return out, nil
}
