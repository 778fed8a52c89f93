package web

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Documents lists the documents of a project that one may know of.
func (c *Client) Documents(ctx context.Context, project string) ([]workspaces.Document, error) {
	var found struct {
		Items []workspaces.Document `json:"items"`
	}
	return found.Items, c.call(ctx, http.MethodGet, nil, &found, nil, "v1", "projects", project, "documents")
}

// AddDocument adds a document to a project; d says what it is.
func (c *Client) AddDocument(ctx context.Context, project string, d workspaces.Document, content io.Reader) (added workspaces.Document, err error) {
	query := url.Values{"kind": {string(d.Kind)}, "name": {d.Name}}
	if d.User != "" {
		query.Set("user", d.User)
	}
	resp, err := c.send(ctx, http.MethodPost, content, "application/octet-stream", query, "v1", "projects", project, "documents")
	if err != nil {
		return added, err
	}
	defer resp.Body.Close()
	return added, json.NewDecoder(resp.Body).Decode(&added)
}

// Document writes what a document holds to w, and fails if it does not have its hash.
func (c *Client) Document(ctx context.Context, project, id string, w io.Writer) error {
	all, err := c.Documents(ctx, project)
	if err != nil {
		return err
	}
	for _, d := range all {
		if d.ID == id {
			return c.download(ctx, w, d.SHA256, "v1", "projects", project, "documents", id)
		}
	}
	return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such document that you may read.")
}
