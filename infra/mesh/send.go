package mesh

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/gatehouse-tre/gatehouse/catalog/optout"
)

// chunkHeader is of every chunk of a message.
func (c *Client) chunkHeader(n, chunks int) http.Header {
	h := http.Header{"Content-Type": {"application/octet-stream"}, "Mex-Chunk-Range": {fmt.Sprintf("%d:%d", n, chunks)}}
	if c.c.Compress {
		h["Content-Encoding"] = []string{"gzip"}
	}
	return h
}

// packed is a chunk as it travels.
func (c *Client) packed(chunk []byte) ([]byte, error) {
	if !c.c.Compress {
		return chunk, nil
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(chunk)
	err = errors.Join(err, z.Close())
	return b.Bytes(), err
}

// Begin implements optout.Mailbox. It sends once.
func (c *Client) Begin(ctx context.Context, h optout.Header, chunks int, first []byte) (string, error) {
	header := c.chunkHeader(1, chunks)
	for name, value := range map[string]string{"Mex-From": c.c.Mailbox, "Mex-To": h.To, "Mex-WorkflowID": h.Workflow, "Mex-LocalID": h.LocalID,
		"Mex-Subject": h.Subject, "Mex-FileName": h.FileName} {
		header[name] = []string{value}
	}
	body, err := c.packed(first)
	if err != nil {
		return "", err
	}
	answer, err := c.once(ctx, http.MethodPost, c.path("outbox"), header, body)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	switch {
	case answer.StatusCode >= 400 && answer.StatusCode < 500 && answer.StatusCode != http.StatusRequestTimeout:
		return "", errors.Join(optout.ErrRefused, &statusError{answer.StatusCode})
	case answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusAccepted:
		return "", &statusError{answer.StatusCode}
	}
	var sent struct {
		ID   string `json:"message_id"`
		Code string `json:"errorCode"` // some refusals come as a success
	}
	if err := readJSON(answer.Body, &sent); err != nil {
		return "", err
	}
	switch {
	case sent.Code != "":
		return "", optout.ErrRefused
	case sent.ID == "":
		return "", errors.New("MESH gave the message no id")
	}
	return sent.ID, nil
}

// Continue implements optout.Mailbox.
func (c *Client) Continue(ctx context.Context, id string, n, chunks int, chunk []byte) error {
	body, err := c.packed(chunk)
	if err != nil {
		return err
	}
	return c.try(ctx, http.MethodPost, c.path("outbox", id, strconv.Itoa(n)), c.chunkHeader(n, chunks), body, nil, http.StatusOK, http.StatusAccepted)
}

// Track implements optout.Mailbox.
func (c *Client) Track(ctx context.Context, localID string) (optout.Tracking, error) {
	// By local id there is the first form of the answer only.
	var t struct {
		ID      string `json:"messageId"`
		LocalID string `json:"localId"`
		Status  string `json:"status"`
		Success string `json:"statusSuccess"`
	}
	err := c.try(ctx, http.MethodGet, c.path("outbox", "tracking", localID), nil, nil, func(r *http.Response) error {
		return readJSON(r.Body, &t)
	}, http.StatusOK)
	var status *statusError
	if errors.As(err, &status) {
		switch status.status {
		case http.StatusNotFound:
			return optout.Tracking{}, optout.ErrUntracked
		case http.StatusMultipleChoices:
			return optout.Tracking{}, optout.ErrAmbiguous
		}
	}
	switch {
	case err != nil:
		return optout.Tracking{}, err
	case t.ID == "" || t.LocalID != localID:
		return optout.Tracking{}, errors.New("MESH told of another message than it was asked about")
	}
	return optout.Tracking{ID: t.ID, Uploading: equal(t.Status, "uploading"), Failed: equal(t.Status, "error") || equal(t.Status, "undeliverable")}, nil
}

// readJSON reads a small answer.
func readJSON(r io.Reader, to any) error {
	b, err := io.ReadAll(io.LimitReader(r, 4<<20))
	if err != nil {
		return err
	}
	return json.Unmarshal(b, to)
}
