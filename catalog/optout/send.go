package optout

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/gatehouse-tre/gatehouse"
)

// send brings a check's request to the service, from wherever it stopped.
func (s *Service) send(ctx context.Context, actor gatehouse.Principal, c Check) (Check, error) {
	f, err := os.Open(filepath.Join(s.folder(c.ID), requestFile))
	if err != nil {
		return c, storageFailure(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return c, storageFailure(err)
	}
	request := chunked{f, info.Size(), s.chunkBytes()}
	if c.State != StatePrepared {
		if c, err = s.resume(ctx, actor, c); err != nil {
			return c, err
		}
	}
	if c.State == StatePrepared {
		if c, err = s.begin(ctx, actor, c, request); err != nil {
			return c, err
		}
	}
	if c.State != StateUploading {
		return c, nil
	}
	for n := 2; n <= request.chunks(); n++ {
		chunk, err := request.chunk(n)
		if err != nil {
			return c, storageFailure(err)
		}
		if err := s.Mailbox.Continue(ctx, c.MessageID, n, request.chunks(), chunk); err != nil {
			return c, notReached("The request was sent in part.", err)
		}
	}
	return s.change(ctx, actor, c, StateAwaiting, "optouts.asked")
}

func (s *Service) chunkBytes() int {
	if s.ChunkBytes > 0 {
		return s.ChunkBytes
	}
	return DefaultChunkBytes
}

func notReached(what string, err error) error {
	return gatehouse.Errorf(gatehouse.CodeMailbox, "%s The check service's mailbox did not answer as it should.", what).Because(err)
}

// begin sends the first chunk. That it is about to is on record first: from then
// on only the service can say whether it has the message.
func (s *Service) begin(ctx context.Context, actor gatehouse.Principal, c Check, request chunked) (Check, error) {
	if err := s.Mailbox.Handshake(ctx); err != nil {
		return c, notReached("Nothing was sent.", err)
	}
	first, err := request.chunk(1)
	if err != nil {
		return c, storageFailure(err)
	}
	if c, err = s.change(ctx, actor, c, StateSending, ""); err != nil {
		return c, err
	}
	id, err := s.Mailbox.Begin(ctx, Header{To: s.To, Workflow: Workflow, LocalID: c.ID, Subject: c.ID, FileName: c.ID + ".dat"}, request.chunks(), first)
	switch {
	case errors.Is(err, ErrRefused):
		cause := err
		if c, err = s.refuse(ctx, actor, c, "the mailbox did not take the request"); err != nil {
			return c, err
		}
		return c, gatehouse.Errorf(gatehouse.CodeCheck, "The mailbox did not take the request.").Because(cause)
	case err != nil:
		return c, notReached("Whether the request arrived is not known; the next attempt asks.", err)
	}
	c.MessageID = id
	return s.change(ctx, actor, c, StateUploading, "")
}

// resume asks the service what became of a request whose sending was not
// confirmed to its end.
func (s *Service) resume(ctx context.Context, actor gatehouse.Principal, c Check) (Check, error) {
	t, err := s.Mailbox.Track(ctx, c.ID)
	switch {
	case errors.Is(err, ErrAmbiguous):
		if c, err = s.refuse(ctx, actor, c, "the service has several messages of its name"); err != nil {
			return c, err
		}
		return c, gatehouse.Errorf(gatehouse.CodeCheck, "The service has several messages under the name %s.", c.ID)
	case errors.Is(err, ErrUntracked) && c.State == StateSending:
		now, err := s.now(ctx)
		if err != nil {
			return c, err
		}
		if left := arrival - now.Sub(c.Sent); left > 0 {
			return c, gatehouse.Errorf(gatehouse.CodeMailbox, "Whether the request arrived is not known yet.").
				WithAdvice("Try again in a quarter of an hour: the service may still be taking it.")
		}
		return s.change(ctx, actor, c, StatePrepared, "")
	case err != nil:
		return c, notReached("What became of the request is not known.", err)
	case c.MessageID != "" && c.MessageID != t.ID:
		return c, notReached("The service tells of another message.", errors.New("tracking gave another message id"))
	case t.Failed:
		if c, err = s.refuse(ctx, actor, c, "the service could not deliver the request"); err != nil {
			return c, err
		}
		return c, gatehouse.Errorf(gatehouse.CodeCheck, "The service could not deliver the request.")
	}
	c.MessageID = t.ID
	if !t.Uploading {
		return s.change(ctx, actor, c, StateAwaiting, "optouts.asked")
	}
	if c.State == StateUploading {
		return c, nil
	}
	return s.change(ctx, actor, c, StateUploading, "")
}

// chunked is a file in chunks.
type chunked struct {
	f    io.ReaderAt
	size int64
	each int
}

func (r chunked) chunks() int { return int(max(1, (r.size+int64(r.each)-1)/int64(r.each))) }

func (r chunked) chunk(n int) ([]byte, error) {
	from := int64(n-1) * int64(r.each)
	b := make([]byte, min(int64(r.each), r.size-from))
	_, err := io.ReadFull(io.NewSectionReader(r.f, from, int64(len(b))), b)
	return b, err
}
