package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
)

// Datasets lists the published versions.
func (c *Client) Datasets(ctx context.Context) ([]Dataset, error) {
	var out struct{ Items []Dataset }
	err := c.call(ctx, http.MethodGet, nil, &out, nil, "v1", "datasets")
	return out.Items, err
}

// Profile gives what the catalogue shows of a version's variables.
func (c *Client) Profile(ctx context.Context, dataset string, number int) (p catalog.Profile, err error) {
	return p, c.call(ctx, http.MethodGet, nil, &p, nil, "v1", "datasets", dataset, "versions", strconv.Itoa(number), "profile")
}

// MakeProfile has it made, and returns when that has begun.
func (c *Client) MakeProfile(ctx context.Context, dataset string, number int, in ProfileInput) (p egress.ProfileProgress, err error) {
	return p, c.call(ctx, http.MethodPost, in, &p, nil, "v1", "datasets", dataset, "versions", strconv.Itoa(number), "profile")
}

// CompareProfiles compares the profiles of two versions.
func (c *Client) CompareProfiles(ctx context.Context, dataset string, from, to int) (d catalog.ProfileDiff, err error) {
	return d, c.call(ctx, http.MethodGet, nil, &d, nil, "v1", "datasets", dataset, "versions", strconv.Itoa(to), "profile", "since", strconv.Itoa(from))
}

// ProfileProgress tells how far the making of a dataset's profile is.
func (c *Client) ProfileProgress(ctx context.Context, dataset string) (p egress.ProfileProgress, err error) {
	return p, c.call(ctx, http.MethodGet, nil, &p, nil, "v1", "datasets", dataset, "profile-progress")
}

// Metadata gives a version's metadata in a form: hdruk or dcat.
func (c *Client) Metadata(ctx context.Context, dataset string, number int, form string) (m map[string]any, err error) {
	return m, c.call(ctx, http.MethodGet, nil, &m, url.Values{"form": {form}}, "v1", "datasets", dataset, "versions", strconv.Itoa(number), "metadata")
}
