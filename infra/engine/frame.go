package engine

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A lobby's request is a run of frames, each a big-endian uint32 length and as
// many bytes: first a header (runHeader as JSON), then one Arrow IPC stream for
// each table that the header names, in order, and nothing after.

type runHeader struct {
	SQL    string   `json:"sql"`
	Tables []string `json:"tables"`
}

var errFrame = errors.New("engine: malformed frame")

func writeFrame(w io.Writer, payload []byte) error {
	var size [4]byte
	if uint64(len(payload)) > maxFrame {
		return fmt.Errorf("%w: %d bytes is above the limit", errFrame, len(payload))
	}
	binary.BigEndian.PutUint32(size[:], uint32(len(payload)))
	if _, err := w.Write(size[:]); err != nil {
		return err
	}
	_, err := w.Write(payload)
	return err
}

// readFrame reads one frame of at most limit bytes. It allocates as the bytes
// arrive, so a length without its bytes costs nothing.
func readFrame(r io.Reader, limit int64) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, fmt.Errorf("%w: %w", errFrame, err)
	}
	n := int64(binary.BigEndian.Uint32(size[:]))
	if n > limit {
		return nil, fmt.Errorf("%w: %d bytes is above the limit", errFrame, n)
	}
	if n <= 1<<16 {
		payload := make([]byte, n)
		if _, err := io.ReadFull(r, payload); err != nil {
			return nil, fmt.Errorf("%w: %w", errFrame, err)
		}
		return payload, nil
	}
	payload, err := io.ReadAll(io.LimitReader(r, n))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFrame, err)
	}
	if int64(len(payload)) != n {
		return nil, fmt.Errorf("%w: %w", errFrame, io.ErrUnexpectedEOF)
	}
	return payload, nil
}

// readRun reads a lobby's whole request: its header and one payload per table.
func readRun(r io.Reader) (runHeader, [][]byte, error) {
	var h runHeader
	b, err := readFrame(r, maxJSON)
	if err != nil {
		return h, nil, err
	}
	if err := json.Unmarshal(b, &h); err != nil {
		return h, nil, fmt.Errorf("%w: %w", errFrame, err)
	}
	left := int64(maxRun)
	payloads := make([][]byte, 0, min(len(h.Tables), 64))
	for range h.Tables {
		p, err := readFrame(r, min(maxFrame, left))
		if err != nil {
			return h, nil, err
		}
		left -= int64(len(p))
		payloads = append(payloads, p)
	}
	if n, _ := io.ReadFull(r, make([]byte, 1)); n != 0 {
		return h, nil, fmt.Errorf("%w: bytes after the last table", errFrame)
	}
	return h, payloads, nil
}
