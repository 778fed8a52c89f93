package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
)

// Client speaks to the API as one person.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// NewClient makes a client of the server at an https URL. ca is the PEM of the
// authority that signed its certificate; nil trusts the system's.
func NewClient(server string, ca []byte, token string) (*Client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The server's address is not an https URL.").WithAdvice("Give it as https://HOST:PORT.")
	}
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != nil {
		secure.RootCAs = x509.NewCertPool()
		if !secure.RootCAs.AppendCertsFromPEM(ca) {
			return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The file of the certificate authority holds no certificate.").WithAdvice("Give the PEM file that the installation shows.")
		}
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) || token == "" {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The token is not one of Gatehouse's.").WithAdvice("Give the file that holds the token and nothing else.")
	}
	return &Client{
		base: strings.TrimSuffix(server, "/"), token: token,
		http: &http.Client{
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, TLSClientConfig: secure, ForceAttemptHTTP2: true,
				TLSHandshakeTimeout: 10 * time.Second, ExpectContinueTimeout: 5 * time.Second,
			},
			// A token is for one server: it is not carried elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// send makes a request to the path of these parts, and turns everything but
// success into an error.
func (c *Client) send(ctx context.Context, method string, body io.Reader, kind string, query url.Values, parts ...string) (*http.Response, error) {
	target := c.base
	for _, part := range parts {
		target += "/" + url.PathEscape(part)
	}
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, err
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if method == http.MethodPut {
		req.Header.Set("Expect", "100-continue") // hear of a refusal before sending the file
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, gatehouse.Errorf(gatehouse.CodeCancelled, "The request was cancelled.").Because(err)
		}
		return nil, gatehouse.Errorf(gatehouse.CodeBusy, "The server cannot be reached: %s.", reason(err)).
			WithAdvice("Look at --server and --ca, and whether it runs.").Because(err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, refusal(resp)
}

// reason is the innermost words of a failed connection.
func reason(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return strings.TrimSuffix(err.Error(), ".")
}

// refusal is the error that the server rendered.
func refusal(resp *http.Response) error {
	var p Problem
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&p); err != nil || p.Code == "" {
		return gatehouse.Errorf(gatehouse.CodeInternal, "The server answered %s, which is not an answer of Gatehouse.", resp.Status).
			WithAdvice("Look at --server.")
	}
	e := gatehouse.Errorf(p.Code, "%s", p.Detail).WithAdvice("%s", p.Advice)
	for _, f := range p.Errors {
		e.Message += fmt.Sprintf(" (%s: %s)", f.Location, f.Message)
	}
	return e
}

// call sends in as JSON, unless it is nil, and reads the answer into out, unless
// that is.
func (c *Client) call(ctx context.Context, method string, in, out any, query url.Values, parts ...string) error {
	var body io.Reader
	kind := ""
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body, kind = bytes.NewReader(b), "application/json"
	}
	resp, err := c.send(ctx, method, body, kind, query, parts...)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return gatehouse.Errorf(gatehouse.CodeInternal, "The server's answer cannot be read.").Because(err)
	}
	return nil
}

// Explain says how the gate would judge a question of a workspace.
func (c *Client) Explain(ctx context.Context, workspace string, asked Question) (p egress.Preflight, err error) {
	return p, c.call(ctx, http.MethodPost, asked, &p, nil, "v1", "workspaces", workspace, "explain")
}

// CreateRequest begins a request.
func (c *Client) CreateRequest(ctx context.Context, in RequestInput) (v egress.RequestView, err error) {
	return v, c.call(ctx, http.MethodPost, in, &v, nil, "v1", "requests")
}

// ReferDecision begins a request for a result that the gate withheld.
func (c *Client) ReferDecision(ctx context.Context, in ReferralInput) (v egress.RequestView, err error) {
	return v, c.call(ctx, http.MethodPost, in, &v, nil, "v1", "referrals")
}

// EditRequest changes title or context.
func (c *Client) EditRequest(ctx context.Context, id string, in RequestChange) (v egress.RequestView, err error) {
	return v, c.call(ctx, http.MethodPatch, in, &v, nil, "v1", "requests", id)
}

// AddFile hands in a file.
func (c *Client) AddFile(ctx context.Context, id, name string, content io.Reader) (v egress.RequestView, err error) {
	resp, err := c.send(ctx, http.MethodPut, content, "application/octet-stream", nil, "v1", "requests", id, "files", name)
	if err != nil {
		return v, err
	}
	defer resp.Body.Close()
	return v, json.NewDecoder(resp.Body).Decode(&v)
}

// RemoveFile takes a file out of a request.
func (c *Client) RemoveFile(ctx context.Context, id, name string) (v egress.RequestView, err error) {
	return v, c.call(ctx, http.MethodDelete, nil, &v, nil, "v1", "requests", id, "files", name)
}

// SubmitRequest hands a request to the checkers.
func (c *Client) SubmitRequest(ctx context.Context, id string) (v egress.RequestView, err error) {
	return v, c.call(ctx, http.MethodPost, nil, &v, nil, "v1", "requests", id, "submit")
}

// WithdrawRequest gives a request up.
func (c *Client) WithdrawRequest(ctx context.Context, id string) (v egress.RequestView, err error) {
	return v, c.call(ctx, http.MethodPost, nil, &v, nil, "v1", "requests", id, "withdraw")
}

// Request shows a request.
func (c *Client) Request(ctx context.Context, id string) (v egress.RequestView, err error) {
	return v, c.call(ctx, http.MethodGet, nil, &v, nil, "v1", "requests", id)
}

// Requests lists requests, newest first; empty fields of f select everything.
func (c *Client) Requests(ctx context.Context, f egress.RequestFilter) ([]egress.RequestSummary, error) {
	query := url.Values{}
	for key, value := range map[string]string{"project": f.Project, "state": string(f.State), "after": f.After} {
		if value != "" {
			query.Set(key, value)
		}
	}
	if f.Limit > 0 {
		query.Set("limit", strconv.Itoa(f.Limit))
	}
	var out struct{ Items []egress.RequestSummary }
	return out.Items, c.call(ctx, http.MethodGet, nil, &out, query, "v1", "requests")
}

// Vote casts votes.
func (c *Client) Vote(ctx context.Context, id string, votes []BallotInput) (v egress.RequestView, err error) {
	return v, c.call(ctx, http.MethodPost, Votes{votes}, &v, nil, "v1", "requests", id, "votes")
}

// ReleaseRequest seals what was approved.
func (c *Client) ReleaseRequest(ctx context.Context, id string) (r egress.Release, err error) {
	return r, c.call(ctx, http.MethodPost, nil, &r, nil, "v1", "requests", id, "release")
}

// Release shows a release.
func (c *Client) Release(ctx context.Context, id string) (r egress.Release, err error) {
	return r, c.call(ctx, http.MethodGet, nil, &r, nil, "v1", "releases", id)
}

// RecallRelease calls a release back.
func (c *Client) RecallRelease(ctx context.Context, id, why string) (r egress.Release, err error) {
	return r, c.call(ctx, http.MethodPost, Recall{why}, &r, nil, "v1", "releases", id, "recall")
}

// MakeLink makes a link that downloads a release once.
func (c *Client) MakeLink(ctx context.Context, id string) (l egress.Link, err error) {
	return l, c.call(ctx, http.MethodPost, nil, &l, nil, "v1", "releases", id, "links")
}

// Events gives a page of the journal.
func (c *Client) Events(ctx context.Context, f JournalFilter) (p JournalPage, err error) {
	query := url.Values{}
	for key, value := range map[string]string{"actor": f.Actor, "action": f.Action, "project": f.Project, "subject": f.Subject} {
		if value != "" {
			query.Set(key, value)
		}
	}
	for key, value := range map[string]time.Time{"since": f.Since, "until": f.Until} {
		if !value.IsZero() {
			query.Set(key, value.Format(time.RFC3339Nano))
		}
	}
	for key, value := range map[string]int64{"before": f.Before, "limit": int64(f.Limit)} {
		if value > 0 {
			query.Set(key, strconv.FormatInt(value, 10))
		}
	}
	return p, c.call(ctx, http.MethodGet, nil, &p, query, "v1", "journal", "events")
}

// File writes a file of a request to w, and fails if it does not have its hash.
func (c *Client) File(ctx context.Context, id, name string, w io.Writer) error {
	v, err := c.Request(ctx, id)
	if err != nil {
		return err
	}
	for _, f := range v.Files {
		if f.Name == name {
			return c.download(ctx, w, f.SHA256, "v1", "requests", id, "files", name)
		}
	}
	return gatehouse.Errorf(gatehouse.CodeNotFound, "The request has no file of that name.")
}

// Evidence writes what the gate measured of a referred file to w, and fails if it
// does not have its hash.
func (c *Client) Evidence(ctx context.Context, id, name string, w io.Writer) error {
	v, err := c.Request(ctx, id)
	if err != nil {
		return err
	}
	for _, f := range v.Files {
		if f.Name == name && f.Referral != nil && f.Referral.Findings != nil {
			return c.download(ctx, w, f.Referral.Findings.Evidence, "v1", "requests", id, "files", name, "evidence")
		}
	}
	return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no evidence for a file of that name that you may see.")
}

// Download writes a release's bundle to w, and fails if it does not have its
// hash.
func (c *Client) Download(ctx context.Context, id string, w io.Writer) error {
	r, err := c.Release(ctx, id)
	if err != nil {
		return err
	}
	return c.download(ctx, w, r.SHA256, "v1", "releases", id, "bundle")
}

func (c *Client) download(ctx context.Context, w io.Writer, sha string, parts ...string) error {
	resp, err := c.send(ctx, http.MethodGet, nil, "", nil, parts...)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, h), resp.Body); err != nil {
		return gatehouse.Errorf(gatehouse.CodeBundle, "The download broke off.").WithAdvice("Download it again.").Because(err)
	}
	if hex.EncodeToString(h.Sum(nil)) != sha {
		return gatehouse.Errorf(gatehouse.CodeBundle, "What arrived is not what the server announced.")
	}
	return nil
}
