// Package mesh is a client of the REST interface of MESH, the NHS's Message
// Exchange for Social Care and Health, version 2.
// https://digital.nhs.uk/developer/api-catalogue/message-exchange-for-social-care-and-health-api
package mesh

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog/optout"
)

// Config says how to reach a mailbox.
type Config struct {
	URL       string // of the service, for example https://msg.intspineservices.nhs.uk
	Mailbox   string // ours
	Password  string // of the mailbox
	SharedKey string // of the environment, which signs each request
	// Certificate is ours; Roots are the authorities of the service's own.
	Certificate tls.Certificate
	Roots       *x509.CertPool
	// Compress sends and asks for chunks in gzip.
	Compress bool
	Now      func() time.Time                           // nil: time.Now
	Wait     func(context.Context, time.Duration) error // between attempts; nil: by the clock
}

// Client is a mailbox. Several goroutines may use it.
type Client struct {
	c    Config
	http *http.Client
	sign *signer
}

var _ optout.Mailbox = (*Client)(nil)

// attempts is how often what may be done again is tried.
const attempts = 4

// New makes a client, or is CodeConfig.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The address of MESH is not of the form https://HOST.")
	}
	if c.Mailbox == "" || strings.ContainsAny(c.Mailbox, ": /\r\n") || c.Password == "" || c.SharedKey == "" {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "MESH needs a mailbox, its password and the shared key.")
	}
	if len(c.Certificate.Certificate) == 0 || c.Roots == nil {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "MESH needs a client certificate, and the authorities of its own.")
	}
	c.URL = strings.TrimRight(c.URL, "/")
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Wait == nil {
		c.Wait = wait
	}
	sign, err := newSigner(c)
	if err != nil {
		return nil, err
	}
	return &Client{c: c, sign: sign, http: &http.Client{
		Timeout: 10 * time.Minute, // a chunk may be of 100 MB
		Transport: &http.Transport{
			TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{c.Certificate}, RootCAs: c.Roots},
			DisableCompression:    true, // chunks are decompressed here, with a limit
			ResponseHeaderTimeout: 2 * time.Minute,
			MaxIdleConns:          2,
			IdleConnTimeout:       time.Minute,
		},
		// The signature is for one service.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// path makes a path below our mailbox.
func (c *Client) path(parts ...string) string {
	p := "/messageexchange/" + url.PathEscape(c.c.Mailbox)
	for _, part := range parts {
		p += "/" + url.PathEscape(part)
	}
	return p
}

// statusError is an answer that is none of those expected. What the service
// writes into it may be anything, and is not shown.
type statusError struct{ status int }

func (e *statusError) Error() string { return fmt.Sprintf("MESH answered with status %d", e.status) }

// passing reports whether the same may go well another time.
func passing(err error) bool {
	var status *statusError
	if errors.As(err, &status) {
		return status.status >= 500 || status.status == http.StatusTooManyRequests || status.status == http.StatusRequestTimeout
	}
	return true // the connection's
}

// once does one request. The caller closes the answer's body.
func (c *Client) once(ctx context.Context, method, path string, header http.Header, body []byte) (*http.Response, error) {
	var content io.Reader = http.NoBody
	if body != nil {
		content = strings.NewReader(string(body))
	}
	r, err := http.NewRequestWithContext(ctx, method, c.c.URL+path, content)
	if err != nil {
		return nil, err
	}
	// A kept connection that has died makes net/http send a request again by
	// itself if it knows how to read the body again; a message is begun once.
	r.GetBody = nil
	r.ContentLength = int64(len(body))
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("Accept", "application/vnd.mesh.v2+json")
	r.Header.Set("Accept-Encoding", "identity")
	if c.c.Compress {
		r.Header.Set("Accept-Encoding", "gzip")
	}
	r.Header.Set("User-Agent", "gatehouse;"+runtime.Version()+";"+runtime.GOARCH+";"+runtime.GOOS)
	r.Header.Set("Authorization", c.sign.authorization())
	return c.http.Do(r)
}

// pause is how long to wait before the nth repetition: 1, 4 and 16 seconds.
func pause(n int) time.Duration { return time.Second << (2*n - 2) }

// try does a request that may be done again until it gives one of the statuses,
// and has use read the answer.
func (c *Client) try(ctx context.Context, method, path string, header http.Header, body []byte, use func(*http.Response) error, statuses ...int) error {
	var err error
	for n := range attempts {
		if n > 0 {
			if err := c.c.Wait(ctx, pause(n)); err != nil {
				return err
			}
		}
		if err = c.attempt(ctx, method, path, header, body, use, statuses); err == nil || !passing(err) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

func (c *Client) attempt(ctx context.Context, method, path string, header http.Header, body []byte, use func(*http.Response) error, statuses []int) error {
	answer, err := c.once(ctx, method, path, header, body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	for _, status := range statuses {
		if answer.StatusCode == status {
			if use == nil {
				_, err := io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20))
				return err
			}
			return use(answer)
		}
	}
	return &statusError{answer.StatusCode}
}

// Handshake implements optout.Mailbox.
func (c *Client) Handshake(ctx context.Context) error {
	header := http.Header{
		"Mex-ClientVersion": {"gatehouse==1"}, "Mex-OSName": {runtime.GOOS}, "Mex-OSVersion": {"N/A"},
		"Mex-OSArchitecture": {runtime.GOARCH}, "Mex-JavaVersion": {"N/A"},
	}
	return c.try(ctx, http.MethodPost, c.path(), header, nil, nil, http.StatusOK)
}
