package web

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"github.com/gatehouse-tre/gatehouse/egress"
)

// AddFileAs hands in a file of a kind, into a group of outputs.
func (c *Client) AddFileAs(ctx context.Context, id string, n egress.NewFile, content io.Reader) (v egress.RequestView, err error) {
	query := url.Values{}
	if n.Kind != "" {
		query.Set("kind", string(n.Kind))
	}
	if n.Group != "" {
		query.Set("group", n.Group)
	}
	resp, err := c.send(ctx, http.MethodPut, content, "application/octet-stream", query, "v1", "requests", id, "files", n.Name)
	if err != nil {
		return v, err
	}
	defer resp.Body.Close()
	return v, json.NewDecoder(resp.Body).Decode(&v)
}

// MoveFile puts a file into another group of outputs.
func (c *Client) MoveFile(ctx context.Context, id, name, group string) (v egress.RequestView, err error) {
	return v, c.call(ctx, http.MethodPatch, FileChange{group}, &v, nil, "v1", "requests", id, "files", name)
}

// Queue lists what waits for checkers and custodians.
func (c *Client) Queue(ctx context.Context) ([]egress.QueueItem, error) {
	var out struct{ Items []egress.QueueItem }
	return out.Items, c.call(ctx, http.MethodGet, nil, &out, nil, "v1", "queue")
}

// ClaimRequest says that its caller is looking at a request.
func (c *Client) ClaimRequest(ctx context.Context, id string) (v egress.RequestView, err error) {
	return v, c.call(ctx, http.MethodPost, nil, &v, nil, "v1", "requests", id, "claim")
}

// UnclaimRequest says that they no longer are.
func (c *Client) UnclaimRequest(ctx context.Context, id string) (v egress.RequestView, err error) {
	return v, c.call(ctx, http.MethodDelete, nil, &v, nil, "v1", "requests", id, "claim")
}

// SayMessage adds to the discussion of a request.
func (c *Client) SayMessage(ctx context.Context, id string, in MessageInput) (v egress.RequestView, err error) {
	return v, c.call(ctx, http.MethodPost, in, &v, nil, "v1", "requests", id, "messages")
}

// ClearRequest gives a custodian's word.
func (c *Client) ClearRequest(ctx context.Context, id string, in ClearanceInput) (v egress.RequestView, err error) {
	return v, c.call(ctx, http.MethodPost, in, &v, nil, "v1", "requests", id, "clearances")
}

// EarlierReleases lists what left a request's project before.
func (c *Client) EarlierReleases(ctx context.Context, id string) ([]egress.EarlierRelease, error) {
	var out struct{ Items []egress.EarlierRelease }
	return out.Items, c.call(ctx, http.MethodGet, nil, &out, nil, "v1", "requests", id, "earlier")
}

// CompareFile says how a file differs from those that left before.
func (c *Client) CompareFile(ctx context.Context, id, name string) ([]egress.FileComparison, error) {
	var out struct{ Items []egress.FileComparison }
	return out.Items, c.call(ctx, http.MethodGet, nil, &out, nil, "v1", "requests", id, "files", name, "earlier")
}

// Vetoes lists the datasets that ask for their custodian's agreement.
func (c *Client) Vetoes(ctx context.Context) ([]egress.DatasetVeto, error) {
	var out struct{ Items []egress.DatasetVeto }
	return out.Items, c.call(ctx, http.MethodGet, nil, &out, nil, "v1", "vetoes")
}

// AskVeto says whether a dataset asks for its custodian's agreement.
func (c *Client) AskVeto(ctx context.Context, dataset string, ask bool) ([]egress.DatasetVeto, error) {
	var out struct{ Items []egress.DatasetVeto }
	return out.Items, c.call(ctx, http.MethodPost, VetoInput{dataset, ask}, &out, nil, "v1", "vetoes")
}
