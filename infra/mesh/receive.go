package mesh

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/gatehouse-tre/gatehouse/catalog/optout"
)

func equal(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), b) }

// Bounds of what a service may have us read.
const (
	maxPages  = 1000
	maxChunks = 10_000
)

// Inbox implements optout.Mailbox.
func (c *Client) Inbox(ctx context.Context) ([]string, error) {
	var ids []string
	path := c.path("inbox")
	for range maxPages {
		var page struct {
			Messages []string `json:"messages"`
			Links    struct {
				Next string `json:"next"`
			} `json:"links"`
		}
		err := c.try(ctx, http.MethodGet, path, nil, nil, func(r *http.Response) error { return readJSON(r.Body, &page) }, http.StatusOK)
		if err != nil {
			return nil, err
		}
		ids = append(ids, page.Messages...)
		if page.Links.Next == "" {
			return ids, nil
		}
		if !strings.HasPrefix(page.Links.Next, c.path("inbox")) {
			return nil, errors.New("the next page of the inbox is somewhere else")
		}
		path = page.Links.Next
	}
	return nil, errors.New("the inbox has no end")
}

func headerOf(h http.Header) optout.Header {
	return optout.Header{
		From: h.Get("Mex-From"), To: h.Get("Mex-To"), Workflow: h.Get("Mex-WorkflowID"), LocalID: h.Get("Mex-LocalID"),
		Subject: h.Get("Mex-Subject"), FileName: h.Get("Mex-FileName"),
		Report: equal(h.Get("Mex-MessageType"), "REPORT"), LinkedID: h.Get("Mex-LinkedMsgID"),
		Failed: equal(h.Get("Mex-StatusSuccess"), "ERROR"), Code: h.Get("Mex-StatusCode"),
	}
}

// Look implements optout.Mailbox.
func (c *Client) Look(ctx context.Context, id string) (h optout.Header, err error) {
	err = c.try(ctx, http.MethodHead, c.path("inbox", id), nil, nil, func(r *http.Response) error {
		h = headerOf(r.Header)
		return nil
	}, http.StatusOK, http.StatusPartialContent)
	return h, err
}

// Download implements optout.Mailbox. What is downloaded is written once: a chunk
// that fails on its way is not asked for again, the whole message is, by the caller.
func (c *Client) Download(ctx context.Context, id string, w io.Writer, limit int64) (h optout.Header, err error) {
	chunks := 1
	for n := 1; n <= chunks; n++ {
		path := c.path("inbox", id)
		if n > 1 {
			path = c.path("inbox", id, strconv.Itoa(n))
		}
		use := func(r *http.Response) error {
			got, of, err := chunkRange(r.Header.Get("Mex-Chunk-Range"))
			switch {
			case err != nil:
				return permanent{err}
			case got != n || n > 1 && of != chunks:
				return permanent{fmt.Errorf("chunk %d of %d came for chunk %d of %d", got, of, n, chunks)}
			case (r.StatusCode == http.StatusPartialContent) != (n < of):
				return permanent{errors.New("the status does not fit the chunk")}
			}
			if n == 1 {
				chunks, h = of, headerOf(r.Header)
			}
			written, err := unpack(w, r, limit)
			limit -= written
			if err != nil {
				return permanent{err} // part of it may have been written
			}
			return nil
		}
		// Before anything of the chunk is written it may be asked for again.
		for a := range attempts {
			if a > 0 {
				if err := c.c.Wait(ctx, pause(a)); err != nil {
					return h, err
				}
			}
			err = c.attempt(ctx, http.MethodGet, path, nil, nil, use, []int{http.StatusOK, http.StatusPartialContent})
			var final permanent
			if err == nil || errors.As(err, &final) || !passing(err) || ctx.Err() != nil {
				break
			}
		}
		if err != nil {
			return h, err
		}
	}
	return h, nil
}

// permanent is a failure after which no part of a message is asked for again.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// chunkRange reads "n:of"; a message without it is of one chunk.
func chunkRange(s string) (n, of int, err error) {
	if s == "" {
		return 1, 1, nil
	}
	a, b, ok := strings.Cut(s, ":")
	n, err1 := strconv.Atoi(strings.TrimSpace(a))
	of, err2 := strconv.Atoi(strings.TrimSpace(b))
	if !ok || err1 != nil || err2 != nil || n < 1 || of < n || of > maxChunks {
		return 0, 0, errors.New("the chunk range is none")
	}
	return n, of, nil
}

// unpack writes a chunk's content, at most limit bytes of it.
func unpack(w io.Writer, r *http.Response, limit int64) (int64, error) {
	var content io.Reader = r.Body
	switch r.Header.Get("Content-Encoding") {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			return 0, err
		}
		defer z.Close()
		content = z
	default:
		return 0, errors.New("the chunk is in an encoding that was not asked for")
	}
	n, err := io.Copy(w, io.LimitReader(content, limit+1))
	switch {
	case err != nil:
		return n, err
	case n > limit:
		return n, errors.New("the message is longer than its answer can be")
	}
	return n, nil
}

// Acknowledge implements optout.Mailbox.
func (c *Client) Acknowledge(ctx context.Context, id string) error {
	return c.try(ctx, http.MethodPut, c.path("inbox", id, "status", "acknowledged"), nil, nil, nil, http.StatusOK)
}
